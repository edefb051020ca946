//! From the columns of a result to Connect's types.

use std::sync::Arc;

use bytes::Bytes;
use gantry_api::model::logical::{
    DAY_MS, DECIMAL, Decimal, SCALE_PARAMETER, date, decimal, time, timestamp,
};
use gantry_api::{Error, Kind, Result, Schema, SchemaBuilder, Str, Struct, Text, Value};
use num_bigint::BigInt;

use super::config::Config;
use crate::jdbc::db::{Cell, Column, Row, SqlType, Wall};
use crate::jdbc::zone::Zone;

const PRECISION_PARAMETER: &str = "connect.decimal.precision";
/// Most digits that surely fit 64 bits.
const LONG_DIGITS: u32 = 18;
/// The smallest scale of a number that is taken for whole.
const SCALE_MIN: i32 = -84;

/// What becomes of numbers of type NUMERIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumericMapping {
    None,
    PrecisionOnly,
    BestFit,
    BestFitEagerDouble,
}

impl NumericMapping {
    pub(super) fn parse(text: Option<&str>, precision: bool) -> Self {
        match text.map(str::to_ascii_lowercase).as_deref() {
            Some("precision_only") => Self::PrecisionOnly,
            Some("best_fit") => Self::BestFit,
            Some("best_fit_eager_double") => Self::BestFitEagerDouble,
            None if precision => Self::PrecisionOnly,
            _ => Self::None,
        }
    }

    fn target(self, precision: u32, scale: i32) -> Target {
        // Of a number without limits nothing smaller than a decimal holds all.
        if precision == 0 || self == Self::None {
            return Target::Decimal(scale);
        }
        let whole = match precision {
            10.. => Target::Int64,
            5..=9 => Target::Int32,
            3..=4 => Target::Int16,
            _ => Target::Int8,
        };
        let fits = precision <= LONG_DIGITS;
        let is_whole = (SCALE_MIN..1).contains(&scale);
        match self {
            Self::PrecisionOnly if scale == 0 && fits => whole,
            Self::BestFit | Self::BestFitEagerDouble if is_whole && fits => whole,
            Self::BestFit if scale > 0 && fits => Target::Float64,
            Self::BestFitEagerDouble if scale > 0 => Target::Float64,
            _ => Target::Decimal(scale),
        }
    }
}

/// What becomes of timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Granularity {
    #[default]
    Logical,
    /// A number since the epoch, of so many digits behind the second.
    Long(usize),
    /// The same as text.
    Text(usize),
    /// What the clock shows.
    Iso(usize),
}

impl Granularity {
    pub(super) const NAMES: [&'static str; 7] = [
        "connect_logical",
        "micros_long",
        "micros_string",
        "micros_iso_datetime_string",
        "nanos_long",
        "nanos_string",
        "nanos_iso_datetime_string",
    ];

    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let at = Self::NAMES.iter().position(|name| *name == text)?;
        Some(match at {
            0 => Self::Logical,
            1 => Self::Long(6),
            2 => Self::Text(6),
            3 => Self::Iso(6),
            4 => Self::Long(9),
            5 => Self::Text(9),
            _ => Self::Iso(9),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Text,
    Bytes,
    Decimal(i32),
    Date,
    Time,
    Timestamp(Granularity),
}

/// How rows become structs.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) schema: Schema,
    /// The place in the row and the type, for each field.
    fields: Vec<(usize, Target, Str)>,
}

impl Plan {
    /// For these columns; those of types that nothing fits are left out, and said.
    pub(super) fn new(name: Option<&str>, columns: &[Column], config: &Config) -> Result<Self> {
        let mut fields = Vec::with_capacity(columns.len());
        let mut schemas = Vec::with_capacity(columns.len());
        for (at, column) in columns.iter().enumerate() {
            let Some(target) = target(column, config) else {
                if let SqlType::Other(number) = column.kind
                    && number != 0
                {
                    tracing::warn!(
                        column = column.label,
                        "JDBC type {number} ({}) not currently supported",
                        column.type_name
                    );
                }
                continue;
            };
            let label: Str = column.label.as_str().into();
            let schema = schema(target, column, config.has_precision)?;
            schemas.push((Str::clone(&label), schema));
            fields.push((at, target, label));
        }
        let schema = SchemaBuilder::structure(schemas)?.name(name.map(Into::into)).build()?;
        Ok(Self { schema, fields })
    }

    /// The place in the row of a field: by its exact name, else in any case of letters.
    pub(super) fn place(&self, name: &str, exactly: bool) -> Option<usize> {
        let exact = self.fields.iter().find(|(_, _, label)| **label == *name);
        let found = match exact {
            None if !exactly => {
                let mut same =
                    self.fields.iter().filter(|(_, _, label)| label.eq_ignore_ascii_case(name));
                let first = same.next();
                first.filter(|_| same.next().is_none())
            }
            found => found,
        };
        found.map(|(at, _, _)| *at)
    }

