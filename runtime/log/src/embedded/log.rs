//! The open log: its threads, and the three traits.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::catalog::Catalog;
use super::config::EmbeddedConfig;
use super::disk::{Disk, SystemDisk};
use super::frame::{FRAME_BYTES_MAX, FrameBuilder, FrameKind, SECTION_HEADER_BYTES};
use super::housekeeper::{Housekeeper, Nudge};
use super::inbox::{Ask, Batch, CHANGES_MAX, Command, Inbox};
use super::lock::DirLock;
use super::private;
use super::read::{Fault, Ready, offset_for_time, read_ready};
use super::record::{HEADER_OVERHEAD_MAX, RECORD_OVERHEAD_MAX};
use super::recovery::recover;
use super::state::{Shared, Source};
use super::writer::Writer;
use crate::api::{
    Durable, Log, LogAdmin, LogError, LogGroup, OffsetRange, QueueBatch, QueueRecords, ReadLimits,
    Session, TopicInfo, TopicLikeness, TopicSpec,
};
use crate::names::{check_more_queues, check_topic};
use crate::sync::{lock, set_times};
use crate::{Str, TopicPartition};

const SEGMENT_BYTES_MIN: u64 = 4 << 10;
const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// Longest intervals that make sense; more is taken for this.
const SYNC_INTERVAL_MS_MAX: u64 = 60_000;
const RETENTION_CHECK_INTERVAL_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// Bytes that an append counts for besides its records, so that many small ones are bounded too.
const APPEND_OVERHEAD: usize = 256;

/// Longest single wait of a read; a caller who asks for more waits this long.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads of the segment that is written to, up to this many bytes, run on the caller's thread:
/// they come from memory. All others go to a thread that may block.
const INLINE_BYTES_MAX: usize = 256 << 10;

/// How often a read looks again when retention deletes files under it.
const READ_ATTEMPTS: usize = 5;

/// A durable log in a directory. Appends are acknowledged when they are on disk; one append is
/// one atomic write. Dropping it closes it, which blocks for the last sync;
/// [`EmbeddedLog::close`] does the same without blocking the caller's thread.
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    in_flight: Arc<Semaphore>,
    in_flight_max: usize,
    changes: Arc<Semaphore>,
    running: Arc<Running>,
}

impl Debug for EmbeddedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedLog").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

/// What is to be ended when the log closes.
struct Running {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    nudge: Nudge,
    threads: Mutex<Option<(DirLock, Vec<JoinHandle<()>>)>>,
}

impl Running {
    /// Writes and syncs what was accepted, ends the threads, frees the directory. Blocks.
    fn shut_down(&self) {
        self.inbox.close();
        self.nudge.stop();
        // Held to the end, so that a second caller returns when the log is closed, not before.
        let mut threads = lock(&self.threads);
        if let Some((dir_lock, handles)) = threads.take() {
            for thread in handles {
                if thread.join().is_err() {
                    tracing::error!("a thread of the log panicked");
                }
            }
            for waiter in self.shared.state().close() {
                waiter.notify_one();
            }
            drop(dir_lock);
        }
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.running.shut_down();
    }
}

/// Tells callers that the log is closed, should the writer end unasked.
struct AbandonOnExit(Arc<Inbox>);

impl Drop for AbandonOnExit {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl EmbeddedLog {
    /// Opens the log in `config.dir`, or begins a new one there, and starts its two threads.
    /// Blocks; reads at most one segment if the log was closed well. Fails with
    /// [`LogError::Locked`] if another process has the directory, with [`LogError::Corrupt`] if
    /// acknowledged data is damaged, with [`LogError::Unavailable`] if files cannot be used.
    pub fn open(config: EmbeddedConfig) -> Result<Self, LogError> {
        Self::open_on(config, Arc::new(SystemDisk))
    }

