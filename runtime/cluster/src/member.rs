//! One worker's part in the cluster.

mod history;
mod io;
mod outbox;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use gantry_model::Str;
use gantry_model::plugin::Props;

use crate::allocation::target;
use crate::fold::{Refusal, State, Verdict};
use crate::record::{Body, Incarnation, ReadError, Record, TargetState, Unit};
use crate::snapshot;
use history::{Former, History};
pub use io::{Effect, Input, MemberConfig, Request};
use outbox::Outbox;

/// A unit that this worker runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its epoch.
    pub epoch: u64,
    /// Of a task its generation, of a connector the version of its configuration.
    pub generation: u64,
    /// It was told to stop.
    pub stopping: bool,
}

/// The tasks of a connector that this worker runs.
#[derive(Debug)]
struct WorkedOut {
    version: u64,
    epoch: u64,
    configs: Vec<Props>,
}

impl WorkedOut {
    fn body(&self, name: &Str, above: u64) -> Body {
        let (version, epoch, configs) = (self.version, self.epoch, self.configs.clone());
        Body::Tasks { name: Str::clone(name), version, epoch, configs, above }
    }
}

/// While a worker suspects another, or may not yet work itself, it sends so many heartbeats in the
/// time of one.
const HASTY_HEARTBEATS: u64 = 8;

/// One worker.
#[derive(Debug)]
pub struct Member {
    config: MemberConfig,
    state: State,
    clock_ms: u64,
    caught_up: bool,
    /// Reading shall begin anew and did not yet: what comes is still of the reading before.
    awaiting: bool,
    joining: bool,
    leaving: bool,
    left: bool,
    lease_until_ms: Option<u64>,
    /// While it had no lease, others could take what it owned. Until it has read a heartbeat of
    /// its own of a larger number, what it folded may be outdated.
    distrusted: Option<u64>,
    heartbeat_due_ms: u64,
    outbox: Outbox,
    held: BTreeMap<Unit, Held>,
    /// Asked for, and not yet read back.
    claiming: BTreeSet<Unit>,
    releasing: BTreeSet<Unit>,
    /// Connectors whose tasks it told, and did not read back yet.
    telling: BTreeSet<Str>,
    /// The tasks of the connectors that it runs: told again should the log lose them.
    worked_out: BTreeMap<Str, WorkedOut>,
    snapshotting: bool,
    /// When the last heartbeat of each other worker was read, by the own clock.
    seen: BTreeMap<Incarnation, u64>,
    /// Nobody is suspected on the ground of what was not seen before.
    watching_since_ms: u64,
    history: History,
    /// What was read before reading began anew, until all is read again.
    former: Option<Former>,
    refolded_ms: Option<u64>,
    /// The largest stamp it ever saw, in this log, in one that was cut, or in the offset log.
    stamp: u64,
    /// The latest generations that the offset log knows.
    generations: BTreeMap<Str, u64>,
    target: BTreeMap<Unit, Incarnation>,
    alive: Vec<Incarnation>,
    changed: bool,
}

impl Member {
    /// A worker that has read nothing yet.
    pub fn new(config: MemberConfig, clock_ms: u64) -> Self {
        Self {
            outbox: Outbox::new(config.incarnation, config.retry_ms),
            config,
            state: State::default(),
            clock_ms,
            caught_up: false,
            awaiting: false,
            joining: false,
            leaving: false,
            left: false,
            lease_until_ms: None,
            distrusted: Some(0),
            heartbeat_due_ms: clock_ms,
            held: BTreeMap::new(),
            claiming: BTreeSet::new(),
            releasing: BTreeSet::new(),
            telling: BTreeSet::new(),
            worked_out: BTreeMap::new(),
            snapshotting: false,
            seen: BTreeMap::new(),
            watching_since_ms: clock_ms,
            history: History::default(),
            former: None,
            refolded_ms: None,
            stamp: 0,
            generations: BTreeMap::new(),
            target: BTreeMap::new(),
            alive: Vec::new(),
            changed: true,
        }
    }

