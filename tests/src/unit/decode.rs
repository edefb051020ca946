//! Schemas, values and records from their JSON form in recorded cases.

use std::sync::Arc;

use bytes::Bytes;
use gantry_model::{
    ConnectRecord, Datum, Decimal, Error, ErrorKind, Fields, Header, Kind, MapValue, Result,
    Schema, SchemaBuilder, Str, Struct, Value,
};
use num_bigint::BigInt;

use super::input::Input;

/// A fault of the case itself, which no implementation can repair.
pub(super) fn broken(what: &str, json: &Input) -> Error {
    Error::java("broken case", format!("{what}: {json}"))
}

fn text<'a>(json: &'a Input, key: &str) -> Option<&'a str> {
    json.get(key).and_then(Input::as_str)
}

pub(super) fn decode_schema(json: Option<&Input>) -> Result<Option<Schema>> {
    let Some(json) = json.filter(|json| !json.is_null()) else { return Ok(None) };
    let required = |key: &str| {
        decode_schema(json.get(key))?.ok_or_else(|| {
            Error::new(ErrorKind::SchemaBuilder, format!("{key}Schema cannot be null."))
        })
    };
    let kind = match text(json, "type").unwrap_or_default() {
        "INT8" => Kind::Int8,
        "INT16" => Kind::Int16,
        "INT32" => Kind::Int32,
        "INT64" => Kind::Int64,
        "FLOAT32" => Kind::Float32,
        "FLOAT64" => Kind::Float64,
        "BOOLEAN" => Kind::Boolean,
        "STRING" => Kind::String,
        "BYTES" => Kind::Bytes,
        "ARRAY" => Kind::Array(required("value")?),
        "MAP" => Kind::Map { key: required("key")?, value: required("value")? },
        "STRUCT" => Kind::Struct(Arc::new(decode_fields(json)?)),
        _ => return Err(broken("unknown type", json)),
    };
    let mut builder = SchemaBuilder::new(kind)
        .set_optional(json.get("optional").and_then(Input::as_bool).unwrap_or(false))
        .name(text(json, "name").map(Str::from))
        .version(json.get("version").and_then(Input::as_i64).map(|version| version as i32))
        .doc(text(json, "doc").map(Str::from));
    for (key, value) in json.get("parameters").and_then(Input::as_object).into_iter().flatten() {
        builder = builder.parameter(key, value.as_str().unwrap_or_default());
    }
    if let Some(default) = json.get("default") {
        let plain = builder.clone().build()?;
        let default = decode_value(Some(default), Some(&plain))?;
        builder = builder.default_value(Some(default));
    }
    Ok(Some(builder.build()?))
}

fn decode_fields(json: &Input) -> Result<Fields> {
    let mut fields = Vec::new();
    for field in json.get("fields").and_then(Input::as_array).into_iter().flatten() {
        let name = text(field, "name").ok_or_else(|| broken("field without name", field))?;
        let schema = decode_schema(field.get("schema"))?
            .ok_or_else(|| broken("field without schema", field))?;
        fields.push((Str::from(name), schema));
    }
    Fields::new(fields)
}

pub(super) fn decode_value(json: Option<&Input>, context: Option<&Schema>) -> Result<Value> {
    let Some(json) = json.filter(|json| !json.is_null()) else { return Ok(Value::Null) };
    match json {
        Input::String(text) => return Ok(Value::str(text)),
        Input::Bool(flag) => return Ok(Value::Boolean(*flag)),
        _ => {}
    }
    if let Some(fields) = json.get("struct").and_then(Input::as_object) {
        let own = decode_schema(json.get("schema"))?;
        let schema = own.as_ref().or(context).ok_or_else(|| broken("no schema", json))?;
        let mut out = Struct::new(schema.clone())?;
        for (name, value) in fields {
            let inner = schema.field(name).map(|field| &field.schema);
            out.put(name, decode_value(Some(value), inner)?)?;
        }
        return Ok(Value::Struct(Arc::new(out)));
    }
    let (tag, inner) = json
        .as_object()
        .and_then(|object| object.iter().next())
        .ok_or_else(|| broken("no value", json))?;
    decode_tagged(tag, inner, context)
}