    pub(crate) fn open_on(
        mut config: EmbeddedConfig,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, LogError> {
        config.segment_bytes = config.segment_bytes.clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
        config.sync_interval_ms = config.sync_interval_ms.min(SYNC_INTERVAL_MS_MAX);
        config.retention_check_interval_ms =
            config.retention_check_interval_ms.clamp(1, RETENTION_CHECK_INTERVAL_MS_MAX);
        let in_flight_max = config.max_in_flight_bytes.clamp(1, u32::MAX as usize);
        private::create_dir_all(&config.dir).map_err(|error| {
            let dir = config.dir.display();
            LogError::Unavailable(format!("cannot create {dir}: {error}").into())
        })?;
        let dir_lock = DirLock::take(&config.dir)?;
        let (state, tail) = recover(&config, &*disk)?;
        let shared = Arc::new(Shared::new(config, state));
        let inbox = Arc::new(Inbox::default());
        let nudge = Nudge::default();
        let running = Running {
            shared: Arc::clone(&shared),
            inbox: Arc::clone(&inbox),
            nudge: nudge.clone(),
            threads: Mutex::new(None),
        };
        let writer = Writer::new(
            Arc::clone(&shared),
            Arc::clone(&inbox),
            Arc::clone(&disk),
            nudge.clone(),
            tail,
        );
        let abandon = AbandonOnExit(Arc::clone(&inbox));
        let write = spawn("log-writer", move || {
            let _abandon = abandon;
            writer.run();
        })?;
        let housekeeper = Housekeeper {
            shared: Arc::clone(&shared),
            inbox: Arc::clone(&inbox),
            disk,
            nudge: nudge.clone(),
        };
        let tidy = spawn("log-housekeeper", move || housekeeper.run()).inspect_err(|_| {
            inbox.close();
        })?;
        *lock(&running.threads) = Some((dir_lock, vec![write, tidy]));
        nudge.nudge();
        Ok(Self {
            shared,
            inbox,
            in_flight: Arc::new(Semaphore::new(in_flight_max)),
            in_flight_max,
            changes: Arc::new(Semaphore::new(CHANGES_MAX)),
            running: Arc::new(running),
        })
    }

    /// Makes durable what was accepted, ends the threads and frees the directory. Calls after
    /// that answer [`LogError::Closed`]. May be called more than once.
    pub async fn close(&self) {
        let running = Arc::clone(&self.running);
        if tokio::task::spawn_blocking(move || running.shut_down()).await.is_err() {
            tracing::error!("closing the log failed");
        }
    }

    /// Names become numbers, and sizes are checked: what an append may cost.
    fn resolve(&self, batches: &[QueueBatch]) -> Result<(Vec<u32>, usize), LogError> {
        let limit = self.shared.config.max_record_bytes;
        let mut total = APPEND_OVERHEAD;
        for batch in batches {
            total += SECTION_HEADER_BYTES;
            for record in &batch.records {
                let bytes = record.size();
                if bytes > limit {
                    return Err(LogError::TooLarge { bytes, limit });
                }
                let headers = record.headers.len() * HEADER_OVERHEAD_MAX;
                total += bytes + RECORD_OVERHEAD_MAX + headers;
            }
        }
        if total > FRAME_BYTES_MAX / 2 {
            return Err(LogError::TooLarge { bytes: total, limit: FRAME_BYTES_MAX / 2 });
        }
        let state = self.shared.open_state()?;
        let numbers = batches.iter().map(|batch| state.catalog.queue(&batch.to));
        Ok((numbers.collect::<Result<_, _>>()?, total))
    }

    async fn permit(
        &self,
        of: &Arc<Semaphore>,
        count: usize,
    ) -> Result<OwnedSemaphorePermit, LogError> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Arc::clone(of).acquire_many_owned(count).await.map_err(|_| LogError::Closed)
    }

    async fn change(&self, ask: Ask) -> Result<(), LogError> {
        let permit = self.permit(&self.changes, 1).await?;
        let (reply, done) = oneshot::channel();
        self.inbox.push(Command::Change { ask, reply, permit })?;
        done.await.unwrap_or(Err(LogError::Closed))
    }

