//! The herder of one worker: holds connectors, starts and stops them and their tasks, and answers
//! the REST API. Changes of one connector are made one after the other; reads never wait for them.

mod changes;
mod clustered;
mod connector;
mod edit_offsets;
mod locks;
mod plugins;
mod reads;
mod restarts;
mod restore;
mod scaling;
mod store;
mod task_props;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gantry_coordination::{FencedOffsets, Transactions};
use gantry_log::{FullLog, TopicPartition};

use crate::cluster::{Cluster, ClusterSettings};
use crate::config::WorkerConfig;
use crate::error::HerderError;
use crate::offsets::{KeyedOffsets, OffsetStore};
use connector::RunningConnector;
pub(crate) use connector::Started;
use locks::{NameLocks, Starts};
pub use plugins::PluginLoader;
use plugins::Plugins;
use store::ConnectorStore;

/// Holds the connectors of one worker.
pub struct Herder {
    worker: Arc<WorkerConfig>,
    plugins: Plugins,
    log: Arc<dyn FullLog>,
    offsets: Arc<OffsetStore>,
    /// For sinks that are to read what was committed.
    transactions: Arc<Transactions>,
    connectors: Mutex<BTreeMap<String, RunningConnector>>,
    /// Where connectors outlive the process; `None` in standalone mode.
    store: Option<ConnectorStore>,
    /// The cluster that this worker takes part in; `None`: it is alone with its log.
    cluster: Option<Arc<Cluster>>,
    /// Held while a connector is changed.
    locks: NameLocks,
    starts: Starts,
    /// For the watchers that connectors wake.
    me: std::sync::Weak<Herder>,
}

impl Herder {
    /// A herder. Reads the committed offsets from the log, and with a configuration topic the
    /// connectors, which start in the background and are UNASSIGNED until then.
    pub async fn start(
        config: WorkerConfig,
        plugins: PluginLoader,
        log: Arc<dyn FullLog>,
    ) -> Result<Arc<Self>, HerderError> {
        let topic = &config.offset_storage_topic;
        let offsets = KeyedOffsets::load(Arc::clone(&log), topic).await?;
        let offsets = Arc::new(OffsetStore::Keyed(offsets));
        let (store, stored) = match &config.config_storage_topic {
            Some(topic) => {
                let (store, stored) = ConnectorStore::open(Arc::clone(&log), topic).await?;
                (Some(store), stored)
            }
            None => (None, BTreeMap::new()),
        };
        let herder = Arc::new_cyclic(|me| Self {
            worker: Arc::new(config),
            plugins: Plugins::load(plugins),
            transactions: Arc::new(transactions(&log, None)),
            log,
            offsets,
            connectors: Mutex::default(),
            store,
            cluster: None,
            locks: NameLocks::default(),
            starts: Starts::default(),
            me: me.clone(),
        });
        herder.restore(stored);
        Ok(herder)
    }

    /// A herder that shares its connectors with the other workers of a cluster. Returns at once;
    /// the cluster's topics are opened, read and followed in the background. `control` is the
    /// same log for the cluster's own topics, with each append tried once.
    pub fn join(
        config: WorkerConfig,
        cluster: ClusterSettings,
        plugins: PluginLoader,
        log: Arc<dyn FullLog>,
        control: Arc<dyn FullLog>,
    ) -> Arc<Self> {
        let queue = TopicPartition::new(config.offset_storage_topic.as_str(), 0);
        let undriven = Cluster::undriven(cluster, &config.worker_id, control);
        let copies = undriven.cluster.copies.clone();
        let fenced = FencedOffsets::new(Arc::clone(&log), queue).with_copies(copies);
        let fenced = Arc::new(fenced);
        let offsets = Arc::new(OffsetStore::Fenced(Arc::clone(&fenced)));
        let herder = Arc::new_cyclic(|me| Self {
            worker: Arc::new(config),
            plugins: Plugins::load(plugins),
            transactions: Arc::new(transactions(&log, Some(&fenced))),
            log,
            offsets,
            connectors: Mutex::default(),
            store: None,
            cluster: Some(Arc::clone(&undriven.cluster)),
            locks: NameLocks::default(),
            starts: Starts::default(),
            me: me.clone(),
        });
        let me = herder.me.clone();
        let topic = herder.worker.offset_storage_topic.clone();
        tokio::spawn(crate::cluster::drive(undriven, me, fenced, topic));
        herder
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

/// What readers know of transactions. `own` is followed by the cluster.
fn transactions(log: &Arc<dyn FullLog>, own: Option<&Arc<FencedOffsets>>) -> Transactions {
    let known = Transactions::new(Arc::clone(log), own.map(Arc::clone));
    if cfg!(test) { known.with_gone_after(std::time::Duration::from_secs(1)) } else { known }
}
