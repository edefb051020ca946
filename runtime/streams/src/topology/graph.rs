//! The nodes that a program asked for, and what they come to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gantry_log::Str;

use super::assembly::Assembly;
use crate::error::StreamsError;
use crate::query::{KeyWriter, Stored};
use crate::window::Windows;

/// Makes a node in a task.
pub(crate) type Make = Arc<dyn Fn(&mut Assembly<'_>) -> Result<(), StreamsError> + Send + Sync>;

/// What a node has to do with topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It reads a topic.
    Source(Str),
    /// It reads a topic that the job makes, from its [`Place::ShuffleSink`].
    Shuffle(Str),
    /// Neither.
    Operator,
    /// It is a topic that each instance has whole; it gives no records to others.
    Global(Str),
    /// It writes a topic.
    Sink(Str),
    /// It writes a topic that the job makes.
    ShuffleSink(Str),
}

/// One node.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) place: Place,
    /// Who gives it records, and to which of its inputs.
    pub(crate) parents: Vec<(usize, usize)>,
    /// Its records and those that they meet must be in one task.
    pub(crate) joins: bool,
    /// It gives records another time.
    pub(crate) selects_time: bool,
    /// The stores that it has, by name.
    pub(crate) stores: Vec<Str>,
    pub(crate) make: Make,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} behind {:?}", self.name, self.parents)
    }
}

/// All nodes, each behind its parents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    /// Of the nodes that make windows.
    pub(crate) windows: BTreeMap<usize, Windows>,
    /// Of the nodes that can be asked, what has no name of the program's yet.
    pub(crate) views: BTreeMap<usize, Stored>,
    /// What can be asked, by the name that the program gave it.
    pub(crate) named: Vec<(Str, Stored)>,
    /// How the keys of sources stand in their topics, where that is known.
    pub(crate) key_writers: BTreeMap<usize, KeyWriter>,
}

/// Nodes that run together in one task for each queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SubTopology {
    /// In order.
    pub(crate) nodes: Vec<usize>,
    /// The topics that it reads: those of a task are the same queue of each.
    pub(crate) inputs: Vec<Str>,
    /// The topics that it writes.
    pub(crate) outputs: Vec<Str>,
    /// Its stores by name; their places are their numbers.
    pub(crate) stores: Vec<Str>,
}

impl Graph {
    pub(crate) fn children(&self, node: usize) -> Vec<(usize, usize)> {
        let found = self.nodes.iter().enumerate().flat_map(|(id, child)| {
            child
                .parents
                .iter()
                .filter(move |(parent, _)| *parent == node)
                .map(move |(_, p)| (id, *p))
        });
        found.collect()
    }

    /// Whether a node behind this one gives records another time.
    pub(crate) fn time_is_selected(&self, node: usize) -> bool {
        self.children(node)
            .into_iter()
            .any(|(child, _)| self.nodes[child].selects_time || self.time_is_selected(child))
    }

    /// The topics from which a node's records come.
    fn topics_of(&self, node: usize) -> BTreeSet<&Str> {
        match &self.nodes[node].place {
            Place::Source(topic) | Place::Shuffle(topic) => BTreeSet::from([topic]),
            _ => {
                let parents = self.nodes[node].parents.iter();
                parents.flat_map(|(parent, _)| self.topics_of(*parent)).collect()
            }
        }
    }

    /// The windows of the records that a node gets.
    pub(crate) fn windows_of(&self, node: usize) -> Option<Windows> {
        let own = self.windows.get(&node).copied();
        own.or_else(|| {
            self.nodes[node].parents.iter().find_map(|(parent, _)| self.windows_of(*parent))
        })
    }

    /// For each node the first one of those that it belongs to: whatever is joined by an edge,
    /// shares a store, or reads the same topic, as a task has a queue for itself.
    fn groups(&self) -> Vec<usize> {
        let mut group: Vec<usize> = (0..self.nodes.len()).collect();
        let mut owners: BTreeMap<&Str, usize> = BTreeMap::new();
        for (id, node) in self.nodes.iter().enumerate() {
            let same = |other: &usize| {
                matches!(node.place, Place::Source(_)) && self.nodes[*other].place == node.place
            };
            let sharing = node.stores.iter().map(|store| *owners.entry(store).or_insert(id));
            let sharing: Vec<usize> = sharing.collect();
            let parents = node.parents.iter().map(|(parent, _)| *parent);
            for other in parents.chain((0..id).filter(same)).chain(sharing) {
                let (keep, drop) = (group[other].min(group[id]), group[other].max(group[id]));
                group.iter_mut().filter(|g| **g == drop).for_each(|g| *g = keep);
            }
        }
        group
    }

