//! Which task of a sink has which queue: a queue goes from one task to another only after the
//! first has committed and closed it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gantry_api::TopicPartition;

/// The owners of one connector's queues.
#[derive(Debug, Default)]
pub(crate) struct QueueOwners(Mutex<BTreeMap<TopicPartition, u32>>);

impl QueueOwners {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Takes a queue for a task; false while it is another's.
    pub(super) fn claim(&self, queue: &TopicPartition, task: u32) -> bool {
        *self.lock().entry(queue.clone()).or_insert(task) == task
    }
    /// Gives queues back.
    pub(super) fn release(&self, queues: &[TopicPartition]) {
        let mut owners = self.lock();
        for queue in queues {
            owners.remove(queue);
        }
    }
    /// Gives back all queues of a task.
    pub(super) fn release_all(&self, task: u32) {
        self.lock().retain(|_, owner| *owner != task);
    }
}
