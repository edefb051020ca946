//! One queue in memory: its records, and what cleanup takes of them.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use crate::api::{Cleanup, LogError, LogRecord, OffsetRange};
use crate::share::Share;
use crate::{Str, TopicPartition};

/// A compacted queue is compacted when it has at least this many records and twice as many
/// as after the last time.
const COMPACT_RECORDS_MIN: usize = 1024;

/// Milliseconds that tombstones are kept, so that readers who are behind learn that their keys
/// are gone.
const TOMBSTONE_RETENTION_MS: u64 = 24 * 60 * 60 * 1000;

#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Offset, when it was appended (milliseconds since the epoch), record.
    records: VecDeque<(u64, u64, LogRecord)>,
    bytes: u64,
    earliest: u64,
    next: u64,
    /// How many records the last compaction left.
    compacted_len: usize,
}

impl Queue {
    pub(super) fn range(&self) -> OffsetRange {
        OffsetRange { earliest: self.earliest, next: self.next }
    }

    pub(super) fn append(&mut self, records: Vec<LogRecord>, now_ms: u64) -> u64 {
        let first = self.next;
        for record in records {
            self.bytes += record.size() as u64;
            self.records.push_back((self.next, now_ms, record));
            self.next += 1;
        }
        first
    }

    pub(super) fn check(&self, queue: &TopicPartition, wanted: u64) -> Result<(), LogError> {
        let range = self.range();
        if (range.earliest..=range.next).contains(&wanted) {
            return Ok(());
        }
        Err(LogError::OutOfRange { queue: queue.clone(), wanted, range })
    }

    /// What fits the share, from that offset on, and where to read on.
    pub(super) fn read(&self, from: u64, share: &mut Share) -> (Vec<(u64, LogRecord)>, u64) {
        let start = self.records.partition_point(|(offset, ..)| *offset < from);
        let mut next = from;
        let mut taken = Vec::new();
        for (offset, _, record) in self.records.range(start..) {
            if !share.take(record.size()) {
                break;
            }
            taken.push((*offset, record.clone()));
            next = offset + 1;
        }
        (taken, next)
    }

    pub(super) fn offset_for_time(&self, timestamp_ms: i64) -> Option<u64> {
        let found = self.records.iter().find(|(_, _, r)| r.timestamp_ms >= timestamp_ms);
        found.map(|(offset, ..)| *offset)
    }

    pub(super) fn clean(&mut self, cleanup: &Cleanup, now_ms: u64) {
        match *cleanup {
            Cleanup::Delete { retention_ms, retention_bytes } => {
                let oldest = retention_ms.map_or(0, |keep| now_ms.saturating_sub(keep));
                self.expire(oldest, retention_bytes.unwrap_or(u64::MAX));
            }
            Cleanup::Compact => self.compact_if_due(now_ms),
        }
    }

    pub(super) fn expire_all_but(&mut self, keep: usize) {
        let last = self.records.len().saturating_sub(keep);
        for (offset, _, record) in self.records.drain(..last) {
            self.earliest = offset + 1;
            self.bytes -= record.size() as u64;
        }
    }

    fn expire(&mut self, oldest_ms: u64, bytes_max: u64) {
        while let Some((offset, appended_ms, record)) = self.records.front() {
            let size = record.size() as u64;
            if *appended_ms >= oldest_ms && self.bytes <= bytes_max {
                return;
            }
            self.earliest = offset + 1;
            self.bytes -= size;
            self.records.pop_front();
        }
    }

    fn compact_if_due(&mut self, now_ms: u64) {
        let due = (2 * self.compacted_len).max(COMPACT_RECORDS_MIN);
        if self.records.len() < due {
            return;
        }
        let mut last: HashMap<Option<Bytes>, u64> = HashMap::new();
        for (offset, _, record) in &self.records {
            last.insert(record.key.clone(), *offset);
        }
        // The very last record stays whatever it is: who reads on always gets to the end.
        let end = self.next.saturating_sub(1);
        let forget_ms = now_ms.saturating_sub(TOMBSTONE_RETENTION_MS);
        self.records.retain(|(offset, appended_ms, record)| {
            let is_last_of_key = last.get(&record.key) == Some(offset);
            let is_wanted = record.value.is_some() || *appended_ms > forget_ms;
            *offset == end || (is_last_of_key && is_wanted)
        });
        self.bytes = self.records.iter().map(|(_, _, r)| r.size() as u64).sum();
        self.compacted_len = self.records.len();
    }
}

