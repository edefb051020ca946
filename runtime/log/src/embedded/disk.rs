//! The file operations of the writer, behind a trait so that tests can let them fail.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, Write};
use std::path::Path;

use super::private;

/// Most buffers given to the system in one write (the kernel's own limit is 1024).
const BUFFERS_PER_WRITE: usize = 1024;

/// Where the writer's files come from.
pub(crate) trait Disk: Send + Sync + Debug {
    /// Creates a file that must not exist, or empties one that a failed attempt left.
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Opens a file to append to.
    fn open(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// A file that is appended to.
pub(crate) trait WriteFile: Send + Debug {
    /// Appends all bytes of all buffers. After an error any part of them may be in the file.
    fn append(&mut self, buffers: &[&[u8]]) -> io::Result<()>;
    /// Makes all that was appended durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// The real thing.
#[derive(Debug)]
pub(crate) struct SystemDisk;

impl Disk for SystemDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let file = private::options().create(true).append(true).open(path)?;
        file.set_len(0)?;
        Ok(Box::new(SystemFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(SystemFile(OpenOptions::new().append(true).open(path)?)))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

#[derive(Debug)]
struct SystemFile(File);

impl WriteFile for SystemFile {
    fn append(&mut self, buffers: &[&[u8]]) -> io::Result<()> {
        for some in buffers.chunks(BUFFERS_PER_WRITE) {
            let mut slices: Vec<IoSlice<'_>> = some.iter().map(|b| IoSlice::new(b)).collect();
            let mut left = slices.as_mut_slice();
            IoSlice::advance_slices(&mut left, 0);
            while !left.is_empty() {
                match self.0.write_vectored(left) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(written) => IoSlice::advance_slices(&mut left, written),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}
