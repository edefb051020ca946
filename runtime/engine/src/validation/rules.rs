//! Rules across the common keys, which definitions cannot express.

use gantry_api::model::config::NullableProps;
use gantry_api::model::regex::JavaPattern;
use gantry_api::{Connector, ConnectorPlugin, Error, ExactlyOnceSupport};

use super::{Findings, add_error, finding, given, without_nulls};
use crate::config::WorkerConfig;
use crate::connector_config::{DLQ_TOPIC, NAME, TOPICS, TOPICS_REGEX};

const EXACTLY_ONCE: &str = "exactly.once.support";
const BOUNDARY: &str = "transaction.boundary";
const GROUP: &str = "consumer.override.group.id";

/// Checks the rules for a connector of that kind; `known` is the connector if it is there.
pub(super) fn check(
    worker: &WorkerConfig,
    is_source: bool,
    known: Option<(&ConnectorPlugin, &dyn Connector)>,
    config: &NullableProps,
    findings: &mut Findings,
) {
    // In standalone mode there is no group of workers, and no transaction.
    let is_distributed = worker.config_storage_topic.is_some();
    match (is_source, is_distributed) {
        (true, false) => {}
        (true, true) => {
            if let Some((plugin, connector)) = known {
                check_exactly_once(worker, plugin, connector, config, findings);
            }
            check_boundary(known, config, findings);
        }
        (false, _) => {
            check_topics(config, findings);
            check_own_topics(worker, config, findings);
            if is_distributed {
                check_group(worker, config, findings);
            }
        }
    }
}

fn check_topics(config: &NullableProps, findings: &mut Findings) {
    let text = |key: &str| given(config, key).filter(|text| !text.trim().is_empty());
    let (topics, regex) = (text(TOPICS), text(TOPICS_REGEX));
    let both = |findings: &mut Findings, text: &str| {
        add_error(findings, TOPICS, text);
        add_error(findings, TOPICS_REGEX, text);
    };
    match (topics, regex) {
        (None, None) => both(findings, "Must configure one of topics or topics.regex"),
        (Some(_), Some(_)) => both(
            findings,
            "topics and topics.regex are mutually exclusive options, but both are set.",
        ),
        _ => {}
    }
    let Some(dlq) = text(DLQ_TOPIC).map(str::trim) else { return };
    if let Some(topics) = topics {
        let mut list: Vec<&str> = Vec::new();
        for topic in topics.split(',').map(str::trim) {
            if !topic.is_empty() && !list.contains(&topic) {
                list.push(topic);
            }
        }
        if list.contains(&dlq) {
            let text = format!(
                "The DLQ topic '{dlq}' may not be included in the list of topics \
                 ('topics=[{}]') consumed by the connector",
                list.join(", ")
            );
            add_error(findings, TOPICS, text);
        }
    }
    if let Some(regex) = regex
        && JavaPattern::compile(regex).is_ok_and(|pattern| pattern.matches(dlq))
    {
        let text = format!(
            "The DLQ topic '{dlq}' may not be matched by the regex for the topics \
             ('topics.regex={regex}') consumed by the connector"
        );
        add_error(findings, TOPICS_REGEX, text);
    }
}

/// A sink may neither read what its own commits write nor write among what the worker keeps.
fn check_own_topics(worker: &WorkerConfig, config: &NullableProps, findings: &mut Findings) {
    let list = given(config, TOPICS).unwrap_or_default().split(',').map(str::trim);
    for topic in list.filter(|topic| *topic == worker.offset_storage_topic) {
        let text = format!(
            "Topic {topic} holds the worker's offsets (offset.storage.topic), which each commit of \
             this connector adds to: it would never come to an end"
        );
        add_error(findings, TOPICS, text);
    }
    let list = given(config, TOPICS).unwrap_or_default().split(',').map(str::trim);
    let configs = worker.config_storage_topic.as_deref();
    for topic in list.filter(|topic| worker.mask_secrets && configs == Some(topic)) {
        let text = format!(
            "Topic {topic} holds the configurations of all connectors (config.storage.topic), with \
             their secrets, which gantry.rest.mask.secrets=true hides"
        );
        add_error(findings, TOPICS, text);
    }
    let Some(dlq) = given(config, DLQ_TOPIC).map(str::trim) else { return };
    if let Some(key) = worker.own_topic(dlq) {
        let text = format!("Topic {dlq} holds the worker's own state ({key}): name another topic");
        add_error(findings, DLQ_TOPIC, text);
    }
}

