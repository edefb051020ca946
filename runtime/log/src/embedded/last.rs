//! Which records of a queue are the last of their key, in bounded memory whatever there are of both.
//!
//! With few keys, their last offsets are kept in memory. With many, the hashes of all records are
//! written to temporary files, divided by hash so that the keys of one file fit the memory, and
//! each file says which of its records are followed by another of the same key.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use bytes::Bytes;

use super::read::{Visit, visit_segment};
use super::record::RawRecord;
use super::rewrite::plain;
use super::state::{Part, Shared};
use super::wire::Malformed;
use crate::api::LogError;

/// Most files into which hashes are divided.
const FILES_MAX: u64 = 256;

/// At least so many bytes of a segment are a record's, to tell how many files it takes.
const RECORD_BYTES: u64 = 32;

/// What is buffered for each file.
const BUFFER_BYTES: usize = 16 << 10;

/// A key by 128 bits of hash, seeded anew each time: a collision would lose a record, and with a
/// billion keys its probability is below 10^-20.
type Hash = (u64, u64);

/// A hash and the record's number, as they stand in a file.
const ENTRY_BYTES: usize = 24;

#[derive(Debug, Default)]
struct Hashers(RandomState, RandomState);

impl Hashers {
    fn hash(&self, block: &Bytes, raw: &RawRecord) -> Hash {
        let key = raw.key.as_ref().and_then(|range| block.get(range.clone()));
        (self.0.hash_one(key), self.1.hash_one(key))
    }
}

/// The answer, for the records below `end`.
#[derive(Debug)]
pub(super) struct Last {
    /// One after the last offset that was looked at.
    pub(super) end: u64,
    known: Known,
}

#[derive(Debug)]
enum Known {
    /// The last offset of each key of the records that no compaction has seen yet.
    Few(Hashers, HashMap<Hash, u64>),
    /// One bit a record, counted from the first: another of its key follows.
    Many(Vec<u64>),
}

impl Last {
    /// Whether the record, the `number`th of the queue that is there, is the last of its key.
    pub(super) fn is_last(&self, number: u64, offset: u64, block: &Bytes, raw: &RawRecord) -> bool {
        match &self.known {
            Known::Few(hashers, last) => {
                last.get(&hashers.hash(block, raw)).is_none_or(|last| *last == offset)
            }
            Known::Many(followed) => {
                let word = followed.get((number / 64) as usize).copied().unwrap_or(0);
                word & (1 << (number % 64)) == 0
            }
        }
    }
}

/// Looks at the records of a queue below `end`, of which those below `covered` are each the last
/// of their key among themselves. At most `keys_max` keys are kept in memory, at about 50 bytes
/// each. Nothing if there are no others.
pub(super) fn learn(
    shared: &Shared,
    queue: u32,
    parts: &[Part],
    (covered, end): (u64, u64),
    keys_max: usize,
) -> Result<Option<Last>, LogError> {
    let mut few = Few {
        hashers: Hashers::default(),
        last: HashMap::new(),
        keys_max,
        below: end,
        next: covered,
        is_full: false,
    };
    for part in parts.iter().filter(|part| part.next > covered) {
        let from = part.first.max(covered);
        if !visit_segment(shared, &part.segment, queue, from, &mut few).map_err(plain)? {
            break;
        }
    }
    if few.is_full {
        return many(shared, queue, parts, end, keys_max).map(Some);
    }
    let known = Known::Few(few.hashers, few.last);
    Ok((few.next > covered).then_some(Last { end: few.next, known }))
}

struct Few {
    hashers: Hashers,
    last: HashMap<Hash, u64>,
    keys_max: usize,
    below: u64,
    next: u64,
    is_full: bool,
}

impl Visit for Few {
    fn wanted(&self) -> usize {
        usize::MAX
    }

