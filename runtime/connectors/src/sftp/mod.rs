//! Sources that read the files of a directory of an SFTP server and take them away: under the class names and
//! keys of Confluent's kafka-connect-sftp, with what reads local directories; see this folder's README.

mod config;
mod connector;
mod file;
mod keys;
mod link;
mod place;
mod session;
mod task;
#[cfg(test)]
mod tests;
mod wire;

use gantry_api::{ConnectorPlugin, PluginInfo};

use crate::spooldir::config::Kind;
use crate::spooldir::task::FilesTask;
use connector::SftpSource;
use task::Directory;

/// All connectors of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    macro_rules! source {
        ($name:literal, $kind:expr, $definition:path) => {
            ConnectorPlugin::source(
                PluginInfo::new(
                    concat!("io.confluent.connect.sftp.", $name),
                    "Connector",
                    $definition,
                ),
                || SftpSource::new($kind),
                || FilesTask::new(Directory($kind)),
            )
        };
    }
    vec![
        source!("SftpCsvSourceConnector", Some(Kind::Csv), keys::csv),
        source!("SftpJsonSourceConnector", Some(Kind::Json), keys::json),
        source!("SftpSchemaLessJsonSourceConnector", Some(Kind::SchemalessJson), keys::text),
        source!("SftpBinaryFileSourceConnector", Some(Kind::Binary), keys::bytes),
        source!("SftpGenericSourceConnector", None, keys::generic),
    ]
}
