//! Joins with tables against a model that makes the tables anew from all that came.

use std::collections::BTreeMap;

use gantry_log::LogRecord;
use gantry_streams::{StreamBuilder, TestDriver, Topology, text};
use proptest::prelude::*;

/// One record of one of two topics.
#[derive(Clone, Debug)]
struct Event {
    right: bool,
    key: String,
    value: Option<String>,
    time: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Inner,
    Left,
    Outer,
}

/// What comes out with an event: key, value, time.
type Told = (String, Option<String>, i64);

fn show(left: Option<&str>, right: Option<&str>) -> String {
    format!("{}+{}", left.unwrap_or("-"), right.unwrap_or("-"))
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (any::<bool>(), 0..3_u8, prop::option::weighted(0.6, 0..26_u8), 0..100_i64);
    let events = prop::collection::vec(event, 1..60);
    events.prop_map(|all| {
        let events = all.into_iter().map(|(right, key, value, time)| Event {
            right,
            key: format!("k{key}"),
            value: value.map(|letter| char::from(b'a' + letter).to_string()),
            time,
        });
        events.collect()
    })
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Inner), Just(Kind::Left), Just(Kind::Outer)]
}

fn run(topology: Topology, events: &[Event], restarts: &[usize]) -> Vec<Vec<Told>> {
    let mut driver = TestDriver::new(topology).unwrap();
    let mut told = Vec::new();
    for (at, event) in events.iter().enumerate() {
        if restarts.contains(&at) {
            driver.restart().unwrap();
        }
        let record = LogRecord {
            key: Some(event.key.clone().into()),
            value: event.value.clone().map(Into::into),
            headers: Vec::new(),
            timestamp_ms: event.time,
        };
        driver.send_record(if event.right { "right" } else { "left" }, record).unwrap();
        let texts = |bytes: bytes::Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let records = driver.records("out").into_iter();
        told.push(
            records.map(|r| (texts(r.key.unwrap()), r.value.map(texts), r.timestamp_ms)).collect(),
        );
    }
    told
}

/// The last value of each key on one side, with its time.
fn table(events: &[Event], right: bool) -> BTreeMap<&str, (&str, i64)> {
    let mut table = BTreeMap::new();
    for event in events.iter().filter(|event| event.right == right) {
        match &event.value {
            Some(value) => table.insert(&*event.key, (&**value, event.time)),
            None => table.remove(&*event.key),
        };
    }
    table
}

fn joined(kind: Kind, events: &[Event]) -> BTreeMap<String, String> {
    let (left, right) = (table(events, false), table(events, true));
    let keys = left.keys().chain(right.keys()).copied();
    let rows = keys.filter_map(|key| {
        let (l, r) = (left.get(key), right.get(key));
        let there = match kind {
            Kind::Inner => l.is_some() && r.is_some(),
            Kind::Left => l.is_some(),
            Kind::Outer => true,
        };
        there.then(|| (key.to_owned(), show(l.map(|l| l.0), r.map(|r| r.0))))
    });
    rows.collect()
}

fn tables(kind: Kind) -> Topology {
    let builder = StreamBuilder::new("tables");
    let left = builder.table("left", text(), text());
    let right = builder.table("right", text(), text());
    let joined = match kind {
        Kind::Inner => left.join(&right, |_, l, r| show(Some(l), Some(r))),
        Kind::Left => left.left_join(&right, |_, l, r| show(Some(l), r.map(|r| &**r))),
        Kind::Outer => left.outer_join(&right, |_, l, r| show(l.map(|l| &**l), r.map(|r| &**r))),
    };
    joined.sink("out", text(), text());
    builder.build()
}

fn wanted_tables(kind: Kind, events: &[Event]) -> Vec<Vec<Told>> {
    let told = events.iter().enumerate().map(|(at, event)| {
        let was = joined(kind, &events[..at]).remove(&event.key);
        let is = joined(kind, &events[..=at]).remove(&event.key);
        let had = table(&events[..at], event.right).contains_key(&*event.key);
        // The later time of the change and of what it meets.
        let other = table(&events[..at], !event.right);
        let time = other.get(&*event.key).map_or(event.time, |met| met.1.max(event.time));
        match (was, is) {
            // A value that was not there is not taken away.
            _ if !had && event.value.is_none() => vec![],
            (None, None) => vec![],
            (_, is) => vec![(event.key.clone(), is, time)],
        }
    });
    told.collect()
}

