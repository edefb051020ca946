//! The log on a RocketMQ cluster: topics, queues and groups are RocketMQ's own, so that any of
//! its clients reads what we write and writes what we read (see `message` and docs/rocketmq.md).
//!
//! Appends wait in one line per queue and go out in batches, one at a time per queue, which keeps
//! the order; queues do not wait for each other. Reading keeps a cursor per queue that pulls
//! ahead, with long polling.
//!
//! What RocketMQ does not have, this log cannot promise: an append over several queues is not
//! atomic, retention is the broker's own setting for all topics, and what a broker acknowledged
//! is as durable as its `flushDiskType` and `brokerRole` make it.

mod admin;
mod append;
mod config;
mod cursor;
mod group;
mod json;
mod log;
mod message;
mod names;
mod presence;
mod read;
mod remoting;
mod route;

pub use config::{Credentials, MESSAGE_BYTES_MAX, RocketmqConfig};
pub use log::RocketmqLog;
