//! Values, schemas and records on their way to Java.

use std::collections::HashMap;

use gantry_api::{
    ConnectRecord, Datum, Header, Kind, OffsetMap, Schema, SinkRecord, Str, TimestampType, Value,
};
use num_bigint::BigInt;
use serde_json::Value as Json;

use super::record::{
    CONNECT_RECORD, DATUM, NO_OFFSET, NO_TIMESTAMP, RESET, SCHEMA, SINK_RECORD, TEXT, tag,
};
use super::writer::Writer;

/// So many schemas or texts are remembered by both sides; then all are told anew.
const REMEMBERED: usize = 1_000;

/// What Java knows by now of one channel: schemas and texts cross once.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    schemas: HashMap<u64, Vec<(Schema, usize)>>,
    schema_count: usize,
    texts: HashMap<Str, usize>,
    /// The last ones used: mostly the next one too.
    last_schema: Option<(Schema, usize)>,
    last_text: Option<(Str, usize)>,
}

impl Encoder {
    /// Java has forgotten everything, as it does when a call has failed.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Before a frame is begun: never in its middle, where ids are in use.
    pub(crate) fn begin(&mut self, out: &mut Writer) {
        if self.schema_count >= REMEMBERED || self.texts.len() >= REMEMBERED {
            self.forget();
            out.u8(RESET);
        }
    }

    fn text(&mut self, text: &Str, out: &mut Writer) -> usize {
        if let Some((last, id)) = &self.last_text
            && (std::ptr::addr_eq(Str::as_ptr(last), Str::as_ptr(text)) || last == text)
        {
            return *id;
        }
        let known = self.texts.get(text).copied();
        let id = known.unwrap_or_else(|| {
            let id = self.texts.len() + 1;
            self.texts.insert(Str::clone(text), id);
            out.u8(TEXT).varint(id).str(text);
            id
        });
        self.last_text = Some((Str::clone(text), id));
        id
    }

    fn schema(&mut self, schema: Option<&Schema>, out: &mut Writer) -> usize {
        let Some(schema) = schema else { return 0 };
        if let Some((last, id)) = &self.last_schema
            && last.same(schema)
        {
            return *id;
        }
        let known = self.schemas.get(&schema.fingerprint());
        let known = known.and_then(|all| all.iter().find(|(known, _)| known == schema));
        let id = match known {
            Some((_, id)) => *id,
            None => self.define(schema, out),
        };
        self.last_schema = Some((schema.clone(), id));
        id
    }

    fn define(&mut self, schema: &Schema, out: &mut Writer) -> usize {
        // What it is made of stands in front of it.
        let parts: Vec<usize> = match schema.kind() {
            Kind::Array(element) => vec![self.schema(Some(element), out)],
            Kind::Map { key, value } => {
                vec![self.schema(Some(key), out), self.schema(Some(value), out)]
            }
            Kind::Struct(fields) => {
                fields.list().iter().map(|field| self.schema(Some(&field.schema), out)).collect()
            }
            _ => Vec::new(),
        };
        if let Some(default) = schema.default_value() {
            self.define_in(default, out);
        }
        self.schema_count += 1;
        let id = self.schema_count;
        let default = schema.default_value();
        let flags = u8::from(schema.is_optional())
            | u8::from(default.is_some()) << 1
            | u8::from(schema.version().is_some()) << 2
            | u8::from(schema.parameters().is_some()) << 3;
        out.u8(SCHEMA).varint(id).u8(type_number(schema.kind())).u8(flags);
        out.optional_str(schema.name().map(|name| &**name));
        if let Some(version) = schema.version() {
            out.i32(version);
        }
        out.optional_str(schema.doc().map(|doc| &**doc));
        if let Some(parameters) = schema.parameters() {
            out.varint(parameters.len());
            for (key, value) in parameters {
                out.str(key).str(value);
            }
        }
        if let Kind::Struct(fields) = schema.kind() {
            out.varint(fields.len());
            for (field, id) in fields.list().iter().zip(&parts) {
                out.str(&field.name).varint(*id);
            }
        } else {
            for id in &parts {
                out.varint(*id);
            }
        }
        if let Some(default) = default {
            self.value(default, out);
        }
        self.schemas.entry(schema.fingerprint()).or_default().push((schema.clone(), id));
        id
    }

