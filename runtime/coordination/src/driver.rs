//! The loop between the log and the protocol.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use gantry_cluster::{Effect, Input, Member, Record, Refusal, Request, TargetState, Unit, Verdict};
use gantry_log::{FullLog, LogError, QueueBatch, Str, TopicPartition};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::copies::Copies;
use crate::reader::Reader;
use crate::topics::record_of_all;
use crate::{RETRY_MIN, clock};

/// How often the protocol looks at the clock.
const TICKS_IN_HEARTBEAT: u64 = 15;
/// Requests of users that wait until this worker takes part.
const EARLY_MAX: usize = 10_000;
/// Requests that are taken at once.
const TAKEN_MAX: usize = 256;

type Appending = Pin<Box<dyn Future<Output = Result<(), LogError>> + Send>>;

/// What the driver is asked or told.
#[derive(Debug)]
pub enum Asked {
    /// Something happened.
    Input(Input),
    /// A user asks for something.
    Request {
        /// What for.
        request: Request,
        /// Where the answer goes.
        answer: oneshot::Sender<Verdict>,
    },
}

/// Whose member is driven: it runs units.
pub trait Host: Send + Sync + 'static {
    /// The member; only the driver changes it.
    fn member(&self) -> MutexGuard<'_, Member>;
    /// By what the driver is told something.
    fn asked(&self) -> &mpsc::Sender<Asked>;
    /// Starts a unit in that epoch and generation.
    fn start(&self, unit: Unit, epoch: u64, generation: u64);
    /// Ends a unit that runs in that epoch; then [`Input::Stopped`] is to be told.
    fn stop(&self, unit: &Unit, epoch: u64);
    /// Starts a unit again, if it has failed or anyway.
    fn restart(&self, unit: &Unit, only_failed: bool);
    /// What a connector shall do has changed.
    fn target(&self, name: &Str, state: TargetState);
    /// The worker cannot take part; gives why, and what to do.
    fn refused(&self, refusal: Refusal) -> String;
    /// Why the worker takes no part; `None`: it does.
    fn set_waiting_for(&self, reason: Option<String>);
    /// The protocol went on: leases may be longer or gone.
    fn stepped(&self);
}

/// What a driver works with.
pub struct DriverConfig {
    /// The log that the cluster topic is read from and written to, each append best tried once.
    pub control: Arc<dyn FullLog>,
    /// The cluster topic.
    pub queue: TopicPartition,
    /// Of its topic, on disk.
    pub copies: Copies,
    /// How often the worker says that it lives.
    pub heartbeat_ms: u64,
    /// Fires when the worker shall leave.
    pub stopping: CancellationToken,
    /// Is fired when it has left.
    pub left: CancellationToken,
}

impl std::fmt::Debug for DriverConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DriverConfig({})", self.queue)
    }
}

/// Drives one worker's part.
pub struct Driver<H> {
    host: Arc<H>,
    config: DriverConfig,
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

impl<H: Host> Driver<H> {
    /// A driver that has read nothing yet.
    pub fn new(host: Arc<H>, config: DriverConfig) -> Self {
        let incarnation = host.member().incarnation();
        let (log, queue) = (Arc::clone(&config.control), config.queue.clone());
        Self {
            reader: Reader::new(log, queue, incarnation, config.copies.clone()),
            host,
            config,
            appending: None,
            answers: BTreeMap::new(),
            next_answer: 0,
            early: VecDeque::new(),
            refold: true,
            reachable: true,
            passed_over: 0,
        }
    }

    /// Takes part until told to leave.
    pub async fn run(mut self, mut asked: mpsc::Receiver<Asked>) {
        let heartbeat_ms = self.config.heartbeat_ms;
        let tick = Duration::from_millis((heartbeat_ms / TICKS_IN_HEARTBEAT).clamp(20, 250));
        let mut ticks = tokio::time::interval(tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = self.config.stopping.clone();
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
                        self.host.set_waiting_for(Some(error.to_string()));
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
                self.config.left.cancel();
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
                self.host.set_waiting_for(Some(error.to_string()));
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
            let mut member = self.host.member();
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
                    self.host.set_waiting_for(None);
                }
            }
            member.turn(&mut effects);
        }
        let left = effects.iter().any(|effect| matches!(effect, Effect::Left));
        effects.into_iter().for_each(|effect| self.carry_out(effect));
        self.host.stepped();
        left
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Append(records) => self.append(&records),
            Effect::Start { unit, epoch, generation } => {
                tracing::info!(%unit, epoch, "this worker runs it from now on");
                self.host.start(unit, epoch, generation);
            }
            Effect::Stop { unit, epoch } => {
                tracing::info!(%unit, epoch, "this worker stops it");
                self.host.stop(&unit, epoch);
            }
            Effect::Restart { unit, only_failed } => self.host.restart(&unit, only_failed),
            Effect::Target { name, state } => self.host.target(&name, state),
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
                    topic = %self.config.queue, offset, reason, count = self.passed_over,
                    "a record of the cluster topic is passed over"
                );
            }
            Effect::Refused(refusal) => {
                let reason = self.host.refused(refusal);
                tracing::error!(reason, "this worker takes no part");
                self.host.set_waiting_for(Some(reason));
            }
            Effect::Left => tracing::info!("this worker has left its cluster"),
        }
    }

    fn append(&mut self, records: &[Record]) {
        let records = records.iter().map(|record| record_of_all(None, Some(record.to_bytes())));
        let batch = QueueBatch { to: self.config.queue.clone(), records: records.collect() };
        let log = Arc::clone(&self.config.control);
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

impl<H> std::fmt::Debug for Driver<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Driver({})", self.config.queue)
    }
}
