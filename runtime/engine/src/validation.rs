//! Validation of a connector's whole configuration: common keys, transformations, predicates,
//! converters, settings of Kafka's clients, and the connector's own keys and rules. What is judged
//! in which order, and which key a fault is reported at, is Kafka Connect's.

mod converters;
mod kinds;
mod overrides;
mod pinned;
mod recommend;
mod rules;
mod stages;
#[cfg(test)]
mod tests;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::model::config::infos::{ConfigInfos, ConfigKeyInfo};
use gantry_api::model::config::provider::substitute;
use gantry_api::model::config::{ConfigValue, HIDDEN, NullableProps};
use gantry_api::model::text::{sort_as_copied_hash_map, sort_as_hash_map};
use gantry_api::{ConfigDef, ConnectorPlugin, Error, PluginInfo, PluginRegistry, Props};
use tokio::sync::Semaphore;

use crate::config::WorkerConfig;
use crate::connector_config::{
    CONNECTOR_CLASS, CONNECTOR_VERSION, CONVERTERS, DLQ_TOPIC, TOPICS, TOPICS_REGEX,
    common_definition, sink_definition, source_definition, version_key_of,
};
use crate::error::HerderError;
use crate::herder::Herder;
use crate::providers::resolve;
pub(crate) use kinds::PluginKind;
pub(crate) use overrides::idle_overrides;
pub use overrides::{ClientOverridePolicy, ClientOverrides};
pub(crate) use pinned::newest_first;
pub(crate) use versions::VersionRanges;

/// Kafka Connect's words for a null.
const NULL_VALUE: &str = "Null value can not be supplied as the configuration value.";

/// The package of the connectors that Kafka Connect has on its class path.
const ON_CLASS_PATH: &str = "org.apache.kafka.connect.tools.";

/// Where a source keeps its offsets, if not where the worker does.
const OFFSETS_TOPIC: &str = "offsets.storage.topic";

/// The longest that plugins may take to judge one configuration: as long as Kafka Connect lets a
/// request wait.
const ASK_LIMIT: Duration = Duration::from_secs(90);
/// Configurations that are judged at the same time; one that hangs keeps its place.
const ASKING_MAX: usize = 32;

static ASKING: Semaphore = Semaphore::const_new(ASKING_MAX);

/// Findings by key.
type Findings = BTreeMap<String, ConfigValue>;

fn finding<'a>(findings: &'a mut Findings, key: &str) -> &'a mut ConfigValue {
    findings.entry(key.to_owned()).or_insert_with(|| ConfigValue::new(key))
}

fn add_error(findings: &mut Findings, key: &str, error: impl Into<String>) {
    finding(findings, key).errors.push(error.into());
}

/// The text of a key; `None` also where it is null.
fn given<'a>(config: &'a NullableProps, key: &str) -> Option<&'a str> {
    config.get(key)?.as_deref()
}

/// Kafka Connect's text for a plugin that is there in another version only. What it has on its
/// class path has one version only, and a class that is a plugin of two kinds is listed twice.
fn not_that_version(plugins: &PluginRegistry, info: &PluginInfo, wanted: &VersionRanges) -> String {
    let (class, version) = (&info.class, &info.version);
    if class.starts_with(ON_CLASS_PATH) {
        return format!(
            "Plugin {class} has version {version} which does not match the required version range \
             {wanted}"
        );
    }
    let there = kinds::versions(plugins, class).join(", ");
    format!(
        "Plugin {class} not found that matches the version range {wanted}, available versions: \
         [{there}]"
    )
}

