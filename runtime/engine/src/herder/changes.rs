//! What changes connectors: put, patch, delete, pause, resume, stop, restart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::Props;

use super::Herder;
use super::connector::{Parts, RunningConnector};
use crate::connector_config::{CONNECTOR_CLASS, ConnectorConfig, NAME};
use crate::entities::{ConnectorStateInfo, CreatedConnector, TargetState, UnitState};
use crate::error::HerderError;
use crate::task::TaskHandle;

impl Herder {
    fn grace(&self) -> Duration {
        Duration::from_millis(self.worker.task_shutdown_graceful_timeout_ms)
    }

    /// Creates a connector, or changes it where `allow_replace`. The configuration is
    /// validated first. `target` is the state to begin in; a changed connector keeps its own.
    pub async fn put_connector(
        &self,
        name: &str,
        mut config: Props,
        target: Option<TargetState>,
        allow_replace: bool,
    ) -> Result<CreatedConnector, HerderError> {
        config.insert(NAME.to_owned(), name.to_owned());
        let _changing = self.changing.lock().await;
        self.put_locked(name, config, target, allow_replace).await
    }

    async fn put_locked(
        &self,
        name: &str,
        config: Props,
        target: Option<TargetState>,
        allow_replace: bool,
    ) -> Result<CreatedConnector, HerderError> {
        self.check(&config)?;
        let class = config.get(CONNECTOR_CLASS).map_or("", String::as_str);
        let plugin = self.find_plugin(class)?.clone();
        // The old one stays visible until the new one takes its place.
        let (old, parts) = {
            let mut connectors = self.lock();
            match connectors.get_mut(name) {
                Some(_) if !allow_replace => {
                    return Err(HerderError::already_exists(format!(
                        "Connector {name} already exists"
                    )));
                }
                Some(old) => (
                    Some((old.target, Arc::clone(&old.active_topics), old.metrics.clone())),
                    old.take_parts(),
                ),
                None => (None, Parts::default()),
            }
        };
        self.halt(name, parts).await;
        let created = old.is_none();
        let (kept_target, topics, metrics) = match old {
            Some((target, topics, metrics)) => (Some(target), topics, metrics),
            None => (None, Arc::default(), Vec::new()),
        };
        let target = kept_target.or(target).unwrap_or(TargetState::Started);
        let mut connector = RunningConnector::new(name, config, plugin, target, topics);
        connector.metrics = metrics;
        // Paused at creation: no tasks until resumed.
        let with_tasks =
            target == TargetState::Started || (!created && target == TargetState::Paused);
        self.launch(&mut connector, with_tasks).await;
        self.lock().insert(name.to_owned(), connector);
        Ok(CreatedConnector { created, info: self.connector_info(name)? })
    }

    /// Changes some keys; a null removes one.
    pub async fn patch_connector(
        &self,
        name: &str,
        patch: BTreeMap<String, Option<String>>,
    ) -> Result<CreatedConnector, HerderError> {
        let _changing = self.changing.lock().await;
        let mut config = self.connector_config(name)?;
        for (key, value) in patch {
            match value {
                Some(value) => config.insert(key, value),
                None => config.remove(&key),
            };
        }
        config.insert(NAME.to_owned(), name.to_owned());
        self.put_locked(name, config, None, true).await
    }

    /// Starts the instance and, if wanted, the tasks of a connector that has none. A failure
    /// is the connector's state.
    async fn launch(&self, connector: &mut RunningConnector, with_tasks: bool) {
        connector.trace = None;
        if connector.target == TargetState::Stopped {
            return;
        }
        let started =
            self.start_instance(&connector.name, &connector.config, &connector.plugin).await;
        match started {
            Ok(started) => {
                if with_tasks {
                    self.start_tasks(connector, &started.tasks, &started.config);
                }
                connector.instance = Some(started.instance);
            }
            Err(error) => {
                tracing::error!(connector = %connector.name, %error, "connector failed to start");
                connector.trace = Some(error.trace());
            }
        }
    }

    /// Stops the tasks and the instance of a connector, all tasks at once.
    async fn halt(&self, name: &str, parts: Parts) {
        self.stop_tasks(parts.tasks).await;
        if let Some(instance) = parts.instance {
            instance.stop(name, self.grace()).await;
        }
    }

