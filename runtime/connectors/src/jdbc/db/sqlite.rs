//! SQLite.

use std::borrow::Cow;
use std::time::Duration;

use gantry_api::model::logical::DAY_MS;
use gantry_api::{Error, Result};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, params_from_iter};

use super::Session;
use super::connect::Access;
use super::error::{SqlError, SqlResult};
use super::types::{
    Cell, Column, Param, Row, Rows, SqlType, Table, TableColumn, TableId, Wall, days,
};
use super::url::Target;
use crate::jdbc::zone::Zone;

const BUSY_TIMEOUT_MS: u64 = 3000;

/// A connection.
pub(super) struct Sqlite {
    connection: Connection,
    /// Moments are bound as text (`date_class=text`), else as milliseconds.
    text_dates: bool,
    /// Moments are whole seconds (`date_precision=seconds`).
    seconds: bool,
}

impl Sqlite {
    pub(super) fn open(access: &Access) -> SqlResult<Self> {
        let target = &access.target;
        let file = target.database.as_deref().unwrap_or(":memory:");
        let flags = OpenFlags::default() | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(file, flags)?;
        let busy = target.param("busy_timeout").and_then(|text| text.parse().ok());
        connection.busy_timeout(Duration::from_millis(busy.unwrap_or(BUSY_TIMEOUT_MS)))?;
        for name in ["journal_mode", "synchronous", "foreign_keys"] {
            if let Some(value) = pragma(target, name)? {
                connection.pragma_update(None, name, value)?;
            }
        }
        let text_dates = target.param("date_class").is_some_and(|c| c.eq_ignore_ascii_case("text"));
        let seconds =
            target.param("date_precision").is_some_and(|p| p.eq_ignore_ascii_case("seconds"));
        Ok(Self { connection, text_dates, seconds })
    }

    fn bound(&self, param: &Param) -> Value {
        match param {
            Param::Null => Value::Null,
            Param::Bool(flag) => Value::Integer(i64::from(*flag)),
            Param::Int(number) => Value::Integer(*number),
            Param::Float(number) => Value::Real(f64::from(*number)),
            Param::Double(number) => Value::Real(*number),
            Param::Text(text) => Value::Text(text.to_string()),
            Param::Bytes(bytes) => Value::Blob(bytes.to_vec()),
            Param::Decimal(decimal) => Value::Text(decimal.to_plain_string()),
            Param::Date(days) => Value::Integer(days.saturating_mul(DAY_MS)),
            Param::Time(nanos) => Value::Integer(nanos / 1_000_000),
            Param::Moment(wall, _) if self.text_dates => Value::Text(wall.text(' ', 3)),
            Param::Moment(wall, offset) if self.seconds => {
                Value::Integer(wall.seconds - i64::from(*offset))
            }
            Param::Moment(wall, offset) => Value::Integer(wall.ms() - i64::from(*offset) * 1000),
            Param::List(_) => Value::Null,
        }
    }
}

/// A setting of the database, which is a word.
fn pragma<'a>(target: &'a Target, name: &str) -> SqlResult<Option<&'a str>> {
    let Some(value) = target.param(name) else { return Ok(None) };
    if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(SqlError::Connection(format!(
            "{name}={value} in the URL is no setting of SQLite"
        )));
    }
    Ok(Some(value))
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::SqliteFailure(failure, message) => {
                let message = message.clone().unwrap_or_else(|| failure.to_string());
                match failure.code {
                    ErrorCode::CannotOpen | ErrorCode::NotADatabase => Self::Connection(message),
                    _ => Self::Database {
                        message,
                        state: String::new(),
                        code: failure.extended_code,
                        is_permanent: false,
                    },
                }
            }
            rusqlite::Error::SqlInputError { error: failure, msg, .. } => Self::Database {
                message: msg.clone(),
                state: String::new(),
                code: failure.extended_code,
                is_permanent: false,
            },
            _ => Self::Connection(error.to_string()),
        }
    }
}

