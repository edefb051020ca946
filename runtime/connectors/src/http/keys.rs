//! A short way to define keys, and to read them.

use gantry_api::model::config::ConfigData;
use gantry_api::{ConfigDef, ConfigKey, Importance, Type, Validator, Width};

pub(super) use crate::web::keys::*;

/// Collects keys, numbered within their group.
pub(super) struct Keys {
    definition: ConfigDef,
    group: &'static str,
    order: i32,
    /// How much the next keys matter.
    how: Importance,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self { definition: ConfigDef::new(), group: "", order: 0, how: Importance::Medium }
    }
    pub(super) fn group(&mut self, group: &'static str, how: Importance) {
        (self.group, self.order, self.how) = (group, 0, how);
    }
    pub(super) fn done(self) -> ConfigDef {
        self.definition
    }
    fn put(&mut self, key: ConfigKey, validator: Option<Validator>) {
        self.order += 1;
        let name = key.name.clone();
        let mut key = key.group(self.group, self.order, Width::Medium, &name);
        key.validator = validator;
        self.definition = std::mem::take(&mut self.definition).define(key);
    }
    pub(super) fn add(
        &mut self,
        name: &str,
        of: Type,
        default: impl Into<ConfigData>,
        doc: &str,
        validator: impl Into<Option<Validator>>,
    ) {
        self.put(ConfigKey::new(name, of, default, self.how, doc), validator.into());
    }
    /// A key whose default is null.
    pub(super) fn null(
        &mut self,
        name: &str,
        of: Type,
        doc: &str,
        validator: impl Into<Option<Validator>>,
    ) {
        self.put(ConfigKey::nullable(name, of, self.how, doc), validator.into());
    }
    pub(super) fn required(
        &mut self,
        name: &str,
        of: Type,
        doc: &str,
        validator: impl Into<Option<Validator>>,
    ) {
        self.put(ConfigKey::required(name, of, self.how, doc), validator.into());
    }
}
