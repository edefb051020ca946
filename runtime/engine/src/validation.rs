//! Validation of a connector's whole configuration: common keys, transformations, predicates,
//! converters, and the connector's own keys and rules.

mod embedded;
mod recommend;
#[cfg(test)]
mod tests;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_api::model::config::infos::{ConfigInfos, ConfigKeyInfo};
use gantry_api::model::config::provider::substitute;
use gantry_api::model::config::{ConfigValue, HIDDEN};
use gantry_api::{ConfigDef, ConnectorPlugin, PluginInfo, PluginRegistry, Props};

use crate::config::WorkerConfig;
use crate::connector_config::{
    CONNECTOR_CLASS, DLQ_TOPIC, TOPICS, TOPICS_REGEX, sink_definition, source_definition,
};
use crate::error::HerderError;
use crate::herder::Herder;
pub(crate) use recommend::find_converter;

/// Findings by key.
type Findings = BTreeMap<String, ConfigValue>;

fn add_error(findings: &mut Findings, key: &str, error: impl Into<String>) {
    findings
        .entry(key.to_owned())
        .or_insert_with(|| ConfigValue::new(key))
        .errors
        .push(error.into());
}

impl Herder {
    /// The keys of a plugin of any kind.
    pub fn plugin_config(&self, name: &str) -> Result<Vec<ConfigKeyInfo>, HerderError> {
        let plugins = self.plugin_registry();
        if let Some(connector) = plugins.find_connector(name) {
            // No worker's defaults here: what a connector inherits is no part of its keys.
            let none = Props::new();
            let common = if connector.is_source() {
                source_definition(&none)
            } else {
                sink_definition(&none)
            };
            let common = recommend::with_connector_version(common, &connector.info);
            let own = connector.info.config_def();
            return Ok(own.keys().chain(common.keys()).map(ConfigKeyInfo::from).collect());
        }
        let info: Option<&PluginInfo> = plugins
            .find_converter(name)
            .map(|plugin| &plugin.info)
            .or_else(|| plugins.find_header_converter(name).map(|plugin| &plugin.info))
            .or_else(|| plugins.find_transformation(name).map(|plugin| &plugin.info))
            .or_else(|| plugins.find_predicate(name).map(|plugin| &plugin.info));
        let info = info.ok_or_else(|| HerderError::not_found(format!("Unknown plugin {name}.")))?;
        Ok(info.config_def().keys().map(ConfigKeyInfo::from).collect())
    }

    /// Validates a configuration for the plugin that the request names.
    pub fn validate(&self, plugin: &str, config: Props) -> Result<ConfigInfos, HerderError> {
        let class = config.get(CONNECTOR_CLASS).cloned().ok_or_else(|| {
            HerderError::bad_request(format!(
                "Connector config {} contains no connector type",
                printed(&config, self.worker_config().mask_secrets)
            ))
        })?;
        let plugins = self.plugin_registry();
        let requested = plugins.find_connector(plugin);
        let included = plugins.find_connector(class.trim());
        let same = match (requested, included) {
            (Some(a), Some(b)) => a.info.class == b.info.class,
            _ => plugin == class,
        };
        if !same {
            return Err(HerderError::bad_request(format!(
                "Included connector type {class} does not match request type {plugin}"
            )));
        }
        findings(&plugins, self.worker_config(), &config)
    }
}

/// The connector plugin that a class name stands for: its full name, or its simple name with or
/// without `Connector`.
pub(crate) fn find_connector<'a>(
    plugins: &'a PluginRegistry,
    class: &str,
) -> Result<&'a ConnectorPlugin, HerderError> {
    let exact = plugins.connectors.iter().find(|plugin| &*plugin.info.class == class);
    if let Some(plugin) = exact {
        return Ok(plugin);
    }
    let matching: Vec<&ConnectorPlugin> =
        plugins.connectors.iter().filter(|plugin| plugin.info.answers_to(class)).collect();
    match matching.as_slice() {
        [plugin] => Ok(plugin),
        [] => Err(HerderError::bad_request(format!(
            "org.apache.kafka.connect.errors.ConnectException: Failed to find any class that \
             implements Connector and which name matches {class}, available connectors are: {}",
            described(plugins.connectors.iter())
        ))),
        several => Err(HerderError::bad_request(format!(
            "org.apache.kafka.connect.errors.ConnectException: More than one connector matches \
             alias {class}. Please use full package and class name instead. Classes found: {}",
            described(several.iter().copied())
        ))),
    }
}

