//! JSON, and by that types of a program, as Connect's data.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gantry_model::logical::{self, Logical};
use gantry_model::{Datum, Decimal, Fields, Kind, MapValue, Schema, Struct, Value};
use serde::Serialize;
use serde_json::Value as Json;

use super::to_json::plain;
use crate::error::DataError;

/// By a schema, in the form in which [`to_json`](super::to_json) gives its values; decimals may be
/// numbers too. Without a schema objects are maps, whole numbers are INT64 and others FLOAT64. What
/// does not fit is an error that names the field.
pub fn from_json(schema: Option<&Schema>, value: &Json) -> Result<Datum, DataError> {
    let made = match schema {
        Some(schema) => value_of(schema, value)?,
        None => schemaless(value)?,
    };
    Ok(Datum { schema: schema.cloned(), value: made })
}

/// A value of the program, by way of JSON.
pub fn from<T: Serialize>(schema: Option<&Schema>, value: &T) -> Result<Datum, DataError> {
    let json = serde_json::to_value(value).map_err(|error| DataError(error.to_string()))?;
    from_json(schema, &json)
}

fn schemaless(value: &Json) -> Result<Value, DataError> {
    Ok(match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::String(text) => Value::str(text),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int64(whole),
            (None, Some(number)) if !value.is_u64() => Value::Float64(number),
            _ => return Err(DataError(format!("{number} does not fit INT64"))),
        },
        Json::Array(list) => {
            Value::array(list.iter().map(schemaless).collect::<Result<_, DataError>>()?)
        }
        Json::Object(object) => {
            let entries = object.iter();
            let entries = entries.map(|(key, value)| Ok((Value::str(key), schemaless(value)?)));
            Value::map(MapValue::from_entries(entries.collect::<Result<_, DataError>>()?))
        }
    })
}

fn value_of(schema: &Schema, value: &Json) -> Result<Value, DataError> {
    if value.is_null() {
        return match schema.default_value() {
            _ if schema.is_optional() => Ok(Value::Null),
            Some(default) => Ok(default.clone()),
            None => Err(DataError::new("null is no value of it: it is not optional")),
        };
    }
    let misfit = || DataError(format!("{value} is no {}", schema.kind().type_name()));
    let made = match (schema.kind(), Logical::of(schema)) {
        (Kind::Bytes, Some(Logical::Decimal)) => return decimal(schema, value),
        (_, Some(logical)) => date(schema, logical, value),
        (Kind::Boolean, _) => value.as_bool().map(Value::Boolean),
        (Kind::Int8, _) => whole(value).map(Value::Int8),
        (Kind::Int16, _) => whole(value).map(Value::Int16),
        (Kind::Int32, _) => whole(value).map(Value::Int32),
        (Kind::Int64, _) => whole(value).map(Value::Int64),
        (Kind::Float32, _) => single(value).map(Value::Float32),
        (Kind::Float64, _) => value.as_f64().map(Value::Float64),
        (Kind::String, _) => value.as_str().map(Value::str),
        (Kind::Bytes, _) => {
            let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok());
            bytes.map(|bytes| Value::Bytes(bytes.into()))
        }
        (Kind::Array(element), _) => {
            let Json::Array(list) = value else { return Err(misfit()) };
            let list = list.iter().enumerate().map(|(at, one)| within(at, value_of(element, one)));
            Some(Value::array(list.collect::<Result<_, _>>()?))
        }
        (Kind::Map { key, value: values }, _) => Some(map(key, values, value)?),
        (Kind::Struct(fields), _) => {
            let Json::Object(object) = value else { return Err(misfit()) };
            return structure(schema, fields, object);
        }
    };
    made.ok_or_else(misfit)
}

/// What is wrong, with where it is.
fn within<T>(place: impl std::fmt::Display, made: Result<T, DataError>) -> Result<T, DataError> {
    made.map_err(|DataError(reason)| DataError(format!("{place}: {reason}")))
}

fn whole<T: TryFrom<i64>>(value: &Json) -> Option<T> {
    value.as_i64().and_then(|number| T::try_from(number).ok())
}

/// A float by the digits that it is written with.
fn single(value: &Json) -> Option<f32> {
    let Json::Number(number) = value else { return None };
    number.to_string().parse().ok().filter(|number: &f32| number.is_finite())
}

fn date(schema: &Schema, logical: Logical, value: &Json) -> Option<Value> {
    let made = match logical {
        Logical::Decimal => return None,
        Logical::Date => logical::date_to_logical(schema, whole(value)?),
        Logical::Time => logical::time_to_logical(schema, whole(value)?),
        Logical::Timestamp => logical::timestamp_to_logical(schema, whole(value)?),
    };
    made.ok().map(Value::Date)
}

fn decimal(schema: &Schema, value: &Json) -> Result<Value, DataError> {
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => return Err(DataError(format!("{value} is no decimal"))),
    };
    let found = |text: &str| {
        let found = text.parse::<Decimal>();
        found.map_err(|_| DataError(format!("{value} is no decimal")))
    };
    let scale = logical::scale(schema).map_err(|error| DataError(error.to_string()))?;
    let mut number = found(&text)?;
    // As many zeros behind it as the schema wants; digits are not cut off.
    if number.scale < scale {
        let plain = plain(&number)?;
        let behind = plain.split_once('.').map_or(0, |(_, behind)| behind.len());
        let missing = usize::try_from(scale).unwrap_or(0).saturating_sub(behind);
        let point = if behind == 0 && missing > 0 { "." } else { "" };
        number = found(&format!("{plain}{point}{}", "0".repeat(missing.min(10_000))))?;
    }
    if number.scale != scale {
        return Err(DataError(format!("{value} is no decimal of scale {scale}")));
    }
    Ok(Value::Decimal(Arc::new(number)))
}

fn map(keys: &Schema, values: &Schema, value: &Json) -> Result<Value, DataError> {
    let misfit = || DataError(format!("{value} is no MAP: an object, or a list of pairs"));
    let entries = match value {
        Json::Object(object) => {
            let entries = object.iter().map(|(key, one)| {
                let value = within(key, value_of(values, one))?;
                Ok((value_of(keys, &Json::String(key.clone()))?, value))
            });
            entries.collect::<Result<Vec<_>, DataError>>()?
        }
        Json::Array(pairs) => {
            let entries = pairs.iter().enumerate().map(|(at, pair)| match pair.as_array() {
                Some(pair) if pair.len() == 2 => {
                    let key = within(at, value_of(keys, &pair[0]))?;
                    Ok((key, within(at, value_of(values, &pair[1]))?))
                }
                _ => Err(misfit()),
            });
            entries.collect::<Result<_, _>>()?
        }
        _ => return Err(misfit()),
    };
    Ok(Value::map(MapValue::from_entries(entries)))
}

fn structure(
    schema: &Schema,
    fields: &Fields,
    object: &serde_json::Map<String, Json>,
) -> Result<Value, DataError> {
    if let Some(name) = object.keys().find(|name| fields.get(name).is_none()) {
        return Err(DataError(format!("{name}: there is no such field in the schema")));
    }
    let values = fields.list().iter().map(|field| {
        let value = object.get(&*field.name).unwrap_or(&Json::Null);
        within(&field.name, value_of(&field.schema, value))
    });
    let values = values.collect::<Result<_, _>>()?;
    Ok(Value::Struct(Arc::new(Struct::from_values(schema.clone(), values))))
}
