//! Whether a new version goes with those before it.

use std::sync::Arc;

use super::parse::{How, canonicalize, parse_stored};
use super::request::SchemaRequest;
use crate::config::Config;
use crate::error::RegistryError;
use crate::formats::Parsed;
use crate::model::{Metadata, Schema, Stored};
use crate::shared::Shared;
use crate::state::Deleted;

pub(crate) const DIFFERENT_TYPE: &str = "Incompatible because of different schema type";
/// What messages call the two sides.
pub(crate) const NEW: &str = "new";
pub(crate) const OLD: &str = "old";
/// A longer text of an old schema is cut in messages.
const SHOWN_CHARS_MAX: usize = 10 * 1024;

/// What is asked of a check.
#[derive(Clone, Debug)]
pub(crate) struct Check<'a> {
    /// The subject.
    pub(crate) subject: &'a str,
    /// Against which version; -1 is the latest, none is what registering would be checked
    /// against.
    pub(crate) version: Option<i32>,
    /// The new schema.
    pub(crate) request: &'a SchemaRequest,
    /// Whether to normalize it.
    pub(crate) normalize: bool,
    /// Whether an invalid schema is one more message instead of an error.
    pub(crate) verbose: bool,
}

/// What keeps a schema from going with those that are registered.
pub(crate) fn check(shared: &Shared, check: &Check<'_>) -> Result<Vec<String>, RegistryError> {
    let subject = check.subject;
    let previous = match check.version {
        None => shared.state().versions(subject, Deleted::Without),
        Some(version) => {
            let found = shared.state().get(subject, version, false).cloned();
            if found.is_none() && version != -1 {
                return Err(RegistryError::version_not_found(version));
            }
            found.into_iter().collect()
        }
    };
    let judged = (|| {
        let mut schema = check.request.to_schema(subject);
        let config = shared.config_in_scope(subject);
        let how = How {
            is_new: config.validate_new_schemas.unwrap_or(true),
            normalize: check.normalize || config.normalize == Some(true),
        };
        let parsed = canonicalize(shared, &mut schema, &config, how, None)?
            .ok_or_else(|| RegistryError::invalid_schema("Empty schema"))?;
        with_previous(shared, &config, (&schema, &parsed), &previous)
    })();
    match judged {
        Err(error) if check.verbose && error.code == 42201 => Ok(vec![error.message]),
        judged => judged,
    }
}

/// What keeps a schema from going with those before it, oldest first.
pub(crate) fn with_previous(
    shared: &Shared,
    config: &Config,
    (schema, parsed): (&Schema, &Parsed),
    previous: &[Arc<Stored>],
) -> Result<Vec<String>, RegistryError> {
    let mut messages = Vec::new();
    let validates_fields = config.validate_fields.unwrap_or(false);
    if validates_fields {
        messages.extend(reserved_fields(schema, parsed, previous.last()));
    }
    let level = config.level();
    let group = config.compatibility_group.as_deref();
    let in_group = |stored: &&Arc<Stored>| {
        group.is_none_or(|group| {
            property(stored.schema.metadata.as_ref(), group)
                == property(schema.metadata.as_ref(), group)
        })
    };
    let newest_first: Vec<&Arc<Stored>> = previous.iter().filter(in_group).rev().collect();
    let checked = if level.transitive { newest_first.len() } else { 1 };
    for stored in newest_first.into_iter().take(checked) {
        let found = with_one(shared, config, (schema, parsed), stored)?;
        if !found.is_empty() {
            messages.extend(found);
            break;
        }
    }
    if !messages.is_empty() {
        let compatibility = level.name;
        messages.push(format!(
            "{{validateFields: '{validates_fields}', compatibility: '{compatibility}'}}"
        ));
    }
    Ok(messages)
}

/// A property, if there are metadata that have it.
pub(crate) fn property<'a>(metadata: Option<&'a Metadata>, key: &str) -> Option<&'a str> {
    metadata?.properties.get(key).map(String::as_str)
}

fn reserved_fields(
    schema: &Schema,
    parsed: &Parsed,
    previous: Option<&Arc<Stored>>,
) -> Vec<String> {
    let reserved = Metadata::reserved(schema.metadata.as_ref());
    let mut messages = Vec::new();
    if let Some(previous) = previous {
        let before = Metadata::reserved(previous.schema.metadata.as_ref());
        for field in before.difference(&reserved) {
            messages.push(format!(
                "The new schema has reserved field {field} removed from its metadata which is \
                 present in the old schema's metadata."
            ));
        }
    }
    let fields = parsed.top_level_fields();
    for field in reserved.iter().filter(|field| fields.iter().any(|known| known == *field)) {
        messages.push(format!(
            "The new schema has field that conflicts with the reserved field {field}."
        ));
    }
    messages
}

fn with_one(
    shared: &Shared,
    config: &Config,
    (schema, new): (&Schema, &Parsed),
    stored: &Stored,
) -> Result<Vec<String>, RegistryError> {
    let level = config.level();
    let lenient = config.is_lenient();
    if !level.backward && !level.forward {
        return Ok(Vec::new());
    }
    if schema.schema_type != stored.schema.schema_type {
        return Ok(vec![DIFFERENT_TYPE.to_owned()]);
    }
    let old = parse_stored(shared, stored)?;
    let different = || vec![DIFFERENT_TYPE.to_owned()];
    let mut messages = Vec::new();
    let mut shows_old = false;
    if level.forward {
        let found = old.incompatibilities(new, lenient, (OLD, NEW)).unwrap_or_else(different);
        shows_old |= !level.backward && !found.is_empty();
        messages.extend(found);
    }
    if level.backward {
        let found = new.incompatibilities(&old, lenient, (NEW, OLD)).unwrap_or_else(different);
        shows_old |= !found.is_empty();
        messages.extend(found);
    }
    if shows_old {
        messages.push(format!("{{oldSchemaVersion: {}}}", stored.schema.version));
        messages.push(shown_old(old.canonical()));
    }
    Ok(messages)
}

fn shown_old(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => format!("{{oldSchema: '{text}'}}"),
        Some((end, _)) => format!("{{oldSchema: <truncated> '{}...'}}", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(shown_old("\"int\""), "{oldSchema: '\"int\"'}");
        let shown = shown_old(&"é".repeat(SHOWN_CHARS_MAX + 1));
        assert!(shown.contains("<truncated>") && shown.ends_with("...'}"));
    }
}
