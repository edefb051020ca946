//! A process that appends is killed again and again: what it acknowledged is there, once, in
//! order, and what was appended together is there together.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use gantry_log::{
    Cleanup, EmbeddedConfig, EmbeddedLog, Log, LogAdmin, LogGroup, LogRecord, QueueBatch,
    ReadLimits, TopicPartition, TopicSpec,
};

const ROUNDS: u64 = 30;
const TASKS: u64 = 4;
const QUEUES: u32 = 3;
const DIR: &str = "GANTRY_LOG_CRASH_DIR";
const RUN: &str = "GANTRY_LOG_CRASH_RUN";

fn config(dir: &Path) -> EmbeddedConfig {
    EmbeddedConfig {
        segment_bytes: 64 << 10,
        retention_ms: None,
        retention_check_interval_ms: 2,
        ..EmbeddedConfig::new(dir)
    }
}

fn queue(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

fn record(key: &str, value: String) -> LogRecord {
    let key = Some(Bytes::copy_from_slice(key.as_bytes()));
    LogRecord { key, value: Some(Bytes::from(value)), ..LogRecord::default() }
}

/// The process that is killed; does nothing when the tests run.
#[test]
fn child() {
    let (Some(dir), Some(run)) = (std::env::var_os(DIR), std::env::var_os(RUN)) else { return };
    let run = run.into_string().unwrap();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(async move {
        let log = std::sync::Arc::new(EmbeddedLog::open(config(Path::new(&dir))).unwrap());
        if log.topic("data").await.unwrap().is_none() {
            log.create_topic("data", TopicSpec::with_queues(QUEUES)).await.unwrap();
        }
        if log.topic("noise").await.unwrap().is_none() {
            // Most of what is written may go at once, so what is to stay has to be moved.
            let cleanup = Cleanup::Delete { retention_ms: Some(1), retention_bytes: None };
            log.create_topic("noise", TopicSpec { queues: 1, cleanup }).await.unwrap();
        }
        if log.topic("state").await.unwrap().is_none() {
            log.create_topic("state", TopicSpec::compacted()).await.unwrap();
        }
        let tasks = (0..TASKS).map(|task| tokio::spawn(work(log.clone(), run.clone(), task)));
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
}

async fn work(log: std::sync::Arc<EmbeddedLog>, run: String, task: u64) {
    let key = format!("task{task}");
    for i in 0.. {
        let value = format!("{run} {task} {i}");
        let padded = format!("{value} {}", "x".repeat((i as usize * 37) % 3000));
        let mut batches: Vec<_> = (0..QUEUES)
            .map(|q| QueueBatch {
                to: queue("data", q),
                records: vec![record("k", padded.clone())],
            })
            .collect();
        let state = format!("{run} {i}");
        batches.push(QueueBatch { to: queue("state", 0), records: vec![record(&key, state)] });
        let noise = record("n", "n".repeat(10_000));
        batches.push(QueueBatch { to: queue("noise", 0), records: vec![noise] });
        let offsets = log.append(batches).await.unwrap().await.unwrap();
        let group = format!("group{task}");
        log.commit(&group, &BTreeMap::from([(queue("data", 0), Some(offsets[0].start))]))
            .await
            .unwrap();
        let line =
            format!("ACK {value} {} {} {}\n", offsets[0].start, offsets[1].start, offsets[2].start);
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    }
}

#[derive(Debug)]
struct Ack {
    /// Run, task, number within the task.
    id: (u64, u64, u64),
    offsets: [u64; QUEUES as usize],
}

fn parse(line: &str) -> Option<Ack> {
    let mut numbers = line.strip_prefix("ACK ")?.split(' ').map(|n| n.parse::<u64>());
    let mut next = || numbers.next()?.ok();
    Some(Ack { id: (next()?, next()?, next()?), offsets: [next()?, next()?, next()?] })
}

/// Runs a child until it is killed, and gives what it acknowledged.
fn run_and_kill(dir: &Path, run: u64, after: Duration) -> Vec<Ack> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(RUN, run.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        // The last line may be cut; then nobody was told.
        let mut acks = Vec::new();
        for line in output.split(b'\n').map_while(Result::ok) {
            // What the test harness prints may stand before it on the same line.
            let line = String::from_utf8_lossy(&line).into_owned();
            let start = line.find("ACK ").unwrap_or(line.len());
            acks.push(line[start..].to_owned());
        }
        acks
    });
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    let mut lines = reader.join().unwrap();
    lines.pop();
    lines.iter().filter_map(|line| parse(line)).collect()
}

async fn read_all(log: &EmbeddedLog, from: TopicPartition) -> Vec<(u64, LogRecord)> {
    let range = log.range(&from).await.unwrap();
    let limits = ReadLimits { max_bytes: 1 << 20, max_records: 10_000, wait: Duration::ZERO };
    let mut next = range.earliest;
    let mut records = Vec::new();
    while next < range.next {
        let got = log.read(&[(from.clone(), next)], limits).await.unwrap();
        next = got[0].next;
        records.extend(got.into_iter().flat_map(|one| one.records));
    }
    records
}

fn text(bytes: Option<&Bytes>) -> String {
    String::from_utf8(bytes.unwrap().to_vec()).unwrap()
}

fn id(record: &LogRecord) -> (u64, u64, u64) {
    let text = text(record.value.as_ref());
    let mut numbers = text.split(' ').map(|n| n.parse().unwrap());
    let mut next = || numbers.next().unwrap();
    (next(), next(), next())
}

async fn check(dir: &Path, acks: &[Ack]) -> usize {
    let log = EmbeddedLog::open(config(dir)).unwrap();
    if log.topic("data").await.unwrap().is_none() {
        assert!(acks.is_empty(), "the topic was used");
        return 0;
    }
    let mut ids = Vec::new();
    for partition in 0..QUEUES {
        let records = read_all(&log, queue("data", partition)).await;
        assert!(records.iter().map(|(at, _)| *at).eq(0..records.len() as u64), "a gap");
        let found: Vec<_> = records.iter().map(|(_, record)| id(record)).collect();
        for ack in acks {
            let at = ack.offsets[partition as usize] as usize;
            assert_eq!(found.get(at), Some(&ack.id), "acknowledged, not there");
        }
        let mut seen: HashMap<(u64, u64), u64> = HashMap::new();
        for (run, task, i) in &found {
            let next = seen.entry((*run, *task)).or_default();
            assert_eq!(i, next, "of each task all, once, in order");
            *next += 1;
        }
        ids.push(found);
    }
    assert!(ids.iter().all(|found| *found == ids[0]), "appended together, there together");
    let mut states: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (_, record) in read_all(&log, queue("state", 0)).await {
        let value = text(record.value.as_ref());
        let (run, i) = value.split_once(' ').unwrap();
        let state = (run.parse().unwrap(), i.parse().unwrap());
        states.insert(text(record.key.as_ref()), state);
    }
    for (run, task, i) in &ids[0] {
        let state = states[&format!("task{task}")];
        assert!(state >= (*run, *i), "the last state of a key is there");
    }
    let groups = log.groups().await.unwrap();
    for ack in acks {
        let committed = groups[format!("group{}", ack.id.1).as_str()][&queue("data", 0)];
        assert!(committed >= ack.offsets[0], "the commit was acknowledged");
    }
    log.close().await;
    ids[0].len()
}

#[test]
fn killed_again_and_again_it_keeps_its_word() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut acks = Vec::new();
    let mut random = u64::from(std::process::id()) | 1;
    let mut records = 0;
    for run in 0..ROUNDS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let after = Duration::from_millis(5 + random % 150);
        acks.extend(run_and_kill(dir.path(), run, after));
        records = runtime.block_on(check(dir.path(), &acks));
    }
    assert!(acks.len() > 100, "only {} acknowledged: it proves nothing", acks.len());
    let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let kept = names.filter(|name| name.to_string_lossy().starts_with("kept-")).count();
    assert!(kept > 0, "records were moved");
    println!("{ROUNDS} kills, {} appends acknowledged, {records} found", acks.len());
}