    fn visit(&mut self, block: &Bytes, offset: u64, raw: RawRecord) -> Result<bool, Malformed> {
        if offset >= self.below {
            return Ok(false);
        }
        let hash = self.hashers.hash(block, &raw);
        self.is_full = self.last.len() >= self.keys_max && !self.last.contains_key(&hash);
        if self.is_full {
            return Ok(false);
        }
        self.last.insert(hash, offset);
        self.next = offset + 1;
        Ok(true)
    }
}

fn many(
    shared: &Shared,
    queue: u32,
    parts: &[Part],
    end: u64,
    keys_max: usize,
) -> Result<Last, LogError> {
    let dir = &shared.config.dir;
    let bytes: u64 = parts.iter().filter_map(|p| p.segment.summary(queue)).map(|s| s.bytes).sum();
    let files = bytes / (RECORD_BYTES * keys_max as u64) + 1;
    let files = (0..files.min(FILES_MAX)).map(|_| temporary(dir)).collect::<io::Result<_>>();
    let mut divide = Divide {
        hashers: Hashers::default(),
        files: files.map_err(|error| fault(dir, &error))?,
        below: end,
        records: 0,
        next: 0,
        failed: None,
    };
    for part in parts {
        let goes_on = visit_segment(shared, &part.segment, queue, part.first, &mut divide);
        let goes_on = goes_on.map_err(plain)?;
        if let Some(error) = divide.failed.take() {
            return Err(fault(dir, &error));
        }
        if !goes_on {
            break;
        }
    }
    let mut followed = vec![0; divide.records.div_ceil(64) as usize];
    for file in divide.files {
        mark(file, &mut followed).map_err(|error| fault(dir, &error))?;
    }
    Ok(Last { end: divide.next, known: Known::Many(followed) })
}

/// A file without a name, which goes with whoever has it open.
fn temporary(dir: &Path) -> io::Result<BufWriter<File>> {
    tempfile::tempfile_in(dir).map(|file| BufWriter::with_capacity(BUFFER_BYTES, file))
}

fn fault(dir: &Path, error: &io::Error) -> LogError {
    let text = format!("cannot compact in {}: {error}; trying again later", dir.display());
    LogError::Unavailable(text.into())
}

struct Divide {
    hashers: Hashers,
    files: Vec<BufWriter<File>>,
    below: u64,
    records: u64,
    next: u64,
    failed: Option<io::Error>,
}

impl Divide {
    fn put(&mut self, hash: Hash) -> io::Result<()> {
        let mut entry = [0; ENTRY_BYTES];
        for (place, number) in entry.chunks_exact_mut(8).zip([hash.0, hash.1, self.records]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let files = self.files.len() as u64;
        match self.files.get_mut((hash.0 % files) as usize) {
            Some(file) => file.write_all(&entry),
            None => Ok(()),
        }
    }
}

impl Visit for Divide {
    fn wanted(&self) -> usize {
        usize::MAX
    }

    fn visit(&mut self, block: &Bytes, offset: u64, raw: RawRecord) -> Result<bool, Malformed> {
        if offset >= self.below {
            return Ok(false);
        }
        if let Err(error) = self.put(self.hashers.hash(block, &raw)) {
            self.failed = Some(error);
            return Ok(false);
        }
        self.records += 1;
        self.next = offset + 1;
        Ok(true)
    }
}

/// Marks the records of one file that are followed by another of their key.
fn mark(file: BufWriter<File>, followed: &mut [u64]) -> io::Result<()> {
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    let entries = file.stream_position()? / ENTRY_BYTES as u64;
    file.rewind()?;
    let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
    let mut last: HashMap<Hash, u64> = HashMap::new();
    let mut entry = [0; ENTRY_BYTES];
    for _ in 0..entries {
        file.read_exact(&mut entry)?;
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&entry[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let Some(before) = last.insert((number(0), number(8)), number(16)) else { continue };
        if let Some(word) = followed.get_mut((before / 64) as usize) {
            *word |= 1 << (before % 64);
        }
    }
    Ok(())
}
