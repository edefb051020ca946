//! A task of a connector that this worker owns.

use std::time::Duration;

use gantry_api::Props;
use gantry_cluster::Input;

use super::QUEUES;
use super::units::{Command, Ended, Runner, RunningTask, dealt};
use crate::entities::{TargetState, UnitState};
use crate::offsets::{OffsetStore, TaskOffsets};
use crate::task::{TaskHandle, TaskSetup};

/// The wait after the log could not take a barrier.
const BARRIER_RETRY: Duration = Duration::from_millis(200);

/// What comes next for a task.
enum Next {
    Start,
    End(Ended),
}

impl Runner {
    pub(super) async fn run_task(&mut self, task: u32) -> Ended {
        match self.take_over().await {
            Next::Start => {}
            Next::End(ended) => return ended,
        }
        loop {
            let next = match self.setup(task).await {
                Ok(setup) => self.watch(TaskHandle::start(setup)).await,
                Err(error) => {
                    tracing::error!(task = %self.unit, %error, "task cannot start");
                    self.say(UnitState::Failed, Some(error.trace()), None);
                    self.wait_for_restart().await
                }
            };
            if let Next::End(ended) = next {
                return ended;
            }
        }
    }

    /// Writes the barrier of this epoch and reads up to it.
    async fn take_over(&mut self) -> Next {
        loop {
            let Some(herder) = self.herder.upgrade() else { return Next::End(Ended::Stopped) };
            let store = herder.offset_store();
            let OffsetStore::Fenced(fenced) = &*store else { return Next::End(Ended::Stopped) };
            let fence = self.fence.clone();
            let failed = tokio::select! {
                command = self.command() => match command {
                    Command::Restart { .. } | Command::Target(_) => continue,
                    Command::Stop => return Next::End(Ended::Stopped),
                },
                taken = fenced.barrier(&fence) => match taken {
                    Ok(true) => return Next::Start,
                    Ok(false) => {
                        self.cluster.tell_stamps(fenced, &self.unit.connector).await;
                        return Next::End(Ended::Stopped);
                    }
                    Err(error) => error,
                },
            };
            tracing::warn!(task = %self.unit, error = %failed, "cannot take a task over yet");
            tokio::select! {
                () = self.stop.cancelled() => return Next::End(Ended::Stopped),
                () = tokio::time::sleep(BARRIER_RETRY) => {}
            }
        }
    }

    async fn setup(&self, task: u32) -> gantry_api::Result<TaskSetup> {
        let gone = || gantry_api::Error::connect("its configuration is no longer there");
        let herder = self.herder.upgrade().ok_or_else(gone)?;
        let name = &self.unit.connector;
        let found = self.cluster.connector(name, |connector| {
            let tasks = connector.tasks.as_ref()?;
            let count = u32::try_from(tasks.configs.len()).unwrap_or(u32::MAX);
            let current = tasks.generation == self.generation;
            let config = tasks.configs.get(task as usize).filter(|_| current)?;
            let share = |config: &Props| config.get(QUEUES).map(|text| dealt(text));
            let assigned: Option<Vec<_>> = tasks.configs.iter().map(share).collect();
            Some((config.clone(), count, assigned))
        });
        let (template, count, assigned) = found.flatten().ok_or_else(gone)?;
        let offsets = TaskOffsets {
            store: herder.offset_store(),
            connector: name.clone(),
            fence: Some(self.fence.clone()),
            transactions: herder.transactions(),
        };
        let lease = Some(self.lease.clone());
        let target = self.target();
        herder.clustered_setup((task, count), template, offsets, assigned, lease, target).await
    }

    /// Watches over a task that runs.
    async fn watch(&mut self, handle: TaskHandle) -> Next {
        let mut states = handle.states();
        let metrics = handle.metrics.clone();
        self.show(RunningTask { metrics, states: states.clone() });
        let herder = self.herder.upgrade();
        let version = herder.as_ref().map(|herder| herder.version_of(&self.unit.connector));
        let grace = herder.map_or(Duration::ZERO, |herder| herder.grace());
        loop {
            let cell = states.borrow_and_update().clone();
            if cell.state != UnitState::Unassigned {
                self.say(cell.state, cell.trace.clone(), version.as_deref());
            }
            let failed = cell.state == UnitState::Failed;
            tokio::select! {
                command = self.command() => match command {
                    Command::Stop => {
                        if !self.lease.is_valid() {
                            handle.revoke();
                        }
                        handle.stopped(grace).await;
                        return Next::End(Ended::Stopped);
                    }
                    Command::Restart { only_failed } if failed || !only_failed => {
                        self.say(UnitState::Restarting, None, version.as_deref());
                        handle.stopped(grace).await;
                        return Next::Start;
                    }
                    Command::Restart { .. } => {}
                    // The command to stop follows.
                    Command::Target(TargetState::Stopped) => {}
                    Command::Target(target) => handle.set_target(target),
                },
                changed = states.changed() => {
                    // It has ended: what it said last stands until it is restarted.
                    if changed.is_err() {
                        let last = states.borrow().state;
                        return self.ended(last).await;
                    }
                }
            }
        }
    }

    async fn ended(&mut self, last: UnitState) -> Next {
        match last {
            UnitState::Failed if self.may_move() => Next::End(Ended::Failing),
            UnitState::Failed => self.wait_for_restart().await,
            // It had no lease, or somebody newer commits: it is claimed anew, by whom it belongs to.
            _ => Next::End(Ended::Stopped),
        }
    }

    /// Whether a task that keeps failing here shall be tried by another worker: where a policy
    /// restarts tasks, and another is there that has not tried.
    fn may_move(&self) -> bool {
        let Some(herder) = self.herder.upgrade() else { return false };
        if herder.restart_policy(&self.unit.connector).max_restarts == 0 {
            return false;
        }
        self.cluster.read(|state| {
            let tried = state.units.get(&self.unit).map_or(0, |unit| unit.avoided.len());
            state.alive().count() > tried + 1
        })
    }

    async fn wait_for_restart(&mut self) -> Next {
        loop {
            match self.command().await {
                Command::Stop => return Next::End(Ended::Stopped),
                Command::Restart { .. } => return Next::Start,
                Command::Target(_) => {}
            }
        }
    }
}

impl super::Cluster {
    /// The offset log may know more than the cluster log, which can lose its end.
    pub(super) async fn tell_stamps(
        &self,
        fenced: &gantry_coordination::FencedOffsets,
        name: &gantry_api::Str,
    ) {
        let (generation, last) = (fenced.generation(name), fenced.last_stamp(name));
        self.tell(Input::Stamps { name: name.clone(), generation, last }).await;
    }
}
