//! `MirrorSourceConnector`: topics of the source cluster, queue by queue.

mod config;
mod connector;
mod queue;
mod reading;
pub(crate) mod replicator;
mod syncs;
mod task;
mod topics;

pub(crate) use config::definition;
pub(crate) use connector::MirrorSource;
pub(crate) use syncs::Syncs;
pub(crate) use task::MirrorSourceTask;
pub(crate) use topics::ensure_own;
