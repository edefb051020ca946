//! Which schemas say the same: of those, a combination counts one.

use std::collections::HashMap;

use gantry_schema_model::Node;

use super::Part;
use crate::model::{Document, Kind, SchemaId};
use crate::text::sorted;

/// Numbers for schemas, the same for those that say the same.
#[derive(Debug, Default)]
pub(super) struct Classes {
    known: HashMap<Part, u32>,
    /// By what a schema says, with numbers in place of the schemas in it.
    numbers: HashMap<String, u32>,
}

impl Classes {
    pub(super) fn class(&mut self, document: &Document, part: Part) -> u32 {
        if let Some(class) = self.known.get(&part) {
            return *class;
        }
        let mut schema = document.get(part.id).clone();
        schema.extensions = sorted_entries(&schema.extensions);
        schema.default = schema.default.as_ref().map(sorted);
        let mut inner = |id: SchemaId| SchemaId(self.class(document, Part { side: part.side, id }));
        match &mut schema.kind {
            // References say where they lead; what is there plays no part.
            Kind::Reference(reference) => reference.schema = SchemaId(0),
            Kind::Enum(values) => {
                let mut texts: Vec<Node> = values.iter().map(sorted).collect();
                texts.sort_by_key(Node::to_string);
                texts.dedup();
                *values = texts;
            }
            Kind::Const(value) => *value = sorted(value),
            Kind::String(rules) if document.draft().is_modern() => rules.format = None,
            Kind::Object(rules) => {
                rules.properties.sort();
                rules.patterns.sort();
                rules.property_dependencies.sort();
                rules.schema_dependencies.sort();
            }
            _ => (),
        }
        each_inner(&mut schema.kind, &mut inner);
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let class = *self.numbers.entry(format!("{schema:?}")).or_insert(next);
        self.known.insert(part, class);
        class
    }
}

fn sorted_entries(entries: &[(String, Node)]) -> Vec<(String, Node)> {
    let mut entries: Vec<_> =
        entries.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    entries
}

/// Puts something in place of each schema in another.
fn each_inner(kind: &mut Kind, with: &mut impl FnMut(SchemaId) -> SchemaId) {
    let mut each = |id: &mut SchemaId| *id = with(*id);
    match kind {
        Kind::Object(rules) => {
            for (_, id) in rules
                .properties
                .iter_mut()
                .chain(&mut rules.patterns)
                .chain(&mut rules.schema_dependencies)
            {
                each(id);
            }
            let rest = [&mut rules.additional, &mut rules.names, &mut rules.unevaluated];
            rest.into_iter().flatten().for_each(each);
        }
        Kind::Array(rules) => {
            rules.tuple.iter_mut().flatten().for_each(&mut each);
            let rest = [
                &mut rules.items,
                &mut rules.additional,
                &mut rules.contains,
                &mut rules.unevaluated,
            ];
            rest.into_iter().flatten().for_each(each);
        }
        Kind::Not(id) => each(id),
        Kind::Combined(combined) => combined.schemas.iter_mut().for_each(each),
        Kind::Conditional(parts) => {
            let parts = [&mut parts.condition, &mut parts.then, &mut parts.otherwise];
            parts.into_iter().flatten().for_each(each);
        }
        _ => (),
    }
}
