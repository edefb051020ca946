//! One connector as the herder holds it.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use gantry_api::{
    CancellationToken, Connector, ConnectorContext, ConnectorPlugin, ConnectorRequest,
    ConnectorRequests, Error, Props, Result,
};

use super::Herder;
use super::scaling::TaskCount;
use super::task_props::{TaskConfigs, TaskProps};
use crate::connector_config::{CONNECTOR_CLASS, ConnectorConfig, TASK_CLASS, TASKS_MAX};
use crate::entities::{ConnectorState, TargetState, TaskId, UnitState};
use crate::metrics::TaskMetrics;
use crate::offsets::TaskOffsets;
use crate::providers;
use crate::secrets::mask;
use crate::task::{ActiveTopicSet, QueueOwners, TaskHandle, TaskSetup};

/// The longest that one call of a connector may take.
const CALL_LIMIT: Duration = Duration::from_secs(90);
/// Tasks that one connector may have.
const TASKS_MAX_LIMIT: u32 = 10_000;

/// A connector with its configuration, instance and tasks.
pub(super) struct RunningConnector {
    pub(super) name: String,
    /// As the user gave it, with `name`.
    pub(super) config: Props,
    /// Keys of secrets that are shown as a mask.
    pub(super) masked: BTreeSet<String>,
    /// `None`: its class is not there.
    pub(super) plugin: Option<ConnectorPlugin>,
    pub(super) target: TargetState,
    /// Whether it was started, or has failed to; before that it is UNASSIGNED.
    pub(super) launched: bool,
    /// Why the connector itself failed.
    pub(super) trace: Option<String>,
    /// The instance, when it is started.
    pub(super) instance: Option<Instance>,
    pub(super) task_configs: TaskConfigs,
    pub(super) tasks: Vec<TaskHandle>,
    /// Counters by task number, kept when tasks are started again.
    pub(super) metrics: Vec<Arc<TaskMetrics>>,
    pub(super) active_topics: Arc<ActiveTopicSet>,
    /// Which task has which queue, for a sink.
    pub(super) queues: Arc<QueueOwners>,
}

/// What runs of a connector.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) tasks: Vec<TaskHandle>,
    pub(super) instance: Option<Instance>,
}

/// What a connector keeps when its configuration changes.
#[derive(Default)]
pub(super) struct Kept {
    active_topics: Arc<ActiveTopicSet>,
    metrics: Vec<Arc<TaskMetrics>>,
    queues: Arc<QueueOwners>,
    task_configs: TaskConfigs,
    tasks: Vec<TaskHandle>,
}

impl Kept {
    /// Of a connector whose `parts` were taken. Paused tasks wait with the configuration they
    /// have until they are resumed, as in Kafka Connect; those of another class cannot.
    pub(super) fn of(old: &RunningConnector, parts: &mut Parts, plugin: &ConnectorPlugin) -> Self {
        let class = old.plugin.as_ref().map(|plugin| &plugin.info.class);
        let waits = old.target == TargetState::Paused && class == Some(&plugin.info.class);
        Self {
            active_topics: Arc::clone(&old.active_topics),
            metrics: old.metrics.clone(),
            queues: Arc::clone(&old.queues),
            task_configs: if waits { old.task_configs.clone() } else { TaskConfigs::default() },
            tasks: if waits { std::mem::take(&mut parts.tasks) } else { Vec::new() },
        }
    }

    pub(super) fn give_to(self, connector: &mut RunningConnector) {
        connector.active_topics = self.active_topics;
        connector.metrics = self.metrics;
        connector.queues = self.queues;
        connector.task_configs = self.task_configs;
        connector.tasks = self.tasks;
    }
}

/// A started instance of a connector. Dropping it fires its token.
pub(crate) struct Instance {
    pub(super) connector: Box<dyn Connector>,
    cancel: CancellationToken,
    /// How many tasks it is asked for, if not for `tasks.max`.
    count: Option<TaskCount>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Instance {
    pub(crate) async fn stop(mut self, name: &str, limit: Duration) {
        self.cancel.cancel();
        let stop = AssertUnwindSafe(self.connector.stop()).catch_unwind();
        match tokio::time::timeout(limit, stop).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Err(_)) => tracing::error!(connector = name, "connector panicked while it stopped"),
            Ok(Ok(Err(error))) => {
                tracing::error!(connector = name, %error, "connector did not stop cleanly")
            }
            Err(_) => {
                tracing::error!(connector = name, "connector did not stop in time; abandoned")
            }
        }
    }
}

