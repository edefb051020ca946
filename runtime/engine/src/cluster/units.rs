//! Units that run on this worker: a task of their own each, told what to do by the driver.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};

use futures_util::FutureExt;
use gantry_cluster::{Input, TargetState, Unit};
use gantry_coordination::{Fence, Lease};
use gantry_log::TopicPartition;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Cluster;
use crate::entities::UnitState;
use crate::herder::Herder;
use crate::metrics::TaskMetrics;
use crate::task::{StateCell, panicked};

/// Commands that wait for a unit: more than a user can give while it starts.
const COMMANDS_MAX: usize = 64;

/// What a unit is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Stop, with all that it has to commit; if its lease is gone, without.
    Stop,
    /// Start again, if it has failed or anyway.
    Restart { only_failed: bool },
    /// Its connector shall do something else.
    Target(TargetState),
}

/// A unit that runs here, as the driver holds it.
pub(super) struct LocalUnit {
    pub(super) epoch: u64,
    pub(super) lease: Lease,
    /// Fires when it shall stop, however busy it is.
    pub(super) stop: CancellationToken,
    commands: mpsc::Sender<Command>,
    /// Of a task.
    pub(super) running: Option<RunningTask>,
}

/// What may be looked at of a task that runs here.
#[derive(Clone)]
pub(super) struct RunningTask {
    pub(super) metrics: Arc<TaskMetrics>,
    pub(super) states: watch::Receiver<StateCell>,
}

/// What a unit needs to run.
pub(super) struct Runner {
    pub(super) cluster: Arc<Cluster>,
    pub(super) herder: Weak<Herder>,
    pub(super) unit: Unit,
    pub(super) epoch: u64,
    pub(super) generation: u64,
    /// By what right a task commits.
    pub(super) fence: Fence,
    pub(super) lease: Lease,
    pub(super) stop: CancellationToken,
    pub(super) commands: mpsc::Receiver<Command>,
}

/// How a unit ended.
pub(super) enum Ended {
    /// It was told to.
    Stopped,
    /// It keeps failing here.
    Failing,
}

impl Runner {
    /// Runs to the end and tells it.
    pub(super) async fn run(mut self) {
        let running = async {
            match self.unit.task {
                None => self.run_connector().await,
                Some(task) => self.run_task(task).await,
            }
        };
        let ended = match AssertUnwindSafe(running).catch_unwind().await {
            Ok(ended) => ended,
            Err(panic) => {
                let error = panicked(panic.as_ref());
                tracing::error!(unit = %self.unit, %error, "a unit panicked");
                self.say(UnitState::Failed, Some(error.trace()), None);
                self.stop.cancelled().await;
                Ended::Stopped
            }
        };
        // What was abandoned has no right to work any more.
        self.lease.set(None);
        let Self { cluster, unit, epoch, .. } = self;
        cluster.statuses.forget(&unit);
        cluster.units().retain(|known, local| *known != unit || local.epoch != epoch);
        let failing = matches!(ended, Ended::Failing);
        cluster.tell(Input::Stopped { unit, epoch, failing }).await;
    }

    /// The next command; without a driver the unit stops. Cancel safe.
    pub(super) async fn command(&mut self) -> Command {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Command::Stop,
            command = self.commands.recv() => command.unwrap_or(Command::Stop),
        }
    }

    /// What its connector shall do.
    pub(super) fn target(&self) -> TargetState {
        let target = self.cluster.connector(&self.unit.connector, |connector| connector.target);
        target.unwrap_or(TargetState::Stopped)
    }

    /// Says what the unit is doing.
    pub(super) fn say(&self, state: UnitState, trace: Option<String>, version: Option<&str>) {
        let version = version.map(str::to_owned);
        self.cluster.statuses.say(&self.unit, self.epoch, state, trace, version);
    }

    /// Shows a task that runs here to those who ask.
    pub(super) fn show(&self, running: RunningTask) {
        let mut units = self.cluster.units();
        if let Some(local) = units.get_mut(&self.unit).filter(|local| local.epoch == self.epoch) {
            local.running = Some(running);
        }
    }
}

impl Cluster {
    /// Starts a unit.
    pub(super) fn start_unit(
        self: &Arc<Self>,
        herder: &Weak<Herder>,
        unit: Unit,
        epoch: u64,
        generation: u64,
    ) {
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let stop = CancellationToken::new();
        let lease = Lease::default();
        lease.set(self.member().lease_until_ms(&unit, epoch));
        let local = LocalUnit {
            epoch,
            lease: lease.clone(),
            stop: stop.clone(),
            commands: sender,
            running: None,
        };
        self.units().insert(unit.clone(), local);
        let (cluster, herder) = (Arc::clone(self), Weak::clone(herder));
        let fence = Fence::new(unit.clone(), generation, epoch);
        let runner =
            Runner { cluster, herder, unit, epoch, generation, fence, lease, stop, commands };
        tokio::spawn(runner.run());
    }

    /// Tells units of a connector something.
    pub(super) fn command(&self, is_meant: impl Fn(&Unit) -> bool, command: impl Fn() -> Command) {
        let units = self.units();
        for (unit, local) in units.iter().filter(|(unit, _)| is_meant(unit)) {
            if local.commands.try_send(command()).is_err() {
                tracing::warn!(%unit, "a unit that is busy does not take more commands");
            }
        }
    }

    /// Extends the leases of all units that this worker still has.
    pub(super) fn extend_leases(&self) {
        let units = self.units();
        let member = self.member();
        for (unit, local) in units.iter() {
            local.lease.set(member.lease_until_ms(unit, local.epoch));
        }
    }

    /// The tasks that run here.
    pub(crate) fn running_tasks(&self) -> BTreeMap<Unit, (Arc<TaskMetrics>, StateCell)> {
        let units = self.units();
        let running = units.iter().filter_map(|(unit, local)| {
            let RunningTask { metrics, states } = local.running.as_ref()?;
            Some((unit.clone(), (Arc::clone(metrics), states.borrow().clone())))
        });
        running.collect()
    }
}

/// The queues of a sink's topics, dealt round its tasks in order, as text for each task.
pub(crate) fn deal(queues: &[TopicPartition], tasks: usize) -> Vec<String> {
    let mut dealt: Vec<Vec<(&str, u32)>> = vec![Vec::new(); tasks];
    for (at, queue) in queues.iter().enumerate() {
        if let Some(share) = dealt.get_mut(at % tasks.max(1)) {
            share.push((&queue.topic, queue.partition));
        }
    }
    dealt.iter().map(|share| serde_json::to_string(share).unwrap_or_default()).collect()
}

/// The reverse for one task.
pub(crate) fn dealt(text: &str) -> Vec<TopicPartition> {
    let share: Vec<(String, u32)> = serde_json::from_str(text).unwrap_or_default();
    share.into_iter().map(|(topic, queue)| TopicPartition::new(topic.as_str(), queue)).collect()
}
