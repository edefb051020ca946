//! Archives: the central directory, and single entries inflated as far as they are wanted.
//!
//! An archive comes from outside: each number in it is checked before it is used, and what is
//! read into memory has a limit.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The end record without its comment.
const END_SIZE: usize = 22;
/// What tells where a 64-bit end record is; it lies right before the end record.
const LOCATOR_SIZE: usize = 20;
const END_64_SIZE: usize = 56;
const ENTRY_SIZE: usize = 46;

const END: u32 = 0x0605_4b50;
const LOCATOR: u32 = 0x0706_4b50;
const END_64: u32 = 0x0606_4b50;
const ENTRY: u32 = 0x0201_4b50;

/// Largest central directory that is read, about 600,000 entries.
const DIRECTORY_MAX: u64 = 64 << 20;

/// Why an archive, or an entry of it, can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ZipError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("not a zip archive: it has no end record")]
    NoEnd,
    #[error("damaged zip archive: {0}")]
    Damaged(&'static str),
    #[error("the central directory has {0} bytes, more than the limit of {DIRECTORY_MAX}")]
    TooLarge(u64),
    #[error("the entry is encrypted")]
    Encrypted,
    #[error("unknown compression method {0}")]
    Method(u16),
    #[error("damaged compressed data")]
    Inflate,
    #[error("the entry ends too early")]
    Short,
    #[error("the entry has more than {0} bytes")]
    Long(usize),
}

impl ZipError {
    /// Whether another attempt may fare better.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof)
    }
}

/// The central directory of an archive.
#[derive(Debug)]
pub(crate) struct Directory {
    bytes: Vec<u8>,
    /// Where the archive begins in the file: something may precede it.
    base: u64,
}

/// An entry as the central directory tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a [u8],
    /// Where it is in the central directory.
    pub(crate) place: usize,
    pub(crate) method: u16,
    pub(crate) compressed: u64,
    /// Where its local header is in the file.
    pub(crate) header: u64,
    is_encrypted: bool,
}

impl Entry<'_> {
    /// An entry that can't be read for being encrypted is an error only if it is wanted.
    pub(crate) fn readable(&self) -> Result<(), ZipError> {
        match (self.is_encrypted, self.method) {
            (true, _) => Err(ZipError::Encrypted),
            (false, 0 | 8) => Ok(()),
            (false, method) => Err(ZipError::Method(method)),
        }
    }
}

/// Where the central directory is, as an end record tells.
struct End {
    size: u64,
    offset: u64,
    /// Where the record itself begins, so that the directory is right before.
    position: u64,
}

impl Directory {
    /// Reads the directory of an archive.
    pub(crate) fn read(path: &Path) -> Result<Self, ZipError> {
        let file = File::open(path)?;
        let end = find_end(&file, file.metadata()?.len())?;
        if end.size > DIRECTORY_MAX {
            return Err(ZipError::TooLarge(end.size));
        }
        let start = end.position.checked_sub(end.size);
        let start = start.ok_or(ZipError::Damaged("the central directory does not fit"))?;
        let base = start.checked_sub(end.offset);
        let base =
            base.ok_or(ZipError::Damaged("the central directory is not where it should be"))?;
        let bytes = read_at(&file, start, usize::try_from(end.size).unwrap_or(0))?;
        Ok(Self { bytes, base })
    }

    /// The directory as it is in the file. It holds the checksums of all entries.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All entries, in the order of the directory. The first damaged one ends them.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Result<Entry<'_>, ZipError>> {
        let mut left = self.bytes.as_slice();
        std::iter::from_fn(move || {
            if left.is_empty() {
                return None;
            }
            let place = self.bytes.len() - left.len();
            let next = take_entry(left, place, self.base);
            left = next.as_ref().map_or(&[], |(_, rest)| *rest);
            Some(next.map(|(entry, _)| entry))
        })
    }

    /// The entry at that place of the directory.
    pub(crate) fn entry(&self, place: usize) -> Result<Entry<'_>, ZipError> {
        let bytes = self.bytes.get(place..).unwrap_or(&[]);
        take_entry(bytes, place, self.base).map(|(entry, _)| entry)
    }
}

