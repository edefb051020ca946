//! The publication and the replication slot: what the server keeps for the connector.

use gantry_api::{Error, Result};

use super::super::table::TableName;
use super::catalog::{literal, quoted, sql_of};
use super::config::{AutoCreate, Config, error};
use super::wire::Wire;
use crate::jdbc::db::SqlError;

/// A position as PostgreSQL writes it.
pub(super) fn parse_lsn(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    let (high, low) = (u64::from_str_radix(high, 16).ok()?, u64::from_str_radix(low, 16).ok()?);
    Some(high << 32 | low)
}

pub(super) fn lsn_text(lsn: u64) -> String {
    format!("{:X}/{:X}", lsn >> 32, lsn & 0xffff_ffff)
}

/// A slot that is there.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) confirmed: u64,
    pub(super) restart: u64,
}

/// What making a slot gives: from where all changes come, and a name for all rows that were there before.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) lsn: u64,
    pub(super) snapshot: String,
}

/// The slot, if there is one.
pub(super) fn find(wire: &mut Wire, config: &Config) -> Result<Option<Slot>> {
    let sql = format!(
        "SELECT plugin, database, restart_lsn, confirmed_flush_lsn, wal_status FROM pg_catalog.pg_replication_slots \
         WHERE slot_name = {}",
        literal(&config.slot)
    );
    let row =
        wire.row(&sql).map_err(|cause| error("replication slots could not be read", cause))?;
    let Some(row) = row else { return Ok(None) };
    let [plugin, database, restart, confirmed, status] = row.as_slice() else { return Ok(None) };
    let slot = &config.slot;
    if plugin.as_deref() != Some("pgoutput") {
        return Err(Error::config(format!(
            "The replication slot {slot} is of the plugin {}, and only pgoutput can be read: set slot.name to \
             another name, or drop the slot (SELECT pg_drop_replication_slot('{slot}'))",
            plugin.as_deref().unwrap_or("(none: a physical slot)")
        )));
    }
    if database.as_deref() != Some(&config.access.database) {
        return Err(Error::config(format!(
            "The replication slot {slot} is of the database {}, and not of {}: set slot.name to another name",
            database.as_deref().unwrap_or_default(),
            config.access.database
        )));
    }
    if status.as_deref() == Some("lost") {
        return Err(Error::connect(format!(
            "The replication slot {slot} is lost: the server has removed log that was not read yet \
             (max_slot_wal_keep_size). Drop it (SELECT pg_drop_replication_slot('{slot}')) and take \
             snapshot.mode=when_needed, or reset the connector's offsets, to begin anew with a snapshot"
        )));
    }
    let lsn = |text: &Option<String>| text.as_deref().and_then(parse_lsn).unwrap_or(0);
    Ok(Some(Slot { confirmed: lsn(confirmed), restart: lsn(restart) }))
}

/// Refuses a server that writes no log that could be read.
pub(super) fn check_level(wire: &mut Wire) -> Result<()> {
    let level = wire
        .value("SHOW wal_level")
        .map_err(|cause| error("wal_level could not be read", cause))?;
    match level.as_deref() {
        Some("logical") => Ok(()),
        other => Err(Error::connect(format!(
            "Postgres server wal_level property must be 'logical' but is: '{}'. Set wal_level=logical in the \
             server's configuration and restart it",
            other.unwrap_or_default()
        ))),
    }
}

/// Makes a slot. `temporary`: it lasts as long as this connection, and only its snapshot is wanted.
pub(super) fn make(stream: &mut Wire, config: &Config, temporary: Option<&str>) -> Result<Made> {
    let name = temporary.unwrap_or(&config.slot);
    let version = stream.value("SHOW server_version_num").ok().flatten();
    let version = version.and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    let kind = if temporary.is_some() { " TEMPORARY" } else { "" };
    let failover = config.failover && temporary.is_none() && version >= 170_000;
    let options = if failover { " (FAILOVER)" } else { "" };
    let sql = format!("CREATE_REPLICATION_SLOT {}{kind} LOGICAL pgoutput{options}", quoted(name));
    let row = stream.row(&sql).map_err(|cause| {
        let text = format!("Creation of replication slot failed ({name})");
        let hint = match &cause {
            SqlError::Database { state, .. } if state == "42710" => {
                "; when setting up multiple connectors for the same database host, please make sure to use a \
                 distinct replication slot name for each."
            }
            SqlError::Database { state, .. } if state == "53400" => {
                "; raise max_replication_slots, or drop slots that nobody reads"
            }
            SqlError::Database { state, .. } if state == "42501" => {
                "; the user needs the attribute REPLICATION (ALTER ROLE … REPLICATION)"
            }
            _ => "",
        };
        error(&format!("{text}{hint}"), cause)
    })?;
    match row.as_deref() {
        Some([_, Some(lsn), snapshot, ..]) => Ok(Made {
            lsn: parse_lsn(lsn).ok_or_else(|| Error::data(format!("{lsn} is no position")))?,
            snapshot: snapshot.clone().unwrap_or_default(),
        }),
        _ => Err(Error::data("CREATE_REPLICATION_SLOT has not said where the slot begins")),
    }
}

