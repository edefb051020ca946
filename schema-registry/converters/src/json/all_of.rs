//! What the parts of an `allOf` come to.

use std::collections::{HashMap, HashSet};

use gantry_model::text::sort_as_hash_map;
use gantry_schema_json::Document;
use gantry_schema_json::model::{Criterion, Kind, SchemaId};

/// What the parts of an `allOf` come to.
pub(crate) enum Merged {
    /// The properties of all objects, and whether they are required.
    Struct(Vec<(String, SchemaId, bool)>),
    /// The part that decides.
    Part(SchemaId),
    /// What the only telling part refers to.
    Reference(SchemaId),
    /// None of them decides.
    Nothing,
}

/// Joins the parts of an `allOf`.
pub(crate) fn merged(document: &Document, parts: &[SchemaId]) -> Merged {
    let mut properties =
        Properties { document, list: Vec::new(), places: HashMap::new(), seen: HashSet::new() };
    for part in parts {
        properties.seen.clear();
        properties.collect(*part, 0);
    }
    if !properties.list.is_empty() {
        return Merged::Struct(properties.list);
    }
    let last = |is: fn(&Kind) -> bool| {
        parts.iter().rev().copied().find(|part| is(&document.get(*part).kind))
    };
    let text = last(|kind| matches!(kind, Kind::String(_)));
    let number = last(|kind| matches!(kind, Kind::Number(_)));
    if let Some(combined) = last(|kind| matches!(kind, Kind::Combined(_))) {
        return Merged::Part(combined);
    }
    // A const or an enum of a type is that type, but for an enum of texts.
    let chosen = if last(|kind| matches!(kind, Kind::Const(_))).is_some() {
        text.or(number)
    } else if let Some(symbols) = last(|kind| matches!(kind, Kind::Enum(_))) {
        text.map(|_| symbols).or(number)
    } else if text.is_some() {
        // Numbers with a format have the rules of a text beside theirs.
        number.or(text)
    } else {
        let target = parts.iter().rev().find_map(|part| match &document.get(*part).kind {
            Kind::Reference(reference) => Some(reference.schema),
            _ => None,
        });
        return target.map_or(Merged::Nothing, Merged::Reference);
    };
    chosen.map_or(Merged::Nothing, Merged::Part)
}

/// As deep as references and parts are followed.
const DEPTH_MAX: usize = 200;

struct Properties<'d> {
    document: &'d Document,
    list: Vec<(String, SchemaId, bool)>,
    /// Where the properties are in the list.
    places: HashMap<String, usize>,
    seen: HashSet<SchemaId>,
}

impl Properties<'_> {
    fn collect(&mut self, id: SchemaId, depth: usize) {
        if depth > DEPTH_MAX || !self.seen.insert(id) {
            return;
        }
        match &self.document.get(id).kind {
            Kind::Combined(combined) if combined.criterion == Criterion::All => {
                for part in &combined.schemas {
                    self.collect(*part, depth + 1);
                }
            }
            Kind::Object(rules) => {
                let required: HashSet<&str> = rules.required.iter().map(String::as_str).collect();
                let mut properties = rules.properties.clone();
                sort_as_hash_map(&mut properties, |(name, _)| name);
                for (name, property) in properties {
                    let is_required = required.contains(name.as_str());
                    self.put(name, property, is_required);
                }
            }
            Kind::Reference(reference) => self.collect(reference.schema, depth + 1),
            _ => {}
        }
    }

    /// The last of several properties by one name counts, in the place of the first.
    fn put(&mut self, name: String, property: SchemaId, required: bool) {
        match self.places.get(&name).and_then(|at| self.list.get_mut(*at)) {
            Some(known) => *known = (name, property, required),
            None => {
                self.places.insert(name.clone(), self.list.len());
                self.list.push((name, property, required));
            }
        }
    }
}