    /// Checks all queues; those that have something are ready, and if none has, `waiter` is told
    /// when one gets something.
    fn look(
        &self,
        from: &[(TopicPartition, u64)],
        limits: &ReadLimits,
        waiter: Option<&mut Waiter>,
    ) -> Result<Vec<Ready>, LogError> {
        let mut state = self.shared.open_state()?;
        let mut ready = Vec::new();
        let mut empty = Vec::with_capacity(from.len());
        for (name, offset) in from {
            let (queue, end) = state.check(name, *offset)?;
            match state.locate(queue, *offset, limits.max_bytes) {
                None => empty.push(queue),
                Some(source) => {
                    let (name, from) = (name.clone(), *offset);
                    ready.push(Ready { name, queue, from, end, source });
                }
            }
        }
        if let Some(waiter) = waiter.filter(|_| ready.is_empty()) {
            state.stop_waiting(&waiter.queues, &waiter.notify);
            state.wait(&empty, &waiter.notify);
            waiter.queues = empty;
        }
        Ok(ready)
    }

    async fn fetch(
        &self,
        ready: Vec<Ready>,
        limits: ReadLimits,
    ) -> Result<Vec<QueueRecords>, Fault> {
        let in_memory = |one: &Ready| matches!(one.source, Source::Active { .. });
        if limits.max_bytes <= INLINE_BYTES_MAX && ready.iter().all(in_memory) {
            return read_ready(&self.shared, ready, &limits);
        }
        let shared = Arc::clone(&self.shared);
        blocking(move || read_ready(&shared, ready, &limits)).await
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, LogError> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    spawned.map_err(|error| {
        LogError::Unavailable(format!("cannot start the thread {name}: {error}").into())
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_cancelled() => Err(Fault::Log(LogError::Closed)),
        Err(_) => Err(Fault::Log(LogError::Unavailable("a read panicked".into()))),
    }
}

fn encode(batches: Vec<QueueBatch>, numbers: &[u32], size: usize) -> (FrameBuilder, Vec<Batch>) {
    let mut frame = FrameBuilder::new(FrameKind::Records, size);
    let mut placed = Vec::with_capacity(batches.len());
    for (QueueBatch { to, records }, queue) in batches.into_iter().zip(numbers.iter().copied()) {
        let before = frame.sections().len();
        frame.put_records(queue, &records);
        placed.push(Batch { to, queue, sections: frame.sections().len() - before });
    }
    (frame, placed)
}

/// A read that waits; it stops waiting when it is dropped.
struct Waiter {
    shared: Arc<Shared>,
    notify: Arc<Notify>,
    queues: Vec<u32>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if !self.queues.is_empty() {
            self.shared.state().stop_waiting(&self.queues, &self.notify);
        }
    }
}

#[async_trait]
impl Log for EmbeddedLog {
    fn is_atomic(&self) -> bool {
        true
    }

    async fn append_in(
        &self,
        session: &Session,
        mut batches: Vec<QueueBatch>,
    ) -> Result<Durable, LogError> {
        if session.is_broken() {
            return Err(LogError::SessionBroken);
        }
        set_times(&mut batches);
        let (numbers, size) = self.resolve(&batches)?;
        let permit = self.permit(&self.in_flight, size.min(self.in_flight_max)).await?;
        let (frame, batches) = encode(batches, &numbers, size);
        let (reply, done) = oneshot::channel();
        let session = session.clone();
        self.inbox.push(Command::Append { frame, batches, session, reply, permit })?;
        Ok(Box::pin(async move { done.await.unwrap_or(Err(LogError::Closed)) }))
    }

    async fn read(
        &self,
        from: &[(TopicPartition, u64)],
        limits: ReadLimits,
    ) -> Result<Vec<QueueRecords>, LogError> {
        let deadline = Instant::now() + limits.wait.min(WAIT_MAX);
        let mut waiter = None;
        let mut attempts = 0;
        loop {
            let ready = self.look(from, &limits, waiter.as_mut())?;
            if !ready.is_empty() {
                match self.fetch(ready, limits).await {
                    Ok(records) => return Ok(records),
                    Err(Fault::Gone) if attempts < READ_ATTEMPTS => attempts += 1,
                    Err(Fault::Gone) => {
                        let reason = "files were deleted while they were read";
                        return Err(LogError::Unavailable(reason.into()));
                    }
                    Err(Fault::Log(error)) => return Err(error),
                }
                continue;
            }
            if limits.wait.is_zero() {
                return Ok(Vec::new());
            }
            let Some(waiter) = &waiter else {
                let (shared, notify) = (Arc::clone(&self.shared), Arc::default());
                waiter = Some(Waiter { shared, notify, queues: Vec::new() });
                continue;
            };
            if timeout_at(deadline, waiter.notify.notified()).await.is_err() {
                return Ok(Vec::new());
            }
        }
    }

