//! Reading a growing file in blocks of whole lines. Blocking: it runs on the blocking pool.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};

use gantry_api::{Error, Result};
use tracing::{info, warn};

use super::config::{FILE, file_error};
use super::lines::{Block, complete};

/// How much is read at once, in bytes: small enough that a block stays in the cache of the core
/// that cuts it.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;
/// What is asked for where the file says that nothing is there.
const CHUNK_BYTES_MIN: usize = 4096;
/// The longest line that is read, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What one step found.
#[derive(Debug)]
pub(super) enum Step {
    /// Whole lines, and whether more is likely to be there already.
    Lines {
        /// The lines.
        block: Block,
        /// Whether as much was read as asked for.
        full: bool,
    },
    /// Nothing new.
    Idle,
    /// The path names a pipe or a device: it has no positions.
    NotRegular,
}

/// A file being read.
#[derive(Debug)]
struct Open {
    file: File,
    identity: (u64, u64),
    /// The position of the next byte to read.
    read: u64,
}

/// Follows a path: waits for the file, its growth, its truncation and its replacement.
#[derive(Debug)]
pub(super) struct Follower {
    path: String,
    /// Where to begin in the first file opened.
    resume: u64,
    open: Option<Open>,
    /// The beginning of a line whose end is not there yet; it ends at `Open::read`.
    carry: Vec<u8>,
    warned: bool,
    line_bytes_max: usize,
}

impl Follower {
    /// Reads `path` from position `resume` on.
    pub(super) fn new(path: &str, resume: u64) -> Self {
        Self {
            path: path.to_owned(),
            resume,
            open: None,
            carry: Vec::new(),
            warned: false,
            line_bytes_max: LINE_BYTES_MAX,
        }
    }

    #[cfg(test)]
    pub(super) fn limit_line(mut self, bytes: usize) -> Self {
        self.line_bytes_max = bytes;
        self
    }

    /// Reads until there is a whole line or nothing more.
    pub(super) fn step(&mut self) -> Result<Step> {
        let Some(mut open) = self.open.take() else { return self.find() };
        let step = self.advance(&mut open);
        // What a step replaced stays replaced; after an error the same place is read again.
        if self.open.is_none() {
            self.open = Some(open);
        }
        step
    }

    fn advance(&mut self, open: &mut Open) -> Result<Step> {
        if let Some(step) = self.read(open)? {
            return Ok(step);
        }
        let length = open.file.metadata().map_err(|error| self.failed(&error))?.len();
        if length < open.read {
            self.truncated(open, length);
            return Ok(self.read(open)?.unwrap_or(Step::Idle));
        }
        self.replaced(open)
    }

