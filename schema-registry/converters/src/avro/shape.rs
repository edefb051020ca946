//! What a Connect schema stands for in Avro, beyond its type.

use gantry_model::{Error, Kind, Result, Schema, text};

use super::keys::Settings;
use super::names;

/// A parameter of a schema.
pub(super) fn parameter<'a>(schema: &'a Schema, key: &str) -> Option<&'a str> {
    schema.parameters()?.get(key).map(|value| &**value)
}

/// A parameter that is a whole number.
pub(super) fn number(schema: &Schema, key: &str) -> Result<Option<i32>> {
    let Some(written) = parameter(schema, key) else { return Ok(None) };
    match text::parse_long(written).and_then(|number| i32::try_from(number).ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(Error::data(format!(
            "Parameter {key} of {schema:?} is \"{written}\", which is no whole number of 32 bits"
        ))),
    }
}

/// Whether it is a struct that stands for a union, with one field for each type.
pub(super) fn is_union(schema: &Schema) -> bool {
    let is_named = schema.name().is_some_and(|name| &**name == names::UNION);
    matches!(schema.kind(), Kind::Struct(_))
        && (is_named || parameter(schema, names::GENERAL_UNION).is_some())
}

/// Whether it is the struct of a value of any type.
pub(super) fn is_variant(schema: &Schema) -> bool {
    matches!(schema.kind(), Kind::Struct(_))
        && schema.name().is_some_and(|name| &**name == names::VARIANT)
}

/// The parameter that makes a text an enum with these settings, and the enum's full name.
pub(super) fn enumeration<'a>(
    settings: &Settings,
    schema: &'a Schema,
) -> Option<(&'static str, Option<&'a str>)> {
    let has = |key| parameter(schema, key).is_some();
    let is_enum = *schema.kind() == Kind::String
        && (settings.generalized || settings.enhanced)
        && (has(names::GENERAL_ENUM) || has(names::ENUM));
    let key = if settings.generalized { names::GENERAL_ENUM } else { names::ENUM };
    is_enum.then(|| (key, parameter(schema, key)))
}

/// The size of bytes that are of one size.
pub(super) fn fixed_size(schema: &Schema) -> Result<Option<i32>> {
    match (schema.kind(), schema.name()) {
        (Kind::Bytes, Some(_)) => number(schema, names::FIXED_SIZE),
        _ => Ok(None),
    }
}

/// Whether a map with such keys is a map of Avro, not a list of entries.
pub(super) fn is_text_key(settings: &Settings, key: &Schema) -> bool {
    *key.kind() == Kind::String && (!key.is_optional() || settings.optional_map_keys)
}

/// The same schema, but null is no value.
pub(super) fn required(schema: &Schema) -> Schema {
    if schema.is_optional() {
        schema.to_builder().set_optional(false).build_plain()
    } else {
        schema.clone()
    }
}
