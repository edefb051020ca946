//! A sink task: read → converters → transformations → put → pre-commit → commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_api::{
    ErrantRecord, Error, Result, SinkLog, SinkOffset, SinkOffsets, SinkRecord, SinkTask,
    SinkTaskContext, Str, TimestampType,
};
use gantry_coordination::{CommitError, Isolation, take_mark};
use gantry_log::{FullLog, LogError, LogRecord, QueueRecords, ReadLimits, TopicPartition};
use tokio::sync::watch;

use super::errors::{Consumed, ErrorHandler};
use super::queues::shares;
use super::read_ahead::ReadAhead;
use super::sink_log::TaskLog;
use super::stages::{Failure, Stage, Stages};
use super::supervisor::TaskEnv;
use super::topics::TopicTracker;
use crate::config::WorkerConfig;
use crate::connector_config::ConnectorConfig;
use crate::entities::{TargetState, UnitState};
use crate::metrics::TaskMetrics;
use crate::offsets::{OffsetStore, sink_group, sink_partition};

/// Bytes read at once.
const READ_BYTES_MAX: usize = 1 << 20;
/// Records read at once where `max.poll.records` does not say.
const READ_RECORDS_MAX: usize = 8_192;
/// Whose failure a record is that a sink task has reported: in Kafka Connect no task says its own
/// class here.
const SINK_TASK: &str = "org.apache.kafka.connect.sink.SinkTask";
/// The longest wait for records before the task gets an empty put.
const READ_WAIT_MS: u64 = 500;
/// The wait for a queue that another task of the connector has still to release.
const HANDOVER_WAIT_MS: u64 = 20;
/// The wait before a failed put is tried again, unless the task sets another.
const PUT_RETRY_WAIT_MS: u64 = 3_000;

/// Where to begin in a queue that has no committed offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reset {
    Earliest,
    Latest,
    None,
}

pub(super) struct SinkWorker<'a> {
    env: &'a Arc<TaskEnv>,
    task: Box<dyn SinkTask>,
    context: SinkTaskContext,
    /// What the task uses of the log itself.
    task_log: Arc<TaskLog>,
    stages: Stages,
    errors: ErrorHandler,
    tracker: TopicTracker,
    /// Where to read on in each queue that is this task's.
    positions: Vec<(TopicPartition, u64)>,
    ahead: ReadAhead,
    isolation: Isolation,
    /// Queues that the task does not want for now.
    paused: BTreeSet<TopicPartition>,
    /// After the last record put of each queue.
    written: SinkOffsets,
    committed: SinkOffsets,
    /// Where each queue was begun: to go back to when nothing was committed since.
    begun: BTreeMap<TopicPartition, u64>,
    /// Queues that are this task's but still another's: asked for again at each turn.
    awaits_queues: bool,
    /// Topics that were warned of because they are not there.
    missing: BTreeSet<String>,
    /// The queues of each task, as they were dealt last.
    dealt: Vec<BTreeSet<TopicPartition>>,
    topics: watch::Receiver<u64>,
    reset: Reset,
    group: String,
    limits: ReadLimits,
    commit_due: Instant,
    /// How long the task wants to wait at most for its next put.
    asked_wait_ms: Option<u64>,
    /// The raw form of the batch being put, kept for the dead letter queue.
    raw: HashMap<(TopicPartition, u64), LogRecord>,
}

impl Drop for SinkWorker<'_> {
    /// However the task ends, another may have its queues.
    fn drop(&mut self) {
        self.task_log.close();
        self.env.queues.release_all(self.env.id.task);
    }
}

