//! Changes of MySQL and MariaDB, by their binary logs.
#![allow(dead_code, unused_imports, reason = "unfinished")]

mod binlog;
mod ddl;
mod values;

use super::patterns::Patterns;
use gantry_api::ConnectorPlugin;

pub(super) fn plugins() -> Vec<ConnectorPlugin> {
    Vec::new()
}