    /// The names of all fields.
    pub(super) fn names(&self) -> String {
        self.fields.iter().map(|(_, _, label)| &**label).collect::<Vec<_>>().join(",")
    }

    /// The struct of a row, and about how many bytes it takes.
    pub(super) fn value(&self, row: &dyn Row, zone: &Zone) -> Result<(Value, usize)> {
        let mut values = Vec::with_capacity(self.fields.len());
        let mut bytes = 0;
        for (at, target, label) in &self.fields {
            let named = |error: Error| Error::data(format!("column {label}: {}", error.message()));
            let cell = row.cell(*at).map_err(named)?;
            bytes += match &cell {
                Cell::Text(text) => text.len(),
                Cell::Bytes(bytes) => bytes.len(),
                _ => 0,
            } + size_of::<Value>();
            values.push(convert(cell, *target, zone).map_err(named)?);
        }
        Ok((Value::Struct(Arc::new(Struct::from_values(self.schema.clone(), values))), bytes))
    }
}

fn target(column: &Column, config: &Config) -> Option<Target> {
    let unsigned = column.is_unsigned;
    let scale = if column.scale == -127 { 127 } else { column.scale };
    Some(match column.kind {
        SqlType::Boolean => Target::Boolean,
        SqlType::Bit => Target::Int8,
        SqlType::TinyInt if unsigned => Target::Int16,
        SqlType::TinyInt => Target::Int8,
        SqlType::SmallInt if unsigned => Target::Int32,
        SqlType::SmallInt => Target::Int16,
        SqlType::Integer if unsigned => Target::Int64,
        SqlType::Integer => Target::Int32,
        SqlType::BigInt => Target::Int64,
        SqlType::Real => Target::Float32,
        SqlType::Double => Target::Float64,
        // Without limits, Aiven's takes it for a whole number.
        SqlType::Numeric if column.precision == 0 && !config.has_precision => Target::Decimal(0),
        SqlType::Numeric => config.numeric.target(column.precision, scale),
        SqlType::Decimal => Target::Decimal(scale),
        SqlType::Text => Target::Text,
        SqlType::Binary => Target::Bytes,
        SqlType::Date => Target::Date,
        SqlType::Time => Target::Time,
        SqlType::Timestamp => Target::Timestamp(config.granularity),
        SqlType::Other(_) => return None,
    })
}

fn schema(target: Target, column: &Column, has_precision: bool) -> Result<Schema> {
    let builder = match target {
        Target::Boolean => SchemaBuilder::new(Kind::Boolean),
        Target::Int8 => SchemaBuilder::new(Kind::Int8),
        Target::Int16 => SchemaBuilder::new(Kind::Int16),
        Target::Int32 => SchemaBuilder::new(Kind::Int32),
        Target::Int64 | Target::Timestamp(Granularity::Long(_)) => SchemaBuilder::new(Kind::Int64),
        Target::Float32 => SchemaBuilder::new(Kind::Float32),
        Target::Float64 => SchemaBuilder::new(Kind::Float64),
        Target::Text | Target::Timestamp(Granularity::Text(_) | Granularity::Iso(_)) => {
            SchemaBuilder::new(Kind::String)
        }
        Target::Bytes => SchemaBuilder::new(Kind::Bytes),
        Target::Decimal(scale) if has_precision => SchemaBuilder::new(Kind::Bytes)
            .name(Some(DECIMAL.into()))
            .version(Some(1))
            .parameter(SCALE_PARAMETER, &scale.to_string())
            .parameter(PRECISION_PARAMETER, &column.precision.to_string()),
        Target::Decimal(scale) => decimal(scale),
        Target::Date => date(),
        Target::Time => time(),
        Target::Timestamp(Granularity::Logical) => timestamp(),
    };
    builder.set_optional(column.is_nullable).build()
}

/// The value of a cell as a type.
fn convert(cell: Cell<'_>, target: Target, zone: &Zone) -> Result<Value> {
    if cell == Cell::Null {
        return Ok(Value::Null);
    }
    let whole = |cell: &Cell<'_>| whole(cell);
    let out = |number: i64| {
        Error::data(format!("Value '{number}' is outside of valid range for the column's type"))
    };
    Ok(match target {
        Target::Boolean => Value::Boolean(match cell {
            Cell::Bool(flag) => flag,
            other => whole(&other)? != 0,
        }),
        Target::Int8 => {
            whole(&cell).and_then(|n| i8::try_from(n).map(Value::Int8).map_err(|_| out(n)))?
        }
        Target::Int16 => {
            whole(&cell).and_then(|n| i16::try_from(n).map(Value::Int16).map_err(|_| out(n)))?
        }
        Target::Int32 => {
            whole(&cell).and_then(|n| i32::try_from(n).map(Value::Int32).map_err(|_| out(n)))?
        }
        Target::Int64 => Value::Int64(whole(&cell)?),
        Target::Float32 => Value::Float32(real(&cell)? as f32),
        Target::Float64 => Value::Float64(real(&cell)?),
        Target::Text => match cell {
            Cell::Text(text) => Value::String(Text::from(&*text)),
            other => Value::str(&shown(&other)),
        },
        Target::Bytes => match cell {
            Cell::Bytes(bytes) => Value::Bytes(Bytes::copy_from_slice(bytes)),
            Cell::Text(text) => Value::Bytes(Bytes::copy_from_slice(text.as_bytes())),
            other => return Err(unfit(&other, "bytes")),
        },
        Target::Decimal(scale) => Value::Decimal(Arc::new(scaled(exact(cell)?, scale)?)),
        Target::Date => Value::Date(match cell {
            Cell::Date(days) => days.saturating_mul(DAY_MS),
            Cell::Wall(wall) | Cell::Instant(wall) => wall.day().0.saturating_mul(DAY_MS),
            other => return Err(unfit(&other, "a date")),
        }),
        Target::Time => match cell {
            Cell::Time(nanos) => {
                let wall = Wall {
                    seconds: nanos.div_euclid(NANOS),
                    nanos: nanos.rem_euclid(NANOS) as u32,
                };
                Value::Date(zone.instant(wall).ms())
            }
            Cell::Instant(wall) => Value::Date(wall.ms()),
            other => return Err(unfit(&other, "a time")),
        },
        Target::Timestamp(granularity) => moment(instant(&cell, zone)?, granularity, zone),
    })
}

const NANOS: i64 = 1_000_000_000;

/// The moment of a cell.
pub(super) fn instant(cell: &Cell<'_>, zone: &Zone) -> Result<Wall> {
    match cell {
        Cell::Wall(wall) => Ok(zone.instant(*wall)),
        Cell::Instant(instant) => Ok(*instant),
        Cell::Date(days) => {
            Ok(zone.instant(Wall { seconds: days.saturating_mul(86_400), nanos: 0 }))
        }
        other => Err(unfit(other, "a timestamp")),
    }
}

fn moment(instant: Wall, granularity: Granularity, zone: &Zone) -> Value {
    let number = |digits: usize| {
        let nanos = i128::from(instant.seconds) * i128::from(NANOS) + i128::from(instant.nanos);
        i64::try_from(if digits == 6 { nanos.div_euclid(1000) } else { nanos }).unwrap_or(i64::MAX)
    };
    match granularity {
        Granularity::Logical => Value::Date(instant.ms()),
        Granularity::Long(digits) => Value::Int64(number(digits)),
        Granularity::Text(digits) => Value::str(&number(digits).to_string()),
        Granularity::Iso(digits) => Value::str(&zone.wall(instant).0.text('T', digits)),
    }
}

/// The whole part of a decimal, if it fits 64 bits.
pub(super) fn long(number: &Decimal) -> Option<i64> {
    number.to_integer(LONG_DIGITS as usize + 1).and_then(|number| i64::try_from(number).ok())
}

/// The whole number of a cell.
pub(super) fn whole(cell: &Cell<'_>) -> Result<i64> {
    Ok(match cell {
        Cell::Bool(flag) => i64::from(*flag),
        Cell::Int(number) => *number,
        Cell::UInt(number) => i64::try_from(*number).map_err(|_| {
            Error::data(format!(
                "Value '{number}' is outside of valid range for type java.lang.Long"
            ))
        })?,
        Cell::Double(number) => *number as i64,
        Cell::Float(number) => *number as i64,
        Cell::Decimal(number) => {
            long(number).ok_or_else(|| Error::data(format!("{number} does not fit 64 bits")))?
        }
        Cell::Text(text) => text.trim().parse().map_err(|_| unfit(cell, "a whole number"))?,
        _ => return Err(unfit(cell, "a whole number")),
    })
}

fn real(cell: &Cell<'_>) -> Result<f64> {
    Ok(match cell {
        Cell::Int(number) => *number as f64,
        Cell::UInt(number) => *number as f64,
        Cell::Float(number) => f64::from(*number),
        Cell::Double(number) => *number,
        Cell::Decimal(number) => number.double_value(),
        Cell::Text(text) => text.trim().parse().map_err(|_| unfit(cell, "a number"))?,
        _ => return Err(unfit(cell, "a number")),
    })
}

fn exact(cell: Cell<'_>) -> Result<Decimal> {
    match cell {
        Cell::Decimal(number) => Ok(number),
        Cell::Int(number) => Ok(Decimal::from_int(number)),
        Cell::UInt(number) => Ok(Decimal::from_int(number)),
        Cell::Double(number) => Decimal::from_f64(number),
        Cell::Float(number) => Decimal::from_f64(f64::from(number)),
        Cell::Text(text) => text.trim().parse(),
        other => Err(unfit(&other, "a decimal number")),
    }
}

/// The same number with so many digits behind the point; half of the last one goes to the even neighbour.
fn scaled(number: Decimal, scale: i32) -> Result<Decimal> {
    let by = i64::from(scale) - i64::from(number.scale);
    if by == 0 {
        return Ok(number);
    }
    let power = u32::try_from(by.unsigned_abs()).ok().filter(|power| *power <= 1000);
    let power =
        power.ok_or_else(|| Error::data(format!("no decimal of scale {scale} holds {number}")))?;
    let power = BigInt::from(10).pow(power);
    let unscaled = if by > 0 {
        number.unscaled * power
    } else {
        let (quotient, rest) = (&number.unscaled / &power, &number.unscaled % &power);
        let doubled: BigInt = rest.magnitude().clone().into();
        let doubled = doubled * 2;
        let is_odd = quotient.bit(0);
        let up = doubled > power || (doubled == power && is_odd);
        let one = BigInt::from(if rest < BigInt::ZERO { -1 } else { 1 });
        if up { quotient + one } else { quotient }
    };
    Ok(Decimal { unscaled, scale })
}

fn shown(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Bool(flag) => flag.to_string(),
        Cell::Int(number) => number.to_string(),
        Cell::UInt(number) => number.to_string(),
        Cell::Float(number) => number.to_string(),
        Cell::Double(number) => number.to_string(),
        Cell::Decimal(number) => number.to_plain_string(),
        Cell::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Cell::Wall(wall) | Cell::Instant(wall) => wall.text(' ', 3),
        Cell::Text(text) => text.to_string(),
        Cell::Null | Cell::Date(_) | Cell::Time(_) => String::new(),
    }
}