impl<'a> SinkWorker<'a> {
    pub(super) fn new(
        env: &'a Arc<TaskEnv>,
        task: Box<dyn SinkTask>,
        stages: Stages,
    ) -> Result<Self> {
        let errors = ErrorHandler::new(env);
        let client = |key: &str| {
            env.props
                .get(&format!("consumer.override.{key}"))
                .or_else(|| env.worker.props.get(&format!("consumer.{key}")))
                .map(|value| value.trim().to_owned())
        };
        let max_records = client("max.poll.records").and_then(|n| n.parse().ok());
        let limits = ReadLimits {
            max_bytes: READ_BYTES_MAX,
            max_records: max_records.unwrap_or(READ_RECORDS_MAX),
            wait: Duration::from_millis(READ_WAIT_MS),
        };
        let reset = match client("auto.offset.reset").as_deref() {
            Some("latest") => Reset::Latest,
            Some("none") => Reset::None,
            _ => Reset::Earliest,
        };
        let transactions = match client("isolation.level").as_deref() {
            None | Some("read_uncommitted") => None,
            Some("read_committed") => Some(Arc::clone(&env.offsets.transactions)),
            Some(other) => {
                return Err(Error::config(format!(
                    "Invalid value {other} for configuration isolation.level: String must be one \
                     of: read_committed, read_uncommitted"
                )));
            }
        };
        let group = sink_group(&env.connector, &env.props, &env.worker.props);
        let task_log = Arc::new(TaskLog::new(env, group.clone()));
        let context =
            SinkTaskContext::new(Str::clone(&env.connector), env.id.task, env.cancel.clone())
                .with_epoch(env.offsets.epoch())
                .with_isolation(env.config.isolation.clone())
                .with_errant(env.config.dlq_topic.is_some() || env.config.log_errors)
                .with_log(Arc::clone(&task_log) as Arc<dyn SinkLog>);
        Ok(Self {
            task,
            context,
            task_log,
            stages,
            errors,
            tracker: TopicTracker::new(env.active_topics.clone()),
            positions: Vec::new(),
            ahead: ReadAhead::new(Arc::clone(&env.log)),
            isolation: Isolation::new(transactions),
            paused: BTreeSet::new(),
            written: SinkOffsets::new(),
            committed: SinkOffsets::new(),
            begun: BTreeMap::new(),
            awaits_queues: false,
            missing: BTreeSet::new(),
            dealt: Vec::new(),
            // From before the first look at the topics on, so that none is missed.
            topics: env.log.topic_changes(),
            reset,
            group,
            limits,
            commit_due: Instant::now(),
            asked_wait_ms: None,
            raw: HashMap::new(),
            env,
        })
    }

    /// Runs until cancelled or failed. What was put is flushed and committed when cancelled;
    /// `stop` is called always.
    pub(super) async fn run(&mut self) -> Result<()> {
        let result = match self.start().await {
            Ok(()) => self.work().await,
            Err(error) => Err(error),
        };
        // Also after a failure: what was put before it need not be put again.
        let mut closed = self.commit().await;
        let queues: Vec<_> = self.positions.iter().map(|(queue, _)| queue.clone()).collect();
        if !queues.is_empty() {
            closed = closed.and(self.task.close(&queues).await);
        }
        let stopped = self.task.stop().await;
        let result = result.map_err(|error| self.task_log.explain(error));
        result.and(closed).and(stopped)
    }

    async fn start(&mut self) -> Result<()> {
        self.errors.start().await?;
        settle_offsets(self.env).await?;
        self.task.start(self.context.clone(), &self.env.props).await?;
        self.assign().await?;
        self.schedule_commit();
        Ok(())
    }

    fn schedule_commit(&mut self) {
        let interval_ms = self.env.worker.offset_flush_interval_ms.max(1);
        self.commit_due = Instant::now() + Duration::from_millis(interval_ms);
    }

