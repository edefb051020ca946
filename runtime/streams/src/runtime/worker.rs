//! One thread: reads, processes, writes checkpoints.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gantry_log::{
    FullLog, LogRecord, QueueBatch, QueueRecords, ReadLimits, RecordHeader, Str, TopicPartition,
};

use tokio::runtime::Handle;

use super::commit::{Due, commit};
use super::merge::next_run;
use super::plan::Plan;
use super::restore::{Marker, restore};
use super::{Shared, TaskStatus};
use crate::error::{DataError, StreamsError};
use crate::settings::{BadRecords, Settings, millis};
use crate::store::Backend;
use crate::task::{Task, TaskSpec};
use crate::topology::assembly::Storage;

/// What a thread has.
pub(super) struct Worker {
    pub(super) plan: Arc<Plan>,
    pub(super) log: Arc<dyn FullLog>,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) settings: Arc<Settings>,
    pub(super) shared: Arc<Shared>,
    pub(super) number: usize,
}

/// One task, and what its thread keeps of it.
struct Running {
    place: (usize, u32),
    task: Task,
    marker: Marker,
    records: u64,
    bad: u64,
    /// The state on disk is of an earlier checkpoint.
    unsaved: bool,
    /// Where each topic ended when it was last read.
    ends: BTreeMap<Str, u64>,
}

impl Running {
    /// Its queues, and where it goes on in each.
    fn positions(&self) -> impl Iterator<Item = (TopicPartition, u64)> {
        self.task.inputs().iter().map(|(topic, offset)| {
            (TopicPartition { topic: Str::clone(topic), partition: self.place.1 }, *offset)
        })
    }

    /// Records that it has not yet read, as of its last read.
    fn lag(&self) -> u64 {
        let inputs = self.task.inputs().iter();
        let lag = inputs.map(|(topic, offset)| {
            self.ends.get(topic).map_or(0, |end| end.saturating_sub(*offset))
        });
        lag.sum()
    }
}

/// The tasks without those that are further in event time than another one of their sub-topology
/// that has records waiting.
fn not_ahead(tasks: &[Running]) -> Vec<&Running> {
    let mut least = BTreeMap::new();
    for running in tasks.iter().filter(|running| running.lag() > 0) {
        let time = running.task.stream_time_ms();
        let least = least.entry(running.place.0).or_insert(time);
        *least = time.min(*least);
    }
    let keep = |running: &&Running| {
        let least = least.get(&running.place.0);
        least.is_none_or(|least| running.task.stream_time_ms() <= *least)
    };
    tasks.iter().filter(keep).collect()
}

/// Longest wait for records, so that the wall clock is told and a stop is seen.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// A log that cannot be reached is asked again so much later.
const RETRY: Duration = Duration::from_millis(200);
/// State goes to disk so often: a restart reads no more of the change log than this long wrote.
const SAVE_INTERVAL: Duration = Duration::from_secs(5);
/// Of so many reads one is of all queues, also of those that are ahead of others: one whose records
/// have old times may have some for long.
const READ_ALL_EVERY: u64 = 32;
/// Records that are read at once.
const RECORDS_AT_ONCE: usize = 20_000;

