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
use task::FilesTask;

/// The package of Java's classes.
const JAVA: &str = "com.github.jcustenborder.kafka.connect.spooldir.";
/// The package of those that Java has not.
const OWN: &str = "org.gantry.connect.spooldir.";

/// All connectors of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    macro_rules! source {
        ($package:expr, $name:literal, $kind:expr, $definition:path) => {
            ConnectorPlugin::source(
                PluginInfo::new(&format!("{}{}", $package, $name), "Connector", $definition),
                || SpoolDirSource::new($kind),
                || FilesTask::new($kind),
            )
        };
    }
    vec![
        source!(JAVA, "SpoolDirCsvSourceConnector", Kind::Csv, keys::csv),
        source!(JAVA, "SpoolDirJsonSourceConnector", Kind::Json, keys::json),
        source!(JAVA, "SpoolDirLineDelimitedSourceConnector", Kind::Line, keys::text),
        source!(JAVA, "SpoolDirSchemaLessJsonSourceConnector", Kind::SchemalessJson, keys::text),
        source!(JAVA, "SpoolDirAvroSourceConnector", Kind::Avro, keys::bytes),
        source!(OWN, "SpoolDirParquetSourceConnector", Kind::Parquet, keys::bytes),
        source!(JAVA, "SpoolDirBinaryFileSourceConnector", Kind::Binary, keys::bytes),
    ]
}
