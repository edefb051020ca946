//! A table that is kept so that it can be asked.

use std::cell::RefCell;
use std::rc::Rc;

use crate::context::Context;
use crate::data::{Data, Key};
use crate::error::StreamsError;
use crate::record::Record;
use crate::store::KeyedStore;
use crate::topology::assembly::{Children, Operator, Receive};

/// Keeps the last value of each key, and gives changes on.
pub(crate) struct Materialized<K, V> {
    pub(crate) children: Children<K, Option<V>>,
    pub(crate) store: Rc<RefCell<KeyedStore<K, V>>>,
}

impl<K, V> Operator for Materialized<K, V> {}

impl<K: Key, V: Data> Receive<K, Option<V>> for Materialized<K, V> {
    fn receive(
        &mut self,
        record: Record<K, Option<V>>,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        self.store.borrow_mut().put(&record.key, record.value.clone())?;
        self.children.forward(record, context)
    }
}
