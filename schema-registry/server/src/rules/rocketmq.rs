//! What RocketMQ's own schema registry keeps: schemas of a tenant, each in one subject, with texts
//! of any kind that nobody reads before a version is added.
//!
//! They are in contexts of their own, one for each cluster and tenant, as subjects
//! `subject/schema`. What Confluent's registry has no place for is in their metadata.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Verdict;
use crate::config::Level;
use crate::error::RegistryError;
use crate::formats::Parsed;
use crate::model::{Metadata, Schema, Shape, Stored};
use crate::names::prefix_of;
use crate::records::Draft;
use crate::reserved::Lease;
use crate::rights::{Operation, Rights};
use crate::shared::Shared;
use crate::state::{Deleted, Expect};

/// In front of the contexts of these schemas; alone it is that of the default tenant.
const CONTEXT: &str = ".rocketmq";
const DEFAULT: &str = "default";
/// Bits of a record id that hold the version.
const VERSION_BITS: u32 = 14;
/// The highest version that a record id can hold.
const VERSION_MAX: i32 = (1 << VERSION_BITS) - 1;

const SCHEMA: &str = "rocketmq.schema";
const ID: &str = "rocketmq.id";
const COMPATIBILITY: &str = "rocketmq.compatibility";
const OWNER: &str = "rocketmq.owner";
const DESC: &str = "rocketmq.desc";

/// Where something is, or should be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) cluster: String,
    pub(crate) tenant: String,
    pub(crate) subject: String,
    /// The name of the schema.
    pub(crate) name: Option<String>,
    pub(crate) version: Option<i64>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cluster, tenant, subject, name, version } = self;
        let name = name.as_deref().unwrap_or("null");
        let version = version.map_or_else(|| "null".to_owned(), |version| version.to_string());
        write!(
            f,
            "(cluster={cluster}, tenant={tenant}, subject={subject}, name={name}, \
             version={version})"
        )
    }
}

/// A name without what separates names.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '%' | '.' | ':' | '/' => escaped.push_str(&format!("%{:02X}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}

fn unescaped(name: &str) -> String {
    let codes = [("%2E", "."), ("%3A", ":"), ("%2F", "/"), ("%25", "%")];
    codes.iter().fold(name.to_owned(), |name, (code, c)| name.replace(code, c))
}

impl Place {
    /// The context as a prefix.
    pub(crate) fn context(&self) -> String {
        if self.cluster == DEFAULT && self.tenant == DEFAULT {
            return prefix_of(CONTEXT);
        }
        prefix_of(&format!("{CONTEXT}.{}.{}", escaped(&self.cluster), escaped(&self.tenant)))
    }

    /// What the schemas of the subject begin with.
    fn prefix(&self) -> String {
        format!("{}{}/", self.context(), escaped(&self.subject))
    }

    fn subject_of(&self, name: &str) -> String {
        format!("{}{}", self.prefix(), escaped(name))
    }

    /// The subject of the schema that is named.
    pub(crate) fn named(&self) -> String {
        self.subject_of(self.name.as_deref().unwrap_or_default())
    }
}

/// What is said of a schema when it is registered.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) idl: Option<String>,
    pub(crate) schema_type: String,
    pub(crate) compatibility: Level,
    pub(crate) owner: String,
    pub(crate) desc: String,
}

/// A version of a schema.
#[derive(Clone, Debug)]
pub(crate) struct Found(pub(crate) Arc<Stored>);

impl Found {
    fn property(&self, key: &str) -> Option<&str> {
        self.0.schema.metadata.as_ref()?.properties.get(key).map(String::as_str)
    }

    /// The name of the schema.
    pub(crate) fn name(&self) -> &str {
        self.property(SCHEMA).unwrap_or_default()
    }

    /// The id that all versions share.
    pub(crate) fn id(&self) -> i64 {
        self.property(ID)
            .and_then(|id| id.parse().ok())
            .unwrap_or_else(|| i64::from(self.0.schema.id))
    }

    /// The id of this version.
    pub(crate) fn record_id(&self) -> i64 {
        self.id() << VERSION_BITS | i64::from(self.0.schema.version)
    }

    /// The subject, without cluster and tenant.
    pub(crate) fn subject(&self) -> String {
        let subject = crate::names::Qualified::of(&self.0.schema.subject).subject;
        unescaped(subject.split('/').next().unwrap_or_default())
    }
}

/// Schema id and version of a record id; an id of 0 means any.
pub(crate) fn split_record_id(record_id: i64) -> (i64, i64) {
    (record_id >> VERSION_BITS, record_id & i64::from(VERSION_MAX))
}

