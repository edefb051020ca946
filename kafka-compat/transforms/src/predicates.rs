//! Predicates: which records a transformation applies to.

mod has_header_key;
mod record_is_tombstone;
mod topic_name_matches;

use gantry_model::plugin::{Plugin, Predicate};

/// All predicates of Kafka Connect, under its class names.
pub fn predicates() -> Vec<Plugin<dyn Predicate>> {
    vec![has_header_key::plugin(), record_is_tombstone::plugin(), topic_name_matches::plugin()]
}
