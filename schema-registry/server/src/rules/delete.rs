//! Deletes versions, subjects and contexts.

use super::Verdict;
use super::register::check_writable;
use crate::error::RegistryError;
use crate::names::context_of;
use crate::records::Draft;
use crate::shared::Shared;
use crate::state::Deleted;

/// Judges the deletion of one version; -1 is the latest.
pub(crate) fn version(
    shared: &Shared,
    subject: &str,
    version: i32,
    permanent: bool,
) -> Result<Verdict<i32>, RegistryError> {
    let expect = shared.state().expect_subject(subject);
    let Some(stored) = shared.state().get(subject, version, true).cloned() else {
        return Err(if shared.state().has_subjects(Some(subject), true) {
            RegistryError::version_not_found(version)
        } else {
            RegistryError::subject_not_found(subject)
        });
    };
    let number = stored.schema.version;
    if stored.deleted && !permanent {
        return Err(RegistryError::version_soft_deleted(subject, number));
    }
    check_writable(shared, subject)?;
    if !shared.state().referrers(subject, number, permanent).is_empty() {
        return Err(RegistryError::reference_exists(subject, number));
    }
    if permanent && !stored.deleted {
        return Err(RegistryError::version_not_soft_deleted(subject, number));
    }
    let draft = if permanent {
        Draft::without_schema(subject, number)
    } else {
        Draft::schema(&stored.schema, true)
    };
    Ok(Verdict::write(draft, expect, number))
}

/// Judges the deletion of a subject; gives its versions.
pub(crate) fn subject(
    shared: &Shared,
    subject: &str,
    permanent: bool,
) -> Result<Verdict<Vec<i32>>, RegistryError> {
    let expect = shared.state().expect_subject(subject);
    let all = shared.state().versions(subject, Deleted::With);
    if all.is_empty() {
        return Err(RegistryError::subject_not_found(subject));
    }
    let has_live = all.iter().any(|stored| !stored.deleted);
    if !permanent && !has_live {
        return Err(RegistryError::subject_soft_deleted(subject));
    }
    check_writable(shared, subject)?;
    let mut deleted = Vec::new();
    for stored in all.iter().filter(|stored| permanent || !stored.deleted) {
        let version = stored.schema.version;
        let mut referring = shared.state().referring_subjects(subject, version, permanent);
        referring.remove(subject);
        if !referring.is_empty() {
            return Err(RegistryError::reference_exists(subject, version));
        }
        if permanent && !stored.deleted {
            return Err(RegistryError::subject_not_soft_deleted(subject));
        }
        deleted.push(version);
    }
    let last = deleted.last().copied().unwrap_or(0);
    let draft = Draft::without_subject(subject, last, permanent);
    Ok(Verdict::write(draft, expect, deleted))
}

/// Judges the deletion of a context, which must be empty.
pub(crate) fn context(shared: &Shared, name: &str) -> Result<Verdict<()>, RegistryError> {
    let mut expect = shared.state().expect_rules(name);
    shared.state().add_named(&mut expect, name);
    if shared.state().has_subjects(Some(name), true) {
        return Err(RegistryError::context_not_empty(name));
    }
    Ok(Verdict::write(Draft::without_context(context_of(name)), expect, ()))
}
