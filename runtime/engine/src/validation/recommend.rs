//! What the common keys say about the plugins that are there: classes and versions that fit, and
//! the version of the plugin that is taken by default.

use std::sync::Arc;

use gantry_api::model::config::{
    ClassLookup, ConfigData, NullableProps, ParsedConfig, Recommender,
};
use gantry_api::model::text::trim;
use gantry_api::{ConfigDef, ConfigKey, Error, PluginInfo, PluginRegistry, Validator};

use super::given;
use super::kinds::{PluginKind, find_any};
use crate::connector_config::{CONNECTOR_CLASS, CONNECTOR_VERSION, CONVERTERS, version_key_of};

/// What converts headers when neither the connector nor the worker says.
const DEFAULT_HEADER_CONVERTER: &str = "org.apache.kafka.connect.storage.SimpleHeaderConverter";

/// Classes that are known before the configuration is.
struct Classes(Vec<String>);

impl Recommender for Classes {
    fn valid_values(&self, _name: &str, _config: &ParsedConfig) -> Vec<String> {
        self.0.clone()
    }
    fn visible(&self, _name: &str, _config: &ParsedConfig) -> bool {
        true
    }
}

/// The version of the plugin that another key names.
struct Version<F> {
    /// The key of the class.
    of: String,
    find: F,
    /// Whether the version shows only where there is a class.
    hides: bool,
}

impl<F: Fn(&str) -> Option<PluginInfo> + Send + Sync> Recommender for Version<F> {
    fn valid_values(&self, _name: &str, config: &ParsedConfig) -> Vec<String> {
        let plugin = config.string(&self.of).and_then(&self.find);
        plugin.map(|info| info.version.to_string()).into_iter().collect()
    }
    fn visible(&self, _name: &str, config: &ParsedConfig) -> bool {
        !self.hides || config.string(&self.of).is_some()
    }
}

/// A key of a class, which recommends all classes of a kind.
pub(super) fn recommend_classes(
    key: ConfigKey,
    plugins: &PluginRegistry,
    kind: PluginKind,
) -> ConfigKey {
    key.recommender(Arc::new(Classes(kind.classes(plugins))))
}

/// A key of the version of a stage, whose class is in the key `of`. Its default is that of
/// `plugin`.
pub(super) fn stage_version(
    key: ConfigKey,
    plugins: &Arc<PluginRegistry>,
    kind: PluginKind,
    of: String,
    plugin: Option<&PluginInfo>,
) -> ConfigKey {
    let plugins = Arc::clone(plugins);
    let find = move |class: &str| kind.find(&plugins, class);
    with_default_version(key, plugin).recommender(Arc::new(Version { of, find, hides: false }))
}

fn with_default_version(mut key: ConfigKey, plugin: Option<&PluginInfo>) -> ConfigKey {
    let version = plugin.map(|info| ConfigData::String(info.version.to_string()));
    key.default = Some(version.unwrap_or(ConfigData::Null));
    key
}

/// Finds the full class name of a plugin of any kind. A class that has only nested ones is found,
/// too: what is said of it names them.
pub(super) fn lookup(plugins: &Arc<PluginRegistry>) -> ClassLookup {
    let plugins = Arc::clone(plugins);
    Arc::new(move |name| {
        let found = find_any(&plugins, name).map(|info| info.class.to_string());
        let is_outer = || !PluginKind::Transformation.nested(&plugins, name).is_empty();
        found.or_else(|| is_outer().then(|| name.to_owned()))
    })
}

/// A definition whose connector version is that of the connector.
pub(super) fn with_connector_version(
    def: ConfigDef,
    plugins: &Arc<PluginRegistry>,
    connector: &PluginInfo,
) -> ConfigDef {
    let Some(key) = def.key(CONNECTOR_VERSION).cloned() else { return def };
    let plugins = Arc::clone(plugins);
    let find = move |class: &str| plugins.find_connector(class).map(|plugin| plugin.info.clone());
    let version = Version { of: CONNECTOR_CLASS.to_owned(), find, hides: true };
    def.define(with_default_version(key, Some(connector)).recommender(Arc::new(version)))
}

/// A definition whose converters recommend those that are there, and their versions, and refuse
/// what is no converter.
pub(super) fn with_converters(
    mut def: ConfigDef,
    plugins: &Arc<PluginRegistry>,
    config: &NullableProps,
) -> ConfigDef {
    for name in CONVERTERS {
        let Some(mut key) = def.key(name).cloned() else { continue };
        let kind = PluginKind::of_converter(name);
        if kind == PluginKind::HeaderConverter && key.default == Some(ConfigData::Null) {
            key.default = Some(ConfigData::Class(DEFAULT_HEADER_CONVERTER.to_owned()));
        }
        let default = key.default.as_ref().and_then(ConfigData::to_display);
        let class = given(config, name).or(default.as_deref());
        let plugin = class.and_then(|class| kind.find(plugins, class));
        let is_kind = is_of_kind(plugins, kind);
        def = def.define(recommend_classes(key, plugins, kind).validator(is_kind));
        let version = version_key_of(name);
        if let Some(key) = def.key(&version).cloned() {
            let plugins = Arc::clone(plugins);
            let find = move |class: &str| kind.find(&plugins, class);
            let version = Version { of: name.to_owned(), find, hides: true };
            let key = with_default_version(key, plugin.as_ref());
            def = def.define(key.recommender(Arc::new(version)));
        }
    }
    def
}

/// Refuses classes that are there but of another kind.
fn is_of_kind(plugins: &Arc<PluginRegistry>, kind: PluginKind) -> Validator {
    let plugins = Arc::clone(plugins);
    Validator::custom(move |_, value| match value {
        ConfigData::Class(class) if kind.find(&plugins, trim(class)).is_none() => {
            Err(not_of_kind(kind, class))
        }
        _ => Ok(()),
    })
}

/// Java's words for a class of another kind.
pub(super) fn not_of_kind(kind: PluginKind, class: &str) -> Error {
    Error::config(format!(
        "Class class {class} does not implement the {} interface",
        kind.interface()
    ))
}
