//! Aggregates in sliding windows, which are where the records are.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use gantry_log::Str;

use super::stamped::{self, Stamped};
use crate::aggregate::Aggregate;
use crate::context::{Context, SystemMessage};
use crate::data::{Data, Key};
use crate::error::StreamsError;
use crate::query::{Answer, Fault, Making, Question, View, at_its_time, keep_windows, put};
use crate::record::Record;
use crate::store::{KeyedStore, WindowStore};
use crate::topology::assembly::{Children, Operator, Receive};
use crate::window::{Clock, Emit, Window, Windowed};

/// What came of one key, by time, in order.
pub(crate) type Times<S> = Vec<(i64, Stamped<S>)>;

/// Keeps, for each key, what came at each time, and each window: one ends with each record, and one
/// begins right behind it, where something follows.
pub(crate) struct SlidingAggregation<K, V, A: Aggregate<V>> {
    pub(crate) node: Str,
    pub(crate) children: Children<Windowed<K>, Option<A::Output>>,
    pub(crate) records: Rc<RefCell<KeyedStore<K, Times<A::State>>>>,
    /// By the start of the window.
    pub(crate) windows: Rc<RefCell<WindowStore<K, Stamped<A::State>>>>,
    pub(crate) aggregate: Arc<A>,
    pub(crate) difference_ms: i64,
    pub(crate) grace_ms: i64,
    pub(crate) emit: Emit,
    pub(crate) clock: Clock,
    /// When the last record of which key came.
    pub(crate) last: BTreeSet<(i64, K)>,
}

impl<K: Key, V, A: Aggregate<V>> SlidingAggregation<K, V, A> {
    /// Windows whose end is not behind this are closed.
    fn closed_until(&self, context: &Context) -> i64 {
        self.clock.watermark_ms(context).saturating_sub(self.grace_ms)
    }

    fn window(&self, start_ms: i64) -> Window {
        Window { start_ms, end_ms: start_ms.saturating_add(self.difference_ms) }
    }

    /// Gives on what is closed now, and forgets it.
    fn close(&mut self, context: &mut Context) -> Result<(), StreamsError> {
        let before =
            self.closed_until(context).saturating_sub(self.difference_ms).saturating_add(1);
        if self.windows.borrow().first_time().is_none_or(|first| first >= before) {
            return Ok(());
        }
        self.clock.closed(context);
        match self.emit {
            Emit::OnUpdate => self.tell(before, context)?,
            Emit::OnClose => {
                let times = self.windows.borrow().times(i64::MIN..before);
                for start in times {
                    let entries = self.windows.borrow().at(start)?;
                    for (key, stamped) in entries {
                        self.give(start, &key, &stamped, context)?;
                    }
                }
            }
        }
        self.windows.borrow_mut().expire(before);
        self.forget(before.saturating_sub(self.difference_ms))
    }

    /// Lets go of keys of which nothing came since: a window that is open may need records that are
    /// as old as its start.
    fn forget(&mut self, before: i64) -> Result<(), StreamsError> {
        while self.last.first().is_some_and(|(time, _)| *time < before) {
            if let Some((_, key)) = self.last.pop_first() {
                self.records.borrow_mut().put(&key, None)?;
            }
        }
        Ok(())
    }

    /// Takes a value to those of its time.
    fn take(&mut self, record: &Record<K, V>, before: i64) -> Result<(), StreamsError> {
        let time = record.timestamp_ms;
        let mut records = self.records.borrow_mut();
        let times = records.change(&record.key)?.get_or_insert_with(Vec::new);
        if let Some((last, _)) = times.last() {
            self.last.remove(&(*last, record.key.clone()));
        }
        times.retain(|(old, _)| *old >= before);
        let at = times.partition_point(|(known, _)| *known < time);
        let same = times.get(at).is_some_and(|(known, _)| *known == time);
        let mut slot = same.then(|| times.remove(at).1);
        stamped::add(&*self.aggregate, &mut slot, &record.value, time);
        times.extend(slot.map(|slot| (time, slot)));
        times[at..].rotate_right(1);
        let last = times.last().map_or(time, |(last, _)| *last);
        self.last.insert((last, record.key.clone()));
        Ok(())
    }

