//! Converting values to a type (`Values.convertTo…`).

use std::sync::Arc;

use bytes::Bytes;

use super::parse::parse;
use super::temporal::{date_schema, time_schema};
use super::write::append;
use crate::calendar::Fields;
use crate::decimal::{Decimal, low_bits};
use crate::error::{Error, Result};
use crate::logical::{self, DAY_MS, Logical};
use crate::schema::{Kind, Schema};
use crate::text::java_string;
use crate::value::{Datum, MapValue, Struct, Value};

fn unable(value: &Value, target: &str) -> Error {
    Error::data(format!(
        "Unable to convert {} (class {}) to {target}",
        java_string(value),
        value.java_class().unwrap_or("null")
    ))
}

fn null_refused() -> Error {
    Error::data("Unable to convert a null value to a schema that requires a value")
}

/// The text `null` is none of the things a caller asks text for. Kafka Connect trips over it
/// too, with this class.
fn parse_some(text: &str) -> Result<Datum> {
    parse(text).ok_or_else(|| {
        Error::java("java.lang.NullPointerException", "the text \"null\" is not a value")
    })
}

/// The value as a 64-bit number; dates through their schema.
fn as_long(value: &Value, schema: Option<&Schema>) -> Result<i64> {
    let cause = match value {
        Value::Int8(n) => return Ok(i64::from(*n)),
        Value::Int16(n) => return Ok(i64::from(*n)),
        Value::Int32(n) => return Ok(i64::from(*n)),
        Value::Int64(n) => return Ok(*n),
        Value::Float32(n) => return Ok(*n as i64),
        Value::Float64(n) => return Ok(*n as i64),
        Value::Decimal(n) => return Ok(n.long_value()),
        Value::BigInteger(n) => return Ok(low_bits(n)),
        Value::String(text) => match text.parse::<Decimal>() {
            Ok(decimal) => return Ok(decimal.long_value()),
            Err(cause) => Some(cause),
        },
        _ => None,
    };
    let error = match schema {
        None => unable(value, "a number"),
        Some(schema) => {
            if let Value::Date(ms) = value {
                match Logical::of(schema) {
                    Some(Logical::Date) => {
                        return logical::date_from_logical(schema, *ms).map(i64::from);
                    }
                    Some(Logical::Time) => {
                        return logical::time_from_logical(schema, *ms).map(i64::from);
                    }
                    Some(Logical::Timestamp) => return Ok(*ms),
                    _ => {}
                }
            }
            unable(value, &format!("{schema:?}"))
        }
    };
    Err(match cause {
        Some(cause) => error.caused_by(cause),
        None => error,
    })
}

fn as_double(value: &Value, schema: Option<&Schema>) -> Result<f64> {
    Ok(match value {
        Value::Float32(n) => f64::from(*n),
        Value::Float64(n) => *n,
        Value::Decimal(n) => n.double_value(),
        Value::BigInteger(n) => Decimal::from_int((**n).clone()).double_value(),
        Value::String(text) => match text.parse::<Decimal>() {
            Ok(decimal) => decimal.double_value(),
            Err(_) => as_long(value, schema)? as f64,
        },
        _ => as_long(value, schema)? as f64,
    })
}

