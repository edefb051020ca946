//! Schemas by id, by guid, and all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;

use super::request::{Asked, id as id_of, not_there};
use super::rights::check_all_references;
use super::router::{Answer, Outcome};
use crate::error::RegistryError;
use crate::formats::TYPES;
use crate::model::{Reference, Schema, SchemaBody, Stored};
use crate::names::{DEFAULT_CONTEXT, context_of, prefix_of, qualify_with};
use crate::registry::Registry;
use crate::rights::{Operation, Rights};
use crate::rules::parse::{Rules, parse};
use crate::rules::tags;
use crate::state::Deleted;

/// At most so many schemas in one answer.
const SCHEMAS_MAX: usize = 1_000;

/// Gives the text the form that a request names.
pub(super) fn format(
    registry: &Registry,
    asked: &Asked,
    schema: &Schema,
    shown: &mut SchemaBody,
) -> Result<(), RegistryError> {
    let form = asked.parameter("format").unwrap_or_default().trim();
    if form.is_empty() {
        return Ok(());
    }
    check_all_references(registry, asked, schema)?;
    let parsed = parse(&registry.shared, &mut schema.clone(), Rules::Stored, None)?;
    let text = parsed.formatted(form).map_err(|e| RegistryError::invalid_schema(e.0))?;
    shown.schema = Some(text);
    Ok(())
}

/// References with the context of who refers, if a request asks for that.
pub(super) fn qualified(asked: &Asked, schema: &Schema) -> Option<Vec<Reference>> {
    let is_meant = asked.parameter("referenceFormat") == Some("qualified")
        && context_of(&schema.subject) != DEFAULT_CONTEXT
        && !schema.references.is_empty();
    let qualify = |reference: &Reference| {
        let subject = reference.subject.as_deref().unwrap_or_default();
        Reference { subject: Some(qualify_with(&schema.subject, subject)), ..reference.clone() }
    };
    is_meant.then(|| schema.references.iter().map(qualify).collect())
}

/// All that is under `/schemas`.
pub(super) fn get(registry: &Registry, asked: &Asked, path: &[&str]) -> Outcome {
    match path {
        [] => list(registry, asked),
        ["types"] => Answer::json(&TYPES),
        ["ids", id] => Answer::json(&by_id(registry, asked, id_of(id)?)?),
        ["ids", id, "schema"] => {
            let shown = by_id(registry, asked, id_of(id)?)?;
            Ok(Answer::Text(shown.schema.unwrap_or_default()))
        }
        ["ids", id, "subjects"] => {
            let mut seen = BTreeSet::new();
            let subjects = places(registry, asked, id_of(id)?)?.into_iter().map(|(name, _)| name);
            let subjects = subjects.filter(|name| seen.insert(name.clone())).collect();
            Answer::json(&asked.page::<String>(subjects, usize::MAX)?)
        }
        ["ids", id, "versions"] => {
            let places = places(registry, asked, id_of(id)?)?.into_iter();
            let places =
                places.map(|(subject, version)| json!({"subject": subject, "version": version}));
            Answer::json(&asked.page(places.collect(), usize::MAX)?)
        }
        ["guids", guid] => by_guid(registry, asked, guid),
        ["guids", guid, "ids"] => {
            let ids = ids_of_guid(registry, guid, &asked.rights).into_iter();
            let ids: Vec<_> =
                ids.map(|(context, id)| json!({"context": context, "id": id})).collect();
            Answer::json(&ids)
        }
        _ => Err(not_there()),
    }
}

fn by_id(registry: &Registry, asked: &Asked, id: i32) -> Result<SchemaBody, RegistryError> {
    let name = asked.parameter("subject").unwrap_or_default();
    let found = registry.shared.state().by_id(id, name, &asked.rights);
    let found = found.ok_or_else(|| unseen(registry, asked, id, RegistryError::no_such_schema))?;
    let schema = &found.schema;
    let mut shown = SchemaBody { id: None, ..SchemaBody::from(&*found) };
    format(registry, asked, schema, &mut shown)?;
    if asked.is("fetchMaxId") {
        let max = registry.shared.state().max_id(context_of(&schema.subject));
        shown.max_id = Some(max.unwrap_or(1));
    }
    let wanted = asked.parameters("findTags");
    if !wanted.is_empty() {
        shown.schema_tags = tags::found(schema, &wanted)?;
    }
    if let Some(references) = qualified(asked, schema) {
        shown.references = references;
    }
    Ok(shown)
}

