//! Windows against a model that sees all records at once.

use std::collections::BTreeMap;
use std::time::Duration;

use gantry_streams::aggregate::Fold;
use gantry_streams::{
    Emit, Hopping, Session, Sliding, StreamBuilder, TestDriver, Topology, Tumbling, Windows, text,
};
use proptest::prelude::*;

use crate::model::{self, Event, Shape};

/// What is in each window, in the order in which it came, as one text.
fn topology(windows: Windows) -> Topology {
    let builder = StreamBuilder::new("windows");
    builder
        .keyed_source("events", text(), text())
        .group_by_key()
        .window(windows)
        .aggregate(Fold(
            String::new,
            |all: &mut String, value: &String| all.push_str(value),
            |all: &mut String, other: &String| all.push_str(other),
        ))
        .changes()
        .map(|place, all| {
            let window = place.window;
            let key = format!("{}@{}..{}", place.key, window.start_ms, window.end_ms);
            (key, all.unwrap_or_default())
        })
        .keyed_sink("out", text(), text());
    builder.build()
}

/// The last that was told of each window; what was taken back is not there. A text is sorted: where
/// windows are made of pieces, values come in the order of these.
fn run(windows: Windows, events: &[Event], restarts: &[usize]) -> (BTreeMap<String, String>, u64) {
    let mut driver = TestDriver::new(topology(windows)).unwrap();
    let (mut told, mut late) = (BTreeMap::new(), 0);
    for (at, event) in events.iter().enumerate() {
        if restarts.contains(&at) {
            late += driver.late();
            driver.restart().unwrap();
        }
        driver.send("events", Some(&event.key), &event.value, event.time).unwrap();
        for (key, value) in driver.read("out", &text(), &text()).unwrap() {
            let value = value.unwrap();
            if value.is_empty() {
                told.remove(&key);
            } else {
                told.insert(key, model::sorted(&value));
            }
        }
    }
    (told, late + driver.late())
}

pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (0..3_u8, 0..40_i64, 0..26_u8);
    prop::collection::vec(event, 1..60).prop_map(|all| {
        let mut now = 0;
        all.into_iter()
            .map(|(key, step, letter)| {
                // Forward on the whole, with records that come late.
                now += step - 12;
                now = now.max(0);
                let value = char::from(b'a' + letter).to_string();
                Event { key: format!("k{key}"), value, time: now }
            })
            .collect()
    })
}

pub(crate) fn ms(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

fn check(shape: Shape, windows: Windows, grace: i64, all: &[Event], restarts: &[usize]) {
    let (wanted, late) = model::windows(shape, grace, all);
    let windows = windows.grace(ms(grace));
    let (told, found_late) = run(windows, all, restarts);
    assert_eq!(told, wanted.all, "{shape:?}, grace {grace}: as updates");
    assert_eq!(found_late, late, "{shape:?}, grace {grace}: late records");
    let (told, _) = run(windows.emit(Emit::OnClose), all, restarts);
    assert_eq!(told, wanted.closed, "{shape:?}, grace {grace}: when closed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn tumbling(all in events(), size in 1..50_i64, grace in 0..60_i64, restart in 0..60_usize) {
        check(Shape::Time { size, advance: size }, Tumbling::of(ms(size)).into(), grace, &all, &[restart]);
    }

    #[test]
    fn hopping(all in events(), size in 1..50_i64, advance in 1..50_i64, grace in 0..60_i64, restart in 0..60_usize) {
        let advance = advance.min(size);
        check(Shape::Time { size, advance }, Hopping::of(ms(size), ms(advance)).into(), grace, &all, &[restart]);
    }

    #[test]
    fn sessions(all in events(), gap in 0..30_i64, grace in 0..60_i64, restart in 0..60_usize) {
        check(Shape::Session { gap }, Session::of(ms(gap)).into(), grace, &all, &[restart]);
    }

    #[test]
    fn sliding(all in events(), difference in 0..30_i64, grace in 0..60_i64, restart in 0..60_usize) {
        check(Shape::Sliding { difference }, Sliding::of(ms(difference)).into(), grace, &all, &[restart]);
    }
}
