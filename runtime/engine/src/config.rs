//! What the engine needs of the worker's configuration. The gateway reads the worker file.

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_api::{ConfigProvider, Props};

use crate::validation::ClientOverrides;

/// When a failed task is started again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// How often in a row; 0 is Kafka Connect's way: never.
    pub max_restarts: u32,
    /// The wait before the first, doubled for each further one.
    pub backoff_ms: u64,
    /// The longest wait.
    pub backoff_max_ms: u64,
}

/// The worker's settings, defaults of connectors among them.
#[derive(Clone)]
pub struct WorkerConfig {
    /// `host:port` of its REST API: how states name the worker.
    pub worker_id: String,
    /// All properties of the worker file: the defaults of `key.converter` and the like, with
    /// their `key.converter.*` settings, are read from here.
    pub props: Props,
    /// `offset.flush.interval.ms`
    pub offset_flush_interval_ms: u64,
    /// `offset.flush.timeout.ms`
    pub offset_flush_timeout_ms: u64,
    /// `task.shutdown.graceful.timeout.ms`
    pub task_shutdown_graceful_timeout_ms: u64,
    /// `topic.creation.enable`
    pub topic_creation_enable: bool,
    /// `topic.tracking.enable`
    pub topic_tracking_enable: bool,
    /// `topic.tracking.allow.reset`
    pub topic_tracking_allow_reset: bool,
    /// `offset.storage.topic`
    pub offset_storage_topic: String,
    /// `config.storage.topic`: where connectors outlive the process, in distributed mode.
    /// `None` keeps them in memory, as Kafka Connect's standalone mode does.
    pub config_storage_topic: Option<String>,
    /// `status.storage.topic`: where the workers of a cluster say what their units are doing.
    /// `None` where there is no cluster.
    pub status_storage_topic: Option<String>,
    /// `gantry.schema.registry.topic`: where the schema registry of the worker keeps its schemas.
    /// `None` where there is none.
    pub schema_registry_topic: Option<String>,
    /// Queues of a topic that a source creates without saying how many.
    pub default_topic_queues: u32,
    /// `exactly.once.source.support=enabled`: source connectors may require it.
    pub exactly_once_source: bool,
    /// Settings of Kafka's clients that connectors may bring.
    pub client_overrides: ClientOverrides,
    /// Restart of failed tasks for connectors that do not say (`gantry.restart.*`).
    pub restart: RestartPolicy,
    /// Whether secrets of connectors are shown as a mask (`gantry.rest.mask.secrets`).
    pub mask_secrets: bool,
    /// Bytes that one task may have in flight (`gantry.task.buffer.bytes`).
    pub task_buffer_bytes: usize,
    /// The configured `config.providers` by name.
    pub config_providers: BTreeMap<String, Arc<dyn ConfigProvider>>,
}

impl WorkerConfig {
    /// The defaults, under a worker id.
    pub fn new(worker_id: &str) -> Self {
        Self {
            worker_id: worker_id.to_owned(),
            props: Props::new(),
            offset_flush_interval_ms: 60_000,
            offset_flush_timeout_ms: 5_000,
            task_shutdown_graceful_timeout_ms: 5_000,
            topic_creation_enable: true,
            topic_tracking_enable: true,
            topic_tracking_allow_reset: true,
            offset_storage_topic: "connect-offsets".to_owned(),
            config_storage_topic: None,
            status_storage_topic: None,
            schema_registry_topic: None,
            default_topic_queues: 1,
            exactly_once_source: false,
            client_overrides: ClientOverrides::default(),
            restart: RestartPolicy { max_restarts: 0, backoff_ms: 1_000, backoff_max_ms: 60_000 },
            mask_secrets: false,
            task_buffer_bytes: 16 << 20,
            config_providers: BTreeMap::new(),
        }
    }
}

impl WorkerConfig {
    /// The key by which a topic is one in which the worker keeps its own state. No connector
    /// writes there, and a sink that read there would be given what its own commits wrote.
    pub(crate) fn own_topic(&self, topic: &str) -> Option<&'static str> {
        if topic == self.offset_storage_topic {
            return Some("offset.storage.topic");
        }
        if self.status_storage_topic.as_deref() == Some(topic) {
            return Some("status.storage.topic");
        }
        if self.schema_registry_topic.as_deref() == Some(topic) {
            return Some("gantry.schema.registry.topic");
        }
        (self.config_storage_topic.as_deref() == Some(topic)).then_some("config.storage.topic")
    }
}

impl std::fmt::Debug for WorkerConfig {
    /// Without properties: they may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WorkerConfig({})", self.worker_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_of_the_workers_own_are_known_by_their_keys() {
        let topic = |name: &str| Some(name.to_owned());
        let worker = WorkerConfig {
            status_storage_topic: topic("s"),
            schema_registry_topic: topic("_schemas"),
            config_storage_topic: topic("c"),
            ..WorkerConfig::new("w")
        };
        for (name, key) in [
            ("connect-offsets", Some("offset.storage.topic")),
            ("s", Some("status.storage.topic")),
            ("_schemas", Some("gantry.schema.registry.topic")),
            ("c", Some("config.storage.topic")),
            ("orders", None),
        ] {
            assert_eq!(worker.own_topic(name), key, "{name}");
        }
        assert_eq!(WorkerConfig::new("w").own_topic("_schemas"), None);
    }
}
