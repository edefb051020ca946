//! The two clusters: the source, which a connector's keys name, and the target, the worker's log.

use std::fmt;
use std::sync::{Arc, OnceLock};

use gantry_api::{Error, Props, Result};
use gantry_log::{FullLog, LogError};

/// Opens a source cluster.
pub trait OpenSource: Send + Sync {
    /// Whether these keys, without their prefix, can name a cluster; nobody is asked. The error is a
    /// sentence that names the key.
    fn check(&self, keys: &Props) -> Result<(), String>;
    /// The log on that cluster, to be read in the name of a consumer group. To be called within a
    /// tokio runtime that outlasts it.
    fn open(&self, keys: &Props, group: &str) -> Result<Arc<dyn FullLog>, String>;
}

/// How the connectors reach both clusters.
pub struct Clusters {
    source: Box<dyn OpenSource>,
    target: OnceLock<Arc<dyn FullLog>>,
}

impl fmt::Debug for Clusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clusters").field("has_target", &self.target.get().is_some()).finish()
    }
}

impl Clusters {
    /// Without a target: configurations can be checked, and nothing can be started.
    pub fn new(source: impl OpenSource + 'static) -> Self {
        Self { source: Box::new(source), target: OnceLock::new() }
    }

    /// Sets the log that copies are written to; the first one counts.
    pub fn set_target(&self, log: Arc<dyn FullLog>) {
        // A program has one worker.
        let _ = self.target.set(log);
    }

    pub(crate) fn check(&self, keys: &Props) -> Result<(), String> {
        self.source.check(keys)
    }

    pub(crate) fn open(&self, keys: &Props, group: &str) -> Result<Arc<dyn FullLog>> {
        self.source.open(keys, group).map_err(Error::config)
    }

    pub(crate) fn target(&self) -> Result<Arc<dyn FullLog>> {
        self.target.get().cloned().ok_or_else(|| {
            Error::connect("The replicator writes to the log of a worker, and there is none here")
        })
    }
}

/// What a call on one of the clusters failed with: worth another try unless the log says never.
pub(crate) fn failed(what: &str, error: &LogError) -> Error {
    let text = format!("{what}: {error}");
    if error.is_retriable() { Error::retriable(text) } else { Error::connect(text) }
}