    async fn work(&mut self) -> Result<()> {
        let mut target = self.env.target.clone();
        let mut topics = self.topics.clone();
        loop {
            // A topic that always has records must leave room for the neighbours.
            tokio::task::consume_budget().await;
            if *target.borrow_and_update() == TargetState::Paused {
                if !self.pause(&mut target).await? {
                    return Ok(());
                }
                continue;
            }
            self.env.set_state(UnitState::Running);
            if self.awaits_queues {
                self.assign().await?;
            }
            // Asked for while the task started, opened queues or took records.
            self.requests().await?;
            let usual_ms = if self.awaits_queues { HANDOVER_WAIT_MS } else { READ_WAIT_MS };
            let longest_ms = self.asked_wait_ms.map_or(usual_ms, |ms| ms.min(usual_ms));
            let wait = Duration::from_millis(longest_ms)
                .min(self.commit_due.saturating_duration_since(Instant::now()));
            let active = self.active_positions();
            let limits = ReadLimits { wait, ..self.limits };
            let batches = tokio::select! {
                biased;
                () = self.env.cancel.cancelled() => return Ok(()),
                _ = target.changed() => continue,
                changed = topics.changed() => {
                    if changed.is_ok() {
                        self.assign().await?;
                    }
                    continue;
                }
                () = self.isolation.changed(), if self.isolation.waits() => {
                    self.isolation.look_again(&self.paused).await
                }
                read = self.ahead.read(&active, limits) => match read {
                    Ok(batches) => self.isolation.sift(batches).await,
                    Err(error) => {
                        self.read_failed(error).await?;
                        continue;
                    }
                },
            };
            self.deliver(batches).await?;
            if Instant::now() >= self.commit_due {
                self.commit().await?;
            }
        }
    }

    fn active_positions(&self) -> Vec<(TopicPartition, u64)> {
        if self.paused.is_empty() && !self.isolation.waits() {
            return self.positions.clone();
        }
        let active = self
            .positions
            .iter()
            .filter(|(queue, _)| !self.paused.contains(queue) && !self.isolation.holds(queue));
        active.cloned().collect()
    }

    /// Finds the queues that are this task's. When they are dealt anew, all of the task's are
    /// closed and those that it has now are opened, as in Kafka Connect: some sinks count the
    /// queues of all tasks, or drop what they hold of all queues when they lose one.
    async fn assign(&mut self) -> Result<()> {
        let TaskEnv { log, config, worker, .. } = &**self.env;
        let topics = match wanted_topics(&**log, config, worker).await {
            Ok(topics) => topics,
            Err(error) if error.is_retriable() => {
                tracing::warn!(task = %self.env.id, %error, "cannot see the topics now; trying again");
                self.awaits_queues = true;
                tokio::time::sleep(Duration::from_millis(READ_WAIT_MS)).await;
                return Ok(());
            }
            Err(error) => return Err(unreadable(&error)),
        };
        self.warn_of_missing(&topics);
        let dealt = shares(queues_of(&topics), self.env.assigned.as_deref(), self.env.tasks);
        let mine = dealt.get(self.env.id.task as usize).cloned().unwrap_or_default();
        if self.dealt != dealt && !self.positions.is_empty() {
            self.close_all(&mine).await?;
        }
        self.dealt = dealt;
        let new: Vec<TopicPartition> = mine
            .into_iter()
            .filter(|queue| !self.positions.iter().any(|(known, _)| known == queue))
            .collect();
        let (ours, others): (Vec<_>, Vec<_>) =
            new.into_iter().partition(|queue| self.env.queues.claim(queue, self.env.id.task));
        self.awaits_queues = !others.is_empty();
        if !ours.is_empty() {
            self.open(ours).await?;
        }
        Ok(())
    }

    /// Closes all queues; gives those back that are not the task's any more.
    async fn close_all(&mut self, mine: &BTreeSet<TopicPartition>) -> Result<()> {
        self.commit().await?;
        let positions = std::mem::take(&mut self.positions);
        let all: Vec<TopicPartition> = positions.into_iter().map(|(queue, _)| queue).collect();
        self.task.close(&all).await?;
        // What it asked for of queues that it has no more.
        self.requests().await?;
        self.written.clear();
        all.iter().for_each(|queue| self.isolation.forget(queue));
        let gone: Vec<_> = all.into_iter().filter(|queue| !mine.contains(queue)).collect();
        for queue in &gone {
            self.committed.remove(queue);
            self.begun.remove(queue);
            self.paused.remove(queue);
        }
        self.forget_deleted(&gone).await?;
        self.env.queues.release(&gone);
        Ok(())
    }

