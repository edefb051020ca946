//! Closed files of the log: their names, what is in them, and the way to their bytes.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::frame::CATALOG_QUEUE;
use super::index::{EntriesAt, Entry, SegmentIndex, Summary, find, read_directory, read_entries};
use super::read::Fault;
use super::scan::{FILE_HEADER_BYTES, ScanFault, Scanner};
use crate::api::LogError;
use crate::sync::lock;

/// Most closed files kept open for reading.
const OPEN_FILES_MAX: usize = 32;

/// Most bytes of index entries kept in memory for closed files.
const CACHED_ENTRIES_BYTES_MAX: usize = 2 << 20;

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileName {
    /// A segment of the shared log, by number.
    Segment(u64),
    /// What compaction left of a queue's records below an offset.
    Compacted { queue: u32, end: u64 },
    /// Records of a queue from one offset to another, taken out of segments that went.
    Kept { queue: u32, first: u64, end: u64 },
}

impl FileName {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(".log")?;
        if let Some(rest) = stem.strip_prefix("compacted-") {
            let (queue, end) = rest.split_once('-')?;
            return Some(Self::Compacted { queue: queue.parse().ok()?, end: end.parse().ok()? });
        }
        if let Some(rest) = stem.strip_prefix("kept-") {
            let (queue, rest) = rest.split_once('-')?;
            let (first, end) = rest.split_once('-')?;
            let (first, end) = (first.parse().ok()?, end.parse().ok()?);
            return Some(Self::Kept { queue: queue.parse().ok()?, first, end });
        }
        Some(Self::Segment(stem.parse().ok()?))
    }

    pub(crate) fn path(self, dir: &Path) -> PathBuf {
        dir.join(match self {
            Self::Segment(id) => format!("{id:020}.log"),
            Self::Compacted { queue, end } => format!("compacted-{queue:010}-{end:020}.log"),
            Self::Kept { queue, first, end } => {
                format!("kept-{queue:010}-{first:020}-{end:020}.log")
            }
        })
    }

    /// What the file's own header says.
    pub(crate) fn id(self) -> u64 {
        match self {
            Self::Segment(id) => id,
            Self::Compacted { end, .. } | Self::Kept { end, .. } => end,
        }
    }
}

/// The index file that belongs to a file.
pub(crate) fn index_path(path: &Path) -> PathBuf {
    path.with_extension("idx")
}

/// An error with the file it is about.
pub(crate) fn read_fault(path: &Path, error: &io::Error) -> LogError {
    LogError::Unavailable(format!("cannot read {}: {error}", path.display()).into())
}

/// Damage, with the place it was found at and what can be done.
pub(crate) fn corrupt(path: &Path, pos: u64, reason: &str) -> LogError {
    let path = path.display();
    LogError::Corrupt(format!(
        "{path} at byte {pos}: {reason}; restore the file from a copy, or move the data directory \
         away to start anew"
    ))
}

pub(crate) fn scan_fault(path: &Path, pos: u64, fault: &ScanFault) -> LogError {
    match fault {
        ScanFault::Bad(fault) => corrupt(path, pos, fault.0),
        ScanFault::Io(error) => read_fault(path, error),
    }
}

#[derive(Debug)]
enum Located {
    /// Not written to disk yet.
    Memory(Arc<SegmentIndex>),
    /// In the index file, in the order of the summaries.
    Disk(Vec<EntriesAt>),
}

/// A file that is no longer written to.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) name: FileName,
    pub(crate) path: PathBuf,
    pub(crate) len: u64,
    /// Sorted by queue.
    pub(crate) summaries: Vec<Summary>,
    located: Mutex<Located>,
    /// Tells caches apart what the path alone could not.
    serial: u64,
}

static SERIAL: AtomicU64 = AtomicU64::new(0);

impl Segment {
    fn new(name: FileName, path: PathBuf, len: u64, of: Vec<Summary>, located: Located) -> Self {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        Self { name, path, len, summaries: of, located: Mutex::new(located), serial }
    }

