//! Names of fields, plain or as paths into nested fields.

use gantry_model::schema::Field;
use gantry_model::{Error, MapValue, Result, Schema, Struct, Value};

use crate::support::{map_or_null, struct_or_null};

const PURPOSE: &str = "nested field access";

/// Where a field is: a name, or the names on the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldPath {
    text: String,
    /// The structs or maps to pass through.
    way: Vec<String>,
    last: String,
    /// An empty path leads nowhere: an error for every record.
    nowhere: bool,
}

impl FieldPath {
    /// The field of exactly that name (syntax V1).
    pub(crate) fn plain(name: &str) -> Self {
        Self { text: name.to_owned(), way: Vec::new(), last: name.to_owned(), nowhere: false }
    }

    /// A path (syntax V2): names with dots between them. A name in backticks may hold dots; a
    /// backtick within it that is followed by a dot needs a backslash before it.
    pub(crate) fn nested(text: &str) -> Result<Self> {
        let mut names = Vec::new();
        let mut rest = Some(text);
        while let Some(from) = rest {
            let (name, after) = match from.strip_prefix('`') {
                Some(quoted) => {
                    quoted_name(quoted).ok_or_else(|| unclosed(text, text.len() - from.len()))?
                }
                None => match from.split_once('.') {
                    Some((name, after)) => (name.to_owned(), Some(after)),
                    None => (from.to_owned(), None),
                },
            };
            names.push(name);
            rest = after;
        }
        let last = names.pop().unwrap_or_default();
        Ok(Self { text: text.to_owned(), way: names, last, nowhere: text.is_empty() })
    }

    /// The path as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    fn check(&self) -> Result<()> {
        if self.nowhere {
            return Err(Error::java(
                "java.lang.IllegalArgumentException",
                "The path of the field is empty",
            ));
        }
        Ok(())
    }

    /// The field of a schema. `DataException` where a schema on the way is no struct.
    pub(crate) fn field_of<'a>(&self, schema: &'a Schema) -> Result<Option<&'a Field>> {
        self.check()?;
        let mut schema = schema;
        for name in &self.way {
            match look_up(schema, name)? {
                Some(field) => schema = &field.schema,
                None => return Ok(None),
            }
        }
        look_up(schema, &self.last)
    }

    /// The value in a struct, null where it is not there.
    pub(crate) fn in_struct(&self, value: &Struct, replace_null: bool) -> Result<Value> {
        let mut value = value;
        for name in &self.way {
            let Some(field) = value.schema().field(name) else { return Ok(Value::Null) };
            match struct_or_null(value.get_at(field), PURPOSE)? {
                Some(inner) => value = inner,
                None => return Ok(Value::Null),
            }
        }
        let Some(field) = value.schema().field(&self.last) else { return Ok(Value::Null) };
        Ok(if replace_null { value.get_at(field) } else { value.raw(&self.last)? }.clone())
    }

    /// The value in a schemaless map, null where it is not there.
    pub(crate) fn in_map(&self, map: &MapValue) -> Result<Value> {
        self.check()?;
        let mut map = map;
        for name in &self.way {
            match map_or_null(map.get(name).unwrap_or(&Value::Null), PURPOSE)? {
                Some(inner) => map = inner,
                None => return Ok(Value::Null),
            }
        }
        Ok(map.get(&self.last).cloned().unwrap_or_default())
    }
}

fn look_up<'a>(schema: &'a Schema, name: &str) -> Result<Option<&'a Field>> {
    match schema.fields() {
        Some(fields) => Ok(fields.get(name)),
        None => Err(Error::data("Cannot look up fields on non-struct type")),
    }
}

/// A name up to its closing backtick, and what follows the dot after it. The backtick closes
/// the name where a dot or the end follows and no backslash stands before it; `None` without one.
fn quoted_name(text: &str) -> Option<(String, Option<&str>)> {
    let mut name = String::new();
    let mut taken = 0;
    for (at, _) in text.match_indices('`') {
        let after = &text[at + 1..];
        let dot = after.strip_prefix('.');
        if dot.is_none() && !after.is_empty() {
            continue;
        }
        let before = &text[taken..at];
        match before.strip_suffix('\\') {
            None => {
                name.push_str(before);
                return Some((name, dot));
            }
            Some(_) if after.is_empty() => return None,
            Some(escaped) => {
                name.push_str(escaped);
                name.push('`');
                taken = at + 1;
            }
        }
    }
    None
}

/// `at` counts bytes; the text counts as Java does.
fn unclosed(text: &str, at: usize) -> Error {
    let at = text[..at].encode_utf16().count();
    Error::config(format!(
        "Incomplete backtick pair in path: [{text}], consider adding a backslash before backtick \
         at position {at} to escape it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &str) -> Vec<String> {
        let FieldPath { mut way, last, .. } = FieldPath::nested(path).expect("valid");
        way.push(last);
        way
    }

    #[test]
    fn dots_part_names() {
        assert_eq!(names("a"), ["a"]);
        assert_eq!(names("a.b.c"), ["a", "b", "c"]);
        assert_eq!(names("a."), ["a", ""]);
        assert_eq!(names("."), ["", ""]);
        assert_eq!(names("a`b"), ["a`b"]);
    }

    #[test]
    fn backticks_hold_names_together() {
        assert_eq!(names("`a`"), ["a"]);
        assert_eq!(names("``"), [""]);
        assert_eq!(names("a.`b.c`.d"), ["a", "b.c", "d"]);
        assert_eq!(names(r"`a\`.b`.c"), ["a`.b", "c"]);
        assert_eq!(names("`a`b`.c"), ["a`b", "c"]);
        assert_eq!(names(r"`a\`b`"), [r"a\`b"]);
        assert_eq!(names("`a`."), ["a", ""]);
    }

    #[test]
    fn an_open_backtick_is_an_error_with_its_place() {
        for (path, at) in [("`a", 0), (r"`a\`", 0), ("b.`a", 2), ("`x`y", 0)] {
            let error = FieldPath::nested(path).expect_err("not closed");
            assert!(error.message().contains(&format!("position {at} ")), "{path}: {error}");
        }
    }

    #[test]
    fn an_empty_path_is_an_error_and_an_empty_name_is_not() {
        let map = MapValue::from_distinct(vec![(Value::str(""), Value::Int8(1))]);
        assert!(FieldPath::nested("").expect("parses").in_map(&map).is_err());
        assert_eq!(FieldPath::plain("").in_map(&map).expect("reads"), Value::Int8(1));
    }

    #[test]
    fn plain_names_keep_their_dots() {
        let map = MapValue::from_distinct(vec![(Value::str("a.b"), Value::Int8(1))]);
        assert_eq!(FieldPath::plain("a.b").in_map(&map).expect("reads"), Value::Int8(1));
        let path = FieldPath::nested("a.b").expect("valid");
        assert_eq!(path.in_map(&map).expect("reads"), Value::Null);
    }
}
