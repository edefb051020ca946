//! What happens at the broker, in tasks, and by users and misfortune.

use bytes::Bytes;
use gantry_cluster::{
    Body, Input, OffsetRecord, OffsetVerdict, Record, Request, TargetState, Unit,
};
use gantry_model::Str;
use gantry_model::plugin::Props;

use super::exactly_once::LINES_MAX;
use super::{Event, World};
use crate::faults::Mutation;
use crate::worker::Phase;

impl World {
    /// An append arrives. The answer may get lost, and the append may come later.
    pub(super) fn store(&mut self, worker: usize, life: u32, records: Vec<Bytes>) {
        let failed = self.broker.down || !self.healed && self.random.u8(0..50) == 0;
        let early = self.plan.mutation == Mutation::EarlyAcknowledgement;
        if early && self.random.u8(0..10) == 0 {
            // Told as durable, and lost.
        } else if !failed {
            self.append(worker, records);
        } else if self.random.bool() {
            let late = self.random.u64(0..=self.plan.session_ms);
            self.after(worker, late, Event::StoreLate(records));
        } else if !self.broker.down {
            // Stored, and nobody is told.
            self.append(worker, records);
        }
        let wait = self.delay();
        self.answer(worker, life, wait, Event::Appended(!failed || early));
    }

    /// Records are stored.
    pub(super) fn append(&mut self, worker: usize, records: Vec<Bytes>) {
        for (offset, bytes) in (self.broker.end()..).zip(&records) {
            self.note(|| {
                let text = String::from_utf8_lossy(bytes);
                let text: String = text.chars().take(300).collect();
                format!("worker {worker} stored {offset}: {text}")
            });
        }
        self.broker.append(self.now_ms, records);
    }

    /// A record arrives at the offset log.
    pub(super) fn arrives(
        &mut self,
        worker: usize,
        life: u32,
        unit: Unit,
        epoch: u64,
        record: OffsetRecord,
    ) {
        let wait = self.delay();
        if self.broker.down {
            // Tried again until it is through, also when its writer is long gone.
            let event = Event::Commit { unit, epoch, record };
            self.answer(worker, life, wait + self.plan.heartbeat_ms / 2, event);
            return;
        }
        let barrier = matches!(record, OffsetRecord::Barrier { .. });
        let before = self.position(&unit);
        let count = match &record {
            OffsetRecord::Commit { offsets, .. } if self.plan.exactly_once => {
                let to = offsets.first().and_then(|(_, to)| to.as_deref()?.parse::<u64>().ok());
                to.map_or(0, |to| to.saturating_sub(before)).clamp(1, LINES_MAX)
            }
            _ => 1,
        };
        let mut verdict = if self.plan.mutation == Mutation::NoBarrier {
            self.without_barrier(&record)
        } else {
            self.broker.commit(record.clone())
        };
        if self.plan.mutation == Mutation::NoFence && verdict == OffsetVerdict::Fenced && !barrier {
            self.force(&record);
            verdict = OffsetVerdict::Applied;
        }
        let position = self.position(&unit);
        match verdict {
            OffsetVerdict::Applied if !barrier => {
                self.outcome.commits += 1;
                self.may_come_again(worker, &record);
                if position != before + count {
                    self.violated(&format!("offset of {unit} went from {before} to {position}"));
                }
            }
            OffsetVerdict::Applied => {}
            OffsetVerdict::Fenced => self.outcome.fenced += 1,
            OffsetVerdict::Stale => self.violated(&format!("a commit of {unit} came too late")),
        }
        let event = Event::Committed { unit, epoch, barrier, verdict, position };
        self.answer(worker, life, wait, event);
    }

    /// A new owner writes no barrier but only reads where to go on, and its first commit is what
    /// shuts the former owner out.
    fn without_barrier(&mut self, record: &OffsetRecord) -> OffsetVerdict {
        let OffsetRecord::Commit { scope, unit, epoch, .. } = record else {
            return OffsetVerdict::Applied;
        };
        let (scope, unit, epoch) = (scope.clone(), unit.clone(), *epoch);
        self.broker.fold.apply(&OffsetRecord::Barrier { scope, unit, epoch, transaction: None });
        self.broker.commit(record.clone())
    }

    /// Lets a commit count that must not: as its own newest owner.
    fn force(&mut self, record: &OffsetRecord) {
        if let OffsetRecord::Commit { scope, unit, offsets, .. } = record {
            let mut scope = scope.clone();
            scope.generation = self.broker.fold.last_stamp(&unit.connector) + 1;
            let offsets = offsets.clone();
            self.broker.fold.apply(&OffsetRecord::Edit { scope, id: 1, offsets });
        }
    }

