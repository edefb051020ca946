//! From a source to the log: transformations, then converters.

use bytes::Bytes;
use gantry_api::model::text;
use gantry_api::{ConnectRecord, Fate, Headers, Str, Value, now_ms};
use gantry_log::{LogRecord, RecordHeader};

use super::{Failure, Stage, Stages, Watch};

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
        let ConnectRecord { topic, partition, key, value, timestamp_ms, mut headers, .. } = record;
        let key = match self.key.inner.from_connect(&topic, &mut headers, &key) {
            Ok(key) => key,
            Err(error) => {
                let failure = self.key.failed(Stage::KeyConverter, error);
                return Err(self.headers_first(&topic, &headers, failure));
            }
        };
        let value = match self.value.inner.from_connect(&topic, &mut headers, &value) {
            Ok(value) => value,
            Err(error) => {
                let failure = self.value.failed(Stage::ValueConverter, error);
                return Err(self.headers_first(&topic, &headers, failure));
            }
        };
        let converted = self.encode_headers(&topic, &headers)?;
        let timestamp_ms = timestamp_ms.unwrap_or_else(now_ms);
        let record = LogRecord { key, value, headers: converted, timestamp_ms };
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

    /// Kafka Connect converts the headers of a source's record before key and value: of several
    /// failures theirs is the one that is told.
    fn headers_first(&mut self, topic: &str, headers: &Headers, later: Failure) -> Failure {
        self.encode_headers(topic, headers).err().unwrap_or(later)
    }

    /// A record for the dead letter queue: untransformed, converted where that works, else as
    /// text.
    pub(crate) fn encode_plain(&mut self, record: ConnectRecord) -> LogRecord {
        let ConnectRecord { topic, key, value, timestamp_ms, mut headers, .. } = record;
        let as_text = |value: &Value| match value {
            Value::Null => None,
            Value::Bytes(bytes) => Some(bytes.clone()),
            other => Some(Bytes::from(text::java_string(other))),
        };
        let converted_key = self.key.inner.from_connect(&topic, &mut headers, &key);
        let converted_value = self.value.inner.from_connect(&topic, &mut headers, &value);
        LogRecord {
            key: converted_key.unwrap_or_else(|_| as_text(&key.value)),
            value: converted_value.unwrap_or_else(|_| as_text(&value.value)),
            headers: Vec::new(),
            timestamp_ms: timestamp_ms.unwrap_or_else(now_ms),
        }
    }
}
