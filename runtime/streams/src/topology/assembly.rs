//! Nodes becoming operators of one task.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use gantry_log::{LogRecord, Str};

use super::graph::{Graph, SubTopology};
use crate::context::{Context, SystemMessage};
use crate::data::{Data, Key};
use crate::error::{DataError, StreamsError};
use crate::metrics::Counter;
use crate::query::View;
use crate::record::Record;
use crate::store::{self, Backend, GlobalStore, KeyedStore, Place, StateStore, WindowStore};
use crate::window::Windows;

/// One input of an operator.
pub(crate) trait Receive<K, V> {
    fn receive(&mut self, record: Record<K, V>, context: &mut Context) -> Result<(), StreamsError>;
}

/// An operator, to the task.
pub(crate) trait Operator {
    /// Something passes between records. Operators get it in order, each after those before it.
    fn message(&mut self, _: SystemMessage, _: &mut Context) -> Result<(), StreamsError> {
        Ok(())
    }

    /// Event time came to where a punctuator is due; those that have one say when the next is.
    fn stream_time(&mut self, _: &mut Context) -> Result<(), StreamsError> {
        Ok(())
    }
}

pub(crate) type Input<K, V> = Rc<RefCell<dyn Receive<K, V>>>;

/// What an operator gives its records to.
pub(crate) struct Children<K, V> {
    inputs: Vec<Input<K, V>>,
    given: Counter,
}

impl<K: Clone, V: Clone> Children<K, V> {
    pub(crate) fn forward(
        &self,
        record: Record<K, V>,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        self.given.set(self.given.get() + 1);
        let Some((last, others)) = self.inputs.split_last() else { return Ok(()) };
        for child in others {
            child.borrow_mut().receive(record.clone(), context)?;
        }
        last.borrow_mut().receive(record, context)
    }
}

/// Takes a record of the log into the topology. The inner error says that it cannot be read.
pub(crate) type Entry =
    Box<dyn FnMut(&LogRecord, &mut Context) -> Result<Result<(), DataError>, StreamsError>>;

/// All operators of one task.
#[derive(Default)]
pub(crate) struct Operators {
    /// In order.
    pub(crate) operators: Vec<Rc<RefCell<dyn Operator>>>,
    /// By topic.
    pub(crate) entries: BTreeMap<Str, Vec<Entry>>,
    /// What each node gave on to others.
    pub(crate) given: BTreeMap<usize, Counter>,
    /// By name.
    pub(crate) stores: BTreeMap<Str, Rc<RefCell<dyn StateStore>>>,
    /// What is asked about a store, by its name.
    pub(crate) views: BTreeMap<Str, Rc<RefCell<dyn View>>>,
}

/// What nodes use to become operators.
pub(crate) struct Assembly<'a> {
    graph: &'a Graph,
    sub: &'a SubTopology,
    queue: u32,
    storage: &'a Storage,
    inputs: BTreeMap<(usize, usize), Box<dyn Any>>,
    typed_stores: BTreeMap<Str, Box<dyn Any>>,
    node: usize,
    operators: Operators,
}

/// Where the stores of a task are.
#[derive(Clone)]
pub(crate) struct Storage {
    pub(crate) backend: Arc<dyn Backend>,
    /// The number of the sub-topology's first store.
    pub(crate) first_store: u16,
    /// How many entries the cache of one store may have.
    pub(crate) entries_max: usize,
}

/// Makes the operators of a task: those behind first, so that those before find them.
pub(crate) fn assemble(
    graph: &Graph,
    sub: &SubTopology,
    queue: u32,
    storage: &Storage,
) -> Result<Operators, StreamsError> {
    let mut assembly = Assembly {
        graph,
        sub,
        queue,
        storage,
        inputs: BTreeMap::new(),
        typed_stores: BTreeMap::new(),
        node: 0,
        operators: Operators::default(),
    };
    for node in sub.nodes.iter().rev() {
        assembly.node = *node;
        let make = Arc::clone(&graph.nodes[*node].make);
        make(&mut assembly)?;
    }
    assembly.operators.operators.reverse();
    Ok(assembly.operators)
}

