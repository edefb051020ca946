//! Reads schemas, with what they refer to.

use std::collections::HashSet;
use std::sync::Arc;

use gantry_schema_model::Dependency;

use crate::config::Config;
use crate::error::RegistryError;
use crate::formats::{DEFAULT_TYPE, Parsed};
use crate::model::{Metadata, Reference, Schema, Stored};
use crate::names::{context_of, qualify_with};
use crate::shared::Shared;
use crate::state::Expect;

/// How deep references may go.
const REFERENCE_DEPTH_MAX: usize = 100;

/// How a schema is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct How {
    /// It is about to be registered: stricter rules hold.
    pub(crate) is_new: bool,
    /// Its text is to be normalized.
    pub(crate) normalize: bool,
}

/// Collects what a schema refers to, directly or not, each behind what it refers to itself.
struct Resolver<'a> {
    shared: &'a Shared,
    /// A schema that is registered may not refer to what was deleted.
    with_deleted: bool,
    /// Notes the subjects that are looked at.
    expect: Option<&'a mut Expect>,
    found: Vec<Dependency>,
    visited: HashSet<String>,
}

impl Resolver<'_> {
    /// Looks up the references of a schema; a version of -1 becomes the one that is latest.
    fn resolve(
        &mut self,
        subject: &str,
        references: &mut [Reference],
        depth: usize,
    ) -> Result<(), String> {
        if depth > REFERENCE_DEPTH_MAX {
            return Err(format!("References go deeper than {REFERENCE_DEPTH_MAX} schemas"));
        }
        for reference in references {
            let Reference { name: Some(name), subject: Some(target), version: Some(version) } =
                &mut *reference
            else {
                return Err(format!("Invalid reference: {reference}"));
            };
            let target = qualify_with(subject, target);
            let found = {
                let state = self.shared.state();
                if let Some(expect) = self.expect.as_deref_mut() {
                    state.add_subject(expect, &target);
                }
                state.get(&target, *version, self.with_deleted).cloned()
            };
            let found = found.ok_or_else(|| {
                format!("No schema reference found for subject \"{target}\" and version {version}")
            })?;
            if *version == -1 {
                *version = found.schema.version;
            }
            if !self.visited.insert(name.clone()) {
                continue;
            }
            let name = name.clone();
            let mut inner = found.schema.references.clone();
            self.resolve(&found.schema.subject, &mut inner, depth + 1)?;
            let text = found.schema.text.clone().unwrap_or_default();
            self.found.push(Dependency { name, text });
        }
        Ok(())
    }
}

/// A schema as messages show it.
fn shown(schema: &Schema, version: Option<i32>, id: Option<i32>) -> String {
    let number = |n: Option<i32>| n.map_or_else(|| "null".to_owned(), |number| number.to_string());
    let guid = crate::guid::text(&crate::guid::hash(schema));
    format!(
        "{{subject={},version={},id={},guid={guid},schemaType={},references={},metadata={},\
         ruleSet={},schema={},schemaTags=null,ts=null,deleted=null}}",
        schema.subject,
        number(version),
        number(id),
        schema.schema_type,
        shown_references(&schema.references),
        shown_metadata(schema.metadata.as_ref()),
        schema.rule_set.as_ref().map_or("null", |_| "Rules{...}"),
        schema.text.as_deref().unwrap_or("null"),
    )
}

fn shown_references(references: &[Reference]) -> String {
    let shown: Vec<String> = references.iter().map(Reference::to_string).collect();
    format!("[{}]", shown.join(", "))
}

fn shown_metadata(metadata: Option<&Metadata>) -> String {
    let Some(Metadata { tags, properties, sensitive }) = metadata else {
        return "null".to_owned();
    };
    let list = |texts: &std::collections::BTreeSet<String>| {
        format!("[{}]", texts.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
    };
    let tags: Vec<String> =
        tags.iter().map(|(path, tags)| format!("{path}={}", list(tags))).collect();
    let properties: Vec<String> =
        properties.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!(
        "Metadata{{tags={{{}}}, properties={{{}}}, sensitive={}}}",
        tags.join(", "),
        properties.join(", "),
        list(sensitive)
    )
}

/// A schema that can be read, but speaks of what is not there.
fn meaningless(schema: &Schema, details: &str) -> RegistryError {
    let shown = shown(schema, Some(schema.version), Some(schema.id));
    RegistryError::invalid_schema(format!("Invalid schema {shown}, details: {details}"))
}

/// A schema that cannot be read.
fn refused(schema: &Schema, details: &str) -> RegistryError {
    let Schema { schema_type, references, .. } = schema;
    let message = if schema_type == DEFAULT_TYPE {
        format!(
            "Invalid schema of type AVRO, details: Invalid schema {} with refs {} of type AVRO, \
             details: {details}",
            shown(schema, None, None),
            shown_references(references)
        )
    } else {
        format!(
            "Invalid schema of type {schema_type}, details: Invalid schema of type {schema_type}, \
             details: {details}"
        )
    };
    RegistryError::invalid_schema(message)
}

/// Which rules hold for a schema that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// Those for one that was registered.
    Stored,
    /// Those for one that is asked for; `is_new`: it is about to be registered.
    Asked { is_new: bool },
}

