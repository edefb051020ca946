//! The server: connections, and what it is asked beside rows.

use std::time::Duration;

use gantry_api::model::Retry;
use gantry_api::{Error, Result};
use mysql::prelude::{FromRow, Queryable};
use mysql::{Conn, DriverError, OptsBuilder, SslOpts};

use super::Flavour;
use super::binlog::GtidSet;
use super::config::{Config, Tls};
use super::ddl::{SqlMode, TableName};

/// So long the server waits for a reader that is held up.
const WRITE_TIMEOUT_S: u32 = 3600;
/// A connection that nothing comes through is asked so often whether it is still there.
const KEEPALIVE_MS: u32 = 60_000;
/// Databases of the server's own.
const BUILTIN: [&str; 4] = ["mysql", "performance_schema", "sys", "information_schema"];

/// Whether a database is the server's own.
pub(crate) fn is_builtin(database: &str) -> bool {
    BUILTIN.iter().any(|name| name.eq_ignore_ascii_case(database))
}

/// Errors of the server that pass: it is going down or too busy, or the connection was ended.
fn is_passing(code: u16) -> bool {
    matches!(
        code,
        1040 | 1053 | 1077 | 1078 | 1079 | 1158
            ..=1161 | 1184 | 1203 | 1205 | 1213 | 1226 | 1317 | 1927 | 3024 | 4031
    )
}

/// An error with what was being done, and whether it is worth trying again.
pub(crate) fn failure(what: &str, error: &mysql::Error) -> Error {
    let (text, passes) = match error {
        mysql::Error::MySqlError(error) => (
            format!("{} Error code: {}; SQLSTATE: {}.", error.message, error.code, error.state),
            is_passing(error.code),
        ),
        mysql::Error::DriverError(DriverError::TlsNotSupported) => (
            "the server has no TLS: set database.ssl.mode, or give the server a certificate"
                .to_owned(),
            false,
        ),
        mysql::Error::TlsError(error) => (format!("TLS: {error}"), false),
        mysql::Error::IoError(error) => (error.to_string(), true),
        other => (other.to_string(), true),
    };
    let needs = match code(error) {
        Some(1227) => {
            " The user needs SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE and REPLICATION CLIENT (MariaDB: \
             BINLOG MONITOR) on *.*."
        }
        _ => "",
    };
    let error = Error::connect(format!("{what}: {text}{needs}"));
    if passes { error.with_retry(Retry::Backoff) } else { error }
}

/// The number of a server's error.
pub(crate) fn code(error: &mysql::Error) -> Option<u16> {
    match error {
        mysql::Error::MySqlError(error) => Some(error.code),
        _ => None,
    }
}

/// A connection for questions.
pub(crate) struct Server {
    connection: Conn,
    flavour: Flavour,
    statement_of_status: &'static str,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server")
    }
}

/// Where the binary log ends.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) file: String,
    pub(crate) position: u64,
    pub(crate) gtids: Option<String>,
}

fn options(config: &Config, init: Vec<String>, silence: Option<Duration>) -> OptsBuilder {
    OptsBuilder::new()
        .ip_or_hostname(Some(config.host.clone()))
        .tcp_port(config.port)
        .user(Some(config.user.clone()))
        .pass(config.password.clone())
        .prefer_socket(false)
        .tcp_connect_timeout(Some(config.connect_timeout).filter(|time| !time.is_zero()))
        .read_timeout(silence)
        .tcp_keepalive_time_ms(Some(KEEPALIVE_MS))
        .stmt_cache_size(0)
        .init(init)
}

fn encrypted(tls: &Tls) -> SslOpts {
    let identity = tls.identity.clone();
    SslOpts::default()
        .with_danger_accept_invalid_certs(!tls.proves)
        .with_danger_skip_domain_validation(!tls.proves)
        .with_root_cert_path(tls.authorities.clone())
        .with_client_identity(identity.map(|file| mysql::ClientIdentity::new(file.clone(), file)))
}

fn connect(config: &Config, init: Vec<String>, silence: Option<Duration>) -> Result<Conn> {
    let options = options(config, init, silence);
    let found = match &config.tls {
        None => Conn::new(options),
        Some(tls) => match Conn::new(options.clone().ssl_opts(Some(encrypted(tls)))) {
            // The server has no TLS: without it, if that is allowed.
            Err(mysql::Error::DriverError(DriverError::TlsNotSupported)) if !tls.must => {
                Conn::new(options)
            }
            other => other,
        },
    };
    found.map_err(|error| {
        let place = format!("{}:{} with user '{}'", config.host, config.port, config.user);
        match code(&error) {
            Some(1045 | 1698) => {
                failure(&format!("Failed to authenticate to the database at {place}"), &error)
            }
            _ => failure(&format!("Unable to connect to the database at {place}"), &error),
        }
    })
}

