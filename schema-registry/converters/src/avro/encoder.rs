//! Avro data without a registry: for files that hold their schema themselves.

use gantry_model::config::{ConfigDef, ParsedConfig};
use gantry_model::plugin::Props;
use gantry_model::{Error, Result, Schema, Value};
use gantry_schema_model::ParsedSchema;

use super::keys::Settings;
use super::write::{Root, Writer, put_value};
use super::{anything, fit, keys, to_avro};

/// How values of Connect schemas become Avro's, by the keys of `AvroConverter` that say so
/// (`enhanced.avro.schema.support`, `connect.meta.data`, `allow.optional.map.keys`, …).
#[derive(Clone, Debug)]
pub struct AvroEncoding(Settings);

impl AvroEncoding {
    /// Reads the keys; all others are ignored.
    pub fn new(props: &Props) -> Result<Self> {
        let parsed: ParsedConfig = keys::define(ConfigDef::new()).parse(props)?;
        Ok(Self(Settings::new(&parsed)))
    }

    /// An encoder for values of that schema, or for values without one.
    pub fn encoder(&self, schema: Option<&Schema>) -> Result<AvroEncoder> {
        let avro = to_avro::translate(&self.0, schema)?;
        let writer = fit::writer(&self.0, schema, &avro)?;
        Ok(AvroEncoder { text: avro.canonical().to_owned(), writer })
    }
}

/// Writes values of one schema in Avro's binary form.
#[derive(Debug)]
pub struct AvroEncoder {
    text: String,
    writer: Writer,
}

impl AvroEncoder {
    /// The Avro schema as JSON.
    pub fn schema(&self) -> &str {
        &self.text
    }

    /// Appends a value. Nothing is appended when it does not fit.
    pub fn write(&self, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        let begin = out.len();
        let written = match &self.writer.root {
            Root::Anything if value.is_null() => {
                return Err(Error::data("A null without a schema has no form in Avro"));
            }
            Root::Anything => anything::write(value, out),
            // Unlike in messages, bytes have their length before them here.
            Root::Raw(step) | Root::Value(step) => put_value(step, value, out),
        };
        written.map_err(|fault| {
            out.truncate(begin);
            fault.into_error("Value")
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use gantry_model::{SchemaBuilder, Struct};

    use super::*;

    #[test]
    fn values_stand_as_in_container_files() {
        let encoding = AvroEncoding::new(&Props::new()).unwrap();
        let schema = SchemaBuilder::structure(vec![
            ("id".into(), Schema::int32()),
            ("name".into(), Schema::optional_string()),
        ])
        .unwrap()
        .name(Some("shop.Order".into()))
        .build()
        .unwrap();
        let encoder = encoding.encoder(Some(&schema)).unwrap();
        assert!(encoder.schema().contains("\"namespace\":\"shop\""), "{}", encoder.schema());
        let of = |name| {
            let mut value = Struct::new(schema.clone()).unwrap();
            value.put("id", Value::Int32(-1)).unwrap();
            value.put("name", name).unwrap();
            Value::Struct(value.into())
        };
        let mut out = Vec::new();
        encoder.write(&of(Value::str("ab")), &mut out).unwrap();
        encoder.write(&of(Value::Null), &mut out).unwrap();
        assert_eq!(out, [1, 2, 4, b'a', b'b', 1, 0]);
        assert!(encoder.write(&Value::Int32(1), &mut out).is_err());
        assert_eq!(out.len(), 7);
        // A text or bytes alone have a length, too.
        let bytes = encoding.encoder(Some(&Schema::bytes())).unwrap();
        out.clear();
        bytes.write(&Value::Bytes(Bytes::from_static(b"xyz")), &mut out).unwrap();
        assert_eq!(out, [6, b'x', b'y', b'z']);
        let optional = encoding.encoder(Some(&Schema::optional_string())).unwrap();
        out.clear();
        optional.write(&Value::Null, &mut out).unwrap();
        assert_eq!(out, [0]);
    }
}
