//! Tests against a real server in this process.

mod authentication;
mod batches;
mod delivery;
mod reports;
pub(super) mod tls;
mod validation;

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    CancellationToken, Connector, Datum, Error, Header, Kind, Props, Result, Schema, SchemaBuilder,
    SinkRecord, SinkTask, SinkTaskContext, Struct, TimestampType, TopicPartition, Value,
};

use super::{Flavour, HttpSink, HttpSinkTask};
use crate::web::server;

pub(super) fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Aiven's keys for a URL, and more.
pub(super) fn aiven(url: &str, more: &[(&str, &str)]) -> Props {
    let mut all = props(&[
        ("http.url", url),
        ("http.authorization.type", "none"),
        ("retry.backoff.ms", "10"),
    ]);
    all.extend(props(more));
    all
}

/// Confluent's keys for a URL, and more.
pub(super) fn confluent(url: &str, more: &[(&str, &str)]) -> Props {
    let mut all = props(&[
        ("http.api.url", url),
        ("retry.backoff.ms", "10"),
        ("retry.backoff.policy", "CONSTANT_VALUE"),
    ]);
    all.extend(props(more));
    all
}

/// A record of topic `t`, queue 0.
pub(super) fn record(offset: u64, key: &str, value: &str) -> SinkRecord {
    valued(offset, key, Datum::schemaless(Value::str(value)))
}

pub(super) fn valued(offset: u64, key: &str, value: Datum) -> SinkRecord {
    let mut record = gantry_api::ConnectRecord::new("t".into(), value);
    record.key = match key {
        "" => Datum::NULL,
        key => Datum::new(SchemaBuilder::new(Kind::String).build_plain(), Value::str(key)),
    };
    SinkRecord {
        record,
        origin: TopicPartition::new("t", 0),
        offset,
        timestamp_type: TimestampType::CreateTime,
    }
}

pub(super) fn null(offset: u64, key: &str) -> SinkRecord {
    valued(offset, key, Datum::NULL)
}

pub(super) fn with_header(mut record: SinkRecord, name: &str, value: &str) -> SinkRecord {
    let datum = Datum::schemaless(Value::str(value));
    record.record.headers.push(Header::new(name.into(), datum).unwrap());
    record
}

/// `{id: 7, name: "Ann", in: {city: "a/b c"}}`
pub(super) fn person() -> Datum {
    let text = || SchemaBuilder::new(Kind::String).build_plain();
    let inner: Schema =
        SchemaBuilder::structure(vec![("city".into(), text())]).unwrap().build_plain();
    let schema = SchemaBuilder::structure(vec![
        ("id".into(), SchemaBuilder::new(Kind::Int32).build_plain()),
        ("name".into(), text()),
        ("in".into(), inner.clone()),
    ])
    .unwrap()
    .build_plain();
    let place = Struct::from_values(inner, vec![Value::str("a/b c")]);
    let values = vec![Value::Int32(7), Value::str("Ann"), Value::Struct(place.into())];
    Datum::new(schema.clone(), Value::Struct(Struct::from_values(schema, values).into()))
}

/// A started task with its context.
pub(super) struct Task {
    pub(super) task: HttpSinkTask,
    pub(super) context: SinkTaskContext,
}

impl Task {
    pub(super) async fn new(flavour: Flavour, props: &Props) -> Self {
        Self::with(flavour, props, true).await.unwrap()
    }
    /// With a dead letter queue or without.
    pub(super) async fn with(flavour: Flavour, props: &Props, errant: bool) -> Result<Self> {
        let context = SinkTaskContext::new("web".into(), 0, CancellationToken::new());
        let context = context.with_errant(errant);
        let mut task = HttpSinkTask::new(flavour);
        task.start(context.clone(), props).await?;
        Ok(Self { task, context })
    }
    pub(super) async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        self.task.put(records).await
    }
    /// The offset of the first queue that is safe when it was put up to `next`.
    pub(super) async fn safe(&mut self, next: u64) -> u64 {
        let queue = gantry_api::TopicPartition::new("t", 0);
        let written = [(queue.clone(), gantry_api::SinkOffset::new(next))].into();
        self.task.pre_commit(&written).await.unwrap()[&queue].offset
    }
    /// What was reported: offsets and errors.
    pub(super) fn errant(&self) -> Vec<(u64, String)> {
        let all = self.context.take_errant();
        all.into_iter().map(|one| (one.record.offset, one.error.trace())).collect()
    }
}

/// What is found in a configuration: keys and errors.
pub(super) fn findings(flavour: Flavour, props: &Props) -> Vec<(String, String)> {
    let mut found = super::config::definition(flavour).validate(props);
    HttpSink::new(flavour).validate(props, &mut found).unwrap();
    let all = found.into_iter().flat_map(|ConfigValue { name, errors, .. }| {
        errors.into_iter().map(move |error| (name.clone(), error))
    });
    all.collect()
}
