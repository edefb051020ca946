//! Keys of connectors that speak HTTP: what is wrong with their values, and how they are read.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gantry_api::model::config::{ConfigData, ConfigValue, ParsedConfig};
use gantry_api::{Error, Result, Validator};
use gantry_tls::{Secret, StoreSettings};
use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};

/// What is wrong with the value of a key.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) key: String,
    /// The whole text.
    pub(crate) text: String,
}

impl Fault {
    /// A fault in the words of Java's `ConfigException` of a key and its value.
    pub(crate) fn of(config: &ParsedConfig, key: &str, what: &str) -> Self {
        Self { key: key.to_owned(), text: invalid(key, config.get(key), what).message().to_owned() }
    }
    /// A fault whose value is not to be shown.
    pub(crate) fn plain(key: &str, text: impl Into<String>) -> Self {
        Self { key: key.to_owned(), text: text.into() }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::config(fault.text)
    }
}

/// One of these words, in any case of letters.
pub(crate) fn words(words: &[&str]) -> Validator {
    Validator::CaseInsensitiveValidString(words.iter().map(|&word| word.to_owned()).collect())
}

/// A rule for texts; null and other types pass.
pub(crate) fn text_rule(
    rule: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static,
) -> Validator {
    Validator::custom(move |name, value| match value {
        ConfigData::String(text) => {
            rule(text).map_err(|what| invalid(name, &ConfigData::String(mask_url(text)), &what))
        }
        _ => Ok(()),
    })
}

pub(crate) fn invalid(name: &str, value: &ConfigData, what: &str) -> Error {
    Error::config(format!("Invalid value {} for configuration {name}: {what}", value.to_java()))
}

/// A text that is not empty.
pub(crate) fn given<'a>(config: &'a ParsedConfig, name: &str) -> Option<&'a str> {
    config.string(name).filter(|text| !text.is_empty())
}

/// A whole number that is not negative.
pub(crate) fn number(config: &ParsedConfig, name: &str) -> u64 {
    config.long(name).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

/// A time in milliseconds.
pub(crate) fn millis(config: &ParsedConfig, name: &str) -> Duration {
    Duration::from_millis(number(config, name))
}

/// A URL of HTTP or HTTPS that names a host.
pub(crate) fn parse_url(text: &str) -> Option<Uri> {
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
pub(crate) fn mask_url(url: &str) -> String {
    // Up to the last one, as anything may stand in a password.
    match (url.find("://"), url.rfind('@')) {
        (Some(from), Some(to)) if from < to => format!("{}***{}", &url[..from + 3], &url[to..]),
        (None, Some(to)) => format!("***{}", &url[to..]),
        _ => url.to_owned(),
    }
}

/// A header name as configured.
pub(crate) fn header_name(text: &str) -> Result<HeaderName, String> {
    text.parse().map_err(|_| format!("{text} is no name of an HTTP header"))
}

/// A header value that is never shown.
pub(crate) fn secret_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The value of a header for basic authentication.
pub(crate) fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    secret_value(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// The private key store, trust store and the like of keys that begin with `prefix`.
pub(crate) fn store(parsed: &ParsedConfig, prefix: &str, key_password: &str) -> StoreSettings {
    let text = |name: &str| given(parsed, &format!("{prefix}{name}"));
    StoreSettings {
        prefix: prefix.to_owned(),
        kind: text("type").unwrap_or("JKS").to_owned(),
        location: text("location").map(str::to_owned),
        password: text("password").map(Secret::new),
        key_password: given(parsed, key_password).map(Secret::new),
        key_password_key: key_password.to_owned(),
        key: text("key").map(Secret::new),
        certificates: text("certificate.chain").or_else(|| text("certificates")).map(Secret::new),
    }
}

/// Adds what is wrong across keys to what was found for each.
pub(crate) fn add_faults(faults: Vec<Fault>, findings: &mut Vec<ConfigValue>) {
    for Fault { key, text } in faults {
        if let Some(value) = findings.iter_mut().find(|value| value.name == key) {
            value.errors.push(text);
            continue;
        }
        // Keys that are not defined are found by those who ask for errors.
        let mut value = ConfigValue::new(&key);
        value.errors.push(text);
        findings.push(value);
    }
}
