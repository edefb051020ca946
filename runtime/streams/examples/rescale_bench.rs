//! How long a queue pauses when an instance comes, and when it leaves: orders come all the time, and of
//! each queue the longest time between two results is taken, with both instances in this process.
//!
//! `cargo run --release -p gantry-streams --example rescale_bench -- 127.0.0.1:9876 100000`
//!
//! The number is how many keys the state has, each with 100 bytes.
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_log::{
    FullLog, LogError, LogRecord, QueueBatch, ReadLimits, Str, TopicPartition, TopicSpec,
    queue_of_key,
};
use gantry_rocketmq::{RocketmqConfig, RocketmqLog};
use gantry_streams::{
    CommittedReader, Instances, Settings, StreamBuilder, Streams, bytes, data_serde, text,
};
use tokio::runtime::Runtime;

const QUEUES: u32 = 4;
const BATCH: u64 = 5_000;
/// Between two records of a queue.
const INTERVAL: Duration = Duration::from_millis(10);
/// Between an instance that comes or leaves and what is next.
const CALM: Duration = Duration::from_secs(5);
const LIMITS: ReadLimits =
    ReadLimits { max_bytes: 1 << 20, max_records: 20_000, wait: Duration::from_millis(20) };

type Fault = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Fault> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [server, keys] = &args[..] else {
        return Err("give a name server, and how many keys the state shall have".into());
    };
    let keys: u64 = keys.parse()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let _entered = runtime.enter();
    let config = RocketmqConfig::new(vec![Str::from(server.as_str())]);
    let log: Arc<dyn FullLog> = Arc::new(RocketmqLog::open(config));
    let job = format!("rescale-{:08x}", fastrand::u32(..));
    let dir = tempfile::tempdir()?;
    runtime.block_on(fill(&*log, &job, keys))?;
    let first = start(&log, &job, &dir.path().join("first"))?;
    let mut seen = Seen::new(&log, &job);
    while seen.records < keys {
        seen.look(&runtime)?;
        if let Some(failure) = first.failure() {
            return Err(failure.into());
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let feeding = runtime.spawn(feed(Arc::clone(&log), job.clone(), Arc::clone(&stop)));
    let alone = seen.longest(&runtime, CALM)?;
    let second = start(&log, &job, &dir.path().join("second"))?;
    let comes = seen.longest(&runtime, CALM)?;
    let shared = second.status().len();
    let leaving = std::thread::spawn(move || second.stop());
    let leaves = seen.longest(&runtime, CALM)?;
    leaving.join().map_err(|_| "the stop panicked")??;
    stop.store(true, Ordering::Release);
    runtime.block_on(feeding)??;
    first.stop()?;
    println!(
        "{{\"keys\":{keys},\"tasks_of_the_second\":{shared},\"longest_ms\":{{\"alone\":{alone},\"comes\":{comes},\"leaves\":{leaves}}}}}"
    );
    Ok(())
}

/// An instance; not started on a thread of the runtime, as that blocks.
fn start(log: &Arc<dyn FullLog>, job: &str, dir: &Path) -> Result<Streams, Fault> {
    let builder = StreamBuilder::new(job);
    builder
        .keyed_source(&format!("{job}-in"), text(), bytes())
        .group_by_key()
        .reduce(|_, new: &Bytes| new.clone())
        .to_stream()
        .keyed_sink(&format!("{job}-out"), text(), data_serde());
    let topology = builder.build();
    let mut settings = Settings::new(dir);
    settings.threads = 1;
    settings.instances = Instances::Several;
    let log = Arc::clone(log);
    let started = std::thread::spawn(move || Streams::start(topology, log, settings));
    Ok(started.join().map_err(|_| "the start panicked")??)
}

fn record(key: u64) -> LogRecord {
    let mut random = fastrand::Rng::with_seed(key);
    let value: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(100).collect();
    LogRecord {
        key: Some(format!("key-{key}").into()),
        value: Some(value.into()),
        ..LogRecord::default()
    }
}

async fn fill(log: &dyn FullLog, job: &str, keys: u64) -> Result<(), Fault> {
    for topic in ["in", "out"] {
        match log.create_topic(&format!("{job}-{topic}"), TopicSpec::with_queues(QUEUES)).await {
            Ok(()) | Err(LogError::TopicExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for from in (0..keys).step_by(usize::try_from(BATCH)?) {
        send(log, job, from..keys.min(from + BATCH)).await?;
    }
    Ok(())
}

async fn send(log: &dyn FullLog, job: &str, keys: std::ops::Range<u64>) -> Result<(), Fault> {
    let mut batches: Vec<Vec<LogRecord>> = vec![Vec::new(); QUEUES as usize];
    for key in keys {
        let record = record(key);
        let queue = queue_of_key(record.key.as_deref().unwrap_or_default(), QUEUES);
        batches[queue as usize].push(record);
    }
    let batches = (0..).zip(batches).map(|(queue, records)| QueueBatch {
        to: TopicPartition::new(format!("{job}-in"), queue),
        records,
    });
    log.append(batches.filter(|batch| !batch.records.is_empty()).collect()).await?.await?;
    Ok(())
}

/// One record into each queue, again and again.
async fn feed(log: Arc<dyn FullLog>, job: String, stop: Arc<AtomicBool>) -> Result<(), Fault> {
    while !stop.load(Ordering::Acquire) {
        // One of these at least falls into each queue.
        send(&*log, &job, 0..4 * u64::from(QUEUES)).await?;
        tokio::time::sleep(INTERVAL).await;
    }
    Ok(())
}

/// What came out.
struct Seen {
    reader: CommittedReader,
    from: Vec<(TopicPartition, u64)>,
    records: u64,
    /// When the last result of each queue came.
    last: Vec<Instant>,
    longest: Duration,
}

impl Seen {
    fn new(log: &Arc<dyn FullLog>, job: &str) -> Self {
        let topic = format!("{job}-out");
        let from = (0..QUEUES).map(|queue| (TopicPartition::new(topic.as_str(), queue), 0));
        Self {
            reader: CommittedReader::of(Arc::clone(log)),
            from: from.collect(),
            records: 0,
            last: vec![Instant::now(); QUEUES as usize],
            longest: Duration::ZERO,
        }
    }

    fn look(&mut self, runtime: &Runtime) -> Result<(), Fault> {
        for batch in runtime.block_on(self.reader.read(&self.from, LIMITS))? {
            let queue = batch.from.partition as usize;
            self.from[queue].1 = batch.next;
            self.records += batch.records.len() as u64;
            if !batch.records.is_empty() {
                self.longest = self.longest.max(self.last[queue].elapsed());
                self.last[queue] = Instant::now();
            }
        }
        Ok(())
    }

    /// The longest pause of any queue within a time, in milliseconds.
    fn longest(&mut self, runtime: &Runtime, within: Duration) -> Result<u128, Fault> {
        let until = Instant::now() + within;
        self.last.fill(Instant::now());
        self.longest = Duration::ZERO;
        while Instant::now() < until {
            self.look(runtime)?;
        }
        let open = self.last.iter().map(Instant::elapsed).max().unwrap_or_default();
        Ok(self.longest.max(open).as_millis())
    }
}
