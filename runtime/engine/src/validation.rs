//! Validation of a connector's whole configuration: common keys, transformations, predicates,
//! converters, and the connector's own keys and rules.

mod embedded;

use std::collections::BTreeMap;

use gantry_api::model::config::ConfigValue;
use gantry_api::model::config::infos::{ConfigInfos, ConfigKeyInfo};
use gantry_api::{ConfigDef, ConnectorPlugin, PluginInfo, Props};

use crate::connector_config::{
    CONNECTOR_CLASS, DLQ_TOPIC, TOPICS, TOPICS_REGEX, embed_topic_creation, sink_definition,
    source_definition, stages,
};
use crate::error::HerderError;
use crate::herder::Herder;

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
        let connector = plugins.find_connector(name).map(|plugin| &plugin.info);
        let info: Option<&PluginInfo> = connector
            .or_else(|| plugins.find_converter(name).map(|plugin| &plugin.info))
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
                java_map(&config)
            ))
        })?;
        let requested = self.plugin_registry().find_connector(plugin);
        let included = self.plugin_registry().find_connector(class.trim());
        let same = match (requested, included) {
            (Some(a), Some(b)) => a.info.class == b.info.class,
            _ => plugin == class,
        };
        if !same {
            return Err(HerderError::bad_request(format!(
                "Included connector type {class} does not match request type {plugin}"
            )));
        }
        self.findings(&config)
    }

    /// Validates a configuration; `Err` is the text that refuses it.
    pub(crate) fn check(&self, config: &Props) -> Result<(), HerderError> {
        if !config.contains_key(CONNECTOR_CLASS) {
            return Err(HerderError::bad_request(format!(
                "Connector config {} contains no connector type",
                java_map(config)
            )));
        }
        let infos = self.findings(config)?;
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

    fn findings(&self, config: &Props) -> Result<ConfigInfos, HerderError> {
        let class = config.get(CONNECTOR_CLASS).map_or("", String::as_str);
        let plugin = self.find_plugin(class)?;
        let resolved =
            self.resolve(config).map_err(|error| HerderError::bad_request(error.to_string()))?;
        let common = self.common_definition(plugin, &resolved);
        let mut findings: Findings = common
            .validate(&resolved)
            .into_iter()
            .map(|finding| (finding.name.clone(), finding))
            .collect();
        if !plugin.is_source() {
            check_topics(&resolved, &mut findings);
        }
        embedded::check_stages(self.plugin_registry(), &resolved, &mut findings);
        embedded::check_converters(
            self.plugin_registry(),
            &resolved,
            &self.worker_config().props,
            &mut findings,
        );
        let own = plugin.info.config_def();
        let mut own_findings = own.validate(&resolved);
        match plugin.create() {
            Ok(connector) => connector.validate(&resolved, &mut own_findings),
            Err(error) => add_error(&mut findings, CONNECTOR_CLASS, error.message()),
        }
        let mut all = common;
        for key in own.keys() {
            all = all.define(key.clone());
        }
        Ok(merge(class, &all, findings, own_findings, config))
    }

    /// The common keys with those of the named transformations, predicates and groups.
    fn common_definition(&self, plugin: &ConnectorPlugin, config: &Props) -> ConfigDef {
        let worker = &self.worker_config().props;
        let plugins = self.plugin_registry();
        if plugin.is_source() {
            let def = embedded::embed_stages(source_definition(worker), plugins, config);
            let asked = config.keys().any(|key| key.starts_with("topic.creation."));
            if asked && self.worker_config().topic_creation_enable {
                let groups = stages(config, "topic.creation.groups");
                let groups: Vec<String> = groups.into_iter().map(str::to_owned).collect();
                embed_topic_creation(def, &groups)
            } else {
                def
            }
        } else {
            embedded::embed_stages(sink_definition(worker), plugins, config)
        }
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
        if let Some(text) = config.get(&finding.name)
            && text.contains("${")
            && finding.value.is_some()
        {
            finding.value = Some(text.clone());
        }
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

/// A map as Java prints it.
fn java_map(config: &Props) -> String {
    let entries: Vec<String> = config.iter().map(|(k, v)| format!("{k}={v}")).collect();
    format!("{{{}}}", entries.join(", "))
}
