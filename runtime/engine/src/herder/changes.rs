//! What changes connectors: put, patch, delete, pause, resume, stop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gantry_api::{CancellationToken, ConnectorPlugin, Error, Props};

use super::Herder;
use super::connector::{Kept, Parts, RunningConnector};
use super::edit_offsets::outcome;
use super::task_props::{TaskConfigs, TaskProps};
use crate::connector_config::{CONNECTOR_CLASS, ConnectorConfig, NAME, retired_keys};
use crate::entities::{ConnectorOffsets, CreatedConnector, TargetState};
use crate::error::{HerderError, HerderErrorKind};
use crate::secrets::{no_longer_secret, secret_keys, unmask};
use crate::task::TaskHandle;
use crate::validation::{definition_of, idle_overrides};

/// How often a patch is worked out anew when somebody changes the connector meanwhile.
const PATCH_TRIES: u32 = 10;

/// How a connector is put.
#[derive(Default)]
struct Wanted {
    /// What a new one does.
    target: Option<TargetState>,
    /// Whether there may be one of this name.
    allow_replace: bool,
    /// Where a new one begins.
    offsets: Option<ConnectorOffsets>,
    /// In a cluster, the version that it must have.
    expected: Option<u64>,
}

impl Herder {
    pub(crate) fn grace(&self) -> Duration {
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
        let _changing = self.locks.lock(name).await?;
        let wanted = Wanted { target, allow_replace, ..Wanted::default() };
        self.put_locked(name, config, wanted).await
    }

    /// Creates a connector that begins at the given offsets. They are written before the
    /// connector is: one that cannot have them is not created.
    pub async fn create_connector_at(
        &self,
        name: &str,
        mut config: Props,
        target: Option<TargetState>,
        offsets: ConnectorOffsets,
    ) -> Result<CreatedConnector, HerderError> {
        config.insert(NAME.to_owned(), name.to_owned());
        let _changing = self.locks.lock(name).await?;
        let wanted = Wanted { target, offsets: Some(offsets), ..Wanted::default() };
        self.put_locked(name, config, wanted).await
    }

    async fn put_locked(
        &self,
        name: &str,
        config: Props,
        wanted: Wanted,
    ) -> Result<CreatedConnector, HerderError> {
        let Wanted { target, allow_replace, offsets, expected } = wanted;
        let (config, were_masked) = self.unmasked(name, config)?;
        let checked = self.starts.run(name, self.check_given(&config)).await;
        checked.unwrap_or_else(|| Err(HerderError::conflict(given_up().message())))?;
        let class = config.get(CONNECTOR_CLASS).map_or("", String::as_str);
        let plugin = self.plugin_for(&config)?;
        let masked = self.masked_keys(Some(&plugin), &config);
        if let Some(key) = were_masked.difference(&masked).next() {
            return Err(no_longer_secret(key, class));
        }
        let old = match &self.cluster {
            Some(cluster) => cluster.connector(name, |_| TargetState::Started),
            None => self.lock().get(name).map(|old| old.target),
        };
        if old.is_some() && !allow_replace {
            return Err(HerderError::already_exists(format!("Connector {name} already exists")));
        }
        self.warn_of_idle_keys(name, plugin.is_source(), &config);
        let mut offsets_status = None;
        if let Some(offsets) = offsets {
            let (changes, known) = self.judge_offsets(name, &plugin, &config, offsets).await?;
            self.write_offsets(name, &plugin, &config, changes).await?;
            offsets_status = Some(outcome(known, "altered"));
        }
        if let Some(cluster) = &self.cluster {
            let target = target.filter(|_| old.is_none());
            self.put_in(cluster, name, config, target, !allow_replace, expected).await?;
            let mut info = self.connector_info(name)?;
            info.offsets_status = offsets_status;
            return Ok(CreatedConnector { created: old.is_none(), info });
        }
        let target = old.or(target).unwrap_or(TargetState::Started);
        if let Some(store) = &self.store {
            store.put(name, &config, target).await?;
        }
        // The old one stays visible until the new one takes its place.
        let (parts, kept) = match self.lock().get_mut(name) {
            Some(old) => {
                let mut parts = old.take_parts();
                let kept = Kept::of(old, &mut parts, &plugin);
                (parts, kept)
            }
            None => (Parts::default(), Kept::default()),
        };
        self.halt(name, parts).await;
        let new = || {
            let (config, plugin) = (config.clone(), Some(plugin.clone()));
            let mut new = RunningConnector::new(name, config, plugin, target, Arc::default());
            new.masked.clone_from(&masked);
            new
        };
        if old.is_none() {
            // Seen while it starts, which may take long.
            self.lock().insert(name.to_owned(), new());
        }
        let mut connector = new();
        kept.give_to(&mut connector);
        connector.launched = true;
        // One that is paused has the tasks that it had, and new ones when it is resumed.
        if target == TargetState::Started {
            self.launch(&mut connector).await;
        }
        self.lock().insert(name.to_owned(), connector);
        let mut info = self.connector_info(name)?;
        info.offsets_status = offsets_status;
        Ok(CreatedConnector { created: old.is_none(), info })
    }

