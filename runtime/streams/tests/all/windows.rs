//! Windows against a model that sees all records at once.

use std::collections::BTreeMap;
use std::time::Duration;

use gantry_log::{LogRecord, RecordHeader};
use gantry_streams::{
    Data, Emit, Hopping, Session, Settings, Sliding, StreamBuilder, TestDriver, Topology, Tumbling,
    Window, Windowed, Windows, text,
};
use proptest::prelude::*;

use crate::model::{self, Event, Shape};

/// What is in each window, in the order in which it came, as one text.
fn topology(windows: Windows) -> Topology {
    let builder = StreamBuilder::new("windows");
    let table = builder
        .keyed_source("events", text(), text())
        .group_by_key()
        .window(windows)
        .aggregate(model::texts());
    model::told(&table).keyed_sink("out", text(), text());
    builder.build()
}

/// The events that went to the topic of late ones, by their place; they must be as they came.
pub(crate) fn late_places(driver: &mut TestDriver, sent: &[(&str, LogRecord)]) -> Vec<usize> {
    let mut places = Vec::new();
    for mut record in driver.records("late") {
        let header = |key: &str| {
            let key = format!("gantry.streams.{key}");
            let found = record.headers.iter().find(|header| *header.key == *key).unwrap();
            String::from_utf8(found.value.as_ref().unwrap().to_vec()).unwrap()
        };
        let offset: usize = header("offset").parse().unwrap();
        let of_topic = |(_, (topic, _)): &(usize, &(&str, _))| *topic == header("topic");
        let (at, (_, came)) = sent.iter().enumerate().filter(of_topic).nth(offset).unwrap();
        let number = |key| header(key).parse::<i64>().unwrap();
        assert_eq!(number("time"), came.timestamp_ms);
        assert!(number("window.end") <= number("watermark"), "the window was open");
        let place = [header("queue"), header("operator")].join(" ");
        assert!(place.starts_with("0 window-") || place.starts_with("0 join-"), "{place}");
        record.headers.retain(|header| !header.key.starts_with("gantry.streams."));
        assert_eq!(record, *came);
        places.push(at);
    }
    places
}

/// Late records go to a topic.
pub(crate) fn with_late_topic() -> Settings {
    let mut settings = Settings::new("");
    settings.late_records = Some("late".to_owned());
    settings
}

fn log_record(event: &Event) -> LogRecord {
    let header = RecordHeader { key: "of".into(), value: Some(event.value.clone().into()) };
    LogRecord {
        key: Some(event.key.clone().into()),
        value: Some(event.value.clone().into()),
        headers: vec![header],
        timestamp_ms: event.time,
    }
}

type Told = (BTreeMap<String, String>, Vec<usize>);

/// The last that was told of each window; what was taken back is not there. A text is sorted: where
/// windows are made of pieces, values come in the order of these. And which events were late.
fn run(windows: Windows, events: &[Event], restarts: &[usize]) -> Told {
    let mut driver = TestDriver::with_settings(topology(windows), with_late_topic()).unwrap();
    let sent: Vec<_> = events.iter().map(|event| ("events", log_record(event))).collect();
    let (mut told, mut late) = (BTreeMap::new(), 0);
    for (at, (topic, record)) in sent.iter().enumerate() {
        if restarts.contains(&at) {
            late += driver.late();
            driver.restart().unwrap();
        }
        driver.send_record(topic, record.clone()).unwrap();
        for (key, value) in driver.read("out", &text(), &text()).unwrap() {
            let value = value.unwrap();
            if value.is_empty() {
                told.remove(&key);
            } else {
                told.insert(key, model::sorted(&value));
            }
        }
    }
    let places = late_places(&mut driver, &sent);
    assert_eq!(late + driver.late(), places.len() as u64);
    (told, places)
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

/// What one window tells is late for the next one: no record of the log is late, but what was made
/// of several.
#[test]
fn a_result_that_is_late_for_the_next_windows_is_sent_as_stores_have_it() {
    let builder = StreamBuilder::new("two");
    builder
        .keyed_source("events", text(), text())
        .group_by_key()
        .window(Tumbling::of(ms(10)))
        .emit(Emit::OnClose)
        .count()
        .to_stream()
        .map_values(|_, count| count * 100)
        .group_by_key()
        .window(Tumbling::of(ms(5)))
        .count()
        .to_stream()
        .for_each(|_| ());
    let mut driver = TestDriver::with_settings(builder.build(), with_late_topic()).unwrap();
    for time in [1, 2, 30] {
        driver.send("events", Some("k"), "v", time).unwrap();
    }
    let records = driver.records("late");
    let window = Window { start_ms: 0, end_ms: 10 };
    let place = Windowed { window, key: "k".to_owned() };
    let found: Vec<_> = records.iter().map(|r| (r.key.as_deref(), r.value.as_deref())).collect();
    let (key, value) = (place.to_bytes(), 200_u64.to_bytes());
    assert_eq!(found, [(Some(&*key), Some(&*value))]);
    let keys: Vec<_> = records[0].headers.iter().map(|header| &*header.key).collect();
    let wanted = ["operator", "time", "window.end", "watermark"];
    assert_eq!(keys, wanted.map(|key| format!("gantry.streams.{key}")));
}
