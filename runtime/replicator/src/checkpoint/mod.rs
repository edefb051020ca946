//! `MirrorCheckpointConnector`: where consumer groups of the source go on in the copies.

mod config;
mod connector;
mod task;

pub(crate) use config::definition;
pub(crate) use connector::MirrorCheckpoint;
pub(crate) use task::MirrorCheckpointTask;
