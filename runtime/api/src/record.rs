//! A record with where it came from, which no transformation can change.

use gantry_model::{ConnectRecord, TopicPartition};

use crate::offset::{SourceOffset, SourcePartition};

/// A record from a source, with its position there.
#[derive(Clone, Debug)]
pub struct SourceRecord {
    /// What transformations see.
    pub record: ConnectRecord,
    /// What part of the source it is from.
    pub partition: SourcePartition,
    /// Where the source goes on after it.
    pub offset: SourceOffset,
}

/// Who set a record's timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer.
    CreateTime,
    /// The log.
    LogAppendTime,
}

/// A record for a sink, with its place in the log before any transformation.
#[derive(Clone, Debug)]
pub struct SinkRecord {
    /// What transformations have made of it.
    pub record: ConnectRecord,
    /// The queue it was read from.
    pub origin: TopicPartition,
    /// Its offset there.
    pub offset: u64,
    /// Who set its timestamp.
    pub timestamp_type: TimestampType,
}
