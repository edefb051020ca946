//! Values that a schema or a file has as JSON: defaults and options.

use std::sync::Arc;

use gantry_api::model::logical::Logical;
use gantry_api::model::{Decimal, MapValue, logical};
use gantry_api::{Kind as ConnectKind, Schema, Struct, Value};
use num_bigint::BigInt;
use serde_json::{Map, Value as Json};

use super::avro::{Avro, Field, Kind};
use super::connect::{Branches, branch_name, branches};

type Result<T> = std::result::Result<T, String>;

/// How JSON is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// As `options` in a schema: bytes are the bytes of texts, and a whole number is none with a
    /// fraction.
    Options,
    /// As the default of a field: bytes are texts with a character for each.
    Default,
    /// As Avro writes data in JSON: as defaults, but values of unions stand in an object that names
    /// the type.
    File,
}

/// A Connect value of the Connect schema that was made of that type. The error is a reason.
pub(super) fn read(rules: Rules, avro: &Avro, schema: &Schema, json: &Json) -> Result<Value> {
    let unfit = || unfit(avro, json);
    Ok(match (&avro.kind, json) {
        (Kind::Null, Json::Null) => Value::Null,
        (Kind::Boolean, Json::Bool(flag)) => Value::Boolean(*flag),
        (Kind::Int, Json::Number(number)) => {
            let number = number.as_i64().and_then(|number| i32::try_from(number).ok());
            Form::of(schema)?.int(number.ok_or_else(unfit)?)?
        }
        (Kind::Long, Json::Number(number)) => {
            Form::of(schema)?.long(number.as_i64().ok_or_else(unfit)?)
        }
        (Kind::Float, Json::Number(_)) => {
            Value::Float32(real(rules, json).ok_or_else(unfit)? as f32)
        }
        (Kind::Double, Json::Number(_)) => Value::Float64(real(rules, json).ok_or_else(unfit)?),
        (Kind::Bytes, Json::String(text)) => {
            Form::of(schema)?.bytes(text_bytes(rules, text).ok_or_else(unfit)?)?
        }
        (Kind::Fixed(_, size), Json::String(text)) => {
            let all = text_bytes(rules, text).filter(|all| all.len() == *size);
            Form::of(schema)?.bytes(all.ok_or_else(unfit)?)?
        }
        (Kind::String, Json::String(text)) => Value::str(text),
        (Kind::Enum(_, symbols), Json::String(text)) if symbols.list.contains(text) => {
            Value::str(text)
        }
        (Kind::Array(items), Json::Array(list)) => {
            let ConnectKind::Array(element) = schema.kind() else { return Err(unfit()) };
            let list = list.iter().map(|json| read(rules, items, element, json));
            Value::array(list.collect::<Result<_>>()?)
        }
        (Kind::Map(values), Json::Object(pairs)) => {
            let ConnectKind::Map { value, .. } = schema.kind() else { return Err(unfit()) };
            let pairs = pairs
                .iter()
                .map(|(key, json)| Ok((Value::str(key), read(rules, values, value, json)?)));
            hash_map(pairs.collect::<Result<_>>()?)
        }
        (Kind::Union(all), json) => union(rules, all, schema, json)?.ok_or_else(unfit)?,
        (Kind::Record(_, fields), Json::Object(object)) => record(rules, fields, schema, object)?,
        _ => return Err(unfit()),
    })
}

fn unfit(avro: &Avro, json: &Json) -> String {
    let shown = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    format!("Invalid option for {} schema: type {}, value '{shown}'", avro.kind_name(), class(json))
}

/// The Java class of what JSON has.
pub(super) fn class(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "java.lang.Boolean",
        Json::Number(number) if number.is_f64() => "java.lang.Double",
        Json::Number(number) => match number.as_i64() {
            Some(whole) if i32::try_from(whole).is_ok() => "java.lang.Integer",
            Some(_) => "java.lang.Long",
            None => "java.math.BigInteger",
        },
        Json::String(_) => "java.lang.String",
        Json::Array(_) => "java.util.ArrayList",
        Json::Object(_) => "java.util.LinkedHashMap",
    }
}

/// A whole number is not taken for one with a fraction among options, as it is not there.
fn real(rules: Rules, json: &Json) -> Option<f64> {
    json.as_f64().filter(|_| rules != Rules::Options || json.is_f64())
}

fn text_bytes(rules: Rules, text: &str) -> Option<Vec<u8>> {
    match rules {
        Rules::Options => Some(text.as_bytes().to_vec()),
        _ => text.chars().map(|c| u8::try_from(c).ok()).collect(),
    }
}

/// The map that Java makes for so many entries.
pub(super) fn hash_map(entries: Vec<(Value, Value)>) -> Value {
    let count = entries.len();
    Value::map(MapValue::from_entries(entries).into_hash_map_for(count))
}

