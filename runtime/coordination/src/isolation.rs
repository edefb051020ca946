//! What of the records that were read a reader is given: with `isolation.level=read_committed` those
//! of exactly-once sources only once they are committed, and never those that were given up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::select_all;
use gantry_cluster::{Fate, TransactionId};
use gantry_log::{LogError, LogRecord, QueueRecords, TopicPartition};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::transactions::{TransactionLog, Transactions, mark_of, take_mark};

/// Bytes of records that are kept until it is known whether they count; what is read beyond that
/// is read again then.
const HELD_BYTES_MAX: usize = 8 << 20;
/// The wait after an offset topic could not be looked at.
const RETRY: Duration = Duration::from_millis(100);
/// What is held is looked at again at least so often: an offset topic may have lost its end.
const LOOK: Duration = Duration::from_secs(1);

/// Sifts the records of one reader.
pub struct Isolation {
    /// `None`: all records are given.
    transactions: Option<Arc<Transactions>>,
    held: Vec<Held>,
    held_bytes: usize,
    /// The offset topics that were looked at, and how far they were read then.
    watched: Vec<(Arc<TransactionLog>, watch::Receiver<Option<u64>>)>,
    /// When what is held is looked at again, if no offset topic goes on before.
    look_at: Instant,
}

/// What was read of a queue from the first record on of which it is not known whether it counts.
struct Held {
    /// Without records it is read again.
    batch: QueueRecords,
    bytes: usize,
    /// Up to where the offset topic must be read, if the first record's session is not known.
    needs: Option<u64>,
}

/// A mark, and what is known of it in one queue.
struct Known {
    mark: Bytes,
    fate: Option<Fate>,
}

impl Isolation {
    /// `None`: it gives all records.
    pub fn new(transactions: Option<Arc<Transactions>>) -> Self {
        Self {
            transactions,
            held: Vec::new(),
            held_bytes: 0,
            watched: Vec::new(),
            look_at: Instant::now(),
        }
    }

    /// Whether records of a queue wait.
    pub fn holds(&self, queue: &TopicPartition) -> bool {
        self.held.iter().any(|held| held.batch.from == *queue)
    }

    /// Whether any records wait.
    pub fn waits(&self) -> bool {
        !self.held.is_empty()
    }

    /// Forgets what it holds of a queue: it is read from elsewhere.
    pub fn forget(&mut self, queue: &TopicPartition) {
        self.held.retain(|held| held.batch.from != *queue);
        self.held_bytes = self.held.iter().map(|held| held.bytes).sum();
    }

    /// Takes what was read; gives what the reader may be given of it.
    pub async fn sift(&mut self, batches: Vec<QueueRecords>) -> Vec<QueueRecords> {
        let Some(transactions) = self.transactions.clone() else {
            let mut batches = batches;
            let records = batches.iter_mut().flat_map(|batch| &mut batch.records);
            records.for_each(|(_, record)| take_mark(record));
            return batches;
        };
        let mut given = Vec::with_capacity(batches.len());
        for batch in batches {
            given.extend(self.sift_one(&transactions, batch, None).await);
        }
        given
    }

    /// Waits until it may be known of more records whether they count. Cancel safe.
    pub async fn changed(&mut self) {
        let timer = tokio::time::sleep_until(self.look_at);
        if self.watched.is_empty() {
            return timer.await;
        }
        let changes = self.watched.iter_mut().map(|(_, folded)| Box::pin(folded.changed()));
        // It cannot end: the log is held beside it.
        tokio::select! {
            _ = select_all(changes) => {}
            () = timer => {}
        }
    }

    /// Looks again at what it holds; gives what the reader may be given of queues that it wants.
    pub async fn look_again(&mut self, unwanted: &BTreeSet<TopicPartition>) -> Vec<QueueRecords> {
        let Some(transactions) = self.transactions.clone() else { return Vec::new() };
        self.look_at = Instant::now() + LOOK;
        self.watched.iter_mut().for_each(|(_, folded)| {
            folded.borrow_and_update();
        });
        let held = std::mem::take(&mut self.held);
        let (stay, look) = held.into_iter().partition(|held| unwanted.contains(&held.batch.from));
        let look: Vec<Held> = look;
        self.held = stay;
        self.held_bytes = self.held.iter().map(|held| held.bytes).sum();
        let mut given = Vec::new();
        for Held { batch, needs, .. } in look {
            given.extend(self.sift_one(&transactions, batch, needs).await);
        }
        if !self.waits() {
            self.watched.clear();
        }
        given
    }

