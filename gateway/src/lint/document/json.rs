//! Entries of a JSON file. Comments and trailing commas are reported and passed over, so that the
//! rest is looked at too.

use std::collections::BTreeSet;

use jsonc_parser::ast::{Comment, Object, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{
    CollectOptions, CommentCollectionStrategy, ParseOptions, ParseResult, parse_to_ast,
};
use serde_json::Value as Json;

use super::{Entry, Inner, Place, Places, Shape};
use crate::lint::report::Report;
use crate::lint::syntax::{COMMENT, UNREADABLE};

/// Entries, what stands beside `config`, and what is inside of values.
type Entries = (Vec<Entry>, Vec<Entry>, Vec<Inner>);

/// Whether a file begins with a comment of C, before what may be JSON.
pub(super) fn begins_with_comment(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.starts_with(b"//") || text.starts_with(b"/*")
}

/// Reads a file; what cannot be read is reported.
pub(super) fn read(bytes: &[u8], report: &mut Report) -> Option<Entries> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = String::from_utf8_lossy(bytes.get(..error.valid_up_to())?);
            let place = Places::new(&before).of(before.len());
            report.at(
                &UNREADABLE,
                Some(place),
                None,
                "the file is not in UTF-8",
                "save it in UTF-8, which JSON asks for",
            );
            return None;
        }
    };
    let parsed = parse(text, report)?;
    comments(text, &parsed, report);
    let Some(Value::Object(object)) = parsed.value else {
        report.at(
            &UNREADABLE,
            Some(Place { line: 1, column: 1 }),
            None,
            "a JSON object is expected",
            "write { \"name\": \"…\", \"config\": { … } }, or the configuration alone",
        );
        return None;
    };
    let config = object.properties.iter().find(|property| property.name.as_str() == "config");
    Some(match config.map(|property| &property.value) {
        Some(Value::Object(config)) => {
            let mut outer = entries(text, &object);
            outer.retain(|entry| entry.key != "config");
            (entries(text, config), outer, inside(text, config))
        }
        _ => (entries(text, &object), Vec::new(), inside(text, &object)),
    })
}

/// What is inside of the objects and arrays of an object.
fn inside(text: &str, object: &Object<'_>) -> Vec<Inner> {
    let mut found = Vec::new();
    let mut places = Places::new(text);
    for property in &object.properties {
        if matches!(property.value, Value::Object(_) | Value::Array(_)) {
            let key = property.name.as_str();
            let place = places.of(property.start());
            collect(&property.value, key, key, place, &mut places, &mut found);
        }
    }
    found
}

fn collect(
    value: &Value<'_>,
    key: &str,
    path: &str,
    place: Place,
    places: &mut Places<'_>,
    found: &mut Vec<Inner>,
) {
    let value = match value {
        Value::Object(object) => {
            for property in &object.properties {
                let key = property.name.as_str();
                let place = places.of(property.start());
                collect(&property.value, key, &format!("{path}.{key}"), place, places, found);
            }
            return;
        }
        Value::Array(array) => {
            for element in &array.elements {
                collect(element, key, path, place, places, found);
            }
            return;
        }
        Value::StringLit(text) => text.value.to_string(),
        Value::NumberLit(number) => number.value.to_owned(),
        Value::BooleanLit(_) | Value::NullKeyword(_) => return,
    };
    found.push(Inner { key: key.to_owned(), path: path.to_owned(), value, place });
}

/// What is inside of a text that is itself a JSON object, as in `kafka.connector.configs`.
pub(super) fn in_text(entry: &Entry) -> Vec<Inner> {
    let mut found = Vec::new();
    if entry.value.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str(&entry.value)
    {
        collect_json(&value, &entry.key, &entry.key, entry.place, &mut found);
    }
    found
}

fn collect_json(value: &Json, key: &str, path: &str, place: Place, found: &mut Vec<Inner>) {
    let value = match value {
        Json::Object(object) => {
            for (key, value) in object {
                collect_json(value, key, &format!("{path}.{key}"), place, found);
            }
            return;
        }
        Json::Array(elements) => {
            for element in elements {
                collect_json(element, key, path, place, found);
            }
            return;
        }
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Bool(_) | Json::Null => return,
    };
    found.push(Inner { key: key.to_owned(), path: path.to_owned(), value, place });
}

/// Strict but for comments; a trailing comma is reported, then allowed.
fn parse<'a>(text: &'a str, report: &mut Report) -> Option<ParseResult<'a>> {
    let mut options = ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let collect = CollectOptions { comments: CommentCollectionStrategy::Separate, tokens: false };
    let error = match parse_to_ast(text, &collect, &options) {
        Ok(parsed) => return Some(parsed),
        Err(error) => error,
    };
    unreadable(text, &error, report);
    if !matches!(error.kind(), ParseErrorKind::TrailingCommasNotAllowed) {
        return None;
    }
    options.allow_trailing_commas = true;
    parse_to_ast(text, &collect, &options).ok()
}

fn unreadable(text: &str, error: &ParseError, report: &mut Report) {
    report.at(
        &UNREADABLE,
        Some(Places::new(text).of(error.range().start)),
        None,
        format!("not JSON: {}", error.kind()),
        "correct the file here; nothing reads it as it is",
    );
}

fn comments(text: &str, parsed: &ParseResult<'_>, report: &mut Report) {
    let Some(comments) = &parsed.comments else { return };
    // Each stands there twice: behind one token and before the next.
    let all = comments.values().flat_map(|comments| comments.iter());
    let starts: BTreeSet<usize> = all
        .map(|comment| match comment {
            Comment::Line(comment) => comment.start(),
            Comment::Block(comment) => comment.start(),
        })
        .collect();
    let mut places = Places::new(text);
    for start in starts {
        report.at(
            &COMMENT,
            Some(places.of(start)),
            None,
            "JSON has no comments",
            "take it out; a properties file may have comments",
        );
    }
}

fn entries(text: &str, object: &Object<'_>) -> Vec<Entry> {
    let mut places = Places::new(text);
    let entry = |property: &jsonc_parser::ast::ObjectProp<'_>| {
        let (value, shape) = match &property.value {
            Value::StringLit(text) => (text.value.to_string(), Shape::Text),
            Value::NumberLit(number) => (number.value.to_owned(), Shape::Number),
            Value::BooleanLit(flag) => (flag.value.to_string(), Shape::Boolean),
            Value::NullKeyword(_) => (String::new(), Shape::Null),
            Value::Array(_) => (String::new(), Shape::Array),
            Value::Object(_) => (String::new(), Shape::Object),
        };
        let place = places.of(property.start());
        Entry { key: property.name.as_str().to_owned(), value, shape, place }
    };
    object.properties.iter().map(entry).collect()
}
