//! Writes of a source task that are on their way to the disk, and what follows when they are
//! there: in the order written, offsets move on.

mod transaction;

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use gantry_api::{Error, Placed, Result, SourceOffset, SourcePartition};
use gantry_coordination::{CommitError, Transaction};
use gantry_log::{Durable, LogError, RecordHeader, TopicPartition};

use super::supervisor::TaskEnv;
use crate::metrics::TaskMetrics;
use crate::offsets::Change;
use transaction::Committing;

/// What a write covers.
pub(super) struct Covered {
    /// The queues that it goes to, in the order in which it is answered, and how many records.
    pub(super) queues: Vec<(TopicPartition, u64)>,
    /// Records of the source, dropped ones among them.
    pub(super) polled: u64,
    /// Records written.
    pub(super) records: u64,
    /// Their bytes.
    pub(super) bytes: usize,
    /// Where the source stands behind them.
    pub(super) offsets: Vec<(SourcePartition, SourceOffset)>,
}

type Settled = (Result<Vec<Range<u64>>, LogError>, Covered);

/// The writes of one task.
pub(super) struct Acknowledgements<'a> {
    env: &'a TaskEnv,
    in_flight: FuturesOrdered<Pin<Box<dyn Future<Output = Settled> + Send>>>,
    in_flight_bytes: usize,
    acknowledged: u64,
    /// What became durable since this was last asked, if anybody asks.
    placed: Option<Vec<Placed>>,
    /// A write has failed: no offset moves past it.
    failed: bool,
    /// Durable, but not yet in the offset topic: where the log is not atomic, or where nothing
    /// was written since.
    uncommitted: Vec<(SourcePartition, SourceOffset)>,
    /// Of an exactly-once source.
    committing: Option<Committing<'a>>,
    /// How many of its writes have settled, and behind which ones a transaction ends.
    settled: u64,
    ends: VecDeque<u64>,
}

impl<'a> Acknowledgements<'a> {
    pub(super) fn new(env: &'a TaskEnv) -> Self {
        Self {
            env,
            in_flight: FuturesOrdered::new(),
            in_flight_bytes: 0,
            acknowledged: 0,
            placed: None,
            failed: false,
            uncommitted: Vec::new(),
            committing: None,
            settled: 0,
            ends: VecDeque::new(),
        }
    }

    /// From now on what is written counts only once it is committed.
    pub(super) fn begin(&mut self, transaction: Transaction) {
        self.committing = Some(Committing::new(self.env, transaction));
    }

    /// What records are marked with that count only once they are committed.
    pub(super) fn mark(&self) -> Option<&RecordHeader> {
        self.committing.as_ref().map(Committing::mark)
    }

    /// What was pushed so far is a transaction that the task has defined.
    pub(super) fn end_transaction(&mut self) {
        let Some(committing) = &mut self.committing else { return };
        match self.in_flight.len() as u64 {
            0 => committing.end(),
            writes => self.ends.push_back(self.settled + writes),
        }
    }

    /// The task gives up what is not committed, and goes on in another session. Nothing is on its
    /// way.
    pub(super) fn give_up(&mut self, transaction: Transaction) {
        if let Some(committing) = &mut self.committing {
            committing.give_up(transaction);
        }
    }

    /// Adds a write; `None` when all of its records were dropped.
    pub(super) fn push(&mut self, durable: Option<Durable>, covered: Covered) {
        self.in_flight_bytes += covered.bytes;
        self.gauge();
        self.in_flight.push_back(match durable {
            Some(durable) => Box::pin(async move { (durable.await, covered) }),
            None => Box::pin(std::future::ready((Ok(Vec::new()), covered))),
        });
    }

    /// Whether any write or commit is on its way.
    pub(super) fn waits(&self) -> bool {
        !self.in_flight.is_empty() || self.committing.as_ref().is_some_and(Committing::is_under_way)
    }

