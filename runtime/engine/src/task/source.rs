//! A source task: poll → transformations → converters → append → acknowledgement in order →
//! offsets. Many batches are in flight, bounded by bytes.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_api::{
    Boundary, ConnectRecord, Error, Result, SourceOffset, SourcePartition, SourceRecord,
    SourceTask, SourceTaskContext, Str,
};
use gantry_log::{LogRecord, QueueBatch, Session, TopicPartition, queue_of_key};
use tokio::time::MissedTickBehavior;

use super::acknowledgements::{Acknowledgements, Covered, changes, uncommitted, unwritable};
use super::errors::ErrorHandler;
use super::stages::{Encoded, Failure, Stages};
use super::supervisor::TaskEnv;
use super::topics::{TopicCreator, TopicTracker};
use crate::connector_config::TransactionBoundary;
use crate::entities::{TargetState, UnitState};
use crate::metrics::TaskMetrics;

/// The wait after a poll that gave nothing.
const IDLE_WAIT_MS: u64 = 10;
/// The wait after a poll that failed with an error worth trying again.
const POLL_RETRY_WAIT_MS: u64 = 1_000;

/// What the next write will hold.
#[derive(Default)]
struct Pending {
    batches: Vec<QueueBatch>,
    polled: u64,
    records: u64,
    bytes: usize,
    offsets: Vec<(SourcePartition, SourceOffset)>,
}

impl Pending {
    fn note_offset(&mut self, partition: SourcePartition, offset: SourceOffset) {
        // One partition after the other is the rule: look at the last first.
        match self.offsets.iter_mut().rev().find(|(known, _)| *known == partition) {
            Some((_, last)) => *last = offset,
            None => self.offsets.push((partition, offset)),
        }
    }

    fn push(&mut self, topic: Str, queue: u32, record: LogRecord) {
        self.bytes += record.size();
        self.records += 1;
        let same = |batch: &QueueBatch| {
            batch.to.partition == queue
                && (Arc::ptr_eq(&batch.to.topic, &topic) || batch.to.topic == topic)
        };
        // The last batch is nearly always the one.
        match self.batches.iter_mut().rev().find(|batch| same(batch)) {
            Some(batch) => batch.records.push(record),
            None => self.batches.push(QueueBatch {
                to: TopicPartition { topic, partition: queue },
                records: vec![record],
            }),
        }
    }
}

/// What one turn of the loop found.
enum Turn {
    Records(Vec<SourceRecord>),
    Again,
    Stop,
}

pub(super) struct SourceWorker<'a> {
    env: &'a TaskEnv,
    task: Box<dyn SourceTask>,
    stages: Stages,
    errors: ErrorHandler,
    creator: TopicCreator,
    tracker: TopicTracker,
    acks: Acknowledgements<'a>,
    /// Each write says where the source goes on: none may get in behind one that failed.
    session: Session,
    wants_acks: bool,
    pending: Pending,
    /// Counts batches, so that records without a key go round the queues.
    batch_number: u32,
}

impl<'a> SourceWorker<'a> {
    pub(super) fn new(env: &'a TaskEnv, task: Box<dyn SourceTask>, stages: Stages) -> Self {
        let errors = ErrorHandler::new(env);
        let groups = env.config.topic_creation.clone();
        let creator = TopicCreator::new(Arc::clone(&env.log), groups, Arc::clone(&env.worker));
        Self {
            task,
            stages,
            errors,
            creator,
            tracker: TopicTracker::new(env.active_topics.clone()),
            acks: Acknowledgements::new(env),
            session: env.new_session(env.is_exactly_once()),
            wants_acks: false,
            pending: Pending::default(),
            batch_number: 0,
            env,
        }
    }

    /// Runs until cancelled or failed. What was polled is written and its offsets are
    /// committed in either case; `stop` is called always.
    pub(super) async fn run(&mut self) -> Result<()> {
        let started = self.start().await;
        let result = match started {
            Ok(()) => self.work().await,
            Err(error) => Err(error),
        };
        let flushed = self.flush().await;
        let stopped = self.task.stop().await;
        result.and(flushed).and(stopped)
    }

