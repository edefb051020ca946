//! The topic: a task that folds it, and writes that wait until they are folded.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gantry_log::{
    Cleanup, FullLog, LogError, LogRecord, QueueBatch, ReadLimits, RecordHeader, Session, Str,
    TopicPartition, TopicSpec,
};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use crate::error::RegistryError;
use crate::misses::Misses;
use crate::records::{Draft, EXPECT};
use crate::rules::Verdict;
use crate::shared::Shared;
use crate::state::Expect;

/// What is read at once, and how long one read waits for something.
const LIMITS: ReadLimits =
    ReadLimits { max_bytes: 1 << 20, max_records: 1_000, wait: Duration::from_secs(1) };
/// A log that cannot be read is asked again so much later.
const RETRY: Duration = Duration::from_millis(500);
/// So often a write is judged again because another node was first.
const TRIES_MAX: usize = 64;
/// How many writes can be under way.
const LINES: usize = 256;
/// The value of a record that removes.
const NULL: &[u8] = b"null";

type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<bool>>>>;

fn lock(waiting: &Waiting) -> MutexGuard<'_, HashMap<String, oneshot::Sender<bool>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The topic, and how far it is folded.
#[derive(Clone)]
pub(crate) struct Reach {
    log: Arc<dyn FullLog>,
    queue: TopicPartition,
    folded: watch::Receiver<u64>,
    /// How long the next piece of the topic may take.
    pub(crate) limit: Duration,
}

impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reach({})", self.queue)
    }
}

impl Reach {
    /// Waits until all is folded that is in the topic now, however long it is; not longer than a
    /// write may take for the next piece of it.
    pub(crate) async fn catch_up(&self) -> Result<(), RegistryError> {
        let end = self.log.range(&self.queue).await?.next;
        let mut folded = self.folded.clone();
        while *folded.borrow_and_update() < end {
            let changed = timeout_at(Instant::now() + self.limit, folded.changed()).await;
            let changed = changed.map_err(|_| {
                let (topic, ms) = (&self.queue, self.limit.as_millis());
                RegistryError::new(
                    50002,
                    format!("Operation timed out: nothing of {topic} could be read within {ms} ms"),
                )
            })?;
            changed.map_err(|_| RegistryError::store("the topic is no longer followed"))?;
        }
        Ok(())
    }
}

/// The topic and what it comes to.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) reach: Reach,
    pub(crate) misses: Misses,
    shared: Arc<Shared>,
    /// Writes of this node whose records are not folded yet, by their claims.
    waiting: Waiting,
    /// Writes about one name are made one after the other: they would only stand in each other's
    /// way. Those about different names are under way at the same time, so that the log takes many
    /// at once; here and there two names share a line.
    lines: Box<[tokio::sync::Mutex<()>]>,
    /// What makes the claims of this node unlike all others.
    node: String,
    claims: AtomicU64,
    _follower: AbortOnDropHandle<()>,
}

/// A write that waits; gone when its request is.
struct Claim<'a> {
    name: String,
    waiting: &'a Waiting,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        lock(self.waiting).remove(&self.name);
    }
}

impl Store {
    /// Makes the topic if it is not there, and folds it up to where it ends now.
    pub(crate) async fn open(
        log: Arc<dyn FullLog>,
        shared: Arc<Shared>,
    ) -> Result<Self, RegistryError> {
        let queue = open_topic(&*log, &shared.settings.topic).await?;
        let waiting = Waiting::default();
        let (sender, folded) = watch::channel(0);
        let follower = Follower {
            log: Arc::clone(&log),
            queue: queue.clone(),
            shared: Arc::clone(&shared),
            waiting: Arc::clone(&waiting),
            folded: sender,
            position: 0,
        };
        let follower = AbortOnDropHandle::new(tokio::spawn(follower.run()));
        let reach = Reach { log, queue, folded, limit: shared.settings.write_timeout };
        reach.catch_up().await?;
        Ok(Self {
            misses: Misses::new(reach.clone()),
            reach,
            shared,
            waiting,
            lines: (0..LINES).map(|_| tokio::sync::Mutex::default()).collect(),
            node: format!("{:032x}", fastrand::u128(..)),
            claims: AtomicU64::new(0),
            _follower: follower,
        })
    }

    /// Judges a write about a name, writes and waits until what was written is folded; judges again
    /// if another node was first.
    pub(crate) async fn write<T>(
        &self,
        name: &str,
        judge: impl Fn(&Shared) -> Result<Verdict<T>, RegistryError>,
    ) -> Result<T, RegistryError> {
        let limit = self.shared.settings.write_timeout;
        let written = timeout_at(Instant::now() + limit, async {
            let _turn = self.line(name).lock().await;
            for _ in 0..TRIES_MAX {
                self.reach.catch_up().await?;
                match judge(&self.shared)? {
                    Verdict::Answer(answer) => return Ok(answer),
                    Verdict::Write { draft, expect, lease, answer } => {
                        let Some(counts) = self.append(&draft, &expect).await? else { continue };
                        if lease.is_some() {
                            self.shared.reserved.note(counts);
                        }
                        if counts {
                            return Ok(answer);
                        }
                    }
                }
            }
            Err(RegistryError::contended(TRIES_MAX))
        });
        written.await.unwrap_or_else(|_| Err(RegistryError::timed_out(limit)))
    }

