//! The loop between the log and the protocol.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use gantry_cluster::{Effect, Input, Orphans, Record, Refusal, Request, State, Verdict};
use gantry_log::{FullLog, LogError, QueueBatch, TopicPartition};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::reader::Reader;
use super::units::Command;
use super::{Asked, Cluster, Undriven, clock};
use crate::herder::Herder;
use crate::offsets::OffsetStore;
use crate::topic_fold::{Keeps, open_topic, record_of_all};

/// The wait after the log could not be asked.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// The longest of these waits.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How often the protocol looks at the clock.
const TICKS_IN_HEARTBEAT: u64 = 15;
/// How often copies of the topics are brought up to date.
const COPY_INTERVAL: Duration = Duration::from_secs(60);
/// Requests of users that wait until this worker takes part.
const EARLY_MAX: usize = 10_000;
/// Requests that are taken at once.
const TAKEN_MAX: usize = 256;

type Appending = Pin<Box<dyn Future<Output = Result<(), LogError>> + Send>>;

/// Drives one worker's part.
struct Driver {
    cluster: Arc<Cluster>,
    herder: Weak<Herder>,
    control: Arc<dyn FullLog>,
    queue: TopicPartition,
    reader: Reader,
    appending: Option<Appending>,
    answers: BTreeMap<u64, oneshot::Sender<Verdict>>,
    next_answer: u64,
    /// What users ask for before this worker takes part.
    early: VecDeque<(Request, oneshot::Sender<Verdict>)>,
    refold: bool,
    /// Whether the log could be read the last time.
    reachable: bool,
    passed_over: u64,
}

/// Opens the topics and takes part, until told to leave.
pub(crate) async fn drive(
    undriven: Undriven,
    herder: Weak<Herder>,
    offsets: Arc<OffsetStore>,
    offset_topic: String,
) {
    let Undriven { cluster, asked, control } = undriven;
    let opened = tokio::select! {
        () = cluster.stopping.cancelled() => None,
        opened = open(&cluster, &*control, &offset_topic) => Some(opened),
    };
    let Some([queue, statuses]) = opened else {
        cluster.copied.cancel();
        cluster.left.cancel();
        return;
    };
    let stop = cluster.left.child_token();
    let of = |cluster: &Arc<Cluster>| {
        (Arc::clone(cluster), Arc::clone(&control), statuses.clone(), stop.clone())
    };
    let (me, log, topic, token) = of(&cluster);
    tokio::spawn(super::Statuses::write(me, log, topic, token));
    let (me, log, topic, token) = of(&cluster);
    tokio::spawn(super::Statuses::follow(me, log, topic, token));
    let (incarnation, copies) = (cluster.member().incarnation(), cluster.copies.clone());
    tokio::spawn(keep_copies(Arc::clone(&cluster), Arc::clone(&offsets), stop.clone()));
    tokio::spawn(follow_offsets(Arc::clone(&cluster), offsets, stop));
    let driver = Driver {
        reader: Reader::new(Arc::clone(&control), queue.clone(), incarnation, copies),
        cluster,
        herder,
        control,
        queue,
        appending: None,
        answers: BTreeMap::new(),
        next_answer: 0,
        early: VecDeque::new(),
        refold: true,
        reachable: true,
        passed_over: 0,
    };
    driver.run(asked).await;
}

/// The cluster topic and the status topic, and the offset topic too; tried until they are there.
async fn open(cluster: &Cluster, log: &dyn FullLog, offset_topic: &str) -> [TopicPartition; 2] {
    let settings = &cluster.settings;
    let mut wait = RETRY_MIN;
    loop {
        let opened = async {
            let of = |key, topic| open_topic(log, key, topic, Keeps::EachRecord);
            let cluster = of("config.storage.topic", &settings.cluster_topic).await?;
            of("offset.storage.topic", offset_topic).await?;
            let status = of("status.storage.topic", &settings.status_topic).await?;
            Ok::<_, crate::error::HerderError>([cluster, status])
        };
        match opened.await {
            Ok(opened) => return opened,
            Err(error) => cluster.set_waiting_for(Some(error.message)),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY_MAX);
    }
}