    async fn open(&mut self, new: Vec<TopicPartition>) -> Result<()> {
        let stored = self.env.offsets.sink_offsets();
        let failed = |error: LogError| unreadable(&error);
        let in_group = self.env.log.committed(&self.group, &new).await.map_err(failed)?;
        let mut opened = Vec::with_capacity(new.len());
        for queue in new {
            let committed = stored
                .get(&queue)
                .cloned()
                .or_else(|| in_group.get(&queue).map(|&offset| SinkOffset::new(offset)));
            let range = self.env.log.range(&queue).await.map_err(failed)?;
            let position = match &committed {
                Some(at) if (range.earliest..=range.next).contains(&at.offset) => at.offset,
                // A broker that was killed lost its last records: what comes next is new.
                Some(at) if at.offset > range.next && !self.env.atomic => {
                    tracing::warn!(
                        task = %self.env.id, %queue, committed = at.offset, next = range.next,
                        "the log ends before the committed offset; going on at its end"
                    );
                    range.next
                }
                Some(at) => {
                    tracing::warn!(
                        task = %self.env.id, %queue, committed = at.offset,
                        earliest = range.earliest, next = range.next,
                        "the committed offset is no longer in the log; auto.offset.reset decides"
                    );
                    self.reset_position(&queue, range.earliest, range.next)?
                }
                // Opened anew before anything of it was committed.
                None => match self.begun.get(&queue) {
                    Some(at) if (range.earliest..=range.next).contains(at) => *at,
                    _ => self.reset_position(&queue, range.earliest, range.next)?,
                },
            };
            self.positions.push((queue.clone(), position));
            self.begun.insert(queue.clone(), position);
            opened.push((queue, committed));
        }
        self.task.open(&opened).await
    }

    /// Says once of each named topic that it is not there: its name may be misspelt.
    fn warn_of_missing(&mut self, topics: &BTreeMap<Str, u32>) {
        for name in &self.env.config.topics {
            if !topics.contains_key(name.as_str()) && self.missing.insert(name.clone()) {
                tracing::warn!(task = %self.env.id, topic = %name, "the topic is not there; waiting for it");
            }
        }
    }

    /// A topic that is made again under the same name begins at its start, so the offsets of a
    /// deleted one go with it.
    async fn forget_deleted(&mut self, gone: &[TopicPartition]) -> Result<()> {
        let mut changes = Vec::new();
        for queue in gone {
            let topic = self.env.log.topic(&queue.topic).await.map_err(|e| unreadable(&e))?;
            if topic.is_none() {
                changes.push((sink_partition(queue), None));
            }
        }
        let stored = self.env.commit(changes).await;
        stored.map_err(|error| Error::retriable(error.to_string()))
    }

    fn reset_position(&self, queue: &TopicPartition, earliest: u64, next: u64) -> Result<u64> {
        match self.reset {
            Reset::Earliest => Ok(earliest),
            Reset::Latest => Ok(next),
            Reset::None => Err(Error::connect(format!(
                "No committed offset for {queue} and consumer.override.auto.offset.reset is \
                 none: set it to earliest or latest, or set an offset for the connector"
            ))),
        }
    }

    async fn read_failed(&mut self, error: LogError) -> Result<()> {
        match error {
            LogError::OutOfRange { queue, wanted, range } if wanted > range.next => {
                tracing::warn!(
                    task = %self.env.id, %queue, wanted, next = range.next,
                    "the log has lost its last records; going on at its end"
                );
                self.seek(&queue, range.next);
                Ok(())
            }
            LogError::OutOfRange { queue, wanted, range } => {
                tracing::warn!(
                    task = %self.env.id, %queue, wanted, earliest = range.earliest,
                    next = range.next,
                    "records were removed by retention before they were read"
                );
                let position = self.reset_position(&queue, range.earliest, range.next)?;
                self.seek(&queue, position);
                Ok(())
            }
            LogError::Unknown(_) => self.assign().await,
            error if error.is_retriable() => {
                tracing::warn!(task = %self.env.id, %error, "could not read; trying again");
                tokio::time::sleep(Duration::from_millis(READ_WAIT_MS)).await;
                Ok(())
            }
            error => Err(unreadable(&error)),
        }
    }

