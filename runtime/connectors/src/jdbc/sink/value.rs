//! From Connect's values to parameters.

use std::sync::Arc;

use gantry_api::model::logical::Logical;
use gantry_api::{Error, Kind, Result, Schema, Value};

use super::config::Config;
use super::fields::Field;
use crate::jdbc::db::{Dialect, Param, Wall, civil};

/// The parameter of a column.
pub(super) fn param(field: &Field, value: &Value, config: &Config) -> Result<Param> {
    if value.is_null() {
        return Ok(Param::Null);
    }
    if field.since_epoch
        && let Some(moment) = since_epoch(field, value, config)?
    {
        return Ok(moment);
    }
    plain(&field.schema, value, config)
        .map_err(|error| Error::connect(format!("column {}: {}", field.name, error.message())))
}

/// A moment of a field that counts since the epoch.
fn since_epoch(field: &Field, value: &Value, config: &Config) -> Result<Option<Param>> {
    let number = match value {
        Value::Int64(number) => *number,
        Value::String(text) => text.trim().parse().map_err(|_| {
            Error::connect(format!(
                "column {}: its text is no number of timestamp.precision.mode",
                field.name
            ))
        })?,
        _ => return Ok(None),
    };
    let unit = if config.timestamp_nanos { 1_000_000_000 } else { 1_000_000 };
    let nanos = number.rem_euclid(unit) * (1_000_000_000 / unit);
    let instant = Wall { seconds: number.div_euclid(unit), nanos: nanos as u32 };
    let (wall, offset) = config.zone.wall(instant);
    Ok(Some(Param::Moment(wall, offset)))
}

fn plain(schema: &Schema, value: &Value, config: &Config) -> Result<Param> {
    Ok(match value {
        Value::Null => Param::Null,
        Value::Boolean(flag) => Param::Bool(*flag),
        Value::Int8(number) => Param::Int(i64::from(*number)),
        Value::Int16(number) => Param::Int(i64::from(*number)),
        Value::Int32(number) => Param::Int(i64::from(*number)),
        Value::Int64(number) => Param::Int(*number),
        Value::Float32(number) => Param::Float(*number),
        Value::Float64(number) => Param::Double(*number),
        Value::String(text) => Param::Text(text.clone()),
        Value::Bytes(bytes) => Param::Bytes(bytes.clone()),
        Value::Decimal(number) => Param::Decimal(Arc::clone(number)),
        Value::Date(ms) => moment(*ms, Logical::of(schema), config)?,
        Value::Array(list) if config.quoting.dialect == Dialect::PostgreSql => {
            let Kind::Array(element) = schema.kind() else { return Err(unsupported(schema)) };
            if !element.kind().is_primitive() || *element.kind() == Kind::Bytes {
                return Err(unsupported(schema));
            }
            let all = list.iter().map(|one| plain(element, one, config));
            Param::List(all.collect::<Result<_>>()?)
        }
        _ => return Err(unsupported(schema)),
    })
}

fn moment(ms: i64, logical: Option<Logical>, config: &Config) -> Result<Param> {
    let is_sqlite = config.quoting.dialect == Dialect::Sqlite;
    Ok(match logical {
        // Java's driver binds dates and times there as they are.
        Some(Logical::Date | Logical::Time) if is_sqlite => Param::Int(ms),
        Some(Logical::Date) => {
            let wall = config.date_zone.wall(Wall::from_ms(ms)).0;
            within(wall, config)?;
            Param::Date(wall.day().0)
        }
        Some(Logical::Time) => {
            let wall = config.zone.wall(Wall::from_ms(ms)).0;
            Param::Time(wall.day().1 * 1_000_000_000 + i64::from(wall.nanos))
        }
        _ => {
            let (wall, offset) = config.zone.wall(Wall::from_ms(ms));
            within(wall, config)?;
            Param::Moment(wall, offset)
        }
    })
}

/// MySQL has years of four digits.
fn within(wall: Wall, config: &Config) -> Result<()> {
    let year = civil(wall.day().0).0;
    if config.quoting.dialect.is_mysql() && !(0..=9999).contains(&year) {
        return Err(Error::connect(format!("the database has no year {year}: it has 0 to 9999")));
    }
    Ok(())
}

fn unsupported(schema: &Schema) -> Error {
    Error::connect(format!("Unsupported source data type: {}", schema.kind().type_name()))
}