impl Session for Sqlite {
    fn tables(
        &mut self,
        _catalog: Option<&str>,
        _schema: Option<&str>,
        types: &[String],
    ) -> SqlResult<Vec<TableId>> {
        let wanted = |kind: &str| types.iter().any(|name| name.eq_ignore_ascii_case(kind));
        let sql = "SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view') \
                   AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name";
        let mut statement = self.connection.prepare(sql)?;
        let found = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let mut tables = Vec::new();
        for one in found {
            let (kind, name) = one?;
            if wanted(&kind) {
                tables.push(TableId { catalog: None, schema: None, name });
            }
        }
        Ok(tables)
    }

    fn table(&mut self, id: &TableId, types: &[String]) -> SqlResult<Option<Table>> {
        let sql = "SELECT upper(type), COALESCE(sql, '') FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE \
                   AND type IN ('table', 'view')";
        let mut statement = self.connection.prepare(sql)?;
        let mut found = statement.query([&id.name])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let (kind, text): (String, String) = (row.get(0)?, row.get(1)?);
        if !types.iter().any(|name| name.eq_ignore_ascii_case(&kind)) {
            return Ok(None);
        }
        let auto = text.to_ascii_uppercase().contains("AUTOINCREMENT");
        let mut statement =
            self.connection.prepare("SELECT name, \"notnull\", pk FROM pragma_table_info(?1)")?;
        let columns = statement.query_map([&id.name], |row| {
            let is_key = row.get::<_, i64>(2)? > 0;
            Ok(TableColumn {
                name: row.get(0)?,
                is_nullable: row.get::<_, i64>(1)? == 0,
                is_key,
                is_auto_increment: is_key && auto,
            })
        })?;
        Ok(Some(Table { kind, columns: columns.collect::<std::result::Result<_, _>>()? }))
    }

    fn place(&mut self) -> SqlResult<(Option<String>, Option<String>)> {
        Ok((None, None))
    }

    fn now(&mut self, _zone: &Zone) -> SqlResult<Wall> {
        let sql = "SELECT CAST(strftime('%s', 'now') AS INTEGER), CAST(substr(strftime('%f', 'now'), 4) AS INTEGER)";
        let (seconds, millis): (i64, u32) =
            self.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Wall { seconds, nanos: millis * 1_000_000 })
    }

    fn check(&mut self, sql: &str) -> SqlResult<()> {
        self.connection.prepare(sql)?;
        Ok(())
    }

    fn select(
        &mut self,
        sql: &str,
        params: &[Param],
        _fetch: usize,
        rows: &mut dyn Rows,
    ) -> SqlResult<()> {
        let mut statement = self.connection.prepare(sql)?;
        let params: Vec<Value> = params.iter().map(|param| self.bound(param)).collect();
        let mut found = statement.query(params_from_iter(params))?;
        let mut kinds = Vec::new();
        while let Some(row) = found.next()? {
            if kinds.is_empty() {
                // Not before the first row: then only a statement knows of a table that was altered.
                let columns = Declared::of(&self.connection, row.as_ref())?.columns(row)?;
                kinds = columns.iter().map(|column| column.kind).collect();
                rows.columns(columns)?;
            }
            let found =
                Found { row, kinds: &kinds, strict: self.text_dates, seconds: self.seconds };
            if !rows.row(&found)? {
                break;
            }
        }
        Ok(())
    }

    fn execute(&mut self, sql: &str) -> SqlResult<()> {
        Ok(self.connection.execute_batch(sql)?)
    }

    fn write(&mut self, sql: &str, params: &[Param]) -> SqlResult<u64> {
        let params: Vec<Value> = params.iter().map(|param| self.bound(param)).collect();
        Ok(self.connection.prepare_cached(sql)?.execute(params_from_iter(params))? as u64)
    }

    fn is_broken(&mut self) -> bool {
        false
    }
}

/// What is declared of the columns of a query.
struct Declared(Vec<(String, String, bool)>);

