//! The offset log of a cluster: barriers and commits, of which only those of the owner count. Each
//! worker folds all of it.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gantry_cluster::{
    Epoch, Fate, Incarnation, OffsetCollector, OffsetFold, OffsetRecord, Scope, TransactionId, Unit,
};
use gantry_log::{
    FullLog, LogError, LogRecord, OffsetRange, QueueBatch, RecordHeader, Str, TopicPartition,
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

use crate::copies::Copies;
use crate::topics::{LIMITS, record_of_all, scan};
use crate::transactions::mark;

/// Offsets by partition, both as JSON text; `None` forgets one.
pub type Texts = Vec<(String, Option<String>)>;
/// Topic, queue, and the offset behind the last record that counts.
pub type Ends = Vec<(Str, u32, u64)>;

/// Why offsets were not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The log could not take them; it may later.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Another worker has the task.
    #[error("another worker has this task")]
    Fenced,
}

/// The form of records that this version writes; it reads the one before and the one behind.
const FORMAT: u32 = 1;
/// After so many records a snapshot is due …
const SNAPSHOT_RECORDS: u64 = 10_000;
/// … and after so long: a small part of the time for which brokers keep records.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);
/// How long a record that is durable may take to be read back.
const READ_BACK_LIMIT: Duration = Duration::from_secs(30);
/// How often queues are looked at whose old records may have gone.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// By what right a task commits: it has claimed the unit in this epoch. Clones count together.
#[derive(Clone, Debug)]
pub struct Fence {
    /// What it has claimed.
    pub unit: Unit,
    /// Of a task, of its connector's tasks.
    pub generation: u64,
    /// The epoch of the claim.
    pub claim: u64,
    /// The session that was begun last, and the last that was tried to begin.
    session: Arc<AtomicU64>,
    tried: Arc<AtomicU64>,
    commits: Arc<AtomicU64>,
    /// Held while something is written by this right: what is numbered first stands first.
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl Fence {
    /// The right of a claim; nothing was written by it yet.
    pub fn new(unit: Unit, generation: u64, claim: u64) -> Self {
        Self {
            unit,
            generation,
            claim,
            session: Arc::default(),
            tried: Arc::default(),
            commits: Arc::default(),
            writing: Arc::default(),
        }
    }

    /// One session further, which counts once it is begun.
    pub fn next_session(&self) -> Epoch {
        let session = self.tried.fetch_add(1, Ordering::Relaxed) + 1;
        Epoch { claim: self.claim, session }
    }

    /// From now on it is written in that session.
    fn begun(&self, epoch: Epoch) {
        self.session.store(epoch.session, Ordering::Relaxed);
    }

    /// The session that was begun last, or that of the claim itself.
    pub fn session(&self) -> Epoch {
        Epoch { claim: self.claim, session: self.session.load(Ordering::Relaxed) }
    }

    fn scope(&self) -> Scope {
        Scope { connector: Str::clone(&self.unit.connector), generation: self.generation }
    }

    /// The next commit in a session.
    fn next_commit(&self, epoch: Epoch, offsets: Texts, ends: Ends) -> OffsetRecord {
        let (scope, unit) = (self.scope(), self.unit.clone());
        let sequence = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
        OffsetRecord::Commit { scope, unit, epoch, sequence, offsets, ends }
    }
}

/// One session of an owner whose records count once it commits them.
#[derive(Debug)]
pub struct Transaction {
    offsets: Arc<FencedOffsets>,
    fence: Fence,
    epoch: Epoch,
    mark: RecordHeader,
}

impl Transaction {
    /// What its records are marked with.
    pub fn mark(&self) -> &RecordHeader {
        &self.mark
    }

    /// Commits offsets, and the records before the ends; durable on return.
    pub async fn commit(&self, offsets: Texts, ends: Ends) -> Result<(), CommitError> {
        self.offsets.commit(&self.fence, self.epoch, offsets, ends).await
    }

