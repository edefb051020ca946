//! The log, as sink tasks use it that agree with each other through a topic: what the Kafka clients
//! that a plugin brings with it are here.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use gantry_model::{Result, Str, TopicPartition};

/// A record as bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicRecord {
    /// The key, if any.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Headers in order.
    pub headers: Vec<(Str, Option<Bytes>)>,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
}

/// Where a record goes: a queue, or one by its key as Kafka's default partitioner chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The topic, which is made with one queue if it is not there.
    pub topic: Str,
    /// The queue, if not by the key.
    pub queue: Option<u32>,
}

/// What was read of one queue.
#[derive(Clone, Debug)]
pub struct TopicRead {
    /// The queue.
    pub from: TopicPartition,
    /// Offset and record, in order. Offsets may have gaps.
    pub records: Vec<(u64, TopicRecord)>,
    /// Where to read on.
    pub next: u64,
}

/// What there is of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRange {
    /// The first offset still there.
    pub earliest: u64,
    /// The first offset not yet written.
    pub next: u64,
}

/// The log for one sink task. Every wait is bounded; an error says whether to try again.
#[async_trait]
pub trait SinkLog: Send + Sync + std::fmt::Debug {
    /// Writes records and commits offsets of the connector with them: all or nothing where the
    /// log is atomic or the worker is one of a cluster, and durable on return. Offsets count as
    /// if the task had given them from [`crate::SinkTask::pre_commit`].
    async fn write(
        &self,
        records: Vec<(Destination, TopicRecord)>,
        offsets: BTreeMap<TopicPartition, u64>,
    ) -> Result<()>;

    /// Reads what is committed from each of the queues, waiting at most so long for the first
    /// record. Queues of which nothing was read may be left out.
    async fn read(&self, from: &[(TopicPartition, u64)], wait: Duration) -> Result<Vec<TopicRead>>;

    /// How many queues a topic has, which is made with one if it is not there.
    async fn queues(&self, topic: &str) -> Result<u32>;

    /// What there is of a queue.
    async fn range(&self, of: &TopicPartition) -> Result<QueueRange>;

    /// The consumer group that the connector's tasks are seen as.
    fn group(&self) -> &str;

    /// The queues of each task of the connector, by its number.
    async fn members(&self) -> Result<Vec<Vec<TopicPartition>>>;

    /// What a group has committed; the connector's own one has what its tasks have.
    async fn committed(
        &self,
        group: &str,
        of: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>>;

    /// Commits for a group that is not the connector's own.
    async fn commit(&self, group: &str, offsets: &BTreeMap<TopicPartition, u64>) -> Result<()>;
}
