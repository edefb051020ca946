//! Jobs on the embedded log, started, ended and killed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_log::{
    EmbeddedConfig, EmbeddedLog, FullLog, Log, LogAdmin, LogRecord, QueueBatch, ReadLimits,
    TopicPartition, TopicSpec,
};
use gantry_streams::{
    BadRecords, Settings, StreamBuilder, Streams, StreamsError, Topology, Tumbling, data_serde,
    text,
};

const QUEUES: u32 = 4;

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) fn open(dir: &Path) -> Arc<EmbeddedLog> {
    Arc::new(EmbeddedLog::open(EmbeddedConfig::new(dir.join("log"))).unwrap())
}

pub(crate) fn make_topics(log: &EmbeddedLog) {
    for topic in ["words", "counts"] {
        block(log.create_topic(topic, TopicSpec::with_queues(QUEUES))).unwrap();
    }
}

fn record(value: &str, timestamp_ms: i64) -> LogRecord {
    let value = Some(value.to_owned().into());
    LogRecord { key: None, value, headers: Vec::new(), timestamp_ms }
}

pub(crate) fn send(log: &EmbeddedLog, queue: u32, values: &[String]) {
    let records = values.iter().map(|value| record(value, 1_000)).collect();
    let batch = QueueBatch { to: TopicPartition::new("words", queue), records };
    block(async { log.append(vec![batch]).await.unwrap().await.unwrap() });
}

pub(crate) fn all(log: &EmbeddedLog, topic: &str) -> Vec<LogRecord> {
    let limits = ReadLimits { max_bytes: 64 << 20, max_records: 1 << 20, wait: Duration::ZERO };
    let mut found = Vec::new();
    for queue in 0..QUEUES {
        let queue = TopicPartition::new(topic, queue);
        let mut at = block(log.range(&queue)).unwrap().earliest;
        while at < block(log.range(&queue)).unwrap().next {
            for batch in block(log.read(&[(queue.clone(), at)], limits)).unwrap() {
                at = batch.next;
                found.extend(batch.records.into_iter().map(|(_, record)| record));
            }
        }
    }
    found
}

/// The count of each word that came last.
fn counts(log: &EmbeddedLog) -> BTreeMap<String, u64> {
    let read = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let pairs = all(log, "counts").into_iter().map(|record| {
        let count = read(&record.value.unwrap());
        (read(&record.key.unwrap()), count.parse().unwrap())
    });
    // Each word is in one queue, and a later record is behind an earlier one.
    pairs.collect()
}

fn topology() -> Topology {
    let builder = StreamBuilder::new("count");
    builder
        .source("words", text())
        .group_by(|_, word: &String| word.clone())
        .count()
        .to_stream()
        .map_values(|_, count| count.to_string())
        .keyed_sink("counts", text(), text());
    builder.build()
}

fn start(log: &Arc<EmbeddedLog>, dir: &Path, topology: Topology) -> Streams {
    let mut settings = Settings::new(dir.join("state"));
    settings.checkpoint_interval = Duration::from_millis(20);
    settings.cache_entries = 50;
    let log: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(log);
    Streams::start(topology, log, settings).unwrap()
}

pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < until, "{what}: not within 30 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn words(round: usize) -> Vec<String> {
    (0..500).map(|n| format!("w{}", (n * 7 + round) % 130)).collect()
}

#[test]
fn counts_are_exact_over_restarts_also_without_the_local_state() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..6 {
        let job = start(&log, dir.path(), topology());
        for queue in 0..QUEUES {
            let values = words(round * 4 + queue as usize);
            values.iter().for_each(|word| *wanted.entry(word.clone()).or_default() += 1);
            send(&log, queue, &values);
        }
        wait_for("all counts", || counts(&log) == wanted);
        assert_eq!(job.failure().map(|failure| failure.to_string()), None);
        job.stop().unwrap();
        if round % 2 == 1 {
            std::fs::remove_dir_all(dir.path().join("state")).unwrap();
        }
    }
    // No count was told twice.
    let told = all(&log, "counts");
    let mut seen = std::collections::BTreeSet::new();
    for record in &told {
        assert!(seen.insert((record.key.clone(), record.value.clone())), "{record:?} came twice");
    }
}

