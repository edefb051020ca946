//! What every endpoint can reach.

use std::sync::Arc;

use gantry_engine::Herder;
use gantry_log::FullLog;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::worker_config::HeaderRules;

/// What `GET /` says of this worker.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The version of Kafka Connect that it behaves like: tools decide by it what they may ask.
    pub(crate) version: &'static str,
    /// The commit that it was built from.
    pub(crate) commit: &'static str,
    /// Stays with the data directory.
    pub(crate) cluster_id: String,
}

/// Shared by all requests.
pub(crate) struct AppState {
    /// Holds the connectors.
    pub(crate) herder: Arc<Herder>,
    /// Holds the topics.
    pub(crate) log: Arc<dyn FullLog>,
    /// What `GET /` says.
    pub(crate) identity: Identity,
    /// `host:port` to name in `Location` when a request names no host.
    pub(crate) address: String,
    /// Headers of every answer.
    pub(crate) headers: HeaderRules,
    /// What `/metrics` gives.
    pub(crate) metrics: Metrics,
    /// Fires when the worker stops: ends long answers.
    pub(crate) stopping: CancellationToken,
}