/// Keeps the offsets current, for the REST API and for who takes a task over.
async fn follow_offsets(
    cluster: Arc<Cluster>,
    offsets: Arc<OffsetStore>,
    stop: tokio_util::sync::CancellationToken,
) {
    let OffsetStore::Fenced(fenced) = &*offsets else { return };
    let incarnation = cluster.member().incarnation();
    let mut told: BTreeMap<gantry_api::Str, (u64, u64)> = BTreeMap::new();
    let mut orphans = Orphans::default();
    let session_ms = cluster.settings.session_timeout_ms;
    let mut look = tokio::time::interval(Duration::from_millis(session_ms / 4));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pruning = pin!(fenced.prune());
    loop {
        let step = async {
            fenced.follow().await?;
            // The first of those who live does what one has to do for all.
            if !cluster.read(|state| state.is_first(incarnation)) {
                orphans = Orphans::default();
                return Ok(());
            }
            fenced.keep(incarnation).await?;
            if look.tick().now_or_never().is_none() {
                return Ok(());
            }
            let ends = fenced.read(|fold| {
                let clock_ms = clock::now_ms();
                cluster.read(|state| orphans.look(clock_ms, session_ms, state, fold))
            });
            fenced.end_sessions(ends).await
        };
        let done = tokio::select! {
            () = stop.cancelled() => return,
            never = &mut pruning => match never {},
            done = step => done,
        };
        if let Err(error) = done {
            tracing::warn!(%error, "could not read the offset topic; trying again");
            tokio::time::sleep(RETRY_MIN * 5).await;
        }
        // The protocol knows by them which tasks can commit.
        for (name, generation, last) in fenced.stamps() {
            if told.insert(name.clone(), (generation, last)) != Some((generation, last)) {
                cluster.tell(Input::Stamps { name, generation, last }).await;
            }
        }
    }
}

/// Keeps copies of what this worker knows on its disk, now and then and when it leaves.
async fn keep_copies(
    cluster: Arc<Cluster>,
    offsets: Arc<OffsetStore>,
    stop: tokio_util::sync::CancellationToken,
) {
    let _done = cluster.copied.clone().drop_guard();
    let OffsetStore::Fenced(fenced) = &*offsets else { return };
    if !cluster.copies.are_kept() {
        return;
    }
    let topic = cluster.settings.cluster_topic.clone();
    let mut kept: Option<State> = None;
    loop {
        let ends = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(COPY_INTERVAL) => false,
        };
        // Of a topic that could not be read yet nothing is known.
        if cluster.took_part() {
            let state = cluster.read(State::clone);
            // What must not be forgotten; the rest changes with each heartbeat.
            let same =
                |kept: &State| kept.stamp == state.stamp && kept.connectors == state.connectors;
            if !kept.as_ref().is_some_and(same) {
                cluster.copies.write(&topic, &state).await;
                kept = Some(state);
            }
            fenced.copy().await;
        }
        if ends {
            return;
        }
    }
}

