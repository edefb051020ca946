//! The sinks.

mod config;
mod connector;
mod custenborder;
mod offsets;
mod petersen;
mod plan;
mod redis;
mod task;
mod writer;

pub(super) use connector::RedisSink;
pub(super) use custenborder::definition as custenborder;
pub(super) use petersen::definition as petersen;
pub(super) use redis::definition as redis;
pub(super) use task::RedisSinkTask;
