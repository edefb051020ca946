//! From the text of a schema to its [`Document`].
//!
//! Drafts 4 to 7 are read in one way (`classic`), 2019-09 and later in another (`modern`). Both
//! give the same kinds of schemas, and both are as strict and as lenient as Confluent's registry
//! is: what it refuses is refused, and unknown keywords are kept.

mod classic;
mod keys;
mod library;
mod merge;
mod modern;
mod uri;

use std::borrow::Cow;

use gantry_schema_model::{Dependency, Node};

pub(crate) use library::{Entry, Library, Place};
pub(crate) use uri::is_valid as is_java_uri;

use crate::model::{Document, Draft, Kind, Schema, SchemaId};
use crate::text;

/// How many schemas a document may have. A few lines of text can stand for many schemas: what is
/// referred to is loaded a second time.
const SCHEMAS_MAX: usize = 500_000;

/// Loads a schema. The error says what is wrong with it.
pub(crate) fn load(root: &Node, dependencies: &[Dependency]) -> Result<Document, String> {
    let draft = draft_of_root(root)?;
    load_as(draft, root, dependencies)
}

/// Loads a schema as draft 7 if it names a later one.
pub(crate) fn load_classic(root: &Node, dependencies: &[Dependency]) -> Result<Document, String> {
    let draft = draft_of_root(root)?;
    load_as(if draft.is_modern() { Draft::Draft7 } else { draft }, root, dependencies)
}

fn load_as(draft: Draft, root: &Node, dependencies: &[Dependency]) -> Result<Document, String> {
    let entries = entries_as(draft, root, dependencies)?;
    let library = Library::new(&entries);
    let place = library.root().ok_or("there is no schema")?;
    let arena = if draft.is_modern() {
        modern::Loader::new(&library).load(&place)?
    } else {
        classic::Loader::new(&library).load(&place)?
    };
    arena.finish(draft)
}

/// A schema and what it refers to, each with the draft that it is read in; the draft of the schema
/// itself.
pub(crate) fn entries(
    root: &Node,
    dependencies: &[Dependency],
) -> Result<(Vec<Entry>, Draft), String> {
    let draft = draft_of_root(root)?;
    Ok((entries_as(draft, root, dependencies)?, draft))
}

fn draft_of_root(root: &Node) -> Result<Draft, String> {
    match root {
        Node::Bool(_) => Ok(Draft::Draft7),
        Node::Map(_) => draft_of(root, Draft::Draft7),
        _ => Err("a schema is an object or a boolean".to_owned()),
    }
}

fn entries_as(
    draft: Draft,
    root: &Node,
    dependencies: &[Dependency],
) -> Result<Vec<Entry>, String> {
    let mut entries = vec![Entry { name: String::new(), node: bridged(root).into_owned(), draft }];
    for dependency in dependencies {
        let node = text::read(&dependency.text)
            .map_err(|error| format!("reference {}: {error}", dependency.name))?;
        let named = if draft.is_modern() { draft } else { draft_of(&node, draft)? };
        // A document of a later draft is read by the rules of the one that refers to it.
        let draft = if named.is_modern() { draft } else { named };
        let node = bridged(&node).into_owned();
        entries.push(Entry { name: dependency.name.clone(), node, draft });
    }
    Ok(entries)
}

/// The draft that a document names; another if it names none that is known.
fn draft_of(document: &Node, otherwise: Draft) -> Result<Draft, String> {
    let Some(named) = document.get("$schema") else { return Ok(otherwise) };
    let url = named.as_text().ok_or("$schema is no text")?;
    // Up to draft 7, what follows the name of the draft plays no part.
    let classic = [
        ("draft-04/schema", Draft::Draft4),
        ("schema", Draft::Draft4),
        ("draft-06/schema", Draft::Draft6),
        ("draft-07/schema", Draft::Draft7),
    ];
    let path = url.strip_prefix("https:").or_else(|| url.strip_prefix("http:")).unwrap_or_default();
    let path = path.strip_prefix("//json-schema.org/").unwrap_or_default();
    let begun = classic.iter().find(|(name, _)| path.starts_with(name)).map(|(_, draft)| *draft);
    Ok(Draft::of_url(url).or(begun).unwrap_or(otherwise))
}

/// A document in which `$defs` has what `definitions` has: references to either find it.
fn bridged(document: &Node) -> Cow<'_, Node> {
    let (Node::Map(map), Some(Node::Map(definitions))) = (document, document.get("definitions"))
    else {
        return Cow::Borrowed(document);
    };
    let mut defs = match document.get("$defs") {
        None => Vec::new(),
        Some(Node::Map(defs)) => defs.clone(),
        Some(_) => return Cow::Borrowed(document),
    };
    if definitions.is_empty() {
        return Cow::Borrowed(document);
    }
    let known: std::collections::HashSet<&str> =
        document.get("$defs").map_or_else(Default::default, |defs| match defs {
            Node::Map(defs) => defs.iter().map(|(key, _)| key.as_str()).collect(),
            _ => Default::default(),
        });
    let missing = definitions.iter().filter(|(key, _)| !known.contains(key.as_str()));
    defs.extend(missing.cloned());
    let mut map: Vec<_> = map.iter().filter(|(key, _)| key != "$defs").cloned().collect();
    map.push(("$defs".to_owned(), Node::Map(defs)));
    Cow::Owned(Node::Map(map))
}

/// A reference that waits to be followed, or was.
#[derive(Debug)]
struct Link<'a> {
    place: Place<'a>,
    schema: Option<SchemaId>,
}

/// The schemas that were loaded so far. Until all are, a reference has the number of its link in
/// place of a schema.
#[derive(Debug, Default)]
struct Arena<'a> {
    schemas: Vec<Schema>,
    links: Vec<Link<'a>>,
    root: Option<SchemaId>,
}

impl<'a> Arena<'a> {
    fn push(&mut self, schema: Schema) -> Result<SchemaId, String> {
        if self.schemas.len() >= SCHEMAS_MAX {
            return Err(format!("it stands for more than {SCHEMAS_MAX} schemas"));
        }
        let id = number(self.schemas.len())?;
        self.schemas.push(schema);
        Ok(id)
    }

    fn get(&self, id: SchemaId) -> Option<&Schema> {
        usize::try_from(id.0).ok().and_then(|at| self.schemas.get(at))
    }

    /// Notes a reference; what it gives takes the place of the schema until all is loaded.
    fn link(&mut self, place: Place<'a>) -> Result<SchemaId, String> {
        if self.links.len() >= SCHEMAS_MAX {
            return Err(format!("it has more than {SCHEMAS_MAX} references"));
        }
        let id = number(self.links.len())?;
        self.links.push(Link { place, schema: None });
        Ok(id)
    }

    /// Lets every reference lead to its schema.
    fn finish(mut self, draft: Draft) -> Result<Document, String> {
        for schema in &mut self.schemas {
            if let Kind::Reference(reference) = &mut schema.kind {
                let link = usize::try_from(reference.schema.0).ok();
                let link = link.and_then(|at| self.links.get(at)).and_then(|link| link.schema);
                reference.schema =
                    link.ok_or_else(|| format!("$ref '{}' was not followed", reference.target))?;
            }
        }
        let root = self.root.ok_or("there is no schema")?;
        Ok(Document { draft, root, schemas: self.schemas })
    }
}

fn number(index: usize) -> Result<SchemaId, String> {
    u32::try_from(index).map(SchemaId).map_err(|_| "it has too many schemas".to_owned())
}

#[cfg(test)]
mod tests;
