//! Parsed values of keys, and how they are shown.

use super::key::Type;
use super::parse::parse_type;

/// A parsed value.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigData {
    /// null
    Null,
    /// true or false
    Boolean(bool),
    /// text
    String(String),
    /// 32 bits
    Int(i32),
    /// 16 bits
    Short(i16),
    /// 64 bits
    Long(i64),
    /// IEEE 754, 64 bits
    Double(f64),
    /// texts
    List(Vec<String>),
    /// the name of a class
    Class(String),
    /// text that is never shown
    Password(String),
}

impl From<bool> for ConfigData {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}
impl From<i32> for ConfigData {
    fn from(value: i32) -> Self {
        Self::Int(value)
    }
}
impl From<i64> for ConfigData {
    fn from(value: i64) -> Self {
        Self::Long(value)
    }
}
impl From<f64> for ConfigData {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}
impl From<&str> for ConfigData {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

/// What stands in place of a password.
pub const HIDDEN: &str = "[hidden]";

impl ConfigData {
    /// An empty list.
    pub const EMPTY_LIST: Self = Self::List(Vec::new());

    /// As `/validate` shows it (`ConfigDef.convertToString`); `None` for null.
    pub fn to_display(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Boolean(value) => value.to_string(),
            Self::String(text) | Self::Class(text) => text.clone(),
            Self::Int(n) => n.to_string(),
            Self::Short(n) => n.to_string(),
            Self::Long(n) => n.to_string(),
            Self::Double(n) => crate::text::double(*n),
            Self::List(list) => list.join(","),
            Self::Password(_) => HIDDEN.to_owned(),
        })
    }
    /// As an error text names it (Java's `toString`).
    pub fn to_java(&self) -> String {
        match self {
            Self::List(list) => format!("[{}]", list.join(", ")),
            other => other.to_display().unwrap_or_else(|| "null".to_owned()),
        }
    }
    /// The same value in a key's type, so that defaults may be written as text or as the
    /// nearest number.
    pub(super) fn fit(self, name: &str, type_: Type) -> Self {
        match (self, type_) {
            (Self::String(text), Type::String) => Self::String(crate::text::trim(&text).to_owned()),
            // As written: a message about it shows the blanks too.
            (Self::String(text), Type::Class) => Self::Class(text),
            (Self::String(text), type_) => {
                parse_type(name, Some(&text), type_).unwrap_or(Self::String(text))
            }
            (Self::Int(n), Type::Long) => Self::Long(i64::from(n)),
            (Self::Int(n), Type::Short) => i16::try_from(n).map_or(Self::Int(n), Self::Short),
            (Self::Int(n), Type::Double) => Self::Double(f64::from(n)),
            (data, _) => data,
        }
    }
}
