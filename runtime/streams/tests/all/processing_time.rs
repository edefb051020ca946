//! Windows that go by the wall clock, against the models of those that go by event time: with the
//! times when records are taken, whatever their own times are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gantry_log::{EmbeddedLog, FullLog};
use gantry_streams::{
    Emit, Hopping, JoinWindows, Session, Settings, Sliding, StreamBuilder, Streams, TestDriver,
    Topology, Tumbling, UntilWindowCloses, Windows, text,
};
use proptest::prelude::*;

use crate::joins;
use crate::model::{self, Event, Shape};
use crate::on_log::{all, make_topics, open, send, wait_for};
use crate::windows::ms;

/// What is in each window as one text, sorted.
fn topology(windows: Windows, suppressed: bool) -> Topology {
    let builder = StreamBuilder::new("windows");
    let table = builder
        .keyed_source("events", text(), text())
        .group_by_key()
        .window(windows)
        .processing_time()
        .aggregate(model::texts());
    let table = if suppressed { table.suppress(UntilWindowCloses) } else { table };
    model::told(&table).keyed_sink("out", text(), text());
    builder.build()
}

/// One case: when each event is taken, by how much its own time is wrong, when the job is started
/// again, and how long the wall clock goes on at the end.
#[derive(Clone, Debug)]
struct Case {
    events: Vec<(Event, i64)>,
    restart: usize,
    rest: i64,
}

fn cases() -> impl Strategy<Value = Case> {
    let event = (0..3_u8, 0..30_i64, 0..26_u8, -500..500_i64);
    let events = prop::collection::vec(event, 1..50).prop_map(|all| {
        let mut now = 0;
        let events = all.into_iter().map(|(key, step, letter, wrong)| {
            now += step / 2;
            let value = char::from(b'a' + letter).to_string();
            (Event { key: format!("k{key}"), value, time: now }, wrong)
        });
        events.collect()
    });
    (events, 0..50_usize, 0..100_i64).prop_map(|(events, restart, rest)| Case {
        events,
        restart,
        rest,
    })
}

/// What was told of each window, the last word last.
fn run(topology: Topology, case: &Case) -> BTreeMap<String, Vec<String>> {
    let mut driver = TestDriver::new(topology).unwrap();
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (at, (event, wrong)) in case.events.iter().enumerate() {
        // While the job is down the wall clock goes on: what was open then is told by the first record.
        if at == case.restart {
            driver.restart_at(event.time).unwrap();
        } else {
            driver.set_wall_clock_ms(event.time).unwrap();
        }
        driver.send("events", Some(&event.key), &event.value, event.time + wrong).unwrap();
    }
    let end = case.events.last().map_or(0, |(event, _)| event.time) + case.rest;
    driver.set_wall_clock_ms(end).unwrap();
    for (key, value) in driver.read("out", &text(), &text()).unwrap() {
        told.entry(key).or_default().push(model::sorted(&value.unwrap()));
    }
    assert_eq!(driver.late(), 0, "what is taken now is in a window of now");
    told
}

fn wanted(shape: Shape, grace: i64, case: &Case) -> model::Wanted {
    let mut events: Vec<Event> = case.events.iter().map(|(event, _)| event.clone()).collect();
    let time = events.last().map_or(0, |event| event.time) + case.rest;
    events.push(Event { key: "end".to_owned(), value: String::new(), time });
    let (mut wanted, late) = model::windows(shape, grace, &events);
    assert_eq!(late.len(), 0);
    wanted.all.retain(|place, _| !place.starts_with("end"));
    wanted.closed.retain(|place, _| !place.starts_with("end"));
    wanted
}

