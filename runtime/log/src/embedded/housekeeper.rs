//! The thread that tidies up: writes the indexes of closed segments, deletes what retention
//! lets go, and compacts.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::compact::compact;
use super::disk::Disk;
use super::inbox::{Command, Inbox};
use super::segment::{FileName, Segment, index_path};
use super::state::{Shared, State};
use crate::api::{Cleanup, LogError};
use crate::sync::{lock, now_ms};

/// How much a pass must be able to free, as a fraction of what compaction has to write anew:
/// rewriting much to free little would never end.
const COMPACT_WORTH_DIVISOR: u64 = 2;

#[derive(Debug, Default)]
struct Signals {
    nudged: bool,
    stopped: bool,
}

/// Wakes the housekeeper.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nudge(Arc<(Mutex<Signals>, Condvar)>);

impl Nudge {
    /// There is something to do.
    pub(crate) fn nudge(&self) {
        lock(&self.0.0).nudged = true;
        self.0.1.notify_all();
    }

    /// The log closes.
    pub(crate) fn stop(&self) {
        lock(&self.0.0).stopped = true;
        self.0.1.notify_all();
    }

    /// Waits; false when the log closes.
    fn wait(&self, interval: Duration) -> bool {
        let deadline = Instant::now() + interval;
        let mut signals = lock(&self.0.0);
        while !signals.nudged && !signals.stopped {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.0.1.wait_timeout(signals, left);
            signals = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        signals.nudged = false;
        !signals.stopped
    }

    pub(crate) fn is_stopped(&self) -> bool {
        lock(&self.0.0).stopped
    }
}

/// Does the work of the thread.
#[derive(Debug)]
pub(crate) struct Housekeeper {
    pub(crate) shared: Arc<Shared>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) nudge: Nudge,
}

/// What can be done about closed segments.
#[derive(Debug, Default)]
struct Plan {
    /// From where each queue may be kept.
    starts: HashMap<u32, u64>,
    /// Segments in which nothing is needed any more.
    dead: Vec<Arc<Segment>>,
    /// Segments in which only records of compacted topics may still be needed.
    held: Vec<Arc<Segment>>,
}

impl Housekeeper {
    /// Works until the log closes.
    pub(crate) fn run(self) {
        let interval = Duration::from_millis(self.shared.config.retention_check_interval_ms.max(1));
        loop {
            let goes_on = self.nudge.wait(interval);
            self.persist_indexes();
            if !goes_on {
                return;
            }
            if let Err(error) = self.clean() {
                tracing::warn!(%error, "retention failed, trying later");
            }
        }
    }

    fn persist_indexes(&self) {
        let segments: Vec<_> = self.shared.state().segments.values().map(Arc::clone).collect();
        for segment in segments.iter().filter(|segment| segment.is_unpersisted()) {
            segment.persist();
        }
    }

    fn clean(&self) -> Result<(), LogError> {
        let now = now_ms();
        if self.is_roll_due(now) {
            // A closing log need not roll.
            drop(self.inbox.push(Command::Roll));
        }
        self.delete(&self.plan(now));
        let held = self.plan(now).held;
        if !held.is_empty() && self.compact(&held)? {
            self.delete(&self.plan(now));
        }
        Ok(())
    }

    fn retention(&self, cleanup: &Cleanup) -> (Option<u64>, Option<u64>) {
        match cleanup {
            Cleanup::Compact => (None, None),
            Cleanup::Delete { retention_ms, retention_bytes } => {
                let config = &self.shared.config;
                (retention_ms.or(config.retention_ms), retention_bytes.or(config.retention_bytes))
            }
        }
    }

    /// Retention deletes closed segments only, so a segment is closed when it has been written
    /// to for as long as some topic in it wants to keep records.
    fn is_roll_due(&self, now: u64) -> bool {
        let state = self.shared.state();
        let active = &state.active;
        let age = now.saturating_sub(active.created_ms);
        active.index.queues.keys().any(|queue| {
            let topic = state.catalog.topic_of(*queue);
            let keep = topic.and_then(|(_, topic, _)| self.retention(&topic.spec.cleanup).0);
            keep.is_some_and(|keep| age >= keep)
        })
    }

