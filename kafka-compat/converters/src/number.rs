//! `ShortConverter`, `IntegerConverter`, `LongConverter`, `FloatConverter`, `DoubleConverter`:
//! big-endian numbers of a fixed size.

use bytes::Bytes;
use gantry_model::plugin::Converter;
use gantry_model::{Datum, Error, ErrorKind, RecordHeader, Result, Schema, Value};

/// Which number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberKind {
    Short,
    Integer,
    Long,
    Float,
    Double,
}

impl NumberKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Short, Self::Integer, Self::Long, Self::Float, Self::Double];

    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Short => "org.apache.kafka.connect.converters.ShortConverter",
            Self::Integer => "org.apache.kafka.connect.converters.IntegerConverter",
            Self::Long => "org.apache.kafka.connect.converters.LongConverter",
            Self::Float => "org.apache.kafka.connect.converters.FloatConverter",
            Self::Double => "org.apache.kafka.connect.converters.DoubleConverter",
        }
    }
    fn type_name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Integer => "integer",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
        }
    }
    fn schema(self) -> Schema {
        match self {
            Self::Short => Schema::optional_int16(),
            Self::Integer => Schema::optional_int32(),
            Self::Long => Schema::optional_int64(),
            Self::Float => Schema::optional_float32(),
            Self::Double => Schema::optional_float64(),
        }
    }
    fn decode(self, bytes: &[u8]) -> Option<Value> {
        Some(match self {
            Self::Short => Value::Int16(i16::from_be_bytes(bytes.try_into().ok()?)),
            Self::Integer => Value::Int32(i32::from_be_bytes(bytes.try_into().ok()?)),
            Self::Long => Value::Int64(i64::from_be_bytes(bytes.try_into().ok()?)),
            Self::Float => Value::Float32(f32::from_be_bytes(bytes.try_into().ok()?)),
            Self::Double => Value::Float64(f64::from_be_bytes(bytes.try_into().ok()?)),
        })
    }
    /// Kafka's text for a wrong size; two of its classes do not say their name.
    fn size_error(self) -> &'static str {
        match self {
            Self::Short => "Size of data received by ShortDeserializer is not 2",
            Self::Integer => "Size of data received by IntegerDeserializer is not 4",
            Self::Long => "Size of data received by LongDeserializer is not 8",
            Self::Float => "Size of data received by Deserializer is not 4",
            Self::Double => "Size of data received by Deserializer is not 8",
        }
    }
}

/// Kafka Connect's `NumberConverter` for one kind of number.
pub(crate) struct NumberConverter {
    kind: NumberKind,
}

impl NumberConverter {
    pub(crate) fn new(kind: NumberKind) -> Self {
        Self { kind }
    }
}

impl Converter for NumberConverter {
    /// The schema is not looked at: only the value's own type counts.
    fn from_connect(
        &mut self,
        _topic: &str,
        _headers: &mut Vec<RecordHeader>,
        datum: &Datum,
    ) -> Result<Option<Bytes>> {
        let bytes = match (self.kind, &datum.value) {
            (_, Value::Null) => return Ok(None),
            (NumberKind::Short, Value::Int16(n)) => Bytes::copy_from_slice(&n.to_be_bytes()),
            (NumberKind::Integer, Value::Int32(n)) => Bytes::copy_from_slice(&n.to_be_bytes()),
            (NumberKind::Long, Value::Int64(n)) => Bytes::copy_from_slice(&n.to_be_bytes()),
            (NumberKind::Float, Value::Float32(n)) => Bytes::copy_from_slice(&n.to_be_bytes()),
            (NumberKind::Double, Value::Float64(n)) => Bytes::copy_from_slice(&n.to_be_bytes()),
            (kind, other) => {
                return Err(Error::data(format!(
                    "Failed to serialize to {} (was class {}): ",
                    kind.type_name(),
                    other.java_class().unwrap_or("null")
                )));
            }
        };
        Ok(Some(bytes))
    }

    fn to_connect(
        &mut self,
        _topic: &str,
        _headers: &[RecordHeader],
        bytes: Option<Bytes>,
    ) -> Result<Datum> {
        let schema = self.kind.schema();
        let Some(bytes) = bytes else { return Ok(Datum::new(schema, Value::Null)) };
        match self.kind.decode(&bytes) {
            Some(value) => Ok(Datum::new(schema, value)),
            None => Err(Error::data(format!("Failed to deserialize {}: ", self.kind.type_name()))
                .caused_by(Error::new(ErrorKind::Serialization, self.kind.size_error()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(kind: NumberKind, value: Value) -> Result<Option<Bytes>> {
        NumberConverter::new(kind).from_connect("t", &mut Vec::new(), &Datum::schemaless(value))
    }

    #[test]
    fn every_kind_makes_the_round_trip() {
        for (kind, value, size) in [
            (NumberKind::Short, Value::Int16(-2), 2),
            (NumberKind::Integer, Value::Int32(i32::MIN), 4),
            (NumberKind::Long, Value::Int64(i64::MAX), 8),
            (NumberKind::Float, Value::Float32(1.5), 4),
            (NumberKind::Double, Value::Float64(-0.0), 8),
        ] {
            let bytes = encode(kind, value.clone()).unwrap().unwrap();
            assert_eq!(bytes.len(), size);
            let back = NumberConverter::new(kind).to_connect("t", &[], Some(bytes));
            assert_eq!(back.unwrap(), Datum::new(kind.schema(), value));
        }
    }

    #[test]
    fn other_types_and_sizes_are_refused_with_kafkas_texts() {
        let error = encode(NumberKind::Long, Value::Int32(3)).unwrap_err();
        assert_eq!(error.message(), "Failed to serialize to long (was class java.lang.Integer): ");
        let error = NumberConverter::new(NumberKind::Float)
            .to_connect("t", &[], Some(Bytes::from_static(b"abc")))
            .unwrap_err();
        assert_eq!(error.message(), "Failed to deserialize float: ");
        assert_eq!(
            error.cause().unwrap().message(),
            "Size of data received by Deserializer is not 4"
        );
    }

    #[test]
    fn null_stays_null() {
        assert_eq!(encode(NumberKind::Short, Value::Null).unwrap(), None);
        let back = NumberConverter::new(NumberKind::Short).to_connect("t", &[], None);
        assert_eq!(back.unwrap(), Datum::new(Schema::optional_int16(), Value::Null));
    }
}
