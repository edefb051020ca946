//! Tables that tell less, against models that see all records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gantry_log::{EmbeddedLog, FullLog, LogRecord};
use gantry_streams::{
    Hopping, Session, Settings, Sliding, StreamBuilder, Streams, TestDriver, Topology, Tumbling,
    UntilTimeLimit, UntilWindowCloses, Windows, text,
};
use proptest::prelude::*;

use crate::model::{self, Event, Shape};
use crate::on_log::{all, make_topics, open, send, wait_for};
use crate::windows::{events, ms};

/// The final result of each window: what is in it, as one text. Windows that begin with `z` are not
/// wanted.
fn topology(windows: Windows) -> Topology {
    let builder = StreamBuilder::new("final");
    let table = builder
        .keyed_source("events", text(), text())
        .group_by_key()
        .window(windows)
        .aggregate(model::texts())
        .map_values(|_, all| model::sorted(all))
        .filter(|_, all| !all.starts_with('z'))
        .suppress(UntilWindowCloses);
    model::told(&table).keyed_sink("out", text(), text());
    builder.build()
}

fn log_record(event: &Event) -> LogRecord {
    let (key, value) = (Some(event.key.clone().into()), Some(event.value.clone().into()));
    LogRecord { key, value, headers: Vec::new(), timestamp_ms: event.time }
}

/// The records in batches of that many between two checkpoints; each window may tell itself once.
fn check(shape: Shape, windows: Windows, grace: i64, all: &[Event], batch: usize) {
    let (wanted, _) = model::windows(shape, grace, all);
    let mut wanted = wanted.closed;
    wanted.retain(|_, all| !all.starts_with('z'));
    let mut driver = TestDriver::new(topology(windows.grace(ms(grace)))).unwrap();
    let mut told = BTreeMap::new();
    for (at, events) in all.chunks(batch).enumerate() {
        if at % 3 == 1 {
            driver.restart().unwrap();
        }
        driver.send_batch("events", events.iter().map(log_record).collect()).unwrap();
        for (key, value) in driver.read("out", &text(), &text()).unwrap() {
            let before = told.insert(key.clone(), value.unwrap());
            assert_eq!(before, None, "{key} was told twice");
        }
    }
    assert_eq!(told, wanted, "{shape:?}, grace {grace}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn each_tumbling_window_tells_its_result_once(all in events(), size in 1..50_i64, grace in 0..60_i64, batch in 1..20_usize) {
        check(Shape::Time { size, advance: size }, Tumbling::of(ms(size)).into(), grace, &all, batch);
    }

    #[test]
    fn each_hopping_window_tells_its_result_once(all in events(), size in 1..50_i64, advance in 1..50_i64, grace in 0..60_i64, batch in 1..20_usize) {
        let advance = advance.min(size);
        check(Shape::Time { size, advance }, Hopping::of(ms(size), ms(advance)).into(), grace, &all, batch);
    }

    #[test]
    fn each_session_tells_its_result_once(all in events(), gap in 0..30_i64, grace in 0..60_i64, batch in 1..20_usize) {
        check(Shape::Session { gap }, Session::of(ms(gap)).into(), grace, &all, batch);
    }

    #[test]
    fn each_sliding_window_tells_its_result_once(all in events(), difference in 0..30_i64, grace in 0..60_i64, batch in 1..20_usize) {
        check(Shape::Sliding { difference }, Sliding::of(ms(difference)).into(), grace, &all, batch);
    }

    #[test]
    fn the_last_change_is_told_when_its_time_is_over(all in events(), limit in 0..60_i64, restart in 0..60_usize) {
        let builder = StreamBuilder::new("rare");
        builder
            .keyed_source("events", text(), text())
            .to_table()
            .filter(|_, value| value.as_str() < "s")
            .suppress(UntilTimeLimit::of(ms(limit)))
            .sink("out", text(), text());
        let mut driver = TestDriver::new(builder.build()).unwrap();
        let mut held: BTreeMap<String, (i64, i64, Option<String>)> = BTreeMap::new();
        let (mut now, mut wanted) = (i64::MIN, Vec::new());
        for (at, event) in all.iter().enumerate() {
            if at == restart {
                driver.restart().unwrap();
            }
            driver.send_record("events", log_record(event)).unwrap();
            now = now.max(event.time);
            let since = held.get(&event.key).map_or(event.time, |held| held.0);
            let value = Some(event.value.clone()).filter(|value| value.as_str() < "s");
            held.insert(event.key.clone(), (since, event.time, value));
            let mut over: Vec<(i64, String)> = held
                .iter()
                .filter(|(_, held)| held.0 + limit <= now)
                .map(|(key, held)| (held.0, key.clone()))
                .collect();
            over.sort();
            for (_, key) in over {
                let (_, time, value) = held.remove(&key).unwrap();
                wanted.push((key, time, value));
            }
        }
        let told: Vec<(String, i64, Option<String>)> = driver.records("out").into_iter().map(|record| {
            let read = |bytes: bytes::Bytes| String::from_utf8(bytes.to_vec()).unwrap();
            (read(record.key.unwrap()), record.timestamp_ms, record.value.map(read))
        }).collect();
        prop_assert_eq!(told, wanted);
    }
}

#[test]
fn what_is_not_behind_windows_cannot_wait_for_their_end() {
    let builder = StreamBuilder::new("lost");
    let counts = builder
        .keyed_source("events", text(), text())
        .group_by_key()
        .window(Tumbling::of(ms(10)))
        .count();
    // Through a topic, where windows are nothing but keys.
    counts
        .to_stream()
        .map(|place, count| (place.clone(), count))
        .to_table()
        .suppress(UntilWindowCloses)
        .to_stream()
        .for_each(|_| {});
    let fault = TestDriver::new(builder.build()).unwrap_err().to_string();
    assert!(
        fault.contains("suppress-") && fault.contains("put it behind the windowed aggregate"),
        "{fault}"
    );
}

#[test]
fn what_is_held_back_comes_back_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    let start = || {
        let builder = StreamBuilder::new("held");
        builder
            .source("words", text())
            .select_timestamp(|_, word| word.parse().unwrap())
            .group_by(|_, _| "all".to_owned())
            .window(Tumbling::of(ms(10)))
            .count()
            .suppress(UntilWindowCloses)
            .to_stream()
            .map_values(|place, count| format!("{} {count}", place.window.start_ms))
            .sink("counts", text());
        let mut settings = Settings::new(dir.path().join("state"));
        settings.checkpoint_interval = Duration::from_millis(20);
        let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
        Streams::start(builder.build(), shared, settings).unwrap()
    };
    let told = || -> Vec<String> {
        let values = all(&log, "counts").into_iter().map(|record| record.value.unwrap());
        values.map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
    };
    let job = start();
    send(&log, 0, &["3".to_owned(), "5".to_owned()]);
    wait_for("both", || job.status().iter().map(|task| task.records).sum::<u64>() == 4);
    job.stop().unwrap();
    assert_eq!(told(), Vec::<String>::new());
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    // The aggregate does not tell this window again: only what was held back knows of it.
    let job = start();
    send(&log, 0, &["25".to_owned()]);
    wait_for("the window", || !told().is_empty());
    job.stop().unwrap();
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    let job = start();
    send(&log, 0, &["35".to_owned()]);
    wait_for("the next window", || told().len() > 1);
    job.stop().unwrap();
    assert_eq!(told(), ["0 2", "20 1"]);
}
