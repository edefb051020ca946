//! Confluent's source of made-up records, under its class name and with its keys; see this
//! folder's README.

mod avro;
mod config;
mod connect;
mod connector;
mod generator;
mod lists;
mod literal;
mod quickstarts;
mod random;
mod task;

#[cfg(test)]
mod tests;

pub use config::{CLASS, config_def, plugins};
pub use connector::DatagenConnector;
pub use task::DatagenTask;
