//! The sink task: values into lines, and commits that say how far into the file they reach.

mod resume;

use std::sync::Arc;
use std::time::Duration;

use gantry_api::model::text::java_string;
use gantry_api::{
    Error, Props, Result, SinkOffset, SinkOffsets, SinkRecord, SinkTask, SinkTaskContext, Str,
    TopicPartition, Value, async_trait,
};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::config::SinkConfig;
use super::mark::Mark;
use super::output::{BLOCK_BYTES, Output};
use super::surplus::Surplus;

/// A commit is asked for after so much, so that little is compared after a crash.
const COMMIT_BYTES: u64 = 16 * 1024 * 1024;
const COMMIT_LINES: u64 = 500_000;
/// How long, and how many bytes of, first lines wait for the commit that marks the file before
/// them.
const ANCHOR_WAIT: Duration = Duration::from_secs(1);
const ANCHOR_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Nothing delivered for so long, in so many empty puts: all records delivered again have come.
const QUIET: Duration = Duration::from_secs(2);
const QUIET_PUTS: u32 = 2;

/// Appends values to one file.
#[derive(Debug, Default)]
pub struct FileStreamSinkTask {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    ctx: SinkTaskContext,
    /// Whether other tasks write the same file: then nothing can be said about its end.
    shared: bool,
    output: Output,
    /// Lines not yet handed to the output.
    buffer: Vec<u8>,
    queues: Vec<Queue>,
    /// The queue of the last record: mostly that of the next.
    last: usize,
    /// How many records of the batch being put were taken before an error.
    taken: usize,
    phase: Phase,
    /// Written since the last mark.
    bytes: u64,
    lines: u64,
    commit: Commit,
    /// The last mark, as long as nothing was written after it.
    clean: Option<Option<Str>>,
}

#[derive(Debug)]
struct Queue {
    partition: TopicPartition,
    /// After the last record taken; `None` before the first.
    next: Option<u64>,
}

#[derive(Debug)]
enum Phase {
    /// No record yet: what was committed for each queue.
    Opening(Vec<(TopicPartition, Option<SinkOffset>)>),
    /// The first lines wait in the buffer for a commit that marks the file's length before them.
    Anchoring {
        /// The first offset of each queue.
        first: SinkOffsets,
        /// When the first line came.
        since: Option<Instant>,
        /// Whether the mark was given to a commit.
        marked: bool,
    },
    /// What follows the last commit in the file is compared with what is delivered again.
    /// `None` while a comparison runs or after it was broken off.
    Comparing { surplus: Option<Box<Surplus>>, progress: Instant, quiet_puts: u32, last: Instant },
    /// Plain appending.
    Writing,
}

/// A commit in the making while writing goes on.
#[derive(Debug)]
enum Commit {
    None,
    /// These offsets are in the file when the block being written is.
    Writing(SinkOffsets),
    /// The file is being synced.
    Syncing(SinkOffsets, JoinHandle<Result<Option<Mark>>>),
    /// Durable, and a commit was asked for.
    Ready(SinkOffsets),
}

#[async_trait]
impl SinkTask for FileStreamSinkTask {
    async fn start(&mut self, ctx: SinkTaskContext, props: &Props) -> Result<()> {
        let config = SinkConfig::parse(props)?;
        let output = Output::open(config.file).await?;
        self.running = Some(Running {
            ctx,
            shared: config.shared,
            output,
            buffer: Vec::new(),
            queues: Vec::new(),
            last: 0,
            taken: 0,
            phase: Phase::Opening(Vec::new()),
            bytes: 0,
            lines: 0,
            commit: Commit::None,
            clean: None,
        });
        Ok(())
    }

    async fn open(&mut self, queues: &[(TopicPartition, Option<SinkOffset>)]) -> Result<()> {
        let running = self.running()?;
        for (partition, _) in queues {
            running.queues.retain(|queue| queue.partition != *partition);
        }
        running.last = 0;
        // Later the file already holds what this task has written: a queue that comes then is
        // simply appended.
        if let Phase::Opening(opened) = &mut running.phase {
            opened.retain(|(partition, _)| !queues.iter().any(|(gained, _)| gained == partition));
            opened.extend_from_slice(queues);
        }
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let running = self.running()?;
        running.check_sync().await?;
        if records.is_empty() { running.idle().await } else { running.put(records).await }
    }

    async fn pre_commit(&mut self, written: &SinkOffsets) -> Result<SinkOffsets> {
        self.running()?.pre_commit(written).await
    }

    async fn flush(&mut self, _written: &SinkOffsets) -> Result<()> {
        self.running()?.sync().await.map(|_| ())
    }