    async fn start(&mut self) -> Result<()> {
        self.errors.start().await?;
        if self.env.is_exactly_once() {
            // Behind its barrier all that counts of former sessions is known.
            let begun = self.env.offsets.begin().await;
            self.acks.begin(begun.map_err(|error| uncommitted(&error))?);
        } else {
            // The last task may have gone before it learned how far its writes had come.
            self.env.offsets.catch_up().await.map_err(|error| unwritable(&error))?;
        }
        let context = SourceTaskContext {
            connector: Str::clone(&self.env.connector),
            task: self.env.id.task,
            cancel: self.env.cancel.clone(),
            offsets: self.env.offsets.reader(),
            defines_transactions: self.defines_transactions(),
            isolation: self.env.config.isolation.clone(),
        };
        self.task.start(context, &self.env.props).await?;
        self.wants_acks = self.task.wants_acknowledgements();
        if self.task.wants_places() {
            self.acks.note_places();
        }
        Ok(())
    }

    async fn work(&mut self) -> Result<()> {
        let TaskEnv { worker, config, .. } = self.env;
        let interval_ms = match config.transaction {
            TransactionBoundary::Interval { interval_ms } if self.acks.mark().is_some() => {
                interval_ms
            }
            _ => worker.offset_flush_interval_ms,
        };
        let interval = Duration::from_millis(interval_ms.max(1));
        let mut flush_timer =
            tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
        flush_timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut target = self.env.target.clone();
        loop {
            // A source that always has records must leave room for its neighbours.
            tokio::task::consume_budget().await;
            if *target.borrow_and_update() == TargetState::Paused {
                if !self.pause(&mut target).await? {
                    return Ok(());
                }
                continue;
            }
            self.env.set_state(UnitState::Running);
            self.acks.make_room().await?;
            let begun = Instant::now();
            let records = match self.poll(&mut target, &mut flush_timer).await? {
                Turn::Records(records) => records,
                Turn::Again => continue,
                Turn::Stop => return Ok(()),
            };
            self.acknowledge().await?;
            self.tell_commits().await?;
            if records.is_empty() {
                self.gauge_lag();
                tokio::select! {
                    () = self.env.cancel.cancelled() => return Ok(()),
                    () = tokio::time::sleep(Duration::from_millis(IDLE_WAIT_MS)) => continue,
                }
            }
            let converted = self.convert(records).await;
            // What came before a poison record is written even if the task fails now.
            self.write_polled().await?;
            self.env.metrics.batch(begun.elapsed());
            self.gauge_lag();
            converted?;
        }
    }

    fn gauge_lag(&self) {
        if let Some(lag) = self.task.lag() {
            TaskMetrics::set(&self.env.metrics.lag_records, lag);
        }
    }

    /// Waits for records, and meanwhile takes acknowledgements.
    async fn poll(
        &mut self,
        target: &mut tokio::sync::watch::Receiver<TargetState>,
        flush_timer: &mut tokio::time::Interval,
    ) -> Result<Turn> {
        let mut flush = false;
        let turn = {
            let mut poll = pin!(self.task.poll());
            loop {
                tokio::select! {
                    biased;
                    () = self.env.cancel.cancelled() => break Ok(Turn::Stop),
                    _ = target.changed() => break Ok(Turn::Again),
                    settled = self.acks.next(), if self.acks.waits() => {
                        settled?;
                        // The task is busy polling: leave it, so that it can be told.
                        if self.wants_acks || self.acks.has_committed() {
                            break Ok(Turn::Again);
                        }
                    }
                    _ = flush_timer.tick() => {
                        flush = true;
                        break Ok(Turn::Again);
                    }
                    records = &mut poll => break records.map(Turn::Records),
                }
            }
        };
        if flush {
            self.commit_offsets().await?;
        }
        if matches!(turn, Ok(Turn::Again)) {
            self.acknowledge().await?;
            self.tell_commits().await?;
        }
        match turn {
            Err(error) if error.is_retriable() => {
                tracing::warn!(task = %self.env.id, %error, "poll failed; trying again");
                TaskMetrics::add(&self.env.metrics.retries, 1);
                tokio::select! {
                    () = self.env.cancel.cancelled() => Ok(Turn::Stop),
                    () = tokio::time::sleep(Duration::from_millis(POLL_RETRY_WAIT_MS)) => Ok(Turn::Again),
                }
            }
            other => other,
        }
    }

