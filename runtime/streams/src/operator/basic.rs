//! Operators without state.

use std::sync::Arc;

use crate::context::{Context, SystemMessage};
use crate::error::StreamsError;
use crate::record::Record;
use crate::topology::assembly::{Children, Operator, Receive};

/// Gives records on by a function that tells, for each, what comes out. All operators that know
/// nothing but the record are this one.
pub(crate) struct FlatMap<K, V, F> {
    pub(crate) children: Children<K, V>,
    pub(crate) function: Arc<F>,
}

/// Where a [`FlatMap`]'s function puts what comes out.
pub(crate) struct Out<'a, K, V> {
    children: &'a Children<K, V>,
    context: &'a mut Context,
}

impl<K: Clone, V: Clone> Out<'_, K, V> {
    pub(crate) fn put(&mut self, record: Record<K, V>) -> Result<(), StreamsError> {
        self.children.forward(record, self.context)
    }
}

impl<K, V, F> Operator for FlatMap<K, V, F> {}

impl<K0, V0, K: Clone, V: Clone, F> Receive<K0, V0> for FlatMap<K, V, F>
where
    F: Fn(Record<K0, V0>, &mut Out<'_, K, V>) -> Result<(), StreamsError>,
{
    fn receive(
        &mut self,
        record: Record<K0, V0>,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        (self.function)(record, &mut Out { children: &self.children, context })
    }
}

/// Gives records on as they are, and tells a function the system messages that pass.
pub(crate) struct Watch<K, V, F> {
    pub(crate) children: Children<K, V>,
    pub(crate) function: Arc<F>,
}

impl<K, V, F: Fn(SystemMessage)> Operator for Watch<K, V, F> {
    fn message(&mut self, message: SystemMessage, _: &mut Context) -> Result<(), StreamsError> {
        (self.function)(message);
        Ok(())
    }
}

impl<K: Clone, V: Clone, F> Receive<K, V> for Watch<K, V, F> {
    fn receive(&mut self, record: Record<K, V>, context: &mut Context) -> Result<(), StreamsError> {
        self.children.forward(record, context)
    }
}

/// Gives records another time, which moves the task's time on.
pub(crate) struct SelectTimestamp<K, V, F> {
    pub(crate) children: Children<K, V>,
    pub(crate) function: Arc<F>,
}

impl<K, V, F> Operator for SelectTimestamp<K, V, F> {}

impl<K: Clone, V: Clone, F: Fn(&K, &V) -> i64> Receive<K, V> for SelectTimestamp<K, V, F> {
    fn receive(&mut self, record: Record<K, V>, context: &mut Context) -> Result<(), StreamsError> {
        let timestamp_ms = (self.function)(&record.key, &record.value);
        context.advance_to(timestamp_ms);
        self.children.forward(Record { timestamp_ms, ..record }, context)
    }
}
