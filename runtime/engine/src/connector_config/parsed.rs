//! The common keys of one connector, parsed for its tasks.

use gantry_api::model::config::ParsedConfig;
use gantry_api::model::plugin::{CONVERTER_TYPE, ConverterType};
use gantry_api::model::regex::JavaPattern;
use gantry_api::{ConfigDef, Error, Isolation, Props, Result};

use super::definitions::{
    TopicCreation, embed_default_group, embed_group, sink_definition, source_definition,
};
use super::{
    DLQ_TOPIC, JVM_OPTIONS, RESTART_BACKOFF, RESTART_BACKOFF_MAX, RESTART_MAX, TASK_ISOLATION,
    TASKS_AUTO, TASKS_AUTO_INTERVAL, TOPICS, TOPICS_REGEX,
};
use crate::config::{RestartPolicy, WorkerConfig};

/// Which records of an exactly-once source come to count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionBoundary {
    /// Those of a poll, or of several that were durable meanwhile.
    Poll,
    /// Those of so many milliseconds.
    Interval { interval_ms: u64 },
    /// Those between the ends that the connector tells.
    Connector,
}

/// What tasks need of the common keys.
#[derive(Clone, Debug)]
pub(crate) struct ConnectorConfig {
    /// `errors.retry.timeout` in milliseconds; `None` for ever.
    pub(crate) retry_timeout_ms: Option<u64>,
    /// `errors.retry.delay.max.ms`
    pub(crate) retry_delay_max_ms: u64,
    /// `errors.tolerance=all`
    pub(crate) tolerate_all: bool,
    /// `errors.log.enable`
    pub(crate) log_errors: bool,
    /// `errors.log.include.messages`
    pub(crate) log_messages: bool,
    /// `errors.deadletterqueue.topic.name`
    pub(crate) dlq_topic: Option<String>,
    /// `errors.deadletterqueue.context.headers.enable`
    pub(crate) dlq_headers: bool,
    /// `topics`
    pub(crate) topics: Vec<String>,
    /// `topics.regex`
    pub(crate) topics_regex: Option<JavaPattern>,
    /// `transaction.boundary`
    pub(crate) transaction: TransactionBoundary,
    /// `gantry.tasks.auto` of a sink: how often its number of tasks is looked at, in milliseconds.
    pub(crate) tasks_auto_interval_ms: Option<u64>,
    /// `gantry.task.isolation`
    pub(crate) isolation: Isolation,
    /// Groups of topics to create, the default last.
    pub(crate) topic_creation: Vec<TopicCreation>,
    /// When a failed task starts again by itself.
    pub(crate) restart: RestartPolicy,
}

impl ConnectorConfig {
    /// Parses the resolved properties of a connector.
    pub(crate) fn parse(props: &Props, is_source: bool, worker: &WorkerConfig) -> Result<Self> {
        let def = if is_source {
            source_definition(&worker.props)
        } else {
            sink_definition(&worker.props)
        };
        let parsed = def.parse(props)?;
        if is_source
            && worker.topic_creation_enable
            && props.keys().any(|key| key.starts_with("topic.creation."))
        {
            // Not part of a validation: as in Kafka, it is the start that fails.
            check_topic_creation(def, parsed.list("topic.creation.groups"), props)?;
        }
        let retry = parsed.long("errors.retry.timeout").unwrap_or(0);
        let topics_regex = match parsed.string(TOPICS_REGEX) {
            Some(text) if !text.is_empty() => Some(JavaPattern::compile(text)?),
            _ => None,
        };
        let dlq = props.get(DLQ_TOPIC).map(|topic| topic.trim()).filter(|t| !t.is_empty());
        Ok(Self {
            retry_timeout_ms: u64::try_from(retry).ok(),
            retry_delay_max_ms: parsed
                .long("errors.retry.delay.max.ms")
                .and_then(|n| u64::try_from(n).ok())
                .unwrap_or(60_000),
            tolerate_all: parsed.string("errors.tolerance") == Some("all"),
            log_errors: parsed.boolean("errors.log.enable"),
            log_messages: parsed.boolean("errors.log.include.messages"),
            dlq_topic: dlq.map(str::to_owned),
            dlq_headers: props
                .get("errors.deadletterqueue.context.headers.enable")
                .is_some_and(|value| value.trim().eq_ignore_ascii_case("true")),
            transaction: transaction_boundary(&parsed, worker),
            tasks_auto_interval_ms: tasks_auto_interval_ms(props, is_source, worker)?,
            isolation: isolation(props)?,
            topics: parsed.list(TOPICS).to_vec(),
            topics_regex,
            topic_creation: if is_source {
                topic_creation(props, parsed.list("topic.creation.groups"))?
            } else {
                Vec::new()
            },
            restart: RestartPolicy {
                max_restarts: number(props, RESTART_MAX, worker.restart.max_restarts)?,
                backoff_ms: number(props, RESTART_BACKOFF, worker.restart.backoff_ms)?,
                backoff_max_ms: number(props, RESTART_BACKOFF_MAX, worker.restart.backoff_max_ms)?,
            },
        })
    }
}