    /// Converts polled records into the pending write.
    async fn convert(&mut self, records: Vec<SourceRecord>) -> Result<()> {
        TaskMetrics::add(&self.env.metrics.records_in, records.len() as u64);
        self.batch_number = self.batch_number.wrapping_add(1);
        let keep = self.errors.has_dlq() || self.errors.retries();
        let ends = self.defines_transactions();
        for SourceRecord { record, partition, offset, boundary, is_position } in records {
            if !is_position {
                let original = keep.then(|| record.clone());
                match self.stages.encode(record, &mut ()) {
                    Ok(encoded) => self.take(encoded).await?,
                    Err(failure) => {
                        let position = SourceRecord::position_text(&partition, &offset);
                        self.recover(failure, original, position).await?;
                    }
                }
            }
            self.pending.polled += 1;
            self.pending.note_offset(partition, offset);
            if let Some(boundary) = boundary.filter(|_| ends) {
                self.end_transaction(boundary).await?;
            }
        }
        Ok(())
    }

    /// Whether the task says where its transactions end.
    fn defines_transactions(&self) -> bool {
        self.env.worker.exactly_once_source
            && self.env.config.transaction == TransactionBoundary::Connector
    }

    /// Ends the transaction that the task defines with what is pending. Where the log is atomic,
    /// all of it is pending.
    async fn end_transaction(&mut self, boundary: Boundary) -> Result<()> {
        if boundary == Boundary::Abort {
            tracing::info!(task = %self.env.id, "transaction given up, as the task asks");
            if self.env.atomic {
                // The offsets go on all the same: what was given up does not come again.
                self.pending.batches.clear();
                (self.pending.records, self.pending.bytes) = (0, 0);
            }
        }
        self.write().await?;
        if boundary == Boundary::Abort && self.acks.mark().is_some() {
            self.acks.drain().await?;
            // What was written under the old mark and is not committed never counts.
            let begun = self.env.offsets.begin().await;
            self.acks.give_up(begun.map_err(|error| uncommitted(&error))?);
            return Ok(());
        }
        self.acks.end_transaction();
        Ok(())
    }

    /// Gives the pending write to the log, unless it is a part of what must go in one.
    async fn write_polled(&mut self) -> Result<()> {
        if !(self.env.atomic && self.defines_transactions()) {
            return self.write().await;
        }
        let limit = self.env.worker.task_buffer_bytes;
        if self.pending.bytes > limit {
            return Err(Error::connect(format!(
                "The connector has not ended its transaction within {limit} bytes, which must go \
                 into the log in one: let it end transactions sooner, or set \
                 gantry.task.buffer.bytes higher"
            )));
        }
        Ok(())
    }

    /// Puts an encoded record into the pending write; `None` was dropped.
    async fn take(&mut self, encoded: Option<Encoded>) -> Result<()> {
        let Some(Encoded { topic, partition, mut record }) = encoded else {
            TaskMetrics::add(&self.env.metrics.records_filtered, 1);
            return Ok(());
        };
        let mut queues = match self.creator.known(&topic) {
            Some(queues) => queues,
            None => self.creator.ensure(&topic).await?,
        };
        if partition.and_then(|wanted| u32::try_from(wanted).ok()) >= Some(queues) {
            // It may have got more since it was last asked for.
            self.creator.forget(&topic);
            queues = self.creator.ensure(&topic).await?;
        }
        let queue = match (partition, &record.key) {
            (Some(wanted), _) => {
                u32::try_from(wanted).ok().filter(|&queue| queue < queues).ok_or_else(|| {
                    Error::connect(format!(
                        "Invalid partition given with record: {wanted} is not in the range \
                         [0...{}] of topic {topic}",
                        queues - 1
                    ))
                })?
            }
            (None, _) if queues == 1 => 0,
            (None, Some(key)) => queue_of_key(key, queues),
            (None, None) => self.batch_number % queues,
        };
        record.headers.extend(self.acks.mark().cloned());
        self.pending.push(topic, queue, record);
        Ok(())
    }