    fn line(&self, name: &str) -> &tokio::sync::Mutex<()> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let at = hasher.finish() % self.lines.len() as u64;
        &self.lines[usize::try_from(at).unwrap_or(0)]
    }

    /// Appends a record; tells whether it counts, or nothing where it seems not to be stored: then
    /// it is to be judged anew. It is never sent twice: compaction keeps the last record of a key,
    /// and of two equal ones only the first can count.
    async fn append(&self, draft: &Draft, expect: &Expect) -> Result<Option<bool>, RegistryError> {
        let claim = self.claims.fetch_add(1, Ordering::Relaxed);
        let claim = Claim { name: format!("{}-{claim}", self.node), waiting: &self.waiting };
        let (sender, mut counts) = oneshot::channel();
        lock(&self.waiting).insert(claim.name.clone(), sender);
        let value = if draft.value.is_null() {
            Bytes::from_static(NULL)
        } else {
            Bytes::from(draft.value.to_string())
        };
        let header = RecordHeader { key: Str::from(EXPECT), value: Some(expect.to_bytes().into()) };
        let record = LogRecord {
            key: Some(draft.key_bytes(&claim.name).into()),
            value: Some(value),
            headers: vec![header],
            timestamp_ms: LogRecord::AT_STORE,
        };
        let batch = QueueBatch { to: self.reach.queue.clone(), records: vec![record] };
        let durable = self.reach.log.append_in(&Session::exact(), vec![batch]).await?;
        if let Err(error) = durable.await {
            if !error.is_retriable() {
                return Err(error.into());
            }
            tracing::warn!(%error, "a record may not be stored; looking for it in the topic");
            tokio::time::sleep(RETRY).await;
            self.reach.catch_up().await?;
            return Ok(counts.try_recv().ok());
        }
        let counts =
            counts.await.map_err(|_| RegistryError::store("the topic is no longer followed"))?;
        Ok(Some(counts))
    }
}

/// The one queue of the topic.
async fn open_topic(log: &dyn FullLog, topic: &str) -> Result<TopicPartition, RegistryError> {
    let mut found = log.topic(topic).await?;
    if found.is_none() {
        match log.create_topic(topic, TopicSpec::compacted()).await {
            Ok(()) => {}
            Err(LogError::TopicExists(_)) => found = log.topic(topic).await?,
            Err(error) => {
                return Err(RegistryError::store(format!(
                    "topic {topic} for schemas cannot be created: {error}"
                )));
            }
        }
    }
    let fault = match found.map(|info| info.spec) {
        Some(TopicSpec { queues, .. }) if queues != 1 => {
            format!("has {queues} queues, but only one keeps the order of what is written to it")
        }
        Some(TopicSpec { cleanup: Cleanup::Delete { .. }, .. }) => {
            "has cleanup.policy=delete and would forget schemas, but it must be compact".to_owned()
        }
        _ => return Ok(TopicPartition::new(topic, 0)),
    };
    Err(RegistryError::store(format!(
        "topic {topic} for schemas {fault}: name another topic, which is then made as it must be"
    )))
}

/// Folds the topic.
struct Follower {
    log: Arc<dyn FullLog>,
    queue: TopicPartition,
    shared: Arc<Shared>,
    waiting: Waiting,
    folded: watch::Sender<u64>,
    position: u64,
}

impl Follower {
    async fn run(mut self) {
        loop {
            match self.log.read(&[(self.queue.clone(), self.position)], LIMITS).await {
                Ok(read) => {
                    for records in read {
                        self.take(records.records, records.next);
                    }
                }
                // The front of the topic was cut.
                Err(LogError::OutOfRange { range, .. }) if self.position < range.earliest => {
                    self.position = range.earliest;
                }
                Err(error) => {
                    tracing::warn!(%error, queue = %self.queue, "the schema topic cannot be read");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    fn take(&mut self, records: Vec<(u64, LogRecord)>, next: u64) {
        for (offset, record) in &records {
            // One record at a time: readers need not wait for a batch.
            let applied = self.shared.state_mut().apply(*offset, record);
            let Some(claim) = applied.claim else { continue };
            if let Some(writer) = lock(&self.waiting).remove(&claim) {
                // A writer that is gone need not know.
                let _ = writer.send(applied.counts);
            }
        }
        self.position = next;
        self.folded.send_replace(next);
    }
}
