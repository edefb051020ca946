//! The herder of a standalone worker: holds connectors, starts and stops them and their tasks,
//! and answers the REST API. Changes are made one after the other; reads never wait for them.

mod changes;
mod connector;
mod edit_offsets;
mod reads;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gantry_api::PluginRegistry;
use gantry_log::FullLog;

use crate::config::WorkerConfig;
use crate::error::HerderError;
use crate::offsets::OffsetStore;
use connector::RunningConnector;

/// Holds the connectors of one worker.
pub struct Herder {
    worker: Arc<WorkerConfig>,
    plugins: Arc<PluginRegistry>,
    log: Arc<dyn FullLog>,
    offsets: Arc<OffsetStore>,
    connectors: Mutex<BTreeMap<String, RunningConnector>>,
    /// Held while something is changed.
    changing: tokio::sync::Mutex<()>,
    /// For the watchers that connectors wake.
    me: std::sync::Weak<Herder>,
}

impl Herder {
    /// A herder without connectors. Reads the committed offsets from the log.
    pub async fn start(
        config: WorkerConfig,
        plugins: PluginRegistry,
        log: Arc<dyn FullLog>,
    ) -> Result<Arc<Self>, HerderError> {
        let offsets = OffsetStore::load(Arc::clone(&log), &config.offset_storage_topic).await?;
        Ok(Arc::new_cyclic(|me| Self {
            worker: Arc::new(config),
            plugins: Arc::new(plugins),
            log,
            offsets,
            connectors: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            me: me.clone(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, RunningConnector>> {
        self.connectors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Herder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Herder({})", self.worker.worker_id)
    }
}
