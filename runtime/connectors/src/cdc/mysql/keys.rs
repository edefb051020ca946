//! The keys of the connectors of MySQL and MariaDB.

use gantry_api::{ConfigDef, ConfigKey, Importance, Type};

use super::Flavour;
use crate::cdc::keys::{Groups, common, data, one_of};
use crate::keys::Keys;

/// One key: its group (none: that of the database), name, type, importance, default, and what it does.
struct Key(
    Option<&'static str>,
    &'static str,
    Type,
    Importance,
    Option<&'static str>,
    &'static str,
);

const CONNECTOR: Option<&str> = Some("Connector");
const EVENTS: Option<&str> = Some("Events");
const HISTORY: Option<&str> = Some("History Storage");

#[rustfmt::skip]
const BOTH: &[Key] = &[
    Key(None, "topic.prefix", Type::String, Importance::High, None,
        "What the names of all topics begin with. It also names the connector's offsets: do not change it."),
    Key(None, "database.hostname", Type::String, Importance::High, None, "The server's host."),
    Key(None, "database.port", Type::Int, Importance::High, Some("3306"), "The server's port."),
    Key(None, "database.user", Type::String, Importance::High, None,
        "Who connects: with SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE and REPLICATION CLIENT (MariaDB: BINLOG MONITOR), and LOCK TABLES where RELOAD cannot be had."),
    Key(None, "database.password", Type::Password, Importance::High, None, "The password."),
    Key(None, "database.server.id", Type::Long, Importance::High, None,
        "The number by which the server knows this reader: no other reader or replica may have it."),
    Key(None, "database.server.id.offset", Type::Long, Importance::High, Some("10000"), "No effect."),
    Key(None, "database.ssl.keystore", Type::String, Importance::Medium, None,
        "A PEM file with the client's certificate and key."),
    Key(None, "database.ssl.keystore.password", Type::Password, Importance::Medium, None,
        "Not supported: keys in PEM have no password here."),
    Key(None, "database.ssl.truststore", Type::String, Importance::Medium, None,
        "A PEM file with the authorities that may sign the server's certificate."),
    Key(None, "database.ssl.truststore.password", Type::Password, Importance::Medium, None,
        "No effect: PEM files of certificates have none."),
    Key(CONNECTOR, "connect.timeout.ms", Type::Int, Importance::Medium, Some("30000"),
        "How long it is waited for a connection."),
    Key(CONNECTOR, "connect.keep.alive", Type::Boolean, Importance::Low, Some("true"),
        "Whether a server that says nothing for connect.keep.alive.interval.ms is taken for gone."),
    Key(CONNECTOR, "connect.keep.alive.interval.ms", Type::Long, Importance::Low, Some("60000"),
        "How long a server may say nothing; it is asked to say sooner that it is there."),
    Key(CONNECTOR, "binlog.net.read.timeout", Type::Long, Importance::Medium, Some("0"),
        "The server's net_read_timeout for the binary log, in seconds; 0: the server's own."),
    Key(CONNECTOR, "binlog.net.write.timeout", Type::Long, Importance::Medium, Some("0"),
        "The server's net_write_timeout for the binary log, in seconds: how long it waits for this reader; 0: the server's own."),
    Key(CONNECTOR, "bigint.unsigned.handling.mode", Type::String, Importance::Medium, Some("long"),
        "What BIGINT UNSIGNED becomes: long (too large ones are negative), precise (exact)."),
    Key(CONNECTOR, "enable.time.adjuster", Type::Boolean, Importance::Low, Some("true"),
        "Whether years below 100 are of 1970 to 2069, as the server takes them from texts."),
    Key(EVENTS, "database.include.list", Type::List, Importance::High, None,
        "The databases that are read, as regular expressions for their names."),
    Key(EVENTS, "database.exclude.list", Type::List, Importance::Medium, None,
        "The databases that are not read, as regular expressions for their names."),
    Key(EVENTS, "gtid.source.includes", Type::List, Importance::High, None,
        "The sources of transactions that count when the position is looked for: UUIDs or domain-server, as regular expressions."),
    Key(EVENTS, "gtid.source.excludes", Type::String, Importance::Medium, None,
        "The sources of transactions that do not count."),
    Key(EVENTS, "gtid.source.filter.dml.events", Type::Boolean, Importance::Medium, Some("true"),
        "Whether changes by sources that do not count are left out."),
    Key(EVENTS, "include.query", Type::Boolean, Importance::Medium, Some("false"),
        "Whether records have the statement that changed the row; the server must have binlog_rows_query_log_events=ON. Not supported for MariaDB."),
    Key(EVENTS, "include.schema.changes", Type::Boolean, Importance::Medium, Some("true"),
        "Whether statements that change tables are written to the topic named as the prefix."),
    Key(EVENTS, "event.deserialization.failure.handling.mode", Type::String, Importance::Medium, Some("fail"),
        "What is done with events that cannot be read: fail, warn, skip, ignore."),
    Key(EVENTS, "inconsistent.schema.handling.mode", Type::String, Importance::Medium, Some("fail"),
        "What is done with rows of tables whose structure is not known: fail, warn, skip, ignore."),
    Key(EVENTS, "binlog.buffer.size", Type::Int, Importance::Medium, Some("0"),
        "No effect: what is rolled back is not in the binary log of transactional tables."),
    Key(CONNECTOR, "min.row.count.to.stream.results", Type::Int, Importance::Low, Some("1000"),
        "No effect: rows are never held in memory all at once."),
    Key(CONNECTOR, "use.nongraceful.disconnect", Type::Boolean, Importance::Medium, Some("false"), "No effect."),
    Key(CONNECTOR, "internal.log.position.check.enable", Type::Boolean, Importance::Medium, Some("true"),
        "Whether it is asked at the start if the server still has the position."),
    Key(CONNECTOR, "internal.advanced.metrics.enable", Type::Boolean, Importance::Medium, Some("false"), "No effect."),
    Key(CONNECTOR, "internal.legacy.snapshot.max.threads", Type::Boolean, Importance::Low, Some("false"), "No effect."),
    Key(EVENTS, "internal.snapshot.scan.all.columns.force", Type::Boolean, Importance::Low, Some("false"), "No effect."),
    Key(HISTORY, "schema.history.internal", Type::Class, Importance::Low, Some("io.debezium.storage.kafka.history.KafkaSchemaHistory"),
        "No effect, as all of schema.history.internal.* but the four below: structures of tables are kept with the offsets."),
    Key(HISTORY, "schema.history.internal.skip.unparseable.ddl", Type::Boolean, Importance::Low, Some("false"),
        "No effect: where a statement cannot be read, the server is asked what the table looks like."),
    Key(HISTORY, "schema.history.internal.store.only.captured.tables.ddl", Type::Boolean, Importance::Low, Some("false"),
        "Whether only statements of tables that are read are written to the topic of schema changes."),
    Key(HISTORY, "schema.history.internal.store.only.captured.databases.ddl", Type::Boolean, Importance::Low, Some("false"),
        "Whether only statements of databases that are read are written to the topic of schema changes."),
];