    /// Tells the schemas of all structs in a value, as none can be told in its middle.
    fn define_in(&mut self, value: &Value, out: &mut Writer) {
        match value {
            Value::Array(list) => list.iter().for_each(|value| self.define_in(value, out)),
            Value::Map(map) => map.entries().iter().for_each(|(key, value)| {
                self.define_in(key, out);
                self.define_in(value, out);
            }),
            // The schemas of structs in it are those of its fields.
            Value::Struct(inner) => {
                self.schema(Some(inner.schema()), out);
            }
            _ => {}
        }
    }

    fn define_datum(&mut self, datum: &Datum, out: &mut Writer) {
        self.schema(datum.schema.as_ref(), out);
        self.define_in(&datum.value, out);
    }

    fn define_headers(&mut self, headers: &[Header], out: &mut Writer) {
        for header in headers {
            self.text(&header.key, out);
            self.define_datum(&header.datum, out);
        }
    }

    /// A value whose schemas were told.
    fn value(&mut self, value: &Value, out: &mut Writer) {
        match value {
            Value::Null => out.u8(tag::NULL),
            Value::Boolean(value) => out.u8(tag::BOOLEAN).bool(*value),
            Value::Int8(value) => out.u8(tag::INT8).u8(*value as u8),
            Value::Int16(value) => out.u8(tag::INT16).i16(*value),
            Value::Int32(value) => out.tagged_i32(tag::INT32, *value),
            Value::Int64(value) => out.tagged_i64(tag::INT64, *value),
            Value::Float32(value) => out.tagged_i32(tag::FLOAT32, value.to_bits() as i32),
            Value::Float64(value) => out.tagged_i64(tag::FLOAT64, value.to_bits() as i64),
            Value::String(text) => out.u8(tag::STRING).str(text),
            Value::Bytes(bytes) => out.u8(tag::BYTES).bytes(bytes),
            Value::Array(list) => {
                out.u8(tag::ARRAY).varint(list.len());
                list.iter().for_each(|value| self.value(value, out));
                out
            }
            Value::Map(map) => {
                out.u8(if map.is_hashed() { tag::HASH_MAP } else { tag::MAP }).varint(map.len());
                for (key, value) in map.entries() {
                    self.value(key, out);
                    self.value(value, out);
                }
                out
            }
            Value::Struct(inner) => {
                let id = self.schema(Some(inner.schema()), out);
                out.u8(tag::STRUCT).varint(id);
                inner.values().iter().for_each(|value| self.value(value, out));
                out
            }
            Value::Decimal(decimal) => {
                out.tagged_i32(tag::DECIMAL, decimal.scale);
                whole(&decimal.unscaled, out)
            }
            Value::BigInteger(value) => whole(value, out.u8(tag::BIG_INTEGER)),
            Value::Date(ms) => out.tagged_i64(tag::DATE, *ms),
        };
    }

    fn datum(&mut self, datum: &Datum, out: &mut Writer) {
        let id = self.schema(datum.schema.as_ref(), out);
        out.varint(id);
        self.value(&datum.value, out);
    }

    fn headers(&mut self, headers: &[Header], out: &mut Writer) {
        out.varint(headers.len());
        for header in headers {
            let id = self.text(&header.key, out);
            out.varint(id);
            self.datum(&header.datum, out);
        }
    }

    /// Headers and a datum alone.
    pub(crate) fn item(&mut self, headers: &[Header], datum: &Datum, out: &mut Writer) {
        self.define_headers(headers, out);
        self.define_datum(datum, out);
        out.u8(DATUM);
        self.headers(headers, out);
        self.datum(datum, out);
    }

