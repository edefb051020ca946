//! The keys of PostgreSQL's connector.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::model::Schema;
use gantry_api::model::config::{ConfigData, ParsedConfig};
use gantry_api::{ConfigDef, ConfigKey, Error, Importance, Props, Result, Type, Validator};
use gantry_tls::ServerProof;

use super::super::config::{Common, fault, text};
use super::super::keys::{Groups, common, one_of};
use super::super::patterns::{Filter, Patterns};
use super::super::table::source_schema;
use super::types::Modes;
use super::wire::{Access, SslMode};
use crate::jdbc::db::Tls;
use crate::keys::Keys;

const REPLICATION: &str = "CONNECTION_ADVANCED_REPLICATION";
const SSL: &str = "CONNECTION_ADVANCED_SSL";
const MAKER: &str = "io.debezium.connector.postgresql.PostgresSourceInfoStructMaker";

/// Whether the publication is made, and with which tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AutoCreate {
    Disabled,
    AllTables,
    Filtered,
    NoTables,
}

/// What the keys mean.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) common: Arc<Common>,
    pub(super) access: Access,
    pub(super) modes: Modes,
    pub(super) slot: String,
    pub(super) publication: String,
    pub(super) auto_create: AutoCreate,
    pub(super) via_root: bool,
    /// The kinds of changes that the publication is made with; none: all.
    pub(super) publishes: Option<String>,
    pub(super) drop_slot: bool,
    pub(super) failover: bool,
    pub(super) stream_params: Vec<(String, String)>,
    pub(super) slot_retries: u64,
    pub(super) slot_wait: Duration,
    pub(super) status_interval: Duration,
    /// Whether the server is told what it may forget.
    pub(super) flushes: bool,
    pub(super) locks_shared: bool,
    pub(super) messages: Filter,
    pub(super) identities: Vec<(Patterns, String)>,
}

/// All keys.
pub(crate) fn definition() -> ConfigDef {
    let (high, medium) = (Importance::High, Importance::Medium);
    let mut keys = Keys::new("CONNECTION");
    connection(&mut keys);
    common(&mut keys, Groups::Postgres);
    keys.group("FILTERS");
    let text = "The schemas whose tables are read, as regular expressions.";
    keys.null("schema.include.list", Type::List, high, text);
    let text = "The schemas whose tables are not read, as regular expressions.";
    keys.null("schema.exclude.list", Type::List, medium, text);
    keys.null(
        "database.include.list",
        Type::List,
        high,
        "No effect: a connector reads one database.",
    );
    keys.null(
        "database.exclude.list",
        Type::List,
        medium,
        "No effect: a connector reads one database.",
    );
    replication(&mut keys);
    flushing(&mut keys);
    values(&mut keys);
    snapshots(&mut keys);
    keys.done()
}

fn values(keys: &mut Keys) {
    let (medium, low) = (Importance::Medium, Importance::Low);
    keys.group("CONNECTOR");
    let text = "What hstore becomes: a JSON text or a map.";
    keys.add_valid(
        "hstore.handling.mode",
        Type::String,
        "json",
        low,
        text,
        one_of(&["json", "map"]),
    );
    let text = "What intervals become: numeric, microseconds in which a month is 30.4375 days, or string, in ISO 8601's form.";
    keys.add_valid(
        "interval.handling.mode",
        Type::String,
        "numeric",
        low,
        text,
        one_of(&["numeric", "string"]),
    );
    let text = "Of the messages that programs write into the log, those with these prefixes are read, as regular expressions.";
    keys.null("message.prefix.include.list", Type::List, medium, text);
    let text =
        "Of the messages that programs write into the log, those with these prefixes are not read.";
    keys.null("message.prefix.exclude.list", Type::List, medium, text);
    let text = "Whether changes of partitions are those of the table that they are parts of; of publications that the connector makes.";
    keys.add("publish.via.partition.root", Type::Boolean, false, medium, text);
    let text = "Whether the server is told what it may forget: connector, manual (it is not), connector_and_driver (as connector).";
    let words = one_of(&["connector", "manual", "connector_and_driver"]);
    keys.null_valid("lsn.flush.mode", Type::String, low, text, words);
    let text = "The older name of lsn.flush.mode: false is manual.";
    keys.add("flush.lsn.source", Type::Boolean, true, low, text);
    keys.group("CONNECTOR_ADVANCED");
    let text = "No effect: the structure of a table is read when the server says that it changed.";
    let words = one_of(&["columns_diff", "columns_diff_exclude_unchanged_toast"]);
    keys.add_valid("schema.refresh.mode", Type::String, "columns_diff", medium, text, words);
    let text = "Whether columns of types that are not known are in records, as bytes.";
    keys.add("include.unknown.datatypes", Type::Boolean, false, medium, text);
    keys.put(ConfigKey::new(
        "sourceinfo.struct.maker",
        Type::Class,
        ConfigData::Class(MAKER.to_owned()),
        low,
        "Only the default.",
    ));
}

