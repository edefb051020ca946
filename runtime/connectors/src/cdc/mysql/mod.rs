//! Changes of MySQL and MariaDB, by their binary logs.

mod binlog;
mod changes;
mod config;
mod connector;
mod ddl;
mod feed;
mod history;
mod keys;
mod position;
mod server;
mod signals;
mod snapshot;
mod source;
mod statements;
mod stream;
mod tables;
mod task;
mod values;

use gantry_api::{ConnectorPlugin, Error, PluginInfo};

use super::patterns::Patterns;
use connector::BinlogSource;
use task::BinlogTask;

/// Whose binary log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    MySql,
    MariaDb,
}

impl Flavour {
    fn is_maria(self) -> bool {
        self == Self::MariaDb
    }
    /// As records name it.
    fn name(self) -> &'static str {
        if self.is_maria() { "mariadb" } else { "mysql" }
    }
    /// As its group of keys is named.
    fn group(self) -> &'static str {
        if self.is_maria() { "MariaDB" } else { "MySQL" }
    }
}

/// How errors of positions begin that the server does not have any more.
const LOST: &str = "The connector is trying to read change stream starting at ";

/// The error of a position that the server does not have any more.
fn lost(position: &str, why: &str) -> Error {
    Error::connect(format!(
        "{LOST}{position}, but this is no longer available on the server ({why}). Reconfigure the connector to use a \
         snapshot mode when needed (snapshot.mode=when_needed), or reset its offsets (DELETE /connectors/…/offsets), to \
         begin anew with a snapshot; and let the server keep its binary logs longer (binlog_expire_logs_seconds)."
    ))
}

fn is_lost(error: &Error) -> bool {
    error.message().starts_with(LOST)
}

/// The connectors of both.
pub(super) fn plugins() -> Vec<ConnectorPlugin> {
    vec![
        ConnectorPlugin::source(
            PluginInfo::new("io.debezium.connector.mysql.MySqlConnector", "Connector", || {
                keys::definition(Flavour::MySql)
            }),
            || BinlogSource::new(Flavour::MySql),
            || BinlogTask::new(Flavour::MySql),
        ),
        ConnectorPlugin::source(
            PluginInfo::new("io.debezium.connector.mariadb.MariaDbConnector", "Connector", || {
                keys::definition(Flavour::MariaDb)
            }),
            || BinlogSource::new(Flavour::MariaDb),
            || BinlogTask::new(Flavour::MariaDb),
        ),
    ]
}
