//! The JSON form of schemas, values and records in recorded cases.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use gantry_model::{
    ConnectRecord, Datum, Decimal, Error, ErrorKind, Fields, Header, Kind, MapValue, Result,
    Schema, SchemaBuilder, Str, Struct, Value,
};
use num_bigint::BigInt;
use serde_json::{Map, Value as Json, json};

/// A fault of the case itself, which no implementation can repair.
pub(super) fn broken(what: &str, json: &Json) -> Error {
    Error::java("broken case", format!("{what}: {json}"))
}

fn text<'a>(json: &'a Json, key: &str) -> Option<&'a str> {
    json.get(key).and_then(Json::as_str)
}

pub(super) fn decode_schema(json: Option<&Json>) -> Result<Option<Schema>> {
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
        .set_optional(json.get("optional").and_then(Json::as_bool).unwrap_or(false))
        .name(text(json, "name").map(Str::from))
        .version(json.get("version").and_then(Json::as_i64).map(|version| version as i32))
        .doc(text(json, "doc").map(Str::from));
    for (key, value) in json.get("parameters").and_then(Json::as_object).into_iter().flatten() {
        builder = builder.parameter(key, value.as_str().unwrap_or_default());
    }
    if let Some(default) = json.get("default") {
        let plain = builder.clone().build()?;
        let default = decode_value(Some(default), Some(&plain))?;
        builder = builder.default_value(Some(default));
    }
    Ok(Some(builder.build()?))
}

fn decode_fields(json: &Json) -> Result<Fields> {
    let mut fields = Vec::new();
    for field in json.get("fields").and_then(Json::as_array).into_iter().flatten() {
        let name = text(field, "name").ok_or_else(|| broken("field without name", field))?;
        let schema = decode_schema(field.get("schema"))?
            .ok_or_else(|| broken("field without schema", field))?;
        fields.push((Str::from(name), schema));
    }
    Fields::new(fields)
}

pub(super) fn encode_schema(schema: Option<&Schema>) -> Json {
    let Some(schema) = schema.filter(|schema| !schema.is_absent()) else { return Json::Null };
    let mut out = Map::new();
    out.insert("type".to_owned(), schema.kind().type_name().into());
    if schema.is_optional() {
        out.insert("optional".to_owned(), true.into());
    }
    if let Some(name) = schema.name() {
        out.insert("name".to_owned(), (&**name).into());
    }
    if let Some(version) = schema.version() {
        out.insert("version".to_owned(), version.into());
    }
    if let Some(doc) = schema.doc() {
        out.insert("doc".to_owned(), (&**doc).into());
    }
    if let Some(parameters) = schema.parameters().filter(|all| !all.is_empty()) {
        let all: Map<String, Json> =
            parameters.iter().map(|(k, v)| (k.to_string(), (&**v).into())).collect();
        out.insert("parameters".to_owned(), all.into());
    }
    if let Some(default) = schema.default_value().filter(|default| !default.is_null()) {
        out.insert("default".to_owned(), encode_value(default, Some(schema)));
    }
    match schema.kind() {
        Kind::Array(element) => {
            out.insert("value".to_owned(), encode_schema(Some(element)));
        }
        Kind::Map { key, value } => {
            out.insert("key".to_owned(), encode_schema(Some(key)));
            out.insert("value".to_owned(), encode_schema(Some(value)));
        }
        Kind::Struct(fields) => {
            let fields: Vec<Json> = fields
                .list()
                .iter()
                .map(|f| json!({"name": &*f.name, "schema": encode_schema(Some(&f.schema))}))
                .collect();
            out.insert("fields".to_owned(), fields.into());
        }
        _ => {}
    }
    out.into()
}

