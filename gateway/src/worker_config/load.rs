//! From a worker file to settings.

use std::collections::BTreeMap;
use std::path::Path;

use gantry_api::{PluginRegistry, Props};
use gantry_engine::{ClusterSettings, RestartPolicy, WorkerConfig};
use gantry_log::EmbeddedConfig;
use gantry_model::config::ParsedConfig;
use gantry_rocketmq::RocketmqConfig;

use super::client_keys::client_overrides;
use super::log_choice::{self, NAMESRV, NAMESRV_VARIABLES};
use super::registry::{self, RegistrySettings};
use super::rest::{self, RestSettings};
use super::row::Effect;
use super::table::{definition, is_known, nearest, row};
use super::{environment, jaas, providers, retired, table};
use crate::files::read_properties;
use crate::java::Java;
use crate::rocketmq_connect::{Translation, translate_worker, with_defaults};

/// What a worker file is without a worker file: this computer only, JSON without schemas.
const BUILT_IN: [(&str, &str); 5] = [
    ("listeners", "http://127.0.0.1:8083"),
    ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
    ("key.converter.schemas.enable", "false"),
    ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
    ("value.converter.schemas.enable", "false"),
];

/// Keys that a worker file must hold, as in Kafka. (`bootstrap.servers` and
/// `offset.storage.file.filename`, which Kafka wants as well, have no use here.)
const REQUIRED: [&str; 2] = ["key.converter", "value.converter"];

/// Keys that distributed mode requires besides, with an example of each.
const REQUIRED_DISTRIBUTED: [(&str, &str); 4] = [
    ("group.id", "connect-cluster"),
    ("config.storage.topic", "connect-configs"),
    ("offset.storage.topic", "connect-offsets"),
    ("status.storage.topic", "connect-status"),
];

/// Where connectors come from and how long they live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// From files and REST, as long as the process.
    Standalone,
    /// From REST, kept in the log.
    Distributed,
}

/// A worker file that cannot be used: names the file, the key, the value and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WorkerConfigError(pub(crate) String);

/// All that the worker file says, checked.
#[derive(Debug)]
pub(crate) struct Settings {
    /// For the engine. Its `worker_id` is set once the REST port is known.
    pub(crate) engine: WorkerConfig,
    /// For the embedded log.
    pub(crate) log: EmbeddedConfig,
    /// For the log on RocketMQ; `None`: topics are in the embedded log.
    pub(crate) rocketmq: Option<RocketmqConfig>,
    /// For the cluster that the worker takes part in, if it does. Its URL is set once the REST
    /// port is known.
    pub(crate) cluster: Option<ClusterSettings>,
    /// The topic that metrics are written to, if they are.
    pub(crate) metrics_topic: Option<String>,
    /// Milliseconds between two reports of metrics.
    pub(crate) metrics_interval_ms: u64,
    /// For the REST API.
    pub(crate) rest: RestSettings,
    /// For the schema registry, if there is one.
    pub(crate) registry: Option<RegistrySettings>,
    /// The plugins of `plugin.path`, if there is one.
    pub(crate) java: Option<Java>,
    /// To be logged at start-up.
    pub(crate) notices: Vec<String>,
    /// To be logged as warnings at start-up.
    pub(crate) warnings: Vec<String>,
}

/// The worker's properties without a worker file.
pub(crate) fn built_in() -> Props {
    BUILT_IN.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Where worker keys come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    /// Which keys are required.
    pub(crate) mode: Mode,
    /// The worker file; the built-in one if there is none.
    pub(crate) file: Option<&'a Path>,
    /// `CONNECT_*` variables lie over the file; Kafka's `KAFKA_OPTS` may name a JAAS file.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// Keys of the command line, on top of both.
    pub(crate) overrides: &'a [(String, String)],
}