fn union(rules: Rules, all: &[Arc<Avro>], schema: &Schema, json: &Json) -> Result<Option<Value>> {
    if json.is_null() {
        return Ok(all.iter().any(|branch| branch.is_null()).then_some(Value::Null));
    }
    let inner = match (rules, json) {
        (Rules::File, Json::Object(object)) if object.len() == 1 => object.iter().next(),
        (Rules::File, _) => return Ok(None),
        _ => None,
    };
    for branch in all.iter().filter(|branch| !branch.is_null()) {
        let json = match inner {
            Some((name, json)) if name == branch.name() => json,
            Some(_) => continue,
            None => json,
        };
        match branches(all) {
            Branches::One(only) => return read(rules, only, schema, json).map(Some),
            Branches::Several => {
                let name = branch_name(branch);
                let Some(field) = schema.field(name) else { continue };
                if let Ok(value) = read(rules, branch, &field.schema, json) {
                    return Ok(Some(in_union(schema, field.index, value)));
                }
            }
        }
    }
    Ok(None)
}

/// The struct of a union's value, which is in the field of its type.
pub(super) fn in_union(schema: &Schema, field: usize, value: Value) -> Value {
    let mut values = vec![Value::Null; schema.fields().map_or(0, |fields| fields.len())];
    if let Some(place) = values.get_mut(field) {
        *place = value;
    }
    Value::Struct(Arc::new(Struct::from_values(Schema::clone(schema), values)))
}

fn record(
    rules: Rules,
    fields: &[Field],
    schema: &Schema,
    object: &Map<String, Json>,
) -> Result<Value> {
    let own = schema.fields().map_or(&[][..], |fields| fields.list());
    let values = fields.iter().zip(own).map(|(field, own)| {
        let value = match (object.get(&field.name), &field.default) {
            (Some(json), _) => read(rules, &field.schema, &own.schema, json),
            (None, Some(default)) => read(Rules::Default, &field.schema, &own.schema, default),
            (None, None) => Err("it has neither a value nor a default".to_owned()),
        };
        value.map_err(|error| format!("Field {}: {error}", field.name))
    });
    let values = values.collect::<Result<_>>()?;
    Ok(Value::Struct(Arc::new(Struct::from_values(Schema::clone(schema), values))))
}

/// How numbers and bytes are in Connect, found out once for all values.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Int8,
    Int16,
    Int32,
    Date,
    /// With its schema.
    Time(Schema),
    Int64,
    Timestamp,
    Bytes,
    /// With its scale.
    Decimal(i32),
}

impl Form {
    /// That of values of this schema.
    pub(super) fn of(schema: &Schema) -> Result<Self> {
        Ok(match (Logical::of(schema), schema.kind()) {
            (Some(Logical::Date), _) => Self::Date,
            (Some(Logical::Time), _) => Self::Time(Schema::clone(schema)),
            (Some(Logical::Timestamp), _) => Self::Timestamp,
            (Some(Logical::Decimal), _) => {
                Self::Decimal(logical::scale(schema).map_err(|error| error.message().to_owned())?)
            }
            (None, ConnectKind::Int8) => Self::Int8,
            (None, ConnectKind::Int16) => Self::Int16,
            (None, ConnectKind::Int64) => Self::Int64,
            (None, ConnectKind::Bytes) => Self::Bytes,
            (None, _) => Self::Int32,
        })
    }

    /// An int.
    pub(super) fn int(&self, number: i32) -> Result<Value> {
        Ok(match self {
            Self::Date => Value::Date(i64::from(number) * logical::DAY_MS),
            Self::Time(schema) => {
                let ms = logical::time_to_logical(schema, number);
                Value::Date(ms.map_err(|error| error.message().to_owned())?)
            }
            // Confluent's data cut what does not fit.
            Self::Int8 => Value::Int8(number as i8),
            Self::Int16 => Value::Int16(number as i16),
            _ => Value::Int32(number),
        })
    }

    /// A long.
    pub(super) fn long(&self, number: i64) -> Value {
        match self {
            Self::Timestamp => Value::Date(number),
            _ => Value::Int64(number),
        }
    }

    /// Bytes.
    pub(super) fn bytes(&self, bytes: Vec<u8>) -> Result<Value> {
        match self {
            Self::Decimal(_) if bytes.is_empty() => Err("Zero length BigInteger".to_owned()),
            Self::Decimal(scale) => {
                let unscaled = BigInt::from_signed_bytes_be(&bytes);
                Ok(Value::Decimal(Arc::new(Decimal { unscaled, scale: *scale })))
            }
            _ => Ok(Value::Bytes(bytes.into())),
        }
    }
}
