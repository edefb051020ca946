//! Registers a schema under a subject.

use std::sync::Arc;

use super::Verdict;
use super::compatibility::with_previous;
use super::lookup::{Found, Options, Sought, can_look_up, find};
use super::parse::{How, canonicalize};
use super::request::SchemaRequest;
use super::tags;
use crate::config::{Config, Mode};
use crate::error::RegistryError;
use crate::model::{Metadata, RuleSet, Schema, Stored};
use crate::names::{context_of, context_prefix_of};
use crate::records::Draft;
use crate::rights::Rights;
use crate::shared::Shared;
use crate::state::{Deleted, Expect};

/// Looks for what need not be registered once more.
pub(crate) fn existing(
    shared: &Shared,
    subject: &str,
    request: &SchemaRequest,
    normalize: bool,
) -> Result<Option<Found>, RegistryError> {
    let config = shared.config_in_scope(subject);
    if request.has_tags() || request.propagate_tags || config.adds_to_schemas() {
        return Ok(None);
    }
    let schema = request.to_schema(subject);
    let latest_only = schema.version == -1;
    // Who imports says which version it is: one that is not there need not be compared with all
    // that are.
    if schema.version > 0
        && schema.id >= 0
        && shared.state().mode_in_scope(subject).is_import()
        && shared.state().get(subject, schema.version, false).is_none()
    {
        return Ok(None);
    }
    let options = Options { normalize, deleted: false, latest_only };
    let Some(found) = find(shared, &config, &schema, options)? else { return Ok(None) };
    let known = found.schema();
    let is_it = match schema.version {
        0 | -1 => schema.id < 0 || schema.id == known.id,
        version => schema.id == known.id && version == known.version,
    };
    if is_it {
        return Ok(Some(found));
    }
    // The same schema may have been imported as several versions.
    let other = shared.state().get(subject, schema.version, false).cloned();
    let is_other = |other: &Arc<Stored>| {
        schema.version > 0
            && schema.id == known.id
            && other.schema.id == known.id
            && other.hash == crate::guid::hash(known)
    };
    Ok(other.filter(is_other).map(Found::Stored))
}

/// What is known of the subject when a schema is registered.
struct Before {
    /// Not deleted, oldest first.
    live: Vec<Arc<Stored>>,
    /// The number of the next version.
    next: i32,
    config: Config,
    mode: Mode,
}

/// Judges whether a schema is registered, as which version and with which id.
pub(crate) fn register(
    shared: &Shared,
    subject: &str,
    request: &SchemaRequest,
    normalize: bool,
) -> Result<Verdict<Schema>, RegistryError> {
    let mut expect = shared.state().expect_subject(subject);
    let mut schema = if request.has_tags() {
        tags::applied_to_request(shared, subject, request)?
    } else {
        request.to_schema(subject)
    };
    check_mode(shared, &schema)?;
    let all = shared.state().versions(subject, Deleted::With);
    let before = Before {
        next: all.last().map_or(1, |last| last.schema.version.saturating_add(1).max(1)),
        live: all.iter().filter(|stored| !stored.deleted).cloned().collect(),
        config: shared.config_in_scope(subject),
        mode: shared.state().mode_in_scope(subject),
    };
    if !before.mode.is_import() {
        populate(shared, &before, &mut schema, request.propagate_tags)?;
    }
    let mut id = schema.id;
    let how =
        How { is_new: id < 0 && before.config.validate_new_schemas.unwrap_or(true), normalize };
    let parsed = canonicalize(shared, &mut schema, &before.config, how, Some(&mut expect))?;
    let Some(parsed) = parsed else {
        return Err(RegistryError::invalid_schema("Empty schema"));
    };
    if let Some((known, version)) = known(shared, &schema, id) {
        if let Some(version) = version.filter(|_| schema.version == 0) {
            return Ok(Verdict::Answer(Schema { id: known, version, ..schema }));
        }
        id = known;
    }
    if schema.version == 0 {
        let sought = Sought::of(&schema, &parsed);
        let same = before.live.iter().rev().find(|stored| {
            (id < 0 || id == stored.schema.id) && can_look_up(shared, &sought, stored)
        });
        if let Some(Schema { id, version, .. }) = same.map(|stored| &stored.schema) {
            return Ok(Verdict::Answer(Schema { id: *id, version: *version, ..schema }));
        }
    }
    if !before.mode.is_import() {
        let reasons = with_previous(shared, &before.config, (&schema, &parsed), &before.live)?;
        if !reasons.is_empty() {
            return Err(RegistryError::incompatible(subject, &reasons));
        }
    }
    schema.version = match schema.version {
        version if version <= 0 => before.next,
        version if version == before.next || before.mode.is_import() => version,
        _ => {
            let message = "Version is not one more than previous version";
            return Err(RegistryError::invalid_schema(message));
        }
    };
    with_id(shared, schema, id, before.mode, expect)
}

