//! Files of comma-separated values, read as opencsv reads them.

mod opencsv;
mod rfc4180;
mod row;

use gantry_api::{Datum, Error, Result, Struct, Value};

use super::{Format, Item, Records, Resume};
use crate::spooldir::fault::{At, Fault};
use crate::spooldir::input::Input;
use crate::spooldir::lines::{Lines, RECORD_BYTES_MAX, Text};
use crate::spooldir::value::{Schemas, Values};

pub(crate) use opencsv::Signs;
pub(crate) use row::{NullFields, Row};

/// So many characters of a field that does not end are shown.
const SHOWN_CHARS: usize = 97;

/// The keys `csv.*`.
#[derive(Clone, Debug)]
pub(crate) struct Csv {
    pub(crate) skip_lines: u64,
    pub(crate) has_header: bool,
    pub(crate) is_rfc4180: bool,
    pub(crate) signs: Signs,
    pub(crate) text: Text,
}

/// CSV with schemas.
#[derive(Debug)]
pub(crate) struct CsvFormat {
    pub(crate) csv: Csv,
    pub(crate) schemas: Schemas,
    pub(crate) values: Values,
}

#[derive(Debug)]
enum Parser {
    Opencsv(opencsv::Parser),
    Rfc4180(rfc4180::Parser),
}

/// Reads rows.
#[derive(Debug)]
pub(crate) struct Rows {
    lines: Lines,
    parser: Parser,
    row: Row,
    bytes_max: usize,
    keeps_returns: bool,
}

impl Rows {
    /// From the beginning of a file, behind the lines that are skipped.
    pub(crate) fn new(input: Input, csv: &Csv) -> Result<Self, Fault> {
        let mut lines = Lines::new(input, csv.text)?;
        for _ in 0..csv.skip_lines {
            if lines.next()?.is_none() {
                break;
            }
        }
        let signs = csv.signs.clone();
        let parser = match csv.is_rfc4180 {
            true => {
                Parser::Rfc4180(rfc4180::Parser::new(signs.separator, signs.quote, signs.nulls))
            }
            false => Parser::Opencsv(opencsv::Parser::new(signs)),
        };
        let (bytes_max, keeps_returns) = (csv.text.bytes_max, csv.text.keeps_returns);
        Ok(Self { lines, parser, row: Row::default(), bytes_max, keeps_returns })
    }

    /// The next row, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<&Row>, Fault> {
        self.row.clear();
        let mut first = self.lines.line() + 1;
        loop {
            let Some(line) = self.lines.next_text()? else {
                return self.unfinished(first);
            };
            if self.keeps_returns && line.is_empty() && self.lines.line() == first {
                first += 1;
                continue;
            }
            let is_pending = match &mut self.parser {
                Parser::Opencsv(parser) => parser.line(&line, &mut self.row),
                Parser::Rfc4180(parser) => parser.line(&line, &mut self.row),
            };
            if !is_pending {
                return Ok(Some(&self.row));
            }
            if self.open().len() > self.bytes_max {
                return Err(Fault::Data {
                    at: At::Line(first),
                    error: Error::data(format!(
                        "a quoted field is longer than {RECORD_BYTES_MAX}={}; either a quote is missing, or \
                         set it higher",
                        self.bytes_max
                    )),
                });
            }
        }
    }

    /// How many lines were read.
    #[cfg(test)]
    pub(crate) fn line(&self) -> u64 {
        self.lines.line()
    }

    fn open(&self) -> &str {
        match &self.parser {
            Parser::Opencsv(_) => self.row.open_text(),
            Parser::Rfc4180(parser) => parser.pending(),
        }
    }

    fn unfinished(&self, first: u64) -> Result<Option<&Row>, Fault> {
        if self.lines.line() < first {
            return Ok(None);
        }
        let lost: String = self.open().chars().take(SHOWN_CHARS).collect();
        Err(Fault::Data {
            at: At::Line(first),
            error: Error::data(format!(
                "Unterminated quoted field at end of CSV line. Beginning of lost text: [{lost}]"
            )),
        })
    }
}

