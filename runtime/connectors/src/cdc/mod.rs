//! Change data capture: the changes of databases as records in Debezium's form, under the class names and keys of its
//! connectors; see this folder's README.

mod columns;
mod config;
mod emit;
mod findings;
mod incremental;
mod keys;
mod mysql;
mod names;
mod patterns;
mod postgres;
mod signal;
mod table;
mod times;

use gantry_api::{ConnectorPlugin, PluginInfo};

/// The release of Debezium whose records these are, as they say it themselves.
const VERSION: &str = "3.7.0.Final";

/// All connectors of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    let mut plugins = vec![ConnectorPlugin::source(
        PluginInfo::new(
            "io.debezium.connector.postgresql.PostgresConnector",
            "Connector",
            postgres::definition,
        ),
        postgres::PostgresSource::new,
        postgres::PostgresTask::new,
    )];
    plugins.extend(mysql::plugins());
    plugins
}
