//! Definitions of keys, and what Java has found about their values.

use gantry_api::model::config::{ConfigData, ConfigValue};
use gantry_api::{ConfigDef, ConfigKey, Importance, Type, Width};

use super::reader::{Malformed, Reader};

/// The keys of a plugin, without their validators: those are Java's.
pub(crate) fn definition(from: &mut Reader) -> Result<ConfigDef, Malformed> {
    // The groups stand in the keys too; their order is that of the keys, as in Java.
    from.strings()?;
    let count = from.count()?;
    let mut def = ConfigDef::new();
    for _ in 0..count {
        def = def.define(key(from)?);
    }
    Ok(def)
}

fn key(from: &mut Reader) -> Result<ConfigKey, Malformed> {
    let name = from.str()?;
    let type_ = type_of(&from.str()?).ok_or_else(|| from.malformed("a key of unknown type"))?;
    let default = if from.bool()? { Some(from.optional_str()?) } else { None };
    let importance = from.str()?;
    let doc = from.str()?;
    let importance = match importance.as_str() {
        "HIGH" => Importance::High,
        "MEDIUM" => Importance::Medium,
        _ => Importance::Low,
    };
    let mut key = match default {
        None => ConfigKey::required(&name, type_, importance, &doc),
        Some(None) => ConfigKey::nullable(&name, type_, importance, &doc),
        Some(Some(text)) => ConfigKey::new(&name, type_, text.as_str(), importance, &doc),
    };
    key.group = from.optional_str()?;
    key.order = from.i32()?;
    key.width = match from.str()?.as_str() {
        "SHORT" => Width::Short,
        "MEDIUM" => Width::Medium,
        "LONG" => Width::Long,
        _ => Width::None,
    };
    key.display_name = from.optional_str()?;
    key.dependents = from.strings()?;
    // Internal or not, Kafka Connect lists it.
    from.bool()?;
    Ok(key)
}

fn type_of(name: &str) -> Option<Type> {
    [
        Type::Boolean,
        Type::String,
        Type::Int,
        Type::Short,
        Type::Long,
        Type::Double,
        Type::List,
        Type::Class,
        Type::Password,
    ]
    .into_iter()
    .find(|type_| type_.as_str() == name)
}

/// What Java has found about each key.
pub(crate) fn config_values(from: &mut Reader) -> Result<Vec<ConfigValue>, Malformed> {
    let count = from.count()?;
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        let name = from.str()?;
        let value = from.optional_str()?;
        let data = value.clone().map_or(ConfigData::Null, ConfigData::String);
        values.push(ConfigValue {
            name,
            value,
            data,
            recommended_values: from.strings()?,
            errors: from.strings()?,
            visible: from.bool()?,
        });
    }
    Ok(values)
}