/// Reads a worker file, or the built-in one, with what is given besides.
pub(crate) fn load(
    given: Given<'_>,
    plugins: &PluginRegistry,
) -> Result<Settings, WorkerConfigError> {
    let mut props = match given.file {
        Some(path) => read_properties(path).map_err(WorkerConfigError)?,
        None if given.mode == Mode::Distributed => Props::new(),
        None => built_in(),
    };
    let from_environment = environment::apply(&mut props, given.environment);
    let source = match (given.file, &from_environment) {
        (Some(path), _) => path.display().to_string(),
        (None, Some(_)) => "environment and command line".to_owned(),
        (None, None) => "the command line".to_owned(),
    };
    let wrong =
        |message: String| WorkerConfigError(format!("worker configuration ({source}): {message}"));
    let overrides = given.overrides.iter().cloned().collect();
    let mut translation = translate(&props, &overrides).map_err(wrong)?;
    if let Some(jaas) = given.environment.get("KAFKA_OPTS").and_then(|opts| jaas::named_in(opts)) {
        translation.config.entry("gantry.rest.jaas.config".to_owned()).or_insert(jaas);
    }
    let namesrv = NAMESRV_VARIABLES.iter().find_map(|name| given.environment.get(*name));
    if let Some(addresses) = namesrv {
        translation.config.entry(NAMESRV.to_owned()).or_insert_with(|| addresses.clone());
    }
    // A misspelt key is often why another one is missing: it is told with the error. So is what
    // a wrong value's key was called in the file.
    let hints: String = warnings(&translation.config)
        .into_iter()
        .chain(translation.summary())
        .map(|hint| format!("; {hint}"))
        .collect();
    let java = Java::of(&translation.config, given.environment);
    let plugins = match &java {
        Some(java) => &java.find(plugins.clone()).map_err(wrong)?,
        None => plugins,
    };
    let mut settings = settings(given.mode, translation.config.clone(), plugins)
        .map_err(|message| wrong(format!("{message}{hints}")))?;
    settings.java = java;
    settings.notices.extend(from_environment);
    settings.notices.splice(0..0, translation.summary());
    settings.warnings.splice(0..0, translation.warnings);
    Ok(settings)
}

/// Puts RocketMQ Connect's keys into ours, and the command line's over those of the file.
fn translate(file: &Props, overrides: &Props) -> Result<Translation, String> {
    let mut translation = with_defaults(translate_worker(file)?);
    let over = translate_worker(overrides)?;
    translation.config.extend(over.config);
    translation.mapped.extend(over.mapped);
    translation.warnings.extend(over.warnings);
    Ok(translation)
}

/// Checks properties. The error is a sentence without the file.
pub(crate) fn settings(
    mode: Mode,
    mut props: Props,
    plugins: &PluginRegistry,
) -> Result<Settings, String> {
    let providers = providers::create(&props, plugins)?;
    providers::resolve(&mut props, &providers)?;
    check_required(mode, &props)?;
    check_classes(&props, plugins)?;
    let parsed = parse(&props)?;
    let mut warnings = warnings(&props);
    let rest = rest::settings(&props, &parsed, &mut warnings)?;
    let registry = registry::settings(&props, &parsed, &rest)?;
    let mut engine = engine(mode, &parsed);
    let rocketmq = log_choice::rocketmq(&parsed)?;
    let cluster = log_choice::cluster(mode, &parsed)?;
    engine.status_storage_topic = cluster.as_ref().map(|cluster| cluster.status_topic.clone());
    if let Some(registry) = &registry {
        registry::check_topic(registry, &engine)?;
        engine.schema_registry_topic = Some(registry.topic.clone());
    }
    engine.config_providers = providers;
    engine.client_overrides = client_overrides(&parsed, &props, plugins)?;
    let settings = Settings {
        log: log(&parsed),
        rest,
        registry,
        notices: notices(mode, &props, rocketmq.as_ref()),
        rocketmq,
        cluster,
        java: None,
        metrics_topic: parsed
            .string("gantry.metrics.topic")
            .filter(|topic| !topic.is_empty())
            .map(str::to_owned),
        metrics_interval_ms: unsigned(&parsed, "gantry.metrics.interval.ms"),
        warnings,
        engine: WorkerConfig { props, ..engine },
    };
    Ok(settings)
}

