//! Values without a schema: a record with one field for each type that such a value may have.

use std::sync::LazyLock;

use gantry_model::Value;
use gantry_schema_avro::{Avro, AvroSchema};
use gantry_schema_model::{Format, ParsedSchema};

use super::binary::{Input, Size, put_long, put_sized, room};
use super::fault::{Fault, Result};
use super::read::hash_map;

/// The schema. Each field is null but one.
pub(super) const SCHEMA: &str = r#"{"type":"record","name":"Anything","namespace":"io.confluent.connect.avro","fields":[{"name":"boolean","type":["null","boolean"],"default":null},{"name":"bytes","type":["null","bytes"],"default":null},{"name":"double","type":["null","double"],"default":null},{"name":"float","type":["null","float"],"default":null},{"name":"int","type":["null","int"],"default":null},{"name":"long","type":["null","long"],"default":null},{"name":"string","type":["null","string"],"default":null},{"name":"array","type":["null",{"type":"array","items":"Anything"}],"default":null},{"name":"map","type":["null",{"type":"array","items":{"type":"record","name":"MapEntry","fields":[{"name":"key","type":"Anything"},{"name":"value","type":"Anything"}]}}],"default":null}]}"#;

/// The places of the fields.
const BOOLEAN: usize = 0;
const BYTES: usize = 1;
const DOUBLE: usize = 2;
const FLOAT: usize = 3;
const INT: usize = 4;
const LONG: usize = 5;
const STRING: usize = 6;
const ARRAY: usize = 7;
const MAP: usize = 8;
const FIELDS: usize = 9;
/// What a value takes at least: the number of a branch for each field.
const ITEM: Size = Size { bytes: FIELDS, values: 1 };
const ENTRY: Size = Size { bytes: 2 * FIELDS, values: 2 };

/// How deep lists and maps may lie in each other: only data say so, and the stack is not endless.
const MAX_DEPTH: usize = 250;

/// Whether an Avro schema is this one.
pub(super) fn is_schema(avro: &AvroSchema) -> bool {
    static CANONICAL: LazyLock<Option<String>> = LazyLock::new(|| {
        let own = Avro::parse(SCHEMA, &[], false).ok()?;
        Some(own.canonical().to_owned())
    });
    CANONICAL.as_deref() == Some(avro.canonical())
}

/// Reads a value. If several fields are set, the first one counts, as for Confluent's.
pub(super) fn read(input: &mut Input<'_>) -> Result<Value> {
    input.depth += 1;
    if input.depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let mut found = Value::Null;
    for field in 0..FIELDS {
        match input.int()? {
            0 => continue,
            1 => {}
            branch => return Err(Fault::new(format!("a union of 2 has no branch {branch}"))),
        }
        let value = match field {
            BOOLEAN => Value::Boolean(input.boolean()?),
            BYTES => {
                let bytes = input.sized("bytes")?;
                Value::Bytes(input.share(bytes))
            }
            DOUBLE => Value::Float64(input.double()?),
            FLOAT => Value::Float32(input.float()?),
            INT => Value::Int32(input.int()?),
            LONG => Value::Int64(input.long()?),
            STRING => {
                let mut text = Value::Null;
                input.text(&mut text)?;
                text
            }
            ARRAY => array(input)?,
            _ => map(input)?,
        };
        if found.is_null() {
            found = value;
        }
    }
    input.depth -= 1;
    Ok(found)
}

fn array(input: &mut Input<'_>) -> Result<Value> {
    let mut list = Vec::new();
    while let Some(count) = input.block(ITEM)? {
        list.reserve(room(count));
        for _ in 0..count {
            match read(input) {
                Ok(value) => list.push(value),
                Err(fault) => return Err(fault.in_item(list.len())),
            }
        }
    }
    Ok(Value::array(list))
}

fn map(input: &mut Input<'_>) -> Result<Value> {
    let mut list = Vec::new();
    while let Some(count) = input.block(ENTRY)? {
        list.reserve(room(count));
        for _ in 0..count {
            let key = read(input).map_err(Fault::in_key)?;
            let value = read(input).map_err(|fault| fault.in_item(list.len()))?;
            list.push((key, value));
        }
    }
    Ok(hash_map(list))
}

#[cold]
fn too_deep() -> Fault {
    Fault::new(format!("lists and maps lie in each other more than {MAX_DEPTH} levels deep"))
}

/// Appends a value.
pub(super) fn write(value: &Value, out: &mut Vec<u8>) -> Result<()> {
    within(value, out, 1)
}

fn within(value: &Value, out: &mut Vec<u8>, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let field = match value {
        Value::Null => FIELDS,
        Value::Boolean(_) => BOOLEAN,
        Value::Bytes(_) => BYTES,
        Value::Float64(_) => DOUBLE,
        Value::Float32(_) => FLOAT,
        Value::Int8(_) | Value::Int16(_) | Value::Int32(_) => INT,
        Value::Int64(_) => LONG,
        Value::String(_) => STRING,
        Value::Array(_) => ARRAY,
        Value::Map(_) => MAP,
        other => {
            let class = other.java_class().unwrap_or("null");
            return Err(Fault::new(format!("{class} cannot be written without a schema")));
        }
    };
    out.resize(out.len() + field, 0);
    if field == FIELDS {
        return Ok(());
    }
    put_long(out, 1);
    match value {
        Value::Boolean(flag) => out.push(u8::from(*flag)),
        Value::Bytes(bytes) => put_sized(out, bytes),
        Value::Float64(n) => out.extend_from_slice(&n.to_le_bytes()),
        Value::Float32(n) => out.extend_from_slice(&n.to_le_bytes()),
        Value::Int8(n) => put_long(out, i64::from(*n)),
        Value::Int16(n) => put_long(out, i64::from(*n)),
        Value::Int32(n) => put_long(out, i64::from(*n)),
        Value::Int64(n) => put_long(out, *n),
        Value::String(text) => put_sized(out, text.as_bytes()),
        Value::Array(list) => {
            if !list.is_empty() {
                put_long(out, list.len() as i64);
            }
            for (at, item) in list.iter().enumerate() {
                within(item, out, depth + 1).map_err(|fault| fault.in_item(at))?;
            }
            put_long(out, 0);
        }
        Value::Map(map) => {
            if !map.is_empty() {
                put_long(out, map.len() as i64);
            }
            for (key, value) in map.ordered() {
                within(key, out, depth + 1).map_err(Fault::in_key)?;
                within(value, out, depth + 1)
                    .map_err(|fault| fault.in_value_of(key.as_str().unwrap_or("…")))?;
            }
            put_long(out, 0);
        }
        _ => {}
    }
    out.resize(out.len() + FIELDS - 1 - field, 0);
    Ok(())
}
