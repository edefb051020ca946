//! A request taken apart, with contexts and aliases put in place.

use std::sync::Arc;

use axum::http::request::Parts;
use axum::http::{Method, Uri};
use serde::de::DeserializeOwned;

use crate::error::RegistryError;
use crate::names::{normalize_context, starts_with_context};
use crate::rights::Rights;
use crate::shared::Shared;

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    /// The parts of the path, decoded.
    pub(super) path: Vec<String>,
    query: Vec<(String, String)>,
    /// What who asks may do.
    pub(super) rights: Arc<Rights>,
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A text without its percent signs; what is no encoding stays as it is.
pub(super) fn decoded(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = match (byte, bytes.get(at + 1), bytes.get(at + 2)) {
            (b'%', Some(&high), Some(&low)) => hex(high).zip(hex(low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            None => {
                out.push(if byte == b'+' && plus_is_space { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Asked {
    /// Takes a request apart.
    pub(super) fn of(method: Method, uri: &Uri) -> Self {
        let parts = uri.path().split('/').filter(|part| !part.is_empty());
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name, true), decoded(value, true))
        };
        Self {
            method,
            path: parts.map(|part| decoded(part, false)).collect(),
            query: pairs.map(pair).collect(),
            rights: Arc::new(Rights::ALL),
        }
    }

    /// The same of what a client sent, with the rights that it carries.
    pub(super) fn from_head(head: &Parts) -> Self {
        let mut asked = Self::of(head.method.clone(), &head.uri);
        if let Some(rights) = head.extensions.get::<Arc<Rights>>() {
            asked.rights = Arc::clone(rights);
        }
        asked
    }

    /// The first value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub(super) fn parameters(&self, name: &str) -> Vec<String> {
        let all = self.query.iter().filter(|(known, _)| known == name);
        all.map(|(_, value)| value.clone()).collect()
    }

    /// Whether a parameter says `true`.
    pub(super) fn is(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A number; what is none is an address that is not there.
    pub(super) fn number(&self, name: &str, default: i32) -> Result<i32, RegistryError> {
        match self.parameter(name) {
            None | Some("") => Ok(default),
            Some(value) => value.trim().parse().map_err(|_| not_there()),
        }
    }

    /// Skips `offset` and keeps `limit` of what is listed; a limit that is not within what is
    /// allowed is the default, which is the same.
    pub(super) fn page<T>(&self, all: Vec<T>, limit_max: usize) -> Result<Vec<T>, RegistryError> {
        let offset = usize::try_from(self.number("offset", 0)?).unwrap_or(0);
        let limit = usize::try_from(self.number("limit", -1)?).unwrap_or(0);
        let limit = if (1..=limit_max).contains(&limit) { limit } else { limit_max };
        Ok(all.into_iter().skip(offset).take(limit).collect())
    }

    fn set(&mut self, name: &str, value: String) {
        self.query.retain(|(known, _)| known != name);
        self.query.push((name.to_owned(), value));
    }

    fn starts_with(&self, path: &[&str]) -> bool {
        self.path.len() >= path.len() && self.path.iter().zip(path).all(|(has, part)| has == part)
    }

    /// Puts the context of `/contexts/{context}/...` in front of the names behind it.
    pub(super) fn place_context(&mut self) -> Result<(), RegistryError> {
        if self.path.len() < 2 || self.path.first().is_none_or(|first| first != "contexts") {
            return Ok(());
        }
        let context = self.path.remove(1);
        self.path.remove(0);
        let prefix =
            normalize_context(&context).map_err(|reason| RegistryError::new(400, reason))?;
        // A second context would be a name without one, with the rights on that.
        if self.starts_with(&["contexts"]) {
            return Err(not_there());
        }
        if self.path.is_empty() {
            if !prefix.is_empty() {
                self.path = vec!["contexts".to_owned(), prefix];
            }
            return Ok(());
        }
        let is_rule = self.starts_with(&["config"]) || self.starts_with(&["mode"]);
        if is_rule && self.path.len() == 1 && !prefix.is_empty() {
            self.path.push(prefix.clone());
        }
        let mut is_name = false;
        for (at, part) in self.path.iter_mut().enumerate() {
            if is_name {
                if !starts_with_context(part) {
                    part.insert_str(0, &prefix);
                }
                is_name = false;
            } else {
                is_name = part == "subjects" || (is_rule && at == 0);
            }
        }
        self.place_in_query(&prefix);
        Ok(())
    }

    fn place_in_query(&mut self, prefix: &str) {
        let is_list = self.path.len() == 1
            && (self.starts_with(&["schemas"]) || self.starts_with(&["subjects"]));
        let name = if self.starts_with(&["schemas", "ids"]) {
            "subject"
        } else if is_list {
            "subjectPrefix"
        } else {
            return;
        };
        let value = self.parameter(name).unwrap_or_default();
        if !starts_with_context(value) {
            let value = format!("{prefix}{value}");
            self.set(name, value);
        }
    }

    /// Puts subjects in the place of their aliases.
    pub(super) fn place_aliases(&mut self, shared: &Shared) {
        let mut is_name = false;
        for part in &mut self.path {
            if is_name {
                if let Some(subject) = shared.aliased(part) {
                    *part = subject;
                }
                is_name = false;
            } else {
                is_name = part == "subjects";
            }
        }
        if self.starts_with(&["schemas", "ids"]) {
            let name = self.parameter("subject").unwrap_or_default();
            if let Some(subject) = shared.aliased(name) {
                self.set("subject", subject);
            }
        }
    }
}

/// An address that is not there.
pub(super) fn not_there() -> RegistryError {
    RegistryError::framework(axum::http::StatusCode::NOT_FOUND)
}

/// A version in a path: -1 is the latest.
pub(super) fn version(text: &str) -> Result<i32, RegistryError> {
    let trimmed = text.trim();
    if trimmed.eq_ignore_ascii_case("latest") {
        return Ok(-1);
    }
    let version = trimmed.parse::<i32>().ok();
    match version.filter(|version| *version > 0 || *version == -1) {
        Some(version) => Ok(version),
        None => Err(RegistryError::invalid_version(&match trimmed.parse::<i32>() {
            Ok(number) => number.to_string(),
            Err(_) => text.to_owned(),
        })),
    }
}

/// An id in a path.
pub(super) fn id(text: &str) -> Result<i32, RegistryError> {
    text.parse().map_err(|_| not_there())
}

/// A member of a body, if it is there and not null.
pub(super) fn member<T: DeserializeOwned>(
    body: &serde_json::Map<String, serde_json::Value>,
    name: &str,
) -> Result<Option<T>, RegistryError> {
    let value = body.get(name).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|error| {
        RegistryError::new(400, format!("Member {name} of the body is wrong: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(uri: &str) -> Asked {
        let mut asked = Asked::of(Method::GET, &uri.parse().unwrap());
        asked.place_context().unwrap();
        asked
    }

    #[test]
    fn contexts_are_put_in_front() {
        assert_eq!(placed("/contexts/.c/subjects/a/versions/1").path[1], ":.c:a");
        assert_eq!(placed("/contexts/:.c:/config").path, ["config", ":.c:"]);
        assert_eq!(placed("/contexts/c/mode/a").path, ["mode", ":.c:a"]);
        assert_eq!(placed("/contexts/./mode/a").path, ["mode", "a"]);
        assert_eq!(placed("/contexts/.c").path, ["contexts", ":.c:"]);
        assert_eq!(placed("/contexts/.c/schemas/ids/1").parameter("subject"), Some(":.c:"));
        assert_eq!(placed("/contexts/.c/subjects").parameter("subjectPrefix"), Some(":.c:"));
        let own = placed("/contexts/.c/compatibility/subjects/:.d:a/versions");
        assert_eq!(own.path[2], ":.d:a");
        for default in ["/contexts/.", "/contexts/:.:"] {
            assert!(placed(default).path.is_empty(), "{default}");
        }
        for twice in
            ["/contexts/.c/contexts", "/contexts/.c/contexts/.c", "/contexts/./contexts/a/mode"]
        {
            let mut asked = Asked::of(Method::DELETE, &twice.parse().unwrap());
            assert_eq!(asked.place_context(), Err(not_there()), "{twice}");
        }
    }

    #[test]
    fn paths_and_queries_are_decoded() {
        let asked = Asked::of(Method::GET, &"/a%2Fb/+/x%zz/?q=a+b%26&d=TRUE".parse().unwrap());
        assert_eq!(asked.path, ["a/b", "+", "x%zz"]);
        assert_eq!(asked.parameter("q"), Some("a b&"));
        assert!(asked.is("d") && !asked.is("e"));
    }

    #[test]
    fn versions_are_numbers_or_the_latest() {
        assert_eq!(version("latest"), Ok(-1));
        assert_eq!(version("3"), Ok(3));
        for wrong in ["0", "-2", "abc", "99999999999"] {
            assert_eq!(version(wrong).unwrap_err().code, 42202);
        }
    }
}
