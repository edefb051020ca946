//! A short way to define keys, and to read them.

use gantry_api::model::config::ConfigData;
use gantry_api::{ConfigDef, ConfigKey, Error, Importance, Type, Validator, Width};

/// Collects keys, numbered within their group.
pub(crate) struct Keys {
    definition: ConfigDef,
    group: &'static str,
    order: i32,
}

impl Keys {
    pub(crate) fn new(group: &'static str) -> Self {
        Self { definition: ConfigDef::new(), group, order: 0 }
    }
    pub(crate) fn group(&mut self, group: &'static str) {
        (self.group, self.order) = (group, 0);
    }
    pub(crate) fn done(self) -> ConfigDef {
        self.definition
    }
    pub(crate) fn put(&mut self, key: ConfigKey) {
        self.order += 1;
        let name = key.name.clone();
        let key = key.group(self.group, self.order, Width::Medium, &name);
        self.definition = std::mem::take(&mut self.definition).define(key);
    }
    pub(crate) fn add(
        &mut self,
        name: &str,
        of: Type,
        default: impl Into<ConfigData>,
        how: Importance,
        doc: &str,
    ) {
        self.put(ConfigKey::new(name, of, default, how, doc));
    }
    pub(crate) fn add_valid(
        &mut self,
        name: &str,
        of: Type,
        default: impl Into<ConfigData>,
        how: Importance,
        doc: &str,
        validator: Validator,
    ) {
        self.put(ConfigKey::new(name, of, default, how, doc).validator(validator));
    }
    pub(crate) fn null(&mut self, name: &str, of: Type, how: Importance, doc: &str) {
        self.put(ConfigKey::nullable(name, of, how, doc));
    }
    pub(crate) fn null_valid(
        &mut self,
        name: &str,
        of: Type,
        how: Importance,
        doc: &str,
        validator: Validator,
    ) {
        self.put(ConfigKey::nullable(name, of, how, doc).validator(validator));
    }
    pub(crate) fn required(&mut self, name: &str, of: Type, how: Importance, doc: &str) {
        self.put(ConfigKey::required(name, of, how, doc));
    }
    pub(crate) fn required_valid(
        &mut self,
        name: &str,
        of: Type,
        how: Importance,
        doc: &str,
        validator: Validator,
    ) {
        self.put(ConfigKey::required(name, of, how, doc).validator(validator));
    }
}

/// One of these words, all in small letters or all in capitals; null is none.
pub(crate) fn enumeration(words: &[&str]) -> Validator {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    Validator::custom(move |name, value| {
        let ConfigData::String(text) = value else { return Ok(()) };
        if words.iter().any(|word| word == text || word.to_uppercase() == *text) {
            return Ok(());
        }
        Err(invalid(
            name,
            value,
            &format!("Invalid enumerator; it must be one of {}", words.join(", ")),
        ))
    })
}

/// The text of a value that is one.
pub(crate) fn text_of(value: &ConfigData) -> &str {
    match value {
        ConfigData::String(text) => text,
        _ => "",
    }
}

/// The texts of a list.
pub(crate) fn list_of(value: &ConfigData) -> &[String] {
    match value {
        ConfigData::List(list) => list,
        _ => &[],
    }
}

pub(crate) fn invalid(name: &str, value: &ConfigData, what: &str) -> Error {
    let value = value.to_display().unwrap_or_else(|| "null".to_owned());
    Error::config(format!("Invalid value {value} for configuration {name}: {what}"))
}
