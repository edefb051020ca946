//! Files of JSON values, one behind the other.

mod compact;
mod split;

use bytes::Bytes;
use gantry_api::{Datum, Error, Result, Schema, Struct, Value};
use gantry_converters::Charset;
use gantry_converters::jackson::{Node, Nodes, Reader};

use super::{Format, Item, Records, Resume};
use crate::spooldir::fault::{At, Fault};
use crate::spooldir::input::Input;
use crate::spooldir::value::{self, Schemas};

/// How a file is cut into values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json {
    pub(crate) buffer_bytes: usize,
    pub(crate) bytes_max: usize,
}

/// JSON objects by a schema.
#[derive(Debug)]
pub(crate) struct JsonFormat {
    pub(crate) json: Json,
    pub(crate) schemas: Schemas,
    pub(crate) values: value::Values,
}

/// JSON values as text.
#[derive(Debug)]
pub(crate) struct SchemalessFormat {
    pub(crate) json: Json,
}

/// What becomes of a value.
#[derive(Debug)]
enum Made {
    Structs { schemas: Schemas, values: value::Values },
    Text(Schema),
}

#[derive(Debug)]
struct JsonRecords {
    split: split::Values,
    made: Made,
    /// The number of the next value.
    number: u64,
    /// Whether lines are counted from the beginning of the file.
    knows_lines: bool,
}

impl Format for JsonFormat {
    fn open(&self, input: Input, from: Option<&Resume>) -> Result<Box<dyn Records>, Fault> {
        let made = Made::Structs { schemas: self.schemas.clone(), values: self.values.clone() };
        JsonRecords::open(input, self.json, made, from)
    }
}

impl Format for SchemalessFormat {
    fn open(&self, input: Input, from: Option<&Resume>) -> Result<Box<dyn Records>, Fault> {
        JsonRecords::open(input, self.json, Made::Text(Schema::string()), from)
    }
}

/// The names of the fields of the first object.
pub(crate) fn first_names(input: Input, json: Json) -> Result<Vec<String>, Fault> {
    let mut split = split::Values::new(input, json.buffer_bytes, json.bytes_max);
    while let Some((text, line)) = split.next()? {
        let text = Charset::Utf8.decode(text);
        let node = read(&text).map_err(|error| Fault::Data { at: At::Line(line), error })?;
        if let Node::Object(object) = &node {
            return Ok(object.fields().iter().map(|(name, _)| name.to_string()).collect());
        }
    }
    Ok(Vec::new())
}

/// Reads one value, and nothing behind it.
fn read(text: &str) -> Result<Node<'_>> {
    let mut reader = Reader::new(text, false);
    let node = reader.root(&Nodes).map_err(|error| Error::data(error.describe(text)))?;
    if !reader.rest().is_empty() {
        return Err(Error::data("not valid JSON: a value is expected"));
    }
    node.ok_or_else(|| Error::data("not valid JSON: a value is expected"))
}

impl JsonRecords {
    fn open(
        input: Input,
        json: Json,
        made: Made,
        from: Option<&Resume>,
    ) -> Result<Box<dyn Records>, Fault> {
        let mut split = split::Values::new(input, json.buffer_bytes, json.bytes_max);
        let (mut number, mut knows_lines) = (0, true);
        if let Some(from) = from {
            // The offset is the number of the last one, counted from 0.
            let done = from.offset.saturating_add(1).max(0).unsigned_abs();
            match from.position {
                Some(at) => {
                    split.skip_to(at)?;
                    (number, knows_lines) = (done, at == 0);
                }
                None => {
                    while number < done && split.next()?.is_some() {
                        number += 1;
                    }
                }
            }
        }
        Ok(Box::new(Self { split, made, number, knows_lines }))
    }

    fn make(&self, text: Bytes) -> Result<(Datum, Datum)> {
        let text = Charset::Utf8.decode(text);
        let node = read(&text)?;
        match &self.made {
            Made::Text(schema) => {
                let text = Value::String(compact::text(&node)?.into());
                Ok((Datum::NULL, Datum::new(schema.clone(), text)))
            }
            Made::Structs { schemas, values } => structs(schemas, values, &node),
        }
    }
}

fn structs(schemas: &Schemas, values: &value::Values, node: &Node<'_>) -> Result<(Datum, Datum)> {
    let mut keys = vec![Value::Null; schemas.key_len()];
    let mut made = Vec::with_capacity(schemas.value_len());
    for field in schemas.value.fields().map_or(&[][..], |fields| fields.list()) {
        let value = values.parse_json(&field.schema, node.get(&field.name)).map_err(|cause| {
            Error::data(format!("Exception thrown while parsing data for '{}'", field.name))
                .caused_by(cause)
        })?;
        let key = schemas.key.field(&field.name).and_then(|key| keys.get_mut(key.index));
        if let Some(key) = key {
            key.clone_from(&value);
        }
        made.push(value);
    }
    let key = Value::Struct(Struct::from_values(schemas.key.clone(), keys).into());
    let value = Value::Struct(Struct::from_values(schemas.value.clone(), made).into());
    Ok((Datum::new(schemas.key.clone(), key), Datum::new(schemas.value.clone(), value)))
}

impl Records for JsonRecords {
    fn next(&mut self) -> Result<Option<Item>, Fault> {
        let Some((text, line)) = self.split.next()? else { return Ok(None) };
        let bytes = text.len();
        let (key, value) = self.make(text).map_err(|error| {
            let at = if self.knows_lines { At::Line(line) } else { At::Record(self.number + 1) };
            Fault::Data { at, error }
        })?;
        let offset = i64::try_from(self.number).unwrap_or(i64::MAX);
        self.number += 1;
        Ok(Some(Item { key, value, offset, position: self.split.at(), bytes }))
    }
}
