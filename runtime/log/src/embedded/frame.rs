//! Frames and sections: what a segment file consists of.
//!
//! A frame is one atomic write: a header, then sections. A section holds records of one queue
//! (or of the catalog) and has a header and a checksum of its own, so that a reader of one queue
//! reads and verifies only that queue's bytes. The frame's checksum covers its header and the
//! headers of all its sections, and these carry the checksums of their payloads: a frame is
//! whole only if all of it is. Payloads are encoded and checksummed by the caller of `append`,
//! in parallel; the writer only fills in offsets and seals the headers.

use super::record::{Sparse, newest, put_record};
use super::wire::{Malformed, patch, u32_at, u64_at};
use crate::api::LogRecord;

/// Version of the frame format that this program writes, and the only one it reads.
pub(crate) const FORMAT_VERSION: u8 = 1;

/// A payload is closed when it has grown to this many bytes: what a reader reads and verifies
/// at least, and what one small value kept from it keeps in memory at most.
pub(crate) const SECTION_BYTES_TARGET: usize = 32 << 10;

/// Largest frame, so that positions in it fit and recovery never believes an absurd length.
pub(crate) const FRAME_BYTES_MAX: usize = 1 << 30;

pub(crate) const FRAME_HEADER_BYTES: usize = 44;
pub(crate) const SECTION_HEADER_BYTES: usize = 52;
pub(crate) const FRAME_MAGIC: [u8; 4] = *b"GnF1";
const SECTION_MAGIC: [u8; 4] = *b"GnS1";

/// The section belongs to the catalog, not to a queue.
pub(crate) const CATALOG_QUEUE: u32 = u32::MAX;

/// Records in the section have offset steps of their own.
const SPARSE: u32 = 1;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// Records, as appended.
    Records = 1,
    /// One change of the catalog.
    Change = 2,
    /// The whole catalog and all offsets, at the start of a segment.
    Snapshot = 3,
    /// Records of one queue, taken out of other files.
    Rewritten = 4,
}

impl FrameKind {
    fn parse(byte: u8) -> Option<Self> {
        let all = [Self::Records, Self::Change, Self::Snapshot, Self::Rewritten];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// The header of a frame: `magic, version u8, kind u8, 0 u16, sections u32, body u32, sequence
/// u64, written_ms u64, durable u64, crc u32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    /// How many sections.
    pub(crate) sections: u32,
    /// Bytes of all sections with their headers.
    pub(crate) body_len: u32,
    /// Counts frames over all segments, without gap.
    pub(crate) sequence: u64,
    /// When it was written, by the wall clock: what retention counts from.
    pub(crate) written_ms: u64,
    /// Position in this file up to which everything was on disk when this frame was written:
    /// damage before it is corruption, damage after it may be a torn write.
    pub(crate) durable: u64,
    crc: u32,
}

impl FrameHeader {
    /// Parses the header alone; [`FrameCheck`] verifies it with its sections' headers.
    pub(crate) fn parse(buf: &[u8]) -> Result<Self, Malformed> {
        if buf.len() < FRAME_HEADER_BYTES {
            return Err(Malformed("the frame's header is cut"));
        }
        if !buf.starts_with(&FRAME_MAGIC) {
            return Err(Malformed("no frame starts here"));
        }
        if buf.get(4) != Some(&FORMAT_VERSION) {
            return Err(Malformed("the frame has a format version this program does not know"));
        }
        let header = || {
            Some(Self {
                kind: FrameKind::parse(*buf.get(5)?)?,
                sections: u32_at(buf, 8)?,
                body_len: u32_at(buf, 12)?,
                sequence: u64_at(buf, 16)?,
                written_ms: u64_at(buf, 24)?,
                durable: u64_at(buf, 32)?,
                crc: u32_at(buf, 40)?,
            })
        };
        let header: Self = header().ok_or(Malformed("the frame is of an unknown kind"))?;
        let sections_bytes = u64::from(header.sections) * SECTION_HEADER_BYTES as u64;
        let body = u64::from(header.body_len);
        if sections_bytes > body || body > FRAME_BYTES_MAX as u64 {
            return Err(Malformed("the frame's lengths contradict each other"));
        }
        Ok(header)
    }

    /// Bytes of the frame, header included.
    pub(crate) fn frame_len(&self) -> u64 {
        FRAME_HEADER_BYTES as u64 + u64::from(self.body_len)
    }
}

/// Verifies a frame's checksum, given its headers in order.
#[derive(Debug)]
pub(crate) struct FrameCheck {
    crc: u32,
    expected: u32,
}

impl FrameCheck {
    /// `bytes` start with the frame's header.
    pub(crate) fn new(header: &FrameHeader, bytes: &[u8]) -> Self {
        let covered = bytes.get(..FRAME_HEADER_BYTES - 4).unwrap_or_default();
        Self { crc: crc32c::crc32c(covered), expected: header.crc }
    }

