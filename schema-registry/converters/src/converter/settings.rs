//! Which schema data are written by.

use std::time::Duration;

use gantry_model::config::ParsedConfig;
use gantry_model::{Error, Result};

use crate::id::{self, SchemaId};
use crate::keys;

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
    pub(crate) fn new(config: &ParsedConfig) -> Result<Self> {
        let choice = choice(config)?;
        let strict = match choice {
            Choice::Pinned(_) => keys::ID_STRICT,
            _ => keys::LATEST_STRICT,
        };
        let latest_ttl = config.long(keys::LATEST_CACHE_TTL).and_then(|s| u64::try_from(s).ok());
        let schemas_max = config.long(keys::MAX_SCHEMAS).and_then(|max| usize::try_from(max).ok());
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
