//! `connect.topicname` of sources and `connect.topicnames` of sinks.

use gantry_api::PluginRegistry;

use super::{CONNECTOR_CLASS, TRANSFORMS, names};
use crate::rocketmq_connect::translation::Translation;

const OF_SOURCE: &str = "connect.topicname";
const OF_SINK: &str = "connect.topicnames";

/// Its connectors name topics themselves.
const REPLICATOR: &str = "org.apache.rocketmq.replicator.";

/// Kafka's keys.
const TOPIC: &str = "topic";
const TOPICS: &str = "topics";

/// The transformation that sends all records of a source to one topic.
const ROUTER: &str = "org.apache.kafka.connect.transforms.RegexRouter";
const ROUTER_NAME: &str = "ConnectTopic";

/// Which way a connector moves records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Into topics.
    Source,
    /// Out of topics.
    Sink,
}

/// Which kind a connector is: its plugin says so; for a class that is not there, the adapter
/// that it came in or its keys.
pub(super) fn kind(
    translation: &Translation,
    plugins: &PluginRegistry,
    adapter: Option<Kind>,
) -> Kind {
    let class = translation.get(CONNECTOR_CLASS).unwrap_or_default();
    match (plugins.find_connector(class), adapter) {
        (Some(plugin), _) if plugin.is_source() => Kind::Source,
        (Some(_), _) => Kind::Sink,
        (None, Some(kind)) => kind,
        (None, None) if translation.config.contains_key(OF_SINK) => Kind::Sink,
        (None, None) => Kind::Source,
    }
}

/// Puts the topics where the connector looks for them.
pub(super) fn translate(
    translation: &mut Translation,
    plugins: &PluginRegistry,
    kind: Kind,
) -> Result<(), String> {
    match kind {
        Kind::Source => {
            translation.leave_out(OF_SINK, "a source writes to connect.topicname");
            let class = translation.get(CONNECTOR_CLASS).unwrap_or_default();
            if class.starts_with(REPLICATOR) {
                let why = "the replicator writes to dest.topic, or to topics of the same names";
                translation.leave_out(OF_SOURCE, why);
            }
            if has_topic(translation, plugins) {
                translation.rename(OF_SOURCE, TOPIC, |topic| Ok(topic.to_owned()))
            } else {
                route(translation);
                Ok(())
            }
        }
        Kind::Sink => {
            if translation.config.contains_key(OF_SINK) {
                translation.leave_out(OF_SOURCE, "a sink reads connect.topicnames");
            }
            let list = |topics: &str| Ok(names(Some(&topics.replace(';', ","))).join(","));
            translation.rename(OF_SINK, TOPICS, list)?;
            translation.rename(OF_SOURCE, TOPICS, list)
        }
    }
}

/// Whether the source has a key for its topic. One that is not there is taken to have it.
fn has_topic(translation: &Translation, plugins: &PluginRegistry) -> bool {
    let class = translation.get(CONNECTOR_CLASS).unwrap_or_default();
    plugins.find_connector(class).is_none_or(|plugin| plugin.info.config_def().key(TOPIC).is_some())
}

/// A source that names topics itself: a last transformation gives all its records the one topic.
fn route(translation: &mut Translation) {
    let Some(topic) = translation.config.remove(OF_SOURCE) else { return };
    let mut stages = names(translation.get(TRANSFORMS));
    let mut name = ROUTER_NAME.to_owned();
    while stages.contains(&name) {
        name.push('_');
    }
    let literal = topic.trim().replace('\\', r"\\").replace('$', r"\$");
    let settings = [("type", ROUTER), ("regex", ".*"), ("replacement", &literal)];
    for (setting, value) in settings {
        translation.config.insert(format!("{TRANSFORMS}.{name}.{setting}"), value.to_owned());
    }
    stages.push(name);
    translation.config.insert(TRANSFORMS.to_owned(), stages.join(","));
    translation.mapped.push(format!("{OF_SOURCE} as a RegexRouter to that topic"));
}