    async fn stop_tasks(&self, tasks: Vec<TaskHandle>) {
        for task in &tasks {
            task.cancel();
        }
        let grace = self.grace();
        futures_util::future::join_all(tasks.into_iter().map(|task| task.stopped(grace))).await;
    }

    /// Removes a connector. Its offsets stay, as in Kafka Connect.
    pub async fn delete_connector(&self, name: &str) -> Result<(), HerderError> {
        let _changing = self.changing.lock().await;
        let connector = self.lock().remove(name);
        let mut connector = connector
            .ok_or_else(|| HerderError::not_found(format!("Connector {name} not found")))?;
        self.halt(name, connector.take_parts()).await;
        Ok(())
    }

    fn unknown(name: &str) -> HerderError {
        HerderError::not_found(format!("Unknown connector {name}"))
    }

    /// Keeps the tasks but moves nothing.
    pub async fn pause(&self, name: &str) -> Result<(), HerderError> {
        let _changing = self.changing.lock().await;
        let mut connectors = self.lock();
        let connector = connectors.get_mut(name).ok_or_else(|| Self::unknown(name))?;
        connector.target = TargetState::Paused;
        for task in &connector.tasks {
            task.set_target(TargetState::Paused);
        }
        Ok(())
    }

    /// Goes on; tasks that there are none of are made.
    pub async fn resume(&self, name: &str) -> Result<(), HerderError> {
        let _changing = self.changing.lock().await;
        let idle = {
            let mut connectors = self.lock();
            let connector = connectors.get_mut(name).ok_or_else(|| Self::unknown(name))?;
            connector.target = TargetState::Started;
            for task in &connector.tasks {
                task.set_target(TargetState::Started);
            }
            connector.tasks.is_empty()
        };
        if idle {
            self.relaunch(name).await?;
        }
        Ok(())
    }

    /// Ends all tasks; the connector and its offsets stay.
    pub async fn stop(&self, name: &str) -> Result<(), HerderError> {
        let _changing = self.changing.lock().await;
        let parts = {
            let mut connectors = self.lock();
            let connector = connectors.get_mut(name).ok_or_else(|| Self::unknown(name))?;
            connector.target = TargetState::Stopped;
            connector.trace = None;
            connector.task_configs.clear();
            connector.take_parts()
        };
        self.halt(name, parts).await;
        Ok(())
    }

    /// Stops everything of a connector and starts it anew, as its target state says.
    async fn relaunch(&self, name: &str) -> Result<(), HerderError> {
        let parts = {
            let mut connectors = self.lock();
            connectors.get_mut(name).ok_or_else(|| Self::unknown(name))?.take_parts()
        };
        self.halt(name, parts).await;
        let fresh = {
            let connectors = self.lock();
            let old = connectors.get(name).ok_or_else(|| Self::unknown(name))?;
            let mut fresh = RunningConnector::new(
                name,
                old.config.clone(),
                old.plugin.clone(),
                old.target,
                Arc::clone(&old.active_topics),
            );
            fresh.metrics.clone_from(&old.metrics);
            fresh
        };
        let mut fresh = fresh;
        self.launch(&mut fresh, true).await;
        self.lock().insert(name.to_owned(), fresh);
        Ok(())
    }

    /// Asks the connector for its task configurations again and starts the tasks anew if they
    /// have changed.
    pub(super) async fn reconfigure(&self, name: &str) -> Result<(), HerderError> {
        let _changing = self.changing.lock().await;
        let (instance, config, plugin, known) = {
            let mut connectors = self.lock();
            let Some(connector) = connectors.get_mut(name) else { return Ok(()) };
            let Some(instance) = connector.instance.take() else { return Ok(()) };
            let known = connector.task_configs.clone();
            (instance, connector.config.clone(), connector.plugin.clone(), known)
        };
        let mut instance = instance;
        let asked = self.ask_again(&mut instance, &config, &plugin).await;
        let (props, common, old) = {
            let mut connectors = self.lock();
            let Some(connector) = connectors.get_mut(name) else { return Ok(()) };
            connector.instance = Some(instance);
            match asked {
                Err(error) => {
                    connector.trace = Some(error.trace());
                    return Ok(());
                }
                Ok((_, shown)) if shown == known => return Ok(()),
                Ok(((props, common), _)) => (props, common, std::mem::take(&mut connector.tasks)),
            }
        };
        self.stop_tasks(old).await;
        if let Some(connector) = self.lock().get_mut(name) {
            self.start_tasks(connector, &props, &common);
        }
        Ok(())
    }