fn check_required(mode: Mode, props: &Props) -> Result<(), String> {
    let converter = "org.apache.kafka.connect.json.JsonConverter";
    let converters = REQUIRED.map(|key| (key, converter));
    let distributed = match mode {
        Mode::Standalone => &[][..],
        Mode::Distributed => &REQUIRED_DISTRIBUTED,
    };
    for (required, example) in distributed.iter().chain(&converters) {
        if !props.contains_key(*required) {
            return Err(format!(
                "Missing required configuration \"{required}\" which has no default value. \
                 Add it, for example {required}={example}"
            ));
        }
    }
    check_distinct(distributed, props)
}

/// Each topic of the worker's own holds records of one kind.
fn check_distinct(keys: &[(&str, &str)], props: &Props) -> Result<(), String> {
    let topics: Vec<(&str, &str)> = keys
        .iter()
        .filter(|(key, _)| key.ends_with(".topic"))
        .filter_map(|(key, _)| Some((*key, props.get(*key)?.trim())))
        .collect();
    for (i, (key, topic)) in topics.iter().enumerate() {
        if let Some((other, _)) = topics[..i].iter().find(|(_, before)| before == topic) {
            return Err(format!(
                "Invalid value {topic} for configuration {key}: {other} names the same topic. \
                 Give each a topic of its own"
            ));
        }
    }
    Ok(())
}

/// Parses each key, so that the message can say what would be right.
fn parse(props: &Props) -> Result<ParsedConfig, String> {
    definition().parse(props).map_err(|error| {
        let message = error.message();
        let wrong = table::rows().find(|row| message.contains(&format!(" {}:", row.name)));
        match wrong {
            Some(row) => format!(
                "{message}. Write {}, or leave {} out for the default {}",
                row.allowed(),
                row.name,
                row.default_text()
            ),
            None => message.to_owned(),
        }
    })
}

fn check_classes(props: &Props, plugins: &PluginRegistry) -> Result<(), String> {
    for (key, header) in
        [("key.converter", false), ("value.converter", false), ("header.converter", true)]
    {
        let Some(class) = props.get(key).map(|class| class.trim()) else { continue };
        let (found, known) = if header {
            let known = plugins.header_converters.iter().map(|p| p.info.class.to_string());
            (plugins.find_header_converter(class).is_some(), known.collect::<Vec<_>>())
        } else {
            let known = plugins.converters.iter().map(|p| p.info.class.to_string());
            (plugins.find_converter(class).is_some(), known.collect())
        };
        if !found {
            return Err(format!(
                "Invalid value {class} for configuration {key}: Class {class} could not be found. \
                 Take one of {}",
                known.join(", ")
            ));
        }
    }
    Ok(())
}

/// A number of the table, whose checks keep it from being negative; 0 otherwise.
pub(super) fn unsigned(parsed: &ParsedConfig, key: &str) -> u64 {
    parsed.long(key).and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}

