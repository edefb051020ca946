//! From the log to a sink: converters, then transformations.

use gantry_api::{ConnectRecord, Fate, Header, Headers, SinkRecord, Str, TimestampType};
use gantry_log::{LogRecord, RecordHeader, TopicPartition};

use super::{Failure, Stage, Stages, Watch};

impl Stages {
    /// Converts and transforms one record of a queue; `None` when a transformation dropped it.
    pub(crate) fn decode(
        &mut self,
        queue: &TopicPartition,
        offset: u64,
        record: &LogRecord,
        watch: &mut impl Watch,
    ) -> Result<Option<ConnectRecord>, Failure> {
        let topic = &queue.topic;
        let wire = &record.headers;
        let key = match self.key.inner.to_connect(topic, wire, record.key.clone()) {
            Ok(key) => key,
            Err(error) => return Err(self.key.failed(Stage::KeyConverter, error)),
        };
        let value = match self.value.inner.to_connect(topic, wire, record.value.clone()) {
            Ok(value) => value,
            Err(error) => return Err(self.value.failed(Stage::ValueConverter, error)),
        };
        // Headers last, as Kafka Connect does: of several failures theirs is not the one that is
        // told.
        let headers = self.decode_headers(topic, wire)?;
        let mut converted = ConnectRecord {
            topic: Str::clone(topic),
            partition: i32::try_from(queue.partition).ok(),
            key,
            value,
            timestamp_ms: Some(record.timestamp_ms),
            headers,
            sink_offset: Some(offset),
        };
        watch.converted(&converted);
        let fate = self.transform(&mut converted, watch).map_err(|mut failure| {
            failure.error.locate(|| {
                SinkRecord::position_text(queue, offset, Some(TimestampType::CreateTime))
            });
            failure
        })?;
        Ok((fate == Fate::Keep).then_some(converted))
    }
    fn decode_headers(&mut self, topic: &str, wire: &[RecordHeader]) -> Result<Headers, Failure> {
        // Room for what transformations add: the list is not copied for it.
        let room = if wire.is_empty() { 0 } else { self.steps.len() };
        let mut headers = Vec::with_capacity(wire.len() + room);
        for header in wire {
            let value = header.value.clone();
            match self.header.inner.to_connect_header(topic, &header.key, value) {
                Ok(datum) => headers.push(Header { key: Str::clone(&header.key), datum }),
                Err(error) => return Err(self.header.failed(Stage::HeaderConverter, error)),
            }
        }
        Ok(headers)
    }
}
