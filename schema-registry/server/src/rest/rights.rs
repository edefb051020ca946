//! Which right a request needs.
//!
//! What lists needs none: it shows what may be seen. Nor does what is found by an id, which is
//! looked for where the request may see it.

use std::collections::BTreeSet;

use super::request::Asked;
use crate::error::RegistryError;
use crate::model::{Reference, Schema};
use crate::names::{normalize, qualify_with};
use crate::registry::Registry;
use crate::rights::Operation::{Delete, Read, ReadCompatibility, Write, WriteCompatibility};

/// Whether a request may be made. One that is not known here needs a right on what holds for all.
pub(super) fn check(asked: &Asked) -> Result<(), RegistryError> {
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    let (operation, name) = match (asked.method.as_str(), &path[..]) {
        (_, [])
        | ("GET", ["subjects" | "schemas" | "contexts"] | ["schemas", "types"] | ["v1", ..])
        // Lists as well. Confluent's clients ask for them before anything else.
        | ("GET", ["associations", ..])
        | ("GET", ["schemas", "ids" | "guids", ..]) => return Ok(()),
        ("GET", ["subjects", name, ..]) | ("POST", ["subjects", name]) => (Read, *name),
        ("POST", ["subjects", name, ..] | ["compatibility", "subjects", name, ..]) => {
            (Write, *name)
        }
        ("DELETE", ["subjects" | "contexts", name, ..]) => (Delete, *name),
        ("GET", ["config" | "mode", rest @ ..]) => (ReadCompatibility, one_of(rest)),
        (_, ["config" | "mode", rest @ ..]) => (WriteCompatibility, one_of(rest)),
        ("GET", _) => (Read, ""),
        _ => (Write, ""),
    };
    asked.rights.check(operation, &normalize(name))
}

/// The name, or what holds where none is.
fn one_of<'a>(rest: &[&'a str]) -> &'a str {
    rest.first().copied().unwrap_or_default()
}

/// Whether what a schema refers to may be seen: it would come to be part of what the schema says.
pub(super) fn check_references(
    asked: &Asked,
    subject: &str,
    references: &[Reference],
) -> Result<(), RegistryError> {
    let mut subjects = references.iter().filter_map(|reference| reference.subject.as_deref());
    subjects.try_for_each(|target| asked.rights.check(Read, &qualify_with(subject, target)))
}

/// The same of all that it refers to, directly or not.
pub(super) fn check_all_references(
    registry: &Registry,
    asked: &Asked,
    schema: &Schema,
) -> Result<(), RegistryError> {
    if asked.rights.is_all() {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    let mut waiting = vec![(schema.subject.clone(), schema.references.clone())];
    while let Some((subject, references)) = waiting.pop() {
        check_references(asked, &subject, &references)?;
        for reference in references {
            let target = qualify_with(&subject, reference.subject.as_deref().unwrap_or_default());
            let version = reference.version.unwrap_or(-1);
            let found = registry.shared.state().get(&target, version, true).cloned();
            let Some(found) = found.filter(|_| seen.insert((target.clone(), version))) else {
                continue;
            };
            waiting.push((target, found.schema.references.clone()));
        }
    }
    Ok(())
}
