//! Changing and resetting the offsets of a stopped connector.

use std::collections::BTreeMap;

use gantry_api::{ConnectorPlugin, OffsetMap, Props, SourcePartition, TopicPartition};
use gantry_log::LogError;
use serde_json::Value as Json;

use super::Herder;
use super::connector::contained;
use crate::entities::{ConnectorOffsets, TargetState};
use crate::error::HerderError;
use crate::offsets::{
    Change, KAFKA_OFFSET, KAFKA_PARTITION, KAFKA_TOPIC, sink_group, sink_partition,
};

impl Herder {
    /// Writes offsets of a stopped connector; a null offset resets its partition. Answers the
    /// text for the user.
    pub async fn alter_offsets(
        &self,
        name: &str,
        offsets: ConnectorOffsets,
    ) -> Result<String, HerderError> {
        let _changing = self.locks.lock(name).await?;
        let (plugin, config) = self.stopped(name)?;
        let (changes, known) = self.judge_offsets(name, &plugin, &config, offsets).await?;
        self.write_offsets(name, &plugin, &config, changes).await?;
        Ok(outcome(known, "altered"))
    }

    /// What the given offsets change, and whether the connector knows them; refuses those that
    /// cannot be the connector's.
    pub(super) async fn judge_offsets(
        &self,
        name: &str,
        plugin: &ConnectorPlugin,
        config: &Props,
        offsets: ConnectorOffsets,
    ) -> Result<(Vec<Change>, bool), HerderError> {
        let wanted: Vec<(OffsetMap, Option<OffsetMap>)> =
            offsets.offsets.into_iter().map(|o| (o.partition, o.offset)).collect();
        let changes: Vec<Change> = if plugin.is_source() {
            wanted.iter().try_for_each(|(p, o)| check_source_maps(p, o.as_ref()))?;
            wanted.iter().map(|(p, o)| (SourcePartition::new(p.clone()), o.clone())).collect()
        } else {
            wanted
                .iter()
                .map(|(p, o)| sink_change(name, p, o.as_ref()))
                .collect::<Result<_, _>>()?
        };
        let known = self.ask_connector(plugin, config, &wanted).await?;
        if !plugin.is_source() {
            self.check_queues(name, &changes).await?;
        }
        Ok((changes, known))
    }

