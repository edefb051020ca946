//! A source of made-up records at a given rate, for tests and benchmarks; see this folder's
//! README.

mod config;
mod generate;
mod source;

#[cfg(test)]
mod tests;

pub use config::{CLASS, config_def, plugins};
pub use source::{DatagenSource, DatagenSourceTask};
