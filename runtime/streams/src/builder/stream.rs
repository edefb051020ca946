//! Streams: records one after the other.

use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use gantry_log::Str;

use super::serde::Serde;
use super::table::Table;
use super::{Building, Grouped, Spec};
use crate::context::SystemMessage;
use crate::data::{Data, Key};
use crate::error::StreamsError;
use crate::operator::{self, FlatMap, Out, SinkBytes, Watch};
use crate::record::Record;
use crate::topology::assembly::Assembly;
use crate::topology::graph::Place;

/// Whether a stream of [`Stream::branch`] takes a record.
pub type Predicate<K, V> = Box<dyn Fn(&K, &V) -> bool + Send + Sync>;

/// Records with keys of type `K` and values of type `V`.
#[derive(Debug)]
pub struct Stream<K, V> {
    pub(super) building: Building,
    pub(super) node: usize,
    /// The key is another one than that by which the record came into its queue.
    pub(super) moved: bool,
    pub(super) types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Clone for Stream<K, V> {
    fn clone(&self) -> Self {
        let building = self.building.clone();
        Self { building, node: self.node, moved: self.moved, types: PhantomData }
    }
}

impl<K: Clone + 'static, V: Clone + 'static> Stream<K, V> {
    pub(super) fn new(building: &Building, node: usize) -> Self {
        Self { building: building.clone(), node, moved: false, types: PhantomData }
    }

    /// A stream of what a function makes of each record.
    fn by<L: Clone + 'static, W: Clone + 'static>(
        &self,
        kind: &str,
        function: impl Fn(Record<K, V>, &mut Out<'_, L, W>) -> Result<(), StreamsError>
        + Send
        + Sync
        + 'static,
    ) -> Stream<L, W> {
        let function = Arc::new(function);
        let node = self.building.add(kind, Spec::behind(self.node), move |assembly| {
            let (children, function) = (assembly.children()?, Arc::clone(&function));
            assembly.operator::<K, V, _>(FlatMap::<L, W, _> { children, function });
            Ok(())
        });
        Stream { moved: self.moved, ..Stream::new(&self.building, node) }
    }

    /// The key is of another origin now.
    fn moved(self) -> Self {
        Self { moved: true, ..self }
    }

    /// Another key and value for each record.
    #[must_use]
    pub fn map<L: Clone + 'static, W: Clone + 'static>(
        &self,
        function: impl Fn(&K, V) -> (L, W) + Send + Sync + 'static,
    ) -> Stream<L, W> {
        let mapped = self.by("map", move |record, out| {
            let Record { key, value, timestamp_ms, headers } = record;
            let (key, value) = function(&key, value);
            out.put(Record { key, value, timestamp_ms, headers })
        });
        mapped.moved()
    }

    /// Another value for each record; the key stays.
    #[must_use]
    pub fn map_values<W: Clone + 'static>(
        &self,
        function: impl Fn(&K, V) -> W + Send + Sync + 'static,
    ) -> Stream<K, W> {
        self.by("map-values", move |record, out| {
            let Record { key, value, timestamp_ms, headers } = record;
            let value = function(&key, value);
            out.put(Record { key, value, timestamp_ms, headers })
        })
    }

    /// Any number of records of each.
    #[must_use]
    pub fn flat_map<L: Clone + 'static, W: Clone + 'static>(
        &self,
        function: impl Fn(&K, &V) -> Vec<(L, W)> + Send + Sync + 'static,
    ) -> Stream<L, W> {
        let mapped = self.by("flat-map", move |record: Record<K, V>, out| {
            for (key, value) in function(&record.key, &record.value) {
                let (timestamp_ms, headers) = (record.timestamp_ms, record.headers.clone());
                out.put(Record { key, value, timestamp_ms, headers })?;
            }
            Ok(())
        });
        mapped.moved()
    }

