//! Positions in a source, and in the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use gantry_model::{Str, TopicPartition};
use serde_json::Value as Json;

/// A free-form map, as connectors use for source partitions and offsets. Ordered, so that equal
/// maps have one JSON text.
pub type OffsetMap = serde_json::Map<String, Json>;

/// What part of the source a record is from, for example `{"filename":"/var/log/syslog"}`.
/// Shared by all records of the partition: make it once, clone it per record.
#[derive(Clone, Debug)]
pub struct SourcePartition {
    inner: Arc<(OffsetMap, Str)>,
}

impl SourcePartition {
    /// From a map.
    pub fn new(map: OffsetMap) -> Self {
        let canonical = Json::Object(map.clone()).to_string().into();
        Self { inner: Arc::new((map, canonical)) }
    }
    /// A map with one text.
    pub fn of(key: &str, value: &str) -> Self {
        let mut map = OffsetMap::new();
        map.insert(key.to_owned(), Json::from(value));
        Self::new(map)
    }
    /// Whether both are one.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
    /// The map.
    pub fn map(&self) -> &OffsetMap {
        &self.inner.0
    }
    /// Its JSON text with sorted keys: what identifies the partition.
    pub fn canonical(&self) -> &Str {
        &self.inner.1
    }
}

impl PartialEq for SourcePartition {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner) || self.inner.1 == other.inner.1
    }
}
impl Eq for SourcePartition {}

/// Where in its partition a record stands: what the source needs to go on *after* it.
#[derive(Clone, Debug)]
pub enum SourceOffset {
    /// One whole number under one name; costs no allocation per record.
    Number(Str, i64),
    /// Any map.
    Map(Arc<OffsetMap>),
    /// A map in a form of the source's own. Of many records only the last one's is ever looked
    /// at, so that it costs nothing to make.
    Encoded {
        /// The form.
        bytes: Bytes,
        /// Reads it.
        decode: fn(&Bytes) -> OffsetMap,
    },
}

impl PartialEq for SourceOffset {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(key, value), Self::Number(other_key, other)) => {
                key == other_key && value == other
            }
            _ => self.to_map() == other.to_map(),
        }
    }
}

impl SourceOffset {
    /// As a map.
    pub fn to_map(&self) -> OffsetMap {
        match self {
            Self::Number(key, value) => {
                let mut map = OffsetMap::new();
                map.insert(key.to_string(), Json::from(*value));
                map
            }
            Self::Map(map) => OffsetMap::clone(map),
            Self::Encoded { bytes, decode } => decode(bytes),
        }
    }
}

/// An offset that a sink has reached in one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkOffset {
    /// The next offset to read.
    pub offset: u64,
    /// Text of the sink's own, stored with the offset in one write and given back by
    /// [`crate::SinkTask::open`]: what lets a sink recognise what it wrote after this offset.
    pub metadata: Option<Str>,
}

impl SinkOffset {
    /// An offset alone.
    pub fn new(offset: u64) -> Self {
        Self { offset, metadata: None }
    }
}

/// Offsets by queue.
pub type SinkOffsets = BTreeMap<TopicPartition, SinkOffset>;
