//! What the contract functions share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use crate::api::{FullLog, LogRecord, QueueBatch, ReadLimits, TopicSpec};
use crate::sync::now_ms;
use crate::{Str, TopicPartition};

pub(super) type AnyLog = Arc<dyn FullLog>;

/// Longest time that anything may take which is only bound to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often to look again meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A name that no other test uses, nor an earlier run on the same log.
pub(super) fn fresh(stem: &str) -> Str {
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id();
    format!("contract-{stem}-{}-{process}-{count}", now_ms()).into()
}

pub(super) async fn topic(log: &AnyLog, stem: &str, queues: u32) -> Str {
    topic_of(log, stem, TopicSpec::with_queues(queues)).await
}

pub(super) async fn topic_of(log: &AnyLog, stem: &str, spec: TopicSpec) -> Str {
    let name = fresh(stem);
    log.create_topic(&name, spec).await.expect("the topic is created");
    name
}

pub(super) fn queue(topic: &Str, partition: u32) -> TopicPartition {
    TopicPartition::new(Str::clone(topic), partition)
}

/// A record whose value is this text.
pub(super) fn text(value: &str) -> LogRecord {
    let value = Some(Bytes::copy_from_slice(value.as_bytes()));
    LogRecord { value, ..LogRecord::default() }
}

pub(super) fn keyed(key: &str, value: Option<&str>) -> LogRecord {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    LogRecord { key: Some(bytes(key)), value: value.map(bytes), ..LogRecord::default() }
}

/// The value as text.
pub(super) fn value(record: &LogRecord) -> String {
    let bytes = record.value.clone().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Appends to one queue and waits until it is durable; gives the first offset.
pub(super) async fn put(log: &AnyLog, to: &TopicPartition, records: Vec<LogRecord>) -> u64 {
    let batch = QueueBatch { to: to.clone(), records };
    let durable = log.append(vec![batch]).await.expect("the append is accepted");
    let offsets = durable.await.expect("the append becomes durable");
    assert_eq!(offsets.len(), 1, "one offset for each batch");
    offsets.first().map(|offsets| offsets.start).unwrap_or_default()
}

pub(super) fn limits(max_bytes: usize, max_records: usize, wait_ms: u64) -> ReadLimits {
    ReadLimits { max_bytes, max_records, wait: Duration::from_millis(wait_ms) }
}

/// Reads on until there are `count` records or more.
pub(super) async fn read_until(
    log: &AnyLog,
    from: &TopicPartition,
    start: u64,
    count: usize,
) -> Vec<(u64, LogRecord)> {
    let deadline = Instant::now() + PATIENCE;
    let mut next = start;
    let mut records = Vec::new();
    while records.len() < count {
        assert!(Instant::now() < deadline, "only {} of {count} records came", records.len());
        let position = [(from.clone(), next)];
        let got = log.read(&position, limits(1 << 20, 1000, 500)).await.expect("reads");
        for one in got {
            assert_eq!(&one.from, from);
            assert!(!one.records.is_empty(), "queues without records are left out");
            next = one.next;
            records.extend(one.records);
        }
    }
    records
}

/// Reads all there is now, from the first offset to the end.
pub(super) async fn read_all(log: &AnyLog, from: &TopicPartition) -> Vec<(u64, LogRecord)> {
    let deadline = Instant::now() + PATIENCE;
    let range = log.range(from).await.expect("the queue has a range");
    let mut next = range.earliest;
    let mut records = Vec::new();
    while next < range.next {
        assert!(Instant::now() < deadline, "reading stops at {next} of {}", range.next);
        let got = log.read(&[(from.clone(), next)], limits(1 << 20, 1000, 500)).await;
        for one in got.expect("reads") {
            assert!(one.next > next, "reading gets on");
            next = one.next;
            records.extend(one.records);
        }
    }
    records
}

/// What remains when the records are applied by key, tombstones removing theirs.
pub(super) fn fold(records: &[(u64, LogRecord)]) -> BTreeMap<Bytes, Bytes> {
    let mut folded = BTreeMap::new();
    for (_, record) in records {
        let key = record.key.clone().unwrap_or_default();
        match &record.value {
            Some(value) => folded.insert(key, value.clone()),
            None => folded.remove(&key),
        };
    }
    folded
}

/// Waits for what a log that is not atomic need only do some time.
pub(super) async fn eventually<F: Future<Output = bool>>(what: &str, check: impl Fn() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !check().await {
        assert!(Instant::now() < deadline, "never happened: {what}");
        sleep(PAUSE).await;
    }
}
