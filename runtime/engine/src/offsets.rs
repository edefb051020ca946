//! Offsets of all connectors: a compacted topic, folded in memory. Keys and values are Kafka
//! Connect's: key `["connector",{partition}]`, value `{offset}` or null.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gantry_api::{OffsetMap, OffsetReader, Props, SinkOffset, SinkOffsets, SourcePartition, Str};
use gantry_log::{FullLog, LogError, LogRecord, QueueBatch, TopicPartition};
use serde_json::Value as Json;

use crate::error::HerderError;
use crate::topic_fold::{fold, open_topic};

/// Name of a queue's topic in a sink's partition, as the REST API shows it.
pub(crate) const KAFKA_TOPIC: &str = "kafka_topic";
/// Name of a queue's number in a sink's partition.
pub(crate) const KAFKA_PARTITION: &str = "kafka_partition";
/// Name of the offset of a sink.
pub(crate) const KAFKA_OFFSET: &str = "kafka_offset";
/// Name of what a sink stores with its offset; never shown.
const METADATA: &str = "metadata";

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

/// A change of one partition's offset; `None` removes it.
pub(crate) type Change = (SourcePartition, Option<OffsetMap>);

/// The offsets of all connectors.
pub(crate) struct OffsetStore {
    log: Arc<dyn FullLog>,
    queue: TopicPartition,
    committed: Mutex<Committed>,
    /// Up to where the topic was folded.
    folded: tokio::sync::Mutex<u64>,
}

impl OffsetStore {
    /// Creates the topic if it is not there and folds it.
    pub(crate) async fn load(log: Arc<dyn FullLog>, topic: &str) -> Result<Arc<Self>, HerderError> {
        let queue = open_topic(&*log, "offset.storage.topic", topic).await?;
        let store = Self { log, queue, committed: Mutex::default(), folded: Default::default() };
        store.catch_up().await?;
        Ok(Arc::new(store))
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
        self.applied(connector, changes, durable.first().copied().unwrap_or_default());
        Ok(())
    }

    /// All partitions and offsets of a connector, as the REST API shows them.
    pub(crate) fn all(&self, connector: &str, is_source: bool) -> Vec<(OffsetMap, OffsetMap)> {
        let committed = self.lock();
        let Some(partitions) = committed.get(connector) else { return Vec::new() };
        partitions
            .values()
            .filter(|entry| is_source != entry.partition.contains_key(KAFKA_TOPIC))
            .filter_map(|entry| {
                let mut offset = entry.offset.clone()?;
                if !is_source {
                    offset.remove(METADATA);
                }
                Some((entry.partition.clone(), offset))
            })
            .collect()
    }

    /// What a sink has committed.
    pub(crate) fn sink_offsets(&self, connector: &str) -> SinkOffsets {
        let committed = self.lock();
        let Some(partitions) = committed.get(connector) else { return SinkOffsets::new() };
        partitions.values().filter_map(sink_entry).collect()
    }

    /// A sink's offsets as changes.
    pub(crate) fn sink_changes(offsets: &SinkOffsets) -> Vec<Change> {
        offsets
            .iter()
            .map(|(queue, offset)| {
                let mut map = OffsetMap::new();
                map.insert(KAFKA_OFFSET.to_owned(), Json::from(offset.offset));
                if let Some(metadata) = &offset.metadata {
                    map.insert(METADATA.to_owned(), Json::from(&**metadata));
                }
                (sink_partition(queue), Some(map))
            })
            .collect()
    }

    /// Reads the source offsets of one connector.
    pub(crate) fn reader(self: &Arc<Self>, connector: &str) -> Arc<dyn OffsetReader> {
        Arc::new(Reader { store: Arc::clone(self), connector: connector.to_owned() })
    }
}

impl std::fmt::Debug for OffsetStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OffsetStore({})", self.queue)
    }
}

/// The consumer group that a sink's offsets are mirrored to.
pub(crate) fn sink_group(connector: &str, props: &Props, worker: &Props) -> String {
    props
        .get("consumer.override.group.id")
        .or_else(|| worker.get("consumer.group.id"))
        .map_or_else(|| format!("connect-{connector}"), |group| group.trim().to_owned())
}

/// The partition map of a sink's queue.
pub(crate) fn sink_partition(queue: &TopicPartition) -> SourcePartition {
    let mut map = OffsetMap::new();
    map.insert(KAFKA_PARTITION.to_owned(), Json::from(queue.partition));
    map.insert(KAFKA_TOPIC.to_owned(), Json::from(&*queue.topic));
    SourcePartition::new(map)
}

fn sink_entry(entry: &Entry) -> Option<(TopicPartition, SinkOffset)> {
    let topic = entry.partition.get(KAFKA_TOPIC)?.as_str()?;
    let queue = u32::try_from(entry.partition.get(KAFKA_PARTITION)?.as_u64()?).ok()?;
    let stored = entry.offset.as_ref()?;
    let offset = stored.get(KAFKA_OFFSET)?.as_u64()?;
    let metadata = stored.get(METADATA).and_then(Json::as_str).map(Str::from);
    Some((TopicPartition::new(topic, queue), SinkOffset { offset, metadata }))
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

struct Reader {
    store: Arc<OffsetStore>,
    connector: String,
}

impl OffsetReader for Reader {
    fn offset(&self, partition: &SourcePartition) -> Option<OffsetMap> {
        let committed = self.store.lock();
        let entry = committed.get(&self.connector)?.get(partition.canonical())?;
        entry.offset.clone()
    }
}
