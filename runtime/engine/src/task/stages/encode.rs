//! From a source to the log: transformations, then converters.

use bytes::Bytes;
use gantry_api::model::text;
use gantry_api::{ConnectRecord, Converter, Datum, Fate, Headers, Str, Value, now_ms};
use gantry_log::{LogRecord, RecordHeader};

use super::{Failure, Named, Stage, Stages, Watch};

/// A record ready for the log.
pub(crate) struct Encoded {
    pub(crate) topic: Str,
    /// The queue, if the record chose one.
    pub(crate) partition: Option<i32>,
    pub(crate) record: LogRecord,
}

impl Stages {
    /// Transforms and converts one record; `None` when a transformation dropped it.
    pub(crate) fn encode(
        &mut self,
        mut record: ConnectRecord,
        watch: &mut impl Watch,
    ) -> Result<Option<Encoded>, Failure> {
        if self.transform(&mut record, watch)? == Fate::Drop {
            return Ok(None);
        }
        let ConnectRecord { topic, partition, key, value, timestamp_ms, headers, .. } = record;
        // Headers first, as Kafka Connect does: the other converters see them as they are written
        // and may add to them, and of several failures this one is told.
        let mut headers = self.encode_headers(&topic, &headers)?;
        let key = match self.key.inner.from_connect(&topic, &mut headers, &key) {
            Ok(key) => key,
            Err(error) => return Err(self.key.failed(Stage::KeyConverter, error)),
        };
        let value = match self.value.inner.from_connect(&topic, &mut headers, &value) {
            Ok(value) => value,
            Err(error) => return Err(self.value.failed(Stage::ValueConverter, error)),
        };
        let timestamp_ms = timestamp_ms.unwrap_or_else(now_ms);
        let record = LogRecord { key, value, headers, timestamp_ms };
        Ok(Some(Encoded { topic, partition, record }))
    }

    fn encode_headers(
        &mut self,
        topic: &str,
        headers: &Headers,
    ) -> Result<Vec<RecordHeader>, Failure> {
        let mut converted = Vec::with_capacity(headers.len());
        for header in headers {
            match self.header.inner.from_connect_header(topic, &header.key, &header.datum) {
                Ok(value) => converted.push(RecordHeader { key: Str::clone(&header.key), value }),
                Err(error) => return Err(self.header.failed(Stage::HeaderConverter, error)),
            }
        }
        Ok(converted)
    }

    /// A record for the dead letter queue: untransformed, converted where that works, else as
    /// text.
    pub(crate) fn encode_plain(&mut self, record: ConnectRecord) -> LogRecord {
        let ConnectRecord { topic, key, value, timestamp_ms, .. } = record;
        let as_text = |value: &Value| match value {
            Value::Null => None,
            Value::Bytes(bytes) => Some(bytes.clone()),
            other => Some(Bytes::from(text::java_string(other))),
        };
        let mut headers = Vec::new();
        // One that asks somebody else would make that one remember what nobody meant to write.
        let mut converted = |converter: &mut Named<dyn Converter>, datum: &Datum| {
            let Named { may_block: false, inner, .. } = converter else { return None };
            inner.from_connect(&topic, &mut headers, datum).ok()
        };
        let converted_key = converted(&mut self.key, &key);
        let converted_value = converted(&mut self.value, &value);
        LogRecord {
            key: converted_key.unwrap_or_else(|| as_text(&key.value)),
            value: converted_value.unwrap_or_else(|| as_text(&value.value)),
            headers,
            timestamp_ms: timestamp_ms.unwrap_or_else(now_ms),
        }
    }
}
