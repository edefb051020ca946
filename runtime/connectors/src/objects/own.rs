//! Keys of Gantry's own: `gantry.objects.*`, the same for both connectors.

use gantry_api::model::config::ParsedConfig;
use gantry_api::{ConfigDef, Importance, Props, Type, Validator};

use crate::keys::Keys;

const PREFIX: &str = "gantry.objects.";
const BUFFER: &str = "gantry.objects.queue.buffer.bytes";
pub(super) const TRUST_FILE: &str = "gantry.objects.ssl.truststore.location";
pub(super) const STS_ENDPOINT: &str = "gantry.objects.sts.endpoint";

/// Defines the keys.
pub(super) fn define(keys: &mut Keys) {
    keys.group("Gantry");
    let text = "How many bytes of open files of one queue are held in memory at most: with more all of its files are ended.";
    let range = Validator::at_least(1 << 20);
    keys.add_valid(BUFFER, Type::Long, 67_108_864i64, Importance::Low, text, range);
    let text = "Certificates of authorities in PEM that the store's leads to, instead of those that the system trusts.";
    keys.null(TRUST_FILE, Type::String, Importance::Low, text);
    let text = "Where roles are assumed, if not at Amazon's service in the region.";
    keys.null(STS_ENDPOINT, Type::String, Importance::Low, text);
}

/// Keys that begin like these and are none: most likely misspelt.
pub(super) fn unknown<'a>(
    definition: &'a ConfigDef,
    props: &'a Props,
) -> impl Iterator<Item = Fault> + 'a {
    let unknown = props.keys().filter(|name| name.starts_with(PREFIX));
    let unknown = unknown.filter(|name| definition.key(name).is_none());
    unknown.map(|name| Fault::new(name, format!("{name} is no key of this connector")))
}

pub(super) fn buffer_bytes(parsed: &ParsedConfig) -> usize {
    parsed.long(BUFFER).and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(64 << 20)
}

/// A text that is not blank.
pub(super) fn given<'a>(parsed: &'a ParsedConfig, name: &str) -> Option<&'a str> {
    parsed.string(name).filter(|text| !text.trim().is_empty())
}

/// What is wrong with the value of a key.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) key: String,
    /// The whole text.
    pub(super) text: String,
}

impl Fault {
    pub(super) fn new(key: &str, text: impl Into<String>) -> Self {
        Self { key: key.to_owned(), text: text.into() }
    }

    /// A fault in the words of Java's `ConfigException` of a key and its value.
    pub(super) fn of(parsed: &ParsedConfig, key: &str, what: &str) -> Self {
        Self::new(key, crate::keys::invalid(key, parsed.get(key), what).message())
    }
}

impl From<Fault> for gantry_api::Error {
    fn from(fault: Fault) -> Self {
        Self::config(fault.text)
    }
}
