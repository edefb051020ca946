//! Aggregates of all records of a key.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::stamped::{self, Stamped};
use crate::aggregate::Aggregate;
use crate::context::{Context, SystemMessage};
use crate::data::Key;
use crate::error::StreamsError;
use crate::query::{Answer, Fault, Question, View, keep};
use crate::record::Record;
use crate::store::KeyedStore;
use crate::topology::assembly::{Children, Operator, Receive};

/// Keeps an aggregate of each key; tells at a checkpoint which ones changed.
pub(crate) struct Aggregation<K, V, A: Aggregate<V>> {
    pub(crate) children: Children<K, Option<A::Output>>,
    pub(crate) store: Rc<RefCell<KeyedStore<K, Stamped<A::State>>>>,
    pub(crate) aggregate: Arc<A>,
}

impl<K: Key, V, A: Aggregate<V>> Receive<K, V> for Aggregation<K, V, A> {
    fn receive(&mut self, record: Record<K, V>, _: &mut Context) -> Result<(), StreamsError> {
        let mut store = self.store.borrow_mut();
        let slot = store.change(&record.key)?;
        stamped::add(&*self.aggregate, slot, &record.value, record.timestamp_ms);
        Ok(())
    }
}

impl<K: Key, V, A: Aggregate<V>> Operator for Aggregation<K, V, A> {
    fn message(
        &mut self,
        message: SystemMessage,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        let SystemMessage::CheckPoint(_) = message else { return Ok(()) };
        for (key, slot) in self.store.borrow().changes() {
            let Some(slot) = slot else { continue };
            if let Some(result) = self.aggregate.result(&slot.state) {
                let record = Record::new(key.clone(), Some(result), slot.timestamp_ms);
                self.children.forward(record, context)?;
            }
        }
        Ok(())
    }
}

impl<K: Key, V, A: Aggregate<V>> View for Aggregation<K, V, A> {
    fn answer(&self, question: &Question, answer: &mut Answer) -> Result<(), Fault> {
        if matches!(question, Question::Fetch { .. } | Question::Windows { .. }) {
            return Err(Fault::Kind);
        }
        keep(&self.store.borrow(), question, answer, |stamped| {
            self.aggregate.result(&stamped.state).map(|result| (None, result)).into_iter().collect()
        })
    }
}
