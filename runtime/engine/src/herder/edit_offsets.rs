//! Changing and resetting the offsets of a stopped connector.

use gantry_api::{OffsetMap, SourcePartition, TopicPartition};
use serde_json::Value as Json;

use super::Herder;
use crate::entities::{ConnectorOffsets, TargetState};
use crate::error::HerderError;
use crate::offsets::{Change, KAFKA_OFFSET, KAFKA_PARTITION, KAFKA_TOPIC, sink_partition};

impl Herder {
    /// Writes offsets of a stopped connector; a null offset resets its partition. Answers the
    /// text for the user.
    pub async fn alter_offsets(
        &self,
        name: &str,
        offsets: ConnectorOffsets,
    ) -> Result<String, HerderError> {
        let _changing = self.changing.lock().await;
        let (is_source, config) = self.stopped(name)?;
        if offsets.offsets.is_empty() {
            return Err(HerderError::bad_request(
                "Partitions / offsets need to be provided for an alter offsets request",
            ));
        }
        let wanted: Vec<(OffsetMap, Option<OffsetMap>)> =
            offsets.offsets.into_iter().map(|o| (o.partition, o.offset)).collect();
        let changes: Vec<Change> = if is_source {
            let class = config.get("connector.class").map_or("", String::as_str);
            let mut connector = self
                .find_plugin(class)?
                .create()
                .map_err(|error| HerderError::internal(error.to_string()))?;
            let resolved =
                self.resolve(&config).map_err(|e| HerderError::bad_request(e.to_string()))?;
            connector
                .alter_offsets(&resolved, &wanted)
                .await
                .map_err(|error| HerderError::internal(error.message().to_owned()))?;
            wanted.into_iter().map(|(p, o)| (SourcePartition::new(p), o)).collect()
        } else {
            wanted.iter().map(|(p, o)| sink_change(p, o.as_ref())).collect::<Result<_, _>>()?
        };
        self.offsets.store(name, changes).await?;
        Ok("The offsets for this connector have been altered successfully".to_owned())
    }

    /// Removes all offsets of a stopped connector. Answers the text for the user.
    pub async fn reset_offsets(&self, name: &str) -> Result<String, HerderError> {
        let _changing = self.changing.lock().await;
        let (is_source, _) = self.stopped(name)?;
        let changes: Vec<Change> = self
            .offsets
            .all(name, is_source)
            .into_iter()
            .map(|(partition, _)| (SourcePartition::new(partition), None))
            .collect();
        self.offsets.store(name, changes).await?;
        if !is_source {
            self.log.delete_group(&format!("connect-{name}")).await?;
        }
        Ok("The offsets for this connector have been reset successfully".to_owned())
    }

    fn stopped(&self, name: &str) -> Result<(bool, gantry_api::Props), HerderError> {
        let connectors = self.lock();
        let connector = connectors
            .get(name)
            .ok_or_else(|| HerderError::not_found(format!("Connector {name} not found")))?;
        if connector.target != TargetState::Stopped {
            return Err(HerderError::bad_request(format!(
                "Connectors must be in the STOPPED state before their offsets can be modified. \
                 This can be done for the specified connector by issuing a 'PUT' request to the \
                 '/connectors/{name}/stop' endpoint"
            )));
        }
        Ok((connector.plugin.is_source(), connector.config.clone()))
    }
}

/// A sink's change, from the maps of the REST API; numbers may be text.
fn sink_change(partition: &OffsetMap, offset: Option<&OffsetMap>) -> Result<Change, HerderError> {
    let number = |map: &OffsetMap, key: &str| -> Option<u64> {
        match map.get(key)? {
            Json::Number(n) => n.as_u64(),
            Json::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    };
    let topic = partition.get(KAFKA_TOPIC).and_then(Json::as_str);
    let queue = number(partition, KAFKA_PARTITION).and_then(|n| u32::try_from(n).ok());
    let (Some(topic), Some(queue)) = (topic, queue) else {
        return Err(HerderError::bad_request(format!(
            "The partition for a sink connector offset must have the keys '{KAFKA_TOPIC}' (a \
             topic) and '{KAFKA_PARTITION}' (a whole number of at least 0)"
        )));
    };
    let offset = match offset {
        None => None,
        Some(map) => {
            let value = number(map, KAFKA_OFFSET).ok_or_else(|| {
                HerderError::bad_request(format!(
                    "The offset for a sink connector must have the key '{KAFKA_OFFSET}' (a whole \
                     number of at least 0)"
                ))
            })?;
            let mut map = OffsetMap::new();
            map.insert(KAFKA_OFFSET.to_owned(), Json::from(value));
            Some(map)
        }
    };
    Ok((sink_partition(&TopicPartition::new(topic, queue)), offset))
}
