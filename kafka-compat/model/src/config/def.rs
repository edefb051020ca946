//! Definitions, and parsing of a whole configuration.

use std::collections::BTreeMap;
use std::fmt;

use indexmap::IndexMap;

use super::data::ConfigData;
use super::key::{ConfigKey, Type};
use super::parse::{ClassLookup, parse_type_with};
use super::parsed::ParsedConfig;
use crate::error::{Error, Result};
use crate::plugin::Props;
use crate::text::trim;

/// The keys of one plugin, in the order defined.
#[derive(Clone, Default)]
pub struct ConfigDef {
    pub(super) keys: IndexMap<String, ConfigKey>,
    groups: Vec<String>,
    fault: Option<Error>,
    pub(super) classes: Option<ClassLookup>,
}

impl fmt::Debug for ConfigDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.values()).finish()
    }
}

/// What a configuration says about a key: nothing, null, or text.
pub(super) type Given<'a> = Option<Option<&'a str>>;

/// Properties of which some may be null, as JSON allows.
pub type NullableProps = BTreeMap<String, Option<String>>;

impl ConfigDef {
    /// No keys.
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds a key; one of that name is replaced, which is a fault of the definition.
    #[must_use]
    pub fn define(mut self, mut key: ConfigKey) -> Self {
        if self.fault.is_none() {
            self.fault = self.fault_of(&key);
        }
        if let Some(ConfigData::Class(name)) = &mut key.default {
            *name = trim(name).to_owned();
        }
        if let Some(group) = &key.group
            && !self.groups.contains(group)
        {
            self.groups.push(group.clone());
        }
        self.keys.insert(key.name.clone(), key);
        self
    }
    /// What is wrong with the definition itself, whose author must mend it: a default that is
    /// not of its key's type or that its validator refuses, or a key that is defined twice. Kafka
    /// refuses such a definition with this `ConfigException`.
    pub fn fault(&self) -> Option<&Error> {
        self.fault.as_ref()
    }
    /// A definition that cannot be had, and why.
    #[must_use]
    pub fn with_fault(mut self, fault: Error) -> Self {
        self.fault = Some(fault);
        self
    }
    fn fault_of(&self, key: &ConfigKey) -> Option<Error> {
        if let Some(default) = &key.default {
            // Text that did not become the key's type when the key was made.
            if let ConfigData::String(text) = default
                && key.type_ != Type::String
            {
                return parse_type_with(&key.name, Some(text), key.type_, self.classes.as_ref())
                    .err();
            }
            if let (ConfigData::Class(text), Some(_)) = (default, &self.classes)
                && let Err(error) =
                    parse_type_with(&key.name, Some(text), key.type_, self.classes.as_ref())
            {
                return Some(error);
            }
            if let Some(error) =
                key.validator.as_ref().and_then(|v| v.check(&key.name, default).err())
            {
                return Some(error);
            }
        }
        self.keys
            .contains_key(&key.name)
            .then(|| Error::config(format!("Configuration {} is defined twice.", key.name)))
    }
    /// Checks values of type class: they must be found, and aliases become full names.
    #[must_use]
    pub fn with_classes(mut self, classes: ClassLookup) -> Self {
        self.classes = Some(classes);
        self
    }
    /// Adds all keys of another definition, each name and dependent behind a prefix, numbered
    /// from `order` in the order of a form. Their validators still say the bare names, as Kafka's
    /// do.
    #[must_use]
    pub fn embed(mut self, prefix: &str, group: &str, order: i32, child: &Self) -> Self {
        for (key, order) in child.sorted_keys().into_iter().zip(order..) {
            let mut key = key.clone();
            key.name = format!("{prefix}{}", key.name);
            key.dependents = key.dependents.iter().map(|d| format!("{prefix}{d}")).collect();
            key.validator = key.validator.map(|validator| validator.embedded(prefix));
            key.group = Some(group.to_owned());
            key.order = order;
            self = self.define(key);
        }
        self
    }
    /// All keys in the order of a form: by group, place in it, those without default first, then
    /// by importance and name.
    fn sorted_keys(&self) -> Vec<&ConfigKey> {
        let group = |key: &ConfigKey| {
            let name = key.group.as_ref()?;
            self.groups.iter().position(|group| group == name)
        };
        let mut keys: Vec<&ConfigKey> = self.keys.values().collect();
        keys.sort_by(|a, b| {
            let rank =
                |key: &ConfigKey| (group(key), key.order, key.default.is_some(), key.importance);
            rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
        });
        keys
    }
    /// All keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &ConfigKey> {
        self.keys.values()
    }
    /// One key.
    pub fn key(&self, name: &str) -> Option<&ConfigKey> {
        self.keys.get(name)
    }
    /// The groups in the order they first stood.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }
    /// Parses all keys; the first fault is the error (`ConfigException`).
    pub fn parse(&self, props: &Props) -> Result<ParsedConfig> {
        self.parse_given(&|name| props.get(name).map(|text| Some(text.as_str())))
    }
    /// The same for properties that may be null: null is then the value, not the default.
    pub fn parse_nullable(&self, props: &NullableProps) -> Result<ParsedConfig> {
        self.parse_given(&|name| props.get(name).map(Option::as_deref))
    }
    fn parse_given<'a>(&self, given: &dyn Fn(&str) -> Given<'a>) -> Result<ParsedConfig> {
        let undefined = self.undefined_dependents();
        if !undefined.is_empty() {
            return Err(Error::config(format!(
                "Some configurations in are referred in the dependents, but not defined: {}",
                undefined.join(",")
            )));
        }
        let mut values = BTreeMap::new();
        for key in self.keys.values() {
            let mut value = self.read(key, given(&key.name))?;
            if let Some(validator) = &key.validator {
                if validator.drops_doubles()
                    && let ConfigData::List(list) = &mut value
                {
                    let mut seen: Vec<String> = Vec::with_capacity(list.len());
                    list.retain(|text| {
                        let new = !seen.contains(text);
                        if new {
                            seen.push(text.clone());
                        }
                        new
                    });
                }
                validator.check(&key.name, &value)?;
            }
            values.insert(key.name.clone(), value);
        }
        Ok(ParsedConfig { values })
    }
    /// The value of a key before any validator.
    pub(super) fn read(&self, key: &ConfigKey, given: Given<'_>) -> Result<ConfigData> {
        match (given, &key.default) {
            (Some(text), _) => parse_type_with(&key.name, text, key.type_, self.classes.as_ref()),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => Err(Error::config(format!(
                "Missing required configuration \"{}\" which has no default value.",
                key.name
            ))),
        }
    }
    /// Dependents that nobody defined, each once.
    pub(super) fn undefined_dependents(&self) -> Vec<&str> {
        let mut out: Vec<&str> = Vec::new();
        for dependent in self.keys.values().flat_map(|key| &key.dependents) {
            if !self.keys.contains_key(dependent) && !out.contains(&dependent.as_str()) {
                out.push(dependent);
            }
        }
        out
    }
}
