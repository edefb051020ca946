//! Whole workers that copy from one log into another.

mod copying;
mod groups;
mod loops;
mod moving;
mod resuming;
mod validating;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gantry_api::{PluginRegistry, Props};
use gantry_engine::{Herder, PluginLoader, WorkerConfig};
use gantry_log::{
    FullLog, LogRecord, QueueBatch, ReadLimits, RecordHeader, TopicPartition, TopicSpec,
};

use crate::{Clusters, OpenSource, plugins};

/// How long a test waits for what shall happen.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) type AnyLog = Arc<dyn FullLog>;

/// A source that is reached at once.
struct Source(AnyLog);

impl OpenSource for Source {
    fn check(&self, keys: &Props) -> Result<(), String> {
        match keys.get("gantry.rocketmq.namesrv.addr").map(String::as_str) {
            Some("bad") => Err("gantry.rocketmq.namesrv.addr=bad names nobody".to_owned()),
            _ => Ok(()),
        }
    }
    fn open(&self, _keys: &Props, _group: &str) -> Result<AnyLog, String> {
        Ok(Arc::clone(&self.0))
    }
}

fn registry(source: &AnyLog, target: Option<&AnyLog>) -> PluginRegistry {
    let clusters = Arc::new(Clusters::new(Source(Arc::clone(source))));
    if let Some(target) = target {
        clusters.set_target(Arc::clone(target));
    }
    PluginRegistry {
        connectors: plugins(&clusters),
        converters: gantry_converters::converters(),
        header_converters: gantry_converters::header_converters(),
        ..PluginRegistry::default()
    }
}

/// A worker on the target.
struct Worker {
    herder: Arc<Herder>,
}

impl Worker {
    async fn start(source: &AnyLog, target: &AnyLog) -> Self {
        let registry = registry(source, Some(target));
        let mut config = WorkerConfig::new("test:1");
        config.offset_flush_interval_ms = 50;
        config.props = props(&[
            ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
            ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ]);
        let loader = PluginLoader::new(move || registry.clone());
        let herder = Herder::start(config, loader, Arc::clone(target)).await;
        Self { herder: herder.unwrap() }
    }

    async fn create(&self, name: &str, class: &str, more: &[(&str, &str)]) {
        let mut config = props(&[
            ("connector.class", &format!("org.apache.kafka.connect.mirror.Mirror{class}Connector")),
            ("source.cluster.alias", "a"),
            ("target.cluster.alias", "b"),
        ]);
        if class != "Heartbeat" {
            config.insert("source.cluster.gantry.rocketmq.namesrv.addr".into(), "x:1".into());
        }
        config.extend(props(more));
        let created = self.herder.put_connector(name, config, None, false).await;
        created.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    fn states(&self) -> Vec<String> {
        let names = self.herder.connectors();
        names.iter().map(|name| format!("{:?}", self.herder.connector_status(name))).collect()
    }
}

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn record(key: &str, value: &str) -> LogRecord {
    let bytes = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
    LogRecord { key: bytes(key), value: bytes(value), headers: Vec::new(), timestamp_ms: 7 }
}

/// Records with all that a record can have.
fn motley(count: usize) -> Vec<LogRecord> {
    (0..count)
        .map(|number| {
            let mut record = record(&format!("k{number}"), &format!("value {number}"));
            let header = |name: &str, value: Option<&'static [u8]>| RecordHeader {
                key: name.into(),
                value: value.map(Bytes::from_static),
            };
            match number % 5 {
                0 => record.key = None,
                1 => record.value = None,
                2 => record.headers = vec![header("TAGS", Some(b"t")), header("x", None)],
                3 => record.value = Some(Bytes::from_static(&[0, 159, 146, 150])),
                _ => record.headers = vec![header("b", Some(b"\xff")), header("a", Some(b""))],
            }
            record.timestamp_ms = 1_000 + number as i64;
            record
        })
        .collect()
}

async fn topic(log: &AnyLog, name: &str, queues: u32) {
    log.create_topic(name, TopicSpec::with_queues(queues)).await.unwrap();
}

async fn put(log: &AnyLog, topic: &str, queue: u32, records: Vec<LogRecord>) {
    let to = TopicPartition::new(topic, queue);
    log.append(vec![QueueBatch { to, records }]).await.unwrap().await.unwrap();
}

/// All records of a queue; none while it is not there.
async fn all(log: &AnyLog, topic: &str, queue: u32) -> Vec<(u64, LogRecord)> {
    let queue = TopicPartition::new(topic, queue);
    let Ok(range) = log.range(&queue).await else { return Vec::new() };
    let mut next = range.earliest;
    let mut records = Vec::new();
    while next < range.next {
        let limits = ReadLimits { max_bytes: 1 << 20, max_records: 10_000, wait: PATIENCE };
        let batch = log.read(&[(queue.clone(), next)], limits).await.unwrap().remove(0);
        next = batch.next;
        records.extend(batch.records);
    }
    records
}

/// Waits until something is so.
async fn until<F: Future<Output = bool>>(worker: &Worker, what: &str, is_so: impl Fn() -> F) {
    let end = tokio::time::Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < end, "never: {what}; {:?}", worker.states());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until each queue of the copy is the queue of the source, offset by offset if `equal`.
async fn until_copied(
    worker: &Worker,
    (source, topic): (&AnyLog, &str),
    (target, copy): (&AnyLog, &str),
    equal: bool,
) {
    let queues = source.topic(topic).await.unwrap().unwrap().spec.queues;
    for queue in 0..queues {
        let wanted = all(source, topic, queue).await;
        until(worker, &format!("{copy}-{queue} has {} records", wanted.len()), || async {
            all(target, copy, queue).await.len() >= wanted.len()
        })
        .await;
        let found = all(target, copy, queue).await;
        if equal {
            assert_eq!(found, wanted, "{copy}-{queue}");
        } else {
            let records = |all: Vec<(u64, LogRecord)>| -> Vec<LogRecord> {
                all.into_iter().map(|(_, record)| record).collect()
            };
            assert_eq!(records(found), records(wanted), "{copy}-{queue}");
        }
    }
}

fn offsets(of: &[(&str, u32, u64)]) -> BTreeMap<TopicPartition, Option<u64>> {
    of.iter().map(|(topic, queue, at)| (TopicPartition::new(*topic, *queue), Some(*at))).collect()
}
