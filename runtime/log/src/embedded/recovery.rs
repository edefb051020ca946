//! From the files in a directory to the state that readers see.
//!
//! Only the last segment is read: it begins with a snapshot, and a torn write can only be at its
//! end. Of all others the index says enough.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use super::catalog::{Catalog, Change};
use super::config::EmbeddedConfig;
use super::disk::Disk;
use super::frame::{CATALOG_QUEUE, FrameKind};
use super::housekeeper::remove;
use super::index::SegmentIndex;
use super::scan::{FILE_HEADER_BYTES, Frame, ScanFault, Scanner};
use super::segment::{FileName, Segment, corrupt, index_path, read_fault, scan_fault};
use super::state::{Active, Part, Queue, State};
use super::wire::Malformed;
use super::writer::{Tail, begin_segment, is_full};
use crate::api::{Cleanup, LogError};
use crate::sync::now_ms;

/// Opens what is in the directory, or begins a new log if there is nothing.
pub(crate) fn recover(config: &EmbeddedConfig, disk: &dyn Disk) -> Result<(State, Tail), LogError> {
    let dir = &config.dir;
    let (mut segments, rewritten) = list(dir)?;
    let Some((name, mut scanner, head)) = last_whole(dir, &mut segments)? else {
        if rewritten.is_empty() {
            return begin(dir, disk);
        }
        let found = "there are rewritten files but no segment to go on in";
        return Err(corrupt(dir, 0, found));
    };
    let path = name.path(dir);
    let file = Arc::new(File::open(&path).map_err(|error| read_fault(&path, &error))?);
    let index = SegmentIndex::default();
    let created_ms = head.snapshot.header.written_ms;
    let active = Active { name, path: path.clone(), file, index, created_ms };
    let starting = |(queue, next): (u32, u64)| (queue, Queue::starting_at(next));
    let mut state = State {
        catalog: head.catalog,
        queues: head.next.into_iter().map(starting).collect(),
        active,
        segments: BTreeMap::new(),
        closed: false,
    };
    for name in rewritten.into_iter().chain(segments) {
        add_parts(&mut state, &Arc::new(Segment::open(dir, name)?));
    }
    join_parts(dir, &mut state)?;
    let (len, sequence) = replay(&path, &mut scanner, &head.snapshot, &mut state)?;

    let writing =
        |error| LogError::Unavailable(format!("cannot write {}: {error}", path.display()).into());
    let mut file = disk.open(&path).map_err(writing)?;
    if len < scanner.len() {
        let cut = scanner.len() - len;
        tracing::warn!(file = %path.display(), bytes = cut, "cutting a torn write off the log");
        file.truncate(len).map_err(writing)?;
    }
    // What was found may not be on disk yet, and will be shown to readers as durable.
    file.sync().map_err(writing)?;
    remove(&index_path(&path));
    let start = head.snapshot.end();
    Ok((state, Tail { file, name, path, len, start, sequence }))
}

fn begin(dir: &Path, disk: &dyn Disk) -> Result<(State, Tail), LogError> {
    let catalog = Catalog::default();
    // The directory itself may be new.
    let named = dir.parent().map_or(Ok(()), |parent| match parent.as_os_str().is_empty() {
        true => disk.sync_dir(Path::new(".")),
        false => disk.sync_dir(parent),
    });
    let at = (0, now_ms());
    let begun = named.and_then(|()| begin_segment(disk, dir, 0, &catalog, &HashMap::new(), at));
    let (tail, active) = begun.map_err(|error| {
        let advice = if is_full(&error) { "; free space there, then start again" } else { "" };
        let dir = dir.display();
        LogError::Unavailable(format!("cannot begin a log in {dir}: {error}{advice}").into())
    })?;
    let (queues, segments) = (HashMap::new(), BTreeMap::new());
    Ok((State { catalog, queues, active, segments, closed: false }, tail))
}

