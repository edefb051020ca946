//! Java's plugins beside the native ones.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gantry_api::{ConnectorPlugin, Plugin, PluginInfo, PluginRegistry, Props};
use gantry_engine::PluginLoader;
use gantry_jvm_bridge::{DiscoveryMode, JavaPlugins, JavaSettings};

/// Kafka Connect's own plugins that are no connectors are in these packages. Ours do the same;
/// many archives carry Kafka's jars along without anybody wanting them.
const KAFKAS_OWN: [&str; 4] = [
    "org.apache.kafka.connect.json.",
    "org.apache.kafka.connect.converters.",
    "org.apache.kafka.connect.storage.",
    "org.apache.kafka.connect.transforms.",
];

/// The plugins of `plugin.path`.
#[derive(Clone, Debug)]
pub(crate) struct Java {
    pub(crate) plugins: Arc<JavaPlugins>,
    /// `gantry.prefer.native`; not set, native ones of Kafka's own win.
    prefer_native: Option<bool>,
    /// What was found when the worker's keys were read, for whoever asks first.
    found: Arc<Mutex<Option<PluginRegistry>>>,
}

impl Java {
    /// What the worker's keys say; `None` without `plugin.path`. Keys that are wrong are told of
    /// where all keys are checked.
    pub(crate) fn of(props: &Props, environment: &BTreeMap<String, String>) -> Option<Self> {
        let text =
            |key: &str| props.get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
        let paths: Vec<PathBuf> = text("plugin.path")?
            .split(',')
            .map(str::trim)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .collect();
        let options = text("gantry.jvm.options").unwrap_or_default();
        let settings = JavaSettings {
            java_home: text("gantry.java.home").map(PathBuf::from),
            environment_java_home: environment.get("JAVA_HOME").map(PathBuf::from),
            environment_path: environment.get("PATH").map(Into::into),
            options: options.split_whitespace().map(str::to_owned).collect(),
            dir: PathBuf::from(text("gantry.data.dir").unwrap_or("./gantry-data")).join("java"),
        };
        let mode = text("plugin.discovery").and_then(|mode| mode.parse().ok());
        let mode: DiscoveryMode = mode.unwrap_or_default();
        let prefer_native = text("gantry.prefer.native").map(|is| is.eq_ignore_ascii_case("true"));
        let plugins = Arc::new(JavaPlugins::new(settings, paths, mode));
        Some(Self { plugins, prefer_native, found: Arc::default() })
    }

    fn beside(&self, native: PluginRegistry) -> Result<PluginRegistry, String> {
        let mut all = PluginRegistry::default();
        self.plugins.register(&mut all).map_err(|error| error.message().to_owned())?;
        self.merge(&mut all.connectors, native.connectors, |plugin: &ConnectorPlugin| &plugin.info);
        self.merge(&mut all.converters, native.converters, info);
        self.merge(&mut all.header_converters, native.header_converters, info);
        self.merge(&mut all.transformations, native.transformations, info);
        self.merge(&mut all.predicates, native.predicates, info);
        self.merge(&mut all.config_providers, native.config_providers, info);
        self.merge(&mut all.override_policies, native.override_policies, info);
        Ok(all)
    }

    /// Of two plugins with one class, one is left.
    fn merge<T>(&self, java: &mut Vec<T>, native: Vec<T>, info: fn(&T) -> &PluginInfo) {
        let has = |list: &[T], class: &str| list.iter().any(|other| *info(other).class == *class);
        java.retain(|plugin| {
            let class = &info(plugin).class;
            let kafkas = KAFKAS_OWN.iter().any(|package| class.starts_with(package));
            !(self.prefer_native.unwrap_or(kafkas) && has(&native, class))
        });
        let rest: Vec<T> =
            native.into_iter().filter(|plugin| !has(java, &info(plugin).class)).collect();
        java.extend(rest);
    }

    /// The native plugins with Java's, which are not looked for again the first time that
    /// [`Java::loader`] is asked. Blocks.
    pub(crate) fn find(&self, native: PluginRegistry) -> Result<PluginRegistry, String> {
        let all = self.beside(native)?;
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(all.clone());
        Ok(all)
    }

    /// The same each time plugins are looked for. Where that fails, native ones are there.
    pub(crate) fn loader(self, native: PluginLoader) -> PluginLoader {
        PluginLoader::new(move || {
            let found = self.found.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(found) = found {
                return found;
            }
            self.beside(native.load()).unwrap_or_else(|error| {
                tracing::error!("Java plugins are left out: {error}");
                native.load()
            })
        })
    }
}

fn info<T: ?Sized>(plugin: &Plugin<T>) -> &PluginInfo {
    &plugin.info
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATAGEN: &str = "io.confluent.kafka.connect.datagen.DatagenConnector";
    const CAST: &str = "org.apache.kafka.connect.transforms.Cast$Value";
    const UNWRAP: &str = "io.debezium.transforms.ExtractNewRecordState";

    /// Of a class that is on `plugin.path` and native, the version of the one that runs.
    fn winner(prefer_native: Option<&str>, class: &str, is_on_path: bool) -> String {
        let dir = tempfile::tempdir().unwrap();
        let mut props = Props::from([
            ("plugin.path".to_owned(), dir.path().display().to_string()),
            ("gantry.data.dir".to_owned(), dir.path().display().to_string()),
        ]);
        props.extend(prefer_native.map(|is| ("gantry.prefer.native".to_owned(), is.to_owned())));
        let java = Java::of(&props, &BTreeMap::new()).unwrap();
        let plugin = |version| PluginInfo::new(class, "", Default::default).version(version);
        let mut all = if is_on_path { vec![plugin("java")] } else { Vec::new() };
        java.merge(&mut all, vec![plugin("native")], |plugin| plugin);
        let [one] = all.as_slice() else { panic!("{all:?}") };
        one.version.to_string()
    }

    #[test]
    fn native_plugins_stand_in_for_java_ones() {
        for (prefer_native, class, is_on_path, expected) in [
            (None, DATAGEN, false, "native"),
            (None, DATAGEN, true, "java"),
            (Some("false"), DATAGEN, true, "java"),
            (Some("true"), DATAGEN, true, "native"),
            (None, UNWRAP, false, "native"),
            (None, UNWRAP, true, "java"),
            (Some("true"), UNWRAP, true, "native"),
            (None, CAST, true, "native"),
            (Some("false"), CAST, true, "java"),
        ] {
            assert_eq!(winner(prefer_native, class, is_on_path), expected, "{class}");
        }
    }
}
