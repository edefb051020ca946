//! Joins of streams against a model that makes all pairs of all records.

use std::time::Duration;

use gantry_log::LogRecord;
use gantry_streams::{JoinWindows, StreamBuilder, TestDriver, Topology, text};
use proptest::prelude::*;

use crate::windows::{late_places, with_late_topic};

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) right: bool,
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) time: i64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Inner,
    Left,
    Outer,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    kind: Kind,
    before: i64,
    after: i64,
    grace: i64,
}

fn ms(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

fn show(left: Option<&str>, right: Option<&str>) -> String {
    format!("{}+{}", left.unwrap_or("-"), right.unwrap_or("-"))
}

/// `moved`: the keys of both sides are changed on the way, so that they are shuffled.
pub(crate) fn topology(
    shape: Shape,
    moved: bool,
    by: impl Fn(JoinWindows) -> JoinWindows,
) -> Topology {
    let builder = StreamBuilder::new("joins");
    let source = |topic| {
        let stream = builder.keyed_source(topic, text(), text());
        if moved { stream.key_by(|key, _| format!("{key}!")) } else { stream }
    };
    let (left, right) = (source("left"), source("right"));
    let windows = JoinWindows::of(Duration::ZERO)
        .before(ms(shape.before))
        .after(ms(shape.after))
        .grace(ms(shape.grace));
    let windows = by(windows);
    let joined = match shape.kind {
        Kind::Inner => left.join(&right, |_, l, r| show(Some(l), Some(r)), windows),
        Kind::Left => left.left_join(&right, |_, l, r| show(Some(l), r.map(|r| &**r)), windows),
        Kind::Outer => {
            left.outer_join(&right, |_, l, r| show(l.map(|l| &**l), r.map(|r| &**r)), windows)
        }
    };
    joined.map_values(|key, value| format!("{} {value}", &key[..2])).sink("out", text());
    builder.build()
}

/// What came out, sorted.
pub(crate) fn lines(driver: &mut TestDriver) -> Vec<String> {
    let records = driver.records("out").into_iter().map(|record| {
        let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
        format!("{value} at {}", record.timestamp_ms)
    });
    let mut records: Vec<String> = records.collect();
    records.sort();
    records
}

/// What comes out with each event, sorted, and which events were late.
type Told = (Vec<Vec<String>>, Vec<usize>);

fn run(shape: Shape, moved: bool, events: &[Event], restarts: &[usize]) -> Told {
    let mut driver =
        TestDriver::with_settings(topology(shape, moved, |windows| windows), with_late_topic())
            .unwrap();
    let sent = events.iter().map(|event| {
        let record = LogRecord {
            key: Some(event.key.clone().into()),
            value: Some(event.value.clone().into()),
            headers: Vec::new(),
            timestamp_ms: event.time,
        };
        (if event.right { "right" } else { "left" }, record)
    });
    let sent: Vec<_> = sent.collect();
    let (mut told, mut late) = (Vec::new(), 0);
    for (at, (topic, record)) in sent.iter().enumerate() {
        if restarts.contains(&at) {
            late += driver.late();
            driver.restart().unwrap();
        }
        driver.send_record(topic, record.clone()).unwrap();
        told.push(lines(&mut driver));
    }
    let places = late_places(&mut driver, &sent);
    assert_eq!(late + driver.late(), places.len() as u64);
    (told, places)
}

pub(crate) fn wanted(shape: Shape, events: &[Event]) -> Told {
    let mut now = i64::MIN;
    let now: Vec<i64> = events
        .iter()
        .map(|event| {
            now = now.max(event.time);
            now
        })
        .collect();
    let close = |event: &Event| {
        event.time + if event.right { shape.before } else { shape.after } + shape.grace
    };
    let taken = |at: &usize| close(&events[*at]) >= now[*at];
    let partners = |at: usize| {
        let event = &events[at];
        (0..events.len()).filter(taken).filter(move |other| {
            let other = &events[*other];
            let (left, right) = if event.right { (other, event) } else { (event, other) };
            let apart = right.time - left.time;
            other.right != event.right
                && other.key == event.key
                && (-shape.before..=shape.after).contains(&apart)
        })
    };
    let mut told = vec![Vec::new(); events.len()];
    for at in (0..events.len()).filter(taken) {
        let event = &events[at];
        let line = |partner: Option<&Event>| {
            let (own, other) = (Some(&*event.value), partner.map(|p| &*p.value));
            let both = if event.right { show(other, own) } else { show(own, other) };
            let time = partner.map_or(event.time, |p| p.time.max(event.time));
            format!("{} {both} at {time}", event.key)
        };
        for other in partners(at).filter(|other| *other < at) {
            told[at].push(line(Some(&events[other])));
        }
        let tells = match shape.kind {
            Kind::Inner => false,
            Kind::Left => !event.right,
            Kind::Outer => true,
        };
        let closed = (at..events.len()).find(|later| now[*later] > close(event));
        if tells
            && let Some(closed) = closed
            && partners(at).all(|other| other >= closed)
        {
            told[closed].push(line(None));
        }
    }
    told.iter_mut().for_each(|lines| lines.sort());
    (told, (0..events.len()).filter(|at| !taken(at)).collect())
}

pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (any::<bool>(), 0..3_u8, 0..30_i64);
    prop::collection::vec(event, 1..80).prop_map(|all| {
        let mut now = 0;
        let events = all.into_iter().enumerate().map(|(at, (right, key, step))| {
            // Forward on the whole, with records that come late.
            now = (now + step - 12_i64).max(0);
            Event { right, key: format!("k{key}"), value: at.to_string(), time: now }
        });
        events.collect()
    })
}

