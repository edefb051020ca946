//! The offsets as one task commits them.

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_api::{OffsetReader, SinkOffsets, Str, TaskEpoch};
use gantry_cluster::Epoch;
use gantry_coordination::{CommitError, Fence, Transaction, Transactions};
use gantry_log::{LogError, QueueBatch, TopicPartition};

use super::clustered::texts;
use super::{Change, OffsetStore};

/// The offsets of one task.
pub(crate) struct TaskOffsets {
    pub(crate) store: Arc<OffsetStore>,
    pub(crate) connector: Str,
    /// In a cluster, by what right the task commits.
    pub(crate) fence: Option<Fence>,
    /// What is known of transactions, here and elsewhere.
    pub(crate) transactions: Arc<Transactions>,
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
                let texts = texts(changes.clone());
                let done = fenced.commit(fence, session, texts, Vec::new()).await;
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
        offsets.begin_transaction(fence).await
    }

    /// Commits offsets in a session, and the records before the ends; durable on return.
    pub(crate) async fn commit_in(
        transaction: &Transaction,
        changes: Vec<Change>,
        ends: &BTreeMap<TopicPartition, u64>,
    ) -> Result<(), CommitError> {
        let end = |(of, end): (&TopicPartition, &u64)| (Str::clone(&of.topic), of.partition, *end);
        transaction.commit(texts(changes), ends.iter().map(end).collect()).await
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