    async fn range(&self, of: &TopicPartition) -> Result<OffsetRange, LogError> {
        self.shared.open_state()?.range(of)
    }

    async fn offset_for_time(
        &self,
        of: &TopicPartition,
        timestamp_ms: i64,
    ) -> Result<Option<u64>, LogError> {
        for _ in 0..READ_ATTEMPTS {
            let (queue, from) = {
                let state = self.shared.open_state()?;
                let (number, queue) = state.queue(of)?;
                (number, queue.earliest)
            };
            let shared = Arc::clone(&self.shared);
            match blocking(move || offset_for_time(&shared, queue, from, timestamp_ms)).await {
                Ok(found) => return Ok(found),
                Err(Fault::Gone) => {}
                Err(Fault::Log(error)) => return Err(error),
            }
        }
        Err(LogError::Unavailable("files were deleted while they were read".into()))
    }
}

#[async_trait]
impl LogAdmin for EmbeddedLog {
    async fn topics(&self) -> Result<BTreeMap<Str, TopicInfo>, LogError> {
        let state = self.shared.open_state()?;
        let topics = state.catalog.topics.iter();
        Ok(topics.map(|(name, topic)| (Str::clone(name), Catalog::info(topic))).collect())
    }

    async fn topic(&self, name: &str) -> Result<Option<TopicInfo>, LogError> {
        let state = self.shared.open_state()?;
        Ok(state.catalog.topics.get(name).map(Catalog::info))
    }

    async fn create_topic(&self, name: &str, spec: TopicSpec) -> Result<(), LogError> {
        self.create_topic_like(name, spec, &TopicLikeness::default()).await
    }

    async fn create_topic_like(
        &self,
        name: &str,
        spec: TopicSpec,
        likeness: &TopicLikeness,
    ) -> Result<(), LogError> {
        check_topic(name, &spec)?;
        self.change(Ask::Create(name.into(), spec, likeness.first_offsets.clone())).await
    }

    async fn add_queues(
        &self,
        name: &str,
        queues: u32,
        first_offsets: &[u64],
    ) -> Result<(), LogError> {
        check_more_queues(name, queues)?;
        match self.change(Ask::Grow(name.into(), queues, first_offsets.to_vec())).await {
            Err(LogError::TopicExists(_)) => Ok(()),
            other => other,
        }
    }

    async fn delete_topic(&self, name: &str) -> Result<(), LogError> {
        self.change(Ask::Delete(name.into())).await
    }

    fn topic_changes(&self) -> watch::Receiver<u64> {
        self.shared.topics_changed.subscribe()
    }
}

#[async_trait]
impl LogGroup for EmbeddedLog {
    async fn committed(
        &self,
        group: &str,
        of: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>, LogError> {
        Ok(self.shared.open_state()?.catalog.committed(group, of))
    }

    async fn commit(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, Option<u64>>,
    ) -> Result<(), LogError> {
        self.change(Ask::Commit(group.into(), offsets.clone())).await
    }

    async fn groups(&self) -> Result<BTreeMap<Str, BTreeMap<TopicPartition, u64>>, LogError> {
        Ok(self.shared.open_state()?.catalog.groups())
    }

    async fn delete_group(&self, group: &str) -> Result<(), LogError> {
        self.change(Ask::DeleteGroup(group.into())).await
    }
}

/// For the tests of this module.
#[cfg(test)]
impl EmbeddedLog {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn roll(&self) {
        self.inbox.push(Command::Roll).unwrap();
    }
}