fn unfit(cell: &Cell<'_>, what: &str) -> Error {
    let is = match cell {
        Cell::Null => "null",
        Cell::Bool(_) => "a truth value",
        Cell::Int(_) | Cell::UInt(_) => "a whole number",
        Cell::Float(_) | Cell::Double(_) | Cell::Decimal(_) => "a number",
        Cell::Text(_) => "text",
        Cell::Bytes(_) => "bytes",
        Cell::Date(_) => "a date",
        Cell::Time(_) => "a time",
        Cell::Wall(_) | Cell::Instant(_) => "a timestamp",
    };
    Error::data(format!("the database has {is} where {what} was expected"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_where_they_fit() {
        use NumericMapping::{BestFit, BestFitEagerDouble, None, PrecisionOnly};
        assert_eq!(None.target(5, 0), Target::Decimal(0));
        assert_eq!(PrecisionOnly.target(2, 0), Target::Int8);
        assert_eq!(PrecisionOnly.target(4, 0), Target::Int16);
        assert_eq!(PrecisionOnly.target(9, 0), Target::Int32);
        assert_eq!(PrecisionOnly.target(18, 0), Target::Int64);
        assert_eq!(PrecisionOnly.target(19, 0), Target::Decimal(0));
        assert_eq!(PrecisionOnly.target(9, 2), Target::Decimal(2));
        assert_eq!(BestFit.target(9, 2), Target::Float64);
        assert_eq!(BestFit.target(19, 2), Target::Decimal(2));
        assert_eq!(BestFitEagerDouble.target(30, 2), Target::Float64);
        assert_eq!(BestFit.target(0, 127), Target::Decimal(127));
    }

    #[test]
    fn decimals_are_rounded_to_the_even_neighbour() {
        let to =
            |text: &str, scale| scaled(text.parse().unwrap(), scale).unwrap().to_plain_string();
        assert_eq!(to("1.5", 3), "1.500");
        assert_eq!(to("2.5", 0), "2");
        assert_eq!(to("3.5", 0), "4");
        assert_eq!(to("-2.51", 0), "-3");
        assert_eq!(to("-2.5", 0), "-2");
    }

    #[test]
    fn moments_in_each_granularity() {
        let instant = Wall { seconds: -1, nanos: 999_999_999 };
        let zone = Zone::Utc;
        let made = |name| moment(instant, Granularity::parse(name).unwrap(), &zone);
        assert_eq!(made("connect_logical"), Value::Date(-1));
        assert_eq!(made("micros_long"), Value::Int64(-1));
        assert_eq!(made("NANOS_STRING"), Value::str("-1"));
        assert_eq!(made("micros_iso_datetime_string"), Value::str("1969-12-31T23:59:59.999999"));
    }
}
