//! What came of the records of the cluster log, worked out by each worker alike.

use std::collections::{BTreeMap, BTreeSet};

use gantry_model::Str;
use gantry_model::plugin::Props;
use serde::{Deserialize, Serialize};

use crate::record::{Body, Incarnation, Record, TargetState, Unit};
use crate::snapshot::{Parts, Taken};

/// A worker that was silent for so many of its sessions is forgotten.
pub const SESSIONS_TO_FORGET: u64 = 10;
/// How many workers that gave a unit up are remembered.
const MAX_AVOIDED: usize = 16;

/// What came of all records up to an offset: the same on every worker that folded them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Virtual time: the sum of the steps between the store times of records, each clamped, so
    /// that neither an outage nor a clock that jumps lets anybody look dead.
    pub now_ms: u64,
    /// When the broker stored the last record.
    store_ms: Option<i64>,
    /// The offset behind the last record.
    pub next: u64,
    /// A check sum of all records.
    pub hash: u32,
    /// The last stamp: versions, generations and epochs are stamps, each larger than any before.
    pub stamp: u64,
    /// Who takes part.
    pub workers: BTreeMap<Incarnation, Worker>,
    /// What there is to run.
    pub connectors: BTreeMap<Str, Connector>,
    /// What is, or was, given to somebody.
    #[serde(with = "pairs")]
    pub units: BTreeMap<Unit, UnitState>,
    /// The last record that the latest whole snapshot counts.
    pub snapshot_upto: Option<u64>,
    /// The snapshot that is being written.
    snapshot_parts: Parts,
}

/// A worker that takes part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// Its `host:port`.
    pub name: Str,
    /// Where its REST listens.
    pub url: Str,
    /// Which cluster it means.
    #[serde(default)]
    pub group: Str,
    /// Without a heartbeat for so long it counts as gone.
    pub session_ms: u64,
    /// It sends one so often.
    pub heartbeat_ms: u64,
    /// The format that it writes.
    pub format: u32,
    /// When its last heartbeat came, in virtual time.
    pub seen_ms: u64,
    /// The number of its last record.
    seq: u64,
}

/// A connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connector {
    /// The stamp of its configuration.
    pub version: u64,
    /// Its configuration.
    pub config: Props,
    /// What it shall do.
    pub target: TargetState,
    /// Its tasks, once its owner has worked them out; none while it is STOPPED.
    pub tasks: Option<TaskSet>,
}

/// The tasks of a connector, which change as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSet {
    /// The stamp of this set.
    pub generation: u64,
    /// The version of the configuration it comes from.
    pub version: u64,
    /// One configuration for each task.
    pub configs: Vec<Props>,
}

/// A unit that is, or was, given to somebody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnitState {
    /// The stamp of the last claim.
    pub epoch: u64,
    /// Who owns it. Whether the owner still lives is another question: [`State::is_free`].
    pub owner: Option<Incarnation>,
    /// Of a task: the generation it was claimed in.
    pub generation: u64,
    /// Who gave it up because it kept failing there.
    pub avoided: Vec<Incarnation>,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts. The stamp of what it made, else 0.
    Applied(u64),
    /// It does not count.
    Refused(Refusal),
    /// It was there before.
    Duplicate,
    /// Nobody can read it.
    Unreadable,
}

/// Why a record does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// Its writer takes no part, or not yet.
    #[error("the worker takes no part in the cluster")]
    NoMember,
    /// A worker of a version too far away.
    #[error(
        "workers of the cluster write a format more than one away: upgrade one version at a time"
    )]
    Format,
    /// A worker of another cluster, whose workers share these topics.
    #[error("its topics are those of a cluster with another group.id")]
    Group,
    /// No such connector.
    #[error("no such connector")]
    NoConnector,
    /// It has another version by now.
    #[error("the connector was changed at the same time")]
    Changed,
    /// There is one of this name.
    #[error("there is a connector of this name")]
    Exists,
    /// It comes from a configuration, an owner or an epoch that is no more.
    #[error("it was overtaken")]
    Overtaken,
    /// The unit is not wanted, or its connector has no such task.
    #[error("nobody wants the unit")]
    NotWanted,
    /// The unit, or a task of an older generation, is somebody's.
    #[error("it is somebody's")]
    Taken,
}

impl State {
    /// Of a log of which nothing is known in front of this offset.
    pub fn beginning_at(next: u64) -> Self {
        Self { next, ..Self::default() }
    }