    async fn close(&mut self, queues: &[TopicPartition]) -> Result<()> {
        let running = self.running()?;
        running.queues.retain(|queue| !queues.contains(&queue.partition));
        running.last = 0;
        if let Phase::Opening(opened) = &mut running.phase {
            opened.retain(|(partition, _)| !queues.contains(partition));
        }
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        // What was put and not committed is found again by a later start.
        if running.output.has_failed() {
            return Ok(());
        }
        if let Err(error) = running.sync().await {
            warn!(connector = %running.ctx.connector, %error, "last lines were not written");
        }
        Ok(())
    }
}

impl FileStreamSinkTask {
    fn running(&mut self) -> Result<&mut Running> {
        self.running.as_mut().ok_or_else(|| Error::connect("Not started"))
    }
}

impl Running {
    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        if matches!(self.phase, Phase::Opening(_)) {
            self.begin().await?;
        }
        // A retry brings the same batch again.
        let mut rest = records.get(self.taken..).unwrap_or_default();
        match &self.phase {
            Phase::Comparing { .. } => self.compare(rest).await?,
            Phase::Anchoring { .. } => self.put_first(rest),
            Phase::Opening(_) | Phase::Writing => {
                while !rest.is_empty() {
                    rest = self.format(rest, BLOCK_BYTES);
                    if self.buffer.len() >= BLOCK_BYTES {
                        self.hand_over().await?;
                    }
                }
            }
        }
        if matches!(self.phase, Phase::Anchoring { .. }) {
            self.ctx.request_commit();
        } else {
            self.hand_over().await?;
        }
        self.taken = 0;
        Ok(())
    }

    /// Takes lines without writing them, until the file's length before them is committed.
    fn put_first(&mut self, records: &[SinkRecord]) {
        self.format(records, usize::MAX);
        let Phase::Anchoring { first, since, marked } = &mut self.phase else { return };
        let waited = since.get_or_insert_with(Instant::now).elapsed();
        if *marked {
            self.phase = Phase::Writing;
            return;
        }
        for record in records {
            if !first.contains_key(&record.origin) {
                first.insert(record.origin.clone(), SinkOffset::new(record.offset));
            }
        }
        if waited > ANCHOR_WAIT || self.buffer.len() > ANCHOR_BYTES_MAX {
            debug!(connector = %self.ctx.connector, "no commit came, writing without a mark");
            self.phase = Phase::Writing;
        }
    }

    /// Nothing to read for now.
    async fn idle(&mut self) -> Result<()> {
        self.begin().await?;
        match &mut self.phase {
            Phase::Anchoring { marked, since, .. } => {
                let waited = since.is_some_and(|since| since.elapsed() > ANCHOR_WAIT);
                if !*marked && !waited {
                    return Ok(());
                }
                self.phase = Phase::Writing;
            }
            Phase::Comparing { quiet_puts, last, progress, .. } => {
                *quiet_puts += 1;
                let quiet = *quiet_puts >= QUIET_PUTS && last.elapsed() >= QUIET;
                if !quiet && progress.elapsed() < resume::COMPARE_WAIT {
                    return Ok(());
                }
                self.end_comparing();
            }
            Phase::Opening(_) | Phase::Writing => {}
        }
        self.hand_over().await?;
        self.output.settle().await?;
        self.output.relax(&mut self.buffer);
        Ok(())
    }

    /// Makes lines until the buffer holds `limit` bytes; the records that are left.
    fn format<'a>(&mut self, records: &'a [SinkRecord], limit: usize) -> &'a [SinkRecord] {
        let mut count = 0;
        for record in records {
            self.took(record);
            write_line(&mut self.buffer, &record.record.value.value);
            count += 1;
            if self.buffer.len() >= limit {
                break;
            }
        }
        self.lines += count as u64;
        self.taken += count;
        records.get(count..).unwrap_or_default()
    }

    /// Notes how far a record's queue is.
    #[inline]
    fn took(&mut self, record: &SinkRecord) {
        let is_last = self.queues.get(self.last).is_some_and(|queue| {
            queue.partition.partition == record.origin.partition
                && (Arc::ptr_eq(&queue.partition.topic, &record.origin.topic)
                    || queue.partition.topic == record.origin.topic)
        });
        if !is_last {
            self.last = self.queue(&record.origin);
        }
        if let Some(queue) = self.queues.get_mut(self.last) {
            queue.next = Some(record.offset + 1);
        }
    }

    fn queue(&mut self, partition: &TopicPartition) -> usize {
        let known = self.queues.iter().position(|queue| queue.partition == *partition);
        known.unwrap_or_else(|| {
            self.queues.push(Queue { partition: partition.clone(), next: None });
            self.queues.len() - 1
        })
    }

    /// Begins to write the buffer, and moves the commit in the making on.
    async fn hand_over(&mut self) -> Result<()> {
        self.output.settle().await?;
        match std::mem::replace(&mut self.commit, Commit::None) {
            Commit::Writing(offsets) => {
                self.commit = Commit::Syncing(offsets, self.output.sync_behind());
            }
            other => self.commit = other,
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.clean = None;
        self.bytes += self.buffer.len() as u64;
        if matches!((&self.phase, &self.commit), (Phase::Writing, Commit::None))
            && (self.bytes >= COMMIT_BYTES || self.lines >= COMMIT_LINES)
        {
            self.commit = Commit::Writing(self.accepted());
            self.bytes = 0;
            self.lines = 0;
        }
        self.output.hand_over(&mut self.buffer).await
    }

    fn accepted(&self) -> SinkOffsets {
        let offset = |queue: &Queue| Some((queue.partition.clone(), SinkOffset::new(queue.next?)));
        self.queues.iter().filter_map(offset).collect()
    }

    /// Asks for a commit once what it covers is durable.
    async fn check_sync(&mut self) -> Result<()> {
        if !matches!(&self.commit, Commit::Syncing(_, handle) if handle.is_finished()) {
            return Ok(());
        }
        self.finish_sync().await?;
        self.ctx.request_commit();
        Ok(())
    }

    async fn finish_sync(&mut self) -> Result<()> {
        let Commit::Syncing(offsets, handle) = &mut self.commit else { return Ok(()) };
        let outcome = handle.await;
        let offsets = std::mem::take(offsets);
        self.commit = Commit::None;
        let mark = outcome
            .map_err(|error| Error::connect(format!("Syncing was broken off: {error}")))??;
        self.commit = Commit::Ready(with_metadata(&offsets, self.metadata(mark).as_ref()));
        Ok(())
    }

    fn metadata(&self, mark: Option<Mark>) -> Option<Str> {
        mark.filter(|_| !self.shared).map(|mark| mark.to_text())
    }

    /// Writes and syncs all lines; the text that marks the file's length.
    async fn sync(&mut self) -> Result<Option<Str>> {
        self.hand_over().await?;
        self.output.settle().await?;
        self.finish_sync().await?;
        self.commit = Commit::None;
        self.bytes = 0;
        self.lines = 0;
        let mark = self.output.sync().await?;
        Ok(self.metadata(mark))
    }

    async fn pre_commit(&mut self, written: &SinkOffsets) -> Result<SinkOffsets> {
        match self.claim(written).await {
            // The lines wait in memory. The next put says so and is retried until they are
            // written; until then there is nothing to commit.
            Err(error) if error.is_retriable() => {
                warn!(connector = %self.ctx.connector, %error, "nothing to commit for now");
                Ok(SinkOffsets::new())
            }
            outcome => outcome,
        }
    }

    async fn claim(&mut self, written: &SinkOffsets) -> Result<SinkOffsets> {
        if !written.is_empty() {
            self.begin().await?;
        }
        let stopping = self.ctx.cancel.is_cancelled();
        match &mut self.phase {
            // The place of the last commit is still the one to compare from.
            Phase::Opening(_) | Phase::Comparing { .. } => return Ok(SinkOffsets::new()),
            Phase::Anchoring { first, marked, .. } => {
                if !stopping && !*marked && !first.is_empty() {
                    let mark = self.output.sync().await?;
                    *marked = true;
                    return Ok(with_metadata(first, mark.map(|mark| mark.to_text()).as_ref()));
                }
                self.phase = Phase::Writing;
            }
            Phase::Writing => {}
        }
        // When much was written after what is durable, a commit need not wait for that.
        if let Commit::Ready(offsets) = &mut self.commit
            && !stopping
            && self.bytes >= BLOCK_BYTES as u64
        {
            let offsets = std::mem::take(offsets);
            self.commit = Commit::None;
            return Ok(offsets);
        }
        let metadata = match self.clean.take().filter(|_| self.buffer.is_empty()) {
            Some(metadata) => metadata,
            None => self.sync().await?,
        };
        let claims = with_metadata(written, metadata.as_ref());
        self.clean = Some(metadata);
        Ok(claims)
    }
}

fn with_metadata(offsets: &SinkOffsets, metadata: Option<&Str>) -> SinkOffsets {
    let with =
        |offset: &SinkOffset| SinkOffset { offset: offset.offset, metadata: metadata.cloned() };
    offsets.iter().map(|(queue, offset)| (queue.clone(), with(offset))).collect()
}

/// Appends a value as Java prints it.
#[inline]
fn write_line(buffer: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => buffer.extend_from_slice(text.as_bytes()),
        Value::Null => buffer.extend_from_slice(b"null"),
        other => buffer.extend_from_slice(java_string(other).as_bytes()),
    }
    buffer.push(b'\n');
}