    /// A task hears what came of its barrier or commit.
    pub(super) fn committed(
        &mut self,
        worker: usize,
        unit: &Unit,
        epoch: u64,
        barrier: bool,
        verdict: OffsetVerdict,
        position: u64,
    ) {
        let Some(own) = self.workers.get_mut(worker) else { return };
        let Some(running) = own.running.get_mut(unit).filter(|r| r.epoch == epoch) else { return };
        let wait = self.random.u64(1..=self.plan.session_ms / 20);
        match (verdict, barrier) {
            (OffsetVerdict::Applied, true) => {
                running.position = position;
                if running.phase == Phase::Starting {
                    running.phase = Phase::Running;
                    self.check_owners(worker, unit);
                }
                self.after(worker, wait, Event::Work { unit: unit.clone(), epoch });
            }
            (OffsetVerdict::Applied, false) => {
                running.position = position;
                running.committing = false;
                self.after(worker, wait, Event::Work { unit: unit.clone(), epoch });
            }
            (OffsetVerdict::Stale, _) => {}
            // Somebody newer is there: it ends, and what it knew is told.
            (OffsetVerdict::Fenced, _) => {
                own.running.remove(unit);
                self.tell_stamps(worker);
                let unit = unit.clone();
                self.inputs(worker, vec![Input::Stopped { unit, epoch, failing: false }]);
            }
        }
    }

    /// A worker reads the offset log, too.
    pub(super) fn tell_stamps(&mut self, worker: usize) {
        let Some(own) = self.workers.get_mut(worker) else { return };
        let mut inputs = Vec::new();
        for number in 0..6 {
            let name: Str = format!("c{number}").into();
            let known = self.broker.stamps(&name);
            if known != (0, 0) && own.stamps.get(&name) != Some(&known) {
                own.stamps.insert(Str::clone(&name), known);
                let (generation, last) = known;
                inputs.push(Input::Stamps { name, generation, last });
            }
        }
        if !inputs.is_empty() {
            self.inputs(worker, inputs);
        }
    }

    /// A task reads something, writes it and commits.
    pub(super) fn work(&mut self, worker: usize, unit: &Unit, epoch: u64) {
        let lease = self.workers.get(worker).is_some_and(|own| own.has_lease(unit, self.now_ms));
        let Some(own) = self.workers.get_mut(worker) else { return };
        let Some(running) = own.running.get_mut(unit).filter(|r| r.epoch == epoch) else { return };
        if running.committing || running.phase != Phase::Running {
            return;
        }
        if !lease && self.plan.mutation != Mutation::NoLease {
            let wait = self.plan.heartbeat_ms / 2;
            self.after(worker, wait, Event::Work { unit: unit.clone(), epoch });
            return;
        }
        running.committing = true;
        if self.plan.exactly_once {
            return self.write(worker, unit, epoch);
        }
        let record = running.commit(unit, 1, None);
        self.check_epoch(unit, epoch);
        self.check_owners(worker, unit);
        let wait = self.delay();
        self.after(worker, wait, Event::Commit { unit: unit.clone(), epoch, record });
    }

    /// A connector works out its tasks.
    pub(super) fn tasks(&mut self, worker: usize, unit: &Unit, epoch: u64) {
        let Some(own) = self.workers.get(worker) else { return };
        let Some(running) = own.running.get(unit).filter(|r| r.epoch == epoch) else { return };
        let state = own.member.as_ref().map(gantry_cluster::Member::state);
        let Some(connector) = state.and_then(|state| state.connectors.get(&unit.connector)) else {
            return;
        };
        if connector.target == TargetState::Stopped {
            return;
        }
        let tasks = running.config.get("tasks").and_then(|tasks| tasks.parse().ok()).unwrap_or(1);
        let configs = vec![running.config.clone(); tasks];
        let (name, version) = (Str::clone(&unit.connector), running.generation);
        self.inputs(worker, vec![Input::Tasks { name, version, epoch, configs }]);
    }

    /// Whom a user can ask, or misfortune can meet.
    fn somebody(&mut self) -> Option<usize> {
        let now_ms = self.now_ms;
        let up = self
            .workers
            .iter()
            .enumerate()
            .filter(|(_, worker)| worker.member.is_some() && worker.paused_until_ms <= now_ms);
        let up: Vec<usize> = up.map(|(id, _)| id).collect();
        self.random.choice(up)
    }

    pub(super) fn request(&mut self) {
        let Some(worker) = self.somebody() else { return };
        // The number of the connector can be told from the number of the request.
        self.requests += 8;
        let number = self.random.u64(0..6);
        let id = self.requests + number;
        let name: Str = format!("c{number}").into();
        let request = match self.random.u8(0..12) {
            0 => Request::Delete(name),
            1 => Request::Target(name, TargetState::Stopped),
            2 => Request::Target(name, TargetState::Paused),
            3 | 4 => Request::Target(name, TargetState::Started),
            5 => {
                let only_failed = self.random.bool();
                Request::Restart { name, task: None, include_tasks: true, only_failed }
            }
            _ => {
                let tasks = self.random.u8(1..=5).to_string();
                let config = Props::from([
                    ("tasks".to_owned(), tasks),
                    ("request".to_owned(), id.to_string()),
                ]);
                let create = self.random.bool();
                Request::Put { name, config, target: None, create, expected: None }
            }
        };
        self.inputs(worker, vec![Input::Request { id, request }]);
    }

