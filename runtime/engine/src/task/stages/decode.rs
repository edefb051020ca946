//! From the log to a sink: converters, then transformations.

use gantry_api::{ConnectRecord, Fate, Header, SinkRecord, Str, TimestampType};
use gantry_log::{LogRecord, TopicPartition};

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
        // Room for what transformations add: the list is not copied for it.
        let room = if record.headers.is_empty() { 0 } else { self.steps.len() };
        let mut headers = Vec::with_capacity(record.headers.len() + room);
        let mut header_failure = None;
        for header in &record.headers {
            let value = header.value.clone();
            match self.header.inner.to_connect_header(topic, &header.key, value) {
                Ok(datum) => headers.push(Header { key: Str::clone(&header.key), datum }),
                Err(error) => {
                    header_failure = Some(self.header.failed(Stage::HeaderConverter, error));
                    break;
                }
            }
        }
        let key = match self.key.inner.to_connect(topic, &headers, record.key.clone()) {
            Ok(key) => key,
            Err(error) => return Err(self.key.failed(Stage::KeyConverter, error)),
        };
        let value = match self.value.inner.to_connect(topic, &headers, record.value.clone()) {
            Ok(value) => value,
            Err(error) => return Err(self.value.failed(Stage::ValueConverter, error)),
        };
        // Kafka Connect converts the headers of a sink's record last: of several failures theirs is
        // not the one that is told.
        if let Some(failure) = header_failure {
            return Err(failure);
        }
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
}
