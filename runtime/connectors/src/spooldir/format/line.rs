//! Each line a record.

use gantry_api::{Datum, Schema, Value};

use super::{Format, Item, Records, Resume};
use crate::spooldir::fault::Fault;
use crate::spooldir::input::Input;
use crate::spooldir::lines::{Lines, Text};

/// Lines of text.
#[derive(Debug)]
pub(crate) struct LineFormat {
    pub(crate) text: Text,
}

#[derive(Debug)]
struct LineRecords {
    lines: Lines,
    schema: Schema,
}

impl Format for LineFormat {
    fn open(&self, input: Input, from: Option<&Resume>) -> Result<Box<dyn Records>, Fault> {
        let mut lines = Lines::new(input, self.text)?;
        if let Some(from) = from {
            let done = from.offset.max(0).unsigned_abs();
            match from.position {
                Some(at) => lines.skip_to(at, done)?,
                None => while lines.line() < done && lines.next()?.is_some() {},
            }
        }
        Ok(Box::new(LineRecords { lines, schema: Schema::string() }))
    }
}

impl Records for LineRecords {
    fn next(&mut self) -> Result<Option<Item>, Fault> {
        let Some(line) = self.lines.next_text()? else { return Ok(None) };
        let bytes = line.len();
        let text = gantry_api::Text::slice(&line, &line);
        Ok(Some(Item {
            key: Datum::NULL,
            value: Datum::new(self.schema.clone(), Value::String(text)),
            offset: i64::try_from(self.lines.line()).unwrap_or(i64::MAX),
            position: self.lines.at(),
            bytes,
        }))
    }
}