    /// The next commit, to be written by [`FencedOffsets::write`] with those of others, or in one
    /// piece with what it commits. Not while another one of the same owner is written.
    pub fn commit_record(&self, offsets: Texts, ends: Ends) -> OffsetRecord {
        self.fence.next_commit(self.epoch, offsets, ends)
    }

    /// Whether a commit of it counts, as far as the topic is folded here.
    pub fn holds(&self) -> bool {
        self.offsets.holds(&self.fence, self.epoch)
    }
}

/// What is copied to the disk.
#[derive(Serialize, Deserialize)]
struct Copied {
    folded: u64,
    fold: OffsetFold,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    v: u32,
    #[serde(flatten)]
    record: OffsetRecord,
}

/// What a cluster has committed.
pub struct FencedOffsets {
    log: Arc<dyn FullLog>,
    queue: TopicPartition,
    fold: Mutex<OffsetFold>,
    /// Up to where the topic was folded, once it was begun. Changed with `fold` locked.
    folded: watch::Sender<Option<u64>>,
    /// The last record that the latest snapshot counts, as far as it is known here.
    snapshot_upto: AtomicU64,
    /// When one was last written here.
    snapshot_at: Mutex<Instant>,
    /// Copies on disk, and up to where the last one was folded.
    copies: Copies,
    copied_upto: AtomicU64,
    /// Records that could not be read.
    passed_over: AtomicU64,
}

impl FencedOffsets {
    /// Of a topic of one queue, which is there; nothing is read yet.
    pub fn new(log: Arc<dyn FullLog>, queue: TopicPartition) -> Self {
        Self {
            log,
            queue,
            fold: Mutex::default(),
            folded: watch::Sender::new(None),
            snapshot_upto: AtomicU64::new(0),
            snapshot_at: Mutex::new(Instant::now()),
            copies: Copies::default(),
            copied_upto: AtomicU64::new(0),
            passed_over: Default::default(),
        }
    }

    /// The same for one that has copies on disk to go on from.
    pub fn with_copies(self, copies: Copies) -> Self {
        Self { copies, ..self }
    }

    /// Brings the copy on disk up to date.
    pub async fn copy(&self) {
        let copied = {
            let fold = self.lock();
            let Some(folded) = *self.folded.borrow() else { return };
            if self.copied_upto.swap(folded, Ordering::AcqRel) == folded {
                return;
            }
            Copied { folded, fold: fold.clone() }
        };
        self.copies.write(&self.queue.topic, &copied).await;
    }

    /// Writes the copy on disk, and what is still there on top of it, as a snapshot into a topic
    /// that has forgotten what came before; false: there is none.
    async fn revive(&self, range: OffsetRange) -> Result<bool, LogError> {
        let Some(Copied { folded, mut fold }) = self.copies.read(&self.queue.topic).await else {
            return Ok(false);
        };
        let mut upto = folded.saturating_sub(1);
        if !(range.earliest..=range.next).contains(&folded) {
            let take = |_, record: &LogRecord| {
                if let Ok(Some(record)) = parse(record) {
                    fold.apply(&record);
                }
            };
            scan(&*self.log, &self.queue, range.earliest, range.next, take).await?;
            upto = range.next.saturating_sub(1);
        }
        self.append(fold.chunks(Incarnation(fastrand::u64(..)), upto)).await?;
        Ok(true)
    }

    /// The name of the topic.
    pub fn topic(&self) -> &Str {
        &self.queue.topic
    }

    fn lock(&self) -> MutexGuard<'_, OffsetFold> {
        self.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folds all that is there now.
    pub async fn catch_up(&self) -> Result<(), LogError> {
        let next = self.log.range(&self.queue).await?.next;
        self.fold_to(next).await
    }

    /// Waits until the topic is folded up to an offset; who follows it reads.
    async fn fold_to(&self, upto: u64) -> Result<(), LogError> {
        let mut folded = self.folded.subscribe();
        let reached = folded.wait_for(|folded| folded.is_some_and(|folded| folded >= upto));
        match tokio::time::timeout(READ_BACK_LIMIT, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(LogError::Unavailable(
                format!("{} cannot be read up to offset {upto}", self.queue).into(),
            )),
        }
    }

