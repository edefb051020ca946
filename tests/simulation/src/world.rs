//! The world: events in the order of time.

mod checks;
mod events;
mod exactly_once;

use std::collections::BTreeMap;

use bytes::Bytes;
use gantry_cluster::{
    Allocation, Collector, Effect, Epoch, Input, OffsetRecord, OffsetVerdict, Record, Unit,
    Verdict, restore,
};

use crate::broker::{Broker, Written};
use crate::faults::{Mutation, Plan};
use crate::worker::{Phase, Running, Worker, partition};

/// What is to happen.
#[derive(Clone, Debug)]
enum Event {
    /// A worker's timer.
    Wake,
    /// A worker reads what is new.
    Read,
    /// An append arrives at the broker.
    Store(Vec<Bytes>),
    /// An append that was reported as failed is stored after all.
    StoreLate(Vec<Bytes>),
    /// The answer to an append.
    Appended(bool),
    /// Records of an exactly-once task arrive.
    Data { unit: Unit, session: Epoch, records: Vec<Written> },
    /// Records that were reported as failed are stored after all.
    DataLate(Vec<Written>),
    /// The answer to records: where they end, if it is known that they were stored.
    Wrote { unit: Unit, session: Epoch, count: u64, end: Option<u64> },
    /// A commit comes once more.
    CommitAgain(OffsetRecord),
    /// A session that nobody else ends is ended.
    End(OffsetRecord),
    /// A record arrives at the offset log.
    Commit { unit: Unit, epoch: u64, record: OffsetRecord },
    /// The answer to it; for a barrier, where to go on.
    Committed { unit: Unit, epoch: u64, barrier: bool, verdict: OffsetVerdict, position: u64 },
    /// A task works.
    Work { unit: Unit, epoch: u64 },
    /// A connector worked out its tasks.
    Tasks { unit: Unit, epoch: u64 },
    /// A unit has stopped.
    Stopped { unit: Unit, epoch: u64 },
    /// A worker is started again.
    Start,
}

/// Whom an event concerns, and in which life.
#[derive(Clone, Debug)]
struct Planned {
    worker: usize,
    life: u32,
    event: Event,
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How much happened.
    pub events: u64,
    /// How many records the cluster log has.
    pub records: u64,
    /// How many commits counted.
    pub commits: u64,
    /// How many did not, as somebody newer was there.
    pub fenced: u64,
    /// How many requests were answered with a yes.
    pub answered: u64,
    /// The first thing that was wrong, and when.
    pub violation: Option<String>,
}

/// All of it.
#[derive(Debug)]
pub struct World {
    plan: Plan,
    random: fastrand::Rng,
    now_ms: u64,
    count: u64,
    queue: BTreeMap<(u64, u64), Planned>,
    broker: Broker,
    workers: Vec<Worker>,
    outcome: Outcome,
    /// Who reads what exactly-once tasks wrote.
    reader: exactly_once::Reader,
    /// The epoch that last worked, by unit.
    worked: BTreeMap<Unit, u64>,
    /// Stamps of connectors that users were told exist.
    acknowledged: Vec<(gantry_model::Str, u64)>,
    requests: u64,
    /// What was started of late, and where.
    started: Vec<(usize, Unit)>,
    was_cut: bool,
    /// Nothing goes wrong any more.
    healed: bool,
    /// What happened, in words, if somebody wants to read it.
    trace: Option<Vec<String>>,
}

/// Runs a seed to its end.
pub fn run(seed: u64, mutation: Mutation) -> Outcome {
    World::new(seed, Plan::from_seed(seed, mutation)).run().0
}

/// Runs a seed in which the broker may lose what it had acknowledged, whatever its own plan says.
pub fn run_with_cuts(seed: u64) -> Outcome {
    World::new(seed, Plan { cuts: true, ..Plan::from_seed(seed, Mutation::None) }).run().0
}

/// Runs a seed in which tasks are exactly-once sources.
pub fn run_exactly_once(seed: u64) -> Outcome {
    let plan = Plan { exactly_once: true, ..Plan::from_seed(seed, Mutation::None) };
    World::new(seed, Plan { cuts: false, ..plan }).run().0
}

/// Runs a seed and tells what happened, for whoever looks for a mistake.
pub fn trace(seed: u64, plan: Plan) -> (Outcome, Vec<String>) {
    let mut world = World::new(seed, plan);
    world.trace = Some(vec![format!("{:?}", world.plan)]);
    world.run()
}

