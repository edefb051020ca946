//! TimestampRouter: names the topic by the record's timestamp.

use std::sync::Arc;

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::text::java_string;
use gantry_model::{ConnectRecord, Datum, Error, Result, Str};

use crate::simple_date_format::SimpleDateFormat;
use crate::support::single;

const TOPIC_FORMAT: &str = "topic.format";
const TIMESTAMP_FORMAT: &str = "timestamp.format";
const TOPIC: &str = "${topic}";
const TIMESTAMP: &str = "${timestamp}";
/// What stands before the record in the message, and before the record's position.
const MISSING: &str = "Timestamp missing on record: ";

struct TimestampRouter {
    topic_format: String,
    /// A pattern that Java refuses fails each record, not the configuration.
    timestamp_format: Result<SimpleDateFormat>,
    resolution_ms: i64,
    last: Option<Last>,
}

/// The latest result: it holds while topic and formatted time stay the same.
struct Last {
    topic: Str,
    bucket: i64,
    routed: Str,
}

pub(crate) fn plugin() -> Plugin<dyn Transformation> {
    single("TimestampRouter", config, |config: &ParsedConfig| {
        let pattern = config.string(TIMESTAMP_FORMAT).unwrap_or_default();
        let timestamp_format = SimpleDateFormat::compile(pattern);
        Ok(Box::new(TimestampRouter {
            topic_format: config.string(TOPIC_FORMAT).unwrap_or_default().to_owned(),
            resolution_ms: timestamp_format.as_ref().map_or(1, SimpleDateFormat::resolution_ms),
            timestamp_format,
            last: None,
        }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new()
        .define(ConfigKey::new(
            TOPIC_FORMAT,
            Type::String,
            "${topic}-${timestamp}",
            Importance::High,
            "The new topic; ${topic} stands for the old one and ${timestamp} for the time.",
        ))
        .define(ConfigKey::new(
            TIMESTAMP_FORMAT,
            Type::String,
            "yyyyMMdd",
            Importance::High,
            "How the record's timestamp is written, as a pattern of java.text.SimpleDateFormat; \
             the time zone is UTC.",
        ))
}

impl Transformation for TimestampRouter {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Some(timestamp_ms) = record.timestamp_ms else {
            let message = format!("{MISSING}{}", shown(record));
            return Err(Error::data(message).with_position_at(MISSING.len()));
        };
        let bucket = timestamp_ms.div_euclid(self.resolution_ms);
        if let Some(last) = &self.last
            && last.bucket == bucket
            && (Arc::ptr_eq(&last.topic, &record.topic) || last.topic == record.topic)
        {
            record.topic = Str::clone(&last.routed);
            return Ok(Fate::Keep);
        }
        let format = self.timestamp_format.as_ref().map_err(Error::clone)?;
        // One after the other, as Kafka Connect does: a topic may hold ${timestamp} itself.
        let routed: Str = self
            .topic_format
            .replace(TOPIC, &record.topic)
            .replace(TIMESTAMP, &format.format(timestamp_ms))
            .into();
        let topic = std::mem::replace(&mut record.topic, Str::clone(&routed));
        self.last = Some(Last { topic, bucket, routed });
        Ok(Fate::Keep)
    }
}

/// A record as Kafka Connect prints it, without where it came from: whoever knows that adds it.
fn shown(record: &ConnectRecord) -> String {
    let null = || "null".to_owned();
    let schema = |datum: &Datum| datum.schema.as_ref().map_or_else(null, |s| format!("{s:?}"));
    let number = |n: Option<i64>| n.map_or_else(null, |n| n.to_string());
    let headers: Vec<String> = record
        .headers
        .iter()
        .map(|header| {
            let (key, datum) = (&header.key, &header.datum);
            let (value, schema) = (java_string(&datum.value), schema(datum));
            format!("ConnectHeader(key={key}, value={value}, schema={schema})")
        })
        .collect();
    // No list at all where there never was a header.
    let headers =
        if headers.is_empty() { String::new() } else { format!("[{}]", headers.join(", ")) };
    format!(
        "ConnectRecord{{topic='{}', kafkaPartition={}, key={}, keySchema={}, value={}, \
         valueSchema={}, timestamp={}, headers=ConnectHeaders(headers={headers})}}",
        record.topic,
        number(record.partition.map(i64::from)),
        java_string(&record.key.value),
        schema(&record.key),
        java_string(&record.value.value),
        schema(&record.value),
        number(record.timestamp_ms),
    )
}

#[cfg(test)]
mod tests {
    use gantry_model::Value;

    use crate::tests::{Change, error_text, make, record};

    #[test]
    fn a_bad_pattern_fails_each_record() {
        let mut t = make("TimestampRouter", &[("timestamp.format", "bogus!")]).expect("valid");
        for _ in 0..2 {
            let mut input = record(Value::Null);
            input.timestamp_ms = Some(0);
            assert_eq!(error_text(t.change(input)), "Illegal pattern character 'b'");
        }
    }

    #[test]
    fn a_record_without_timestamp_is_an_error_that_shows_it() {
        let mut t = make("TimestampRouter", &[]).expect("valid");
        let text = error_text(t.change(record(Value::str("v"))));
        assert!(text.starts_with("Timestamp missing on record: ConnectRecord{topic='topic', "));
        assert!(text.contains("value=v, valueSchema=null, timestamp=null"));
    }

    #[test]
    fn the_remembered_topic_changes_with_day_and_topic() {
        const DAY_MS: i64 = 86_400_000;
        let mut t = make("TimestampRouter", &[]).expect("valid");
        for (topic, ms, expected) in [
            ("a", 0, "a-19700101"),
            ("a", DAY_MS - 1, "a-19700101"),
            ("a", DAY_MS, "a-19700102"),
            ("a", -1, "a-19691231"),
            ("b", -1, "b-19691231"),
        ] {
            let mut input = record(Value::Null);
            input.topic = topic.into();
            input.timestamp_ms = Some(ms);
            let out = t.change(input).expect("applies").expect("kept");
            assert_eq!(&*out.topic, expected);
        }
    }
}
