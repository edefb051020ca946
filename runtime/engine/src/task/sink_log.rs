//! The log for a sink task that writes and reads a topic itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gantry_api::{
    Destination, Error, QueueRange, Result, SinkLog, SinkOffset, Str, TopicPartition, TopicRead,
    TopicRecord, async_trait,
};
use gantry_log::{
    LogError, LogRecord, QueueBatch, QueueRecords, ReadLimits, RecordHeader, Session, TopicSpec,
};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::isolation::Isolation;
use super::partitioner::queue_of_key;
use super::queues::shares;
use super::sink::{queues_of, unreadable, wanted_topics};
use super::supervisor::TaskEnv;
use crate::offsets::{Change, CommitError, OffsetStore, Transaction};

/// Read at once.
const READ_BYTES_MAX: usize = 1 << 20;
const READ_RECORDS_MAX: usize = 1_000;
/// The longest wait for records.
const READ_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long a call may take in all: whoever waits for it is a plugin's thread.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// The log, from the start of one run of a task until its end.
pub(super) struct TaskLog {
    env: Arc<TaskEnv>,
    group: String,
    /// The run is over: what threads of a plugin still do counts for nobody.
    closed: AtomicBool,
    /// Of what it writes. Once a write has failed, whether it was stored may not be known, and only
    /// a new run may write again.
    session: Session,
    /// One write at a time, so that the end of one never counts for another; where writes are
    /// transactions, the session of their commits.
    transaction: Mutex<Option<Transaction>>,
}

impl std::fmt::Debug for TaskLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TaskLog({})", self.env.id)
    }
}

impl TaskLog {
    pub(super) fn new(env: Arc<TaskEnv>, group: String) -> Self {
        let session = env.new_session(env.offsets.can_transact());
        let closed = AtomicBool::new(false);
        Self { env, group, closed, session, transaction: Mutex::default() }
    }

    /// Ends it with the run of the task.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    fn check(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::connect("the task that this belongs to was stopped meanwhile"));
        }
        self.env.check_lease()
    }

    async fn batches(&self, records: Vec<(Destination, TopicRecord)>) -> Result<Vec<QueueBatch>> {
        let mut queues: BTreeMap<Str, u32> = BTreeMap::new();
        let mut batches: BTreeMap<TopicPartition, Vec<LogRecord>> = BTreeMap::new();
        for (Destination { topic, queue }, record) in records {
            let count = match queues.get(&topic) {
                Some(count) => *count,
                None => {
                    let count = self.make(&topic).await?;
                    queues.insert(Str::clone(&topic), count);
                    count
                }
            };
            let queue = match (queue, &record.key) {
                (Some(queue), _) => queue,
                (None, Some(key)) => queue_of_key(key, count),
                (None, None) => fastrand::u32(..count.max(1)),
            };
            batches.entry(TopicPartition::new(topic, queue)).or_default().push(stored(record));
        }
        Ok(batches.into_iter().map(|(to, records)| QueueBatch { to, records }).collect())
    }

    async fn make(&self, topic: &str) -> Result<u32> {
        let log = &self.env.log;
        if let Some(info) = log.topic(topic).await.map_err(unusable)? {
            return Ok(info.spec.queues);
        }
        match log.create_topic(topic, TopicSpec::with_queues(1)).await {
            Ok(()) => Ok(1),
            Err(LogError::TopicExists(_)) => {
                let info = log.topic(topic).await.map_err(unusable)?;
                Ok(info.map_or(1, |info| info.spec.queues))
            }
            Err(error) => Err(unusable(error)),
        }
    }

    /// Writes both in the way that the log and the offset store have for it.
    async fn append(
        &self,
        transaction: &mut Option<Transaction>,
        mut batches: Vec<QueueBatch>,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        let env = &self.env;
        if env.offsets.can_transact() {
            return self.append_in_transaction(transaction, batches, changes).await;
        }
        if env.atomic && !changes.is_empty() {
            batches.extend(env.offsets.batch(&changes));
            let durable = env.log.append_in(&self.session, batches).await?.await?;
            env.offsets.applied(changes, durable.last().map_or(0, |offsets| offsets.start));
            return Ok(());
        }
        // The records first: a crash between the two has them twice, and never not at all.
        if !batches.is_empty() {
            env.log.append_in(&self.session, batches).await?.await?;
        }
        env.commit(changes).await
    }

    async fn append_in_transaction(
        &self,
        transaction: &mut Option<Transaction>,
        mut batches: Vec<QueueBatch>,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        let transaction = match transaction {
            Some(transaction) => transaction,
            None => transaction.insert(self.env.offsets.begin().await?),
        };
        for record in batches.iter_mut().flat_map(|batch| &mut batch.records) {
            record.headers.push(transaction.mark().clone());
        }
        let queues: Vec<TopicPartition> = batches.iter().map(|batch| batch.to.clone()).collect();
        let mut ends = BTreeMap::new();
        if !batches.is_empty() {
            let durable = self.env.log.append_in(&self.session, batches).await?.await?;
            ends.extend(queues.into_iter().zip(durable.iter().map(|offsets| offsets.end)));
        }
        self.env.commit_in(transaction, changes, &ends).await
    }

    async fn read_committed(
        &self,
        from: &[(TopicPartition, u64)],
        wait: Duration,
    ) -> Result<Vec<QueueRecords>> {
        let env = &self.env;
        let until = Instant::now() + wait;
        let limits = ReadLimits { max_bytes: READ_BYTES_MAX, max_records: READ_RECORDS_MAX, wait };
        let batches = match env.log.read(from, limits).await {
            Ok(batches) => batches,
            Err(LogError::OutOfRange { queue, wanted, range }) => {
                tracing::warn!(
                    task = %env.id, %queue, wanted, earliest = range.earliest, next = range.next,
                    "records that the task wanted to read are no longer in the log"
                );
                let next = wanted.clamp(range.earliest, range.next);
                return Ok(vec![QueueRecords {
                    from: queue,
                    records: Vec::new(),
                    next,
                    end: next,
                }]);
            }
            Err(error) => return Err(unreadable(&error)),
        };
        // What it holds at the end is read again next time.
        let mut isolation = Isolation::new(Some(Arc::clone(&env.offsets.transactions)));
        let mut given = isolation.sift(batches).await;
        while isolation.waits() && given.iter().all(|batch| batch.records.is_empty()) {
            if tokio::time::timeout_at(until, isolation.changed()).await.is_err() {
                break;
            }
            given.extend(isolation.look_again(&BTreeSet::new()).await);
        }
        Ok(given)
    }
}