    /// What it folded so far; while it reads anew, what it had folded before.
    pub fn state(&self) -> &State {
        self.former.as_ref().map_or(&self.state, |former| &former.state)
    }
    /// Which life of a worker it is.
    pub fn incarnation(&self) -> Incarnation {
        self.me()
    }
    /// What it runs.
    pub fn held(&self) -> &BTreeMap<Unit, Held> {
        &self.held
    }
    /// Until when, by its own clock, a unit may work that runs in this epoch: to be looked at
    /// before each send, put and commit. `None`: not at all, as others may own it by now.
    pub fn lease_until_ms(&self, unit: &Unit, epoch: u64) -> Option<u64> {
        let owns = !self.caught_up || self.is_mine(unit, epoch);
        self.lease_until_ms.filter(|_| owns && self.distrusted.is_none())
    }
    /// Whether its requests can be decided: it has read the log and is known to the others.
    pub fn takes_part(&self) -> bool {
        self.caught_up && self.state.workers.contains_key(&self.me())
    }
    fn has_lease(&self) -> bool {
        self.lease_until_ms.is_some_and(|until| self.clock_ms < until)
    }
    /// Whether it may run what the log says is its own.
    fn is_trusted(&self) -> bool {
        self.has_lease() && self.distrusted.is_none()
    }
    fn me(&self) -> Incarnation {
        self.config.incarnation
    }

