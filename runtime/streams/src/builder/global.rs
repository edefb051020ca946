//! Tables that each instance has whole.

use std::sync::Arc;

use gantry_log::Str;

use super::{Building, Serde, Spec, Stream, StreamBuilder};
use crate::error::StreamsError;
use crate::operator::{FlatMap, Out};
use crate::record::Record;
use crate::topology::graph::Place;

/// The last value of each key of a topic, of all its queues, in each instance of the job: so that
/// records of any queue find the values of any key. See [`Stream::join_global`].
#[derive(Clone, Debug)]
pub struct GlobalTable<K, V> {
    topic: Str,
    number: u32,
    key: Serde<K>,
    value: Serde<V>,
}

impl StreamBuilder {
    /// The last value of each key of a topic, whole in each instance; a record without a value takes
    /// its key away. It is read up to its end before the job's first record is, and followed from
    /// then on, without regard to the time of records. Equal keys must have equal bytes. For tables
    /// that are small enough to be everywhere; others are a [`StreamBuilder::table`].
    pub fn global_table<K, V>(
        &self,
        topic: &str,
        key: Serde<K>,
        value: Serde<V>,
    ) -> GlobalTable<K, V> {
        let number = self.building.global(topic);
        GlobalTable { topic: topic.into(), number, key, value }
    }
}

impl Building {
    /// The number of the global table of a topic.
    fn global(&self, topic: &str) -> u32 {
        let position = |building: &Self| {
            let graph = building.graph.borrow();
            graph.globals().iter().position(|known| ***known == *topic)
        };
        let number = position(self).or_else(|| {
            let spec =
                Spec { place: Place::Global(topic.into()), parents: vec![], ..Spec::behind(0) };
            self.add("global", spec, |_| Ok(()));
            position(self)
        });
        number.and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX)
    }
}

/// A stream whose records meet the value that a global table has, at that moment, of a key that a
/// function finds in each record. Keys stay as they are: nothing is shuffled, and the topics may
/// have any numbers of queues.
impl<K: Clone + 'static, V: Clone + 'static> Stream<K, V> {
    /// Each record whose key the table has.
    ///
    /// ```
    /// use gantry_streams::{StreamBuilder, TestDriver, text};
    ///
    /// let builder = StreamBuilder::new("priced");
    /// let prices = builder.global_table("prices", text(), text());
    /// builder
    ///     .source("orders", text())
    ///     .join_global(&prices, |_, item| item.clone(), |_, item, price| format!("{item}: {price}"))
    ///     .sink("priced", text());
    /// let mut driver = TestDriver::new(builder.build()).unwrap();
    /// driver.send("prices", Some("book"), "12", 0).unwrap();
    /// driver.send("orders", None, "book", 0).unwrap();
    /// driver.send("orders", None, "pen", 0).unwrap();
    /// assert_eq!(driver.texts("priced"), ["book: 12"]);
    /// ```
    #[must_use]
    pub fn join_global<G: 'static, T: 'static, W: Clone + 'static>(
        &self,
        table: &GlobalTable<G, T>,
        key: impl Fn(&K, &V) -> G + Send + Sync + 'static,
        joiner: impl Fn(&K, &V, &T) -> W + Send + Sync + 'static,
    ) -> Stream<K, W> {
        self.meet_global(table, key, move |key, value, found| Some(joiner(key, value, found?)))
    }

    /// Each record, with what the table has of its key.
    #[must_use]
    pub fn left_join_global<G: 'static, T: 'static, W: Clone + 'static>(
        &self,
        table: &GlobalTable<G, T>,
        key: impl Fn(&K, &V) -> G + Send + Sync + 'static,
        joiner: impl Fn(&K, &V, Option<&T>) -> W + Send + Sync + 'static,
    ) -> Stream<K, W> {
        self.meet_global(table, key, move |key, value, found| Some(joiner(key, value, found)))
    }

    fn meet_global<G: 'static, T: 'static, W: Clone + 'static>(
        &self,
        table: &GlobalTable<G, T>,
        key: impl Fn(&K, &V) -> G + Send + Sync + 'static,
        joiner: impl Fn(&K, &V, Option<&T>) -> Option<W> + Send + Sync + 'static,
    ) -> Stream<K, W> {
        let GlobalTable { topic, number, key: keys, value: values } = table;
        let (topic, number, keys, values) =
            (Str::clone(topic), *number, keys.clone(), values.clone());
        let meet = Arc::new((key, joiner, keys, values));
        let node = self.building.add("join-global", Spec::behind(self.node), move |assembly| {
            let (children, store) = (assembly.children()?, assembly.global(number));
            let (meet, topic) = (Arc::clone(&meet), Str::clone(&topic));
            let function = move |record: Record<K, V>, out: &mut Out<'_, K, W>| {
                let (key, joiner, keys, values) = &*meet;
                let found = store.get(&keys.write(&key(&record.key, &record.value)))?;
                let found = found.map(|bytes| values.read(&bytes)).transpose();
                let found = found.map_err(|error| StreamsError::State {
                    place: format!("the global table of topic {topic}"),
                    reason: format!("a value cannot be read: {error}"),
                })?;
                match joiner(&record.key, &record.value, found.as_ref()) {
                    Some(made) => out.put(record.with_value(made)),
                    None => Ok(()),
                }
            };
            let function = Arc::new(function);
            assembly.operator::<K, V, _>(FlatMap::<K, W, _> { children, function });
            Ok(())
        });
        Stream { moved: self.moved, ..Stream::new(&self.building, node) }
    }
}
