//! `SimpleHeaderConverter`: header values as text that tells its own type.

use bytes::Bytes;
use gantry_model::plugin::HeaderConverter;
use gantry_model::values::{convert_to_string, parse_string};
use gantry_model::{Datum, Result, Schema, Value};

/// Kafka Connect's `SimpleHeaderConverter`: writes a value as text and reads text as the type it
/// looks like (`true`, `12`, `[1,2]`, `2024-01-02`, …).
#[derive(Clone, Copy, Debug, Default)]
pub struct SimpleHeaderConverter;

impl HeaderConverter for SimpleHeaderConverter {
    fn from_connect_header(
        &mut self,
        _topic: &str,
        _key: &str,
        datum: &Datum,
    ) -> Result<Option<Bytes>> {
        if datum.value.is_null() {
            return Ok(None);
        }
        // The text is the value itself: no need to print it.
        if let Value::String(text) = &datum.value {
            return Ok(Some(text.to_bytes()));
        }
        Ok(convert_to_string(datum.schema.as_ref(), &datum.value)?.map(Bytes::from))
    }

    fn to_connect_header(
        &mut self,
        _topic: &str,
        _key: &str,
        bytes: Option<Bytes>,
    ) -> Result<Datum> {
        let Some(bytes) = bytes else { return Ok(Datum::NULL) };
        let text = crate::utf8::decode(bytes);
        if text.is_empty() {
            return Ok(Datum::new(Schema::string(), Value::String(text.into())));
        }
        Ok(parse_string(&text))
    }
}
