//! The simulated broker: one cluster log, one offset log, and one queue of data.

use bytes::Bytes;
use gantry_cluster::{OffsetFold, OffsetRecord, OffsetVerdict, TransactionId, Unit};

/// A record of the cluster log.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) store_ms: i64,
    pub(crate) bytes: Bytes,
}

/// A record of an exactly-once task: one line of what it reads.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) mark: TransactionId,
    pub(crate) unit: Unit,
    pub(crate) line: u64,
}

/// All logs.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    /// Whether it answers.
    pub(crate) down: bool,
    /// Its clock is ahead of the real time by so much.
    pub(crate) clock_ahead_ms: i64,
    /// What expired is `None`.
    log: Vec<Option<Stored>>,
    pub(crate) earliest: u64,
    /// What was there when records expired is on disk for long.
    flushed: usize,
    pub(crate) offsets: Vec<OffsetRecord>,
    /// What exactly-once tasks wrote.
    pub(crate) data: Vec<Written>,
    /// What a reader of the offset log that has read all of it knows.
    pub(crate) fold: OffsetFold,
    /// How often the log was cut, which breaks all connections.
    pub(crate) cuts: u64,
}

impl Broker {
    /// Stores records, by the broker's clock.
    pub(crate) fn append(&mut self, now_ms: u64, records: impl IntoIterator<Item = Bytes>) {
        let store_ms = i64::try_from(now_ms).unwrap_or(i64::MAX) + self.clock_ahead_ms;
        self.log.extend(records.into_iter().map(|bytes| Some(Stored { store_ms, bytes })));
    }
    /// The offset behind the last record.
    pub(crate) fn end(&self) -> u64 {
        self.log.len() as u64
    }
    /// One record, if it is there.
    pub(crate) fn read(&self, offset: u64) -> Option<&Stored> {
        usize::try_from(offset).ok().and_then(|at| self.log.get(at))?.as_ref()
    }
    /// Records before this offset are no more.
    pub(crate) fn expire(&mut self, before: u64) {
        for offset in self.earliest..before {
            if let Some(slot) = usize::try_from(offset).ok().and_then(|at| self.log.get_mut(at)) {
                *slot = None;
            }
        }
        self.earliest = self.earliest.max(before);
        self.flushed = self.log.len();
    }
    /// Loses the last records, as a broker that had not flushed them.
    pub(crate) fn cut(&mut self, records: usize) {
        let kept = self.log.len().saturating_sub(records).max(self.flushed);
        self.log.truncate(kept);
        self.cuts += 1;
    }
    /// The generation and the largest stamp that the offset log has of a connector.
    pub(crate) fn stamps(&self, connector: &str) -> (u64, u64) {
        (self.fold.generation(connector), self.fold.last_stamp(connector))
    }
    /// Stores a record of the offset log and says what came of it.
    pub(crate) fn commit(&mut self, record: OffsetRecord) -> OffsetVerdict {
        let verdict = self.fold.apply(&record);
        self.offsets.push(record);
        verdict
    }
}
