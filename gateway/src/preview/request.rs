//! What a preview is asked for.

use gantry_api::{ConnectRecord, Datum, Header, Props, Str};
use gantry_engine::{
    PREVIEW_RECORDS_DEFAULT, PREVIEW_RECORDS_MAX, PreviewSamples, RawRecord, StartAt, TopicSample,
};
use gantry_log::{LogRecord, RecordHeader};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::data::{DataReader, bytes};
use crate::json;

const FORM: &str = "write {\"config\":{…},\"records\":[…]}, or {\"config\":{…},\"topic\":\"…\",\
    \"from\":\"earliest\",\"max\":10}";

/// The body of `POST /connector-plugins/{class}/preview`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// The connector's configuration.
    pub(crate) config: Box<RawValue>,
    #[serde(default)]
    records: Option<Vec<Box<RawValue>>>,
    #[serde(default)]
    topic: Option<String>,
    #[serde(default)]
    partition: Option<u32>,
    #[serde(default)]
    from: Option<From>,
    #[serde(default)]
    max: Option<usize>,
    #[serde(default)]
    encoding: Encoding,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum From {
    Offset(u64),
    Word(String),
}

/// What JSON strings in keys, values and headers of raw records stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    /// Their text.
    #[default]
    Text,
    /// Bytes in hexadecimal digits, as `gantry topic dump` prints them.
    Hex,
}

impl Body {
    /// Parses a body. The error is a sentence for the user.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|error| format!("the body is wrong: {error}; {FORM}"))
    }

    /// What records are asked for.
    pub(crate) fn samples(self) -> Result<SampleRequest, String> {
        let from = match self.from {
            None => None,
            Some(From::Offset(offset)) => Some(StartAt::Offset(offset)),
            Some(From::Word(word)) => Some(start_at(&word)?),
        };
        Ok(SampleRequest {
            records: self.records,
            topic: self.topic,
            partition: self.partition,
            from,
            max: self.max,
            encoding: self.encoding,
        })
    }
}

/// `earliest`, `latest`, or an offset.
fn start_at(text: &str) -> Result<StartAt, String> {
    match text {
        "earliest" => Ok(StartAt::Earliest),
        "latest" => Ok(StartAt::Latest),
        offset => offset
            .parse()
            .map(StartAt::Offset)
            .map_err(|_| format!("from is {offset}; write earliest, latest or an offset")),
    }
}

/// Which records to take.
#[derive(Debug, Default)]
pub(crate) struct SampleRequest {
    /// Samples; without them a topic is read.
    pub(crate) records: Option<Vec<Box<RawValue>>>,
    /// The topic to read, or of samples that name none.
    pub(crate) topic: Option<String>,
    /// Only this queue of it.
    pub(crate) partition: Option<u32>,
    /// Where to begin in it.
    pub(crate) from: Option<StartAt>,
    /// How many records at most.
    pub(crate) max: Option<usize>,
    /// How samples are written.
    pub(crate) encoding: Encoding,
}

/// Where the records of a preview come from.
#[derive(Debug)]
pub(crate) enum Plan {
    /// They are here.
    Samples(PreviewSamples),
    /// They are to be read.
    Topic(TopicSample),
}

impl SampleRequest {
    /// Reads the samples as the connector needs them. The error is a sentence for the user that
    /// names the record.
    pub(crate) fn plan(self, is_source: bool, config: &Props) -> Result<Plan, String> {
        let max = self.max.unwrap_or(PREVIEW_RECORDS_DEFAULT);
        if max == 0 || max > PREVIEW_RECORDS_MAX {
            return Err(format!("max is {max}; write a number from 1 to {PREVIEW_RECORDS_MAX}"));
        }
        let Some(records) = self.records else {
            let Some(topic) = self.topic else {
                return Err(format!("there are neither records nor a topic; {FORM}"));
            };
            if is_source {
                return Err(
                    "a source makes records and reads none from a topic: give `records` as \
                            its task would make them"
                        .to_owned(),
                );
            }
            let start = self.from.unwrap_or(StartAt::Earliest);
            return Ok(Plan::Topic(TopicSample { topic, partition: self.partition, start, max }));
        };
        if self.from.is_some() || self.partition.is_some() {
            return Err(
                "`from` and `partition` say what to read of a topic: leave them out where \
                        `records` are given"
                    .to_owned(),
            );
        }
        if records.len() > PREVIEW_RECORDS_MAX {
            return Err(format!(
                "there are {} records; {PREVIEW_RECORDS_MAX} are taken at most",
                records.len()
            ));
        }
        let topic = self.topic.or_else(|| configured_topic(is_source, config));
        let mut samples = Samples {
            topic,
            encoding: self.encoding,
            reader: DataReader::new()?,
            now: gantry_api::now_ms(),
        };
        let numbered = records.iter().take(self.max.unwrap_or(PREVIEW_RECORDS_MAX)).enumerate();
        let named = |(i, why): (usize, String)| format!("record {i}: {why}");
        let plan = if is_source {
            let read = numbered.map(|(i, raw)| samples.source(raw).map_err(|why| named((i, why))));
            PreviewSamples::Source(read.collect::<Result<_, _>>()?)
        } else {
            let read = numbered.map(|(i, raw)| samples.sink(i, raw).map_err(|why| named((i, why))));
            PreviewSamples::Sink(read.collect::<Result<_, _>>()?)
        };
        Ok(Plan::Samples(plan))
    }
}