    fn define_record(&mut self, record: &ConnectRecord, out: &mut Writer) {
        self.define_datum(&record.key, out);
        self.define_datum(&record.value, out);
        self.define_headers(&record.headers, out);
    }

    fn data(&mut self, record: &ConnectRecord, out: &mut Writer) {
        self.datum(&record.key, out);
        self.datum(&record.value, out);
        self.headers(&record.headers, out);
    }

    /// A record for a transformation.
    pub(crate) fn record(&mut self, record: &ConnectRecord, out: &mut Writer) {
        let topic = self.text(&record.topic, out);
        self.define_record(record, out);
        out.u8(CONNECT_RECORD).varint(topic).i32(record.partition.unwrap_or(-1));
        out.i64(record.timestamp_ms.unwrap_or(NO_TIMESTAMP));
        self.data(record, out);
        let offset = record.sink_offset.and_then(|offset| i64::try_from(offset).ok());
        out.i64(offset.unwrap_or(NO_OFFSET));
    }

    /// A record for a sink.
    pub(crate) fn sink_record(&mut self, record: &SinkRecord, out: &mut Writer) {
        let SinkRecord { record, origin, offset, timestamp_type } = record;
        let original = self.text(&origin.topic, out);
        let topic = self.text(&record.topic, out);
        self.define_record(record, out);
        let queue = i32::try_from(origin.partition).unwrap_or(i32::MAX);
        out.u8(SINK_RECORD).varint(topic).i32(record.partition.unwrap_or(queue));
        out.i64(record.timestamp_ms.unwrap_or(NO_TIMESTAMP));
        out.u8(match (record.timestamp_ms, timestamp_type) {
            (None, _) => 0,
            (Some(_), TimestampType::CreateTime) => 1,
            (Some(_), TimestampType::LogAppendTime) => 2,
        });
        self.data(record, out);
        out.i64(i64::try_from(*offset).unwrap_or(i64::MAX)).varint(original).i32(queue);
    }
}

/// A whole number of Java's: bytes behind their length.
fn whole<'a>(value: &BigInt, out: &'a mut Writer) -> &'a mut Writer {
    match i64::try_from(value) {
        Ok(small) => {
            let bytes = small.to_be_bytes();
            // Java takes leading bytes that say nothing.
            out.bytes(&bytes)
        }
        Err(_) => out.bytes(&value.to_signed_bytes_be()),
    }
}

/// The ordinal of Java's `Schema.Type`.
fn type_number(kind: &Kind) -> u8 {
    match kind {
        Kind::Int8 => 0,
        Kind::Int16 => 1,
        Kind::Int32 => 2,
        Kind::Int64 => 3,
        Kind::Float32 => 4,
        Kind::Float64 => 5,
        Kind::Boolean => 6,
        Kind::String => 7,
        Kind::Bytes => 8,
        Kind::Array(_) => 9,
        Kind::Map { .. } => 10,
        Kind::Struct(_) => 11,
    }
}

/// A source's partition or offset; numbers are what Kafka's JSON converter makes of them.
pub(crate) fn offset_map(map: Option<&OffsetMap>, out: &mut Writer) {
    let Some(map) = map else {
        out.u8(tag::NULL);
        return;
    };
    out.u8(tag::MAP).varint(map.len());
    for (key, value) in map {
        out.u8(tag::STRING).str(key);
        json(value, out);
    }
}

fn json(value: &Json, out: &mut Writer) {
    match value {
        Json::Null => out.u8(tag::NULL),
        Json::Bool(value) => out.u8(tag::BOOLEAN).bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => out.u8(tag::INT64).i64(whole),
            (None, Some(double)) => out.u8(tag::FLOAT64).i64(double.to_bits() as i64),
            (None, None) => out.u8(tag::NULL),
        },
        Json::String(text) => out.u8(tag::STRING).str(text),
        Json::Array(list) => {
            out.u8(tag::ARRAY).varint(list.len());
            list.iter().for_each(|value| json(value, out));
            out
        }
        Json::Object(map) => {
            offset_map(Some(map), out);
            out
        }
    };
}