    /// Folds what comes, for as long as one read waits. One at a time: the cluster follows.
    pub async fn follow(&self) -> Result<(), LogError> {
        let folded = *self.folded.borrow();
        let Some(position) = folded else { return self.begin().await };
        let read = match self.log.read(&[(self.queue.clone(), position)], LIMITS).await {
            Err(LogError::OutOfRange { wanted, range, .. }) => {
                // What expired is in a snapshot only, and what a broker lost never counted.
                tracing::warn!(
                    topic = %self.queue, wanted, earliest = range.earliest, next = range.next,
                    "the offset topic does not reach to where it was read"
                );
                self.forget();
                return Ok(());
            }
            read => read?,
        };
        for batch in read {
            let mut fold = self.lock();
            for (_, record) in &batch.records {
                match parse(record) {
                    Ok(Some(record)) => {
                        if let OffsetRecord::Snapshot { upto, part, parts, .. } = &record
                            && part + 1 == *parts
                        {
                            self.snapshot_upto.fetch_max(*upto, Ordering::AcqRel);
                        }
                        fold.apply(&record);
                    }
                    Ok(None) => {}
                    Err(reason) => self.pass_over(&reason),
                }
            }
            self.folded.send_replace(Some(batch.next));
        }
        Ok(())
    }

    fn pass_over(&self, reason: &str) {
        let count = self.passed_over.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::warn!(topic = %self.queue, count, reason, "a record is not ours; passed over");
    }

    /// Appends records and folds up to them.
    pub async fn write(&self, records: Vec<OffsetRecord>) -> Result<(), LogError> {
        let (before, count) = (*self.folded.borrow(), records.len() as u64);
        let at = self.append(records).await?;
        if before.is_some_and(|before| at < before) {
            // A broker lost records that were read here, and others take their place: what they
            // said never counted for who comes later.
            tracing::warn!(topic = %self.queue, at, folded = before, "the offset topic lost its end; reading it anew");
            self.forget();
        }
        self.fold_to(at + count).await
    }

    /// Reads all anew.
    fn forget(&self) {
        let mut fold = self.lock();
        *fold = OffsetFold::default();
        self.folded.send_replace(None);
    }

    async fn append(&self, records: Vec<OffsetRecord>) -> Result<u64, LogError> {
        let at = self.log.append(vec![self.batch(records)]).await?.await?;
        Ok(at.first().map_or(0, |offsets| offsets.start))
    }

    /// Records of the topic, to be appended in one piece with others.
    pub fn batch(&self, records: Vec<OffsetRecord>) -> QueueBatch {
        let records = records.into_iter().map(|record| {
            let scope = record.scope();
            let key = scope.map(|scope| Bytes::copy_from_slice(scope.connector.as_bytes()));
            let value = serde_json::to_vec(&Stored { v: FORMAT, record }).unwrap_or_default();
            record_of_all(key, Some(value.into()))
        });
        QueueBatch { to: self.queue.clone(), records: records.collect() }
    }

    /// Begins to fold at the latest snapshot, if there is one.
    async fn begin(&self) -> Result<(), LogError> {
        let (mut range, mut found) = self.restored().await?;
        if found.is_none() && range.earliest > 0 && self.revive(range).await? {
            (range, found) = self.restored().await?;
        }
        self.begin_with(range, found);
        Ok(())
    }

    /// What the topic has, and the latest snapshot in it.
    async fn restored(&self) -> Result<(OffsetRange, Option<(u64, OffsetFold)>), LogError> {
        let range = self.log.range(&self.queue).await?;
        let near = range.next.saturating_sub(3 * SNAPSHOT_RECORDS).max(range.earliest);
        let mut found = self.latest_snapshot(near, range.next).await?;
        if found.is_none() && near > range.earliest {
            found = self.latest_snapshot(range.earliest, range.next).await?;
        }
        Ok((range, found))
    }

