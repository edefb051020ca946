//! Connect's data as JSON, and by that as types of a program.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gantry_model::logical::{DAY_MS, Logical};
use gantry_model::{Datum, Decimal, Kind, MapValue, Schema, Value};
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value as Json};

use crate::error::DataError;

/// As JSON: structs and maps with text keys as objects, other maps as lists of pairs, bytes as
/// base64, decimals as text, so that no digit is lost, dates as days and times as milliseconds. A
/// field that is null has its default. NaN and the infinities have no JSON: they are errors.
pub fn to_json(datum: &Datum) -> Result<Json, DataError> {
    json_of(datum.schema.as_ref(), &datum.value)
}

/// As a type of the program, by way of [`to_json`].
pub fn to<T: DeserializeOwned>(datum: &Datum) -> Result<T, DataError> {
    serde_json::from_value(to_json(datum)?).map_err(|error| DataError(error.to_string()))
}

fn json_of(schema: Option<&Schema>, value: &Value) -> Result<Json, DataError> {
    Ok(match value {
        Value::Null => match schema.and_then(Schema::default_value) {
            Some(default) if !default.is_null() => json_of(schema, default)?,
            _ => Json::Null,
        },
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Int8(number) => (*number).into(),
        Value::Int16(number) => (*number).into(),
        Value::Int32(number) => (*number).into(),
        Value::Int64(number) => (*number).into(),
        // Its own digits: as a double it would show more of them than it has.
        Value::Float32(number) => float(number.to_string().parse().unwrap_or(f64::NAN))?,
        Value::Float64(number) => float(*number)?,
        Value::String(text) => Json::String(text.to_string()),
        Value::Bytes(bytes) => Json::String(STANDARD.encode(bytes)),
        Value::Array(list) => {
            let element = schema.and_then(|schema| match schema.kind() {
                Kind::Array(element) => Some(element),
                _ => None,
            });
            let list = list.iter().map(|value| json_of(element, value));
            Json::Array(list.collect::<Result<_, _>>()?)
        }
        Value::Map(map) => map_json(schema, map)?,
        Value::Struct(inner) => {
            let fields = inner.schema().fields().map_or(&[][..], |fields| fields.list());
            let mut object = Map::with_capacity(fields.len());
            for field in fields {
                let value = json_of(Some(&field.schema), inner.get_at(field))?;
                object.insert(field.name.to_string(), value);
            }
            Json::Object(object)
        }
        Value::Decimal(number) => Json::String(plain(number)?),
        Value::BigInteger(number) => Json::String(number.to_string()),
        Value::Date(ms) => match schema.and_then(Logical::of) {
            Some(Logical::Date) => ms.div_euclid(DAY_MS).into(),
            _ => (*ms).into(),
        },
    })
}

fn float(number: f64) -> Result<Json, DataError> {
    let found = Number::from_f64(number).map(Json::Number);
    found.ok_or_else(|| DataError(format!("{number} is no number of JSON")))
}

/// Zeros that a decimal may have: its text is as long.
const SCALE_MAX: u32 = 10_000;

pub(super) fn plain(number: &Decimal) -> Result<String, DataError> {
    if number.scale.unsigned_abs() > SCALE_MAX {
        return Err(DataError(format!("a decimal of scale {} is too long", number.scale)));
    }
    Ok(number.to_plain_string())
}

fn map_json(schema: Option<&Schema>, map: &MapValue) -> Result<Json, DataError> {
    let (keys, values) = match schema.map(Schema::kind) {
        Some(Kind::Map { key, value }) => (Some(key), Some(value)),
        _ => (None, None),
    };
    let entries = map.entries();
    if entries.iter().all(|(key, _)| key.as_str().is_some()) {
        let entries = entries.iter().filter_map(|(key, value)| Some((key.as_str()?, value)));
        let entries = entries.map(|(key, value)| Ok((key.to_owned(), json_of(values, value)?)));
        return Ok(Json::Object(entries.collect::<Result<_, DataError>>()?));
    }
    let pairs = entries
        .iter()
        .map(|(key, value)| Ok(Json::Array(vec![json_of(keys, key)?, json_of(values, value)?])));
    Ok(Json::Array(pairs.collect::<Result<_, DataError>>()?))
}
