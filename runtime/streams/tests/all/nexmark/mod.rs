//! Nexmark's queries, as the example has them, against a model that sees all events at once.

#[path = "../../../examples/nexmark/events.rs"]
mod events;
#[path = "../../../examples/nexmark/generator.rs"]
mod generator;
#[path = "../../../examples/nexmark/incremental.rs"]
mod incremental;
mod model;
#[path = "../../../examples/nexmark/queries.rs"]
mod queries;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use gantry_log::{FullLog, LogRecord, MemoryLog, QueueBatch, TopicPartition, TopicSpec};
use gantry_streams::{Data, Key, Settings, Streams, TaskStatus, TestDriver};
use proptest::prelude::*;

use crate::on_log::{block, open, read_all, wait_for};
use events::Event;
use generator::{BEGIN_MS, Generator};
use queries::{EVENTS, Options, RESULTS, SIDE, SIDE_KEYS};

/// How events come.
#[derive(Clone, Debug)]
struct Case {
    generator: Generator,
    events: u64,
    /// So much later than another one an event may come that is after it in time.
    delay_ms: u64,
    /// So many come between two checkpoints.
    at_once: usize,
    /// The job is started again before that one of these.
    restart: usize,
}

impl Case {
    /// The events in the order in which they come.
    fn arrivals(&self) -> Vec<Event> {
        let mut random = fastrand::Rng::with_seed(self.generator.seed);
        let mut all: Vec<(i64, Event)> = (0..self.events)
            .map(|number| {
                let event = self.generator.event(number);
                let delay = random.u64(0..=self.delay_ms).cast_signed();
                (event.date_time_ms() + delay, event)
            })
            .collect();
        all.sort_by_key(|(came, _)| *came);
        all.into_iter().map(|(_, event)| event).collect()
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let delay = prop_oneof![Just(0), 1..30_000_u64];
    let parts = (any::<u64>(), 10..200_u64, 1..1_500_u64, delay, 1..400_usize, 0..10_usize);
    parts.prop_map(|(seed, per_second, events, delay_ms, at_once, restart)| Case {
        generator: Generator { seed, per_second },
        events,
        delay_ms,
        at_once,
        restart,
    })
}

/// Windows wait for all that a case delays.
const GRACE: Duration = Duration::from_secs(30);

fn topology(query: &str, grace: Duration, clock: &Arc<AtomicI64>) -> gantry_streams::Topology {
    let clock = Arc::clone(clock);
    let clock = Arc::new(move || clock.load(Ordering::Relaxed));
    queries::topology(query, &Options { grace, clock }).unwrap()
}

fn record(event: &Event) -> LogRecord {
    let (value, timestamp_ms) = (Some(event.to_bytes().into()), event.date_time_ms());
    LogRecord { value, timestamp_ms, ..LogRecord::default() }
}

/// The side input: some keys are missing.
fn side() -> BTreeMap<u64, String> {
    let keys = (0..SIDE_KEYS).filter(|key| key % 7 != 0);
    keys.map(|key| (key, format!("side {key}"))).collect()
}

fn side_records() -> impl Iterator<Item = LogRecord> {
    side().into_iter().map(|(key, text)| LogRecord {
        key: Some(key.to_bytes().into()),
        value: Some(text.into()),
        ..LogRecord::default()
    })
}

/// What a query told of a case, with the time on the wall when each event came.
fn run(query: &str, case: &Case) -> (Vec<LogRecord>, Vec<i64>) {
    let clock = Arc::new(AtomicI64::new(BEGIN_MS));
    let mut driver = TestDriver::new(topology(query, GRACE, &clock)).unwrap();
    driver.send_batch(SIDE, side_records().collect()).unwrap();
    let (mut told, mut came, mut late) = (Vec::new(), Vec::new(), 0);
    for (number, events) in case.arrivals().chunks(case.at_once).enumerate() {
        if number == case.restart {
            late += driver.late();
            driver.restart().unwrap();
        }
        let now = clock.fetch_add(3_700, Ordering::Relaxed) + 3_700;
        driver.set_wall_clock_ms(now).unwrap();
        driver.send_batch(EVENTS, events.iter().map(record).collect()).unwrap();
        came.extend(events.iter().map(|_| now));
        told.extend(driver.records(RESULTS));
    }
    assert_eq!(late + driver.late(), 0, "{query}: late events");
    (told, came)
}

/// The last value of each key; a key without one is not there.
fn last<K: Key, V: Data>(told: &[LogRecord]) -> BTreeMap<K, V> {
    let mut last = BTreeMap::new();
    for record in told {
        let key = K::decode(record.key.as_deref().unwrap()).unwrap();
        match record.value.as_deref() {
            Some(value) => last.insert(key, V::decode(value).unwrap()),
            None => last.remove(&key),
        };
    }
    last
}

fn compare_last<K: Key, V: Data + PartialEq + Debug>(
    query: &str,
    told: &[LogRecord],
    wanted: &BTreeMap<K, V>,
) -> usize {
    assert_eq!(last::<K, V>(told), *wanted, "{query}");
    wanted.len()
}

/// Without keys each record counts.
fn compare_all<V: Data + Ord + Debug>(
    query: &str,
    told: &[LogRecord],
    mut wanted: Vec<V>,
) -> usize {
    assert!(told.iter().all(|record| record.key.is_none()), "{query}: a result has a key");
    let values = told.iter().map(|record| V::decode(record.value.as_deref().unwrap()).unwrap());
    let mut values: Vec<V> = values.collect();
    values.sort();
    wanted.sort();
    assert_eq!(values, wanted, "{query}");
    wanted.len()
}

/// Compares what was told with the model; gives how much there was.
fn compare(query: &str, told: &[LogRecord], events: &[Event], came: &[i64]) -> usize {
    match query {
        "q0" => {
            let bytes = events.iter().map(|event| event.to_bytes().into());
            compare_all::<bytes::Bytes>(query, told, bytes.collect())
        }
        "q1" => compare_all(query, told, model::q1(events)),
        "q2" => compare_all(query, told, model::q2(events)),
        "q3" => compare_all(query, told, model::q3(events)),
        "q5" => compare_last(query, told, &model::q5(events)),
        "q7" => compare_last(query, told, &model::q7(events)),
        "q8" => compare_last(query, told, &model::q8(events)),
        "q11" => compare_last(query, told, &model::q11(events)),
        "q12" => compare_last(query, told, &model::q12(events, came)),
        "q13" => compare_all(query, told, model::q13(events, &side(), SIDE_KEYS)),
        "q17" => compare_last(query, told, &model::q17(events)),
        "q18" => compare_last(query, told, &model::q18(events)),
        "q20" => compare_all(query, told, model::q20(events)),
        _ => panic!("there is no model of {query}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn each_query_tells_what_the_model_finds(case in cases()) {
        for query in queries::names() {
            let (told, came) = run(query, &case);
            compare(query, &told, &case.arrivals(), &came);
        }
    }
}

/// The cases above are not about nothing.
#[test]
fn each_query_finds_something() {
    let generator = Generator { seed: 1, per_second: 100 };
    let case = Case { generator, events: 6_000, delay_ms: 20_000, at_once: 500, restart: 5 };
    for query in queries::names() {
        let (told, came) = run(query, &case);
        let found = compare(query, &told, &case.arrivals(), &came);
        assert!(found > 3, "{query}: {found} results");
    }
}

/// What comes out of the generator is what Nexmark says of its events.
#[test]
fn events_are_in_proportion_and_about_each_other() {
    let generator = Generator { seed: 5, per_second: 1_000 };
    let events: Vec<Event> = (0..100_000).map(|number| generator.event(number)).collect();
    let people: Vec<u64> = model::people(&events).map(|person| person.id).collect();
    let auctions: Vec<u64> = model::auctions(&events).map(|auction| auction.id).collect();
    assert_eq!(people, (1_000..3_000).collect::<Vec<_>>());
    assert_eq!(auctions, (1_000..7_000).collect::<Vec<_>>());
    let (mut hot, mut waits) = (0, 0);
    for (number, event) in events.iter().enumerate() {
        let Event::Bid(bid) = event else { continue };
        let there = number as u64 / 50 * 3 + 1_002;
        assert!(bid.auction <= there + 10 && bid.auction >= there.saturating_sub(200), "{bid:?}");
        hot += u32::from(bid.auction % 100 == 0);
        waits += u32::from(bid.auction > there);
    }
    assert!((46_000..48_000).contains(&hot), "{hot} of 92,000 bids are for hot auctions");
    assert!((3_000..6_000).contains(&waits), "{waits} bids are for auctions that come later");
    let bytes = |kind: u8| {
        let all = events.iter().map(Event::to_bytes).filter(|bytes| bytes[0] == kind);
        let lengths: Vec<usize> = all.map(|bytes| bytes.len()).collect();
        lengths.iter().sum::<usize>() / lengths.len()
    };
    let sizes = [bytes(0), bytes(1), bytes(2)];
    let near = sizes.iter().zip([200, 500, 100]).all(|(is, want)| is.abs_diff(want) <= want / 10);
    assert!(near, "{sizes:?} bytes of people, auctions and bids");
    assert_eq!(events[..1_000], (0..1_000).map(|n| generator.event(n)).collect::<Vec<_>>());
}

const QUEUES: u32 = 4;

fn send(log: &dyn FullLog, events: &[Event]) {
    let mut queues = vec![Vec::new(); QUEUES as usize];
    for (number, event) in events.iter().enumerate() {
        queues[number % QUEUES as usize].push(record(event));
    }
    let batches = (0..).zip(queues);
    let batches = batches
        .map(|(queue, records)| QueueBatch { to: TopicPartition::new(EVENTS, queue), records });
    block(async { log.append(batches.collect()).await.unwrap().await.unwrap() });
}

/// Whether all events, and all that was shuffled, were taken.
fn is_done(log: &dyn FullLog, status: &[TaskStatus]) -> bool {
    let taken: BTreeMap<(&str, u32), u64> = status
        .iter()
        .flat_map(|task| task.inputs.iter().map(|(topic, next)| ((&**topic, task.queue), *next)))
        .collect();
    let topics = block(log.topics()).unwrap();
    topics.iter().filter(|(topic, _)| ***topic == *EVENTS || topic.contains("-shuffle-")).all(
        |(topic, info)| {
            (0..info.spec.queues).all(|queue| {
                let range = block(log.range(&TopicPartition::new(&**topic, queue))).unwrap();
                taken.get(&(&**topic, queue)) == Some(&range.next)
            })
        },
    )
}

/// A query with several queues and with shuffle topics, started again between parts of the events,
/// once without its state on disk.
fn on_log(log: &Arc<dyn FullLog>, query: &str, case: &Case, threads: usize, grace: Duration) {
    let dir = tempfile::tempdir().unwrap();
    for topic in [EVENTS, RESULTS, SIDE] {
        block(log.create_topic(topic, TopicSpec::with_queues(QUEUES))).unwrap();
    }
    let to = TopicPartition::new(SIDE, 1);
    let batch = QueueBatch { to, records: side_records().collect() };
    block(async { log.append(vec![batch]).await.unwrap().await.unwrap() });
    let (arrivals, clock) = (case.arrivals(), Arc::new(AtomicI64::new(BEGIN_MS)));
    let mut came = Vec::new();
    for (number, events) in arrivals.chunks(case.at_once).enumerate() {
        if number == case.restart {
            std::fs::remove_dir_all(dir.path().join("state")).unwrap();
        }
        let now = clock.fetch_add(7_000, Ordering::Relaxed) + 7_000;
        came.extend(events.iter().map(|_| now));
        send(&**log, events);
        let mut settings = Settings::new(dir.path().join("state"));
        settings.checkpoint_interval = Duration::from_millis(20);
        settings.threads = threads;
        settings.cache_entries = 200;
        let topology = topology(query, grace, &clock);
        let job = Streams::start(topology, Arc::clone(log), settings).unwrap();
        wait_for(query, || {
            assert_eq!(job.failure().map(|failure| failure.to_string()), None, "{query}");
            is_done(&**log, &job.status())
        });
        assert_eq!(job.status().iter().map(|task| task.late).sum::<u64>(), 0, "{query}");
        job.stop().unwrap();
    }
    let found = compare(query, &read_all(&**log, RESULTS), &arrivals, &came);
    assert!(found > 3, "{query}: {found} results");
}

/// Threads do not wait for each other, so that what they shuffle is out of order: windows wait long.
fn on_threads(log: &Arc<dyn FullLog>, query: &str) {
    let generator = Generator { seed: 3, per_second: 50 };
    let case = Case { generator, events: 3_000, delay_ms: 5_000, at_once: 1_000, restart: 2 };
    on_log(log, query, &case, 3, Duration::from_secs(3_600));
}

#[test]
fn each_query_tells_the_same_on_the_embedded_log() {
    for query in queries::names() {
        let dir = tempfile::tempdir().unwrap();
        let log: Arc<dyn FullLog> = open(dir.path());
        on_threads(&log, query);
    }
}

#[test]
fn each_query_tells_the_same_on_the_log_in_memory() {
    for query in queries::names() {
        let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
        on_threads(&log, query);
    }
}

/// One thread that catches up shuffles what its tasks read in the order of time: nothing is late,
/// also where windows do not wait.
#[test]
fn a_thread_that_catches_up_makes_nothing_late() {
    let generator = Generator { seed: 4, per_second: 50 };
    let case = Case { generator, events: 3_000, delay_ms: 0, at_once: 1_500, restart: 1 };
    for query in ["q5", "q7", "q8", "q11"] {
        let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
        on_log(&log, query, &case, 1, Duration::ZERO);
    }
}
