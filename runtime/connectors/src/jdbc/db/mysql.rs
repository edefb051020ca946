//! MySQL and MariaDB.

use std::path::PathBuf;
use std::time::Duration;

use gantry_api::{Error, Result};
use mysql::consts::{CapabilityFlags, ColumnFlags, ColumnType};
use mysql::prelude::Queryable;
use mysql::{Conn, DriverError, OptsBuilder, SslOpts, Value};

use super::Session;
use super::connect::Access;
use super::dialect::Dialect;
use super::error::{SqlError, SqlResult};
use super::types::{
    Cell, Column, Param, Row, Rows, SqlType, Table, TableColumn, TableId, Wall, civil, days,
};
use super::url::Target;
use crate::jdbc::zone::Zone;

/// The character set of what is no text.
const BINARY: u16 = 63;
const CONNECT_TIMEOUT_MS: u64 = 30_000;
/// A connection that nothing comes through is asked so often whether it is still there.
const KEEPALIVE_MS: u32 = 60_000;
/// So long the server waits for a reader that is held up.
const WRITE_TIMEOUT_S: u32 = 3600;
/// Most statements that are kept prepared.
const STATEMENTS_MAX: usize = 256;
/// Its schemas of its own.
const SYSTEM: &str = "'mysql','information_schema','performance_schema','sys'";

/// A connection.
pub(super) struct MySql {
    connection: Conn,
    reading: Reading,
    null_catalog_is_current: bool,
    is_broken: bool,
}

/// How values are read.
#[derive(Clone, Copy)]
struct Reading {
    /// What `tinyint(1)` is.
    tiny: SqlType,
    /// What `bit(1)` is.
    bit: SqlType,
    year_is_date: bool,
    zero_date: ZeroDate,
}

#[derive(Clone, Copy)]
enum ZeroDate {
    Fails,
    IsNull,
    Rounds,
}

impl Reading {
    fn new(target: &Target) -> Self {
        let maria = target.dialect == Dialect::MariaDb;
        let boolean = target.flag("transformedbitisboolean").unwrap_or(maria);
        let tiny = match target.flag("tinyint1isbit").unwrap_or(true) {
            true if boolean => SqlType::Boolean,
            true => SqlType::Bit,
            false => SqlType::TinyInt,
        };
        let zero = target.param("zerodatetimebehavior").unwrap_or_default();
        Self {
            tiny,
            bit: if maria { SqlType::Boolean } else { SqlType::Bit },
            year_is_date: target.flag("yearisdatetype").unwrap_or(true),
            zero_date: match zero.replace('_', "").to_ascii_lowercase().as_str() {
                "converttonull" => ZeroDate::IsNull,
                "round" => ZeroDate::Rounds,
                _ => ZeroDate::Fails,
            },
        }
    }
}

