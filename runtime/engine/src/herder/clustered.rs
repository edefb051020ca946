//! What the herder does as one of several workers: it asks the cluster, and answers from what all
//! workers agree on.

use std::sync::Arc;

use gantry_api::{Props, Str};
use gantry_cluster::{Connector, Request, Unit};
use gantry_coordination::{Lease, Transactions};
use gantry_log::{LogError, TopicPartition};

use super::Herder;
use super::task_props::shown;
use crate::cluster::{Cluster, QUEUES, Status, Statuses};
use crate::config::RestartPolicy;
use crate::connector_config::ConnectorConfig;
use crate::entities::{
    ConnectorInfo, ConnectorState, ConnectorStateInfo, TargetState, TaskId, TaskInfo, TaskState,
    UnitState,
};
use crate::error::{HerderError, HerderErrorKind};
use crate::metrics::TaskSnapshot;
use crate::offsets::{OffsetStore, TaskOffsets};
use crate::secrets::mask;
use crate::task::{ActiveTopicSet, TaskSetup, wanted_topics};

fn count(connector: &Connector) -> u32 {
    u32::try_from(connector.task_count()).unwrap_or(u32::MAX)
}

impl Herder {
    /// Why this worker does not take part in its cluster, if it does not.
    pub fn waiting_for(&self) -> Option<String> {
        self.cluster.as_ref().and_then(|cluster| cluster.waiting_for())
    }

    /// Why this worker does not know the connectors of its cluster yet, until it does once.
    pub fn starting(&self) -> Option<String> {
        let cluster = self.cluster.as_ref().filter(|cluster| !cluster.took_part())?;
        cluster.waiting_for()
    }

    /// Puts a connector into the cluster.
    pub(super) async fn put_in(
        &self,
        cluster: &Cluster,
        name: &str,
        config: Props,
        target: Option<TargetState>,
        create: bool,
        expected: Option<u64>,
    ) -> Result<(), HerderError> {
        let put = Request::Put { name: name.into(), config, target, create, expected };
        match cluster.request(put).await {
            // Another worker was asked for one of this name at the same time.
            Err(error) if error.kind == HerderErrorKind::AlreadyExists => {
                Err(HerderError::already_exists(format!("Connector {name} already exists")))
            }
            done => done.map(|_| ()),
        }
    }

    /// Deletes one.
    pub(super) async fn delete_in(&self, cluster: &Cluster, name: &str) -> Result<(), HerderError> {
        if cluster.connector(name, |_| ()).is_none() {
            return Err(HerderError::not_found(format!("Connector {name} not found")));
        }
        cluster.request(Request::Delete(name.into())).await?;
        cluster.statuses.reset_topics(name);
        Ok(())
    }

    /// Lets one do something else.
    pub(super) async fn target_in(
        &self,
        cluster: &Cluster,
        name: &str,
        state: TargetState,
    ) -> Result<(), HerderError> {
        if cluster.connector(name, |_| ()).is_none() {
            return Err(HerderError::not_found(format!("Unknown connector {name}")));
        }
        cluster.request(Request::Target(name.into(), state)).await.map(|_| ())
    }

    /// Starts units again, wherever they run.
    pub(super) async fn restart_in(
        &self,
        cluster: &Cluster,
        name: &str,
        task: Option<u32>,
        include_tasks: bool,
        only_failed: bool,
    ) -> Result<(), HerderError> {
        let found = cluster.connector(name, count);
        let tasks =
            found.ok_or_else(|| HerderError::not_found(format!("Unknown connector: {name}")))?;
        if let Some(task) = task.filter(|task| *task >= tasks) {
            return Err(HerderError::not_found(format!("Unknown task: {name}-{task}")));
        }
        let name = name.into();
        cluster
            .request(Request::Restart { name, task, include_tasks, only_failed })
            .await
            .map(|_| ())
    }

    /// What a connector's class stands for here, and what of its configuration is secret.
    fn class_of(&self, config: &Props) -> (&'static str, std::collections::BTreeSet<String>) {
        let plugin = self.plugin_for(config).ok();
        let type_ = plugin.as_ref().map_or("unknown", gantry_api::ConnectorPlugin::type_name);
        (type_, self.masked_keys(plugin.as_ref(), config))
    }

