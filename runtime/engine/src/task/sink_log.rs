//! The log for a sink task that writes and reads a topic itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use gantry_api::{
    Destination, Error, QueueRange, Result, SinkLog, SinkOffset, Str, TopicPartition, TopicRead,
    TopicRecord, async_trait,
};
use gantry_coordination::{CommitError, Isolation, Transaction};
use gantry_log::{
    LogError, LogRecord, QueueBatch, QueueRecords, ReadLimits, RecordHeader, Session, TopicSpec,
    queue_of_key,
};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::queues::shares;
use super::sink::{queues_of, unreadable, wanted_topics};
use super::supervisor::TaskEnv;
use super::topics::topic_to_write;
use crate::offsets::{Change, OffsetStore};

/// Read at once.
const READ_BYTES_MAX: usize = 1 << 20;
const READ_RECORDS_MAX: usize = 1_000;
/// The longest wait for records.
const READ_WAIT_MAX: Duration = Duration::from_secs(5);
/// The wait before the log is asked again.
const RETRY: Duration = Duration::from_millis(200);
/// How long a call may take in all: whoever waits for it is a plugin's thread.
const CALL_LIMIT: Duration = Duration::from_secs(60);

/// The log, from the start of one run of a task until its end.
pub(super) struct TaskLog {
    /// Weak: whoever holds the log of a task that has ended must not make it look alive.
    env: Weak<TaskEnv>,
    group: String,
    /// The run is over: what threads of a plugin still do counts for nobody.
    closed: AtomicBool,
    /// Of what it writes. Once a write has failed, whether it was stored may not be known, and only
    /// a new run may write again.
    session: Session,
    /// What was committed in this run.
    committed: std::sync::Mutex<BTreeMap<TopicPartition, u64>>,
    /// A write failed because the log could not be reached.
    lost_log: AtomicBool,
    /// One write at a time, so that the end of one never counts for another; where writes are
    /// transactions, the session of their commits.
    transaction: Mutex<Option<Transaction>>,
}

impl std::fmt::Debug for TaskLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TaskLog({})", self.group)
    }
}

impl TaskLog {
    pub(super) fn new(env: &Arc<TaskEnv>, group: String) -> Self {
        Self {
            env: Arc::downgrade(env),
            group,
            closed: AtomicBool::new(false),
            session: env.new_session(env.offsets.can_transact()),
            committed: std::sync::Mutex::default(),
            lost_log: AtomicBool::new(false),
            transaction: Mutex::default(),
        }
    }

