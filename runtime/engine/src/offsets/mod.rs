//! Offsets of all connectors: a topic, folded in memory.

mod clustered;
mod keyed;
mod task;

use std::sync::Arc;

use gantry_api::{OffsetMap, OffsetReader, Props, SinkOffset, SinkOffsets, SourcePartition, Str};
use gantry_coordination::FencedOffsets;
use gantry_log::{FullLog, LogError, TopicPartition};
use serde_json::Value as Json;

use crate::error::HerderError;
pub(crate) use keyed::KeyedOffsets;
pub(crate) use task::TaskOffsets;

/// Name of a queue's topic in a sink's partition, as the REST API shows it.
pub(crate) const KAFKA_TOPIC: &str = "kafka_topic";
/// Name of a queue's number in a sink's partition.
pub(crate) const KAFKA_PARTITION: &str = "kafka_partition";
/// Name of the offset of a sink.
pub(crate) const KAFKA_OFFSET: &str = "kafka_offset";
/// Name of what a sink stores with its offset; never shown.
const METADATA: &str = "metadata";

/// A change of one partition's offset; `None` removes it.
pub(crate) type Change = (SourcePartition, Option<OffsetMap>);

/// The offsets of all connectors.
pub(crate) enum OffsetStore {
    /// Of the only worker of its log: each record is the last word on its key.
    Keyed(KeyedOffsets),
    /// Of a cluster: only the owner of a task commits.
    Fenced(Arc<FencedOffsets>),
}

impl OffsetStore {
    /// Folds what has been written since.
    pub(crate) async fn catch_up(&self) -> Result<(), LogError> {
        match self {
            Self::Keyed(keyed) => keyed.catch_up().await,
            Self::Fenced(fenced) => fenced.catch_up().await,
        }
    }

    /// Whether offsets may be part of the write of the records: where the log writes both or
    /// none, and nobody else may own the task by then.
    pub(crate) fn go_with_records(&self, log: &dyn FullLog) -> bool {
        matches!(self, Self::Keyed(_)) && log.is_atomic()
    }

    /// Writes changes that a user asks for; durable on return.
    pub(crate) async fn edit(
        &self,
        connector: &str,
        changes: Vec<Change>,
    ) -> Result<(), HerderError> {
        match self {
            Self::Keyed(keyed) => Ok(keyed.store(connector, changes).await?),
            Self::Fenced(fenced) => clustered::edit(fenced, connector, changes).await,
        }
    }

    /// All partitions and offsets of a connector, by their canonical texts.
    fn each(&self, connector: &str) -> Vec<(OffsetMap, OffsetMap)> {
        match self {
            Self::Keyed(keyed) => keyed.each(connector),
            Self::Fenced(fenced) => clustered::each(fenced, connector),
        }
    }

    /// The offset of one partition.
    fn get(&self, connector: &str, partition: &SourcePartition) -> Option<OffsetMap> {
        match self {
            Self::Keyed(keyed) => keyed.get(connector, partition),
            Self::Fenced(fenced) => clustered::get(fenced, connector, partition),
        }
    }

    /// All partitions and offsets of a connector, as the REST API shows them.
    pub(crate) fn all(&self, connector: &str, is_source: bool) -> Vec<(OffsetMap, OffsetMap)> {
        let mut all = self.each(connector);
        all.retain(|(partition, _)| is_source != partition.contains_key(KAFKA_TOPIC));
        if !is_source {
            all.iter_mut().for_each(|(_, offset)| {
                offset.remove(METADATA);
            });
        }
        all
    }

    /// What a sink has committed.
    pub(crate) fn sink_offsets(&self, connector: &str) -> SinkOffsets {
        self.each(connector).iter().filter_map(sink_entry).collect()
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

fn sink_entry(
    (partition, offset): &(OffsetMap, OffsetMap),
) -> Option<(TopicPartition, SinkOffset)> {
    let topic = partition.get(KAFKA_TOPIC)?.as_str()?;
    let queue = u32::try_from(partition.get(KAFKA_PARTITION)?.as_u64()?).ok()?;
    let at = offset.get(KAFKA_OFFSET)?.as_u64()?;
    let metadata = offset.get(METADATA).and_then(Json::as_str).map(Str::from);
    Some((TopicPartition::new(topic, queue), SinkOffset { offset: at, metadata }))
}

struct Reader {
    store: Arc<OffsetStore>,
    connector: String,
}

impl OffsetReader for Reader {
    fn offset(&self, partition: &SourcePartition) -> Option<OffsetMap> {
        self.store.get(&self.connector, partition)
    }
}