impl RunningConnector {
    pub(super) fn new(
        name: &str,
        config: Props,
        plugin: Option<ConnectorPlugin>,
        target: TargetState,
        active_topics: Arc<ActiveTopicSet>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            config,
            masked: BTreeSet::new(),
            plugin,
            target,
            launched: false,
            trace: None,
            instance: None,
            task_configs: TaskConfigs::default(),
            tasks: Vec::new(),
            metrics: Vec::new(),
            active_topics,
            queues: Arc::default(),
        }
    }

    /// The configuration as it may be shown.
    pub(super) fn shown(&self) -> Props {
        mask(&self.config, &self.masked)
    }

    /// Sets what the connector and its tasks shall do.
    pub(super) fn set_target(&mut self, target: TargetState) {
        self.target = target;
        for task in &self.tasks {
            task.set_target(target);
        }
    }

    /// Takes what runs, to be stopped.
    pub(super) fn take_parts(&mut self) -> Parts {
        Parts { tasks: std::mem::take(&mut self.tasks), instance: self.instance.take() }
    }

    pub(super) fn state(&self) -> UnitState {
        match (&self.trace, self.target) {
            (Some(_), _) => UnitState::Failed,
            (None, TargetState::Started) if !self.launched => UnitState::Unassigned,
            (None, TargetState::Started) => UnitState::Running,
            (None, TargetState::Paused) => UnitState::Paused,
            (None, TargetState::Stopped) => UnitState::Stopped,
        }
    }

    pub(super) fn describe(&self, worker_id: &str) -> ConnectorState {
        ConnectorState {
            state: self.state(),
            worker_id: worker_id.to_owned(),
            trace: self.trace.clone(),
            version: self.plugin.as_ref().map(|plugin| plugin.info.version.to_string()),
        }
    }

    pub(super) fn type_name(&self) -> &'static str {
        self.plugin.as_ref().map_or("unknown", ConnectorPlugin::type_name)
    }

    pub(super) fn is_source(&self) -> bool {
        self.plugin.as_ref().is_some_and(ConnectorPlugin::is_source)
    }

    /// The plugin's version, empty when it is not there.
    pub(super) fn version(&self) -> &str {
        self.plugin.as_ref().map_or("", |plugin| &plugin.info.version)
    }

    pub(super) fn task_ids(&self) -> Vec<TaskId> {
        (0..self.tasks.len())
            .map(|task| TaskId {
                connector: self.name.clone(),
                task: u32::try_from(task).unwrap_or(u32::MAX),
            })
            .collect()
    }
}

/// What starting a connector gave.
pub(crate) struct Started {
    pub(crate) instance: Instance,
    /// The plugin that its class stands for now.
    pub(crate) plugin: ConnectorPlugin,
    pub(crate) tasks: Vec<TaskProps>,
    pub(crate) config: Arc<ConnectorConfig>,
    /// What the instance asks for.
    pub(crate) requests: Arc<ConnectorRequests>,
}

fn tasks_max(resolved: &Props) -> u32 {
    let max = resolved.get(TASKS_MAX).map_or(Ok(1), |text| text.trim().parse::<u32>());
    max.unwrap_or(1).clamp(1, TASKS_MAX_LIMIT)
}

impl Herder {
    /// Starts an instance and asks it for the configurations of its tasks.
    pub(crate) async fn start_instance(&self, name: &str, config: &Props) -> Result<Started> {
        let plugin = self.plugin_for(config).map_err(|error| Error::connect(error.message))?;
        let resolved = self.resolve(config).await?;
        let common = ConnectorConfig::parse(&resolved, plugin.is_source(), &self.worker)?;
        let cancel = CancellationToken::new();
        let requests = Arc::new(ConnectorRequests::default());
        let context = ConnectorContext {
            name: name.into(),
            cancel: cancel.clone(),
            offsets: self.offsets.reader(name),
            requests: Arc::clone(&requests),
            isolation: common.isolation.clone(),
        };
        let config_of_tasks = Arc::new(common);
        let mut instance = Instance { connector: plugin.create()?, cancel, count: None };
        contained("start", instance.connector.start(context.clone(), &resolved)).await?;
        if !plugin.is_source() {
            let max = tasks_max(&resolved);
            instance.count = self.scale(name, &config_of_tasks, max, context).await;
        }
        let tasks = match self.task_configs(&mut instance, config, &resolved, &plugin).await {
            Ok(tasks) => tasks,
            Err(error) => {
                // It was started: what it has opened is closed.
                instance.stop(name, self.grace()).await;
                return Err(error);
            }
        };
        Ok(Started { instance, plugin, tasks, config: config_of_tasks, requests })
    }

    /// Asks a running instance for the configurations of its tasks: resolved, with the common
    /// keys.
    pub(crate) async fn ask_again(
        &self,
        instance: &mut Instance,
        config: &Props,
        plugin: &ConnectorPlugin,
    ) -> Result<(Vec<TaskProps>, Arc<ConnectorConfig>)> {
        let resolved = self.resolve(config).await?;
        let common = ConnectorConfig::parse(&resolved, plugin.is_source(), &self.worker)?;
        let tasks = self.task_configs(instance, config, &resolved, plugin).await?;
        Ok((tasks, Arc::new(common)))
    }

