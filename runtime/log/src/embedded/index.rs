//! Where in a segment the records of each queue are.
//!
//! Sparse: an entry covers a run of sections. A section starts a new run when it is far from the
//! start of the last one or the run has grown, so that small sections share an entry and large
//! ones each have their own and can be read without anything around them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::frame::SECTION_BYTES_TARGET;
use super::private;
use super::wire::{Malformed, Reader, u32_at, u64_at};

const MAGIC: [u8; 4] = *b"GnI1";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 24;
const SUMMARY_BYTES: usize = 68;
const ENTRY_BYTES: usize = 28;

/// A section nearer than this to the start of the last run joins it.
const RUN_DISTANCE: u64 = 4096;

/// Most bytes of an index's directory that are believed: 2 million queues.
const DIRECTORY_BYTES_MAX: usize = 128 << 20;

/// A run of sections: all records of the queue from `offset` up to the next entry's are within
/// `pos..pos + len`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) offset: u64,
    /// The newest timestamp in the run.
    pub(crate) newest_ms: i64,
    /// Where the first section's header is.
    pub(crate) pos: u64,
    pub(crate) len: u32,
}

/// A section that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) queue: u32,
    /// Offset of its first record.
    pub(crate) first: u64,
    /// One after the offset of its last record.
    pub(crate) next: u64,
    pub(crate) newest_ms: i64,
    /// Where its header is in the file.
    pub(crate) pos: u64,
    /// Bytes with header.
    pub(crate) len: u32,
}

/// What a segment has of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) queue: u32,
    pub(crate) first: u64,
    pub(crate) next: u64,
    pub(crate) newest_ms: i64,
    /// When the first of it was written, by the wall clock.
    pub(crate) begun_ms: u64,
    /// When the last of it was written, by the wall clock.
    pub(crate) written_ms: u64,
    pub(crate) bytes: u64,
}

/// The index of one queue in one segment.
#[derive(Clone, Debug)]
pub(crate) struct QueueIndex {
    pub(crate) summary: Summary,
    pub(crate) entries: Vec<Entry>,
}

impl QueueIndex {
    fn new(placed: &Placed) -> Self {
        let summary = Summary {
            queue: placed.queue,
            first: placed.first,
            next: placed.first,
            newest_ms: i64::MIN,
            begun_ms: u64::MAX,
            written_ms: 0,
            bytes: 0,
        };
        Self { summary, entries: Vec::new() }
    }

    fn push(&mut self, placed: &Placed, written_ms: u64) {
        let summary = &mut self.summary;
        summary.next = placed.next;
        summary.newest_ms = summary.newest_ms.max(placed.newest_ms);
        summary.begun_ms = summary.begun_ms.min(written_ms);
        summary.written_ms = summary.written_ms.max(written_ms);
        summary.bytes += u64::from(placed.len);
        if let Some(run) = self.entries.last_mut() {
            let len = placed.pos + u64::from(placed.len) - run.pos;
            if placed.pos - run.pos < RUN_DISTANCE && len <= SECTION_BYTES_TARGET as u64 {
                run.len = len as u32;
                run.newest_ms = run.newest_ms.max(placed.newest_ms);
                return;
            }
        }
        let Placed { first: offset, newest_ms, pos, len, .. } = *placed;
        self.entries.push(Entry { offset, newest_ms, pos, len });
    }
}

/// The entry that covers this offset or, if none does, the first after it.
pub(crate) fn find(entries: &[Entry], offset: u64) -> usize {
    entries.partition_point(|entry| entry.offset <= offset).saturating_sub(1)
}

/// The index of one segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct SegmentIndex {
    pub(crate) queues: BTreeMap<u32, QueueIndex>,
}

impl SegmentIndex {
    /// Adds a section; sections come in the order of the file.
    pub(crate) fn push(&mut self, placed: &Placed, written_ms: u64) {
        let queue = self.queues.entry(placed.queue).or_insert_with(|| QueueIndex::new(placed));
        queue.push(placed, written_ms);
    }

    pub(crate) fn summaries(&self) -> Vec<Summary> {
        self.queues.values().map(|queue| queue.summary).collect()
    }

    /// Writes the index beside its segment: complete or not at all. It need not survive a crash,
    /// it is rebuilt from the segment then.
    pub(crate) fn write(&self, path: &Path, segment_len: u64) -> io::Result<()> {
        let temporary = path.with_extension("idx.tmp");
        let mut file =
            private::options().write(true).create(true).truncate(true).open(&temporary)?;
        file.write_all(&self.encode(segment_len))?;
        file.sync_data()?;
        fs::rename(&temporary, path)
    }

