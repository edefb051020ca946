//! Records a second that a worker with the replicator copies from one log into another, beside a
//! bare loop that reads and appends: embedded logs, or RocketMQ clusters where name servers are given.
//!
//! `cargo run --release -p gantry-replicator --example replicator_bench [RECORDS [ROUNDS [SOURCE TARGET]]]`

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_api::{PluginRegistry, Props};
use gantry_engine::{Herder, PluginLoader, WorkerConfig};
use gantry_log::{
    EmbeddedConfig, EmbeddedLog, FullLog, LogRecord, QueueBatch, ReadLimits, RecordHeader,
    TopicPartition, TopicSpec,
};
use gantry_replicator::{Clusters, OpenSource, plugins};
use gantry_rocketmq::{RocketmqConfig, RocketmqLog};

const QUEUES: u32 = 4;
const VALUE_BYTES: usize = 200;
/// What the source task asks for at once.
const LIMITS: ReadLimits =
    ReadLimits { max_bytes: 4 << 20, max_records: 10_000, wait: Duration::from_secs(1) };
/// Writes of the bare loop that are on their way at once.
const IN_FLIGHT: usize = 4;

type AnyLog = Arc<dyn FullLog>;
type Outcome<T> = Result<T, Box<dyn Error>>;

struct Source(AnyLog);

impl OpenSource for Source {
    fn check(&self, _keys: &Props) -> Result<(), String> {
        Ok(())
    }
    fn open(&self, _keys: &Props, _group: &str) -> Result<AnyLog, String> {
        Ok(Arc::clone(&self.0))
    }
}

fn queue(topic: &str, number: u32) -> TopicPartition {
    TopicPartition::new(topic, number)
}

async fn fill(log: &AnyLog, records: u64) -> Outcome<()> {
    log.create_topic("t", TopicSpec::with_queues(QUEUES)).await?;
    let value = Bytes::from(vec![b'x'; VALUE_BYTES]);
    let header = RecordHeader { key: "TAGS".into(), value: Some("tag".into()) };
    for batch in 0..records / 1_000 {
        let record = |number: u64| LogRecord {
            key: Some(format!("key-{number}").into()),
            value: Some(value.clone()),
            headers: vec![header.clone()],
            timestamp_ms: 1,
        };
        let records = (batch * 1_000..(batch + 1) * 1_000).map(record).collect();
        let to = queue("t", u32::try_from(batch % u64::from(QUEUES))?);
        log.append(vec![QueueBatch { to, records }]).await?.await?;
    }
    Ok(())
}

async fn copied(log: &AnyLog, topic: &str) -> u64 {
    let mut sum = 0;
    for number in 0..QUEUES {
        sum += log.range(&queue(topic, number)).await.map_or(0, |range| range.next);
    }
    sum
}

async fn bare(source: &AnyLog, target: &AnyLog, records: u64) -> Outcome<Duration> {
    target.create_topic("t", TopicSpec::with_queues(QUEUES)).await?;
    let begun = Instant::now();
    let mut from: Vec<_> = (0..QUEUES).map(|number| (queue("t", number), 0)).collect();
    let mut in_flight = std::collections::VecDeque::new();
    let mut read = 0;
    while read < records {
        let mut batches = Vec::new();
        for batch in source.read(&from, LIMITS).await? {
            for (known, next) in &mut from {
                if *known == batch.from {
                    *next = batch.next;
                }
            }
            read += batch.records.len() as u64;
            let records = batch.records.into_iter().map(|(_, record)| record).collect();
            batches.push(QueueBatch { to: batch.from, records });
        }
        in_flight.push_back(target.append(batches).await?);
        if in_flight.len() >= IN_FLIGHT
            && let Some(durable) = in_flight.pop_front()
        {
            durable.await?;
        }
    }
    for durable in in_flight {
        durable.await?;
    }
    Ok(begun.elapsed())
}

async fn replicator(
    source: &AnyLog,
    target: &AnyLog,
    records: u64,
    name: &str,
) -> Outcome<Duration> {
    let clusters = Arc::new(Clusters::new(Source(Arc::clone(source))));
    clusters.set_target(Arc::clone(target));
    let registry = PluginRegistry {
        connectors: plugins(&clusters),
        converters: gantry_converters::converters(),
        header_converters: gantry_converters::header_converters(),
        ..PluginRegistry::default()
    };
    let loader = PluginLoader::new(move || registry.clone());
    let mut config = WorkerConfig::new("bench:1");
    let string = "org.apache.kafka.connect.storage.StringConverter";
    for key in ["key.converter", "value.converter"] {
        config.props.insert(key.to_owned(), string.to_owned());
    }
    let herder = Herder::start(config, loader, Arc::clone(target)).await?;
    let connector = [
        ("connector.class", "MirrorSourceConnector"),
        ("source.cluster.alias", "a"),
        ("source.cluster.gantry.rocketmq.namesrv.addr", "x:1"),
        ("topics", "t"),
    ];
    let pairs = connector.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let begun = Instant::now();
    herder.put_connector(name, Props::from(pairs), None, false).await?;
    while copied(target, "a.t").await < records {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = begun.elapsed();
    herder.shutdown().await;
    Ok(took)
}

/// Where records are copied from and to: folders, or name servers.
struct Places {
    folder: tempfile::TempDir,
    clusters: Option<(String, String)>,
}

impl Places {
    fn embedded(&self, name: &str) -> Outcome<AnyLog> {
        Ok(Arc::new(EmbeddedLog::open(EmbeddedConfig::new(self.folder.path().join(name)))?))
    }

    fn rocketmq(name_server: &str) -> AnyLog {
        Arc::new(RocketmqLog::open(RocketmqConfig::new(vec![name_server.into()])))
    }

    fn source(&self) -> Outcome<AnyLog> {
        match &self.clusters {
            Some((source, _)) => Ok(Self::rocketmq(source)),
            None => self.embedded("source"),
        }
    }

    fn target(&self, name: &str) -> Outcome<AnyLog> {
        match &self.clusters {
            Some((_, target)) => Ok(Self::rocketmq(target)),
            None => self.embedded(name),
        }
    }

    /// Takes away what a round wrote.
    async fn clean(&self, target: &AnyLog, name: &str, topic: &str) -> Outcome<()> {
        target.delete_topic(topic).await?;
        let folder = self.folder.path().join(name);
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let records: u64 = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let records = records / (1_000 * u64::from(QUEUES)) * 1_000 * u64::from(QUEUES);
    let places =
        Places { folder: tempfile::tempdir()?, clusters: arguments.next().zip(arguments.next()) };
    let source = places.source()?;
    fill(&source, records).await?;
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let target = places.target("bare")?;
        let loop_took = bare(&source, &target, records).await?;
        places.clean(&target, "bare", "t").await?;
        drop(target);
        let target = places.target("replicator")?;
        let took = replicator(&source, &target, records, &format!("copy-{round}")).await?;
        places.clean(&target, "replicator", "a.t").await?;
        let rate = |took: Duration| records as f64 / took.as_secs_f64();
        ratios.push(rate(took) / rate(loop_took));
        writeln!(
            std::io::stdout(),
            "bare loop {:10.0} records/s, replicator {:10.0} records/s, {:3.0} %",
            rate(loop_took),
            rate(took),
            100.0 * rate(took) / rate(loop_took)
        )?;
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    writeln!(std::io::stdout(), "median {:.0} %", 100.0 * median)?;
    Ok(())
}
