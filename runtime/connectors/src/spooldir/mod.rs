//! Sources that read the files of a directory and take them away: under the class names and keys of
//! kafka-connect-spooldir; see this folder's README.

pub(crate) mod config;
pub(crate) mod connector;
pub(crate) mod fault;
mod format;
mod generate;
mod headers;
mod input;
pub(crate) mod keeper;
pub(crate) mod keys;
pub(crate) mod lines;
mod local;
pub(crate) mod offset;
pub(crate) mod place;
pub(crate) mod task;
#[cfg(test)]
mod tests;
mod value;

use gantry_api::{ConnectorPlugin, PluginInfo};

use config::Kind;
use connector::SpoolDirSource;
use task::SpoolDirTask;

/// All connectors of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    macro_rules! source {
        ($name:literal, $kind:expr, $definition:path) => {
            ConnectorPlugin::source(
                PluginInfo::new(
                    concat!("com.github.jcustenborder.kafka.connect.spooldir.", $name),
                    "Connector",
                    $definition,
                ),
                || SpoolDirSource::new($kind),
                || SpoolDirTask::new($kind),
            )
        };
    }
    vec![
        source!("SpoolDirCsvSourceConnector", Kind::Csv, keys::csv),
        source!("SpoolDirJsonSourceConnector", Kind::Json, keys::json),
        source!("SpoolDirLineDelimitedSourceConnector", Kind::Line, keys::text),
        source!("SpoolDirSchemaLessJsonSourceConnector", Kind::SchemalessJson, keys::text),
        source!("SpoolDirAvroSourceConnector", Kind::Avro, keys::bytes),
        source!("SpoolDirBinaryFileSourceConnector", Kind::Binary, keys::bytes),
    ]
}
