//! A file of configuration whose entries know their place.

mod json;
mod properties;

use std::collections::BTreeSet;

use gantry_api::Props;

use super::report::Report;
use crate::files::{looks_like_json, properties_text};

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// From 1.
    pub(super) line: usize,
    /// In characters, from 1.
    pub(super) column: usize,
}

/// Finds the places of bytes in a text. Goes on from the last place where it can: looking for many
/// in order takes the time of one.
#[derive(Debug)]
struct Places<'a> {
    text: &'a str,
    at: usize,
    place: Place,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, place: Place { line: 1, column: 1 } }
    }

    fn of(&mut self, at: usize) -> Place {
        if at < self.at {
            *self = Self::new(self.text);
        }
        for c in self.text.get(self.at..at).unwrap_or_default().chars() {
            match c {
                '\n' => self.place = Place { line: self.place.line + 1, column: 1 },
                _ => self.place.column += 1,
            }
        }
        self.at = at;
        self.place
    }
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    Boolean,
    Null,
    Array,
    Object,
}

impl Shape {
    /// In a sentence.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// One key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    /// The value as text; empty for null, arrays and objects.
    pub(super) value: String,
    pub(super) shape: Shape,
    pub(super) place: Place,
}

/// A value inside the value of a key: in an object or an array, also one that is written as a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inner {
    /// Its own key; that of the array where it is in one.
    pub(super) key: String,
    /// All keys down to it, with dots between.
    pub(super) path: String,
    pub(super) value: String,
    pub(super) place: Place,
}

/// What a file configures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Connector,
    Worker,
}

/// A file that could be read.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) kind: Kind,
    /// All entries in order; a key that stands twice is there twice.
    pub(super) entries: Vec<Entry>,
    /// What stands beside `config`, in the nested form of JSON.
    pub(super) outer: Vec<Entry>,
    /// What is inside of values.
    pub(super) inner: Vec<Inner>,
    /// What counts: the last value of each key, texts and what becomes one.
    pub(super) props: Props,
}

impl Document {
    /// Reads a file's content. What cannot be read is reported, and gives no document.
    pub(super) fn read(bytes: &[u8], report: &mut Report) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let is_json = looks_like_json(bytes) || json::begins_with_comment(bytes);
        let (entries, outer, mut inner) = if is_json {
            json::read(bytes, report)?
        } else {
            (properties::read(&properties_text(bytes), report)?, Vec::new(), Vec::new())
        };
        let texts = entries.iter().filter(|entry| entry.shape == Shape::Text);
        inner.extend(texts.flat_map(json::in_text));
        let mut props: Props = entries
            .iter()
            .filter(|entry| matches!(entry.shape, Shape::Text | Shape::Number | Shape::Boolean))
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect();
        if let Some(name) = outer.iter().find(|entry| entry.key == "name") {
            props.entry("name".to_owned()).or_insert_with(|| name.value.clone());
        }
        let is_connector = is_json || props.contains_key("connector.class");
        let kind = if is_connector { Kind::Connector } else { Kind::Worker };
        Some(Self { kind, entries, outer, inner, props })
    }

    /// Where a key stands: the last one, which counts.
    pub(super) fn place(&self, key: &str) -> Option<Place> {
        let mut all = self.outer.iter().chain(&self.entries).rev();
        all.find(|entry| entry.key == key).map(|entry| entry.place)
    }

    /// A value without blanks around it; empty if it is not there.
    pub(super) fn text(&self, key: &str) -> &str {
        self.props.get(key).map_or("", |value| value.trim())
    }

    /// A comma-separated value, without empty elements.
    pub(super) fn list(&self, key: &str) -> Vec<&str> {
        self.text(key).split(',').map(str::trim).filter(|text| !text.is_empty()).collect()
    }

    /// Whether a value is `true`.
    pub(super) fn is_true(&self, key: &str) -> bool {
        self.text(key).eq_ignore_ascii_case("true")
    }

    /// Whether a value holds a variable of a config provider, so that nobody here knows it.
    pub(super) fn is_variable(&self, key: &str) -> bool {
        self.props.get(key).is_some_and(|value| value.contains("${"))
    }

    /// All keys, each once.
    pub(super) fn keys(&self) -> BTreeSet<&str> {
        self.entries.iter().map(|entry| entry.key.as_str()).collect()
    }
}
