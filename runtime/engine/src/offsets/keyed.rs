//! A compacted topic with Kafka Connect's keys and values: key `["connector",{partition}]`, value
//! `{offset}` or null.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gantry_api::{OffsetMap, SourcePartition, Str};
use gantry_coordination::{Keeps, fold, open_topic};
use gantry_log::{FullLog, LogError, LogRecord, QueueBatch, TopicPartition};
use serde_json::Value as Json;

use super::Change;
use crate::error::HerderError;

/// One partition of a connector: its map, and where it stands.
#[derive(Clone, Debug)]
struct Entry {
    partition: OffsetMap,
    /// `None`: removed.
    offset: Option<OffsetMap>,
    /// Where in the offset topic this stands: an older record never replaces it.
    at: u64,
}

/// What was committed, by connector and by the partition's canonical JSON.
type Committed = HashMap<String, BTreeMap<Str, Entry>>;

/// The offsets of all connectors.
pub(crate) struct KeyedOffsets {
    log: Arc<dyn FullLog>,
    queue: TopicPartition,
    committed: Mutex<Committed>,
    /// Up to where the topic was folded.
    folded: tokio::sync::Mutex<u64>,
}

impl KeyedOffsets {
    /// Creates the topic if it is not there and folds it.
    pub(crate) async fn load(log: Arc<dyn FullLog>, topic: &str) -> Result<Self, HerderError> {
        let queue = open_topic(&*log, "offset.storage.topic", topic, Keeps::LastOfEachKey).await?;
        let store = Self { log, queue, committed: Mutex::default(), folded: Default::default() };
        store.catch_up().await?;
        Ok(store)
    }

    /// Folds what has been written since. Writes that were accepted before this call are
    /// included, also those whose task is gone and never learned that they are durable.
    pub(crate) async fn catch_up(&self) -> Result<(), LogError> {
        let mut folded = self.folded.lock().await;
        let barrier = QueueBatch { to: self.queue.clone(), records: Vec::new() };
        self.log.append(vec![barrier]).await?.await?;
        let take = |at, record: &LogRecord| apply(&mut self.lock(), record, at);
        *folded = fold(&*self.log, &self.queue, *folded, take).await?;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Committed> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The changes as records of the offset topic, to be appended together with the data where
    /// the log is atomic.
    pub(crate) fn batch(&self, connector: &str, changes: &[Change]) -> QueueBatch {
        let now_ms = gantry_api::now_ms();
        let records = changes
            .iter()
            .map(|(partition, offset)| LogRecord {
                key: Some(key(connector, partition.canonical())),
                value: offset.as_ref().map(|map| Bytes::from(object(map))),
                headers: Vec::new(),
                timestamp_ms: now_ms,
            })
            .collect();
        QueueBatch { to: self.queue.clone(), records }
    }

    /// Notes changes that are durable from offset `at` of the topic on.
    pub(crate) fn applied(&self, connector: &str, changes: Vec<Change>, at: u64) {
        let mut committed = self.lock();
        let partitions = committed.entry(connector.to_owned()).or_default();
        for (at, (partition, offset)) in (at..).zip(changes) {
            let canonical = Str::clone(partition.canonical());
            put(partitions, canonical, Entry { partition: partition.map().clone(), offset, at });
        }
    }

    /// Writes changes; durable on return.
    pub(crate) async fn store(
        &self,
        connector: &str,
        changes: Vec<Change>,
    ) -> Result<(), LogError> {
        if changes.is_empty() {
            return Ok(());
        }
        let durable = self.log.append(vec![self.batch(connector, &changes)]).await?.await?;
        self.applied(connector, changes, durable.first().map_or(0, |offsets| offsets.start));
        Ok(())
    }

    /// All partitions and offsets of a connector.
    pub(super) fn each(&self, connector: &str) -> Vec<(OffsetMap, OffsetMap)> {
        let committed = self.lock();
        let Some(partitions) = committed.get(connector) else { return Vec::new() };
        let with_offset = |entry: &Entry| Some((entry.partition.clone(), entry.offset.clone()?));
        partitions.values().filter_map(with_offset).collect()
    }

    /// The offset of one partition.
    pub(super) fn get(&self, connector: &str, partition: &SourcePartition) -> Option<OffsetMap> {
        let committed = self.lock();
        committed.get(connector)?.get(partition.canonical())?.offset.clone()
    }
}

impl std::fmt::Debug for KeyedOffsets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyedOffsets({})", self.queue)
    }
}

fn object(map: &OffsetMap) -> String {
    Json::Object(map.clone()).to_string()
}

fn key(connector: &str, canonical_partition: &str) -> Bytes {
    Bytes::from(format!("[{},{canonical_partition}]", Json::from(connector)))
}

fn put(partitions: &mut BTreeMap<Str, Entry>, canonical: Str, entry: Entry) {
    if partitions.get(&canonical).is_none_or(|known| known.at <= entry.at) {
        partitions.insert(canonical, entry);
    }
}

/// Folds one record; what is not in our form is passed over with a warning.
fn apply(committed: &mut Committed, record: &LogRecord, at: u64) {
    let parsed = record
        .key
        .as_deref()
        .and_then(|key| serde_json::from_slice::<(String, OffsetMap)>(key).ok());
    let Some((connector, partition)) = parsed else {
        tracing::warn!("a record of the offset topic has a key that is no offset key; ignored");
        return;
    };
    let canonical = Str::clone(SourcePartition::new(partition.clone()).canonical());
    let partitions = committed.entry(connector).or_default();
    match &record.value {
        None => put(partitions, canonical, Entry { partition, offset: None, at }),
        Some(value) => match serde_json::from_slice::<OffsetMap>(value) {
            Ok(offset) => {
                put(partitions, canonical, Entry { partition, offset: Some(offset), at });
            }
            Err(error) => {
                tracing::warn!(%error, "a record of the offset topic has no valid value; ignored");
            }
        },
    }
}
