//! Parquet files: rows in groups, of which the file's end says where they are.

mod place;
mod schema;
mod value;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use gantry_api::{Datum, Schema};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::{ReaderIter, TreeBuilder};
use parquet::schema::types::SchemaDescPtr;

use super::{Format, Item, Nothing, Records, Resume};
use crate::spooldir::fault::{At, Fault, Mark};
use crate::spooldir::input::Input;
use crate::spooldir::lines::RECORD_BYTES_MAX;
use place::{Failure, Place};

/// Rows as structs, by the schema of their file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParquetFormat {
    /// No row is longer.
    pub(crate) bytes_max: usize,
}

struct ParquetRecords {
    place: Place,
    file: SerializedFileReader<Place>,
    descriptor: SchemaDescPtr,
    schema: Schema,
    rows: Option<ReaderIter>,
    /// The group of rows that comes next.
    group: usize,
    /// About how many bytes a row of this group has.
    row_bytes: usize,
    bytes_max: usize,
    /// The number of the next row.
    number: u64,
}

/// What the library does with a file, which may be no Parquet at all: it gives up on some of them by a panic.
fn guarded<T>(
    at: At,
    failure: &Failure,
    work: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, Fault> {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    if let Some(error) = failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error.into());
    }
    match outcome {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Fault::data(at, format!("it cannot be read as Parquet: {error}"))),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let what = text.unwrap_or("no reason is known");
            Err(Fault::data(at, format!("it cannot be read as Parquet: {what}")))
        }
    }
}

impl Format for ParquetFormat {
    fn open(&self, mut input: Input, from: Option<&Resume>) -> Result<Box<dyn Records>, Fault> {
        let Some(length) = input.settled_length()? else {
            return Err(Fault::data(
                At::File,
                "a Parquet file cannot be read packed as a whole: unpack it, its columns are packed themselves",
            ));
        };
        if length == 0 {
            return Ok(Box::new(Nothing));
        }
        let failure = Failure::default();
        let place = Place::new(Arc::new(Mutex::new(input)), length, Arc::clone(&failure));
        let reader = place.clone();
        let file = guarded(At::File, &failure, move || SerializedFileReader::new(reader))?;
        let descriptor = file.metadata().file_metadata().schema_descr_ptr();
        let schema = schema::of(descriptor.root_schema())
            .map_err(|error| Fault::Data { at: At::File, error })?;
        let mut records = ParquetRecords {
            place,
            file,
            descriptor,
            schema,
            rows: None,
            group: 0,
            row_bytes: 0,
            bytes_max: self.bytes_max,
            number: 0,
        };
        if let Some(from) = from {
            records.skip(from.offset.saturating_add(1).max(0).unsigned_abs())?;
        }
        Ok(Box::new(records))
    }
}

impl ParquetRecords {
    /// Goes over rows that were read before: whole groups without looking into them.
    fn skip(&mut self, until: u64) -> Result<(), Fault> {
        while self.number < until {
            let Some(rows) = self.group_rows() else { return Ok(()) };
            if self.number + rows <= until {
                self.group += 1;
                self.number += rows;
                continue;
            }
            self.load()?;
            while self.number < until {
                if self.row()?.is_none() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// How many rows the next group has.
    fn group_rows(&self) -> Option<u64> {
        let group = self.file.metadata().row_groups().get(self.group)?;
        Some(u64::try_from(group.num_rows()).unwrap_or(0))
    }

    /// Opens the next group; false if there is none.
    fn load(&mut self) -> Result<bool, Fault> {
        let Some(rows) = self.group_rows() else { return Ok(false) };
        let at = At::Record(self.number + 1);
        let (file, descriptor, group) = (&self.file, Arc::clone(&self.descriptor), self.group);
        let bytes = file.metadata().row_group(group).total_byte_size();
        self.row_bytes =
            usize::try_from(u64::try_from(bytes).unwrap_or(0) / rows.max(1)).unwrap_or(usize::MAX);
        if self.row_bytes > self.bytes_max {
            return Err(Fault::data(
                at,
                format!(
                    "rows have {} bytes each, and may have {RECORD_BYTES_MAX}={}; set it higher if they may be so large",
                    self.row_bytes, self.bytes_max
                ),
            ));
        }
        let rows = guarded(at, self.place.failure(), || {
            TreeBuilder::new().as_iter(descriptor, &*file.get_row_group(group)?)
        })?;
        self.rows = Some(rows);
        self.group += 1;
        Ok(true)
    }

    /// The next row of the group that is open.
    fn row(&mut self) -> Result<Option<parquet::record::Row>, Fault> {
        let Some(rows) = &mut self.rows else { return Ok(None) };
        let at = At::Record(self.number + 1);
        let row = guarded(at, self.place.failure(), || rows.next().transpose())?;
        self.number += u64::from(row.is_some());
        Ok(row)
    }

    /// At the end: whether it is the file that it was.
    fn check_end(&self) -> Result<(), Fault> {
        let now = self.place.input().settled_length()?.unwrap_or(0);
        if now != self.place.length() {
            let how = format!("it had {} bytes, and now it has {now}", self.place.length());
            return Err(Mark::Changed(how).into_error().into());
        }
        Ok(())
    }
}

impl Records for ParquetRecords {
    fn next(&mut self) -> Result<Option<Item>, Fault> {
        loop {
            if let Some(row) = self.row()? {
                let number = self.number;
                let value = value::row(&self.schema, row)
                    .map_err(|error| Fault::Data { at: At::Record(number), error })?;
                let offset = i64::try_from(number - 1).unwrap_or(i64::MAX);
                let value = Datum::new(self.schema.clone(), value);
                let bytes = self.row_bytes;
                return Ok(Some(Item { key: Datum::NULL, value, offset, position: number, bytes }));
            }
            if !self.load()? {
                self.check_end()?;
                return Ok(None);
            }
        }
    }
}