    /// Any number of values of each; the key stays.
    #[must_use]
    pub fn flat_map_values<W: Clone + 'static>(
        &self,
        function: impl Fn(&V) -> Vec<W> + Send + Sync + 'static,
    ) -> Stream<K, W> {
        self.by("flat-map-values", move |record: Record<K, V>, out| {
            for value in function(&record.value) {
                let (key, headers) = (record.key.clone(), record.headers.clone());
                out.put(Record { key, value, timestamp_ms: record.timestamp_ms, headers })?;
            }
            Ok(())
        })
    }

    /// Those of which a function says so.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.by(
            "filter",
            move |record, out| {
                if keep(&record.key, &record.value) { out.put(record) } else { Ok(()) }
            },
        )
    }

    /// Tells a function each record, and gives it on.
    #[must_use]
    pub fn peek(&self, function: impl Fn(&Record<K, V>) + Send + Sync + 'static) -> Self {
        self.by("peek", move |record, out| {
            function(&record);
            out.put(record)
        })
    }

    /// Tells a function each record; the stream ends there.
    pub fn for_each(&self, function: impl Fn(&Record<K, V>) + Send + Sync + 'static) {
        let _: Stream<K, V> = self.by("for-each", move |record, _| {
            function(&record);
            Ok(())
        });
    }

    /// Another event time for each record, in milliseconds since the epoch: by this one the task's
    /// time goes on, not by that of the log.
    #[must_use]
    pub fn select_timestamp(&self, time: impl Fn(&K, &V) -> i64 + Send + Sync + 'static) -> Self {
        let function = Arc::new(time);
        let spec = Spec { selects_time: true, ..Spec::behind(self.node) };
        let node = self.building.add("select-timestamp", spec, move |assembly| {
            let (children, function) = (assembly.children()?, Arc::clone(&function));
            assembly.operator::<K, V, _>(operator::SelectTimestamp { children, function });
            Ok(())
        });
        Self { moved: self.moved, ..Self::new(&self.building, node) }
    }

    /// Another key for each record.
    #[must_use]
    pub fn key_by<L: Clone + 'static>(
        &self,
        key: impl Fn(&K, &V) -> L + Send + Sync + 'static,
    ) -> Stream<L, V> {
        let keyed = self.by("key-by", move |record: Record<K, V>, out| {
            let key = key(&record.key, &record.value);
            out.put(record.with_key(key))
        });
        keyed.moved()
    }

    /// The records of both streams, in any order.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        let parents = vec![self.node, other.node];
        let spec = Spec { parents, ..Spec::behind(self.node) };
        let node = self.building.add("merge", spec, move |assembly| {
            let children = assembly.children()?;
            let function = Arc::new(|record, out: &mut Out<'_, K, V>| out.put(record));
            assembly.operator::<K, V, _>(FlatMap { children, function });
            assembly.same_input::<K, V>(1)
        });
        let moved = self.moved || other.moved;
        Self { moved, ..Self::new(&self.building, node) }
    }

    /// One stream for each function: a record goes to the first that takes it. What none takes
    /// goes to the last stream, one more than there are functions.
    #[must_use]
    pub fn branch(&self, takes: Vec<Predicate<K, V>>) -> Vec<Self> {
        let (total, takes) = (takes.len(), Arc::new(takes));
        (0..=total)
            .map(|at| {
                let takes = Arc::clone(&takes);
                self.filter(move |key, value| {
                    let first = takes.iter().position(|take| take(key, value));
                    first.unwrap_or(takes.len()) == at
                })
            })
            .collect()
    }

    /// Tells a function the system messages that pass here, in their place between records.
    #[must_use]
    pub fn watch(&self, function: impl Fn(SystemMessage) + Send + Sync + 'static) -> Self {
        let function = Arc::new(function);
        let node = self.building.add("watch", Spec::behind(self.node), move |assembly| {
            let (children, function) = (assembly.children()?, Arc::clone(&function));
            assembly.operator::<K, V, _>(Watch::<K, V, _> { children, function });
            Ok(())
        });
        Self { moved: self.moved, ..Self::new(&self.building, node) }
    }

    /// Writes the values to a topic, without keys.
    pub fn sink(&self, topic: &str, value: Serde<V>) {
        self.write(topic, move |record| (None, Some(value.write(&record.value))));
    }

    /// Writes keys and values to a topic; equal keys into the same queue.
    pub fn keyed_sink(&self, topic: &str, key: Serde<K>, value: Serde<V>) {
        self.write(topic, move |record| {
            (Some(key.write(&record.key)), Some(value.write(&record.value)))
        });
    }

    /// Writes what a function makes of each record to a topic: key and value; a record without a
    /// value takes away what a compacted topic has of its key.
    pub fn write(
        &self,
        topic: &str,
        function: impl Fn(&Record<K, V>) -> (Option<Bytes>, Option<Bytes>) + Send + Sync + 'static,
    ) {
        let (topic, function): (Str, _) = (topic.into(), Arc::new(function));
        self.end_in(&Str::clone(&topic), move |assembly| {
            let (output, function) = (assembly.output(&topic)?, Arc::clone(&function));
            assembly.operator::<K, V, _>(SinkBytes { output, function });
            Ok(())
        });
    }

    /// Ends in a node that writes a topic.
    pub(crate) fn end_in(
        &self,
        topic: &Str,
        make: impl Fn(&mut Assembly<'_>) -> Result<(), StreamsError> + Send + Sync + 'static,
    ) {
        let spec = Spec { place: Place::Sink(Str::clone(topic)), ..Spec::behind(self.node) };
        self.building.add("sink", spec, make);
    }

    /// Writes each record to standard output, as `[key] value`.
    #[expect(clippy::print_stdout, reason = "that is what it is for")]
    pub fn print(&self)
    where
        K: std::fmt::Debug,
        V: std::fmt::Debug,
    {
        self.for_each(|record| println!("[{:?}] {:?}", record.key, record.value));
    }
}

