//! The one thread that writes: it gathers what waits, assigns offsets, writes it with one call,
//! syncs, makes it readable and only then acknowledges it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::catalog::{Catalog, Change};
use super::disk::{Disk, WriteFile};
use super::frame::{FrameBuilder, FrameKind};
use super::housekeeper::Nudge;
use super::inbox::{Ask, Batch, Command, Inbox, Reply};
use super::index::{Placed, SegmentIndex};
use super::scan::file_header;
use super::segment::{FileName, Segment};
use super::state::{Active, Shared};
use crate::Str;
use crate::api::{LogError, Session};
use crate::sync::now_ms;

/// When nothing more arrives for this long, what is pending is synced without waiting for the
/// sync interval: those who wait for it have nothing else in flight.
const QUIET: Duration = Duration::from_micros(50);

/// Where the log goes on, as recovery found it.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) file: Box<dyn WriteFile>,
    pub(crate) name: FileName,
    pub(crate) path: PathBuf,
    /// Bytes in the file, all durable.
    pub(crate) len: u64,
    /// Bytes before the first frame after the snapshot.
    pub(crate) start: u64,
    /// Of the next frame.
    pub(crate) sequence: u64,
}

#[derive(Debug)]
enum Answer {
    Offsets {
        reply: Reply<Vec<Range<u64>>>,
        offsets: Vec<Range<u64>>,
        session: Session,
    },
    Done(Reply<()>),
    /// The topic exists, but what created it may not be durable yet: told when it is, so that
    /// whoever is told finds it.
    Exists(Reply<()>, LogError),
}

impl Answer {
    fn ok(self) {
        // Who asked may have gone; the write stands all the same.
        match self {
            Self::Offsets { reply, offsets, .. } => drop(reply.send(Ok(offsets))),
            Self::Done(reply) => drop(reply.send(Ok(()))),
            Self::Exists(reply, error) => drop(reply.send(Err(error))),
        }
    }

    /// Whether an earlier append of the same session failed.
    fn is_broken(&self) -> bool {
        matches!(self, Self::Offsets { session, .. } if session.is_broken())
    }

    fn fail(self, error: LogError) {
        match self {
            Self::Offsets { reply, session, .. } => {
                session.set_broken();
                drop(reply.send(Err(error)));
            }
            Self::Done(reply) | Self::Exists(reply, _) => drop(reply.send(Err(error))),
        }
    }
}

/// What follows when a frame is durable.
#[derive(Debug)]
struct Effect {
    placed: Vec<Placed>,
    change: Option<Change>,
    answer: Answer,
    _permit: OwnedSemaphorePermit,
}