impl Rules {
    /// Whether a format is to be as strict as it can: Avro with what is new only, the others with
    /// all that is asked for.
    fn are_strict(self, schema_type: &str) -> bool {
        match self {
            Self::Stored => false,
            Self::Asked { is_new } => is_new || schema_type != DEFAULT_TYPE,
        }
    }
}

/// Reads a schema. Its references get the versions that they mean.
pub(crate) fn parse(
    shared: &Shared,
    schema: &mut Schema,
    rules: Rules,
    expect: Option<&mut Expect>,
) -> Result<Parsed, RegistryError> {
    let is_strict = rules.are_strict(&schema.schema_type);
    let mut resolver = Resolver {
        shared,
        with_deleted: rules != Rules::Asked { is_new: true },
        expect,
        found: Vec::new(),
        visited: HashSet::new(),
    };
    let mut references = std::mem::take(&mut schema.references);
    let resolved = resolver.resolve(&schema.subject, &mut references, 0);
    let dependencies = resolver.found;
    schema.references = references;
    if let Err(details) = resolved {
        return Err(refused(schema, &details));
    }
    let text = schema.text.as_deref().unwrap_or_default();
    match Parsed::parse(&schema.schema_type, text, &dependencies, is_strict) {
        None => {
            let message = format!("Invalid schema type {}", schema.schema_type);
            Err(RegistryError::invalid_schema(message))
        }
        Some(Ok(parsed)) => Ok(parsed),
        Some(Err(error)) => {
            // The format says so where it is the text that it cannot read.
            let is_read = schema.schema_type == "PROTOBUF"
                && !error.0.starts_with("Could not parse Protobuf");
            Err(if is_read { meaningless(schema, &error.0) } else { refused(schema, &error.0) })
        }
    }
}

/// Reads a schema that is registered.
pub(crate) fn parse_stored(shared: &Shared, stored: &Stored) -> Result<Arc<Parsed>, RegistryError> {
    let Stored { schema, hash, .. } = stored;
    let context = context_of(&schema.subject);
    if let Some(parsed) = shared.cached(context, &schema.schema_type, *hash) {
        return Ok(parsed);
    }
    let parsed = Arc::new(parse(shared, &mut schema.clone(), Rules::Stored, None)?);
    shared.cache(context, &schema.schema_type, *hash, Arc::clone(&parsed));
    Ok(parsed)
}

/// Reads a schema as it is asked for and puts its text in the form in which it is kept; `None` if
/// there is no text.
pub(crate) fn canonicalize(
    shared: &Shared,
    schema: &mut Schema,
    config: &Config,
    how: How,
    expect: Option<&mut Expect>,
) -> Result<Option<Parsed>, RegistryError> {
    if schema.is_empty() {
        return Ok(None);
    }
    let asked = schema.clone();
    let is_import = shared.state().mode_in_scope(&schema.subject).is_import();
    // What is imported was checked where it comes from.
    let rules = if is_import { Rules::Stored } else { Rules::Asked { is_new: how.is_new } };
    let mut parsed = parse(shared, schema, rules, expect)?;
    if is_import {
        schema.text = Some(parsed.canonical().to_owned());
        return Ok(Some(parsed));
    }
    if config.validate_fields == Some(true) {
        check_fields(&asked, &parsed)?;
    }
    if how.normalize {
        let normalized = parsed.normalized();
        if normalized != parsed.canonical() {
            schema.text = Some(normalized);
            parsed = parse(shared, schema, rules, None)?;
        }
        schema.references.sort();
        schema.references.dedup();
    }
    schema.text = Some(parsed.canonical().to_owned());
    Ok(Some(parsed))
}

/// Names of fields that begin with `$$` are kept for others.
fn check_fields(schema: &Schema, parsed: &Parsed) -> Result<(), RegistryError> {
    if parsed.top_level_fields().iter().any(|field| field.starts_with("$$")) {
        return Err(meaningless(schema, "Field names cannot start with $$ prefix"));
    }
    Ok(())
}
