//! Takes the few records that are still wanted out of segments that could be deleted otherwise.
//!
//! All topics share segments, so without this a topic that keeps little for long would keep
//! everybody's records for as long. What it still wants moves to a file of its own, which has
//! the same records at the same offsets and is as old as they are.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::disk::Disk;
use super::frame::OldRecord;
use super::housekeeper::remove;
use super::read::{Visit, visit_segment};
use super::record::{Names, RawRecord};
use super::rewrite::{Rewrite, plain};
use super::segment::{FileName, Segment, index_path};
use super::state::{Part, Shared};
use super::wire::Malformed;
use crate::api::LogError;

/// A file is joined with the one before it if that is at most so many times as large: there are
/// few files then, and each record moves few times.
const JOIN_SIZE_FACTOR: u64 = 2;

/// Files are joined if their records differ in age by at most this fraction of the time they are
/// kept: a file goes when the last of it may go.
const JOIN_AGE_DIVISOR: u64 = 8;

/// Copies records of one part.
struct Copy<'a> {
    below: u64,
    rewrite: Rewrite<'a>,
    names: Names,
    failed: Option<std::io::Error>,
}

impl Visit for Copy<'_> {
    fn wanted(&self) -> usize {
        usize::MAX
    }

    fn visit(&mut self, block: &Bytes, offset: u64, raw: RawRecord) -> Result<bool, Malformed> {
        if offset >= self.below {
            return Ok(false);
        }
        let record = raw.take(block, &mut self.names)?;
        let old = OldRecord { offset, record, written_ms: None };
        self.failed = self.rewrite.push(old).err();
        Ok(self.failed.is_none())
    }
}

/// Moves what a queue has in these segments, from `start` on, to files of its own. `keep_ms` is
/// how long its records are kept.
pub(crate) fn keep(
    shared: &Shared,
    disk: &dyn Disk,
    queue: u32,
    held: &[Arc<Segment>],
    start: u64,
    keep_ms: Option<u64>,
) -> Result<(), LogError> {
    let parts: Vec<Part> = match shared.state().queues.get(&queue) {
        Some(queue) => queue.parts.iter().filter(|part| part.next > start).cloned().collect(),
        None => return Ok(()),
    };
    for run in runs(&parts, held, queue, keep_ms) {
        move_run(shared, disk, queue, parts.get(run).unwrap_or_default())?;
    }
    Ok(())
}

/// Neighbouring parts that shall become one file each.
fn runs(
    parts: &[Part],
    held: &[Arc<Segment>],
    queue: u32,
    keep_ms: Option<u64>,
) -> Vec<Range<usize>> {
    let is_held = |part: &Part| held.iter().any(|segment| Arc::ptr_eq(segment, &part.segment));
    let summary = |part: &Part| part.segment.summary(queue).copied();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(part) = parts.get(at) {
        if !is_held(part) {
            at += 1;
            continue;
        }
        let end = at + parts.iter().skip(at).take_while(|part| is_held(part)).count();
        let run = parts.get(at..end).unwrap_or_default();
        let mut bytes: u64 = run.iter().filter_map(summary).map(|s| s.bytes).sum();
        let newest = run.iter().filter_map(summary).map(|s| s.written_ms).max().unwrap_or(0);
        let oldest = keep_ms.map_or(0, |keep| newest.saturating_sub(keep / JOIN_AGE_DIVISOR));
        let mut begin = at;
        while let Some(before) = begin.checked_sub(1).and_then(|before| parts.get(before))
            && matches!(before.segment.name, FileName::Kept { .. })
            && let Some(before) = summary(before)
            && before.bytes <= JOIN_SIZE_FACTOR * bytes
            && before.begun_ms >= oldest
        {
            bytes += before.bytes;
            begin -= 1;
        }
        found.push(begin..end);
        at = end;
    }
    found
}

fn move_run(shared: &Shared, disk: &dyn Disk, queue: u32, run: &[Part]) -> Result<(), LogError> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(()) };
    let name = FileName::Kept { queue, first: first.first, end: last.next };
    if run.len() == 1 && first.segment.name == name {
        return Ok(());
    }
    let rewrite = Rewrite::begin(shared, disk, name, queue)?;
    let mut copy = Copy { below: 0, rewrite, names: Names::default(), failed: None };
    for part in run {
        let written_ms = part.segment.summary(queue).map_or(0, |summary| summary.written_ms);
        let begun = copy.rewrite.written_at(written_ms);
        begun.map_err(|error| copy.rewrite.fault(&error))?;
        copy.below = part.next;
        visit_segment(shared, &part.segment, queue, part.first, &mut copy).map_err(plain)?;
        if let Some(error) = copy.failed.take() {
            return Err(copy.rewrite.fault(&error));
        }
    }
    let segment = copy.rewrite.finish()?;
    replace(shared, queue, run, &segment);
    Ok(())
}

/// Lets readers find the new file, and deletes those of this queue alone that it replaces.
fn replace(shared: &Shared, queue: u32, run: &[Part], segment: &Arc<Segment>) {
    let mut state = shared.state();
    state.segments.insert(segment.name, Arc::clone(segment));
    if let (Some(queue), Some(first), Some(last)) =
        (state.queues.get_mut(&queue), run.first(), run.last())
    {
        let at = queue.parts.partition_point(|part| part.next <= first.first);
        let is_moved = |part: &Part| run.iter().any(|r| Arc::ptr_eq(&r.segment, &part.segment));
        queue.parts.retain(|part| !is_moved(part));
        let segment = Arc::clone(segment);
        let part = Part { first: first.first, next: last.next, segment };
        queue.parts.insert(at.min(queue.parts.len()), part);
    }
    let is_own = |part: &&Part| matches!(part.segment.name, FileName::Kept { .. });
    let replaced: Vec<_> = run.iter().filter(is_own).map(|part| &part.segment).collect();
    for old in &replaced {
        state.segments.remove(&old.name);
    }
    drop(state);
    for old in replaced {
        shared.cache.forget(old);
        remove(&old.path);
        remove(&index_path(&old.path));
    }
}
