//! What the keys of the connectors of MySQL and MariaDB mean.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::model::config::ParsedConfig;
use gantry_api::{Error, Props, Result};

use super::Flavour;
use super::binlog::SourceFilter;
use super::keys::{REQUIRED, definition};
use super::source::source_schema;
use super::values::Modes;
use crate::cdc::config::{self as common_config, Common, OnFault, fault, text};
use crate::cdc::patterns::Patterns;

/// The server is asked so often to say that it is there, so that a reader that is to stop learns of it.
const HEARTBEAT_MAX: Duration = Duration::from_secs(1);

/// Whether connections are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tls {
    /// Whether a server without TLS is refused.
    pub(crate) must: bool,
    /// Whether the server must prove who it is.
    pub(crate) proves: bool,
    pub(crate) authorities: Option<PathBuf>,
    pub(crate) identity: Option<PathBuf>,
}

/// How long writers are held up by a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locking {
    /// While structures are read.
    Minimal,
    /// With the locks that Percona has for backups; whether tables may be locked one by one.
    Percona {
        tables: bool,
    },
    /// Until all rows are read.
    Extended,
    None,
}

/// The configuration of a connector.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) flavour: Flavour,
    pub(crate) common: Arc<Common>,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) tls: Option<Tls>,
    pub(crate) server_id: u32,
    pub(crate) connect_timeout: Duration,
    pub(crate) validation_timeout: Duration,
    /// How long the server may say nothing.
    pub(crate) silence: Option<Duration>,
    pub(crate) read_timeout_s: i64,
    pub(crate) write_timeout_s: i64,
    pub(crate) modes: Modes,
    pub(crate) schema_changes: bool,
    pub(crate) captured_tables_only: bool,
    pub(crate) captured_databases_only: bool,
    pub(crate) on_schema: OnFault,
    pub(crate) on_broken: OnFault,
    pub(crate) sources: SourceFilter,
    pub(crate) filters_changes: bool,
    pub(crate) ignores_gtids: bool,
    pub(crate) has_query: bool,
    pub(crate) locking: Locking,
    pub(crate) checks_position: bool,
}

/// Without the password.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Config({:?} {}:{} {})", self.flavour, self.host, self.port, self.user)
    }
}

fn on_fault(parsed: &ParsedConfig, key: &str) -> OnFault {
    match parsed.string(key).unwrap_or_default().to_ascii_lowercase().as_str() {
        "warn" => OnFault::Warn,
        "skip" | "ignore" => OnFault::Skip,
        _ => OnFault::Fail,
    }
}

fn millis(parsed: &ParsedConfig, key: &str) -> Duration {
    Duration::from_millis(
        parsed.long(key).and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default(),
    )
}

impl Config {
    pub(crate) fn parse(flavour: Flavour, props: &Props) -> Result<Self> {
        let parsed = definition(flavour).parse(props)?;
        let common = Common::parse(flavour.name(), source_schema(flavour)?, &parsed, props)?;
        let given = |key: &str| parsed.string(key).map(str::trim).filter(|text| !text.is_empty());
        let needed = |key: &str| given(key).ok_or_else(|| fault(key, "A value is required"));
        let port = parsed.long("database.port").and_then(|port| u16::try_from(port).ok());
        let port = port
            .filter(|port| *port > 0)
            .ok_or_else(|| fault("database.port", "A port is a whole number from 1 to 65535"))?;
        let server_id = parsed.long("database.server.id");
        let server_id =
            server_id.ok_or_else(|| fault("database.server.id", "A value is required"))?;
        let server_id = u32::try_from(server_id).ok().filter(|id| *id > 0).ok_or_else(|| {
            fault(
                "database.server.id",
                &format!("{server_id} is no whole number from 1 to {}", u32::MAX),
            )
        })?;
        let schema_changes = parsed.boolean("include.schema.changes");
        let modes = Modes {
            decimals: common.decimals,
            times: common.times,
            binaries: common.binaries,
            placeholder: common.placeholder.clone(),
            // As Debezium has it: those of MariaDB they come with the records of schema changes.
            comments: match flavour.is_maria() {
                true => schema_changes,
                false => common.comments,
            },
            exact_unsigned: parsed.string("bigint.unsigned.handling.mode") == Some("precise"),
            adjusts_years: parsed.boolean("enable.time.adjuster"),
        };
        let history = |what: &str| {
            parsed.boolean(&format!("schema.history.internal.store.only.captured.{what}.ddl"))
        };
        Ok(Self {
            flavour,
            host: needed("database.hostname")?.to_owned(),
            port,
            user: needed("database.user")?.to_owned(),
            password: parsed.string("database.password").map(str::to_owned),
            tls: tls(flavour, &parsed)?,
            server_id,
            connect_timeout: millis(&parsed, "connect.timeout.ms"),
            validation_timeout: millis(&parsed, "connection.validation.timeout.ms"),
            silence: Some(millis(&parsed, "connect.keep.alive.interval.ms"))
                .filter(|time| !time.is_zero() && parsed.boolean("connect.keep.alive")),
            read_timeout_s: parsed.long("binlog.net.read.timeout").unwrap_or_default(),
            write_timeout_s: parsed.long("binlog.net.write.timeout").unwrap_or_default(),
            modes,
            schema_changes,
            captured_tables_only: history("tables"),
            captured_databases_only: history("databases"),
            on_schema: on_fault(&parsed, "inconsistent.schema.handling.mode"),
            on_broken: on_fault(&parsed, "event.deserialization.failure.handling.mode"),
            sources: sources(props)?,
            filters_changes: parsed.boolean("gtid.source.filter.dml.events"),
            ignores_gtids: parsed.boolean("gtid.ignore.on.recovery"),
            has_query: parsed.boolean("include.query"),
            locking: locking(&parsed),
            checks_position: parsed.boolean("internal.log.position.check.enable"),
            common: Arc::new(common),
        })
    }

