//! The instances of a job: they share its queues by the protocol of a cluster, in which the job is
//! the one connector and its tasks are the tasks.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gantry_cluster::{
    Allocation, Body, FORMAT, Incarnation, Input, Member, MemberConfig, Record, Refusal, Request,
    TargetState, Unit,
};
use gantry_coordination::{Asked, Driver, DriverConfig, Fence, Host, Lease, now_ms, record_of_all};
use gantry_log::{QueueBatch, Str, TopicPartition};
use gantry_model::plugin::Props;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::asking::{Instance, TaskPlace};
use super::begin::Claim;
use super::job::{Job, Place};
use super::threads::Threads;
use crate::error::StreamsError;
use crate::settings::millis;

/// Reports that wait for the driver.
const ASKED_MAX: usize = 1024;
/// Heartbeats in the time after which an instance is taken for dead.
const HEARTBEATS_IN_SESSION: u64 = 6;
/// After so many records of the group's topic a snapshot of what came of them is due.
const SNAPSHOT_RECORDS: u64 = 10_000;

/// How tasks are spread over instances.
const ALLOCATION: Allocation = Allocation::ConsistentHash;

/// Who lives, and who has which task.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Roles {
    alive: Vec<Incarnation>,
    owners: Vec<Option<Incarnation>>,
}

/// This instance's part.
pub(super) struct Group {
    job: Arc<Job>,
    threads: Arc<Threads>,
    member: Mutex<Member>,
    asked: mpsc::Sender<Asked>,
    waiting_for: Mutex<Option<String>>,
    /// Fires when the others know that it has left.
    pub(super) left: CancellationToken,
}

impl Group {
    /// Takes part from now on, on the runtime that this is called on.
    pub(super) async fn join(
        job: Arc<Job>,
        threads: Arc<Threads>,
        queue: TopicPartition,
    ) -> Result<Arc<Self>, StreamsError> {
        let incarnation = Incarnation(fastrand::u64(..));
        succeed(&job, &queue, incarnation).await?;
        let session_ms = u64::try_from(millis(job.settings.session_timeout)).unwrap_or(u64::MAX);
        let heartbeat_ms = session_ms / HEARTBEATS_IN_SESSION;
        let config = MemberConfig {
            incarnation,
            name: format!("{}-{:016x}", job.plan.job, incarnation.0).into(),
            url: job.settings.application_server.clone().unwrap_or_default().into(),
            group: job.plan.job.clone(),
            session_ms,
            heartbeat_ms,
            allocation: ALLOCATION,
            retry_ms: (heartbeat_ms / 4).clamp(50, 1_000),
            snapshot_records: SNAPSHOT_RECORDS,
        };
        let (asked, questions) = mpsc::channel(ASKED_MAX);
        let driver = DriverConfig {
            control: Arc::clone(&job.log),
            queue,
            copies: gantry_coordination::Copies::default(),
            heartbeat_ms,
            stopping: job.shared.stopping.clone(),
            left: CancellationToken::new(),
        };
        let group = Arc::new(Self {
            threads,
            member: Mutex::new(Member::new(config, now_ms())),
            asked,
            waiting_for: Mutex::default(),
            left: driver.left.clone(),
            job,
        });
        let (offsets, stop) = (Arc::clone(&group.job.offsets), driver.left.child_token());
        let follower = Arc::clone(&group);
        tokio::spawn(gantry_coordination::follow_offsets(follower, offsets, session_ms, stop));
        tokio::spawn(Driver::new(Arc::clone(&group), driver).run(questions));
        tokio::spawn(Arc::clone(&group).make());
        Ok(group)
    }

    /// Makes the job known to the group, if it is not.
    async fn make(self: Arc<Self>) {
        let (answer, answered) = oneshot::channel();
        let name = Str::clone(&self.job.plan.job);
        let (config, target) = (Props::new(), Some(TargetState::Started));
        let request = Request::Put { name, config, target, create: true, expected: None };
        let asked = Asked::Request { request, answer };
        // If it is there already that is as well.
        if self.asked.send(asked).await.is_ok() {
            let _ = answered.await;
        }
    }

    /// Tells the protocol something, from wherever.
    fn tell(&self, input: Input) {
        let asked = self.asked.clone();
        if let Err(mpsc::error::TrySendError::Full(input)) = asked.try_send(Asked::Input(input)) {
            tokio::spawn(async move { asked.send(input).await });
        }
    }

    /// A task runs here no more.
    pub(super) fn stopped(&self, claim: &Claim) {
        if let Some(lease) = &claim.lease {
            lease.set(None);
        }
        let Fence { unit, claim: epoch, .. } = claim.fence.clone();
        self.tell(Input::Stopped { unit, epoch, failing: false });
    }