    pub(super) fn fault(&mut self) {
        let session_ms = self.plan.session_ms;
        match self.random.u8(0..14) {
            0..=2 => self.crash(),
            12 => {
                if let Some(worker) = self.somebody() {
                    self.note(|| format!("worker {worker} leaves"));
                    self.inputs(worker, vec![Input::Leave]);
                }
            }
            13 => self.give_up(),
            3..=5 => {
                let pause_ms = self.random.u64(0..=session_ms * 3);
                let now_ms = self.now_ms;
                if let Some(own) = self.somebody().and_then(|id| self.workers.get_mut(id)) {
                    own.paused_until_ms = now_ms + pause_ms;
                }
                self.note(|| format!("a worker is paused for {pause_ms} ms"));
            }
            6 | 7 => {
                self.broker.down = true;
                if self.plan.cuts && self.random.bool() {
                    self.cut();
                }
            }
            8 => self.broker.down = false,
            9 => {
                let hour = 3_600_000;
                self.broker.clock_ahead_ms += self.random.i64(-hour..=hour);
            }
            10 => {
                let slow_ms = self.random.u64(0..=session_ms);
                if let Some(own) = self.somebody().and_then(|id| self.workers.get_mut(id)) {
                    own.slow_ms = slow_ms;
                }
            }
            _ => self.lose_records(),
        }
        if self.broker.down && self.random.bool() {
            self.broker.down = false;
        }
        let down = self.broker.down;
        self.note(|| format!("broker down: {down}"));
    }

    fn crash(&mut self) {
        let Some(worker) = self.somebody() else { return };
        self.note(|| format!("worker {worker} crashes"));
        self.ends(worker);
    }

    /// A unit of somebody fails so often that it shall be tried elsewhere.
    fn give_up(&mut self) {
        let Some(worker) = self.somebody() else { return };
        let Some(own) = self.workers.get_mut(worker) else { return };
        let unit = self.random.choice(own.running.keys()).cloned();
        if let Some(unit) = unit
            && let Some(running) = own.running.remove(&unit)
        {
            let epoch = running.epoch;
            self.note(|| format!("worker {worker} gives {unit} up"));
            self.inputs(worker, vec![Input::Stopped { unit, epoch, failing: true }]);
        }
    }

    /// A worker process ends; somebody starts it again.
    pub(super) fn ends(&mut self, worker: usize) {
        if let Some(own) = self.workers.get_mut(worker) {
            own.member = None;
            own.running.clear();
        }
        // Who leaves after the last fault must come back in time to be given its share.
        let longest = if self.healed { 1 } else { self.plan.session_ms * 3 };
        let wait = self.random.u64(1..=longest);
        self.after(worker, wait, Event::Start);
    }

    /// Old records expire, which a snapshot in the log counts; if so planned, the broker loses new
    /// ones.
    fn lose_records(&mut self) {
        let log = self.broker.earliest..self.broker.end();
        let counted = log.filter_map(|offset| {
            let record = Record::from_bytes(&self.broker.read(offset)?.bytes).ok()?;
            match record.body {
                // Each snapshot has one part here.
                Body::Snapshot { upto, .. } => Some(upto).filter(|upto| *upto < offset),
                _ => None,
            }
        });
        let counted = counted.max();
        let forgets = self.plan.mutation == Mutation::Forgetful;
        if (self.plan.cuts || forgets) && self.random.bool() {
            self.cut();
        } else if let Some(upto) = counted {
            self.broker.expire(upto + 1);
            self.note(|| format!("the log begins behind {upto}"));
        }
    }

    /// The broker crashed, and what it had not flushed is lost.
    fn cut(&mut self) {
        self.was_cut = self.plan.mutation != Mutation::Forgetful;
        let records = self.random.usize(1..20);
        self.broker.cut(records);
        let end = self.broker.end();
        self.note(|| format!("the log is cut and ends at {end}"));
    }

    /// Nothing goes wrong any more.
    pub(super) fn heal(&mut self) {
        self.note(|| "healed".into());
        self.broker.down = false;
        self.healed = true;
        for worker in 0..self.workers.len() {
            if let Some(own) = self.workers.get_mut(worker) {
                own.slow_ms = 0;
                own.paused_until_ms = own.paused_until_ms.min(self.now_ms);
            }
            self.after(worker, 1, Event::Start);
        }
    }
}
