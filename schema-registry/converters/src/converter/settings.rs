//! Which schema data are written by.

use std::time::Duration;

use gantry_model::config::ParsedConfig;
use gantry_model::{Error, Result};

use crate::id::{self, SchemaId};
use crate::keys;

/// For so many subjects all their schemas are kept.
const SUBJECTS_KEPT: usize = 10;

/// How the schema is found that data are written by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// That of the data, which is added to the registry.
    Register,
    /// This one.
    Pinned(SchemaId),
    /// The latest version of the subject whose metadata have a property.
    LatestWith(String, String),
    /// The latest version of the subject.
    Latest,
    /// That of the data, which must be in the registry.
    Lookup,
    /// That of the data; where it is not in the registry, the id is 0.
    Show,
}

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) choice: Choice,
    pub(super) normalize: bool,
    /// Whether the schema chosen must be able to read what is written by that of the data.
    pub(crate) is_strict: bool,
    /// How long it holds which version is the latest.
    pub(super) latest_ttl: Option<Duration>,
    pub(super) schemas_max: usize,
}

impl Settings {
    /// `is_dry`: nothing is registered.
    pub(crate) fn new(config: &ParsedConfig, is_dry: bool) -> Result<Self> {
        let choice = match choice(config)? {
            Choice::Register if is_dry => Choice::Show,
            choice => choice,
        };
        let strict = match choice {
            Choice::Pinned(_) => keys::ID_STRICT,
            _ => keys::LATEST_STRICT,
        };
        let latest_ttl = config.long(keys::LATEST_CACHE_TTL).and_then(|s| u64::try_from(s).ok());
        let number = |key| config.long(key).and_then(|max| usize::try_from(max).ok());
        let schemas_max = number(keys::MAX_SCHEMAS).max(number(keys::SCHEMAS_CACHE));
        // The keys speak of one subject.
        let schemas_max = schemas_max.map(|max| max.saturating_mul(SUBJECTS_KEPT));
        Ok(Self {
            is_strict: config.boolean(strict),
            choice,
            normalize: config.boolean(keys::NORMALIZE),
            latest_ttl: latest_ttl.map(Duration::from_secs),
            schemas_max: schemas_max.unwrap_or_default(),
        })
    }
}

/// The first that is set counts, in this order.
fn choice(config: &ParsedConfig) -> Result<Choice> {
    if config.boolean(keys::AUTO_REGISTER) {
        return Ok(Choice::Register);
    }
    if let Some(id) = id::configured(config)? {
        return Ok(Choice::Pinned(id));
    }
    if let Some(text) = config.string(keys::LATEST_WITH_METADATA) {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            Error::config(format!(
                "Invalid value {text} for configuration {}: write it as name=value",
                keys::LATEST_WITH_METADATA
            ))
        })?;
        return Ok(Choice::LatestWith(key.to_owned(), value.to_owned()));
    }
    Ok(match config.boolean(keys::USE_LATEST) {
        true => Choice::Latest,
        false => Choice::Lookup,
    })
}
