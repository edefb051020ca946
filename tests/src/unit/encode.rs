//! The JSON form of schemas, values and records in recorded cases.

use gantry_model::{ConnectRecord, Datum, Error, Kind, Schema, Value};
use serde_json::{Map, Value as Json, json};

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
                .ordered()
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
