//! Stores that are asked as they are, and what those need that make something of one.

use std::collections::BTreeMap;

use super::{ANSWER_BYTES_MAX, Answer, Entry, Fault, Question, View};
use crate::data::{Data, Key};
use crate::store::page::Most;
use crate::store::{KeyedStore, WindowStore};
use crate::window::Window;

fn key<K: Key>(bytes: &[u8]) -> Result<K, Fault> {
    K::decode(bytes).map_err(Fault::Key)
}

/// Answers from values by key. A function makes of each what is told, none or several; it keeps the
/// order by key.
pub(crate) fn keep<K: Key, V: Data, W: Data>(
    store: &KeyedStore<K, V>,
    question: &Question,
    answer: &mut Answer,
    tell: impl Fn(&V) -> Vec<(Option<Window>, W)>,
) -> Result<(), Fault> {
    let add = |key: &K, value: &V, answer: &mut Answer| {
        for (window, value) in tell(value).into_iter().take(answer.room()) {
            answer.add(Entry { key: key.to_bytes(), window, value: value.to_bytes() })?;
        }
        Ok::<_, Fault>(())
    };
    let (from, to) = match question {
        Question::Get(bytes) | Question::Fetch { key: bytes, .. } => {
            let key = key(bytes)?;
            return match store.peek(&key)? {
                Some(value) => add(&key, &value, answer),
                None => Ok(()),
            };
        }
        Question::Range { from, to } => (from.as_deref(), to.as_deref()),
        Question::Windows { .. } => (None, None),
    };
    let (from, to) = (from.map(key).transpose()?, to.map(key).transpose()?);
    let mut range = store.within(from.as_ref(), to.as_ref());
    // What is told may be less than what is there.
    while answer.room() > 0 {
        answer.check_time()?;
        let most = Most { entries: answer.room(), bytes: ANSWER_BYTES_MAX };
        let page = store.page(&range, most)?.ok_or(Fault::TooLarge(most.bytes))?;
        for (_, (key, value)) in &page {
            add(key, value, answer)?;
        }
        let is_last = page.len() < most.entries;
        match page.into_iter().next_back() {
            Some((last, _)) if !is_last => {
                range.low = last;
                range.low.push(0);
            }
            _ => break,
        }
    }
    Ok(())
}

impl<K: Key, V: Data> View for KeyedStore<K, V> {
    fn answer(&self, question: &Question, answer: &mut Answer) -> Result<(), Fault> {
        if matches!(question, Question::Fetch { .. } | Question::Windows { .. }) {
            return Err(Fault::Kind);
        }
        keep(self, question, answer, |value| vec![(None, value.clone())])
    }
}

/// How windows are made of a store by time.
pub(crate) struct Making<'a, V> {
    /// From the start of a window to its end.
    pub(crate) length_ms: i64,
    /// What a window has is at times from its start up to so much later.
    pub(crate) span_ms: i64,
    /// The starts of the windows that have what is at a time, in order. Later times are in no
    /// windows between these.
    pub(crate) windows_of: &'a dyn Fn(i64) -> Box<dyn Iterator<Item = i64>>,
    /// Puts what comes later to what there is.
    pub(crate) merge: &'a dyn Fn(&mut Option<V>, &V),
}

/// Answers from values by time and key. A function makes of each window what is told, or nothing.
pub(crate) fn keep_windows<K: Key, V: Data, W: Data>(
    store: &WindowStore<K, V>,
    question: &Question,
    answer: &mut Answer,
    making: &Making<'_, V>,
    tell: impl Fn(&V) -> Option<W>,
) -> Result<(), Fault> {
    let (only, starts) = match question {
        Question::Fetch { key: bytes, starts } => (Some(key::<K>(bytes)?), starts),
        Question::Windows { starts } => (None, starts),
        Question::Get(_) | Question::Range { .. } => return Err(Fault::Kind),
    };
    let (mut from, to) = (*starts.start(), starts.end().saturating_add(making.span_ms));
    let mut after = None;
    while let Some(time) = store.next_time(from..=to) {
        let begun = (making.windows_of)(time).filter(|start| starts.contains(start));
        let done = after;
        for start in begun.filter(|start| done.is_none_or(|done| *start > done)) {
            answer.check_time()?;
            let window = Window { start_ms: start, end_ms: start.saturating_add(making.length_ms) };
            for (key, value) in window_at(store, start, only.as_ref(), answer.room(), making)? {
                let Some(value) = tell(&value).filter(|_| answer.room() > 0) else { continue };
                let (key, window) = (key, Some(window));
                answer.add(Entry { key, window, value: value.to_bytes() })?;
            }
            if answer.room() == 0 {
                return Ok(());
            }
            after = Some(start);
        }
        answer.check_time()?;
        let Some(next) = time.checked_add(1) else { break };
        from = next;
    }
    Ok(())
}

/// What a window has, in the order of the bytes of keys: of one key, or of the first ones.
fn window_at<K: Key, V: Data>(
    store: &WindowStore<K, V>,
    start_ms: i64,
    only: Option<&K>,
    entries_max: usize,
    making: &Making<'_, V>,
) -> Result<Vec<(Vec<u8>, V)>, Fault> {
    let most = Most { entries: entries_max, bytes: ANSWER_BYTES_MAX };
    let mut found: BTreeMap<Vec<u8>, Option<V>> = BTreeMap::new();
    let (mut from, to) = (start_ms, start_ms.saturating_add(making.span_ms));
    while let Some(time) = store.next_time(from..=to) {
        let parts = match only {
            Some(key) => {
                let value = store.peek(time, key)?;
                value.map(|value| (key.to_bytes(), value)).into_iter().collect()
            }
            // Of the first keys of all, each is among the first of every time that has it.
            None => {
                let page = store.page(time, most)?.ok_or(Fault::TooLarge(most.bytes))?;
                page.into_iter().map(|(bytes, (_, value))| (bytes, value)).collect::<Vec<_>>()
            }
        };
        for (key, value) in parts {
            (making.merge)(found.entry(key).or_default(), &value);
        }
        let Some(next) = time.checked_add(1) else { break };
        from = next;
    }
    let found = found.into_iter().filter_map(|(key, value)| Some((key, value?)));
    Ok(found.take(entries_max).collect())
}

/// Each entry is a window of one time.
pub(crate) fn at_its_time(time_ms: i64) -> Box<dyn Iterator<Item = i64>> {
    Box::new(std::iter::once(time_ms))
}

pub(crate) fn put<V: Clone>(slot: &mut Option<V>, value: &V) {
    *slot = Some(value.clone());
}

impl<K: Key, V: Data> View for WindowStore<K, V> {
    fn answer(&self, question: &Question, answer: &mut Answer) -> Result<(), Fault> {
        let making =
            Making { length_ms: 0, span_ms: 0, windows_of: &at_its_time, merge: &put::<V> };
        keep_windows(self, question, answer, &making, |value| Some(value.clone()))
    }
}