/// All versions of the schema that was put into a subject last, oldest first.
pub(crate) fn versions(shared: &Shared, place: &Place) -> Vec<Found> {
    let state = shared.state();
    let newest =
        |versions: &Vec<Arc<Stored>>| versions.first().map(|stored| (stored.ts, stored.schema.id));
    let names = state.subjects(&place.prefix(), Deleted::With);
    let all = names.iter().map(|name| state.versions(name, Deleted::With));
    let latest = all.max_by_key(newest).unwrap_or_default();
    latest.into_iter().map(Found).collect()
}

/// A version of what is in a subject, the latest if none is named.
pub(crate) fn version(shared: &Shared, place: &Place) -> Option<Found> {
    let mut versions = versions(shared, place).into_iter().rev();
    match place.version {
        None => versions.next(),
        Some(version) => versions.find(|found| i64::from(found.0.schema.version) == version),
    }
}

/// Subjects of a tenant that may be seen.
pub(crate) fn subjects(shared: &Shared, place: &Place, rights: &Rights) -> Vec<String> {
    let mut names = shared.state().subjects(&place.context(), Deleted::With);
    names.retain(|name| rights.may_read(name));
    let subject = |name: &String| {
        let subject = crate::names::Qualified::of(name).subject;
        unescaped(subject.split('/').next().unwrap_or_default())
    };
    let mut subjects: Vec<String> = names.iter().map(subject).collect();
    subjects.dedup();
    subjects
}

/// Tenants of a cluster that have something that may be seen.
pub(crate) fn tenants(shared: &Shared, cluster: &str, rights: &Rights) -> Vec<String> {
    let state = shared.state();
    let mut contexts = state.contexts();
    contexts.retain(|context| {
        let names = state.subjects(&prefix_of(context), Deleted::With);
        rights.is_all() || names.iter().any(|name| rights.may_read(name))
    });
    let tenant = |context: &String| {
        let rest = context.strip_prefix(CONTEXT)?;
        if rest.is_empty() {
            return (cluster == DEFAULT).then(|| DEFAULT.to_owned());
        }
        let (of, tenant) = rest.strip_prefix('.')?.split_once('.')?;
        (unescaped(of) == cluster).then(|| unescaped(tenant))
    };
    contexts.iter().filter_map(tenant).collect()
}

fn conflict(message: impl Into<String>) -> RegistryError {
    RegistryError::new(40901, message)
}

/// Judges the registration of a schema that is not there yet.
pub(crate) fn register(
    shared: &Shared,
    place: &Place,
    registration: &Registration,
) -> Result<Verdict<Found>, RegistryError> {
    let name = place.name.as_deref().unwrap_or_default();
    let subject = place.named();
    let mut expect = shared.state().expect_subject(&subject);
    // The name is the only one of its tenant, in whatever subject.
    shared.state().add_named(&mut expect, &place.context());
    let suffix = format!("/{}", escaped(name));
    let known = shared.state().subjects(&place.context(), Deleted::With);
    if known.iter().any(|known| known.ends_with(&suffix)) {
        let tenant = &place.tenant;
        let message = format!("Schema: {tenant}/{name} is exist, please check your configuration.");
        return Err(RegistryError::new(40401, message));
    }
    let Registration { idl, schema_type, compatibility, owner, desc } = registration;
    let lease = shared.new_id(crate::names::context_of(&subject), None)?;
    let id = lease.id;
    let properties = [
        (SCHEMA, name.to_owned()),
        (ID, id.to_string()),
        (COMPATIBILITY, compatibility.name.to_owned()),
        (OWNER, owner.clone()),
        (DESC, desc.clone()),
    ];
    let properties = properties.map(|(key, value)| (key.to_owned(), value));
    let schema = Schema {
        subject,
        version: 1,
        id,
        schema_type: schema_type.clone(),
        metadata: Some(Metadata { properties: BTreeMap::from(properties), ..Metadata::default() }),
        text: Some(idl.clone().unwrap_or_default()),
        ..Schema::default()
    };
    Ok(written(schema, expect, lease))
}

fn written(schema: Schema, expect: Expect, lease: Lease) -> Verdict<Found> {
    let expect = expect.with_id(schema.id);
    let draft = Draft::schema(&schema, false);
    let hash = crate::guid::hash(&schema);
    let shape = Shape::default();
    let found = Found(Arc::new(Stored { schema, deleted: false, ts: 0, hash, shape }));
    Verdict::write_new(draft, expect, lease, found)
}

