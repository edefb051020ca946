//! A record with where it came from, which no transformation can change.

use gantry_model::{ConnectRecord, Datum, TopicPartition};

use serde_json::Value as Json;

use crate::offset::{OffsetMap, SourceOffset, SourcePartition};

/// A record from a source, with its position there.
#[derive(Clone, Debug)]
pub struct SourceRecord {
    /// What transformations see.
    pub record: ConnectRecord,
    /// What part of the source it is from.
    pub partition: SourcePartition,
    /// Where the source goes on after it.
    pub offset: SourceOffset,
    /// Whether the source's transaction ends with it (`transaction.boundary=connector`).
    pub boundary: Option<Boundary>,
    /// Whether only the position counts: nothing goes into the log, and its offset is committed in its turn.
    pub is_position: bool,
}

/// How a transaction ends that a source defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// What was polled since the last end counts.
    Commit,
    /// None of it does.
    Abort,
}

impl SourceRecord {
    /// A record that says nothing of transactions.
    pub fn new(record: ConnectRecord, partition: SourcePartition, offset: SourceOffset) -> Self {
        Self { record, partition, offset, boundary: None, is_position: false }
    }
    /// A position alone.
    pub fn position(partition: SourcePartition, offset: SourceOffset) -> Self {
        let record = ConnectRecord::new("".into(), Datum::NULL);
        Self { is_position: true, ..Self::new(record, partition, offset) }
    }
    /// The position of a record as Kafka Connect prints it in front of the record.
    pub fn position_text(partition: &SourcePartition, offset: &SourceOffset) -> String {
        format!(
            "SourceRecord{{sourcePartition={}, sourceOffset={}}} ",
            java_map(partition.map()),
            java_map(&offset.to_map())
        )
    }
}

/// A map as Java prints it: `{a=1, b=x}`.
fn java_map(map: &OffsetMap) -> String {
    let all: Vec<String> =
        map.iter().map(|(key, value)| format!("{key}={}", java_value(value))).collect();
    format!("{{{}}}", all.join(", "))
}

fn java_value(value: &Json) -> String {
    match value {
        Json::Object(map) => java_map(map),
        Json::Array(list) => {
            let all: Vec<String> = list.iter().map(java_value).collect();
            format!("[{}]", all.join(", "))
        }
        Json::String(text) => text.clone(),
        plain => plain.to_string(),
    }
}

/// Who set a record's timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer.
    CreateTime,
    /// The log.
    LogAppendTime,
}

/// A record for a sink, with its place in the log before any transformation.
#[derive(Clone, Debug)]
pub struct SinkRecord {
    /// What transformations have made of it.
    pub record: ConnectRecord,
    /// The queue it was read from.
    pub origin: TopicPartition,
    /// Its offset there.
    pub offset: u64,
    /// Who set its timestamp.
    pub timestamp_type: TimestampType,
}

impl SinkRecord {
    /// The position of a record as Kafka Connect prints it in front of the record.
    /// `timestamp_type`: none where the record has no timestamp.
    pub fn position_text(
        origin: &TopicPartition,
        offset: u64,
        timestamp_type: Option<TimestampType>,
    ) -> String {
        let TopicPartition { topic, partition } = origin;
        let timestamp_type = match timestamp_type {
            None => "NoTimestampType",
            Some(TimestampType::CreateTime) => "CreateTime",
            Some(TimestampType::LogAppendTime) => "LogAppendTime",
        };
        format!(
            "SinkRecord{{kafkaOffset={offset}, timestampType={timestamp_type}, \
             originalTopic={topic}, originalKafkaPartition={partition}, \
             originalKafkaOffset={offset}}} "
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_printed_as_kafka_does() {
        let partition = SourcePartition::of("filename", "/tmp/x");
        let offset = SourceOffset::Number("position".into(), 42);
        assert_eq!(
            SourceRecord::position_text(&partition, &offset),
            "SourceRecord{sourcePartition={filename=/tmp/x}, sourceOffset={position=42}} "
        );
        let nested: OffsetMap =
            serde_json::from_str(r#"{"a":[1,"x",{"b":null}]}"#).expect("an object");
        assert_eq!(java_map(&nested), "{a=[1, x, {b=null}]}");
        assert_eq!(
            SinkRecord::position_text(&TopicPartition::new("t", 3), 7, None),
            "SinkRecord{kafkaOffset=7, timestampType=NoTimestampType, originalTopic=t, \
             originalKafkaPartition=3, originalKafkaOffset=7} "
        );
    }
}
