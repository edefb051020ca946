//! State in tables of a MySQL or MariaDB server.

mod begin;
mod client;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use gantry_cluster::Epoch;

use super::{Checkpoint, Found, Remote, Rows, Task};
use crate::error::StreamsError;
use crate::settings::MySqlStore;
use client::Client;
use schema::Tables;

/// The tables of one job.
pub(super) struct Database {
    client: Arc<Client>,
    tables: Arc<Tables>,
}

impl Database {
    /// Reaches the server, and makes the tables that are not there.
    pub(super) fn open(job: &str, store: &MySqlStore) -> Result<Self, StreamsError> {
        let client = Arc::new(Client::new(store)?);
        let tables = Arc::new(Tables::of(job));
        tables.make(&client)?;
        Ok(Self { client, tables })
    }
}

impl Remote for Database {
    fn begin(&self, task: Task, by: Epoch, logged: u64) -> Result<Found, StreamsError> {
        begin::begin(&self.client, &self.tables, task, by, logged)
    }

    fn write(&self, checkpoints: Vec<Checkpoint>) -> Result<Vec<Task>, StreamsError> {
        write::write(&self.client, &self.tables, checkpoints)
    }

    fn rows(&self, task: Task) -> Arc<dyn Rows> {
        let (client, tables) = (Arc::clone(&self.client), Arc::clone(&self.tables));
        Arc::new(rows::TaskRows::new(client, &tables, task))
    }

    fn place(&self) -> String {
        format!("{}, {}", self.client.place(), self.tables)
    }
}