fn described<'a>(plugins: impl Iterator<Item = &'a ConnectorPlugin>) -> String {
    plugins.map(|plugin| format!("{:?}", plugin.info)).collect::<Vec<_>>().join(", ")
}

/// A configuration as Java prints a map. Which of its keys are secret only its class would tell:
/// where secrets are masked, all values are.
fn printed(config: &Props, masked: bool) -> String {
    let shown = |value: &str| if masked { HIDDEN } else { value }.to_owned();
    let entries: Vec<String> =
        config.iter().map(|(key, value)| format!("{key}={}", shown(value))).collect();
    format!("{{{}}}", entries.join(", "))
}

/// The common keys of a connector, with those of its transformations and predicates.
pub(crate) fn definition_of(
    plugins: &Arc<PluginRegistry>,
    worker: &Props,
    plugin: &ConnectorPlugin,
    config: &Props,
) -> ConfigDef {
    common_definition(plugins, worker, ConnectorKind::Known(plugin), config)
}

/// Validates a configuration; `Err` is the text that refuses it.
pub(crate) fn check(
    plugins: &Arc<PluginRegistry>,
    worker: &WorkerConfig,
    config: &Props,
) -> Result<(), HerderError> {
    if !config.contains_key(CONNECTOR_CLASS) {
        return Err(HerderError::bad_request(format!(
            "Connector config {} contains no connector type",
            printed(config, worker.mask_secrets)
        )));
    }
    let infos = findings(plugins, worker, config)?;
    if infos.error_count == 0 {
        return Ok(());
    }
    let errors: Vec<&str> = infos
        .configs
        .iter()
        .flat_map(|info| info.value.iter().flat_map(|value| &value.errors).map(String::as_str))
        .collect();
    Err(HerderError::bad_request(format!(
        "Connector configuration is invalid and contains the following {} error(s):\n{}\nYou \
         can also find the above list of errors at the endpoint \
         `/connector-plugins/{{connectorType}}/config/validate`",
        errors.len(),
        errors.join("\n")
    )))
}

fn findings(
    plugins: &Arc<PluginRegistry>,
    worker: &WorkerConfig,
    config: &Props,
) -> Result<ConfigInfos, HerderError> {
    let class = config.get(CONNECTOR_CLASS).map_or("", String::as_str);
    let plugin = find_connector(plugins, class)?;
    let resolved = substitute(config, &worker.config_providers)
        .map_err(|error| HerderError::bad_request(error.to_string()))?;
    let kind = ConnectorKind::Known(plugin);
    Ok(judge(plugins, &worker.props, kind, &resolved, config))
}

/// Validates a configuration where no worker runs, as tools do: `worker` has the worker's
/// properties, and variables of config providers stay as they are. A connector whose class is not
/// there is judged by the common keys alone: as a sink if it names topics, else as a source.
pub fn validate_offline(
    plugins: &Arc<PluginRegistry>,
    worker: &Props,
    config: &Props,
) -> ConfigInfos {
    let class = config.get(CONNECTOR_CLASS).map_or("", String::as_str);
    let kind = match plugins.find_connector(class) {
        Some(plugin) => ConnectorKind::Known(plugin),
        None if config.contains_key(TOPICS) || config.contains_key(TOPICS_REGEX) => {
            ConnectorKind::UnknownSink
        }
        None => ConnectorKind::UnknownSource,
    };
    judge(plugins, worker, kind, config, config)
}

/// What a configuration is for.
#[derive(Clone, Copy)]
enum ConnectorKind<'a> {
    Known(&'a ConnectorPlugin),
    UnknownSource,
    UnknownSink,
}

impl<'a> ConnectorKind<'a> {
    fn plugin(self) -> Option<&'a ConnectorPlugin> {
        match self {
            Self::Known(plugin) => Some(plugin),
            Self::UnknownSource | Self::UnknownSink => None,
        }
    }
    fn is_source(self) -> bool {
        match self {
            Self::Known(plugin) => plugin.is_source(),
            Self::UnknownSource => true,
            Self::UnknownSink => false,
        }
    }
}

