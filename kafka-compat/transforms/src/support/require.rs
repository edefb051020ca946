//! Checks of what a key or value holds, with Kafka Connect's texts.

use std::sync::Arc;

use gantry_model::{Error, MapValue, Result, Schema, Struct, Value};

fn found(value: &Value) -> &'static str {
    value.java_class().unwrap_or("null")
}

fn no_map(value: &Value, purpose: &str) -> Error {
    Error::data(format!(
        "Only Map objects supported in absence of schema for [{purpose}], found: {}",
        found(value)
    ))
}

fn no_struct(value: &Value, purpose: &str) -> Error {
    Error::data(format!("Only Struct objects supported for [{purpose}], found: {}", found(value)))
}

/// The map in a schemaless value, to read.
pub(crate) fn map_of<'a>(value: &'a Value, purpose: &str) -> Result<&'a Arc<MapValue>> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(no_map(other, purpose)),
    }
}

/// The same, where null is allowed.
pub(crate) fn map_or_null<'a>(value: &'a Value, purpose: &str) -> Result<Option<&'a MapValue>> {
    match value {
        Value::Null => Ok(None),
        other => map_of(other, purpose).map(|map| Some(&**map)),
    }
}

/// The map in a value, as it is shared.
pub(crate) fn shared_map<'a>(value: &'a mut Value, purpose: &str) -> Result<&'a mut Arc<MapValue>> {
    match value {
        Value::Map(map) => Ok(map),
        other => Err(no_map(other, purpose)),
    }
}

/// The map in a schemaless value, to change in place. It is copied only when someone else
/// still holds it.
pub(crate) fn unique_map<'a>(value: &'a mut Value, purpose: &str) -> Result<&'a mut MapValue> {
    shared_map(value, purpose).map(Arc::make_mut)
}

/// The struct in a value, taken out of it.
pub(crate) fn struct_of(value: &mut Value, purpose: &str) -> Result<Arc<Struct>> {
    match std::mem::take(value) {
        Value::Struct(inner) => Ok(inner),
        other => Err(no_struct(&other, purpose)),
    }
}

/// The struct in a value, to read.
pub(crate) fn struct_ref<'a>(value: &'a Value, purpose: &str) -> Result<&'a Struct> {
    match value {
        Value::Struct(inner) => Ok(inner),
        other => Err(no_struct(other, purpose)),
    }
}

/// The same, where null is allowed.
pub(crate) fn struct_or_null<'a>(value: &'a Value, purpose: &str) -> Result<Option<&'a Struct>> {
    match value {
        Value::Null => Ok(None),
        other => struct_ref(other, purpose).map(Some),
    }
}

/// A map key that is no text, where names of fields are needed.
pub(crate) fn no_text_key(key: &Value) -> Error {
    Error::java(
        "java.lang.ClassCastException",
        format!("class {} cannot be cast to class java.lang.String", found(key)),
    )
}

/// The schema, where one is needed.
pub(crate) fn schema_of<'a>(schema: Option<&'a Schema>, purpose: &str) -> Result<&'a Schema> {
    schema.ok_or_else(|| Error::data(format!("Schema required for [{purpose}]")))
}
