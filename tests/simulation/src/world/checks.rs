//! What must hold after each step, and at the end.

use std::collections::{BTreeMap, BTreeSet};

use gantry_cluster::{Incarnation, Member, Record, State, TargetState, Unit, Verdict};

use super::World;
use crate::worker::Phase;

impl World {
    /// No other worker may run a unit that this one runs and has a lease for it. A log that was
    /// cut can give it to two; then only what they commit is safe.
    pub(super) fn check_owners(&mut self, worker: usize, unit: &Unit) {
        let may = self.workers.get(worker).is_some_and(|own| own.has_lease(unit, self.now_ms));
        if self.was_cut || !may {
            return;
        }
        let others = self.workers.iter().enumerate().filter(|(id, other)| {
            *id != worker
                && other.member.is_some()
                && other.running.get(unit).is_some_and(|r| r.phase != Phase::Starting)
                && other.has_lease(unit, self.now_ms)
        });
        let others: Vec<usize> = others.map(|(id, _)| id).collect();
        if let Some(other) = others.first() {
            self.violated(&format!("{unit} runs on worker {worker} and on worker {other}"));
        }
    }

    /// Nobody works in an epoch after somebody did in a later one.
    pub(super) fn check_epoch(&mut self, unit: &Unit, epoch: u64) {
        let last = self.worked.entry(unit.clone()).or_default();
        let before = *last;
        *last = before.max(epoch);
        if epoch < before && !self.was_cut {
            self.violated(&format!("{unit} worked in epoch {epoch} after {before}"));
        }
    }

    /// When the faults have stopped for long enough.
    pub(super) fn check_end(&mut self) {
        if self.outcome.violation.is_some() {
            return;
        }
        let mut states = Vec::new();
        for (id, worker) in self.workers.iter().enumerate() {
            let Some(member) = &worker.member else { continue };
            states.push((id, member.state().clone(), worker.position));
        }
        let Some((_, first, _)) = states.iter().max_by_key(|(_, state, _)| state.next).cloned()
        else {
            return self.violated("nobody lives at the end");
        };
        for (id, state, _) in &states {
            if state.next == first.next && *state != first {
                return self.violated(&format!("worker {id} came to another state than others"));
            }
            if state.next + 400 < first.next {
                return self.violated(&format!("worker {id} is far behind"));
            }
        }
        self.check_all_runs(&first);
        self.check_acknowledged(&first);
        if self.broker.earliest == 0 && !self.was_cut {
            self.check_fold(&first);
        }
    }

    /// Each wanted unit runs once, where the log says, and the shares are fair.
    fn check_all_runs(&mut self, state: &State) {
        let mut runs: BTreeMap<Unit, Vec<usize>> = BTreeMap::new();
        for (id, worker) in self.workers.iter().enumerate() {
            for (unit, _) in worker.running.iter().filter(|(_, r)| r.phase == Phase::Running) {
                runs.entry(unit.clone()).or_default().push(id);
            }
        }
        for unit in state.wanted() {
            if runs.get(&unit).map_or(0, Vec::len) != 1 {
                let found = runs.get(&unit);
                let known = state.units.get(&unit);
                return self.violated(&format!("{unit} runs on {found:?} at the end: {known:?}"));
            }
        }
        self.check_as_told(state);
        let unwanted = runs.keys().find(|unit| !state.is_wanted(unit)).cloned();
        if let Some(unit) = unwanted {
            return self.violated(&format!("{unit} runs at the end and nobody wants it"));
        }
        let started = |(_, connector): (_, &gantry_cluster::Connector)| {
            connector.target != TargetState::Stopped && connector.tasks.is_none()
        };
        if let Some(name) = state.connectors.iter().find(|c| started(*c)).map(|(name, _)| name) {
            return self.violated(&format!("{name} has no tasks at the end"));
        }
        for tasks in [false, true] {
            let mut shares: BTreeMap<Incarnation, usize> =
                state.alive().map(|(worker, _)| (worker, 0)).collect();
            let units = state
                .units
                .iter()
                .filter(|(unit, _)| unit.task.is_some() == tasks && state.is_wanted(unit));
            for owner in units.filter_map(|(_, state)| state.owner) {
                *shares.entry(owner).or_default() += 1;
            }
            if state.units.values().any(|unit| !unit.avoided.is_empty()) {
                // Who gave a unit up gets less.
                continue;
            }
            let most = shares.values().max().copied().unwrap_or(0);
            let least = shares.values().min().copied().unwrap_or(0);
            if most > least + 1 {
                return self.violated(&format!("shares at the end: {shares:?}"));
            }
        }
    }

