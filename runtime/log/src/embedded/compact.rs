//! Compaction: takes the records of one queue out of the shared segments into a file of its own,
//! the last record of each key only, with their offsets.
//!
//! A compacted queue is thus one compacted file, which covers all offsets below its end, and then
//! the shared segments. Only closed files are read, so the writer takes no notice; the new file
//! replaces the old one by a rename, so a crash leaves one or the other.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::disk::Disk;
use super::frame::OldRecord;
use super::housekeeper::remove;
use super::last::{Last, learn};
use super::read::{Visit, visit_segment};
use super::record::{Names, RawRecord};
use super::rewrite::{Rewrite, plain};
use super::segment::{FileName, Segment, index_path};
use super::state::{Part, Shared};
use super::wire::Malformed;
use crate::api::LogError;
use crate::sync::now_ms;

/// Most keys kept in memory while compacting, at about 50 bytes each.
const KEYS_MAX: usize = 500_000;

/// Writes what stays.
struct Keep<'a> {
    last: &'a Last,
    /// How many records came before.
    number: u64,
    names: Names,
    rewrite: Rewrite<'a>,
    /// When the records that come were written, at the latest.
    written_ms: u64,
    /// Tombstones written up to then are not needed any more.
    forget_ms: u64,
    failed: Option<io::Error>,
}

impl Visit for Keep<'_> {
    fn wanted(&self) -> usize {
        usize::MAX
    }

    fn visit(&mut self, block: &Bytes, offset: u64, raw: RawRecord) -> Result<bool, Malformed> {
        if offset >= self.last.end {
            return Ok(false);
        }
        let is_last_of_key = self.last.is_last(self.number, offset, block, &raw);
        self.number += 1;
        let is_tombstone = raw.value.is_none();
        let written_ms = raw.written_ms.unwrap_or(self.written_ms);
        let is_wanted = is_last_of_key && (!is_tombstone || written_ms > self.forget_ms);
        // The very last record stays whatever it is: who reads on always gets to the end.
        if offset + 1 == self.last.end || is_wanted {
            let record = raw.take(block, &mut self.names)?;
            let written_ms = is_tombstone.then_some(written_ms);
            if let Err(error) = self.rewrite.push(OldRecord { offset, record, written_ms }) {
                self.failed = Some(error);
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Compacts a queue up to `end`.
pub(crate) fn compact(
    shared: &Shared,
    disk: &dyn Disk,
    queue: u32,
    end: u64,
) -> Result<(), LogError> {
    compact_with(shared, disk, queue, end, KEYS_MAX)
}

pub(crate) fn compact_with(
    shared: &Shared,
    disk: &dyn Disk,
    queue: u32,
    end: u64,
    keys_max: usize,
) -> Result<(), LogError> {
    let parts: Vec<Part> = match shared.state().queues.get(&queue) {
        Some(queue) => queue.parts.iter().cloned().collect(),
        None => return Ok(()),
    };
    let covered = parts.first().filter(|part| is_base(part)).map_or(0, |part| part.next);
    match learn(shared, queue, &parts, (covered, end), keys_max)? {
        Some(last) => rewrite(shared, disk, queue, &parts, &last),
        None => Ok(()),
    }
}

fn is_base(part: &Part) -> bool {
    matches!(part.segment.name, FileName::Compacted { .. })
}

fn rewrite(
    shared: &Shared,
    disk: &dyn Disk,
    queue: u32,
    parts: &[Part],
    last: &Last,
) -> Result<(), LogError> {
    let name = FileName::Compacted { queue, end: last.end };
    let mut rewrite = Rewrite::begin(shared, disk, name, queue)?;
    let now = now_ms();
    let begun = rewrite.written_at(now);
    begun.map_err(|error| rewrite.fault(&error))?;
    let mut keep = Keep {
        last,
        number: 0,
        names: Names::default(),
        rewrite,
        written_ms: 0,
        forget_ms: now.saturating_sub(shared.config.tombstone_retention_ms),
        failed: None,
    };
    for part in parts {
        keep.written_ms = part.segment.summary(queue).map_or(now, |summary| summary.written_ms);
        let more = visit_segment(shared, &part.segment, queue, part.first, &mut keep);
        let more = more.map_err(plain)?;
        if let Some(error) = keep.failed.take() {
            return Err(keep.rewrite.fault(&error));
        }
        if !more {
            break;
        }
    }
    let segment = keep.rewrite.finish()?;
    replace(shared, queue, &segment, last.end);
    Ok(())
}

/// Lets readers find the new file, and deletes the one it replaces.
fn replace(shared: &Shared, queue: u32, segment: &Arc<Segment>, end: u64) {
    let mut state = shared.state();
    state.segments.insert(segment.name, Arc::clone(segment));
    let mut replaced = None;
    if let Some(queue) = state.queues.get_mut(&queue) {
        replaced =
            queue.parts.front().filter(|part| is_base(part)).map(|part| Arc::clone(&part.segment));
        queue.parts.retain(|part| part.next > end);
        if let Some(part) = queue.parts.front_mut() {
            part.first = part.first.max(end);
        }
        queue.parts.push_front(Part { first: 0, next: end, segment: Arc::clone(segment) });
    }
    if let Some(replaced) = &replaced {
        state.segments.remove(&replaced.name);
    }
    drop(state);
    if let Some(replaced) = replaced {
        shared.cache.forget(&replaced);
        remove(&replaced.path);
        remove(&index_path(&replaced.path));
    }
}
