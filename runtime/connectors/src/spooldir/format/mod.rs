//! How files are read: one module for each kind.

pub(crate) mod avro;
pub(crate) mod binary;
pub(crate) mod csv;
pub(crate) mod json;
pub(crate) mod line;
pub(crate) mod parquet;

use gantry_api::Datum;

use super::fault::Fault;
use super::input::Input;
use super::offset::Resume;

/// What was read of a file.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) key: Datum,
    pub(crate) value: Datum,
    /// As Java's connector counts.
    pub(crate) offset: i64,
    /// Where in the file, unpacked, the next one begins.
    pub(crate) position: u64,
    /// About how much memory it takes.
    pub(crate) bytes: usize,
}

/// A kind of files.
pub(crate) trait Format: Send + Sync {
    /// Opens a file, to go on behind what was read of it before.
    fn open(&self, input: Input, from: Option<&Resume>) -> Result<Box<dyn Records>, Fault>;
}

/// The records of a file.
pub(crate) trait Records: Send {
    /// The next one.
    fn next(&mut self) -> Result<Option<Item>, Fault>;
}

/// A file without a byte.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Records for Nothing {
    fn next(&mut self) -> Result<Option<Item>, Fault> {
        Ok(None)
    }
}
