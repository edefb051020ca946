//! What a job costs on RocketMQ beside a loop that only reads and appends: records of 100 bytes from
//! one topic to another, by the loop, and by a job with `exactly_once` and with `at_least_once`.
//!
//! `cargo run --release -p gantry-streams --example copy_bench -- 127.0.0.1:9876 500000 bare`
//! (`job`, `job-at-least-once`); the first run fills the topic.
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_log::{
    FullLog, LogError, LogRecord, QueueBatch, ReadLimits, Str, TopicPartition, TopicSpec,
};
use gantry_rocketmq::{RocketmqConfig, RocketmqLog};
use gantry_streams::{CommittedReader, Guarantee, Settings, StreamBuilder, Streams, bytes};

const QUEUES: u32 = 4;
const BATCH: u64 = 2_000;
const LIMITS: ReadLimits =
    ReadLimits { max_bytes: 1 << 20, max_records: 20_000, wait: Duration::from_millis(500) };

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [server, records, how] = &args[..] else {
        return Err(
            "give a name server, how many records, and bare, job or job-at-least-once".into()
        );
    };
    let records: u64 = records.parse()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let _entered = runtime.enter();
    let config = RocketmqConfig::new(vec![Str::from(server.as_str())]);
    let log: Arc<dyn FullLog> = Arc::new(RocketmqLog::open(config));
    let to = format!("copy-{how}-{:08x}", fastrand::u32(..));
    runtime.block_on(fill(&*log, &to, records))?;
    let began = Instant::now();
    let guarantee = match how.as_str() {
        "bare" => None,
        "job" => Some(Guarantee::ExactlyOnce),
        "job-at-least-once" => Some(Guarantee::AtLeastOnce),
        other => return Err(format!("{other} is none of bare, job, job-at-least-once").into()),
    };
    match guarantee {
        None => runtime.block_on(bare(&*log, &to, records))?,
        Some(guarantee) => {
            let shared = Arc::clone(&log);
            let job = std::thread::spawn(move || run(shared, &to, records, guarantee));
            let to = job.join().map_err(|_| "the job panicked")?;
            let to = to.map_err(|error| -> Box<dyn Error> { error })?;
            let took = began.elapsed().as_secs_f64();
            let counted = runtime.block_on(count(&log, &to, records))?;
            return say(how, records, took, counted);
        }
    }
    let took = began.elapsed().as_secs_f64();
    let counted = runtime.block_on(count(&log, &to, records))?;
    say(how, records, took, counted)
}

fn say(how: &str, records: u64, took: f64, counted: u64) -> Result<(), Box<dyn Error>> {
    let per_s = records as f64 / took;
    println!(
        "{{\"how\":\"{how}\",\"records\":{records},\"per_s\":{per_s:.0},\"seconds\":{took:.3},\"counted\":{counted}}}"
    );
    if counted == records { Ok(()) } else { Err(format!("{counted} of {records}").into()) }
}

async fn fill(log: &dyn FullLog, to: &str, records: u64) -> Result<(), Box<dyn Error>> {
    for topic in ["copy-in", to] {
        match log.create_topic(topic, TopicSpec::with_queues(QUEUES)).await {
            Ok(()) | Err(LogError::TopicExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut made = 0;
    for queue in 0..QUEUES {
        made += log.range(&TopicPartition::new("copy-in", queue)).await?.next;
    }
    let value = Bytes::from(vec![b'x'; 100]);
    while made < records {
        let count = BATCH.min(records - made);
        let record = |at| LogRecord {
            value: Some(value.clone()),
            timestamp_ms: 1_700_000_000_000 + at,
            ..LogRecord::default()
        };
        let at = i64::try_from(made)?;
        let batch = (at..at + i64::try_from(count)?).map(record).collect();
        let queue = u32::try_from(made / BATCH % u64::from(QUEUES))?;
        let to = TopicPartition::new("copy-in", queue);
        log.append(vec![QueueBatch { to, records: batch }]).await?.await?;
        made += count;
    }
    Ok(())
}

/// Reads and appends, one after the other.
async fn bare(log: &dyn FullLog, to: &str, records: u64) -> Result<(), Box<dyn Error>> {
    let mut at = vec![0; QUEUES as usize];
    let mut copied = 0;
    while copied < records {
        let from: Vec<_> = (0..)
            .zip(&at)
            .map(|(queue, at)| (TopicPartition::new("copy-in", queue), *at))
            .collect();
        let mut batches = Vec::new();
        for batch in log.read(&from, LIMITS).await? {
            at[batch.from.partition as usize] = batch.next;
            copied += batch.records.len() as u64;
            let to = TopicPartition::new(to, batch.from.partition);
            let records = batch.records.into_iter().map(|(_, record)| record).collect();
            batches.push(QueueBatch { to, records });
        }
        log.append(batches).await?.await?;
    }
    Ok(())
}

fn run(
    log: Arc<dyn FullLog>,
    to: &str,
    records: u64,
    guarantee: Guarantee,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let dir = tempfile::tempdir()?;
    let mut settings = Settings::new(dir.path());
    settings.threads = 1;
    settings.guarantee = guarantee;
    let builder = StreamBuilder::new(to);
    builder.source("copy-in", bytes()).sink(to, bytes());
    let job = Streams::start(builder.build(), log, settings)?;
    loop {
        let done: u64 = job.status().iter().flat_map(|task| task.inputs.values()).sum();
        if done >= records {
            break;
        }
        if let Some(failure) = job.failure() {
            return Err(failure.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    // It counts from the start to where all is committed; how it ends does not matter.
    std::thread::spawn(move || job.stop());
    Ok(to.to_owned())
}

/// What is there, once it is all or nothing comes any more: brokers make readable later what they have
/// acknowledged.
async fn count(log: &Arc<dyn FullLog>, to: &str, records: u64) -> Result<u64, Box<dyn Error>> {
    let mut reader = CommittedReader::of(Arc::clone(log));
    let mut from: Vec<_> = (0..QUEUES).map(|queue| (TopicPartition::new(to, queue), 0)).collect();
    let (mut found, mut came) = (0, Instant::now());
    while found < records && came.elapsed() < Duration::from_secs(10) {
        for batch in reader.read(&from, LIMITS).await? {
            from[batch.from.partition as usize].1 = batch.next;
            found += batch.records.len() as u64;
            came = Instant::now();
        }
    }
    Ok(found)
}
