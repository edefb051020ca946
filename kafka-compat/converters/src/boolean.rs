//! `BooleanConverter`: one byte, 0 or 1.

use bytes::Bytes;
use gantry_model::plugin::Converter;
use gantry_model::{Datum, Error, ErrorKind, Kind, RecordHeader, Result, Schema, Value};

/// Kafka Connect's `BooleanConverter`.
pub(crate) struct BooleanConverter;

impl Converter for BooleanConverter {
    fn from_connect(
        &mut self,
        _topic: &str,
        _headers: &mut Vec<RecordHeader>,
        datum: &Datum,
    ) -> Result<Option<Bytes>> {
        if let Some(schema) = &datum.schema
            && *schema.kind() != Kind::Boolean
        {
            return Err(Error::data(format!(
                "Invalid schema type for BooleanConverter: {}",
                schema.kind().type_name()
            )));
        }
        match &datum.value {
            Value::Null => Ok(None),
            Value::Boolean(true) => Ok(Some(Bytes::from_static(&[1]))),
            Value::Boolean(false) => Ok(Some(Bytes::from_static(&[0]))),
            other => Err(Error::data(format!(
                "BooleanConverter is not compatible with objects of type class {}",
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
        let value = match bytes.as_deref() {
            None => Value::Null,
            Some([0]) => Value::Boolean(false),
            Some([1]) => Value::Boolean(true),
            Some([other]) => {
                // Java prints the byte with its sign.
                return Err(failed(format!(
                    "Unexpected byte received by BooleanDeserializer: {}",
                    i8::from_ne_bytes([*other])
                )));
            }
            Some(_) => {
                return Err(failed(
                    "Size of data received by BooleanDeserializer is not 1".to_owned(),
                ));
            }
        };
        Ok(Datum::new(Schema::optional_boolean(), value))
    }
}

fn failed(why: String) -> Error {
    Error::data("Failed to deserialize boolean: ")
        .caused_by(Error::new(ErrorKind::Serialization, why))
}
