//! The traits and what passes through them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
pub use gantry_model::RecordHeader;
use gantry_model::{Str, TopicPartition};
use tokio::sync::watch;

/// What the log can answer instead of doing as asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// No such topic, or no such queue in it.
    #[error("unknown topic or queue {0}")]
    Unknown(TopicPartition),
    /// The topic exists already.
    #[error("topic {0} exists already")]
    TopicExists(Str),
    /// The name or the number of queues is not allowed.
    #[error("invalid topic {topic}: {reason}")]
    InvalidTopic {
        /// The name asked for.
        topic: Str,
        /// What is wrong with it.
        reason: String,
    },
    /// The offset was removed by retention, or was never written.
    #[error("offset {wanted} of {queue} is outside {}..={}", range.earliest, range.next)]
    OutOfRange {
        /// The queue.
        queue: TopicPartition,
        /// The offset asked for.
        wanted: u64,
        /// What there is.
        range: OffsetRange,
    },
    /// One record is larger than the log takes.
    #[error("record of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Another process has the data directory.
    #[error("{dir} is in use by process {pid}")]
    Locked {
        /// The directory.
        dir: String,
        /// Who has it.
        pid: String,
    },
    /// What is on disk is damaged in a place that recovery must not cut.
    #[error("log is corrupt: {0}")]
    Corrupt(String),
    /// The log cannot take or give records now; nothing was acknowledged.
    #[error("log unavailable: {0}")]
    Unavailable(Arc<str>),
    /// The log will not do this, now or later.
    #[error("log refused: {0}")]
    Refused(Arc<str>),
    /// An earlier append of the same session failed.
    #[error("an earlier append of this session failed; begin a new session behind what is durable")]
    SessionBroken,
    /// The log was closed.
    #[error("log is closed")]
    Closed,
}

impl LogError {
    /// Whether the same call may succeed later.
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// One record, as bytes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LogRecord {
    /// The key, if any.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Headers in order.
    pub headers: Vec<RecordHeader>,
    /// Milliseconds since the epoch; [`LogRecord::AT_STORE`] in an append.
    pub timestamp_ms: i64,
}

impl LogRecord {
    /// In an append: the log's own time when it takes the record, by one clock for all that
    /// append to a queue.
    pub const AT_STORE: i64 = i64::MIN;

    /// Bytes of key, value and headers: what limits count.
    pub fn size(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|h| h.key.len() + h.value.as_ref().map_or(0, Bytes::len)).sum();
        self.key.as_ref().map_or(0, Bytes::len)
            + self.value.as_ref().map_or(0, Bytes::len)
            + headers
    }
}

/// Records for one queue.
#[derive(Clone, Debug)]
pub struct QueueBatch {
    /// Where they go.
    pub to: TopicPartition,
    /// The records, in order.
    pub records: Vec<LogRecord>,
}

/// Records of one queue.
#[derive(Clone, Debug)]
pub struct QueueRecords {
    /// Where they are from.
    pub from: TopicPartition,
    /// Offset and record, in order. Offsets may have gaps.
    pub records: Vec<(u64, LogRecord)>,
    /// Where to read on.
    pub next: u64,
    /// The first offset not yet readable when this was read: `end - next` is the lag.
    pub end: u64,
}

/// The offsets of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetRange {
    /// The first offset still there.
    pub earliest: u64,
    /// The first offset not yet readable.
    pub next: u64,
}

/// Resolves when the batch is durable, with the offsets of each queue batch, in the order given:
/// from its first record to behind its last. Between those of a large batch records of others may
/// stand. Dropping it does not cancel the write.
pub type Durable = Pin<Box<dyn Future<Output = Result<Vec<Range<u64>>, LogError>> + Send>>;

/// How much to read and how long to wait for it.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// Stop after about this many bytes over all queues. A single larger record still comes.
    pub max_bytes: usize,
    /// Stop after this many records over all queues.
    pub max_records: usize,
    /// How long to wait for the first record.
    pub wait: Duration,
}

/// Appends that build on each other, as those of one source task: each says where the source
/// goes on, so none may be durable when one before it is not. Once an append of a session has
/// failed, all later ones fail with [`LogError::SessionBroken`], also those that were accepted
/// before the failure was known.
///
/// In an *exact* session nothing is appended twice: an append of which nobody knows whether it was
/// stored fails, where others are tried again.
#[derive(Clone, Debug, Default)]
pub struct Session {
    broken: Arc<AtomicBool>,
    exact: bool,
}

impl Session {
    /// A session in which nothing has failed.
    pub fn new() -> Self {
        Self::default()
    }
    /// A session in which nothing is appended twice.
    pub fn exact() -> Self {
        Self { exact: true, ..Self::default() }
    }
    /// Whether an append of it has failed.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }
    /// Whether nothing of it may be appended twice.
    pub fn is_exact(&self) -> bool {
        self.exact
    }
    /// Notes that an append of it has failed: for implementations of [`Log`].
    pub fn set_broken(&self) {
        self.broken.store(true, Ordering::Release);
    }
}

/// Append and read.
#[async_trait]
pub trait Log: Send + Sync {
    /// Whether one [`Log::append`] over several queues is one atomic write: after a crash all
    /// of it is there, or nothing.
    fn is_atomic(&self) -> bool;

    /// Returns once the batches are *accepted* (this await is the back-pressure); the future it
    /// gives resolves once they are *durable*. Batches of one queue get offsets, become durable
    /// and are acknowledged in the order accepted. Not cancel safe: a dropped call may or may
    /// not have appended.
    async fn append(&self, batches: Vec<QueueBatch>) -> Result<Durable, LogError> {
        self.append_in(&Session::new(), batches).await
    }