    /// A connector's configuration, as the cluster knows it.
    pub(super) fn config_in(cluster: &Cluster, name: &str) -> Option<Props> {
        cluster.connector(name, |connector| connector.config.clone())
    }

    /// The same as it may be shown.
    pub(super) fn shown_in(&self, cluster: &Cluster, name: &str) -> Option<Props> {
        let config = Self::config_in(cluster, name)?;
        let (_, masked) = self.class_of(&config);
        Some(mask(&config, &masked))
    }

    pub(super) fn info_in(&self, cluster: &Cluster, name: &str) -> Option<ConnectorInfo> {
        let (config, tasks) =
            cluster.connector(name, |connector| (connector.config.clone(), count(connector)))?;
        let (type_, masked) = self.class_of(&config);
        let id = |task| TaskId { connector: name.to_owned(), task };
        Some(ConnectorInfo {
            name: name.to_owned(),
            config: mask(&config, &masked),
            tasks: (0..tasks).map(id).collect(),
            type_,
            offsets_status: None,
        })
    }

    pub(super) fn tasks_in(&self, cluster: &Cluster, name: &str) -> Option<Vec<TaskInfo>> {
        let (config, tasks) = cluster.connector(name, |connector| {
            let tasks = connector.tasks.as_ref().map(|tasks| tasks.configs.clone());
            (connector.config.clone(), tasks.unwrap_or_default())
        })?;
        let (_, masked) = self.class_of(&config);
        let info = |(task, mut template): (u32, Props)| {
            template.remove(QUEUES);
            TaskInfo {
                id: TaskId { connector: name.to_owned(), task },
                config: mask(&shown(&template, &config), &masked),
            }
        };
        Some((0..).zip(tasks).map(info).collect())
    }

    pub(super) fn status_in(&self, cluster: &Cluster, name: &str) -> Option<ConnectorStateInfo> {
        let name_of = Str::from(name);
        let (config, state, owners) = cluster.read(|state| {
            let connector = state.connectors.get(&name_of)?;
            let units = std::iter::once(Unit::connector(&name_of))
                .chain((0..count(connector)).map(|task| Unit::task(&name_of, task)));
            let owners: Vec<(Unit, u64, Option<String>)> = units
                .map(|unit| {
                    let owner = state.owner(&unit).and_then(|owner| state.workers.get(&owner));
                    let lives = !state.is_free(&unit);
                    let worker = owner.filter(|_| lives).map(|worker| worker.name.to_string());
                    let epoch = state.epoch(&unit);
                    (unit, epoch, worker)
                })
                .collect();
            Some((connector.config.clone(), connector.target, owners))
        })?;
        let (type_, _) = self.class_of(&config);
        let mut units = owners.into_iter().map(|(unit, epoch, worker)| {
            (unit.task, status(cluster, &unit, epoch, worker, &self.worker.worker_id))
        });
        let (_, mut own) = units.next()?;
        // What its owner has not said yet follows from what the user wants.
        match state {
            TargetState::Stopped if own.trace.is_none() => own.state = UnitState::Stopped,
            TargetState::Paused if own.trace.is_none() => own.state = UnitState::Paused,
            _ => {}
        }
        let tasks = units.map(|(task, status)| TaskState {
            id: task.unwrap_or_default(),
            state: status.state,
            worker_id: status.worker_id,
            version: status.version,
            trace: status.trace,
        });
        Some(ConnectorStateInfo {
            name: name.to_owned(),
            tasks: tasks.collect(),
            connector: ConnectorState {
                state: own.state,
                worker_id: own.worker_id,
                version: own.version,
                trace: own.trace,
            },
            type_,
        })
    }

