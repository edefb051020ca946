//! Subjects as a whole.

use super::request::Asked;
use super::rights::check_references;
use super::router::{Answer, Outcome};
use super::{body, schemas};
use crate::error::RegistryError;
use crate::model::SchemaBody;
use crate::names::{ALL_CONTEXTS, normalize};
use crate::registry::Registry;
use crate::rules::lookup::Options;
use crate::state::Deleted;

/// Which versions a request means.
pub(super) fn deleted(asked: &Asked) -> Deleted {
    if asked.is("deletedOnly") { Deleted::Only } else { Deleted::with_if(asked.is("deleted")) }
}

/// Lists subjects.
pub(super) fn list(registry: &Registry, asked: &Asked) -> Outcome {
    let prefix = asked.parameter("subjectPrefix").unwrap_or(ALL_CONTEXTS);
    let mut subjects = registry.shared.state().subjects(prefix, deleted(asked));
    subjects.retain(|subject| asked.rights.may_read(subject));
    Answer::json(&asked.page(subjects, usize::MAX)?)
}

/// Looks a schema up.
pub(super) fn look_up(registry: &Registry, asked: &Asked, subject: &str, body: &[u8]) -> Outcome {
    let request = body::schema(body, "lookUpSchemaUnderSubject.request")?;
    let options = Options {
        normalize: asked.is("normalize"),
        deleted: asked.is("deleted"),
        latest_only: false,
    };
    let subject = normalize(subject);
    check_references(asked, &subject, &request.references)?;
    let found = registry.look_up(&subject, &request, options, &asked.rights)?;
    let mut shown = found.body();
    schemas::format(registry, asked, found.schema(), &mut shown)?;
    Answer::json(&shown)
}

/// Deletes a subject.
pub(super) async fn delete(registry: &Registry, asked: &Asked, subject: &str) -> Outcome {
    let versions = registry.delete_subject(&normalize(subject), asked.is("permanent")).await?;
    Answer::json(&versions)
}

/// The latest version whose metadata has all of the keys and values.
pub(super) fn with_metadata(registry: &Registry, asked: &Asked, subject: &str) -> Outcome {
    let subject = normalize(subject);
    let (keys, values) = (asked.parameters("key"), asked.parameters("value"));
    let is_deleted = asked.is("deleted");
    let versions = registry.shared.state().versions(&subject, Deleted::with_if(is_deleted));
    let found = versions.into_iter().rev().find(|stored| {
        let metadata = stored.schema.metadata.as_ref();
        metadata.is_some_and(|metadata| {
            keys.iter().zip(&values).all(|(key, value)| metadata.properties.get(key) == Some(value))
        })
    });
    let Some(found) = found else {
        return Err(if registry.shared.state().has_subjects(Some(&subject), is_deleted) {
            RegistryError::schema_not_found()
        } else {
            RegistryError::subject_not_found(&subject)
        });
    };
    let mut shown = SchemaBody::from(&*found);
    schemas::format(registry, asked, &found.schema, &mut shown)?;
    Answer::json(&shown)
}
