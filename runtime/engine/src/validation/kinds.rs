//! Kinds of plugins that a connector's configuration names.

use gantry_api::model::plugin::Plugin;
use gantry_api::{PluginInfo, PluginRegistry};

use super::versions::compare;
use crate::connector_config::HEADER_CONVERTER;

/// What a key that holds a class asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PluginKind {
    Converter,
    HeaderConverter,
    Transformation,
    Predicate,
}

const KINDS: [PluginKind; 4] = [
    PluginKind::Converter,
    PluginKind::HeaderConverter,
    PluginKind::Transformation,
    PluginKind::Predicate,
];

impl PluginKind {
    /// The kind of a converter key.
    pub(crate) fn of_converter(key: &str) -> Self {
        if key == HEADER_CONVERTER { Self::HeaderConverter } else { Self::Converter }
    }

    /// The simple name of its Java interface.
    pub(super) fn interface(self) -> &'static str {
        match self {
            Self::Converter => "Converter",
            Self::HeaderConverter => "HeaderConverter",
            Self::Transformation => "Transformation",
            Self::Predicate => "Predicate",
        }
    }

    /// The plugin that answers to a class name.
    pub(crate) fn find(self, plugins: &PluginRegistry, class: &str) -> Option<PluginInfo> {
        let named = |info: &&PluginInfo| info.answers_to(class);
        self.infos(plugins).into_iter().find(named).cloned()
    }

    /// All classes of the kind, sorted.
    pub(super) fn classes(self, plugins: &PluginRegistry) -> Vec<String> {
        let infos = self.infos(plugins).into_iter();
        let mut classes: Vec<String> = infos.map(|info| info.class.to_string()).collect();
        classes.sort();
        classes
    }

    /// The nested classes of a class that is none itself, as `Cast$Key` and `Cast$Value` are of
    /// `Cast`; sorted.
    pub(super) fn nested(self, plugins: &PluginRegistry, class: &str) -> Vec<String> {
        let mut classes = self.classes(plugins);
        classes
            .retain(|nested| nested.strip_prefix(class).is_some_and(|rest| rest.starts_with('$')));
        classes
    }

    fn infos(self, plugins: &PluginRegistry) -> Vec<&PluginInfo> {
        fn of<T: ?Sized>(plugins: &[Plugin<T>]) -> Vec<&PluginInfo> {
            plugins.iter().map(|plugin| &plugin.info).collect()
        }
        match self {
            Self::Converter => of(&plugins.converters),
            Self::HeaderConverter => of(&plugins.header_converters),
            Self::Transformation => of(&plugins.transformations),
            Self::Predicate => of(&plugins.predicates),
        }
    }
}

/// Kafka's plugins of which no keys can be asked: `PACKAGE.NAMESUFFIX` answers to its full name,
/// to `NAMESUFFIX` and, where it is short, to `NAME`.
const WITHOUT_KEYS: [(&str, &str, &[&str]); 2] = [
    (
        "org.apache.kafka.common.config.provider.",
        "ConfigProvider",
        &["Directory", "EnvVar", "File"],
    ),
    (
        "org.apache.kafka.connect.connector.policy.",
        "ConnectorClientConfigOverridePolicy",
        &["All", "Allowlist", "None", "Principal"],
    ),
];

const BASIC_AUTH: [&str; 2] = [
    "BasicAuthSecurityRestExtension",
    "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension",
];

/// Whether a class is a plugin of a kind that has no keys to show.
pub(super) fn is_without_keys(class: &str) -> bool {
    let is_one = |&(package, suffix, names): &(&str, &str, &[&str])| {
        let simple = class.strip_prefix(package).unwrap_or(class);
        let short = simple.strip_suffix(suffix);
        // With its package a class is named in full.
        let name = if simple.len() < class.len() { short } else { short.or(Some(simple)) };
        name.is_some_and(|name| names.contains(&name))
    };
    BASIC_AUTH.contains(&class) || WITHOUT_KEYS.iter().any(is_one)
}

/// The versions of a class, the oldest first; one that is a plugin of two kinds tells it twice.
pub(super) fn versions<'a>(plugins: &'a PluginRegistry, class: &str) -> Vec<&'a str> {
    let connectors = plugins.connectors.iter().map(|plugin| &plugin.info);
    let all = connectors.chain(KINDS.into_iter().flat_map(|kind| kind.infos(plugins)));
    let mut versions: Vec<&str> =
        all.filter(|info| &*info.class == class).map(|info| &*info.version).collect();
    versions.sort_by(|a, b| compare(a, b));
    versions
}

/// The plugin of any kind that answers to a class name, connectors first.
pub(super) fn find_any(plugins: &PluginRegistry, class: &str) -> Option<PluginInfo> {
    let connector = plugins.find_connector(class).map(|plugin| plugin.info.clone());
    connector.or_else(|| KINDS.into_iter().find_map(|kind| kind.find(plugins, class)))
}
