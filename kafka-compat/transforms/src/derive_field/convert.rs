//! Values of records as values of expressions, and back.

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::types::{
    CelBool, CelBytes, CelDouble, CelDuration, CelInt, CelList, CelMap, CelMapKey, CelNull,
    CelString, CelTimestamp, CelUInt,
};
use cel::common::value::Val;
use gantry_model::logical::Logical;
use gantry_model::{Kind, MapValue, Schema, Value};
use num_bigint::BigInt;

use super::decimal::DecimalValue;

/// How deep lists, maps and structs may stand in each other where they are taken whole.
const DEPTH_MAX: usize = 32;
/// 0001-01-01T00:00:00Z and the last millisecond of the year 9999: what a CEL timestamp can be.
const FIRST_MS: i64 = -62_135_596_800_000;
const LAST_MS: i64 = 253_402_300_799_999;
/// So many bytes of a text cost as much as one item of a list.
const BYTES_PER_STEP: usize = 256;

/// A value for an expression.
pub(super) type Boxed<'v> = Box<dyn Val + 'v>;

/// Turns a value of a record into one for expressions, without copying texts and bytes. Gives how
/// much there is to go through, too. `schema` is what is known of its schema.
pub(super) fn to_cel<'v>(
    value: &'v Value,
    schema: Option<&Schema>,
) -> Result<(Boxed<'v>, usize), String> {
    nested(value, schema, DEPTH_MAX)
}

fn nested<'v>(
    value: &'v Value,
    schema: Option<&Schema>,
    depth: usize,
) -> Result<(Boxed<'v>, usize), String> {
    let one = |boxed: Boxed<'v>| Ok((boxed, 1));
    let int = |n: i64| one(Box::new(CelInt::from(n)));
    match value {
        Value::Null => one(Box::new(CelNull)),
        Value::Boolean(flag) => one(Box::new(CelBool::from(*flag))),
        Value::Int8(n) => int(i64::from(*n)),
        Value::Int16(n) => int(i64::from(*n)),
        Value::Int32(n) => int(i64::from(*n)),
        Value::Int64(n) => int(*n),
        Value::Float32(n) => one(Box::new(CelDouble::from(f64::from(*n)))),
        Value::Float64(n) => one(Box::new(CelDouble::from(*n))),
        Value::String(text) => {
            let text: &'v str = text;
            Ok((Box::new(CelString::from(text)), 1 + text.len() / BYTES_PER_STEP))
        }
        Value::Bytes(bytes) => {
            let bytes: &'v [u8] = bytes;
            Ok((Box::new(CelBytes::from(bytes)), 1 + bytes.len() / BYTES_PER_STEP))
        }
        Value::Decimal(n) => one(Box::new(DecimalValue(Arc::clone(n)))),
        Value::BigInteger(n) => match i64::try_from(&**n) {
            Ok(n) => int(n),
            Err(_) => Err("a number of more than 64 bits".to_owned()),
        },
        Value::Date(ms) => one(date(*ms, schema)?),
        Value::Array(_) | Value::Map(_) | Value::Struct(_) if depth == 0 => {
            Err(format!("more than {DEPTH_MAX} lists, maps and structs in each other"))
        }
        Value::Array(list) => array(list, schema, depth),
        Value::Map(map) => entries(map, schema, depth),
        Value::Struct(inner) => {
            let mut all = HashMap::new();
            let mut size = 1;
            for field in inner.schema().fields().map(|fields| fields.list()).unwrap_or_default() {
                let (value, own) = nested(inner.get_at(field), Some(&field.schema), depth - 1)?;
                size += own;
                all.insert(CelMapKey::from(field.name.to_string()), value);
            }
            Ok((Box::new(CelMap::from(all)), size))
        }
    }
}

fn array<'v>(
    list: &'v [Value],
    schema: Option<&Schema>,
    depth: usize,
) -> Result<(Boxed<'v>, usize), String> {
    let item = match schema.map(Schema::kind) {
        Some(Kind::Array(item)) => Some(item),
        _ => None,
    };
    let mut size = 1;
    let mut all: Vec<Boxed<'v>> = Vec::with_capacity(list.len());
    for value in list {
        let (value, own) = nested(value, item, depth - 1)?;
        size += own;
        all.push(value);
    }
    Ok((Box::new(CelList::from(all)), size))
}

fn entries<'v>(
    map: &'v MapValue,
    schema: Option<&Schema>,
    depth: usize,
) -> Result<(Boxed<'v>, usize), String> {
    let item = match schema.map(Schema::kind) {
        Some(Kind::Map { value, .. }) => Some(value),
        _ => None,
    };
    let mut size = 1;
    let mut all = HashMap::with_capacity(map.len());
    for (key, value) in map.entries() {
        let key = match key {
            Value::String(text) => CelMapKey::from(text.to_string()),
            Value::Boolean(flag) => CelMapKey::from(*flag),
            Value::Int8(n) => CelMapKey::from(i64::from(*n)),
            Value::Int16(n) => CelMapKey::from(i64::from(*n)),
            Value::Int32(n) => CelMapKey::from(i64::from(*n)),
            Value::Int64(n) => CelMapKey::from(*n),
            _ => {
                return Err(
                    "a map whose keys are neither texts nor whole numbers nor booleans".to_owned()
                );
            }
        };
        let (value, own) = nested(value, item, depth - 1)?;
        size += own;
        all.insert(key, value);
    }
    Ok((Box::new(CelMap::from(all)), size))
}

