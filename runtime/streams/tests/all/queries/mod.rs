//! What a job answers while it runs.

mod http;
mod instances;
mod stores;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_log::{
    EmbeddedLog, FullLog, LogAdmin, LogRecord, QueueBatch, TopicPartition, TopicSpec,
};
use gantry_streams::{
    Processor, ProcessorContext, QueryError, Record, Settings, Store, StoreKind, StreamBuilder,
    Streams, StreamsError, Table, TestDriver, Topology, Tumbling, Window, Windowed, text,
};

use crate::on_log::{block, open, wait_for};

/// Words that are in one queue, in order.
fn send(log: &dyn FullLog, words: &[String]) {
    let record = |word: &String| LogRecord {
        key: Some(word.clone().into()),
        value: Some(word.clone().into()),
        headers: Vec::new(),
        timestamp_ms: 1_000,
    };
    let records = words.iter().map(record).collect();
    let batch = QueueBatch { to: TopicPartition::new("words", 0), records };
    block(async { log.append(vec![batch]).await.unwrap().await.unwrap() });
}

fn counts(builder: &StreamBuilder) -> Table<String, u64> {
    let words = builder.keyed_source("words", text(), text());
    words.group_by_key().count().materialized_as("counts")
}

fn topology() -> Topology {
    let builder = StreamBuilder::new("asked");
    let counts = counts(&builder);
    counts.filter(|_, count| count % 2 == 0).materialized_as("even");
    counts.to_stream().for_each(|_| ());
    let windows = builder.keyed_source("words", text(), text()).group_by_key();
    windows.window(Tumbling::of(Duration::from_millis(10))).count().materialized_as("windows");
    builder.build()
}

fn start(log: &Arc<EmbeddedLog>, dir: &tempfile::TempDir) -> Streams {
    start_with(log, dir, Duration::from_millis(20))
}

fn start_with(log: &Arc<EmbeddedLog>, dir: &tempfile::TempDir, checkpoints: Duration) -> Streams {
    let mut settings = Settings::new(dir.path().join("state"));
    settings.checkpoint_interval = checkpoints;
    settings.cache_entries = 20;
    let log: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(log);
    Streams::start(topology(), log, settings).unwrap()
}

fn scene() -> (tempfile::TempDir, Arc<EmbeddedLog>) {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    block(log.create_topic("words", TopicSpec::with_queues(1))).unwrap();
    (dir, log)
}

fn words() -> Vec<String> {
    (0..20_000_u64).map(|n| format!("w{:03}", n * n % 307)).collect()
}

/// What the first words come to.
fn count(words: &[String]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    words.iter().for_each(|word| *counts.entry(word.clone()).or_default() += 1);
    counts
}

#[test]
fn each_answer_is_what_the_first_records_come_to() {
    let (dir, log) = scene();
    let job = start(&log, &dir);
    let query = job.query::<String, u64>("counts").unwrap();
    wait_for("the task", || query.all(1).is_ok());
    let words = words();
    let sender = {
        let (log, words) = (Arc::clone(&log), words.clone());
        std::thread::spawn(move || {
            for some in words.chunks(500) {
                send(&*log, some);
                std::thread::sleep(Duration::from_millis(3));
            }
        })
    };
    let (mut last, mut between) = (0, 0);
    while last < words.len() {
        let told: BTreeMap<String, u64> = query.all(1_000).unwrap().into_iter().collect();
        let taken = usize::try_from(told.values().sum::<u64>()).unwrap();
        assert!(taken >= last, "it went back from {last} to {taken}");
        assert_eq!(told, count(&words[..taken]));
        between += usize::from(taken > last && taken < words.len());
        last = taken;
    }
    sender.join().unwrap();
    assert!(between > 3, "only {between} answers were given while it worked");
    let wanted = count(&words);
    for (word, count) in &wanted {
        assert_eq!(query.get(word).unwrap(), Some(*count));
    }
    assert_eq!(query.get(&"none".to_owned()).unwrap(), None);
    let even: Vec<(String, u64)> = wanted.into_iter().filter(|(_, count)| count % 2 == 0).collect();
    let of_even = job.query::<String, u64>("even").unwrap();
    wait_for("what was told last", || of_even.all(1_000).unwrap() == even);
    assert_eq!(job.failure().map(|failure| failure.to_string()), None);
    job.stop().unwrap();
    assert!(matches!(query.all(1), Err(QueryError::NotReady { .. })));
    // Whoever can ask does not keep the state from the next one.
    let job = start(&log, &dir);
    let again = job.query::<String, u64>("counts").unwrap();
    wait_for("the task", || again.all(1).is_ok());
    assert_eq!(again.all(1_000).unwrap().into_iter().collect::<BTreeMap<_, _>>(), count(&words));
    job.stop().unwrap();
    assert!(matches!(query.all(1), Err(QueryError::NotReady { .. })));
}

