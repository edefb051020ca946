//! Measures the embedded log: records per second appended and read, and the peak of resident
//! memory. `cargo run --release -p gantry-log --example log_bench [-- DIR [idle]]`.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program for the terminal")]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_log::{
    EmbeddedConfig, EmbeddedLog, Log, LogAdmin, LogRecord, QueueBatch, ReadLimits, TopicPartition,
    TopicSpec,
};

const BATCH: usize = 500;
/// Appends of one appender that may wait to become durable.
const IN_FLIGHT: usize = 128;
const TOPIC: &str = "bench";

fn noise(len: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Records that share one block of noise, as they would come from a connector's buffer.
fn records(size: usize) -> Vec<LogRecord> {
    let block = noise(BATCH * size);
    let one = |i: usize| LogRecord {
        value: Some(block.slice(i * size..(i + 1) * size)),
        timestamp_ms: 1_700_000_000_000 + i as i64,
        ..LogRecord::default()
    };
    (0..BATCH).map(one).collect()
}

fn open(dir: &Path) -> EmbeddedLog {
    EmbeddedLog::open(EmbeddedConfig::new(dir)).unwrap()
}

async fn append(log: Arc<EmbeddedLog>, count: usize, size: usize, queues: u32, start: u32) {
    let records = records(size);
    let mut waiting = VecDeque::new();
    for i in 0..count / BATCH {
        let to = TopicPartition::new(TOPIC, (start + i as u32) % queues);
        let batch = QueueBatch { to, records: records.clone() };
        waiting.push_back(log.append(vec![batch]).await.unwrap());
        if waiting.len() >= IN_FLIGHT {
            waiting.pop_front().unwrap().await.unwrap();
        }
    }
    for durable in waiting {
        durable.await.unwrap();
    }
}

/// Appends batches that spread over all queues.
async fn append_spread(log: Arc<EmbeddedLog>, count: usize, size: usize, queues: u32) {
    let records = records(size);
    let each = BATCH / queues as usize;
    let mut waiting = VecDeque::new();
    for _ in 0..count / (each * queues as usize) {
        let one = |q: u32| {
            let to = TopicPartition::new(TOPIC, q);
            QueueBatch { to, records: records[..each].to_vec() }
        };
        waiting.push_back(log.append((0..queues).map(one).collect()).await.unwrap());
        if waiting.len() >= IN_FLIGHT {
            waiting.pop_front().unwrap().await.unwrap();
        }
    }
    for durable in waiting {
        durable.await.unwrap();
    }
}

async fn read_all(log: &EmbeddedLog, queues: u32, max_bytes: usize) -> usize {
    let mut from: Vec<_> = (0..queues).map(|q| (TopicPartition::new(TOPIC, q), 0)).collect();
    let limits = ReadLimits { max_bytes, max_records: 100_000, wait: Duration::ZERO };
    let mut count = 0;
    loop {
        let got = log.read(&from, limits).await.unwrap();
        if got.is_empty() {
            return count;
        }
        for one in got {
            count += one.records.len();
            let at = from.iter_mut().find(|(name, _)| *name == one.from).unwrap();
            at.1 = one.next;
        }
    }
}

fn resident_mib(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn rate(count: usize, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64() / 1e6
}

async fn throughput(dir: &Path, size: usize, queues: u32, appenders: u32, spread: bool) {
    let count = if size <= 100 { 10_000_000 } else { 1_000_000 };
    std::fs::remove_dir_all(dir).ok();
    let log = Arc::new(open(dir));
    log.create_topic(TOPIC, TopicSpec::with_queues(queues)).await.unwrap();
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for i in 0..appenders {
        let log = Arc::clone(&log);
        let share = count / appenders as usize;
        tasks.push(if spread {
            tokio::spawn(append_spread(log, share, size, queues))
        } else {
            tokio::spawn(append(log, share, size, queues, i))
        });
    }
    for task in tasks {
        task.await.unwrap();
    }
    let appended = rate(count, begun);
    let mut read = Vec::new();
    for max_bytes in [1 << 20, 256 << 10] {
        let begun = Instant::now();
        let got = read_all(&log, queues, max_bytes).await;
        read.push(rate(got, begun));
    }
    let how = if spread { "spread" } else { "single" };
    println!(
        "{size:5} B {queues} queues {appenders} appenders {how}: append {appended:6.2} M/s, read \
         1 MiB {:6.2} M/s, 256 KiB {:6.2} M/s, resident {} MiB, peak {} MiB",
        read[0],
        read[1],
        resident_mib("VmRSS"),
        resident_mib("VmHWM")
    );
    log.close().await;
    let begun = Instant::now();
    let again = open(dir);
    println!("      open again: {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    drop(again);
}

/// One record per call, each awaited, by several at once.
async fn latency(dir: &Path, callers: u32) {
    std::fs::remove_dir_all(dir).ok();
    let log = Arc::new(open(dir));
    log.create_topic(TOPIC, TopicSpec::with_queues(1)).await.unwrap();
    let run = Duration::from_secs(2);
    let begun = Instant::now();
    let work = |log: Arc<EmbeddedLog>| async move {
        let record = records(100).remove(0);
        let mut times = Vec::new();
        while begun.elapsed() < run {
            let at = Instant::now();
            let to = TopicPartition::new(TOPIC, 0);
            let batch = QueueBatch { to, records: vec![record.clone()] };
            log.append(vec![batch]).await.unwrap().await.unwrap();
            times.push(at.elapsed());
        }
        times
    };
    let tasks: Vec<_> = (0..callers).map(|_| tokio::spawn(work(Arc::clone(&log)))).collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    times.sort();
    println!(
        "  100 B one per call, {callers} callers: {:.0} /s, median {:.2} ms, p99 {:.2} ms",
        times.len() as f64 / run.as_secs_f64(),
        times[times.len() / 2].as_secs_f64() * 1e3,
        times[times.len() * 99 / 100].as_secs_f64() * 1e3
    );
    log.close().await;
}

/// What a hundred million records on disk cost a process that just opened them.
async fn idle(dir: &Path) {
    if !dir.exists() {
        let log = Arc::new(open(dir));
        log.create_topic(TOPIC, TopicSpec::with_queues(8)).await.unwrap();
        append(Arc::clone(&log), 100_000_000, 100, 8, 0).await;
        log.close().await;
        println!("written, run again to measure");
        return;
    }
    let begun = Instant::now();
    let log = open(dir);
    let opened = begun.elapsed().as_secs_f64() * 1e3;
    let records: u64 = {
        let mut sum = 0;
        for q in 0..8 {
            sum += log.range(&TopicPartition::new(TOPIC, q)).await.unwrap().next;
        }
        sum
    };
    println!("{records} records: open {opened:.1} ms, resident {} MiB", resident_mib("VmRSS"));
    let begun = Instant::now();
    let got = read_all(&log, 8, 1 << 20).await;
    println!("read all: {:.2} M/s, resident {} MiB", rate(got, begun), resident_mib("VmRSS"));
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let given = std::env::args().nth(1).map(PathBuf::from);
    let dir = given.unwrap_or_else(|| std::env::temp_dir().join("gantry-log-bench"));
    let dir = dir.join("data");
    if std::env::args().nth(2).is_some_and(|what| what == "idle") {
        return idle(&dir).await;
    }
    for (size, queues, appenders, spread) in [
        (100, 1, 1, false),
        (100, 8, 1, false),
        (100, 8, 1, true),
        (100, 8, 4, false),
        (1024, 1, 1, false),
        (1024, 8, 1, false),
        (1024, 8, 1, true),
        (1024, 8, 4, false),
    ] {
        throughput(&dir, size, queues, appenders, spread).await;
    }
    for callers in [1, 8, 64] {
        latency(&dir, callers).await;
    }
    std::fs::remove_dir_all(&dir).ok();
}