    fn seek(&mut self, queue: &TopicPartition, position: u64) {
        if let Some((_, at)) = self.positions.iter_mut().find(|(known, _)| known == queue) {
            *at = position;
        }
    }

    /// Converts and puts what was read.
    async fn deliver(&mut self, batches: Vec<QueueRecords>) -> Result<()> {
        let begun = Instant::now();
        let total: usize = batches.iter().map(|batch| batch.records.len()).sum();
        let mut records = Vec::with_capacity(total);
        let mut reached = Vec::with_capacity(batches.len());
        let mut bytes = 0;
        let mut lag = 0;
        self.raw.clear();
        self.read_ahead(&batches);
        for batch in batches {
            self.tracker.used(&batch.from.topic);
            lag += batch.end.saturating_sub(batch.next);
            for (offset, record) in batch.records {
                bytes += record.size();
                self.convert(&batch.from, offset, record, &mut records).await?;
            }
            reached.push((batch.from, batch.next));
        }
        TaskMetrics::add(&self.env.metrics.records_in, total as u64);
        TaskMetrics::add(&self.env.metrics.bytes, bytes as u64);
        TaskMetrics::set(&self.env.metrics.queue_bytes, bytes as u64);
        self.asked_wait_ms = None;
        self.put(&records).await?;
        TaskMetrics::set(&self.env.metrics.queue_bytes, 0);
        TaskMetrics::set(&self.env.metrics.lag_records, lag);
        TaskMetrics::add(&self.env.metrics.records_out, records.len() as u64);
        if total > 0 {
            self.env.metrics.batch(begun.elapsed());
        }
        for (queue, next) in reached {
            self.seek(&queue, next);
            self.written.insert(queue, SinkOffset::new(next));
        }
        self.ahead.leave(records);
        Ok(())
    }

    /// Has read what comes behind these, if there is more.
    fn read_ahead(&mut self, batches: &[QueueRecords]) {
        if batches.iter().all(|batch| batch.next >= batch.end) {
            return;
        }
        let mut positions = self.active_positions();
        for (queue, at) in &mut positions {
            if let Some(batch) = batches.iter().find(|batch| batch.from == *queue) {
                *at = batch.next;
            }
        }
        self.ahead.begin(positions, self.limits);
    }

    /// Converts and transforms one record; what fails goes the way of `errors.*`.
    async fn convert(
        &mut self,
        queue: &TopicPartition,
        offset: u64,
        record: LogRecord,
        records: &mut Vec<SinkRecord>,
    ) -> Result<()> {
        // The clock is asked only once something has failed.
        let mut begun = None;
        let mut attempt = 0;
        loop {
            match self.stages.decode(queue, offset, &record, &mut ()) {
                Ok(Some(converted)) => {
                    records.push(SinkRecord {
                        record: converted,
                        origin: queue.clone(),
                        offset,
                        timestamp_type: TimestampType::CreateTime,
                    });
                    if self.errors.has_dlq() {
                        self.raw.insert((queue.clone(), offset), record);
                    }
                    return Ok(());
                }
                Ok(None) => {
                    TaskMetrics::add(&self.env.metrics.records_filtered, 1);
                    return Ok(());
                }
                Err(failure) => {
                    attempt += 1;
                    let elapsed = begun.get_or_insert_with(Instant::now).elapsed();
                    if self.errors.may_retry(&failure.error, attempt, elapsed).await {
                        continue;
                    }
                    let consumed = Consumed { queue, offset };
                    return self.errors.failed(failure, Some(consumed), Some(record)).await;
                }
            }
        }
    }

