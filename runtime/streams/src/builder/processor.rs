//! Processors in a topology.

use std::collections::BTreeMap;

use gantry_log::Str;

use super::{Spec, Stream, own_store};
use crate::data::{Data, Key};
use crate::operator::Processing;
use crate::processor::{Belongings, Processor, Store};

impl<K: Clone + 'static, V: Clone + 'static> Stream<K, V> {
    /// Gives the records to a processor of the program's own, which the factory makes for each
    /// task. Its stores are those that it is given here. The records that it forwards may have other
    /// keys, so that grouping them writes them through a topic; where the key stays, take
    /// [`Stream::process_values`].
    ///
    /// As in Kafka Streams the records come as they are: after another key was chosen, take
    /// [`Stream::repartition`] first, if all records of a key shall meet the same state.
    ///
    /// ```
    /// use gantry_streams::{
    ///     Processor, ProcessorContext, Record, Store, StreamBuilder, StreamsError, TestDriver, text,
    /// };
    ///
    /// /// Gives on what differs from the last of its key.
    /// struct Changes;
    ///
    /// impl Processor<String, String> for Changes {
    ///     type Key = String;
    ///     type Value = String;
    ///     fn record(
    ///         &mut self,
    ///         record: Record<String, String>,
    ///         context: &mut ProcessorContext<'_, String, String>,
    ///     ) -> Result<(), StreamsError> {
    ///         let mut last = context.keyed::<String, String>("last")?;
    ///         if last.get(&record.key)? != Some(&record.value) {
    ///             last.put(&record.key, Some(record.value.clone()))?;
    ///             context.forward(record)?;
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let builder = StreamBuilder::new("changes");
    /// builder
    ///     .keyed_source("prices", text(), text())
    ///     .process([Store::keyed::<String, String>("last")], || Changes)
    ///     .sink("changes", text());
    /// let mut driver = TestDriver::new(builder.build()).unwrap();
    /// for price in ["5", "5", "6", "6"] {
    ///     driver.send("prices", Some("tea"), price, 0).unwrap();
    /// }
    /// assert_eq!(driver.texts("changes"), ["5", "6"]);
    /// ```
    pub fn process<P: Processor<K, V>>(
        &self,
        stores: impl IntoIterator<Item = Store>,
        factory: impl Fn() -> P + Send + Sync + 'static,
    ) -> Stream<P::Key, P::Value> {
        Stream { moved: true, ..self.processed("process", stores, factory) }
    }

    /// The same with a processor that forwards only records with the key of the record that it has:
    /// they can be grouped and joined without a way through a topic.
    pub fn process_values<P: Processor<K, V, Key = K>>(
        &self,
        stores: impl IntoIterator<Item = Store>,
        factory: impl Fn() -> P + Send + Sync + 'static,
    ) -> Stream<K, P::Value> {
        Stream { moved: self.moved, ..self.processed("process-values", stores, factory) }
    }

    fn processed<P: Processor<K, V>>(
        &self,
        kind: &str,
        stores: impl IntoIterator<Item = Store>,
        factory: impl Fn() -> P + Send + Sync + 'static,
    ) -> Stream<P::Key, P::Value> {
        let stores: Vec<(Str, Store)> = stores
            .into_iter()
            .map(|store| (own_store(&self.building.job, store.name()), store))
            .collect();
        let named =
            stores.iter().map(|(full, store)| (Str::clone(store.name()), store.stored(full)));
        self.building.graph.borrow_mut().named.extend(named);
        let names = stores.iter().map(|(name, _)| Str::clone(name)).collect();
        let spec = Spec { stores: names, ..Spec::behind(self.node) };
        let node = self.building.add(kind, spec, move |assembly| {
            let mut opened = BTreeMap::new();
            for (full, store) in &stores {
                opened.insert(Str::clone(store.name()), store.open(assembly, full)?);
            }
            let belongings = Belongings { node: assembly.node_name(), stores: opened };
            let (children, processor) = (assembly.children()?, factory());
            assembly.operator::<K, V, _>(Processing::new(processor, children, belongings));
            Ok(())
        });
        Stream::new(&self.building, node)
    }
}

impl<K: Key, V: Data> Stream<K, V> {
    /// The same records, with all of a key in one task: through a topic of the job, if the key was
    /// changed since the source.
    #[must_use]
    pub fn repartition(&self) -> Self {
        self.shuffled()
    }
}
