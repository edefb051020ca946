//! The logical types Decimal, Date, Time and Timestamp: schemas and conversions to what is
//! stored below them.

use bytes::Bytes;
use num_bigint::BigInt;

pub use crate::decimal::{Decimal, low_bits};
use crate::error::{Error, Result};
use crate::schema::{Kind, Schema, SchemaBuilder};

/// Schema name of Decimal: BYTES below, `java.math.BigDecimal` above.
pub const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";
/// Schema name of Date: INT32 days below, `java.util.Date` above.
pub const DATE: &str = "org.apache.kafka.connect.data.Date";
/// Schema name of Time: INT32 milliseconds of the day below, `java.util.Date` above.
pub const TIME: &str = "org.apache.kafka.connect.data.Time";
/// Schema name of Timestamp: INT64 milliseconds below, `java.util.Date` above.
pub const TIMESTAMP: &str = "org.apache.kafka.connect.data.Timestamp";
/// The parameter of Decimal's schema that holds its scale.
pub const SCALE_PARAMETER: &str = "scale";
/// Milliseconds of a day.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A builder of Decimal's schema with that scale.
pub fn decimal(scale: i32) -> SchemaBuilder {
    SchemaBuilder::new(Kind::Bytes)
        .name(Some(DECIMAL.into()))
        .version(Some(1))
        .parameter(SCALE_PARAMETER, &scale.to_string())
}
/// A builder of Date's schema.
pub fn date() -> SchemaBuilder {
    SchemaBuilder::new(Kind::Int32).name(Some(DATE.into())).version(Some(1))
}
/// A builder of Time's schema.
pub fn time() -> SchemaBuilder {
    SchemaBuilder::new(Kind::Int32).name(Some(TIME.into())).version(Some(1))
}
/// A builder of Timestamp's schema.
pub fn timestamp() -> SchemaBuilder {
    SchemaBuilder::new(Kind::Int64).name(Some(TIMESTAMP.into())).version(Some(1))
}

/// Which logical type a schema has, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logical {
    /// Decimal
    Decimal,
    /// Date
    Date,
    /// Time
    Time,
    /// Timestamp
    Timestamp,
}

impl Logical {
    /// The logical type of a schema, `None` for all other names.
    pub fn of(schema: &Schema) -> Option<Self> {
        match schema.name().map(|name| &**name)? {
            DECIMAL => Some(Self::Decimal),
            DATE => Some(Self::Date),
            TIME => Some(Self::Time),
            TIMESTAMP => Some(Self::Timestamp),
            _ => None,
        }
    }
}

fn check(schema: &Schema, name: &str, type_: &str) -> Result<()> {
    if schema.name().is_some_and(|own| &**own == name) {
        return Ok(());
    }
    Err(Error::data(format!(
        "Requested conversion of {type_} object but the schema does not match."
    )))
}

/// The scale that a Decimal's schema demands. `DataException` without a valid one.
pub fn scale(schema: &Schema) -> Result<i32> {
    let text = schema
        .parameters()
        .and_then(|all| all.get(SCALE_PARAMETER))
        .ok_or_else(|| Error::data("Invalid Decimal schema: scale parameter not found."))?;
    crate::text::parse_long(text)
        .and_then(|scale| i32::try_from(scale).ok())
        .ok_or_else(|| Error::data("Invalid scale parameter found in Decimal schema: "))
}

/// The unscaled value of a Decimal, two's complement, highest byte first
/// (`Decimal.fromLogical`). `DataException` if its scale is not the schema's.
pub fn decimal_from_logical(schema: &Schema, value: &Decimal) -> Result<Bytes> {
    let wanted = scale(schema)?;
    if value.scale != wanted {
        return Err(Error::data(format!(
            "Decimal value has mismatching scale for given Decimal schema. Schema has scale \
             {wanted}, value has scale {}.",
            value.scale
        )));
    }
    Ok(value.unscaled.to_signed_bytes_be().into())
}
/// The Decimal of these bytes with the schema's scale (`Decimal.toLogical`).
/// `NumberFormatException` for no bytes at all.
pub fn decimal_to_logical(schema: &Schema, bytes: &Bytes) -> Result<Decimal> {
    if bytes.is_empty() {
        return Err(Error::java("java.lang.NumberFormatException", "Zero length BigInteger"));
    }
    Ok(Decimal { unscaled: BigInt::from_signed_bytes_be(bytes), scale: scale(schema)? })
}
/// Days since the epoch of a date in milliseconds (`Date.fromLogical`). `DataException` if it
/// is not midnight, UTC.
pub fn date_from_logical(schema: &Schema, ms: i64) -> Result<i32> {
    check(schema, DATE, "Date")?;
    if ms % DAY_MS != 0 {
        return Err(Error::data(
            "Kafka Connect Date type should not have any time fields set to non-zero values.",
        ));
    }
    Ok((ms / DAY_MS) as i32)
}
/// Milliseconds of the day (`Time.fromLogical`). `DataException` if there are more than a day's.
pub fn time_from_logical(schema: &Schema, ms: i64) -> Result<i32> {
    check(schema, TIME, "Time")?;
    if !(0..=DAY_MS).contains(&ms) {
        return Err(Error::data(
            "Kafka Connect Time type should not have any date fields set to non-zero values.",
        ));
    }
    Ok(ms as i32)
}
/// Milliseconds since the epoch (`Timestamp.fromLogical`).
pub fn timestamp_from_logical(schema: &Schema, ms: i64) -> Result<i64> {
    check(schema, TIMESTAMP, "Timestamp")?;
    Ok(ms)
}
/// Milliseconds since the epoch of a day's start (`Date.toLogical`).
pub fn date_to_logical(schema: &Schema, days: i32) -> Result<i64> {
    check(schema, DATE, "Date")?;
    Ok(i64::from(days) * DAY_MS)
}
/// Milliseconds of a time of the day (`Time.toLogical`). `DataException` out of 0 to a day.
pub fn time_to_logical(schema: &Schema, ms: i32) -> Result<i64> {
    check(schema, TIME, "Time")?;
    if !(0..=DAY_MS).contains(&i64::from(ms)) {
        return Err(Error::data(format!(
            "Time values must use number of milliseconds greater than 0 and less than {DAY_MS}"
        )));
    }
    Ok(i64::from(ms))
}
/// Milliseconds since the epoch (`Timestamp.toLogical`).
pub fn timestamp_to_logical(schema: &Schema, ms: i64) -> Result<i64> {
    check(schema, TIMESTAMP, "Timestamp")?;
    Ok(ms)
}
