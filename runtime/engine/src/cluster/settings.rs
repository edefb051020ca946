//! How a worker takes part.

use gantry_cluster::{Allocation, Incarnation, MemberConfig};

/// After so many records of the cluster topic a snapshot of what came of them is due.
const SNAPSHOT_RECORDS: u64 = 10_000;

/// The settings of a worker in a cluster.
#[derive(Clone, Debug)]
pub struct ClusterSettings {
    /// `group.id`
    pub group: String,
    /// `config.storage.topic`: the cluster topic.
    pub cluster_topic: String,
    /// `status.storage.topic`
    pub status_topic: String,
    /// `session.timeout.ms`
    pub session_timeout_ms: u64,
    /// `heartbeat.interval.ms`
    pub heartbeat_interval_ms: u64,
    /// `gantry.cluster.allocation`
    pub allocation: Allocation,
    /// Where its REST listens.
    pub url: String,
}

impl ClusterSettings {
    pub(super) fn member(&self, worker_id: &str) -> MemberConfig {
        MemberConfig {
            incarnation: Incarnation(fastrand::u64(..)),
            name: worker_id.into(),
            url: self.url.as_str().into(),
            session_ms: self.session_timeout_ms,
            heartbeat_ms: self.heartbeat_interval_ms,
            allocation: self.allocation,
            retry_ms: (self.heartbeat_interval_ms / 4).clamp(50, 1_000),
            snapshot_records: SNAPSHOT_RECORDS,
        }
    }
}
