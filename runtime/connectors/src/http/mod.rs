//! HTTP sink: records as requests to a web service, under the class names and keys of Confluent's
//! and Aiven's connectors; HTTP source, under castorm's. See this folder's README.

mod aiven;
mod batch;
mod body;
mod config;
mod confluent;
mod connector;
mod keys;
mod limit;
mod oauth2;
mod own;
mod report;
mod request;
mod send;
mod sign;
mod source;
mod status;
mod task;
mod template;
mod tls;

#[cfg(test)]
mod tests;

use gantry_api::{ConnectorPlugin, PluginInfo};

pub use connector::HttpSink;
pub use source::{HttpSource, HttpSourceTask};
pub use task::HttpSinkTask;

/// The class name of Confluent's sink.
pub const CONFLUENT_CLASS: &str = "io.confluent.connect.http.HttpSinkConnector";
/// The class name of Aiven's sink.
pub const AIVEN_CLASS: &str = "io.aiven.kafka.connect.http.HttpSinkConnector";

/// The class name of castorm's source.
pub const SOURCE_CLASS: &str = "com.github.castorm.kafka.connect.http.HttpSourceConnector";

/// Whose keys, defaults and behaviour a connector has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Confluent's.
    Confluent,
    /// Aiven's.
    Aiven,
}

/// All connectors of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    use Flavour::{Aiven, Confluent};
    vec![
        ConnectorPlugin::sink(
            PluginInfo::new(CONFLUENT_CLASS, "Connector", confluent::definition),
            || HttpSink::new(Confluent),
            || HttpSinkTask::new(Confluent),
        ),
        ConnectorPlugin::sink(
            PluginInfo::new(AIVEN_CLASS, "Connector", aiven::definition),
            || HttpSink::new(Aiven),
            || HttpSinkTask::new(Aiven),
        ),
        ConnectorPlugin::source(
            PluginInfo::new(SOURCE_CLASS, "Connector", source::definition),
            HttpSource::default,
            HttpSourceTask::default,
        ),
    ]
}
