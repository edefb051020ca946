//! Elasticsearch and OpenSearch sink: records as documents, under the class names and keys of Confluent's
//! connector and of Aiven's two; see this folder's README.

mod action;
mod admin;
mod aiven;
mod answer;
mod bulk;
mod cluster;
mod config;
mod confluent;
mod connector;
mod document;
mod index;
mod job;
mod keys;
mod ledger;
mod mapping;
mod opensearch;
mod task;

#[cfg(test)]
mod tests;

use gantry_api::{ConnectorPlugin, PluginInfo};

pub use connector::ElasticsearchSink;
pub use task::ElasticsearchSinkTask;

/// The class name of Confluent's sink.
pub const CONFLUENT_CLASS: &str = "io.confluent.connect.elasticsearch.ElasticsearchSinkConnector";
/// The class name of Aiven's sink for Elasticsearch.
pub const AIVEN_CLASS: &str = "io.aiven.connect.elasticsearch.ElasticsearchSinkConnector";
/// The class name of Aiven's sink for OpenSearch up to version 3.
pub const OPENSEARCH_CLASS: &str = "io.aiven.kafka.connect.opensearch.OpensearchSinkConnector";
/// The class name of Aiven's sink for OpenSearch since version 4.
pub const OPENSEARCH_4_CLASS: &str = "io.aiven.kafka.connect.opensearch.OpenSearchSinkConnector";

/// Whose keys, defaults and behaviour a connector has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Confluent's.
    Confluent,
    /// Aiven's for Elasticsearch.
    Aiven,
    /// Aiven's for OpenSearch.
    OpenSearch,
}

/// All connectors of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    use Flavour::{Aiven, Confluent, OpenSearch};
    let opensearch = |class| {
        ConnectorPlugin::sink(
            PluginInfo::new(class, "Connector", opensearch::definition),
            || ElasticsearchSink::new(OpenSearch),
            || ElasticsearchSinkTask::new(OpenSearch),
        )
    };
    vec![
        ConnectorPlugin::sink(
            PluginInfo::new(CONFLUENT_CLASS, "Connector", confluent::definition),
            || ElasticsearchSink::new(Confluent),
            || ElasticsearchSinkTask::new(Confluent),
        ),
        ConnectorPlugin::sink(
            PluginInfo::new(AIVEN_CLASS, "Connector", aiven::definition),
            || ElasticsearchSink::new(Aiven),
            || ElasticsearchSinkTask::new(Aiven),
        ),
        opensearch(OPENSEARCH_CLASS),
        opensearch(OPENSEARCH_4_CLASS),
    ]
}
