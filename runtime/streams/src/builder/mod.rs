//! What a program says: streams, groups, windows, tables.

mod global;
mod grouped;
mod join;
mod processor;
mod serde;
mod stream;
mod suppress;
mod table;
mod windowed;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use gantry_log::{LogRecord, Str};

pub use global::GlobalTable;
pub use grouped::Grouped;
pub use serde::{Serde, bytes, data, json, text};
pub use stream::{Predicate, Stream};
pub use suppress::{Suppressed, UntilTimeLimit, UntilWindowCloses};
pub use table::Table;
pub use windowed::WindowedStream;

use crate::data::{Data, Key};
use crate::error::{DataError, StreamsError};
use crate::operator::{self, Taken};
use crate::query::{KeyWriter, StoreKind, Stored, Types};
use crate::topology::assembly::Assembly;
use crate::topology::graph::{Graph, Node, Place};

/// The nodes so far.
#[derive(Debug, Clone)]
pub(crate) struct Building {
    job: Str,
    graph: Rc<RefCell<Graph>>,
}

/// What a node is made of, besides how.
pub(crate) struct Spec {
    pub(crate) place: Place,
    pub(crate) parents: Vec<usize>,
    pub(crate) stores: Vec<Str>,
    pub(crate) joins: bool,
    pub(crate) selects_time: bool,
}

impl Spec {
    /// An operator behind another one.
    pub(crate) fn behind(parent: usize) -> Self {
        Self {
            place: Place::Operator,
            parents: vec![parent],
            stores: Vec::new(),
            joins: false,
            selects_time: false,
        }
    }
}

impl Building {
    /// Adds a node; its parents give their records to its inputs, in their order.
    fn add(
        &self,
        kind: &str,
        spec: Spec,
        make: impl Fn(&mut Assembly<'_>) -> Result<(), StreamsError> + Send + Sync + 'static,
    ) -> usize {
        let mut graph = self.graph.borrow_mut();
        let id = graph.nodes.len();
        let parents = spec.parents.into_iter().zip(0..).collect();
        graph.nodes.push(Node {
            name: format!("{kind}-{id}"),
            place: spec.place,
            parents,
            joins: spec.joins,
            selects_time: spec.selects_time,
            stores: spec.stores,
            make: Arc::new(make),
        });
        id
    }

    /// A node has a store that can be asked, once it has a name.
    fn can_be_asked<K: Key, V: Data>(&self, node: usize, store: Str, kind: StoreKind) {
        let stored = Stored { store, kind, types: Types::of::<K, V>(), by_record_key: true };
        self.graph.borrow_mut().views.insert(node, stored);
    }

    /// It is known how the keys of a source stand in its topic.
    fn writes_keys<K: 'static>(
        &self,
        node: usize,
        write: impl Fn(&K) -> Vec<u8> + Send + Sync + 'static,
    ) {
        self.graph.borrow_mut().key_writers.insert(node, KeyWriter::new(write));
    }

    /// The name of something that the next node has: a store, a shuffle topic. Those to which the
    /// program gives a name stand elsewhere: [`own_store`].
    fn name(&self, kind: &str) -> Str {
        format!("{}-{kind}-{}", self.job, self.graph.borrow().nodes.len()).into()
    }
}

/// The name in the job of a store that has one of the program's. No store of the job's own begins
/// like this.
fn own_store(job: &str, name: &str) -> Str {
    format!("{job}-store-{name}").into()
}

/// Builds the topology of one job.
///
/// ```
/// use std::time::Duration;
/// use gantry_streams::{StreamBuilder, TestDriver, Tumbling, text};
///
/// let builder = StreamBuilder::new("word-count");
/// builder
///     .source("lines", text())
///     .flat_map_values(|line: &String| line.split(' ').map(str::to_owned).collect())
///     .group_by(|_, word: &String| word.clone())
///     .window(Tumbling::of(Duration::from_secs(10)))
///     .count()
///     .to_stream()
///     .map_values(|word, count| format!("{} {count}", word.key))
///     .sink("counts", text());
/// let mut driver = TestDriver::new(builder.build()).unwrap();
/// driver.send("lines", None, "a b a", 0).unwrap();
/// let counts = driver.texts("counts");
/// assert_eq!(counts, ["a 1", "b 1", "a 2"].map(str::to_owned));
/// ```
#[derive(Debug)]
pub struct StreamBuilder {
    building: Building,
}