fn with_id(
    shared: &Shared,
    mut schema: Schema,
    id: i32,
    mode: Mode,
    mut expect: Expect,
) -> Result<Verdict<Schema>, RegistryError> {
    let lease = if id >= 0 {
        check_id(shared, &schema, id)?;
        schema.id = id;
        None
    } else {
        let hash = crate::guid::hash(&schema);
        let lease = shared.new_id(context_of(&schema.subject), Some(hash))?;
        schema.id = lease.id;
        Some(lease)
    };
    if !mode.is_import() {
        expect = expect.with_id(schema.id);
    }
    let draft = Draft::schema(&schema, false);
    Ok(match lease {
        Some(lease) => Verdict::write_new(draft, expect, lease, schema),
        None => Verdict::write(draft, expect, schema),
    })
}

/// The id that a schema has already, and its live version in its own subject.
fn known(shared: &Shared, schema: &Schema, id: i32) -> Option<(i32, Option<i32>)> {
    let state = shared.state();
    let context = context_of(&schema.subject);
    let known = state.id_of(context, &crate::guid::hash(schema))?;
    if id >= 0 && id != known {
        return None;
    }
    let version = state.version_of_id(context, known, &schema.subject);
    let live = version.filter(|version| state.get(&schema.subject, *version, false).is_some());
    Some((known, live))
}

fn check_mode(shared: &Shared, schema: &Schema) -> Result<(), RegistryError> {
    let subject = &schema.subject;
    let mode = shared.state().mode_in_scope(subject);
    let missing = if mode.is_read_only() {
        "is in read-only mode"
    } else if schema.id >= 0 && !mode.is_import() {
        "is not in import mode"
    } else if schema.id < 0 && mode != Mode::ReadWrite {
        "is not in read-write mode"
    } else {
        return Ok(());
    };
    let context = context_prefix_of(subject);
    Err(RegistryError::not_permitted(format!("Subject {subject} in context {context} {missing}")))
}

/// Refuses what may not be written at all.
pub(crate) fn check_writable(shared: &Shared, subject: &str) -> Result<(), RegistryError> {
    if !shared.state().mode_in_scope(subject).is_read_only() {
        return Ok(());
    }
    let context = context_prefix_of(subject);
    let name = if subject.is_empty() { "null" } else { subject };
    let message = format!("Subject {name} in context {context} is in read-only mode");
    Err(RegistryError::not_permitted(message))
}

fn check_id(shared: &Shared, schema: &Schema, id: i32) -> Result<(), RegistryError> {
    let prefix = context_prefix_of(&schema.subject);
    let holder = shared.state().by_id(id, &prefix, &Rights::ALL);
    if holder.is_some_and(|holder| !holder.schema.is_same(schema)) {
        return Err(RegistryError::not_permitted(format!(
            "Overwrite new schema with id {id} in context {prefix} is not permitted."
        )));
    }
    Ok(())
}

/// Fills in what a request leaves to the version before it and to the config.
fn populate(
    shared: &Shared,
    before: &Before,
    schema: &mut Schema,
    propagates_tags: bool,
) -> Result<(), RegistryError> {
    let previous = before.live.last().map(|stored| &stored.schema);
    if schema.is_empty() {
        let Some(previous) = previous else {
            return Err(RegistryError::invalid_schema("Empty schema"));
        };
        schema.text.clone_from(&previous.text);
        schema.schema_type.clone_from(&previous.schema_type);
        schema.references.clone_from(&previous.references);
    }
    if propagates_tags && let Some(previous) = before.live.last() {
        tags::propagate(shared, previous, schema)?;
    }
    add_contract(&before.config, schema, previous, Some(before.next));
    Ok(())
}

/// Adds metadata and rules: what the config says, and what the version before has.
pub(crate) fn add_contract(
    config: &Config,
    schema: &mut Schema,
    previous: Option<&Schema>,
    next: Option<i32>,
) {
    let metadata = schema.metadata.clone().or_else(|| previous.and_then(|p| p.metadata.clone()));
    let metadata = Metadata::merged(config.default_metadata.clone(), metadata);
    let mut metadata = Metadata::merged(metadata, config.override_metadata.clone());
    let rules = schema.rule_set.clone().or_else(|| previous.and_then(|p| p.rule_set.clone()));
    let rules = RuleSet::merged(config.default_rule_set.clone(), rules);
    let rules = RuleSet::merged(rules, config.override_rule_set.clone());
    if let Some(next) = next
        && (schema.version != 0 || Metadata::confluent_version(metadata.as_ref()).is_some())
    {
        metadata = Some(Metadata::with_version(metadata, next));
    }
    if metadata.is_some() || rules.is_some() {
        schema.metadata = metadata;
        schema.rule_set = rules;
    }
}
