//! A schema registry without a leader.
//!
//! All that it knows is in one topic of the log. Each node folds the topic and answers what it is
//! asked from memory; each takes writes: it judges them on what it has folded and appends a record
//! with the condition on which the judgement relied. Whether the condition still holds where the
//! record came to stand is all that the fold decides, so that all nodes agree without speaking to
//! each other.

mod config;
mod error;
mod formats;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod guid;
mod misses;
mod model;
pub mod names;
mod records;
mod registry;
mod reserved;
mod rest;
mod rights;
mod rule_set;
mod rules;
mod settings;
mod shared;
mod state;
mod store;
mod users;

pub use error::RegistryError;
pub use registry::Registry;
pub use rest::{BODY_BYTES_MAX, rocketmq_router, router};
pub use rights::{Grant, Operation, Pattern, Resource, Rights};
pub use settings::Settings;
pub use users::{SchemaId, SchemaUse, SubjectUse, SubjectUsers, Uses};
