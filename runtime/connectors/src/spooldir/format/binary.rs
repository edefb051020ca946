//! The whole file one record.

use std::io::Read;

use gantry_api::{Datum, Error, Schema, Value};

use super::{Format, Item, Records, Resume};
use crate::spooldir::fault::{At, Fault};
use crate::spooldir::input::Input;
use crate::spooldir::lines::RECORD_BYTES_MAX;

/// Bytes as they are.
#[derive(Debug)]
pub(crate) struct BinaryFormat {
    pub(crate) bytes_max: usize,
}

#[derive(Debug)]
struct Whole {
    /// None when it was given out.
    input: Option<Input>,
    bytes_max: usize,
}

impl Format for BinaryFormat {
    fn open(&self, input: Input, from: Option<&Resume>) -> Result<Box<dyn Records>, Fault> {
        Ok(Box::new(Whole { input: from.is_none().then_some(input), bytes_max: self.bytes_max }))
    }
}

impl Records for Whole {
    fn next(&mut self) -> Result<Option<Item>, Fault> {
        let Some(input) = self.input.take() else { return Ok(None) };
        let mut bytes = Vec::new();
        input.take(self.bytes_max as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > self.bytes_max {
            return Err(Fault::Data {
                at: At::File,
                error: Error::data(format!(
                    "the file, which would be one record, is longer than {RECORD_BYTES_MAX}={}; set it \
                     higher if records may be so large",
                    self.bytes_max
                )),
            });
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let (position, size) = (bytes.len() as u64, bytes.len());
        let value = Datum::new(Schema::bytes(), Value::Bytes(bytes.into()));
        Ok(Some(Item { key: Datum::NULL, value, offset: 0, position, bytes: size }))
    }
}
