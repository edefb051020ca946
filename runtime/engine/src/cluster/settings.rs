//! How a worker takes part.

use gantry_api::Props;
use gantry_cluster::{Allocation, Incarnation, MemberConfig};

/// After so many records of the cluster topic a snapshot of what came of them is due.
const SNAPSHOT_RECORDS: u64 = 10_000;

/// What JSON adds to each entry; and the part of a record that is left for all beside
/// configurations, as a divisor.
const BESIDE: usize = 8;

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
    /// Where copies of the cluster's topics are kept; `None`: nowhere.
    pub copies: Option<std::path::PathBuf>,
    /// Where its REST listens.
    pub url: String,
    /// Bytes of the largest record that the log takes.
    pub record_bytes_max: usize,
}

impl ClusterSettings {
    /// Refuses configurations that no record can hold: `what` they are of.
    pub(super) fn must_fit<'a>(
        &self,
        what: &str,
        configs: impl Iterator<Item = &'a Props>,
    ) -> Result<(), String> {
        let bytes: usize = configs
            .flat_map(|config| config.iter().map(|(key, value)| key.len() + value.len() + BESIDE))
            .sum();
        let limit = self.record_bytes_max - self.record_bytes_max / BESIDE;
        if bytes <= limit {
            return Ok(());
        }
        Err(format!(
            "{what} has {bytes} bytes of configuration, and one record of the cluster topic holds \
             {limit}: make it smaller (fewer tasks, shorter values, or files and config \
             providers), or raise maxMessageSize of the brokers and \
             gantry.rocketmq.message.bytes.max"
        ))
    }

    pub(super) fn member(&self, worker_id: &str) -> MemberConfig {
        MemberConfig {
            incarnation: Incarnation(fastrand::u64(..)),
            name: worker_id.into(),
            url: self.url.as_str().into(),
            group: self.group.as_str().into(),
            session_ms: self.session_timeout_ms,
            heartbeat_ms: self.heartbeat_interval_ms,
            allocation: self.allocation,
            retry_ms: (self.heartbeat_interval_ms / 4).clamp(50, 1_000),
            snapshot_records: SNAPSHOT_RECORDS,
        }
    }
}
