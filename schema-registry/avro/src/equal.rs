//! Whether two definitions of one name mean the same. Documentation, aliases and the defaults of
//! enums do not count.

use std::collections::{HashMap, HashSet};

use gantry_schema_model::Node;

use crate::model::{Attributes, Kind, Properties, Type, TypeId, Types};
use crate::walk::MAX_LEVELS;

/// Whether both mean the same.
pub(crate) fn definitions(types: &Types, a: TypeId, b: TypeId) -> bool {
    Comparison { types, seen: HashSet::new() }.definitions(a, b, 0)
}

struct Comparison<'a> {
    types: &'a Types,
    /// Pairs of records that are the same if nothing else differs.
    seen: HashSet<(TypeId, TypeId)>,
}

impl Comparison<'_> {
    fn definitions(&mut self, a: TypeId, b: TypeId, depth: usize) -> bool {
        if a == b {
            return true;
        }
        let (left, right) = (self.types.get(a), self.types.get(b));
        if left.name != right.name || !same_attributes(&left.attributes, &right.attributes) {
            return false;
        }
        match (&left.kind, &right.kind) {
            (Kind::Enum { symbols: a, .. }, Kind::Enum { symbols: b, .. }) => a == b,
            (Kind::Fixed { size: a }, Kind::Fixed { size: b }) => a == b,
            (Kind::Record { fields: ours, .. }, Kind::Record { fields: theirs, .. }) => {
                if !self.seen.insert((a, b)) {
                    return true;
                }
                ours.len() == theirs.len()
                    && ours.iter().zip(theirs).all(|(a, b)| {
                        a.name == b.name
                            && self.types(&a.schema, &b.schema, depth + 1)
                            && same_defaults(a.default.as_ref(), b.default.as_ref())
                            && a.order == b.order
                            && same_properties(&a.properties, &b.properties)
                    })
            }
            _ => false,
        }
    }

    fn types(&mut self, a: &Type, b: &Type, depth: usize) -> bool {
        if depth > MAX_LEVELS {
            return false;
        }
        match (a, b) {
            (Type::Primitive(a, ours), Type::Primitive(b, theirs)) => {
                a == b && same_attributes(ours, theirs)
            }
            (Type::Array(a, ours), Type::Array(b, theirs))
            | (Type::Map(a, ours), Type::Map(b, theirs)) => {
                self.types(a, b, depth + 1) && same_attributes(ours, theirs)
            }
            (Type::Union(a), Type::Union(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.types(a, b, depth + 1))
            }
            (Type::Named(a), Type::Named(b)) => self.definitions(*a, *b, depth),
            _ => false,
        }
    }
}

fn same_attributes(a: &Attributes, b: &Attributes) -> bool {
    same_properties(&a.properties, &b.properties)
}

fn same_properties(a: &Properties, b: &Properties) -> bool {
    same_pairs(&a.0, &b.0)
}

fn same_defaults(a: Option<&Node>, b: Option<&Node>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same_nodes(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// The order of the keys of an object does not count.
fn same_nodes(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (Node::List(a), Node::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_nodes(a, b))
        }
        (Node::Map(a), Node::Map(b)) => same_pairs(a, b),
        (a, b) => a == b,
    }
}

fn same_pairs(a: &[(String, Node)], b: &[(String, Node)]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let theirs: HashMap<&str, &Node> = b.iter().map(|(name, node)| (name.as_str(), node)).collect();
    a.iter().all(|(name, node)| theirs.get(name.as_str()).is_some_and(|b| same_nodes(node, b)))
}
