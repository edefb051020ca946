//! Sources of made-up records: one at a given rate, for tests and benchmarks, and in [`confluent`]
//! one that is Confluent's; see this folder's README.

pub mod confluent;

mod config;
mod generate;
mod source;

#[cfg(test)]
mod tests;

pub use config::{CLASS, config_def, plugins};
pub use source::{DatagenSource, DatagenSourceTask};