/// A topic in memory.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) cleanup: Cleanup,
    pub(super) queues: Vec<Queue>,
}

impl Topic {
    pub(super) fn new(queues: u32, cleanup: Cleanup, first_offsets: &[u64]) -> Self {
        let mut topic = Self { cleanup, queues: Vec::new() };
        topic.grow(queues, first_offsets);
        topic
    }

    /// Adds queues until there are so many.
    pub(super) fn grow(&mut self, queues: u32, first_offsets: &[u64]) {
        let new = self.queues.len()..queues as usize;
        self.queues.extend(new.map(|at| {
            let first = first_offsets.get(at).copied().unwrap_or(0);
            Queue { earliest: first, next: first, ..Queue::default() }
        }));
    }
}

/// The queue of that name, or [`LogError::Unknown`].
pub(super) fn find<'a>(
    topics: &'a std::collections::BTreeMap<Str, Topic>,
    queue: &TopicPartition,
) -> Result<&'a Queue, LogError> {
    let topic = topics.get(&queue.topic);
    let found = topic.and_then(|t| t.queues.get(queue.partition as usize));
    found.ok_or_else(|| LogError::Unknown(queue.clone()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ReadLimits;
    use crate::share::Budget;

    fn record(key: &str, value: Option<&str>) -> LogRecord {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        LogRecord { key: Some(bytes(key)), value: value.map(bytes), ..LogRecord::default() }
    }

    fn all(queue: &Queue) -> Vec<(u64, LogRecord)> {
        let limits =
            ReadLimits { max_bytes: usize::MAX, max_records: usize::MAX, wait: Duration::ZERO };
        let mut share = Budget::new(&limits, 1).share().unwrap();
        queue.read(queue.earliest, &mut share).0
    }

    #[test]
    fn old_and_surplus_records_go_oldest_first() {
        let mut queue = Queue::default();
        for now_ms in 0..10 {
            queue.append(vec![record("k", Some("1234567"))], now_ms * 100);
        }
        let keep =
            |retention_ms, retention_bytes| Cleanup::Delete { retention_ms, retention_bytes };
        queue.clean(&keep(None, None), 10_000);
        assert_eq!(queue.range(), OffsetRange { earliest: 0, next: 10 });
        queue.clean(&keep(Some(700), None), 1000);
        assert_eq!(queue.range(), OffsetRange { earliest: 3, next: 10 });
        queue.clean(&keep(None, Some(5 * 8)), 1000);
        assert_eq!(queue.range(), OffsetRange { earliest: 5, next: 10 });
        assert_eq!(all(&queue).len(), 5);
        let name = TopicPartition::new("t", 0);
        assert!(matches!(queue.check(&name, 4), Err(LogError::OutOfRange { wanted: 4, .. })));
        assert!(queue.check(&name, 5).is_ok() && queue.check(&name, 10).is_ok());
    }

    #[test]
    fn compaction_keeps_the_last_of_each_key() {
        let mut queue = Queue::default();
        for i in 0..COMPACT_RECORDS_MIN {
            let value = (i % 10 != 3).then_some("value");
            let key = if i < 10 { "gone".to_owned() } else { (i % 10).to_string() };
            let value = value.filter(|_| i >= 10);
            queue.append(vec![record(&key, value)], i as u64);
        }
        queue.clean(&Cleanup::Compact, TOMBSTONE_RETENTION_MS + 10);
        let left = all(&queue);
        assert_eq!(left.len(), 10, "nine keys, and a tombstone that is young");
        let end = COMPACT_RECORDS_MIN as u64;
        assert!(left.iter().all(|(offset, _)| *offset >= end - 10));
        assert_eq!(queue.range(), OffsetRange { earliest: 0, next: end });
    }
}
