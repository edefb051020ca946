//! Versions of subjects.

use std::sync::Arc;

use serde::Serialize;

use super::compatibility::impact_of;
use super::request::{Asked, version as version_of};
use super::rights::check_references;
use super::router::{Answer, Outcome};
use super::{body, schemas, subjects};
use crate::error::RegistryError;
use crate::model::{SchemaBody, Stored};
use crate::names::{is_valid, normalize};
use crate::registry::Registry;
use crate::rules::impact::Impact;
use crate::rules::tags;
use crate::state::Deleted;

/// At most so many referring schemas in one answer.
const REFERRING_MAX: usize = 1_000;

/// Lists the versions of a subject.
pub(super) fn list(registry: &Registry, asked: &Asked, subject: &str) -> Outcome {
    let subject = normalize(subject);
    let with_deleted = asked.is("deleted") || asked.is("deletedOnly");
    if !registry.shared.state().has_subjects(Some(&subject), with_deleted) {
        return Err(RegistryError::subject_not_found(&subject));
    }
    let as_negative = asked.is("deletedAsNegative");
    let deleted = if as_negative { Deleted::With } else { subjects::deleted(asked) };
    let versions = registry.shared.state().versions(&subject, deleted);
    let number = |stored: Arc<Stored>| {
        let version = stored.schema.version;
        if as_negative && stored.deleted { -version } else { version }
    };
    let numbers: Vec<i32> = versions.into_iter().map(number).collect();
    Answer::json(&asked.page(numbers, usize::MAX)?)
}

fn find(
    registry: &Registry,
    asked: &Asked,
    (subject, version): (&str, &str),
    deleted: bool,
) -> Result<Arc<Stored>, RegistryError> {
    let version = version_of(version)?;
    let state = registry.shared.state();
    state.get_anywhere(subject, version, deleted, &asked.rights).ok_or_else(|| {
        if state.has_subjects(Some(subject), deleted) {
            RegistryError::version_not_found(version)
        } else {
            RegistryError::subject_not_found(subject)
        }
    })
}

fn shown(
    registry: &Registry,
    asked: &Asked,
    subject: &str,
    version: &str,
) -> Result<SchemaBody, RegistryError> {
    let found = find(registry, asked, (&normalize(subject), version), asked.is("deleted"))?;
    let mut shown = SchemaBody::from(&*found);
    let wanted = asked.parameters("findTags");
    if !wanted.is_empty() {
        shown.schema_tags = tags::found(&found.schema, &wanted)?;
    }
    schemas::format(registry, asked, &found.schema, &mut shown)?;
    if let Some(references) = schemas::qualified(asked, &found.schema) {
        // The guid is that of what is shown, unless the text has another form.
        if asked.parameter("format").unwrap_or_default().trim().is_empty() {
            let schema =
                crate::model::Schema { references: references.clone(), ..found.schema.clone() };
            shown.guid = Some(crate::guid::text(&crate::guid::hash(&schema)));
        }
        shown.references = references;
    }
    Ok(shown)
}

/// One version.
pub(super) fn get(registry: &Registry, asked: &Asked, subject: &str, version: &str) -> Outcome {
    Answer::json(&shown(registry, asked, subject, version)?)
}

/// The text of one version.
pub(super) fn text(registry: &Registry, asked: &Asked, subject: &str, version: &str) -> Outcome {
    let shown = shown(registry, asked, subject, version)?;
    Ok(Answer::Text(shown.schema.unwrap_or_default()))
}

/// The ids of the schemas that refer to a version.
pub(super) fn referenced_by(
    registry: &Registry,
    asked: &Asked,
    subject: &str,
    version: &str,
) -> Outcome {
    let found = find(registry, asked, (&normalize(subject), version), true)?;
    let (subject, version) = (&found.schema.subject, found.schema.version);
    let state = registry.shared.state();
    let mut referring = state.referrers(subject, version, asked.is("deleted"));
    referring.retain(|(context, id)| state.place_of(context, *id, None, &asked.rights).is_some());
    let ids: Vec<i32> = referring.into_iter().map(|(_, id)| id).collect();
    Answer::json(&asked.page(ids, REFERRING_MAX)?)
}

/// What was registered, with what it means for others.
#[derive(Serialize)]
struct Registered {
    #[serde(flatten)]
    shown: SchemaBody,
    impact: Impact,
}

/// Registers a schema.
pub(super) async fn register(
    registry: &Registry,
    asked: &Asked,
    subject: &str,
    body: &[u8],
) -> Outcome {
    let request = body::schema(body, "register.request")?;
    let subject = normalize(subject);
    check_references(asked, &subject, &request.references)?;
    // What was latest before counts.
    let impact = impact_of(registry, asked, &subject, &request).await;
    let mut shown = registry.register(&subject, request, asked.is("normalize")).await?;
    if asked.parameter("format").is_some_and(|form| !form.trim().is_empty()) {
        let schema = crate::model::Schema {
            subject,
            schema_type: shown.schema_type.clone().unwrap_or_default(),
            references: shown.references.clone(),
            text: shown.schema.clone(),
            ..crate::model::Schema::default()
        };
        schemas::format(registry, asked, &schema, &mut shown)?;
    }
    match impact {
        Some(impact) => Answer::json(&Registered { shown, impact }),
        None => Answer::json(&shown),
    }
}

/// Deletes one version.
pub(super) async fn delete(
    registry: &Registry,
    asked: &Asked,
    subject: &str,
    version: &str,
) -> Outcome {
    let version = version_of(version)?;
    let subject = normalize(subject);
    Answer::json(&registry.delete_version(&subject, version, asked.is("permanent")).await?)
}

/// Changes the tags of a version.
pub(super) async fn tag(
    registry: &Registry,
    asked: &Asked,
    (subject, version): (&str, &str),
    body: &[u8],
) -> Outcome {
    let request = body::tags(body)?;
    if !is_valid(subject, false) {
        return Err(RegistryError::invalid_subject(subject));
    }
    let subject = normalize(subject);
    let base = find(registry, asked, (&subject, version), false)?;
    Answer::json(&registry.change_tags(&subject, &base.schema, request).await?)
}