/// The consumers of a sink may not get into the group of the workers.
fn check_group(worker: &WorkerConfig, config: &NullableProps, findings: &mut Findings) {
    let Some(workers) = worker.props.get("group.id").map(|group| group.trim()) else { return };
    if config.contains_key(GROUP) {
        let group = given(config, GROUP);
        let found = finding(findings, GROUP);
        found.value = group.map(str::to_owned);
        if group == Some(workers) {
            found.errors.push(format!(
                "Consumer group {workers} conflicts with Connect worker group {workers}"
            ));
        }
        return;
    }
    let name = finding(findings, NAME);
    if let Some(text) = name.value.as_deref()
        && workers.strip_prefix("connect-") == Some(text)
    {
        let text = format!(
            "Consumer group for sink connector named {text} conflicts with Connect worker group \
             {workers}"
        );
        name.errors.push(text);
    }
}

/// Whether a key has been found to be right and to have that value, in any case of letters.
fn is_set(findings: &Findings, key: &str, wanted: &str) -> bool {
    findings.get(key).is_some_and(|found| {
        found.errors.is_empty()
            && found.value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    })
}

fn check_exactly_once(
    worker: &WorkerConfig,
    plugin: &ConnectorPlugin,
    connector: &dyn Connector,
    config: &NullableProps,
    findings: &mut Findings,
) {
    if !is_set(findings, EXACTLY_ONCE, "required") {
        return;
    }
    if !worker.exactly_once_source {
        add_error(
            findings,
            EXACTLY_ONCE,
            "This worker does not have exactly-once source support enabled.",
        );
    }
    let props = without_nulls(config);
    let unsupported =
        "The connector does not support exactly-once semantics with the provided configuration.";
    let supported = match connector.exactly_once_support(&props) {
        Ok(supported) => supported,
        Err(error) => return add_error(findings, EXACTLY_ONCE, unexpected(&error)),
    };
    match supported {
        ExactlyOnceSupport::Unknown => add_error(
            findings,
            EXACTLY_ONCE,
            "The connector does not implement the API required for preflight validation of \
             exactly-once source support. Please consult the documentation for the connector to \
             determine whether it supports exactly-once semantics, and then consider reconfiguring \
             the connector to use the value \"requested\" for this property (which will disable \
             this preflight check and allow the connector to be created).",
        ),
        // A connector that can tell reads its own keys first.
        judged => match plugin.info.config_def().parse(&props) {
            Err(error) => add_error(findings, EXACTLY_ONCE, unexpected(&error)),
            Ok(_) if judged == ExactlyOnceSupport::Unsupported => {
                add_error(findings, EXACTLY_ONCE, unsupported);
            }
            Ok(_) => {}
        },
    }
}

fn unexpected(error: &Error) -> String {
    format!("An unexpected error occurred during validation: {}", error.message())
}

/// Whether a connector that is to say where its transactions end can.
fn check_boundary(
    known: Option<(&ConnectorPlugin, &dyn Connector)>,
    config: &NullableProps,
    findings: &mut Findings,
) {
    if !is_set(findings, BOUNDARY, "connector") {
        return;
    }
    let can = known.map(|(_, connector)| connector.defines_transactions(&without_nulls(config)));
    match can {
        Some(Ok(true)) => {}
        Some(Err(error)) => add_error(findings, BOUNDARY, unexpected(&error)),
        Some(Ok(false)) | None => add_error(
            findings,
            BOUNDARY,
            "The connector does not support connector-defined transaction boundaries with the \
             given configuration. Please reconfigure it to use a different transaction boundary \
             definition.",
        ),
    }
}