/// true or false: text that says so, and numbers by whether their whole part is zero.
pub fn convert_to_boolean(schema: Option<&Schema>, value: &Value) -> Result<Option<bool>> {
    match value {
        Value::Null => return Ok(None),
        Value::Boolean(flag) => return Ok(Some(*flag)),
        Value::String(text) => {
            if let Value::Boolean(flag) = parse_some(text)?.value {
                return Ok(Some(flag));
            }
        }
        _ => {}
    }
    Ok(Some(as_long(value, schema)? != 0))
}
/// A number's low 8 bits; `None` for null.
pub fn convert_to_byte(schema: Option<&Schema>, value: &Value) -> Result<Option<i8>> {
    if value.is_null() { Ok(None) } else { as_long(value, schema).map(|n| Some(n as i8)) }
}
/// A number's low 16 bits; `None` for null.
pub fn convert_to_short(schema: Option<&Schema>, value: &Value) -> Result<Option<i16>> {
    if value.is_null() { Ok(None) } else { as_long(value, schema).map(|n| Some(n as i16)) }
}
/// A number's low 32 bits; `None` for null.
pub fn convert_to_int(schema: Option<&Schema>, value: &Value) -> Result<Option<i32>> {
    if value.is_null() { Ok(None) } else { as_long(value, schema).map(|n| Some(n as i32)) }
}
/// A number's low 64 bits; `None` for null.
pub fn convert_to_long(schema: Option<&Schema>, value: &Value) -> Result<Option<i64>> {
    if value.is_null() { Ok(None) } else { as_long(value, schema).map(Some) }
}
/// A number as the nearest float, by way of a double; `None` for null.
pub fn convert_to_float(schema: Option<&Schema>, value: &Value) -> Result<Option<f32>> {
    match value {
        Value::Null => Ok(None),
        Value::Float32(n) => Ok(Some(*n)),
        _ => as_double(value, schema).map(|n| Some(n as f32)),
    }
}
/// A number as the nearest double; `None` for null.
pub fn convert_to_double(schema: Option<&Schema>, value: &Value) -> Result<Option<f64>> {
    if value.is_null() { Ok(None) } else { as_double(value, schema).map(Some) }
}
/// A value as text that [`super::parse_string`] reads again; `None` for null.
pub fn convert_to_string(_schema: Option<&Schema>, value: &Value) -> Result<Option<String>> {
    if value.is_null() {
        return Ok(None);
    }
    let mut out = String::new();
    append(&mut out, value, false);
    Ok(Some(out))
}

/// A decimal. Bytes get the scale; numbers and text keep the one they are written with. Null is
/// an error.
pub fn convert_to_decimal(
    _schema: Option<&Schema>,
    value: &Value,
    scale: i32,
) -> Result<Option<Decimal>> {
    if value.is_null() {
        return Err(null_refused());
    }
    to_decimal(&logical::decimal(scale).build_plain(), value).map(Some)
}

fn to_decimal(target: &Schema, value: &Value) -> Result<Decimal> {
    match value {
        Value::Bytes(bytes) => logical::decimal_to_logical(target, bytes),
        Value::Decimal(decimal) => Ok((**decimal).clone()),
        Value::Int8(_)
        | Value::Int16(_)
        | Value::Int32(_)
        | Value::Int64(_)
        | Value::Float32(_)
        | Value::Float64(_)
        | Value::BigInteger(_) => Decimal::from_f64(as_double(value, None)?),
        Value::String(text) => text.parse(),
        _ => Err(unable(value, &format!("{target:?}"))),
    }
}

/// Milliseconds since the epoch of a day's start. Numbers count days. Null is an error.
pub fn convert_to_date(schema: Option<&Schema>, value: &Value) -> Result<Option<i64>> {
    if value.is_null() {
        return Err(null_refused());
    }
    to_date(&date_schema(), schema, value).map(Some)
}

/// Text becomes what it says; anything else stays.
fn read_text(value: &Value) -> Result<Value> {
    match value {
        Value::String(text) => Ok(parse_some(text)?.value),
        other => Ok(other.clone()),
    }
}

fn to_date(target: &Schema, from: Option<&Schema>, value: &Value) -> Result<i64> {
    let value = read_text(value)?;
    if let Value::Date(ms) = value {
        match from.map(Logical::of) {
            None | Some(Some(Logical::Date)) => return Ok(ms),
            Some(Some(Logical::Timestamp)) => {
                return logical::date_to_logical(target, (ms / DAY_MS) as i32);
            }
            _ => {}
        }
    }
    logical::date_to_logical(target, as_long(&value, from)? as i32)
}

/// Milliseconds of the day. Of a timestamp only the clock counts. Null is an error.
pub fn convert_to_time(schema: Option<&Schema>, value: &Value) -> Result<Option<i64>> {
    if value.is_null() {
        return Err(null_refused());
    }
    to_time(&time_schema(), schema, value).map(Some)
}

fn to_time(target: &Schema, from: Option<&Schema>, value: &Value) -> Result<i64> {
    let value = read_text(value)?;
    if let Value::Date(ms) = value {
        match from.map(Logical::of) {
            None | Some(Some(Logical::Time)) => return Ok(ms),
            Some(Some(Logical::Timestamp)) => {
                // Java sets the year of the calendar to 1970, but leaves its era.
                let at = Fields::of(ms);
                let year = if at.year > 0 { 1970 } else { 1 - 1970 };
                let clock = Fields { year, month: 1, day: 1, ..at };
                return logical::time_to_logical(target, clock.to_ms() as i32);
            }
            _ => {}
        }
    }
    logical::time_to_logical(target, as_long(&value, from)? as i32)
}

