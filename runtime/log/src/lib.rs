//! The log: what topics are to Gantry. Three traits ([`Log`], [`LogAdmin`], [`LogGroup`]), an
//! in-memory implementation for tests, a durable embedded one, and the contract suite that
//! every implementation passes.

pub mod api;
pub mod contract;
pub mod embedded;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub use embedded::fuzzing;
pub mod memory;
mod names;
mod partitioner;
pub mod share;
mod sync;

pub use api::{
    Cleanup, Durable, FullLog, Log, LogAdmin, LogError, LogGroup, LogRecord, OffsetRange,
    QueueBatch, QueueRecords, ReadLimits, RecordHeader, Session, TopicInfo, TopicLikeness,
    TopicSpec,
};
pub use embedded::{EmbeddedConfig, EmbeddedLog};
pub use gantry_model::{Str, TopicPartition};
pub use memory::MemoryLog;
pub use names::{TOPIC_NAME_BYTES_MAX, TOPIC_QUEUES_MAX, check_topic};
pub use partitioner::queue_of_key;