    /// Waits for the oldest write, or for a commit. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<()> {
        let commits = self.committing.as_ref().is_some_and(Committing::is_under_way);
        tokio::select! {
            biased;
            done = transaction::next(&mut self.committing), if commits => {
                self.acknowledged += done?;
                Ok(())
            }
            Some((result, covered)) = self.in_flight.next() => self.settle(result, covered),
            else => Ok(()),
        }
    }

    /// Waits for all; gives the first failure.
    pub(super) async fn drain(&mut self) -> Result<()> {
        let mut all = Ok(());
        while self.waits() {
            all = all.and(self.next().await);
        }
        all
    }

    /// Waits until there is room for another batch.
    pub(super) async fn make_room(&mut self) -> Result<()> {
        while self.waits() && self.in_flight_bytes > self.env.worker.task_buffer_bytes {
            self.next().await?;
        }
        Ok(())
    }

    /// How many records of the source are done since this was last asked.
    pub(super) fn take_acknowledged(&mut self) -> u64 {
        std::mem::take(&mut self.acknowledged)
    }

    /// From now on it is noted where records are.
    pub(super) fn note_places(&mut self) {
        self.placed = Some(Vec::new());
    }

    /// Where records are that became durable since this was last asked.
    pub(super) fn take_placed(&mut self) -> Vec<Placed> {
        self.placed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether transactions were committed that the task was not told of.
    pub(super) fn has_committed(&self) -> bool {
        self.committing.as_ref().is_some_and(Committing::has_committed)
    }

    /// Whether transactions were committed since this was last asked.
    pub(super) fn take_commits(&mut self) -> bool {
        self.committing.as_mut().is_some_and(Committing::take_commits)
    }

    fn gauge(&self) {
        TaskMetrics::set(&self.env.metrics.queue_bytes, self.in_flight_bytes as u64);
    }

    fn settle(
        &mut self,
        result: Result<Vec<Range<u64>>, LogError>,
        covered: Covered,
    ) -> Result<()> {
        let Covered { queues, polled, records, bytes, offsets } = covered;
        self.in_flight_bytes = self.in_flight_bytes.saturating_sub(bytes);
        self.gauge();
        let result = if self.failed { Err(LogError::SessionBroken) } else { result };
        let written = match result {
            Ok(written) => written,
            Err(error) => {
                self.failed = true;
                return Err(unwritable(&error));
            }
        };
        if let Some(placed) = &mut self.placed {
            // The batch of the offset topic, which is no record of the task's, is behind them.
            let places = queues.iter().zip(&written);
            let queues = places.map(|((queue, count), at)| (queue.clone(), *count, at.clone()));
            placed.push(Placed { polled, queues: queues.collect() });
        }
        TaskMetrics::add(&self.env.metrics.records_out, records);
        TaskMetrics::add(&self.env.metrics.bytes, bytes as u64);
        if let Some(committing) = &mut self.committing {
            let queues = queues.into_iter().map(|(queue, _)| queue);
            let wrote = committing.wrote(queues.zip(written), polled, offsets);
            self.failed = wrote.is_err();
            self.settled += 1;
            if self.ends.front() == Some(&self.settled) {
                self.ends.pop_front();
                committing.end();
            }
            return wrote;
        }
        self.acknowledged += polled;
        if self.env.atomic && records > 0 {
            // The offsets were part of the write.
            self.uncommitted.retain(|(known, _)| !offsets.iter().any(|(new, _)| new == known));
            // The batch of the offset topic was the last of the append.
            let at = written.last().map_or(0, |offsets| offsets.start);
            self.env.offsets.applied(changes(&offsets), at);
            TaskMetrics::add(&self.env.metrics.offset_commits, 1);
            return Ok(());
        }
        note(&mut self.uncommitted, offsets);
        Ok(())
    }

    /// Begins to commit what is durable of a transaction, if anything is and no commit is on its
    /// way.
    pub(super) fn begin_commit(&mut self) {
        if let Some(committing) = &mut self.committing {
            committing.begin();
        }
    }

    /// Writes the offsets that are not in the offset topic yet; a failure is logged and tried
    /// again at the next call.
    pub(super) async fn commit_offsets(&mut self) {
        // Behind a write that carries newer offsets of the same partition, these would take the
        // source back: they wait until nothing is on its way.
        if self.uncommitted.is_empty() || (self.env.atomic && self.waits()) {
            return;
        }
        let begun = Instant::now();
        let metrics = &self.env.metrics;
        let stored = self.env.commit(changes(&self.uncommitted)).await;
        match stored {
            Ok(()) => {
                self.uncommitted.clear();
                TaskMetrics::add(&metrics.offset_commits, 1);
            }
            Err(error) => {
                TaskMetrics::add(&metrics.offset_commit_failures, 1);
                tracing::error!(task = %self.env.id, %error, "could not commit offsets; trying again at the next interval");
            }
        }
        TaskMetrics::add(&metrics.offset_commit_time_us, elapsed_us(begun));
    }
}

fn elapsed_us(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Notes where the source stands, over what was noted before.
fn note(
    known: &mut Vec<(SourcePartition, SourceOffset)>,
    offsets: Vec<(SourcePartition, SourceOffset)>,
) {
    for (partition, offset) in offsets {
        match known.iter_mut().find(|(known, _)| *known == partition) {
            Some((_, last)) => *last = offset,
            None => known.push((partition, offset)),
        }
    }
}

/// Offsets as changes of the offset store.
pub(super) fn changes(offsets: &[(SourcePartition, SourceOffset)]) -> Vec<Change> {
    offsets.iter().map(|(partition, offset)| (partition.clone(), Some(offset.to_map()))).collect()
}

/// A failed write as the task's error.
pub(super) fn unwritable(error: &LogError) -> Error {
    let text = format!("Could not write to the log: {error}");
    if error.is_retriable() { Error::retriable(text) } else { Error::connect(text) }
}

/// A session that could not begin or commit as the task's error.
pub(super) fn uncommitted(error: &CommitError) -> Error {
    match error {
        CommitError::Log(error) => unwritable(error),
        // Or the offset topic lost its barrier: the next session writes one. Who has really lost
        // the unit is stopped, and has no lease.
        CommitError::Fenced => Error::retriable(error.to_string()),
    }
}
