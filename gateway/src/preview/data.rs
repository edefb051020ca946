//! Connect's data and bytes, from and to JSON that people read and write.

use std::sync::Arc;

use bytes::Bytes;
use gantry_api::{Datum, Props, Value};
use gantry_converters::JsonConverter;
use gantry_model::plugin::Converter;
use gantry_model::{Error, MapValue, calendar};
use serde_json::value::RawValue;

use super::request::Encoding;
use crate::{hex, json};

/// The JsonConverter's names of an envelope's two parts.
const SCHEMA: &str = "schema";
const PAYLOAD: &str = "payload";

fn converter(schemas: bool) -> Result<JsonConverter, String> {
    let props = Props::from([
        ("schemas.enable".to_owned(), schemas.to_string()),
        // Numbers that people can read; both forms are understood.
        ("decimal.format".to_owned(), "NUMERIC".to_owned()),
    ]);
    JsonConverter::new(&props).map_err(|error| error.to_string())
}

/// Reads Connect's data.
pub(super) struct DataReader {
    plain: JsonConverter,
    envelopes: JsonConverter,
}

impl DataReader {
    pub(super) fn new() -> Result<Self, String> {
        Ok(Self { plain: converter(false)?, envelopes: converter(true)? })
    }

    /// An object of `schema` and `payload` and nothing else is an envelope as JsonConverter
    /// writes it; all other JSON is a value without schema.
    pub(super) fn datum(&mut self, raw: &RawValue) -> Result<Datum, String> {
        let is_envelope = json::members(raw).is_some_and(|members| {
            let has = |wanted: &str| members.iter().any(|(name, _)| name == wanted);
            members.len() == 2 && has(SCHEMA) && has(PAYLOAD)
        });
        let converter = if is_envelope { &mut self.envelopes } else { &mut self.plain };
        let bytes = Bytes::copy_from_slice(raw.get().as_bytes());
        converter.to_connect("", &Vec::new(), Some(bytes)).map_err(|error| reason(&error))
    }
}

/// The innermost message, which names the cause.
fn reason(error: &Error) -> String {
    let mut inner = error;
    while let Some(cause) = inner.cause() {
        inner = cause;
    }
    inner.message().to_owned()
}

/// Bytes that a record holds: text, `{"text": …}`, `{"hex": …}`, or any other JSON as it is
/// written. `None` is null.
pub(super) fn bytes(raw: &RawValue, encoding: Encoding) -> Result<Option<Bytes>, String> {
    let written = raw.get();
    let unhex = |digits: &str| {
        let wrong = || format!("`{digits}` is not in hexadecimal digits, two for each byte");
        hex::decode(digits).map(|bytes| Some(Bytes::from(bytes))).ok_or_else(wrong)
    };
    if written == "null" {
        return Ok(None);
    }
    if let Ok(text) = serde_json::from_str::<String>(written) {
        return match encoding {
            Encoding::Text => Ok(Some(Bytes::from(text))),
            Encoding::Hex => unhex(&text),
        };
    }
    if let Some([(name, value)]) = json::members(raw).as_deref()
        && let Ok(text) = serde_json::from_str::<String>(value.get())
    {
        match name.as_str() {
            "text" => return Ok(Some(Bytes::from(text))),
            "hex" => return unhex(&text),
            _ => {}
        }
    }
    Ok(Some(Bytes::copy_from_slice(written.as_bytes())))
}

/// Shows Connect's data.
pub(super) struct DataWriter {
    json: JsonConverter,
}

impl DataWriter {
    pub(super) fn new() -> Result<Self, String> {
        Ok(Self { json: converter(false)? })
    }

    /// `{"schema": …, "payload": …}` as JsonConverter writes it. What JSON has no form for is shown
    /// as text, with a `note` that says why.
    pub(super) fn datum(&mut self, datum: &Datum) -> Result<Box<RawValue>, String> {
        let schema = match &datum.schema {
            Some(schema) => self.json.schema_json(schema).and_then(text),
            None => Ok("null".to_owned()),
        };
        let strict = schema.and_then(|schema| Ok((schema, self.payload(datum)?)));
        let (schema, payload, note) = match strict {
            Ok((schema, payload)) => (schema, payload, String::new()),
            Err(error) => {
                let schemaless = Datum::schemaless(readable(&datum.value));
                let payload = self.payload(&schemaless).map_err(|error| reason(&error))?;
                let why = format!("shown as text, JSON has no form for it: {}", reason(&error));
                let note = serde_json::to_string(&why).unwrap_or_default();
                let schema = datum.schema.as_ref().and_then(|s| self.json.schema_json(s).ok());
                let schema = schema.and_then(|schema| text(schema).ok());
                (schema.unwrap_or_else(|| "null".to_owned()), payload, format!(",\"note\":{note}"))
            }
        };
        raw(format!("{{\"schema\":{schema},\"payload\":{payload}{note}}}"))
    }

    fn payload(&mut self, datum: &Datum) -> gantry_model::Result<String> {
        let bytes = self.json.from_connect("", &mut Vec::new(), datum)?;
        bytes.map_or_else(|| Ok("null".to_owned()), |bytes| text(bytes.to_vec()))
    }
}

fn text(json: Vec<u8>) -> gantry_model::Result<String> {
    String::from_utf8(json).map_err(|error| Error::data(error.to_string()))
}

fn raw(json: String) -> Result<Box<RawValue>, String> {
    RawValue::from_string(json).map_err(|error| format!("what is shown is not JSON: {error}"))
}

/// The same value with texts in place of what JSON does not know.
fn readable(value: &Value) -> Value {
    match value {
        Value::Date(ms) => Value::str(&calendar::iso_timestamp(*ms)),
        Value::Decimal(_) | Value::BigInteger(_) => {
            Value::str(&gantry_model::text::java_string(value))
        }
        Value::Array(list) => Value::array(list.iter().map(readable).collect()),
        Value::Map(map) => {
            let entries = map.entries().iter().map(|(key, value)| (readable(key), readable(value)));
            Value::Map(Arc::new(MapValue::from_entries(entries.collect())))
        }
        Value::Struct(inner) => {
            let fields = inner.schema().fields().map(|fields| fields.list()).unwrap_or_default();
            let entries =
                fields.iter().map(|field| (Value::str(&field.name), readable(inner.get_at(field))));
            Value::Map(Arc::new(MapValue::from_entries(entries.collect())))
        }
        other => other.clone(),
    }
}

/// `{"text": …}`, or `{"hex": …}` for what is not UTF-8, or null.
pub(super) fn shown_bytes(bytes: Option<&Bytes>) -> Result<Box<RawValue>, String> {
    let Some(bytes) = bytes else { return raw("null".to_owned()) };
    let shown = match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::json!({ "text": text }),
        Err(_) => serde_json::json!({ "hex": hex::encode(bytes) }),
    };
    raw(shown.to_string())
}
