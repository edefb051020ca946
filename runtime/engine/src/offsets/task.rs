//! The offsets as one task commits them.

use std::sync::Arc;

use gantry_api::{OffsetReader, SinkOffsets, Str};
use gantry_log::{LogError, QueueBatch};

use super::{Change, Fence, OffsetStore};

/// The offsets of one task.
pub(crate) struct TaskOffsets {
    pub(crate) store: Arc<OffsetStore>,
    pub(crate) connector: Str,
    /// In a cluster, by what right the task commits.
    pub(crate) fence: Option<Fence>,
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
            (OffsetStore::Fenced(fenced), Some(fence)) => fenced.commit(fence, changes).await,
            // Nobody commits in a cluster without a right to.
            (OffsetStore::Fenced(_), None) => Err(CommitError::Fenced),
        }
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
