//! What all threads of an instance share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gantry_coordination::{FencedOffsets, Transactions};
use gantry_log::FullLog;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::TaskStatus;
use super::keeper::Keeper;
use super::plan::Plan;
use super::standby::StandbyStatus;
use crate::error::StreamsError;
use crate::settings::{Guarantee, Instances, Settings};
use crate::store::Backend;

/// So many tasks begin at once.
pub(super) const BEGINS: usize = 32;

/// A sub-topology, and the queue that a task of it reads.
pub(crate) type Place = (usize, u32);

/// One instance of a job.
pub(crate) struct Job {
    pub(crate) plan: Plan,
    pub(crate) log: Arc<dyn FullLog>,
    pub(crate) backend: Arc<dyn Backend>,
    /// Where state is kept besides; none where change logs do that, or nothing.
    pub(crate) keeper: Option<Keeper>,
    pub(crate) settings: Settings,
    /// That not all tasks begin at once.
    pub(crate) begins: Semaphore,
    /// The checkpoints.
    pub(crate) offsets: Arc<FencedOffsets>,
    /// Which records count, of this job and of others.
    pub(crate) transactions: Arc<Transactions>,
    pub(crate) shared: Shared,
}

/// What threads and their owner tell each other.
#[derive(Default)]
pub(crate) struct Shared {
    /// The instance shall end.
    pub(crate) stopping: CancellationToken,
    /// Threads shall end.
    stop: AtomicBool,
    /// Nobody waits for the last checkpoints any more.
    pub(crate) abandoned: CancellationToken,
    failure: Mutex<Option<StreamsError>>,
    status: Mutex<BTreeMap<Place, TaskStatus>>,
    standbys: Mutex<BTreeMap<Place, StandbyStatus>>,
    tasks: Mutex<BTreeSet<Place>>,
}

impl Shared {
    pub(crate) fn fail(&self, error: StreamsError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stopping.cancel();
        self.stop();
    }

    pub(crate) fn failure(&self) -> Option<StreamsError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(crate) fn status(&self) -> MutexGuard<'_, BTreeMap<Place, TaskStatus>> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn standbys(&self) -> MutexGuard<'_, BTreeMap<Place, StandbyStatus>> {
        self.standbys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tasks whose state the threads of this instance have, from before it is found again.
    /// Whoever else writes state of a task holds this meanwhile, and leaves those alone.
    pub(crate) fn tasks(&self) -> MutexGuard<'_, BTreeSet<Place>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    /// How each task is that this instance has.
    pub(crate) fn tasks(&self) -> Vec<TaskStatus> {
        self.shared.status().values().cloned().collect()
    }

    /// How far it follows the tasks that it stands by for.
    pub(crate) fn standbys(&self) -> Vec<StandbyStatus> {
        self.shared.standbys().values().cloned().collect()
    }

    /// Both as text for Prometheus.
    pub(crate) fn prometheus(&self) -> String {
        crate::metrics::prometheus(&self.plan.job, &self.tasks(), &self.standbys())
    }

    /// Whether several instances share the queues.
    pub(crate) fn is_shared(&self) -> bool {
        match self.settings.instances {
            Instances::ByLog => !self.log.is_atomic(),
            Instances::Several => true,
            Instances::One => false,
        }
    }

    /// Whether a checkpoint is one write, which is there as a whole or not at all. What another
    /// instance wrote that is one no more would be there, too: then records are marked.
    pub(crate) fn writes_at_once(&self) -> bool {
        self.log.is_atomic() && !self.is_shared()
    }

    /// Whether records for this topic count only once they are committed.
    pub(crate) fn is_marked(&self, topic: &str) -> bool {
        let exact = self.settings.guarantee == Guarantee::ExactlyOnce;
        !self.writes_at_once() && (exact || self.plan.graph.is_shuffle(topic))
    }
}