fn check(shape: Shape, windows: Windows, grace: i64, case: &Case) {
    let wanted = wanted(shape, grace, case);
    let windows = windows.grace(ms(grace));
    let told = run(topology(windows, false), case).into_iter();
    let told = told.filter_map(|(place, mut all)| Some((place, all.pop()?)));
    // An empty text takes back a session that became a part of another one.
    let told: BTreeMap<String, String> = told.filter(|(_, last)| !last.is_empty()).collect();
    assert_eq!(told, wanted.all, "{shape:?}, grace {grace}: as updates");
    let closed: BTreeMap<_, _> = wanted.closed.into_iter().map(|(k, v)| (k, vec![v])).collect();
    let told = run(topology(windows.emit(Emit::OnClose), false), case);
    assert_eq!(told, closed, "{shape:?}, grace {grace}: when closed");
    let told = run(topology(windows, true), case);
    assert_eq!(told, closed, "{shape:?}, grace {grace}: suppressed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn tumbling(case in cases(), size in 1..50_i64, grace in 0..30_i64) {
        check(Shape::Time { size, advance: size }, Tumbling::of(ms(size)).into(), grace, &case);
    }

    #[test]
    fn hopping(case in cases(), size in 1..50_i64, advance in 1..50_i64, grace in 0..30_i64) {
        let advance = advance.min(size);
        check(Shape::Time { size, advance }, Hopping::of(ms(size), ms(advance)).into(), grace, &case);
    }

    #[test]
    fn sessions(case in cases(), gap in 0..30_i64, grace in 0..30_i64) {
        check(Shape::Session { gap }, Session::of(ms(gap)).into(), grace, &case);
    }

    #[test]
    fn sliding(case in cases(), difference in 1..30_i64, grace in 0..30_i64) {
        check(Shape::Sliding { difference }, Sliding::of(ms(difference)).into(), grace, &case);
    }

    #[test]
    fn joins(all in joins::events(), shape in joins::shapes(), wrong in -500..500_i64, rest in 0..100_i64, restart in 0..80_usize) {
        let mut now = 0;
        let mut events: Vec<joins::Event> = all.into_iter().map(|event| {
            now = now.max(event.time);
            joins::Event { time: now, ..event }
        }).collect();
        let mut driver = TestDriver::new(joins::topology(shape, false, JoinWindows::processing_time)).unwrap();
        let mut told = Vec::new();
        for (at, event) in events.iter().enumerate() {
            if at == restart {
                driver.restart_at(event.time).unwrap();
            } else {
                driver.set_wall_clock_ms(event.time).unwrap();
            }
            let topic = if event.right { "right" } else { "left" };
            driver.send(topic, Some(&event.key), &event.value, event.time + wrong).unwrap();
            told.push(joins::lines(&mut driver));
        }
        // The wall clock goes on, and nothing comes any more.
        let end = joins::Event { key: "no".to_owned(), time: now + rest, ..events[0].clone() };
        driver.set_wall_clock_ms(end.time).unwrap();
        told.push(joins::lines(&mut driver));
        events.push(end);
        prop_assert_eq!((told, Vec::new()), joins::wanted(shape, &events));
    }
}

/// On a log: nothing comes behind the words, and yet their window is told, once.
#[test]
fn a_window_closes_by_the_wall_clock_while_nothing_comes() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    let builder = StreamBuilder::new("now");
    builder
        .source("words", text())
        .group_by(|_, _| "all".to_owned())
        .window(Tumbling::of(Duration::from_millis(300)))
        .processing_time()
        .emit(Emit::OnClose)
        .count()
        .to_stream()
        .map(|place, count| (place.key.clone(), count.to_string()))
        .keyed_sink("counts", text(), text());
    let mut settings = Settings::new(dir.path().join("state"));
    settings.checkpoint_interval = Duration::from_millis(20);
    // With a change log, what is held is written after some seconds in any case.
    settings.local_storage_only = true;
    let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
    let job = Streams::start(builder.build(), shared, settings).unwrap();
    let words: Vec<String> = (0..40).map(|n| format!("w{n}")).collect();
    send(&log, 0, &words);
    let count = || {
        let counts = all(&log, "counts").into_iter().map(|record| record.value.unwrap());
        counts.map(|count| String::from_utf8_lossy(&count).parse::<u64>().unwrap()).sum::<u64>()
    };
    wait_for("all words", || count() == 40);
    job.stop().unwrap();
    assert_eq!(count(), 40);
}
