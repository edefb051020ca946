//! What values of a key are allowed.

use std::fmt;
use std::sync::Arc;

use super::data::ConfigData;
use crate::error::{Error, Result};
use crate::text::hash_set_order;

type Check = Arc<dyn Fn(&str, &ConfigData) -> Result<()> + Send + Sync>;

/// An end of a range, shown as it was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// A whole number.
    Whole(i64),
    /// Any other.
    Real(f64),
}

impl Bound {
    fn as_f64(self) -> f64 {
        match self {
            Self::Whole(n) => n as f64,
            Self::Real(n) => n,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(n) => n.fmt(f),
            Self::Real(n) => f.write_str(&crate::text::double(*n)),
        }
    }
}

impl From<i32> for Bound {
    fn from(n: i32) -> Self {
        Self::Whole(i64::from(n))
    }
}

impl From<i64> for Bound {
    fn from(n: i64) -> Self {
        Self::Whole(n)
    }
}

impl From<f64> for Bound {
    fn from(n: f64) -> Self {
        Self::Real(n)
    }
}

/// Checks a value after it was parsed. `ConfigException` if it is not allowed.
#[derive(Clone)]
pub enum Validator {
    /// A number in a range; either end may be open. Null is refused.
    Range {
        /// The smallest allowed.
        min: Option<Bound>,
        /// The largest allowed.
        max: Option<Bound>,
    },
    /// One of these texts.
    ValidString(Vec<String>),
    /// One of these texts, in any case of letters.
    CaseInsensitiveValidString(Vec<String>),
    /// A list with only these texts, none twice. It may be empty, not null.
    ValidList(Vec<String>),
    /// A list of texts that are not empty, none twice.
    UniqueList {
        /// Only these texts; any, if there are none here.
        allowed: Vec<String>,
        /// Whether the list may be empty.
        empty: bool,
        /// Whether it may be null.
        null: bool,
    },
    /// Text that is not empty.
    NonEmptyString,
    /// Text that is neither empty nor holds control characters.
    NonEmptyStringWithoutControlChars,
    /// Not null.
    NonNull,
    /// All of these.
    All(Vec<Validator>),
    /// A rule of a key that stands behind a prefix, which it does not know.
    Embedded {
        /// What stands before the key's own name.
        prefix: String,
        /// The rule, for the bare name.
        inner: Box<Validator>,
    },
    /// Any other rule.
    Custom(Check),
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Validator")
    }
}

impl Validator {
    /// A number of at least `min`.
    pub fn at_least(min: impl Into<Bound>) -> Self {
        Self::Range { min: Some(min.into()), max: None }
    }
    /// A number between, both ends allowed.
    pub fn between(min: impl Into<Bound>, max: impl Into<Bound>) -> Self {
        Self::Range { min: Some(min.into()), max: Some(max.into()) }
    }
    /// One of these texts.
    pub fn one_of(values: &[&str]) -> Self {
        Self::ValidString(values.iter().map(|&value| value.to_owned()).collect())
    }
    /// Any other rule.
    pub fn custom(check: impl Fn(&str, &ConfigData) -> Result<()> + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(check))
    }
    /// The same rule for a key behind `prefix`: what it finds names the bare key.
    pub(super) fn embedded(self, prefix: &str) -> Self {
        Self::Embedded { prefix: prefix.to_owned(), inner: Box::new(self) }
    }
    /// Whether a list's doubles are dropped before it is checked, when a whole configuration
    /// is parsed; `validate` still reports them.
    pub(super) fn drops_doubles(&self) -> bool {
        match self {
            Self::ValidList(_) | Self::UniqueList { .. } => true,
            Self::Embedded { inner, .. } => inner.drops_doubles(),
            _ => false,
        }
    }
    /// Checks the value of a key.
    pub fn check(&self, name: &str, value: &ConfigData) -> Result<()> {
        let invalid = |what: &str| Err(invalid(name, value, what));
        match self {
            Self::Range { min, max } => match out_of_range(*min, *max, value) {
                Some(what) => invalid(&what),
                None => Ok(()),
            },
            Self::ValidString(allowed) => check_allowed(name, value, allowed),
            Self::CaseInsensitiveValidString(allowed) => match value {
                ConfigData::String(text)
                    if allowed.iter().any(|other| other.eq_ignore_ascii_case(text)) =>
                {
                    Ok(())
                }
                _ => {
                    let upper = allowed.iter().map(|text| text.to_uppercase()).collect();
                    let all = hash_set_order(upper).join(", ");
                    invalid(&format!("String must be one of (case insensitive): {all}"))
                }
            },
            Self::ValidList(allowed) => check_list(name, value, allowed, true, false),
            Self::UniqueList { allowed, empty, null } => {
                check_list(name, value, allowed, *empty, *null)
            }
            Self::NonEmptyString => match value {
                ConfigData::String(text) if text.is_empty() => invalid("String must be non-empty"),
                _ => Ok(()),
            },
            Self::NonEmptyStringWithoutControlChars => match value {
                ConfigData::String(text) => check_plain(name, value, text),
                _ => Ok(()),
            },
            Self::NonNull => match value {
                ConfigData::Null => invalid("entry must be non null"),
                _ => Ok(()),
            },
            Self::All(all) => all.iter().try_for_each(|validator| validator.check(name, value)),
            Self::Embedded { prefix, inner } => {
                inner.check(name.strip_prefix(prefix.as_str()).unwrap_or(name), value)
            }
            Self::Custom(check) => check(name, value),
        }
    }
}

