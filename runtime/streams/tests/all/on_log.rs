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
    BadRecords, JoinWindows, Settings, StreamBuilder, Streams, StreamsError, Topology, Tumbling,
    data_serde, text,
};

const QUEUES: u32 = 4;

pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
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
    read_all(log, topic)
}

pub(crate) fn read_all(log: &dyn FullLog, topic: &str) -> Vec<LogRecord> {
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

/// How often each word came.
pub(crate) fn topology() -> Topology {
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

/// Late records are a part of the checkpoint: over restarts each is there once.
#[test]
fn late_records_go_to_a_topic_that_the_job_makes() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    let topology = || {
        let builder = StreamBuilder::new("late");
        builder
            .source("words", text())
            .key_by(|_, word| word.clone())
            .group_by_key()
            .window(Tumbling::of(Duration::from_millis(10)))
            .count()
            .to_stream()
            .map(|place, count| (place.key.clone(), count.to_string()))
            .keyed_sink("counts", text(), text());
        builder.build()
    };
    let start = |to: &str| {
        let mut settings = Settings::new(dir.path().join("state"));
        settings.checkpoint_interval = Duration::from_millis(20);
        settings.late_records = Some(to.to_owned());
        let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
        Streams::start(topology(), shared, settings)
    };
    let refused = start("words").unwrap_err().to_string();
    assert!(refused.contains("shall go to words, which the job reads"), "{refused}");
    let mut wanted = Vec::new();
    for round in 0..4_i64 {
        let job = start("late-words").unwrap();
        let times = [round * 1_000, round * 1_000 + 500, round * 1_000 + 100];
        let words = times.map(|time| record(&format!("w{}", time / 1_000), time));
        let batch = QueueBatch { to: TopicPartition::new("words", 0), records: words.to_vec() };
        block(async { log.append(vec![batch]).await.unwrap().await.unwrap() });
        wanted.push((format!("w{round}"), round * 1_000 + 100));
        let late = || {
            let limits = ReadLimits { max_bytes: 1 << 20, max_records: 100, wait: Duration::ZERO };
            let queue = TopicPartition::new("late-words", 0);
            let read = block(log.read(&[(queue, 0)], limits)).unwrap();
            let records = read.into_iter().flat_map(|batch| batch.records);
            let found = records.map(|(_, record)| {
                let value = record.value.unwrap().to_vec();
                (String::from_utf8(value).unwrap(), record.timestamp_ms)
            });
            found.collect::<Vec<_>>()
        };
        wait_for("the late record", || late() == wanted);
        job.stop().unwrap();
        assert_eq!(late(), wanted);
    }
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

#[test]
fn topics_that_are_joined_must_have_the_same_number_of_queues() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    block(log.create_topic("few", TopicSpec::with_queues(2))).unwrap();
    let topology = |moved: bool| {
        let builder = StreamBuilder::new("joined");
        let words = builder.keyed_source("words", text(), text());
        let few = builder.keyed_source("few", text(), text());
        let few = if moved { few.key_by(|key, _| key.clone()) } else { few };
        let windows = JoinWindows::of(Duration::from_secs(1));
        words.join(&few, |_, word, few| format!("{word}+{few}"), windows).keyed_sink(
            "counts",
            text(),
            text(),
        );
        builder.build()
    };
    let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
    let settings = Settings::new(dir.path().join("state"));
    let refused = Streams::start(topology(false), shared, settings).unwrap_err().to_string();
    assert_eq!(
        refused,
        "topology of job joined: topics that are joined must have the same number of queues, but few has 2, words has 4: a record and its partner would be in different tasks. Give them as many, or let the stream go through key_by, which makes a topic that fits"
    );
    // Through a topic of the job they meet; some of them after a restart without the local state.
    let mut wanted = Vec::new();
    for round in 0..2 {
        let job = start(&log, dir.path(), topology(true));
        let queue_of = |key: &str, queues| gantry_log::queue_of_key(key.as_bytes(), queues);
        for (topic, queues, own) in [("words", QUEUES, "w"), ("few", 2, "f")] {
            for key in (0..50).map(|n| format!("k{n}")) {
                let value = Some(format!("{own}{round}").into());
                let record =
                    LogRecord { key: Some(key.clone().into()), value, ..record("", 1_000) };
                let to = TopicPartition::new(topic, queue_of(&key, queues));
                let batch = QueueBatch { to, records: vec![record] };
                block(async { log.append(vec![batch]).await.unwrap().await.unwrap() });
            }
        }
        for key in (0..50).map(|n| format!("k{n}")) {
            for (word, few) in (0..=round).flat_map(|w| (0..=round).map(move |f| (w, f))) {
                if word == round || few == round {
                    wanted.push((key.clone(), format!("w{word}+f{few}")));
                }
            }
        }
        wanted.sort();
        let told = || {
            let read = |bytes: Option<bytes::Bytes>| String::from_utf8(bytes.unwrap().to_vec());
            let records = all(&log, "counts").into_iter();
            let pairs = records.map(|r| (read(r.key).unwrap(), read(r.value).unwrap()));
            let mut pairs: Vec<_> = pairs.collect();
            pairs.sort();
            pairs
        };
        wait_for("all pairs", || told() == wanted);
        job.stop().unwrap();
        std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    }
}

/// What was written long ago is joined as if it came now: the topic with the fewer records does not
/// run ahead of the other one.
#[test]
fn a_job_that_catches_up_takes_its_topics_in_the_order_of_time() {
    const LEFT: i64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    for topic in ["left", "right", "counts"] {
        block(log.create_topic(topic, TopicSpec::with_queues(QUEUES))).unwrap();
    }
    let key = || Some("k".into());
    let queue = gantry_log::queue_of_key(b"k", QUEUES);
    for (topic, step) in [("left", 1), ("right", 10)] {
        let times = (0..LEFT).filter(|time| time % step == 0);
        let records = times.map(|time| LogRecord { key: key(), ..record("x", time) }).collect();
        let batch = QueueBatch { to: TopicPartition::new(topic, queue), records };
        block(async { log.append(vec![batch]).await.unwrap().await.unwrap() });
    }
    let builder = StreamBuilder::new("catches-up");
    let left = builder.keyed_source("left", text(), text());
    let right = builder.keyed_source("right", text(), text());
    let windows = JoinWindows::of(Duration::from_millis(2));
    left.join(&right, |_, l, r| format!("{l}{r}"), windows).keyed_sink("counts", text(), text());
    let mut settings = Settings::new(dir.path().join("state"));
    settings.read_bytes = 16 << 10;
    let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
    let job = Streams::start(builder.build(), shared, settings).unwrap();
    // Each right one has two before it, two after it and one beside it; the first has none before.
    let wanted = usize::try_from(LEFT / 10 * 5 - 2).unwrap();
    wait_for("all records", || {
        let taken = job.status().iter().map(|task| task.records).sum::<u64>();
        taken == (LEFT + LEFT / 10).unsigned_abs() || job.failure().is_some()
    });
    let status = job.status();
    job.stop().unwrap();
    assert_eq!(all(&log, "counts").len(), wanted);
    assert_eq!(status.iter().map(|task| task.late).sum::<u64>(), 0);
}

/// The log gives each queue as many bytes: one with small records does not run ahead for that.
#[test]
fn a_queue_with_large_records_is_not_late_beside_one_with_small_ones() {
    const TIMES: i64 = 10_000;
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    for (queue, bytes) in [(0, 20), (1, 1_000)] {
        let value = "x".repeat(bytes);
        let records = (0..TIMES).map(|time| record(&value, time)).collect();
        let batch = QueueBatch { to: TopicPartition::new("words", queue), records };
        block(async { log.append(vec![batch]).await.unwrap().await.unwrap() });
    }
    let builder = StreamBuilder::new("beside");
    builder
        .source("words", text())
        .group_by(|_, _| "all".to_owned())
        .window(Tumbling::of(Duration::from_secs(1)))
        .grace(Duration::from_secs(5))
        .count()
        .to_stream()
        .keyed_sink("counts", data_serde(), data_serde());
    let mut settings = Settings::new(dir.path().join("state"));
    settings.threads = 1;
    settings.read_bytes = 64 << 10;
    settings.checkpoint_interval = Duration::from_millis(5);
    let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
    let job = Streams::start(builder.build(), shared, settings).unwrap();
    let late = || job.status().iter().map(|task| task.late).sum::<u64>();
    wait_for("all records", || {
        let last = all(&log, "counts").into_iter().map(|record| {
            let count: [u8; 8] = record.value.unwrap()[..].try_into().unwrap();
            (record.key.unwrap(), u64::from_be_bytes(count))
        });
        let counted: u64 = last.collect::<BTreeMap<_, _>>().values().sum();
        counted + late() == 2 * TIMES.unsigned_abs()
    });
    assert_eq!(late(), 0);
    job.stop().unwrap();
}

#[test]
fn two_streams_of_one_topic_have_all_its_records() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    let builder = StreamBuilder::new("two");
    builder.source("words", text()).map_values(|_, word| format!("1{word}")).sink("counts", text());
    builder.source("words", text()).map_values(|_, word| format!("2{word}")).sink("counts", text());
    let job = start(&log, dir.path(), builder.build());
    send(&log, 0, &["a".to_owned()]);
    let told = || {
        let texts = all(&log, "counts").into_iter().map(|record| record.value.unwrap());
        let mut texts: Vec<_> = texts.collect();
        texts.sort();
        texts
    };
    wait_for("both", || told() == ["1a", "2a"]);
    job.stop().unwrap();
}

