//! A parsed configuration.

use std::collections::BTreeMap;

use super::data::ConfigData;

/// A parsed configuration. Getters of keys that are not defined, or of another type, answer
/// with the type's empty value: the table of keys is the caller's own.
#[derive(Clone, Debug, Default)]
pub struct ParsedConfig {
    pub(super) values: BTreeMap<String, ConfigData>,
}

impl ParsedConfig {
    /// The value of a key.
    pub fn get(&self, name: &str) -> &ConfigData {
        self.values.get(name).unwrap_or(&ConfigData::Null)
    }
    /// A text, class name or password; `None` if null.
    pub fn string(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            ConfigData::String(text) | ConfigData::Class(text) | ConfigData::Password(text) => {
                Some(text)
            }
            _ => None,
        }
    }
    /// true or false; false if null.
    pub fn boolean(&self, name: &str) -> bool {
        matches!(self.get(name), ConfigData::Boolean(true))
    }
    /// A whole number of any width.
    pub fn long(&self, name: &str) -> Option<i64> {
        match *self.get(name) {
            ConfigData::Short(n) => Some(i64::from(n)),
            ConfigData::Int(n) => Some(i64::from(n)),
            ConfigData::Long(n) => Some(n),
            _ => None,
        }
    }
    /// A double.
    pub fn double(&self, name: &str) -> Option<f64> {
        match *self.get(name) {
            ConfigData::Double(n) => Some(n),
            _ => None,
        }
    }
    /// A list; empty if null.
    pub fn list(&self, name: &str) -> &[String] {
        match self.get(name) {
            ConfigData::List(list) => list,
            _ => &[],
        }
    }
}
