//! What an embedded log is told when it is opened.

use std::path::PathBuf;

/// Where an embedded log keeps its data and within which limits. Start from
/// [`EmbeddedConfig::new`] and change what shall differ.
#[derive(Clone, Debug)]
pub struct EmbeddedConfig {
    /// The data directory; created if missing. One process at a time has it.
    pub dir: PathBuf,
    /// Longest time in milliseconds between two syncs while appends keep coming. When nothing
    /// else is in flight, an append is synced at once. Default 10.
    pub sync_interval_ms: u64,
    /// A segment file is closed and the next one begun when it would grow beyond this many
    /// bytes (4 KiB to 1 GiB; other values are clamped). Default 128 MiB.
    pub segment_bytes: u64,
    /// Milliseconds that records of a topic without its own `retention_ms` are kept, counted
    /// from when they were appended; `None` keeps them for ever. Default 7 days.
    pub retention_ms: Option<u64>,
    /// Bytes that a topic without its own `retention_bytes` may keep; `None` is no limit,
    /// the default.
    pub retention_bytes: Option<u64>,
    /// Milliseconds that tombstones of compacted topics are kept, so that readers who are behind
    /// learn that their keys are gone; Kafka's `delete.retention.ms`. Default 1 day.
    pub tombstone_retention_ms: u64,
    /// Milliseconds between two looks for what retention can delete. Default 5 minutes.
    pub retention_check_interval_ms: u64,
    /// Largest record, in bytes of key, value and headers. Default 16 MiB.
    pub max_record_bytes: usize,
    /// Bytes that may be accepted but not yet durable before `append` waits. Default 32 MiB.
    pub max_in_flight_bytes: usize,
}

impl EmbeddedConfig {
    /// The defaults, in that directory.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            sync_interval_ms: 10,
            segment_bytes: 128 << 20,
            retention_ms: Some(7 * 24 * 60 * 60 * 1000),
            retention_bytes: None,
            tombstone_retention_ms: 24 * 60 * 60 * 1000,
            retention_check_interval_ms: 5 * 60 * 1000,
            max_record_bytes: 16 << 20,
            max_in_flight_bytes: 32 << 20,
        }
    }
}