    /// A file that was just completed; its index is in memory until [`Segment::persist`].
    pub(crate) fn completed(dir: &Path, name: FileName, len: u64, index: SegmentIndex) -> Self {
        let summaries = index.summaries();
        let located = Located::Memory(Arc::new(index));
        Self::new(name, name.path(dir), len, summaries, located)
    }

    /// Opens a file by its index, which is rebuilt if it is missing or damaged.
    pub(crate) fn open(dir: &Path, name: FileName) -> Result<Self, LogError> {
        let path = name.path(dir);
        let len = path.metadata().map_err(|error| read_fault(&path, &error))?.len();
        match read_directory(&index_path(&path), len) {
            Ok(directory) => {
                let (summaries, located) = directory.into_iter().unzip();
                Ok(Self::new(name, path, len, summaries, Located::Disk(located)))
            }
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "rebuilding index");
                let segment = Self::completed(dir, name, len, rebuild(&path, name.id())?);
                segment.persist();
                Ok(segment)
            }
        }
    }

    /// Whether the index is not on disk yet.
    pub(crate) fn is_unpersisted(&self) -> bool {
        matches!(*lock(&self.located), Located::Memory(_))
    }

    /// Writes the index to disk and frees its memory. If that fails it stays in memory.
    pub(crate) fn persist(&self) {
        let index = match &*lock(&self.located) {
            Located::Memory(index) => Arc::clone(index),
            Located::Disk(_) => return,
        };
        let path = index_path(&self.path);
        let written = index
            .write(&path, self.len)
            .and_then(|()| read_directory(&path, self.len))
            .map(|directory| directory.into_iter().map(|(_, at)| at).collect());
        match written {
            Ok(at) => *lock(&self.located) = Located::Disk(at),
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "cannot write index, trying later");
            }
        }
    }

    pub(crate) fn summary(&self, queue: u32) -> Option<&Summary> {
        let at = self.summaries.binary_search_by_key(&queue, |summary| summary.queue).ok()?;
        self.summaries.get(at)
    }

    fn stored_entries(&self, queue: u32, cache: &Cache) -> Result<Stored, Fault> {
        let at = match &*lock(&self.located) {
            Located::Memory(index) => return Ok(Stored::Memory(Arc::clone(index))),
            Located::Disk(at) => {
                let nth = self.summaries.binary_search_by_key(&queue, |summary| summary.queue);
                nth.ok().and_then(|nth| at.get(nth)).copied()
            }
        };
        let Some(at) = at else { return Ok(Stored::Disk(Arc::from([]))) };
        if let Some(known) = cache.entries(self.serial, queue) {
            return Ok(Stored::Disk(known));
        }
        match read_entries(&index_path(&self.path), &at) {
            Ok(entries) => {
                cache.put_entries(self.serial, queue, &entries);
                Ok(Stored::Disk(entries))
            }
            // The file is deleted before its index, so it is not the index alone that is gone.
            Err(_) if !self.path.exists() => Err(Fault::Gone),
            Err(error) => {
                tracing::warn!(file = %self.path.display(), %error, "rebuilding index");
                let index = Arc::new(rebuild(&self.path, self.name.id())?);
                *lock(&self.located) = Located::Memory(Arc::clone(&index));
                self.persist();
                Ok(Stored::Memory(index))
            }
        }
    }

    /// Index entries of a queue from the one that covers `offset` on, at most `max`.
    pub(crate) fn entries(
        &self,
        queue: u32,
        offset: u64,
        max: usize,
        cache: &Cache,
    ) -> Result<Vec<Entry>, Fault> {
        let stored = self.stored_entries(queue, cache)?;
        let all = stored.of(queue);
        Ok(all.iter().skip(find(all, offset)).take(max).copied().collect())
    }

    /// The first entry from the one that covers `offset` on that has a timestamp as new.
    pub(crate) fn entry_for_time(
        &self,
        queue: u32,
        offset: u64,
        timestamp_ms: i64,
        cache: &Cache,
    ) -> Result<Vec<Entry>, Fault> {
        let stored = self.stored_entries(queue, cache)?;
        let all = stored.of(queue);
        let rest = all.iter().skip(find(all, offset));
        Ok(rest.filter(|entry| entry.newest_ms >= timestamp_ms).copied().collect())
    }
}

