//! Building updated structs.

use std::sync::Arc;

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
