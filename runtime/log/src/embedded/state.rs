//! What readers see: the catalog, the queues and where their records are. Only what is durable
//! stands here; the writer and the housekeeper change it, under one short lock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Notify, watch};

use super::catalog::{Catalog, Change};
use super::config::EmbeddedConfig;
use super::index::{Entry, Placed, SegmentIndex, Summary, find};
use super::segment::{Cache, FileName, Segment};
use crate::api::{Cleanup, LogError, OffsetRange};
use crate::share::Rotation;
use crate::sync::lock;
use crate::{Str, TopicPartition};

/// Most index entries copied for one read of one queue.
pub(crate) const ENTRIES_PER_READ: usize = 4096;

/// What all parts of an open log share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: EmbeddedConfig,
    pub(crate) cache: Cache,
    pub(crate) rotation: Rotation,
    pub(crate) topics_changed: watch::Sender<u64>,
    state: Mutex<State>,
}

impl Shared {
    pub(crate) fn new(config: EmbeddedConfig, state: State) -> Self {
        Self {
            config,
            cache: Cache::default(),
            rotation: Rotation::default(),
            topics_changed: watch::Sender::new(0),
            state: Mutex::new(state),
        }
    }

    /// Never held across an await or a file operation.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The state, unless the log was closed.
    pub(crate) fn open_state(&self) -> Result<MutexGuard<'_, State>, LogError> {
        let state = self.state();
        if state.closed { Err(LogError::Closed) } else { Ok(state) }
    }
}

/// The segment that is written to.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) name: FileName,
    pub(crate) path: PathBuf,
    /// To read from.
    pub(crate) file: Arc<File>,
    /// Of what is durable.
    pub(crate) index: SegmentIndex,
    /// When it was begun, by the wall clock.
    pub(crate) created_ms: u64,
}

/// A closed file that has records of a queue.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The first offset that is to be read here.
    pub(crate) first: u64,
    /// One after the last.
    pub(crate) next: u64,
    pub(crate) segment: Arc<Segment>,
}

/// One queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) earliest: u64,
    pub(crate) next: u64,
    /// In the order of offsets; what comes after is in the active segment.
    pub(crate) parts: VecDeque<Part>,
    /// Readers that wait for records.
    waiters: Vec<Arc<Notify>>,
}

impl Queue {
    pub(crate) fn starting_at(offset: u64) -> Self {
        Self { earliest: offset, next: offset, ..Self::default() }
    }
}

/// Where to read on in a queue.
#[derive(Debug)]
pub(crate) enum Source {
    /// In the segment that is written to, by these index entries.
    Active { path: PathBuf, file: Arc<File>, entries: Vec<Entry> },
    /// In a closed file, up to that offset.
    Closed { segment: Arc<Segment>, next: u64 },
}

/// All that readers see.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) catalog: Catalog,
    pub(crate) queues: HashMap<u32, Queue>,
    pub(crate) active: Active,
    pub(crate) segments: BTreeMap<FileName, Arc<Segment>>,
    pub(crate) closed: bool,
}

impl State {
    pub(crate) fn queue(&self, name: &TopicPartition) -> Result<(u32, &Queue), LogError> {
        let number = self.catalog.queue(name)?;
        let queue = self.queues.get(&number);
        queue.map(|queue| (number, queue)).ok_or_else(|| LogError::Unknown(name.clone()))
    }

    pub(crate) fn range(&self, name: &TopicPartition) -> Result<OffsetRange, LogError> {
        let (_, queue) = self.queue(name)?;
        Ok(OffsetRange { earliest: queue.earliest, next: queue.next })
    }

    /// The queue's number and end, if it can be read from there.
    pub(crate) fn check(&self, name: &TopicPartition, wanted: u64) -> Result<(u32, u64), LogError> {
        let (number, queue) = self.queue(name)?;
        if (queue.earliest..=queue.next).contains(&wanted) {
            return Ok((number, queue.next));
        }
        let range = OffsetRange { earliest: queue.earliest, next: queue.next };
        Err(LogError::OutOfRange { queue: name.clone(), wanted, range })
    }