    /// Says which keys of a configuration do nothing.
    fn warn_of_idle_keys(&self, name: &str, is_source: bool, config: &Props) {
        for (key, instead) in retired_keys(&self.plugin_registry(), config) {
            tracing::warn!(connector = name, "{key} has no effect: write {instead}");
        }
        let idle = idle_overrides(is_source, config);
        if !idle.is_empty() {
            tracing::warn!(
                connector = name,
                "without effect here, as there is no such Kafka client: {}",
                idle.join(", ")
            );
        }
    }

    /// The configuration as it is meant where it came with masks, and the keys that did.
    fn unmasked(
        &self,
        name: &str,
        config: Props,
    ) -> Result<(Props, BTreeSet<String>), HerderError> {
        if !self.worker.mask_secrets {
            return Ok((config, BTreeSet::new()));
        }
        unmask(config, self.stored_config(name).ok().as_ref())
    }

    /// The keys whose values are not to be shown.
    pub(super) fn masked_keys(
        &self,
        plugin: Option<&ConnectorPlugin>,
        config: &Props,
    ) -> BTreeSet<String> {
        if !self.worker.mask_secrets {
            return BTreeSet::new();
        }
        let Some(plugin) = plugin else {
            // Nobody can tell which of its keys are secret.
            let open = [NAME, CONNECTOR_CLASS];
            return config.keys().filter(|key| !open.contains(&key.as_str())).cloned().collect();
        };
        let plugins = self.plugins_for(config);
        let common = definition_of(&plugins, &self.worker.props, plugin, config);
        secret_keys(&plugins, &self.worker.client_overrides, plugin, &common, config)
    }

    /// Changes some keys; a null removes one. As in Kafka Connect a `name` among them changes what
    /// the configuration says, not what the connector is called.
    pub async fn patch_connector(
        &self,
        name: &str,
        patch: BTreeMap<String, Option<String>>,
    ) -> Result<CreatedConnector, HerderError> {
        let _changing = self.locks.lock(name).await?;
        let mut tries = PATCH_TRIES;
        loop {
            tries -= 1;
            // Before the configuration is read: another worker may change it at the same time.
            let expected = self
                .cluster
                .as_ref()
                .and_then(|cluster| cluster.connector(name, |connector| connector.version));
            // With its masks: what is not in the patch is kept as what it is, a secret.
            let mut config = self.connector_config(name)?;
            for (key, value) in &patch {
                match value {
                    Some(value) => config.insert(key.clone(), value.clone()),
                    None => config.remove(key),
                };
            }
            let wanted = Wanted { allow_replace: true, expected, ..Wanted::default() };
            match self.put_locked(name, config, wanted).await {
                Err(error) if error.kind == HerderErrorKind::Changed && tries > 0 => {}
                done => return done,
            }
        }
    }