fn read_at(file: &File, position: u64, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, position)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_le_bytes(*chunk))
}

fn find_end(file: &File, length: u64) -> Result<End, ZipError> {
    // The comment after the end record has at most 65,535 bytes.
    let most = END_SIZE + LOCATOR_SIZE + usize::from(u16::MAX);
    let size = usize::try_from(length).unwrap_or(most).min(most);
    let from = length - size as u64;
    let tail = read_at(file, from, size)?;
    let last = tail.len().checked_sub(END_SIZE).ok_or(ZipError::NoEnd)?;
    let is_end = |at: &usize| {
        let comment = u16_at(&tail, at + 20).map(usize::from);
        u32_at(&tail, *at) == Some(END) && comment == Some(last - at)
    };
    let at = (0..=last).rev().find(is_end).ok_or(ZipError::NoEnd)?;
    let field = |offset| u32_at(&tail, at + offset).map(u64::from).ok_or(ZipError::NoEnd);
    let end = End { size: field(12)?, offset: field(16)?, position: from + at as u64 };
    let located = at.checked_sub(LOCATOR_SIZE).filter(|at| u32_at(&tail, *at) == Some(LOCATOR));
    match located.and_then(|at| u64_at(&tail, at + 8)) {
        Some(position) => find_end_64(file, position, end),
        None => Ok(end),
    }
}

fn find_end_64(file: &File, position: u64, end: End) -> Result<End, ZipError> {
    let record = read_at(file, position, END_64_SIZE)?;
    let fields = (u32_at(&record, 0), u64_at(&record, 40), u64_at(&record, 48));
    let (Some(END_64), Some(size), Some(offset)) = fields else {
        // What looked like a locator was not.
        return Ok(end);
    };
    Ok(End { size, offset, position })
}

fn take_entry(bytes: &[u8], place: usize, base: u64) -> Result<(Entry<'_>, &[u8]), ZipError> {
    let entry = (|| {
        let half = |at| u16_at(bytes, at);
        if u32_at(bytes, 0)? != ENTRY {
            return None;
        }
        let name_end = ENTRY_SIZE + usize::from(half(28)?);
        let extra_end = name_end + usize::from(half(30)?);
        let name = bytes.get(ENTRY_SIZE..name_end)?;
        let extra = bytes.get(name_end..extra_end)?;
        let rest = bytes.get(extra_end + usize::from(half(32)?)..)?;
        let sizes = [u32_at(bytes, 24)?, u32_at(bytes, 20)?, u32_at(bytes, 42)?];
        let [_, compressed, header] = wide(sizes, extra)?;
        let header = header.checked_add(base)?;
        let (method, is_encrypted) = (half(10)?, half(8)? & 1 != 0);
        Some((Entry { name, place, method, compressed, header, is_encrypted }, rest))
    })();
    entry.ok_or(ZipError::Damaged("an entry of the central directory is malformed"))
}

/// Sizes and offset of an entry: those that don't fit 32 bits are in the extra field, one after
/// the other.
fn wide(narrow: [u32; 3], extra: &[u8]) -> Option<[u64; 3]> {
    let mut wide = narrow.map(u64::from);
    if !narrow.contains(&u32::MAX) {
        return Some(wide);
    }
    let mut left = extra;
    while let (Some(id), Some(size)) = (u16_at(left, 0), u16_at(left, 2)) {
        let end = 4 + usize::from(size);
        let mut field = left.get(4..end)?;
        if id == 1 {
            for value in wide.iter_mut().filter(|value| **value == u64::from(u32::MAX)) {
                *value = u64_at(field, 0)?;
                field = field.get(8..)?;
            }
            return Some(wide);
        }
        left = left.get(end..)?;
    }
    Some(wide)
}