    /// The counters of the tasks that run here.
    pub(super) fn metrics_in(
        &self,
        cluster: &Cluster,
    ) -> Vec<(TaskId, &'static str, UnitState, TaskSnapshot)> {
        let running = cluster.running_tasks().into_iter();
        let metrics = running.filter_map(|(unit, (metrics, cell))| {
            let config = Self::config_in(cluster, &unit.connector)?;
            let type_ = self.plugin_for(&config).ok().map_or("unknown", |found| found.type_name());
            let id = TaskId { connector: unit.connector.to_string(), task: unit.task? };
            Some((id, type_, cell.state, metrics.snapshot()))
        });
        metrics.collect()
    }

    pub(crate) fn offset_store(&self) -> Arc<OffsetStore> {
        Arc::clone(&self.offsets)
    }

    pub(crate) fn transactions(&self) -> Arc<Transactions> {
        Arc::clone(&self.transactions)
    }

    /// The version of a connector's plugin, empty when it is not there.
    pub(crate) fn version_of(&self, name: &str) -> String {
        let config = self.cluster.as_ref().and_then(|cluster| Self::config_in(cluster, name));
        let plugin = config.and_then(|config| self.plugin_for(&config).ok());
        plugin.map_or_else(String::new, |plugin| plugin.info.version.to_string())
    }

    /// When failed tasks of a connector are started again.
    pub(crate) fn restart_policy(&self, name: &str) -> RestartPolicy {
        let config = self.cluster.as_ref().and_then(|cluster| Self::config_in(cluster, name));
        let parsed = config.map(|config| ConnectorConfig::parse(&config, true, &self.worker));
        parsed.and_then(Result::ok).map_or(self.worker.restart, |config| config.restart)
    }

    /// All queues of a sink's topics that are there.
    pub(crate) async fn queues_of(
        &self,
        config: &ConnectorConfig,
    ) -> Result<Vec<TopicPartition>, LogError> {
        let topics = wanted_topics(&*self.log, config, &self.worker).await?;
        let queues = topics.iter().flat_map(|(name, queues)| {
            (0..*queues).map(|queue| TopicPartition::new(Str::clone(name), queue))
        });
        Ok(queues.collect())
    }

    fn used_in(&self, name: &str) -> Option<Arc<ActiveTopicSet>> {
        let cluster = self.cluster.as_ref().filter(|_| self.worker.topic_tracking_enable)?;
        Some(Statuses::used_here(cluster, name))
    }

    /// What a task of the cluster needs to start here.
    pub(crate) async fn clustered_setup(
        &self,
        (task, tasks): (u32, u32),
        template: Props,
        offsets: TaskOffsets,
        assigned: Option<Vec<Vec<TopicPartition>>>,
        lease: Option<Lease>,
        target: TargetState,
    ) -> gantry_api::Result<TaskSetup> {
        let props = self.resolve(&template).await?;
        let plugin = self.plugin_for(&props);
        let plugin = plugin.map_err(|error| gantry_api::Error::connect(error.message))?;
        let config = ConnectorConfig::parse(&props, plugin.is_source(), &self.worker)?;
        let name = offsets.connector.to_string();
        Ok(TaskSetup {
            active_topics: self.used_in(&name),
            id: TaskId { connector: name, task },
            tasks,
            config: Arc::new(config),
            worker: Arc::clone(&self.worker),
            plugins: self.plugins_for(&props),
            props,
            plugin,
            log: Arc::clone(&self.log),
            offsets,
            assigned,
            lease,
            queues: Arc::default(),
            target,
            metrics: Arc::default(),
        })
    }
}

/// What is known of a unit that `worker` has in this epoch.
fn status(cluster: &Cluster, unit: &Unit, epoch: u64, worker: Option<String>, me: &str) -> Status {
    let said = cluster.statuses.of(unit, epoch);
    match (worker, said) {
        (Some(worker), Some(said)) if said.worker_id == worker => said,
        (worker, said) => Status {
            state: UnitState::Unassigned,
            trace: None,
            worker_id: worker
                .or_else(|| said.as_ref().map(|said| said.worker_id.clone()))
                .unwrap_or_else(|| me.to_owned()),
            epoch,
            version: said.and_then(|said| said.version),
        },
    }
}
