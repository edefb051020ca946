//! What the replicator is given: source clusters by the worker's own keys of such, and the worker's
//! log.

use std::sync::{Arc, LazyLock};

use gantry_api::{ConnectorPlugin, Props};
use gantry_log::FullLog;
use gantry_replicator::{Clusters, OpenSource};
use gantry_rocketmq::RocketmqLog;

use crate::worker_config::source_cluster;

/// Plugins are made before the worker has its log, and again when it looks for new ones: all have
/// the same.
static CLUSTERS: LazyLock<Arc<Clusters>> = LazyLock::new(|| Arc::new(Clusters::new(Rocketmq)));

/// Clusters of RocketMQ.
struct Rocketmq;

impl OpenSource for Rocketmq {
    fn check(&self, keys: &Props) -> Result<(), String> {
        source_cluster(keys, "gantry").map(drop)
    }
    fn open(&self, keys: &Props, group: &str) -> Result<Arc<dyn FullLog>, String> {
        Ok(Arc::new(RocketmqLog::open(source_cluster(keys, group)?)))
    }
}

/// The replicator's connectors.
pub(crate) fn plugins() -> Vec<ConnectorPlugin> {
    gantry_replicator::plugins(&CLUSTERS)
}

/// Copies go into this log.
pub(crate) fn write_to(log: Arc<dyn FullLog>) {
    CLUSTERS.set_target(log);
}