    fn plan(&self, now: u64) -> Plan {
        let state = self.shared.state();
        let mut plan = Plan::default();
        for topic in state.catalog.topics.values() {
            let (keep_ms, keep_bytes) = self.retention(&topic.spec.cleanup);
            if let Some(keep_ms) = keep_ms {
                expire_by_time(&state, topic.queues(), now.saturating_sub(keep_ms), &mut plan);
            }
            if let Some(keep_bytes) = keep_bytes {
                expire_by_size(&state, topic.queues(), keep_bytes, &mut plan);
            }
        }
        for segment in state.segments.values() {
            let mut needed = segment.summaries.iter().filter(|summary| {
                let Some(queue) = state.queues.get(&summary.queue) else { return false };
                let start = plan.starts.get(&summary.queue).copied().unwrap_or(0);
                let at = queue.parts.partition_point(|part| part.next < summary.next);
                let part = queue.parts.get(at);
                let in_use = part.is_some_and(|part| Arc::ptr_eq(&part.segment, segment));
                in_use && summary.next > start
            });
            match needed.next() {
                None => plan.dead.push(Arc::clone(segment)),
                Some(first) => {
                    let is_shared = matches!(segment.name, FileName::Segment(_));
                    let compacted = |queue| state.is_compacted(queue);
                    if is_shared && compacted(first.queue) && needed.all(|s| compacted(s.queue)) {
                        plan.held.push(Arc::clone(segment));
                    }
                }
            }
        }
        plan
    }

    fn delete(&self, plan: &Plan) {
        for segment in &plan.dead {
            let mut state = self.shared.state();
            state.segments.remove(&segment.name);
            for summary in &segment.summaries {
                let compacted = state.is_compacted(summary.queue);
                let Some(queue) = state.queues.get_mut(&summary.queue) else { continue };
                if !compacted {
                    // Earlier records in files that are kept for other topics go too: offsets
                    // that can be read have no hole.
                    queue.earliest = queue.earliest.max(summary.next);
                    let earliest = queue.earliest;
                    queue.parts.retain(|part| part.next > earliest);
                }
                queue.parts.retain(|part| !Arc::ptr_eq(&part.segment, segment));
            }
            drop(state);
            self.shared.cache.forget(segment);
            tracing::debug!(file = %segment.path.display(), "deleting what nobody needs");
            remove(&index_path(&segment.path));
            remove(&segment.path);
        }
    }

    /// Compacts all queues that hold segments, if that frees enough. True if it did.
    fn compact(&self, held: &[Arc<Segment>]) -> Result<bool, LogError> {
        let mut ends: BTreeMap<u32, u64> = BTreeMap::new();
        let mut rewritten = 0;
        {
            let state = self.shared.state();
            for summary in held.iter().flat_map(|segment| &segment.summaries) {
                if state.is_compacted(summary.queue) {
                    let end = ends.entry(summary.queue).or_default();
                    *end = summary.next.max(*end);
                }
            }
            for queue in ends.keys() {
                let front = state.queues.get(queue).and_then(|queue| queue.parts.front());
                let base = front.filter(|p| matches!(p.segment.name, FileName::Compacted { .. }));
                rewritten += base.map_or(0, |part| part.segment.len);
            }
        }
        let freed: u64 = held.iter().map(|segment| segment.len).sum();
        if freed < rewritten / COMPACT_WORTH_DIVISOR {
            return Ok(false);
        }
        for (queue, end) in ends {
            if self.nudge.is_stopped() {
                return Ok(false);
            }
            compact(&self.shared, &*self.disk, queue, end)?;
        }
        Ok(true)
    }
}

fn expire_by_time(
    state: &State,
    queues: std::ops::Range<u32>,
    oldest_ms: u64,
    plan: &mut Plan,
) {
    for number in queues {
        let Some(queue) = state.queues.get(&number) else { continue };
        for part in &queue.parts {
            let written_ms = part.segment.summary(number).map_or(u64::MAX, |s| s.written_ms);
            if written_ms > oldest_ms {
                break;
            }
            plan.starts.insert(number, part.next);
        }
    }
}

fn expire_by_size(
    state: &State,
    queues: std::ops::Range<u32>,
    keep_bytes: u64,
    plan: &mut Plan,
) {
    let mut total = 0;
    let mut by_segment: BTreeMap<FileName, u64> = BTreeMap::new();
    for number in queues.clone() {
        let active = state.active.index.queues.get(&number);
        total += active.map_or(0, |index| index.summary.bytes);
        for part in state.queues.get(&number).iter().flat_map(|queue| &queue.parts) {
            let bytes = part.segment.summary(number).map_or(0, |summary| summary.bytes);
            *by_segment.entry(part.segment.name).or_default() += bytes;
            total += bytes;
        }
    }
    for (name, bytes) in by_segment {
        if total - bytes < keep_bytes {
            return;
        }
        total -= bytes;
        let Some(segment) = state.segments.get(&name) else { continue };
        for number in queues.clone() {
            if let Some(summary) = segment.summary(number) {
                let start = plan.starts.entry(number).or_default();
                *start = summary.next.max(*start);
            }
        }
    }
}

/// Deletes a file; what cannot be deleted now is found and deleted when the log is opened next.
pub(crate) fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(file = %path.display(), %error, "cannot delete file");
        }
        _ => {}
    }
}

/// Makes a file that was renamed findable after a crash.
pub(crate) fn rename_durably(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    to.parent().map_or(Ok(()), |dir| disk.sync_dir(dir))
}
