//! Changes of tables held back: until their window is closed, or for a while.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::context::{Context, SystemMessage};
use crate::data::{Data, Key};
use crate::error::StreamsError;
use crate::record::Record;
use crate::store::{KeyedStore, WindowStore};
use crate::topology::assembly::{Children, Operator, Receive};
use crate::window::{Kind, Windowed, Windows};

/// By the end of the window: the event time of the result, and the result.
type Results<K, V> = WindowStore<Windowed<K>, (i64, V)>;

/// Gives on one result of each window: the last one, when no record can get into it any more.
pub(crate) struct WindowSuppression<K, V> {
    pub(crate) children: Children<Windowed<K>, Option<V>>,
    pub(crate) store: Rc<RefCell<Results<K, V>>>,
    pub(crate) windows: Windows,
}

impl<K, V> WindowSuppression<K, V> {
    /// Windows are closed whose end is before this, by the rules of the aggregate in front.
    fn closed_before(&self, context: &Context) -> i64 {
        let until = self.windows.clock.watermark_ms(context).saturating_sub(self.windows.grace_ms);
        match self.windows.kind {
            Kind::Time { .. } | Kind::Sliding { .. } => until.saturating_add(1),
            Kind::Session { gap_ms } => until.saturating_sub(gap_ms),
        }
    }
}

impl<K: Key, V: Data> Receive<Windowed<K>, Option<V>> for WindowSuppression<K, V> {
    // Nothing is given on here: while the aggregate tells its changes one by one, a window may be
    // closed of which a newer result than the one in the store is still to come.
    fn receive(
        &mut self,
        record: Record<Windowed<K>, Option<V>>,
        _: &mut Context,
    ) -> Result<(), StreamsError> {
        let Record { key, value, timestamp_ms, .. } = record;
        let value = value.map(|value| (timestamp_ms, value));
        self.store.borrow_mut().put(key.window.end_ms, &key, value)
    }
}

impl<K: Key, V: Data> Operator for WindowSuppression<K, V> {
    fn message(
        &mut self,
        message: SystemMessage,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        // The aggregate had this message before and has told all that it closed.
        let clock = self.windows.clock;
        if !clock.went_on(message) {
            return Ok(());
        }
        let before = self.closed_before(context);
        let times = self.store.borrow().times(i64::MIN..before);
        if !times.is_empty() {
            clock.closed(context);
        }
        for end in times {
            let results = self.store.borrow().at(end)?;
            for (key, (timestamp_ms, value)) in results {
                self.children.forward(Record::new(key, Some(value), timestamp_ms), context)?;
            }
        }
        self.store.borrow_mut().expire(before);
        Ok(())
    }
}

/// What is held back of a key: since which event time, the event time of the last change, and that
/// change.
type Held<V> = (i64, i64, Option<V>);

/// Gives on the last change of each key, so long after the first one that it did not give on.
pub(crate) struct TimeSuppression<K, V> {
    children: Children<K, Option<V>>,
    store: Rc<RefCell<KeyedStore<K, Held<V>>>>,
    limit_ms: i64,
    /// Since when which key is held back.
    since: BTreeSet<(i64, K)>,
}

impl<K: Key, V: Data> TimeSuppression<K, V> {
    pub(crate) fn new(
        children: Children<K, Option<V>>,
        store: Rc<RefCell<KeyedStore<K, Held<V>>>>,
        limit_ms: i64,
    ) -> Self {
        Self { children, store, limit_ms, since: BTreeSet::new() }
    }

    /// What is held back of a split that came with its state.
    fn find_since(&mut self) -> Result<(), StreamsError> {
        for (key, (since, ..)) in self.store.borrow().range(None, None)? {
            self.since.insert((since, key));
        }
        Ok(())
    }

    fn give(&mut self, context: &mut Context) -> Result<(), StreamsError> {
        let until = context.stream_time_ms.saturating_sub(self.limit_ms);
        while self.since.first().is_some_and(|(since, _)| *since <= until) {
            let Some((_, key)) = self.since.pop_first() else { break };
            let held = self.store.borrow_mut().change(&key)?.take();
            if let Some((_, timestamp_ms, value)) = held {
                self.children.forward(Record::new(key, value, timestamp_ms), context)?;
            }
        }
        Ok(())
    }
}

impl<K: Key, V: Data> Receive<K, Option<V>> for TimeSuppression<K, V> {
    fn receive(
        &mut self,
        record: Record<K, Option<V>>,
        _: &mut Context,
    ) -> Result<(), StreamsError> {
        let Record { key, value, timestamp_ms, .. } = record;
        let mut store = self.store.borrow_mut();
        let slot = store.change(&key)?;
        let since = slot.as_ref().map_or(timestamp_ms, |(since, ..)| *since);
        *slot = Some((since, timestamp_ms, value));
        self.since.insert((since, key));
        Ok(())
    }
}

impl<K: Key, V: Data> Operator for TimeSuppression<K, V> {
    fn message(
        &mut self,
        message: SystemMessage,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        match message {
            SystemMessage::NewSplit(_) => self.find_since(),
            SystemMessage::CheckPoint(_) => self.give(context),
            _ => Ok(()),
        }
    }
}