#[test]
fn what_waits_for_records_answers_at_once() {
    let (dir, log) = scene();
    // A thread waits up to 100 ms for records, if no checkpoint is due before.
    let job = start_with(&log, &dir, Duration::from_secs(10));
    let query = job.query::<String, u64>("counts").unwrap();
    send(&*log, &["a".to_owned()]);
    wait_for("the record", || query.get(&"a".to_owned()).is_ok_and(|count| count == Some(1)));
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(query.get(&"a".to_owned()).unwrap(), Some(1));
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    job.stop().unwrap();
}

#[test]
fn what_cannot_be_asked_says_why() {
    let (dir, log) = scene();
    let job = start(&log, &dir);
    let names: Vec<_> = job.stores().into_iter().map(|store| (store.name, store.kind)).collect();
    let wanted = [
        ("counts", StoreKind::Keyed),
        ("even", StoreKind::Keyed),
        ("windows", StoreKind::Windowed),
    ];
    assert_eq!(names, wanted.map(|(name, kind)| (name.to_owned(), kind)));
    assert!(job.stores().iter().all(|store| store.key_type.ends_with("String")));
    let fault = |error: QueryError| error.to_string();
    assert_eq!(
        job.query::<String, u64>("count").map_err(fault).unwrap_err(),
        "job asked has no store count: there are counts, even, windows"
    );
    assert_eq!(
        job.query::<String, String>("counts").map_err(fault).unwrap_err(),
        "store counts: its keys are alloc::string::String and its values u64, not alloc::string::String and alloc::string::String"
    );
    let (counts, windows) =
        (job.query::<String, u64>("counts"), job.query::<String, u64>("windows"));
    let (counts, windows) = (counts.unwrap(), windows.unwrap());
    assert_eq!(
        counts.fetch(&"a".to_owned(), 0, 1).map_err(fault).unwrap_err(),
        "store counts: it has no windows: ask for a key, or a range of keys"
    );
    assert_eq!(
        windows.get(&"a".to_owned()).map_err(fault).unwrap_err(),
        "store windows: it has windows: ask for those of a key, or of a time"
    );
    job.stop().unwrap();
}

/// Keeps what came last of each key, and what came at each time.
struct Last;

impl Processor<String, String> for Last {
    type Key = String;
    type Value = String;
    fn record(
        &mut self,
        record: Record<String, String>,
        context: &mut ProcessorContext<'_, String, String>,
    ) -> Result<(), StreamsError> {
        let mut store = context.keyed::<String, String>("aggregate-1")?;
        store.put(&record.key, Some(record.value.clone()))?;
        let mut times = context.windowed::<String, String>("times")?;
        times.put(record.timestamp_ms, &record.key, Some(record.value))
    }
}

#[test]
fn names_of_the_program_are_not_those_of_the_job() {
    let topology = |second: &'static str| {
        let builder = StreamBuilder::new("named");
        let words = builder.keyed_source("words", text(), text());
        words.group_by_key().count().materialized_as("counts");
        let stores = [
            Store::keyed::<String, String>("aggregate-1"),
            Store::windowed::<String, String>("times"),
        ];
        words.process(stores, || Last);
        words.group_by_key().count().materialized_as(second);
        builder.build()
    };
    let mut driver = TestDriver::new(topology("again")).unwrap();
    driver.send("words", Some("a"), "text", 0).unwrap();
    let key = "a".to_owned();
    assert_eq!(driver.get::<String, u64>("counts", &key).unwrap(), Some(1));
    assert_eq!(driver.get("aggregate-1", &key).unwrap(), Some("text".to_owned()));
    driver.send("words", Some("a"), "later", 7).unwrap();
    let at = |time: i64, text: &str| {
        let window = Window { start_ms: time, end_ms: time };
        (Windowed { window, key: key.clone() }, text.to_owned())
    };
    let told = |key: Option<&String>, starts| driver.windows("times", key, starts, 10).unwrap();
    assert_eq!(told(Some(&key), 0..=7), [at(0, "text"), at(7, "later")]);
    assert_eq!(told(None, 1..=i64::MAX), [at(7, "later")]);
    assert_eq!(told(Some(&"b".to_owned()), 0..=7), []);
    for taken in ["counts", "aggregate-1"] {
        let refused = TestDriver::new(topology(taken)).unwrap_err().to_string();
        assert!(refused.contains(&format!("two stores have the name {taken}")), "{refused}");
    }
}
