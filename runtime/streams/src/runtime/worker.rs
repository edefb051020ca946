//! One thread: begins tasks, reads, processes, writes checkpoints.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gantry_coordination::{CommittedReader, Transaction};
use gantry_log::{Str, TopicPartition};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::TaskStatus;
use super::answering::answer;
use super::begin::{Begun, Claim, begin};
use super::checkpoint::{Telling, Writing};
use super::group::Group;
use super::job::{Job, Place};
use super::keeper::{Kept, blocking};
use super::outage::{Outage, RETRY};
use super::restore::Marker;
use super::threads::{Command, Receivers, Threads};
use crate::aside::SideTopics;
use crate::error::StreamsError;
use crate::settings::millis;
use crate::task::{Task, TaskSpec};
use crate::topology::assembly::Storage;

/// What a thread has.
pub(super) struct Worker {
    pub(super) job: Arc<Job>,
    pub(super) threads: Arc<Threads>,
    /// `None`: the instance is the only one.
    pub(super) group: Option<Arc<Group>>,
    pub(super) number: usize,
    pub(super) receivers: Receivers,
    pub(super) work: Work,
}

/// The tasks of a thread.
pub(super) struct Work {
    /// Tasks that wait to begin, or to begin again, and until when.
    pub(super) waiting: BTreeMap<Place, (Claim, Instant)>,
    beginning: JoinSet<(Claim, Result<Option<Begun>, StreamsError>)>,
    pub(super) tasks: Vec<Running>,
    /// Checkpoints that are on their way.
    pub(super) writing: Option<Writing>,
    /// Where the job is in its inputs, to be told to tools.
    pub(super) telling: Telling,
    pub(super) reader: CommittedReader,
    pub(super) reads: u64,
    /// Whether the log cannot be read.
    pub(super) outage: Outage,
}

/// One task, and what its thread keeps of it.
pub(super) struct Running {
    pub(super) place: Place,
    pub(super) task: Task,
    pub(super) claim: Claim,
    pub(super) transaction: Arc<Transaction>,
    pub(super) marker: Marker,
    /// Its state, where it is kept outside the log.
    pub(super) kept: Option<Kept>,
    pub(super) records: u64,
    pub(super) bad: u64,
    /// Microseconds that its checkpoints took, and the last one.
    pub(super) checkpoint_us: (u64, u64),
    /// The state on disk is of an earlier checkpoint.
    pub(super) unsaved: bool,
    /// Where each topic ended when it was last read.
    pub(super) ends: BTreeMap<Str, u64>,
}

impl Running {
    /// Whether nobody else can have it.
    pub(super) fn is_valid(&self) -> bool {
        self.claim.is_valid()
    }

    /// Its queues, and where it goes on in each.
    pub(super) fn positions(&self) -> impl Iterator<Item = (TopicPartition, u64)> {
        self.task.inputs().iter().map(|(topic, offset)| {
            (TopicPartition { topic: Str::clone(topic), partition: self.place.1 }, *offset)
        })
    }

    /// How it is.
    pub(super) fn status(&self) -> TaskStatus {
        let inputs = self.task.inputs();
        let watermark = Some(self.task.watermark_ms()).filter(|time| *time != i64::MIN);
        TaskStatus {
            sub_topology: self.place.0,
            queue: self.place.1,
            inputs: inputs.iter().map(|(topic, at)| (topic.to_string(), *at)).collect(),
            lag: self.lag(),
            records: self.records,
            late: self.task.late(),
            bad: self.bad,
            watermark_ms: watermark,
            watermark_lag_ms: watermark.map(|time| wall_clock_ms().saturating_sub(time)),
            cached_entries: self.task.cached(),
            checkpoints: self.marker.progress.number,
            checkpoint_time_us: self.checkpoint_us.0,
            checkpoint_last_us: self.checkpoint_us.1,
            operators: self.task.operators(),
        }
    }

    /// Records that it has not yet read, as of its last read.
    pub(super) fn lag(&self) -> u64 {
        let inputs = self.task.inputs().iter();
        let lag = inputs.map(|(topic, offset)| {
            self.ends.get(topic).map_or(0, |end| end.saturating_sub(*offset))
        });
        lag.sum()
    }
}

/// Longest wait for records, so that the wall clock is told and a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// The first task of a thread waits so long for the others before the thread reads: it would run ahead of
/// them in event time.
const BEGIN_TOGETHER: Duration = Duration::from_secs(1);
/// The least wait for records while a checkpoint is written behind which the next one is due.
const WAIT_WRITING: Duration = Duration::from_millis(5);
/// State goes to disk so often: a restart reads no more of the change log than this long wrote.
const SAVE_INTERVAL: Duration = Duration::from_secs(5);