    /// What runs is what the log says: by whom, in which epoch, and from which configuration.
    fn check_as_told(&mut self, state: &State) {
        let mut wrong = None;
        for (id, worker) in self.workers.iter().enumerate() {
            for (unit, running) in &worker.running {
                let (Some(known), Some(connector)) =
                    (state.units.get(unit), state.connectors.get(&unit.connector))
                else {
                    continue;
                };
                let tasks = connector.tasks.as_ref().map(|tasks| &tasks.configs);
                let config_differs = running.config != connector.config
                    || tasks.is_some_and(|t| t.iter().any(|config| *config != connector.config));
                if running.epoch != known.epoch
                    || Some(running.generation) != state.generation(unit)
                    || config_differs
                {
                    wrong = Some(format!("{unit} on worker {id} is {running:?}, told {known:?}"));
                }
            }
        }
        if let Some(wrong) = wrong {
            self.violated(&wrong);
        }
    }

    /// Nothing was started but on the worker that came, and there no more than its share.
    pub(super) fn check_moved(&mut self, newcomer: usize) {
        if self.was_cut && !self.plan.looks_back {
            // Until somebody comes who reads it anew, nobody may see that the log is another.
            return;
        }
        let elsewhere = self.started.iter().find(|(worker, _)| *worker != newcomer);
        if let Some((worker, unit)) = elsewhere {
            let what = format!("{unit} moved to worker {worker} when {newcomer} came");
            return self.violated(&what);
        }
        let member = self.workers.get(newcomer).and_then(|own| own.member.as_ref());
        let Some(state) = member.map(Member::state) else { return };
        let live = state.alive().count();
        for tasks in [false, true] {
            let wanted = state.wanted().filter(|unit| unit.task.is_some() == tasks).count();
            let moved = self.started.iter().filter(|(_, unit)| unit.task.is_some() == tasks);
            let moved = moved.count();
            if moved > wanted.div_ceil(live) {
                return self
                    .violated(&format!("{moved} of {wanted} moved when one of {live} came"));
            }
        }
    }

    /// What users were told is there, unless something newer took its place.
    fn check_acknowledged(&mut self, state: &State) {
        if self.was_cut {
            return;
        }
        let lost = self.acknowledged.iter().find(|(name, stamp)| {
            *stamp > state.stamp
                || state.connectors.get(name).is_some_and(|known| known.version < *stamp)
        });
        if let Some((name, stamp)) = lost {
            let what = format!("version {stamp} of {name} was acknowledged and is lost");
            self.violated(&what);
        }
    }

    /// Somebody who reads the whole log comes to the same, and finds each acknowledged version.
    fn check_fold(&mut self, last: &State) {
        let mut state = State::default();
        let mut stamps = BTreeSet::new();
        for offset in 0..last.next {
            let Some(stored) = self.broker.read(offset) else { continue };
            let record = Record::from_bytes(&stored.bytes).ok();
            let verdict = state.apply(offset, stored.store_ms, &stored.bytes, record.as_ref());
            if let Verdict::Applied(stamp @ 1..) = verdict {
                stamps.insert(stamp);
            }
        }
        if state != *last {
            return self.violated("the whole log gives another state");
        }
        let lost = self.acknowledged.iter().find(|(_, stamp)| !stamps.contains(stamp));
        if let Some((name, stamp)) = lost {
            let what = format!("version {stamp} of {name} was acknowledged and is not in the log");
            self.violated(&what);
        }
    }
}
