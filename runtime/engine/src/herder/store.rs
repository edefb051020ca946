//! Where connectors outlive the process: a compacted topic with the keys and values of Kafka
//! Connect's own configuration topic (`connector-NAME`, `target-state-NAME`), so that a copy of
//! the one can be read as the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use gantry_api::{Props, TopicPartition};
use gantry_coordination::{Keeps, fold, open_topic};
use gantry_log::{FullLog, LogError, LogRecord, QueueBatch};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::entities::TargetState;
use crate::error::HerderError;

const CONNECTOR: &str = "connector-";
const TARGET_STATE: &str = "target-state-";

/// A connector as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) config: Props,
    pub(super) target: TargetState,
}

/// `{"properties": …}`
#[derive(Serialize, Deserialize)]
struct Properties {
    properties: Props,
}

/// Kafka Connect before 3.5 knows `state` only, and no STOPPED there.
#[derive(Deserialize)]
struct TargetStateValue {
    state: String,
    #[serde(rename = "state.v2", default)]
    state_v2: Option<String>,
}

/// The configuration topic.
pub(super) struct ConnectorStore {
    log: Arc<dyn FullLog>,
    queue: TopicPartition,
}

impl ConnectorStore {
    /// Creates the topic if it is not there and folds it: the store, and what it holds.
    pub(super) async fn open(
        log: Arc<dyn FullLog>,
        topic: &str,
    ) -> Result<(Self, BTreeMap<String, Stored>), HerderError> {
        let queue = open_topic(&*log, "config.storage.topic", topic, Keeps::LastOfEachKey).await?;
        let mut found = Fold::default();
        fold(&*log, &queue, 0, |_, record| found.apply(record)).await?;
        Ok((Self { log, queue }, found.into_stored()))
    }

    /// Stores a connector and its target state in one write; durable on return.
    pub(super) async fn put(
        &self,
        name: &str,
        config: &Props,
        target: TargetState,
    ) -> Result<(), LogError> {
        let properties = json!({ "properties": config });
        self.write(vec![
            record(CONNECTOR, name, Some(properties)),
            record(TARGET_STATE, name, Some(state_value(target))),
        ])
        .await
    }

    /// Stores a connector's target state; durable on return.
    pub(super) async fn set_target(&self, name: &str, target: TargetState) -> Result<(), LogError> {
        self.write(vec![record(TARGET_STATE, name, Some(state_value(target)))]).await
    }

    /// Forgets a connector; durable on return.
    pub(super) async fn delete(&self, name: &str) -> Result<(), LogError> {
        self.write(vec![record(CONNECTOR, name, None), record(TARGET_STATE, name, None)]).await
    }

    async fn write(&self, records: Vec<LogRecord>) -> Result<(), LogError> {
        let batch = QueueBatch { to: self.queue.clone(), records };
        self.log.append(vec![batch]).await?.await.map(|_| ())
    }
}

fn record(prefix: &str, name: &str, value: Option<Json>) -> LogRecord {
    LogRecord {
        key: Some(Bytes::from(format!("{prefix}{name}"))),
        value: value.map(|value| Bytes::from(value.to_string())),
        headers: Vec::new(),
        timestamp_ms: gantry_api::now_ms(),
    }
}

fn state_value(target: TargetState) -> Json {
    let (state, state_v2) = match target {
        TargetState::Started => ("STARTED", "STARTED"),
        TargetState::Paused => ("PAUSED", "PAUSED"),
        TargetState::Stopped => ("PAUSED", "STOPPED"),
    };
    json!({ "state": state, "state.v2": state_v2 })
}

/// What was read so far.
#[derive(Default)]
struct Fold {
    configs: BTreeMap<String, Props>,
    targets: BTreeMap<String, TargetState>,
}

impl Fold {
    /// Takes one record; what is in no known form is passed over with a warning, keys of Kafka
    /// Connect's that have no use here (`task-`, `commit-`, `session-key`, …) without.
    fn apply(&mut self, record: &LogRecord) {
        let Some(key) = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok()) else {
            tracing::warn!("a record of the configuration topic has no text as key; ignored");
            return;
        };
        let value = record.value.as_deref();
        let known = if let Some(name) = key.strip_prefix(CONNECTOR) {
            self.config(name, value)
        } else if let Some(name) = key.strip_prefix(TARGET_STATE) {
            self.target(name, value)
        } else {
            Ok(())
        };
        if let Err(error) = known {
            tracing::warn!(key, %error, "a record of the configuration topic has no valid value; ignored");
        }
    }

    fn config(&mut self, name: &str, value: Option<&[u8]>) -> Result<(), serde_json::Error> {
        match value {
            Some(value) => {
                let Properties { properties } = serde_json::from_slice(value)?;
                self.configs.insert(name.to_owned(), properties);
            }
            None => {
                self.configs.remove(name);
                self.targets.remove(name);
            }
        }
        Ok(())
    }

    fn target(&mut self, name: &str, value: Option<&[u8]>) -> Result<(), serde_json::Error> {
        let Some(value) = value else {
            self.targets.remove(name);
            return Ok(());
        };
        let TargetStateValue { state, state_v2 } = serde_json::from_slice(value)?;
        let target = match state_v2.as_ref().unwrap_or(&state).as_str() {
            "PAUSED" => TargetState::Paused,
            "STOPPED" => TargetState::Stopped,
            _ => TargetState::Started,
        };
        self.targets.insert(name.to_owned(), target);
        Ok(())
    }

    fn into_stored(mut self) -> BTreeMap<String, Stored> {
        let mut target = |name: &str| self.targets.remove(name).unwrap_or(TargetState::Started);
        self.configs
            .into_iter()
            .map(|(name, config)| {
                let target = target(&name);
                (name, Stored { config, target })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use gantry_log::MemoryLog;

    use super::*;

    fn props(value: &str) -> Props {
        Props::from([("k".to_owned(), value.to_owned())])
    }

    #[tokio::test]
    async fn what_was_stored_is_there_again() {
        let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
        let (store, found) = ConnectorStore::open(Arc::clone(&log), "configs").await.unwrap();
        assert_eq!(found, BTreeMap::new());
        store.put("a", &props("1"), TargetState::Started).await.unwrap();
        store.put("b", &props("1"), TargetState::Paused).await.unwrap();
        store.put("a", &props("2"), TargetState::Started).await.unwrap();
        store.set_target("a", TargetState::Stopped).await.unwrap();
        store.delete("b").await.unwrap();
        let (_, found) = ConnectorStore::open(log, "configs").await.unwrap();
        let stored = Stored { config: props("2"), target: TargetState::Stopped };
        assert_eq!(found, BTreeMap::from([("a".to_owned(), stored)]));
    }

    #[test]
    fn kafkas_records_are_read_and_foreign_ones_passed_over() {
        let mut fold = Fold::default();
        for (key, value) in [
            ("connector-c", r#"{"properties":{"k":"1"}}"#),
            ("target-state-c", r#"{"state":"PAUSED"}"#),
            ("task-c-0", r#"{"properties":{}}"#),
            ("commit-c", r#"{"tasks":1}"#),
            ("connector-broken", "{"),
        ] {
            fold.apply(&LogRecord {
                key: Some(Bytes::from(key)),
                value: Some(Bytes::from(value)),
                ..LogRecord::default()
            });
        }
        fold.apply(&LogRecord::default());
        let stored = Stored { config: props("1"), target: TargetState::Paused };
        assert_eq!(fold.into_stored(), BTreeMap::from([("c".to_owned(), stored)]));
    }
}