/// The topic that a configuration writes to or reads from, where it says so itself.
fn configured_topic(is_source: bool, config: &Props) -> Option<String> {
    let key = if is_source { "topic" } else { "topics" };
    let first = config.get(key)?.split(',').next()?.trim();
    (!first.is_empty()).then(|| first.to_owned())
}

/// A sample. What is missing is null, or chosen here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[serde(default)]
    topic: Option<String>,
    #[serde(default)]
    partition: Option<i32>,
    #[serde(default)]
    offset: Option<u64>,
    #[serde(default)]
    timestamp: Option<i64>,
    #[serde(default)]
    key: Option<Box<RawValue>>,
    #[serde(default)]
    value: Option<Box<RawValue>>,
    #[serde(default)]
    headers: Option<Box<RawValue>>,
}

struct Samples {
    topic: Option<String>,
    encoding: Encoding,
    reader: DataReader,
    now: i64,
}

impl Samples {
    fn parse(&self, raw: &RawValue) -> Result<(Sample, Str), String> {
        let sample: Sample = serde_json::from_str(raw.get()).map_err(|error| {
            format!(
                "{error}; a record is an object of value, and perhaps key, headers, topic, \
                 partition, offset, timestamp"
            )
        })?;
        let topic = sample.topic.as_ref().or(self.topic.as_ref());
        let topic = topic.ok_or("it names no topic: add `topic` to it, or beside `records`")?;
        let topic = topic.as_str().into();
        Ok((sample, topic))
    }

    fn source(&mut self, raw: &RawValue) -> Result<ConnectRecord, String> {
        let (sample, topic) = self.parse(raw)?;
        if sample.offset.is_some() {
            return Err("a record that is not yet written has no offset".to_owned());
        }
        let mut part = |what: &str, raw: Option<Box<RawValue>>| match raw {
            None => Ok(Datum::NULL),
            Some(raw) => self.reader.datum(&raw).map_err(|why| format!("{what}: {why}")),
        };
        let key = part("key", sample.key)?;
        let value = part("value", sample.value)?;
        let headers = header_list(sample.headers.as_deref())?
            .into_iter()
            .map(|(name, raw)| {
                let datum = part(&format!("header {name}"), Some(raw))?;
                Ok(Header { key: name.into(), datum })
            })
            .collect::<Result<_, String>>()?;
        Ok(ConnectRecord {
            topic,
            partition: sample.partition,
            key,
            value,
            timestamp_ms: sample.timestamp,
            headers,
            sink_offset: None,
        })
    }

    fn sink(&self, index: usize, raw: &RawValue) -> Result<RawRecord, String> {
        let (sample, topic) = self.parse(raw)?;
        let part = |what: &str, raw: Option<Box<RawValue>>| match raw {
            None => Ok(None),
            Some(raw) => bytes(&raw, self.encoding).map_err(|why| format!("{what}: {why}")),
        };
        let headers = header_list(sample.headers.as_deref())?
            .into_iter()
            .map(|(name, raw)| {
                let value = part(&format!("header {name}"), Some(raw))?;
                Ok(RecordHeader { key: name.into(), value })
            })
            .collect::<Result<_, String>>()?;
        let partition = sample.partition.unwrap_or_default();
        if partition < 0 {
            return Err(format!("partition is {partition}; a queue has a number from 0"));
        }
        Ok(RawRecord {
            topic,
            partition: Some(partition),
            offset: Some(sample.offset.unwrap_or(index as u64)),
            record: LogRecord {
                key: part("key", sample.key)?,
                value: part("value", sample.value)?,
                headers,
                timestamp_ms: sample.timestamp.unwrap_or(self.now),
            },
        })
    }
}

/// Headers as `{"name": value}`, or as `[["name", value]]` where a name stands twice.
fn header_list(raw: Option<&RawValue>) -> Result<Vec<(String, Box<RawValue>)>, String> {
    let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(Vec::new()) };
    if let Some(members) = json::members(raw) {
        return Ok(members);
    }
    serde_json::from_str(raw.get()).map_err(|_| {
        "headers are {\"name\": value}, or [[\"name\", value]] where a name stands twice".to_owned()
    })
}
