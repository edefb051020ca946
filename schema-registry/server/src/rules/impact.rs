//! What a new version means for the connectors that use its subject.

use std::cell::OnceCell;
use std::sync::Arc;

use serde::Serialize;

use super::compatibility::{DIFFERENT_TYPE, NEW, OLD, property as property_of};
use super::parse::{How, canonicalize, parse_stored};
use super::register::{add_contract, existing};
use super::request::SchemaRequest;
use crate::error::RegistryError;
use crate::formats::Parsed;
use crate::model::{Schema, Stored};
use crate::names::{context_of, normalize, prefix_of};
use crate::rights::Rights;
use crate::shared::Shared;
use crate::state::Deleted;
use crate::users::{SchemaId, SchemaUse, SubjectUse};

/// What sentences call the schema by which all data are read.
const FIXED: &str = "fixed";

/// What becomes of those who use a subject.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Impact {
    connectors: Vec<Affected>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What becomes of a connector.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Affected {
    name: String,
    #[serde(rename = "type")]
    type_: &'static str,
    topic: String,
    part: &'static str,
    breaks: bool,
    reasons: Vec<String>,
}

/// A schema that may come to be a version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) subject: &'a str,
    pub(crate) request: &'a SchemaRequest,
    pub(crate) normalize: bool,
    pub(crate) rights: &'a Rights,
}

/// What it means if a schema is registered; `None` if nobody knows who uses what.
pub(crate) async fn impact(shared: &Shared, asked: Candidate<'_>) -> Option<Impact> {
    let users = shared.settings.users.clone()?;
    let found = async {
        let change = Change::of(shared, asked).map_err(|error| error.message)?;
        let mut uses = users.uses(&change.records()).await?;
        uses.retain(|one| {
            let subject = shared.aliased(&one.subject).unwrap_or_else(|| one.subject.clone());
            normalize(&subject) == asked.subject
        });
        let judged = uses.into_iter().map(|one| change.judge(shared, asked, one));
        judged.collect::<Result<Vec<_>, _>>().map_err(|error| error.message)
    };
    Some(match found.await {
        Ok(mut connectors) => {
            connectors.sort();
            connectors.dedup();
            Impact { connectors, error: None }
        }
        Err(why) => Impact { connectors: Vec::new(), error: Some(why) },
    })
}

/// A version as it was read.
struct Version {
    number: i32,
    parsed: Arc<Parsed>,
}

impl Version {
    fn of(shared: &Shared, stored: &Stored) -> Result<Self, RegistryError> {
        Ok(Self { number: stored.schema.version, parsed: parse_stored(shared, stored)? })
    }
}

/// What is new in a subject.
struct Change {
    /// The versions before, oldest first.
    before: Vec<Arc<Stored>>,
    old: Option<Version>,
    /// The next version; none if there would not be one.
    new: Option<(Schema, Parsed)>,
    lenient: bool,
    /// Why the old one cannot read what the new one writes.
    forward: OnceCell<Vec<String>>,
    /// Why the new one cannot read what the old one writes.
    backward: OnceCell<Vec<String>>,
}

impl Change {
    fn of(shared: &Shared, asked: Candidate<'_>) -> Result<Self, RegistryError> {
        let config = shared.config_in_scope(asked.subject);
        let normalize = asked.normalize || config.normalize == Some(true);
        let before = shared.state().versions(asked.subject, Deleted::Without);
        let mut schema = asked.request.to_schema(asked.subject);
        let is_there = || existing(shared, asked.subject, asked.request, normalize);
        let new = if schema.is_empty() || is_there()?.is_some() {
            None
        } else {
            let how = How { is_new: config.validate_new_schemas.unwrap_or(true), normalize };
            let parsed = canonicalize(shared, &mut schema, &config, how, None)?;
            add_contract(&config, &mut schema, before.last().map(|last| &last.schema), None);
            parsed.map(|parsed| (schema, parsed))
        };
        let old = before.last().map(|last| Version::of(shared, last)).transpose()?;
        let lenient = config.is_lenient();
        Ok(Self { before, old, new, lenient, forward: OnceCell::new(), backward: OnceCell::new() })
    }

    /// The names of what the schemas describe.
    fn records(&self) -> Vec<String> {
        let old = self.old.as_ref().and_then(|old| old.parsed.name());
        let new = self.new.as_ref().and_then(|(_, new)| new.name());
        let mut names: Vec<String> = old.into_iter().chain(new).collect();
        names.dedup();
        names
    }

