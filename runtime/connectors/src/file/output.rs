//! Writing to the file or to standard output on the blocking pool, one block at a time while the
//! next one is made. What a failed write leaves is kept and written first by the next call, so
//! that a line is neither lost nor doubled when a disk was full for a while.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use gantry_api::{Error, Result};
use tokio::task::JoinHandle;
use tracing::warn;

use super::config::{FILE, file_error};
use super::mark::Mark;

/// The size from which a buffer is written, in bytes.
pub(super) const BLOCK_BYTES: usize = 1024 * 1024;
/// What an idle task may keep of a buffer, in bytes.
const SPARE_BYTES_IDLE: usize = 64 * 1024;

/// Where lines go.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// Standard output.
    Stdout,
    /// A file that is appended to.
    File {
        /// Open for appending, and for reading if it is regular.
        file: Arc<File>,
        /// As configured.
        path: String,
        /// Whether it is a regular file.
        regular: bool,
        /// Whether it can be read back; else its length cannot be marked.
        readable: bool,
    },
}

impl Target {
    /// Opens a file for appending; makes it if there is none.
    fn open(path: &str) -> io::Result<Self> {
        // A pipe is not opened for reading too: that would hide that nobody reads it.
        let special = fs::metadata(path).is_ok_and(|found| !found.is_file());
        let mut options = OpenOptions::new();
        options.append(true).read(!special).create(!special);
        let (file, readable) = match options.open(path) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                (options.read(false).open(path)?, false)
            }
            outcome => (outcome?, !special),
        };
        let regular = file.metadata()?.is_file();
        Ok(Self::File { file: Arc::new(file), path: path.to_owned(), regular, readable })
    }

    /// The file, if its length can be marked.
    pub(super) fn markable(&self) -> Option<&Arc<File>> {
        match self {
            Self::File { file, regular: true, readable: true, .. } => Some(file),
            _ => None,
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout => io::stdout().lock().write(bytes),
            Self::File { file, .. } => (&**file).write(bytes),
        }
    }

    fn sync(&self) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().lock().flush(),
            Self::File { file, regular: true, .. } => file.sync_data(),
            // Pipes and devices have nothing to sync.
            Self::File { .. } => Ok(()),
        }
    }

    /// Whether the path now names another file, or none.
    fn replaced(&self) -> bool {
        let Self::File { file, path, regular: true, .. } = self else { return false };
        match (file.metadata(), fs::metadata(path)) {
            (Ok(ours), Ok(now)) => (ours.dev(), ours.ino()) != (now.dev(), now.ino()),
            (Ok(_), Err(error)) => error.kind() == ErrorKind::NotFound,
            _ => false,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Stdout => "stdout",
            Self::File { path, .. } => path,
        }
    }
}

/// A block with how much of it is written.
#[derive(Debug, Default)]
struct Job {
    bytes: Vec<u8>,
    written: usize,
}

/// The one writer of a task. Every method keeps its state when its future is dropped.
#[derive(Debug)]
pub(super) struct Output {
    target: Target,
    running: Option<JoinHandle<(Job, io::Result<()>)>>,
    /// What a failed write left.
    rest: Option<Job>,
    /// An empty buffer to fill next.
    spare: Vec<u8>,
}

impl Output {
    /// Opens a file, or standard output.
    pub(super) async fn open(path: Option<String>) -> Result<Self> {
        let target = match path {
            None => Target::Stdout,
            Some(path) => {
                blocking(move || Target::open(&path).map_err(|error| open_failed(&path, &error)))
                    .await??
            }
        };
        Ok(Self { target, running: None, rest: None, spare: Vec::new() })
    }

    /// Where lines go.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Whether the last write failed and its rest still waits.
    pub(super) fn has_failed(&self) -> bool {
        self.rest.is_some()
    }

    /// Waits until all that was begun is written; tries once more what failed before.
    pub(super) async fn settle(&mut self) -> Result<()> {
        if self.running.is_none()
            && let Some(rest) = self.rest.take()
        {
            self.spawn(rest);
        }
        let Some(running) = &mut self.running else { return Ok(()) };
        let outcome = running.await;
        self.running = None;
        let (mut job, outcome) = outcome.map_err(|error| {
            Error::connect(format!("Writing to '{}' was broken off: {error}", self.target.name()))
        })?;
        match outcome {
            Ok(()) => {
                job.bytes.clear();
                self.spare = job.bytes;
                Ok(())
            }
            Err(error) => {
                let left = job.bytes.len() - job.written;
                self.rest = Some(job);
                Err(write_failed(self.target.name(), left, &error))
            }
        }
    }