fn invalid(name: &str, value: &ConfigData, what: &str) -> Error {
    Error::config(format!("Invalid value {} for configuration {name}: {what}", value.to_java()))
}

fn out_of_range(min: Option<Bound>, max: Option<Bound>, value: &ConfigData) -> Option<String> {
    let number = match *value {
        ConfigData::Int(n) => f64::from(n),
        ConfigData::Short(n) => f64::from(n),
        ConfigData::Long(n) => n as f64,
        ConfigData::Double(n) => n,
        _ => return Some("Value must be non-null".to_owned()),
    };
    if let Some(min) = min.filter(|min| number < min.as_f64()) {
        return Some(format!("Value must be at least {min}"));
    }
    let max = max.filter(|max| number > max.as_f64())?;
    Some(format!("Value must be no more than {max}"))
}

fn check_allowed(name: &str, value: &ConfigData, allowed: &[String]) -> Result<()> {
    match value {
        ConfigData::String(text) if allowed.contains(text) => Ok(()),
        _ => {
            let what = format!("String must be one of: {}", allowed.join(", "));
            Err(invalid(name, value, &what))
        }
    }
}

fn check_list(
    name: &str,
    value: &ConfigData,
    allowed: &[String],
    empty: bool,
    null: bool,
) -> Result<()> {
    let fault = |what: &str| Err(Error::config(format!("Configuration '{name}' {what}")));
    let list = match value {
        ConfigData::List(list) => list,
        _ if null => return Ok(()),
        _ => return fault("values must not be null."),
    };
    if list.is_empty() && !empty {
        let valid = match allowed {
            [] => "any non-empty value".to_owned(),
            all => format!("[{}]", all.join(", ")),
        };
        return fault(&format!("must not be empty. Valid values include: {valid}"));
    }
    let doubled = list.iter().enumerate().any(|(at, text)| list.iter().take(at).any(|t| t == text));
    if doubled {
        return fault("values must not be duplicated.");
    }
    for text in list {
        if text.is_empty() {
            return fault("values must not be empty.");
        }
        if !allowed.is_empty() {
            check_allowed(name, &ConfigData::String(text.clone()), allowed)?;
        }
    }
    Ok(())
}

fn check_plain(name: &str, value: &ConfigData, text: &str) -> Result<()> {
    if text.is_empty() {
        return Err(invalid(name, value, "String may not be empty"));
    }
    let controls: Vec<String> =
        text.chars().filter(|c| c.is_control()).map(|c| u32::from(c).to_string()).collect();
    if controls.is_empty() {
        return Ok(());
    }
    let what = format!(
        "String may not contain control sequences but had the following ASCII chars: {}",
        controls.join(", ")
    );
    Err(invalid(name, value, &what))
}
