//! The statements that make and change tables.

use gantry_api::model::logical::{DAY_MS, Logical};
use gantry_api::{Error, Kind, Result, Schema, Value};

use super::config::Config;
use super::fields::Field;
use crate::jdbc::db::{Dialect, TableId, Wall};

/// Longest text of a primary key in MySQL, which has no keys on texts without a length.
const KEY_CHARS: u32 = 256;

/// The statement that makes a table.
pub(super) fn create(config: &Config, table: &TableId, fields: &[&Field]) -> Result<String> {
    let mut lines: Vec<String> =
        fields.iter().map(|field| column(config, field)).collect::<Result<_>>()?;
    let keys: Vec<String> = fields
        .iter()
        .filter(|field| field.is_key)
        .map(|field| config.quoting.name(&field.name))
        .collect();
    if !keys.is_empty() {
        lines.push(format!("PRIMARY KEY({})", keys.join(",")));
    }
    Ok(format!("CREATE TABLE {} (\n{})", config.quoting.table(table), lines.join(",\n")))
}

/// The statements that add columns.
pub(super) fn alter(config: &Config, table: &TableId, fields: &[&Field]) -> Result<Vec<String>> {
    let head = format!("ALTER TABLE {} ", config.quoting.table(table));
    let adds: Vec<String> = fields
        .iter()
        .map(|field| column(config, field).map(|column| format!("ADD {column}")))
        .collect::<Result<_>>()?;
    Ok(match (config.quoting.dialect, adds.as_slice()) {
        (Dialect::Sqlite, _) | (_, [_]) => adds.iter().map(|add| format!("{head}{add}")).collect(),
        _ => vec![format!("{head}\n{}", adds.join(",\n"))],
    })
}

fn column(config: &Config, field: &Field) -> Result<String> {
    let name = config.quoting.name(&field.name);
    let kind = kind(config, field)?;
    Ok(match field.schema.default_value() {
        Some(value) if !value.is_null() => {
            format!("{name} {kind} DEFAULT {}", literal(config, &field.schema, value)?)
        }
        _ if field.is_optional() => format!("{name} {kind} NULL"),
        _ => format!("{name} {kind} NOT NULL"),
    })
}

/// The type of a column.
fn kind(config: &Config, field: &Field) -> Result<String> {
    let dialect = config.quoting.dialect;
    let by = |mysql: &str, postgres: &str, sqlite: &str| {
        Ok(match dialect {
            Dialect::MySql | Dialect::MariaDb => mysql,
            Dialect::PostgreSql => postgres,
            Dialect::Sqlite => sqlite,
        }
        .to_owned())
    };
    if field.since_epoch {
        return by("DATETIME(6)", "TIMESTAMP", "NUMERIC");
    }
    match Logical::of(&field.schema) {
        Some(Logical::Decimal) => {
            let scale = gantry_api::model::logical::scale(&field.schema)?;
            return by(&format!("DECIMAL(65,{scale})"), "DECIMAL", "NUMERIC");
        }
        Some(Logical::Date) => return by("DATE", "DATE", "NUMERIC"),
        Some(Logical::Time) => return by("TIME(3)", "TIME", "NUMERIC"),
        Some(Logical::Timestamp) => return by("DATETIME(3)", "TIMESTAMP", "NUMERIC"),
        None => {}
    }
    match field.schema.kind() {
        Kind::Int8 => by("TINYINT", "SMALLINT", "INTEGER"),
        Kind::Int16 => by("SMALLINT", "SMALLINT", "INTEGER"),
        Kind::Int32 => by("INT", "INT", "INTEGER"),
        Kind::Int64 => by("BIGINT", "BIGINT", "INTEGER"),
        Kind::Float32 => by("FLOAT", "REAL", "REAL"),
        Kind::Float64 => by("DOUBLE", "DOUBLE PRECISION", "REAL"),
        Kind::Boolean => by("TINYINT", "BOOLEAN", "INTEGER"),
        Kind::String if field.is_key || config.flavour == crate::jdbc::Flavour::Aiven => {
            by(&format!("VARCHAR({KEY_CHARS})"), "TEXT", "TEXT")
        }
        Kind::String => by("TEXT", "TEXT", "TEXT"),
        Kind::Bytes => by("VARBINARY(1024)", "BYTEA", "BLOB"),
        Kind::Array(element) if dialect == Dialect::PostgreSql => {
            let element = Field { schema: element.clone(), ..field.clone() };
            kind(config, &element).map(|kind| format!("{kind}[]"))
        }
        other => Err(Error::connect(format!(
            "{} ({}) type doesn't have a mapping to the SQL database column type",
            field.schema.name().map_or("null", |name| name),
            other.type_name()
        ))),
    }
}

/// A default as it stands in a statement.
fn literal(config: &Config, schema: &Schema, value: &Value) -> Result<String> {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let is_postgres = config.quoting.dialect == Dialect::PostgreSql;
    Ok(match value {
        Value::Null => "NULL".to_owned(),
        Value::Boolean(flag) if is_postgres => if *flag { "TRUE" } else { "FALSE" }.to_owned(),
        Value::Boolean(flag) => u8::from(*flag).to_string(),
        Value::Int8(number) => number.to_string(),
        Value::Int16(number) => number.to_string(),
        Value::Int32(number) => number.to_string(),
        Value::Int64(number) => number.to_string(),
        Value::Float32(number) if number.is_finite() => number.to_string(),
        Value::Float64(number) if number.is_finite() => number.to_string(),
        Value::Float32(number) if is_postgres => quoted(&number.to_string()),
        Value::Float64(number) if is_postgres => quoted(&number.to_string()),
        Value::Decimal(number) => number.to_plain_string(),
        Value::String(text) if config.quoting.dialect.is_mysql() => {
            quoted(&text.replace('\\', "\\\\"))
        }
        Value::String(text) => quoted(text),
        Value::Bytes(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            if is_postgres { format!("'\\x{digits}'") } else { format!("x'{digits}'") }
        }
        Value::Date(ms) => match Logical::of(schema) {
            Some(Logical::Date) => {
                let day = config.date_zone.wall(Wall::from_ms(*ms)).0.ms().div_euclid(DAY_MS);
                let text = Wall::from_ms(day * DAY_MS).text(' ', 0);
                quoted(text.split(' ').next().unwrap_or_default())
            }
            Some(Logical::Time) => {
                let text = config.zone.wall(Wall::from_ms(*ms)).0.text(' ', 3);
                quoted(text.split(' ').nth(1).unwrap_or_default())
            }
            _ => quoted(&config.zone.wall(Wall::from_ms(*ms)).0.text(' ', 3)),
        },
        Value::Array(list) => {
            let Kind::Array(element) = schema.kind() else { return Ok("NULL".to_owned()) };
            let all: Vec<String> =
                list.iter().map(|one| literal(config, element, one)).collect::<Result<_>>()?;
            if all.is_empty() { quoted("{}") } else { format!("ARRAY[{}]", all.join(",")) }
        }
        _ => {
            return Err(Error::connect(format!(
                "a default of type {} has no form in SQL",
                schema.kind().type_name()
            )));
        }
    })
}