#[async_trait]
impl SinkLog for TaskLog {
    async fn write(
        &self,
        records: Vec<(Destination, TopicRecord)>,
        offsets: BTreeMap<TopicPartition, u64>,
    ) -> Result<()> {
        self.check()?;
        let done = bounded("written", async {
            let batches = self.batches(records).await?;
            let sink = offsets.iter().map(|(queue, at)| (queue.clone(), SinkOffset::new(*at)));
            let changes = OffsetStore::sink_changes(&sink.collect());
            let mut transaction = self.transaction.lock().await;
            self.check()?;
            let done = self.append(&mut transaction, batches, changes).await;
            done.map_err(|error| match error {
                CommitError::Log(error) => unusable(error),
                CommitError::Fenced => {
                    if !self.closed.load(Ordering::Acquire) {
                        self.env.cancel.cancel();
                    }
                    Error::connect("another worker has this task")
                }
            })
        });
        let done = done.await;
        if done.is_err() {
            self.session.set_broken();
        }
        done?;
        if !offsets.is_empty() {
            let mirrored = offsets.into_iter().map(|(queue, at)| (queue, Some(at))).collect();
            // Tools look at the group; the offset topic is what a task starts from.
            if let Err(error) = self.env.log.commit(&self.group, &mirrored).await {
                tracing::warn!(task = %self.env.id, %error, "the group does not show the committed offsets yet");
            }
        }
        Ok(())
    }

    async fn read(&self, from: &[(TopicPartition, u64)], wait: Duration) -> Result<Vec<TopicRead>> {
        self.check()?;
        let wait = wait.min(READ_WAIT_MAX);
        let read = bounded("read", self.read_committed(from, wait)).await?;
        let given = |batch: QueueRecords| TopicRead {
            from: batch.from,
            records: batch.records.into_iter().map(|(at, record)| (at, shown(record))).collect(),
            next: batch.next,
        };
        Ok(read.into_iter().map(given).collect())
    }

    async fn queues(&self, topic: &str) -> Result<u32> {
        self.check()?;
        bounded("read", self.make(topic)).await
    }

    async fn range(&self, of: &TopicPartition) -> Result<QueueRange> {
        self.check()?;
        let range =
            bounded("read", async { self.env.log.range(of).await.map_err(unusable) }).await?;
        Ok(QueueRange { earliest: range.earliest, next: range.next })
    }

    fn group(&self) -> &str {
        &self.group
    }

    async fn members(&self) -> Result<Vec<Vec<TopicPartition>>> {
        self.check()?;
        let TaskEnv { log, config, worker, assigned, tasks, .. } = &*self.env;
        let topics = bounded("read", async {
            wanted_topics(&**log, config, worker).await.map_err(unusable)
        });
        let shares = shares(queues_of(&topics.await?), assigned.as_deref(), *tasks);
        Ok(shares.into_iter().map(|share| share.into_iter().collect()).collect())
    }

    async fn committed(
        &self,
        group: &str,
        of: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>> {
        self.check()?;
        let committed =
            bounded("read", async { self.env.log.committed(group, of).await.map_err(unusable) });
        let mut committed = committed.await?;
        if group == self.group {
            let stored = self.env.offsets.sink_offsets();
            let stored = of.iter().filter_map(|queue| Some((queue, stored.get(queue)?.offset)));
            committed.extend(stored.map(|(queue, at)| (queue.clone(), at)));
        }
        Ok(committed)
    }

    async fn commit(&self, group: &str, offsets: &BTreeMap<TopicPartition, u64>) -> Result<()> {
        self.check()?;
        let offsets = offsets.iter().map(|(queue, at)| (queue.clone(), Some(*at))).collect();
        bounded("written", async { self.env.log.commit(group, &offsets).await.map_err(unusable) })
            .await
    }
}

async fn bounded<T>(verb: &str, what: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(CALL_LIMIT, what).await {
        Ok(done) => done,
        Err(_) => Err(Error::retriable(format!(
            "The log could not be {verb} for {} s",
            CALL_LIMIT.as_secs()
        ))),
    }
}

fn unusable(error: LogError) -> Error {
    let text = format!("The log cannot be used: {error}");
    if error.is_retriable() { Error::retriable(text) } else { Error::connect(text) }
}

fn stored(record: TopicRecord) -> LogRecord {
    let TopicRecord { key, value, headers, timestamp_ms } = record;
    let headers = headers.into_iter().map(|(key, value)| RecordHeader { key, value }).collect();
    LogRecord { key, value, headers, timestamp_ms }
}

fn shown(record: LogRecord) -> TopicRecord {
    let LogRecord { key, value, headers, timestamp_ms } = record;
    let headers = headers.into_iter().map(|header| (header.key, header.value)).collect();
    TopicRecord { key, value, headers, timestamp_ms }
}
