//! The log of a worker: embedded, or on RocketMQ.

use std::path::PathBuf;
use std::sync::Arc;

use gantry_log::{EmbeddedConfig, EmbeddedLog, FullLog, LogError};
use gantry_rocketmq::{RocketmqConfig, RocketmqLog};

use crate::identity::{cluster_id, cluster_id_of};
use crate::worker_config::Settings;

/// The share of a session that one request of the cluster's may take: a heartbeat that was lost
/// must be sent again before the lease is over.
const REQUESTS_IN_SESSION: u64 = 6;
/// The least that one of them is given.
const REQUEST_MIN_MS: u64 = 300;

/// What a worker reads and writes.
pub(crate) struct Logs {
    /// For records.
    pub(crate) log: Arc<dyn FullLog>,
    /// The same for the topics of the cluster: what cannot be written at once is an error.
    pub(crate) control: Arc<dyn FullLog>,
    /// Where the embedded log is.
    pub(crate) data_dir: Option<PathBuf>,
    embedded: Option<Arc<EmbeddedLog>>,
    /// The log for records, where it is that.
    pub(crate) rocketmq: Option<RocketmqLog>,
    name_servers: String,
}

impl Logs {
    /// Opens what the settings choose. The error names the key and the remedy.
    pub(crate) async fn open(settings: &Settings) -> Result<Self, String> {
        if let Some(config) = &settings.rocketmq {
            let session_ms = settings.cluster.as_ref().map(|cluster| cluster.session_timeout_ms);
            return Ok(Self::on_rocketmq(config.clone(), session_ms));
        }
        let embedded = Arc::new(open_embedded(settings.log.clone()).await?);
        let log: Arc<dyn FullLog> = Arc::clone(&embedded) as Arc<dyn FullLog>;
        Ok(Self {
            control: Arc::clone(&log),
            log,
            data_dir: Some(settings.log.dir.clone()),
            embedded: Some(embedded),
            rocketmq: None,
            name_servers: String::new(),
        })
    }

    fn on_rocketmq(config: RocketmqConfig, session_ms: Option<u64>) -> Self {
        let mut sorted = config.name_servers.clone();
        sorted.sort();
        sorted.dedup();
        let name_servers = sorted.join(";");
        let rocketmq = RocketmqLog::open(config.clone());
        let log: Arc<dyn FullLog> = Arc::new(rocketmq.clone());
        let control = match session_ms {
            None => Arc::clone(&log),
            Some(session_ms) => {
                let longest_ms = (session_ms / REQUESTS_IN_SESSION).max(REQUEST_MIN_MS);
                let request_timeout_ms = config.request_timeout_ms.min(longest_ms);
                let config =
                    RocketmqConfig { request_timeout_ms, delivery_timeout_ms: 0, ..config };
                Arc::new(RocketmqLog::open(config)) as Arc<dyn FullLog>
            }
        };
        let rocketmq = Some(rocketmq);
        Self { log, control, data_dir: None, embedded: None, rocketmq, name_servers }
    }

    /// The id of what holds the topics, as the REST API shows it.
    pub(crate) fn cluster_id(&self) -> Result<String, String> {
        match &self.data_dir {
            Some(dir) => cluster_id(dir),
            None => Ok(cluster_id_of(&self.name_servers)),
        }
    }

    /// Writes what is left and closes.
    pub(crate) async fn close(&self) {
        if let Some(embedded) = &self.embedded {
            embedded.close().await;
        }
    }
}

/// Opens the embedded log. The error names the key and the remedy.
async fn open_embedded(config: EmbeddedConfig) -> Result<EmbeddedLog, String> {
    let dir = config.dir.display().to_string();
    let opened = tokio::task::spawn_blocking(move || EmbeddedLog::open(config)).await;
    let opened = opened.map_err(|error| format!("opening the log in {dir} failed: {error}"))?;
    opened.map_err(|error| {
        let remedy = match &error {
            LogError::Locked { .. } => {
                "stop that process, or set another gantry.data.dir for this one"
            }
            LogError::Corrupt(_) => {
                "restore the directory from a copy, or set another gantry.data.dir"
            }
            _ => "check the directory's permissions and free space, or set another gantry.data.dir",
        };
        format!("gantry.data.dir={dir}: {error}; {remedy}")
    })
}