/// The writer's own view: what will be when all that it accepted is durable.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    disk: Arc<dyn Disk>,
    nudge: Nudge,
    tail: Tail,
    durable: u64,
    durable_sequence: u64,
    catalog: Catalog,
    next: HashMap<u32, u64>,
    now_ms: u64,
    /// Frames accepted but not written, and their bytes.
    round: Vec<Vec<u8>>,
    round_bytes: u64,
    /// Effects of frames accepted or written but not durable.
    pending: Vec<Effect>,
    pending_since: Option<Instant>,
    /// As many pending effects need no waiting for more: it is how many the last sync
    /// acknowledged, if all who got an answer had nothing else in flight.
    enough: usize,
    poisoned: Option<Arc<str>>,
    short_of_space: bool,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        inbox: Arc<Inbox>,
        disk: Arc<dyn Disk>,
        nudge: Nudge,
        tail: Tail,
    ) -> Self {
        let (durable, durable_sequence) = (tail.len, tail.sequence);
        let mut writer = Self {
            shared,
            inbox,
            disk,
            nudge,
            tail,
            durable,
            durable_sequence,
            catalog: Catalog::default(),
            next: HashMap::new(),
            now_ms: now_ms(),
            round: Vec::new(),
            round_bytes: 0,
            pending: Vec::new(),
            pending_since: None,
            enough: 1,
            poisoned: None,
            short_of_space: false,
        };
        writer.return_to_durable();
        writer
    }

    /// Works until the inbox is closed and empty.
    pub(crate) fn run(mut self) {
        let mut commands = Vec::new();
        while self.inbox.take(&mut commands, self.sync_deadline()) {
            self.now_ms = now_ms();
            let arrived = !commands.is_empty();
            for command in commands.drain(..) {
                self.accept(command);
            }
            // Failures were logged, and told to all who wait.
            let written = self.write();
            if written.is_ok() && self.is_sync_due(arrived) {
                drop(self.sync());
            }
        }
        drop(self.sync());
    }

    /// Longest time that what is pending waits for a sync.
    fn interval(&self) -> Duration {
        Duration::from_millis(self.shared.config.sync_interval_ms)
    }

    /// While appends keep coming, one sync per interval; at once when they do not.
    fn is_sync_due(&self, arrived: bool) -> bool {
        let Some(since) = self.pending_since else { return false };
        if since.elapsed() >= self.interval() {
            return true;
        }
        self.inbox.is_empty() && (!arrived || self.pending.len() >= self.enough)
    }

    fn sync_deadline(&self) -> Option<Instant> {
        let since = self.pending_since?;
        Some((since + self.interval()).min(Instant::now() + QUIET))
    }

    fn accept(&mut self, command: Command) {
        match command {
            Command::Append { frame, batches, session, reply, permit } => {
                // Making room may sync, and so may break the session: ask afterwards.
                let prepared = self.prepare(frame.len(), &batches);
                let answer = Answer::Offsets { reply, offsets: Vec::new(), session };
                match (prepared, answer.is_broken()) {
                    (Ok(()), false) => self.accept_records(frame, &batches, answer, permit),
                    (Ok(()), true) => answer.fail(LogError::SessionBroken),
                    (Err(error), _) => answer.fail(error),
                }
            }
            Command::Change { ask, reply, permit } => match self.prepare_change(&ask) {
                Err(error @ LogError::TopicExists(_)) if !self.pending.is_empty() => {
                    let answer = Answer::Exists(reply, error);
                    let placed = Vec::new();
                    self.pend(Effect { placed, change: None, answer, _permit: permit });
                }
                Err(error) => drop(reply.send(Err(error))),
                Ok((change, frame)) => {
                    self.catalog.apply(&change);
                    self.follow(&change);
                    let answer = Answer::Done(reply);
                    let placed = Vec::new();
                    let change = Some(change);
                    self.place(frame);
                    self.pend(Effect { placed, change, answer, _permit: permit });
                }
            },
            Command::Roll => {
                if self.poisoned.is_none()
                    && let Err(reason) = self.roll()
                {
                    tracing::warn!(%reason, "cannot begin a new segment, trying later");
                }
            }
        }
    }

    /// Makes room for a frame of that size, and checks that it can be written.
    fn prepare(&mut self, frame_len: usize, batches: &[Batch]) -> Result<(), LogError> {
        self.make_room(frame_len)?;
        let gone = batches.iter().find(|batch| !self.next.contains_key(&batch.queue));
        gone.map_or(Ok(()), |batch| Err(LogError::Unknown(batch.to.clone())))
    }

    fn prepare_change(&mut self, ask: &Ask) -> Result<(Change, FrameBuilder), LogError> {
        let change = match ask {
            Ask::Create(name, spec, first) => self.catalog.create(name, *spec, first)?,
            Ask::Grow(name, queues, first) => match self.catalog.grow(name, *queues, first)? {
                Some(change) => change,
                // As with a topic that exists: what says so may not be durable yet.
                None => return Err(LogError::TopicExists(Str::clone(name))),
            },
            Ask::Delete(name) => self.catalog.delete(name)?,
            Ask::Commit(group, offsets) => self.catalog.commit(group, offsets)?,
            Ask::DeleteGroup(group) => Change::DeleteGroup { group: group.clone() },
        };
        let mut bytes = Vec::new();
        change.encode(&mut bytes);
        let mut frame = FrameBuilder::new(FrameKind::Change, bytes.len());
        frame.put_catalog(&bytes);
        self.make_room(frame.len())?;
        Ok((change, frame))
    }

    fn make_room(&mut self, frame_len: usize) -> Result<(), LogError> {
        if let Some(reason) = &self.poisoned {
            return Err(LogError::Unavailable(Arc::clone(reason)));
        }
        let len = self.tail.len + self.round_bytes;
        // A segment has at least one frame, and is not mostly snapshot.
        let limit = self.shared.config.segment_bytes.max(2 * self.tail.start);
        if len > self.tail.start && len + frame_len as u64 > limit {
            self.roll().map_err(LogError::Unavailable)?;
        }
        Ok(())
    }

    /// What a change means for the offsets.
    fn follow(&mut self, change: &Change) {
        match change {
            Change::Create { .. } | Change::Grow { .. } => self.next.extend(change.new_queues()),
            Change::Delete { .. } => {
                let catalog = &self.catalog;
                self.next.retain(|queue, _| catalog.topic_of(*queue).is_some());
            }
            Change::Commit { .. } | Change::DeleteGroup { .. } => {}
        }
    }

    fn accept_records(
        &mut self,
        mut frame: FrameBuilder,
        batches: &[Batch],
        mut answer: Answer,
        permit: OwnedSemaphorePermit,
    ) {
        let start = self.tail.len + self.round_bytes;
        let mut offsets = Vec::with_capacity(batches.len());
        let mut placed = Vec::with_capacity(frame.sections().len());
        for batch in batches {
            let Some(next) = self.next.get_mut(&batch.queue) else { continue };
            let begin = *next;
            for _ in 0..batch.sections {
                let nth = placed.len();
                frame.set_offset(nth, *next);
                let Some(section) = frame.sections().get(nth) else { continue };
                let first = *next;
                *next += u64::from(section.count);
                placed.push(Placed {
                    queue: batch.queue,
                    first,
                    next: *next,
                    newest_ms: section.newest_ms,
                    pos: start + section.at as u64,
                    len: section.len as u32,
                });
            }
            offsets.push(begin..*next);
        }
        // An append without records has its place in the order, but nothing to write.
        if !placed.is_empty() {
            self.place(frame);
        }
        if let Answer::Offsets { offsets: known, .. } = &mut answer {
            *known = offsets;
        }
        self.pend(Effect { placed, change: None, answer, _permit: permit });
    }

    fn place(&mut self, frame: FrameBuilder) {
        let bytes = frame.seal(self.tail.sequence, self.now_ms, self.durable);
        self.tail.sequence += 1;
        self.round_bytes += bytes.len() as u64;
        self.round.push(bytes);
    }

    fn pend(&mut self, effect: Effect) {
        self.pending.push(effect);
        self.pending_since.get_or_insert_with(Instant::now);
    }

    /// Writes what was accepted. If that fails, nothing is pending any more.
    fn write(&mut self) -> Result<(), Arc<str>> {
        if self.round.is_empty() {
            return Ok(());
        }
        let buffers: Vec<&[u8]> = self.round.iter().map(Vec::as_slice).collect();
        let written = self.tail.file.append(&buffers);
        self.round.clear();
        let bytes = std::mem::take(&mut self.round_bytes);
        match written {
            Ok(()) => {
                self.tail.len += bytes;
                Ok(())
            }
            Err(error) => Err(self.fail_write(&error)),
        }
    }

    /// Writes, syncs, publishes and acknowledges all that is pending.
    fn sync(&mut self) -> Result<(), Arc<str>> {
        self.write()?;
        if self.tail.len > self.durable
            && let Err(error) = self.tail.file.sync()
        {
            return Err(self.fail_sync(&error));
        }
        self.durable = self.tail.len;
        self.durable_sequence = self.tail.sequence;
        self.enough = if self.inbox.is_empty() { self.pending.len() } else { usize::MAX };
        self.short_of_space = false;
        self.pending_since = None;
        let effects = std::mem::take(&mut self.pending);
        if !effects.is_empty() {
            self.publish(effects);
        }
        Ok(())
    }

    fn publish(&mut self, effects: Vec<Effect>) {
        let mut wake: Vec<Arc<Notify>> = Vec::new();
        let mut topics_changed = false;
        let mut state = self.shared.state();
        for effect in &effects {
            for placed in &effect.placed {
                state.publish(placed, self.now_ms, &mut wake);
            }
            if let Some(change) = &effect.change {
                topics_changed |= state.apply(change, &mut wake);
            }
        }
        drop(state);
        if topics_changed {
            self.shared.topics_changed.send_modify(|count| *count += 1);
        }
        for effect in effects {
            effect.answer.ok();
        }
        for waiter in wake {
            waiter.notify_one();
        }
    }

    /// Closes the active segment and begins the next one with a snapshot.
    fn roll(&mut self) -> Result<(), Arc<str>> {
        self.sync()?;
        let FileName::Segment(id) = self.tail.name else { return Ok(()) };
        let dir = &self.shared.config.dir;
        let at = (self.tail.sequence, self.now_ms);
        let begun = begin_segment(&*self.disk, dir, id + 1, &self.catalog, &self.next, at);
        let (tail, active) = begun.map_err(|error| self.fail_roll(id + 1, &error))?;
        let mut state = self.shared.state();
        let before = std::mem::replace(&mut state.active, active);
        let dir = &self.shared.config.dir;
        let closed = Segment::completed(dir, before.name, self.tail.len, before.index);
        state.add_segment(&Arc::new(closed));
        drop(state);
        self.durable = tail.len;
        self.durable_sequence = tail.sequence;
        self.tail = tail;
        self.nudge.nudge();
        Ok(())
    }

    fn reason(&self, error: &io::Error) -> Arc<str> {
        let (path, dir) = (self.tail.path.display(), self.shared.config.dir.display());
        let reason = if is_full(error) {
            format!("cannot write to {dir}: {error}; free space there, appends work again then")
        } else {
            format!("cannot write {path}: {error}; check the disk, then restart this process")
        };
        reason.into()
    }

    fn note_short_of_space(&mut self, reason: &Arc<str>) {
        if !std::mem::replace(&mut self.short_of_space, true) {
            tracing::error!(%reason, "log takes no appends");
        }
    }

    /// The log goes on in the old segment, so a half-made new one must not be found later.
    fn fail_roll(&mut self, id: u64, error: &io::Error) -> Arc<str> {
        let reason = self.reason(error);
        let removed = std::fs::remove_file(FileName::Segment(id).path(&self.shared.config.dir));
        let kept = removed.is_err_and(|error| error.kind() != ErrorKind::NotFound);
        if is_full(error) && !kept {
            self.note_short_of_space(&reason);
        } else {
            self.poison(Arc::clone(&reason));
        }
        reason
    }

    fn fail_write(&mut self, error: &io::Error) -> Arc<str> {
        let reason = self.reason(error);
        let cut = self.tail.file.truncate(self.durable);
        if is_full(error) && cut.is_ok() {
            self.note_short_of_space(&reason);
        } else {
            self.poison(Arc::clone(&reason));
        }
        self.fail_pending(&reason);
        reason
    }

    /// After a failed sync nobody knows what is on disk, and another sync would not tell: the
    /// system may have dropped the pages. Only a restart, which reads the file, can.
    fn fail_sync(&mut self, error: &io::Error) -> Arc<str> {
        let path = self.tail.path.display();
        let reason: Arc<str> = format!(
            "cannot sync {path}: {error}; appends are refused until a restart: check the disk, \
             then restart this process"
        )
        .into();
        self.poison(Arc::clone(&reason));
        // What was not acknowledged must not come back from memory as if it were on disk.
        if let Err(error) = self.tail.file.truncate(self.durable) {
            tracing::warn!(file = %self.tail.path.display(), %error, "cannot cut file");
        }
        self.fail_pending(&reason);
        reason
    }

    fn poison(&mut self, reason: Arc<str>) {
        tracing::error!(%reason, "log takes no appends");
        self.poisoned = Some(reason);
    }

    fn fail_pending(&mut self, reason: &Arc<str>) {
        self.pending_since = None;
        self.return_to_durable();
        for effect in std::mem::take(&mut self.pending) {
            effect.answer.fail(LogError::Unavailable(Arc::clone(reason)));
        }
    }

    /// Forgets what was accepted since the last sync.
    fn return_to_durable(&mut self) {
        let state = self.shared.state();
        self.catalog.clone_from(&state.catalog);
        self.next = state.queues.iter().map(|(queue, at)| (*queue, at.next)).collect();
        drop(state);
        self.tail.len = self.durable;
        self.tail.sequence = self.durable_sequence;
    }
}

