//! Whether a schema is registered under a subject.

use std::sync::Arc;

use super::parse::{How, canonicalize, parse_stored};
use super::register::add_contract;
use crate::config::Config;
use crate::error::RegistryError;
use crate::formats::Parsed;
use crate::model::{Metadata, Reference, Schema, SchemaBody, Stored};
use crate::names::{context_of, qualify_with};
use crate::rights::Rights;
use crate::shared::Shared;
use crate::state::Deleted;

/// What was found.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// The same text: as it was asked for, with version and id.
    Same(Box<Schema>),
    /// One that means the same.
    Stored(Arc<Stored>),
}

impl Found {
    /// The schema.
    pub(crate) fn schema(&self) -> &Schema {
        match self {
            Self::Same(schema) => schema,
            Self::Stored(stored) => &stored.schema,
        }
    }

    /// As an answer.
    pub(crate) fn body(&self) -> SchemaBody {
        match self {
            Self::Same(schema) => (&**schema).into(),
            Self::Stored(stored) => (&**stored).into(),
        }
    }
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Whether to normalize the text.
    pub(crate) normalize: bool,
    /// Whether deleted versions count.
    pub(crate) deleted: bool,
    /// Whether only the latest version counts.
    pub(crate) latest_only: bool,
}

/// Looks a schema up under its subject.
pub(crate) fn find(
    shared: &Shared,
    config: &Config,
    schema: &Schema,
    options: Options,
) -> Result<Option<Found>, RegistryError> {
    let mut asked = schema.clone();
    let how = How { is_new: false, normalize: options.normalize };
    let Some(parsed) = canonicalize(shared, &mut asked, config, how, None)? else {
        return Ok(None);
    };
    let subject = asked.subject.clone();
    let sought = Sought::of(&asked, &parsed);
    if options.latest_only {
        let latest = shared.state().latest(&subject).cloned();
        let found = latest.filter(|stored| can_look_up(shared, &sought, stored));
        return Ok(found.map(Found::Stored));
    }
    if let Some((id, version)) = same(shared, &asked, options.deleted) {
        return Ok(Some(Found::Same(Box::new(Schema { id, version, ..asked }))));
    }
    let versions = shared.state().versions(&subject, Deleted::with_if(options.deleted));
    let mut newest_first = versions.into_iter().rev();
    let found = newest_first.find(|stored| can_look_up(shared, &sought, stored));
    Ok(found.map(Found::Stored))
}

/// Id and version of exactly this schema in its subject.
fn same(shared: &Shared, schema: &Schema, deleted: bool) -> Option<(i32, i32)> {
    let context = context_of(&schema.subject);
    let state = shared.state();
    let id = state.id_of(context, &crate::guid::hash(schema))?;
    let version = state.version_of_id(context, id, &schema.subject)?;
    state.get(&schema.subject, version, deleted).map(|_| (id, version))
}

/// Looks a schema up as it would be registered: also with what config and the version before add
/// to it.
pub(crate) fn find_as_registered(
    shared: &Shared,
    schema: &Schema,
    options: Options,
) -> Result<Option<Found>, RegistryError> {
    let config = shared.config_in_scope(&schema.subject);
    if let Some(found) = find(shared, &config, schema, options)? {
        return Ok(Some(found));
    }
    let Some(latest) = shared.state().latest(&schema.subject).cloned() else { return Ok(None) };
    let mut next = schema.clone();
    add_contract(&config, &mut next, Some(&latest.schema), None);
    if next == *schema { Ok(None) } else { find(shared, &config, &next, options) }
}

/// Looks a schema up, also in other contexts that may be seen, if the subject names none.
pub(crate) fn find_anywhere(
    shared: &Shared,
    schema: &Schema,
    options: Options,
    rights: &Rights,
) -> Result<Option<Found>, RegistryError> {
    if let Some(found) = find_as_registered(shared, schema, options)? {
        return Ok(Some(found));
    }
    let others = shared.state().names_in_other_contexts(&schema.subject);
    for subject in others.into_iter().filter(|name| rights.may_read(name)) {
        let elsewhere = Schema { subject, ..schema.clone() };
        match find_as_registered(shared, &elsewhere, options) {
            Ok(Some(found)) => return Ok(Some(found)),
            Err(error) if error.code != 42201 => return Err(error),
            _ => {}
        }
    }
    Ok(None)
}

/// The versions that references mean.
fn settled(shared: &Shared, subject: &str, references: &[Reference]) -> Vec<Reference> {
    let settle = |reference: &Reference| {
        let mut reference = reference.clone();
        if reference.version == Some(-1) {
            let target = reference.subject.as_deref().unwrap_or_default();
            let latest = shared.state().latest(&qualify_with(subject, target)).cloned();
            reference.version = latest.map(|stored| stored.schema.version);
        }
        reference
    };
    references.iter().map(settle).collect()
}

/// A schema that is looked for among those that are registered.
#[derive(Debug)]
pub(crate) struct Sought<'a> {
    schema: &'a Schema,
    parsed: &'a Parsed,
    shape: u64,
}

impl<'a> Sought<'a> {
    pub(crate) fn of(schema: &'a Schema, parsed: &'a Parsed) -> Self {
        Self { schema, parsed, shape: parsed.shape() }
    }
}

/// Whether a schema that is asked for stands for one that is registered: with all references put
/// in place, or without the version that was written into the other.
pub(crate) fn can_look_up(shared: &Shared, sought: &Sought<'_>, stored: &Stored) -> bool {
    let Sought { schema, parsed, shape } = sought;
    let previous = &stored.schema;
    if schema.schema_type != previous.schema_type || !same_contract(schema, previous) {
        return false;
    }
    let is_resolved = schema.references.is_empty() && !previous.references.is_empty();
    let subject = &schema.subject;
    if !is_resolved
        && settled(shared, subject, &schema.references)
            != settled(shared, subject, &previous.references)
    {
        return false;
    }
    // A subject may have thousands of versions: most are told apart without being read.
    if !is_resolved && stored.shape.0.get().is_some_and(|known| known != shape) {
        return false;
    }
    let Ok(other) = parse_stored(shared, stored) else { return false };
    if is_resolved {
        return parsed.is_resolved(&other);
    }
    stored.shape.0.get_or_init(|| other.shape()) == shape && parsed.is_equivalent(&other)
}

/// Whether metadata and rules are the same, but for the version that only one of them names.
fn same_contract(schema: &Schema, previous: &Schema) -> bool {
    if schema.rule_set != previous.rule_set {
        return false;
    }
    let number = |metadata: Option<&Metadata>| {
        Metadata::confluent_version(metadata).and_then(|text| text.parse::<i32>().ok())
    };
    let (ours, theirs) = (&schema.metadata, &previous.metadata);
    let bare = |metadata: &Option<Metadata>| metadata.clone().unwrap_or_default().without_version();
    match (number(ours.as_ref()), number(theirs.as_ref())) {
        (None, Some(_)) => bare(ours) == bare(theirs),
        (Some(version), None) => version == previous.version && bare(ours) == bare(theirs),
        _ => ours == theirs,
    }
}
