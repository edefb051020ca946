//! Texts with parts of the record: `http://host/${topic}/${key}?user=${user.id}`.

use std::fmt;

use gantry_api::model::text::write_java;
use gantry_api::{Error, Result, SinkRecord, Value};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but what RFC 3986 calls unreserved: what a record holds can never change the shape of a
/// URL.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Clone)]
enum Part {
    Text(String),
    Topic,
    Key(Vec<String>),
    Value(Vec<String>),
    Header(String),
}

/// A text with parts of the record.
#[derive(Clone)]
pub(super) struct Template {
    parts: Vec<Part>,
    /// Where it has no parts of the record.
    fixed: Option<String>,
}

/// What becomes of what the record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// It stands in a URL.
    Url,
    /// It stays as it is.
    Plain,
}

/// A URL may hold a password, and a header's value may be one.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")
    }
}

impl Template {
    /// A text that is taken as it is.
    pub(super) fn literal(text: &str) -> Self {
        Self { parts: Vec::new(), fixed: Some(text.to_owned()) }
    }

    /// A text with `${…}` in it. The error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (name, behind) =
                behind.split_once('}').ok_or_else(|| "a } is missing behind ${".to_owned())?;
            parts.push(part(name.trim())?);
            rest = behind;
        }
        if parts.is_empty() {
            return Ok(Self::literal(text));
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts, fixed: None })
    }

    /// The text, if it is the same for all records.
    pub(super) fn fixed(&self) -> Option<&str> {
        self.fixed.as_deref()
    }

    /// The text with `x` for each part of a record, to see whether the whole can be right.
    pub(super) fn sample(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            _ => "x".to_owned(),
        };
        self.fixed.clone().unwrap_or_else(|| self.parts.iter().map(part).collect())
    }

    /// Adds the text of a record. `DataException` if the record has not what is asked for.
    pub(super) fn render(&self, record: &SinkRecord, form: Form, out: &mut String) -> Result<()> {
        if let Some(text) = &self.fixed {
            out.push_str(text);
            return Ok(());
        }
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Topic => push(&record.record.topic, form, out),
                Part::Key(path) => {
                    add(&record.record.key.value, path, ("key", record), form, out)?;
                }
                Part::Value(path) => {
                    add(&record.record.value.value, path, ("value", record), form, out)?;
                }
                Part::Header(name) => {
                    let found = record.record.headers.iter().rfind(|header| *header.key == **name);
                    let value = found.map_or(&Value::Null, |header| &header.datum.value);
                    add(value, &[], ("header", record), form, out)?;
                }
            }
        }
        Ok(())
    }
}

fn part(name: &str) -> Result<Part, String> {
    let path = |text: &str| -> Result<Vec<String>, String> {
        match text.split('.').any(str::is_empty) {
            true => Err(format!("${{{name}}} names nothing of a record")),
            false => Ok(text.split('.').map(str::to_owned).collect()),
        }
    };
    Ok(match name {
        "topic" => Part::Topic,
        "key" => Part::Key(Vec::new()),
        _ => match name.split_once('.') {
            Some(("key", field)) => Part::Key(path(field)?),
            Some(("value", field)) => Part::Value(path(field)?),
            Some(("header", header)) if !header.is_empty() => Part::Header(header.to_owned()),
            _ => Part::Value(path(name)?),
        },
    })
}

/// Adds a value, or what stands in it at a path.
fn add(
    value: &Value,
    path: &[String],
    (what, record): (&str, &SinkRecord),
    form: Form,
    out: &mut String,
) -> Result<()> {
    let mut found = value;
    for name in path {
        found = match found {
            Value::Struct(inner) => inner.get(name).unwrap_or(&Value::Null),
            Value::Map(map) => map.get(name).unwrap_or(&Value::Null),
            _ => &Value::Null,
        };
    }
    match found {
        Value::Null => Err(Error::data(format!(
            "Record {}@{} has no {what}{}{} for the template",
            record.origin,
            record.offset,
            if path.is_empty() { "" } else { " field " },
            path.join(".")
        ))),
        Value::String(text) => checked(record, what, text, form).map(|()| push(text, form, out)),
        other => {
            let mut text = String::new();
            write_java(other, &mut text);
            checked(record, what, &text, form).map(|()| push(&text, form, out))
        }
    }
}

/// A part of a URL must not lead elsewhere: to the folder it stands in, or to the one above.
fn checked(record: &SinkRecord, what: &str, text: &str, form: Form) -> Result<()> {
    if matches!(form, Form::Url) && ["", ".", ".."].contains(&text) {
        return Err(Error::data(format!(
            "The {what} of record {}@{} is '{text}', which would lead to another place of the URL",
            record.origin, record.offset
        )));
    }
    Ok(())
}

fn push(text: &str, form: Form, out: &mut String) {
    match form {
        Form::Plain => out.push_str(text),
        Form::Url => out.extend(utf8_percent_encode(text, ENCODED)),
    }
}