    /// Tries a failed record again where that may help, else reports it.
    async fn recover(
        &mut self,
        mut failure: Failure,
        original: Option<ConnectRecord>,
        position: String,
    ) -> Result<()> {
        let begun = Instant::now();
        let mut attempt = 0;
        if let Some(record) = &original {
            loop {
                attempt += 1;
                if !self.errors.may_retry(&failure.error, attempt, begun.elapsed()).await {
                    break;
                }
                match self.stages.encode(record.clone(), &mut ()) {
                    Ok(encoded) => return self.take(encoded).await,
                    Err(again) => failure = again,
                }
            }
        }
        let original = match original {
            Some(record) if self.errors.has_dlq() => Some(self.stages.encode_plain(record)),
            _ => None,
        };
        failure.error.locate(|| position);
        self.errors.failed(failure, None, original).await
    }

    /// Gives the pending write to the log. Where the log is atomic, the offsets go with it.
    async fn write(&mut self) -> Result<()> {
        self.env.check_lease()?;
        let pending = std::mem::take(&mut self.pending);
        let Pending { mut batches, polled, records, bytes, offsets } = pending;
        // The dead letter queue holds what these offsets pass over.
        self.errors.flush().await?;
        if batches.is_empty() {
            // Nothing to write: the offsets wait for the next commit, behind what is in flight.
            if polled > 0 {
                let queues = Vec::new();
                self.acks.push(None, Covered { queues, polled, records, bytes, offsets });
            }
            return Ok(());
        }
        for batch in &batches {
            self.tracker.used(&batch.to.topic);
        }
        let place = |batch: &QueueBatch| (batch.to.clone(), batch.records.len() as u64);
        let queues: Vec<(TopicPartition, u64)> = batches.iter().map(place).collect();
        if self.env.atomic {
            batches.extend(self.env.offsets.batch(&changes(&offsets)));
        }
        let durable = match self.env.log.append_in(&self.session, batches).await {
            Ok(durable) => durable,
            Err(error) => {
                for (queue, _) in queues {
                    self.creator.forget(&queue.topic);
                }
                return Err(unwritable(&error));
            }
        };
        self.acks.push(Some(durable), Covered { queues, polled, records, bytes, offsets });
        Ok(())
    }

    async fn acknowledge(&mut self) -> Result<()> {
        let count = self.acks.take_acknowledged();
        if count > 0 && self.wants_acks {
            self.task.acknowledge(count).await?;
        }
        let placed = self.acks.take_placed();
        if !placed.is_empty() {
            self.task.placed(placed).await?;
        }
        Ok(())
    }

    async fn commit_offsets(&mut self) -> Result<()> {
        if self.acks.mark().is_some() {
            self.acks.begin_commit();
            return self.tell_commits().await;
        }
        self.acks.commit_offsets().await;
        self.task.commit().await
    }

    /// Tells the task of transactions that were committed since it was last told.
    async fn tell_commits(&mut self) -> Result<()> {
        if self.acks.take_commits() { self.task.commit().await } else { Ok(()) }
    }

    /// Waits until all that was polled is durable and committed; after a failure, what was durable
    /// before it.
    async fn flush(&mut self) -> Result<()> {
        let mut written = self.write_polled().await;
        // The dead letter queue holds what the offsets pass over, or they do not move.
        self.errors.flush().await?;
        written = written.and(self.acks.drain().await);
        if written.is_err() {
            self.env.check_lease()?;
        }
        // A task that cannot be told does not keep its offsets from being committed.
        let mut told = self.acknowledge().await;
        told = told.and(self.commit_offsets().await);
        // Of an exactly-once source the commit is on its way now.
        written = written.and(self.acks.drain().await);
        told = told.and(self.acknowledge().await);
        told = told.and(self.tell_commits().await);
        written.and(told)
    }

    /// Waits while paused; false when cancelled.
    async fn pause(
        &mut self,
        target: &mut tokio::sync::watch::Receiver<TargetState>,
    ) -> Result<bool> {
        self.flush().await?;
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