fn decode_tagged(tag: &str, json: &Input, context: Option<&Schema>) -> Result<Value> {
    let bad = || broken(tag, json);
    let long = || -> Result<i64> {
        match json {
            Input::String(text) => text.parse().map_err(|_| bad()),
            _ => json.as_i64().ok_or_else(bad),
        }
    };
    let string = || json.as_str().ok_or_else(bad);
    let float_text = || string().map(|text| text.replace("Infinity", "inf"));
    let big = |json: &Input| -> Result<BigInt> {
        json.as_str().and_then(|text| text.parse().ok()).ok_or_else(bad)
    };
    Ok(match tag {
        "bool" => Value::Boolean(json.as_bool().ok_or_else(bad)?),
        "i8" => Value::Int8(long()? as i8),
        "i16" => Value::Int16(long()? as i16),
        "i32" => Value::Int32(long()? as i32),
        "i64" => Value::Int64(long()?),
        "f32" => Value::Float32(float_text()?.parse().map_err(|_| bad())?),
        "f64" => Value::Float64(float_text()?.parse().map_err(|_| bad())?),
        "str" => Value::String(string()?.into()),
        "bytes" | "bytebuf" => Value::Bytes(unhex(string()?).ok_or_else(bad)?),
        "decimal" => Value::Decimal(Arc::new(Decimal {
            unscaled: big(json.get("unscaled").unwrap_or(&Input::Null(())))?,
            scale: json.get("scale").and_then(Input::as_i64).ok_or_else(bad)? as i32,
        })),
        "bigint" => Value::BigInteger(Arc::new(big(json)?)),
        "date" => Value::Date(long()?),
        "list" => {
            let element = match context.map(Schema::kind) {
                Some(Kind::Array(element)) => Some(element),
                _ => None,
            };
            let list = json.as_array().ok_or_else(bad)?;
            Value::array(
                list.iter().map(|item| decode_value(Some(item), element)).collect::<Result<_>>()?,
            )
        }
        "map" => {
            let (key, value) = match context.map(Schema::kind) {
                Some(Kind::Map { key, value }) => (Some(key), Some(value)),
                _ => (None, None),
            };
            let mut out = MapValue::default();
            for entry in json.as_array().ok_or_else(bad)? {
                out.insert(decode_value(entry.get(0), key)?, decode_value(entry.get(1), value)?);
            }
            Value::map(out)
        }
        _ => return Err(bad()),
    })
}

pub(super) fn decode_record(json: &Input) -> Result<ConnectRecord> {
    let datum = |schema: &str, value: &str| -> Result<Datum> {
        let schema = decode_schema(json.get(schema))?;
        let value = decode_value(json.get(value), schema.as_ref())?;
        Ok(Datum { schema, value })
    };
    let key = datum("keySchema", "key")?;
    let value = datum("valueSchema", "value")?;
    let sink = text(json, "kind") == Some("sink");
    let partition = json.get("partition").and_then(Input::as_i64).map(|n| n as i32);
    let mut headers = Vec::new();
    for header in json.get("headers").and_then(Input::as_array).into_iter().flatten() {
        let schema = decode_schema(header.get("schema"))?;
        let value = decode_value(header.get("value"), schema.as_ref())?;
        let name = text(header, "key").ok_or_else(|| broken("header without key", header))?;
        headers.push(Header::new(name.into(), Datum { schema, value })?);
    }
    Ok(ConnectRecord {
        topic: text(json, "topic").ok_or_else(|| broken("no topic", json))?.into(),
        partition: if sink { Some(partition.unwrap_or(0)) } else { partition },
        key,
        value,
        timestamp_ms: text(json, "timestamp").and_then(|text| text.parse().ok()),
        headers,
        sink_offset: sink
            .then(|| text(json, "offset").and_then(|text| text.parse().ok()).unwrap_or(0)),
    })
}

pub(super) fn unhex(text: &str) -> Option<Bytes> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok()))
        .collect::<Option<Vec<u8>>>()
        .map(Bytes::from)
}
