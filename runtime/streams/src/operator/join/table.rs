//! Tables that are joined: a stream meets the last value of its key, or two tables make one. Each
//! join keeps what it was told of its tables, so that it sees changes one after the other, also
//! where one change comes to it in two ways.

use std::cell::RefCell;
use std::rc::Rc;

use super::Joiner;
use crate::context::Context;
use crate::data::{Data, Key};
use crate::error::StreamsError;
use crate::operator::stamped::Stamped;
use crate::record::Record;
use crate::store::KeyedStore;
use crate::topology::assembly::{Children, Operator, Receive};

pub(crate) type TableStore<K, V> = Rc<RefCell<KeyedStore<K, V>>>;

/// Records that meet the value which a table has of their key at that moment.
pub(crate) struct StreamTable<K, V, T, W> {
    pub(crate) children: Children<K, W>,
    pub(crate) store: TableStore<K, T>,
    pub(crate) joiner: Joiner<K, V, T, W>,
}

impl<K, V, T, W> Operator for StreamTable<K, V, T, W> {}

impl<K: Key, V, T: Data, W: Clone> Receive<K, V> for StreamTable<K, V, T, W> {
    fn receive(&mut self, record: Record<K, V>, context: &mut Context) -> Result<(), StreamsError> {
        let made = {
            let mut store = self.store.borrow_mut();
            (self.joiner)(&record.key, Some(&record.value), store.get(&record.key)?)
        };
        let Some(made) = made else { return Ok(()) };
        self.children.forward(record.with_value(made), context)
    }
}

/// The changes of the table that records meet.
pub(crate) struct TablePort<K, T>(pub(crate) TableStore<K, T>);

impl<K: Key, T: Data> Receive<K, Option<T>> for TablePort<K, T> {
    fn receive(
        &mut self,
        record: Record<K, Option<T>>,
        _: &mut Context,
    ) -> Result<(), StreamsError> {
        self.0.borrow_mut().put(&record.key, record.value)
    }
}

/// Whether there is a result, by whether there is a left value and a right one.
pub(crate) type IsThere = fn(bool, bool) -> bool;

/// Two tables as one.
pub(crate) struct TableJoin<K, L, R, W> {
    pub(crate) children: Children<K, Option<W>>,
    pub(crate) left: TableStore<K, Stamped<L>>,
    pub(crate) right: TableStore<K, Stamped<R>>,
    pub(crate) joiner: Joiner<K, L, R, W>,
    pub(crate) is_there: IsThere,
}

/// Makes the value of a key another one; gives whether there was one before.
fn replace<K: Key, V: Data>(
    store: &TableStore<K, Stamped<V>>,
    record: &Record<K, Option<V>>,
) -> Result<bool, StreamsError> {
    let mut store = store.borrow_mut();
    let was_there = store.get(&record.key)?.is_some();
    if was_there || record.value.is_some() {
        let timestamp_ms = record.timestamp_ms;
        let value = record.value.clone().map(|state| Stamped { timestamp_ms, state });
        store.put(&record.key, value)?;
    }
    Ok(was_there)
}

impl<K: Key, L: Data, R: Data, W: Clone> TableJoin<K, L, R, W> {
    fn take_left(
        &self,
        record: Record<K, Option<L>>,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        let was_there = replace(&self.left, &record)?;
        if !was_there && record.value.is_none() {
            return Ok(());
        }
        let mut right = self.right.borrow_mut();
        let other = right.get(&record.key)?;
        let was_there = (self.is_there)(was_there, other.is_some());
        let time = record.timestamp_ms.max(other.map_or(i64::MIN, |other| other.timestamp_ms));
        let sides = (record.value.as_ref(), other.map(|other| &other.state));
        let made = self.make(&record.key, sides);
        self.give(record.with_value(made), was_there, time, context)
    }

    fn take_right(
        &self,
        record: Record<K, Option<R>>,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        let was_there = replace(&self.right, &record)?;
        if !was_there && record.value.is_none() {
            return Ok(());
        }
        let mut left = self.left.borrow_mut();
        let other = left.get(&record.key)?;
        let was_there = (self.is_there)(other.is_some(), was_there);
        let time = record.timestamp_ms.max(other.map_or(i64::MIN, |other| other.timestamp_ms));
        let sides = (other.map(|other| &other.state), record.value.as_ref());
        let made = self.make(&record.key, sides);
        self.give(record.with_value(made), was_there, time, context)
    }

    fn make(&self, key: &K, (left, right): (Option<&L>, Option<&R>)) -> Option<W> {
        let is_there = (self.is_there)(left.is_some(), right.is_some());
        if is_there { (self.joiner)(key, left, right) } else { None }
    }

    /// Gives on a result; that there is none any more, only if there was one.
    fn give(
        &self,
        record: Record<K, Option<W>>,
        was_there: bool,
        timestamp_ms: i64,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        if record.value.is_none() && !was_there {
            return Ok(());
        }
        self.children.forward(Record { timestamp_ms, ..record }, context)
    }
}

/// The left input.
pub(crate) struct LeftTable<K, L, R, W>(pub(crate) Rc<TableJoin<K, L, R, W>>);

impl<K: Key, L: Data, R: Data, W: Clone> Receive<K, Option<L>> for LeftTable<K, L, R, W> {
    fn receive(
        &mut self,
        record: Record<K, Option<L>>,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        self.0.take_left(record, context)
    }
}

/// The right input.
pub(crate) struct RightTable<K, L, R, W>(pub(crate) Rc<TableJoin<K, L, R, W>>);

impl<K: Key, L: Data, R: Data, W: Clone> Receive<K, Option<R>> for RightTable<K, L, R, W> {
    fn receive(
        &mut self,
        record: Record<K, Option<R>>,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        self.0.take_right(record, context)
    }
}