    /// Gives the part of a batch of which all is known, without what does not count; holds the
    /// rest. `None`: there is nothing to go on with.
    async fn sift_one(
        &mut self,
        transactions: &Transactions,
        batch: QueueRecords,
        mut needs: Option<u64>,
    ) -> Option<QueueRecords> {
        if batch.records.iter().all(|(_, record)| mark_of(record).is_none()) {
            return Some(batch);
        }
        let QueueRecords { from, records, next, end } = batch;
        // Tasks that share a thread write by turns.
        let mut known: Vec<Known> = Vec::new();
        let mut given = Vec::with_capacity(records.len());
        let mut first = None;
        let mut records = records.into_iter();
        while let Some((offset, mut record)) = records.next() {
            first.get_or_insert(offset);
            let fate = match mark_of(&record) {
                None => Ok(None),
                Some(mark) => match known.iter().find(|known| known.mark == *mark) {
                    Some(known) => Ok(known.fate),
                    None => {
                        let fate = self.fate(transactions, &from, mark, needs.take()).await;
                        known.extend(fate.ok().map(|fate| Known { mark: mark.clone(), fate }));
                        fate
                    }
                },
            };
            let needs = match fate {
                Ok(Some(fate)) if offset >= fate.end && !fate.open => continue,
                Ok(Some(fate)) if offset >= fate.end => None,
                Ok(_) => {
                    take_mark(&mut record);
                    given.push((offset, record));
                    continue;
                }
                Err(needs) => needs,
            };
            let rest = std::iter::once((offset, record)).chain(records).collect();
            self.hold(from.clone(), rest, needs, next, end);
            // What is in front of it is given, if anything was read there.
            let given = QueueRecords { from, records: given, next: offset, end };
            return (first != Some(offset)).then_some(given);
        }
        Some(QueueRecords { from, records: given, next, end })
    }

    /// What becomes of records with a mark; `Ok(None)`: it is no mark of ours. `Err`: it cannot be
    /// said now, and up to where the offset topic must be read for it, if that is known.
    async fn fate(
        &mut self,
        transactions: &Transactions,
        queue: &TopicPartition,
        mark: &[u8],
        needs: Option<u64>,
    ) -> Result<Option<Fate>, Option<u64>> {
        let (id, log) = match transactions.of(mark).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        self.watch(&log);
        match log.fate(id, queue) {
            (Some(fate), _) => Ok(Some(fate)),
            (None, _) => self.unknown(&log, id, queue, needs).await,
        }
    }

    /// A session that is not known had committed nothing, if all is known that was there when its
    /// record was read.
    async fn unknown(
        &mut self,
        log: &TransactionLog,
        id: TransactionId,
        queue: &TopicPartition,
        needs: Option<u64>,
    ) -> Result<Option<Fate>, Option<u64>> {
        // It may end before where it ended then: a broker that was killed has lost its end.
        let end = log.end().await.map_err(|error| self.failed(&error))?;
        let needs = needs.map_or(end, |needs| needs.min(end));
        match log.fate(id, queue) {
            // It has become known meanwhile.
            (Some(fate), _) => Ok(Some(fate)),
            (None, Some(folded)) if folded >= needs => Ok(Some(Fate { end: 0, open: false })),
            (None, _) => Err(Some(needs)),
        }
    }

    fn failed(&mut self, error: &LogError) -> Option<u64> {
        tracing::warn!(%error, "cannot see now which records are committed; trying again");
        self.look_at = Instant::now() + RETRY;
        None
    }

    /// Watches an offset topic from now on.
    fn watch(&mut self, log: &Arc<TransactionLog>) {
        if self.watched.iter().any(|(known, _)| Arc::ptr_eq(known, log)) {
            return;
        }
        if let Some(folded) = log.folded() {
            self.watched.push((Arc::clone(log), folded));
        }
    }

    fn hold(
        &mut self,
        from: TopicPartition,
        records: Vec<(u64, LogRecord)>,
        needs: Option<u64>,
        next: u64,
        end: u64,
    ) {
        let bytes: usize = records.iter().map(|(_, record)| record.size()).sum();
        let keeps = self.held_bytes + bytes <= HELD_BYTES_MAX;
        let first = records.first().map_or(next, |(offset, _)| *offset);
        let (records, next, bytes) =
            if keeps { (records, next, bytes) } else { (Vec::new(), first, 0) };
        if !self.waits() && self.look_at < Instant::now() {
            self.look_at = Instant::now() + LOOK;
        }
        self.held_bytes += bytes;
        self.held.push(Held { batch: QueueRecords { from, records, next, end }, bytes, needs });
    }
}

impl std::fmt::Debug for Isolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Isolation({} batches wait)", self.held.len())
    }
}
