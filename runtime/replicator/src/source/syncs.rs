//! The topic of offset syncs: where copies are, for whoever translates offsets.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use gantry_api::{Error, Result, now_ms};
use gantry_coordination::take_mark;
use gantry_log::{FullLog, LogError, LogRecord, QueueBatch, ReadLimits, Str, TopicPartition};

use crate::clusters::failed;
use crate::source::topics::ensure_own;
use crate::wire::{Sync, read_sync_key, read_sync_value, sync_key, sync_value};

/// Read at once.
const READ: ReadLimits =
    ReadLimits { max_bytes: 1 << 20, max_records: 10_000, wait: Duration::from_secs(5) };

/// What the topic says, as far as it was read.
#[derive(Debug)]
pub(crate) struct Syncs {
    topic: TopicPartition,
    /// Where to read on.
    next: Option<u64>,
    pub(crate) of: HashMap<TopicPartition, Sync>,
}

impl Syncs {
    pub(crate) fn new(topic: Str) -> Self {
        Self { topic: TopicPartition::new(topic, 0), next: None, of: HashMap::new() }
    }

    /// Reads up to what is the end now. Nothing is there while the topic is not.
    pub(crate) async fn catch_up(&mut self, target: &dyn FullLog) -> Result<()> {
        let wrong = |error: LogError| failed("Could not read offset syncs", &error);
        let range = match target.range(&self.topic).await {
            Err(LogError::Unknown(_)) => return Ok(()),
            range => range.map_err(wrong)?,
        };
        let mut next = self.next.unwrap_or(range.earliest);
        // What was not read of it is gone, or the topic was made anew.
        if !(range.earliest..=range.next).contains(&next) {
            next = range.earliest;
        }
        while next < range.next {
            let read = target.read(&[(self.topic.clone(), next)], READ).await.map_err(wrong)?;
            let Some(batch) = read.into_iter().next() else {
                let text = format!("Offset syncs end at {next} and not at {}", range.next);
                return Err(Error::retriable(text));
            };
            next = batch.next;
            for (_, record) in batch.records {
                self.take(record);
            }
            self.next = Some(next);
        }
        self.next = Some(next);
        Ok(())
    }

    fn take(&mut self, mut record: LogRecord) {
        take_mark(&mut record);
        let Some(queue) = record.key.as_deref().and_then(read_sync_key) else { return };
        match record.value.as_deref().map(read_sync_value) {
            Some(Some(sync)) => {
                self.of.insert(queue, sync);
            }
            Some(None) => {
                tracing::warn!(%queue, "an offset sync cannot be read and is passed over")
            }
            None => {
                self.of.remove(&queue);
            }
        }
    }
}

/// Writes syncs, durably.
pub(crate) async fn write(
    target: &dyn FullLog,
    topic: &Str,
    syncs: &BTreeMap<&TopicPartition, Sync>,
) -> Result<()> {
    let record = |(queue, sync): (&&TopicPartition, &Sync)| LogRecord {
        key: Some(sync_key(queue)),
        value: Some(sync_value(sync)),
        headers: Vec::new(),
        timestamp_ms: now_ms(),
    };
    let records: Vec<LogRecord> = syncs.iter().map(record).collect();
    let to = TopicPartition::new(Str::clone(topic), 0);
    let wrong = |error: LogError| failed("Could not write offset syncs", &error);
    let append = async || {
        let batch = QueueBatch { to: to.clone(), records: records.clone() };
        target.append(vec![batch]).await?.await
    };
    match append().await {
        Err(LogError::Unknown(_)) => {
            ensure_own(target, topic).await?;
            append().await.map(drop).map_err(wrong)
        }
        written => written.map(drop).map_err(wrong),
    }
}