    /// Puts a batch, again and again while the task says that this may help.
    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        loop {
            self.env.check_lease()?;
            let error = match self.task.put(records).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            TaskMetrics::add(&self.env.metrics.errors, 1);
            if !error.is_retriable() {
                // What it has reported is reported: a task that keeps its own offsets is past those records.
                let errant = self.context.take_errant();
                self.report(errant).await?;
                self.errors.flush().await?;
                return Err(Error::connect(
                    "Exiting WorkerSinkTask due to unrecoverable exception.",
                )
                .caused_by(error));
            }
            TaskMetrics::add(&self.env.metrics.retries, 1);
            let wait_ms = self.context.take_timeout_ms().unwrap_or(PUT_RETRY_WAIT_MS);
            tracing::warn!(task = %self.env.id, %error, wait_ms, "put failed; trying again");
            tokio::select! {
                () = self.env.cancel.cancelled() => {
                    return Err(Error::connect("stopped while a batch could not be put")
                        .caused_by(error));
                }
                () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
            }
        }
    }

    /// Does what the task has asked for.
    async fn requests(&mut self) -> Result<()> {
        let requests = self.context.take_requests();
        self.report(requests.errant).await?;
        if requests.timeout_ms.is_some() {
            self.asked_wait_ms = requests.timeout_ms;
        }
        for (queue, offset) in requests.rewind {
            self.isolation.forget(&queue);
            self.seek(&queue, offset);
            // From here on it goes back to there, as in Kafka Connect, until more is committed.
            self.begun.insert(queue.clone(), offset);
            self.committed.remove(&queue);
            self.task_log.forget(&queue);
            self.written.insert(queue, SinkOffset::new(offset));
        }
        self.paused.extend(requests.pause);
        for queue in requests.resume {
            self.paused.remove(&queue);
        }
        if requests.commit {
            self.commit().await?;
            // A task that waits for its commit shall not wait for the next records too.
            self.put(&[]).await?;
        }
        Ok(())
    }

    /// Reports records that the task could not deliver.
    async fn report(&mut self, errants: Vec<ErrantRecord>) -> Result<()> {
        for ErrantRecord { record, error } in errants {
            let (queue, offset) = (record.origin, record.offset);
            let raw = match self.raw.remove(&(queue.clone(), offset)) {
                // Reported later than it was put.
                None if self.errors.has_dlq() => Some(read_one(self.env, &queue, offset).await?),
                raw => raw,
            };
            let failure = Failure { stage: Stage::TaskPut, class: SINK_TASK.to_owned(), error };
            let consumed = Consumed { queue: &queue, offset };
            self.errors.failed(failure, Some(consumed), raw).await?;
        }
        Ok(())
    }

    /// Goes back to what is committed, as Kafka Connect does when a task cannot say what is safe.
    fn rewind(&mut self) {
        for (queue, position) in &mut self.positions {
            self.isolation.forget(queue);
            let committed = self.committed.get(queue).map(|at| at.offset);
            // Also what the task has committed itself.
            let committed = committed.max(self.task_log.committed_here(queue));
            if let Some(at) = committed.or_else(|| self.begun.get(queue).copied()) {
                *position = at;
            }
        }
        self.written.clear();
    }

    /// Flushes the task and commits what it says is safe.
    async fn commit(&mut self) -> Result<()> {
        self.schedule_commit();
        if self.written.is_empty() {
            return Ok(());
        }
        self.env.check_lease()?;
        let begun = Instant::now();
        let safe = match self.task.pre_commit(&self.written).await {
            Ok(safe) => safe,
            Err(error) => {
                TaskMetrics::add(&self.env.metrics.offset_commit_failures, 1);
                if self.env.cancel.is_cancelled() {
                    return Err(error);
                }
                tracing::error!(task = %self.env.id, %error, "commit failed; reading again from the last committed offsets");
                self.rewind();
                return Ok(());
            }
        };
        // What the task reported meanwhile is in the dead letter queue before an offset passes it.
        let errant = self.context.take_errant();
        self.report(errant).await?;
        self.errors.flush().await?;
        let changed: SinkOffsets = safe
            .into_iter()
            .filter(|(queue, offset)| {
                let limit = self.written.get(queue).map_or(0, |written| written.offset);
                offset.offset <= limit && self.committed.get(queue) != Some(offset)
            })
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        let changes = OffsetStore::sink_changes(&changed);
        let group = changed.iter().map(|(queue, at)| (queue.clone(), Some(at.offset))).collect();
        let stored = match self.env.commit(changes).await {
            // Tools look at the group; the offset topic is what a task starts from.
            Ok(()) => self.env.log.commit(&self.group, &group).await.map_err(CommitError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            TaskMetrics::add(&self.env.metrics.offset_commit_failures, 1);
            tracing::error!(task = %self.env.id, %error, "could not commit offsets; trying again at the next interval");
            return Ok(());
        }
        self.committed.extend(changed);
        TaskMetrics::add(&self.env.metrics.offset_commits, 1);
        let elapsed = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        TaskMetrics::add(&self.env.metrics.offset_commit_time_us, elapsed);
        Ok(())
    }

    /// Waits while paused; false when cancelled.
    async fn pause(&mut self, target: &mut watch::Receiver<TargetState>) -> Result<bool> {
        self.commit().await?;
        self.env.set_state(UnitState::Paused);
        loop {
            tokio::select! {
                () = self.env.cancel.cancelled() => return Ok(false),
                changed = target.changed() => {
                    if changed.is_err() {
                        return Ok(false);
                    }
                    if *target.borrow() != TargetState::Paused {
                        return Ok(true);
                    }
                }
            }
        }
    }
}

