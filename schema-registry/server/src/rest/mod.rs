//! The REST APIs: Confluent's, and that of RocketMQ's own schema registry.

mod about;
mod body;
mod compatibility;
mod media;
mod request;
mod rights;
mod rocketmq;
mod router;
mod rules;
mod schemas;
mod subjects;
mod versions;

pub use rocketmq::rocketmq_router;
pub use router::{BODY_BYTES_MAX, router};
