//! What windows hold, from all records: each window is looked at by itself, from the first record
//! to the last, without any state but what is in it.

use std::collections::{BTreeMap, BTreeSet};

use gantry_streams::aggregate::Fold;
use gantry_streams::{Aggregate, Stream, Table, Windowed};

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) time: i64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Time { size: i64, advance: i64 },
    Session { gap: i64 },
    Sliding { difference: i64 },
}

/// By key and window as a text.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// All windows.
    pub(crate) all: BTreeMap<String, String>,
    /// Those that are closed after the last record.
    pub(crate) closed: BTreeMap<String, String>,
}

pub(crate) fn sorted(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

/// What is in a window as one text.
pub(crate) fn texts() -> impl Aggregate<String, State = String, Output = String> {
    Fold(
        String::new,
        |all: &mut String, value: &String| all.push_str(value),
        |all: &mut String, other: &String| all.push_str(other),
    )
}

/// The windows of a table as records: key and window as the model has them, and what is in it.
pub(crate) fn told(table: &Table<Windowed<String>, String>) -> Stream<String, String> {
    table.changes().map(|place, all| {
        let window = place.window;
        let key = format!("{}@{}..{}", place.key, window.start_ms, window.end_ms);
        (key, all.unwrap_or_default())
    })
}

/// The stream time when each record is looked at.
fn stream_times(events: &[Event]) -> Vec<i64> {
    let mut now = i64::MIN;
    events
        .iter()
        .map(|event| {
            now = now.max(event.time);
            now
        })
        .collect()
}

/// What is in the windows, and the places of the events that are late.
pub(crate) fn windows(shape: Shape, grace: i64, events: &[Event]) -> (Wanted, Vec<usize>) {
    let keys: BTreeSet<&str> = events.iter().map(|event| &*event.key).collect();
    let now = stream_times(events);
    let end = now.last().copied().unwrap_or(i64::MIN);
    let (mut wanted, mut late) = (Wanted::default(), Vec::new());
    for key in keys {
        let places: Vec<usize> = (0..events.len()).filter(|at| events[*at].key == key).collect();
        let mine: Vec<(i64, i64, &str)> =
            places.iter().map(|at| (events[*at].time, now[*at], &*events[*at].value)).collect();
        let found = match shape {
            Shape::Time { size, advance } => time(size, advance, grace, end, &mine),
            Shape::Session { gap } => session(gap, grace, end, &mine),
            Shape::Sliding { difference } => sliding(difference, grace, end, &mine),
        };
        late.extend(found.1.into_iter().map(|at| places[at]));
        for (start, stop, text, closed) in found.0 {
            let place = format!("{key}@{start}..{stop}");
            if closed {
                wanted.closed.insert(place.clone(), sorted(&text));
            }
            wanted.all.insert(place, sorted(&text));
        }
    }
    late.sort_unstable();
    (wanted, late)
}

type Found = (Vec<(i64, i64, String, bool)>, Vec<usize>);

fn places<T>(all: &[T], are: impl Fn(&T) -> bool) -> Vec<usize> {
    (0..all.len()).filter(|at| are(&all[*at])).collect()
}

fn time(size: i64, advance: i64, grace: i64, end: i64, mine: &[(i64, i64, &str)]) -> Found {
    let last = mine.iter().map(|record| record.0).max().unwrap_or(0);
    let mut found = Vec::new();
    let mut start = 0;
    while start <= last {
        let stop = start + size;
        let inside = mine
            .iter()
            .filter(|(time, now, _)| (start..stop).contains(time) && stop + grace > *now);
        let text: String = inside.map(|record| record.2).collect();
        if !text.is_empty() {
            found.push((start, stop, text, stop + grace <= end));
        }
        start += advance;
    }
    let late = places(mine, |(time, now, _)| {
        let last_stop = time - time % advance + size;
        last_stop + grace <= *now
    });
    (found, late)
}

/// Sessions grow record by record, so the model has to go through them in order.
fn session(gap: i64, grace: i64, end: i64, mine: &[(i64, i64, &str)]) -> Found {
    let mut sessions: Vec<(i64, i64, String)> = Vec::new();
    let mut done: Vec<(i64, i64, String, bool)> = Vec::new();
    let mut late = Vec::new();
    for (at, (time, now, value)) in mine.iter().enumerate() {
        let closed_before = now - grace - gap;
        let (closed, open) = sessions.into_iter().partition(|(_, stop, _)| *stop < closed_before);
        let closed: Vec<(i64, i64, String)> = closed;
        done.extend(closed.into_iter().map(|(a, b, text)| (a, b, text, true)));
        sessions = open;
        let touches = |one: &(i64, i64, String)| one.0 <= time + gap && one.1 >= time - gap;
        if *time < closed_before && !sessions.iter().any(touches) {
            late.push(at);
            continue;
        }
        let (touched, others) = sessions.into_iter().partition(touches);
        let touched: Vec<(i64, i64, String)> = touched;
        sessions = others;
        let start = touched.iter().map(|one| one.0).min().unwrap_or(*time).min(*time);
        let stop = touched.iter().map(|one| one.1).max().unwrap_or(*time).max(*time);
        let text: String = touched.iter().map(|one| &*one.2).chain([*value]).collect();
        sessions.push((start, stop, text));
    }
    done.extend(sessions.into_iter().map(|(a, b, text)| (a, b, text, b < end - grace - gap)));
    (done, late)
}

/// A window is there if a record ends it, or if it begins right behind a record and has one in it;
/// and it must be open when that record comes.
fn sliding(difference: i64, grace: i64, end: i64, mine: &[(i64, i64, &str)]) -> Found {
    let taken = |(time, now, _): &&(i64, i64, &str)| time + difference > now - grace;
    let records: Vec<&(i64, i64, &str)> = mine.iter().filter(taken).collect();
    let mut windows: BTreeMap<i64, String> = BTreeMap::new();
    for (at, (time, now, _)) in records.iter().enumerate() {
        let so_far = &records[..=at];
        let open = |start: &i64| start + difference > now - grace;
        let mut starts = BTreeSet::from([time - difference]);
        for (other, ..) in so_far {
            // It ends with the other one, and this one is in it.
            if (*other - difference..=*other).contains(time) {
                starts.insert(other - difference);
            }
            // It begins behind one, and the other is in it.
            if (other + 1..=other + 1 + difference).contains(time) {
                starts.insert(other + 1);
            }
            if (time + 1..=time + 1 + difference).contains(other) {
                starts.insert(time + 1);
            }
        }
        for start in starts.into_iter().filter(open) {
            let inside =
                so_far.iter().filter(|record| (start..=start + difference).contains(&record.0));
            windows.insert(start, inside.map(|record| record.2).collect());
        }
    }
    let found = windows
        .into_iter()
        .map(|(start, text)| (start, start + difference, text, start + difference <= end - grace));
    let late = places(mine, |record| !taken(&record));
    (found.collect(), late)
}
