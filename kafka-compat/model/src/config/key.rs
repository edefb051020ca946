//! One key: its name, type, default and place in a form.

use std::sync::Arc;

use super::data::ConfigData;
use super::parsed::ParsedConfig;
use super::validator::Validator;

/// The type of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// true or false
    Boolean,
    /// Text, trimmed.
    String,
    /// 32 bits
    Int,
    /// 16 bits
    Short,
    /// 64 bits
    Long,
    /// IEEE 754, 64 bits
    Double,
    /// Comma-separated text.
    List,
    /// The name of a class.
    Class,
    /// Text that is never shown.
    Password,
}

impl Type {
    /// As Kafka writes it: `BOOLEAN`, `STRING`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }
}

/// How much a key matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// HIGH
    High,
    /// MEDIUM
    Medium,
    /// LOW
    Low,
}

impl Importance {
    /// As Kafka writes it: `HIGH`, `MEDIUM`, `LOW`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
        }
    }
}

/// How wide a form shows the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// NONE
    None,
    /// SHORT
    Short,
    /// MEDIUM
    Medium,
    /// LONG
    Long,
}

impl Width {
    /// As Kafka writes it: `NONE`, `SHORT`, `MEDIUM`, `LONG`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Short => "SHORT",
            Self::Medium => "MEDIUM",
            Self::Long => "LONG",
        }
    }
}

/// Names allowed values, and whether the key is shown, from the configuration around it.
pub trait Recommender: Send + Sync {
    /// Values that fit.
    fn valid_values(&self, name: &str, config: &ParsedConfig) -> Vec<String>;
    /// Whether the key matters in this configuration.
    fn visible(&self, name: &str, config: &ParsedConfig) -> bool;
}

/// One key.
#[derive(Clone)]
pub struct ConfigKey {
    /// Its name.
    pub name: String,
    /// The type of its value.
    pub type_: Type,
    /// `None`: required. `Some(Null)`: null is the default.
    pub default: Option<ConfigData>,
    /// What values are allowed.
    pub validator: Option<Validator>,
    /// How much it matters.
    pub importance: Importance,
    /// What it does.
    pub doc: String,
    /// The group in a form.
    pub group: Option<String>,
    /// The place in the group, -1 without one.
    pub order: i32,
    /// How wide a form shows it.
    pub width: Width,
    /// The name in a form.
    pub display_name: Option<String>,
    /// Keys whose validity or visibility hangs on this one.
    pub dependents: Vec<String>,
    /// Recommends values.
    pub recommender: Option<Arc<dyn Recommender>>,
}

impl std::fmt::Debug for ConfigKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:?}", self.name, self.type_)
    }
}

impl ConfigKey {
    /// A key without default: it must be given.
    pub fn required(name: &str, type_: Type, importance: Importance, doc: &str) -> Self {
        Self {
            name: name.to_owned(),
            type_,
            default: None,
            validator: None,
            importance,
            doc: doc.to_owned(),
            group: None,
            order: -1,
            width: Width::None,
            display_name: Some(name.to_owned()),
            dependents: Vec::new(),
            recommender: None,
        }
    }
    /// A key with a default.
    pub fn new(
        name: &str,
        type_: Type,
        default: impl Into<ConfigData>,
        importance: Importance,
        doc: &str,
    ) -> Self {
        let mut key = Self::required(name, type_, importance, doc);
        key.default = Some(default.into().fit(name, type_));
        key
    }
    /// A key whose default is null.
    pub fn nullable(name: &str, type_: Type, importance: Importance, doc: &str) -> Self {
        Self::new(name, type_, ConfigData::Null, importance, doc)
    }
    /// Sets what values are allowed.
    #[must_use]
    pub fn validator(mut self, validator: Validator) -> Self {
        self.validator = Some(validator);
        self
    }
    /// Sets the place in a form.
    #[must_use]
    pub fn group(mut self, group: &str, order: i32, width: Width, display_name: &str) -> Self {
        self.group = Some(group.to_owned());
        self.order = order;
        self.width = width;
        self.display_name = Some(display_name.to_owned());
        self
    }
    /// Sets the keys that hang on this one.
    #[must_use]
    pub fn dependents(mut self, dependents: &[&str]) -> Self {
        self.dependents = dependents.iter().map(|&name| name.to_owned()).collect();
        self
    }
    /// Sets who recommends values.
    #[must_use]
    pub fn recommender(mut self, recommender: Arc<dyn Recommender>) -> Self {
        self.recommender = Some(recommender);
        self
    }
}
