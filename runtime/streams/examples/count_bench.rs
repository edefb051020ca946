//! How many records a second a keyed, windowed count takes on the embedded log: windows of 10 s with
//! 5 s of grace, values of 100 bytes, state in RocksDB with its change log, one thread.
//!
//! `cargo run --release -p gantry-streams --example count_bench -- 2000000 1000 [shuffle] [mysql://…]`:
//! with a URL at the end, state is in MySQL instead of change logs.
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_log::{
    EmbeddedConfig, EmbeddedLog, FullLog, Log, LogAdmin, LogRecord, QueueBatch, ReadLimits,
    TopicPartition, TopicSpec,
};
use gantry_streams::{
    MySqlStore, Settings, StateStore, StreamBuilder, Streams, Topology, Tumbling, bytes,
    data_serde, text,
};

const QUEUES: u32 = 2;
const BATCH: usize = 5_000;
const BEGIN_MS: i64 = 1_700_000_000_000;
/// Records of one millisecond of event time.
const PER_MS: i64 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: u64| args.get(at).map_or(Ok(or), |text| text.parse());
    let (records, keys) = (number(0, 2_000_000)?, number(1, 1_000)?);
    let shuffle = args.get(2).is_some_and(|mode| mode == "shuffle");
    let dir = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let log = Arc::new(EmbeddedLog::open(EmbeddedConfig::new(dir.path().join("log")))?);
    runtime.block_on(fill(&log, records, keys))?;

    let mut settings = Settings::new(dir.path().join("state"));
    settings.threads = 1;
    settings.cache_entries = 1_000_000;
    if let Some(url) = args.last().filter(|arg| arg.starts_with("mysql://")) {
        settings.state_store = StateStore::MySql(MySqlStore::new(url));
    }
    let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
    let (began, cpu) = (Instant::now(), cpu_ms()?);
    let job = Streams::start(topology(shuffle), shared, settings)?;
    let want = if shuffle { records * 2 } else { records };
    loop {
        let status = job.status();
        let done: u64 = status.iter().map(|task| task.records).sum();
        if done >= want && status.iter().all(|task| task.lag == 0) {
            break;
        }
        if let Some(failure) = job.failure() {
            return Err(failure.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let (took, cpu) = (began.elapsed(), cpu_ms()? - cpu);
    job.stop()?;
    let counted = runtime.block_on(total(&log))?;
    let per_s = records as f64 / took.as_secs_f64();
    println!(
        "{{\"records\":{records},\"keys\":{keys},\"shuffle\":{shuffle},\"per_s\":{per_s:.0},\"seconds\":{:.3},\"cpu_s\":{:.2},\"counted\":{counted}}}",
        took.as_secs_f64(),
        cpu as f64 / 1000.0
    );
    if counted != records {
        return Err(format!("{counted} were counted of {records}").into());
    }
    Ok(())
}

fn topology(shuffle: bool) -> Topology {
    let builder = StreamBuilder::new("bench");
    let events = builder.keyed_source("in", text(), bytes());
    let grouped =
        if shuffle { events.group_by(|key, _| key.clone()) } else { events.group_by_key() };
    grouped
        .window(Tumbling::of(Duration::from_secs(10)))
        .grace(Duration::from_secs(5))
        .count()
        .to_stream()
        .keyed_sink("out", data_serde(), data_serde());
    builder.build()
}

async fn fill(log: &EmbeddedLog, records: u64, keys: u64) -> Result<(), Box<dyn Error>> {
    for topic in ["in", "out"] {
        log.create_topic(topic, TopicSpec::with_queues(QUEUES)).await?;
    }
    let mut random = fastrand::Rng::with_seed(7);
    let value = Bytes::from(std::iter::repeat_with(|| random.u8(..)).take(100).collect::<Vec<_>>());
    let mut at = 0;
    while at < records {
        let mut batches: Vec<Vec<LogRecord>> = vec![Vec::new(); QUEUES as usize];
        for _ in 0..BATCH.min(usize::try_from(records - at)?) {
            let key = format!("key-{}", random.u64(0..keys));
            let queue = gantry_log::queue_of_key(key.as_bytes(), QUEUES) as usize;
            batches[queue].push(LogRecord {
                key: Some(key.into()),
                value: Some(value.clone()),
                headers: Vec::new(),
                timestamp_ms: BEGIN_MS + i64::try_from(at)? / PER_MS,
            });
            at += 1;
        }
        let batches = (0..)
            .zip(batches)
            .map(|(queue, records)| QueueBatch { to: TopicPartition::new("in", queue), records });
        log.append(batches.collect()).await?.await?;
    }
    Ok(())
}

/// The sum of the last count of each window.
async fn total(log: &EmbeddedLog) -> Result<u64, Box<dyn Error>> {
    let limits = ReadLimits { max_bytes: 4 << 20, max_records: 50_000, wait: Duration::ZERO };
    let mut last: BTreeMap<Bytes, u64> = BTreeMap::new();
    for queue in 0..QUEUES {
        let queue = TopicPartition::new("out", queue);
        let range = log.range(&queue).await?;
        let mut at = range.earliest;
        while at < range.next {
            for batch in log.read(&[(queue.clone(), at)], limits).await? {
                at = batch.next;
                for (_, record) in batch.records {
                    let count = record.value.as_deref().unwrap_or_default().try_into()?;
                    last.insert(record.key.unwrap_or_default(), u64::from_be_bytes(count));
                }
            }
        }
    }
    Ok(last.values().sum())
}

/// Milliseconds of processor time of this process.
fn cpu_ms() -> Result<u64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let rest = stat.rsplit(") ").next().unwrap_or_default();
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(ticks * 10)
}