/// The topics to read that are there, with their queues, sorted. Topics named one by one are
/// looked up one by one: with many connectors, a list of all for each would be quadratic.
pub(crate) async fn wanted_topics(
    log: &dyn FullLog,
    config: &ConnectorConfig,
    worker: &WorkerConfig,
) -> Result<BTreeMap<Str, u32>, LogError> {
    let mut wanted = BTreeMap::new();
    if let Some(pattern) = &config.topics_regex {
        let all = log.topics().await?;
        let matching = all
            .into_iter()
            .filter(|(name, _)| pattern.matches(name) && worker.own_topic(name).is_none());
        wanted.extend(matching.map(|(name, info)| (name, info.spec.queues)));
        return Ok(wanted);
    }
    for name in &config.topics {
        if let Some(info) = log.topic(name).await? {
            wanted.insert(name.as_str().into(), info.spec.queues);
        }
    }
    Ok(wanted)
}

/// All queues of topics, in order.
pub(super) fn queues_of(topics: &BTreeMap<Str, u32>) -> impl Iterator<Item = TopicPartition> {
    topics.iter().flat_map(|(name, queues)| {
        (0..*queues).map(|queue| TopicPartition::new(Str::clone(name), queue))
    })
}

/// Knows what former runs have committed: the last one may have been given up while a write of
/// its was on its way.
async fn settle_offsets(env: &TaskEnv) -> Result<()> {
    let offsets = &env.offsets;
    loop {
        let settled = match offsets.has_begun() {
            true => offsets.end().await,
            false => offsets.catch_up().await,
        };
        match settled {
            Ok(()) => return Ok(()),
            Err(error) if error.is_retriable() => {
                tracing::warn!(task = %env.id, %error, "cannot see the offsets now; trying again");
            }
            Err(error) => return Err(unreadable(&error)),
        }
        tokio::select! {
            () = env.cancel.cancelled() => return Ok(()),
            () = tokio::time::sleep(Duration::from_millis(READ_WAIT_MS)) => {}
        }
    }
}

/// One record in its raw form.
async fn read_one(env: &TaskEnv, queue: &TopicPartition, offset: u64) -> Result<LogRecord> {
    let limits = ReadLimits { max_bytes: 1, max_records: 1, wait: Duration::ZERO };
    let read = env.log.read(&[(queue.clone(), offset)], limits).await;
    let found = read.map_err(|error| unreadable(&error))?.into_iter().next();
    let record = found.and_then(|batch| batch.records.into_iter().next());
    match record {
        Some((at, mut record)) if at == offset => {
            take_mark(&mut record);
            Ok(record)
        }
        _ => Err(Error::connect(format!(
            "Offset {offset} of {queue} was reported as failed, but is no longer in the log: it \
             cannot be written to the dead letter queue"
        ))),
    }
}

pub(super) fn unreadable(error: &LogError) -> Error {
    let text = format!("Could not read from the log: {error}");
    if error.is_retriable() { Error::retriable(text) } else { Error::connect(text) }
}