impl Herder {
    /// The keys of a plugin of any kind. `version` is what is asked of its version.
    pub async fn plugin_config(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<Vec<ConfigKeyInfo>, HerderError> {
        let plugins = self.plugin_registry();
        let (name, version) = (name.to_owned(), version.map(str::to_owned));
        may_block(move || plugin_config(&plugins, &name, version.as_deref())).await
    }

    /// Validates a configuration. `Err` where it is so wrong that no finding can be reported.
    pub async fn validate(&self, config: &NullableProps) -> Result<ConfigInfos, HerderError> {
        self.judge(config).await?.map_err(|broken| HerderError::internal(broken.to_string()))
    }

    /// The inner error is what the connector has thrown.
    async fn judge(
        &self,
        config: &NullableProps,
    ) -> Result<Result<ConfigInfos, Error>, HerderError> {
        let filled = resolve(&without_nulls(config), &self.worker_config().config_providers).await;
        let resolved = with_nulls(filled.map_err(refused)?, config);
        let (plugins, worker) = (self.plugin_registry(), self.worker_config_shared());
        let config = config.clone();
        may_block(move || validate(&plugins, &worker, &resolved, &config)).await
    }

    /// The configuration without nulls if it is valid; `Err` is the text that refuses it.
    pub async fn check(&self, config: &NullableProps) -> Result<Props, HerderError> {
        verdict(&self.judge(config).await?.map_err(thrown)?)?;
        Ok(without_nulls(config))
    }

    /// The same for a configuration that has no nulls.
    pub(crate) async fn check_given(&self, config: &Props) -> Result<(), HerderError> {
        verdict(&self.judge(&nullable(config)).await?.map_err(thrown)?)
    }
}

/// What a connector has thrown, where Kafka Connect tells its message alone.
fn thrown(broken: Error) -> HerderError {
    HerderError::internal(broken.message())
}

/// Runs what asks plugins, which may take their time, where that holds up nobody.
async fn may_block<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, HerderError> + Send + 'static,
) -> Result<T, HerderError> {
    may_block_for(ASK_LIMIT, ask).await
}

async fn may_block_for<T: Send + 'static>(
    limit: Duration,
    ask: impl FnOnce() -> Result<T, HerderError> + Send + 'static,
) -> Result<T, HerderError> {
    let asked = async move {
        let place = ASKING.acquire().await;
        let asking = tokio::task::spawn_blocking(move || {
            let _place = place;
            ask()
        });
        asking.await.unwrap_or_else(|error| {
            Err(HerderError::internal(format!("a plugin broke off: {error}")))
        })
    };
    tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| {
        Err(HerderError::timeout(format!(
            "Request timed out. The plugins of this configuration did not say within {} s which \
             keys they have or what is wrong with them: look whether the servers that the \
             configuration names can be reached",
            limit.as_secs()
        )))
    })
}

/// A definition that could be had.
fn definition_from(info: &PluginInfo) -> Result<ConfigDef, Error> {
    let def = info.config_def();
    match def.fault() {
        Some(fault) => Err(fault.clone()),
        None => Ok(def),
    }
}

