//! Stores of every kind against models that see all records.

use std::collections::BTreeMap;

use gantry_streams::{
    Hopping, Session, Settings, Sliding, StreamBuilder, TestDriver, Tumbling, Windowed, Windows,
    text,
};
use proptest::prelude::*;

use crate::model::{self, Event, Shape};
use crate::windows::{events, ms};

/// What is in each window as one text.
fn driver(windows: Windows) -> TestDriver {
    let builder = StreamBuilder::new("windows");
    builder
        .keyed_source("events", text(), text())
        .group_by_key()
        .window(windows)
        .aggregate(model::texts())
        .materialized_as("windows");
    let mut settings = Settings::new("");
    settings.cache_entries = 3;
    TestDriver::with_settings(builder.build(), settings).unwrap()
}

/// Start, key, end, and what is in it.
type Found = Vec<(i64, String, i64, String)>;

/// Windows that are open after these events, in the order of their start.
fn open(shape: Shape, grace: i64, events: &[Event]) -> Found {
    let (wanted, _) = model::windows(shape, grace, events);
    let open = wanted.all.into_iter().filter(|(place, _)| !wanted.closed.contains_key(place));
    let mut found: Found = open
        .map(|(place, text)| {
            let (key, times) = place.split_once('@').unwrap();
            let (start, end) = times.split_once("..").unwrap();
            (start.parse().unwrap(), key.to_owned(), end.parse().unwrap(), text)
        })
        .collect();
    found.sort();
    found
}

fn found(windows: Vec<(Windowed<String>, String)>) -> Found {
    let found = windows.into_iter().map(|(place, text)| {
        (place.window.start_ms, place.key, place.window.end_ms, model::sorted(&text))
    });
    found.collect()
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    from: i64,
    length: i64,
    limit: usize,
    restart: usize,
}

fn asked() -> impl Strategy<Value = Asked> {
    (-20..200_i64, 0..200_i64, 1..12_usize, 0..60_usize)
        .prop_map(|(from, length, limit, restart)| Asked { from, length, limit, restart })
}

fn check(shape: Shape, windows: Windows, grace: i64, events: &[Event], asked: Asked) {
    let mut driver = driver(windows.grace(ms(grace)));
    let Asked { from, length, limit, restart } = asked;
    let starts = from..=from + length;
    for (at, event) in events.iter().enumerate() {
        if at == restart {
            driver.restart().unwrap();
        }
        driver.send("events", Some(&event.key), &event.value, event.time).unwrap();
        let wanted = open(shape, grace, &events[..=at]);
        let mut all = found(driver.windows("windows", None, i64::MIN..=i64::MAX, 10_000).unwrap());
        if let Shape::Session { .. } = shape {
            // These come by key.
            assert!(all.is_sorted_by_key(|(start, key, ..)| (key.clone(), *start)));
            all.sort();
        }
        assert_eq!(all, wanted, "{shape:?}, grace {grace}, after event {at}");
        let within: Found =
            wanted.iter().filter(|(start, ..)| starts.contains(start)).cloned().collect();
        let mine: Found = within.iter().filter(|(_, key, ..)| *key == event.key).cloned().collect();
        let told = driver.windows("windows", Some(&event.key), starts.clone(), limit).unwrap();
        assert_eq!(found(told), mine[..limit.min(mine.len())], "{shape:?}, of {}", event.key);
        let mut first = within;
        if let Shape::Session { .. } = shape {
            first.sort_by_key(|(start, key, ..)| (key.clone(), *start));
        }
        first.truncate(limit);
        let told = driver.windows("windows", None::<&String>, starts.clone(), limit).unwrap();
        assert_eq!(found(told), first, "{shape:?}, the first {limit} of {starts:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn tumbling(all in events(), size in 1..50_i64, grace in 0..60_i64, asked in asked()) {
        check(Shape::Time { size, advance: size }, Tumbling::of(ms(size)).into(), grace, &all, asked);
    }

    #[test]
    fn hopping(all in events(), size in 1..50_i64, advance in 1..50_i64, grace in 0..60_i64, asked in asked()) {
        let advance = advance.min(size);
        check(Shape::Time { size, advance }, Hopping::of(ms(size), ms(advance)).into(), grace, &all, asked);
    }

    #[test]
    fn sessions(all in events(), gap in 0..30_i64, grace in 0..60_i64, asked in asked()) {
        check(Shape::Session { gap }, Session::of(ms(gap)).into(), grace, &all, asked);
    }

    #[test]
    fn sliding(all in events(), difference in 0..30_i64, grace in 0..60_i64, asked in asked()) {
        check(Shape::Sliding { difference }, Sliding::of(ms(difference)).into(), grace, &all, asked);
    }

    #[test]
    fn tables(
        changes in prop::collection::vec(("[ab]{1,3}", prop::option::of(0..50_u8)), 1..60),
        from in prop::option::of("[ab]{0,3}"),
        to in prop::option::of("[ab]{0,3}"),
        limit in 0..8_usize,
        restart in 0..60_usize,
    ) {
        let builder = StreamBuilder::new("tables");
        let table = builder.table("numbers", text(), text()).materialized_as("numbers");
        table.map_values(|_, number| number.len() as u64).materialized_as("lengths");
        let mut settings = Settings::new("");
        settings.cache_entries = 2;
        let mut driver = TestDriver::with_settings(builder.build(), settings).unwrap();
        let mut model: BTreeMap<String, String> = BTreeMap::new();
        for (at, (key, number)) in changes.iter().enumerate() {
            if at == restart {
                driver.restart().unwrap();
            }
            let value = number.map(|number| number.to_string());
            let record = gantry_log::LogRecord {
                key: Some(key.clone().into()),
                value: value.clone().map(Into::into),
                ..gantry_log::LogRecord::default()
            };
            driver.send_record("numbers", record).unwrap();
            match value {
                Some(value) => model.insert(key.clone(), value),
                None => model.remove(key),
            };
            let within = |key: &&String| {
                from.as_ref().is_none_or(|from| *key >= from) && to.as_ref().is_none_or(|to| *key <= to)
            };
            let wanted: Vec<(String, String)> = model
                .iter()
                .filter(|(key, _)| within(key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .take(limit)
                .collect();
            let told: Vec<(String, String)> =
                driver.range("numbers", from.as_ref(), to.as_ref(), limit).unwrap();
            prop_assert_eq!(told, wanted);
            prop_assert_eq!(driver.get("numbers", key).unwrap(), model.get(key).cloned());
            let length = model.get(key).map(|number| number.len() as u64);
            prop_assert_eq!(driver.get("lengths", key).unwrap(), length);
        }
    }
}
