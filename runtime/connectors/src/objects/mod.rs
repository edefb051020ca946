//! Object store sinks: records as files in buckets of S3, or in a directory, under the class names and keys of
//! Confluent's and Aiven's connectors; see this folder's README.

mod compatibility;
mod confluent;
mod connector;
mod format;
mod own;
mod partition;
mod places;
mod store;

use gantry_api::{ConnectorPlugin, PluginInfo};

use connector::ObjectSink;

/// The class name of Confluent's sink.
pub const CONFLUENT_CLASS: &str = "io.confluent.connect.s3.S3SinkConnector";

/// Whose keys, defaults and behaviour a connector has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    Confluent,
}

/// All connectors of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    vec![ConnectorPlugin::sink(
        PluginInfo::new(CONFLUENT_CLASS, "Connector", confluent::definition),
        || ObjectSink::new(Flavour::Confluent),
        confluent::ConfluentTask::default,
    )]
}
