//! Places and shapes.

use std::sync::Arc;

use gantry_api::model::{Kind, Schema, SchemaBuilder, Struct};
use gantry_api::{Bytes, Value};

/// Bytes of a point in the well-known form: its order, its type, and two numbers.
const POINT_BYTES: usize = 21;
const NAME: &str = "io.debezium.data.geometry.";

/// The schema of shapes of any kind.
pub(super) fn geometry() -> SchemaBuilder {
    let fields = vec![("wkb".into(), Schema::bytes()), ("srid".into(), Schema::optional_int32())];
    structure(fields)
        .name(Some(format!("{NAME}Geometry").into()))
        .version(Some(1))
        .doc(Some("Geometry".into()))
}

/// The schema of points.
pub(super) fn point() -> SchemaBuilder {
    let fields = vec![
        ("x".into(), Schema::float64()),
        ("y".into(), Schema::float64()),
        ("wkb".into(), Schema::optional_bytes()),
        ("srid".into(), Schema::optional_int32()),
    ];
    structure(fields)
        .name(Some(format!("{NAME}Point").into()))
        .version(Some(1))
        .doc(Some("Geometry (POINT)".into()))
}

fn structure(fields: Vec<(gantry_api::Str, Schema)>) -> SchemaBuilder {
    // Names that differ are never refused.
    SchemaBuilder::structure(fields)
        .unwrap_or_else(|_| SchemaBuilder::new(Kind::Struct(Arc::default())))
}

fn parts(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (srid, wkb) = bytes.split_first_chunk::<4>()?;
    let srid = match i32::from_le_bytes(*srid) {
        0 => Value::Null,
        srid => Value::Int32(srid),
    };
    Some((srid, wkb))
}

/// A shape as the server keeps it: a reference system, and the well-known form behind it.
pub(super) fn shape(schema: &Schema, bytes: &[u8]) -> Option<Value> {
    let (srid, wkb) = parts(bytes)?;
    let values = vec![Value::Bytes(Bytes::copy_from_slice(wkb)), srid];
    Some(Value::Struct(Arc::new(Struct::from_values(schema.clone(), values))))
}

/// A point.
pub(super) fn place(schema: &Schema, bytes: &[u8]) -> Option<Value> {
    let (srid, wkb) = parts(bytes)?;
    if wkb.len() != POINT_BYTES {
        return None;
    }
    let is_low_first = wkb.first() == Some(&1);
    let number = |at: usize| -> Option<f64> {
        let raw = *wkb.get(at..)?.first_chunk::<8>()?;
        Some(if is_low_first { f64::from_le_bytes(raw) } else { f64::from_be_bytes(raw) })
    };
    let values = vec![
        Value::Float64(number(5)?),
        Value::Float64(number(13)?),
        Value::Bytes(Bytes::copy_from_slice(wkb)),
        srid,
    ];
    Some(Value::Struct(Arc::new(Struct::from_values(schema.clone(), values))))
}