/// The segments in order; and the files of single queues, of compacted ones only the newest.
/// Files that a crash left behind are deleted.
fn list(dir: &Path) -> Result<(Vec<FileName>, Vec<FileName>), LogError> {
    let fault = |error| read_fault(dir, &error);
    let mut segments = Vec::new();
    let mut rewritten = Vec::new();
    let mut compacted: BTreeMap<u32, u64> = BTreeMap::new();
    let mut indexes = Vec::new();
    for entry in fs::read_dir(dir).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".log.tmp") || name.ends_with(".idx.tmp") {
            remove(&path);
        } else if name.ends_with(".idx") {
            indexes.push(path);
        } else if let Some(found) = FileName::parse(name) {
            match found {
                FileName::Segment(_) => segments.push(found),
                FileName::Kept { .. } => rewritten.push(found),
                FileName::Compacted { queue, end } => {
                    let newest = compacted.entry(queue).or_default();
                    let older = end.min(*newest);
                    *newest = end.max(*newest);
                    if older > 0 {
                        remove(&FileName::Compacted { queue, end: older }.path(dir));
                    }
                }
            }
        }
    }
    for index in indexes {
        if !index.with_extension("log").is_file() {
            remove(&index);
        }
    }
    segments.sort();
    let named = |(queue, end)| FileName::Compacted { queue, end };
    rewritten.extend(compacted.into_iter().map(named));
    Ok((segments, rewritten))
}

/// The beginning of a segment.
struct Head {
    snapshot: Frame,
    catalog: Catalog,
    next: HashMap<u32, u64>,
}

/// Takes the last segment off the list. One that was being begun when the process ended is
/// deleted; nothing can have been acknowledged in it.
fn last_whole(
    dir: &Path,
    segments: &mut Vec<FileName>,
) -> Result<Option<(FileName, Scanner, Head)>, LogError> {
    let Some(name) = segments.pop() else { return Ok(None) };
    let path = name.path(dir);
    let fault = |fault: ScanFault| scan_fault(&path, 0, &fault);
    let mut scanner = Scanner::open(&path).map_err(|error| fault(error.into()))?;
    let begun = match head(&mut scanner, name) {
        Ok(head) => return Ok(Some((name, scanner, head))),
        Err(ScanFault::Io(error)) => return Err(fault(error.into())),
        Err(begun) => begun,
    };
    let pos = FILE_HEADER_BYTES as u64;
    let proof = scanner.proof_after(pos, None).map_err(|error| fault(error.into()))?;
    let is_first = segments.is_empty() && name.id() > 0;
    if proof.is_some() || is_first {
        return Err(fault(begun));
    }
    tracing::warn!(file = %path.display(), "deleting a segment that was never completed");
    remove(&path);
    remove(&index_path(&path));
    let Some(name) = segments.pop() else { return Ok(None) };
    let path = name.path(dir);
    let fault = |fault: ScanFault| scan_fault(&path, 0, &fault);
    let mut scanner = Scanner::open(&path).map_err(|error| fault(error.into()))?;
    let head = head(&mut scanner, name).map_err(fault)?;
    Ok(Some((name, scanner, head)))
}

fn head(scanner: &mut Scanner, name: FileName) -> Result<Head, ScanFault> {
    if scanner.file_id()? != name.id() {
        return Err(Malformed("the file's name and its header do not match").into());
    }
    let frame = scanner.frame(FILE_HEADER_BYTES as u64)?;
    let snapshot = frame.filter(|frame| frame.header.kind == FrameKind::Snapshot);
    let snapshot = snapshot.ok_or(Malformed("the segment does not begin with a snapshot"))?;
    let section = snapshot.sections.first().copied();
    let (pos, section) = section.ok_or(Malformed("the snapshot is empty"))?;
    let mut next = HashMap::new();
    let bytes = scanner.payload(pos, &section)?;
    let catalog = Catalog::decode(bytes, |queue, offset| {
        next.insert(queue, offset);
    })?;
    Ok(Head { snapshot, catalog, next })
}

/// Lets each queue have its parts of a file, in no order yet.
fn add_parts(state: &mut State, segment: &Arc<Segment>) {
    for summary in &segment.summaries {
        let Some(queue) = state.queues.get_mut(&summary.queue) else { continue };
        // What compaction left covers all offsets below its end.
        let is_compacted = matches!(segment.name, FileName::Compacted { .. });
        let first = if is_compacted { 0 } else { summary.first };
        queue.parts.push_back(Part { first, next: summary.next, segment: Arc::clone(segment) });
    }
    state.segments.insert(segment.name, Arc::clone(segment));
}