    /// Looks for the file at the path.
    fn find(&mut self) -> Result<Step> {
        let found = match fs::metadata(&self.path) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(self.missing()),
            Err(error) => return Err(self.failed(&error)),
        };
        if found.is_dir() {
            return Err(self.failed(&io::Error::from(ErrorKind::IsADirectory)));
        }
        if !found.is_file() {
            return Ok(Step::NotRegular);
        }
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(self.missing()),
            Err(error) => return Err(self.failed(&error)),
        };
        let found = file.metadata().map_err(|error| self.failed(&error))?;
        let mut read = std::mem::take(&mut self.resume);
        if found.len() < read {
            warn!(
                file = self.path,
                position = read,
                length = found.len(),
                "file is shorter than the position reached, it was truncated or replaced: \
                 reading from its start"
            );
            read = 0;
        }
        info!(file = self.path, position = read, "file opened");
        let mut open = Open { file, identity: (found.dev(), found.ino()), read };
        let step = self.read(&mut open);
        self.open = Some(open);
        Ok(step?.unwrap_or(Step::Idle))
    }

    fn missing(&mut self) -> Step {
        if !self.warned {
            self.warned = true;
            warn!(file = self.path, "file is not there, waiting for it to be created");
        }
        Step::Idle
    }

    /// Reads on; `None` at the end of the file.
    fn read(&mut self, open: &mut Open) -> Result<Option<Step>> {
        loop {
            let carried = self.carry.len();
            let there = open.file.metadata().map_err(|error| self.failed(&error))?.len();
            // As much again as is carried: a long line is copied a constant number of times.
            let chunk = usize::try_from(there.saturating_sub(open.read))
                .unwrap_or(usize::MAX)
                .clamp(CHUNK_BYTES_MIN, CHUNK_BYTES.max(carried));
            let mut bytes = Vec::with_capacity(carried + chunk);
            bytes.extend_from_slice(&self.carry);
            bytes.resize(carried + chunk, 0);
            let space = bytes.get_mut(carried..).unwrap_or_default();
            let count = match open.file.read_at(space, open.read) {
                Ok(0) => return Ok(None),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed(&error)),
            };
            bytes.truncate(carried + count);
            let base = open.read - carried as u64;
            open.read += count as u64;
            let whole = complete(&bytes, carried);
            if whole == 0 {
                bytes.shrink_to_fit();
                self.carry = bytes;
                if self.carry.len() > self.line_bytes_max {
                    return Err(self.too_long(base));
                }
                continue;
            }
            self.carry = bytes.get(whole..).unwrap_or_default().to_vec();
            bytes.truncate(whole);
            // A few lines must not keep a whole block in memory.
            if bytes.len() < bytes.capacity() / 2 {
                bytes.shrink_to_fit();
            }
            let full = count == chunk && chunk >= CHUNK_BYTES;
            return Ok(Some(Step::Lines { block: Block::new(bytes, base), full }));
        }
    }

    fn truncated(&mut self, open: &mut Open, length: u64) {
        warn!(
            file = self.path,
            position = open.read,
            length,
            unfinished_bytes = self.carry.len(),
            "file was truncated: reading from its start"
        );
        self.carry = Vec::new();
        open.read = 0;
    }

    /// Goes on with the file that now has the name, once it holds something: until then the
    /// writer may still write to the old one.
    fn replaced(&mut self, open: &mut Open) -> Result<Step> {
        let identity = match fs::metadata(&self.path) {
            Ok(now) if now.len() > 0 || !now.is_file() => (now.dev(), now.ino()),
            Ok(_) => return Ok(Step::Idle),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Step::Idle),
            Err(error) => return Err(self.failed(&error)),
        };
        if identity == open.identity {
            return Ok(Step::Idle);
        }
        // What was written between the last look and the replacement.
        if let Some(step) = self.read(open)? {
            return Ok(step);
        }
        info!(file = self.path, position = open.read, "file was replaced: reading the new one");
        let carry = std::mem::take(&mut self.carry);
        self.warned = false;
        if carry.is_empty() {
            return self.find();
        }
        // Nothing will end this line any more. The next step opens the new file.
        let base = open.read - carry.len() as u64;
        *open = match File::open(&self.path) {
            Ok(file) => Open { file, identity: (0, 0), read: 0 },
            Err(error) => return Err(self.failed(&error)),
        };
        let found = open.file.metadata().map_err(|error| self.failed(&error))?;
        open.identity = (found.dev(), found.ino());
        Ok(Step::Lines { block: Block::last_line(carry, base), full: true })
    }

    fn failed(&self, error: &io::Error) -> Error {
        let remedy = match error.kind() {
            ErrorKind::PermissionDenied => {
                "Give the user that runs Gantry the right to read the file and to enter its folders"
            }
            ErrorKind::IsADirectory | ErrorKind::NotADirectory => "Name a file with lines of text",
            _ => "Check the file and its disk, then restart the task",
        };
        file_error("Could not read file", &self.path, error, remedy)
    }

    fn too_long(&self, base: u64) -> Error {
        Error::connect(format!(
            "A line of file '{}' (key '{FILE}') that begins at byte {base} is longer than {} \
             bytes, the most that is read as one line. Check that the file is text in lines; \
             to skip the line, stop the connector and set its offset behind it",
            self.path, self.line_bytes_max
        ))
    }
}