impl<K: Clone + 'static, V: Data> Stream<K, V> {
    /// Groups the records by another key.
    pub fn group_by<L: Key>(
        &self,
        key: impl Fn(&K, &V) -> L + Send + Sync + 'static,
    ) -> Grouped<L, V> {
        self.key_by(key).group_by_key()
    }
}

impl<K: Key, V: Data> Stream<K, V> {
    /// The same, with all records of a key in one queue: through a topic of the job, if the key
    /// was changed since the source.
    #[must_use]
    pub(super) fn shuffled(&self) -> Self {
        if !self.moved {
            return self.clone();
        }
        let topic = self.building.name("shuffle");
        let place = Place::ShuffleSink(Str::clone(&topic));
        let to = Str::clone(&topic);
        self.building.add(
            "shuffle-sink",
            Spec { place, ..Spec::behind(self.node) },
            move |assembly| {
                assembly.operator::<K, V, _>(operator::Sink::new(assembly.output(&to)?));
                Ok(())
            },
        );
        let place = Place::Shuffle(Str::clone(&topic));
        let spec =
            Spec { place, parents: vec![], stores: vec![], joins: false, selects_time: false };
        let node = self.building.add("shuffle", spec, move |assembly| {
            let read = |record: &gantry_log::LogRecord| {
                let (key, value) = (record.key.as_deref(), record.value.as_deref());
                let key = K::decode(key.unwrap_or_default());
                let value = V::decode(value.unwrap_or_default());
                Ok(key.and_then(|key| Ok(Some((key, value?)))))
            };
            let (children, sets_time) = (assembly.children()?, !assembly.time_is_selected());
            assembly.entry(&topic, operator::source(children, sets_time, read));
            Ok(())
        });
        self.building.writes_keys(node, |key: &K| key.to_bytes());
        Self::new(&self.building, node)
    }

    /// Groups the records by their key.
    pub fn group_by_key(&self) -> Grouped<K, V> {
        Grouped { stream: self.shuffled() }
    }

    /// The last value of each key.
    pub fn to_table(&self) -> Table<K, V> {
        let stream = self.shuffled();
        stream
            .by("to-table", |record: Record<K, V>, out| {
                let value = record.value.clone();
                out.put(record.with_value(Some(value)))
            })
            .into()
    }
}
