//! A short way to define keys, and to read them.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gantry_api::model::config::{ConfigData, ParsedConfig};
use gantry_api::{ConfigDef, ConfigKey, Error, Importance, Result, Type, Validator, Width};
use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};

/// What is wrong with the value of a key.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) key: String,
    /// The whole text.
    pub(super) text: String,
}

impl Fault {
    /// A fault in the words of Java's `ConfigException` of a key and its value.
    pub(super) fn of(config: &ParsedConfig, key: &str, what: &str) -> Self {
        Self { key: key.to_owned(), text: invalid(key, config.get(key), what).message().to_owned() }
    }
    /// A fault whose value is not to be shown.
    pub(super) fn plain(key: &str, text: impl Into<String>) -> Self {
        Self { key: key.to_owned(), text: text.into() }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::config(fault.text)
    }
}

/// Collects keys, numbered within their group.
pub(super) struct Keys {
    definition: ConfigDef,
    group: &'static str,
    order: i32,
    /// How much the next keys matter.
    how: Importance,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self { definition: ConfigDef::new(), group: "", order: 0, how: Importance::Medium }
    }
    pub(super) fn group(&mut self, group: &'static str, how: Importance) {
        (self.group, self.order, self.how) = (group, 0, how);
    }
    pub(super) fn done(self) -> ConfigDef {
        self.definition
    }
    fn put(&mut self, key: ConfigKey, validator: Option<Validator>) {
        self.order += 1;
        let name = key.name.clone();
        let mut key = key.group(self.group, self.order, Width::Medium, &name);
        key.validator = validator;
        self.definition = std::mem::take(&mut self.definition).define(key);
    }
    pub(super) fn add(
        &mut self,
        name: &str,
        of: Type,
        default: impl Into<ConfigData>,
        doc: &str,
        validator: impl Into<Option<Validator>>,
    ) {
        self.put(ConfigKey::new(name, of, default, self.how, doc), validator.into());
    }
    /// A key whose default is null.
    pub(super) fn null(
        &mut self,
        name: &str,
        of: Type,
        doc: &str,
        validator: impl Into<Option<Validator>>,
    ) {
        self.put(ConfigKey::nullable(name, of, self.how, doc), validator.into());
    }
    pub(super) fn required(
        &mut self,
        name: &str,
        of: Type,
        doc: &str,
        validator: impl Into<Option<Validator>>,
    ) {
        self.put(ConfigKey::required(name, of, self.how, doc), validator.into());
    }
}

/// One of these words, in any case of letters.
pub(super) fn words(words: &[&str]) -> Validator {
    Validator::CaseInsensitiveValidString(words.iter().map(|&word| word.to_owned()).collect())
}

/// A rule for texts; null and other types pass.
pub(super) fn text_rule(
    rule: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static,
) -> Validator {
    Validator::custom(move |name, value| match value {
        ConfigData::String(text) => {
            rule(text).map_err(|what| invalid(name, &ConfigData::String(mask_url(text)), &what))
        }
        _ => Ok(()),
    })
}

pub(super) fn invalid(name: &str, value: &ConfigData, what: &str) -> Error {
    Error::config(format!("Invalid value {} for configuration {name}: {what}", value.to_java()))
}

/// A text that is not empty.
pub(super) fn given<'a>(config: &'a ParsedConfig, name: &str) -> Option<&'a str> {
    config.string(name).filter(|text| !text.is_empty())
}

/// A whole number that is not negative.
pub(super) fn number(config: &ParsedConfig, name: &str) -> u64 {
    config.long(name).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

/// A time in milliseconds.
pub(super) fn millis(config: &ParsedConfig, name: &str) -> Duration {
    Duration::from_millis(number(config, name))
}

/// A URL of HTTP or HTTPS that names a host.
pub(super) fn parse_url(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let scheme = uri.scheme_str()?;
    // A port that is none would be that of the scheme.
    let place = uri.authority()?.as_str().rsplit(['@', ']']).next()?;
    if place.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty()) && uri.port_u16().is_none()
    {
        return None;
    }
    let fits =
        matches!(scheme, "http" | "https") && uri.host().is_some_and(|host| !host.is_empty());
    fits.then_some(uri)
}

/// A URL without the user and password that may stand in it.
pub(super) fn mask_url(url: &str) -> String {
    // Up to the last one, as anything may stand in a password.
    match (url.find("://"), url.rfind('@')) {
        (Some(from), Some(to)) if from < to => format!("{}***{}", &url[..from + 3], &url[to..]),
        (None, Some(to)) => format!("***{}", &url[to..]),
        _ => url.to_owned(),
    }
}

/// A header name as configured.
pub(super) fn header_name(text: &str) -> Result<HeaderName, String> {
    text.parse().map_err(|_| format!("{text} is no name of an HTTP header"))
}

/// A header value that is never shown.
pub(super) fn secret_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The value of a header for basic authentication.
pub(crate) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    secret_value(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}
