//! Which task of a sink has which queue: a queue goes from one task to another only after the
//! first has committed and closed it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gantry_api::TopicPartition;

/// The queues of each task, by its number: as the connector's owner gave them, of those that are
/// there, or else all of them dealt round the tasks in order.
pub(super) fn shares(
    all: impl Iterator<Item = TopicPartition>,
    assigned: Option<&[Vec<TopicPartition>]>,
    tasks: u32,
) -> Vec<BTreeSet<TopicPartition>> {
    if let Some(assigned) = assigned {
        let all: BTreeSet<TopicPartition> = all.collect();
        let there = |share: &Vec<TopicPartition>| {
            share.iter().filter(|queue| all.contains(queue)).cloned().collect()
        };
        return assigned.iter().map(there).collect();
    }
    let tasks = tasks.max(1) as usize;
    let mut shares = vec![BTreeSet::new(); tasks];
    for (at, queue) in all.enumerate() {
        if let Some(share) = shares.get_mut(at % tasks) {
            share.insert(queue);
        }
    }
    shares
}

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
