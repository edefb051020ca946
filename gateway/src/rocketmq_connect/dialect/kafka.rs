//! RocketMQ Connect's ways to run a connector of Kafka Connect: the adapter, whose inner
//! configuration is what runs here, and `kafka.transforms`.

use super::topics::Kind;
use super::{CONNECTOR_CLASS, TRANSFORMS, names};
use crate::json;
use crate::rocketmq_connect::translation::Translation;

/// The adapter's key: the configuration of Kafka's connector, as a JSON object.
pub(crate) const KAFKA_CONNECTOR_CONFIGS: &str = "kafka.connector.configs";

const ADAPTERS: &[(&str, Kind)] = &[
    ("org.apache.rocketmq.connect.kafka.connector.KafkaRocketmqSourceConnector", Kind::Source),
    ("org.apache.rocketmq.connect.kafka.connector.KafkaRocketmqSinkConnector", Kind::Sink),
];

/// What converts where the adapter's inner configuration does not say: Kafka's default, and not
/// the worker's.
const JSON_CONVERTER: &str = "org.apache.kafka.connect.json.JsonConverter";
const CONVERTERS: [&str; 3] = ["key.converter", "value.converter", "header.converter"];

const KAFKA_TRANSFORMS: &str = "kafka.transforms";

/// Keys of the adapter that place queues; here a queue is a partition.
const MAPPER: &str = "rocketmq.recordPartition.kafkaTopicPartition.mapper";
const MAPPER_PREFIXES: [&str; 2] = ["assignEncodedPartition.", "regexEncodedPartition."];

/// Puts the configuration inside the adapter in the adapter's place. Says what kind of connector
/// the adapter is for, if there was one.
pub(super) fn unwrap_adapter(translation: &mut Translation) -> Result<Option<Kind>, String> {
    let class = translation.get(CONNECTOR_CLASS).unwrap_or_default().to_owned();
    let Some((_, kind)) = ADAPTERS.iter().find(|(adapter, _)| *adapter == class) else {
        let why = "only the adapter of Kafka's connectors reads it";
        translation.leave_out(KAFKA_CONNECTOR_CONFIGS, why);
        return Ok(None);
    };
    let Some(inner) = translation.config.remove(KAFKA_CONNECTOR_CONFIGS) else {
        return Err(format!(
            "{KAFKA_CONNECTOR_CONFIGS} is missing: {CONNECTOR_CLASS}={class} finds the Kafka \
             connector's configuration there. Add it as a JSON object"
        ));
    };
    leave_out_outer(translation);
    let inner = json::object(inner.as_bytes())
        .map_err(|why| format!("{KAFKA_CONNECTOR_CONFIGS} is wrong: {why}"))?;
    if !inner.contains_key(CONNECTOR_CLASS) {
        return Err(format!(
            "{CONNECTOR_CLASS} is missing in {KAFKA_CONNECTOR_CONFIGS}; add the class of the \
             Kafka connector"
        ));
    }
    translation.config.remove(CONNECTOR_CLASS);
    for (key, raw) in &inner {
        let value = json::text(key, raw)
            .map_err(|why| format!("{KAFKA_CONNECTOR_CONFIGS} is wrong: {why}"))?;
        let Some(value) = value else { continue };
        move_out(translation, key, value)?;
    }
    for key in ["key.converter", "value.converter"] {
        translation.config.entry(key.to_owned()).or_insert_with(|| JSON_CONVERTER.to_owned());
    }
    translation.mapped.push(format!("{CONNECTOR_CLASS}={class} as the connector inside it"));
    leave_out_mapper(translation);
    Ok(Some(*kind))
}

/// The converters beside the inner configuration would convert what the inner ones have made.
fn leave_out_outer(translation: &mut Translation) {
    for converter in CONVERTERS {
        let settings = format!("{converter}.");
        let of_converter = |key: &String| key == converter || key.starts_with(&settings);
        let keys: Vec<String> =
            translation.config.keys().filter(|key| of_converter(key)).cloned().collect();
        for key in keys {
            translation.leave_out(&key, "the converters inside kafka.connector.configs convert");
        }
    }
}

fn move_out(translation: &mut Translation, key: &str, value: String) -> Result<(), String> {
    match key {
        "plugin.path" => {
            translation.warnings.push(
                "plugin.path is left out: connectors are compiled in and need no path".to_owned(),
            );
        }
        "name" => {}
        _ => match translation.get(key) {
            Some(there) if there != value.trim() => {
                return Err(format!(
                    "{key} has one value in {KAFKA_CONNECTOR_CONFIGS} and another beside it. \
                     Keep one of the two"
                ));
            }
            _ => {
                translation.config.insert(key.to_owned(), value);
            }
        },
    }
    Ok(())
}

fn leave_out_mapper(translation: &mut Translation) {
    let places = |key: &String| {
        key == MAPPER || MAPPER_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
    };
    let keys: Vec<String> = translation.config.keys().filter(|key| places(key)).cloned().collect();
    for key in keys {
        translation.leave_out(&key, "a queue is a partition of its topic here");
    }
}

/// `kafka.transforms` come before `transforms`, as in RocketMQ Connect.
pub(super) fn take_transforms(translation: &mut Translation) -> Result<(), String> {
    let Some(list) = translation.config.remove(KAFKA_TRANSFORMS) else { return Ok(()) };
    let first = names(Some(&list));
    let then = names(translation.get(TRANSFORMS));
    if let Some(twice) = first.iter().find(|name| then.contains(name)) {
        return Err(format!(
            "{KAFKA_TRANSFORMS} and {TRANSFORMS} both name {twice}; here they are one list. Give \
             one of the two another name"
        ));
    }
    let prefix = format!("{KAFKA_TRANSFORMS}.");
    let keys: Vec<String> =
        translation.config.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
    for key in keys {
        let setting = key.strip_prefix(&prefix).unwrap_or_default();
        let ours = format!("{TRANSFORMS}.{setting}");
        translation.rename_secret(&key, &ours)?;
    }
    let all: Vec<String> = first.into_iter().chain(then).collect();
    translation.config.insert(TRANSFORMS.to_owned(), all.join(","));
    translation.mapped.push(format!("{KAFKA_TRANSFORMS} as {TRANSFORMS}"));
    Ok(())
}
