//! Aggregates in session windows.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use gantry_log::Str;

use super::stamped::{self, Stamped};
use crate::aggregate::Aggregate;
use crate::context::{Context, SystemMessage};
use crate::data::{Data, Key};
use crate::error::{DataError, StreamsError};
use crate::query::{Answer, Fault, Question, View, keep};
use crate::record::Record;
use crate::store::KeyedStore;
use crate::topology::assembly::{Children, Operator, Receive};
use crate::window::{Clock, Emit, Window, Windowed, Windows};

/// The sessions of one key that are not closed, by their start.
#[derive(Clone, Debug)]
pub(crate) struct Sessions<S>(Vec<One<S>>);

#[derive(Clone, Debug)]
struct One<S> {
    window: Window,
    /// It was given on as it is here, or in part.
    told: bool,
    state: Stamped<S>,
}

impl<S: Data> Data for Sessions<S> {
    fn encode(&self, to: &mut Vec<u8>) {
        let parts = self.0.iter().map(|one| {
            let times = (one.window.start_ms, one.window.end_ms, one.told);
            (times, one.state.clone())
        });
        parts.collect::<Vec<_>>().encode(to);
    }
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        let parts = Vec::<((i64, i64, bool), Stamped<S>)>::decode(bytes)?;
        let sessions = parts.into_iter().map(|((start_ms, end_ms, told), state)| One {
            window: Window { start_ms, end_ms },
            told,
            state,
        });
        Ok(Self(sessions.collect()))
    }
}

type Store<K, S> = Rc<RefCell<KeyedStore<K, Sessions<S>>>>;

/// Keeps the sessions of each key; one that closes the gap between two makes them one.
pub(crate) struct SessionAggregation<K, V, A: Aggregate<V>> {
    node: Str,
    children: Children<Windowed<K>, Option<A::Output>>,
    store: Store<K, A::State>,
    aggregate: Arc<A>,
    gap_ms: i64,
    grace_ms: i64,
    emit: Emit,
    clock: Clock,
    /// When which key has a session that ends.
    ends: BTreeSet<(i64, K)>,
    /// What changed since it was told: still there, or not any more.
    changed: BTreeMap<(K, Window), bool>,
}

impl<K: Key, V, A: Aggregate<V>> SessionAggregation<K, V, A> {
    pub(crate) fn new(
        node: Str,
        children: Children<Windowed<K>, Option<A::Output>>,
        store: Store<K, A::State>,
        aggregate: Arc<A>,
        gap_ms: i64,
        windows: Windows,
    ) -> Self {
        let Windows { grace_ms, emit, clock, .. } = windows;
        let (ends, changed) = (BTreeSet::new(), BTreeMap::new());
        Self { node, children, store, aggregate, gap_ms, grace_ms, emit, clock, ends, changed }
    }

    /// Sessions that end before this are closed.
    fn closed_before(&self, context: &Context) -> i64 {
        self.clock.watermark_ms(context).saturating_sub(self.grace_ms).saturating_sub(self.gap_ms)
    }

    /// Closes what the watermark has left behind.
    fn close(&mut self, context: &mut Context) -> Result<(), StreamsError> {
        let before = self.closed_before(context);
        while self.ends.first().is_some_and(|(end, _)| *end < before) {
            let Some((_, key)) = self.ends.pop_first() else { break };
            self.clock.closed(context);
            let mut closed = Vec::new();
            {
                let mut store = self.store.borrow_mut();
                let slot = store.change(&key)?;
                if let Some(sessions) = slot {
                    sessions.0.retain(|one| {
                        let keep = one.window.end_ms >= before;
                        if !keep {
                            closed.push(one.clone());
                        }
                        keep
                    });
                    if sessions.0.is_empty() {
                        *slot = None;
                    }
                }
            }
            for one in closed {
                let changed = self.changed.remove(&(key.clone(), one.window)).is_some();
                if changed || self.emit == Emit::OnClose {
                    self.give(&key, one.window, Some(&one.state), context)?;
                }
            }
        }
        Ok(())
    }

    fn give(
        &self,
        key: &K,
        window: Window,
        state: Option<&Stamped<A::State>>,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        let timestamp_ms = state.map_or(window.end_ms, |stamped| stamped.timestamp_ms);
        let result = state.and_then(|stamped| self.aggregate.result(&stamped.state));
        let key = Windowed { window, key: key.clone() };
        self.children.forward(Record::new(key, result, timestamp_ms), context)
    }

    /// Tells what was told before and is a part of another one now. What waits behind this for the
    /// end of a session must know it before the watermark, or takes the part for a whole one.
    fn take_back(&mut self, context: &mut Context) -> Result<(), StreamsError> {
        let gone = self.changed.extract_if(.., |_, there| !*there);
        let gone: Vec<(K, Window)> = gone.map(|(place, _)| place).collect();
        gone.into_iter().try_for_each(|(key, window)| self.give(&key, window, None, context))
    }