    fn begin_with(&self, range: OffsetRange, found: Option<(u64, OffsetFold)>) {
        match found {
            Some((upto, fold)) => {
                let mut known = self.lock();
                *known = fold;
                self.snapshot_upto.store(upto, Ordering::Release);
                self.folded.send_replace(Some((upto + 1).max(range.earliest)));
            }
            None => {
                if range.earliest > 0 {
                    tracing::error!(
                        topic = %self.queue, earliest = range.earliest,
                        "older records are gone and there is no snapshot of them: connectors may \
                         begin anew"
                    );
                }
                self.folded.send_replace(Some(range.earliest));
            }
        }
    }

    async fn latest_snapshot(
        &self,
        from: u64,
        to: u64,
    ) -> Result<Option<(u64, OffsetFold)>, LogError> {
        let mut collector = OffsetCollector::default();
        let mut latest = None;
        let look = |_, record: &LogRecord| {
            let Ok(Some(record)) = parse(record) else { return };
            latest = collector.take(&record).or_else(|| latest.take());
        };
        scan(&*self.log, &self.queue, from, to, look).await?;
        Ok(latest)
    }

    /// Writes a snapshot if one is due: after so many records, so that who comes need not read
    /// all, and after so long, so that no broker can have forgotten what it counts.
    pub async fn keep(&self, by: Incarnation) -> Result<(), LogError> {
        let chunks = {
            let fold = self.lock();
            let Some(folded) = *self.folded.borrow() else { return Ok(()) };
            let since = folded.saturating_sub(self.snapshot_upto.load(Ordering::Acquire));
            let mut at = self.snapshot_at.lock().unwrap_or_else(PoisonError::into_inner);
            let due = since >= SNAPSHOT_RECORDS || since > 1 && at.elapsed() >= SNAPSHOT_INTERVAL;
            if !due {
                return Ok(());
            }
            *at = Instant::now();
            let upto = folded.saturating_sub(1);
            self.snapshot_upto.store(upto, Ordering::Release);
            fold.chunks(by, upto)
        };
        self.append(chunks).await.map(|_| ())
    }

    /// Takes a unit over: what older owners commit counts no more, and all that they have
    /// committed is known. False: somebody newer has it.
    pub async fn barrier(&self, fence: &Fence) -> Result<bool, LogError> {
        self.begin_session(fence, Epoch::of(fence.claim), None).await
    }

    /// Begins a session of an owner: what its former ones commit counts no more. False: somebody
    /// newer has the unit.
    pub async fn begin_session(
        &self,
        fence: &Fence,
        epoch: Epoch,
        transaction: Option<TransactionId>,
    ) -> Result<bool, LogError> {
        let _one = fence.writing.lock().await;
        let (scope, unit) = (fence.scope(), fence.unit.clone());
        self.write(vec![OffsetRecord::Barrier { scope, unit, epoch, transaction }]).await?;
        let holds = self.holds(fence, epoch);
        if holds {
            fence.begun(epoch);
        }
        Ok(holds)
    }

    /// Begins a session whose records count once they are committed: nothing that a former one has
    /// not committed counts from here on.
    pub async fn begin_transaction(
        self: &Arc<Self>,
        fence: &Fence,
    ) -> Result<Transaction, CommitError> {
        let (epoch, id) = (fence.next_session(), TransactionId(fastrand::u64(..)));
        if !self.begin_session(fence, epoch, Some(id)).await? {
            return Err(CommitError::Fenced);
        }
        let (offsets, fence) = (Arc::clone(self), fence.clone());
        Ok(Transaction { mark: mark(id, self.topic()), offsets, fence, epoch })
    }

    fn holds(&self, fence: &Fence, epoch: Epoch) -> bool {
        self.lock().holds(&fence.scope(), &fence.unit, epoch)
    }

    /// Commits, with the ends of what counts of a transaction; durable and counted on return.
    pub async fn commit(
        &self,
        fence: &Fence,
        epoch: Epoch,
        offsets: Texts,
        ends: Ends,
    ) -> Result<(), CommitError> {
        let _one = fence.writing.lock().await;
        self.write(vec![fence.next_commit(epoch, offsets, ends)]).await?;
        // Epochs only grow: who holds the unit now held it when the commit was stored.
        if self.holds(fence, epoch) { Ok(()) } else { Err(CommitError::Fenced) }
    }