fn engine(mode: Mode, parsed: &ParsedConfig) -> WorkerConfig {
    let defaults = WorkerConfig::new("");
    let config_storage_topic = match mode {
        Mode::Standalone => None,
        Mode::Distributed => parsed.string("config.storage.topic").map(str::to_owned),
    };
    let offset_storage_topic = match parsed.string("offset.storage.topic") {
        Some(topic) if !topic.is_empty() => topic.to_owned(),
        _ => defaults.offset_storage_topic.clone(),
    };
    WorkerConfig {
        offset_flush_interval_ms: unsigned(parsed, "offset.flush.interval.ms"),
        offset_flush_timeout_ms: unsigned(parsed, "offset.flush.timeout.ms"),
        task_shutdown_graceful_timeout_ms: unsigned(parsed, "task.shutdown.graceful.timeout.ms"),
        topic_creation_enable: parsed.boolean("topic.creation.enable"),
        topic_tracking_enable: parsed.boolean("topic.tracking.enable"),
        topic_tracking_allow_reset: parsed.boolean("topic.tracking.allow.reset"),
        offset_storage_topic,
        config_storage_topic,
        default_topic_queues: u32::try_from(unsigned(parsed, "gantry.topic.queues")).unwrap_or(1),
        exactly_once_source: parsed
            .string("exactly.once.source.support")
            .is_some_and(|support| support.eq_ignore_ascii_case("enabled")),
        restart: RestartPolicy {
            max_restarts: u32::try_from(unsigned(parsed, "gantry.restart.max")).unwrap_or(u32::MAX),
            backoff_ms: unsigned(parsed, "gantry.restart.backoff.ms"),
            backoff_max_ms: unsigned(parsed, "gantry.restart.backoff.max.ms"),
        },
        mask_secrets: parsed.boolean("gantry.rest.mask.secrets"),
        task_buffer_bytes: usize::try_from(unsigned(parsed, "gantry.task.buffer.bytes"))
            .unwrap_or(usize::MAX),
        ..defaults
    }
}

fn log(parsed: &ParsedConfig) -> EmbeddedConfig {
    let limit = |key: &str| parsed.long(key).and_then(|number| u64::try_from(number).ok());
    let mut log = EmbeddedConfig::new(parsed.string("gantry.data.dir").unwrap_or("./gantry-data"));
    log.sync_interval_ms = unsigned(parsed, "gantry.log.sync.interval.ms");
    log.segment_bytes = unsigned(parsed, "gantry.log.segment.bytes");
    log.retention_ms = limit("gantry.log.retention.ms");
    log.retention_bytes = limit("gantry.log.retention.bytes");
    log
}

fn notices(mode: Mode, props: &Props, rocketmq: Option<&RocketmqConfig>) -> Vec<String> {
    let mut notices = Vec::new();
    let place = match rocketmq {
        Some(config) => {
            let servers = config.name_servers.join(";");
            notices.push(format!("topics are on the RocketMQ cluster of {servers} (gantry.log)"));
            "on RocketMQ"
        }
        None => "in the embedded log",
    };
    if mode == Mode::Distributed && rocketmq.is_none() {
        notices.push(
            "topics, connectors and offsets are in the embedded log of this process (gantry.log): \
             they outlive it, and no other worker shares them"
                .to_owned(),
        );
    }
    if props.contains_key("bootstrap.servers") {
        notices.push(format!(
            "bootstrap.servers is set and not used: topics are {place} (gantry.log)"
        ));
    }
    if props.contains_key("offset.storage.file.filename") {
        notices.push(
            "offset.storage.file.filename is set and not used: offsets are in the log".to_owned(),
        );
    }
    if props.contains_key(NAMESRV) && rocketmq.is_none() {
        notices.push(format!(
            "{NAMESRV} is set and not used: topics are in the embedded log; gantry.log=rocketmq \
             puts them on RocketMQ"
        ));
    }
    let named = ["bootstrap.servers", "offset.storage.file.filename", NAMESRV];
    let idle: Vec<&str> = props
        .keys()
        .filter(|key| !named.contains(&key.as_str()))
        .filter(|key| row(key).is_some_and(|row| row.effect == Effect::Accepted))
        .filter(|key| mode == Mode::Standalone || !is_required(key))
        .map(String::as_str)
        .collect();
    if !idle.is_empty() {
        notices.push(format!("keys without effect here: {}", idle.join(", ")));
    }
    notices
}

fn is_required(key: &str) -> bool {
    REQUIRED_DISTRIBUTED.iter().any(|(required, _)| *required == key)
}

fn warnings(props: &Props) -> Vec<String> {
    let unknown = props.keys().filter(|key| !is_known(key) && retired::advice(key).is_none());
    let warn = |key: &String| match nearest(key) {
        Some(known) => format!("unknown worker key {key} is ignored; did you mean {known}?"),
        None => format!("unknown worker key {key} is ignored"),
    };
    retired::warnings(props).chain(unknown.map(warn)).collect()
}
