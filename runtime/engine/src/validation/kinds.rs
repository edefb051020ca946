//! Kinds of plugins that a connector's configuration names.

use gantry_api::model::plugin::Plugin;
use gantry_api::{PluginInfo, PluginRegistry};

use crate::connector_config::HEADER_CONVERTER;

/// What a key that holds a class asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PluginKind {
    Converter,
    HeaderConverter,
    Transformation,
    Predicate,
}

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

/// The plugin of any kind that answers to a class name, connectors first.
pub(super) fn find_any(plugins: &PluginRegistry, class: &str) -> Option<PluginInfo> {
    let connector = plugins.find_connector(class).map(|plugin| plugin.info.clone());
    let kinds = [
        PluginKind::Converter,
        PluginKind::HeaderConverter,
        PluginKind::Transformation,
        PluginKind::Predicate,
    ];
    connector.or_else(|| kinds.into_iter().find_map(|kind| kind.find(plugins, class)))
}