/// Puts a queue's parts in order. After a crash two files may have the same records: one is
/// used, and the housekeeper deletes the other.
fn order_parts(queue: &mut Queue) {
    let mut parts = std::mem::take(&mut queue.parts);
    let is_shared = |part: &Part| matches!(part.segment.name, FileName::Segment(_));
    let key = |part: &Part| (part.first, is_shared(part), std::cmp::Reverse(part.next));
    parts.make_contiguous().sort_by_key(key);
    let mut covered = 0;
    for part in parts {
        if part.next > covered {
            queue.parts.push_back(Part { first: part.first.max(covered), ..part.clone() });
            covered = part.next;
        }
    }
}

/// Checks that each queue's parts join, and finds its first offset.
fn join_parts(dir: &Path, state: &mut State) -> Result<(), LogError> {
    let State { catalog, queues, .. } = state;
    for (number, queue) in queues {
        order_parts(queue);
        let next = queue.next;
        let compacted = catalog
            .topic_of(*number)
            .is_some_and(|(_, topic, _)| topic.spec.cleanup == Cleanup::Compact);
        let mut start = next;
        let mut joined = 0;
        for part in queue.parts.iter().rev() {
            if part.next != start {
                break;
            }
            start = part.first;
            joined += 1;
        }
        let reaches = queue.parts.back().map_or(0, |part| part.next);
        let name = catalog.name_of(*number);
        let name = name.map_or_else(|| number.to_string(), |name| name.to_string());
        if reaches > next {
            let found = format!("{name} goes up to offset {reaches}, its last segment says {next}");
            return Err(corrupt(dir, 0, &found));
        }
        if compacted && start > 0 {
            let found = format!("a file is missing with records of {name} below {start}");
            return Err(corrupt(dir, 0, &found));
        }
        // Retention may have deleted a later file and left an earlier one for the sake of other
        // topics: what is below the hole is gone as well.
        let dropped = queue.parts.len() - joined;
        queue.parts.drain(..dropped);
        queue.earliest = start;
    }
    Ok(())
}

/// Applies the frames after the snapshot. Gives where the last whole one ends, and the sequence
/// of the next.
fn replay(
    path: &Path,
    scanner: &mut Scanner,
    snapshot: &Frame,
    state: &mut State,
) -> Result<(u64, u64), LogError> {
    let mut pos = snapshot.end();
    let mut sequence = snapshot.header.sequence + 1;
    loop {
        match whole_frame(scanner, pos, sequence) {
            Ok(None) => return Ok((pos, sequence)),
            Ok(Some(frame)) => {
                let applied = apply(scanner, &frame, state);
                applied.map_err(|fault| scan_fault(path, pos, &fault))?;
                pos = frame.end();
                sequence += 1;
            }
            Err(ScanFault::Bad(fault)) => {
                let proof = scanner.proof_after(pos, Some(sequence));
                let proof = proof.map_err(|error| read_fault(path, &error))?;
                let Some(proof) = proof else { return Ok((pos, sequence)) };
                let reason = fault.0;
                let found = format!("{reason}, although what follows at byte {proof} is whole");
                return Err(corrupt(path, pos, &found));
            }
            Err(ScanFault::Io(error)) => return Err(read_fault(path, &error)),
        }
    }
}

fn whole_frame(scanner: &mut Scanner, pos: u64, sequence: u64) -> Result<Option<Frame>, ScanFault> {
    let Some(frame) = scanner.frame(pos)? else { return Ok(None) };
    if frame.header.sequence != sequence {
        return Err(Malformed("the frame is not the next in sequence").into());
    }
    scanner.verify(&frame)?;
    Ok(Some(frame))
}

fn apply(scanner: &mut Scanner, frame: &Frame, state: &mut State) -> Result<(), ScanFault> {
    // Nobody reads yet, so nobody is to be told.
    let mut nobody = Vec::new();
    for (placed, (pos, section)) in frame.placed().zip(&frame.sections) {
        if section.queue != CATALOG_QUEUE {
            let queue = state.queues.get(&section.queue);
            if queue.is_some_and(|queue| queue.next != placed.first) {
                return Err(Malformed("the records do not follow those before").into());
            }
            state.publish(&placed, frame.header.written_ms, &mut nobody);
        } else if frame.header.kind == FrameKind::Change {
            let change = Change::decode(scanner.payload(*pos, section)?)?;
            state.apply(&change, &mut nobody);
        }
    }
    Ok(())
}