impl MySql {
    pub(super) fn open(access: &Access) -> SqlResult<Self> {
        let mut last = SqlError::Connection("no host".to_owned());
        for (host, port) in &access.target.hosts {
            match connect(access, host, *port) {
                Ok(connection) => {
                    return Ok(Self {
                        connection,
                        reading: Reading::new(&access.target),
                        null_catalog_is_current: [
                            "nullcatalogmeanscurrent",
                            "nulldatabasemeanscurrent",
                        ]
                        .iter()
                        .any(|name| access.target.flag(name) == Some(true)),
                        is_broken: false,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn take(&mut self, error: mysql::Error) -> SqlError {
        let error = SqlError::from(error);
        self.is_broken |= matches!(error, SqlError::Connection(_));
        error
    }

    fn rows<T: mysql::prelude::FromRow>(
        &mut self,
        sql: &str,
        params: Vec<Value>,
    ) -> SqlResult<Vec<T>> {
        self.connection.exec(sql, params).map_err(|error| self.take(error))
    }
}

fn connect(access: &Access, host: &str, port: u16) -> SqlResult<Conn> {
    let target = &access.target;
    let millis = |name: &str| target.param(name).and_then(|text| text.parse::<u64>().ok());
    let wait = |name: &str| millis(name).filter(|ms| *ms > 0).map(Duration::from_millis);
    let mut begin = vec![format!("SET SESSION net_write_timeout={WRITE_TIMEOUT_S}")];
    if let Some(variables) = target.param("sessionvariables") {
        begin.push(format!("SET SESSION {variables}"));
    }
    let connect = millis("connecttimeout").filter(|ms| *ms > 0).unwrap_or(CONNECT_TIMEOUT_MS);
    let options = OptsBuilder::new()
        .ip_or_hostname(Some(host))
        .tcp_port(port)
        .user(access.user())
        .pass(access.password())
        .db_name(target.database.as_deref())
        .prefer_socket(false)
        .tcp_connect_timeout(Some(Duration::from_millis(connect)))
        .read_timeout(wait("sockettimeout"))
        .write_timeout(wait("sockettimeout"))
        .tcp_keepalive_time_ms(Some(KEEPALIVE_MS))
        // Rows that are met count, whether they change or not.
        .additional_capabilities(CapabilityFlags::CLIENT_FOUND_ROWS)
        .stmt_cache_size(STATEMENTS_MAX)
        .init(begin);
    let (tls, must) = tls(target)?;
    let found = match &tls {
        None => Conn::new(options),
        Some(tls) => match Conn::new(options.clone().ssl_opts(Some(tls.clone()))) {
            // The server has no TLS: without it, if that is allowed.
            Err(mysql::Error::DriverError(DriverError::TlsNotSupported)) if !must => {
                Conn::new(options)
            }
            other => other,
        },
    };
    found.map_err(SqlError::from)
}

/// Whether and how a connection is encrypted, and whether it must be.
fn tls(target: &Target) -> SqlResult<(Option<SslOpts>, bool)> {
    for name in
        ["trustcertificatekeystoreurl", "clientcertificatekeystoreurl", "truststore", "keystore"]
    {
        if target.param(name).is_some() {
            return Err(SqlError::Connection(format!(
                "the URL's parameter {name} is not supported, as key stores of Java are not read \
                 here: name the authorities as PEM by serverSslCert=/path/ca.pem"
            )));
        }
    }
    let mode = target.param("sslmode").map(|mode| mode.replace('-', "_").to_ascii_uppercase());
    let maria = target.dialect == Dialect::MariaDb;
    let (proves, must) = match mode.as_deref() {
        Some("DISABLED" | "DISABLE") => return Ok((None, false)),
        Some("PREFERRED") => (false, false),
        Some("REQUIRED" | "TRUST") => (false, true),
        Some("VERIFY_CA") => {
            return Err(SqlError::Connection(
                "sslMode=VERIFY_CA is not supported, as public authorities would count, too: use \
                 VERIFY_IDENTITY, with serverSslCert=/path/ca.pem for an authority of your own"
                    .to_owned(),
            ));
        }
        Some("VERIFY_IDENTITY" | "VERIFY_FULL") => (true, true),
        Some(other) => {
            return Err(SqlError::Connection(format!(
                "sslMode={other} is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA and VERIFY_IDENTITY"
            )));
        }
        None => match (target.flag("usessl"), maria) {
            (Some(false), _) | (None, true) => return Ok((None, false)),
            (Some(true), true) if target.flag("trustservercertificate") == Some(true) => {
                (false, true)
            }
            (Some(true), true) => (true, true),
            _ if target.flag("verifyservercertificate") == Some(true) => (true, true),
            _ => (false, target.flag("requiressl") == Some(true)),
        },
    };
    let options = SslOpts::default()
        .with_danger_accept_invalid_certs(!proves)
        .with_danger_skip_domain_validation(!proves)
        .with_root_cert_path(target.param("serversslcert").map(PathBuf::from));
    Ok((Some(options), must))
}

impl From<mysql::Error> for SqlError {
    fn from(error: mysql::Error) -> Self {
        match error {
            mysql::Error::MySqlError(error) => Self::Database {
                is_permanent: Self::is_permanent_state(&error.state)
                    || error.state.starts_with("22"),
                message: error.message,
                state: error.state,
                code: i32::from(error.code),
            },
            // What is too large to be sent, for instance.
            mysql::Error::CodecError(error) => Self::Database {
                message: error.to_string(),
                state: "08S01".to_owned(),
                code: 0,
                is_permanent: false,
            },
            other => Self::Connection(other.to_string()),
        }
    }
}

impl Session for MySql {
    fn tables(
        &mut self,
        catalog: Option<&str>,
        _schema: Option<&str>,
        types: &[String],
    ) -> SqlResult<Vec<TableId>> {
        let kinds: Vec<&str> = types
            .iter()
            .filter_map(|kind| match kind.to_ascii_uppercase().as_str() {
                "TABLE" => Some("'BASE TABLE'"),
                "VIEW" => Some("'VIEW'"),
                _ => None,
            })
            .collect();
        if kinds.is_empty() {
            return Ok(Vec::new());
        }
        let (condition, params) = match catalog {
            Some(catalog) => ("table_schema = ?", vec![Value::from(catalog)]),
            None if self.null_catalog_is_current => ("table_schema = DATABASE()", Vec::new()),
            None => ("TRUE", Vec::new()),
        };
        let sql = format!(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type IN ({}) \
             AND table_schema NOT IN ({SYSTEM}) AND {condition} ORDER BY table_type, table_schema, table_name",
            kinds.join(",")
        );
        let found: Vec<(String, String)> = self.rows(&sql, params)?;
        let id = |(catalog, name)| TableId { catalog: Some(catalog), schema: None, name };
        Ok(found.into_iter().map(id).collect())
    }

    fn table(&mut self, id: &TableId, types: &[String]) -> SqlResult<Option<Table>> {
        let database = id.catalog.as_deref().or(id.schema.as_deref());
        let place = || vec![Value::from(database), Value::from(id.name.as_str())];
        let sql = "SELECT table_type FROM information_schema.tables WHERE table_schema = \
                   COALESCE(?, DATABASE()) AND table_name = ?";
        let kinds: Vec<String> = self.rows(sql, place())?;
        let kind = kinds.first().map(|kind| if kind == "VIEW" { "VIEW" } else { "TABLE" });
        let Some(kind) = kind.filter(|kind| types.iter().any(|t| t.eq_ignore_ascii_case(kind)))
        else {
            return Ok(None);
        };
        let sql = "SELECT column_name, is_nullable, column_key, extra FROM \
                   information_schema.columns WHERE table_schema = COALESCE(?, DATABASE()) AND \
                   table_name = ? ORDER BY ordinal_position";
        let found: Vec<(String, String, String, String)> = self.rows(sql, place())?;
        let columns = found.into_iter().map(|(name, nullable, key, extra)| TableColumn {
            name,
            is_nullable: nullable == "YES",
            is_key: key == "PRI",
            is_auto_increment: extra.to_ascii_lowercase().contains("auto_increment"),
        });
        Ok(Some(Table { kind: kind.to_owned(), columns: columns.collect() }))
    }

    fn place(&mut self) -> SqlResult<(Option<String>, Option<String>)> {
        let found: Vec<Option<String>> = self.rows("SELECT DATABASE()", Vec::new())?;
        Ok((found.into_iter().next().flatten(), None))
    }

    /// In whole seconds, as columns are by default: what is written later in this second is not to
    /// be taken for read.
    fn now(&mut self, zone: &Zone) -> SqlResult<Wall> {
        let found: Vec<Value> = self.rows("SELECT CURRENT_TIMESTAMP", Vec::new())?;
        match found.first() {
            Some(Value::Date(year, month, day, hour, minute, second, micros)) => {
                Ok(zone.instant(wall(*year, *month, *day, (*hour, *minute, *second, *micros))))
            }
            other => Err(Error::connect(format!(
                "Unable to get current time from DB: it says {other:?}"
            ))
            .into()),
        }
    }

    fn check(&mut self, sql: &str) -> SqlResult<()> {
        let statement = self.connection.prep(sql).map_err(|error| self.take(error))?;
        self.connection.close(statement).map_err(|error| self.take(error))
    }

    fn select(
        &mut self,
        sql: &str,
        params: &[Param],
        _fetch: usize,
        rows: &mut dyn Rows,
    ) -> SqlResult<()> {
        let params: Vec<Value> = params.iter().map(bound).collect();
        let reading = self.reading;
        let mut result = match self.connection.exec_iter(sql, params) {
            Ok(result) => result,
            Err(error) => {
                let error = SqlError::from(error);
                self.is_broken |= matches!(error, SqlError::Connection(_));
                return Err(error);
            }
        };
        let raw: Vec<mysql::Column> = result.columns().as_ref().to_vec();
        let columns: Vec<Column> = raw.iter().map(|column| reading.column(column)).collect();
        let kinds: Vec<SqlType> = columns.iter().map(|column| column.kind).collect();
        rows.columns(columns)?;
        let done = give(&mut result, &kinds, reading.zero_date, rows);
        if matches!(done, Ok(true)) {
            return Ok(());
        }
        // Ended early, it would read all that is left: with the connection that goes away.
        std::mem::forget(result);
        self.is_broken = true;
        done.map(|_| ())
    }

    fn execute(&mut self, sql: &str) -> SqlResult<()> {
        self.connection.query_drop(sql).map_err(|error| self.take(error))
    }

    fn write(&mut self, sql: &str, params: &[Param]) -> SqlResult<u64> {
        let params: Vec<Value> = params.iter().map(bound).collect();
        self.connection.exec_drop(sql, params).map_err(|error| self.take(error))?;
        Ok(self.connection.affected_rows())
    }

    fn is_broken(&mut self) -> bool {
        self.is_broken || self.connection.ping().is_err()
    }
}

/// Gives rows on: whether that was all of them.
fn give(
    result: &mut mysql::QueryResult<'_, '_, '_, mysql::Binary>,
    kinds: &[SqlType],
    zero: ZeroDate,
    rows: &mut dyn Rows,
) -> SqlResult<bool> {
    for row in result {
        let row = row?;
        if !rows.row(&MyRow { row: &row, kinds, zero })? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Reading {
    /// A column as Java's drivers see it.
    fn column(self, column: &mysql::Column) -> Column {
        let flags = column.flags();
        let length = column.column_length();
        let is_unsigned = flags.contains(ColumnFlags::UNSIGNED_FLAG);
        let is_binary = column.character_set() == BINARY;
        let scale = i32::from(column.decimals());
        let mut precision = length;
        let kind = match column.column_type() {
            ColumnType::MYSQL_TYPE_TINY if length == 1 && !is_unsigned => self.tiny,
            ColumnType::MYSQL_TYPE_TINY => SqlType::TinyInt,
            ColumnType::MYSQL_TYPE_BIT if length == 1 => self.bit,
            ColumnType::MYSQL_TYPE_BIT => SqlType::Bit,
            ColumnType::MYSQL_TYPE_SHORT => SqlType::SmallInt,
            ColumnType::MYSQL_TYPE_INT24 | ColumnType::MYSQL_TYPE_LONG => SqlType::Integer,
            ColumnType::MYSQL_TYPE_LONGLONG => SqlType::BigInt,
            ColumnType::MYSQL_TYPE_FLOAT => SqlType::Real,
            ColumnType::MYSQL_TYPE_DOUBLE => SqlType::Double,
            ColumnType::MYSQL_TYPE_DECIMAL | ColumnType::MYSQL_TYPE_NEWDECIMAL => {
                precision = length
                    .saturating_sub(u32::from(scale > 0))
                    .saturating_sub(u32::from(!is_unsigned));
                SqlType::Decimal
            }
            ColumnType::MYSQL_TYPE_YEAR if self.year_is_date => SqlType::Date,
            // Four digits without sign.
            ColumnType::MYSQL_TYPE_YEAR => SqlType::SmallInt,
            ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE => SqlType::Date,
            ColumnType::MYSQL_TYPE_TIME | ColumnType::MYSQL_TYPE_TIME2 => SqlType::Time,
            ColumnType::MYSQL_TYPE_DATETIME
            | ColumnType::MYSQL_TYPE_DATETIME2
            | ColumnType::MYSQL_TYPE_TIMESTAMP
            | ColumnType::MYSQL_TYPE_TIMESTAMP2 => SqlType::Timestamp,
            ColumnType::MYSQL_TYPE_NULL => SqlType::Other(0),
            ColumnType::MYSQL_TYPE_JSON
            | ColumnType::MYSQL_TYPE_ENUM
            | ColumnType::MYSQL_TYPE_SET => SqlType::Text,
            ColumnType::MYSQL_TYPE_GEOMETRY | ColumnType::MYSQL_TYPE_VECTOR => SqlType::Binary,
            _ if is_binary => SqlType::Binary,
            _ => SqlType::Text,
        };
        Column {
            label: column.name_str().into_owned(),
            kind,
            // No sign: an eight byte number stays as it is, as it has no larger type.
            is_unsigned: is_unsigned && kind != SqlType::BigInt,
            precision,
            scale: if kind == SqlType::Decimal { scale } else { 0 },
            is_nullable: !flags.contains(ColumnFlags::NOT_NULL_FLAG),
            type_name: format!("{:?}", column.column_type()).replace("MYSQL_TYPE_", ""),
        }
    }
}

struct MyRow<'a> {
    row: &'a mysql::Row,
    kinds: &'a [SqlType],
    zero: ZeroDate,
}

impl Row for MyRow<'_> {
    fn cell(&self, at: usize) -> Result<Cell<'_>> {
        let kind = self.kinds.get(at).copied().unwrap_or(SqlType::Other(0));
        Ok(match self.row.as_ref(at) {
            None | Some(Value::NULL) => Cell::Null,
            Some(Value::Int(year)) if kind == SqlType::Date => Cell::Date(days(*year, 1, 1)),
            Some(Value::UInt(year)) if kind == SqlType::Date => {
                Cell::Date(days(i64::try_from(*year).unwrap_or(0), 1, 1))
            }
            Some(Value::Int(number)) => Cell::Int(*number),
            Some(Value::UInt(number)) => Cell::UInt(*number),
            Some(Value::Float(number)) => Cell::Float(*number),
            Some(Value::Double(number)) => Cell::Double(*number),
            Some(Value::Date(_, month, day, ..)) if *month == 0 || *day == 0 => match self.zero {
                ZeroDate::IsNull => Cell::Null,
                ZeroDate::Rounds => Cell::Wall(wall(1, 1, 1, (0, 0, 0, 0))),
                ZeroDate::Fails => {
                    return Err(Error::data(
                        "Zero date value prohibited: the database has a date that is none; \
                         zeroDateTimeBehavior=CONVERT_TO_NULL in connection.url makes it null",
                    ));
                }
            },
            Some(Value::Date(year, month, day, ..)) if kind == SqlType::Date => {
                Cell::Date(days(i64::from(*year), i64::from(*month), i64::from(*day)))
            }
            Some(Value::Date(year, month, day, hour, minute, second, micros)) => {
                Cell::Wall(wall(*year, *month, *day, (*hour, *minute, *second, *micros)))
            }
            Some(Value::Time(negative, days, hours, minutes, seconds, micros)) => {
                let hours = i64::from(*days) * 24 + i64::from(*hours);
                let seconds = (hours * 60 + i64::from(*minutes)) * 60 + i64::from(*seconds);
                let nanos = seconds * 1_000_000_000 + i64::from(*micros) * 1000;
                Cell::Time(if *negative { -nanos } else { nanos })
            }
            Some(Value::Bytes(bytes)) => match kind {
                SqlType::Binary => Cell::Bytes(bytes),
                SqlType::Bit | SqlType::Boolean => {
                    Cell::UInt(bytes.iter().fold(0, |bits, byte| (bits << 8) | u64::from(*byte)))
                }
                _ => Cell::Text(String::from_utf8_lossy(bytes)),
            },
        })
    }
}

fn wall(year: u16, month: u8, day: u8, (hour, minute, second, micros): (u8, u8, u8, u32)) -> Wall {
    let days = days(i64::from(year), i64::from(month), i64::from(day));
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    Wall { seconds: days * 86_400 + seconds, nanos: micros * 1000 }
}

fn bound(param: &Param) -> Value {
    match param {
        Param::Null => Value::NULL,
        Param::Bool(flag) => Value::Int(i64::from(*flag)),
        Param::Int(number) => Value::Int(*number),
        Param::Float(number) => Value::Float(*number),
        Param::Double(number) => Value::Double(*number),
        Param::Text(text) => Value::Bytes(text.as_bytes().to_vec()),
        Param::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        Param::Decimal(decimal) => Value::Bytes(decimal.to_plain_string().into_bytes()),
        Param::Date(days) => date(*days, 0, 0),
        Param::Time(nanos) => {
            let micros = nanos.unsigned_abs() / 1000;
            let seconds = micros / 1_000_000;
            let part = |number: u64| u8::try_from(number % 60).unwrap_or(0);
            let hours = seconds / 3600;
            let (days, hours) = (u32::try_from(hours / 24).unwrap_or(u32::MAX), (hours % 24) as u8);
            let micros = (micros % 1_000_000) as u32;
            Value::Time(*nanos < 0, days, hours, part(seconds / 60), part(seconds), micros)
        }
        Param::Moment(wall, _) => {
            let (day, second) = wall.day();
            date(day, second, wall.nanos / 1000)
        }
        // There are no arrays: nobody asks for one.
        Param::List(_) => Value::NULL,
    }
}

fn date(day: i64, second: i64, micros: u32) -> Value {
    let (year, month, date) = civil(day);
    let part = |number: i64| u8::try_from(number).unwrap_or(0);
    let (hour, minute) = (part(second / 3600), part(second / 60 % 60));
    let year = u16::try_from(year).unwrap_or(0);
    Value::Date(year, part(month), part(date), hour, minute, part(second % 60), micros)
}
