//! What the checks of a connector file look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_api::{ConnectorPlugin, PluginInfo, PluginRegistry, Props, Type};
use gantry_engine::validate_offline;
use gantry_model::config::infos::ConfigInfos;

use super::document::Document;
use super::run::Worker;

/// A transformation or predicate of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Stage<'a> {
    /// `transforms` or `predicates`
    pub(super) list: &'static str,
    pub(super) name: &'a str,
    /// `transforms.NAME.`
    pub(super) prefix: String,
    /// What its `type` says.
    pub(super) class: &'a str,
    /// The plugin, if it is there.
    pub(super) info: Option<&'a PluginInfo>,
}

impl Stage<'_> {
    /// One of its keys in full.
    pub(super) fn key(&self, own: &str) -> String {
        format!("{}{own}", self.prefix)
    }
    /// The simple name of its class without `$Key` and `$Value`, if it is there.
    pub(super) fn simple(&self) -> &str {
        let class = self.info.map_or("", |info| &*info.class);
        let simple = class.rsplit('.').next().unwrap_or_default();
        simple.split('$').next().unwrap_or_default()
    }
}

/// A connector file with what is known about it.
pub(super) struct Context<'a> {
    pub(super) document: &'a Document,
    pub(super) plugins: &'a Arc<PluginRegistry>,
    pub(super) worker: &'a Worker,
    /// The outcome of a validation.
    pub(super) infos: ConfigInfos,
    pub(super) connector: Option<&'a ConnectorPlugin>,
    pub(super) is_source: bool,
    /// Named in `transforms`, in order.
    pub(super) transforms: Vec<Stage<'a>>,
    /// Named in `predicates`, in order.
    pub(super) predicates: Vec<Stage<'a>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        document: &'a Document,
        plugins: &'a Arc<PluginRegistry>,
        worker: &'a Worker,
    ) -> Self {
        let connector = plugins.find_connector(document.text("connector.class"));
        let has_topics = ["topics", "topics.regex"].iter().any(|k| document.props.contains_key(*k));
        let transform = |class: &str| plugins.find_transformation(class).map(|plugin| &plugin.info);
        let predicate = |class: &str| plugins.find_predicate(class).map(|plugin| &plugin.info);
        // Blanks around the class have a rule of their own.
        let mut trimmed = document.props.clone();
        if let Some(class) = trimmed.get_mut("connector.class") {
            *class = class.trim().to_owned();
        }
        Self {
            document,
            plugins,
            worker,
            infos: validate_offline(plugins, &worker.props, &trimmed),
            connector,
            is_source: connector.map_or(!has_topics, ConnectorPlugin::is_source),
            transforms: stages(document, "transforms", transform),
            predicates: stages(document, "predicates", predicate),
        }
    }

    /// The types of all keys that have a definition.
    pub(super) fn types(&self) -> BTreeMap<&str, &str> {
        let definitions = self.infos.configs.iter().filter_map(|config| config.definition.as_ref());
        definitions.map(|key| (key.name.as_str(), key.type_.as_str())).collect()
    }

    /// Whether a key holds a secret by its definition.
    pub(super) fn is_password(&self, key: &str) -> bool {
        self.types().get(key) == Some(&Type::Password.as_str())
    }

    /// The class and the settings of a converter: the connector's, else the worker's.
    pub(super) fn converter(&self, key: &str) -> Option<(&str, Props)> {
        let source = match self.document.props.contains_key(key) {
            true => &self.document.props,
            false => &self.worker.props,
        };
        Some((source.get(key)?.trim(), behind(source, &format!("{key}."))))
    }

    /// The full class name of a converter, or what the file calls it.
    pub(super) fn converter_class(&self, key: &str) -> Option<String> {
        let (class, _) = self.converter(key)?;
        let plugin = self.plugins.find_converter(class);
        Some(plugin.map_or_else(|| class.to_owned(), |plugin| plugin.info.class.to_string()))
    }

    /// Whether the validation finds nothing wrong with the keys behind a prefix.
    pub(super) fn is_valid(&self, prefix: &str) -> bool {
        let values = self.infos.configs.iter().filter_map(|config| config.value.as_ref());
        values.filter(|value| value.name.starts_with(prefix)).all(|value| value.errors.is_empty())
    }
}

fn stages<'a>(
    document: &'a Document,
    list: &'static str,
    find: impl Fn(&str) -> Option<&'a PluginInfo>,
) -> Vec<Stage<'a>> {
    let stage = |name: &'a str| {
        let prefix = format!("{list}.{name}.");
        let class = document.text(&format!("{prefix}type"));
        Stage { list, name, info: find(class), prefix, class }
    };
    document.list(list).into_iter().map(stage).collect()
}

/// The properties behind a prefix, without it.
pub(super) fn behind(props: &Props, prefix: &str) -> Props {
    let own = props.iter().filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, value)));
    own.map(|(key, value)| (key.to_owned(), value.clone())).collect()
}