    /// The same for appends that build on each other: see [`Session`].
    async fn append_in(
        &self,
        session: &Session,
        batches: Vec<QueueBatch>,
    ) -> Result<Durable, LogError>;

    /// Reads durable records from several queues, each from its offset. Answers as soon as
    /// there is any record, or empty after `limits.wait`. Queues without records are left out.
    /// Fails with [`LogError::OutOfRange`] if an offset is below `earliest` or above `next`,
    /// with [`LogError::Unknown`] if the topic is gone. Cancel safe.
    async fn read(
        &self,
        from: &[(TopicPartition, u64)],
        limits: ReadLimits,
    ) -> Result<Vec<QueueRecords>, LogError>;

    /// The offsets that can be read.
    async fn range(&self, of: &TopicPartition) -> Result<OffsetRange, LogError>;

    /// The first offset whose record has at least this timestamp; `None` if there is none.
    async fn offset_for_time(
        &self,
        of: &TopicPartition,
        timestamp_ms: i64,
    ) -> Result<Option<u64>, LogError>;
}

/// What happens to old records of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// They may go when older than `retention_ms` or when the topic is larger than
    /// `retention_bytes`; `None` means the log's default.
    Delete {
        /// Milliseconds to keep.
        retention_ms: Option<u64>,
        /// Bytes to keep.
        retention_bytes: Option<u64>,
    },
    /// The last record of each key stays for ever; a tombstone removes its key.
    Compact,
}

/// What a topic shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// How many queues.
    pub queues: u32,
    /// What happens to old records.
    pub cleanup: Cleanup,
}

impl TopicSpec {
    /// A topic with the log's default retention.
    pub fn with_queues(queues: u32) -> Self {
        let cleanup = Cleanup::Delete { retention_ms: None, retention_bytes: None };
        Self { queues, cleanup }
    }
    /// One queue, the last record of each key kept.
    pub fn compacted() -> Self {
        Self { queues: 1, cleanup: Cleanup::Compact }
    }
}

/// What a topic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// How many queues and what happens to old records.
    pub spec: TopicSpec,
}

/// What a copy of a topic is to have of the original beside its [`TopicSpec`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicLikeness {
    /// Where each queue begins; those behind the end of the list begin at 0. A log that cannot
    /// choose begins all at 0: [`Log::range`] tells.
    pub first_offsets: Vec<u64>,
    /// What [`LogAdmin::topic_attributes`] told of the original.
    pub attributes: BTreeMap<Str, Str>,
}

/// Topics.
#[async_trait]
pub trait LogAdmin: Send + Sync {
    /// All topics by name.
    async fn topics(&self) -> Result<BTreeMap<Str, TopicInfo>, LogError>;
    /// One topic, `None` if there is none of that name.
    async fn topic(&self, name: &str) -> Result<Option<TopicInfo>, LogError>;
    /// Creates a topic, durably. Fails with [`LogError::TopicExists`].
    async fn create_topic(&self, name: &str, spec: TopicSpec) -> Result<(), LogError>;
    /// Creates a topic that is to be like another one, as far as this log can. Fails like
    /// [`LogAdmin::create_topic`].
    async fn create_topic_like(
        &self,
        name: &str,
        spec: TopicSpec,
        _likeness: &TopicLikeness,
    ) -> Result<(), LogError> {
        self.create_topic(name, spec).await
    }
    /// Gives a topic more queues, durably: `queues` in all. Those that are there keep their numbers
    /// and records; new ones begin as `first_offsets` says, by their numbers in the topic, where the
    /// log can choose. Nothing happens where it has so many already.
    async fn add_queues(
        &self,
        name: &str,
        _queues: u32,
        _first_offsets: &[u64],
    ) -> Result<(), LogError> {
        Err(LogError::Refused(format!("topic {name}: this log cannot add queues").into()))
    }
    /// Settings of a topic that only this kind of log has.
    async fn topic_attributes(&self, _name: &str) -> Result<BTreeMap<Str, Str>, LogError> {
        Ok(BTreeMap::new())
    }
    /// Where each queue of a topic is, by its number, where a number alone may come to mean
    /// another queue; else empty. Cheap enough to be asked at each read.
    async fn queue_places(&self, _name: &str) -> Result<Vec<Str>, LogError> {
        Ok(Vec::new())
    }
    /// Deletes a topic with its records and committed offsets, durably.
    async fn delete_topic(&self, name: &str) -> Result<(), LogError>;
    /// Counts up whenever a topic came or went.
    fn topic_changes(&self) -> watch::Receiver<u64>;
    /// Whether each topic has a retention of its own. Where it has not, [`Cleanup::Delete`] says
    /// `None` for what the log keeps, whatever was asked for.
    fn keeps_retention(&self) -> bool {
        true
    }
}

/// Committed offsets of consumer groups.
#[async_trait]
pub trait LogGroup: Send + Sync {
    /// What was committed; queues without are left out.
    async fn committed(
        &self,
        group: &str,
        of: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>, LogError>;
    /// Commits, durable on return. `None` removes the committed offset.
    async fn commit(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, Option<u64>>,
    ) -> Result<(), LogError>;
    /// All groups that have committed offsets, with these.
    async fn groups(&self) -> Result<BTreeMap<Str, BTreeMap<TopicPartition, u64>>, LogError>;
    /// Removes a group and all that it committed.
    async fn delete_group(&self, group: &str) -> Result<(), LogError>;
    /// Whether consumers are connected that are of a group, as far as the log knows of such.
    async fn has_members(&self, _group: &str) -> Result<bool, LogError> {
        Ok(false)
    }
}

/// A log with all three traits, as the engine takes it.
pub trait FullLog: Log + LogAdmin + LogGroup {}
impl<T: Log + LogAdmin + LogGroup> FullLog for T {}
