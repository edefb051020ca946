//! `ByteArrayConverter`: bytes as they are, shared both ways.

use bytes::Bytes;
use gantry_model::plugin::Converter;
use gantry_model::{Datum, Error, Kind, RecordHeader, Result, Schema, Value};

/// Kafka Connect's `ByteArrayConverter`.
pub(crate) struct ByteArrayConverter;

impl Converter for ByteArrayConverter {
    fn from_connect(
        &mut self,
        _topic: &str,
        _headers: &mut Vec<RecordHeader>,
        datum: &Datum,
    ) -> Result<Option<Bytes>> {
        if let Some(schema) = &datum.schema
            && *schema.kind() != Kind::Bytes
        {
            return Err(Error::data(format!(
                "Invalid schema type for ByteArrayConverter: {}",
                schema.kind().type_name()
            )));
        }
        match &datum.value {
            Value::Null => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes.clone())),
            other => Err(Error::data(format!(
                "ByteArrayConverter is not compatible with objects of type class {}",
                other.java_class().unwrap_or("null")
            ))),
        }
    }

    fn to_connect(
        &mut self,
        _topic: &str,
        _headers: &[RecordHeader],
        bytes: Option<Bytes>,
    ) -> Result<Datum> {
        Ok(Datum::new(Schema::optional_bytes(), bytes.map_or(Value::Null, Value::Bytes)))
    }
}