    /// Tells what changed, and what was told before and is a part of another one now.
    fn tell(&mut self, context: &mut Context) -> Result<(), StreamsError> {
        for ((key, window), there) in std::mem::take(&mut self.changed) {
            let mut state = None;
            if there && let Some(sessions) = self.store.borrow_mut().change(&key)? {
                let one = sessions.0.iter_mut().find(|one| one.window == window);
                state = one.map(|one| {
                    one.told = true;
                    one.state.clone()
                });
            }
            self.give(&key, window, state.as_ref(), context)?;
        }
        Ok(())
    }

    /// All times at which something ends: of a split that came with its state.
    fn find_ends(&mut self) -> Result<(), StreamsError> {
        for (key, sessions) in self.store.borrow().range(None, None)? {
            let ends = sessions.0.iter().map(|one| (one.window.end_ms, key.clone()));
            self.ends.extend(ends);
        }
        Ok(())
    }

    /// Makes a session of a value and of all that it touches.
    fn take(&mut self, record: &Record<K, V>) -> Result<(), StreamsError> {
        let time = record.timestamp_ms;
        let mut store = self.store.borrow_mut();
        let slot = store.change(&record.key)?;
        let sessions = slot.get_or_insert_with(|| Sessions(Vec::new()));
        let (low, high) = (time.saturating_sub(self.gap_ms), time.saturating_add(self.gap_ms));
        let touches = |one: &One<_>| one.window.end_ms >= low && one.window.start_ms <= high;
        let (touched, mut others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut sessions.0).into_iter().partition(touches);
        let mut window = Window { start_ms: time, end_ms: time };
        let mut state = None;
        let mut told = false;
        for one in &touched {
            window.start_ms = window.start_ms.min(one.window.start_ms);
            window.end_ms = window.end_ms.max(one.window.end_ms);
            stamped::merge(&*self.aggregate, &mut state, &one.state);
        }
        stamped::add(&*self.aggregate, &mut state, &record.value, time);
        for one in &touched {
            let place = (record.key.clone(), one.window);
            if one.window == window {
                told = one.told;
            } else {
                self.ends.remove(&(one.window.end_ms, record.key.clone()));
                self.changed.remove(&place);
                if one.told {
                    self.changed.insert(place, false);
                }
            }
        }
        self.ends.insert((window.end_ms, record.key.clone()));
        self.changed.insert((record.key.clone(), window), true);
        others.extend(state.map(|state| One { window, told, state }));
        others.sort_by_key(|one| one.window);
        sessions.0 = others;
        Ok(())
    }

    /// Whether all that a record at this time would be in is closed.
    fn is_late(&self, record: &Record<K, V>, context: &Context) -> Result<bool, StreamsError> {
        let (time, before) = (record.timestamp_ms, self.closed_before(context));
        if time >= before {
            return Ok(false);
        }
        let mut store = self.store.borrow_mut();
        let sessions = store.get(&record.key)?;
        // It may be a part of one that still goes on.
        Ok(!sessions.is_some_and(|sessions| {
            sessions.0.iter().any(|one| {
                one.window.start_ms <= time.saturating_add(self.gap_ms)
                    && one.window.end_ms >= time.saturating_sub(self.gap_ms)
                    && one.window.end_ms >= before
            })
        }))
    }
}

impl<K: Key, V: Data, A: Aggregate<V>> Receive<K, V> for SessionAggregation<K, V, A> {
    fn receive(&mut self, record: Record<K, V>, context: &mut Context) -> Result<(), StreamsError> {
        let record = self.clock.stamp(record, context);
        context.aside(|context| self.close(context))?;
        if self.is_late(&record, context)? {
            let end_ms = record.timestamp_ms.saturating_add(self.gap_ms);
            context.too_late(&self.node, &record, end_ms);
            return Ok(());
        }
        self.take(&record)
    }
}

impl<K: Key, V, A: Aggregate<V>> Operator for SessionAggregation<K, V, A> {
    fn message(
        &mut self,
        message: SystemMessage,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        match message {
            SystemMessage::NewSplit(_) => self.find_ends()?,
            message if self.clock.went_on(message) => {
                self.take_back(context)?;
                self.close(context)?;
            }
            SystemMessage::CheckPoint(_) if self.emit == Emit::OnUpdate => self.tell(context)?,
            SystemMessage::CheckPoint(_) => self.changed.clear(),
            _ => {}
        }
        Ok(())
    }
}

impl<K: Key, V, A: Aggregate<V>> View for SessionAggregation<K, V, A> {
    fn answer(&self, question: &Question, answer: &mut Answer) -> Result<(), Fault> {
        let (Question::Fetch { starts, .. } | Question::Windows { starts }) = question else {
            return Err(Fault::Kind);
        };
        keep(&self.store.borrow(), question, answer, |sessions: &Sessions<A::State>| {
            let asked = sessions.0.iter().filter(|one| starts.contains(&one.window.start_ms));
            let told = asked.filter_map(|one| {
                Some((Some(one.window), self.aggregate.result(&one.state.state)?))
            });
            told.collect()
        })
    }
}