fn stream_and_global_table(left: bool) -> Topology {
    let builder = StreamBuilder::new("enriched");
    let stream = builder.keyed_source("left", text(), text());
    let table = builder.global_table("right", text(), text());
    let key = |key: &String, _: &String| key.clone();
    let joined = if left {
        stream.left_join_global(&table, key, |_, l, r| show(Some(l), r.map(|r| &**r)))
    } else {
        stream.join_global(&table, key, |_, l, r| show(Some(l), Some(r)))
    };
    joined.keyed_sink("out", text(), text());
    builder.build()
}

fn stream_and_table(left: bool) -> Topology {
    let builder = StreamBuilder::new("enriched");
    let stream = builder.keyed_source("left", text(), text());
    let table = builder.table("right", text(), text());
    let joined = if left {
        stream.left_join_table(&table, |_, l, r| show(Some(l), r.map(|r| &**r)))
    } else {
        stream.join_table(&table, |_, l, r| show(Some(l), Some(r)))
    };
    joined.keyed_sink("out", text(), text());
    builder.build()
}

fn wanted_stream(left: bool, events: &[Event]) -> Vec<Vec<Told>> {
    let told = events.iter().enumerate().map(|(at, event)| {
        let Some(value) = event.value.as_deref().filter(|_| !event.right) else { return vec![] };
        let found = table(&events[..at], true).get(&*event.key).map(|found| found.0);
        if found.is_none() && !left {
            return vec![];
        }
        vec![(event.key.clone(), Some(show(Some(value), found)), event.time)]
    });
    told.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn two_tables(all in events(), kind in kinds(), restarts in prop::collection::vec(0..60_usize, 0..3)) {
        prop_assert_eq!(run(tables(kind), &all, &restarts), wanted_tables(kind, &all));
    }

    #[test]
    fn a_stream_and_a_table(all in events(), left in any::<bool>(), restarts in prop::collection::vec(0..60_usize, 0..3)) {
        prop_assert_eq!(run(stream_and_table(left), &all, &restarts), wanted_stream(left, &all));
    }

    #[test]
    fn a_stream_and_a_global_table(all in events(), left in any::<bool>(), restarts in prop::collection::vec(0..60_usize, 0..3)) {
        prop_assert_eq!(run(stream_and_global_table(left), &all, &restarts), wanted_stream(left, &all));
    }

    /// A change that comes to a join in two ways: what is there at the end is right.
    #[test]
    fn a_table_joined_twice(all in events(), restart in 0..60_usize) {
        let builder = StreamBuilder::new("twice");
        let left = builder.table("left", text(), text());
        let right = builder.table("right", text(), text());
        let both = left.join(&right, |_, l, r| show(Some(l), Some(r)));
        both.join(&left, |_, both, l| show(Some(both), Some(l))).sink("out", text(), text());
        let mut found = BTreeMap::new();
        for (key, value, _) in run(builder.build(), &all, &[restart]).concat() {
            match value {
                Some(value) => found.insert(key, value),
                // Nothing is taken away that is not there.
                None => Some(found.remove(&key).unwrap()),
            };
        }
        let (rows, own) = (joined(Kind::Inner, &all), table(&all, false));
        let rows = rows.into_iter().map(|(key, both)| {
            let row = show(Some(&both), own.get(&*key).map(|own| own.0));
            (key, row)
        });
        prop_assert_eq!(found, rows.collect::<BTreeMap<_, _>>());
    }
}

#[test]
fn a_stream_meets_an_aggregate_of_itself_under_another_key() {
    let builder = StreamBuilder::new("own-counts");
    let words = builder.source("words", text());
    let counts = words.group_by(|_, word: &String| word.clone()).count();
    let keyed = words.key_by(|_, word| word.clone());
    keyed
        .left_join_table(&counts, |word, _, count| format!("{word} {count:?}"))
        .sink("out", text());
    let mut driver = TestDriver::new(builder.build()).unwrap();
    for word in ["a", "b", "a"] {
        driver.send("words", None, word, 0).unwrap();
    }
    // What is counted is read from a topic whose name comes first.
    assert_eq!(driver.texts("out"), ["a Some(1)", "b Some(1)", "a Some(2)"]);
}

#[test]
fn records_that_come_at_once_are_taken_in_the_order_of_time() {
    let mut driver = TestDriver::new(stream_and_table(true)).unwrap();
    let record = |value: &str, timestamp_ms| LogRecord {
        key: Some("k0".into()),
        value: Some(value.to_owned().into()),
        headers: Vec::new(),
        timestamp_ms,
    };
    let visits = [1, 3, 5, 4].map(|at| ("left", record(&at.to_string(), at)));
    let names = [("right", record("a", 2)), ("right", record("b", 4))];
    driver.send_records(visits.into_iter().chain(names)).unwrap();
    assert_eq!(driver.texts("out"), ["1+-", "3+a", "5+b", "4+b"]);
}