#[rustfmt::skip]
const MYSQL: &[Key] = &[
    Key(None, "database.ssl.mode", Type::String, Importance::Medium, Some("preferred"),
        "Whether connections are encrypted: disabled, preferred, required, verify_identity. verify_ca is not supported."),
    Key(None, "database.protocol", Type::String, Importance::Low, Some("jdbc:mysql"), "No effect: there is no JDBC here."),
    Key(None, "database.jdbc.driver", Type::Class, Importance::Low, Some("com.mysql.cj.jdbc.Driver"), "No effect: there is no JDBC here."),
    Key(CONNECTOR, "ddl.parser.type", Type::String, Importance::Low, Some("default"), "No effect."),
    Key(CONNECTOR, "legacy.snapshot.max.threads", Type::Boolean, Importance::Low, Some("false"), "No effect."),
    Key(EVENTS, "gtid.ignore.on.recovery", Type::Boolean, Importance::Low, Some("false"),
        "Whether reading begins at the file and place of the offset, though it has GTIDs."),
    Key(EVENTS, "sourceinfo.struct.maker", Type::Class, Importance::Low, Some("io.debezium.connector.mysql.MySqlSourceInfoStructMaker"), "No other is supported."),
    Key(CONNECTOR, "snapshot.mode", Type::String, Importance::Low, Some("initial"),
        "When rows that are there are read: initial, always, initial_only, no_data, when_needed, recovery, configuration_based."),
    Key(CONNECTOR, "snapshot.locking.mode", Type::String, Importance::Low, Some("minimal"),
        "How writers are held up: minimal (while structures are read), extended (to the end), none, minimal_percona, minimal_percona_no_table_locks."),
];

