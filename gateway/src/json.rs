//! JSON of configurations: an object whose values become texts as they were written, so that
//! `1.50` stays `1.50` and a number of any length keeps its digits.

use std::collections::BTreeMap;

use gantry_engine::TargetState;
use serde_json::value::RawValue;

/// An object's values by key, each as it was written. Of a doubled key the last counts.
pub(crate) type RawObject = BTreeMap<String, Box<RawValue>>;

/// Parses one JSON object. The error is a sentence for the user.
pub(crate) fn object(bytes: &[u8]) -> Result<RawObject, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        None => return Err("a JSON object is expected and there is nothing".to_owned()),
        Some(b'{') => {}
        Some(_) => {
            // Tells broken JSON from JSON of another kind.
            serde_json::from_slice::<serde::de::IgnoredAny>(bytes)
                .map_err(|error| format!("not JSON: {error}"))?;
            return Err("a JSON object is expected: { \"key\": \"value\" }".to_owned());
        }
    }
    serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))
}

/// A value as text: a string's content, a number or boolean as written, `None` for null.
/// Arrays and objects are refused.
pub(crate) fn text(key: &str, raw: &RawValue) -> Result<Option<String>, String> {
    let written = raw.get();
    match written.as_bytes().first() {
        Some(b'"') => serde_json::from_str(written)
            .map(Some)
            .map_err(|error| format!("the value of `{key}` is not a JSON string: {error}")),
        Some(b'n') => Ok(None),
        Some(b'{') => Err(format!("the value of `{key}` is an object; write it as a text")),
        Some(b'[') => Err(format!(
            "the value of `{key}` is an array; write a list as one text with commas: \"a,b\""
        )),
        _ => Ok(Some(written.to_owned())),
    }
}

/// As [`text`], and an array or object as its JSON: what RocketMQ Connect makes of them.
pub(crate) fn text_of_any(key: &str, raw: &RawValue) -> Result<Option<String>, String> {
    match raw.get().as_bytes().first() {
        Some(b'{' | b'[') => Ok(Some(raw.get().to_owned())),
        _ => text(key, raw),
    }
}

/// `initial_state` in any case of letters; null means none.
pub(crate) fn initial_state(raw: &RawValue) -> Result<Option<TargetState>, String> {
    let Some(state) = text("initial_state", raw)? else { return Ok(None) };
    match state.to_ascii_uppercase().as_str() {
        "RUNNING" => Ok(Some(TargetState::Started)),
        "PAUSED" => Ok(Some(TargetState::Paused)),
        "STOPPED" => Ok(Some(TargetState::Stopped)),
        _ => Err(format!("initial_state is {state}; write RUNNING, PAUSED or STOPPED")),
    }
}

/// The members of an object in the order written, doubled ones too; `None` if it is no object.
pub(crate) fn members(raw: &RawValue) -> Option<Vec<(String, Box<RawValue>)>> {
    if !raw.get().starts_with('{') {
        return None;
    }
    serde_json::from_str::<Members>(raw.get()).ok().map(|members| members.0)
}

struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> serde::de::Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