    /// How often the server is to say that it is there.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.silence.map_or(HEARTBEAT_MAX, |silence| (silence / 2).min(HEARTBEAT_MAX))
    }
}

fn locking(parsed: &ParsedConfig) -> Locking {
    match parsed.string("snapshot.locking.mode").unwrap_or_default().to_ascii_lowercase().as_str() {
        "none" => Locking::None,
        "extended" => Locking::Extended,
        "minimal_percona" => Locking::Percona { tables: true },
        "minimal_percona_no_table_locks" => Locking::Percona { tables: false },
        _ => Locking::Minimal,
    }
}

fn sources(props: &Props) -> Result<SourceFilter> {
    let patterns = |key: &str| -> Result<Option<Patterns>> {
        text(props, key)
            .filter(|list| !list.trim().is_empty())
            .map(|list| Patterns::parse(list).map_err(|error| fault(key, error.message())))
            .transpose()
    };
    Ok(SourceFilter::new(patterns("gtid.source.includes")?, patterns("gtid.source.excludes")?))
}

fn tls(flavour: Flavour, parsed: &ParsedConfig) -> Result<Option<Tls>> {
    let mode = parsed.string("database.ssl.mode").unwrap_or_default().to_ascii_lowercase();
    let (must, proves) = match mode.as_str() {
        "disabled" | "disable" => return Ok(None),
        "preferred" => (false, false),
        "required" | "trust" => (true, false),
        "verify_identity" | "verify-full" => (true, true),
        _ => {
            let other = if flavour == Flavour::MariaDb { "verify-full" } else { "verify_identity" };
            let text = format!(
                "{mode} is not supported, as public authorities would count, too: use {other}, with \
                 database.ssl.truststore for an authority of your own"
            );
            return Err(fault("database.ssl.mode", &text));
        }
    };
    let pem = |key: &str| -> Result<Option<PathBuf>> {
        let Some(path) = parsed.string(key).filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        let lower = path.to_ascii_lowercase();
        if [".jks", ".p12", ".pfx", ".keystore", ".truststore"]
            .iter()
            .any(|end| lower.ends_with(end))
        {
            let text = format!(
                "{path}: key stores of Java are not read here: give a PEM file, as from keytool -exportcert \
                 -rfc or openssl pkcs12"
            );
            return Err(fault(key, &text));
        }
        Ok(Some(PathBuf::from(path)))
    };
    Ok(Some(Tls {
        must,
        proves,
        authorities: pem("database.ssl.truststore")?,
        identity: pem("database.ssl.keystore")?,
    }))
}

/// What these connectors do not do, and would be wrong to pass over in silence.
pub(crate) fn unsupported(flavour: Flavour, props: &Props) -> Vec<(&'static str, String)> {
    let mut faults = common_config::unsupported(props);
    let mut refuse = |key: &'static str, why: &str| {
        faults.push((key, format!("The '{key}' value is invalid: {why}")));
    };
    for key in REQUIRED {
        if text(props, key).is_none_or(|value| value.trim().is_empty()) {
            refuse(key, "A value is required");
        }
    }
    let is_true =
        |key: &str| text(props, key).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if flavour == Flavour::MariaDb && is_true("include.query") {
        refuse("include.query", "MariaDB's statements are not asked for here: remove the key");
    }
    if is_true("read.only") {
        refuse(
            "read.only",
            "signals come by the table of signal.data.collection only: remove the key",
        );
    }
    if text(props, "database.ssl.keystore.password").is_some_and(|value| !value.is_empty()) {
        refuse(
            "database.ssl.keystore.password",
            "keys in PEM must not be encrypted: remove the key",
        );
    }
    for (one, other) in [
        ("database.include.list", "database.exclude.list"),
        ("table.include.list", "table.exclude.list"),
        ("column.include.list", "column.exclude.list"),
        ("gtid.source.includes", "gtid.source.excludes"),
    ] {
        let is_given = |key: &str| text(props, key).is_some_and(|value| !value.trim().is_empty());
        if is_given(one) && is_given(other) {
            refuse(other, &format!("\"{one}\" is already specified"));
        }
    }
    faults
}

/// An error for a connector that cannot go on.
pub(crate) fn stopped() -> Error {
    Error::connect("the task was stopped")
}