/// A connection that a stream of events is to come through.
pub(crate) fn connect_for_events(config: &Config) -> Result<Conn> {
    let mut init = Vec::new();
    for (name, seconds) in
        [("net_read_timeout", config.read_timeout_s), ("net_write_timeout", config.write_timeout_s)]
    {
        if seconds > 0 {
            init.push(format!("SET SESSION {name}={seconds}"));
        }
    }
    connect(config, init, config.silence)
}

impl Server {
    /// Connects. Times are in UTC.
    pub(crate) fn connect(config: &Config) -> Result<Self> {
        let mut init = vec![
            "SET SESSION time_zone='+00:00'".to_owned(),
            format!("SET SESSION net_write_timeout={WRITE_TIMEOUT_S}"),
        ];
        init.extend(config.common.initial_statements.iter().cloned());
        let connection = connect(config, init, config.common.query_timeout)?;
        let mut server =
            Self { connection, flavour: config.flavour, statement_of_status: "SHOW MASTER STATUS" };
        if config.flavour == Flavour::MySql {
            let version: Vec<String> = server.rows("SELECT version()")?;
            let numbers = version.first().map(String::as_str).unwrap_or_default().split('.');
            let numbers: Vec<u32> = numbers.take(2).filter_map(|n| n.parse().ok()).collect();
            if numbers.as_slice() >= [8, 4].as_slice() {
                server.statement_of_status = "SHOW BINARY LOG STATUS";
            }
        }
        Ok(server)
    }

    pub(crate) fn rows<T: FromRow>(&mut self, sql: &str) -> Result<Vec<T>> {
        self.connection.query(sql).map_err(|error| failure(&shortened(sql), &error))
    }

    pub(crate) fn execute(&mut self, sql: &str) -> Result<()> {
        self.connection.query_drop(sql).map_err(|error| failure(&shortened(sql), &error))
    }

    /// The same, where it matters which error it is.
    pub(crate) fn try_execute(&mut self, sql: &str) -> mysql::Result<()> {
        self.connection.query_drop(sql)
    }

    pub(crate) fn connection(&mut self) -> &mut Conn {
        &mut self.connection
    }

    /// A variable of the server.
    pub(crate) fn variable(&mut self, name: &str) -> Result<Option<String>> {
        let found: Vec<(String, Option<String>)> =
            self.rows(&format!("SHOW GLOBAL VARIABLES LIKE '{name}'"))?;
        Ok(found.into_iter().next().and_then(|(_, value)| value))
    }

    pub(crate) fn sql_mode(&mut self) -> Result<SqlMode> {
        let found: Vec<Option<String>> = self.rows("SELECT @@session.sql_mode")?;
        Ok(SqlMode::from_names(found.into_iter().next().flatten().as_deref().unwrap_or_default()))
    }

    /// Whether the server writes what a reader needs.
    pub(crate) fn check_binlog(&mut self) -> Result<()> {
        if self.variable("log_bin")?.as_deref() == Some("OFF") {
            return Err(Error::connect(
                "The database server has no binary log, which is required for this connector to work \
                 properly. Set log_bin and binlog_format=ROW, and restart the server and the connector.",
            ));
        }
        let format = self.variable("binlog_format")?.unwrap_or_default();
        if !format.eq_ignore_ascii_case("ROW") {
            return Err(Error::connect(format!(
                "The database server is not configured to use a ROW binlog_format, which is required for this \
                 connector to work properly: binlog_format is {format}. Change the database configuration to \
                 use a binlog_format=ROW and restart the connector."
            )));
        }
        let image = self.variable("binlog_row_image")?.unwrap_or_else(|| "FULL".to_owned());
        if !["FULL", "NOBLOB", "FULL_NODUP"].iter().any(|word| word.eq_ignore_ascii_case(&image)) {
            return Err(Error::connect(format!(
                "The database server is not configured to use a FULL binlog_row_image, which is required for \
                 this connector to work properly: binlog_row_image is {image}. Change the database \
                 configuration to use a binlog_row_image=FULL|NOBLOB and restart the connector."
            )));
        }
        Ok(())
    }