    /// `bytes` start with the next section's header.
    pub(crate) fn section(&mut self, bytes: &[u8]) {
        let covered = bytes.get(..SECTION_HEADER_BYTES).unwrap_or_default();
        self.crc = crc32c::crc32c_append(self.crc, covered);
    }

    pub(crate) fn finish(self) -> Result<(), Malformed> {
        let right = self.crc == self.expected;
        if right { Ok(()) } else { Err(Malformed("the frame's checksum is wrong")) }
    }
}

/// The header of a section: `magic, flags u32, queue u32, count u32, base u64, next u64,
/// newest_ms i64, payload u32, payload_crc u32, crc u32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SectionHeader {
    /// Whose records.
    pub(crate) queue: u32,
    /// How many.
    pub(crate) count: u32,
    /// Offset of the first.
    pub(crate) base_offset: u64,
    /// One after the offset of the last.
    pub(crate) next_offset: u64,
    /// The newest timestamp among the records.
    pub(crate) newest_ms: i64,
    /// Bytes of the records.
    pub(crate) payload_len: u32,
    pub(crate) payload_crc: u32,
    /// Whether records carry offset steps.
    pub(crate) sparse: bool,
}

impl SectionHeader {
    pub(crate) fn parse(buf: &[u8]) -> Result<Self, Malformed> {
        if !buf.starts_with(&SECTION_MAGIC) {
            return Err(Malformed("no section starts here"));
        }
        let header = || {
            let flags = u32_at(buf, 4)?;
            let section = Self {
                queue: u32_at(buf, 8)?,
                count: u32_at(buf, 12)?,
                base_offset: u64_at(buf, 16)?,
                next_offset: u64_at(buf, 24)?,
                newest_ms: u64_at(buf, 32)? as i64,
                payload_len: u32_at(buf, 40)?,
                payload_crc: u32_at(buf, 44)?,
                sparse: flags & SPARSE != 0,
            };
            Some((section, flags, u32_at(buf, 48)?))
        };
        let (section, flags, crc) = header().ok_or(Malformed("the section's header is cut"))?;
        let covered = buf.get(..SECTION_HEADER_BYTES - 4).unwrap_or_default();
        if crc32c::crc32c(covered) != crc {
            return Err(Malformed("the section header's checksum is wrong"));
        }
        if flags & !SPARSE != 0 || section.payload_len as usize > FRAME_BYTES_MAX {
            return Err(Malformed("the section has unknown flags"));
        }
        let span = section.next_offset.checked_sub(section.base_offset);
        let count = u64::from(section.count);
        let right = if section.sparse { span >= Some(count) } else { span == Some(count) };
        if right { Ok(section) } else { Err(Malformed("the section's offsets contradict")) }
    }

    /// Bytes of the section, header included.
    pub(crate) fn section_len(&self) -> usize {
        SECTION_HEADER_BYTES + self.payload_len as usize
    }

    pub(crate) fn verify(&self, payload: &[u8]) -> Result<(), Malformed> {
        let right = crc32c::crc32c(payload) == self.payload_crc;
        if right { Ok(()) } else { Err(Malformed("the section's checksum is wrong")) }
    }
}

/// A record that was written before, elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct OldRecord {
    pub(crate) offset: u64,
    pub(crate) record: LogRecord,
    /// When it was written, by the wall clock, if that matters.
    pub(crate) written_ms: Option<u64>,
}

/// A section as it stands in a frame under construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BuiltSection {
    /// Where its header is, from the frame's start.
    pub(crate) at: usize,
    pub(crate) queue: u32,
    pub(crate) count: u32,
    pub(crate) newest_ms: i64,
    /// Bytes with header.
    pub(crate) len: usize,
}

/// A frame under construction: payloads are complete, offsets and position are not yet known.
#[derive(Debug)]
pub(crate) struct FrameBuilder {
    buf: Vec<u8>,
    kind: FrameKind,
    sections: Vec<BuiltSection>,
}

impl FrameBuilder {
    /// `capacity` is how many bytes are expected.
    pub(crate) fn new(kind: FrameKind, capacity: usize) -> Self {
        let mut buf = Vec::with_capacity(FRAME_HEADER_BYTES + capacity);
        buf.resize(FRAME_HEADER_BYTES, 0);
        Self { buf, kind, sections: Vec::new() }
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.buf.len()
    }

    pub(crate) fn sections(&self) -> &[BuiltSection] {
        &self.sections
    }

    fn begin(&mut self) -> usize {
        let at = self.buf.len();
        self.buf.resize(at + SECTION_HEADER_BYTES, 0);
        at
    }