    /// Begins to write a buffer once the one before is written, and leaves an empty one.
    /// After an error the buffer is as it was.
    pub(super) async fn hand_over(&mut self, buffer: &mut Vec<u8>) -> Result<()> {
        self.settle().await?;
        if !buffer.is_empty() {
            let bytes = std::mem::replace(buffer, std::mem::take(&mut self.spare));
            self.spawn(Job { bytes, written: 0 });
        }
        Ok(())
    }

    fn spawn(&mut self, mut job: Job) {
        let target = self.target.clone();
        self.running = Some(tokio::task::spawn_blocking(move || {
            let outcome = write_all(&target, &mut job);
            (job, outcome)
        }));
    }

    /// Makes durable what is settled. If it can be marked, also marks its length, and goes over
    /// to the file that has taken its name, if one has.
    pub(super) async fn sync(&mut self) -> Result<Option<Mark>> {
        let target = self.target.clone();
        let (target, mark) = blocking(move || sync(target)).await??;
        self.target = target;
        Ok(mark)
    }

    /// Syncs what is settled while more is written. To be asked with nothing running.
    pub(super) fn sync_behind(&self) -> JoinHandle<Result<Option<Mark>>> {
        let target = self.target.clone();
        let length = target.markable().map(|file| file.metadata().map(|found| found.len()));
        tokio::task::spawn_blocking(move || {
            let failed = |error: io::Error| sync_failed(target.name(), &error);
            let length = length.transpose().map_err(failed)?;
            target.sync().map_err(failed)?;
            match (target.markable(), length) {
                (Some(file), Some(length)) => Mark::of(file, length).map_err(failed),
                _ => Ok(None),
            }
        })
    }

    /// Gives back memory that only a busy task needs.
    pub(super) fn relax(&mut self, buffer: &mut Vec<u8>) {
        for spare in [&mut self.spare, buffer] {
            if spare.is_empty() && spare.capacity() > SPARE_BYTES_IDLE {
                *spare = Vec::new();
            }
        }
    }
}

/// Runs blocking work; its panic is an error of this task alone.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::connect(format!("File work was broken off: {error}")))
}

fn write_all(target: &Target, job: &mut Job) -> io::Result<()> {
    while let Some(left) = job.bytes.get(job.written..).filter(|left| !left.is_empty()) {
        match target.write(left) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => job.written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    match target {
        Target::Stdout => io::stdout().lock().flush(),
        Target::File { .. } => Ok(()),
    }
}

fn sync(target: Target) -> Result<(Target, Option<Mark>)> {
    target.sync().map_err(|error| sync_failed(target.name(), &error))?;
    let target = if target.replaced() {
        let path = target.name();
        warn!(file = path, "file was moved or removed, writing to a new one of its name");
        Target::open(path).map_err(|error| open_failed(path, &error))?
    } else {
        target
    };
    let Some(file) = target.markable() else { return Ok((target, None)) };
    let mark = file.metadata().and_then(|found| Mark::of(file, found.len()));
    let mark = mark.map_err(|error| sync_failed(target.name(), &error))?;
    Ok((target, mark))
}

fn open_failed(path: &str, error: &io::Error) -> Error {
    let remedy = match error.kind() {
        ErrorKind::NotFound => "Make its folder first",
        ErrorKind::PermissionDenied => {
            "Give the user that runs Gantry the right to read and write it, and to enter its \
             folders"
        }
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => "Name a file, not a folder",
        _ => "Check the path and its disk, then restart the task",
    };
    Error::connect(format!(
        "Couldn't find or create file '{path}' for FileStreamSinkTask (key '{FILE}'): {error}. \
         {remedy}"
    ))
    .caused_by(Error::io(format!("'{path}'"), error))
}

/// Only what a later attempt can cure is retriable.
fn write_failed(path: &str, left: usize, error: &io::Error) -> Error {
    let remedy = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "Make room on its disk",
        ErrorKind::TimedOut
        | ErrorKind::WouldBlock
        | ErrorKind::ResourceBusy
        | ErrorKind::StaleNetworkFileHandle => "Check its disk",
        _ => {
            return file_error(
                "Could not write to",
                path,
                error,
                "Check its disk, then restart the task",
            );
        }
    };
    Error::retriable(format!(
        "Could not write to file '{path}' (key '{FILE}'): {error}. {remedy}; the {left} bytes \
         that wait are written then"
    ))
    .caused_by(Error::io(format!("'{path}'"), error))
}

/// After a failed sync nobody knows what is on disk: the task ends, and a restart writes again
/// what was not committed.
fn sync_failed(path: &str, error: &io::Error) -> Error {
    file_error("Could not make durable file", path, error, "Check its disk, then restart the task")
}
