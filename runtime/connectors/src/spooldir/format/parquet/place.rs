//! A file as Parquet's reader wants it: any part of it, at any time.

use std::io::{self, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use crate::spooldir::input::Input;

/// Headers of pages are read byte by byte from this.
const BUFFER_BYTES: usize = 4096;
/// Memory is taken in such steps: what a broken file says of lengths is not believed.
const STEP_BYTES: usize = 1 << 20;

/// What reading has failed with, which Parquet's own errors hide.
pub(super) type Failure = Arc<Mutex<Option<io::Error>>>;

/// A file.
#[derive(Clone)]
pub(super) struct Place {
    input: Arc<Mutex<Input>>,
    length: u64,
    failure: Failure,
}

impl Place {
    pub(super) fn new(input: Arc<Mutex<Input>>, length: u64, failure: Failure) -> Self {
        Self { input, length, failure }
    }
    pub(super) fn failure(&self) -> &Failure {
        &self.failure
    }
    pub(super) fn length(&self) -> u64 {
        self.length
    }
    pub(super) fn input(&self) -> MutexGuard<'_, Input> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, error: io::Error) -> io::Error {
        let shown = io::Error::new(error.kind(), error.to_string());
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        shown
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let most = into.len().min(left);
        let Some(into) = into.get_mut(..most).filter(|into| !into.is_empty()) else { return Ok(0) };
        let mut input = self.input();
        input.skip_to(at).and_then(|()| input.read(into)).map_err(|error| self.fail(error))
    }
}

impl Length for Place {
    fn len(&self) -> u64 {
        self.length
    }
}

/// Reads on from somewhere.
pub(super) struct Cursor {
    place: Place,
    at: u64,
}

impl Read for Cursor {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.place.read_at(self.at, into)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl ChunkReader for Place {
    type T = BufReader<Cursor>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::with_capacity(BUFFER_BYTES, Cursor { place: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} were expected, and the file has {} bytes",
                self.length
            )));
        }
        let mut bytes = Vec::new();
        let mut at = start;
        while bytes.len() < length {
            let held = bytes.len();
            bytes.resize(held + STEP_BYTES.min(length - held), 0);
            let count = match bytes.get_mut(held..) {
                Some(free) => self.read_at(at, free)?,
                None => 0,
            };
            bytes.truncate(held + count);
            at += count as u64;
            if count == 0 {
                return Err(ParquetError::EOF(format!("the file ends at {at}")));
            }
        }
        Ok(bytes.into())
    }
}