impl Worker {
    pub(super) fn run(self, runtime: &Handle) {
        // What tasks hold is gone with them: nothing of it was written.
        let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(self.work())));
        let result = result.unwrap_or_else(|panic| Err(panicked(&*panic)));
        if let Err(error) = result {
            tracing::error!(job = %self.plan.job, %error, "the job stops");
            self.shared.fail(error);
        }
    }

    async fn work(&self) -> Result<(), StreamsError> {
        let mut tasks = self.begin().await?;
        let mut queues = HashMap::new();
        for (at, running) in tasks.iter().enumerate() {
            queues.extend(running.positions().map(|(queue, _)| (queue, at)));
        }
        let mut due = Instant::now() + self.settings.checkpoint_interval;
        let mut save = Instant::now() + SAVE_INTERVAL;
        let mut reads = 0_u64;
        while !self.shared.stop.load(Ordering::Acquire) {
            let wait = due.saturating_duration_since(Instant::now()).min(WAIT_MAX);
            reads += 1;
            let all = reads.is_multiple_of(READ_ALL_EVERY);
            for (at, batches) in self.read(&tasks, &queues, wait, all).await? {
                self.process(&mut tasks[at], batches).await?;
            }
            let now = wall_clock_ms();
            let idle = self.settings.idle_time.map(millis);
            for running in &mut tasks {
                running.task.wall_clock(now, idle)?;
            }
            if Instant::now() >= due || tasks.iter().any(|running| running.task.is_full()) {
                let saves = Instant::now() >= save;
                self.checkpoint(&mut tasks, saves).await?;
                due = Instant::now() + self.settings.checkpoint_interval;
                if saves {
                    save = Instant::now() + SAVE_INTERVAL;
                }
            }
        }
        for running in &mut tasks {
            running.task.remove()?;
        }
        self.checkpoint(&mut tasks, true).await
    }

    /// The tasks of this thread, with their state.
    async fn begin(&self) -> Result<Vec<Running>, StreamsError> {
        let (plan, settings) = (&self.plan, &self.settings);
        let threads = settings.threads.min(plan.tasks.len()).max(1);
        let mut tasks = Vec::new();
        for place in plan.tasks.iter().copied().skip(self.number).step_by(threads) {
            let local = settings.local_storage_only;
            let marker =
                restore(plan, &*self.log, &*self.backend, place, local, wall_clock_ms()).await?;
            let storage = Storage {
                backend: Arc::clone(&self.backend),
                first_store: plan.first_stores[place.0],
                entries_max: settings.cache_entries,
            };
            let spec = TaskSpec {
                graph: &plan.graph,
                sub: &plan.subs[place.0],
                queue: place.1,
                storage: &storage,
                queues: &plan.queues,
                allowed_lateness_ms: millis(settings.allowed_lateness),
                changes: !local,
                wall_clock_ms: wall_clock_ms(),
            };
            let task = Task::new(&spec, marker.progress.clone())?;
            let (records, bad, unsaved, ends) = (0, 0, false, BTreeMap::new());
            tasks.push(Running { place, task, marker, records, bad, unsaved, ends });
        }
        Ok(tasks)
    }

    /// Reads what is next of the queues of all tasks; by task.
    async fn read(
        &self,
        tasks: &[Running],
        queues: &HashMap<TopicPartition, usize>,
        wait: Duration,
        all: bool,
    ) -> Result<BTreeMap<usize, Vec<QueueRecords>>, StreamsError> {
        let mut read: BTreeMap<usize, Vec<QueueRecords>> = BTreeMap::new();
        for batch in self.read_first(tasks, wait, all).await?.unwrap_or_default() {
            // Which topics share a task is decided by their queue's number, so there is one.
            if let Some(at) = queues.get(&batch.from) {
                read.entry(*at).or_default().push(batch);
            }
        }
        // A read may leave queues out. Of a task with several inputs each is asked for by itself
        // then: which record is the earliest is known only if none is missing.
        for (at, batches) in &mut read {
            for place in tasks[*at].positions() {
                if batches.iter().any(|batch| batch.from == place.0) {
                    continue;
                }
                let Some(more) = self.read_queues(&[place], Duration::ZERO).await? else {
                    batches.clear();
                    break;
                };
                batches.extend(more);
            }
        }
        Ok(read)
    }

    /// Tasks that are behind others in event time are read alone, as long as they have something: the
    /// log is fair by bytes, so that a queue with small records would run ahead, and what others
    /// shuffle would come late.
    async fn read_first(
        &self,
        tasks: &[Running],
        wait: Duration,
        all: bool,
    ) -> Result<Option<Vec<QueueRecords>>, StreamsError> {
        let behind = not_ahead(tasks);
        if !all && behind.len() < tasks.len() {
            let from: Vec<_> = behind.into_iter().flat_map(Running::positions).collect();
            let read = self.read_queues(&from, Duration::ZERO).await?;
            if read.as_ref().is_none_or(|read| !read.is_empty()) {
                return Ok(read);
            }
        }
        let from: Vec<_> = tasks.iter().flat_map(Running::positions).collect();
        self.read_queues(&from, wait).await
    }

    /// `None` if the log cannot be reached now.
    async fn read_queues(
        &self,
        from: &[(TopicPartition, u64)],
        wait: Duration,
    ) -> Result<Option<Vec<QueueRecords>>, StreamsError> {
        let limits =
            ReadLimits { max_bytes: self.settings.read_bytes, max_records: RECORDS_AT_ONCE, wait };
        match self.log.read(from, limits).await {
            Err(error) if error.is_retriable() => {
                tracing::warn!(job = %self.plan.job, %error, "records cannot be read now");
                tokio::time::sleep(RETRY).await;
                Ok(None)
            }
            read => Ok(Some(read?)),
        }
    }

    /// Gives a task what was read of its queues, in the order of time.
    async fn process(
        &self,
        running: &mut Running,
        mut batches: Vec<QueueRecords>,
    ) -> Result<(), StreamsError> {
        batches.sort_by(|one, other| one.from.cmp(&other.from));
        for batch in &batches {
            running.ends.insert(Str::clone(&batch.from.topic), batch.end);
        }
        let mut rests: Vec<_> = batches.iter().map(|batch| &batch.records[..]).collect();
        while let Some((at, run)) = next_run(&rests) {
            let (run, rest) = rests[at].split_at(run);
            rests[at] = rest;
            self.take(running, &batches[at].from, run).await?;
            // The others wait for what this one has still in the log: they are read once more.
            if rest.is_empty() && batches[at].next < batches[at].end {
                break;
            }
        }
        for (batch, _) in batches.iter().zip(rests).filter(|(_, rest)| rest.is_empty()) {
            running.task.advance_to(&batch.from.topic, batch.next);
        }
        Ok(())
    }

    /// Gives a task records of one queue.
    async fn take(
        &self,
        running: &mut Running,
        from: &TopicPartition,
        mut rest: &[(u64, LogRecord)],
    ) -> Result<(), StreamsError> {
        running.records += rest.len() as u64;
        while let Some((offset, reason)) = running.task.process(&from.topic, rest.iter())? {
            let at = rest.partition_point(|(known, _)| *known <= offset);
            running.bad += 1;
            self.bad_record(from, &rest[at - 1], reason).await?;
            rest = &rest[at..];
        }
        Ok(())
    }

    async fn bad_record(
        &self,
        from: &TopicPartition,
        (offset, record): &(u64, LogRecord),
        reason: DataError,
    ) -> Result<(), StreamsError> {
        let (topic, queue) = (from.topic.to_string(), from.partition);
        let fault = StreamsError::BadRecord { topic, queue, offset: *offset, reason };
        match &self.settings.bad_records {
            BadRecords::Stop => Err(fault),
            BadRecords::Skip => {
                tracing::warn!(job = %self.plan.job, %fault, "a record is passed over");
                Ok(())
            }
            BadRecords::DeadLetter(to) => {
                let mut record = record.clone();
                let header = |key: &str, value: String| RecordHeader {
                    key: Str::from(key),
                    value: Some(value.into_bytes().into()),
                };
                record.headers.push(header("gantry.streams.topic", from.topic.to_string()));
                record.headers.push(header("gantry.streams.queue", from.partition.to_string()));
                record.headers.push(header("gantry.streams.offset", offset.to_string()));
                record.headers.push(header("gantry.streams.error", fault.to_string()));
                let to = TopicPartition { topic: Str::from(&**to), partition: 0 };
                self.log.append(vec![QueueBatch { to, records: vec![record] }]).await?.await?;
                Ok(())
            }
        }
    }

    async fn checkpoint(&self, tasks: &mut [Running], save: bool) -> Result<(), StreamsError> {
        let mut due = Vec::new();
        let mut group = BTreeMap::new();
        let due_now = |running: &&mut Running| running.task.is_dirty() || (save && running.unsaved);
        for running in tasks.iter_mut().filter(due_now) {
            let written = running.task.checkpoint(save)?;
            running.unsaved = written.batch.is_none();
            for (topic, offset) in &written.progress.inputs {
                let topic = Str::clone(topic);
                let queue = TopicPartition { topic, partition: running.place.1 };
                group.insert(queue, Some(*offset));
            }
            due.push(Due { task: running.place, written, marker: &mut running.marker });
        }
        if !due.is_empty() {
            commit(&self.plan, &*self.log, &*self.backend, due, wall_clock_ms()).await?;
            // For tools: the job itself goes on from its checkpoints.
            match self.log.commit(&self.plan.job, &group).await {
                Err(error) if !error.is_retriable() => return Err(error.into()),
                _ => {}
            }
        }
        self.tell(tasks);
        Ok(())
    }

    fn tell(&self, tasks: &[Running]) {
        let mut status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        for running in tasks {
            let inputs = running.task.inputs();
            let watermark = running.task.watermark_ms();
            status.insert(
                running.place,
                TaskStatus {
                    sub_topology: running.place.0,
                    queue: running.place.1,
                    inputs: inputs.iter().map(|(topic, at)| (topic.to_string(), *at)).collect(),
                    lag: running.lag(),
                    records: running.records,
                    late: running.task.late(),
                    bad: running.bad,
                    watermark_ms: (watermark != i64::MIN).then_some(watermark),
                    cached_entries: running.task.cached(),
                    checkpoints: running.marker.progress.number,
                },
            );
        }
    }
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

fn wall_clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    millis(since)
}