/// A topology: it can be run, tried in a [`TestDriver`](crate::TestDriver), and described.
#[derive(Clone, Debug)]
pub struct Topology {
    pub(crate) job: Str,
    pub(crate) graph: Graph,
}

impl StreamBuilder {
    /// For a job of that name: its topics and its consumer group begin with it.
    pub fn new(job: &str) -> Self {
        Self { building: Building { job: job.into(), graph: Rc::default() } }
    }

    /// The records of a topic; keys are left as they are. A record without a value is passed over.
    pub fn source<V: Clone + 'static>(
        &self,
        topic: &str,
        value: Serde<V>,
    ) -> Stream<Option<Bytes>, V> {
        self.read(topic, move |record| {
            let Some(bytes) = &record.value else { return Ok(None) };
            Ok(Some((record.key.clone(), value.read(bytes)?)))
        })
    }

    /// The records of a topic with their keys; what wrote them must have put equal keys into the
    /// same queue, as Kafka's producers and Gantry do. A record without a key or value is passed
    /// over.
    pub fn keyed_source<K: Clone + 'static, V: Clone + 'static>(
        &self,
        topic: &str,
        key: Serde<K>,
        value: Serde<V>,
    ) -> Stream<K, V> {
        let keys = key.clone();
        let stream = self.read(topic, move |record| match (&record.key, &record.value) {
            (Some(k), Some(v)) => Ok(Some((key.read(k)?, value.read(v)?))),
            _ => Ok(None),
        });
        self.building.writes_keys(stream.node, move |key: &K| keys.write(key).to_vec());
        stream
    }

    /// The last value of each key of a topic; a record without a value takes its key away. What wrote
    /// them must have put equal keys into the same queue. A record without a key is passed over.
    pub fn table<K: Clone + 'static, V: Clone + 'static>(
        &self,
        topic: &str,
        key: Serde<K>,
        value: Serde<V>,
    ) -> Table<K, V> {
        let keys = key.clone();
        let changes = self.read(topic, move |record| {
            let Some(bytes) = &record.key else { return Ok(None) };
            let value = record.value.as_ref().map(|bytes| value.read(bytes)).transpose()?;
            Ok(Some((key.read(bytes)?, value)))
        });
        self.building.writes_keys(changes.node, move |key: &K| keys.write(key).to_vec());
        changes.into()
    }

    /// The records of a topic as they are in the log, read by a function; it may pass one over.
    pub fn read<K: Clone + 'static, V: Clone + 'static>(
        &self,
        topic: &str,
        function: impl Fn(&LogRecord) -> Result<Option<(K, V)>, DataError> + Send + Sync + 'static,
    ) -> Stream<K, V> {
        let function = Arc::new(function);
        self.read_by(&topic.into(), move |_| {
            let function = Arc::clone(&function);
            Ok(move |record: &LogRecord| Ok(function(record)))
        })
    }

    /// The records of a topic, read by what a function makes for each task and the name of its node.
    pub(crate) fn read_by<K: Clone + 'static, V: Clone + 'static, R>(
        &self,
        topic: &Str,
        make: impl Fn(&str) -> Result<R, StreamsError> + Send + Sync + 'static,
    ) -> Stream<K, V>
    where
        R: FnMut(&LogRecord) -> Taken<K, V> + 'static,
    {
        let topic = Str::clone(topic);
        let place = Place::Source(Str::clone(&topic));
        let spec =
            Spec { place, parents: vec![], stores: vec![], joins: false, selects_time: false };
        let node = self.building.add("source", spec, move |assembly| {
            let (children, sets_time) = (assembly.children()?, !assembly.time_is_selected());
            let read = make(&assembly.node_name())?;
            assembly.entry(&topic, operator::source(children, sets_time, read));
            Ok(())
        });
        Stream::new(&self.building, node)
    }

    /// What was built.
    pub fn build(self) -> Topology {
        self.topology()
    }

    /// What was built so far.
    pub(crate) fn topology(&self) -> Topology {
        let graph = self.building.graph.borrow().clone();
        Topology { job: Str::clone(&self.building.job), graph }
    }
}