impl World {
    /// A world in which nothing has happened.
    pub fn new(seed: u64, plan: Plan) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let workers = (0..plan.workers).map(|_| Worker::new(&mut random)).collect();
        Self {
            plan,
            random,
            now_ms: 0,
            count: 0,
            queue: BTreeMap::new(),
            broker: Broker::default(),
            workers,
            outcome: Outcome::default(),
            reader: exactly_once::Reader::default(),
            worked: BTreeMap::new(),
            acknowledged: Vec::new(),
            requests: 0,
            started: Vec::new(),
            was_cut: false,
            healed: false,
            trace: None,
        }
    }

    fn run(mut self) -> (Outcome, Vec<String>) {
        for worker in 0..self.workers.len() {
            let wait = self.random.u64(0..self.plan.session_ms);
            self.after(worker, wait, Event::Start);
        }
        let mut next_fault = self.some(self.plan.fault_every_ms);
        let mut next_request = self.some(self.plan.request_every_ms / 4);
        while self.outcome.violation.is_none() && self.now_ms < self.plan.faults_ms {
            let next_event = self.queue.first_key_value().map_or(u64::MAX, |((at, _), _)| *at);
            if next_fault <= next_event.min(next_request) {
                self.now_ms = next_fault;
                next_fault += self.some(self.plan.fault_every_ms);
                self.fault();
            } else if next_request <= next_event {
                self.now_ms = next_request;
                next_request += self.some(self.plan.request_every_ms);
                self.request();
            } else {
                self.next_event();
            }
        }
        self.heal();
        self.settle();
        self.check_end();
        self.one_more_comes();
        self.check_read();
        self.outcome.records = self.broker.end();
        (self.outcome, self.trace.unwrap_or_default())
    }

    fn settle(&mut self) {
        let end_ms = self.now_ms + self.settling_ms();
        while self.outcome.violation.is_none() && self.now_ms < end_ms && self.next_event() {}
    }

    /// When all is calm and one more worker comes, it gets its share, and nothing else moves.
    fn one_more_comes(&mut self) {
        let restless = self.plan.mutation == Mutation::Restless;
        let keeps = self.plan.allocation == Allocation::ConsistentHash || restless;
        if self.outcome.violation.is_some() || !keeps {
            return;
        }
        let newcomer = self.workers.len();
        self.workers.push(Worker::new(&mut self.random));
        self.started.clear();
        self.after(newcomer, 1, Event::Start);
        self.settle();
        self.check_end();
        self.check_moved(newcomer);
    }

    /// Everything must run again so long after the last fault: a session until the dead are known,
    /// another until nobody suspects the wrong ones, and time to move what is to be moved.
    fn settling_ms(&self) -> u64 {
        self.plan.session_ms * 5 + 2_000
    }

    /// A random time around an average.
    fn some(&mut self, average_ms: u64) -> u64 {
        self.random.u64(1..=average_ms.max(1) * 2)
    }

    /// How long a message is under way.
    fn delay(&mut self) -> u64 {
        match self.random.u8(0..20) {
            0 if !self.healed => self.random.u64(0..=self.plan.session_ms / 4),
            _ => self.random.u64(1..=10),
        }
    }

    fn after(&mut self, worker: usize, wait_ms: u64, event: Event) {
        let life = self.workers.get(worker).map_or(0, |worker| worker.life);
        self.answer(worker, life, wait_ms, event);
    }

    /// An answer to a worker, in the life in which it asked.
    fn answer(&mut self, worker: usize, life: u32, wait_ms: u64, event: Event) {
        self.count += 1;
        self.queue.insert((self.now_ms + wait_ms, self.count), Planned { worker, life, event });
    }

    fn next_event(&mut self) -> bool {
        let Some(((at, _), planned)) = self.queue.pop_first() else { return false };
        self.now_ms = self.now_ms.max(at);
        self.outcome.events += 1;
        let Some(worker) = self.workers.get(planned.worker) else { return true };
        match planned.event {
            // What is under way to the broker goes on whatever becomes of the sender.
            Event::Store(records) => self.store(planned.worker, planned.life, records),
            Event::StoreLate(records) => {
                if self.broker.down {
                    return true;
                }
                self.append(planned.worker, records);
            }
            Event::Commit { unit, epoch, record } => {
                self.arrives(planned.worker, planned.life, unit, epoch, record);
            }
            Event::Data { unit, session, records } => {
                self.data(planned.worker, planned.life, unit, session, records);
            }
            Event::DataLate(records) => self.broker.data.extend(records),
            Event::CommitAgain(record) => self.commit_again(record),
            Event::End(record) => {
                if !self.broker.down {
                    self.broker.commit(record);
                }
            }
            Event::Start => self.start(planned.worker),
            _ if planned.life != worker.life || worker.member.is_none() => {}
            event if self.now_ms < worker.paused_until_ms => {
                let wait = worker.paused_until_ms - self.now_ms;
                self.after(planned.worker, wait, event);
            }
            event => self.happens(planned.worker, event),
        }
        true
    }

    /// What reaches a worker that lives and is not paused.
    fn happens(&mut self, worker: usize, event: Event) {
        match event {
            Event::Wake => {
                self.inputs(worker, Vec::new());
                self.end_orphans(worker);
                let wait = self.plan.heartbeat_ms / 4;
                self.after(worker, wait, Event::Wake);
            }
            Event::Read => self.read(worker),
            Event::Appended(true) => self.inputs(worker, vec![Input::Appended]),
            Event::Appended(false) => self.inputs(worker, vec![Input::AppendFailed]),
            Event::Committed { unit, epoch, barrier, verdict, position } => {
                self.committed(worker, &unit, epoch, barrier, verdict, position);
            }
            Event::Work { unit, epoch } => self.work(worker, &unit, epoch),
            Event::Wrote { unit, session, count, end } => {
                self.wrote(worker, unit, session, count, end);
            }
            Event::Tasks { unit, epoch } => self.tasks(worker, &unit, epoch),
            Event::Stopped { unit, epoch } => {
                let Some(own) = self.workers.get_mut(worker) else { return };
                if own.running.get(&unit).is_some_and(|running| running.epoch == epoch) {
                    own.running.remove(&unit);
                    if self.plan.mutation != Mutation::NoRelease {
                        self.inputs(worker, vec![Input::Stopped { unit, epoch, failing: false }]);
                    }
                }
            }
            Event::Store(_)
            | Event::StoreLate(_)
            | Event::Data { .. }
            | Event::DataLate(_)
            | Event::Commit { .. }
            | Event::CommitAgain(_)
            | Event::End(_)
            | Event::Start => {}
        }
    }

    /// Gives a worker what happened, with the time, and carries out what it wants.
    fn inputs(&mut self, worker: usize, inputs: Vec<Input>) {
        let mut effects = Vec::new();
        let Some(own) = self.workers.get_mut(worker) else { return };
        let clock_ms = own.clock_ms(self.now_ms);
        let Some(member) = &mut own.member else { return };
        member.step(Input::Clock(clock_ms), &mut effects);
        for input in inputs {
            member.step(input, &mut effects);
        }
        member.turn(&mut effects);
        for effect in effects {
            self.effect(worker, effect);
        }
    }

    fn effect(&mut self, worker: usize, effect: Effect) {
        if !matches!(effect, Effect::Append(_)) {
            self.note(|| format!("worker {worker}: {effect:?}"));
        }
        match effect {
            Effect::Append(records) => {
                let records = records.iter().map(Record::to_bytes).collect();
                let wait = self.delay();
                self.after(worker, wait, Event::Store(records));
            }
            Effect::Start { unit, epoch, generation } => {
                self.begin(worker, unit, epoch, generation)
            }
            Effect::Stop { unit, epoch } => {
                if let Some(own) = self.workers.get_mut(worker)
                    && let Some(running) = own.running.get_mut(&unit)
                {
                    running.phase = Phase::Stopping;
                }
                let wait = self.random.u64(0..=self.plan.session_ms / 8);
                self.after(worker, wait, Event::Stopped { unit, epoch });
            }
            Effect::Target { name, .. } => {
                let unit = Unit::connector(&name);
                let own = self.workers.get(worker).and_then(|own| own.running.get(&unit));
                if let Some(epoch) = own.map(|running| running.epoch) {
                    let wait = self.delay();
                    self.after(worker, wait, Event::Tasks { unit, epoch });
                }
            }
            Effect::Answer { verdict: Verdict::Applied(stamp), id } => {
                self.outcome.answered += 1;
                if stamp > 0 {
                    self.acknowledged.push((format!("c{}", id % 8).into(), stamp));
                }
            }
            Effect::Refold => self.read_anew(worker),
            Effect::PassedOver { offset, reason } => {
                self.violated(&format!("record {offset} cannot be read: {reason}"));
            }
            Effect::Refused(refusal) => self.violated(&format!("worker {worker}: {refusal}")),
            Effect::Left => self.ends(worker),
            Effect::Answer { .. } | Effect::Restart { .. } => {}
        }
    }

    fn start(&mut self, worker: usize) {
        let Some(own) = self.workers.get_mut(worker) else { return };
        if own.member.is_some() {
            return;
        }
        own.start(worker, self.now_ms, &self.plan, &mut self.random);
        self.read_anew(worker);
        self.after(worker, 1, Event::Wake);
        self.after(worker, 1, Event::Read);
    }

    /// The snapshot that stands in the log and counts most, and what it counts.
    fn latest_snapshot(&self) -> Option<(u64, String)> {
        let mut collector = Collector::default();
        let mut found = None;
        for offset in self.broker.earliest..self.broker.end() {
            let record = self.broker.read(offset).and_then(|s| Record::from_bytes(&s.bytes).ok());
            if let Some(Record { by, body, .. }) = &record {
                found = collector.take_at(offset, *by, body).or(found);
            }
        }
        found
    }

    /// Reads the log from the latest snapshot, or from its beginning.
    fn read_anew(&mut self, worker: usize) {
        let found = self.latest_snapshot();
        let state = match found.map(|(upto, text)| restore(upto, &text)) {
            Some(Ok(state)) if state.next >= self.broker.earliest => Some(state),
            Some(Err(error)) => return self.violated(&format!("a snapshot: {error}")),
            _ => None,
        };
        if state.is_none() && self.broker.earliest > 0 {
            return self.violated("records are gone and there is no snapshot of them");
        }
        let state = state.unwrap_or_default();
        let position = state.next;
        self.note(|| format!("worker {worker} reads from {position}"));
        if let Some(own) = self.workers.get_mut(worker) {
            own.position = position;
            own.cuts = self.broker.cuts;
        }
        self.inputs(worker, vec![Input::Restored(Box::new(state))]);
    }

    fn read(&mut self, worker: usize) {
        let Some(own) = self.workers.get(worker) else { return };
        let wait = self.random.u64(1..=self.plan.session_ms / 40) + own.slow_ms;
        let looks_back = self.plan.looks_back && own.cuts != self.broker.cuts;
        let position = own.position.saturating_sub(u64::from(looks_back));
        let position = if position < self.broker.earliest { own.position } else { position };
        if !self.broker.down {
            self.tell_stamps(worker);
            if position < self.broker.earliest || position > self.broker.end() {
                self.inputs(worker, vec![Input::Refold]);
            } else {
                self.deliver(worker, position);
            }
        }
        self.after(worker, wait, Event::Read);
    }

    fn deliver(&mut self, worker: usize, position: u64) {
        let end = self.broker.end().min(position + 64);
        let mut inputs = Vec::new();
        for offset in position..end {
            let Some(stored) = self.broker.read(offset) else { continue };
            let (store_ms, bytes) = (stored.store_ms, stored.bytes.clone());
            inputs.push(Input::Record { offset, store_ms, bytes });
        }
        if self.plan.mutation == Mutation::OtherOrder && worker == 0 {
            swap_pairs(&mut inputs);
        }
        if end == self.broker.end() {
            inputs.push(Input::CaughtUp);
        }
        if let Some(own) = self.workers.get_mut(worker) {
            own.position = end;
            own.cuts = self.broker.cuts;
        }
        self.inputs(worker, inputs);
    }

    fn begin(&mut self, worker: usize, unit: Unit, epoch: u64, generation: u64) {
        let phase = if unit.task.is_some() { Phase::Starting } else { Phase::Running };
        let state = self.workers.get(worker).and_then(|own| own.member.as_ref());
        let connector = state.and_then(|member| member.state().connectors.get(&unit.connector));
        let config = connector.and_then(|connector| match unit.task {
            None => Some(connector.config.clone()),
            Some(task) => connector.tasks.as_ref()?.configs.get(task as usize).cloned(),
        });
        let config = config.unwrap_or_default();
        let mut running = Running {
            epoch,
            generation,
            phase,
            config,
            position: 0,
            committing: false,
            commits: 0,
            session: 0,
            transaction: None,
        };
        if self.plan.exactly_once {
            running.next_session(&mut self.random);
        }
        let barrier = running.barrier(&unit);
        if let Some(own) = self.workers.get_mut(worker) {
            own.running.insert(unit.clone(), running);
            self.started.push((worker, unit.clone()));
        }
        let wait = self.delay();
        if unit.task.is_none() {
            self.check_owners(worker, &unit);
            self.after(worker, wait, Event::Tasks { unit, epoch });
        } else {
            self.after(worker, wait, Event::Commit { unit, epoch, record: barrier });
        }
    }

    /// Where a task would go on.
    fn position(&self, unit: &Unit) -> u64 {
        let offset = self.broker.fold.get(&unit.connector, &partition(unit));
        offset.and_then(|offset| offset.parse().ok()).unwrap_or(0)
    }

    /// Notes something, if somebody wants to read it.
    fn note(&mut self, what: impl FnOnce() -> String) {
        let now_ms = self.now_ms;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{now_ms:>7} {}", what()));
        }
    }

    fn violated(&mut self, what: &str) {
        if self.outcome.violation.is_none() {
            self.outcome.violation = Some(format!("at {} ms: {what}", self.now_ms));
        }
    }
}

/// Lets the second of two records come before the first: the same ones each time they are read.
fn swap_pairs(inputs: &mut [Input]) {
    for at in 1..inputs.len() {
        if let Some(
            [Input::Record { offset, bytes: first, .. }, Input::Record { bytes: second, .. }],
        ) = inputs.get_mut(at - 1..=at)
            && offset.is_multiple_of(2)
        {
            std::mem::swap(first, second);
        }
    }
}