impl Driver {
    async fn run(mut self, mut asked: mpsc::Receiver<Asked>) {
        let heartbeat_ms = self.cluster.settings.heartbeat_interval_ms;
        let tick = Duration::from_millis((heartbeat_ms / TICKS_IN_HEARTBEAT).clamp(20, 250));
        let mut ticks = tokio::time::interval(tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = self.cluster.stopping.clone();
        let mut leaving = false;
        let mut taken = Vec::new();
        loop {
            if self.refold && !self.begin().await {
                // Meanwhile the lease runs out, and what runs here must stop.
                self.step(Vec::new());
                tokio::time::sleep(RETRY_MIN).await;
                continue;
            }
            let mut inputs = Vec::new();
            tokio::select! {
                read = self.reader.next() => match read {
                    Ok(read) => {
                        inputs = read;
                        self.reachable = true;
                    }
                    Err(error) => {
                        self.reachable = false;
                        self.cluster.set_waiting_for(Some(error.to_string()));
                        tokio::time::sleep(RETRY_MIN).await;
                    }
                },
                appended = wait_for(&mut self.appending) => {
                    self.appending = None;
                    inputs.push(match appended {
                        Ok(()) => Input::Appended,
                        Err(error) => {
                            tracing::warn!(%error, "could not append to the cluster topic");
                            Input::AppendFailed
                        }
                    });
                }
                count = asked.recv_many(&mut taken, TAKEN_MAX) => {
                    if count == 0 {
                        return;
                    }
                    taken.drain(..).for_each(|asked| self.take(asked, &mut inputs));
                }
                _ = ticks.tick() => {}
                () = stopping.cancelled(), if !leaving => {
                    leaving = true;
                    inputs.push(Input::Leave);
                }
            }
            if self.step(inputs) {
                self.cluster.left.cancel();
                return;
            }
        }
    }

    /// Begins to read from the last snapshot; false: the log cannot be read now.
    async fn begin(&mut self) -> bool {
        match self.reader.begin().await {
            Ok(inputs) => {
                self.refold = false;
                self.reachable = true;
                self.step(inputs);
                true
            }
            Err(error) => {
                self.cluster.set_waiting_for(Some(error.to_string()));
                false
            }
        }
    }

    fn take(&mut self, asked: Asked, inputs: &mut Vec<Input>) {
        match asked {
            Asked::Input(input) => inputs.push(input),
            Asked::Request { request, answer } => {
                // Whom nobody waits for any more is not asked on behalf of.
                self.early.retain(|(_, answer)| !answer.is_closed());
                if self.early.len() < EARLY_MAX {
                    self.early.push_back((request, answer));
                }
            }
        }
    }

    /// Lets the protocol work; true: this worker has left.
    fn step(&mut self, inputs: Vec<Input>) -> bool {
        let mut effects = Vec::new();
        {
            let mut member = self.cluster.member();
            member.step(Input::Clock(clock::now_ms()), &mut effects);
            inputs.into_iter().for_each(|input| member.step(input, &mut effects));
            if member.takes_part() {
                for (request, answer) in self.early.drain(..) {
                    if answer.is_closed() {
                        continue;
                    }
                    self.next_answer += 1;
                    let id = self.next_answer;
                    self.answers.insert(id, answer);
                    member.step(Input::Request { id, request }, &mut effects);
                }
                if self.reachable {
                    self.cluster.set_waiting_for(None);
                }
            }
            member.turn(&mut effects);
        }
        let left = effects.iter().any(|effect| matches!(effect, Effect::Left));
        effects.into_iter().for_each(|effect| self.carry_out(effect));
        self.cluster.extend_leases();
        left
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Append(records) => self.append(&records),
            Effect::Start { unit, epoch, generation } => {
                tracing::info!(%unit, epoch, "this worker runs it from now on");
                self.cluster.start_unit(&self.herder, unit, epoch, generation);
            }
            Effect::Stop { unit, epoch } => {
                tracing::info!(%unit, epoch, "this worker stops it");
                let units = self.cluster.units();
                if let Some(own) = units.get(&unit).filter(|own| own.epoch == epoch) {
                    own.stop.cancel();
                }
            }
            Effect::Restart { unit, only_failed } => {
                self.cluster.command(|other| *other == unit, || Command::Restart { only_failed });
            }
            Effect::Target { name, state } => {
                self.cluster.command(|unit| unit.connector == name, || Command::Target(state));
            }
            Effect::Answer { id, verdict } => {
                if let Some(answer) = self.answers.remove(&id) {
                    // Whoever asked may have gone.
                    let _ = answer.send(verdict);
                }
            }
            Effect::Refold => self.refold = true,
            Effect::PassedOver { offset, reason } => {
                self.passed_over += 1;
                tracing::warn!(
                    topic = %self.queue, offset, reason, count = self.passed_over,
                    "a record of the cluster topic is passed over"
                );
            }
            Effect::Refused(refusal) => {
                let reason = self.cluster.why_refused(refusal);
                tracing::error!(reason, "this worker takes no part");
                self.cluster.set_waiting_for(Some(reason));
            }
            Effect::Left => tracing::info!("this worker has left its cluster"),
        }
    }

    fn append(&mut self, records: &[Record]) {
        let records = records.iter().map(|record| record_of_all(None, Some(record.to_bytes())));
        let batch = QueueBatch { to: self.queue.clone(), records: records.collect() };
        let log = Arc::clone(&self.control);
        self.appending =
            Some(Box::pin(async move { log.append(vec![batch]).await?.await.map(|_| ()) }));
    }
}

/// Waits for the append in flight; for ever if there is none.
async fn wait_for(appending: &mut Option<Appending>) -> Result<(), LogError> {
    match appending {
        Some(appending) => appending.await,
        None => std::future::pending().await,
    }
}

impl Cluster {
    /// Why this worker may not take part, and what to do.
    fn why_refused(&self, refusal: Refusal) -> String {
        let reason = format!("the cluster refuses it: {refusal}");
        if refusal != Refusal::Group {
            return reason;
        }
        let groups: BTreeSet<String> = self.read(|state| {
            state.alive().map(|(_, worker)| format!("{:?}", &*worker.group)).collect()
        });
        format!(
            "{reason}: {} is shared by workers whose group.id is {}, and this one has {:?}; give \
             it the same group.id, or topics of its own (config.storage.topic, \
             offset.storage.topic, status.storage.topic)",
            self.settings.cluster_topic,
            groups.into_iter().collect::<Vec<_>>().join(" and "),
            self.settings.group,
        )
    }
}
