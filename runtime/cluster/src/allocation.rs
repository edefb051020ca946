//! Which worker should run which unit: a pure function of the folded state, which each worker
//! works out alike.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::fold::State;
use crate::record::{Incarnation, Unit};

/// How units are spread over workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allocation {
    /// Units stay where they are. Free ones go to the worker with room that their hash prefers,
    /// and only what is above the fair share moves.
    #[default]
    ConsistentHash,
    /// Sorted units are dealt to sorted workers in turn. Balanced to one, but most units move when
    /// a worker comes or goes.
    SimpleHash,
}

/// Who should run each wanted unit. Connectors and tasks are spread each for themselves, so that
/// no worker gets all of the idle ones. Empty if nobody lives.
pub fn target(state: &State, how: Allocation) -> BTreeMap<Unit, Incarnation> {
    let workers: BTreeSet<Incarnation> = state.alive().map(|(worker, _)| worker).collect();
    spread(state, how, &workers)
}

/// Who should stand by for each task that somebody runs, the nearest first: whoever should run it
/// if its owner were gone, then those whom its hash prefers. Fewer than `count` where fewer live.
pub fn standbys(state: &State, how: Allocation, count: usize) -> BTreeMap<Unit, Vec<Incarnation>> {
    let workers: BTreeSet<Incarnation> = state.alive().map(|(worker, _)| worker).collect();
    let mut all = BTreeMap::new();
    for owner in &workers {
        let mut others = workers.clone();
        others.remove(owner);
        let next = spread(state, how, &others);
        let tasks = state.wanted().filter(|unit| unit.task.is_some());
        for unit in tasks.filter(|unit| state.owner(unit) == Some(*owner)) {
            let mut others: Vec<Incarnation> = others.iter().copied().collect();
            let nearest = next.get(&unit);
            others.sort_by_key(|worker| (nearest != Some(worker), Reverse(score(&unit, *worker))));
            others.truncate(count);
            all.insert(unit, others);
        }
    }
    all
}

fn spread(
    state: &State,
    how: Allocation,
    workers: &BTreeSet<Incarnation>,
) -> BTreeMap<Unit, Incarnation> {
    let mut all = BTreeMap::new();
    if workers.is_empty() {
        return all;
    }
    for tasks in [false, true] {
        let units = state.wanted().filter(|unit| unit.task.is_some() == tasks);
        match how {
            Allocation::SimpleHash => all.extend(units.zip(workers.iter().copied().cycle())),
            Allocation::ConsistentHash => {
                all.append(&mut Spread::new(state, workers).over(units.collect()));
            }
        }
    }
    all
}

/// Spreads units of one kind.
struct Spread<'a> {
    state: &'a State,
    /// What each worker has.
    shares: BTreeMap<Incarnation, BTreeSet<Unit>>,
}

impl<'a> Spread<'a> {
    fn new(state: &'a State, workers: &BTreeSet<Incarnation>) -> Self {
        Self { state, shares: workers.iter().map(|worker| (*worker, BTreeSet::new())).collect() }
    }

    fn over(mut self, units: Vec<Unit>) -> BTreeMap<Unit, Incarnation> {
        let least = units.len() / self.shares.len();
        let most = units.len().div_ceil(self.shares.len());
        let mut free = Vec::new();
        for unit in units {
            match self.state.owner(&unit).and_then(|owner| self.shares.get_mut(&owner)) {
                Some(share) => {
                    share.insert(unit);
                }
                None => free.push(unit),
            }
        }
        for unit in free {
            // Whoever has less than all must have comes first, then whoever may have more.
            let worker = self
                .best(&unit, least)
                .or_else(|| self.best(&unit, most))
                .or_else(|| self.best(&unit, usize::MAX));
            if let Some(share) = worker.and_then(|worker| self.shares.get_mut(&worker)) {
                share.insert(unit);
            }
        }
        while self.level() {}
        let shares = self.shares.into_iter();
        shares
            .flat_map(|(worker, share)| share.into_iter().map(move |unit| (unit, worker)))
            .collect()
    }

