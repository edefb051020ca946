//! JDBC source and sink: tables of MySQL, MariaDB, PostgreSQL and SQLite, under the class names and keys
//! of Confluent's and Aiven's connectors; see this folder's README.

pub(crate) mod db;
mod keys;
mod sink;
mod source;
mod zone;

use gantry_api::{ConnectorPlugin, PluginInfo};

/// Whose keys and defaults a connector has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    Confluent,
    Aiven,
}

/// All connectors of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    use Flavour::{Aiven, Confluent};
    vec![
        ConnectorPlugin::source(
            PluginInfo::new(
                "io.confluent.connect.jdbc.JdbcSourceConnector",
                "Connector",
                source::confluent,
            ),
            || source::JdbcSource::new(Confluent),
            || source::JdbcSourceTask::new(Confluent),
        ),
        ConnectorPlugin::source(
            PluginInfo::new(
                "io.aiven.connect.jdbc.JdbcSourceConnector",
                "Connector",
                source::aiven,
            ),
            || source::JdbcSource::new(Aiven),
            || source::JdbcSourceTask::new(Aiven),
        ),
        ConnectorPlugin::sink(
            PluginInfo::new(
                "io.confluent.connect.jdbc.JdbcSinkConnector",
                "Connector",
                sink::confluent,
            ),
            || sink::JdbcSink::new(Confluent),
            || sink::JdbcSinkTask::new(Confluent),
        ),
        ConnectorPlugin::sink(
            PluginInfo::new("io.aiven.connect.jdbc.JdbcSinkConnector", "Connector", sink::aiven),
            || sink::JdbcSink::new(Aiven),
            || sink::JdbcSinkTask::new(Aiven),
        ),
    ]
}
