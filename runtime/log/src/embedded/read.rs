//! From index entries to records: reads blocks of a file and takes the records of one queue out
//! of them, as slices that share the block.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use bytes::Bytes;

use super::frame::{FRAME_HEADER_BYTES, FRAME_MAGIC, SECTION_HEADER_BYTES, SectionHeader};
use super::index::Entry;
use super::record::{Names, RawRecord, Records};
use super::segment::{Segment, corrupt, read_block, read_fault};
use super::state::{ENTRIES_PER_READ, Shared, Source};
use super::wire::Malformed;
use crate::TopicPartition;
use crate::api::{LogError, LogRecord, QueueRecords, ReadLimits};
use crate::share::{Budget, Share};

/// Most bytes read at once, unless a single section is larger: what one small value that is
/// kept keeps in memory at most.
const BLOCK_BYTES_MAX: usize = 256 << 10;

/// Bytes of other queues that are rather read along than skipped with another call.
const GAP_BYTES_MAX: u64 = 4096;

/// Most records that room is made for before it is known how many there are.
const RESERVED_RECORDS_MAX: usize = 16 << 10;

/// Why records could not be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Retention deleted the file in the meantime: look again where to read.
    Gone,
    /// What the caller is told.
    Log(LogError),
}

impl From<LogError> for Fault {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

/// Takes records one by one.
pub(crate) trait Visit {
    /// About how many more bytes are wanted.
    fn wanted(&self) -> usize;
    /// A section of so many records and bytes follows.
    fn expect(&mut self, _records: usize, _bytes: usize) {}
    /// Takes a record of a block; false to stop before it.
    fn visit(&mut self, block: &Bytes, offset: u64, raw: RawRecord) -> Result<bool, Malformed>;
}

/// An open file and the queue wanted from it.
struct Place<'a> {
    path: &'a Path,
    file: &'a File,
    queue: u32,
}

impl Place<'_> {
    /// Visits the records with an offset of at least `from` that the entries cover. False if the
    /// visitor stopped.
    fn visit(&self, entries: &[Entry], from: u64, to: &mut impl Visit) -> Result<bool, LogError> {
        let mut rest = entries;
        while let Some((first, mut later)) = rest.split_first() {
            let mut end = first.pos + u64::from(first.len);
            let max = to.wanted().min(BLOCK_BYTES_MAX) as u64;
            while let Some((next, after)) = later.split_first() {
                let next_end = next.pos + u64::from(next.len);
                if next.pos.saturating_sub(end) > GAP_BYTES_MAX || next_end - first.pos > max {
                    break;
                }
                (end, later) = (next_end, after);
            }
            let len = usize::try_from(end - first.pos).unwrap_or(usize::MAX);
            let block =
                read_block(self.file, first.pos, len).map_err(|error| match error.kind() {
                    ErrorKind::UnexpectedEof => corrupt(self.path, first.pos, "the file is cut"),
                    _ => read_fault(self.path, &error),
                })?;
            let block = Bytes::from(block);
            let mut at = 0;
            let done = self.walk(&block, &mut at, from, to);
            let more = done.map_err(|fault| corrupt(self.path, first.pos + at as u64, fault.0))?;
            if !more {
                return Ok(false);
            }
            rest = later;
        }
        Ok(true)
    }

    fn walk(
        &self,
        block: &Bytes,
        at: &mut usize,
        from: u64,
        to: &mut impl Visit,
    ) -> Result<bool, Malformed> {
        while let Some(rest) = block.get(*at..)
            && !rest.is_empty()
        {
            if rest.starts_with(&FRAME_MAGIC) {
                *at += FRAME_HEADER_BYTES;
                continue;
            }
            let section = SectionHeader::parse(rest)?;
            let start = *at + SECTION_HEADER_BYTES;
            let payload = start..start + section.payload_len as usize;
            if section.queue == self.queue && section.next_offset > from {
                let bytes = block.get(payload.clone()).ok_or(Malformed("the section is cut"))?;
                section.verify(bytes)?;
                if !take(block, payload.clone(), &section, from, to)? {
                    return Ok(false);
                }
            }
            *at = payload.end;
        }
        Ok(true)
    }
}