fn transaction_boundary(parsed: &ParsedConfig, worker: &WorkerConfig) -> TransactionBoundary {
    let own = parsed.long("transaction.boundary.interval.ms").and_then(|ms| u64::try_from(ms).ok());
    let interval_ms = own.unwrap_or(worker.offset_flush_interval_ms);
    match parsed.string("transaction.boundary").map(str::to_ascii_lowercase).as_deref() {
        Some("interval") => TransactionBoundary::Interval { interval_ms },
        Some("connector") => TransactionBoundary::Connector,
        _ => TransactionBoundary::Poll,
    }
}

fn isolation(props: &Props) -> Result<Isolation> {
    match props.get(TASK_ISOLATION).map(|text| text.trim()) {
        None | Some("shared") => Ok(Isolation::Shared),
        Some("process") => {
            let options = props.get(JVM_OPTIONS).map_or("", String::as_str);
            let jvm_options = options.split_whitespace().map(str::to_owned).collect();
            Ok(Isolation::Process { jvm_options })
        }
        Some(other) => Err(Error::config(format!(
            "Invalid value {other} for configuration {TASK_ISOLATION}: String must be one of: \
             shared, process"
        ))),
    }
}

fn tasks_auto_interval_ms(
    props: &Props,
    is_source: bool,
    worker: &WorkerConfig,
) -> Result<Option<u64>> {
    let auto = match props.get(TASKS_AUTO).map(|text| text.trim()) {
        None => false,
        Some(text) if text.eq_ignore_ascii_case("true") => true,
        Some(text) if text.eq_ignore_ascii_case("false") => false,
        Some(text) => {
            return Err(Error::config(format!(
                "Invalid value {text} for configuration {TASKS_AUTO}: expected true or false"
            )));
        }
    };
    // Offsets must have had the time to move.
    let least_ms = worker.offset_flush_interval_ms.saturating_mul(2);
    let interval_ms = number(props, TASKS_AUTO_INTERVAL, least_ms)?.max(least_ms).max(1);
    Ok((auto && !is_source).then_some(interval_ms))
}

fn number<T: std::str::FromStr>(props: &Props, key: &str, default: T) -> Result<T> {
    match props.get(key) {
        None => Ok(default),
        Some(text) => text.trim().parse().map_err(|_| {
            Error::config(format!(
                "Invalid value {text} for configuration {key}: expected a whole number of at \
                 least 0"
            ))
        }),
    }
}

/// Judges the keys of topic creation groups, those of the default group first.
fn check_topic_creation(def: ConfigDef, groups: &[String], props: &Props) -> Result<()> {
    let def = embed_default_group(def);
    let default = def.parse(props)?;
    let number = |key: &str| default.long(&format!("topic.creation.default.{key}")).unwrap_or(-1);
    let defaults = (number("replication.factor"), number("partitions"));
    let others = groups.iter().filter(|group| *group != "default");
    let all = others.fold(def, |def, group| embed_group(def, group, defaults));
    all.parse(props).map(|_| ())
}

fn topic_creation(props: &Props, groups: &[String]) -> Result<Vec<TopicCreation>> {
    let mut all = Vec::with_capacity(groups.len() + 1);
    for group in groups.iter().map(String::as_str).chain(["default"]) {
        let get = |what: &str| props.get(&format!("topic.creation.{group}.{what}"));
        let patterns = |what: &str| -> Result<Vec<JavaPattern>> {
            let Some(list) = get(what) else { return Ok(Vec::new()) };
            list.split(',').map(|text| JavaPattern::compile(text.trim())).collect()
        };
        let positive =
            |what: &str| get(what).and_then(|n| n.trim().parse::<i64>().ok()).filter(|&n| n > 0);
        all.push(TopicCreation {
            include: patterns("include")?,
            exclude: patterns("exclude")?,
            queues: positive("partitions").and_then(|n| u32::try_from(n).ok()),
            retention_ms: positive("retention.ms").map(i64::unsigned_abs),
            retention_bytes: positive("retention.bytes").map(i64::unsigned_abs),
            compact: get("cleanup.policy").is_some_and(|policy| policy.contains("compact")),
        });
    }
    Ok(all)
}

/// The properties of a converter: those below its key, from the connector if it names the
/// class itself, else from the worker.
pub fn converter_props(
    connector: &Props,
    worker: &Props,
    key: &str,
    type_: ConverterType,
) -> Option<(String, Props)> {
    let (class, source) = match connector.get(key) {
        Some(class) => (class, connector),
        None => (worker.get(key)?, worker),
    };
    let mut props = stage_props(source, &format!("{key}."));
    props.insert(CONVERTER_TYPE.to_owned(), type_.as_str().to_owned());
    Some((class.trim().to_owned(), props))
}

/// The properties behind a prefix, without it.
pub(crate) fn stage_props(props: &Props, prefix: &str) -> Props {
    props
        .range(prefix.to_owned()..)
        .take_while(|(key, _)| key.starts_with(prefix))
        .map(|(key, value)| (key[prefix.len()..].to_owned(), value.clone()))
        .collect()
}

/// The names in a list such as `transforms`.
pub(crate) fn stages<'a>(props: &'a Props, key: &str) -> Vec<&'a str> {
    props
        .get(key)
        .map(|list| list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect())
        .unwrap_or_default()
}
