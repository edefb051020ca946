//! What the herder answers without changing anything.

use std::sync::Arc;

use gantry_api::Props;
use gantry_log::FullLog;

use super::Herder;
use super::connector::RunningConnector;
use crate::config::WorkerConfig;
use crate::entities::{
    ActiveTopics, ConnectorInfo, ConnectorOffset, ConnectorOffsets, ConnectorStateInfo, TaskId,
    TaskInfo, TaskState, UnitState,
};
use crate::error::HerderError;
use crate::metrics::{ConnectorCounts, TaskSnapshot};
use crate::secrets::mask;

fn no_status(name: &str) -> HerderError {
    HerderError::not_found(format!("No status found for connector {name}"))
}

fn no_connector(name: &str) -> HerderError {
    HerderError::not_found(format!("Connector {name} not found"))
}

impl Herder {
    fn with<T>(
        &self,
        name: &str,
        read: impl FnOnce(&RunningConnector) -> T,
    ) -> Result<T, HerderError> {
        self.lock().get(name).map(read).ok_or_else(|| no_connector(name))
    }

    /// The names of all connectors, sorted.
    pub fn connectors(&self) -> Vec<String> {
        if let Some(cluster) = &self.cluster {
            return cluster.read(|state| state.connectors.keys().map(|n| n.to_string()).collect());
        }
        self.lock().keys().cloned().collect()
    }

    /// A connector's configuration and tasks.
    pub fn connector_info(&self, name: &str) -> Result<ConnectorInfo, HerderError> {
        if let Some(cluster) = &self.cluster {
            return self.info_in(cluster, name).ok_or_else(|| no_connector(name));
        }
        self.with(name, |connector| ConnectorInfo {
            name: name.to_owned(),
            config: connector.shown(),
            tasks: connector.task_ids(),
            type_: connector.type_name(),
            offsets_status: None,
        })
    }

    /// A connector's configuration as the user gave it, with `name`; secrets masked if so set.
    pub fn connector_config(&self, name: &str) -> Result<Props, HerderError> {
        if let Some(cluster) = &self.cluster {
            return self.shown_in(cluster, name).ok_or_else(|| no_connector(name));
        }
        self.with(name, RunningConnector::shown)
    }

    /// The same with its secrets.
    pub(super) fn stored_config(&self, name: &str) -> Result<Props, HerderError> {
        if let Some(cluster) = &self.cluster {
            return Self::config_in(cluster, name).ok_or_else(|| no_connector(name));
        }
        self.with(name, |connector| connector.config.clone())
    }

    /// The state of a connector and its tasks.
    pub fn connector_status(&self, name: &str) -> Result<ConnectorStateInfo, HerderError> {
        if let Some(cluster) = &self.cluster {
            let status = self.status_in(cluster, name);
            return status.ok_or_else(|| no_status(name));
        }
        let worker_id = &self.worker.worker_id;
        self.with(name, |connector| ConnectorStateInfo {
            name: name.to_owned(),
            connector: connector.describe(worker_id),
            tasks: connector
                .tasks
                .iter()
                .map(|task| task.describe(worker_id, connector.version()))
                .collect(),
            type_: connector.type_name(),
        })
        .map_err(|_| no_status(name))
    }

    /// The configurations of a connector's tasks.
    pub fn task_infos(&self, name: &str) -> Result<Vec<TaskInfo>, HerderError> {
        if let Some(cluster) = &self.cluster {
            return self.tasks_in(cluster, name).ok_or_else(|| no_connector(name));
        }
        self.with(name, |connector| {
            connector
                .task_ids()
                .into_iter()
                .zip(connector.task_configs.shown())
                .map(|(id, config)| TaskInfo { id, config: mask(config, &connector.masked) })
                .collect()
        })
    }

    /// The state of one task.
    pub fn task_status(&self, name: &str, task: u32) -> Result<TaskState, HerderError> {
        let none = || HerderError::not_found(format!("No status found for task {name}-{task}"));
        let status = self.connector_status(name).map_err(|_| none())?;
        status.tasks.into_iter().find(|state| state.id == task).ok_or_else(none)
    }

    /// The topics that a connector has used; none for one that is not there.
    pub fn active_topics(&self, name: &str) -> ActiveTopics {
        if let Some(cluster) = &self.cluster {
            return ActiveTopics { topics: cluster.statuses.topics(name) };
        }
        let topics = self.with(name, |connector| connector.active_topics.list());
        ActiveTopics { topics: topics.unwrap_or_default() }
    }

    /// Forgets the topics that a connector has used.
    pub fn reset_active_topics(&self, name: &str) {
        if let Some(cluster) = &self.cluster {
            cluster.statuses.reset_topics(name);
        }
        if let Some(connector) = self.lock().get(name) {
            connector.active_topics.reset();
        }
    }

    /// The committed offsets of a connector.
    pub fn offsets(&self, name: &str) -> Result<ConnectorOffsets, HerderError> {
        let is_source = match &self.cluster {
            Some(_) => self.connector_info(name)?.type_ == "source",
            None => self.with(name, RunningConnector::is_source)?,
        };
        let offsets = self
            .offsets
            .all(name, is_source)
            .into_iter()
            .map(|(partition, offset)| ConnectorOffset { partition, offset: Some(offset) })
            .collect();
        Ok(ConnectorOffsets { offsets })
    }

    /// The log that the connectors use.
    pub fn log(&self) -> &Arc<dyn FullLog> {
        &self.log
    }

    /// Refuses to show records of the topic in which the secrets of connectors stand in clear,
    /// where secrets are masked.
    pub fn refuse_secrets(&self, topic: &str) -> Result<(), HerderError> {
        if self.worker.mask_secrets && self.worker.config_storage_topic.as_deref() == Some(topic) {
            return Err(HerderError::bad_request(format!(
                "{topic} holds the configurations of all connectors, with their secrets, which \
                 gantry.rest.mask.secrets=true hides: look at one with GET /connectors/NAME/config"
            )));
        }
        Ok(())
    }

    /// The worker's settings.
    pub fn worker_config(&self) -> &WorkerConfig {
        &self.worker
    }

    pub(crate) fn worker_config_shared(&self) -> Arc<WorkerConfig> {
        Arc::clone(&self.worker)
    }

    /// The counters of all tasks: task, `source` or `sink`, state, values.
    pub fn task_metrics(&self) -> Vec<(TaskId, &'static str, UnitState, TaskSnapshot)> {
        if let Some(cluster) = &self.cluster {
            return self.metrics_in(cluster);
        }
        let connectors = self.lock();
        connectors
            .values()
            .flat_map(|connector| {
                let type_ = connector.type_name();
                connector.tasks.iter().map(move |task| {
                    (task.id.clone(), type_, task.state().0, task.metrics.snapshot())
                })
            })
            .collect()
    }

    /// How many connectors and tasks there are.
    pub fn counts(&self) -> ConnectorCounts {
        if let Some(cluster) = &self.cluster {
            return cluster.read(|state| ConnectorCounts {
                connectors: state.connectors.len() as u64,
                tasks: state.connectors.values().map(|c| c.task_count() as u64).sum(),
            });
        }
        let connectors = self.lock();
        ConnectorCounts {
            connectors: connectors.len() as u64,
            tasks: connectors.values().map(|connector| connector.tasks.len() as u64).sum(),
        }
    }
}
