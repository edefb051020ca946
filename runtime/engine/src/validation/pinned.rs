//! Several versions of one plugin: which of them a configuration gets.
//!
//! Where it does not ask for a version it gets the newest. Where it does, it gets the newest of
//! those that fit, and its plugins are narrowed to them: all that comes after looks for a class
//! and finds the right one. If none fits, all stay, so that the message can tell them.

use std::sync::Arc;

use gantry_api::model::config::NullableProps;
use gantry_api::{Plugin, PluginInfo, PluginRegistry};

use super::versions::{VersionRanges, compare};
use super::{PluginKind, given};
use crate::connector_config::{
    CONNECTOR_CLASS, CONNECTOR_VERSION, CONVERTERS, PREDICATES, TRANSFORMS, version_key_of,
};

/// What a key that ends so says is the version of a plugin.
const VERSION: &str = "plugin.version";

/// Newest first among plugins of one class, at the place of the first of them.
pub(crate) fn newest_first(registry: &mut PluginRegistry) {
    sort(&mut registry.connectors, |plugin| &plugin.info);
    sort(&mut registry.converters, |plugin| &plugin.info);
    sort(&mut registry.header_converters, |plugin| &plugin.info);
    sort(&mut registry.transformations, |plugin| &plugin.info);
    sort(&mut registry.predicates, |plugin| &plugin.info);
}

fn sort<T>(list: &mut [T], info: impl Fn(&T) -> &PluginInfo) {
    let classes: Vec<_> = list.iter().map(|plugin| info(plugin).class.clone()).collect();
    let first = |class: &str| classes.iter().position(|other| **other == *class);
    list.sort_by(|a, b| {
        let (a, b) = (info(a), info(b));
        first(&a.class).cmp(&first(&b.class)).then_with(|| compare(&b.version, &a.version))
    });
}

/// The plugins of which this configuration gets its own.
pub(crate) fn pinned(plugins: &Arc<PluginRegistry>, config: &NullableProps) -> Arc<PluginRegistry> {
    if !config.keys().any(|key| key.ends_with(VERSION)) {
        return Arc::clone(plugins);
    }
    let mut narrowed = PluginRegistry::clone(plugins);
    let pin = |class: &str, version: &str| {
        let wanted = VersionRanges::requirement(given(config, version)).ok().flatten()?;
        Some((given(config, class)?.trim().to_owned(), wanted))
    };
    if let Some((class, wanted)) = pin(CONNECTOR_CLASS, CONNECTOR_VERSION) {
        narrow(&mut narrowed.connectors, |plugin| &plugin.info, &class, &wanted);
    }
    for key in CONVERTERS {
        let Some((class, wanted)) = pin(key, &version_key_of(key)) else { continue };
        match PluginKind::of_converter(key) {
            PluginKind::HeaderConverter => {
                narrow_plugins(&mut narrowed.header_converters, &class, &wanted);
            }
            _ => narrow_plugins(&mut narrowed.converters, &class, &wanted),
        }
    }
    for key in config.keys() {
        let Some(prefix) = key.strip_suffix(VERSION) else { continue };
        let Some((class, wanted)) = pin(&format!("{prefix}type"), key) else { continue };
        let list = prefix.split('.').next().unwrap_or_default();
        match list {
            TRANSFORMS => narrow_plugins(&mut narrowed.transformations, &class, &wanted),
            PREDICATES => narrow_plugins(&mut narrowed.predicates, &class, &wanted),
            _ => {}
        }
    }
    Arc::new(narrowed)
}

/// The plugins with those of one class narrowed, whatever its kind.
pub(super) fn only(
    plugins: &Arc<PluginRegistry>,
    class: &str,
    wanted: &VersionRanges,
) -> Arc<PluginRegistry> {
    let mut narrowed = PluginRegistry::clone(plugins);
    narrow(&mut narrowed.connectors, |plugin| &plugin.info, class, wanted);
    narrow_plugins(&mut narrowed.converters, class, wanted);
    narrow_plugins(&mut narrowed.header_converters, class, wanted);
    narrow_plugins(&mut narrowed.transformations, class, wanted);
    narrow_plugins(&mut narrowed.predicates, class, wanted);
    Arc::new(narrowed)
}

fn narrow_plugins<T: ?Sized>(list: &mut Vec<Plugin<T>>, class: &str, wanted: &VersionRanges) {
    narrow(list, |plugin| &plugin.info, class, wanted);
}

/// Leaves of a class the versions that fit, if any does.
fn narrow<T>(
    list: &mut Vec<T>,
    info: impl Fn(&T) -> &PluginInfo,
    class: &str,
    wanted: &VersionRanges,
) {
    let fits = |plugin: &T| wanted.contain(&info(plugin).version);
    let named = |plugin: &T| info(plugin).answers_to(class);
    if list.iter().any(|plugin| named(plugin) && fits(plugin)) {
        list.retain(|plugin| !named(plugin) || fits(plugin));
    }
}

#[cfg(test)]
mod tests {
    use gantry_api::ConfigDef;

    use super::*;

    fn registry() -> Arc<PluginRegistry> {
        let mut registry = PluginRegistry::default();
        for (class, version) in
            [("a.One", "1.0"), ("b.Two", "1.0"), ("a.One", "2.10"), ("a.One", "2.9")]
        {
            let info = PluginInfo::new(class, "", ConfigDef::new).version(version);
            registry.predicate(Plugin::new(info, |_| Err(gantry_api::Error::connect("none"))));
        }
        newest_first(&mut registry);
        Arc::new(registry)
    }

    fn found(plugins: &PluginRegistry, class: &str) -> String {
        plugins.find_predicate(class).expect("there").info.version.to_string()
    }

    #[test]
    fn the_newest_is_taken_unless_another_is_asked_for() {
        let plugins = registry();
        assert_eq!(found(&plugins, "a.One"), "2.10");
        for (wanted, gets) in [("2.9", "2.9"), ("[1,2)", "1.0"), ("[2,3)", "2.10"), ("7", "2.10")] {
            let config = NullableProps::from([
                ("predicates.p.type".to_owned(), Some("One".to_owned())),
                ("predicates.p.plugin.version".to_owned(), Some(wanted.to_owned())),
            ]);
            let plugins = pinned(&plugins, &config);
            assert_eq!(
                (found(&plugins, "a.One"), found(&plugins, "b.Two")),
                (gets.into(), "1.0".into())
            );
        }
    }
}
