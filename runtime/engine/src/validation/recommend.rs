//! What the common keys say about the plugins that are there: classes and versions that fit, and
//! the version of the plugin that is taken by default.

use std::sync::Arc;

use gantry_api::model::config::{ClassLookup, ConfigData, ParsedConfig, Recommender};
use gantry_api::{ConfigDef, ConfigKey, PluginInfo, PluginRegistry, Props};

use crate::connector_config::{
    CONNECTOR_VERSION, HEADER_CONVERTER, KEY_CONVERTER, VALUE_CONVERTER, version_key_of,
};

/// What converts headers when neither the connector nor the worker says.
const DEFAULT_HEADER_CONVERTER: &str = "org.apache.kafka.connect.storage.SimpleHeaderConverter";

/// Values that are known before the configuration is.
struct Fixed {
    values: Vec<String>,
    visible: bool,
}

impl Recommender for Fixed {
    fn valid_values(&self, _name: &str, _config: &ParsedConfig) -> Vec<String> {
        self.values.clone()
    }
    fn visible(&self, _name: &str, _config: &ParsedConfig) -> bool {
        self.visible
    }
}

/// A key of a class, which recommends all classes of a kind.
pub(super) fn recommend_classes(key: ConfigKey, classes: Vec<String>) -> ConfigKey {
    key.recommender(Arc::new(Fixed { values: classes, visible: true }))
}

/// A key of a version: that of the plugin; without one, the key does not show.
pub(super) fn recommend_version(mut key: ConfigKey, plugin: Option<&PluginInfo>) -> ConfigKey {
    let version = plugin.map(|info| info.version.to_string());
    key.default = Some(version.clone().map_or(ConfigData::Null, ConfigData::String));
    let visible = version.is_some();
    key.recommender(Arc::new(Fixed { values: version.into_iter().collect(), visible }))
}

/// The classes of plugins, sorted.
pub(super) fn classes<'a>(plugins: impl Iterator<Item = &'a PluginInfo>) -> Vec<String> {
    let mut classes: Vec<String> = plugins.map(|info| info.class.to_string()).collect();
    classes.sort();
    classes
}

/// Finds the full class name of a plugin of any kind.
pub(super) fn lookup(plugins: &Arc<PluginRegistry>) -> ClassLookup {
    let plugins = Arc::clone(plugins);
    Arc::new(move |name| {
        let connector = plugins.find_connector(name).map(|plugin| &plugin.info);
        let info = connector
            .or_else(|| plugins.find_converter(name).map(|plugin| &plugin.info))
            .or_else(|| plugins.find_header_converter(name).map(|plugin| &plugin.info))
            .or_else(|| plugins.find_transformation(name).map(|plugin| &plugin.info))
            .or_else(|| plugins.find_predicate(name).map(|plugin| &plugin.info))?;
        Some(info.class.to_string())
    })
}

/// The converter of a key, for keys and values or for headers.
pub(crate) fn find_converter<'a>(
    plugins: &'a PluginRegistry,
    key: &str,
    class: &str,
) -> Option<&'a PluginInfo> {
    if key == HEADER_CONVERTER {
        plugins.find_header_converter(class).map(|plugin| &plugin.info)
    } else {
        plugins.find_converter(class).map(|plugin| &plugin.info)
    }
}

/// A definition whose connector version is that of the connector.
pub(super) fn with_connector_version(def: ConfigDef, connector: &PluginInfo) -> ConfigDef {
    match def.key(CONNECTOR_VERSION).cloned() {
        Some(key) => def.define(recommend_version(key, Some(connector))),
        None => def,
    }
}

/// A definition whose converters recommend those that are there, and their versions.
pub(super) fn with_converters(
    mut def: ConfigDef,
    plugins: &PluginRegistry,
    config: &Props,
) -> ConfigDef {
    for name in [KEY_CONVERTER, VALUE_CONVERTER, HEADER_CONVERTER] {
        let Some(mut key) = def.key(name).cloned() else { continue };
        if name == HEADER_CONVERTER && key.default == Some(ConfigData::Null) {
            key.default = Some(ConfigData::Class(DEFAULT_HEADER_CONVERTER.to_owned()));
        }
        let default = key.default.as_ref().and_then(ConfigData::to_display);
        let class = config.get(name).or(default.as_ref()).map(|class| class.trim());
        let info = class.and_then(|class| find_converter(plugins, name, class));
        let all = if name == HEADER_CONVERTER {
            classes(plugins.header_converters.iter().map(|plugin| &plugin.info))
        } else {
            classes(plugins.converters.iter().map(|plugin| &plugin.info))
        };
        def = def.define(recommend_classes(key, all));
        if let Some(key) = def.key(&version_key_of(name)).cloned() {
            def = def.define(recommend_version(key, info));
        }
    }
    def
}
