//! Tables: the last value of each key.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use gantry_log::Str;

use super::serde::Serde;
use super::{Spec, Stream};
use crate::data::{Data, Key};
use crate::operator::Materialized;
use crate::query::{StoreKind, Stored};
use crate::store::KeyedStore;

/// The last value of each key, as a stream of its changes.
#[derive(Clone, Debug)]
pub struct Table<K, V> {
    /// `None` takes a key away.
    changes: Stream<K, Option<V>>,
}

impl<K, V> From<Stream<K, Option<V>>> for Table<K, V> {
    fn from(changes: Stream<K, Option<V>>) -> Self {
        Self { changes }
    }
}

impl<K: Clone + 'static, V: Clone + 'static> Table<K, V> {
    /// What each key has now, each time that it changes; keys that are taken away are not told.
    pub fn to_stream(&self) -> Stream<K, V> {
        self.changes.flat_map_values(|value| value.iter().cloned().collect())
    }

    /// Each change; `None` takes a key away.
    pub fn changes(&self) -> Stream<K, Option<V>> {
        self.changes.clone()
    }

    /// Another value for each.
    #[must_use]
    pub fn map_values<W: Clone + 'static>(
        &self,
        function: impl Fn(&K, &V) -> W + Send + Sync + 'static,
    ) -> Table<K, W> {
        self.changes.map_values(move |key, value| value.map(|v| function(key, &v))).into()
    }

    /// Without the keys whose value a function does not want.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.changes.map_values(move |key, value| value.filter(|v| keep(key, v))).into()
    }
}

impl<K: Key, V: Data> Table<K, V> {
    /// The same table, which can be asked by that name while the job runs, with
    /// [`Streams::query`](crate::Streams::query): Kafka Streams' `Materialized.as`. An aggregate is
    /// asked where it is kept: a windowed one by key and window, as long as its windows are open.
    /// Any other table gets a store of what it has told.
    ///
    /// ```
    /// use gantry_streams::{StreamBuilder, text};
    ///
    /// let builder = StreamBuilder::new("word-count");
    /// let words = builder.source("words", text()).group_by(|_, word: &String| word.clone());
    /// words.count().materialized_as("counts");
    /// ```
    pub fn materialized_as(&self, name: &str) -> Self {
        let known = self.changes.building.graph.borrow().views.get(&self.changes.node).cloned();
        let (table, stored) = match known {
            Some(stored) => (self.clone(), Some(stored)),
            None => self.stored(),
        };
        let mut graph = table.changes.building.graph.borrow_mut();
        graph.named.extend(stored.map(|stored| (Str::from(name), stored)));
        drop(graph);
        table
    }

    fn stored(&self) -> (Self, Option<Stored>) {
        let changes = self.changes.shuffled();
        let building = &changes.building;
        let store = building.name("table");
        let (stores, name) = (vec![Str::clone(&store)], Str::clone(&store));
        let spec = Spec { stores, ..Spec::behind(changes.node) };
        let node = building.add("table", spec, move |assembly| {
            let (children, store) = (assembly.children()?, assembly.keyed::<K, V>(&name)?);
            assembly.view(&name, Rc::<RefCell<KeyedStore<K, V>>>::clone(&store));
            assembly.operator::<K, Option<V>, _>(Materialized { children, store });
            Ok(())
        });
        building.can_be_asked::<K, V>(node, store, StoreKind::Keyed);
        let stored = building.graph.borrow().views.get(&node).cloned();
        (Stream::new(building, node).into(), stored)
    }

    /// Writes each change to a topic: a key that is taken away as a record without a value.
    pub fn sink(&self, topic: &str, key: Serde<K>, value: Serde<V>) {
        self.changes.write(topic, move |record| {
            let value: Option<Bytes> = record.value.as_ref().map(|v| value.write(v));
            (Some(key.write(&record.key)), value)
        });
    }
}