    /// Whether transactions have GTIDs.
    pub(crate) fn has_gtids(&mut self) -> Result<bool> {
        match self.flavour {
            Flavour::MariaDb => Ok(true),
            Flavour::MySql => {
                let mode = self.variable("gtid_mode")?;
                Ok(mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ON")))
            }
        }
    }

    /// Where the binary log ends now.
    pub(crate) fn end(&mut self) -> Result<End> {
        let sql = self.statement_of_status;
        let rows: Vec<mysql::Row> = self.rows(sql)?;
        let text = |row: &mysql::Row, at: usize| -> Option<String> { row.get_opt(at)?.ok() };
        let row = rows.first().ok_or_else(|| {
            Error::connect(format!(
                "Cannot read the binlog filename and position via '{sql}'. Make sure your server is correctly \
                 configured: log_bin must be on"
            ))
        })?;
        let file = text(row, 0).unwrap_or_default();
        let position =
            row.get_opt::<u64, _>(1).and_then(std::result::Result::ok).unwrap_or_default();
        let gtids = match self.flavour {
            Flavour::MySql => text(row, 4).map(|set| set.replace(['\n', '\r', ' '], "")),
            Flavour::MariaDb => self.variable("gtid_binlog_pos")?,
        };
        let has_gtids = self.has_gtids()?;
        Ok(End { file, position, gtids: gtids.filter(|_| has_gtids) })
    }

    /// All transactions that the server has, and those of MySQL's that it has no more in its logs.
    pub(crate) fn gtids(&mut self) -> Result<(GtidSet, GtidSet)> {
        let is_maria = self.flavour == Flavour::MariaDb;
        let none =
            |part: String| Error::connect(format!("The server has a GTID that is none: {part}"));
        let known = self.end()?.gtids.unwrap_or_default();
        let known = GtidSet::parse(&known, is_maria).map_err(none)?;
        let purged = match self.flavour {
            Flavour::MariaDb => String::new(),
            Flavour::MySql => {
                let found: Vec<Option<String>> = self.rows("SELECT @@global.gtid_purged")?;
                let text = found.into_iter().next().flatten().unwrap_or_default();
                text.replace(['\n', '\r', ' '], "")
            }
        };
        Ok((known, GtidSet::parse(&purged, is_maria).map_err(none)?))
    }

    /// The files of the binary log that are there.
    pub(crate) fn files(&mut self) -> Result<Vec<String>> {
        let rows: Vec<mysql::Row> = self.rows("SHOW BINARY LOGS")?;
        Ok(rows.iter().filter_map(|row| row.get_opt::<String, _>(0)?.ok()).collect())
    }

    /// All tables, with those of the server's own if they are wanted.
    pub(crate) fn tables(&mut self, builtin: bool) -> Result<Vec<TableName>> {
        let sql = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type IN \
                   ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY table_schema, table_name";
        let found: Vec<(String, String)> = self.rows(sql)?;
        let all = found.into_iter().map(|(database, table)| TableName::new(&database, &table));
        Ok(all.filter(|table| builtin || !is_builtin(&table.database)).collect())
    }

    /// The statement that makes a table; `None` if it is not there, or may not be seen.
    pub(crate) fn statement_of(&mut self, table: &TableName) -> Result<Option<String>> {
        let sql = format!("SHOW CREATE TABLE {}", table.quoted());
        match self.connection.query_first::<mysql::Row, _>(&sql) {
            Ok(row) => Ok(row.and_then(|row| row.get_opt::<String, _>(1)?.ok())),
            Err(error) if matches!(code(&error), Some(1146 | 1049 | 1142 | 1044 | 1051)) => {
                Ok(None)
            }
            Err(error) => Err(failure(&sql, &error)),
        }
    }

    /// The character set and the collation of databases.
    pub(crate) fn database_charsets(&mut self) -> Result<Vec<(String, String, String)>> {
        self.rows(
            "SELECT schema_name, default_character_set_name, default_collation_name FROM \
             information_schema.schemata",
        )
    }

    /// Whether the server compares names of tables in small letters.
    pub(crate) fn ignores_case(&mut self) -> Result<bool> {
        Ok(self.variable("lower_case_table_names")?.is_some_and(|value| value != "0"))
    }

    pub(crate) fn server_charset(&mut self) -> Result<Option<String>> {
        self.variable("character_set_server")
    }

    /// What time it is there, in microseconds of UTC.
    pub(crate) fn now_micros(&mut self) -> Result<i64> {
        let found: Vec<i64> = self.rows("SELECT UNIX_TIMESTAMP()")?;
        Ok(found.first().copied().unwrap_or_default() * 1_000_000)
    }

    /// Whether the user may do that anywhere.
    pub(crate) fn may(&mut self, what: &str) -> Result<bool> {
        let grants: Vec<String> = self.rows("SHOW GRANTS FOR CURRENT_USER")?;
        let what = what.to_uppercase();
        Ok(grants
            .iter()
            .map(|grant| grant.to_uppercase())
            .any(|g| g.contains("ALL") || g.contains(&what)))
    }
}

fn shortened(sql: &str) -> String {
    match sql.char_indices().nth(120) {
        Some((at, _)) => format!("{}…", sql.get(..at).unwrap_or_default()),
        None => sql.to_owned(),
    }
}
