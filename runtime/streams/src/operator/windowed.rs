//! Aggregates in windows of one size: tumbling ones, and hopping ones that are made of panes, so
//! that a record costs the same in however many windows it is.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use gantry_log::Str;

use super::stamped::{self, Stamped};
use crate::aggregate::Aggregate;
use crate::context::{Context, SystemMessage};
use crate::data::{Data, Key};
use crate::error::StreamsError;
use crate::query::{Answer, Fault, Making, Question, View, keep_windows};
use crate::record::Record;
use crate::store::WindowStore;
use crate::topology::assembly::{Children, Operator, Receive};
use crate::window::{Clock, Emit, Panes, Windowed, Windows};

/// Keeps an aggregate of each key and pane.
pub(crate) struct WindowedAggregation<K, V, A: Aggregate<V>> {
    node: Str,
    children: Children<Windowed<K>, Option<A::Output>>,
    store: Rc<RefCell<WindowStore<K, Stamped<A::State>>>>,
    aggregate: Arc<A>,
    panes: Panes,
    grace_ms: i64,
    emit: Emit,
    clock: Clock,
    /// The first window that is not closed.
    open_from: i64,
    /// When that one is closed.
    close_at: i64,
}

impl<K: Key, V, A: Aggregate<V>> WindowedAggregation<K, V, A> {
    pub(crate) fn new(
        node: Str,
        children: Children<Windowed<K>, Option<A::Output>>,
        store: Rc<RefCell<WindowStore<K, Stamped<A::State>>>>,
        aggregate: Arc<A>,
        panes: Panes,
        windows: Windows,
    ) -> Self {
        let Windows { grace_ms, emit, clock, .. } = windows;
        let (open_from, close_at) = (i64::MIN, i64::MIN);
        Self { node, children, store, aggregate, panes, grace_ms, emit, clock, open_from, close_at }
    }

    /// The first window that is open at a time.
    fn first_open(&self, watermark_ms: i64) -> i64 {
        // The first whose end and grace are behind the watermark.
        let start = watermark_ms.saturating_sub(self.panes.size_ms).saturating_sub(self.grace_ms);
        if start <= i64::MIN + self.panes.advance_ms {
            return i64::MIN;
        }
        (start - start.rem_euclid(self.panes.advance_ms)).saturating_add(self.panes.advance_ms)
    }

    fn open(&mut self, first: i64) {
        self.open_from = first;
        let size = self.panes.size_ms.saturating_add(self.grace_ms);
        self.close_at = if first == i64::MIN { i64::MIN } else { first.saturating_add(size) };
    }

    /// Closes what the watermark has left behind: its last word is given, and it is forgotten.
    fn close(&mut self, context: &mut Context) -> Result<(), StreamsError> {
        let first = self.first_open(self.clock.watermark_ms(context));
        if first > self.open_from {
            let range = self.open_from..first;
            let held = self.store.borrow().first_time().unwrap_or(i64::MAX);
            if held < first {
                self.clock.closed(context);
            }
            let panes = held..first + self.panes.size_ms;
            let (everything, panes) = (self.emit == Emit::OnClose, panes.start..panes.end);
            self.tell(&range, &panes, everything, context)?;
            self.store.borrow_mut().expire(first);
        }
        self.open(first);
        Ok(())
    }

    /// Gives on the windows that begin within a range: those of which something changed, or all.
    fn tell(
        &self,
        starts: &std::ops::Range<i64>,
        panes: &std::ops::Range<i64>,
        everything: bool,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        let mut found: BTreeMap<(i64, K), Option<Stamped<A::State>>> = BTreeMap::new();
        {
            let store = self.store.borrow();
            let mut note = |pane: i64, key: &K| {
                for start in self.panes.windows_of(pane).filter(|start| starts.contains(start)) {
                    found.entry((start, key.clone())).or_default();
                }
            };
            if everything {
                for pane in store.times(panes.clone()) {
                    store.at(pane)?.iter().for_each(|(key, _)| note(pane, key));
                }
            } else {
                store.changes().for_each(|(pane, key, _)| note(pane, key));
            }
        }
        for ((start, key), result) in &mut found {
            self.combine(*start, key, result)?;
        }
        for ((start, key), result) in found {
            let Some(stamped) = result else { continue };
            let Some(result) = self.aggregate.result(&stamped.state) else { continue };
            let key = Windowed { window: self.panes.window(start), key };
            let record = Record::new(key, Some(result), stamped.timestamp_ms);
            self.children.forward(record, context)?;
        }
        Ok(())
    }