#[test]
fn windows_of_a_shuffled_topic_are_exact_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    let topology = || {
        let builder = StreamBuilder::new("windowed");
        builder
            .source("words", text())
            .select_timestamp(|_, word| word[1..].parse().unwrap_or(0))
            .group_by(|_, _| "all".to_owned())
            .window(Tumbling::of(Duration::from_millis(10)))
            .grace(Duration::from_secs(60))
            .count()
            .to_stream()
            .keyed_sink("counts", data_serde(), data_serde());
        builder.build()
    };
    for round in 0..3 {
        let job = start(&log, dir.path(), topology());
        send(&log, 0, &words(round));
        let read = || {
            let total = all(&log, "counts").into_iter().map(|record| {
                let count: [u8; 8] = record.value.unwrap()[..].try_into().unwrap();
                (record.key.unwrap(), u64::from_be_bytes(count))
            });
            total.collect::<BTreeMap<_, _>>().values().sum::<u64>()
        };
        wait_for("all windows", || read() == 500 * (round as u64 + 1));
        job.stop().unwrap();
    }
}

#[test]
fn a_record_that_cannot_be_read_stops_the_job_or_goes_aside() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    let bad = LogRecord { value: Some(vec![0xff, 0xfe].into()), ..record("", 7) };
    let to = TopicPartition::new("words", 1);
    let batch = QueueBatch { to, records: vec![record("good", 5), bad, record("good", 6)] };
    block(async { log.append(vec![batch]).await.unwrap().await.unwrap() });

    let job = start(&log, dir.path(), topology());
    wait_for("a failure", || job.failure().is_some());
    let failure = job.stop().unwrap_err().to_string();
    assert!(failure.starts_with("record 1 of words-1 cannot be read: no UTF-8 text"), "{failure}");

    let mut settings = Settings::new(dir.path().join("state"));
    settings.bad_records = BadRecords::DeadLetter("bad-words".to_owned());
    let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
    let job = Streams::start(topology(), shared, settings).unwrap();
    wait_for("both", || counts(&log).get("good") == Some(&2));
    assert_eq!(job.status().iter().map(|task| task.bad).sum::<u64>(), 1);
    job.stop().unwrap();
    let queue = TopicPartition::new("bad-words", 0);
    let limits = ReadLimits { max_bytes: 1 << 20, max_records: 10, wait: Duration::from_secs(1) };
    let read = block(log.read(&[(queue, 0)], limits)).unwrap();
    let headers: Vec<(String, String)> = read[0].records[0]
        .1
        .headers
        .iter()
        .map(|header| {
            let value = header.value.as_deref().unwrap_or_default();
            (header.key.to_string(), String::from_utf8_lossy(value).into_owned())
        })
        .collect();
    assert_eq!(
        headers[..3],
        [
            ("gantry.streams.topic".to_owned(), "words".to_owned()),
            ("gantry.streams.queue".to_owned(), "1".to_owned()),
            ("gantry.streams.offset".to_owned(), "1".to_owned()),
        ]
    );
}

#[test]
fn a_function_that_panics_stops_the_job_and_nothing_of_its_checkpoint_counts() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    let builder = StreamBuilder::new("panics");
    builder
        .source("words", text())
        .peek(|record| assert!(record.value != "bad", "it is {}", record.value))
        .sink("counts", text());
    let job = start(&log, dir.path(), builder.build());
    send(&log, 0, &["bad".to_owned()]);
    wait_for("a failure", || job.failure().is_some());
    let failure = job.stop().unwrap_err().to_string();
    assert_eq!(failure, "a function of the topology failed: it panicked: it is bad");
    assert_eq!(all(&log, "counts"), []);
}

#[test]
fn what_does_not_fit_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let shared = || -> Arc<dyn FullLog> { Arc::<EmbeddedLog>::clone(&log) };
    let settings = || Settings::new(dir.path().join("state"));
    let missing = Streams::start(topology(), shared(), settings()).unwrap_err().to_string();
    assert_eq!(
        missing,
        "topology of job count: topic words of source-0 does not exist: make it, with as many queues as the job shall have tasks"
    );
    make_topics(&log);
    let job = Streams::start(topology(), shared(), settings()).unwrap();
    let taken = Streams::start(topology(), shared(), settings()).unwrap_err().to_string();
    assert!(taken.contains("another job or process has it"), "{taken}");
    job.stop().unwrap();
    let builder = StreamBuilder::new("count");
    builder.source("words", text()).sink("counts", text());
    let changed = Streams::start(builder.build(), shared(), settings()).unwrap_err();
    assert!(matches!(changed, StreamsError::Changed { .. }), "{changed}");
    let text = changed.to_string();
    assert!(text.contains("count-checkpoints") && text.contains("count-aggregate"), "{text}");
}