    /// The same with nobody there, as the state at the beginning of a log that has forgotten what
    /// came before: for a cluster that slept longer than its log keeps records. Its check sum is
    /// that of what it holds, so that workers that went on from different ones notice.
    #[must_use]
    pub fn revived_at(mut self, next: u64) -> Self {
        let workers: Vec<Incarnation> = self.workers.keys().copied().collect();
        workers.into_iter().for_each(|worker| self.remove(worker));
        let Self { now_ms, stamp, connectors, units, .. } = self;
        let text = serde_json::to_vec(&(stamp, &connectors)).unwrap_or_default();
        let hash = sum(0, next, &text);
        Self { now_ms, hash, stamp, connectors, units, ..Self::beginning_at(next) }
    }

    /// Takes one record: its bytes count in the check sum whether or not they could be read.
    pub fn apply(
        &mut self,
        offset: u64,
        store_ms: i64,
        bytes: &[u8],
        record: Option<&Record>,
    ) -> Verdict {
        self.advance(store_ms);
        self.hash = sum(self.hash, offset, bytes);
        self.next = offset + 1;
        let Some(Record { format, by, seq, body }) = record else { return Verdict::Unreadable };
        match self.workers.get_mut(by) {
            Some(worker) if *seq <= worker.seq => return Verdict::Duplicate,
            Some(worker) => worker.seq = *seq,
            None if !matches!(body, Body::Join { .. }) => {
                return Verdict::Refused(Refusal::NoMember);
            }
            None => {}
        }
        match self.judge(*by, *seq, *format, body) {
            Ok(stamp) => Verdict::Applied(stamp),
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// Whether a worker takes part and sent a heartbeat within its session.
    pub fn is_alive(&self, worker: Incarnation) -> bool {
        self.workers.get(&worker).is_some_and(|worker| worker.is_alive(self.now_ms))
    }

    /// Who takes part and lives.
    pub fn alive(&self) -> impl Iterator<Item = (Incarnation, &Worker)> {
        let alive = self.workers.iter().filter(|(_, worker)| worker.is_alive(self.now_ms));
        alive.map(|(incarnation, worker)| (*incarnation, worker))
    }

    /// Whether a worker is the first of those who live, which does what one has to do for all.
    pub fn is_first(&self, worker: Incarnation) -> bool {
        self.alive().next().is_some_and(|(first, _)| first == worker)
    }

    /// Who owns a unit, alive or not.
    pub fn owner(&self, unit: &Unit) -> Option<Incarnation> {
        self.units.get(unit)?.owner
    }

    /// The stamp of the last claim of a unit; 0 if there was none.
    pub fn epoch(&self, unit: &Unit) -> u64 {
        self.units.get(unit).map_or(0, |unit| unit.epoch)
    }

    /// Whether nobody owns a unit who lives.
    pub fn is_free(&self, unit: &Unit) -> bool {
        self.owner(unit).is_none_or(|owner| !self.is_alive(owner))
    }

    /// Whether a unit shall run.
    pub fn is_wanted(&self, unit: &Unit) -> bool {
        let Some(connector) = self.connectors.get(&unit.connector) else { return false };
        match unit.task {
            None => true,
            Some(task) => (task as usize) < connector.task_count(),
        }
    }

    /// All units that shall run.
    pub fn wanted(&self) -> impl Iterator<Item = Unit> {
        self.connectors.iter().flat_map(|(name, connector)| {
            let tasks = u32::try_from(connector.task_count()).unwrap_or(u32::MAX);
            std::iter::once(Unit::connector(name)).chain((0..tasks).map(|n| Unit::task(name, n)))
        })
    }

    /// The generation that a unit would run in now: of a connector, its version.
    pub fn generation(&self, unit: &Unit) -> Option<u64> {
        let connector = self.connectors.get(&unit.connector)?;
        match unit.task {
            None => Some(connector.version),
            Some(_) => connector.tasks.as_ref().map(|tasks| tasks.generation),
        }
    }

    /// Whether no task of a connector is anybody's who lives, so that its offsets may be edited.
    pub fn is_quiet(&self, connector: &Str) -> bool {
        self.tasks_of(connector).all(|(_, state)| !self.is_held(state))
    }

    fn is_held(&self, unit: &UnitState) -> bool {
        unit.owner.is_some_and(|owner| self.is_alive(owner))
    }

    pub(crate) fn units_of(&self, connector: &Str) -> impl Iterator<Item = (&Unit, &UnitState)> {
        let first = Unit::connector(connector);
        let last = Unit { connector: Str::clone(connector), task: Some(u32::MAX) };
        self.units.range(first..=last)
    }

    fn tasks_of(&self, connector: &Str) -> impl Iterator<Item = (&Unit, &UnitState)> {
        self.units_of(connector).filter(|(unit, _)| unit.task.is_some())
    }

    fn advance(&mut self, store_ms: i64) {
        let longest = self.workers.values().map(|worker| worker.heartbeat_ms).min().unwrap_or(0);
        let step = store_ms.saturating_sub(self.store_ms.unwrap_or(store_ms));
        self.now_ms += u64::try_from(step).unwrap_or(0).min(longest);
        self.store_ms = Some(store_ms);
        let now_ms = self.now_ms;
        let gone = self.workers.iter().filter(|(_, worker)| worker.is_forgotten(now_ms));
        let gone: Vec<Incarnation> = gone.map(|(incarnation, _)| *incarnation).collect();
        gone.into_iter().for_each(|incarnation| self.remove(incarnation));
    }

    /// A worker is no more.
    fn remove(&mut self, worker: Incarnation) {
        self.workers.remove(&worker);
        let mut left = BTreeSet::new();
        for (unit, state) in self.units.iter_mut().filter(|(_, unit)| unit.owner == Some(worker)) {
            state.owner = None;
            left.insert(Str::clone(&unit.connector));
        }
        left.iter().for_each(|connector| self.tidy(connector));
    }

    /// Forgets units of a connector that nobody owns or wants.
    fn tidy(&mut self, connector: &Str) {
        let idle = self
            .units_of(connector)
            .filter(|(unit, state)| state.owner.is_none() && !self.is_wanted(unit));
        let idle: Vec<Unit> = idle.map(|(unit, _)| unit.clone()).collect();
        for unit in idle {
            self.units.remove(&unit);
        }
    }

    fn next_stamp(&mut self, above: u64) -> u64 {
        self.stamp = self.stamp.max(above) + 1;
        self.stamp
    }

    fn join(&mut self, by: Incarnation, worker: Worker) -> Result<u64, Refusal> {
        if self.alive().any(|(_, other)| other.format.abs_diff(worker.format) > 1) {
            return Err(Refusal::Format);
        }
        if self.alive().any(|(_, other)| other.group != worker.group) {
            return Err(Refusal::Group);
        }
        self.workers.insert(by, worker);
        Ok(0)
    }

    fn judge(
        &mut self,
        by: Incarnation,
        seq: u64,
        format: u32,
        body: &Body,
    ) -> Result<u64, Refusal> {
        match body {
            Body::Join { name, url, group, session_ms, heartbeat_ms } => {
                let worker = Worker {
                    name: Str::clone(name),
                    url: Str::clone(url),
                    group: Str::clone(group),
                    session_ms: *session_ms,
                    heartbeat_ms: *heartbeat_ms,
                    format,
                    seen_ms: self.now_ms,
                    seq,
                };
                self.join(by, worker)
            }
            Body::Heartbeat { .. } => {
                let now_ms = self.now_ms;
                let worker = self.workers.get_mut(&by).ok_or(Refusal::NoMember)?;
                worker.seen_ms = now_ms;
                Ok(0)
            }
            Body::Leave {} => {
                self.remove(by);
                Ok(0)
            }
            Body::Put { name, create: true, .. } if self.connectors.contains_key(name) => {
                Err(Refusal::Exists)
            }
            Body::Put { name, expected: Some(expected), .. }
                if self.connectors.get(name).is_none_or(|known| known.version != *expected) =>
            {
                Err(Refusal::Changed)
            }
            Body::Put { name, config, target, above, .. } => {
                Ok(self.put(name, config, *target, *above))
            }
            Body::Delete { name } => {
                self.connectors.remove(name).ok_or(Refusal::NoConnector)?;
                self.tidy(name);
                Ok(0)
            }
            Body::Target { name, state } => {
                let connector = self.connectors.get_mut(name).ok_or(Refusal::NoConnector)?;
                connector.target = *state;
                if *state == TargetState::Stopped {
                    connector.tasks = None;
                    self.tidy(name);
                }
                Ok(0)
            }
            Body::Tasks { name, version, epoch, configs, above } => {
                self.owns(by, name, *epoch)?;
                self.set_tasks(name, *version, configs, *above)
            }
            Body::Claim { unit, seen, above } => self.claim(by, unit, *seen, *above),
            Body::Release { unit, epoch, failing } => self.release(by, unit, *epoch, *failing),
            Body::Restart { name, .. } => {
                self.connectors.get(name).map(|_| 0).ok_or(Refusal::NoConnector)
            }
            Body::Snapshot { upto, part, parts, .. } => {
                if *upto + 1 >= self.next {
                    // It counts what this log does not have, or not any more.
                    return Err(Refusal::Overtaken);
                }
                if self.snapshot_parts.take(by, *upto, *part, *parts) == Taken::Last {
                    self.snapshot_upto = self.snapshot_upto.max(Some(*upto));
                }
                Ok(0)
            }
        }
    }

    fn put(&mut self, name: &Str, config: &Props, target: Option<TargetState>, above: u64) -> u64 {
        let version = self.next_stamp(above);
        let old = self.connectors.remove(name);
        let before = old.as_ref().map_or(TargetState::Started, |old| old.target);
        let target = target.unwrap_or(before);
        let tasks = old.and_then(|old| old.tasks).filter(|_| target != TargetState::Stopped);
        let connector = Connector { version, config: config.clone(), target, tasks };
        self.connectors.insert(Str::clone(name), connector);
        self.tidy(name);
        version
    }

    /// Only who owns a connector says which tasks it has.
    fn owns(&self, by: Incarnation, name: &Str, epoch: u64) -> Result<(), Refusal> {
        let owned = self.units.get(&Unit::connector(name));
        let owns = owned.is_some_and(|unit| unit.owner == Some(by) && unit.epoch == epoch);
        if owns { Ok(()) } else { Err(Refusal::Overtaken) }
    }

    fn set_tasks(
        &mut self,
        name: &Str,
        version: u64,
        configs: &[Props],
        above: u64,
    ) -> Result<u64, Refusal> {
        let connector = self.connectors.get(name).ok_or(Refusal::NoConnector)?;
        if connector.version != version || connector.target == TargetState::Stopped {
            return Err(Refusal::Overtaken);
        }
        if let Some(tasks) = &connector.tasks
            && tasks.version == version
            && tasks.configs == configs
            && tasks.generation > above
        {
            return Ok(tasks.generation);
        }
        let generation = self.next_stamp(above);
        if let Some(connector) = self.connectors.get_mut(name) {
            connector.tasks = Some(TaskSet { generation, version, configs: configs.to_vec() });
        }
        self.tidy(name);
        Ok(generation)
    }

    fn claim(
        &mut self,
        by: Incarnation,
        unit: &Unit,
        seen: u64,
        above: u64,
    ) -> Result<u64, Refusal> {
        if !self.is_alive(by) {
            return Err(Refusal::NoMember);
        }
        let generation =
            self.generation(unit).filter(|_| self.is_wanted(unit)).ok_or(Refusal::NotWanted)?;
        if !self.is_free(unit) {
            return Err(Refusal::Taken);
        }
        if self.epoch(unit) != seen {
            return Err(Refusal::Overtaken);
        }
        let older = |state: &UnitState| state.generation != generation && self.is_held(state);
        if unit.task.is_some() && self.tasks_of(&unit.connector).any(|(_, state)| older(state)) {
            return Err(Refusal::Taken);
        }
        let epoch = self.next_stamp(above);
        let state = self.units.entry(unit.clone()).or_default();
        if state.generation != generation {
            state.avoided.clear();
        }
        state.epoch = epoch;
        state.owner = Some(by);
        state.generation = generation;
        Ok(epoch)
    }

    fn release(
        &mut self,
        by: Incarnation,
        unit: &Unit,
        epoch: u64,
        failing: bool,
    ) -> Result<u64, Refusal> {
        let state = self.units.get_mut(unit).ok_or(Refusal::Overtaken)?;
        if state.owner != Some(by) || state.epoch != epoch {
            return Err(Refusal::Overtaken);
        }
        state.owner = None;
        if failing && !state.avoided.contains(&by) && state.avoided.len() < MAX_AVOIDED {
            state.avoided.push(by);
        }
        self.tidy(&unit.connector);
        Ok(0)
    }
}

/// The check sum of all records up to one, from that of those before it.
pub(crate) fn sum(before: u32, offset: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(before, &offset.to_le_bytes()), bytes)
}

impl Worker {
    fn silent_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.seen_ms)
    }
    fn is_alive(&self, now_ms: u64) -> bool {
        self.silent_ms(now_ms) < self.session_ms
    }
    fn is_forgotten(&self, now_ms: u64) -> bool {
        self.silent_ms(now_ms) >= self.session_ms * SESSIONS_TO_FORGET
    }
}

impl Connector {
    /// How many tasks shall run.
    pub fn task_count(&self) -> usize {
        self.tasks.as_ref().map_or(0, |tasks| tasks.configs.len())
    }
}

/// A map whose keys are no text, as a list of pairs.
pub(crate) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
