//! What all records of the topic come to: the fold, and what can be asked of it.
//!
//! The fold decides nothing but whether the condition of a record holds. Whoever wrote the record
//! judged it; the condition says on what the judgement relied. It depends on the records alone, so
//! that all nodes come to the same state, and of two that judged at once the first one counts.

mod apply;
mod expect;
mod query;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

pub(crate) use expect::Expect;
pub(crate) use query::Deleted;

use crate::config::{Config, Mode};
use crate::model::Stored;

/// The versions of a subject.
type Versions = BTreeMap<i32, Arc<Stored>>;

/// What is known of the ids of a context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ids {
    /// The id of a schema.
    by_hash: HashMap<[u8; 16], i32>,
    /// Where schemas are: versions by id and subject. Most ids are in one subject: a map for each
    /// would take more than all else that is kept of it.
    places: BTreeMap<(i32, String), i32>,
    /// The highest one so far.
    max: Option<i32>,
}

impl Ids {
    /// Subjects and versions of an id.
    fn places(&self, id: i32) -> impl Iterator<Item = (&String, i32)> {
        let from = self.places.range((id, String::new())..);
        let of_id = from.take_while(move |((of, _), _)| *of == id);
        of_id.map(|((_, subject), version)| (subject, *version))
    }
}

/// Up to where something has changed: what a judgement can rely on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Revisions {
    /// The versions of a subject, and what refers to them.
    subjects: HashMap<String, u64>,
    /// Those of any subject of a context.
    contexts: HashMap<String, u64>,
    /// Those of any subject.
    all: u64,
    /// Config and mode of a name.
    rules: HashMap<String, u64>,
}

/// Everything that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    subjects: BTreeMap<String, Versions>,
    configs: BTreeMap<String, Arc<Config>>,
    modes: BTreeMap<String, Mode>,
    /// Contexts beside the default one.
    contexts: BTreeSet<String>,
    ids: BTreeMap<String, Ids>,
    /// Which schemas, by context and id, refer to a version of a subject.
    referrers: HashMap<(String, i32), BTreeSet<(String, i32)>>,
    revisions: Revisions,
    /// Counts up when a schema is gone for good, or in another's place.
    removals: u64,
}
