//! The offsets as one task commits them.

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_api::{OffsetReader, SinkOffsets, Str, TaskEpoch};
use gantry_cluster::{Epoch, TransactionId};
use gantry_log::{LogError, QueueBatch, RecordHeader, TopicPartition};

use super::transactions::mark;
use super::{Change, Fence, FencedOffsets, OffsetStore, Transactions};

/// The offsets of one task.
pub(crate) struct TaskOffsets {
    pub(crate) store: Arc<OffsetStore>,
    pub(crate) connector: Str,
    /// In a cluster, by what right the task commits.
    pub(crate) fence: Option<Fence>,
    /// What is known of transactions, here and elsewhere.
    pub(crate) transactions: Arc<Transactions>,
}

/// One session of an exactly-once source: what it writes counts once it is committed.
#[derive(Debug)]
pub(crate) struct Transaction {
    offsets: Arc<FencedOffsets>,
    fence: Fence,
    epoch: Epoch,
    mark: RecordHeader,
}

impl Transaction {
    /// What its records are marked with.
    pub(crate) fn mark(&self) -> &RecordHeader {
        &self.mark
    }

    /// Commits offsets, and the records before the ends; durable on return.
    pub(crate) async fn commit(
        &self,
        changes: Vec<Change>,
        ends: &BTreeMap<TopicPartition, u64>,
    ) -> Result<(), CommitError> {
        let end = |(of, end): (&TopicPartition, &u64)| (Str::clone(&of.topic), of.partition, *end);
        let ends = ends.iter().map(end).collect();
        self.offsets.commit(&self.fence, self.epoch, changes, ends).await
    }
}

/// Why offsets were not committed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitError {
    /// The log could not take them; it may later.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Another worker has the task.
    #[error("another worker has this task")]
    Fenced,
}

impl TaskOffsets {
    /// Folds what others have written.
    pub(crate) async fn catch_up(&self) -> Result<(), LogError> {
        self.store.catch_up().await
    }

    /// Reads the source offsets of the connector.
    pub(crate) fn reader(&self) -> Arc<dyn OffsetReader> {
        self.store.reader(&self.connector)
    }

    /// What the sink has committed.
    pub(crate) fn sink_offsets(&self) -> SinkOffsets {
        self.store.sink_offsets(&self.connector)
    }

    /// Writes changes; durable on return.
    pub(crate) async fn store(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        if changes.is_empty() {
            return Ok(());
        }
        match (&*self.store, &self.fence) {
            (OffsetStore::Keyed(keyed), _) => Ok(keyed.store(&self.connector, changes).await?),
            (OffsetStore::Fenced(fenced), Some(fence)) => loop {
                let session = fence.session();
                let done = fenced.commit(fence, session, changes.clone(), Vec::new()).await;
                // The task itself may have begun one meanwhile.
                if !matches!(done, Err(CommitError::Fenced)) || fence.session() == session {
                    return done;
                }
            },
            // Nobody commits in a cluster without a right to.
            (OffsetStore::Fenced(_), None) => Err(CommitError::Fenced),
        }
    }

    /// By what right the task writes, as a sink may store it.
    pub(crate) fn epoch(&self) -> TaskEpoch {
        let epoch = |fence: &Fence| TaskEpoch { generation: fence.generation, claim: fence.claim };
        self.fence.as_ref().map(epoch).unwrap_or_default()
    }

    /// Whether a session of its own can be begun.
    pub(crate) fn can_transact(&self) -> bool {
        matches!(&*self.store, OffsetStore::Fenced(_)) && self.fence.is_some()
    }

    /// Whether a session was begun since the task was claimed.
    pub(crate) fn has_begun(&self) -> bool {
        self.fence.as_ref().is_some_and(|fence| fence.session() > Epoch::of(fence.claim))
    }

    /// Begins a session: nothing that a former one has not committed counts from here on.
    pub(crate) async fn begin(&self) -> Result<Transaction, CommitError> {
        let (OffsetStore::Fenced(offsets), Some(fence)) = (&*self.store, &self.fence) else {
            return Err(CommitError::Fenced);
        };
        let (epoch, id) = (fence.next_session(), TransactionId(fastrand::u64(..)));
        if !offsets.begin_session(fence, epoch, Some(id)).await? {
            return Err(CommitError::Fenced);
        }
        let (offsets, fence) = (Arc::clone(offsets), fence.clone());
        Ok(Transaction { mark: mark(id, offsets.topic()), offsets, fence, epoch })
    }

    /// Ends the session that was begun last: nothing of it that is not committed counts.
    pub(crate) async fn end(&self) -> Result<(), LogError> {
        if let (OffsetStore::Fenced(offsets), Some(fence)) = (&*self.store, &self.fence) {
            offsets.begin_session(fence, fence.next_session(), None).await?;
        }
        Ok(())
    }

    /// The changes as records that go with others in one write.
    pub(crate) fn batch(&self, changes: &[Change]) -> Option<QueueBatch> {
        match &*self.store {
            OffsetStore::Keyed(keyed) => Some(keyed.batch(&self.connector, changes)),
            OffsetStore::Fenced(_) => None,
        }
    }

    /// Notes changes that are durable from offset `at` of the topic on.
    pub(crate) fn applied(&self, changes: Vec<Change>, at: u64) {
        if let OffsetStore::Keyed(keyed) = &*self.store {
            keyed.applied(&self.connector, changes, at);
        }
    }
}