/// Judges one more version of a schema.
pub(crate) fn update(
    shared: &Shared,
    place: &Place,
    idl: Option<&str>,
    owner: &str,
    desc: &str,
) -> Result<Verdict<Found>, RegistryError> {
    let subject = place.named();
    let expect = shared.state().expect_subject(&subject);
    let versions = shared.state().versions(&subject, Deleted::With);
    let Some(last) = versions.last() else {
        return Err(not_there(place));
    };
    let idl = idl.unwrap_or_default();
    match last.schema.schema_type.as_str() {
        "AVRO" => check_avro(&versions, idl)?,
        "JSON" => {}
        other => return Err(conflict(format!("Unsupported schema type: {other}"))),
    }
    if last.schema.version >= VERSION_MAX {
        let message = format!("Schema {place} has {VERSION_MAX} versions, and can have no more");
        return Err(conflict(message));
    }
    let context = crate::names::context_of(&subject);
    let lease = shared.new_id(context, None)?;
    let mut schema = Schema {
        id: lease.id,
        version: last.schema.version + 1,
        text: Some(idl.to_owned()),
        ..last.schema.clone()
    };
    let properties = &mut schema.metadata.get_or_insert_default().properties;
    properties.insert(OWNER.to_owned(), owner.to_owned());
    properties.insert(DESC.to_owned(), desc.to_owned());
    if let Some(known) = shared.state().id_of(context, &crate::guid::hash(&schema)) {
        schema.id = known;
    }
    Ok(written(schema, expect, lease))
}

fn check_avro(versions: &[Arc<Stored>], idl: &str) -> Result<(), RegistryError> {
    let read = |text: &str| {
        Parsed::parse("AVRO", text, &[], false).map(|parsed| {
            parsed.map_err(|error| {
                let message = format!("updateSchema request failed due to: {error}");
                RegistryError::new(50001, message)
            })
        })
    };
    let Some(new) = read(idl) else { return Ok(()) };
    let new = new?;
    let mut old = Vec::with_capacity(versions.len());
    for stored in versions {
        if let Some(parsed) = read(stored.schema.text.as_deref().unwrap_or_default()) {
            let parsed = parsed?;
            if parsed.is_equivalent(&new) {
                return Err(conflict("The same schemaIdl exists in the previous versions"));
            }
            old.push(parsed);
        }
    }
    let level = versions.last().map(|stored| Found(Arc::clone(stored)));
    let level = level.as_ref().and_then(|found| Level::named(found.property(COMPATIBILITY)?));
    let Some(level) = level else { return Ok(()) };
    let checked = if level.transitive { old.len() } else { 1 };
    let fits = |reader: &Parsed, writer: &Parsed| {
        let found = reader.incompatibilities(writer, false, ("new", "old"));
        found.is_some_and(|found| found.is_empty())
    };
    let is_compatible = old
        .iter()
        .rev()
        .take(checked)
        .all(|old| (!level.backward || fits(&new, old)) && (!level.forward || fits(old, &new)));
    if is_compatible { Ok(()) } else { Err(conflict("Schema compatibility validation failed")) }
}

fn not_there(place: &Place) -> RegistryError {
    RegistryError::new(40402, format!("Schema {place} not exist, ignored update."))
}

/// Judges the end of a version, or of all if none is named; gives the one that was found.
pub(crate) fn delete(
    shared: &Shared,
    place: &Place,
    rights: &Rights,
) -> Result<Verdict<Found>, RegistryError> {
    // Which schema is the one of the subject depends on all of the tenant's.
    let mut expect = shared.state().expect_rules(&place.context());
    shared.state().add_named(&mut expect, &place.context());
    let Some(found) = version(shared, place) else { return Err(not_there(place)) };
    let Schema { subject, version, .. } = &found.0.schema;
    rights.check(Operation::Delete, subject)?;
    let draft = match place.version {
        None => Draft::without_subject(subject, *version, true),
        Some(_) => Draft::without_schema(subject, *version),
    };
    Ok(Verdict::write(draft, expect, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_ids_hold_id_and_version() {
        assert_eq!(split_record_id(7 << 14 | 3), (7, 3));
        assert_eq!(split_record_id(99), (0, 99));
    }

    #[test]
    fn names_with_separators_come_back() {
        for name in ["a.b", "a:b", "a/b", "a%2Eb", "%"] {
            assert!(!escaped(name).contains(['.', ':', '/']), "{name}");
            assert_eq!(unescaped(&escaped(name)), name);
        }
    }
}
