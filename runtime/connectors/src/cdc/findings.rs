//! What is found wrong with a configuration, each at the key that it is about.

use gantry_api::Result;
use gantry_api::model::config::ConfigValue;

/// Adds an error. Keys that the definition does not have are shown at one that it has.
pub(crate) fn add(findings: &mut [ConfigValue], key: &str, text: String) {
    let at = findings.iter().position(|finding| finding.name == key);
    let at = at.or_else(|| findings.iter().position(|finding| finding.name == "topic.prefix"));
    if let Some(finding) = at.and_then(|at| findings.get_mut(at)) {
        finding.errors.push(text);
    }
}

/// The key that an error of a configuration names: `The 'key' value …`.
fn key_of(text: &str) -> Option<&str> {
    text.strip_prefix("The '")?.split_once('\'').map(|(key, _)| key)
}

/// Adds what is not supported, and if nothing at all is wrong reads the configuration, whose error is added, too.
pub(crate) fn check<C>(
    findings: &mut [ConfigValue],
    unsupported: Vec<(&'static str, String)>,
    parse: impl FnOnce() -> Result<C>,
) -> Option<C> {
    for (key, text) in unsupported {
        add(findings, key, text);
    }
    if findings.iter().any(|finding| !finding.errors.is_empty()) {
        return None;
    }
    match parse() {
        Ok(config) => Some(config),
        Err(error) => {
            let key = key_of(error.message()).unwrap_or("database.hostname");
            add(findings, key, error.message().to_owned());
            None
        }
    }
}
