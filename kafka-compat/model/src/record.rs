//! Records as converters and transformations see them. Where a record came from stands beside
//! it (`gantry_api::SourceRecord`, `SinkRecord`), where no transformation can touch it.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::logical::Logical;
use crate::schema::{Kind, Schema};
use crate::text::java_string;
use crate::value::{Datum, Value};

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

impl Header {
    /// A header whose value is checked against its schema (`ConnectHeaders.add`).
    /// `DataException` if it does not fit: only its type is looked at, not what it holds. A
    /// struct without a schema beside it shows its own, as Java's header does.
    pub fn new(key: Str, mut datum: Datum) -> Result<Self> {
        if let (None, Value::Struct(inner)) = (&datum.schema, &datum.value) {
            datum.schema = Some(inner.schema().clone());
        } else if let Some(schema) = &datum.schema {
            if datum.value.is_null() && !schema.is_optional() {
                return Err(Error::data(format!(
                    "A null value requires an optional schema but was {schema:?}"
                )));
            }
            if !datum.value.is_null() && !is_of_kind(schema, &datum.value) {
                return Err(Error::data(format!(
                    "The value {} is not compatible with the schema {schema:?}",
                    java_string(&datum.value)
                )));
            }
        }
        Ok(Self { key, datum })
    }
}

fn is_of_kind(schema: &Schema, value: &Value) -> bool {
    match (schema.kind(), value) {
        (Kind::Boolean, Value::Boolean(_))
        | (Kind::Int8, Value::Int8(_))
        | (Kind::Int16, Value::Int16(_))
        | (Kind::Int32, Value::Int32(_))
        | (Kind::Int64, Value::Int64(_))
        | (Kind::Float32, Value::Float32(_))
        | (Kind::Float64, Value::Float64(_))
        | (Kind::String, Value::String(_))
        | (Kind::Bytes, Value::Bytes(_))
        | (Kind::Array(_), Value::Array(_))
        | (Kind::Map { .. }, Value::Map(_))
        | (Kind::Struct(_), Value::Struct(_)) => true,
        (kind, value) => matches!(
            (kind, Logical::of(schema), value),
            (Kind::Bytes, Some(Logical::Decimal), Value::Decimal(_))
                | (Kind::Int32, Some(Logical::Date | Logical::Time), Value::Date(_))
                | (Kind::Int64, Some(Logical::Timestamp), Value::Date(_))
        ),
    }
}

/// Headers in order.
pub type Headers = Vec<Header>;

/// A header of a record: a name, which may stand more than once, and bytes or null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// Its name.
    pub key: Str,
    /// Its value.
    pub value: Option<Bytes>,
}

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