pub(super) fn decode_value(json: Option<&Json>, context: Option<&Schema>) -> Result<Value> {
    let Some(json) = json.filter(|json| !json.is_null()) else { return Ok(Value::Null) };
    match json {
        Json::String(text) => return Ok(Value::str(text)),
        Json::Bool(flag) => return Ok(Value::Boolean(*flag)),
        _ => {}
    }
    if let Some(fields) = json.get("struct").and_then(Json::as_object) {
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

fn decode_tagged(tag: &str, json: &Json, context: Option<&Schema>) -> Result<Value> {
    let bad = || broken(tag, json);
    let long = || -> Result<i64> {
        match json {
            Json::String(text) => text.parse().map_err(|_| bad()),
            _ => json.as_i64().ok_or_else(bad),
        }
    };
    let string = || json.as_str().ok_or_else(bad);
    let float_text = || string().map(|text| text.replace("Infinity", "inf"));
    let big = |json: &Json| -> Result<BigInt> {
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
        "str" => Value::String(ByteString::from(string()?)),
        "bytes" | "bytebuf" => Value::Bytes(unhex(string()?).ok_or_else(bad)?),
        "decimal" => Value::Decimal(Arc::new(Decimal {
            unscaled: big(json.get("unscaled").unwrap_or(&Json::Null))?,
            scale: json.get("scale").and_then(Json::as_i64).ok_or_else(bad)? as i32,
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

pub(super) fn encode_value(value: &Value, context: Option<&Schema>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(flag) => json!({"bool": flag}),
        Value::Int8(n) => json!({"i8": n}),
        Value::Int16(n) => json!({"i16": n}),
        Value::Int32(n) => json!({"i32": n}),
        Value::Int64(n) => json!({"i64": n.to_string()}),
        Value::Float32(n) => json!({"f32": gantry_model::text::float(*n)}),
        Value::Float64(n) => json!({"f64": gantry_model::text::double(*n)}),
        Value::String(text) => json!({"str": &**text}),
        Value::Bytes(bytes) => json!({"bytes": hex(bytes)}),
        Value::Decimal(n) => {
            json!({"decimal": {"unscaled": n.unscaled.to_string(), "scale": n.scale}})
        }
        Value::BigInteger(n) => json!({"bigint": n.to_string()}),
        Value::Date(ms) => json!({"date": ms.to_string()}),
        Value::Array(list) => {
            let element = match context.map(Schema::kind) {
                Some(Kind::Array(element)) => Some(element),
                _ => None,
            };
            let list: Vec<Json> = list.iter().map(|item| encode_value(item, element)).collect();
            json!({"list": list})
        }
        Value::Map(map) => {
            let (key, inner) = match context.map(Schema::kind) {
                Some(Kind::Map { key, value }) => (Some(key), Some(value)),
                _ => (None, None),
            };
            let entries: Vec<Json> = map
                .entries()
                .iter()
                .map(|(k, v)| json!([encode_value(k, key), encode_value(v, inner)]))
                .collect();
            json!({"map": entries})
        }
        Value::Struct(inner) => {
            let schema = inner.schema();
            let fields: Map<String, Json> = schema
                .fields()
                .map(|fields| fields.list())
                .unwrap_or_default()
                .iter()
                .zip(inner.values())
                .map(|(f, v)| (f.name.to_string(), encode_value(v, Some(&f.schema))))
                .collect();
            let mut out = Map::new();
            out.insert("struct".to_owned(), fields.into());
            if context != Some(schema) {
                out.insert("schema".to_owned(), encode_schema(Some(schema)));
            }
            out.into()
        }
    }
}

pub(super) fn decode_record(json: &Json) -> Result<ConnectRecord> {
    let datum = |schema: &str, value: &str| -> Result<Datum> {
        let schema = decode_schema(json.get(schema))?;
        let value = decode_value(json.get(value), schema.as_ref())?;
        Ok(Datum { schema, value })
    };
    let sink = text(json, "kind") == Some("sink");
    let partition = json.get("partition").and_then(Json::as_i64).map(|n| n as i32);
    let mut headers = Vec::new();
    for header in json.get("headers").and_then(Json::as_array).into_iter().flatten() {
        let schema = decode_schema(header.get("schema"))?;
        let value = decode_value(header.get("value"), schema.as_ref())?;
        let key = text(header, "key").ok_or_else(|| broken("header without key", header))?;
        headers.push(Header { key: key.into(), datum: Datum { schema, value } });
    }
    Ok(ConnectRecord {
        topic: text(json, "topic").ok_or_else(|| broken("no topic", json))?.into(),
        partition: if sink { Some(partition.unwrap_or(0)) } else { partition },
        key: datum("keySchema", "key")?,
        value: datum("valueSchema", "value")?,
        timestamp_ms: text(json, "timestamp").and_then(|text| text.parse().ok()),
        headers,
        sink_offset: sink
            .then(|| text(json, "offset").and_then(|text| text.parse().ok()).unwrap_or(0)),
    })
}

pub(super) fn encode_record(record: &ConnectRecord) -> Json {
    let headers: Vec<Json> = record
        .headers
        .iter()
        .map(|header| {
            json!({
                "key": &*header.key,
                "schema": encode_schema(header.datum.schema.as_ref()),
                "value": encode_value(&header.datum.value, header.datum.schema.as_ref()),
            })
        })
        .collect();
    json!({
        "topic": &*record.topic,
        "partition": record.partition,
        "keySchema": encode_schema(record.key.schema.as_ref()),
        "key": encode_value(&record.key.value, record.key.schema.as_ref()),
        "valueSchema": encode_schema(record.value.schema.as_ref()),
        "value": encode_value(&record.value.value, record.value.schema.as_ref()),
        "timestamp": record.timestamp_ms.map(|ms| ms.to_string()),
        "headers": headers,
    })
}

pub(super) fn encode_datum(datum: &Datum) -> Json {
    json!({
        "schema": encode_schema(datum.schema.as_ref()),
        "value": encode_value(&datum.value, datum.schema.as_ref()),
    })
}

pub(super) fn encode_error(error: &Error) -> Json {
    json!({"error": {"class": error.kind().java_class(), "message": error.message()}})
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn unhex(text: &str) -> Option<Bytes> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok()))
        .collect::<Option<Vec<u8>>>()
        .map(Bytes::from)
}
