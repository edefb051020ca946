//! The JSON of a case as its author wrote it: the order of an object's fields is kept, because
//! the order of parameters and of a struct's assignments shows in the answers.

use std::fmt;

use indexmap::IndexMap;
use serde::Deserialize;

/// A JSON value with ordered objects.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// `null`
    Null(()),
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    String(String),
    /// A list.
    Array(Vec<Self>),
    /// An object in the order written.
    Object(IndexMap<String, Self>),
}

impl Input {
    /// A field of an object, or an element of an array by its position.
    pub fn get<I: Index>(&self, index: I) -> Option<&Self> {
        index.find(self)
    }
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
    /// true or false, if it is that.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }
    /// The whole number, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
    /// The list, if it is one.
    pub fn as_array(&self) -> Option<&Vec<Self>> {
        match self {
            Self::Array(list) => Some(list),
            _ => None,
        }
    }
    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&IndexMap<String, Self>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }
    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null(()))
    }
}

/// What finds a part of a value.
pub trait Index {
    /// The part.
    fn find(self, input: &Input) -> Option<&Input>;
}

impl Index for &str {
    fn find(self, input: &Input) -> Option<&Input> {
        input.as_object()?.get(self)
    }
}

impl Index for usize {
    fn find(self, input: &Input) -> Option<&Input> {
        input.as_array()?.get(self)
    }
}

impl fmt::Display for Input {
    /// As configurations give a value that is no text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null(()) => f.write_str("null"),
            Self::Bool(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::String(text) => f.write_str(text),
            // Java's `asText` of these is empty.
            Self::Array(_) | Self::Object(_) => Ok(()),
        }
    }
}