impl Work {
    pub(super) fn new(job: &Job) -> Self {
        Self {
            waiting: BTreeMap::new(),
            beginning: JoinSet::new(),
            tasks: Vec::new(),
            writing: None,
            telling: Telling::default(),
            reader: CommittedReader::new(Arc::clone(&job.log), Arc::clone(&job.transactions)),
            reads: 0,
            outage: Outage::default(),
        }
    }
}

impl Worker {
    pub(super) fn run(mut self, runtime: &Handle) {
        // What tasks hold is gone with them: nothing of it was written.
        let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(self.work())));
        let result = result.unwrap_or_else(|panic| Err(panicked(&*panic)));
        if let Err(error) = result {
            tracing::error!(job = %self.job.plan.job, %error, "the job stops");
            self.job.shared.fail(error);
        }
        // What is on its way is there, or is not, before somebody else begins.
        runtime.block_on(self.let_go());
        let _runtime = runtime.enter();
        for claim in self.threads.ended(self.number) {
            claim.stop.cancel();
            self.group.iter().for_each(|group| group.stopped(&claim));
        }
    }

    async fn work(&mut self) -> Result<(), StreamsError> {
        let interval = self.job.settings.checkpoint_interval;
        let mut due = Instant::now() + interval;
        let mut save = Instant::now() + SAVE_INTERVAL;
        let mut together = None;
        while !self.job.shared.is_stopped() {
            self.obey().await?;
            self.settle_if_written().await?;
            let mut wait = due.saturating_duration_since(Instant::now()).min(WAIT_MAX);
            if self.work.writing.is_some() {
                wait = wait.max(WAIT_WRITING);
            }
            if self.work.tasks.is_empty() || self.waits_for_others(&mut together) {
                self.rest().await?;
                continue;
            }
            for (place, batches) in self.read(wait).await? {
                let done = self.process(place, batches);
                self.or_again(place, done).await?;
                self.answer_all();
            }
            let now = wall_clock_ms();
            let idle = self.job.settings.idle_time.map(millis);
            self.each_task(|task| task.wall_clock(now, idle)).await?;
            let full = self.work.tasks.iter().any(|running| running.task.is_full());
            // While one is written, the next one waits as long as there is room for it.
            if full || (Instant::now() >= due && self.work.writing.is_none()) {
                let saves = Instant::now() >= save;
                self.checkpoint(None, saves).await?;
                due = Instant::now() + interval;
                if saves {
                    save = Instant::now() + SAVE_INTERVAL;
                }
            }
        }
        self.each_task(Task::remove).await?;
        self.checkpoint(None, true).await?;
        self.settle().await?;
        self.all_told().await
    }

    /// Whether the first tasks wait for those that are about to begin.
    fn waits_for_others(&self, until: &mut Option<Instant>) -> bool {
        let Work { reads, beginning, waiting, .. } = &self.work;
        let others = !beginning.is_empty() || !waiting.is_empty();
        let now = Instant::now();
        *reads == 0 && others && now < *until.get_or_insert(now + BEGIN_TOGETHER)
    }

    /// Does what it is told, and begins what can begin.
    async fn obey(&mut self) -> Result<(), StreamsError> {
        while let Ok(command) = self.receivers.commands.try_recv() {
            self.carry_out(command).await?;
        }
        self.answer_all();
        let now = Instant::now();
        let ready =
            self.work.waiting.extract_if(.., |_, (claim, at)| *at <= now && claim.is_valid());
        for (_, (claim, _)) in ready.collect::<Vec<_>>() {
            self.work.beginning.spawn(begin_aside(Arc::clone(&self.job), claim));
        }
        while let Some(begun) = self.work.beginning.try_join_next() {
            let (claim, begun) = begun.map_err(|error| panicked(&*error.into_panic()))?;
            self.begun(claim, begun?)?;
        }
        Ok(())
    }

    /// Waits, as there is nothing to read.
    async fn rest(&mut self) -> Result<(), StreamsError> {
        let Receivers { commands, questions } = &mut self.receivers;
        let command = tokio::select! {
            command = commands.recv() => command,
            Some(asking) = questions.recv() => {
                answer(&self.work.tasks, asking);
                None
            }
            () = tokio::time::sleep(WAIT_MAX / 10) => None,
        };
        match command {
            Some(command) => self.carry_out(command).await,
            None => Ok(()),
        }
    }

    async fn carry_out(&mut self, command: Command) -> Result<(), StreamsError> {
        match command {
            Command::Start(claim) => {
                self.work.waiting.insert(claim.place, (claim, Instant::now()));
                Ok(())
            }
            Command::Stop(place) => self.stop(place).await,
        }
    }

    /// Ends a task with a last checkpoint, so that who has it next begins behind that.
    async fn stop(&mut self, place: Place) -> Result<(), StreamsError> {
        // Nothing of it may be on its way when somebody else begins it; by that, it may wait once more.
        self.settle().await?;
        if self.work.waiting.remove(&place).is_some() {
            self.gone(place);
        }
        // One that begins says so when it has ended.
        let Some(running) = self.work.tasks.iter_mut().find(|r| r.place == place) else {
            return Ok(());
        };
        if running.claim.is_valid() {
            let done = running.task.remove();
            self.or_again(place, done).await?;
            self.checkpoint(Some(place), true).await?;
            self.settle().await?;
        }
        if self.drop_task(place).is_some() || self.work.waiting.remove(&place).is_some() {
            self.gone(place);
        }
        Ok(())
    }

    /// A task runs here no more.
    pub(super) fn gone(&self, place: Place) {
        self.job.shared.status().remove(&place);
        self.job.shared.tasks().remove(&place);
        if let (Some(claim), Some(group)) = (self.threads.stopped(place), &self.group) {
            group.stopped(&claim);
        }
    }

    pub(super) fn drop_task(&mut self, place: Place) -> Option<Running> {
        let at = self.work.tasks.iter().position(|running| running.place == place)?;
        let running = self.work.tasks.swap_remove(at);
        for (queue, _) in running.positions() {
            self.work.reader.forget(&queue);
        }
        Some(running)
    }

    /// A task has its state and can go on.
    fn begun(&mut self, claim: Claim, begun: Option<Begun>) -> Result<(), StreamsError> {
        let place = claim.place;
        let Some(Begun { transaction, marker, kept, ends }) =
            begun.filter(|_| !claim.stop.is_cancelled())
        else {
            if self.group.is_none() {
                return Err(self.not_alone());
            }
            self.gone(place);
            return Ok(());
        };
        let Job { plan, settings, .. } = &*self.job;
        let storage = Storage {
            backend: kept.as_ref().map_or_else(|| Arc::clone(&self.job.backend), Kept::backend),
            first_store: plan.first_stores[place.0],
            entries_max: settings.cache_entries,
        };
        let spec = TaskSpec {
            graph: &plan.graph,
            sub: &plan.subs[place.0],
            queue: place.1,
            storage: &storage,
            queues: &plan.queues,
            aside: &SideTopics::new(settings),
            allowed_lateness_ms: millis(settings.allowed_lateness),
            changes: !settings.local_storage_only,
            wall_clock_ms: wall_clock_ms(),
        };
        let task = match Task::new(&spec, marker.progress.clone()) {
            Err(error) if error.is_retriable() => {
                tracing::warn!(job = %plan.job, task = ?place, %error, "a task cannot begin now");
                self.work.waiting.insert(place, (claim, Instant::now() + RETRY));
                return Ok(());
            }
            task => task?,
        };
        self.work.tasks.push(Running {
            place,
            task,
            claim,
            transaction: Arc::new(transaction),
            marker,
            unsaved: kept.as_ref().is_some_and(Kept::is_loading),
            kept,
            records: 0,
            bad: 0,
            checkpoint_us: (0, 0),
            ends,
        });
        Ok(())
    }

    pub(super) fn not_alone(&self) -> StreamsError {
        StreamsError::Topology {
            job: self.job.plan.job.to_string(),
            reason: "another instance of it runs on the same log, though this one was to be the only one: stop one of them, or set instances to Several in both".to_owned(),
        }
    }
}

/// Begins a task aside of the async runtime: what it reads it writes to disk. Not too many at a time, as
/// each needs further threads there.
async fn begin_aside(job: Arc<Job>, claim: Claim) -> (Claim, Result<Option<Begun>, StreamsError>) {
    // It is never closed.
    let _permit = job.begins.acquire().await;
    let (runtime, of_job, of_claim) = (Handle::current(), Arc::clone(&job), claim.clone());
    let begun = blocking(move || runtime.block_on(begin(&of_job, &of_claim))).await;
    (claim, begun)
}

/// A user's function panicked, or one of ours.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> StreamsError {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    StreamsError::Operator {
        operator: "a function of the topology".to_owned(),
        reason: format!("it panicked: {}", text.unwrap_or_default()),
    }
}

pub(super) fn wall_clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    millis(since)
}