/// Judges every key of a resolved configuration; `config` is the user's text.
fn judge(
    plugins: &Arc<PluginRegistry>,
    worker: &Props,
    kind: ConnectorKind<'_>,
    resolved: &Props,
    config: &Props,
) -> ConfigInfos {
    let common = common_definition(plugins, worker, kind, resolved);
    let mut findings: Findings = common
        .validate(resolved)
        .into_iter()
        .map(|finding| (finding.name.clone(), finding))
        .collect();
    if !kind.is_source() {
        check_topics(resolved, &mut findings);
    }
    embedded::check_stages(plugins, resolved, &mut findings);
    let mut own_findings = Vec::new();
    let mut all = common;
    if let Some(plugin) = kind.plugin() {
        embedded::check_connector_version(resolved, &plugin.info, &mut findings);
        let own = plugin.info.config_def();
        own_findings = own.validate(resolved);
        match plugin.create() {
            Ok(connector) => connector.validate(resolved, &mut own_findings),
            Err(error) => add_error(&mut findings, CONNECTOR_CLASS, error.message()),
        }
        for key in own.keys() {
            all = all.define(key.clone());
        }
    }
    let converters = embedded::check_converters(plugins, resolved, config, &mut findings);
    let class = config.get(CONNECTOR_CLASS).map_or("", String::as_str);
    merge(class, &all, findings, own_findings, config).merge(converters)
}

/// The common keys with those of the named transformations and predicates. Keys of topic
/// creation groups are no part of it: they are judged when the connector starts.
fn common_definition(
    plugins: &Arc<PluginRegistry>,
    worker: &Props,
    kind: ConnectorKind<'_>,
    config: &Props,
) -> ConfigDef {
    let mut def =
        if kind.is_source() { source_definition(worker) } else { sink_definition(worker) };
    if let Some(plugin) = kind.plugin() {
        def = recommend::with_connector_version(def, &plugin.info);
    }
    let def = recommend::with_converters(def, plugins, config);
    embedded::embed_stages(def, plugins, config).with_classes(recommend::lookup(plugins))
}

/// Puts the user's text in place of what a config provider made of it: it may be a secret.
fn show_as_given(finding: &mut ConfigValue, config: &Props) {
    if let Some(text) = config.get(&finding.name)
        && text.contains("${")
        && finding.value.is_some()
    {
        finding.value = Some(text.clone());
    }
}

/// Findings in the order of the definition, the user's text in place of resolved secrets.
fn merge(
    class: &str,
    def: &ConfigDef,
    mut findings: Findings,
    own: Vec<ConfigValue>,
    config: &Props,
) -> ConfigInfos {
    for finding in own {
        match findings.get_mut(&finding.name) {
            Some(known) => known.errors.extend(finding.errors),
            None => {
                findings.insert(finding.name.clone(), finding);
            }
        }
    }
    let mut ordered = Vec::with_capacity(findings.len());
    for key in def.keys() {
        if let Some(finding) = findings.remove(&key.name) {
            ordered.push(finding);
        }
    }
    ordered.extend(findings.into_values());
    for finding in &mut ordered {
        show_as_given(finding, config);
    }
    ConfigInfos::new(class, def, ordered, def.groups().to_vec())
}

fn check_topics(config: &Props, findings: &mut Findings) {
    let given = |key: &str| config.get(key).map(|text| text.trim()).unwrap_or_default();
    let (topics, regex) = (given(TOPICS), given(TOPICS_REGEX));
    let both = |findings: &mut Findings, text: &str| {
        add_error(findings, TOPICS, text);
        add_error(findings, TOPICS_REGEX, text);
    };
    match (topics.is_empty(), regex.is_empty()) {
        (true, true) => both(findings, "Must configure one of topics or topics.regex"),
        (false, false) => both(
            findings,
            "topics and topics.regex are mutually exclusive options, but both are set.",
        ),
        _ => {}
    }
    let dlq = given(DLQ_TOPIC);
    if dlq.is_empty() {
        return;
    }
    let list: Vec<&str> = topics.split(',').map(str::trim).collect();
    if list.contains(&dlq) {
        add_error(
            findings,
            TOPICS,
            format!(
                "The DLQ topic '{dlq}' may not be included in the list of topics \
                 ('topics=[{}]') consumed by the connector",
                list.join(", ")
            ),
        );
    }
    if !regex.is_empty()
        && gantry_api::model::regex::JavaPattern::compile(regex).is_ok_and(|p| p.matches(dlq))
    {
        add_error(
            findings,
            TOPICS_REGEX,
            format!(
                "The DLQ topic '{dlq}' may not be included in the regex matching the topics \
                 ('topics.regex={regex}') consumed by the connector"
            ),
        );
    }
}