    /// All instances that live, and which tasks they have, as far as this one knows.
    pub(super) fn instances(&self) -> Vec<Instance> {
        let member = self.member();
        let (state, me) = (member.state(), member.incarnation());
        let tasks_of = |owner: Incarnation| {
            let units = state.units.iter().filter(|(_, unit)| unit.owner == Some(owner));
            let mut tasks: Vec<TaskPlace> =
                units.filter_map(|(unit, _)| self.place(unit)).map(TaskPlace::from).collect();
            tasks.sort_unstable();
            tasks
        };
        let instances = state.alive().map(|(incarnation, worker)| Instance {
            name: worker.name.to_string(),
            address: Some(worker.url.to_string()).filter(|url| !url.is_empty()),
            is_this: incarnation == me,
            tasks: tasks_of(incarnation),
        });
        instances.collect()
    }

    /// For which tasks this instance stands by, if who lives or who has what is no more as it was
    /// known.
    pub(super) fn standbys(&self, known: &mut Option<Roles>) -> Option<BTreeSet<Place>> {
        let (me, state) = {
            let member = self.member();
            let state = member.state();
            let tasks = (0..).zip(&self.job.plan.tasks);
            let owners =
                tasks.map(|(number, _)| state.owner(&Unit::task(&self.job.plan.job, number)));
            let alive = state.alive().map(|(worker, _)| worker).collect();
            let roles = Some(Roles { alive, owners: owners.collect() });
            if *known == roles {
                return None;
            }
            *known = roles;
            (member.incarnation(), state.clone())
        };
        let count = usize::try_from(self.job.settings.standby_replicas).unwrap_or(usize::MAX);
        let standbys = gantry_cluster::standbys(&state, ALLOCATION, count).into_iter();
        let mine = standbys.filter(|(_, by)| by.contains(&me));
        Some(mine.filter_map(|(unit, _)| self.place(&unit)).collect())
    }

    fn place(&self, unit: &Unit) -> Option<Place> {
        self.job.plan.tasks.get(unit.task? as usize).copied()
    }
}

/// Where an instance says in its directory who it is.
const INSTANCE: &str = "instance";

/// Whoever had this directory before lives no more, as its lock is free: the others need not wait to
/// find out.
async fn succeed(job: &Job, queue: &TopicPartition, me: Incarnation) -> Result<(), StreamsError> {
    let place = job.settings.state_dir.join(INSTANCE);
    let former = std::fs::read_to_string(&place).ok();
    if let Some(by) = former.and_then(|text| text.trim().parse().ok()).map(Incarnation) {
        // Behind all that it can have written.
        let record = Record { format: FORMAT, by, seq: u64::MAX / 2, body: Body::Leave {} };
        let records = vec![record_of_all(None, Some(record.to_bytes()))];
        job.log.append(vec![QueueBatch { to: queue.clone(), records }]).await?.await?;
    }
    std::fs::write(&place, me.0.to_string()).map_err(|error| StreamsError::state(&place, &error))
}

impl Host for Group {
    fn member(&self) -> MutexGuard<'_, Member> {
        self.member.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> &mpsc::Sender<Asked> {
        &self.asked
    }

    fn start(&self, unit: Unit, epoch: u64, generation: u64) {
        if unit.task.is_none() {
            let configs = vec![Props::new(); self.job.plan.tasks.len()];
            let name = Str::clone(&unit.connector);
            self.tell(Input::Tasks { name, version: generation, epoch, configs });
            return;
        }
        let lease = Lease::default();
        lease.set(self.member().lease_until_ms(&unit, epoch));
        let place = self.place(&unit);
        let stop = CancellationToken::new();
        let fence = Fence::new(unit.clone(), generation, epoch);
        let started = place.is_some_and(|place| {
            self.threads.start(Claim { place, fence, lease: Some(lease), stop })
        });
        if !started {
            self.tell(Input::Stopped { unit, epoch, failing: true });
        }
    }

    fn stop(&self, unit: &Unit, epoch: u64) {
        if self.place(unit).is_none_or(|place| !self.threads.stop(place)) {
            self.tell(Input::Stopped { unit: unit.clone(), epoch, failing: false });
        }
    }

    fn restart(&self, _: &Unit, _: bool) {}

    fn target(&self, _: &Str, _: TargetState) {}

    fn refused(&self, refusal: Refusal) -> String {
        format!("the other instances of job {} refuse this one: {refusal}", self.job.plan.job)
    }

    fn set_waiting_for(&self, reason: Option<String>) {
        let mut waiting = self.waiting_for.lock().unwrap_or_else(PoisonError::into_inner);
        if *waiting != reason {
            let job = &self.job.plan.job;
            match &reason {
                Some(reason) => tracing::warn!(%job, "this instance waits: {reason}"),
                None => tracing::info!(%job, "this instance takes part"),
            }
            *waiting = reason;
        }
    }

    fn stepped(&self) {
        let claims = self.threads.claims();
        let member = self.member();
        for Claim { fence, lease, .. } in claims {
            if let Some(lease) = lease {
                lease.set(member.lease_until_ms(&fence.unit, fence.claim));
            }
        }
    }
}
