//! Tests of the embedded log that look into its files or let its disk fail.

mod cleaning;
mod faults;
mod frames;
mod modes;
mod recovery;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{EmbeddedConfig, EmbeddedLog};
use crate::{Log, LogError, LogRecord, QueueBatch, ReadLimits, TopicPartition};

/// Small segments, quick housekeeping, nothing expires by itself.
fn config(dir: &Path) -> EmbeddedConfig {
    EmbeddedConfig {
        segment_bytes: 4096,
        retention_ms: None,
        retention_check_interval_ms: 5,
        ..EmbeddedConfig::new(dir)
    }
}

/// As [`config`], but nothing rolls and the housekeeper sleeps.
fn one_segment(dir: &Path) -> EmbeddedConfig {
    EmbeddedConfig { retention_ms: None, ..EmbeddedConfig::new(dir) }
}

fn queue(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

fn text(value: impl Into<String>) -> LogRecord {
    LogRecord { value: Some(Bytes::from(value.into())), ..LogRecord::default() }
}

fn keyed(key: &str, value: Option<String>) -> LogRecord {
    let key = Some(Bytes::copy_from_slice(key.as_bytes()));
    LogRecord { key, value: value.map(Bytes::from), ..LogRecord::default() }
}

fn batch(topic: &str, partition: u32, values: &[&str]) -> QueueBatch {
    let records = values.iter().map(|value| text(*value)).collect();
    QueueBatch { to: queue(topic, partition), records }
}

async fn append(log: &EmbeddedLog, batches: Vec<QueueBatch>) -> Result<Vec<Range<u64>>, LogError> {
    log.append(batches).await?.await
}

const ALL: ReadLimits = ReadLimits { max_bytes: 1 << 20, max_records: 1000, wait: Duration::ZERO };

async fn read_all(log: &EmbeddedLog, from: &TopicPartition) -> Vec<(u64, LogRecord)> {
    let range = log.range(from).await.unwrap();
    read_from(log, from, range.earliest).await.unwrap()
}

async fn read_from(
    log: &EmbeddedLog,
    from: &TopicPartition,
    mut next: u64,
) -> Result<Vec<(u64, LogRecord)>, LogError> {
    let end = log.range(from).await?.next;
    let mut records = Vec::new();
    while next < end {
        let got = log.read(&[(from.clone(), next)], ALL).await?;
        assert_eq!(got.len(), 1, "nothing can be read at {next} of {end}");
        for one in got {
            assert!(one.next > next);
            next = one.next;
            records.extend(one.records);
        }
    }
    Ok(records)
}

async fn values(log: &EmbeddedLog, topic: &str, partition: u32) -> Vec<String> {
    let records = read_all(log, &queue(topic, partition)).await;
    records.into_iter().map(|(_, record)| value(&record)).collect()
}

fn value(record: &LogRecord) -> String {
    String::from_utf8(record.value.clone().unwrap_or_default().to_vec()).unwrap()
}

/// The log files in a directory, in order.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "log")).collect();
    files.sort();
    files
}

fn eventually(what: &str, check: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !check() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Copies the files of a log that is not open.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Changes one byte of a file.
fn damage(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x55;
    std::fs::write(path, bytes).unwrap();
}
