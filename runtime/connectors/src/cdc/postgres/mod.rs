//! PostgreSQL's changes, by logical replication with `pgoutput`.

mod asking;
mod catalog;
mod config;
mod connector;
mod default;
mod feed;
mod messages;
mod offset;
mod pgoutput;
mod slot;
mod snapshot;
mod source;
mod stream;
mod task;
mod types;
mod value;
mod wire;

pub(super) use config::definition;
pub(super) use connector::PostgresSource;
pub(super) use task::PostgresTask;
