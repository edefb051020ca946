//! The checkpoints of a thread. While one is written, its tasks go on: what they do then is in the
//! next one, which is written behind it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_log::{LogError, Str, TopicPartition};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::TaskStatus;
use super::commit::{Due, Outcome, commit};
use super::job::{Job, Place};
use super::keeper::Kept;
use super::outage::RETRY;
use super::worker::{Running, Worker, panicked, wall_clock_ms};
use crate::error::StreamsError;
use crate::task::Task;

/// How long a thread that ends waits for what is on its way.
const LET_GO_LIMIT: Duration = Duration::from_secs(5);

/// Checkpoints that are on their way.
pub(super) struct Writing {
    /// The tasks, and how they were then: it is told once it is known that it counts.
    tasks: Vec<TaskStatus>,
    /// `None`: nobody waits for it any more.
    written: JoinHandle<Option<Written>>,
}

/// What came of them, and the microseconds that it took.
type Written = (Result<Outcome, StreamsError>, u64);

/// Where the job is in its inputs, for tools that look at consumer groups: the job itself goes on from
/// its checkpoints.
#[derive(Default)]
pub(super) struct Telling {
    due: BTreeMap<TopicPartition, Option<u64>>,
    /// One at a time: an older one must not come behind a newer one.
    running: Option<JoinHandle<Result<(), LogError>>>,
}

