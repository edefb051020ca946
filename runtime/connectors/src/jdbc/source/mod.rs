//! The sources.

mod columns;
mod config;
mod connector;
mod filter;
mod offset;
mod querier;
mod reader;
mod task;
mod validate;

pub(super) use config::{aiven, confluent};
pub(super) use connector::JdbcSource;
pub(super) use task::JdbcSourceTask;