    /// Starts the connector's instance anew; its tasks go on.
    pub async fn restart_connector(&self, name: &str) -> Result<(), HerderError> {
        let _changing = self.changing.lock().await;
        let (instance, config, plugin, target) = {
            let mut connectors = self.lock();
            let connector = connectors.get_mut(name).ok_or_else(|| unknown_to_restart(name))?;
            let parts = (connector.config.clone(), connector.plugin.clone(), connector.target);
            (connector.instance.take(), parts.0, parts.1, parts.2)
        };
        if let Some(instance) = instance {
            instance.stop(name, self.grace()).await;
        }
        if target == TargetState::Stopped {
            return Ok(());
        }
        let started = self.start_instance(name, &config, &plugin).await;
        let mut connectors = self.lock();
        let Some(connector) = connectors.get_mut(name) else { return Ok(()) };
        match started {
            Ok(started) => {
                connector.trace = None;
                if connector.tasks.is_empty() && target == TargetState::Started {
                    self.start_tasks(connector, &started.tasks, &started.config);
                }
                connector.instance = Some(started.instance);
            }
            Err(error) => connector.trace = Some(error.trace()),
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
            self.restart_connector(name).await?;
        }
        for task in plan.tasks.iter_mut().filter(|task| tasks.contains(&task.id)) {
            task.state = UnitState::Restarting;
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
        let _changing = self.changing.lock().await;
        let unknown_task = || HerderError::not_found(format!("Unknown task: {name}-{task}"));
        let (shown, config, is_source, count) = {
            let connectors = self.lock();
            let connector = connectors.get(name).ok_or_else(|| unknown_to_restart(name))?;
            if !connector.tasks.iter().any(|known| known.id.task == task) {
                return Err(unknown_task());
            }
            let shown = connector.task_configs.get(task as usize).cloned().unwrap_or_default();
            let count = u32::try_from(connector.task_configs.len()).unwrap_or(u32::MAX);
            (shown, connector.config.clone(), connector.plugin.is_source(), count)
        };
        // What can fail comes first: the old task is stopped only when a new one can start.
        let failed = |error: gantry_api::Error| HerderError::internal(error.to_string());
        let props = self.resolve(&shown).map_err(failed)?;
        let resolved = self.resolve(&config).map_err(failed)?;
        let common = ConnectorConfig::parse(&resolved, is_source, &self.worker).map_err(failed)?;
        let old = {
            let mut connectors = self.lock();
            let connector = connectors.get_mut(name).ok_or_else(unknown_task)?;
            let position = connector.tasks.iter().position(|known| known.id.task == task);
            connector.tasks.remove(position.ok_or_else(unknown_task)?)
        };
        old.stopped(self.grace()).await;
        let mut connectors = self.lock();
        let Some(connector) = connectors.get_mut(name) else { return Ok(()) };
        let setup = self.task_setup(connector, task, count, props, &Arc::new(common));
        let at = connector.tasks.partition_point(|known| known.id.task < task);
        connector.tasks.insert(at, TaskHandle::start(setup));
        Ok(())
    }

    /// Stops all connectors: what they have moved is flushed and committed.
    pub async fn shutdown(&self) {
        let _changing = self.changing.lock().await;
        let connectors = std::mem::take(&mut *self.lock());
        futures_util::future::join_all(connectors.into_iter().map(
            |(name, mut connector)| async move {
                self.halt(&name, connector.take_parts()).await;
            },
        ))
        .await;
    }
}

/// Restarts name what is not there with a text of their own, as in Kafka Connect.
fn unknown_to_restart(name: &str) -> HerderError {
    HerderError::not_found(format!("Unknown connector: {name}"))
}
