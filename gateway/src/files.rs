//! Worker and connector files: Java properties, and the JSON forms that Kafka Connect takes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use gantry_api::Props;
use gantry_engine::TargetState;
use gantry_model::config::provider;
use serde_json::value::RawValue;

use crate::json;
use crate::rocketmq_connect::KAFKA_CONNECTOR_CONFIGS;
pub(crate) use gantry_model::files::{read_bounded, read_text_bounded};

/// A file larger than this is not a configuration.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// A connector from a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConnectorFile {
    /// Its name.
    pub(crate) name: String,
    /// Its configuration, with `name`.
    pub(crate) config: Props,
    /// The state to begin in.
    pub(crate) initial_state: Option<TargetState>,
}

/// Reads a file in Java's properties syntax. Java reads ISO-8859-1; a file that is valid UTF-8
/// is taken as such. The error names file, line and reason.
pub(crate) fn read_properties(path: &Path) -> Result<Props, String> {
    parse_properties(&read(path)?).map_err(|why| format!("{}: {why}", path.display()))
}

/// Reads a connector file: a JSON object of texts with `name`, a JSON object with `name`,
/// `config` and perhaps `initial_state`, or properties with `name`. The error names file and
/// reason.
pub(crate) fn read_connector(path: &Path) -> Result<ConnectorFile, String> {
    let named = |why: String| format!("{}: {why}", path.display());
    parse_connector(&read(path)?).map_err(named)
}

/// The content of a connector file. The error says where and why it is none.
pub(crate) fn parse_connector(bytes: &[u8]) -> Result<ConnectorFile, String> {
    if looks_like_json(bytes) {
        return parse_connector_json(bytes);
    }
    from_flat(parse_properties(bytes)?)
}

/// Whether a file configures a connector and not a worker.
pub(crate) fn is_connector(path: &Path) -> Result<bool, String> {
    let bytes = read(path)?;
    if looks_like_json(&bytes) {
        return Ok(true);
    }
    let props = parse_properties(&bytes).map_err(|why| format!("{}: {why}", path.display()))?;
    Ok(props.contains_key("connector.class"))
}

/// Reads a file of configuration. The error names the file and the remedy.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    read_bounded(path, FILE_BYTES_MAX).map_err(|why| {
        format!("cannot read {}: {why}; check the path and its permissions", path.display())
    })
}

/// Whether it is a JSON object, right or wrong, and no properties.
pub(crate) fn looks_like_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// The text of a properties file: UTF-8, or else ISO-8859-1.
pub(crate) fn properties_text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        // Each byte is the character of that number.
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

fn parse_properties(bytes: &[u8]) -> Result<Props, String> {
    let text = properties_text(bytes);
    provider::read_properties(&text).map_err(|error| {
        let place = bad_escape(&text).map_or_else(String::new, |(line, column)| {
            format!(" (line {line} column {column}: write \\u and four hexadecimal digits)")
        });
        format!("not in properties syntax: {}{place}", error.message())
    })
}

/// Line and column, from 1, of the first `\u` that no four hexadecimal digits follow.
fn bad_escape(text: &str) -> Option<(usize, usize)> {
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with(['#', '!']) {
            continue;
        }
        let mut rest = line;
        while let Some(at) = rest.find('\\') {
            let escaped = &rest[at + 1..];
            let hexadecimal = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            if let Some(digits) = escaped.strip_prefix('u')
                && !digits.get(..4).is_some_and(hexadecimal)
            {
                let column = line[..line.len() - rest.len() + at].chars().count() + 1;
                return Some((number + 1, column));
            }
            let skipped = escaped.chars().next().map_or(0, char::len_utf8);
            rest = &escaped[skipped..];
        }
    }
    None
}

fn from_flat(config: Props) -> Result<ConnectorFile, String> {
    match config.get("name") {
        None => Err("the configuration has no `name`; add name=... for the connector".to_owned()),
        Some(name) => Ok(ConnectorFile { name: name.clone(), config, initial_state: None }),
    }
}

fn parse_connector_json(bytes: &[u8]) -> Result<ConnectorFile, String> {
    let object = json::object(bytes)?;
    let Some(config) = object.get("config").filter(|raw| raw.get().starts_with('{')) else {
        return from_flat(texts(&object)?);
    };
    let mut config = texts(&json::object(config.get().as_bytes())?)?;
    let name = match object.get("name").map(|raw| json::text("name", raw)).transpose()?.flatten() {
        Some(name) => name,
        None => return Err("there is no `name` beside `config`; add one".to_owned()),
    };
    match config.get("name") {
        Some(inner) if *inner != name => {
            return Err(format!(
                "`name` is {name} outside `config` and {inner} inside; make them the same"
            ));
        }
        Some(_) => {}
        None => {
            config.insert("name".to_owned(), name.clone());
        }
    }
    let initial_state = match object.get("initial_state") {
        None => None,
        Some(raw) => json::initial_state(raw)?,
    };
    Ok(ConnectorFile { name, config, initial_state })
}

/// All values as texts; a null is refused with its key.
fn texts(object: &BTreeMap<String, Box<RawValue>>) -> Result<Props, String> {
    let mut props = Props::new();
    for (key, raw) in object {
        // RocketMQ Connect's adapter has a whole configuration under one key.
        let text = match key.as_str() {
            KAFKA_CONNECTOR_CONFIGS => json::text_of_any(key, raw)?,
            _ => json::text(key, raw)?,
        };
        match text {
            Some(text) => props.insert(key.clone(), text),
            None => return Err(format!("`{key}` is null; give it a value or leave it out")),
        };
    }
    Ok(props)
}

#[cfg(test)]
mod tests;
