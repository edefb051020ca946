//! The replicator: source connectors that copy topics, their settings and the offsets of consumer
//! groups from another cluster into the worker's own log, with the classes and keys of
//! MirrorMaker 2 and of RocketMQ's replicator.
//!
//! ```text
//! source cluster ─▶ source task ─▶ (engine) ─▶ target log: copies
//!                        └─ where copies are ─▶ offset syncs ─▶ checkpoint task ─▶ groups' offsets
//! ```
//!
//! It reads a log as a client does, and makes topics and commits offsets in the target, neither of
//! which plugins of `gantry_api` can: so it is a crate of its own, which the gateway gives both.

mod checkpoint;
mod clusters;
mod filter;
mod heartbeat;
mod keys;
mod mapping;
mod offsets;
mod policy;
mod source;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use gantry_api::{ConfigDef, Connector, ConnectorPlugin, PluginInfo, SourceTask, TaskFactory};

pub use clusters::{Clusters, OpenSource};

/// The connectors. They read and write through `clusters`.
pub fn plugins(clusters: &Arc<Clusters>) -> Vec<ConnectorPlugin> {
    vec![
        plugin(
            clusters,
            "org.apache.rocketmq.replicator.ReplicatorSourceConnector",
            source::replicator::definition,
            source::MirrorSource::of_replicator,
            source::MirrorSourceTask::of_replicator,
        ),
        plugin(
            clusters,
            "org.apache.kafka.connect.mirror.MirrorSourceConnector",
            source::definition,
            source::MirrorSource::new,
            source::MirrorSourceTask::new,
        ),
        plugin(
            clusters,
            "org.apache.kafka.connect.mirror.MirrorCheckpointConnector",
            checkpoint::definition,
            checkpoint::MirrorCheckpoint::new,
            checkpoint::MirrorCheckpointTask::new,
        ),
        plugin(
            clusters,
            "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector",
            heartbeat::definition,
            heartbeat::MirrorHeartbeat::new,
            heartbeat::MirrorHeartbeatTask::new,
        ),
    ]
}

fn plugin<C: Connector + 'static, T: SourceTask + 'static>(
    clusters: &Arc<Clusters>,
    class: &str,
    definition: fn() -> ConfigDef,
    connector: fn(Arc<Clusters>) -> C,
    task: fn(Arc<Clusters>) -> T,
) -> ConnectorPlugin {
    let info = PluginInfo::new(class, "Connector", definition);
    let (of_connector, of_task) = (Arc::clone(clusters), Arc::clone(clusters));
    ConnectorPlugin::new(
        info,
        Arc::new(move || Ok(Box::new(connector(Arc::clone(&of_connector))))),
        TaskFactory::Source(Arc::new(move || Ok(Box::new(task(Arc::clone(&of_task)))))),
    )
}