    /// Takes note of what happened. What follows from it comes with the next [`Member::turn`].
    pub fn step(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Clock(now_ms) => self.clock(now_ms),
            Input::Restored(state) => {
                self.state = *state;
                self.awaiting = false;
                self.remember();
            }
            Input::Record { offset, store_ms, bytes } => {
                self.record(offset, store_ms, &bytes, effects);
            }
            Input::CaughtUp if self.caught_up || self.awaiting => {}
            Input::CaughtUp => self.caught_up(effects),
            Input::Refold => {
                self.refold();
                effects.push(Effect::Refold);
            }
            Input::Appended => {
                let (sent_ms, failed_before) = self.outbox.appended(self.clock_ms);
                if let Some(sent_ms) = sent_ms {
                    self.lease_until_ms = Some(sent_ms + self.config.session_ms / 2);
                }
                if failed_before {
                    self.watch_anew();
                }
            }
            Input::AppendFailed => {
                for unit in self.outbox.failed(self.clock_ms) {
                    self.claiming.remove(&unit);
                }
                self.heartbeat_due_ms = self.clock_ms;
            }
            Input::Stamps { name, generation, last } => self.stamps(&name, generation, last),
            Input::Stopped { unit, epoch, failing } => self.stopped(&unit, epoch, failing, effects),
            Input::Tasks { name, version, epoch, configs } => {
                self.worked_out.insert(name, WorkedOut { version, epoch, configs });
                self.changed = true;
            }
            Input::Request { id, request } => self.request(id, request),
            Input::Leave => self.leaving = true,
        }
    }

    fn caught_up(&mut self, effects: &mut Vec<Effect>) {
        self.caught_up = true;
        self.changed = true;
        self.watch_anew();
        if let Some(former) = self.former.take() {
            self.go_on_after(&former, effects);
        }
    }

    /// All was read anew. What stems from records that are in the log no more must stop: others
    /// may have made something else of the same stamps. And what was told in between was not read,
    /// or stands in the log no more.
    fn go_on_after(&mut self, former: &Former, effects: &mut Vec<Effect>) {
        let common = former.common_stamp();
        for (unit, held) in &mut self.held {
            if held.epoch.max(held.generation) > common && !held.stopping {
                held.stopping = true;
                effects.push(Effect::Stop { unit: unit.clone(), epoch: held.epoch });
            }
        }
        let held: BTreeSet<&Str> = self.held.keys().map(|unit| &unit.connector).collect();
        for name in held {
            if let Some(connector) = self.state.connectors.get(name) {
                let name = Str::clone(name);
                effects.push(Effect::Target { name, state: connector.target });
            }
        }
    }

    fn clock(&mut self, now_ms: u64) {
        let step = now_ms.saturating_sub(self.clock_ms);
        self.clock_ms = self.clock_ms.max(now_ms);
        if !self.has_lease() {
            self.distrusted = Some(self.outbox.last_seq());
        }
        if step > self.config.heartbeat_ms {
            // It was suspended, and what the others sent meanwhile is yet to be read.
            self.watch_anew();
        }
    }

    /// Nobody is suspected for having been silent while this worker could not hear.
    fn watch_anew(&mut self) {
        self.watching_since_ms = self.clock_ms;
    }

    /// The offset log knows more than the cluster log, which lost its end: tasks of an older
    /// generation than it knows could never commit again.
    fn stamps(&mut self, name: &Str, generation: u64, last: u64) {
        self.stamp = self.stamp.max(last);
        let known = self.generations.entry(Str::clone(name)).or_default();
        self.changed |= generation > *known;
        *known = (*known).max(generation);
    }

    /// Whether the offset log knows a later generation of a connector: no commit would count.
    fn is_past(&self, connector: &Str, generation: u64) -> bool {
        self.generations.get(connector).is_some_and(|known| generation < *known)
    }

    fn request(&mut self, id: u64, request: Request) {
        let body = match request {
            Request::Put { name, config, target, create, expected } => {
                Body::Put { name, config, target, above: self.above(), create, expected }
            }
            Request::Delete(name) => Body::Delete { name },
            Request::Target(name, state) => Body::Target { name, state },
            Request::Restart { name, task, include_tasks, only_failed } => {
                Body::Restart { name, task, include_tasks, only_failed }
            }
        };
        self.outbox.ask(id, body);
    }

    /// What it saw and the cluster log does not know, which may have lost its end.
    fn above(&self) -> u64 {
        if self.stamp > self.state.stamp { self.stamp } else { 0 }
    }

    fn record(&mut self, offset: u64, store_ms: i64, bytes: &[u8], effects: &mut Vec<Effect>) {
        self.awaiting &= offset > 0;
        if self.awaiting {
            return;
        }
        if offset != self.state.next {
            // It comes again, and what was read then may be in the log no more.
            if self.history.differs(offset, bytes) {
                self.refold();
                effects.push(Effect::Refold);
            }
            return;
        }
        let read = Record::from_bytes(bytes);
        let record = read.as_ref().ok();
        let verdict = self.state.apply(offset, store_ms, bytes, record);
        self.remember();
        match &read {
            Ok(record) => self.applied(record, &verdict, effects),
            Err(error) => {
                effects.push(Effect::PassedOver { offset, reason: error.to_string() });
                let takes_part = self.state.workers.contains_key(&self.me());
                if matches!(error, ReadError::Format(_)) && !takes_part && !self.left {
                    // It does not know what they decided, or who of them lives.
                    self.left = true;
                    effects.push(Effect::Refused(Refusal::Format));
                }
            }
        }
    }

    fn remember(&mut self) {
        self.stamp = self.stamp.max(self.state.stamp);
        self.history.push(&self.state);
        if let Some(former) = &mut self.former {
            former.compare(&self.state);
        }
    }

    fn applied(&mut self, record: &Record, verdict: &Verdict, effects: &mut Vec<Effect>) {
        let done = matches!(verdict, Verdict::Applied(_));
        if let Body::Heartbeat { offset, hash } = record.body {
            // Also if its writer is unknown here: it may be so in this worker's log alone.
            self.compare(offset, hash, effects);
        }
        if record.by == self.me() {
            self.own(record, verdict, effects);
        } else if let Body::Join { .. } | Body::Heartbeat { .. } = record.body {
            self.seen.insert(record.by, self.clock_ms);
        }
        if !done {
            return;
        }
        match &record.body {
            Body::Heartbeat { .. } | Body::Snapshot { .. } => {}
            Body::Target { name, state } => {
                self.changed = true;
                if *state == TargetState::Stopped {
                    self.worked_out.remove(name);
                }
                let held = self.held.keys().any(|unit| unit.connector == *name);
                if held && self.caught_up {
                    effects.push(Effect::Target { name: Str::clone(name), state: *state });
                }
            }
            // It was carried out before reading began anew.
            Body::Restart { .. } if self.former.as_ref().is_some_and(Former::is_known) => {}
            Body::Restart { name, task, include_tasks, only_failed } => {
                let meant = |unit: &&Unit| {
                    unit.connector == *name
                        && match (task, unit.task) {
                            (Some(wanted), own) => own == Some(*wanted),
                            (None, None) => true,
                            (None, Some(_)) => *include_tasks,
                        }
                };
                effects.extend(
                    self.held.keys().filter(meant).map(|unit| Effect::Restart {
                        unit: unit.clone(),
                        only_failed: *only_failed,
                    }),
                );
            }
            _ => self.changed = true,
        }
    }

    /// A record of this worker came back.
    fn own(&mut self, record: &Record, verdict: &Verdict, effects: &mut Vec<Effect>) {
        if *verdict == Verdict::Duplicate {
            return;
        }
        let (request, lost) = self.outbox.read_back(record.seq, self.clock_ms);
        if let Some(id) = request {
            effects.push(Effect::Answer { id, verdict: verdict.clone() });
        }
        lost.into_iter().for_each(|(id, body)| self.lost(id, body));
        match &record.body {
            Body::Heartbeat { .. } if matches!(verdict, Verdict::Applied(_)) => {
                self.distrusted.take_if(|last| record.seq > *last);
            }
            Body::Join { .. } => {
                self.joining = false;
                if let Verdict::Refused(refusal) = verdict {
                    self.left = true;
                    effects.push(Effect::Refused(*refusal));
                }
            }
            Body::Claim { unit, .. } => {
                self.claiming.remove(unit);
                if let Verdict::Applied(epoch) = verdict {
                    self.granted(unit, *epoch, effects);
                }
            }
            Body::Release { unit, .. } => {
                self.releasing.remove(unit);
            }
            Body::Tasks { name, .. } => {
                self.telling.remove(name);
                self.changed = true;
            }
            Body::Snapshot { part, parts, .. } if part + 1 == *parts => self.snapshotting = false,
            _ => {}
        }
    }

    /// A record of this worker is not in the log, which lost its end: it is said again, or what
    /// it was about is looked at again.
    fn lost(&mut self, request: Option<u64>, body: Body) {
        self.changed = true;
        match body {
            Body::Join { .. } => self.joining = false,
            Body::Claim { unit, .. } => {
                self.claiming.remove(&unit);
            }
            Body::Release { unit, .. } => {
                self.releasing.remove(&unit);
            }
            Body::Tasks { name, .. } => {
                self.telling.remove(&name);
            }
            Body::Snapshot { .. } => self.snapshotting = false,
            Body::Heartbeat { .. } | Body::Leave {} => {}
            Body::Put { .. } | Body::Delete { .. } | Body::Target { .. } | Body::Restart { .. } => {
                if let Some(id) = request {
                    self.outbox.ask(id, body);
                }
            }
        }
    }

    /// A claim was granted. Without a lease all the time nothing starts: the unit is released.
    fn granted(&mut self, unit: &Unit, epoch: u64, effects: &mut Vec<Effect>) {
        let Some(generation) = self.state.generation(unit) else { return };
        if self.caught_up && self.is_trusted() && !self.leaving && !self.held.contains_key(unit) {
            self.held.insert(unit.clone(), Held { epoch, generation, stopping: false });
            effects.push(Effect::Start { unit: unit.clone(), epoch, generation });
        }
    }

    /// Whether others see the same log.
    fn compare(&mut self, offset: u64, hash: u32, effects: &mut Vec<Effect>) {
        let other = self.history.hash_at(offset).is_some_and(|own| own != hash);
        let lately = self
            .refolded_ms
            .is_some_and(|at| self.clock_ms.saturating_sub(at) < self.config.session_ms);
        if other && self.caught_up && !lately {
            self.refolded_ms = Some(self.clock_ms);
            self.refold();
            effects.push(Effect::Refold);
        }
    }

    fn refold(&mut self) {
        let state = std::mem::take(&mut self.state);
        let history = std::mem::take(&mut self.history);
        match &mut self.former {
            Some(former) => former.begin(),
            None => self.former = Some(Former::new(state, history)),
        }
        self.caught_up = false;
        self.awaiting = true;
        self.changed = true;
        self.forget_pending();
    }

    /// What was asked for may be lost; it is asked for again.
    fn forget_pending(&mut self) {
        self.claiming.clear();
        self.releasing.clear();
        self.telling.clear();
        self.joining = false;
        self.snapshotting = false;
    }

    fn stopped(&mut self, unit: &Unit, epoch: u64, failing: bool, effects: &mut Vec<Effect>) {
        if self.held.get(unit).is_none_or(|held| held.epoch != epoch) {
            return;
        }
        self.held.remove(unit);
        let again = self.caught_up
            && unit.task.is_none()
            && !failing
            && self.is_mine(unit, epoch)
            && self.may_run(unit);
        match self.state.generation(unit) {
            // A connector of which only the configuration changed stays where it is.
            Some(generation) if again => {
                self.held.insert(unit.clone(), Held { epoch, generation, stopping: false });
                effects.push(Effect::Start { unit: unit.clone(), epoch, generation });
            }
            _ => self.release(unit, epoch, failing),
        }
    }

    fn release(&mut self, unit: &Unit, epoch: u64, failing: bool) {
        if self.releasing.insert(unit.clone()) {
            self.outbox.push(Body::Release { unit: unit.clone(), epoch, failing });
        }
    }

    fn is_mine(&self, unit: &Unit, epoch: u64) -> bool {
        let state = self.state.units.get(unit);
        state.is_some_and(|unit| unit.owner == Some(self.me()) && unit.epoch == epoch)
    }

    /// Whether a unit that this worker owns should run here.
    fn may_run(&self, unit: &Unit) -> bool {
        self.is_trusted()
            && !self.leaving
            && (!self.caught_up
                || self.state.is_wanted(unit)
                    && self.target.get(unit).is_none_or(|worker| *worker == self.me()))
    }

    /// Works out what is to be done. To be called after all inputs that came together, and
    /// several times per heartbeat.
    pub fn turn(&mut self, effects: &mut Vec<Effect>) {
        if self.left {
            return;
        }
        if self.caught_up && self.outbox.is_lost(self.clock_ms, self.config.session_ms) {
            self.forget_pending();
        }
        self.aim();
        self.take_part();
        self.stop_what_must(effects);
        if self.caught_up && !self.leaving {
            self.release_what_is_not_held();
            self.claim_what_is_free();
            self.snapshot();
        }
        self.leave(effects);
        self.send(effects);
    }

    /// Works out anew who should run what, if that may have changed.
    fn aim(&mut self) {
        let alive: Vec<Incarnation> = self.state.alive().map(|(worker, _)| worker).collect();
        if self.caught_up && (self.changed || alive != self.alive) {
            self.target = target(&self.state, self.config.allocation);
            self.alive = alive;
            self.changed = false;
            let state = &self.state;
            self.seen.retain(|worker, _| state.workers.contains_key(worker));
            self.generations.retain(|name, _| state.connectors.contains_key(name));
            self.tell_tasks();
        }
    }

    /// Tells the tasks of connectors that the log does not have as they were worked out.
    fn tell_tasks(&mut self) {
        let held = &self.held;
        self.worked_out.retain(|name, _| held.contains_key(&Unit::connector(name)));
        if !self.state.workers.contains_key(&self.me()) {
            return;
        }
        let untold = self.worked_out.iter().filter_map(|(name, own)| {
            let connector = self.state.connectors.get(name)?;
            let tasks = connector.tasks.as_ref();
            let past = tasks.is_some_and(|tasks| self.is_past(name, tasks.generation));
            let told = tasks
                .is_some_and(|tasks| tasks.version == own.version && tasks.configs == own.configs);
            let due = (past || !told)
                && connector.version == own.version
                && connector.target != TargetState::Stopped
                && self.is_mine(&Unit::connector(name), own.epoch)
                && !self.telling.contains(name);
            due.then(|| own.body(name, if past { self.stamp } else { self.above() }))
        });
        let untold: Vec<Body> = untold.collect();
        for body in untold {
            if let Body::Tasks { name, .. } = &body {
                self.telling.insert(Str::clone(name));
            }
            self.outbox.push(body);
        }
    }

    fn take_part(&mut self) {
        let known = self.state.workers.contains_key(&self.me());
        if self.caught_up && !known && !self.joining && !self.leaving {
            self.joining = true;
            self.outbox.push(Body::Join {
                name: Str::clone(&self.config.name),
                url: Str::clone(&self.config.url),
                group: Str::clone(&self.config.group),
                session_ms: self.config.session_ms,
                heartbeat_ms: self.config.heartbeat_ms,
            });
        }
        let ahead_ms = if self.suspects_somebody() || !self.is_trusted() {
            self.config.heartbeat_ms - self.config.heartbeat_ms / HASTY_HEARTBEATS
        } else {
            0
        };
        let due = self.clock_ms + ahead_ms >= self.heartbeat_due_ms;
        if known && due && !self.outbox.has_heartbeat() {
            self.heartbeat_due_ms = self.clock_ms + self.config.heartbeat_ms;
            let (offset, hash) = (self.state.next.saturating_sub(1), self.state.hash);
            self.outbox.push_first(Body::Heartbeat { offset, hash });
        }
    }

    fn stop_what_must(&mut self, effects: &mut Vec<Effect>) {
        let must = |unit: &Unit, held: &Held| {
            let outdated = self.caught_up
                && (!self.is_mine(unit, held.epoch)
                    || self.state.generation(unit) != Some(held.generation));
            !held.stopping && (outdated || !self.may_run(unit))
        };
        let stops = self.held.iter().filter(|(unit, held)| must(unit, held));
        let stops: Vec<(Unit, u64)> =
            stops.map(|(unit, held)| (unit.clone(), held.epoch)).collect();
        for (unit, epoch) in stops {
            if let Some(held) = self.held.get_mut(&unit) {
                held.stopping = true;
            }
            effects.push(Effect::Stop { unit, epoch });
        }
    }

    /// What the log says is this worker's and is not, as after a claim that came late.
    fn release_what_is_not_held(&mut self) {
        let me = self.me();
        let units = self.state.units.iter().filter(|(unit, state)| {
            state.owner == Some(me)
                && self.held.get(unit).is_none_or(|held| held.epoch != state.epoch)
        });
        let units: Vec<(Unit, u64)> =
            units.map(|(unit, state)| (unit.clone(), state.epoch)).collect();
        for (unit, epoch) in units {
            self.release(&unit, epoch, false);
        }
    }

    fn claim_what_is_free(&mut self) {
        if !self.is_trusted() {
            return;
        }
        let me = self.me();
        let wanted = self.target.iter().filter(|(_, worker)| **worker == me);
        let wanted = wanted.map(|(unit, _)| unit).filter(|unit| {
            !self.held.contains_key(unit)
                && !self.claiming.contains(unit)
                && !self.releasing.contains(unit)
                && self.may_claim(unit)
        });
        let wanted: Vec<Unit> = wanted.cloned().collect();
        for unit in wanted {
            let seen = self.state.epoch(&unit);
            self.outbox.push(Body::Claim { unit: unit.clone(), seen, above: self.above() });
            self.claiming.insert(unit);
        }
    }

    /// Whether a unit is free, and whoever had it was silent for a session by this worker's own
    /// clock, too.
    fn may_claim(&self, unit: &Unit) -> bool {
        if !self.state.is_wanted(unit) || !self.state.is_free(unit) {
            return false;
        }
        let generation = self.state.generation(unit);
        let past = |generation| self.is_past(&unit.connector, generation);
        if unit.task.is_some() && generation.is_some_and(past) {
            return false;
        }
        let others = self.state.units_of(&unit.connector).filter(|(other, state)| {
            *other == unit
                || unit.task.is_some()
                    && other.task.is_some()
                    && Some(state.generation) != generation
        });
        others.filter_map(|(_, state)| state.owner).all(|owner| self.is_silent(owner))
    }

    fn is_silent(&self, worker: Incarnation) -> bool {
        let Some(known) = self.state.workers.get(&worker) else { return true };
        if self.state.is_alive(worker) {
            return false;
        }
        let since = self.seen.get(&worker).copied().unwrap_or(0).max(self.watching_since_ms);
        self.clock_ms.saturating_sub(since) >= known.session_ms
    }

    /// Whether somebody was silent for a session whom the log holds to be alive: its time goes on
    /// with each record only, and shall not wait for the next heartbeat.
    fn suspects_somebody(&self) -> bool {
        self.caught_up
            && self.state.alive().any(|(worker, known)| {
                let seen = self.seen.get(&worker).copied().unwrap_or(0);
                let since = seen.max(self.watching_since_ms);
                worker != self.me() && self.clock_ms.saturating_sub(since) >= known.session_ms
            })
    }

    /// The first of those who live writes the snapshots.
    fn snapshot(&mut self) {
        let first = self.state.is_first(self.me());
        let since =
            self.state.next.saturating_sub(self.state.snapshot_upto.map_or(0, |upto| upto + 1));
        if first && !self.snapshotting && since >= self.config.snapshot_records {
            self.snapshotting = true;
            snapshot::chunks(&self.state).into_iter().for_each(|body| self.outbox.push(body));
        }
    }

    fn leave(&mut self, effects: &mut Vec<Effect>) {
        if !self.leaving || !self.held.is_empty() {
            return;
        }
        if self.outbox.left() || !self.state().workers.contains_key(&self.me()) && !self.joining {
            self.left = true;
            effects.push(Effect::Left);
        } else {
            self.outbox.push_leave();
        }
    }

    fn send(&mut self, effects: &mut Vec<Effect>) {
        // What was true when it was put there may not be any more.
        let outdated =
            self.outbox.claims().filter(|unit| !self.may_claim(unit) || !self.is_trusted());
        let outdated: Vec<Unit> = outdated.cloned().collect();
        for unit in outdated {
            self.outbox.drop_claim(&unit);
            self.claiming.remove(&unit);
        }
        if let Some(records) = self.outbox.send(self.clock_ms) {
            effects.push(Effect::Append(records));
        }
    }
}