impl Assembly<'_> {
    /// A fault of ours: the types of two nodes are not those that the builder's types say.
    fn mismatch(&self, what: &str) -> StreamsError {
        let node = &self.graph.nodes[self.node].name;
        StreamsError::Operator {
            operator: node.clone(),
            reason: format!("{what} is of another type"),
        }
    }

    /// What the node gives its records to.
    pub(crate) fn children<K: 'static, V: 'static>(
        &mut self,
    ) -> Result<Children<K, V>, StreamsError> {
        let inputs = self.graph.children(self.node).into_iter().map(|place| {
            let input =
                self.inputs.get(&place).and_then(|input| input.downcast_ref::<Input<K, V>>());
            input.map(Rc::clone).ok_or_else(|| self.mismatch("a child"))
        });
        let inputs = inputs.collect::<Result<_, _>>()?;
        let given = self.operators.given.entry(self.node).or_default();
        Ok(Children { inputs, given: Rc::clone(given) })
    }

    /// What messages call the node.
    pub(crate) fn node_name(&self) -> String {
        self.graph.nodes[self.node].name.clone()
    }

    /// The windows of the records that the node gets.
    pub(crate) fn windows(&self) -> Option<Windows> {
        self.graph.windows_of(self.node)
    }

    /// Whether a node behind this one gives records another time.
    pub(crate) fn time_is_selected(&self) -> bool {
        self.graph.time_is_selected(self.node)
    }

    /// The node's operator, which has one input.
    pub(crate) fn operator<K: 'static, V: 'static, O>(&mut self, operator: O)
    where
        O: Operator + Receive<K, V> + 'static,
    {
        self.shared_operator(Rc::new(RefCell::new(operator)));
    }

    /// The same; it is asked about a store.
    pub(crate) fn asked_operator<K: 'static, V: 'static, O>(&mut self, store: &Str, operator: O)
    where
        O: Operator + Receive<K, V> + View + 'static,
    {
        let operator = Rc::new(RefCell::new(operator));
        self.view(store, Rc::<RefCell<O>>::clone(&operator));
        self.shared_operator(operator);
    }

    fn shared_operator<K: 'static, V: 'static, O>(&mut self, operator: Rc<RefCell<O>>)
    where
        O: Operator + Receive<K, V> + 'static,
    {
        let input: Input<K, V> = Rc::<RefCell<O>>::clone(&operator);
        self.input(0, input);
        self.listener(operator);
    }

    /// What is asked about a store.
    pub(crate) fn view(&mut self, store: &Str, view: Rc<RefCell<dyn View>>) {
        self.operators.views.insert(Str::clone(store), view);
    }

    /// Another input of the node is its first one too.
    pub(crate) fn same_input<K: 'static, V: 'static>(
        &mut self,
        port: usize,
    ) -> Result<(), StreamsError> {
        let first = self.inputs.get(&(self.node, 0));
        let first = first.and_then(|input| input.downcast_ref::<Input<K, V>>()).map(Rc::clone);
        let first = first.ok_or_else(|| self.mismatch("an input"))?;
        self.input(port, first);
        Ok(())
    }

    /// One of the node's inputs.
    pub(crate) fn input<K: 'static, V: 'static>(&mut self, port: usize, input: Input<K, V>) {
        self.inputs.insert((self.node, port), Box::new(input));
    }

    /// The node's operator, to hear system messages.
    pub(crate) fn listener(&mut self, operator: Rc<RefCell<dyn Operator>>) {
        self.operators.operators.push(operator);
    }

    /// The node takes records of a topic.
    pub(crate) fn entry(&mut self, topic: &Str, entry: Entry) {
        let entries = self.operators.entries.entry(Str::clone(topic)).or_default();
        // Nodes are made from the last to the first.
        entries.insert(0, entry);
    }

    /// The number of the output to a topic.
    pub(crate) fn output(&self, topic: &Str) -> Result<usize, StreamsError> {
        let found = self.sub.outputs.iter().position(|known| known == topic);
        found.ok_or_else(|| self.mismatch("an output"))
    }

    fn place(&self, name: &Str) -> Result<Place, StreamsError> {
        let number = self.sub.stores.iter().position(|known| known == name);
        let number = number.and_then(|number| u16::try_from(number).ok());
        let number = number.and_then(|number| number.checked_add(self.storage.first_store));
        let number = number.ok_or_else(|| self.mismatch("a store"))?;
        Ok(Place {
            backend: Arc::clone(&self.storage.backend),
            prefix: store::prefix(number, self.queue),
            entries_max: self.storage.entries_max,
        })
    }

    /// A store of the task. Nodes that name the same one share it.
    fn store<S: StateStore + 'static>(
        &mut self,
        name: &Str,
        new: impl FnOnce(Place) -> Result<S, StreamsError>,
    ) -> Result<Rc<RefCell<S>>, StreamsError> {
        if let Some(known) = self.typed_stores.get(name) {
            let known = known.downcast_ref::<Rc<RefCell<S>>>();
            return known.map(Rc::clone).ok_or_else(|| self.mismatch("a store"));
        }
        let store = Rc::new(RefCell::new(new(self.place(name)?)?));
        self.typed_stores.insert(Str::clone(name), Box::new(Rc::clone(&store)));
        let untyped: Rc<RefCell<dyn StateStore>> = Rc::<RefCell<S>>::clone(&store);
        self.operators.stores.insert(Str::clone(name), untyped);
        Ok(store)
    }

    /// A store of values by key.
    pub(crate) fn keyed<K: Key, V: Data>(
        &mut self,
        name: &Str,
    ) -> Result<Rc<RefCell<KeyedStore<K, V>>>, StreamsError> {
        self.store(name, |place| Ok(KeyedStore::new(place)))
    }

    /// The global table of a number.
    pub(crate) fn global(&self, number: u32) -> GlobalStore {
        GlobalStore { backend: Arc::clone(&self.storage.backend), number }
    }

    /// A store of values by time and key.
    pub(crate) fn windowed<K: Key, V: Data>(
        &mut self,
        name: &Str,
    ) -> Result<Rc<RefCell<WindowStore<K, V>>>, StreamsError> {
        self.store(name, WindowStore::new)
    }
}
