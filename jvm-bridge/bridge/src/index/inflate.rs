//! Entries of an archive, inflated step by step: what a class is stands in its first bytes.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::{Decompress, FlushDecompress, Status};

use super::zip::{Entry, ZipError};

const LOCAL_HEADER: u32 = 0x0403_4b50;
const LOCAL_HEADER_SIZE: usize = 30;
/// Read from the file at once. Entries lie one after the other and most are small.
const READ_SIZE: usize = 64 << 10;
/// Compressed bytes inflated at once: more would be inflated for nothing.
const STEP: usize = 1 << 10;
/// Room for inflated bytes at first.
const ROOM: usize = 32 << 10;

/// Bytes that come as they are asked for.
pub(crate) trait Prefix {
    /// The bytes so far, which are at least `size`.
    fn at_least(&mut self, size: usize) -> Result<&[u8], ZipError>;
}

impl Prefix for &[u8] {
    fn at_least(&mut self, size: usize) -> Result<&[u8], ZipError> {
        if self.len() < size { Err(ZipError::Short) } else { Ok(self) }
    }
}

/// Reads entries of one archive. Its buffers serve all entries.
#[derive(Debug)]
pub(crate) struct Reader {
    file: File,
    length: u64,
    /// A piece of the file.
    window: Vec<u8>,
    window_start: u64,
    inflate: Decompress,
    /// What was inflated, and room for more: its bytes are set once, not for each entry.
    out: Vec<u8>,
    filled: usize,
}

impl Reader {
    pub(crate) fn open(path: &Path) -> Result<Self, ZipError> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let (window, out) = (Vec::new(), vec![0; ROOM]);
        let inflate = Decompress::new(false);
        Ok(Self { file, length, window, window_start: 0, inflate, out, filled: 0 })
    }

    /// Starts to read an entry, of which at most `limit` bytes are wanted.
    pub(crate) fn entry(
        &mut self,
        entry: &Entry<'_>,
        limit: usize,
    ) -> Result<Inflating<'_>, ZipError> {
        entry.readable()?;
        let header = self.bytes(entry.header, LOCAL_HEADER_SIZE)?;
        let half = |at: usize| {
            header.get(at..).and_then(|bytes| bytes.first_chunk()).map(|it| u16::from_le_bytes(*it))
        };
        let (Some(name), Some(extra), true) =
            (half(26), half(28), header.starts_with(&LOCAL_HEADER.to_le_bytes()))
        else {
            return Err(ZipError::Damaged("an entry is not where it should be"));
        };
        let skip = LOCAL_HEADER_SIZE as u64 + u64::from(name) + u64::from(extra);
        let position = entry.header.checked_add(skip).ok_or(ZipError::Short)?;
        let end = position.checked_add(entry.compressed).ok_or(ZipError::Short)?;
        self.inflate.reset(false);
        self.filled = 0;
        let is_stored = entry.method == 0;
        Ok(Inflating { reader: self, position, end, limit, is_stored })
    }

    /// Bytes of the file, at most those of the window.
    fn bytes(&mut self, position: u64, size: usize) -> Result<&[u8], ZipError> {
        let offset = position.checked_sub(self.window_start);
        let offset = offset.and_then(|offset| usize::try_from(offset).ok());
        let is_inside = offset.is_some_and(|offset| {
            offset.checked_add(size).is_some_and(|end| end <= self.window.len())
        });
        let offset = if is_inside { offset.unwrap_or(0) } else { self.fill(position)? };
        self.window.get(offset..offset + size).ok_or(ZipError::Short)
    }

    /// Moves the window, so that it begins at that position.
    fn fill(&mut self, position: u64) -> Result<usize, ZipError> {
        let left = self.length.checked_sub(position).ok_or(ZipError::Short)?;
        let size = usize::try_from(left).unwrap_or(READ_SIZE).min(READ_SIZE);
        self.window.resize(size, 0);
        self.window_start = position;
        if let Err(error) = self.file.read_exact_at(&mut self.window, position) {
            self.window.clear();
            return Err(error.into());
        }
        Ok(0)
    }
}

/// An entry being read.
#[derive(Debug)]
pub(crate) struct Inflating<'a> {
    reader: &'a mut Reader,
    /// Where in the file the compressed bytes go on, and where they end.
    position: u64,
    end: u64,
    limit: usize,
    is_stored: bool,
}

impl Inflating<'_> {
    /// The whole entry.
    pub(crate) fn all(&mut self) -> Result<&[u8], ZipError> {
        while self.step()? {}
        Ok(self.filled())
    }

    fn filled(&self) -> &[u8] {
        self.reader.out.get(..self.reader.filled).unwrap_or(&[])
    }

    /// How many bytes were inflated.
    pub(crate) fn size(&self) -> u64 {
        self.reader.filled as u64
    }

    /// Reads some more. False at the end of the entry.
    fn step(&mut self) -> Result<bool, ZipError> {
        if self.reader.filled > self.limit {
            return Err(ZipError::Long(self.limit));
        }
        if self.reader.out.len() - self.reader.filled < STEP {
            let size = self.reader.out.len() * 2;
            self.reader.out.resize(size, 0);
        }
        let left = usize::try_from(self.end - self.position).unwrap_or(STEP);
        let size = left.min(STEP);
        self.reader.bytes(self.position, size)?;
        let Reader { window, window_start, inflate, out, filled, .. } = &mut *self.reader;
        let offset = usize::try_from(self.position - *window_start).unwrap_or(0);
        let input = window.get(offset..offset + size).ok_or(ZipError::Short)?;
        let room = out.get_mut(*filled..).unwrap_or(&mut []);
        if self.is_stored {
            room.get_mut(..size).ok_or(ZipError::Short)?.copy_from_slice(input);
            *filled += size;
            self.position += size as u64;
            return Ok(size > 0);
        }
        let (read, written) = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(input, room, FlushDecompress::None);
        let status = status.map_err(|_| ZipError::Inflate)?;
        let (read, written) = (inflate.total_in() - read, inflate.total_out() - written);
        self.position += read;
        *filled += usize::try_from(written).unwrap_or(0);
        match status {
            Status::StreamEnd => Ok(false),
            Status::Ok | Status::BufError if read > 0 || written > 0 => Ok(true),
            Status::Ok | Status::BufError => Err(ZipError::Short),
        }
    }
}

impl Prefix for Inflating<'_> {
    fn at_least(&mut self, size: usize) -> Result<&[u8], ZipError> {
        while self.reader.filled < size {
            if !self.step()? && self.reader.filled < size {
                return Err(ZipError::Short);
            }
        }
        Ok(self.filled())
    }
}