fn snapshots(keys: &mut Keys) {
    let (medium, low) = (Importance::Medium, Importance::Low);
    keys.group("CONNECTOR_SNAPSHOT");
    let text = "When the rows that are there are read: initial (if that was not done yet), initial_only (and then no \
                changes), always (at each start), when_needed (also when the position is lost), no_data (never), \
                configuration_based.";
    let words = one_of(&[
        "always",
        "initial",
        "initial_only",
        "no_data",
        "when_needed",
        "configuration_based",
        "custom",
        "never",
    ]);
    keys.add_valid("snapshot.mode", Type::String, "initial", medium, text, words);
    let text = "No effect: a snapshot reads what was committed at one position of the log.";
    let words = one_of(&["serializable", "repeatable_read", "read_committed", "read_uncommitted"]);
    keys.add_valid("snapshot.isolation.mode", Type::String, "serializable", low, text, words);
    let text =
        "Whether a snapshot locks the tables against changes of their structure: none, shared.";
    keys.add_valid(
        "snapshot.locking.mode",
        Type::String,
        "none",
        low,
        text,
        one_of(&["none", "shared", "custom"]),
    );
}

fn connection(keys: &mut Keys) {
    let (high, medium) = (Importance::High, Importance::Medium);
    keys.null("database.hostname", Type::String, high, "The server's name or address.");
    keys.add("database.port", Type::Int, 5432, high, "The server's port.");
    keys.null("database.user", Type::String, high, "Who asks.");
    keys.null("database.password", Type::Password, high, "The password of database.user.");
    keys.null("database.dbname", Type::String, high, "The database.");
    keys.group("CONNECTOR");
    let text =
        "What the names of all topics of this connector begin with, and its name in records.";
    keys.null("topic.prefix", Type::String, high, text);
    keys.group(SSL);
    let text = "Whether the connection is encrypted, and who the server must prove to be: disable, allow, prefer, require, verify-ca, verify-full.";
    let words = one_of(&["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]);
    keys.add_valid("database.sslmode", Type::String, "prefer", medium, text, words);
    keys.null(
        "database.sslcert",
        Type::String,
        medium,
        "A file with the client's certificate, in PEM.",
    );
    keys.null(
        "database.sslkey",
        Type::String,
        medium,
        "A file with the key of database.sslcert, in PEM.",
    );
    keys.null(
        "database.sslpassword",
        Type::Password,
        medium,
        "Not supported: the key must not be encrypted.",
    );
    keys.null("database.sslrootcert", Type::String, medium, "A file with the authorities that sign servers' certificates, in PEM; the system's without.");
    keys.null("database.sslfactory", Type::String, medium, "Not supported: a class in Java.");
    keys.group("CONNECTION_ADVANCED");
    let text = "Whether it is asked now and then whether the server is still there.";
    keys.add("database.tcpKeepAlive", Type::Boolean, true, medium, text);
}

fn replication(keys: &mut Keys) {
    let (medium, low) = (Importance::Medium, Importance::Low);
    keys.group(REPLICATION);
    let text = "The server's plugin is pgoutput always; decoderbufs is taken for it.";
    keys.add_valid(
        "plugin.name",
        Type::String,
        "decoderbufs",
        medium,
        text,
        one_of(&["pgoutput", "decoderbufs"]),
    );
    let text = "The replication slot, which is made if there is none of that name.";
    let rule = Validator::custom(|name, value| match value {
        ConfigData::String(text)
            if text.is_empty()
                || text.len() > 63
                || !text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') =>
        {
            Err(fault(
                name,
                "Valid replication slot name must contain only digits, lowercase characters and underscores with length <= 63",
            ))
        }
        _ => Ok(()),
    });
    keys.add_valid("slot.name", Type::String, "debezium", medium, text, rule);
    keys.add(
        "publication.name",
        Type::String,
        "dbz_publication",
        medium,
        "The publication that is read.",
    );
    let text = "Whether the publication is made: disabled, all_tables (of all), filtered (of those that are read, and changed when they are others), no_tables (of none).";
    let words = one_of(&["disabled", "all_tables", "filtered", "no_tables"]);
    keys.add_valid("publication.autocreate.mode", Type::String, "all_tables", medium, text, words);
    let text = "Which rows identify changed ones: schema.table:DEFAULT, FULL, NOTHING or INDEX name, divided by commas, where the tables are regular expressions.";
    keys.null("replica.identity.autoset.values", Type::String, medium, text);
    let text =
        "Whether the slot is dropped when the task ends: what changes meanwhile is lost then.";
    keys.add("slot.drop.on.stop", Type::Boolean, false, medium, text);
    let text = "Whether the slot is made such that standby servers have it, too (PostgreSQL 17).";
    keys.add("slot.failover", Type::Boolean, false, medium, text);
    let text = "Further options of the plugin: name=value;name=value.";
    keys.null("slot.stream.params", Type::String, low, text);
}

fn flushing(keys: &mut Keys) {
    let (medium, low) = (Importance::Medium, Importance::Low);
    keys.add(
        "slot.max.retries",
        Type::Int,
        6,
        low,
        "How often it is tried to read the slot, which another may hold.",
    );
    keys.add(
        "slot.retry.delay.ms",
        Type::Long,
        10_000_i64,
        low,
        "How long it is waited before it is tried again.",
    );
    let text = "How often the server is told how far the connector is.";
    keys.add_valid(
        "status.update.interval.ms",
        Type::Int,
        10_000,
        medium,
        text,
        Validator::at_least(1),
    );
    keys.add(
        "lsn.flush.timeout.ms",
        Type::Long,
        30_000_i64,
        medium,
        "No effect: nothing waits for it.",
    );
    let words = one_of(&["fail", "warn", "ignore"]);
    keys.add_valid("lsn.flush.timeout.action", Type::String, "fail", medium, "No effect.", words);
    let text = "No effect: the oldest running transaction is not in records.";
    keys.add("xmin.fetch.interval.ms", Type::Long, 0_i64, medium, text);
}

impl Config {
    pub(super) fn parse(props: &Props) -> Result<Self> {
        let parsed = definition().parse(props)?;
        let given = |key: &str| parsed.string(key).filter(|text| !text.trim().is_empty());
        let require = |key: &str| {
            given(key).map(str::to_owned).ok_or_else(|| fault(key, "A value is required"))
        };
        let common = Common::parse("postgresql", schema()?, &parsed, props)?;
        let number = |key: &str| parsed.long(key).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let slot = require("slot.name")?;
        let skips_given = props.contains_key("skipped.operations");
        let modes = Modes {
            decimals: common.decimals,
            binaries: common.binaries,
            times: common.times,
            intervals_as_text: is(&parsed, "interval.handling.mode", "string"),
            hstore_as_map: is(&parsed, "hstore.handling.mode", "map"),
            money_digits: text(props, "money.fraction.digits")
                .and_then(|n| n.parse().ok())
                .unwrap_or(2),
            unknown: parsed.boolean("include.unknown.datatypes"),
        };
        let messages = Filter::parse(
            text(props, "message.prefix.include.list"),
            text(props, "message.prefix.exclude.list"),
        )
        .map_err(|error| fault("message.prefix.include.list", error.message()))?;
        Ok(Self {
            access: Access {
                host: require("database.hostname")?,
                port: parsed
                    .long("database.port")
                    .and_then(|port| u16::try_from(port).ok())
                    .ok_or_else(|| fault("database.port", "a port is a number from 1 to 65535"))?,
                database: require("database.dbname")?,
                user: require("database.user")?,
                password: given("database.password").map(str::to_owned),
                application: "gantry".to_owned(),
                keep_alive: parsed.boolean("database.tcpKeepAlive"),
                limit: common.query_timeout,
                ..tls(&parsed)?
            },
            modes,
            publishes: skips_given.then(|| published(&common)).flatten(),
            slot,
            publication: require("publication.name")?,
            auto_create: match given("publication.autocreate.mode")
                .unwrap_or_default()
                .to_ascii_lowercase()
                .as_str()
            {
                "disabled" => AutoCreate::Disabled,
                "filtered" => AutoCreate::Filtered,
                "no_tables" => AutoCreate::NoTables,
                _ => AutoCreate::AllTables,
            },
            via_root: parsed.boolean("publish.via.partition.root"),
            drop_slot: parsed.boolean("slot.drop.on.stop"),
            failover: parsed.boolean("slot.failover"),
            stream_params: params(given("slot.stream.params").unwrap_or_default())?,
            slot_retries: number("slot.max.retries"),
            slot_wait: Duration::from_millis(number("slot.retry.delay.ms")),
            status_interval: Duration::from_millis(number("status.update.interval.ms").max(1)),
            flushes: match given("lsn.flush.mode") {
                Some(mode) => !mode.eq_ignore_ascii_case("manual"),
                None => parsed.boolean("flush.lsn.source"),
            },
            locks_shared: is(&parsed, "snapshot.locking.mode", "shared"),
            messages,
            identities: identities(given("replica.identity.autoset.values").unwrap_or_default())?,
            common: Arc::new(common),
        })
    }
}

fn is(parsed: &ParsedConfig, key: &str, word: &str) -> bool {
    parsed.string(key).is_some_and(|text| text.eq_ignore_ascii_case(word))
}

/// The schema of `source`.
pub(super) fn schema() -> Result<Schema> {
    source_schema(
        "io.debezium.connector.postgresql.Source",
        vec![
            ("schema".into(), Schema::string()),
            ("table".into(), Schema::string()),
            ("txId".into(), Schema::optional_int64()),
            ("lsn".into(), Schema::optional_int64()),
            ("xmin".into(), Schema::optional_int64()),
            ("origin".into(), Schema::optional_string()),
            ("origin_lsn".into(), Schema::optional_int64()),
        ],
    )
}

/// TLS, in what is a place without the rest.
fn tls(parsed: &ParsedConfig) -> Result<Access> {
    let given = |key: &str| parsed.string(key).filter(|text| !text.trim().is_empty());
    let mode = given("database.sslmode").unwrap_or("prefer").to_ascii_lowercase();
    let (ssl, proof) = match mode.as_str() {
        "disable" => (SslMode::Disable, ServerProof::None),
        "require" => (SslMode::Require, ServerProof::None),
        "verify-ca" => (SslMode::Require, ServerProof::Authority),
        "verify-full" => (SslMode::Require, ServerProof::Host),
        _ => (SslMode::Prefer, ServerProof::None),
    };
    let file = |key: &str| given(key).map(PathBuf::from);
    let client = match ssl {
        SslMode::Disable => None,
        _ => {
            let tls = Tls {
                proof,
                authorities: file("database.sslrootcert"),
                identity: file("database.sslcert").zip(file("database.sslkey")),
            };
            let client = tls.client().map_err(|what| fault("database.sslrootcert", &what))?;
            Some(Arc::new(client))
        }
    };
    Ok(Access {
        host: String::new(),
        port: 0,
        database: String::new(),
        user: String::new(),
        password: None,
        application: String::new(),
        ssl,
        tls: client,
        keep_alive: false,
        limit: None,
    })
}

/// What a publication is made with when kinds of changes are left out.
fn published(common: &Common) -> Option<String> {
    use super::super::emit::Op;
    let kinds = [
        (Op::Create, "insert"),
        (Op::Update, "update"),
        (Op::Delete, "delete"),
        (Op::Truncate, "truncate"),
    ];
    let kept: Vec<&str> = kinds
        .iter()
        .filter(|(op, _)| !common.skipped.contains(*op))
        .map(|(_, name)| *name)
        .collect();
    (kept.len() < kinds.len()).then(|| kept.join(","))
}

fn params(text: &str) -> Result<Vec<(String, String)>> {
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| match part.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            }
            _ => Err(fault("slot.stream.params", &format!("{part} is not name=value"))),
        })
        .collect()
}

