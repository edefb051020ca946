//! How an exactly-once source commits: what is durable of its transaction goes together with the
//! offsets in one record, one commit at a time, while it goes on to poll and write.

use std::collections::BTreeMap;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use gantry_api::{Error, Result, SourceOffset, SourcePartition};
use gantry_coordination::{CommitError, Transaction};
use gantry_log::{RecordHeader, TopicPartition};

use super::super::supervisor::TaskEnv;
use super::{changes, elapsed_us, note, uncommitted};
use crate::connector_config::TransactionBoundary;
use crate::metrics::TaskMetrics;

type Commit<'a> = Pin<Box<dyn Future<Output = Result<(), CommitError>> + Send + 'a>>;

/// What a commit tells.
#[derive(Default)]
struct Part {
    /// The offset behind the last record that counts, by queue.
    ends: BTreeMap<TopicPartition, u64>,
    offsets: Vec<(SourcePartition, SourceOffset)>,
    /// Records of the source.
    polled: u64,
}

impl Part {
    fn add(&mut self, later: Self) {
        self.ends.extend(later.ends);
        note(&mut self.offsets, later.offsets);
        self.polled += later.polled;
    }
}

/// The commits of one session.
pub(super) struct Committing<'a> {
    env: &'a TaskEnv,
    transaction: Arc<Transaction>,
    /// The offset behind the last record that was acknowledged, by queue.
    acknowledged: BTreeMap<TopicPartition, u64>,
    /// Of these, what no commit has told yet: of a transaction that has not ended, and what the
    /// next commit is to tell.
    open: Part,
    ready: Part,
    /// The commit on its way, how many records of the source it covers, and since when.
    under_way: Option<(Commit<'a>, u64, Instant)>,
    /// A commit has failed, or what was acknowledged may be gone: nothing more is committed.
    failed: bool,
    /// Whether there were commits since this was last asked.
    committed: bool,
}

/// Waits for the commit that is on its way; gives how many records of the source are done.
/// Cancel safe.
pub(super) async fn next(committing: &mut Option<Committing<'_>>) -> Result<u64> {
    match committing {
        Some(committing) => committing.next().await,
        None => std::future::pending().await,
    }
}

impl<'a> Committing<'a> {
    pub(super) fn new(env: &'a TaskEnv, transaction: Transaction) -> Self {
        Self {
            env,
            transaction: Arc::new(transaction),
            acknowledged: BTreeMap::new(),
            open: Part::default(),
            ready: Part::default(),
            under_way: None,
            failed: false,
            committed: false,
        }
    }

    pub(super) fn mark(&self) -> &RecordHeader {
        self.transaction.mark()
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    pub(super) fn has_committed(&self) -> bool {
        self.committed
    }

    pub(super) fn take_commits(&mut self) -> bool {
        std::mem::take(&mut self.committed)
    }

    /// Takes what has become durable.
    pub(super) fn wrote(
        &mut self,
        written: impl Iterator<Item = (TopicPartition, Range<u64>)>,
        polled: u64,
        offsets: Vec<(SourcePartition, SourceOffset)>,
    ) -> Result<()> {
        let written: Vec<(TopicPartition, Range<u64>)> = written.collect();
        for (queue, range) in &written {
            let last = self.acknowledged.get(queue).copied().unwrap_or_default();
            if range.start < last {
                // What was acknowledged before may be gone, and others stand in its place: nothing
                // of it is committed any more.
                self.failed = true;
                return Err(Error::retriable(format!(
                    "{queue} ended at {last} and now at {}: the broker lost records that it had \
                     acknowledged; writing all again that was not committed",
                    range.start
                )));
            }
        }
        for (queue, range) in written {
            self.acknowledged.insert(queue.clone(), range.end);
            self.open.ends.insert(queue, range.end);
        }
        self.open.polled += polled;
        note(&mut self.open.offsets, offsets);
        self.begin_if_each_poll();
        Ok(())
    }

    /// What is open is a whole transaction, which the task has defined.
    pub(super) fn end(&mut self) {
        self.ready.add(std::mem::take(&mut self.open));
        self.begin();
    }

    /// What is open never counts, but for its offsets: the task does not want it again. Nothing
    /// is on its way.
    pub(super) fn give_up(&mut self, transaction: Transaction) {
        self.transaction = Arc::new(transaction);
        self.open.ends.clear();
        self.end();
    }

    /// Where no interval says when.
    fn begin_if_each_poll(&mut self) {
        match self.env.config.transaction {
            TransactionBoundary::Poll => self.begin(),
            // A commit was on its way when a transaction ended.
            TransactionBoundary::Connector if self.ready.polled > 0 => self.begin(),
            TransactionBoundary::Connector | TransactionBoundary::Interval { .. } => {}
        }
    }

    /// Begins to commit, unless there is nothing to commit or a commit is on its way.
    pub(super) fn begin(&mut self) {
        if self.is_under_way() || self.failed {
            return;
        }
        if self.env.config.transaction != TransactionBoundary::Connector {
            self.ready.add(std::mem::take(&mut self.open));
        }
        if self.ready.polled == 0 {
            return;
        }
        let Part { ends, offsets, polled } = std::mem::take(&mut self.ready);
        let (env, transaction) = (self.env, Arc::clone(&self.transaction));
        let commit =
            Box::pin(async move { env.commit_in(&transaction, changes(&offsets), &ends).await });
        self.under_way = Some((commit, polled, Instant::now()));
    }

    async fn next(&mut self) -> Result<u64> {
        let Some((commit, polled, begun)) = &mut self.under_way else { return Ok(0) };
        let done = commit.await;
        let (polled, begun) = (*polled, *begun);
        self.under_way = None;
        let metrics = &self.env.metrics;
        TaskMetrics::add(&metrics.offset_commit_time_us, elapsed_us(begun));
        if let Err(error) = done {
            self.failed = true;
            TaskMetrics::add(&metrics.offset_commit_failures, 1);
            // Whether it counts is known when the next session has begun.
            return Err(uncommitted(&error));
        }
        TaskMetrics::add(&metrics.offset_commits, 1);
        self.committed = true;
        self.begin_if_each_poll();
        Ok(polled)
    }
}