impl Worker {
    /// Begins to write the checkpoints of one task, or of all. What is to go to the disk of this
    /// machine does so before the tasks go on: they find there what they hold no more.
    pub(super) async fn checkpoint(
        &mut self,
        only: Option<Place>,
        save: bool,
    ) -> Result<(), StreamsError> {
        self.settle().await?;
        if self.job.shared.abandoned.is_cancelled() {
            return Ok(());
        }
        self.without_lease();
        let (mut due, mut tasks, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        let due_now = |running: &Running| {
            only.is_none_or(|only| only == running.place)
                && running.is_valid()
                && (running.task.is_dirty() || (save && running.unsaved))
        };
        for running in &mut self.work.tasks {
            if !due_now(running) {
                if !running.task.is_dirty() {
                    self.job.shared.status().insert(running.place, running.status());
                }
                continue;
            }
            let written = match running.task.checkpoint(save) {
                Ok(written) => written,
                Err(error) => {
                    failed.push((running.place, error));
                    continue;
                }
            };
            // What is saved before all is there is not yet the state of a checkpoint.
            running.unsaved =
                written.batch.is_none() || running.kept.as_ref().is_some_and(Kept::is_loading);
            let kept = running.kept.as_ref().map(Kept::state);
            let (marker, transaction) = (running.marker.clone(), Arc::clone(&running.transaction));
            due.push(Due { place: running.place, written, marker, transaction, kept });
            tasks.push(running.status());
        }
        for (place, error) in failed {
            self.or_again(place, Err(error)).await?;
        }
        if due.is_empty() {
            return Ok(());
        }
        let saves = due.iter().any(|due| due.written.batch.is_some());
        // Aside of the async runtime, whose threads tell the others that this instance is there.
        let (job, runtime) = (Arc::clone(&self.job), Handle::current());
        let written = tokio::task::spawn_blocking(move || runtime.block_on(write(&job, due)));
        self.work.writing = Some(Writing { tasks, written });
        if saves { self.settle().await } else { Ok(()) }
    }

    /// Takes note of checkpoints that were written meanwhile.
    pub(super) async fn settle_if_written(&mut self) -> Result<(), StreamsError> {
        match &self.work.writing {
            Some(writing) if writing.written.is_finished() => self.settle().await,
            _ => Ok(()),
        }
    }

    /// Waits for checkpoints that are on their way.
    pub(super) async fn settle(&mut self) -> Result<(), StreamsError> {
        let Some(Writing { tasks, written }) = self.work.writing.take() else { return Ok(()) };
        let (outcome, took_us) = match written.await {
            Ok(Some(done)) => done,
            Ok(None) => return Ok(()),
            Err(error) => {
                return error.try_into_panic().map_or(Ok(()), |panic| Err(panicked(&*panic)));
            }
        };
        match outcome {
            Ok(outcome) => self.written(outcome, tasks, took_us).await,
            // What came of them is not known: the tasks must not go on, as their state may be ahead
            // of what counts.
            Err(error) if error.is_retriable() => {
                let places: Vec<Place> =
                    tasks.iter().map(|task| (task.sub_topology, task.queue)).collect();
                tracing::warn!(
                    job = %self.job.plan.job, tasks = ?places, %error,
                    "a checkpoint could not be written: the tasks begin again at the last one"
                );
                places.into_iter().for_each(|place| self.begin_again(place));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn written(
        &mut self,
        outcome: Outcome,
        tasks: Vec<TaskStatus>,
        took_us: u64,
    ) -> Result<(), StreamsError> {
        let Outcome { markers, local, kept, lost, disturbed } = outcome;
        if !lost.is_empty() && self.group.is_none() {
            return Err(self.not_alone());
        }
        if !local.entries.is_empty() {
            self.job.backend.write(local)?;
        }
        for (place, kept, batch) in kept {
            let marker = markers.iter().find(|(of, _)| *of == place);
            marker.map_or(Ok(()), |(_, marker)| kept.save(place, batch, marker))?;
        }
        let mut tasks: BTreeMap<Place, TaskStatus> =
            tasks.into_iter().map(|task| ((task.sub_topology, task.queue), task)).collect();
        for (place, marker) in markers {
            let running = self.work.tasks.iter_mut().find(|running| running.place == place);
            let (Some(running), Some(mut task)) = (running, tasks.remove(&place)) else { continue };
            running.checkpoint_us = (running.checkpoint_us.0.saturating_add(took_us), took_us);
            (task.checkpoint_time_us, task.checkpoint_last_us) = running.checkpoint_us;
            task.checkpoints = marker.progress.number;
            for (topic, offset) in &marker.progress.inputs {
                let queue = TopicPartition { topic: Str::clone(topic), partition: place.1 };
                self.work.telling.due.insert(queue, Some(*offset));
            }
            running.marker = marker;
            self.job.shared.status().insert(place, task);
        }
        if self.work.telling.running.as_ref().is_some_and(JoinHandle::is_finished) {
            self.told().await?;
        }
        self.tell_tools();
        disturbed.into_iter().for_each(|place| self.begin_again(place));
        // Somebody else's: they must not go on here.
        for place in lost {
            tracing::info!(job = %self.job.plan.job, task = ?place, "another instance has a task");
            self.drop_task(place);
            self.gone(place);
        }
        Ok(())
    }

    /// A task whose state cannot be read now begins again at its last checkpoint, once that on its way
    /// is over.
    pub(super) async fn or_again(
        &mut self,
        place: Place,
        done: Result<(), StreamsError>,
    ) -> Result<(), StreamsError> {
        match done {
            Err(error) if error.is_retriable() => {
                tracing::warn!(
                    job = %self.job.plan.job, task = ?place, %error,
                    "a task cannot go on now: it begins again at its last checkpoint"
                );
                self.settle().await?;
                self.begin_again(place);
                Ok(())
            }
            done => done,
        }
    }

    /// Tells all tasks something; see [`or_again`](Self::or_again).
    pub(super) async fn each_task(
        &mut self,
        mut tell: impl FnMut(&mut Task) -> Result<(), StreamsError>,
    ) -> Result<(), StreamsError> {
        let tasks = self.work.tasks.iter_mut();
        let told: Vec<_> = tasks.map(|running| (running.place, tell(&mut running.task))).collect();
        for (place, done) in told {
            self.or_again(place, done).await?;
        }
        Ok(())
    }

    /// Tells tools where the job is, if that is not being done.
    fn tell_tools(&mut self) {
        let Telling { due, running } = &mut self.work.telling;
        if running.is_none() && !due.is_empty() {
            let (job, due) = (Arc::clone(&self.job), std::mem::take(due));
            *running = Some(tokio::spawn(async move { job.log.commit(&job.plan.job, &due).await }));
        }
    }

    /// Takes note of what was told; an error that stays ends the job.
    async fn told(&mut self) -> Result<(), StreamsError> {
        let Some(running) = self.work.telling.running.take() else { return Ok(()) };
        match running.await {
            Ok(Err(error)) if !error.is_retriable() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The last that there is to tell is told, unless nobody waits any more.
    pub(super) async fn all_told(&mut self) -> Result<(), StreamsError> {
        let job = Arc::clone(&self.job);
        let all = async {
            self.told().await?;
            self.tell_tools();
            self.told().await
        };
        tokio::select! {
            all = all => all,
            () = job.shared.abandoned.cancelled() => Ok(()),
        }
    }

    /// Waits for what is on its way when the thread ends, but not for long: it must be there, or never,
    /// before others hear that its tasks are free.
    pub(super) async fn let_go(&mut self) {
        if let Some(Writing { written, .. }) = self.work.writing.take() {
            // A panic was told, or does not matter any more.
            let _ = tokio::time::timeout(LET_GO_LIMIT, written).await;
        }
    }

    fn begin_again(&mut self, place: Place) {
        if let Some(Running { claim, .. }) = self.drop_task(place) {
            self.work.waiting.insert(place, (claim, Instant::now() + RETRY));
        }
    }

    /// Tasks that others may have by now do not go on here, unless they still prove to be its own.
    fn without_lease(&mut self) {
        let without = self.work.tasks.iter().filter(|running| !running.is_valid());
        for place in without.map(|running| running.place).collect::<Vec<_>>() {
            tracing::warn!(
                job = %self.job.plan.job, task = ?place,
                "this instance has not been heard by the others for half of session_timeout: a task pauses"
            );
            self.begin_again(place);
        }
    }
}

/// Writes checkpoints, unless nobody waits for them any more.
async fn write(job: &Job, due: Vec<Due>) -> Option<Written> {
    let began = Instant::now();
    let outcome = tokio::select! {
        biased;
        outcome = commit(job, due, wall_clock_ms()) => outcome,
        () = job.shared.abandoned.cancelled() => return None,
    };
    Some((outcome, u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)))
}