    fn encode(&self, segment_len: u64) -> Vec<u8> {
        let directory_len = self.queues.len() * SUMMARY_BYTES;
        let entries: usize = self.queues.values().map(|queue| queue.entries.len()).sum();
        let mut data = Vec::with_capacity(entries * ENTRY_BYTES);
        let mut directory = Vec::with_capacity(directory_len);
        for QueueIndex { summary, entries } in self.queues.values() {
            let start = data.len();
            for entry in entries {
                data.extend_from_slice(&entry.offset.to_le_bytes());
                data.extend_from_slice(&entry.newest_ms.to_le_bytes());
                data.extend_from_slice(&entry.pos.to_le_bytes());
                data.extend_from_slice(&entry.len.to_le_bytes());
            }
            let crc = crc32c::crc32c(data.get(start..).unwrap_or_default());
            let pos = (HEADER_BYTES + directory_len + start) as u64;
            directory.extend_from_slice(&summary.queue.to_le_bytes());
            directory.extend_from_slice(&summary.first.to_le_bytes());
            directory.extend_from_slice(&summary.next.to_le_bytes());
            directory.extend_from_slice(&summary.newest_ms.to_le_bytes());
            directory.extend_from_slice(&summary.begun_ms.to_le_bytes());
            directory.extend_from_slice(&summary.written_ms.to_le_bytes());
            directory.extend_from_slice(&summary.bytes.to_le_bytes());
            directory.extend_from_slice(&pos.to_le_bytes());
            directory.extend_from_slice(&(entries.len() as u32).to_le_bytes());
            directory.extend_from_slice(&crc.to_le_bytes());
        }
        let mut out = Vec::with_capacity(HEADER_BYTES + directory_len + data.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&segment_len.to_le_bytes());
        out.extend_from_slice(&(self.queues.len() as u32).to_le_bytes());
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc32c::crc32c_append(crc, &directory).to_le_bytes());
        out.extend_from_slice(&directory);
        out.extend_from_slice(&data);
        out
    }
}

/// Where the entries of one queue are in an index file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntriesAt {
    pos: u64,
    count: u32,
    crc: u32,
}

/// Reads the directory of an index file. Fails if it is damaged or is not this segment's.
pub(crate) fn read_directory(
    path: &Path,
    segment_len: u64,
) -> io::Result<Vec<(Summary, EntriesAt)>> {
    let file = File::open(path)?;
    let mut header = [0; HEADER_BYTES];
    file.read_exact_at(&mut header, 0)?;
    let fields = || Some((u32_at(&header, 4)?, u64_at(&header, 8)?, u32_at(&header, 16)?));
    let (version, len, queues) = fields().unwrap_or_default();
    let directory_len = (queues as usize).saturating_mul(SUMMARY_BYTES);
    let plausible = header.starts_with(&MAGIC)
        && version == VERSION
        && len == segment_len
        && directory_len <= DIRECTORY_BYTES_MAX
        && directory_len as u64 <= file.metadata()?.len();
    if !plausible {
        return Err(invalid("it is not the index of this segment"));
    }
    let mut directory = vec![0; directory_len];
    file.read_exact_at(&mut directory, HEADER_BYTES as u64)?;
    let crc = crc32c::crc32c(header.get(..HEADER_BYTES - 4).unwrap_or_default());
    if Some(crc32c::crc32c_append(crc, &directory)) != u32_at(&header, HEADER_BYTES - 4) {
        return Err(invalid("its checksum is wrong"));
    }
    let mut reader = Reader::new(&directory);
    (0..queues).map(|_| summary(&mut reader).map_err(|fault| invalid(fault.0))).collect()
}

fn summary(reader: &mut Reader<'_>) -> Result<(Summary, EntriesAt), Malformed> {
    let summary = Summary {
        queue: reader.u32()?,
        first: reader.u64()?,
        next: reader.u64()?,
        newest_ms: reader.u64()? as i64,
        begun_ms: reader.u64()?,
        written_ms: reader.u64()?,
        bytes: reader.u64()?,
    };
    let at = EntriesAt { pos: reader.u64()?, count: reader.u32()?, crc: reader.u32()? };
    Ok((summary, at))
}

/// Reads the entries of one queue.
pub(crate) fn read_entries(path: &Path, at: &EntriesAt) -> io::Result<Arc<[Entry]>> {
    let file = File::open(path)?;
    let len = at.count as usize * ENTRY_BYTES;
    if at.pos.saturating_add(len as u64) > file.metadata()?.len() {
        return Err(invalid("it is cut"));
    }
    let mut data = vec![0; len];
    file.read_exact_at(&mut data, at.pos)?;
    if crc32c::crc32c(&data) != at.crc {
        return Err(invalid("its checksum is wrong"));
    }
    let mut reader = Reader::new(&data);
    let mut entry = || {
        Ok(Entry {
            offset: reader.u64()?,
            newest_ms: reader.u64()? as i64,
            pos: reader.u64()?,
            len: reader.u32()?,
        })
    };
    (0..at.count).map(|_| entry().map_err(|fault: Malformed| invalid(fault.0))).collect()
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
