//! Arrays and hstore: values in braces or between commas, in quotes where they must be.

use gantry_api::model::map::MapValue;
use gantry_api::{Error, Result, Value};

use super::super::types::{Modes, PgType};

/// One element after the other: its text, or none for NULL.
struct Elements<'a> {
    rest: &'a str,
}

impl Elements<'_> {
    /// A text in quotes, in which a backslash takes the next character as it is. The quote is read already.
    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = self.rest.get(at + 1..)?;
                    return Some(text);
                }
                '\\' => text.push(chars.next()?.1),
                c => text.push(c),
            }
        }
        None
    }

    fn next(&mut self) -> Option<Option<String>> {
        if let Some(rest) = self.rest.strip_prefix('"') {
            self.rest = rest;
            return self.quoted().map(Some);
        }
        let end = self.rest.find([',', '}'])?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some((text != "NULL").then(|| text.to_owned()))
    }
}

pub(super) fn read(element: &PgType, text: &str, modes: &Modes) -> Result<Value> {
    let wrong = || Error::data(format!("{text:?} is no array of one dimension"));
    // Bounds other than 1 stand before it.
    let start = text.find('{').ok_or_else(wrong)?;
    let mut elements = Elements { rest: text.get(start + 1..).ok_or_else(wrong)? };
    let mut values = Vec::new();
    if elements.rest == "}" {
        return Ok(Value::array(values));
    }
    loop {
        if elements.rest.starts_with('{') {
            return Err(wrong());
        }
        let value = match elements.next().ok_or_else(wrong)? {
            Some(text) => super::read(element, text.as_bytes(), modes)?,
            None => Value::Null,
        };
        values.push(value);
        match elements.rest.strip_prefix(',') {
            Some(rest) => elements.rest = rest,
            None if elements.rest == "}" => return Ok(Value::array(values)),
            None => return Err(wrong()),
        }
    }
}

/// `"a"=>"b", "c"=>NULL`
pub(super) fn hstore(text: &str, as_map: bool) -> Result<Value> {
    let wrong = || Error::data(format!("{text:?} is no hstore"));
    let mut elements = Elements { rest: text };
    let mut entries = Vec::new();
    while !elements.rest.is_empty() {
        elements.rest = elements.rest.strip_prefix('"').ok_or_else(wrong)?;
        let key = elements.quoted().ok_or_else(wrong)?;
        elements.rest = elements.rest.strip_prefix("=>").ok_or_else(wrong)?;
        let value = match elements.rest.strip_prefix('"') {
            Some(rest) => {
                elements.rest = rest;
                Value::str(&elements.quoted().ok_or_else(wrong)?)
            }
            None => {
                elements.rest = elements.rest.strip_prefix("NULL").ok_or_else(wrong)?;
                Value::Null
            }
        };
        entries.push((Value::str(&key), value));
        elements.rest = elements.rest.strip_prefix(", ").unwrap_or(elements.rest);
    }
    let map = MapValue::from_entries(entries).into_hash_map();
    if as_map {
        return Ok(Value::map(map));
    }
    let mut text = String::from("{");
    for (key, value) in map.ordered() {
        if text.len() > 1 {
            text.push(',');
        }
        let quoted =
            |value: &Value| serde_json::Value::from(value.as_str().unwrap_or_default()).to_string();
        text.push_str(&quoted(key));
        text.push(':');
        text.push_str(&if value.is_null() { "null".to_owned() } else { quoted(value) });
    }
    text.push('}');
    Ok(Value::str(&text))
}
