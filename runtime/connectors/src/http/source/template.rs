//! Texts with parts of the offset: what of FreeMarker's templates requests need.

use std::fmt::Write as _;

use gantry_api::{Error, OffsetMap, Result};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A text, and what is put into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    key: &'static str,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Offset { name: String, default: Option<String>, form: Form },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    /// `?datetime.iso?long`: milliseconds since the epoch.
    Epoch,
    /// `?url`
    Url,
}

const WHAT: &str = "of FreeMarker there are ${offset.NAME}, ${NAME}, a default behind ! (as ${offset.NAME!'none'}), and the \
                    built-ins ?datetime.iso?long and ?url";

impl Template {
    /// The template of a key; the error says what is wrong.
    pub(super) fn parse(key: &'static str, text: &str) -> Result<Self, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        if ["<#", "<@", "#{"].iter().any(|other| text.contains(other)) {
            return Err(WHAT.to_owned());
        }
        while let Some((before, behind)) = rest.split_once("${") {
            let (expression, behind) =
                behind.split_once('}').ok_or_else(|| "${ has no }".to_owned())?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(expression_of(expression.trim())?);
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { key, parts })
    }

    /// As it stands, whatever is in it.
    pub(super) fn literal(key: &'static str, text: &str) -> Self {
        Self { key, parts: vec![Part::Text(text.to_owned())] }
    }

    /// The text with the parts of an offset.
    pub(super) fn render(&self, offset: &OffsetMap) -> Result<String> {
        let mut out = String::new();
        for part in &self.parts {
            let Part::Offset { name, default, form } = part else {
                if let Part::Text(text) = part {
                    out.push_str(text);
                }
                continue;
            };
            let found = offset.get(name).map(|value| match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            let text = found.or_else(|| default.clone()).ok_or_else(|| {
                Error::connect(format!(
                    "{} asks for ${{offset.{name}}}, and the offset has no {name}: name it in \
                     http.offset.initial, or give a default (${{offset.{name}!'none'}})",
                    self.key
                ))
            })?;
            match form {
                Form::Plain => out.push_str(&text),
                Form::Url => {
                    let _ = write!(out, "{}", utf8_percent_encode(&text, NON_ALPHANUMERIC));
                }
                Form::Epoch => {
                    let time: Timestamp = text.parse().map_err(|_| {
                        Error::connect(format!("{}: {text} is no time of ISO 8601", self.key))
                    })?;
                    let _ = write!(out, "{}", time.as_millisecond());
                }
            }
        }
        Ok(out)
    }
}

fn expression_of(text: &str) -> Result<Part, String> {
    let (text, form) = match text.split_once('?') {
        None => (text, Form::Plain),
        Some((text, "url")) => (text, Form::Url),
        Some((text, "datetime.iso?long")) => (text, Form::Epoch),
        Some(_) => return Err(WHAT.to_owned()),
    };
    let (name, default) = match text.split_once('!') {
        None => (text, None),
        Some((name, default)) => {
            let quoted = ['\'', '"'].into_iter().find_map(|quote| {
                default.strip_prefix(quote).and_then(|default| default.strip_suffix(quote))
            });
            let default = match (quoted, default) {
                (Some(text), _) => text,
                (None, "") => "",
                _ => return Err(WHAT.to_owned()),
            };
            (name, Some(default.to_owned()))
        }
    };
    let name = name.trim().trim_start_matches('(').trim_end_matches(')');
    let name = name.strip_prefix("offset.").unwrap_or(name);
    let fits = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    if name.is_empty() || !name.chars().all(fits) {
        return Err(WHAT.to_owned());
    }
    Ok(Part::Offset { name: name.to_owned(), default, form })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_put_in() {
        let offset: OffsetMap =
            serde_json::from_str(r#"{"timestamp":"2020-01-01T00:00:00.250Z","key":"a b","n":7}"#)
                .unwrap();
        let render = |text: &str| Template::parse("k", text).unwrap().render(&offset);
        for (text, expected) in [
            ("x", "x"),
            ("${offset.key}-${key}${offset.n}", "a b-a b7"),
            (
                "after=${offset.timestamp?datetime.iso?long}&k=${offset.key?url}",
                "after=1577836800250&k=a%20b",
            ),
            ("${offset.other!'0'}${(offset.other)!\"1\"}${other!}", "01"),
        ] {
            assert_eq!(render(text).unwrap(), expected, "{text}");
        }
        let error = render("${offset.other}").unwrap_err();
        assert!(error.message().contains("the offset has no other"), "{error:?}");
        for wrong in ["${offset.key?upper_case}", "<#if x>", "${", "${}", "${a.b.c}", "${a!b}"] {
            assert!(Template::parse("k", wrong).is_err(), "{wrong}");
        }
    }
}