fn places(
    registry: &Registry,
    asked: &Asked,
    id: i32,
) -> Result<Vec<(String, i32)>, RegistryError> {
    let name = asked.parameter("subject").unwrap_or_default();
    let deleted = asked.is("deleted");
    let places = registry.shared.state().versions_of_id(id, name, deleted, &asked.rights);
    places.ok_or_else(|| unseen(registry, asked, id, |_| RegistryError::schema_not_found()))
}

/// Why a schema is not shown: it may not be seen, or it is not there.
fn unseen(
    registry: &Registry,
    asked: &Asked,
    id: i32,
    missing: impl Fn(i32) -> RegistryError,
) -> RegistryError {
    let name = asked.parameter("subject").unwrap_or_default();
    match registry.shared.state().by_id(id, name, &Rights::ALL) {
        Some(_) => RegistryError::denied(Operation::Read.name(), &format!("Schema: {id}")),
        None => missing(id),
    }
}

/// Where a schema is that may be seen, by its guid: contexts and ids.
fn ids_of_guid(registry: &Registry, guid: &str, rights: &Rights) -> Vec<(String, i32)> {
    let Some(hash) = crate::guid::parse(guid) else { return Vec::new() };
    let state = registry.shared.state();
    let mut ids = state.ids_of_guid(&hash);
    ids.retain(|(context, id)| state.place_of(context, *id, None, rights).is_some());
    ids
}

fn by_guid(registry: &Registry, asked: &Asked, guid: &str) -> Outcome {
    let place = ids_of_guid(registry, guid, &asked.rights).into_iter().next();
    let found = place.and_then(|(context, id)| {
        registry.shared.state().by_id(id, &prefix_of(&context), &asked.rights)
    });
    let found = found.ok_or_else(|| match ids_of_guid(registry, guid, &Rights::ALL)[..] {
        [] => RegistryError::no_such_schema(guid),
        _ => RegistryError::denied(Operation::Read.name(), &format!("Schema: {guid}")),
    })?;
    let mut shown =
        SchemaBody { id: None, subject: None, version: None, ..SchemaBody::from(&*found) };
    format(registry, asked, &found.schema, &mut shown)?;
    Answer::json(&shown)
}

/// Lists schemas.
fn list(registry: &Registry, asked: &Asked) -> Outcome {
    let prefix = asked.parameter("subjectPrefix").unwrap_or_default();
    let deleted = Deleted::with_if(asked.is("deleted"));
    let state = registry.shared.state();
    let mut aliases = if asked.is("aliases") { state.aliases(prefix) } else { Default::default() };
    for names in aliases.values_mut() {
        names.retain(|name| asked.rights.may_read(name));
    }
    let mut subjects: BTreeSet<String> =
        state.subjects(prefix, Deleted::With).into_iter().collect();
    subjects.extend(aliases.keys().cloned());
    subjects.retain(|subject| asked.rights.may_read(subject));
    let rule_type = asked.parameter("ruleType").unwrap_or_default();
    let has_rule = |stored: &Arc<Stored>| {
        rule_type.is_empty()
            || stored.schema.rule_set.as_ref().is_some_and(|rules| rules.has_type(rule_type))
    };
    let mut found: Vec<Arc<Stored>> = Vec::new();
    for subject in &subjects {
        let mut versions = state.versions(subject, deleted);
        if asked.is("latestOnly") {
            versions.drain(..versions.len().saturating_sub(1));
        }
        found.extend(versions.into_iter().filter(has_rule));
    }
    // What is shown is made without keeping others from the state.
    drop(state);
    let page = asked.page(found, SCHEMAS_MAX)?;
    let shown: Vec<SchemaBody> = page
        .iter()
        .map(|stored| SchemaBody {
            aliases: aliases.get(&stored.schema.subject).cloned().unwrap_or_default(),
            ..SchemaBody::from(&**stored)
        })
        .collect();
    Answer::json(&shown)
}