pub(crate) fn shapes() -> impl Strategy<Value = Shape> {
    let kind = prop_oneof![Just(Kind::Inner), Just(Kind::Left), Just(Kind::Outer)];
    (kind, 0..40_i64, 0..40_i64, 0..40_i64).prop_map(|(kind, before, after, grace)| Shape {
        kind,
        before,
        after,
        grace,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn streams(all in events(), shape in shapes(), restarts in prop::collection::vec(0..80_usize, 0..3)) {
        prop_assert_eq!(run(shape, false, &all, &restarts), wanted(shape, &all));
    }
}

#[test]
fn a_stream_whose_key_was_changed_is_shuffled_before_it_is_joined() {
    let shape = Shape { kind: Kind::Outer, before: 5, after: 5, grace: 0 };
    let event = |right, value: &str, time| Event {
        right,
        key: "k0".to_owned(),
        value: value.to_owned(),
        time,
    };
    let all =
        [event(false, "a", 0), event(true, "b", 4), event(true, "c", 10), event(true, "d", 20)];
    let told = run(shape, true, &all, &[2]).0.concat();
    assert_eq!(told, ["k0 a+b at 4", "k0 -+c at 10"]);
}

#[test]
fn a_key_with_many_records_in_one_window_loses_none() {
    let shape = Shape { kind: Kind::Left, before: 1_000, after: 1_000, grace: 0 };
    let event =
        |right, at: i64, time| Event { right, key: "k0".to_owned(), value: at.to_string(), time };
    let mut all: Vec<Event> = (0..300).map(|at| event(false, at, at % 7)).collect();
    all.push(event(true, 1_000, 1_004));
    all.push(event(true, 1_001, 3_000));
    let (told, late) = run(shape, false, &all, &[150, 301]);
    // Of seven times, those up to 3 are too far from the only partner: they are told alone.
    let pairs = told[300].iter().filter(|line| line.contains("+1000"));
    assert_eq!(pairs.count(), (0..300).filter(|at| at % 7 >= 4).count());
    assert_eq!(told[300].len(), 300);
    assert_eq!((told.clone(), late), wanted(shape, &all));
}