    /// The worker below `limit` that the unit prefers, not one that gave it up while others are
    /// there.
    fn best(&self, unit: &Unit, limit: usize) -> Option<Incarnation> {
        let avoided = self.state.units.get(unit).map_or(&[][..], |unit| &unit.avoided);
        let all_avoided = self.shares.keys().all(|worker| avoided.contains(worker));
        self.shares
            .iter()
            .filter(|(worker, share)| {
                share.len() < limit && (all_avoided || !avoided.contains(worker))
            })
            .map(|(worker, _)| *worker)
            .max_by_key(|worker| score(unit, *worker))
    }

    /// Moves one unit from the worker with the most to the one with the least; false if they are
    /// as near as can be.
    fn level(&mut self) -> bool {
        let by_size = |a: &(&Incarnation, &BTreeSet<Unit>), b: &(&Incarnation, &BTreeSet<Unit>)| {
            a.1.len().cmp(&b.1.len())
        };
        let Some((giver, from)) = self.shares.iter().max_by(by_size) else { return false };
        let Some((taker, to)) = self.shares.iter().min_by(by_size) else { return false };
        if from.len() <= to.len() + 1 {
            return false;
        }
        let (giver, taker) = (*giver, *taker);
        let avoids = |unit: &Unit| {
            self.state.units.get(unit).is_some_and(|state| state.avoided.contains(&taker))
        };
        // What prefers the taker most over the giver.
        let gain = |unit: &&Unit| score(unit, taker).wrapping_sub(score(unit, giver) / 2);
        let Some(unit) = from.iter().filter(|unit| !avoids(unit)).max_by_key(gain).cloned() else {
            return false;
        };
        if let Some(share) = self.shares.get_mut(&giver) {
            share.remove(&unit);
        }
        if let Some(share) = self.shares.get_mut(&taker) {
            share.insert(unit);
        }
        true
    }
}

/// How much a unit prefers a worker. All versions of the program must agree, so that no hasher of
/// a library will do that may change.
fn score(unit: &Unit, worker: Incarnation) -> u64 {
    let name = crc32c::crc32c(unit.connector.as_bytes());
    let task = unit.task.map_or(u64::MAX, u64::from);
    mix(mix(mix(u64::from(name)) ^ task) ^ worker.0)
}