impl Declared {
    fn of(connection: &Connection, statement: &Statement<'_>) -> SqlResult<Self> {
        let mut all = Vec::new();
        for (column, origin) in statement.columns().zip(statement.columns_with_metadata()) {
            let required = match (origin.table_name(), origin.origin_name()) {
                (Some(table), Some(name)) => {
                    let sql = "SELECT \"notnull\" FROM pragma_table_info(?1) WHERE name = ?2";
                    let found =
                        connection.query_row(sql, [table, name], |row| row.get::<_, bool>(0));
                    found.unwrap_or(false)
                }
                _ => false,
            };
            let declared = column.decl_type().unwrap_or_default().to_ascii_uppercase();
            all.push((column.name().to_owned(), declared, required));
        }
        Ok(Self(all))
    }

    /// Their types, which hang on what the first row has in them.
    fn columns(&self, first: &rusqlite::Row<'_>) -> SqlResult<Vec<Column>> {
        let mut columns = Vec::with_capacity(self.0.len());
        for (at, (label, declared, required)) in self.0.iter().enumerate() {
            let (name, precision, scale) = split(declared);
            let (kind, is_unsigned) = kind(name, first.get_ref(at)?);
            columns.push(Column {
                label: label.clone(),
                kind,
                is_unsigned,
                precision,
                scale,
                is_nullable: !required,
                type_name: declared.clone(),
            });
        }
        Ok(columns)
    }
}

/// `DECIMAL(10,2)` in its parts.
fn split(declared: &str) -> (&str, u32, i32) {
    let Some((name, rest)) = declared.split_once('(') else { return (declared.trim(), 0, 0) };
    let mut numbers = rest.trim_end_matches(')').split(',').map(|number| number.trim());
    let precision = numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let scale = numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    (name.trim(), precision, scale)
}

/// The type as Java's driver tells it, and whether it has no sign.
fn kind(declared: &str, value: ValueRef<'_>) -> (SqlType, bool) {
    let dated = |kind| match declared {
        "DATE" | "DATETIME" => Some(SqlType::Date),
        "TIMESTAMP" => Some(SqlType::Timestamp),
        _ => kind,
    };
    let whole = match declared {
        "BOOLEAN" => Some((SqlType::Boolean, false)),
        "TINYINT" => Some((SqlType::TinyInt, true)),
        "SMALLINT" | "INT2" => Some((SqlType::SmallInt, true)),
        "BIGINT" | "INT8" | "UNSIGNED BIG INT" => Some((SqlType::BigInt, false)),
        "INTEGER" => Some((SqlType::Integer, false)),
        "INT" | "MEDIUMINT" => Some((SqlType::Integer, true)),
        _ => dated(None).map(|kind| (kind, false)),
    };
    let real = match declared {
        "DECIMAL" => Some(SqlType::Decimal),
        "DOUBLE" | "DOUBLE PRECISION" | "FLOAT" => Some(SqlType::Double),
        "NUMERIC" => Some(SqlType::Numeric),
        "REAL" => Some(SqlType::Real),
        _ => None,
    };
    let text = || dated(None).unwrap_or(SqlType::Text);
    match value {
        ValueRef::Integer(number) => match whole {
            Some((SqlType::Integer, false)) if i32::try_from(number).is_err() => {
                (SqlType::BigInt, false)
            }
            Some(found) => found,
            None => real.map_or((SqlType::Integer, true), |kind| (kind, false)),
        },
        ValueRef::Real(_) => (real.unwrap_or(SqlType::Double), false),
        ValueRef::Text(_) if real.is_some() => (real.unwrap_or(SqlType::Numeric), false),
        ValueRef::Text(_) => (text(), false),
        ValueRef::Blob(_) => (SqlType::Binary, false),
        ValueRef::Null => match (whole, real) {
            (Some(found), _) => found,
            (None, Some(kind)) => (kind, false),
            (None, None) if declared == "BLOB" => (SqlType::Binary, false),
            (None, None) => (text(), false),
        },
    }
}

struct Found<'a, 'r> {
    row: &'a rusqlite::Row<'r>,
    kinds: &'a [SqlType],
    /// Texts of moments must be as they are bound: others are in another order.
    strict: bool,
    seconds: bool,
}

