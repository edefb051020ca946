//! The thread that tidies up: writes the indexes of closed segments, deletes what retention
//! lets go, and compacts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::catalog::Topic;
use super::compact::compact;
use super::disk::Disk;
use super::inbox::{Command, Inbox};
use super::index::Summary;
use super::keep::keep;
use super::segment::{FileName, Segment, index_path};
use super::state::{Shared, State};
use crate::api::{Cleanup, LogError};
use crate::sync::{lock, now_ms};

/// How much a pass must be able to free, as a fraction of what it has to write anew: rewriting
/// much to free little would never end.
const WORTH_DIVISOR: u64 = 2;

/// A segment is emptied if at most this fraction of it has to be kept as it is.
const KEPT_DIVISOR: u64 = 2;

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
    /// Segments that are needed only for a few records, or for those of compacted topics.
    held: Vec<Arc<Segment>>,
    /// Bytes in `held` that have to be kept as they are.
    kept_bytes: u64,
}

impl Housekeeper {
    /// Works until the log closes.
    pub(crate) fn run(self) {
        let interval = Duration::from_millis(self.shared.config.retention_check_interval_ms);
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
        let plan = self.plan(now);
        if self.is_worth_rewriting(&plan) {
            self.empty(&plan)?;
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
                expire_by_time(&state, topic, now.saturating_sub(keep_ms), &mut plan);
            }
            if let Some(keep_bytes) = keep_bytes {
                expire_by_size(&state, topic, keep_bytes, &mut plan);
            }
        }
        for segment in state.segments.values() {
            let needed: Vec<_> = segment
                .summaries
                .iter()
                .filter(|summary| {
                    let start = plan.starts.get(&summary.queue).copied().unwrap_or(0);
                    summary.next > start && is_in_use(&state, segment, summary)
                })
                .collect();
            if needed.is_empty() {
                plan.dead.push(Arc::clone(segment));
            } else if matches!(segment.name, FileName::Segment(_)) {
                let as_it_is = needed.iter().filter(|s| !state.is_compacted(s.queue));
                let kept_bytes: u64 = as_it_is.map(|summary| summary.bytes).sum();
                if kept_bytes <= segment.len / KEPT_DIVISOR {
                    plan.held.push(Arc::clone(segment));
                    plan.kept_bytes += kept_bytes;
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
                let start = plan.starts.get(&summary.queue).copied().unwrap_or(0);
                let Some(queue) = state.queues.get_mut(&summary.queue) else { continue };
                if summary.next <= start {
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
            remove(&segment.path);
            remove(&index_path(&segment.path));
        }
    }

    fn is_worth_rewriting(&self, plan: &Plan) -> bool {
        let state = self.shared.state();
        let held = plan.held.iter().flat_map(|segment| &segment.summaries);
        let queues: BTreeSet<u32> =
            held.map(|s| s.queue).filter(|queue| state.is_compacted(*queue)).collect();
        let base = |queue: &u32| {
            let part = state.queues.get(queue)?.parts.front()?;
            matches!(part.segment.name, FileName::Compacted { .. }).then_some(part.segment.len)
        };
        let rewritten = plan.kept_bytes + queues.iter().filter_map(base).sum::<u64>();
        let freed: u64 = plan.held.iter().map(|segment| segment.len).sum();
        !plan.held.is_empty() && freed >= rewritten / WORTH_DIVISOR
    }

    /// Moves what is still needed of the held segments to other files.
    fn empty(&self, plan: &Plan) -> Result<(), LogError> {
        let mut ends: BTreeMap<u32, u64> = BTreeMap::new();
        for summary in plan.held.iter().flat_map(|segment| &segment.summaries) {
            let end = ends.entry(summary.queue).or_default();
            *end = summary.next.max(*end);
        }
        for (queue, end) in ends {
            if self.nudge.is_stopped() {
                return Ok(());
            }
            let cleanup = {
                let state = self.shared.state();
                state.catalog.topic_of(queue).map(|(_, topic, _)| topic.spec.cleanup)
            };
            match cleanup {
                None => {}
                Some(Cleanup::Compact) => compact(&self.shared, &*self.disk, queue, end)?,
                Some(cleanup) => {
                    let start = plan.starts.get(&queue).copied().unwrap_or(0);
                    let keep_ms = self.retention(&cleanup).0;
                    keep(&self.shared, &*self.disk, queue, &plan.held, start, keep_ms)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether readers find these records of the segment there, rather than elsewhere or not at all.
fn is_in_use(state: &State, segment: &Arc<Segment>, summary: &Summary) -> bool {
    let Some(queue) = state.queues.get(&summary.queue) else { return false };
    let at = queue.parts.partition_point(|part| part.next < summary.next);
    queue.parts.get(at).is_some_and(|part| Arc::ptr_eq(&part.segment, segment))
}

fn expire_by_time(state: &State, topic: &Topic, oldest_ms: u64, plan: &mut Plan) {
    for number in topic.queues() {
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

fn expire_by_size(state: &State, topic: &Topic, keep_bytes: u64, plan: &mut Plan) {
    let mut total = 0;
    // Oldest first: when the last of it was written, then the file.
    let mut by_age: BTreeMap<(u64, FileName), u64> = BTreeMap::new();
    for number in topic.queues() {
        let active = state.active.index.queues.get(&number);
        total += active.map_or(0, |index| index.summary.bytes);
        for part in state.queues.get(&number).iter().flat_map(|queue| &queue.parts) {
            let of_topic = part.segment.summaries.iter().filter(|s| topic.has(s.queue));
            let written_ms = of_topic.map(|summary| summary.written_ms).max().unwrap_or(0);
            let bytes = part.segment.summary(number).map_or(0, |summary| summary.bytes);
            *by_age.entry((written_ms, part.segment.name)).or_default() += bytes;
            total += bytes;
        }
    }
    for ((_, name), bytes) in by_age {
        if total - bytes < keep_bytes {
            return;
        }
        total -= bytes;
        let Some(segment) = state.segments.get(&name) else { continue };
        for number in topic.queues() {
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
