//! Avro data without a registry: of files that hold their schema themselves.

use std::sync::Arc;

use bytes::Bytes;
use gantry_model::config::ConfigDef;
use gantry_model::plugin::Props;
use gantry_model::{Datum, Error, Result, Schema};
use gantry_schema_avro::{Avro, AvroSchema};
use gantry_schema_model::Format;

use super::keys::{self, Settings};
use super::read::Reader;

/// Reads values of one schema in Avro's binary form, as `AvroConverter` does by its defaults.
#[derive(Debug)]
pub struct AvroDecoder {
    reader: Reader,
}

impl AvroDecoder {
    /// For values that a schema wrote, which is given as JSON.
    pub fn new(schema: &str) -> Result<Self> {
        let avro: Arc<AvroSchema> = Avro::parse(schema, &[], false)
            .map(Arc::new)
            .map_err(|error| Error::data(format!("Not an Avro schema: {error}")))?;
        let settings = Settings::new(&keys::define(ConfigDef::new()).parse(&Props::new())?);
        Ok(Self { reader: Reader::new(&settings, &avro, None)? })
    }

    /// The schema of the values; none where they have none.
    pub fn schema(&self) -> Option<&Schema> {
        self.reader.schema()
    }

    /// The value at the beginning of `bytes`, and how many bytes it takes.
    pub fn read(&self, bytes: &Bytes) -> Result<(Datum, usize)> {
        self.reader.read_one(bytes)
    }
}

#[cfg(test)]
mod tests {
    use gantry_model::Value;

    use super::*;

    #[test]
    fn values_follow_each_other() {
        let decoder = AvroDecoder::new(
            r#"{"type":"record","name":"r","fields":[{"name":"id","type":"int"},{"name":"name","type":["null","string"]}]}"#,
        )
        .unwrap();
        let bytes = Bytes::from_static(&[1, 2, 4, b'a', b'b', 1, 0]);
        let (first, length) = decoder.read(&bytes).unwrap();
        assert_eq!(length, 5);
        let Value::Struct(value) = &first.value else { panic!("{first:?}") };
        assert_eq!(value.values(), [Value::Int32(-1), Value::str("ab")]);
        let (second, length) = decoder.read(&bytes.slice(5..)).unwrap();
        assert_eq!(length, 2);
        assert_eq!(second.schema.as_ref(), decoder.schema());
        assert!(decoder.read(&bytes.slice(6..)).is_err());
        let bytes = AvroDecoder::new(r#""bytes""#).unwrap();
        let (value, length) = bytes.read(&Bytes::from_static(&[6, b'x', b'y', b'z', 9])).unwrap();
        assert_eq!((value.value, length), (Value::Bytes(Bytes::from_static(b"xyz")), 4));
        assert!(AvroDecoder::new("{").unwrap_err().message().starts_with("Not an Avro schema"));
    }
}