    /// Where the records from that offset on are; `None` if there are none. `max_bytes` bounds
    /// how many index entries are copied.
    pub(crate) fn locate(&self, number: u32, from: u64, max_bytes: usize) -> Option<Source> {
        let queue = self.queues.get(&number)?;
        if from >= queue.next {
            return None;
        }
        let at = queue.parts.partition_point(|part| part.next <= from);
        if let Some(part) = queue.parts.get(at) {
            let segment = Arc::clone(&part.segment);
            return Some(Source::Closed { segment, next: part.next });
        }
        let index = self.active.index.queues.get(&number)?;
        let mut bytes = 0;
        let rest = index.entries.iter().skip(find(&index.entries, from));
        let near = rest.take_while(|entry| {
            let wanted = bytes <= max_bytes;
            bytes += entry.len as usize;
            wanted
        });
        let entries = near.take(ENTRIES_PER_READ).copied().collect();
        let (path, file) = (self.active.path.clone(), Arc::clone(&self.active.file));
        Some(Source::Active { path, file, entries })
    }

    /// Lets `waiter` be told of new records in these queues.
    pub(crate) fn wait(&mut self, queues: &[u32], waiter: &Arc<Notify>) {
        for number in queues {
            if let Some(queue) = self.queues.get_mut(number) {
                queue.waiters.push(Arc::clone(waiter));
            }
        }
    }

    pub(crate) fn stop_waiting(&mut self, queues: &[u32], waiter: &Arc<Notify>) {
        for number in queues {
            if let Some(queue) = self.queues.get_mut(number) {
                queue.waiters.retain(|other| !Arc::ptr_eq(other, waiter));
            }
        }
    }

    /// Makes a written section readable. Readers to tell are added to `wake`.
    pub(crate) fn publish(
        &mut self,
        placed: &Placed,
        written_ms: u64,
        wake: &mut Vec<Arc<Notify>>,
    ) {
        // Records of a topic that was deleted in the meantime have no queue any more.
        let Some(queue) = self.queues.get_mut(&placed.queue) else { return };
        queue.next = placed.next;
        wake.append(&mut queue.waiters);
        self.active.index.push(placed, written_ms);
    }

    /// Applies a change. Readers to tell are added to `wake`. True if topics changed.
    pub(crate) fn apply(&mut self, change: &Change, wake: &mut Vec<Arc<Notify>>) -> bool {
        match change {
            Change::Create { .. } | Change::Grow { .. } => {
                let new = change.new_queues();
                self.queues.extend(new.map(|(number, first)| (number, Queue::starting_at(first))));
            }
            Change::Delete { name } => self.drop_queues(name, wake),
            Change::Commit { .. } | Change::DeleteGroup { .. } => {}
        }
        self.catalog.apply(change);
        matches!(change, Change::Create { .. } | Change::Grow { .. } | Change::Delete { .. })
    }

    fn drop_queues(&mut self, topic: &Str, wake: &mut Vec<Arc<Notify>>) {
        let Some(topic) = self.catalog.topics.get(topic) else { return };
        for number in topic.queues() {
            if let Some(mut queue) = self.queues.remove(&number) {
                wake.append(&mut queue.waiters);
            }
        }
    }

    /// Adds the segment that was just closed.
    pub(crate) fn add_segment(&mut self, segment: &Arc<Segment>) {
        for Summary { queue, first, next, .. } in segment.summaries.iter().copied() {
            if let Some(queue) = self.queues.get_mut(&queue) {
                let segment = Arc::clone(segment);
                queue.parts.push_back(Part { first, next, segment });
            }
        }
        self.segments.insert(segment.name, Arc::clone(segment));
    }

    /// Whether the queue's topic keeps the last record of each key.
    pub(crate) fn is_compacted(&self, number: u32) -> bool {
        let topic = self.catalog.topic_of(number);
        topic.is_some_and(|(_, topic, _)| topic.spec.cleanup == Cleanup::Compact)
    }

    /// Marks the log closed and gives all readers that wait.
    pub(crate) fn close(&mut self) -> Vec<Arc<Notify>> {
        self.closed = true;
        self.queues.values_mut().flat_map(|queue| std::mem::take(&mut queue.waiters)).collect()
    }
}
