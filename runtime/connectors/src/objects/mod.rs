//! Object store sinks: records as files in buckets of S3, or in a directory, under the class names and keys of
//! Confluent's and Aiven's connectors; see this folder's README.

mod aiven;
mod compatibility;
mod confluent;
mod connector;
mod format;
mod own;
mod partition;
mod places;
mod store;
#[cfg(test)]
mod tests;

use gantry_api::{ConnectorPlugin, PluginInfo};

use connector::ObjectSink;

/// The class name of Confluent's sink.
pub const CONFLUENT_CLASS: &str = "io.confluent.connect.s3.S3SinkConnector";

/// The class name of Aiven's sink.
pub const AIVEN_CLASS: &str = "io.aiven.kafka.connect.s3.AivenKafkaConnectS3SinkConnector";

/// Whose keys, defaults and behaviour a connector has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    Confluent,
    Aiven,
}

/// All connectors of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    use Flavour::{Aiven, Confluent};
    vec![
        ConnectorPlugin::sink(
            PluginInfo::new(CONFLUENT_CLASS, "Connector", confluent::definition),
            || ObjectSink::new(Confluent),
            confluent::ConfluentTask::default,
        ),
        ConnectorPlugin::sink(
            PluginInfo::new(AIVEN_CLASS, "Connector", aiven::definition),
            || ObjectSink::new(Aiven),
            aiven::AivenTask::default,
        ),
    ]
}
