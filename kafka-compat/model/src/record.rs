//! Records as converters and transformations see them. Where a record came from stands beside
//! it (`gantry_api::SourceRecord`, `SinkRecord`), where no transformation can touch it.

use std::sync::Arc;

use crate::value::Datum;

/// Shared text: topic, field and header names.
pub type Str = Arc<str>;

/// A topic and one of its queues (Kafka: partition).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Str,
    /// The queue, from 0.
    pub partition: u32,
}

impl TopicPartition {
    /// That queue of that topic.
    pub fn new(topic: impl Into<Str>, partition: u32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A header: a name that may stand more than once, and a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Its name.
    pub key: Str,
    /// Its value.
    pub datum: Datum,
}

/// Headers in order.
pub type Headers = Vec<Header>;

/// What a transformation sees and may change.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectRecord {
    /// The topic it goes to or came from.
    pub topic: Str,
    /// The queue, if chosen. Kafka's type is a signed `Integer`; a negative one is an error later.
    pub partition: Option<i32>,
    /// The key.
    pub key: Datum,
    /// The value.
    pub value: Datum,
    /// Milliseconds since the epoch.
    pub timestamp_ms: Option<i64>,
    /// The headers.
    pub headers: Headers,
    /// The offset in the topic, for sink records only: `InsertField` can show it.
    pub sink_offset: Option<u64>,
}

impl ConnectRecord {
    /// A record with only a value.
    pub fn new(topic: Str, value: Datum) -> Self {
        Self {
            topic,
            partition: None,
            key: Datum::NULL,
            value,
            timestamp_ms: None,
            headers: Vec::new(),
            sink_offset: None,
        }
    }
}