    /// Ends it with the run of the task.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.session.set_broken();
    }

    /// How far a queue was committed in this run.
    pub(super) fn committed_here(&self, queue: &TopicPartition) -> Option<u64> {
        self.committed().get(queue).copied()
    }

    /// The task goes back behind what was committed.
    pub(super) fn forget(&self, queue: &TopicPartition) {
        self.committed().remove(queue);
    }

    fn committed(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, u64>> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error of a run: worth trying again where the task failed because its log could not be
    /// reached, which a plugin cannot say.
    pub(super) fn explain(&self, error: Error) -> Error {
        if error.is_retriable() || !self.lost_log.load(Ordering::Acquire) {
            return error;
        }
        Error::retriable("The log could not be reached by the task").caused_by(error)
    }

    /// The task, while this run of it goes on.
    fn env(&self) -> Result<Arc<TaskEnv>> {
        let stopped = || Error::connect("the task that this belongs to was stopped meanwhile");
        if self.closed.load(Ordering::Acquire) {
            return Err(stopped());
        }
        let env = self.env.upgrade().ok_or_else(stopped)?;
        env.check_lease()?;
        Ok(env)
    }

    async fn batches(
        &self,
        env: &TaskEnv,
        records: Vec<(Destination, TopicRecord)>,
    ) -> Result<Vec<QueueBatch>> {
        let mut queues: BTreeMap<Str, u32> = BTreeMap::new();
        let mut batches: BTreeMap<TopicPartition, Vec<LogRecord>> = BTreeMap::new();
        for (Destination { topic, queue }, record) in records {
            let count = match queues.get(&topic) {
                Some(count) => *count,
                None => {
                    let count = retried(|| make(env, &topic)).await?;
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

    /// Writes both in the way that the log and the offset store have for it.
    async fn append(
        &self,
        env: &TaskEnv,
        transaction: &mut Option<Transaction>,
        mut batches: Vec<QueueBatch>,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        if env.offsets.can_transact() {
            return self.append_in_transaction(env, transaction, batches, changes).await;
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
        env: &TaskEnv,
        transaction: &mut Option<Transaction>,
        mut batches: Vec<QueueBatch>,
        changes: Vec<Change>,
    ) -> Result<(), CommitError> {
        let transaction = match transaction {
            Some(transaction) => transaction,
            None => transaction.insert(env.offsets.begin().await?),
        };
        for record in batches.iter_mut().flat_map(|batch| &mut batch.records) {
            record.headers.push(transaction.mark().clone());
        }
        let queues: Vec<TopicPartition> = batches.iter().map(|batch| batch.to.clone()).collect();
        let mut ends = BTreeMap::new();
        if !batches.is_empty() {
            let durable = env.log.append_in(&self.session, batches).await?.await?;
            ends.extend(queues.into_iter().zip(durable.iter().map(|offsets| offsets.end)));
        }
        if self.session.is_broken() {
            // A new run may have begun meanwhile: what it knows must stay true.
            return Err(LogError::SessionBroken.into());
        }
        env.commit_in(transaction, changes, &ends).await
    }

    /// Writes alone, and once it has failed never again.
    async fn write_alone(
        &self,
        env: &TaskEnv,
        batches: Vec<QueueBatch>,
        offsets: &BTreeMap<TopicPartition, u64>,
    ) -> Result<()> {
        let sink = offsets.iter().map(|(queue, at)| (queue.clone(), SinkOffset::new(*at)));
        let changes = OffsetStore::sink_changes(&sink.collect());
        let mut transaction = self.transaction.lock().await;
        if self.session.is_broken() {
            return Err(unusable(LogError::SessionBroken));
        }
        // Broken before the next one gets the lock, also when this is dropped on its way.
        let mut breaks = Breaks(Some(&self.session));
        let done = self.append(env, &mut transaction, batches, changes).await;
        match done {
            Ok(()) => {
                breaks.0 = None;
                let committed = offsets.iter().map(|(queue, at)| (queue.clone(), *at));
                self.committed().extend(committed);
                Ok(())
            }
            Err(CommitError::Log(error)) => {
                self.lost_log.fetch_or(error.is_retriable(), Ordering::AcqRel);
                Err(unusable(error))
            }
            Err(CommitError::Fenced) => {
                if !self.closed.load(Ordering::Acquire) {
                    env.cancel.cancel();
                }
                Err(Error::connect("another worker has this task"))
            }
        }
    }

    async fn read_committed(
        &self,
        env: &TaskEnv,
        from: &[(TopicPartition, u64)],
        wait: Duration,
    ) -> Result<Vec<QueueRecords>> {
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
            Err(error) if error.is_retriable() => {
                // As a consumer whose broker is away: it polls nothing, and the next one may.
                tracing::warn!(task = %env.id, %error, "a topic of the task's own cannot be read now");
                tokio::time::sleep_until(until).await;
                return Ok(Vec::new());
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

/// Breaks a session when it goes, unless it is taken out.
struct Breaks<'a>(Option<&'a Session>);

impl Drop for Breaks<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.0 {
            session.set_broken();
        }
    }
}

#[async_trait]
impl SinkLog for TaskLog {
    async fn write(
        &self,
        records: Vec<(Destination, TopicRecord)>,
        offsets: BTreeMap<TopicPartition, u64>,
    ) -> Result<()> {
        let env = self.env()?;
        bounded("written", async {
            let batches = self.batches(&env, records).await?;
            self.write_alone(&env, batches, &offsets).await
        })
        .await?;
        if !offsets.is_empty() {
            let mirrored = offsets.into_iter().map(|(queue, at)| (queue, Some(at))).collect();
            // Tools look at the group; the offset topic is what a task starts from.
            let mirror = bounded("written", async {
                env.log.commit(&self.group, &mirrored).await.map_err(unusable)
            });
            if let Err(error) = mirror.await {
                tracing::warn!(task = %env.id, %error, "the group does not show the committed offsets yet");
            }
        }
        Ok(())
    }

    async fn read(&self, from: &[(TopicPartition, u64)], wait: Duration) -> Result<Vec<TopicRead>> {
        let env = self.env()?;
        let wait = wait.min(READ_WAIT_MAX);
        let read = bounded("read", self.read_committed(&env, from, wait)).await?;
        let given = |batch: QueueRecords| TopicRead {
            from: batch.from,
            records: batch.records.into_iter().map(|(at, record)| (at, shown(record))).collect(),
            next: batch.next,
        };
        Ok(read.into_iter().map(given).collect())
    }

    async fn queues(&self, topic: &str) -> Result<u32> {
        let env = self.env()?;
        bounded("read", retried(|| make(&env, topic))).await
    }

    async fn range(&self, of: &TopicPartition) -> Result<QueueRange> {
        let env = self.env()?;
        let range =
            bounded("read", retried(|| async { env.log.range(of).await.map_err(unusable) }))
                .await?;
        Ok(QueueRange { earliest: range.earliest, next: range.next })
    }

    fn group(&self) -> &str {
        &self.group
    }

    async fn members(&self) -> Result<Vec<Vec<TopicPartition>>> {
        let env = self.env()?;
        let TaskEnv { log, config, worker, assigned, tasks, .. } = &*env;
        let look = || async { wanted_topics(&**log, config, worker).await.map_err(unusable) };
        let topics = bounded("read", retried(look)).await?;
        let shares = shares(queues_of(&topics), assigned.as_deref(), *tasks);
        Ok(shares.into_iter().map(|share| share.into_iter().collect()).collect())
    }

    async fn committed(
        &self,
        group: &str,
        of: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>> {
        let env = self.env()?;
        let look = || async { env.log.committed(group, of).await.map_err(unusable) };
        let mut committed = bounded("read", retried(look)).await?;
        if group == self.group {
            let stored = env.offsets.sink_offsets();
            let stored = of.iter().filter_map(|queue| Some((queue, stored.get(queue)?.offset)));
            committed.extend(stored.map(|(queue, at)| (queue.clone(), at)));
        }
        Ok(committed)
    }

    async fn commit(&self, group: &str, offsets: &BTreeMap<TopicPartition, u64>) -> Result<()> {
        let env = self.env()?;
        let offsets = offsets.iter().map(|(queue, at)| (queue.clone(), Some(*at))).collect();
        let commit = || async { env.log.commit(group, &offsets).await.map_err(unusable) };
        bounded("written", retried(commit)).await
    }
}

/// How many queues a topic of the plugin's own has, made with one.
async fn make(env: &TaskEnv, topic: &str) -> Result<u32> {
    topic_to_write(&*env.log, &env.worker, topic, || TopicSpec::with_queues(1)).await
}

/// Tries again what does the same each time, as long as the log cannot be reached.
async fn retried<T, F: Future<Output = Result<T>>>(what: impl Fn() -> F) -> Result<T> {
    loop {
        match what().await {
            Ok(done) => return Ok(done),
            Err(error) if error.is_retriable() => tokio::time::sleep(RETRY).await,
            Err(error) => return Err(error),
        }
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
