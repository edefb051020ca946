//! The sinks.

mod config;
mod connector;
mod ddl;
mod fields;
mod offsets;
mod plan;
mod statement;
mod table;
mod task;
mod value;
mod writer;

pub(super) use config::{aiven, confluent};
pub(super) use connector::JdbcSink;
pub(super) use task::JdbcSinkTask;