    /// Looks at what is committed.
    pub fn read<T>(&self, look: impl FnOnce(&OffsetFold) -> T) -> T {
        look(&self.lock())
    }

    /// Ends sessions; see [`Orphans`](gantry_cluster::Orphans).
    pub async fn end_sessions(&self, ends: Vec<OffsetRecord>) -> Result<(), LogError> {
        if ends.is_empty() {
            return Ok(());
        }
        tracing::info!(count = ends.len(), "ends exactly-once sessions whose owners are gone");
        self.append(ends).await.map(|_| ())
    }

    /// What becomes of the records of a transaction in one queue, as far as it is known here, and
    /// up to where the topic was read for that.
    pub fn fate(&self, id: TransactionId, of: &TopicPartition) -> (Option<Fate>, Option<u64>) {
        let fold = self.lock();
        (fold.fate(id, &of.topic, of.partition), *self.folded.borrow())
    }

    /// Up to where the topic is folded, now and whenever it goes on.
    pub fn folded(&self) -> watch::Receiver<Option<u64>> {
        self.folded.subscribe()
    }

    /// Where the topic ends now.
    pub async fn end(&self) -> Result<u64, LogError> {
        Ok(self.log.range(&self.queue).await?.next)
    }

    /// Forgets now and then what is known of records that are no longer in the log. Beside
    /// [`FencedOffsets::follow`], which must not wait for all these queues.
    pub async fn prune(&self) -> Infallible {
        loop {
            tokio::time::sleep(PRUNE_INTERVAL).await;
            let queues = self.lock().queues_of_the_past();
            for (topic, queue) in queues {
                let of = TopicPartition::new(Str::clone(&topic), queue);
                // A topic that is not there now may be that of a broker that is down.
                let Ok(range) = self.log.range(&of).await else { continue };
                self.lock().forget_before(&topic, queue, range.earliest);
            }
        }
    }

    /// Writes what a user asks for, of a connector that has no tasks. False: it was started, or
    /// its offsets were changed by another request, at the same time.
    pub async fn edit(&self, connector: &str, offsets: Texts) -> Result<bool, LogError> {
        self.catch_up().await?;
        let generation = self.last_stamp(connector) + 1;
        let scope = Scope { connector: connector.into(), generation };
        let id = fastrand::u64(1..);
        self.write(vec![OffsetRecord::Edit { scope: scope.clone(), id, offsets }]).await?;
        Ok(self.read(|fold| fold.is_edited(&scope, id)))
    }

    /// Generation and last stamp of each connector that was seen here.
    pub fn stamps(&self) -> Vec<(Str, u64, u64)> {
        let fold = self.lock();
        let stamps = fold
            .names()
            .map(|name| (Str::clone(name), fold.generation(name), fold.last_stamp(name)));
        stamps.collect()
    }

    /// The latest generation of a connector that was seen here.
    pub fn generation(&self, connector: &str) -> u64 {
        self.lock().generation(connector)
    }

    /// The largest stamp of a connector that was seen here.
    pub fn last_stamp(&self, connector: &str) -> u64 {
        self.lock().last_stamp(connector)
    }
}

/// Reads a record; `None` for one that is empty, as a compacting broker leaves them.
fn parse(record: &LogRecord) -> Result<Option<OffsetRecord>, String> {
    let Some(value) = &record.value else { return Ok(None) };
    let stored: Stored = serde_json::from_slice(value).map_err(|error| error.to_string())?;
    if stored.v.abs_diff(FORMAT) > 1 {
        return Err(format!(
            "it is written in format {}, and this version writes {FORMAT}",
            stored.v
        ));
    }
    Ok(Some(stored.record))
}

impl std::fmt::Debug for FencedOffsets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FencedOffsets({})", self.queue)
    }
}
