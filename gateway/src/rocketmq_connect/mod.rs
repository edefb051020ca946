//! RocketMQ Connect's face: its REST API on a port of its own, the keys of its connectors and the
//! keys of its worker file. All of it is translated here, at the door, into Kafka Connect's
//! keys; nothing behind the door knows the difference.
//!
//! Connector configurations are translated when they come in through this REST API, and when a
//! connector file of the command line has a key or class that only RocketMQ Connect has. Kafka
//! Connect's REST API takes Kafka Connect's keys only.

mod answer;
mod changes;
mod cluster;
mod connectors;
mod dialect;
mod old_forms;
mod plugins;
mod router;
mod translation;
mod worker_keys;

#[cfg(test)]
mod tests;

pub(crate) use dialect::{KAFKA_CONNECTOR_CONFIGS, translate, translate_file};
pub(crate) use router::router;
pub(crate) use translation::Translation;
pub(crate) use worker_keys::{translate_worker, with_defaults};
