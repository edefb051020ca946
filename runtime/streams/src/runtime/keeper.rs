//! The state of tasks where it is kept outside the log: taken over, loaded, and written.

use std::sync::Arc;

use gantry_cluster::Epoch;
use gantry_coordination::Transaction;
use tokio::sync::Semaphore;

use super::begin::Claim;
use super::commit::Due;
use super::job::{Job, Place};
use super::restore::{Marker, cleared, marker_entry, on_disk, stores};
use crate::error::StreamsError;
use crate::remote::{Checkpoint, Found, Guard, Remote, View, load};
use crate::store::{Backend, Batch};
use crate::task::Progress;

/// Where the state of the job's tasks is kept.
pub(crate) struct Keeper {
    remote: Arc<dyn Remote>,
    /// That the states of many tasks are not all loaded at once.
    loads: Arc<Semaphore>,
}

/// Most states that are loaded at once.
const LOADS: usize = 4;

/// The state of a task that runs here.
pub(super) struct Kept {
    guard: Guard,
    by: Epoch,
}

/// The state of a task, to who writes its checkpoint.
pub(super) struct KeptState {
    view: Arc<View>,
    by: Epoch,
}

impl KeptState {
    /// Writes to disk what a checkpoint saves.
    pub(super) fn save(
        &self,
        place: Place,
        batch: Batch,
        marker: &Marker,
    ) -> Result<(), StreamsError> {
        self.view.save(batch, marker.progress.number, marker_entry(place, marker))
    }
}

impl Kept {
    pub(super) fn backend(&self) -> Arc<dyn Backend> {
        Arc::<View>::clone(&self.guard.0)
    }

    pub(super) fn state(&self) -> KeptState {
        KeptState { view: Arc::clone(&self.guard.0), by: self.by }
    }

    /// Whether a part of it is not on this machine yet.
    pub(super) fn is_loading(&self) -> bool {
        !self.guard.0.is_complete()
    }
}

impl Keeper {
    pub(crate) fn new(remote: Arc<dyn Remote>) -> Self {
        Self { remote, loads: Arc::new(Semaphore::new(LOADS)) }
    }

    /// Takes the state of a task over and begins to load it. `None`: somebody else has the task.
    pub(super) async fn begin(
        &self,
        job: &Job,
        claim: &Claim,
        transaction: &Transaction,
        logged: Progress,
    ) -> Result<Option<(Marker, Kept)>, StreamsError> {
        let (place, by, number) = (claim.place, claim.fence.session(), logged.number);
        let remote = Arc::clone(&self.remote);
        let Found::State { forgotten } = blocking(move || remote.begin(place, by, number)).await?
        else {
            return self.newer(job, place, transaction).await;
        };
        let usable = |marker: &Marker| (forgotten..=number).contains(&marker.progress.number);
        let marker = on_disk(job, place)?.filter(usable);
        if marker.is_none() {
            job.backend.write(cleared(job, place))?;
        }
        let stores = stores(job, place).map(|(_, prefix)| prefix).collect();
        let marked = marker.map(|marker| marker.progress.number);
        let (disk, rows) = (Arc::clone(&job.backend), self.remote.rows(place));
        let view = Arc::new(View::new(disk, rows, stores, number, marked));
        if !view.is_complete() {
            let (view, loads) = (Arc::downgrade(&view), Arc::clone(&self.loads));
            tokio::spawn(async move {
                let Ok(_one) = loads.acquire().await else { return };
                // It tells by the view how it went.
                let _ = tokio::task::spawn_blocking(move || load(&view)).await;
            });
        }
        let marker = Marker { progress: logged, ..Marker::default() };
        Ok(Some((marker, Kept { guard: Guard(view), by })))
    }

    /// Somebody has the task by a newer right, unless the log says otherwise: then what is kept is
    /// not that of this log.
    async fn newer<T>(
        &self,
        job: &Job,
        place: Place,
        transaction: &Transaction,
    ) -> Result<Option<T>, StreamsError> {
        job.offsets.catch_up().await?;
        if !transaction.holds() {
            return Ok(None);
        }
        Err(StreamsError::State {
            place: self.remote.place(),
            reason: format!(
                "task {place:?} was written by a newer right than any in the log has: it is of another log, or the log was brought back from an older copy. Bring back what belongs together; or give the job another name; or, to begin anew, delete the tables, the job's topics and its state_dir"
            ),
        })
    }

    /// Writes what checkpoints change, before they count. Those of tasks that somebody else has are
    /// taken out of `due`, and told.
    pub(super) async fn write(
        &self,
        job: &Job,
        due: &mut Vec<Due>,
    ) -> Result<Vec<Place>, StreamsError> {
        let checkpoint = |due: &mut Due| {
            let KeptState { view, by } = due.kept.as_ref()?;
            let number = due.written.progress.number;
            let changes = std::mem::take(&mut due.written.changes).into_iter();
            let known: Vec<_> = stores(job, due.place).collect();
            let changes = changes.filter_map(|(name, records)| {
                let (_, [high, low, ..]) = known.iter().find(|(store, _)| **store == name)?;
                Some((u16::from_be_bytes([*high, *low]), records))
            });
            // The last checkpoint but one may still be gone back to by who comes next.
            let forget = view.marked().min(number.saturating_sub(2));
            Some(Checkpoint {
                task: due.place,
                by: *by,
                number,
                changes: changes.collect(),
                forget,
            })
        };
        let checkpoints: Vec<Checkpoint> = due.iter_mut().filter_map(checkpoint).collect();
        if checkpoints.is_empty() {
            return Ok(Vec::new());
        }
        let remote = Arc::clone(&self.remote);
        let lost = blocking(move || remote.write(checkpoints)).await?;
        due.retain(|due| !lost.contains(&due.place));
        Ok(lost)
    }
}

/// Calls what blocks, aside of the async runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, StreamsError> + Send + 'static,
) -> Result<T, StreamsError> {
    match tokio::task::spawn_blocking(call).await {
        Ok(done) => done,
        Err(error) => Err(match error.try_into_panic() {
            Ok(panic) => super::worker::panicked(&*panic),
            Err(_) => StreamsError::Log(gantry_log::LogError::Closed),
        }),
    }
}