fn take(
    block: &Bytes,
    payload: std::ops::Range<usize>,
    section: &SectionHeader,
    from: u64,
    to: &mut impl Visit,
) -> Result<bool, Malformed> {
    to.expect(section.count as usize, section.payload_len as usize);
    let mut records = Records::new(
        block,
        payload,
        section.count,
        section.base_offset,
        section.newest_ms,
        section.sparse,
    );
    while let Some((offset, raw)) = records.next_from(from)? {
        if !to.visit(block, offset, raw)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Visits the records of a queue in a closed file from `from` on. False if the visitor stopped.
pub(crate) fn visit_segment(
    shared: &Shared,
    segment: &Segment,
    queue: u32,
    mut from: u64,
    to: &mut impl Visit,
) -> Result<bool, Fault> {
    let path = &segment.path;
    let file = shared.cache.file(segment).map_err(|error| gone_or(path, &error))?;
    let place = Place { path, file: &file, queue };
    loop {
        let entries = segment.entries(queue, from, ENTRIES_PER_READ, &shared.cache)?;
        if !place.visit(&entries, from, to)? {
            return Ok(false);
        }
        // The last entry is read again with the next lot, where all of it is below `from`.
        match entries.last() {
            Some(last) if entries.len() == ENTRIES_PER_READ && last.offset > from => {
                let next = segment.entries(queue, last.offset, 2, &shared.cache)?;
                let Some(next) = next.get(1) else { return Ok(true) };
                from = next.offset;
            }
            _ => return Ok(true),
        }
    }
}

fn gone_or(path: &Path, error: &io::Error) -> Fault {
    match error.kind() {
        ErrorKind::NotFound => Fault::Gone,
        _ => Fault::Log(read_fault(path, error)),
    }
}

/// Collects what fits the share.
struct Collect<'a> {
    share: &'a mut Share,
    names: &'a mut Names,
    records: Vec<(u64, LogRecord)>,
}

impl Visit for Collect<'_> {
    fn wanted(&self) -> usize {
        self.share.bytes_left()
    }

    fn expect(&mut self, records: usize, bytes: usize) {
        if self.records.capacity() == 0 {
            // Records that follow are likely as large: better once enough than often more.
            let likely = self.share.bytes_left() / (bytes / records.max(1)).max(1);
            let likely = likely.min(RESERVED_RECORDS_MAX).max(records);
            self.records.reserve(likely.min(self.share.records_left()));
        }
    }

    fn visit(&mut self, block: &Bytes, offset: u64, raw: RawRecord) -> Result<bool, Malformed> {
        if !self.share.take(raw.size) {
            return Ok(false);
        }
        self.records.push((offset, raw.take(block, self.names)?));
        Ok(self.share.records_left() > 0)
    }
}

/// A queue that has records to read.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) name: TopicPartition,
    pub(crate) queue: u32,
    pub(crate) from: u64,
    pub(crate) end: u64,
    pub(crate) source: Source,
}

/// Reads from all queues that have something, in a fair order.
pub(crate) fn read_ready(
    shared: &Shared,
    ready: Vec<Ready>,
    limits: &ReadLimits,
) -> Result<Vec<QueueRecords>, Fault> {
    let mut names = Names::default();
    let mut budget = Budget::new(limits, ready.len());
    let mut answer = Vec::with_capacity(ready.len());
    let mut ready: Vec<Option<Ready>> = ready.into_iter().map(Some).collect();
    for i in shared.rotation.order(ready.len()) {
        let Some(one) = ready.get_mut(i).and_then(Option::take) else { continue };
        let Some(mut share) = budget.share() else { break };
        let (name, end) = (one.name.clone(), one.end);
        let (records, next) = read_queue(shared, one, &mut share, &mut names)?;
        budget.spend(&share);
        if !records.is_empty() {
            answer.push(QueueRecords { from: name, records, next, end });
        }
    }
    Ok(answer)
}

fn read_queue(
    shared: &Shared,
    ready: Ready,
    share: &mut Share,
    names: &mut Names,
) -> Result<(Vec<(u64, LogRecord)>, u64), Fault> {
    let Ready { queue, mut from, source, .. } = ready;
    let mut source = Some(source);
    let mut collect = Collect { share, names, records: Vec::new() };
    while let Some(place) = source.take() {
        match place {
            Source::Active { path, file, entries } => {
                Place { path: &path, file: &file, queue }.visit(&entries, from, &mut collect)?;
            }
            Source::Closed { segment, next } => {
                let all = visit_segment(shared, &segment, queue, from, &mut collect)?;
                // Compaction may have left nothing between `from` and the end of the file.
                if all && collect.records.is_empty() {
                    from = next;
                    source = shared.state().locate(queue, from, collect.wanted());
                }
            }
        }
    }
    let next = collect.records.last().map_or(from, |(offset, _)| offset + 1);
    Ok((collect.records, next))
}

/// Finds the first record that is as new.
struct FindTime {
    timestamp_ms: i64,
    found: Option<u64>,
}

impl Visit for FindTime {
    fn wanted(&self) -> usize {
        0
    }

    fn visit(&mut self, _: &Bytes, offset: u64, raw: RawRecord) -> Result<bool, Malformed> {
        if raw.timestamp_ms >= self.timestamp_ms {
            self.found = Some(offset);
        }
        Ok(self.found.is_none())
    }
}

/// The first offset from `from` on with a timestamp as new.
pub(crate) fn offset_for_time(
    shared: &Shared,
    queue: u32,
    mut from: u64,
    timestamp_ms: i64,
) -> Result<Option<u64>, Fault> {
    let mut find = FindTime { timestamp_ms, found: None };
    loop {
        let source = shared.state().locate(queue, from, usize::MAX);
        let next = match source {
            None => return Ok(None),
            Some(Source::Active { path, file, entries }) => {
                let near: Vec<Entry> =
                    entries.iter().filter(|e| e.newest_ms >= timestamp_ms).copied().collect();
                let place = Place { path: &path, file: &file, queue };
                if place.visit(&near, from, &mut find)? && entries.len() < ENTRIES_PER_READ {
                    return Ok(None);
                }
                entries.last().map(|last| last.offset)
            }
            Some(Source::Closed { segment, next }) => {
                let as_new = segment.summary(queue).is_some_and(|s| s.newest_ms >= timestamp_ms);
                if as_new {
                    let cache = &shared.cache;
                    let near = segment.entry_for_time(queue, from, timestamp_ms, cache)?;
                    let path = &segment.path;
                    let file = cache.file(&segment).map_err(|error| gone_or(path, &error))?;
                    Place { path, file: &file, queue }.visit(&near, from, &mut find)?;
                }
                Some(next)
            }
        };
        if find.found.is_some() {
            return Ok(find.found);
        }
        match next {
            Some(next) if next > from => from = next,
            _ => return Ok(None),
        }
    }
}
