//! The keys that every connector has: their definitions, and their parsed form.

mod definitions;
mod parsed;
mod retired;

pub(crate) use definitions::{
    TopicCreation, common_definition, sink_definition, source_definition,
};
pub use parsed::converter_props;
pub(crate) use parsed::{ConnectorConfig, TransactionBoundary, stage_props, stages};
pub use retired::retired_keys;

/// `name`
pub(crate) const NAME: &str = "name";
/// `connector.class`
pub(crate) const CONNECTOR_CLASS: &str = "connector.class";
/// `connector.plugin.version`
pub(crate) const CONNECTOR_VERSION: &str = "connector.plugin.version";
/// `tasks.max`
pub(crate) const TASKS_MAX: &str = "tasks.max";
/// `task.class`
pub(crate) const TASK_CLASS: &str = "task.class";
/// `key.converter`
pub(crate) const KEY_CONVERTER: &str = "key.converter";
/// `value.converter`
pub(crate) const VALUE_CONVERTER: &str = "value.converter";
/// `header.converter`
pub(crate) const HEADER_CONVERTER: &str = "header.converter";
/// The keys of converters.
pub(crate) const CONVERTERS: [&str; 3] = [KEY_CONVERTER, VALUE_CONVERTER, HEADER_CONVERTER];
/// `transforms`
pub(crate) const TRANSFORMS: &str = "transforms";
/// `predicates`
pub(crate) const PREDICATES: &str = "predicates";
/// `topics`
pub(crate) const TOPICS: &str = "topics";
/// `topics.regex`
pub(crate) const TOPICS_REGEX: &str = "topics.regex";
/// `errors.deadletterqueue.topic.name`
pub(crate) const DLQ_TOPIC: &str = "errors.deadletterqueue.topic.name";
/// `gantry.restart.max`
pub(crate) const RESTART_MAX: &str = "gantry.restart.max";
/// `gantry.restart.backoff.ms`
pub(crate) const RESTART_BACKOFF: &str = "gantry.restart.backoff.ms";
/// `gantry.restart.backoff.max.ms`
pub(crate) const RESTART_BACKOFF_MAX: &str = "gantry.restart.backoff.max.ms";

/// `gantry.task.isolation`
pub(crate) const TASK_ISOLATION: &str = "gantry.task.isolation";
/// `gantry.jvm.options`
pub(crate) const JVM_OPTIONS: &str = "gantry.jvm.options";
/// `gantry.tasks.auto`
pub(crate) const TASKS_AUTO: &str = "gantry.tasks.auto";
/// `gantry.tasks.auto.interval.ms`
pub(crate) const TASKS_AUTO_INTERVAL: &str = "gantry.tasks.auto.interval.ms";

/// The key that names the version of a converter.
pub(crate) fn version_key_of(converter: &str) -> String {
    format!("{converter}.plugin.version")
}