    fn end(&mut self, at: usize, queue: u32, count: u32, newest_ms: i64, sparse: bool) {
        let start = at + SECTION_HEADER_BYTES;
        let payload = self.buf.get(start..).unwrap_or_default();
        let (len, crc) = (payload.len() as u32, crc32c::crc32c(payload));
        let flags = if sparse { SPARSE } else { 0 };
        patch(&mut self.buf, at, &SECTION_MAGIC);
        patch(&mut self.buf, at + 4, &flags.to_le_bytes());
        patch(&mut self.buf, at + 8, &queue.to_le_bytes());
        patch(&mut self.buf, at + 12, &count.to_le_bytes());
        patch(&mut self.buf, at + 32, &newest_ms.to_le_bytes());
        patch(&mut self.buf, at + 40, &len.to_le_bytes());
        patch(&mut self.buf, at + 44, &crc.to_le_bytes());
        let len = self.buf.len() - at;
        self.sections.push(BuiltSection { at, queue, count, newest_ms, len });
    }

    /// Adds records of one queue, as one or more sections.
    pub(crate) fn put_records(&mut self, queue: u32, records: &[LogRecord]) {
        let mut rest = records;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take_while(|record| {
                let fits = bytes == 0 || bytes + record.size() <= SECTION_BYTES_TARGET;
                bytes += record.size().max(1);
                fits
            });
            let (now, later) = rest.split_at(fitting.count());
            let newest_ms = newest(now);
            let at = self.begin();
            for record in now {
                put_record(&mut self.buf, record, newest_ms, None);
            }
            self.end(at, queue, now.len() as u32, newest_ms, false);
            rest = later;
        }
    }

    /// Adds records of one queue with their offsets, which may have gaps, as one section.
    pub(crate) fn put_sparse(&mut self, queue: u32, records: &[OldRecord]) {
        let newest_ms = records.iter().map(|old| old.record.timestamp_ms).max().unwrap_or(0);
        let at = self.begin();
        let first = records.first().map_or(0, |old| old.offset);
        let mut before = first;
        for OldRecord { offset, record, written_ms } in records {
            let sparse = Sparse { step: offset - before, written_ms: *written_ms };
            put_record(&mut self.buf, record, newest_ms, Some(sparse));
            before = *offset;
        }
        self.end(at, queue, records.len() as u32, newest_ms, true);
        patch(&mut self.buf, at + 16, &first.to_le_bytes());
        patch(&mut self.buf, at + 24, &(before + 1).to_le_bytes());
    }

    /// Adds bytes of the catalog.
    pub(crate) fn put_catalog(&mut self, bytes: &[u8]) {
        let at = self.begin();
        self.buf.extend_from_slice(bytes);
        self.end(at, CATALOG_QUEUE, 0, 0, false);
    }

    /// Sets the offset of the first record of the section with that index.
    pub(crate) fn set_offset(&mut self, section: usize, base_offset: u64) {
        if let Some((at, count)) = self.sections.get(section).map(|s| (s.at, s.count)) {
            let next = base_offset + u64::from(count);
            patch(&mut self.buf, at + 16, &base_offset.to_le_bytes());
            patch(&mut self.buf, at + 24, &next.to_le_bytes());
        }
    }

    /// Fills in the rest and all checksums of headers.
    pub(crate) fn seal(mut self, sequence: u64, written_ms: u64, durable: u64) -> Vec<u8> {
        let body = (self.buf.len() - FRAME_HEADER_BYTES) as u32;
        let sections = self.sections.len() as u32;
        let buf = &mut self.buf;
        patch(buf, 0, &FRAME_MAGIC);
        patch(buf, 4, &[FORMAT_VERSION, self.kind as u8, 0, 0]);
        patch(buf, 8, &sections.to_le_bytes());
        patch(buf, 12, &body.to_le_bytes());
        patch(buf, 16, &sequence.to_le_bytes());
        patch(buf, 24, &written_ms.to_le_bytes());
        patch(buf, 32, &durable.to_le_bytes());
        let mut crc = crc32c::crc32c(buf.get(..FRAME_HEADER_BYTES - 4).unwrap_or_default());
        for section in &self.sections {
            let crc_at = section.at + SECTION_HEADER_BYTES - 4;
            let own = crc32c::crc32c(buf.get(section.at..crc_at).unwrap_or_default());
            patch(buf, crc_at, &own.to_le_bytes());
            crc = crc32c::crc32c_append(crc, buf.get(section.at..crc_at + 4).unwrap_or_default());
        }
        patch(buf, FRAME_HEADER_BYTES - 4, &crc.to_le_bytes());
        self.buf
    }
}
