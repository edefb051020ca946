//! Walks over all types of a schema, each named one once.

use std::collections::HashMap;

use gantry_schema_model::InvalidSchema;

use crate::model::{Definition, Kind, Type, TypeId, Types};
use crate::name;

/// Types that hold each other deeper are refused, so that no walk runs out of stack.
pub(crate) const MAX_LEVELS: usize = 250;

/// What a walk meets.
enum Step<'a> {
    Type(&'a Type),
    /// A name that a definition introduces: its own, that of a field, a symbol.
    Name(&'a str),
}

/// Meets all names in their order; gives the definitions in the order in which they were met.
fn walk<'a>(
    types: &'a Types,
    root: &'a Type,
    mut name: impl FnMut(&'a str) -> Result<(), InvalidSchema>,
) -> Result<Vec<TypeId>, InvalidSchema> {
    let mut seen = vec![false; types.iter().len()];
    let mut met = Vec::new();
    let mut steps = vec![Step::Type(root)];
    while let Some(step) = steps.pop() {
        match step {
            Step::Name(text) => name(text)?,
            Step::Type(Type::Primitive(..)) => {}
            Step::Type(Type::Array(part, _) | Type::Map(part, _)) => steps.push(Step::Type(part)),
            Step::Type(Type::Union(branches)) => {
                steps.extend(branches.iter().rev().map(Step::Type));
            }
            Step::Type(Type::Named(id)) => {
                let is_new = seen.get_mut(id.0).is_some_and(|seen| !std::mem::replace(seen, true));
                if !is_new {
                    continue;
                }
                met.push(*id);
                let definition = types.get(*id);
                name(definition.name.simple())?;
                match &definition.kind {
                    Kind::Record { fields, .. } => {
                        for field in fields.iter().rev() {
                            steps.extend([Step::Type(&field.schema), Step::Name(&field.name)]);
                        }
                    }
                    Kind::Enum { symbols, .. } => {
                        steps.extend(symbols.iter().rev().map(|symbol| Step::Name(symbol)));
                    }
                    Kind::Fixed { .. } => {}
                }
            }
        }
    }
    Ok(met)
}

/// Names in a schema that was registered before may be of any script.
pub(crate) fn check_names(types: &Types, root: &Type) -> Result<(), InvalidSchema> {
    walk(types, root, name::any_script).map(|_| ())
}

/// Without the definitions that `root` does not use; the others in the order in which it does.
pub(crate) fn reachable(types: Types, root: Type) -> (Types, Type) {
    let met = walk(&types, &root, |_| Ok(())).unwrap_or_default();
    let places: HashMap<TypeId, TypeId> =
        met.iter().enumerate().map(|(place, id)| (*id, TypeId(place))).collect();
    let mut all: Vec<Option<Definition>> = types.0.into_iter().map(Some).collect();
    let used = met.iter().filter_map(|id| all.get_mut(id.0).and_then(Option::take));
    let mut definitions: Vec<Definition> = used.collect();
    let mut root = root;
    renumber(&mut root, &places);
    for definition in &mut definitions {
        if let Kind::Record { fields, .. } = &mut definition.kind {
            fields.iter_mut().for_each(|field| renumber(&mut field.schema, &places));
        }
    }
    (Types(definitions), root)
}

/// Puts the new number in the place of each.
fn renumber(schema: &mut Type, places: &HashMap<TypeId, TypeId>) {
    match schema {
        Type::Primitive(..) => {}
        Type::Array(part, _) | Type::Map(part, _) => renumber(part, places),
        Type::Union(branches) => branches.iter_mut().for_each(|branch| renumber(branch, places)),
        Type::Named(id) => *id = places.get(id).copied().unwrap_or(*id),
    }
}