/// `schema.table:FULL, …` with the words of SQL.
fn identities(text: &str) -> Result<Vec<(Patterns, String)>> {
    const KEY: &str = "replica.identity.autoset.values";
    let mut all = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let wrong = || {
            fault(
                KEY,
                &format!(
                    "{part} has an invalid format: it must be table:DEFAULT, table:FULL, table:NOTHING or table:INDEX name"
                ),
            )
        };
        let (table, word) = part.split_once(':').ok_or_else(wrong)?;
        let words: Vec<&str> = word.split_whitespace().collect();
        let sql = match words.as_slice() {
            [word]
                if ["DEFAULT", "FULL", "NOTHING"].iter().any(|w| w.eq_ignore_ascii_case(word)) =>
            {
                word.to_ascii_uppercase()
            }
            [word, index] if word.eq_ignore_ascii_case("INDEX") => {
                format!("USING INDEX {}", super::catalog::quoted(index))
            }
            _ => return Err(wrong()),
        };
        let patterns = Patterns::of(&[table.trim().to_owned()])
            .map_err(|error| fault(KEY, error.message()))?;
        all.push((patterns, sql));
    }
    Ok(all)
}

/// What the database's connector alone refuses.
pub(super) fn unsupported(props: &Props) -> Vec<(&'static str, String)> {
    let mut faults = super::super::config::unsupported(props);
    for key in ["database.hostname", "database.user", "database.dbname", "topic.prefix"] {
        if text(props, key).is_none() {
            faults.push((key, format!("The '{key}' value is invalid: A value is required")));
        }
    }
    for (key, why) in [
        (
            "database.sslpassword",
            "an encrypted key cannot be read: decrypt it, and protect the file",
        ),
        (
            "database.sslfactory",
            "classes in Java cannot run here: use database.sslmode and database.sslrootcert",
        ),
    ] {
        if text(props, key).is_some() {
            faults.push((key, format!("The '{key}' value is invalid: {why}")));
        }
    }
    if text(props, "read.only") == Some("true") {
        let why = "signals and marks of incremental snapshots go through the signal table: set it to false";
        faults.push(("signal.data.collection", format!("The 'read.only' value is invalid: {why}")));
    }
    for what in ["table", "column", "schema", "database", "message.prefix"] {
        let (include, exclude) = (format!("{what}.include.list"), format!("{what}.exclude.list"));
        if text(props, &include).is_some() && text(props, &exclude).is_some() {
            let key = match what {
                "table" => "table.exclude.list",
                "column" => "column.exclude.list",
                "schema" => "schema.exclude.list",
                "database" => "database.exclude.list",
                _ => "message.prefix.exclude.list",
            };
            faults.push((
                key,
                format!("The '{key}' value is invalid: \"{include}\" is already specified"),
            ));
        }
    }
    faults
}

/// An error of the connection as what the connector cannot do.
pub(super) fn error(what: &str, cause: crate::jdbc::db::SqlError) -> Error {
    let is_passing = cause.is_passing();
    let error = Error::connect(format!("{what}: {cause}")).caused_by(cause.into());
    if is_passing { error.with_retry(gantry_api::model::Retry::Backoff) } else { error }
}