enum Stored {
    Memory(Arc<SegmentIndex>),
    Disk(Arc<[Entry]>),
}

impl Stored {
    fn of(&self, queue: u32) -> &[Entry] {
        match self {
            Self::Memory(index) => {
                index.queues.get(&queue).map_or(&[], |index| index.entries.as_slice())
            }
            Self::Disk(entries) => entries,
        }
    }
}

/// Reads a whole file to index it again; any damage is an error.
fn rebuild(path: &Path, id: u64) -> Result<SegmentIndex, LogError> {
    let mut index = SegmentIndex::default();
    let mut scanner = Scanner::open(path).map_err(|error| read_fault(path, &error))?;
    let found = scanner.file_id().map_err(|fault| scan_fault(path, 0, &fault))?;
    if found != id {
        return Err(corrupt(path, 0, "the file's name and its header do not match"));
    }
    let mut pos = FILE_HEADER_BYTES as u64;
    loop {
        let fault = |fault: ScanFault| scan_fault(path, pos, &fault);
        let Some(frame) = scanner.frame(pos).map_err(fault)? else { return Ok(index) };
        scanner.verify(&frame).map_err(fault)?;
        for placed in frame.placed().filter(|placed| placed.queue != CATALOG_QUEUE) {
            index.push(&placed, frame.header.written_ms);
        }
        pos = frame.end();
    }
}

type CachedEntries = ((u64, u32), Arc<[Entry]>);

/// Open files and index entries of closed files, the most recently used ones.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    files: Mutex<VecDeque<(u64, Arc<File>)>>,
    entries: Mutex<VecDeque<CachedEntries>>,
}

impl Cache {
    /// The open file of a segment.
    pub(crate) fn file(&self, segment: &Segment) -> io::Result<Arc<File>> {
        let mut files = lock(&self.files);
        if let Some(at) = files.iter().position(|(serial, _)| *serial == segment.serial)
            && let Some(found) = files.remove(at)
        {
            let file = Arc::clone(&found.1);
            files.push_front(found);
            return Ok(file);
        }
        drop(files);
        let file = Arc::new(File::open(&segment.path)?);
        let mut files = lock(&self.files);
        files.push_front((segment.serial, Arc::clone(&file)));
        files.truncate(OPEN_FILES_MAX);
        Ok(file)
    }

    fn entries(&self, serial: u64, queue: u32) -> Option<Arc<[Entry]>> {
        let mut cached = lock(&self.entries);
        let at = cached.iter().position(|(key, _)| *key == (serial, queue))?;
        let found = cached.remove(at)?;
        let entries = Arc::clone(&found.1);
        cached.push_front(found);
        Some(entries)
    }

    fn put_entries(&self, serial: u64, queue: u32, entries: &Arc<[Entry]>) {
        let mut cached = lock(&self.entries);
        cached.push_front(((serial, queue), Arc::clone(entries)));
        let mut bytes = 0;
        let fitting = cached.iter().take_while(|(_, entries)| {
            bytes += 64 + size_of_val::<[Entry]>(entries);
            bytes <= CACHED_ENTRIES_BYTES_MAX
        });
        let keep = fitting.count();
        cached.truncate(keep);
    }

    /// Forgets a file that is about to be deleted, so that its space is freed.
    pub(crate) fn forget(&self, segment: &Segment) {
        lock(&self.files).retain(|(serial, _)| *serial != segment.serial);
        lock(&self.entries).retain(|((serial, _), _)| *serial != segment.serial);
    }
}

/// Reads exactly this range of a file.
pub(crate) fn read_block(file: &File, pos: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut block = vec![0; len];
    file.read_exact_at(&mut block, pos)?;
    Ok(block)
}
