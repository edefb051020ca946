//! The offset log of a cluster: barriers and commits, of which only those of the owner count. Each
//! worker folds all of it.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gantry_api::{OffsetMap, SourcePartition, Str};
use gantry_cluster::{
    Epoch, Fate, Incarnation, OffsetCollector, OffsetFold, OffsetRecord, Scope, TransactionId, Unit,
};
use gantry_log::{FullLog, LogError, LogRecord, OffsetRange, QueueBatch, TopicPartition};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

use super::Change;
use super::task::CommitError;
use crate::cluster::{Copies, REQUEST_LIMIT};
use crate::error::HerderError;
use crate::topic_fold::{LIMITS, record_of_all, scan};

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
pub(crate) struct Fence {
    pub(crate) unit: Unit,
    pub(crate) generation: u64,
    pub(crate) claim: u64,
    /// The session that was begun last, and the last that was tried to begin.
    session: Arc<AtomicU64>,
    tried: Arc<AtomicU64>,
    commits: Arc<AtomicU64>,
    /// Held while something is written by this right: what is numbered first stands first.
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl Fence {
    pub(crate) fn new(unit: Unit, generation: u64, claim: u64) -> Self {
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

    /// One session further, which counts once it is [begun](Self::begun).
    pub(super) fn next_session(&self) -> Epoch {
        let session = self.tried.fetch_add(1, Ordering::Relaxed) + 1;
        Epoch { claim: self.claim, session }
    }

    /// From now on it is written in that session.
    fn begun(&self, epoch: Epoch) {
        self.session.store(epoch.session, Ordering::Relaxed);
    }

    /// The session that was begun last, or that of the claim itself.
    pub(super) fn session(&self) -> Epoch {
        Epoch { claim: self.claim, session: self.session.load(Ordering::Relaxed) }
    }

    fn scope(&self) -> Scope {
        Scope { connector: Str::clone(&self.unit.connector), generation: self.generation }
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
pub(crate) struct FencedOffsets {
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
    pub(crate) fn new(log: Arc<dyn FullLog>, queue: TopicPartition) -> Self {
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
    pub(crate) fn with_copies(self, copies: Copies) -> Self {
        Self { copies, ..self }
    }

    /// Brings the copy on disk up to date.
    pub(crate) async fn copy(&self) {
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
    pub(super) fn topic(&self) -> &Str {
        &self.queue.topic
    }

    fn lock(&self) -> MutexGuard<'_, OffsetFold> {
        self.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folds all that is there now.
    pub(crate) async fn catch_up(&self) -> Result<(), LogError> {
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
    pub(crate) async fn follow(&self) -> Result<(), LogError> {
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

    /// Appends a record and folds up to it.
    async fn write(&self, record: OffsetRecord) -> Result<(), LogError> {
        let before = *self.folded.borrow();
        let at = self.append(vec![record]).await?;
        if before.is_some_and(|before| at < before) {
            // A broker lost records that were read here, and others take their place: what they
            // said never counted for who comes later.
            tracing::warn!(topic = %self.queue, at, folded = before, "the offset topic lost its end; reading it anew");
            self.forget();
        }
        self.fold_to(at + 1).await
    }

    /// Reads all anew.
    fn forget(&self) {
        let mut fold = self.lock();
        *fold = OffsetFold::default();
        self.folded.send_replace(None);
    }

    async fn append(&self, records: Vec<OffsetRecord>) -> Result<u64, LogError> {
        let records = records.into_iter().map(|record| {
            let scope = record.scope();
            let key = scope.map(|scope| Bytes::copy_from_slice(scope.connector.as_bytes()));
            let value = serde_json::to_vec(&Stored { v: FORMAT, record }).unwrap_or_default();
            record_of_all(key, Some(value.into()))
        });
        let batch = QueueBatch { to: self.queue.clone(), records: records.collect() };
        let at = self.log.append(vec![batch]).await?.await?;
        Ok(at.first().map_or(0, |offsets| offsets.start))
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
    pub(crate) async fn keep(&self, by: Incarnation) -> Result<(), LogError> {
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
    pub(crate) async fn barrier(&self, fence: &Fence) -> Result<bool, LogError> {
        self.begin_session(fence, Epoch::of(fence.claim), None).await
    }

    /// Begins a session of an owner: what its former ones commit counts no more. False: somebody
    /// newer has the unit.
    pub(super) async fn begin_session(
        &self,
        fence: &Fence,
        epoch: Epoch,
        transaction: Option<TransactionId>,
    ) -> Result<bool, LogError> {
        let _one = fence.writing.lock().await;
        let (scope, unit) = (fence.scope(), fence.unit.clone());
        self.write(OffsetRecord::Barrier { scope, unit, epoch, transaction }).await?;
        let holds = self.holds(fence, epoch);
        if holds {
            fence.begun(epoch);
        }
        Ok(holds)
    }

    fn holds(&self, fence: &Fence, epoch: Epoch) -> bool {
        self.lock().holds(&fence.scope(), &fence.unit, epoch)
    }

    /// Commits, with the ends of what counts of a transaction; durable and counted on return.
    pub(super) async fn commit(
        &self,
        fence: &Fence,
        epoch: Epoch,
        changes: Vec<Change>,
        ends: Vec<(Str, u32, u64)>,
    ) -> Result<(), CommitError> {
        let _one = fence.writing.lock().await;
        let (scope, unit, offsets) = (fence.scope(), fence.unit.clone(), texts(changes));
        let sequence = fence.commits.fetch_add(1, Ordering::Relaxed) + 1;
        let commit = OffsetRecord::Commit { scope, unit, epoch, sequence, offsets, ends };
        self.write(commit).await?;
        // Epochs only grow: who holds the unit now held it when the commit was stored.
        if self.holds(fence, epoch) { Ok(()) } else { Err(CommitError::Fenced) }
    }

    /// Looks at what is committed.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&OffsetFold) -> T) -> T {
        look(&self.lock())
    }

    /// Ends sessions; see [`Orphans`](gantry_cluster::Orphans).
    pub(crate) async fn end_sessions(&self, ends: Vec<OffsetRecord>) -> Result<(), LogError> {
        if ends.is_empty() {
            return Ok(());
        }
        tracing::info!(count = ends.len(), "ends exactly-once sessions whose owners are gone");
        self.append(ends).await.map(|_| ())
    }

    /// What becomes of the records of a transaction in one queue, as far as it is known here, and
    /// up to where the topic was read for that.
    pub(super) fn fate(
        &self,
        id: TransactionId,
        of: &TopicPartition,
    ) -> (Option<Fate>, Option<u64>) {
        let fold = self.lock();
        (fold.fate(id, &of.topic, of.partition), *self.folded.borrow())
    }

    /// Up to where the topic is folded, now and whenever it goes on.
    pub(super) fn folded(&self) -> watch::Receiver<Option<u64>> {
        self.folded.subscribe()
    }

    /// Where the topic ends now.
    pub(super) async fn end(&self) -> Result<u64, LogError> {
        Ok(self.log.range(&self.queue).await?.next)
    }

    /// Forgets now and then what is known of records that are no longer in the log. Beside
    /// [`FencedOffsets::follow`], which must not wait for all these queues.
    pub(crate) async fn prune(&self) -> Infallible {
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

    /// Writes what a user asks for, of a connector that has no tasks.
    pub(super) async fn edit(
        &self,
        connector: &str,
        changes: Vec<Change>,
    ) -> Result<(), HerderError> {
        self.catch_up().await?;
        let generation = self.last_stamp(connector) + 1;
        let scope = Scope { connector: connector.into(), generation };
        let id = fastrand::u64(1..);
        let edit = OffsetRecord::Edit { scope: scope.clone(), id, offsets: texts(changes) };
        let written = tokio::time::timeout(REQUEST_LIMIT, self.write(edit)).await;
        written.map_err(|_| {
            HerderError::timeout(format!(
                "The offsets of connector {connector} could not be written within {} s: look at \
                 them before they are changed again, as they may be written yet",
                REQUEST_LIMIT.as_secs()
            ))
        })??;
        match self.read(|fold| fold.is_edited(&scope, id)) {
            true => Ok(()),
            false => Err(HerderError::conflict(format!(
                "Connector {connector} was started, or its offsets were changed by another \
                 request, at the same time; try again while it is stopped"
            ))),
        }
    }

    /// Generation and last stamp of each connector that was seen here.
    pub(crate) fn stamps(&self) -> Vec<(Str, u64, u64)> {
        let fold = self.lock();
        let stamps = fold
            .names()
            .map(|name| (Str::clone(name), fold.generation(name), fold.last_stamp(name)));
        stamps.collect()
    }

    /// The latest generation of a connector that was seen here.
    pub(crate) fn generation(&self, connector: &str) -> u64 {
        self.lock().generation(connector)
    }

    /// The largest stamp of a connector that was seen here.
    pub(crate) fn last_stamp(&self, connector: &str) -> u64 {
        self.lock().last_stamp(connector)
    }

    /// All partitions and offsets of a connector.
    pub(super) fn each(&self, connector: &str) -> Vec<(OffsetMap, OffsetMap)> {
        let fold = self.lock();
        let read = |(partition, offset)| {
            Some((serde_json::from_str(partition).ok()?, serde_json::from_str(offset).ok()?))
        };
        fold.of(connector).filter_map(read).collect()
    }

    /// The offset of one partition.
    pub(super) fn get(&self, connector: &str, partition: &SourcePartition) -> Option<OffsetMap> {
        let fold = self.lock();
        serde_json::from_str(fold.get(connector, partition.canonical())?).ok()
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

fn texts(changes: Vec<Change>) -> Vec<(String, Option<String>)> {
    let text = |(partition, offset): (SourcePartition, Option<OffsetMap>)| {
        let offset = offset.map(|map| Json::Object(map).to_string());
        (partition.canonical().to_string(), offset)
    };
    changes.into_iter().map(text).collect()
}

impl std::fmt::Debug for FencedOffsets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FencedOffsets({})", self.queue)
    }
}