impl Row for Found<'_, '_> {
    fn cell(&self, at: usize) -> Result<Cell<'_>> {
        let value = self.row.get_ref(at).map_err(|error| Error::data(error.to_string()))?;
        let kind = self.kinds.get(at).copied().unwrap_or(SqlType::Text);
        let is_time = matches!(kind, SqlType::Date | SqlType::Timestamp | SqlType::Time);
        Ok(match value {
            ValueRef::Null => Cell::Null,
            ValueRef::Integer(seconds) if is_time && self.seconds => {
                moment(Wall { seconds, nanos: 0 }, kind)
            }
            ValueRef::Integer(ms) if is_time => moment(Wall::from_ms(ms), kind),
            // A day of the Julian calendar's count.
            ValueRef::Real(day) if is_time => {
                moment(Wall::from_ms(((day - 2_440_587.5) * DAY_MS as f64).round() as i64), kind)
            }
            ValueRef::Integer(number) => Cell::Int(number),
            ValueRef::Real(number) => Cell::Double(number),
            ValueRef::Text(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                let is_bound = |wall: &Wall| {
                    !self.strict || kind != SqlType::Timestamp || wall.text(' ', 3) == text
                };
                match is_time.then(|| clock(&text).filter(is_bound)) {
                    Some(Some(wall)) if kind == SqlType::Date => Cell::Date(wall.day().0),
                    Some(Some(wall)) => Cell::Wall(wall),
                    Some(None) => {
                        return Err(Error::data(format!(
                            "Error parsing time stamp: {text} is none of the form yyyy-MM-dd HH:mm:ss.SSS"
                        )));
                    }
                    None => Cell::Text(Cow::Owned(text.into_owned())),
                }
            }
            ValueRef::Blob(bytes) => Cell::Bytes(bytes),
        })
    }
}

fn moment(instant: Wall, kind: SqlType) -> Cell<'static> {
    match kind {
        SqlType::Date => Cell::Date(instant.day().0),
        _ => Cell::Instant(instant),
    }
}

/// `2024-02-29`, `2024-02-29 23:59:59`, `2024-02-29T23:59:59.123`.
fn clock(text: &str) -> Option<Wall> {
    let (date, time) = match text.split_at_checked(10) {
        Some((date, "")) => (date, "00:00:00"),
        Some((date, time)) => (date, time.strip_prefix([' ', 'T'])?),
        None => return None,
    };
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = whole.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().unwrap_or(Some(0))?;
    let nanos = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some(Wall {
        seconds: days(year, month, day) * 86_400 + (hour * 60 + minute) * 60 + second,
        nanos,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_read_in_the_forms_that_sqlite_writes() {
        let read = |text| clock(text).map(|wall| wall.text(' ', 3));
        assert_eq!(read("2024-02-29").as_deref(), Some("2024-02-29 00:00:00.000"));
        assert_eq!(read("2024-02-29 23:59:59").as_deref(), Some("2024-02-29 23:59:59.000"));
        assert_eq!(read("2024-02-29T23:59:59.5").as_deref(), Some("2024-02-29 23:59:59.500"));
        assert_eq!(read("yesterday!"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn types_are_what_javas_driver_tells() {
        let whole = ValueRef::Integer(5);
        assert_eq!(kind("INTEGER", whole), (SqlType::Integer, false));
        assert_eq!(kind("INTEGER", ValueRef::Integer(1 << 40)), (SqlType::BigInt, false));
        assert_eq!(kind("INT", whole), (SqlType::Integer, true));
        assert_eq!(kind("BOOLEAN", whole), (SqlType::Boolean, false));
        assert_eq!(kind("VARCHAR", ValueRef::Null), (SqlType::Text, false));
        assert_eq!(kind("", ValueRef::Real(0.5)), (SqlType::Double, false));
        assert_eq!(split("DECIMAL(10, 2)"), ("DECIMAL", 10, 2));
        assert_eq!(split("VARCHAR(20)"), ("VARCHAR", 20, 0));
    }
}