#[rustfmt::skip]
const MARIADB: &[Key] = &[
    Key(None, "database.ssl.mode", Type::String, Importance::Medium, Some("disable"),
        "Whether connections are encrypted: disable, trust, verify-full. verify-ca is not supported."),
    Key(EVENTS, "sourceinfo.struct.maker", Type::Class, Importance::Low, Some("io.debezium.connector.mariadb.MariaDbSourceInfoStructMaker"), "No other is supported."),
    Key(CONNECTOR, "snapshot.mode", Type::String, Importance::Low, Some("initial"),
        "When rows that are there are read: initial, always, initial_only, no_data, when_needed, recovery, configuration_based."),
    Key(CONNECTOR, "snapshot.locking.mode", Type::String, Importance::Low, Some("minimal"),
        "How writers are held up: minimal (while structures are read), extended (to the end), none."),
];

/// Words of keys, beside the common ones.
fn words(name: &str, flavour: Flavour) -> Option<&'static [&'static str]> {
    let is_maria = flavour == Flavour::MariaDb;
    Some(match name {
        "bigint.unsigned.handling.mode" => &["long", "precise"],
        "event.deserialization.failure.handling.mode" | "inconsistent.schema.handling.mode" => {
            &["fail", "warn", "skip", "ignore"]
        }
        "database.ssl.mode" if is_maria => &["disable", "trust", "verify-ca", "verify-full"],
        "database.ssl.mode" => {
            &["disabled", "preferred", "required", "verify_ca", "verify_identity"]
        }
        "snapshot.mode" => &[
            "always",
            "initial",
            "initial_only",
            "no_data",
            "never",
            "recovery",
            "when_needed",
            "configuration_based",
            "custom",
        ],
        "snapshot.locking.mode" if is_maria => &["minimal", "extended", "none", "custom"],
        "snapshot.locking.mode" => &[
            "minimal",
            "minimal_percona",
            "minimal_percona_no_table_locks",
            "extended",
            "none",
            "custom",
        ],
        _ => return None,
    })
}

/// Keys that must be given.
pub(crate) const REQUIRED: [&str; 4] =
    ["topic.prefix", "database.hostname", "database.user", "database.server.id"];

/// All keys of one of the connectors.
pub(crate) fn definition(flavour: Flavour) -> ConfigDef {
    let mut keys = Keys::new(flavour.group());
    let own = if flavour == Flavour::MariaDb { MARIADB } else { MYSQL };
    for Key(group, name, of, how, default, doc) in BOTH.iter().chain(own) {
        keys.group(group.unwrap_or(flavour.group()));
        let key = match default {
            None => ConfigKey::nullable(name, *of, *how, doc),
            Some(default) => ConfigKey::new(name, *of, data(*of, default), *how, doc),
        };
        keys.put(match words(name, flavour) {
            Some(words) => key.validator(one_of(words)),
            None => key,
        });
    }
    common(&mut keys, Groups::Binlog(flavour.group()));
    keys.done()
}