    /// Whether the connector knows the offsets that shall change; its refusal is the answer.
    async fn ask_connector(
        &self,
        plugin: &ConnectorPlugin,
        config: &Props,
        wanted: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool, HerderError> {
        let mut connector =
            plugin.create().map_err(|error| HerderError::internal(error.to_string()))?;
        let resolved = self.resolve(config).await;
        let resolved = resolved.map_err(|e| HerderError::bad_request(e.to_string()))?;
        contained("alter_offsets", connector.alter_offsets(&resolved, wanted))
            .await
            .map_err(|error| HerderError::internal(error.message().to_owned()))
    }

    /// Refuses offsets of queues that are not there, as Kafka's brokers do; also to reset them.
    async fn check_queues(&self, name: &str, changes: &[Change]) -> Result<(), HerderError> {
        for (partition, _) in changes {
            let map = partition.map();
            let topic = map.get(KAFKA_TOPIC).and_then(Json::as_str).unwrap_or_default();
            let queue = map.get(KAFKA_PARTITION).and_then(Json::as_u64);
            let queues = match self.log.topic(topic).await {
                Ok(topic) => topic.map_or(0, |topic| topic.spec.queues),
                Err(LogError::InvalidTopic { .. }) => 0,
                Err(error) => return Err(error.into()),
            };
            if queue.is_none_or(|queue| queue >= u64::from(queues)) {
                return Err(cannot_alter(name));
            }
        }
        Ok(())
    }

    /// Refuses to go on with a connector that is not stopped.
    pub fn require_stopped(&self, name: &str) -> Result<(), HerderError> {
        self.stopped(name).map(|_| ())
    }

    /// Writes judged changes; durable on return.
    pub(super) async fn write_offsets(
        &self,
        name: &str,
        plugin: &ConnectorPlugin,
        config: &Props,
        changes: Vec<Change>,
    ) -> Result<(), HerderError> {
        if !plugin.is_source() {
            self.mirror(name, config, &changes).await?;
        }
        self.offsets.edit(name, changes).await?;
        Ok(())
    }

    /// Removes all offsets of a stopped connector. Answers the text for the user.
    pub async fn reset_offsets(&self, name: &str) -> Result<String, HerderError> {
        let _changing = self.locks.lock(name).await?;
        let (plugin, config) = self.stopped(name)?;
        let is_source = plugin.is_source();
        let all = self.offsets.all(name, is_source).into_iter();
        let wanted: Vec<(OffsetMap, Option<OffsetMap>)> = all.map(|(p, _)| (p, None)).collect();
        let known = self.ask_connector(&plugin, &config, &wanted).await?;
        let changes = wanted.into_iter().map(|(p, _)| (SourcePartition::new(p), None)).collect();
        self.offsets.edit(name, changes).await?;
        if !is_source {
            self.log.delete_group(&sink_group(name, &config, &self.worker.props)).await?;
        }
        Ok(outcome(known, "reset"))
    }

    /// Writes a sink's changes to its consumer group too: a task without offsets of its own
    /// would begin there.
    async fn mirror(
        &self,
        name: &str,
        config: &Props,
        changes: &[Change],
    ) -> Result<(), HerderError> {
        let group = sink_group(name, config, &self.worker.props);
        for (partition, offset) in changes {
            let map = partition.map();
            let topic = map.get(KAFKA_TOPIC).and_then(Json::as_str);
            let queue = map.get(KAFKA_PARTITION).and_then(Json::as_u64);
            let (Some(topic), Some(queue)) = (topic, queue.and_then(|n| u32::try_from(n).ok()))
            else {
                continue;
            };
            let offset = offset.as_ref().and_then(|map| map.get(KAFKA_OFFSET)?.as_u64());
            let one = BTreeMap::from([(TopicPartition::new(topic, queue), offset)]);
            match self.log.commit(&group, &one).await {
                // The group has no offset in a topic that is not there.
                Ok(()) | Err(LogError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn stopped(&self, name: &str) -> Result<(ConnectorPlugin, Props), HerderError> {
        let found = match &self.cluster {
            Some(cluster) => cluster.read(|state| {
                let connector = state.connectors.get(name)?;
                let is_stopped =
                    connector.target == TargetState::Stopped && state.is_quiet(&name.into());
                Some((is_stopped, connector.config.clone()))
            }),
            None => self.lock().get(name).map(|connector| {
                (connector.target == TargetState::Stopped, connector.config.clone())
            }),
        };
        let unknown = || HerderError::not_found(format!("Connector {name} not found"));
        let (is_stopped, config) = found.ok_or_else(unknown)?;
        if !is_stopped {
            return Err(HerderError::bad_request(format!(
                "Connectors must be in the STOPPED state before their offsets can be modified. \
                 This can be done for the specified connector by issuing a 'PUT' request to the \
                 '/connectors/{name}/stop' endpoint"
            )));
        }
        Ok((self.plugin_for(&config)?, config))
    }
}

/// Kafka Connect's words for offsets that were `altered` or `reset`.
pub(super) fn outcome(known: bool, done: &str) -> String {
    if known {
        return format!("The offsets for this connector have been {done} successfully");
    }
    format!(
        "The Connect framework-managed offsets for this connector have been {done} successfully. \
         However, if this connector manages offsets externally, they will need to be manually \
         {done} in the system that the connector uses."
    )
}

/// A sink's change, from the maps of the REST API; numbers may be text. Numbers and topics that
/// cannot be are refused as Kafka's brokers refuse them: with status 500.
fn sink_change(
    connector: &str,
    partition: &OffsetMap,
    offset: Option<&OffsetMap>,
) -> Result<Change, HerderError> {
    let (Some(topic), Some(queue)) = (partition.get(KAFKA_TOPIC), partition.get(KAFKA_PARTITION))
    else {
        return Err(HerderError::bad_request(format!(
            "The partition for a sink connector offset must contain the keys '{KAFKA_TOPIC}' and \
             '{KAFKA_PARTITION}'"
        )));
    };
    if topic.is_null() {
        return Err(HerderError::bad_request(
            "Kafka topic names must be valid strings and may not be null",
        ));
    }
    if queue.is_null() {
        return Err(HerderError::bad_request(
            "Kafka partitions must be valid numbers and may not be null",
        ));
    }
    let topic = text(topic);
    let queue: i32 = text(queue).parse().map_err(|_| {
        HerderError::bad_request(format!(
            "Failed to parse the following Kafka partition value in the provided offsets: '{}'. \
             Partition values for sink connectors need to be integers.",
            text(queue)
        ))
    })?;
    let offset = offset.map(|map| sink_offset(connector, map)).transpose()?;
    let queue = u32::try_from(queue).map_err(|_| cannot_alter(connector))?;
    if topic.is_empty() {
        return Err(cannot_alter(connector));
    }
    Ok((sink_partition(&TopicPartition::new(topic.as_str(), queue)), offset))
}

/// Kafka Connect's words for offsets that a broker refuses.
fn cannot_alter(connector: &str) -> HerderError {
    HerderError::internal(format!(
        "Failed to alter consumer group offsets for connector {connector}"
    ))
}

/// Refuses lists, maps and whole numbers beyond 64 bits in the partition and offset of a source, in
/// Kafka Connect's words.
fn check_source_maps(partition: &OffsetMap, offset: Option<&OffsetMap>) -> Result<(), HerderError> {
    let fields = partition.iter().chain(offset.into_iter().flatten());
    for (field, value) in fields {
        let kind = match value {
            Json::Array(_) => "ARRAY",
            Json::Object(_) => "MAP",
            Json::Number(number) if number.is_u64() && !number.is_i64() => {
                "class java.math.BigInteger"
            }
            _ => continue,
        };
        return Err(HerderError::internal(format!(
            "Offsets may only contain primitive types as values, but field {field} contains {kind}"
        )));
    }
    Ok(())
}

/// The offset of a sink, as it is stored.
fn sink_offset(connector: &str, map: &OffsetMap) -> Result<OffsetMap, HerderError> {
    let value = map.get(KAFKA_OFFSET).ok_or_else(|| {
        HerderError::bad_request(format!(
            "The offset for a sink connector should either be null or contain the key \
             '{KAFKA_OFFSET}'"
        ))
    })?;
    let number: i64 = text(value).parse().map_err(|_| {
        HerderError::bad_request(format!(
            "Failed to parse the following Kafka offset value in the provided offsets: '{}'. \
             Offset values for sink connectors need to be integers.",
            text(value)
        ))
    })?;
    let number = u64::try_from(number).map_err(|_| {
        HerderError::internal(format!("Failed to modify offsets for sink connector {connector}"))
    })?;
    let mut offset = OffsetMap::new();
    offset.insert(KAFKA_OFFSET.to_owned(), Json::from(number));
    Ok(offset)
}

/// A JSON value as text: strings without quotes.
fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{OffsetMap, check_source_maps, sink_change};
    use crate::error::HerderErrorKind;

    fn refusal(partition: serde_json::Value, offset: serde_json::Value) -> (bool, String) {
        let map = |value: serde_json::Value| -> OffsetMap {
            value.as_object().cloned().into_iter().flatten().collect()
        };
        let error = sink_change("c", &map(partition), Some(&map(offset))).map(|_| ()).unwrap_err();
        (error.kind == HerderErrorKind::Internal, error.message)
    }

    #[test]
    fn impossible_sink_offsets_are_refused_in_kafkas_words() {
        let keys = "The partition for a sink connector offset must contain the keys 'kafka_topic' \
                    and 'kafka_partition'";
        let one = json!({"kafka_offset": 1});
        let queue = json!({"kafka_topic": "t", "kafka_partition": 0});
        assert_eq!(refusal(json!({"kafka_topic": "t"}), one.clone()), (false, keys.to_owned()));
        let text = refusal(json!({"kafka_topic": "t", "kafka_partition": 1.5}), one.clone()).1;
        assert!(text.contains("partition value in the provided offsets: '1.5'"), "{text}");
        let text = refusal(queue.clone(), json!({"kafka_offset": null})).1;
        assert!(text.contains("offset value in the provided offsets: 'null'"), "{text}");
        let text = refusal(queue.clone(), json!({})).1;
        assert!(text.contains("should either be null or contain the key"), "{text}");
        assert!(refusal(queue.clone(), json!({"kafka_offset": -3})).0);
        let text = refusal(queue, json!({"kafka_offset": " 1"})).1;
        assert!(text.contains("offset value in the provided offsets: ' 1'"), "{text}");
        let blank = json!({"kafka_topic": "t", "kafka_partition": "0 "});
        let text = refusal(blank, one.clone()).1;
        assert!(text.contains("partition value in the provided offsets: '0 '"), "{text}");
        assert!(refusal(json!({"kafka_topic": "", "kafka_partition": 0}), one.clone()).0);
        assert!(refusal(json!({"kafka_topic": "t", "kafka_partition": -1}), one).0);
    }

    #[test]
    fn offsets_of_sources_are_primitive() {
        let fault = |value: serde_json::Value| {
            let map = OffsetMap::from_iter([("a".to_owned(), value)]);
            let no_partition = OffsetMap::new();
            check_source_maps(&no_partition, Some(&map)).err().map(|error| error.message)
        };
        for good in [json!(i64::MAX), json!(i64::MIN), json!(1.5), json!("x"), json!(null)] {
            assert_eq!(fault(good), None);
        }
        for (bad, kind) in [
            (json!([1]), "ARRAY"),
            (json!({"b": 1}), "MAP"),
            (json!(1_u64 << 63), "class java.math.BigInteger"),
        ] {
            let text = fault(bad).unwrap_or_default();
            assert!(text.ends_with(&format!("but field a contains {kind}")), "{text}");
        }
    }
}