#[test]
fn a_global_table_is_whole_in_each_task_before_the_first_record_is_taken() {
    const PRICES: u32 = 3;
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    block(log.create_topic("prices", TopicSpec::with_queues(PRICES))).unwrap();
    let set = |item: &str, price: Option<String>| {
        let queue = gantry_log::queue_of_key(item.as_bytes(), PRICES);
        let value = price.map(Into::into);
        let record = LogRecord { key: Some(item.to_owned().into()), value, ..record("", 0) };
        let batch = QueueBatch { to: TopicPartition::new("prices", queue), records: vec![record] };
        block(async { log.append(vec![batch]).await.unwrap().await.unwrap() });
    };
    let topology = || {
        let builder = StreamBuilder::new("priced");
        let prices = builder.global_table("prices", text(), text());
        builder
            .source("words", text())
            .left_join_global(
                &prices,
                |_, item| item.clone(),
                |_, item, price| (item.clone(), price.cloned().unwrap_or_default()),
            )
            .map(|_, pair| pair)
            .keyed_sink("counts", text(), text());
        builder.build()
    };
    let texts = |record: LogRecord| {
        let read =
            |bytes: Option<bytes::Bytes>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
        (read(record.key), read(record.value))
    };
    let told = || all(&log, "counts").into_iter().map(texts).collect::<Vec<_>>();
    let items: Vec<String> = (0..40).map(|n| format!("i{n}")).collect();
    for round in 0..4 {
        // Each queue has all items, and the table has what changed while no job ran.
        for item in &items[1..] {
            set(item, Some(format!("{item} in {round}")));
        }
        set(&items[0], (round % 2 == 0).then(|| "sometimes".to_owned()));
        (0..QUEUES).for_each(|queue| send(&log, queue, &items));
        let job = start(&log, dir.path(), topology());
        let taken = || told().iter().filter(|(item, _)| item != "later").count();
        wait_for("all items", || taken() == 40 * (QUEUES * (round + 1)) as usize);
        let mut found: BTreeMap<(String, String), u32> = BTreeMap::new();
        told().into_iter().for_each(|pair| *found.entry(pair).or_default() += 1);
        for item in &items[1..] {
            assert_eq!(found.get(&(item.clone(), format!("{item} in {round}"))), Some(&QUEUES));
        }
        let sometimes = if round % 2 == 0 { "sometimes" } else { "" };
        let times = QUEUES * (round / 2 + 1);
        assert_eq!(found.get(&(items[0].clone(), sometimes.to_owned())), Some(&times));
        // What changes while it runs is seen too.
        set("later", Some(round.to_string()));
        wait_for("the later price", || {
            send(&log, 1, &["later".to_owned()]);
            told().contains(&("later".to_owned(), round.to_string()))
        });
        assert_eq!(job.failure().map(|failure| failure.to_string()), None);
        job.stop().unwrap();
        if round == 1 {
            std::fs::remove_dir_all(dir.path().join("state")).unwrap();
        }
    }
}
