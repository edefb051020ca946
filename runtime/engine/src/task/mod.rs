//! Tasks: one async task each, supervised: a failure, even a panic, is its own.

mod acknowledgements;
mod errors;
mod queues;
mod read_ahead;
mod sink;
mod sink_log;
mod source;
mod stages;
mod supervisor;
mod topics;

pub(crate) use errors::{Consumed, add_context, tolerance_exceeded};
pub(crate) use queues::QueueOwners;
pub(crate) use sink::wanted_topics;
pub(crate) use stages::{Failure, Stage, Stages, Watch};
pub(crate) use supervisor::{StateCell, TaskHandle, TaskSetup, panicked};
pub(crate) use topics::ActiveTopicSet;