/// Whether there is no room on the disk.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Creates a segment, durably: its header and a snapshot. `at` is the sequence of the snapshot
/// and the time by the wall clock.
pub(crate) fn begin_segment(
    disk: &dyn Disk,
    dir: &std::path::Path,
    id: u64,
    catalog: &Catalog,
    next: &HashMap<u32, u64>,
    at: (u64, u64),
) -> io::Result<(Tail, Active)> {
    let (sequence, created_ms) = at;
    let name = FileName::Segment(id);
    let path = name.path(dir);
    let mut bytes = Vec::new();
    catalog.encode(&mut bytes, |queue| next.get(&queue).copied().unwrap_or(0));
    let mut frame = FrameBuilder::new(FrameKind::Snapshot, bytes.len());
    frame.put_catalog(&bytes);
    let header = file_header(id);
    let snapshot = frame.seal(sequence, created_ms, header.len() as u64);
    let mut file = disk.create(&path)?;
    file.append(&[&header, &snapshot])?;
    file.sync()?;
    disk.sync_dir(dir)?;
    let len = (header.len() + snapshot.len()) as u64;
    let index = SegmentIndex::default();
    let reader = Arc::new(File::open(&path)?);
    let active = Active { name, path: path.clone(), file: reader, index, created_ms };
    Ok((Tail { file, name, path, len, start: len, sequence: sequence + 1 }, active))
}
