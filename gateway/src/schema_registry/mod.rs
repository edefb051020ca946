//! The schema registry: alone (`gantry schema-registry`), and beside a worker's REST API.

mod access;
mod command;
mod confluent;
mod rights_file;
mod service;
mod users;

#[cfg(test)]
mod tests;

pub(crate) use access::Access;
pub(crate) use command::{RegistryRun, run};
pub(crate) use service::Service;
pub(crate) use users::{Addresses, Connectors};