/// What is done with a column.
#[derive(Debug)]
struct Column {
    name: String,
    value: Option<usize>,
    key: Option<usize>,
}

#[derive(Debug)]
struct CsvRecords {
    rows: Rows,
    columns: Vec<Column>,
    schemas: Schemas,
    values: Values,
    /// Lines that do not count.
    before: u64,
}

impl Format for CsvFormat {
    fn open(&self, input: Input, from: Option<&Resume>) -> Result<Box<dyn Records>, Fault> {
        let mut rows = Rows::new(input, &self.csv)?;
        let names = if self.csv.has_header {
            rows.next()?.map(Row::texts).unwrap_or_default()
        } else {
            self.schemas.value_names()
        };
        let columns = names.into_iter().map(|name| Column {
            value: self.schemas.value.field(&name).map(|field| field.index),
            key: self.schemas.key.field(&name).map(|field| field.index),
            name,
        });
        let before = self.csv.skip_lines + u64::from(self.csv.has_header);
        let mut records = CsvRecords {
            rows,
            columns: columns.collect(),
            schemas: self.schemas.clone(),
            values: self.values.clone(),
            before,
        };
        if let Some(from) = from {
            records.go_on(from)?;
        }
        Ok(Box::new(records))
    }
}

impl CsvRecords {
    fn go_on(&mut self, from: &Resume) -> Result<(), Fault> {
        let lines = self.before + from.offset.max(0).unsigned_abs();
        if let Some(at) = from.position {
            return self.rows.lines.skip_to(at, lines);
        }
        while self.rows.lines.line() < lines && self.rows.next()?.is_some() {}
        Ok(())
    }

    fn record(&mut self) -> Result<(Value, Value)> {
        let row = &self.rows.row;
        let mut values = vec![Value::Null; self.schemas.value_len()];
        let mut keys = vec![Value::Null; self.schemas.key_len()];
        if row.len() < self.columns.len() {
            return Err(Error::data(format!(
                "the row has {} field(s), but there are {} columns",
                row.len(),
                self.columns.len()
            )));
        }
        for (at, column) in self.columns.iter().enumerate() {
            let Some(index) = column.value else { continue };
            let Some(slot) = values.get_mut(index) else { continue };
            let schema = self.schemas.value_schema(index);
            *slot = self.values.parse(schema, row.get(at)).map_err(|cause| {
                Error::data(format!("Exception thrown while parsing data for '{}'", column.name))
                    .caused_by(cause)
            })?;
            if let Some(key) = column.key.and_then(|key| keys.get_mut(key)) {
                key.clone_from(slot);
            }
        }
        Ok((
            Value::Struct(Struct::from_values(self.schemas.key.clone(), keys).into()),
            Value::Struct(Struct::from_values(self.schemas.value.clone(), values).into()),
        ))
    }
}

impl Records for CsvRecords {
    fn next(&mut self) -> Result<Option<Item>, Fault> {
        let first = loop {
            let first = self.rows.lines.line() + 1;
            match self.rows.next()? {
                None => return Ok(None),
                // A blank line, where empty fields are null.
                Some(row) if row.is_blank() => {}
                Some(_) => break first,
            }
        };
        let (key, value) =
            self.record().map_err(|error| Fault::Data { at: At::Line(first), error })?;
        let lines = self.rows.lines.line().saturating_sub(self.before);
        Ok(Some(Item {
            key: Datum::new(self.schemas.key.clone(), key),
            value: Datum::new(self.schemas.value.clone(), value),
            offset: i64::try_from(lines).unwrap_or(i64::MAX),
            position: self.rows.lines.at(),
            bytes: self.rows.row.bytes(),
        }))
    }
}
