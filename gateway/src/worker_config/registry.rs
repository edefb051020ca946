//! What the worker file says of the schema registry.

use std::path::PathBuf;

use gantry_api::Props;
use gantry_engine::WorkerConfig;
use gantry_model::config::{ConfigData, ParsedConfig};

use super::listeners::Listener;
use super::rest::{RestSettings, parse_listeners, tls_of};
use gantry_tls::TlsSettings;

/// The key of its listeners.
pub(crate) const LISTENERS: &str = "gantry.schema.registry.listeners";
/// The prefix of its own keys of TLS.
pub(super) const TLS_PREFIX: &str = "gantry.schema.registry.listeners.https.";
/// The key of its topic.
pub(crate) const TOPIC: &str = "gantry.schema.registry.topic";
/// The key of its rights file.
pub(crate) const RIGHTS_FILE: &str = "gantry.schema.registry.rights.file";
const REALM: &str = "gantry.schema.registry.realm";
/// The port of schema registries.
const PORT: u16 = 8081;

/// All of it, checked. No file has been opened.
#[derive(Debug)]
pub(crate) struct RegistrySettings {
    /// Where it listens; never empty.
    pub(crate) listeners: Vec<Listener>,
    /// Whether somebody wrote where it listens.
    pub(crate) listeners_are_set: bool,
    /// TLS of those that are https, if any is.
    pub(crate) tls: Option<TlsSettings>,
    /// The topic that holds all schemas.
    pub(crate) topic: String,
    /// The level where no config sets one.
    pub(crate) compatibility_level: String,
    /// Whether modes may be changed.
    pub(crate) mode_mutability: bool,
    /// Who may do what.
    pub(crate) rights_file: Option<PathBuf>,
    /// What asks for a password.
    pub(crate) realm: String,
}

/// Reads and checks; none where it is switched off.
pub(super) fn settings(
    props: &Props,
    parsed: &ParsedConfig,
    rest: &RestSettings,
) -> Result<Option<RegistrySettings>, String> {
    if !parsed.boolean("gantry.schema.registry.enable") {
        return Ok(None);
    }
    let invalid = |key: &str, value: &str, why: &str| {
        format!("Invalid value {value} for configuration {key}: {why}")
    };
    let set = match parsed.get(LISTENERS) {
        ConfigData::List(uris) => Some(parse_listeners(LISTENERS, uris)?),
        _ => None,
    };
    let listeners_are_set = set.is_some();
    let listeners = set.unwrap_or_else(|| default_listeners(rest));
    let has_own = props.keys().any(|key| key.starts_with(TLS_PREFIX));
    let prefix = if has_own { TLS_PREFIX } else { "listeners.https." };
    let tls = tls_of(&listeners, props, prefix)?;
    let text = |key| parsed.string(key).unwrap_or_default().trim().to_owned();
    let topic = text(TOPIC);
    if topic.is_empty() {
        return Err(invalid(TOPIC, "\"\"", "a topic has a name, for example _schemas"));
    }
    let realm = text(REALM);
    if !realm.chars().all(|sign| (' '..='~').contains(&sign) && !matches!(sign, '"' | '\\')) {
        let why = "it stands in a header; write letters, digits and blanks";
        return Err(invalid(REALM, &realm, why));
    }
    Ok(Some(RegistrySettings {
        listeners,
        listeners_are_set,
        tls,
        topic,
        compatibility_level: text("gantry.schema.registry.compatibility.level"),
        mode_mutability: parsed.boolean("gantry.schema.registry.mode.mutability"),
        rights_file: Some(text(RIGHTS_FILE)).filter(|file| !file.is_empty()).map(PathBuf::from),
        realm,
    }))
}

/// Schemas stand alone in their topic.
pub(super) fn check_topic(
    registry: &RegistrySettings,
    worker: &WorkerConfig,
) -> Result<(), String> {
    let topic = &registry.topic;
    let others = [
        ("offset.storage.topic", Some(&worker.offset_storage_topic)),
        ("config.storage.topic", worker.config_storage_topic.as_ref()),
        ("status.storage.topic", worker.status_storage_topic.as_ref()),
    ];
    match others.iter().find(|(_, other)| *other == Some(topic)) {
        Some((key, _)) => Err(format!(
            "Invalid value {topic} for configuration {TOPIC}: {key} names the same topic. Give each \
             a topic of its own"
        )),
        None => Ok(()),
    }
}

/// Beside the REST API, behind the same door: what guards that guards this.
fn default_listeners(rest: &RestSettings) -> Vec<Listener> {
    let first = rest.listeners.first();
    first.map(|first| Listener { port: PORT, ..first.clone() }).into_iter().collect()
}