/// Milliseconds since the epoch. Null is an error.
pub fn convert_to_timestamp(schema: Option<&Schema>, value: &Value) -> Result<Option<i64>> {
    if value.is_null() {
        return Err(null_refused());
    }
    to_timestamp(schema, value).map(Some)
}

fn to_timestamp(from: Option<&Schema>, value: &Value) -> Result<i64> {
    let value = read_text(value)?;
    if let (Value::Date(ms), Some(from)) = (&value, from) {
        match Logical::of(from) {
            Some(Logical::Date) => {
                return Ok(i64::from(logical::date_from_logical(from, *ms)?) * DAY_MS);
            }
            Some(Logical::Time) => return logical::time_from_logical(from, *ms).map(i64::from),
            Some(Logical::Timestamp) => return Ok(*ms),
            _ => {}
        }
    } else if let Value::Date(ms) = value {
        return Ok(ms);
    }
    as_long(&value, from)
}

/// A list, or text that holds one. Null is an error.
pub fn convert_to_list(_schema: Option<&Schema>, value: &Value) -> Result<Option<Arc<Vec<Value>>>> {
    match read_nested(value)? {
        Value::Array(list) => Ok(Some(list)),
        other => Err(unable(&other, "Schema{ARRAY}")),
    }
}
/// A map, or text that holds one. Null is an error.
pub fn convert_to_map(_schema: Option<&Schema>, value: &Value) -> Result<Option<Arc<MapValue>>> {
    match read_nested(value)? {
        Value::Map(map) => Ok(Some(map)),
        other => Err(unable(&other, "Schema{MAP}")),
    }
}
/// A struct. Null is an error, and so is all else.
pub fn convert_to_struct(_schema: Option<&Schema>, value: &Value) -> Result<Option<Arc<Struct>>> {
    match value {
        Value::Null => Err(null_refused()),
        Value::Struct(inner) => Ok(Some(Arc::clone(inner))),
        other => Err(unable(other, "Schema{STRUCT}")),
    }
}

fn read_nested(value: &Value) -> Result<Value> {
    if value.is_null() { Err(null_refused()) } else { read_text(value) }
}

/// Any value to any schema; what a list's elements are turned into.
pub(super) fn convert_to(target: &Schema, from: Option<&Schema>, value: &Value) -> Result<Value> {
    if value.is_null() {
        return if target.is_optional() { Ok(Value::Null) } else { Err(null_refused()) };
    }
    let logical = Logical::of(target);
    let converted = match target.kind() {
        Kind::Int8 => convert_to_byte(from, value)?.map(Value::Int8),
        Kind::Int16 => convert_to_short(from, value)?.map(Value::Int16),
        Kind::Int32 => match logical {
            Some(Logical::Date) => Some(Value::Date(to_date(target, from, value)?)),
            Some(Logical::Time) => Some(Value::Date(to_time(target, from, value)?)),
            _ => convert_to_int(from, value)?.map(Value::Int32),
        },
        Kind::Int64 => match logical {
            Some(Logical::Timestamp) => Some(Value::Date(to_timestamp(from, value)?)),
            _ => convert_to_long(from, value)?.map(Value::Int64),
        },
        Kind::Float32 => convert_to_float(from, value)?.map(Value::Float32),
        Kind::Float64 => convert_to_double(from, value)?.map(Value::Float64),
        Kind::Boolean => convert_to_boolean(from, value)?.map(Value::Boolean),
        Kind::String => convert_to_string(from, value)?.map(|text| Value::String(text.into())),
        Kind::Bytes if logical == Some(Logical::Decimal) => {
            Some(Value::Decimal(Arc::new(to_decimal(target, value)?)))
        }
        Kind::Bytes => Some(Value::Bytes(to_bytes(target, value)?)),
        Kind::Array(_) => convert_to_list(from, value)?.map(Value::Array),
        Kind::Map { .. } => convert_to_map(from, value)?.map(Value::Map),
        Kind::Struct(_) => convert_to_struct(from, value)?.map(Value::Struct),
    };
    Ok(converted.unwrap_or_default())
}

fn to_bytes(target: &Schema, value: &Value) -> Result<Bytes> {
    match value {
        Value::Bytes(bytes) => Ok(bytes.clone()),
        Value::Decimal(decimal) => Ok(decimal.unscaled.to_signed_bytes_be().into()),
        other => Err(unable(other, &format!("{target:?}"))),
    }
}