/// Drops the slot; it is tried a few times, as the server takes a moment to see that nobody reads it any more.
pub(super) fn drop_slot(wire: &mut Wire, config: &Config) {
    const TRIES: u32 = 3;
    let sql = format!("SELECT pg_drop_replication_slot({})", literal(&config.slot));
    for attempt in 1..=TRIES {
        match wire.execute(&sql) {
            Ok(()) => return,
            Err(cause) if attempt == TRIES => {
                tracing::warn!(slot = %config.slot, %cause, "the replication slot could not be dropped");
            }
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(500)),
        }
    }
}

/// Makes the publication, or changes it, as the keys say.
pub(super) fn publish(wire: &mut Wire, config: &Config, tables: &[(TableName, u32)]) -> Result<()> {
    let name = &config.publication;
    let sql = format!(
        "SELECT puballtables FROM pg_catalog.pg_publication WHERE pubname = {}",
        literal(name)
    );
    let found = wire.value(&sql).map_err(failed("publications could not be read"))?;
    let create = |what: &str| create(config, what);
    let text = format!("Unable to create publication {name}");
    match (config.auto_create, found.as_deref()) {
        (AutoCreate::Disabled, None) => Err(Error::connect(format!(
            "Publication autocreation is disabled, please create one and restart the connector. (CREATE PUBLICATION \
             {} FOR TABLE …)",
            quoted(name)
        ))),
        (AutoCreate::AllTables, None) => {
            wire.execute(&create(" FOR ALL TABLES")).map_err(failed(&text))
        }
        (AutoCreate::NoTables, None) => wire.execute(&create("")).map_err(failed(&text)),
        (AutoCreate::Filtered, Some("t")) => Err(Error::config(format!(
            "A logical publication for all tables named '{name}' is already active on the server and can not be altered. \
             If you need to exclude some tables or include only specific subset, please recreate the publication with \
             necessary configuration or let plugin recreate it by dropping existing publication. Otherwise please change \
             the 'publication.autocreate.mode' property to 'all_tables'."
        ))),
        (AutoCreate::Filtered, found) => publish_filtered(wire, config, tables, found.is_some()),
        _ => Ok(()),
    }
}

/// What the server says when it makes no publication, and what to do.
fn failed(what: &str) -> impl Fn(SqlError) -> Error {
    let what = what.to_owned();
    move |cause| {
        let hint = match &cause {
            SqlError::Database { state, .. } if state == "42501" => {
                "; the user needs the right to create publications, and must own the tables (all_tables needs a \
                 superuser): create the publication by hand and set publication.autocreate.mode=disabled"
            }
            _ => "",
        };
        error(&format!("{what}{hint}"), cause)
    }
}

fn create(config: &Config, what: &str) -> String {
    format!("CREATE PUBLICATION {}{what}{}", quoted(&config.publication), options(config))
}

/// Makes a publication of these tables, or of those that it had before.
fn publish_filtered(
    wire: &mut Wire,
    config: &Config,
    tables: &[(TableName, u32)],
    is_there: bool,
) -> Result<()> {
    let name = &config.publication;
    let mut names: Vec<String> = tables.iter().map(|(table, _)| sql_of(table)).collect();
    names.sort();
    if names.is_empty() {
        return Err(Error::config(format!(
            "No table filters found for filtered publication {name}"
        )));
    }
    let list = names.join(", ");
    let text = format!("Unable to create or update filtered publication {name} for {list}");
    if !is_there {
        return wire.execute(&create(config, &format!(" FOR TABLE {list}"))).map_err(failed(&text));
    }
    let sql = format!(
        "SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = {}",
        literal(name)
    );
    let mut has: Vec<String> = wire
        .rows(&sql)
        .map_err(failed(&text))?
        .into_iter()
        .filter_map(|row| match row.as_slice() {
            [Some(schema), Some(table)] => Some(format!("{}.{}", quoted(schema), quoted(table))),
            _ => None,
        })
        .collect();
    has.sort();
    if has == names {
        return Ok(());
    }
    let sql = format!("ALTER PUBLICATION {} SET TABLE {list}", quoted(name));
    wire.execute(&sql).map_err(failed(&text))
}

fn options(config: &Config) -> String {
    let mut options = Vec::new();
    if config.via_root {
        options.push("publish_via_partition_root = true".to_owned());
    }
    if let Some(publishes) = &config.publishes {
        options.push(format!("publish = '{publishes}'"));
    }
    match options.is_empty() {
        true => String::new(),
        false => format!(" WITH ({})", options.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_two_numbers() {
        assert_eq!(parse_lsn("16/B374D848"), Some(0x16_B374_D848));
        assert_eq!(lsn_text(0x16_B374_D848), "16/B374D848");
        assert_eq!(parse_lsn("x"), None);
    }
}
