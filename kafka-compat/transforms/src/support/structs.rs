//! Building updated structs.

use std::sync::Arc;

use gantry_model::schema::Field;
use gantry_model::{Error, Fields, Kind, Result, Schema, SchemaBuilder, Str, Struct, Value};

/// A builder of another kind with the name, version, documentation and parameters of `source`.
/// Whether it is optional and its default are not taken over, as in Kafka Connect.
pub(crate) fn copy_basics(source: &Schema, kind: Kind) -> SchemaBuilder {
    SchemaBuilder::new(kind)
        .name(source.name().cloned())
        .version(source.version())
        .doc(source.doc().cloned())
        .parameters(source.parameters().cloned())
}

/// A struct schema with other fields and all else of `source` but its default.
pub(crate) fn with_fields(source: &Schema, fields: Vec<(Str, Schema)>) -> Result<Schema> {
    let kind = Kind::Struct(Arc::new(Fields::new(fields)?));
    Ok(copy_basics(source, kind).set_optional(source.is_optional()).build_plain())
}

/// The fields of a struct schema. `DataException` for other schemas.
pub(crate) fn fields_of(schema: &Schema) -> Result<&Fields> {
    schema
        .fields()
        .map(|fields| &**fields)
        .ok_or_else(|| Error::data("Cannot list fields on non-struct type"))
}

/// The values of a struct, taken if nobody else holds it, else copied.
pub(crate) fn struct_values(value: Arc<Struct>) -> Vec<Value> {
    match Arc::try_unwrap(value) {
        Ok(owned) => owned.into_values(),
        Err(shared) => shared.values().to_vec(),
    }
}

/// A struct of these values. `DataException` where a required one is null, as when Java puts
/// them one by one; that they have the types of their fields is known.
pub(crate) fn put_all(schema: &Schema, values: Vec<Value>) -> Result<Value> {
    check_put(schema, &values)?;
    Ok(Value::Struct(Arc::new(Struct::from_values(schema.clone(), values))))
}

/// The check of [`put_all`].
pub(crate) fn check_put(schema: &Schema, values: &[Value]) -> Result<()> {
    fields_of(schema)?
        .list()
        .iter()
        .zip(values)
        .try_for_each(|(field, value)| check_put_one(field, value))
}

/// The same for one field.
pub(crate) fn check_put_one(field: &Field, value: &Value) -> Result<()> {
    match value {
        Value::Null if field.schema.is_optional() => Ok(()),
        // What stands within may be missing too.
        Value::Null | Value::Struct(_) | Value::Array(_) | Value::Map(_) => {
            Schema::validate_field(Some(&field.name), &field.schema, value)
        }
        _ => Ok(()),
    }
}

/// The error that comes first where the value at `index` cannot be made: Java puts the values
/// before it first.
#[cold]
pub(crate) fn first_fault(schema: &Schema, values: &[Value], index: usize, error: Error) -> Error {
    check_put(schema, values.get(..index).unwrap_or_default()).err().unwrap_or(error)
}

/// Whether any field of a struct schema has a default.
pub(crate) fn has_defaults(schema: &Schema) -> bool {
    schema
        .fields()
        .is_some_and(|fields| fields.list().iter().any(|f| f.schema.default_value().is_some()))
}

/// Puts the defaults of `schema` in place of nulls.
pub(crate) fn apply_defaults(schema: &Schema, values: &mut [Value]) {
    let Some(fields) = schema.fields() else { return };
    for (field, value) in fields.list().iter().zip(values) {
        if value.is_null()
            && let Some(default) = field.schema.default_value()
        {
            *value = default.clone();
        }
    }
}
