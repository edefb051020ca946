//! What passes through a topology.

use gantry_log::RecordHeader;

/// A record with its key, value, event time and headers.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<K, V> {
    /// Records of one key meet in one task, once they were grouped or joined by it.
    pub key: K,
    /// What it says.
    pub value: V,
    /// Event time, milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Headers in order, as they came.
    pub headers: Vec<RecordHeader>,
}

impl<K, V> Record<K, V> {
    /// A record without headers.
    pub fn new(key: K, value: V, timestamp_ms: i64) -> Self {
        Self { key, value, timestamp_ms, headers: Vec::new() }
    }

    /// The same with another key.
    pub fn with_key<L>(self, key: L) -> Record<L, V> {
        Record { key, value: self.value, timestamp_ms: self.timestamp_ms, headers: self.headers }
    }

    /// The same with another value.
    pub fn with_value<W>(self, value: W) -> Record<K, W> {
        Record { key: self.key, value, timestamp_ms: self.timestamp_ms, headers: self.headers }
    }
}
