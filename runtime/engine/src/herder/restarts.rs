//! Restarts: of a connector's instance, of its tasks, or of what has failed.

use std::sync::Arc;

use super::Herder;
use crate::connector_config::ConnectorConfig;
use crate::entities::{ConnectorStateInfo, TargetState, UnitState};
use crate::error::HerderError;
use crate::task::TaskHandle;

impl Herder {
    /// Starts the connector's instance anew; its tasks go on unless their configurations change.
    /// One that is paused or stopped is no longer failed, but not started.
    pub async fn restart_connector(&self, name: &str) -> Result<(), HerderError> {
        if let Some(cluster) = &self.cluster {
            return self.restart_in(cluster, name, None, false, false).await;
        }
        let _changing = self.locks.lock(name).await?;
        let (instance, target) = {
            let mut connectors = self.lock();
            let connector = connectors.get_mut(name).ok_or_else(|| unknown_to_restart(name))?;
            connector.trace = None;
            (connector.instance.take(), connector.target)
        };
        if let Some(instance) = instance {
            instance.stop(name, self.grace()).await;
        }
        if target == TargetState::Started {
            self.start_again(name).await.map_err(|error| {
                tracing::error!(connector = name, %error, "connector failed to start");
                HerderError::internal(format!("Failed to start connector: {name}"))
            })?;
        }
        Ok(())
    }

    /// Restarts the connector and, as asked, tasks: all, or only what failed. The answer shows
    /// as RESTARTING what is restarted.
    pub async fn restart_connector_and_tasks(
        &self,
        name: &str,
        include_tasks: bool,
        only_failed: bool,
    ) -> Result<ConnectorStateInfo, HerderError> {
        let mut plan = self.connector_status(name).map_err(|_| unknown_to_restart(name))?;
        let wanted = |state: UnitState| !only_failed || state == UnitState::Failed;
        let instance = wanted(plan.connector.state);
        let tasks: Vec<u32> = plan
            .tasks
            .iter()
            .filter(|task| include_tasks && wanted(task.state))
            .map(|task| task.id)
            .collect();
        if instance {
            plan.connector.state = UnitState::Restarting;
        }
        for task in plan.tasks.iter_mut().filter(|task| tasks.contains(&task.id)) {
            task.state = UnitState::Restarting;
        }
        if let Some(cluster) = &self.cluster {
            self.restart_in(cluster, name, None, include_tasks, only_failed).await?;
            return Ok(plan);
        }
        if instance {
            // A connector that cannot start has its answer in its state.
            if let Err(error) = self.restart_connector(name).await {
                tracing::warn!(connector = name, %error, "connector not restarted");
            }
        }
        for task in tasks {
            // A connector that was restarted with fewer tasks has answered already.
            if let Err(error) = self.restart_task(name, task).await {
                tracing::warn!(connector = name, task, %error, "task not restarted");
            }
        }
        Ok(plan)
    }

    /// Starts one task anew.
    pub async fn restart_task(&self, name: &str, task: u32) -> Result<(), HerderError> {
        if let Some(cluster) = &self.cluster {
            return self.restart_in(cluster, name, Some(task), false, false).await;
        }
        let _changing = self.locks.lock(name).await?;
        let unknown_task = || HerderError::not_found(format!("Unknown task: {name}-{task}"));
        let (template, config, plugin, count) = {
            let connectors = self.lock();
            let connector = connectors.get(name).ok_or_else(|| unknown_to_restart(name))?;
            if !connector.tasks.iter().any(|known| known.id.task == task) {
                return Err(unknown_task());
            }
            let template = connector.task_configs.template(task);
            let count = u32::try_from(connector.task_configs.len()).unwrap_or(u32::MAX);
            // A connector that has tasks has a plugin.
            let plugin = connector.plugin.clone().ok_or_else(unknown_task)?;
            (template, connector.config.clone(), plugin, count)
        };
        // What can fail comes first: the old task is stopped only when a new one can start.
        let failed = |error: gantry_api::Error| HerderError::internal(error.to_string());
        let props = self.resolve(&template).await.map_err(failed)?;
        let resolved = self.resolve(&config).await.map_err(failed)?;
        let common =
            ConnectorConfig::parse(&resolved, plugin.is_source(), &self.worker).map_err(failed)?;
        let old = {
            let mut connectors = self.lock();
            let connector = connectors.get_mut(name).ok_or_else(unknown_task)?;
            let position = connector.tasks.iter().position(|known| known.id.task == task);
            connector.tasks.remove(position.ok_or_else(unknown_task)?)
        };
        old.stopped(self.grace()).await;
        let mut connectors = self.lock();
        let Some(connector) = connectors.get_mut(name) else { return Ok(()) };
        let setup = self.task_setup(connector, &plugin, (task, count), props, &Arc::new(common));
        let at = connector.tasks.partition_point(|known| known.id.task < task);
        connector.tasks.insert(at, TaskHandle::start(setup));
        Ok(())
    }
}

/// Restarts name what is not there with a text of their own, as in Kafka Connect.
fn unknown_to_restart(name: &str) -> HerderError {
    HerderError::not_found(format!("Unknown connector: {name}"))
}