/// Spreads the bits of a number over all bits (the finalizer of SplitMix64).
fn mix(mut n: u64) -> u64 {
    n = (n ^ n >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    n = (n ^ n >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ n >> 31
}

#[cfg(test)]
mod tests {
    use gantry_model::Str;
    use gantry_model::plugin::Props;

    use super::*;
    use crate::record::{Body, FORMAT, Record};

    /// A cluster in which each writes what it likes.
    #[derive(Default)]
    struct Log {
        state: State,
        seq: u64,
    }

    impl Log {
        fn write(&mut self, by: u64, body: Body) {
            self.seq += 1;
            let record = Record { format: FORMAT, by: Incarnation(by), seq: self.seq, body };
            self.state.apply(self.seq, 0, &record.to_bytes(), Some(&record));
        }
        fn join(&mut self, worker: u64) {
            let name: Str = format!("w{worker}").into();
            let (url, group) = (Str::clone(&name), "g".into());
            let (session_ms, heartbeat_ms) = (10_000, 3_000);
            self.write(worker, Body::Join { name, url, group, session_ms, heartbeat_ms });
        }
        fn put(&mut self, by: u64, name: &str, tasks: usize) {
            let name: Str = name.into();
            self.write(
                by,
                Body::Put {
                    name: Str::clone(&name),
                    config: Props::new(),
                    target: None,
                    above: 0,
                    create: false,
                    expected: None,
                },
            );
            self.claim(by, Unit::connector(&name));
            let epoch = self.state.epoch(&Unit::connector(&name));
            let version = self.state.connectors[&name].version;
            let configs = vec![Props::new(); tasks];
            self.write(by, Body::Tasks { name, version, epoch, configs, above: 0 });
        }
        fn claim(&mut self, by: u64, unit: Unit) {
            let seen = self.state.epoch(&unit);
            self.write(by, Body::Claim { unit, seen, above: 0 });
        }
        /// All that should move, moves; how many units did.
        fn settle(&mut self) -> usize {
            let mut moved = BTreeSet::new();
            loop {
                let target = target(&self.state, Allocation::ConsistentHash);
                let misplaced = target
                    .into_iter()
                    .find(|(unit, worker)| self.state.owner(unit) != Some(*worker));
                let Some((unit, worker)) = misplaced else { return moved.len() };
                if let Some(UnitOwner { owner, epoch }) = self.owner(&unit) {
                    let released = unit.clone();
                    self.write(owner, Body::Release { unit: released, epoch, failing: false });
                }
                self.claim(worker.0, unit.clone());
                moved.insert(unit);
            }
        }
        fn owner(&self, unit: &Unit) -> Option<UnitOwner> {
            let state = self.state.units.get(unit)?;
            Some(UnitOwner { owner: state.owner?.0, epoch: state.epoch })
        }
        fn loads(&self) -> Vec<usize> {
            let mut loads: BTreeMap<Incarnation, usize> =
                self.state.alive().map(|(worker, _)| (worker, 0)).collect();
            for (unit, state) in &self.state.units {
                if let (Some(_), Some(owner)) = (unit.task, state.owner) {
                    *loads.entry(owner).or_default() += 1;
                }
            }
            loads.into_values().collect()
        }
    }

    struct UnitOwner {
        owner: u64,
        epoch: u64,
    }

    fn cluster(workers: u64, connectors: usize, tasks: usize) -> Log {
        let mut log = Log::default();
        (1..=workers).for_each(|worker| log.join(worker));
        (0..connectors).for_each(|n| log.put(1, &format!("c{n}"), tasks));
        log.settle();
        log
    }

    #[test]
    fn a_worker_that_comes_gets_its_fair_share_and_nothing_else_moves() {
        let mut log = cluster(5, 20, 50);
        assert_eq!(log.loads(), [200; 5]);
        log.join(6);
        let moved = log.settle();
        // 1000/6 tasks and 20/6 connectors, rounded as the shares are.
        assert!(moved <= 167 + 4, "{moved}");
        assert!(log.loads().iter().all(|load| (166..=167).contains(load)), "{:?}", log.loads());
    }

    #[test]
    fn when_a_worker_goes_only_its_units_move() {
        let mut log = cluster(5, 20, 50);
        log.write(3, Body::Leave {});
        let moved = log.settle();
        assert_eq!(moved, 200 + 4);
        assert_eq!(log.loads(), [250; 4]);
    }

    #[test]
    fn who_stands_by_first_gets_what_is_left_behind() {
        for gone in 1..=5 {
            let mut log = cluster(5, 7, 11);
            let standbys = standbys(&log.state, Allocation::ConsistentHash, 2);
            assert_eq!(standbys.len(), 7 * 11);
            let owned = |unit: &&Unit| log.state.owner(unit) == Some(Incarnation(gone));
            let left: Vec<Unit> = standbys.keys().filter(owned).cloned().collect();
            assert!(!left.is_empty());
            log.write(gone, Body::Leave {});
            log.settle();
            for unit in left {
                let by = &standbys[&unit];
                assert_eq!(by.len(), 2);
                assert!(by[0] != by[1] && !by.contains(&Incarnation(gone)));
                assert_eq!(log.state.owner(&unit), Some(by[0]), "{unit:?}");
            }
        }
        let alone = standbys(&cluster(1, 1, 1).state, Allocation::ConsistentHash, 2);
        assert_eq!(alone.into_values().collect::<Vec<_>>(), [[]]);
    }

    #[test]
    fn a_unit_that_keeps_failing_goes_elsewhere_while_there_is_an_elsewhere() {
        let mut log = cluster(2, 1, 1);
        let unit = Unit::task(&"c0".into(), 0);
        for _ in 0..2 {
            let UnitOwner { owner, epoch } = log.owner(&unit).unwrap();
            log.write(owner, Body::Release { unit: unit.clone(), epoch, failing: true });
            log.settle();
            let next = log.owner(&unit).unwrap().owner;
            assert!(next != owner || log.state.units[&unit].avoided.len() == 2);
        }
    }

    #[test]
    fn simple_hash_deals_in_turn() {
        let log = cluster(3, 1, 6);
        let dealt = target(&log.state, Allocation::SimpleHash);
        let tasks: Vec<u64> =
            dealt.iter().filter(|(unit, _)| unit.task.is_some()).map(|(_, w)| w.0).collect();
        assert_eq!(tasks, [1, 2, 3, 1, 2, 3]);
    }
}