fn plugin_config(
    plugins: &Arc<PluginRegistry>,
    name: &str,
    version: Option<&str>,
) -> Result<Vec<ConfigKeyInfo>, HerderError> {
    let wanted = VersionRanges::requirement(version).map_err(|_| {
        let version = version.unwrap_or_default();
        HerderError::bad_request(format!("Invalid version specification: {version}"))
    })?;
    let other = |info: &PluginInfo| wanted.clone().filter(|w| !w.contain(&info.version));
    let narrowed = wanted.as_ref().map(|wanted| pinned::only(plugins, name, wanted));
    let plugins = narrowed.as_ref().unwrap_or(plugins);
    if let Some(connector) = plugins.find_connector(name) {
        if let Some(wanted) = other(&connector.info) {
            let text = not_that_version(plugins, &connector.info, &wanted);
            return Err(HerderError::bad_request(text));
        }
        // No worker's defaults here: what a connector inherits is no part of its keys.
        let none = Props::new();
        let common =
            if connector.is_source() { source_definition(&none) } else { sink_definition(&none) };
        let common = recommend::with_connector_version(common, plugins, &connector.info);
        let own = definition_from(&connector.info).map_err(thrown)?;
        let inherited = common.keys().filter(|key| own.key(&key.name).is_none());
        return Ok(own.keys().chain(inherited).map(ConfigKeyInfo::from).collect());
    }
    let info =
        kinds::find_any(plugins, name).ok_or_else(|| match kinds::is_without_keys(name) {
            true => HerderError::bad_request(format!(
                "Invalid plugin class {name}. Valid types are sink, source, converter, \
                     header_converter, transformation, predicate."
            )),
            false => HerderError::not_found(format!("Unknown plugin {name}.")),
        })?;
    if let Some(wanted) = other(&info) {
        let text = not_that_version(plugins, &info, &wanted);
        return Err(HerderError::bad_request(text));
    }
    Ok(definition_from(&info).map_err(thrown)?.keys().map(ConfigKeyInfo::from).collect())
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
    let mut matching: Vec<&ConnectorPlugin> =
        plugins.connectors.iter().filter(|plugin| plugin.info.answers_to(class)).collect();
    // Of several versions the first is the newest.
    matching.dedup_by(|other, first| other.info.class == first.info.class);
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
fn printed(config: &NullableProps, masked: bool) -> String {
    let shown = |value: &Option<String>| match value {
        None => "null".to_owned(),
        Some(_) if masked => HIDDEN.to_owned(),
        Some(text) => text.clone(),
    };
    let mut entries: Vec<(&String, &Option<String>)> = config.iter().collect();
    sort_as_copied_hash_map(&mut entries, |(key, _)| key);
    let entries: Vec<String> =
        entries.iter().map(|(key, value)| format!("{key}={}", shown(value))).collect();
    format!("{{{}}}", entries.join(", "))
}

/// The plugins of which a configuration gets its own, where there are several versions.
pub(crate) fn pinned_plugins(plugins: &Arc<PluginRegistry>, config: &Props) -> Arc<PluginRegistry> {
    pinned::pinned(plugins, &nullable(config))
}

/// The common keys of a connector, with those of its transformations and predicates.
pub(crate) fn definition_of(
    plugins: &Arc<PluginRegistry>,
    worker: &Props,
    plugin: &ConnectorPlugin,
    config: &Props,
) -> ConfigDef {
    definition(plugins, worker, ConnectorKind::Known(plugin), &nullable(config))
}

/// Validates a configuration; `Err` is the text that refuses it. Config providers may block.
pub(crate) fn check_blocking(
    plugins: &Arc<PluginRegistry>,
    worker: &WorkerConfig,
    config: &Props,
) -> Result<(), HerderError> {
    let filled = substitute(config, &worker.config_providers).map_err(refused)?;
    verdict(&validate(plugins, worker, &nullable(&filled), &nullable(config))?.map_err(thrown)?)
}

/// The text that refuses a configuration, if its findings do.
fn verdict(infos: &ConfigInfos) -> Result<(), HerderError> {
    if infos.error_count == 0 {
        return Ok(());
    }
    let values = infos.configs.iter().filter_map(|info| info.value.as_ref());
    let errors: Vec<&str> = values.flat_map(|value| &value.errors).map(String::as_str).collect();
    Err(HerderError::bad_request(format!(
        "Connector configuration is invalid and contains the following {} error(s):\n{}\nYou can \
         also find the above list of errors at the endpoint \
         `/connector-plugins/{{connectorType}}/config/validate`",
        infos.error_count,
        errors.join("\n")
    )))
}

fn validate(
    plugins: &Arc<PluginRegistry>,
    worker: &WorkerConfig,
    resolved: &NullableProps,
    config: &NullableProps,
) -> Result<Result<ConfigInfos, Error>, HerderError> {
    let class = given(resolved, CONNECTOR_CLASS).ok_or_else(|| {
        HerderError::bad_request(format!(
            "Connector config {} contains no connector type",
            printed(config, worker.mask_secrets)
        ))
    })?;
    let wanted = VersionRanges::requirement(given(resolved, CONNECTOR_VERSION))
        .map_err(HerderError::bad_request)?;
    let plugins = &pinned::pinned(plugins, resolved);
    let plugin = find_connector(plugins, class)?;
    if let Some(wanted) = wanted.filter(|wanted| !wanted.contain(&plugin.info.version)) {
        return Ok(Ok(judge_wrong_version(plugins, plugin, &wanted, resolved, config)));
    }
    // Kafka Connect breaks off at such a null, with a NullPointerException.
    let never_null = if plugin.is_source() { OFFSETS_TOPIC } else { DLQ_TOPIC };
    if config.get(never_null).is_some_and(Option::is_none) {
        return Err(HerderError::bad_request(format!(
            "Invalid value null for configuration {never_null}: name a topic, or leave the key out"
        )));
    }
    let overrides =
        worker.client_overrides.check(plugin.is_source(), &plugin.info.class, resolved, config)?;
    Ok(judge(plugins, worker, ConnectorKind::Known(plugin), resolved, config, Some(overrides)))
}

/// Validates a configuration where no worker runs, as tools do: `worker` has the worker's
/// properties, and variables of config providers stay as they are. A connector whose class is not
/// there is judged by the common keys alone: as a sink if it names topics, else as a source.
/// Settings of Kafka's clients are not judged.
pub fn validate_offline(
    plugins: &Arc<PluginRegistry>,
    worker: &Props,
    config: &Props,
) -> ConfigInfos {
    let class = config.get(CONNECTOR_CLASS).map_or("", String::as_str);
    let plugins = &pinned_plugins(plugins, config);
    let kind = match plugins.find_connector(class) {
        Some(plugin) => ConnectorKind::Known(plugin),
        None if config.contains_key(TOPICS) || config.contains_key(TOPICS_REGEX) => {
            ConnectorKind::UnknownSink
        }
        None => ConnectorKind::UnknownSource,
    };
    let worker = WorkerConfig { props: worker.clone(), ..WorkerConfig::new("") };
    let config = nullable(config);
    if let ConnectorKind::Known(plugin) = kind
        && let Ok(Some(wanted)) = VersionRanges::requirement(given(&config, CONNECTOR_VERSION))
        && !wanted.contain(&plugin.info.version)
    {
        return judge_wrong_version(plugins, plugin, &wanted, &config, &config);
    }
    let judged = judge(plugins, &worker, kind, &config, &config, None);
    judged.unwrap_or_else(|error| {
        // Nothing can be found out about the connector: what is common to all is judged.
        let unknown = match kind.is_source() {
            true => ConnectorKind::UnknownSource,
            false => ConnectorKind::UnknownSink,
        };
        tracing::debug!(%error, class, "the connector cannot be asked");
        judge(plugins, &worker, unknown, &config, &config, None).unwrap_or_default()
    })
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

/// Judges every key of a resolved configuration; `config` is the user's text, `overrides` what was
/// found about Kafka's clients; `None` where no worker runs and nobody may be asked.
fn judge(
    plugins: &Arc<PluginRegistry>,
    worker: &WorkerConfig,
    kind: ConnectorKind<'_>,
    resolved: &NullableProps,
    config: &NullableProps,
    overrides: Option<Vec<ConfigInfos>>,
) -> Result<ConfigInfos, Error> {
    let mut all = definition(plugins, &worker.props, kind, resolved);
    let mut findings = by_key(all.validate_nullable(resolved));
    let connector = kind.plugin().map(|plugin| (plugin, plugin.create()));
    let known = connector.as_ref().and_then(|(plugin, made)| Some((*plugin, made.as_ref().ok()?)));
    let known = known.map(|(plugin, connector)| (plugin, connector.as_ref()));
    rules::check(worker, kind.is_source(), known, resolved, &mut findings);
    mark_nulls(resolved, &mut findings);
    let converters = converters::check_converters(plugins, resolved, config, &mut findings);
    if let Some((plugin, connector)) = connector {
        let own = definition_from(&plugin.info)?;
        let mut own_findings = own.validate_nullable(resolved);
        match connector {
            Ok(connector) if overrides.is_none() => {
                connector.validate_offline(&without_nulls(resolved), &mut own_findings)?;
            }
            Ok(connector) => connector.validate(&without_nulls(resolved), &mut own_findings)?,
            Err(error) => add_error(&mut findings, CONNECTOR_CLASS, error.message()),
        }
        all = own.keys().cloned().fold(all, ConfigDef::define);
        // Of two findings about one key the connector's own counts.
        findings.extend(by_key(own_findings));
    }
    Ok(infos(&all, findings, resolved, config)
        .merge(overrides.unwrap_or_default())
        .merge(converters))
}

/// What is said of a connector that is there in another version only.
fn judge_wrong_version(
    plugins: &Arc<PluginRegistry>,
    plugin: &ConnectorPlugin,
    wanted: &VersionRanges,
    resolved: &NullableProps,
    config: &NullableProps,
) -> ConfigInfos {
    let common = common_definition(&Props::new());
    let common = recommend::with_connector_version(common, plugins, &plugin.info);
    let mut findings = by_key(common.validate_nullable(resolved));
    // No converter is looked for: without one, its version does not show.
    for converter in CONVERTERS.iter().filter(|name| given(resolved, name).is_none()) {
        finding(&mut findings, &version_key_of(converter)).visible = false;
    }
    let text = not_that_version(plugins, &plugin.info, wanted);
    add_error(&mut findings, CONNECTOR_CLASS, text.clone());
    add_error(&mut findings, CONNECTOR_VERSION, text);
    mark_nulls(resolved, &mut findings);
    infos(&common, findings, resolved, config)
}

fn by_key(findings: Vec<ConfigValue>) -> Findings {
    findings.into_iter().map(|finding| (finding.name.clone(), finding)).collect()
}

/// The common keys with those of the named transformations and predicates. Keys of topic
/// creation groups are no part of it: they are judged when the connector starts.
fn definition(
    plugins: &Arc<PluginRegistry>,
    worker: &Props,
    kind: ConnectorKind<'_>,
    config: &NullableProps,
) -> ConfigDef {
    let mut def =
        if kind.is_source() { source_definition(worker) } else { sink_definition(worker) };
    if let Some(plugin) = kind.plugin() {
        def = recommend::with_connector_version(def, plugins, &plugin.info);
    }
    let def = recommend::with_converters(def, plugins, config);
    stages::embed_stages(def, plugins, config).with_classes(recommend::lookup(plugins))
}

/// As in Kafka Connect, a provider that fails ends the validation.
fn refused(error: gantry_api::Error) -> HerderError {
    HerderError::config(error.message())
}

/// A configuration whose variables are filled in, with the nulls that it had.
fn with_nulls(filled: Props, config: &NullableProps) -> NullableProps {
    let nulls = config.iter().filter(|(_, value)| value.is_none());
    let given = filled.into_iter().map(|(key, value)| (key, Some(value)));
    given.chain(nulls.map(|(key, _)| (key.clone(), None))).collect()
}

/// A configuration without nulls, as validation takes it.
fn nullable(config: &Props) -> NullableProps {
    config.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect()
}

fn without_nulls(config: &NullableProps) -> Props {
    config.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect()
}

fn mark_nulls(config: &NullableProps, findings: &mut Findings) {
    for (key, _) in config.iter().filter(|(_, value)| value.is_none()) {
        add_error(findings, key, NULL_VALUE);
    }
}

/// Puts the user's text in place of what a config provider made of it: it may be a secret.
fn show_as_given(finding: &mut ConfigValue, config: &NullableProps) {
    if let Some(text) = given(config, &finding.name)
        && text.contains("${")
        && finding.value.is_some()
    {
        finding.value = Some(text.to_owned());
    }
}

/// Findings that no key has, as Java meets them, then those of the keys in their order.
fn infos(
    def: &ConfigDef,
    findings: Findings,
    resolved: &NullableProps,
    config: &NullableProps,
) -> ConfigInfos {
    let class = given(resolved, CONNECTOR_CLASS).unwrap_or_default();
    let mut all: Vec<ConfigValue> = findings.into_values().collect();
    sort_as_hash_map(&mut all, |finding| &finding.name);
    for finding in &mut all {
        show_as_given(finding, config);
    }
    ConfigInfos::new(class, def, all, def.groups().to_vec())
}
