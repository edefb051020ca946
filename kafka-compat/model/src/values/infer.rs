//! The schema that a schemaless value would have.

use crate::schema::{Kind, Schema, SchemaBuilder};
use crate::value::Value;

/// The schema of a value by its class; `None` for null, decimals, dates, for empty lists and
/// maps, and where elements differ in type (`Values.inferSchema`).
pub fn infer_schema(value: &Value) -> Option<Schema> {
    Some(match value {
        Value::Boolean(_) => Schema::boolean(),
        Value::Int8(_) => Schema::int8(),
        Value::Int16(_) => Schema::int16(),
        Value::Int32(_) => Schema::int32(),
        Value::Int64(_) => Schema::int64(),
        Value::Float32(_) => Schema::float32(),
        Value::Float64(_) => Schema::float64(),
        Value::String(_) => Schema::string(),
        Value::Bytes(_) => Schema::bytes(),
        Value::Array(list) => SchemaBuilder::new(Kind::Array(common(list.iter())?)).build_plain(),
        Value::Map(map) => SchemaBuilder::new(Kind::Map {
            key: common(map.entries().iter().map(|(key, _)| key))?,
            value: common(map.entries().iter().map(|(_, value)| value))?,
        })
        .build_plain(),
        Value::Struct(inner) => inner.schema().clone(),
        Value::Null | Value::Decimal(_) | Value::BigInteger(_) | Value::Date(_) => return None,
    })
}

/// The type that all values have, nulls aside. Only the type: what an inner list holds, or a
/// struct's fields, is not looked at.
fn common<'a>(values: impl Iterator<Item = &'a Value>) -> Option<Schema> {
    let mut known: Option<Schema> = None;
    let mut optional = false;
    for value in values {
        if value.is_null() {
            optional = true;
            continue;
        }
        let schema = infer_schema(value)?;
        match &known {
            None => known = Some(schema),
            Some(first) if first.kind().type_name() == schema.kind().type_name() => {}
            Some(_) => return None,
        }
    }
    let kind = match known?.kind() {
        Kind::Array(_) => Kind::Array(Schema::absent()),
        Kind::Map { .. } => Kind::Map { key: Schema::absent(), value: Schema::absent() },
        Kind::Struct(_) => Kind::Struct(std::sync::Arc::default()),
        primitive => primitive.clone(),
    };
    Some(SchemaBuilder::new(kind).set_optional(optional).build_plain())
}