    async fn task_configs(
        &self,
        instance: &mut Instance,
        config: &Props,
        resolved: &Props,
        plugin: &ConnectorPlugin,
    ) -> Result<Vec<TaskProps>> {
        let max = tasks_max(resolved);
        let max = instance.count.as_ref().map_or(max, |count| count.get().min(max));
        let mut tasks = contained("task_configs", instance.connector.task_configs(max)).await?;
        if tasks.len() > max as usize {
            let enforced = resolved
                .get("tasks.max.enforce")
                .is_none_or(|text| !text.trim().eq_ignore_ascii_case("false"));
            if enforced {
                return Err(Error::connect(format!(
                    "The connector made {} tasks, which is more than the {max} that tasks.max \
                     allows: raise tasks.max, or set tasks.max.enforce=false",
                    tasks.len()
                )));
            }
            tracing::warn!(
                tasks = tasks.len(),
                max,
                "the connector made more tasks than tasks.max"
            );
        }
        for task in &mut tasks {
            let class = resolved.get(CONNECTOR_CLASS).map_or("", String::as_str);
            let full = plugin.info.class.strip_suffix("Connector").unwrap_or(class);
            // A Java connector has told it.
            task.entry(TASK_CLASS.to_owned()).or_insert_with(|| format!("{full}Task"));
            // Stages and converters are read from the task's properties.
            for (key, value) in resolved {
                task.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        Ok(tasks.into_iter().map(|task| TaskProps::new(task, config, resolved)).collect())
    }

    /// Starts the tasks of a connector; the caller has stopped older ones.
    pub(super) fn start_tasks(
        &self,
        connector: &mut RunningConnector,
        plugin: &ConnectorPlugin,
        tasks: Vec<TaskProps>,
        config: &Arc<ConnectorConfig>,
    ) {
        let count = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
        connector.metrics.resize_with(tasks.len(), Arc::default);
        connector.task_configs = TaskConfigs::of(&tasks, &connector.config);
        connector.tasks.clear();
        for (task, TaskProps { props, .. }) in (0..count).zip(tasks) {
            let setup = self.task_setup(connector, plugin, (task, count), props, config);
            connector.tasks.push(TaskHandle::start(setup));
        }
    }

    /// What a task needs to start: its number, and how many there are.
    pub(super) fn task_setup(
        &self,
        connector: &RunningConnector,
        plugin: &ConnectorPlugin,
        (task, tasks): (u32, u32),
        props: Props,
        config: &Arc<ConnectorConfig>,
    ) -> TaskSetup {
        TaskSetup {
            id: TaskId { connector: connector.name.clone(), task },
            tasks,
            config: Arc::clone(config),
            worker: Arc::clone(&self.worker),
            plugins: self.plugins_for(&props),
            props,
            plugin: plugin.clone(),
            log: Arc::clone(&self.log),
            offsets: TaskOffsets {
                store: Arc::clone(&self.offsets),
                connector: connector.name.as_str().into(),
                fence: None,
                transactions: Arc::clone(&self.transactions),
            },
            assigned: None,
            lease: None,
            active_topics: self
                .worker
                .topic_tracking_enable
                .then(|| Arc::clone(&connector.active_topics)),
            queues: Arc::clone(&connector.queues),
            target: connector.target,
            metrics: connector.metrics.get(task as usize).map(Arc::clone).unwrap_or_default(),
        }
    }

    /// Does what the connector asks for, until its instance is stopped or has failed.
    pub(super) fn watch(&self, name: &str, started: &Started) {
        let cancel = started.instance.cancel.clone();
        let requests = Arc::clone(&started.requests);
        let herder = self.me.clone();
        let name = name.to_owned();
        tokio::spawn(async move {
            loop {
                let request = tokio::select! {
                    () = cancel.cancelled() => return,
                    request = requests.next() => request,
                };
                let Some(herder) = herder.upgrade() else { return };
                match request {
                    ConnectorRequest::Reconfigure => herder.reconfigure(&name).await,
                    ConnectorRequest::Fail(error) => {
                        herder.connector_failed(&name, &cancel, &error).await;
                        return;
                    }
                }
            }
        });
    }

    /// Replaces `${provider:path:key}` by the values of the configured providers.
    pub(crate) async fn resolve(&self, config: &Props) -> Result<Props> {
        providers::resolve(config, &self.worker.config_providers).await
    }
}

/// A connector's own call: a panic becomes an error, and one that hangs is given up, so that it
/// holds up nobody else.
pub(super) async fn contained<T>(what: &str, call: impl Future<Output = Result<T>>) -> Result<T> {
    let call = AssertUnwindSafe(call).catch_unwind();
    match tokio::time::timeout(CALL_LIMIT, call).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Error::java(
            "java.lang.RuntimeException",
            format!("the connector panicked in {what}"),
        )),
        Err(_) => Err(Error::connect(format!(
            "the connector did not return from {what} within {} s",
            CALL_LIMIT.as_secs()
        ))),
    }
}
