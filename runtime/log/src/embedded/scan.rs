//! Walks over the frames of a file, for recovery and for rebuilding an index.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::frame::{
    FRAME_HEADER_BYTES, FRAME_MAGIC, FrameCheck, FrameHeader, SECTION_HEADER_BYTES, SectionHeader,
};
use super::index::Placed;
use super::wire::{Malformed, u32_at, u64_at};

/// Bytes of the header of a file: `magic, version u32, id u64, crc u32`.
pub(crate) const FILE_HEADER_BYTES: usize = 24;
const FILE_MAGIC: [u8; 8] = *b"GantryLg";
const FILE_VERSION: u32 = 1;

/// Bytes read at a time while walking.
const WINDOW_BYTES: usize = 256 << 10;

/// The header of a file with this id.
pub(crate) fn file_header(id: u64) -> Vec<u8> {
    let mut out = FILE_MAGIC.to_vec();
    out.extend_from_slice(&FILE_VERSION.to_le_bytes());
    out.extend_from_slice(&id.to_le_bytes());
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// Why a walk stopped.
#[derive(Debug)]
pub(crate) enum ScanFault {
    /// The bytes at the position are not what they should be.
    Bad(Malformed),
    /// The file cannot be read.
    Io(io::Error),
}

impl From<Malformed> for ScanFault {
    fn from(fault: Malformed) -> Self {
        Self::Bad(fault)
    }
}

impl From<io::Error> for ScanFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A frame that was found, its headers verified.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) pos: u64,
    pub(crate) header: FrameHeader,
    /// Sections and where their headers are.
    pub(crate) sections: Vec<(u64, SectionHeader)>,
}

impl Frame {
    /// Where the next frame begins.
    pub(crate) fn end(&self) -> u64 {
        self.pos + self.header.frame_len()
    }

    /// The sections as the index wants them.
    pub(crate) fn placed(&self) -> impl Iterator<Item = Placed> + '_ {
        self.sections.iter().map(|(pos, section)| Placed {
            queue: section.queue,
            first: section.base_offset,
            next: section.next_offset,
            newest_ms: section.newest_ms,
            pos: *pos,
            len: section.section_len() as u32,
        })
    }
}

/// Reads a file through a window.
#[derive(Debug)]
pub(crate) struct Scanner {
    file: File,
    len: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl Scanner {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len, window: Vec::new(), window_at: 0 })
    }

    /// Bytes of the file when it was opened.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The bytes from `pos` on: at least `want`, unless the file ends.
    fn bytes(&mut self, pos: u64, want: usize) -> io::Result<&[u8]> {
        let end = pos.saturating_add(want as u64).min(self.len);
        let window_end = self.window_at + self.window.len() as u64;
        if pos < self.window_at || end > window_end {
            let rest = usize::try_from(self.len.saturating_sub(pos)).unwrap_or(usize::MAX);
            self.window.resize(rest.min(want.max(WINDOW_BYTES)), 0);
            self.window_at = pos;
            self.file.read_exact_at(&mut self.window, pos)?;
        }
        let start = usize::try_from(pos - self.window_at).unwrap_or(usize::MAX);
        Ok(self.window.get(start..).unwrap_or_default())
    }

    /// Verifies the header of the file and gives its id.
    pub(crate) fn file_id(&mut self) -> Result<u64, ScanFault> {
        let bytes = self.bytes(0, FILE_HEADER_BYTES)?;
        let fields = || Some((u32_at(bytes, 8)?, u64_at(bytes, 12)?, u32_at(bytes, 20)?));
        let (version, id, crc) = fields().ok_or(Malformed("the file's header is cut"))?;
        let covered = bytes.get(..FILE_HEADER_BYTES - 4).unwrap_or_default();
        if !bytes.starts_with(&FILE_MAGIC) || crc32c::crc32c(covered) != crc {
            return Err(Malformed("the file's header is not that of a log").into());
        }
        if version != FILE_VERSION {
            return Err(Malformed("the file's version is not known to this program").into());
        }
        Ok(id)
    }

    /// The frame at `pos`, with verified headers; `None` at the end of the file.
    pub(crate) fn frame(&mut self, pos: u64) -> Result<Option<Frame>, ScanFault> {
        let len = self.len;
        if pos >= len {
            return Ok(None);
        }
        let bytes = self.bytes(pos, FRAME_HEADER_BYTES)?;
        let header = FrameHeader::parse(bytes)?;
        let mut check = FrameCheck::new(&header, bytes);
        let end = pos + header.frame_len();
        if end > len {
            return Err(Malformed("the frame is cut").into());
        }
        let mut sections = Vec::with_capacity(header.sections as usize);
        let mut at = pos + FRAME_HEADER_BYTES as u64;
        for _ in 0..header.sections {
            let bytes = self.bytes(at, SECTION_HEADER_BYTES)?;
            let section = SectionHeader::parse(bytes)?;
            check.section(bytes);
            sections.push((at, section));
            at += section.section_len() as u64;
        }
        check.finish()?;
        if at != end {
            return Err(Malformed("the frame's lengths contradict each other").into());
        }
        Ok(Some(Frame { pos, header, sections }))
    }

    /// The verified payload of a section whose header is at `pos`.
    pub(crate) fn payload(
        &mut self,
        pos: u64,
        section: &SectionHeader,
    ) -> Result<&[u8], ScanFault> {
        let len = section.payload_len as usize;
        let bytes = self.bytes(pos + SECTION_HEADER_BYTES as u64, len)?;
        let payload = bytes.get(..len).ok_or(Malformed("the section is cut"))?;
        section.verify(payload)?;
        Ok(payload)
    }

    /// Verifies all payloads of a frame.
    pub(crate) fn verify(&mut self, frame: &Frame) -> Result<(), ScanFault> {
        for (pos, section) in &frame.sections {
            self.payload(*pos, section)?;
        }
        Ok(())
    }

    /// The first whole frame after `pos` that was written when `pos` was durable already: proof
    /// that what is damaged at `pos` had been acknowledged. `sequence` is that of the damaged
    /// frame, if known; it tells frames of this log from some that a record happens to hold.
    pub(crate) fn proof_after(
        &mut self,
        pos: u64,
        sequence: Option<u64>,
    ) -> io::Result<Option<u64>> {
        let frames_max = self.len.saturating_sub(pos) / FRAME_HEADER_BYTES as u64;
        let is_ours = |frame: &Frame| {
            let ahead = sequence.map(|sequence| frame.header.sequence.checked_sub(sequence));
            let plausible = ahead.is_none_or(|by| by.is_some_and(|by| by <= frames_max));
            plausible && frame.header.durable > pos
        };
        let mut at = pos;
        while at < self.len {
            let bytes = self.bytes(at, FRAME_HEADER_BYTES)?;
            let magic = bytes.windows(FRAME_MAGIC.len()).position(|some| some == FRAME_MAGIC);
            let Some(skip) = magic else {
                // A magic number may lie across the border of two windows.
                let overlap = FRAME_MAGIC.len() as u64 - 1;
                at += (bytes.len() as u64).saturating_sub(overlap).max(1);
                continue;
            };
            at += skip as u64;
            match self.frame(at) {
                Ok(Some(frame)) if is_ours(&frame) => return Ok(Some(at)),
                Err(ScanFault::Io(error)) => return Err(error),
                Ok(_) | Err(ScanFault::Bad(_)) => at += 1,
            }
        }
        Ok(None)
    }
}