    /// What changed of the windows that begin before a time.
    fn tell(&self, before: i64, context: &mut Context) -> Result<(), StreamsError> {
        let windows = self.windows.borrow();
        for (start, key, stamped) in windows.changes().filter(|(start, ..)| *start < before) {
            if let Some(stamped) = stamped {
                self.give(start, key, stamped, context)?;
            }
        }
        Ok(())
    }

    fn give(
        &self,
        start: i64,
        key: &K,
        stamped: &Stamped<A::State>,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        let Some(result) = self.aggregate.result(&stamped.state) else { return Ok(()) };
        let key = Windowed { window: self.window(start), key: key.clone() };
        self.children.forward(Record::new(key, Some(result), stamped.timestamp_ms), context)
    }

    /// The starts of the windows that have something new of a record at a time: those that end with
    /// later ones, those that begin behind earlier ones, and the one behind itself.
    fn starts(&self, key: &K, time: i64) -> Result<BTreeSet<i64>, StreamsError> {
        let difference = self.difference_ms;
        let mut starts = BTreeSet::from([time - difference]);
        let mut records = self.records.borrow_mut();
        for (other, _) in records.get(key)?.into_iter().flatten() {
            if *other >= time && *other - time <= difference {
                starts.insert(*other - difference);
            }
            if *other < time && time - *other - 1 <= difference {
                starts.insert(*other + 1);
            }
            if *other > time && *other - time - 1 <= difference {
                starts.insert(time + 1);
            }
        }
        Ok(starts)
    }

    /// Sums a window up from the records in it.
    fn build(&self, start: i64, key: &K) -> Result<(), StreamsError> {
        let window = self.window(start);
        let mut all = None;
        for (time, part) in self.records.borrow_mut().get(key)?.into_iter().flatten() {
            if (window.start_ms..=window.end_ms).contains(time) {
                stamped::merge(&*self.aggregate, &mut all, part);
            }
        }
        *self.windows.borrow_mut().change(start, key)? = all;
        Ok(())
    }

    /// When what came last: of a split that came with its state.
    fn find_last(&mut self) -> Result<(), StreamsError> {
        for (key, times) in self.records.borrow().range(None, None)? {
            self.last.extend(times.last().map(|(time, _)| (*time, key)));
        }
        Ok(())
    }
}

impl<K: Key, V: Data, A: Aggregate<V>> Receive<K, V> for SlidingAggregation<K, V, A> {
    fn receive(&mut self, record: Record<K, V>, context: &mut Context) -> Result<(), StreamsError> {
        let record = self.clock.stamp(record, context);
        context.aside(|context| self.close(context))?;
        let (time, difference) = (record.timestamp_ms, self.difference_ms);
        let until = self.closed_until(context);
        // The last window that it is in begins with it.
        let end = time.saturating_add(difference);
        if end <= until {
            context.too_late(&self.node, &record, end);
            return Ok(());
        }
        let before = until.saturating_sub(difference).saturating_sub(difference);
        self.take(&record, before)?;
        let starts = self.starts(&record.key, time)?;
        for start in starts.into_iter().filter(|start| start + difference > until) {
            self.build(start, &record.key)?;
        }
        Ok(())
    }
}

impl<K: Key, V, A: Aggregate<V>> Operator for SlidingAggregation<K, V, A> {
    fn message(
        &mut self,
        message: SystemMessage,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        match message {
            SystemMessage::NewSplit(_) => self.find_last(),
            message if self.clock.went_on(message) => self.close(context),
            SystemMessage::CheckPoint(_) if self.emit == Emit::OnUpdate => {
                self.tell(i64::MAX, context)
            }
            _ => Ok(()),
        }
    }
}

impl<K: Key, V, A: Aggregate<V>> View for SlidingAggregation<K, V, A> {
    fn answer(&self, question: &Question, answer: &mut Answer) -> Result<(), Fault> {
        let making = Making {
            length_ms: self.difference_ms,
            span_ms: 0,
            windows_of: &at_its_time,
            merge: &put,
        };
        keep_windows(&self.windows.borrow(), question, answer, &making, |stamped| {
            self.aggregate.result(&stamped.state)
        })
    }
}
