//! A job with much state: how long it takes to build, how much memory the process has then, and how
//! long a restart takes until the first result.
//!
//! `cargo run --release -p gantry-streams --example state_bench -- DIRECTORY 10000000 build`, then
//! `… DIRECTORY 10000000 restart`. With `mysql://…` behind that, state is in MySQL instead of change
//! logs.
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_log::{
    EmbeddedConfig, EmbeddedLog, FullLog, Log, LogAdmin, LogRecord, QueueBatch, TopicPartition,
    TopicSpec,
};
use gantry_streams::{
    MySqlStore, Settings, StateStore, StreamBuilder, Streams, Topology, bytes, data_serde, text,
};

const BATCH: u64 = 5_000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (args, url) = args.split_at(args.len().min(3));
    let [dir, keys, how] = args else {
        return Err("give a directory, how many keys, and build or restart".into());
    };
    let (dir, keys): (&Path, u64) = (dir.as_ref(), keys.parse()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let log = Arc::new(EmbeddedLog::open(EmbeddedConfig::new(dir.join("log")))?);
    let mut settings = Settings::new(dir.join("state"));
    settings.threads = 1;
    if let [url] = url {
        settings.state_store = StateStore::MySql(MySqlStore::new(url));
    }
    let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
    if how == "build" {
        for topic in ["in", "out"] {
            runtime.block_on(log.create_topic(topic, TopicSpec::with_queues(1)))?;
        }
        runtime.block_on(fill(&log, keys))?;
    }
    let out = TopicPartition::new("out", 0);
    let before = runtime.block_on(log.range(&out))?.next;
    if how != "build" {
        runtime.block_on(send(&log, [0].into_iter()))?;
    }
    let began = Instant::now();
    let job = Streams::start(topology(), shared, settings)?;
    let done = || -> Result<bool, Box<dyn Error>> {
        if let Some(failure) = job.failure() {
            return Err(failure.into());
        }
        if how == "build" {
            let status = job.status();
            let taken: u64 = status.iter().map(|task| task.records).sum();
            return Ok(taken >= keys && status.iter().all(|task| task.lag == 0));
        }
        Ok(runtime.block_on(log.range(&out))?.next > before)
    };
    while !done()? {
        std::thread::sleep(Duration::from_millis(2));
    }
    let seconds = began.elapsed().as_secs_f64();
    let rss_mib = rss_mib()?;
    job.stop()?;
    let state_mib = bytes_in(&dir.join("state"))? >> 20;
    println!(
        "{{\"how\":\"{how}\",\"keys\":{keys},\"seconds\":{seconds:.3},\"per_s\":{:.0},\"rss_mib\":{rss_mib},\"state_mib\":{state_mib}}}",
        keys as f64 / seconds
    );
    Ok(())
}

/// The last value of each key, 100 bytes.
fn topology() -> Topology {
    let builder = StreamBuilder::new("state");
    builder
        .keyed_source("in", text(), bytes())
        .group_by_key()
        .reduce(|_, new: &Bytes| new.clone())
        .to_stream()
        .keyed_sink("out", text(), data_serde());
    builder.build()
}

async fn fill(log: &EmbeddedLog, keys: u64) -> Result<(), Box<dyn Error>> {
    let mut at = 0;
    while at < keys {
        let end = keys.min(at + BATCH);
        send(log, at..end).await?;
        at = end;
    }
    Ok(())
}

async fn send(log: &EmbeddedLog, keys: impl Iterator<Item = u64>) -> Result<(), Box<dyn Error>> {
    // No two values are alike, so that they are as large on disk as they are.
    let records = keys.map(|key| {
        let mut random = fastrand::Rng::with_seed(key);
        let value: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(100).collect();
        LogRecord {
            key: Some(format!("key-{key}").into()),
            value: Some(value.into()),
            timestamp_ms: 1_700_000_000_000,
            ..LogRecord::default()
        }
    });
    let to = TopicPartition::new("in", 0);
    log.append(vec![QueueBatch { to, records: records.collect() }]).await?.await?;
    Ok(())
}

fn rss_mib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or("0").parse::<u64>()? >> 10)
}

fn bytes_in(dir: &Path) -> Result<u64, Box<dyn Error>> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { bytes_in(&entry.path())? } else { meta.len() };
    }
    Ok(bytes)
}
