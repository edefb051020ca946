//! The keywords of a schema: taken one by one, each in its type.

use std::collections::HashMap;

use gantry_model::regex::JavaPattern;
use gantry_schema_model::Node;

use crate::text::is_decimal;

/// The keywords of an object, and which of them were taken.
#[derive(Debug)]
pub(super) struct Keys<'a> {
    map: &'a [(String, Node)],
    places: HashMap<&'a str, usize>,
    taken: Vec<bool>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(map: &'a [(String, Node)]) -> Self {
        let places = map.iter().enumerate().map(|(at, (key, _))| (key.as_str(), at)).collect();
        Self { map, places, taken: vec![false; map.len()] }
    }

    /// The value of a keyword, taken or not.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.places.get(key).and_then(|at| self.map.get(*at)).map(|(_, value)| value)
    }

    /// The value of a keyword, which counts as taken from now on.
    pub(super) fn take(&mut self, key: &str) -> Option<&'a Node> {
        let at = *self.places.get(key)?;
        if let Some(taken) = self.taken.get_mut(at) {
            *taken = true;
        }
        self.map.get(at).map(|(_, value)| value)
    }

    /// Whether a keyword is there and was not taken.
    pub(super) fn has(&self, key: &str) -> bool {
        self.places.get(key).and_then(|at| self.taken.get(*at)).is_some_and(|taken| !taken)
    }

    pub(super) fn has_any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.has(key))
    }

    /// Takes a keyword that has to be a text.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, String> {
        self.take(key).map(|value| text(key, value).map(str::to_owned)).transpose()
    }

    pub(super) fn boolean(&mut self, key: &str) -> Result<Option<bool>, String> {
        self.take(key).map(|value| boolean(key, value)).transpose()
    }

    pub(super) fn number(&mut self, key: &str) -> Result<Option<String>, String> {
        self.take(key).map(|value| number(key, value).map(str::to_owned)).transpose()
    }

    /// Takes a keyword that has to be an `Integer` of Java's.
    pub(super) fn integer(&mut self, key: &str) -> Result<Option<i32>, String> {
        let Some(value) = self.take(key) else { return Ok(None) };
        number(key, value)?
            .parse()
            .map(Some)
            .map_err(|_| format!("'{key}' is {value}, which is no whole number of 32 bits"))
    }

    /// All that was not taken.
    pub(super) fn rest(&self) -> Vec<(String, Node)> {
        let left = self.map.iter().zip(&self.taken).filter(|(_, taken)| !**taken);
        left.map(|(entry, _)| entry.clone()).collect()
    }
}

fn mistyped(key: &str, expected: &str, value: &Node) -> String {
    let found = match value {
        Node::Null => "null",
        Node::Bool(_) => "a boolean",
        Node::Number(_) => "a number",
        Node::Text(_) => "a text",
        Node::List(_) => "an array",
        Node::Map(_) => "an object",
    };
    format!("'{key}' is {found}, not {expected}")
}

pub(super) fn text<'a>(key: &str, value: &'a Node) -> Result<&'a str, String> {
    value.as_text().ok_or_else(|| mistyped(key, "a text", value))
}

pub(super) fn boolean(key: &str, value: &Node) -> Result<bool, String> {
    match value {
        Node::Bool(is) => Ok(*is),
        _ => Err(mistyped(key, "a boolean", value)),
    }
}

pub(super) fn number<'a>(key: &str, value: &'a Node) -> Result<&'a str, String> {
    match value {
        Node::Number(number) => Ok(number),
        _ => Err(mistyped(key, "a number", value)),
    }
}

/// A number without its fraction, as `Number.intValue` gives it.
pub(super) fn truncated(key: &str, value: &Node) -> Result<i32, String> {
    let number = number(key, value)?;
    if !is_decimal(number) {
        return number.parse().map_err(|_| format!("'{key}' is too large"));
    }
    let whole = number.parse::<f64>().unwrap_or(f64::NAN).trunc();
    format!("{whole:.0}").parse().map_err(|_| format!("'{key}' is too large"))
}

pub(super) fn list<'a>(key: &str, value: &'a Node) -> Result<&'a [Node], String> {
    match value {
        Node::List(items) => Ok(items),
        _ => Err(mistyped(key, "an array", value)),
    }
}

pub(super) fn map<'a>(key: &str, value: &'a Node) -> Result<&'a [(String, Node)], String> {
    match value {
        Node::Map(map) => Ok(map),
        _ => Err(mistyped(key, "an object", value)),
    }
}

/// A list of texts.
pub(super) fn texts(key: &str, value: &Node) -> Result<Vec<String>, String> {
    list(key, value)?.iter().map(|item| text(key, item).map(str::to_owned)).collect()
}

/// A pattern in Java's syntax.
pub(super) fn pattern(text: &str) -> Result<String, String> {
    JavaPattern::check(text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_taken_once() {
        let node = Node::parse(r#"{"a":"x","b":7,"c":3000000000,"d":true}"#).unwrap();
        let Node::Map(map) = &node else { panic!("no object") };
        let mut keys = Keys::new(map);
        assert_eq!(keys.text("a").unwrap().as_deref(), Some("x"));
        assert!(!keys.has("a") && keys.has_any(&["a", "b"]));
        assert_eq!(keys.get("a").and_then(Node::as_text), Some("x"));
        assert_eq!(keys.integer("b").unwrap(), Some(7));
        assert_eq!(
            keys.integer("c").unwrap_err(),
            "'c' is 3000000000, which is no whole number of 32 bits"
        );
        assert_eq!(keys.text("d").unwrap_err(), "'d' is a boolean, not a text");
        assert_eq!(keys.text("none").unwrap(), None);
        assert!(keys.rest().is_empty());
    }

    #[test]
    fn numbers_lose_their_fraction() {
        let of = |text: &str| truncated("n", &Node::Number(text.to_owned()));
        assert_eq!(of("5"), Ok(5));
        assert_eq!(of("5.9"), Ok(5));
        assert_eq!(of("-1.5E+1"), Ok(-15));
        assert!(of("1E+20").is_err());
    }
}
