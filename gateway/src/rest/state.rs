//! What every endpoint can reach.

use std::sync::Arc;
use std::time::Duration;

use gantry_engine::Herder;
use gantry_log::FullLog;
use tokio_util::sync::CancellationToken;

use crate::logging::Loggers;
use crate::metrics::Metrics;
use crate::worker_config::Scheme;

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

/// How long clients may take to send a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyTimes {
    /// For a body that is taken as a whole.
    pub(crate) whole: Duration,
    /// For the next record of a load. A load is as long as its client likes: somebody may type it.
    pub(crate) record: Duration,
}

impl Default for BodyTimes {
    fn default() -> Self {
        Self { whole: Duration::from_secs(60), record: Duration::from_secs(600) }
    }
}

/// Shared by all requests of one scheme.
#[derive(Clone)]
pub(crate) struct AppState {
    /// Holds the connectors.
    pub(crate) herder: Arc<Herder>,
    /// Holds the topics.
    pub(crate) log: Arc<dyn FullLog>,
    /// What `GET /` says.
    pub(crate) identity: Identity,
    /// `host:port` to name in `Location` when a request names no host.
    pub(crate) address: String,
    /// How its clients speak to the worker, for `Location`.
    pub(crate) scheme: Scheme,
    /// What `/metrics` gives.
    pub(crate) metrics: Arc<Metrics>,
    /// Levels of what is logged.
    pub(crate) loggers: Arc<Loggers>,
    /// A client that is slower than this is answered 408.
    pub(crate) body_times: BodyTimes,
    /// Fires when the worker stops: ends long answers.
    pub(crate) stopping: CancellationToken,
}