/// A moment, or of a Time the duration since midnight.
fn date<'v>(ms: i64, schema: Option<&Schema>) -> Result<Boxed<'v>, String> {
    if schema.and_then(Logical::of) == Some(Logical::Time) {
        return Ok(Box::new(CelDuration::from(chrono::Duration::milliseconds(ms))));
    }
    timestamp(ms).map(|moment| Box::new(moment) as Boxed<'v>)
}

/// Milliseconds since the epoch as a timestamp.
pub(super) fn timestamp(ms: i64) -> Result<CelTimestamp, String> {
    let moment = match (FIRST_MS..=LAST_MS).contains(&ms) {
        true => chrono::DateTime::from_timestamp_millis(ms),
        false => None,
    };
    match moment {
        Some(moment) => Ok(CelTimestamp::from(moment.fixed_offset())),
        None => Err("a time before the year 1 or after the year 9999".to_owned()),
    }
}

/// What a field is declared to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declared {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Text,
    Bytes,
    Timestamp,
}

/// Turns what an expression gave into a value of a record: of the declared type, else of the one
/// that is nearest to it.
pub(super) fn from_cel(value: &dyn Val, declared: Option<Declared>) -> Result<Value, String> {
    let plain = plain(value, DEPTH_MAX)?;
    match declared {
        Some(declared) if !plain.is_null() => cast(plain, declared, value.get_type().name()),
        _ => Ok(plain),
    }
}

fn plain(value: &dyn Val, depth: usize) -> Result<Value, String> {
    if let Some(n) = value.downcast_ref::<CelInt>() {
        return Ok(Value::Int64(*n.inner()));
    }
    if let Some(n) = value.downcast_ref::<CelDouble>() {
        return Ok(Value::Float64(*n.inner()));
    }
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Ok(Value::str(text.inner()));
    }
    if let Some(flag) = value.downcast_ref::<CelBool>() {
        return Ok(Value::Boolean(*flag.inner()));
    }
    if let Some(moment) = value.downcast_ref::<CelTimestamp>() {
        return Ok(Value::Date(moment.inner().timestamp_millis()));
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return Ok(Value::Null);
    }
    if let Some(n) = value.downcast_ref::<DecimalValue>() {
        return Ok(Value::Decimal(Arc::clone(&n.0)));
    }
    if let Some(span) = value.downcast_ref::<CelDuration>() {
        return Ok(Value::Int64(span.inner().num_milliseconds()));
    }
    if let Some(n) = value.downcast_ref::<CelUInt>() {
        let n =
            i64::try_from(*n.inner()).map_err(|_| "a uint of more than 63 bits fits no field")?;
        return Ok(Value::Int64(n));
    }
    if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        return Ok(Value::Bytes(bytes.inner().to_vec().into()));
    }
    if depth == 0 {
        return Err(format!("its result has more than {DEPTH_MAX} lists and maps in each other"));
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        let items = list.inner().iter().map(|item| plain(&**item, depth - 1));
        return items.collect::<Result<_, _>>().map(Value::array);
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let mut entries: Vec<_> = map.inner().iter().collect();
        // Its own order is another one each time.
        entries.sort_by_key(|(key, _)| *key);
        let entries = entries
            .into_iter()
            .map(|(key, item)| Ok((plain(key.inner(), depth - 1)?, plain(&**item, depth - 1)?)));
        return Ok(Value::map(MapValue::from_entries(entries.collect::<Result<_, String>>()?)));
    }
    Err(format!("a {} is nothing that a field can hold", value.get_type().name()))
}

/// Which declared types a value can become; from a type's name in messages.
fn cast(value: Value, declared: Declared, found: &str) -> Result<Value, String> {
    let narrow = |n: i64, name: &str| format!("{n} does not fit into {name}");
    match (declared, value) {
        (Declared::Int8, Value::Int64(n)) => {
            i8::try_from(n).map(Value::Int8).map_err(|_| narrow(n, "INT8"))
        }
        (Declared::Int16, Value::Int64(n)) => {
            i16::try_from(n).map(Value::Int16).map_err(|_| narrow(n, "INT16"))
        }
        (Declared::Int32, Value::Int64(n)) => {
            i32::try_from(n).map(Value::Int32).map_err(|_| narrow(n, "INT32"))
        }
        (Declared::Float32, Value::Float64(n)) => Ok(Value::Float32(n as f32)),
        (Declared::Float32, Value::Int64(n)) => Ok(Value::Float32(n as f32)),
        (Declared::Float64, Value::Int64(n)) => Ok(Value::Float64(n as f64)),
        (Declared::Boolean, value @ Value::Boolean(_))
        | (Declared::Int64, value @ Value::Int64(_))
        | (Declared::Float64, value @ Value::Float64(_))
        | (Declared::Text, value @ Value::String(_))
        | (Declared::Bytes, value @ Value::Bytes(_))
        | (Declared::Timestamp, value @ Value::Date(_)) => Ok(value),
        (declared, _) => {
            Err(format!("its result is {found}, which {} cannot hold", declared.name()))
        }
    }
}

/// A decimal of a whole number, to compare with.
pub(super) fn whole(n: i64) -> gantry_model::logical::Decimal {
    gantry_model::logical::Decimal::from_int(BigInt::from(n))
}