    fn judge(
        &self,
        shared: &Shared,
        asked: Candidate<'_>,
        one: SubjectUse,
    ) -> Result<Affected, RegistryError> {
        let (breaks, mut reasons) = match (&one.how, &self.new, &self.old) {
            (SchemaUse::Reads, Some((_, new)), Some(old)) => self.for_reader(old, new),
            (SchemaUse::ReadsBy(id), Some((_, new)), _) => {
                self.for_fixed(shared, asked, *id, new)?
            }
            (SchemaUse::WritesLatest { property, is_strict }, Some(new), Some(old)) => {
                self.for_writer(shared, property.as_ref(), *is_strict, (old, new))?
            }
            _ => (false, Vec::new()),
        };
        if !reasons.is_empty() {
            reasons.extend(one.doubts);
        }
        Ok(Affected {
            name: one.connector,
            type_: if one.how.is_writing() { "source" } else { "sink" },
            topic: one.topic,
            part: if one.is_key { "key" } else { "value" },
            breaks,
            reasons,
        })
    }

    /// A reader knows the data of the version before: what it or its transformations use of them
    /// must still be there, of the same type.
    fn for_reader(&self, old: &Version, new: &Parsed) -> (bool, Vec<String>) {
        let sentences =
            self.forward.get_or_init(|| unreadable(&old.parsed, new, self.lenient, (OLD, NEW)));
        if !sentences.is_empty() {
            let first = format!(
                "it reads data as version {} describes them, and what the new schema writes cannot \
                 be read so",
                old.number
            );
            return (true, with_first(first, sentences));
        }
        let known = new.top_level_fields();
        let gone = old.parsed.top_level_fields().into_iter().filter(|field| !known.contains(field));
        let told = gone.map(|field| {
            format!(
                "the new schema has no field {field}: it goes on unless it or one of its \
                 transformations needs the field"
            )
        });
        (false, told.collect())
    }

    /// A reader that takes all data for those of one schema.
    fn for_fixed(
        &self,
        shared: &Shared,
        asked: Candidate<'_>,
        id: SchemaId,
        new: &Parsed,
    ) -> Result<(bool, Vec<String>), RegistryError> {
        let context = context_of(asked.subject);
        let found = {
            let state = shared.state();
            let number = match id {
                SchemaId::Id(id) => Some(id),
                SchemaId::Guid(guid) => state.id_of(context, &guid),
            };
            number.and_then(|id| state.by_id(id, &prefix_of(context), asked.rights))
        };
        let Some(found) = found else {
            let why = "it reads all data by a schema that its configuration names, which is not \
                       here or may not be seen: nothing can be said";
            return Ok((false, vec![why.to_owned()]));
        };
        let fixed = parse_stored(shared, &found)?;
        let sentences = unreadable(&fixed, new, self.lenient, (FIXED, NEW));
        if sentences.is_empty() {
            return Ok((false, sentences));
        }
        let first = format!(
            "it reads all data by the schema of id {}, which its configuration names, and that \
             cannot read what the new schema writes",
            found.schema.id
        );
        Ok((true, with_first(first, &sentences)))
    }

    /// A writer by the latest version: its data are those of the version before.
    fn for_writer(
        &self,
        shared: &Shared,
        property: Option<&(String, String)>,
        is_strict: bool,
        (old, new): (&Version, &(Schema, Parsed)),
    ) -> Result<(bool, Vec<String>), RegistryError> {
        let (old_number, sentences) = match property {
            None => {
                let find = || unreadable(&new.1, &old.parsed, self.lenient, (NEW, OLD));
                (old.number, self.backward.get_or_init(find).clone())
            }
            Some((key, value)) => {
                let has = |schema: &Schema| {
                    property_of(schema.metadata.as_ref(), key) == Some(value.as_str())
                };
                let before = self.before.iter().rfind(|stored| has(&stored.schema));
                let Some(before) = before.filter(|_| has(&new.0)) else {
                    return Ok((false, Vec::new()));
                };
                let old = Version::of(shared, before)?;
                (old.number, unreadable(&new.1, &old.parsed, self.lenient, (NEW, OLD)))
            }
        };
        if sentences.is_empty() {
            return Ok((false, sentences));
        }
        let first = if is_strict {
            format!(
                "it writes by the latest version, and refuses one that cannot read what version \
                 {old_number} writes (latest.compatibility.strict=true)"
            )
        } else {
            format!(
                "it writes by the latest version, and values like those of version {old_number} \
                 that do not fit it will fail (latest.compatibility.strict=false)"
            )
        };
        Ok((is_strict, with_first(first, &sentences)))
    }
}

fn with_first(first: String, sentences: &[String]) -> Vec<String> {
    std::iter::once(first).chain(sentences.iter().cloned()).collect()
}

/// Why a schema cannot read what another one writes.
fn unreadable(reader: &Parsed, writer: &Parsed, lenient: bool, names: (&str, &str)) -> Vec<String> {
    let found = reader.incompatibilities(writer, lenient, names);
    found.unwrap_or_else(|| vec![DIFFERENT_TYPE.to_owned()])
}
