//! Connect's schemas of Parquet's.

use gantry_api::model::logical;
use gantry_api::{Error, Kind, Result, Schema, SchemaBuilder};
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::schema::types::Type;

/// Debezium's names of what Connect has none for: nothing of such times is lost.
const MICRO_TIMESTAMP: &str = "io.debezium.time.MicroTimestamp";
const NANO_TIMESTAMP: &str = "io.debezium.time.NanoTimestamp";
const MICRO_TIME: &str = "io.debezium.time.MicroTime";
const NANO_TIME: &str = "io.debezium.time.NanoTime";
pub(super) const UUID: &str = "io.debezium.data.Uuid";
/// Schemas within each other.
const DEPTH_MAX: usize = 100;

/// The schema of rows.
pub(super) fn of(root: &Type) -> Result<Schema> {
    group(root, 0)?.name(Some(root.name().into())).build()
}

fn group(of: &Type, depth: usize) -> Result<SchemaBuilder> {
    if depth > DEPTH_MAX {
        return Err(Error::data(format!("the schema has more than {DEPTH_MAX} levels")));
    }
    let fields: Result<Vec<_>> = of
        .get_fields()
        .iter()
        .map(|field| Ok((field.name().into(), place(field, depth + 1)?)))
        .collect();
    SchemaBuilder::structure(fields?)
}

/// A field with a repetition of its own.
fn place(of: &Type, depth: usize) -> Result<Schema> {
    if of.get_basic_info().repetition() == Repetition::REPEATED {
        // Neither a list nor a map: a list that is always there, of what is always there.
        return SchemaBuilder::new(Kind::Array(item(of, depth)?.build()?)).build();
    }
    let is_optional = of.get_basic_info().repetition() == Repetition::OPTIONAL;
    item(of, depth)?.set_optional(is_optional).build()
}

fn item(of: &Type, depth: usize) -> Result<SchemaBuilder> {
    if of.is_primitive() {
        return leaf(of);
    }
    match (of.get_basic_info().converted_type(), of.get_fields()) {
        (ConvertedType::LIST, [repeated]) => list(repeated, depth),
        (ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE, [entry]) if !entry.is_primitive() => {
            match entry.get_fields() {
                [key] => Ok(SchemaBuilder::new(Kind::Array(place(key, depth + 1)?))),
                [key, value] => Ok(SchemaBuilder::new(Kind::Map {
                    key: place(key, depth + 1)?,
                    value: place(value, depth + 1)?,
                })),
                _ => Err(Error::data(format!("the map {} has no keys and values", of.name()))),
            }
        }
        (ConvertedType::LIST | ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE, _) => {
            Err(Error::data(format!("the list or map {} is made as none is", of.name())))
        }
        _ => Ok(group(of, depth)?.name(Some(of.name().into()))),
    }
}

/// The elements stand in a group around each, or, of old, without one.
fn list(repeated: &Type, depth: usize) -> Result<SchemaBuilder> {
    let fields = if repeated.is_primitive() { &[] } else { repeated.get_fields() };
    let element = match fields {
        [element] if is_wrapper(repeated, element) => place(element, depth + 1)?,
        _ => item(repeated, depth + 1)?.build()?,
    };
    Ok(SchemaBuilder::new(Kind::Array(element)))
}

/// Whether the group only stands around the element, as the library decides it: by their names `array` and `…_tuple` are
/// elements of old, if there is no list in them.
fn is_wrapper(repeated: &Type, element: &Type) -> bool {
    let is_of_old = repeated.name() == "array" || repeated.name().ends_with("_tuple");
    let info = repeated.get_basic_info();
    let is_list = match info.logical_type_ref() {
        Some(logical) => *logical == LogicalType::List,
        None => info.converted_type() == ConvertedType::LIST,
    };
    !is_of_old || is_list || element.get_basic_info().repetition() == Repetition::REPEATED
}

fn leaf(of: &Type) -> Result<SchemaBuilder> {
    use ConvertedType as Converted;
    let named =
        |kind, name: &str| SchemaBuilder::new(kind).name(Some(name.into())).version(Some(1));
    let (info, scale) = (of.get_basic_info(), of.get_scale());
    let plain = SchemaBuilder::new;
    let nanos = |unit: &TimeUnit| matches!(unit, TimeUnit::NANOS);
    Ok(match (of.get_physical_type(), info.converted_type(), info.logical_type_ref()) {
        (_, Converted::DECIMAL, _) => logical::decimal(scale),
        (Physical::BOOLEAN, ..) => plain(Kind::Boolean),
        (Physical::INT32, Converted::INT_8, _) => plain(Kind::Int8),
        (Physical::INT32, Converted::INT_16 | Converted::UINT_8, _) => plain(Kind::Int16),
        (Physical::INT32, Converted::UINT_32, _) => plain(Kind::Int64),
        (Physical::INT32, Converted::DATE, _) => logical::date(),
        (Physical::INT32, Converted::TIME_MILLIS, _) => logical::time(),
        (Physical::INT32, ..) => plain(Kind::Int32),
        (Physical::INT64, Converted::TIMESTAMP_MILLIS, _) | (Physical::INT96, ..) => {
            logical::timestamp()
        }
        (Physical::INT64, Converted::TIMESTAMP_MICROS, _) => named(Kind::Int64, MICRO_TIMESTAMP),
        (Physical::INT64, Converted::TIME_MICROS, _) => named(Kind::Int64, MICRO_TIME),
        (Physical::INT64, _, Some(LogicalType::Timestamp(of))) if nanos(&of.unit) => {
            named(Kind::Int64, NANO_TIMESTAMP)
        }
        (Physical::INT64, _, Some(LogicalType::Time(of))) if nanos(&of.unit) => {
            named(Kind::Int64, NANO_TIME)
        }
        (Physical::INT64, ..) => plain(Kind::Int64),
        (Physical::FLOAT, ..) | (_, _, Some(LogicalType::Float16)) => plain(Kind::Float32),
        (Physical::DOUBLE, ..) => plain(Kind::Float64),
        (Physical::BYTE_ARRAY, Converted::UTF8 | Converted::ENUM | Converted::JSON, _) => {
            plain(Kind::String)
        }
        (Physical::FIXED_LEN_BYTE_ARRAY, _, Some(LogicalType::Uuid)) => named(Kind::String, UUID),
        (Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY, ..) => plain(Kind::Bytes),
    })
}
