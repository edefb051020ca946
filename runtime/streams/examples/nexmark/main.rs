//! How many events a second a query of Nexmark takes on the embedded log, and what it finds out: the
//! events of an auction site, state in RocksDB with its change log, one thread.
//!
//! `cargo run --release -p gantry-streams --example nexmark -- q5 2000000 [DIRECTORY]`
//!
//! The same events into a file, each with its time and its length in front, for others to read:
//! `… --example nexmark -- write 2000000 FILE`
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

mod events;
mod generator;
mod incremental;
mod queries;

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use gantry_log::{
    EmbeddedConfig, EmbeddedLog, FullLog, Log, LogAdmin, LogRecord, QueueBatch, ReadLimits,
    TopicPartition, TopicSpec,
};
use gantry_streams::{Settings, Streams, TaskStatus};

use generator::Generator;
use queries::{EVENTS, Options, RESULTS, SIDE, SIDE_KEYS};

const QUEUES: u32 = 2;
const BATCH: u64 = 5_000;
const GENERATOR: Generator = Generator { seed: 7, per_second: 10_000 };
/// So long windows wait, as in the same queries of another engine beside this one, which reads its
/// queues far apart in event time.
const GRACE: Duration = Duration::from_secs(60);

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match &args[..] {
        [write, events, file] if write == "write" => write_events(Path::new(file), events.parse()?),
        [query, events] => run(query, events.parse()?, tempfile::tempdir()?.path()),
        [query, events, dir] => run(query, events.parse()?, Path::new(dir)),
        _ => Err("it is QUERY EVENTS [DIRECTORY], or write EVENTS FILE".into()),
    }
}

fn write_events(file: &Path, events: u64) -> Fallible<()> {
    let mut file = BufWriter::new(File::create(file)?);
    for event in (0..events).map(|number| GENERATOR.event(number)) {
        let bytes = event.to_bytes();
        file.write_all(&event.date_time_ms().to_be_bytes())?;
        file.write_all(&u32::try_from(bytes.len())?.to_be_bytes())?;
        file.write_all(&bytes)?;
    }
    Ok(file.flush()?)
}

fn run(query: &str, events: u64, dir: &Path) -> Fallible<()> {
    let clock = Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    });
    let topology = queries::topology(query, &Options { grace: GRACE, clock }).ok_or_else(|| {
        let known: Vec<&str> = queries::names().collect();
        format!("there is no query {query}; there are {}", known.join(", "))
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let log = Arc::new(EmbeddedLog::open(EmbeddedConfig::new(dir.join("log")))?);
    runtime.block_on(fill(&log, events))?;

    let mut settings = Settings::new(dir.join("state"));
    settings.threads = 1;
    settings.cache_entries = 1_000_000;
    let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
    let began = Instant::now();
    let job = Streams::start(topology, shared, settings)?;
    let late = loop {
        let status = job.status();
        if runtime.block_on(is_done(&log, &status))? {
            break status.iter().map(|task| task.late).sum::<u64>();
        }
        if let Some(failure) = job.failure() {
            return Err(failure.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = began.elapsed().as_secs_f64();
    job.stop()?;
    let (results, checksum) = runtime.block_on(results(&log))?;
    let per_s = events as f64 / took;
    println!(
        "{{\"query\":\"{query}\",\"events\":{events},\"per_s\":{per_s:.0},\"seconds\":{took:.3},\"late\":{late},\"results\":{results},\"checksum\":\"{checksum:016x}\"}}"
    );
    Ok(())
}

/// The topics, with the events and the side input.
async fn fill(log: &EmbeddedLog, events: u64) -> Fallible<()> {
    for topic in [EVENTS, RESULTS, SIDE] {
        log.create_topic(topic, TopicSpec::with_queues(QUEUES)).await?;
    }
    let side = (0..SIDE_KEYS).map(|key| LogRecord {
        key: Some(Bytes::copy_from_slice(&key.to_be_bytes())),
        value: Some(format!("side {key}").into()),
        ..LogRecord::default()
    });
    append(log, SIDE, vec![side.collect(), Vec::new()]).await?;
    let mut next = 0;
    while next < events {
        let mut queues = vec![Vec::new(); QUEUES as usize];
        for number in next..events.min(next + BATCH) {
            let event = GENERATOR.event(number);
            queues[usize::try_from(number)? % QUEUES as usize].push(LogRecord {
                value: Some(event.to_bytes().into()),
                timestamp_ms: event.date_time_ms(),
                ..LogRecord::default()
            });
        }
        append(log, EVENTS, queues).await?;
        next += BATCH;
    }
    Ok(())
}

async fn append(log: &EmbeddedLog, topic: &str, queues: Vec<Vec<LogRecord>>) -> Fallible<()> {
    let batches = (0..)
        .zip(queues)
        .map(|(queue, records)| QueueBatch { to: TopicPartition::new(topic, queue), records });
    log.append(batches.collect()).await?.await?;
    Ok(())
}

/// Whether all events, and all that was shuffled, were taken. A task that has not begun has no status.
async fn is_done(log: &EmbeddedLog, status: &[TaskStatus]) -> Fallible<bool> {
    let taken = |topic: &str, queue| {
        status.iter().find(|task| task.queue == queue && task.inputs.contains_key(topic))
    };
    for (topic, info) in log.topics().await? {
        if *topic != *EVENTS && !topic.contains("-shuffle-") {
            continue;
        }
        for queue in 0..info.spec.queues {
            let range = log.range(&TopicPartition::new(&*topic, queue)).await?;
            let next = taken(&topic, queue).and_then(|task| task.inputs.get(&*topic));
            if next != Some(&range.next) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// How many results there are, the last one of each key and all without, and a sum over them that
/// does not depend on their order.
async fn results(log: &EmbeddedLog) -> Fallible<(u64, u64)> {
    let limits = ReadLimits { max_bytes: 4 << 20, max_records: 50_000, wait: Duration::ZERO };
    let (mut last, mut count, mut sum) = (HashMap::new(), 0, 0_u64);
    for queue in 0..QUEUES {
        let queue = TopicPartition::new(RESULTS, queue);
        let range = log.range(&queue).await?;
        let mut at = range.earliest;
        while at < range.next {
            for batch in log.read(&[(queue.clone(), at)], limits).await? {
                at = batch.next;
                for (_, LogRecord { key, value, .. }) in batch.records {
                    match key {
                        Some(key) => {
                            last.insert(key, value);
                        }
                        None => {
                            count += 1;
                            sum = sum.wrapping_add(hash(&[], &value.unwrap_or_default()));
                        }
                    }
                }
            }
        }
    }
    for (key, value) in last.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
        count += 1;
        sum = sum.wrapping_add(hash(key, value));
    }
    Ok((count, sum))
}

/// FNV-1a.
fn hash(key: &[u8], value: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    key.iter().chain(value).fold(0xcbf2_9ce4_8422_2325, step)
}
