//! Bodies of requests.

use gantry_api::model::text::java_string;
use gantry_api::{Bytes, Converter, Error, Props, Result, SinkRecord, Value};
use gantry_converters::JsonConverter;

use super::config::{Batching, Body, Format};

/// Writes values.
pub(super) struct Encoder {
    how: Body,
    json: JsonConverter,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Encoder")
    }
}

impl Encoder {
    pub(super) fn new(how: &Body) -> Result<Self> {
        let props: Props = [
            ("schemas.enable", "false"),
            ("converter.type", "value"),
            ("decimal.format", how.decimals.as_str()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
        Ok(Self { how: how.clone(), json: JsonConverter::new(&props)? })
    }

    /// The body of one record.
    pub(super) fn one(&mut self, record: &SinkRecord, around: &Batching) -> Result<Bytes> {
        let value = self.value(record)?;
        if !around.wraps || (around.prefix.is_empty() && around.suffix.is_empty()) {
            return Ok(value);
        }
        let mut out = Vec::with_capacity(around.prefix.len() + value.len() + around.suffix.len());
        out.extend_from_slice(around.prefix.as_bytes());
        out.extend_from_slice(&value);
        out.extend_from_slice(around.suffix.as_bytes());
        Ok(out.into())
    }

    /// A value's bytes.
    pub(super) fn value(&mut self, record: &SinkRecord) -> Result<Bytes> {
        let value = &record.record.value.value;
        let text = match (self.how.format, value) {
            (Format::Text | Format::TextOrJson, Value::String(text)) => {
                if self.how.regexes.is_empty() {
                    return Ok(text.to_bytes());
                }
                text.to_string()
            }
            (Format::Text, Value::Bytes(bytes)) => {
                if self.how.regexes.is_empty() {
                    return Ok(bytes.clone());
                }
                String::from_utf8_lossy(bytes).into_owned()
            }
            (Format::Text, other) => java_string(other),
            (Format::Json, _) | (Format::TextOrJson, Value::Struct(_) | Value::Map(_)) => {
                return self.json(record);
            }
            (Format::TextOrJson, Value::Null) => {
                return Err(Error::data("Record value must not be null"));
            }
            (Format::TextOrJson, other) => {
                return Err(Error::data(format!(
                    "Record value must be a String, a Schema Struct or implement \
                     `java.util.Map`, but {} is given",
                    other.java_class().unwrap_or("null")
                )));
            }
        };
        self.replaced(text).map(Bytes::from)
    }

    fn json(&mut self, record: &SinkRecord) -> Result<Bytes> {
        let record = &record.record;
        let found = self.json.from_connect(&record.topic, &mut Vec::new(), &record.value)?;
        Ok(found.unwrap_or_else(|| Bytes::from_static(b"null")))
    }

    fn replaced(&self, mut text: String) -> Result<String> {
        for (pattern, replacement) in &self.how.regexes {
            text = pattern.replace_all(&text, replacement)?;
        }
        Ok(text)
    }
}
