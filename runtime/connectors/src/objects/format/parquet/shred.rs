//! Values divided among columns, with the levels that say which parts are there.

use gantry_api::model::logical;
use gantry_api::{Error, Schema, Value};

use super::column::{Cell, Column};

/// One place of the schema.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: Box<str>,
    /// Whether it may be null.
    pub(super) is_optional: bool,
    /// In place of null.
    pub(super) default: Option<Value>,
    /// The definition level of what is here and not null.
    pub(super) definition: i16,
    /// The columns below it, from the first to behind the last.
    pub(super) columns: (usize, usize),
    pub(super) node: Node,
}

/// What is there.
#[derive(Debug)]
pub(super) enum Node {
    Leaf(Leaf),
    /// The fields of a struct, in order.
    Group(Vec<Step>),
    /// The element, and the repetition level of those behind the first.
    List(Box<Step>, i16),
    /// Keys and values.
    Map(Box<(Step, Step)>, i16),
}

/// How a value that is not divided becomes a cell.
#[derive(Debug)]
pub(super) enum Leaf {
    Boolean,
    Int32,
    Int64,
    Float,
    Double,
    Text,
    Bytes,
    Date(Schema),
    Time(Schema),
    Timestamp,
    Decimal(Schema),
}

/// What does not fit, and where.
#[derive(Debug)]
pub(super) struct Fault {
    way: Vec<String>,
    why: String,
}

impl Fault {
    fn new(why: impl Into<String>) -> Self {
        Self { way: Vec::new(), why: why.into() }
    }

    fn below(mut self, name: &str) -> Self {
        self.way.push(name.to_owned());
        self
    }

    pub(super) fn into_error(self) -> Error {
        let way: Vec<&str> = self.way.iter().rev().map(String::as_str).collect();
        match way.is_empty() {
            true => Error::data(format!("The value does not fit its schema: {}", self.why)),
            false => Error::data(format!(
                "Field {} does not fit its schema: {}",
                way.join("."),
                self.why
            )),
        }
    }
}

/// Adds one value to the columns.
pub(super) fn write(
    step: &Step,
    value: &Value,
    repetition: i16,
    columns: &mut [Column],
) -> Result<(), Fault> {
    let value = match (value, &step.default) {
        (Value::Null, Some(default)) => default,
        _ => value,
    };
    if value.is_null() {
        if !step.is_optional {
            return Err(Fault::new("it is null, but must have a value"));
        }
        empty(step, step.definition - 1, repetition, columns);
        return Ok(());
    }
    match (&step.node, value) {
        (Node::Leaf(leaf), value) => {
            let cell = cell(leaf, value)?;
            if let Some(column) = columns.get_mut(step.columns.0) {
                column.push(cell, step.definition, repetition);
            }
        }
        (Node::Group(fields), Value::Struct(inner)) => {
            for (field, value) in fields.iter().zip(inner.values()) {
                write(field, value, repetition, columns)
                    .map_err(|fault| fault.below(&field.name))?;
            }
        }
        (Node::List(element, level), Value::Array(list)) => {
            if list.is_empty() {
                empty(step, step.definition, repetition, columns);
            }
            for (at, item) in list.iter().enumerate() {
                let repetition = if at == 0 { repetition } else { *level };
                write(element, item, repetition, columns)
                    .map_err(|fault| fault.below(&at.to_string()))?;
            }
        }
        (Node::Map(entry, level), Value::Map(map)) => {
            if map.is_empty() {
                empty(step, step.definition, repetition, columns);
            }
            let (key_step, value_step) = &**entry;
            for (at, (key, value)) in map.entries().iter().enumerate() {
                let repetition = if at == 0 { repetition } else { *level };
                write(key_step, key, repetition, columns).map_err(|fault| fault.below("key"))?;
                write(value_step, value, repetition, columns)
                    .map_err(|fault| fault.below("value"))?;
            }
        }
        (_, value) => return Err(unfit(value)),
    }
    Ok(())
}

fn unfit(value: &Value) -> Fault {
    Fault::new(format!("a value of class {} is none of it", value.java_class().unwrap_or("null")))
}

/// Nothing in the columns below a place, which is there up to this level.
fn empty(step: &Step, definition: i16, repetition: i16, columns: &mut [Column]) {
    let (from, to) = step.columns;
    for column in columns.get_mut(from..to).unwrap_or_default() {
        column.push_null(definition, repetition);
    }
}

fn cell(leaf: &Leaf, value: &Value) -> Result<Cell, Fault> {
    let plain = |error: Error| Fault::new(error.message());
    Ok(match (leaf, value) {
        (Leaf::Boolean, Value::Boolean(flag)) => Cell::Boolean(*flag),
        (Leaf::Int32, Value::Int8(n)) => Cell::Int32((*n).into()),
        (Leaf::Int32, Value::Int16(n)) => Cell::Int32((*n).into()),
        (Leaf::Int32, Value::Int32(n)) => Cell::Int32(*n),
        (Leaf::Int64, Value::Int64(n)) => Cell::Int64(*n),
        (Leaf::Float, Value::Float32(n)) => Cell::Float(*n),
        (Leaf::Double, Value::Float64(n)) => Cell::Double(*n),
        (Leaf::Text, Value::String(text)) => Cell::Bytes(text.to_bytes()),
        (Leaf::Bytes, Value::Bytes(bytes)) => Cell::Bytes(bytes.clone()),
        (Leaf::Date(schema), Value::Date(ms)) => {
            Cell::Int32(logical::date_from_logical(schema, *ms).map_err(plain)?)
        }
        (Leaf::Time(schema), Value::Date(ms)) => {
            Cell::Int32(logical::time_from_logical(schema, *ms).map_err(plain)?)
        }
        (Leaf::Timestamp, Value::Date(ms)) => Cell::Int64(*ms),
        (Leaf::Decimal(schema), Value::Decimal(decimal)) => {
            Cell::Bytes(logical::decimal_from_logical(schema, decimal).map_err(plain)?)
        }
        (_, value) => return Err(unfit(value)),
    })
}
