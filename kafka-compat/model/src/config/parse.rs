//! Parsing text by type.

use super::data::ConfigData;
use super::key::Type;
use crate::error::{Error, Result};
use crate::text::{parse_double, parse_long, trim};

/// Finds a plugin class: its full name for the name or alias given, `None` if there is none.
pub type ClassLookup = std::sync::Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Parses text as Kafka's `ConfigDef.parseType` does. Any class name is taken as it is.
/// `ConfigException` for text that is not of the type.
pub fn parse_type(name: &str, text: Option<&str>, type_: Type) -> Result<ConfigData> {
    parse_type_with(name, text, type_, None)
}

/// The same; class names are looked up, and only those that are found are valid.
pub fn parse_type_with(
    name: &str,
    text: Option<&str>,
    type_: Type,
    classes: Option<&ClassLookup>,
) -> Result<ConfigData> {
    let Some(raw) = text else { return Ok(ConfigData::Null) };
    let text = trim(raw);
    let invalid =
        |what: &str| Error::config(format!("Invalid value {raw} for configuration {name}: {what}"));
    let number = |kind: &str| invalid(&format!("Not a number of type {kind}"));
    let long = || parse_long(text);
    Ok(match type_ {
        Type::Boolean if text.eq_ignore_ascii_case("true") => ConfigData::Boolean(true),
        Type::Boolean if text.eq_ignore_ascii_case("false") => ConfigData::Boolean(false),
        Type::Boolean => return Err(invalid("Expected value to be either true or false")),
        Type::String => ConfigData::String(text.to_owned()),
        Type::Password => ConfigData::Password(text.to_owned()),
        Type::Class => match classes {
            None => ConfigData::Class(text.to_owned()),
            Some(lookup) => ConfigData::Class(
                lookup(text).ok_or_else(|| invalid(&format!("Class {raw} could not be found.")))?,
            ),
        },
        Type::Int => ConfigData::Int(
            long().and_then(|n| i32::try_from(n).ok()).ok_or_else(|| number("INT"))?,
        ),
        Type::Short => ConfigData::Short(
            long().and_then(|n| i16::try_from(n).ok()).ok_or_else(|| number("SHORT"))?,
        ),
        Type::Long => ConfigData::Long(long().ok_or_else(|| number("LONG"))?),
        Type::Double => ConfigData::Double(parse_double(text).ok_or_else(|| number("DOUBLE"))?),
        Type::List if text.is_empty() => ConfigData::EMPTY_LIST,
        Type::List => ConfigData::List(text.split(',').map(trim_element).collect()),
    })
}

/// Without the white space that Java's pattern `\s` names: not that of other scripts.
fn trim_element(element: &str) -> String {
    element.trim_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']).to_owned()
}