    /// Gives on what changed, where each window is one pane: nothing is to be put together.
    fn tell_changes(&self, context: &mut Context) -> Result<(), StreamsError> {
        for (start, key, stamped) in self.store.borrow().changes() {
            let Some(stamped) = stamped.filter(|_| start >= self.open_from) else { continue };
            let Some(result) = self.aggregate.result(&stamped.state) else { continue };
            let key = Windowed { window: self.panes.window(start), key: key.clone() };
            self.children.forward(Record::new(key, Some(result), stamped.timestamp_ms), context)?;
        }
        Ok(())
    }

    /// What the panes of a window have of a key.
    fn combine(
        &self,
        start: i64,
        key: &K,
        result: &mut Option<Stamped<A::State>>,
    ) -> Result<(), StreamsError> {
        let mut store = self.store.borrow_mut();
        for pane in store.times(start..start.saturating_add(self.panes.size_ms)) {
            if let Some(part) = store.get(pane, key)? {
                stamped::merge(&*self.aggregate, result, part);
            }
        }
        Ok(())
    }
}

impl<K: Key, V: Data, A: Aggregate<V>> Receive<K, V> for WindowedAggregation<K, V, A> {
    fn receive(&mut self, record: Record<K, V>, context: &mut Context) -> Result<(), StreamsError> {
        let record = self.clock.stamp(record, context);
        if self.clock.watermark_ms(context) >= self.close_at {
            context.aside(|context| self.close(context))?;
        }
        let pane = self.panes.pane_of(record.timestamp_ms);
        let last_start = self.panes.last_start(pane);
        if last_start < self.open_from {
            context.too_late(&self.node, &record, self.panes.window(last_start).end_ms);
            return Ok(());
        }
        let mut store = self.store.borrow_mut();
        let slot = store.change(pane, &record.key)?;
        stamped::add(&*self.aggregate, slot, &record.value, record.timestamp_ms);
        Ok(())
    }
}

impl<K: Key, V, A: Aggregate<V>> Operator for WindowedAggregation<K, V, A> {
    fn message(
        &mut self,
        message: SystemMessage,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        match message {
            // What was closed before the split moved is closed.
            SystemMessage::NewSplit(_) => {
                self.open(self.first_open(self.clock.watermark_ms(context)));
            }
            message
                if self.clock.went_on(message)
                    && self.clock.watermark_ms(context) >= self.close_at =>
            {
                self.close(context)?;
            }
            SystemMessage::CheckPoint(_) if self.emit == Emit::OnUpdate => {
                if self.panes.size_ms == self.panes.pane_ms {
                    self.tell_changes(context)?;
                } else {
                    self.tell(&(self.open_from..i64::MAX), &(0..0), false, context)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl<K: Key, V, A: Aggregate<V>> View for WindowedAggregation<K, V, A> {
    fn answer(&self, question: &Question, answer: &mut Answer) -> Result<(), Fault> {
        let (panes, open_from) = (self.panes, self.open_from);
        let making = Making {
            length_ms: panes.size_ms,
            span_ms: panes.size_ms.saturating_sub(1),
            // Panes of windows that are closed stay as long as they are in others.
            windows_of: &|pane| {
                Box::new(panes.windows_of(pane).filter(move |start| *start >= open_from))
            },
            merge: &|slot, part| stamped::merge(&*self.aggregate, slot, part),
        };
        keep_windows(&self.store.borrow(), question, answer, &making, |stamped| {
            self.aggregate.result(&stamped.state)
        })
    }
}
