//! A simulated worker process and what it runs.

use std::collections::BTreeMap;

use gantry_cluster::{
    Epoch, Incarnation, Member, MemberConfig, OffsetRecord, Orphans, Scope, TransactionId, Unit,
};
use gantry_model::Str;
use gantry_model::plugin::Props;

use crate::faults::Plan;

/// What a task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits for its barrier.
    Starting,
    /// It works.
    Running,
    /// It was told to stop.
    Stopping,
}

/// A unit that runs.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) epoch: u64,
    pub(crate) generation: u64,
    pub(crate) phase: Phase,
    /// Its configuration.
    pub(crate) config: Props,
    /// A task: the last offset that it knows as committed.
    pub(crate) position: u64,
    /// A task: whether a commit is under way.
    pub(crate) committing: bool,
    /// A task: its commits are counted.
    pub(crate) commits: u64,
    /// An exactly-once task: its session, from 1, and how it marks records.
    pub(crate) session: u64,
    pub(crate) transaction: Option<TransactionId>,
}

impl Running {
    pub(crate) fn barrier(&self, unit: &Unit) -> OffsetRecord {
        let (scope, unit) = (self.scope(unit), unit.clone());
        OffsetRecord::Barrier { scope, unit, epoch: self.session(), transaction: self.transaction }
    }
    /// An exactly-once task marks what it writes anew.
    pub(crate) fn next_session(&mut self, random: &mut fastrand::Rng) {
        self.session += 1;
        self.transaction = Some(TransactionId(random.u64(..)));
    }
    pub(crate) fn session(&self) -> Epoch {
        Epoch { claim: self.epoch, session: self.session }
    }
    /// Commits the next offsets, and what was written before an end.
    pub(crate) fn commit(&mut self, unit: &Unit, count: u64, end: Option<u64>) -> OffsetRecord {
        let offsets = vec![(partition(unit), Some((self.position + count).to_string()))];
        self.commits += 1;
        OffsetRecord::Commit {
            scope: self.scope(unit),
            unit: unit.clone(),
            epoch: self.session(),
            sequence: self.commits,
            offsets,
            ends: end.into_iter().map(|end| (TOPIC.into(), 0, end)).collect(),
        }
    }
    fn scope(&self, unit: &Unit) -> Scope {
        Scope { connector: unit.connector.clone(), generation: self.generation }
    }
}

/// The topic that all exactly-once tasks write to.
pub(crate) const TOPIC: &str = "t";

/// The partition that a task reads.
pub(crate) fn partition(unit: &Unit) -> String {
    format!("p{}", unit.task.unwrap_or_default())
}

/// A worker process.
#[derive(Debug)]
pub(crate) struct Worker {
    /// `None` while it is crashed.
    pub(crate) member: Option<Member>,
    /// Counts its lives: what was under way in an older one is void.
    pub(crate) life: u32,
    pub(crate) paused_until_ms: u64,
    /// What it reads comes later by so much.
    pub(crate) slow_ms: u64,
    /// The next offset to read.
    pub(crate) position: u64,
    /// How often the broker had crashed when it read last.
    pub(crate) cuts: u64,
    /// What it was told of the offset log: the generation and the last stamp of connectors.
    pub(crate) stamps: BTreeMap<Str, (u64, u64)>,
    pub(crate) running: BTreeMap<Unit, Running>,
    /// Sessions that nobody else ends.
    pub(crate) orphans: Orphans,
    /// Its clock: where it began, and its speed in thousandths.
    clock_began_ms: u64,
    clock_speed: u64,
}

impl Worker {
    pub(crate) fn new(random: &mut fastrand::Rng) -> Self {
        Self {
            member: None,
            life: 0,
            paused_until_ms: 0,
            slow_ms: 0,
            position: 0,
            cuts: 0,
            stamps: BTreeMap::new(),
            running: BTreeMap::new(),
            orphans: Orphans::default(),
            clock_began_ms: random.u64(0..1_000_000_000),
            clock_speed: random.u64(980..=1020),
        }
    }

    /// Its own clock at a real time.
    pub(crate) fn clock_ms(&self, now_ms: u64) -> u64 {
        self.clock_began_ms + now_ms * self.clock_speed / 1000
    }

    /// Begins a new life, with nothing read.
    pub(crate) fn start(
        &mut self,
        id: usize,
        now_ms: u64,
        plan: &Plan,
        random: &mut fastrand::Rng,
    ) {
        let name = format!("w{id}").into();
        let config = MemberConfig {
            incarnation: Incarnation(random.u64(..)),
            url: format!("http://w{id}").into(),
            name,
            group: "g".into(),
            session_ms: plan.session_ms,
            heartbeat_ms: plan.heartbeat_ms,
            allocation: plan.allocation,
            retry_ms: plan.heartbeat_ms / 4,
            snapshot_records: 300,
        };
        self.member = Some(Member::new(config, self.clock_ms(now_ms)));
        self.life += 1;
        self.slow_ms = 0;
        self.running.clear();
        self.orphans = Orphans::default();
        self.stamps.clear();
    }

    /// Whether a unit may send, put or commit now.
    pub(crate) fn has_lease(&self, unit: &Unit, now_ms: u64) -> bool {
        let until = self.member.as_ref().zip(self.running.get(unit));
        let until = until.and_then(|(member, own)| member.lease_until_ms(unit, own.epoch));
        until.is_some_and(|until| self.clock_ms(now_ms) < until)
    }
}
