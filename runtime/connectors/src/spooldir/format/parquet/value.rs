//! Connect's values of rows.

use std::fmt::Write as _;
use std::sync::Arc;

use gantry_api::model::logical::DAY_MS;
use gantry_api::model::{Decimal, MapValue};
use gantry_api::{Bytes, Error, Kind, Result, Schema, Struct, Value};
use num_bigint::BigInt;
use parquet::data_type::Decimal as Digits;
use parquet::record::{Field, Row};

/// A struct of a row.
pub(super) fn row(schema: &Schema, row: Row) -> Result<Value> {
    let fields = schema.fields().map(|fields| fields.list()).unwrap_or_default();
    let columns = row.into_columns();
    if columns.len() != fields.len() {
        return Err(Error::data("the row has other fields than the schema of the file"));
    }
    let values: Result<Vec<Value>> = fields
        .iter()
        .zip(columns)
        .map(|(field, (_, column))| {
            value(&field.schema, column)
                .map_err(|error| Error::data(format!("field {}: {}", field.name, error.message())))
        })
        .collect();
    Ok(Value::Struct(Arc::new(Struct::from_values(schema.clone(), values?))))
}

fn value(schema: &Schema, field: Field) -> Result<Value> {
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(it) => Value::Boolean(it),
        Field::Byte(it) => Value::Int8(it),
        Field::Short(it) => Value::Int16(it),
        // Of 16 bits without a sign.
        Field::UShort(it) => Value::Int32(it.into()),
        Field::UByte(it) => Value::Int16(it.into()),
        Field::Int(it) => Value::Int32(it),
        Field::UInt(it) => Value::Int64(it.into()),
        Field::Long(it) | Field::TimeMicros(it) | Field::TimestampMicros(it) => Value::Int64(it),
        Field::ULong(it) => Value::Int64(i64::try_from(it).map_err(|_| {
            Error::data(format!("{it} does not fit into INT64, the largest type that there is"))
        })?),
        Field::Float16(it) => Value::Float32(it.into()),
        Field::Float(it) => Value::Float32(it),
        Field::Double(it) => Value::Float64(it),
        Field::Decimal(it) => Value::Decimal(Arc::new(decimal(&it))),
        Field::Str(it) => Value::str(&it),
        Field::Bytes(it) if matches!(schema.kind(), Kind::String) => Value::str(&uuid(it.data())),
        Field::Bytes(it) => Value::Bytes(Bytes::copy_from_slice(it.data())),
        Field::Date(days) => Value::Date(i64::from(days) * DAY_MS),
        Field::TimeMillis(ms) => Value::Date(ms.into()),
        Field::TimestampMillis(ms) => Value::Date(ms),
        Field::Group(of) => row(schema, of)?,
        Field::ListInternal(list) => match schema.kind() {
            Kind::Array(item) => {
                let items = list.elements().iter().cloned().map(|field| value(item, field));
                Value::array(items.collect::<Result<_>>()?)
            }
            _ => return Err(Error::data("a list stands where the schema has none")),
        },
        Field::MapInternal(map) => match schema.kind() {
            Kind::Map { key, value: of } => {
                let entries = map.entries().iter().cloned();
                let entries = entries.map(|(name, it)| Ok((value(key, name)?, value(of, it)?)));
                Value::Map(Arc::new(MapValue::from_entries(entries.collect::<Result<_>>()?)))
            }
            _ => return Err(Error::data("a map stands where the schema has none")),
        },
    })
}

fn decimal(digits: &Digits) -> Decimal {
    let unscaled = BigInt::from_signed_bytes_be(digits.data());
    Decimal { unscaled, scale: digits.scale() }
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}
