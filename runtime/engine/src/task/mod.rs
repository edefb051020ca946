//! Tasks: one async task each, supervised: a failure, even a panic, is its own.

mod acknowledgements;
mod errors;
mod partitioner;
mod queues;
mod sink;
mod source;
mod stages;
mod supervisor;
mod topics;

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use errors::{Consumed, add_context, tolerance_exceeded};
pub use partitioner::queue_of_key;
pub(crate) use queues::QueueOwners;
pub(crate) use stages::{Failure, Stage, Stages, Watch};
pub(crate) use supervisor::{TaskHandle, TaskSetup, panicked};
pub(crate) use topics::ActiveTopicSet;

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