    /// What belongs together. Shuffle topics cut it.
    pub(crate) fn sub_topologies(&self) -> Vec<SubTopology> {
        let group = self.groups();
        // A global table is not a part of any task.
        let global = |id: &usize| matches!(self.nodes[*id].place, Place::Global(_));
        let tasks = (0..self.nodes.len()).filter(|id| !global(id));
        let groups: BTreeSet<usize> = tasks.map(|id| group[id]).collect();
        let subs = groups.into_iter().map(|g| {
            let nodes: Vec<usize> = (0..self.nodes.len()).filter(|id| group[*id] == g).collect();
            let mut sub = SubTopology { nodes, inputs: vec![], outputs: vec![], stores: vec![] };
            for id in &sub.nodes {
                let node = &self.nodes[*id];
                let (topics, topic) = match &node.place {
                    Place::Source(topic) | Place::Shuffle(topic) => (&mut sub.inputs, topic),
                    Place::Sink(topic) | Place::ShuffleSink(topic) => (&mut sub.outputs, topic),
                    Place::Operator | Place::Global(_) => (&mut sub.stores, &Str::from("")),
                };
                if !topic.is_empty() && !topics.contains(topic) {
                    topics.push(Str::clone(topic));
                }
                for store in &node.stores {
                    if !sub.stores.contains(store) {
                        sub.stores.push(Str::clone(store));
                    }
                }
            }
            sub
        });
        subs.collect()
    }

    /// Of which queues the topics that the job makes are made: as many as the topics have that the
    /// nodes in front of them read, or that the nodes behind them read besides.
    pub(crate) fn shuffle_queues(
        &self,
        known: &BTreeMap<Str, u32>,
    ) -> Result<BTreeMap<Str, u32>, String> {
        let subs = self.sub_topologies();
        let mut found = known.clone();
        // What is joined with a topic of a certain number of queues must have as many.
        for sub in &subs {
            let given: Vec<u32> = sub.inputs.iter().filter_map(|t| found.get(t).copied()).collect();
            if let Some(most) = given.iter().max() {
                for topic in &sub.inputs {
                    if self.is_shuffle(topic) {
                        found.entry(Str::clone(topic)).or_insert(*most);
                    }
                }
            }
        }
        // Others have as many as what they are made of.
        for _ in 0..subs.len() {
            for sub in &subs {
                let most = sub.inputs.iter().filter_map(|topic| found.get(topic).copied()).max();
                let Some(most) = most else { continue };
                for topic in sub.outputs.iter().filter(|topic| self.is_shuffle(topic)) {
                    found.entry(Str::clone(topic)).or_insert(most);
                }
                for topic in sub.inputs.iter().filter(|topic| self.is_shuffle(topic)) {
                    found.entry(Str::clone(topic)).or_insert(most);
                }
            }
        }
        for node in (0..self.nodes.len()).filter(|node| self.nodes[*node].joins) {
            let topics = self.topics_of(node).into_iter();
            let counts: Vec<(&Str, Option<&u32>)> =
                topics.map(|topic| (topic, found.get(topic))).collect();
            if counts.windows(2).any(|pair| pair[0].1 != pair[1].1) {
                let counts = counts.iter().map(|(topic, queues)| {
                    format!("{topic} has {}", queues.copied().unwrap_or_default())
                });
                return Err(format!(
                    "topics that are joined must have the same number of queues, but {}: a record and its partner would be in different tasks. Give them as many, or let the stream go through key_by, which makes a topic that fits",
                    counts.collect::<Vec<_>>().join(", ")
                ));
            }
        }
        found.retain(|topic, _| self.is_shuffle(topic));
        Ok(found)
    }

    /// The topics of global tables; their places are the tables' numbers.
    pub(crate) fn globals(&self) -> Vec<&Str> {
        let topics = self.nodes.iter().filter_map(|node| match &node.place {
            Place::Global(topic) => Some(topic),
            _ => None,
        });
        topics.collect()
    }

    /// Whether each name that the program gave is that of one store.
    pub(crate) fn check_names(&self) -> Result<(), String> {
        for (at, (name, stored)) in self.named.iter().enumerate() {
            let others = self.named[..at].iter().filter(|(other, _)| other == name);
            for (_, other) in others {
                if other.store != stored.store {
                    return Err(format!("two stores have the name {name}: give one another name"));
                }
                if other.kind != stored.kind || !other.types.are(&stored.types) {
                    return Err(format!(
                        "store {name} is declared with different types: processors that share a store must declare it alike"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The topics of a sub-topology of which it is known how keys stand in them.
    pub(crate) fn keys_of(&self, sub: &SubTopology) -> Vec<(&Str, &KeyWriter)> {
        let sources = sub.nodes.iter().filter_map(|node| {
            let (Place::Source(topic) | Place::Shuffle(topic)) = &self.nodes[*node].place else {
                return None;
            };
            Some((topic, self.key_writers.get(node)?))
        });
        sources.collect()
    }

    pub(crate) fn is_shuffle(&self, topic: &str) -> bool {
        self.nodes.iter().any(|node| matches!(&node.place, Place::Shuffle(own) if **own == *topic))
    }
}
