//! The values of one column of a group of rows, with their levels.

use gantry_api::{Bytes, Error, Result};
use parquet::basic::Type;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type,
};
use parquet::file::writer::SerializedColumnWriter;

/// One column.
#[derive(Debug)]
pub(super) struct Column {
    /// At which levels values are there, and repeat.
    definition: Vec<i16>,
    repetition: Vec<i16>,
    has_definition: bool,
    has_repetition: bool,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
}

/// One value of a column.
#[derive(Debug)]
pub(super) enum Cell {
    Boolean(bool),
    Int32(i32),
    Int64(i64),
    Float(f32),
    Double(f64),
    Bytes(Bytes),
}

/// What a value costs in memory besides its bytes: its place, and its levels.
const CELL_BYTES: usize = 12;

impl Column {
    pub(super) fn new(of: Type, definition_max: i16, repetition_max: i16) -> Result<Self> {
        let values = match of {
            Type::BOOLEAN => Values::Boolean(Vec::new()),
            Type::INT32 => Values::Int32(Vec::new()),
            Type::INT64 => Values::Int64(Vec::new()),
            Type::FLOAT => Values::Float(Vec::new()),
            Type::DOUBLE => Values::Double(Vec::new()),
            Type::BYTE_ARRAY => Values::Bytes(Vec::new()),
            other => return Err(Error::connect(format!("no column is of type {other}"))),
        };
        Ok(Self {
            definition: Vec::new(),
            repetition: Vec::new(),
            has_definition: definition_max > 0,
            has_repetition: repetition_max > 0,
            values,
        })
    }

    /// A value that is there.
    pub(super) fn push(&mut self, cell: Cell, definition: i16, repetition: i16) {
        match (&mut self.values, cell) {
            (Values::Boolean(values), Cell::Boolean(value)) => values.push(value),
            (Values::Int32(values), Cell::Int32(value)) => values.push(value),
            (Values::Int64(values), Cell::Int64(value)) => values.push(value),
            (Values::Float(values), Cell::Float(value)) => values.push(value),
            (Values::Double(values), Cell::Double(value)) => values.push(value),
            (Values::Bytes(values), Cell::Bytes(value)) => values.push(value.into()),
            // A plan gives each column the cells of its type.
            (_, cell) => debug_assert!(false, "{cell:?} is of another column"),
        }
        self.push_null(definition, repetition);
    }

    /// A place without a value; up to which level there is something.
    pub(super) fn push_null(&mut self, definition: i16, repetition: i16) {
        self.definition.push(definition);
        self.repetition.push(repetition);
    }

    fn count(&self) -> usize {
        match &self.values {
            Values::Boolean(values) => values.len(),
            Values::Int32(values) => values.len(),
            Values::Int64(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Double(values) => values.len(),
            Values::Bytes(values) => values.len(),
        }
    }

    /// How many levels and values there are.
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.definition.len(), self.count())
    }

    pub(super) fn bytes_since(&self, (levels, values): (usize, usize)) -> usize {
        let texts = match &self.values {
            Values::Bytes(all) => all
                .get(values..)
                .unwrap_or_default()
                .iter()
                .map(|text| text.len() + size_of::<ByteArray>())
                .sum(),
            _ => 0,
        };
        texts + (self.definition.len() - levels) * CELL_BYTES
    }

    pub(super) fn truncate(&mut self, (levels, count): (usize, usize)) {
        self.definition.truncate(levels);
        self.repetition.truncate(levels);
        match &mut self.values {
            Values::Boolean(values) => values.truncate(count),
            Values::Int32(values) => values.truncate(count),
            Values::Int64(values) => values.truncate(count),
            Values::Float(values) => values.truncate(count),
            Values::Double(values) => values.truncate(count),
            Values::Bytes(values) => values.truncate(count),
        }
    }

    /// Writes all that there is, and forgets it.
    pub(super) fn write(
        &mut self,
        writer: &mut SerializedColumnWriter<'_>,
    ) -> parquet::errors::Result<()> {
        let definition = self.has_definition.then_some(self.definition.as_slice());
        let repetition = self.has_repetition.then_some(self.repetition.as_slice());
        match &self.values {
            Values::Boolean(values) => {
                writer.typed::<BoolType>().write_batch(values, definition, repetition)?
            }
            Values::Int32(values) => {
                writer.typed::<Int32Type>().write_batch(values, definition, repetition)?
            }
            Values::Int64(values) => {
                writer.typed::<Int64Type>().write_batch(values, definition, repetition)?
            }
            Values::Float(values) => {
                writer.typed::<FloatType>().write_batch(values, definition, repetition)?
            }
            Values::Double(values) => {
                writer.typed::<DoubleType>().write_batch(values, definition, repetition)?
            }
            Values::Bytes(values) => {
                writer.typed::<ByteArrayType>().write_batch(values, definition, repetition)?
            }
        };
        self.truncate((0, 0));
        Ok(())
    }
}