    /// Starts the instance and the tasks of a connector that has none. A failure is the
    /// connector's state. Of one that is paused only the tasks stay: its instance does not run.
    ///
    /// It may be given up: by whoever deletes, stops, restarts or changes the connector meanwhile.
    async fn launch(&self, connector: &mut RunningConnector) {
        connector.trace = None;
        connector.launched = true;
        if connector.target == TargetState::Stopped {
            return;
        }
        let paused = connector.target == TargetState::Paused;
        let start = self.start_instance(&connector.name, &connector.config);
        let started = self.starts.run(&connector.name, start).await;
        match started.unwrap_or_else(|| Err(given_up())) {
            Ok(started) => {
                self.watch(&connector.name, &started);
                connector.masked = self.masked_keys(Some(&started.plugin), &connector.config);
                connector.plugin = Some(started.plugin.clone());
                self.start_tasks(connector, &started.plugin, started.tasks, &started.config);
                if paused {
                    started.instance.stop(&connector.name, self.grace()).await;
                } else {
                    connector.instance = Some(started.instance);
                }
            }
            Err(error) => {
                tracing::error!(connector = %connector.name, %error, "connector failed to start");
                // It is tried again when it is resumed.
                if !paused {
                    connector.trace = Some(error.trace());
                }
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
        self.starts.give_up(name);
        let _changing = self.locks.lock(name).await?;
        if let Some(cluster) = &self.cluster {
            return self.delete_in(cluster, name).await;
        }
        if !self.lock().contains_key(name) {
            return Err(HerderError::not_found(format!("Connector {name} not found")));
        }
        if let Some(store) = &self.store {
            store.delete(name).await?;
        }
        let removed = self.lock().remove(name);
        if let Some(mut connector) = removed {
            self.halt(name, connector.take_parts()).await;
        }
        Ok(())
    }

    fn unknown(name: &str) -> HerderError {
        HerderError::not_found(format!("Unknown connector {name}"))
    }

    /// Notes what the user wants of a connector that is there.
    async fn store_target(&self, name: &str, target: TargetState) -> Result<(), HerderError> {
        if !self.lock().contains_key(name) {
            return Err(Self::unknown(name));
        }
        match &self.store {
            Some(store) => Ok(store.set_target(name, target).await?),
            None => Ok(()),
        }
    }

    /// Keeps the tasks but moves nothing. The instance is stopped, as in Kafka Connect.
    pub async fn pause(&self, name: &str) -> Result<(), HerderError> {
        let _changing = self.locks.lock(name).await?;
        if let Some(cluster) = &self.cluster {
            return self.target_in(cluster, name, TargetState::Paused).await;
        }
        self.store_target(name, TargetState::Paused).await?;
        let instance = {
            let mut connectors = self.lock();
            let connector = connectors.get_mut(name).ok_or_else(|| Self::unknown(name))?;
            connector.set_target(TargetState::Paused);
            // One that has failed stays so until it is restarted or stopped.
            if connector.trace.is_some() { None } else { connector.instance.take() }
        };
        if let Some(instance) = instance {
            instance.stop(name, self.grace()).await;
        }
        Ok(())
    }

    /// Goes on: the instance is started again, and tasks that there are none of, or of another
    /// configuration, are made.
    pub async fn resume(&self, name: &str) -> Result<(), HerderError> {
        let _changing = self.locks.lock(name).await?;
        if let Some(cluster) = &self.cluster {
            return self.target_in(cluster, name, TargetState::Started).await;
        }
        self.store_target(name, TargetState::Started).await?;
        let idle = {
            let mut connectors = self.lock();
            let connector = connectors.get_mut(name).ok_or_else(|| Self::unknown(name))?;
            connector.set_target(TargetState::Started);
            connector.trace.is_none() && connector.instance.is_none()
        };
        // A connector that cannot start has its answer in its state.
        if idle && let Err(error) = self.start_again(name).await {
            tracing::error!(connector = name, %error, "connector failed to start");
        }
        Ok(())
    }

    /// Ends all tasks; the connector and its offsets stay.
    pub async fn stop(&self, name: &str) -> Result<(), HerderError> {
        self.starts.give_up(name);
        let _changing = self.locks.lock(name).await?;
        if let Some(cluster) = &self.cluster {
            return self.target_in(cluster, name, TargetState::Stopped).await;
        }
        self.store_target(name, TargetState::Stopped).await?;
        let parts = {
            let mut connectors = self.lock();
            let connector = connectors.get_mut(name).ok_or_else(|| Self::unknown(name))?;
            connector.target = TargetState::Stopped;
            connector.trace = None;
            connector.task_configs = TaskConfigs::default();
            connector.take_parts()
        };
        self.halt(name, parts).await;
        Ok(())
    }

    /// Stops everything of a connector and starts it anew, as its target state says.
    pub(super) async fn relaunch(&self, name: &str) -> Result<(), HerderError> {
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
            fresh.masked.clone_from(&old.masked);
            fresh
        };
        let mut fresh = fresh;
        self.launch(&mut fresh).await;
        self.lock().insert(name.to_owned(), fresh);
        Ok(())
    }

    /// Starts the instance of a connector that has none, and its tasks anew where their
    /// configurations have changed. The error is the connector's state too.
    pub(super) async fn start_again(&self, name: &str) -> gantry_api::Result<()> {
        let config = {
            let mut connectors = self.lock();
            let Some(connector) = connectors.get_mut(name) else { return Ok(()) };
            connector.launched = true;
            connector.config.clone()
        };
        let started = self.starts.run(name, self.start_instance(name, &config)).await;
        match started.unwrap_or_else(|| Err(given_up())) {
            Ok(started) => {
                self.watch(name, &started);
                // Its class may be another since plugins were looked for again.
                let masked = self.masked_keys(Some(&started.plugin), &config);
                if let Some(connector) = self.lock().get_mut(name) {
                    connector.plugin = Some(started.plugin.clone());
                    connector.masked = masked;
                    connector.instance = Some(started.instance);
                }
                self.replace_tasks(name, &started.plugin, started.tasks, &started.config).await;
                Ok(())
            }
            Err(error) => {
                if let Some(connector) = self.lock().get_mut(name) {
                    connector.trace = Some(error.trace());
                }
                Err(error)
            }
        }
    }

    /// Starts the tasks anew if their configurations are others than those they have.
    async fn replace_tasks(
        &self,
        name: &str,
        plugin: &ConnectorPlugin,
        tasks: Vec<TaskProps>,
        common: &Arc<ConnectorConfig>,
    ) {
        let old = {
            let mut connectors = self.lock();
            let Some(connector) = connectors.get_mut(name) else { return };
            if connector.task_configs.are(&tasks) {
                return;
            }
            std::mem::take(&mut connector.tasks)
        };
        self.stop_tasks(old).await;
        if let Some(connector) = self.lock().get_mut(name) {
            self.start_tasks(connector, plugin, tasks, common);
        }
    }

    /// Asks the connector for its task configurations again and starts the tasks anew if they
    /// have changed.
    pub(super) async fn reconfigure(&self, name: &str) {
        // Refused only once the worker stops.
        let Ok(_changing) = self.locks.lock(name).await else { return };
        let (mut instance, config, plugin) = {
            let mut connectors = self.lock();
            let Some(connector) = connectors.get_mut(name) else { return };
            if connector.trace.is_some() {
                return;
            }
            let Some(plugin) = connector.plugin.clone() else { return };
            let Some(instance) = connector.instance.take() else { return };
            (instance, connector.config.clone(), plugin)
        };
        let asked = self.ask_again(&mut instance, &config, &plugin).await;
        if let Some(connector) = self.lock().get_mut(name) {
            connector.instance = Some(instance);
            if let Err(error) = &asked {
                tracing::error!(connector = name, %error, "could not reconfigure the tasks");
                connector.trace = Some(error.trace());
            }
        }
        if let Ok((tasks, common)) = asked {
            self.replace_tasks(name, &plugin, tasks, &common).await;
        }
    }

    /// A connector has said that it cannot go on. `cancel` is that of the instance that said so.
    pub(super) async fn connector_failed(
        &self,
        name: &str,
        cancel: &CancellationToken,
        error: &Error,
    ) {
        // Refused only once the worker stops.
        let Ok(_changing) = self.locks.lock(name).await else { return };
        // Stopped meanwhile: its failure is no longer the connector's.
        if cancel.is_cancelled() {
            return;
        }
        tracing::error!(connector = name, %error, "connector has failed");
        if let Some(connector) = self.lock().get_mut(name) {
            connector.trace.get_or_insert_with(|| error.trace());
        }
    }

    /// Stops all connectors: what they have moved is flushed and committed.
    pub async fn shutdown(&self) {
        self.starts.give_all_up();
        // A change that hangs must not keep the others from committing what they have moved.
        let closed = tokio::time::timeout(self.grace(), self.locks.close()).await;
        if closed.is_err() {
            tracing::warn!("a connector is still being changed; the others stop meanwhile");
        }
        if let Some(cluster) = &self.cluster {
            let flush = Duration::from_millis(self.worker.offset_flush_timeout_ms);
            cluster.leave(self.grace() + flush).await;
        }
        let connectors = std::mem::take(&mut *self.lock());
        futures_util::future::join_all(connectors.into_iter().map(
            |(name, mut connector)| async move {
                self.halt(&name, connector.take_parts()).await;
            },
        ))
        .await;
    }

    /// Whether a connector that is alone with its worker has failed to start.
    pub fn has_failed_to_start(&self, name: &str) -> bool {
        let alone = self.cluster.is_none() && self.store.is_none();
        // What the worker itself cannot use fails behind the start, as in Kafka Connect.
        let usable = |connector: &RunningConnector| {
            let is_source = connector.plugin.as_ref().is_some_and(ConnectorPlugin::is_source);
            ConnectorConfig::parse(&connector.config, is_source, &self.worker).is_ok()
        };
        let failed = |connector: &RunningConnector| connector.trace.is_some() && usable(connector);
        alone && self.lock().get(name).is_some_and(failed)
    }
}

fn given_up() -> Error {
    Error::connect("The connector was stopped before it had started")
}
