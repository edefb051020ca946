//! Puts types in the place of names that stood before their definition.
//!
//! Defaults are checked once more with the types that are known then. The walk is that of the
//! Java library, since its order decides which error is seen: a record has no fields yet while
//! the types of its fields are visited.

use std::collections::{HashMap, HashSet};

use gantry_schema_model::{InvalidSchema, Node};

use crate::default::Check;
use crate::logical::{self, Logical};
use crate::model::{Attributes, Definition, Kind, Properties, Type, TypeId, Types};
use crate::parse::{Parser, Result, check_branch, invalid};
use crate::walk::MAX_LEVELS;

/// How far types are in their place.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Names that stood before their definition.
    pub(crate) unresolved: HashMap<TypeId, String>,
    /// What they stand for, as far as it was found.
    targets: HashMap<TypeId, TypeId>,
    begun: HashSet<TypeId>,
    done: HashSet<TypeId>,
}

impl Progress {
    /// What a type stands for.
    pub(crate) fn target(&self, id: TypeId) -> TypeId {
        self.targets.get(&id).copied().unwrap_or(id)
    }
    /// Whether a record has its fields.
    pub(crate) fn is_done(&self, id: TypeId) -> bool {
        self.done.contains(&id)
    }
}

/// What is to be done on a walk, in the order of a stack.
enum Step<'a> {
    Enter(&'a Type),
    /// Of an array or a map: its part, and what is beside it.
    LeavePart(&'a Type, &'a Attributes),
    LeaveRecord(TypeId),
    LeaveUnion(&'a [Type]),
}

struct Walk<'a> {
    types: &'a Types,
    names: &'a HashMap<String, TypeId>,
    progress: &'a mut Progress,
    checks_defaults: bool,
    /// How many walks are within each other.
    depth: usize,
}

impl Parser {
    /// Puts everything in its place that the text defines whose type is `root`, and gives the
    /// type in the place of `root`.
    pub(crate) fn resolve(&mut self, root: Type) -> Result<Type> {
        let added = std::mem::take(&mut self.added);
        let checks_defaults = self.checks_defaults();
        let mut walk = Walk {
            types: &self.types,
            names: &self.names,
            progress: &mut self.progress,
            checks_defaults,
            depth: 0,
        };
        for id in added {
            walk.visit(&Type::Named(id))?;
        }
        let mut root = match root {
            Type::Named(id) => {
                let name = self.types.get(id).name.full();
                match self.names.get(name) {
                    Some(known) => Type::Named(*known),
                    None => return Err(invalid(format!("Unknown schema: {name}"))),
                }
            }
            other => {
                walk.visit(&other)?;
                other
            }
        };
        self.progress.put_in_place(&mut root);
        for definition in self.types.0.iter_mut().skip(self.placed) {
            if let Kind::Record { fields, .. } = &mut definition.kind {
                fields.iter_mut().for_each(|field| self.progress.put_in_place(&mut field.schema));
                logical_first(&mut definition.attributes);
            }
        }
        self.placed = self.types.0.len();
        Ok(root)
    }
}

impl Progress {
    fn put_in_place(&self, schema: &mut Type) {
        match schema {
            Type::Primitive(..) => {}
            Type::Array(part, attributes) | Type::Map(part, attributes) => {
                self.put_in_place(part);
                logical_first(attributes);
            }
            Type::Union(branches) => {
                branches.iter_mut().for_each(|branch| self.put_in_place(branch));
            }
            Type::Named(id) => *id = self.target(*id),
        }
    }
}

/// When the Java library puts a type with parts in its place, the logical type comes before the
/// other properties.
fn logical_first(attributes: &mut Attributes) {
    let Attributes { logical, properties: Properties(pairs) } = attributes;
    if logical.is_some()
        && let Some(place) = pairs.iter().position(|(name, _)| name == logical::PROPERTY)
        && let Some(begin) = pairs.get_mut(..=place)
    {
        begin.rotate_right(1);
    }
}

/// When the Java library puts a type with parts in its place, it fails on numbers of more than 64
/// bits.
fn check_properties(attributes: &Attributes) -> Result<()> {
    let mut properties = attributes.properties.iter();
    match properties.find(|(_, value)| has_big_integer(value)) {
        None => Ok(()),
        Some((name, Node::Number(_))) => {
            Err(invalid(format!("Can't set a property to null: {name}")))
        }
        Some(_) => Err(invalid("Cannot invoke \"Object.getClass()\" because \"datum\" is null")),
    }
}

fn has_big_integer(value: &Node) -> bool {
    match value {
        Node::Number(text) => !text.contains(['.', 'E']) && text.parse::<i64>().is_err(),
        Node::List(values) => values.iter().any(has_big_integer),
        Node::Map(pairs) => pairs.iter().any(|(_, value)| has_big_integer(value)),
        Node::Null | Node::Bool(_) | Node::Text(_) => false,
    }
}

impl<'a> Walk<'a> {
    /// A name that is not defined yet leads to a walk of its own, which may meet records again
    /// that are still without fields.
    fn visit(&mut self, start: &Type) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_LEVELS {
            return Err(too_deep());
        }
        let types = self.types;
        let mut visited: HashSet<TypeId> = HashSet::new();
        let mut steps = vec![Step::Enter(start)];
        while let Some(step) = steps.pop() {
            match step {
                Step::Enter(Type::Primitive(..)) => {}
                Step::Enter(Type::Array(part, attributes) | Type::Map(part, attributes)) => {
                    steps.push(Step::LeavePart(part, attributes));
                    steps.push(Step::Enter(part));
                }
                Step::Enter(Type::Union(branches)) => {
                    steps.push(Step::LeaveUnion(branches));
                    steps.extend(branches.iter().map(Step::Enter));
                }
                Step::Enter(Type::Named(id)) => {
                    let Kind::Record { fields, .. } = &types.get(*id).kind else { continue };
                    // What earlier texts defined is in its place, and so is all within it.
                    if self.progress.is_done(*id) || !visited.insert(*id) {
                        continue;
                    }
                    self.begin(*id)?;
                    steps.push(Step::LeaveRecord(*id));
                    steps.extend(fields.iter().rev().map(|field| Step::Enter(&field.schema)));
                }
                Step::LeavePart(part, attributes) => self.leave_part(part, attributes)?,
                Step::LeaveRecord(id) => self.leave(id)?,
                Step::LeaveUnion(branches) => {
                    let mut known = HashSet::new();
                    for branch in branches {
                        check_branch(
                            &mut known,
                            match branch {
                                Type::Named(id) => types.get(self.progress.target(*id)).name.full(),
                                other => types.kind_of(other),
                            },
                        )?;
                    }
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn begin(&mut self, id: TypeId) -> Result<()> {
        let Some(name) = self.progress.unresolved.get(&id) else {
            self.progress.begun.insert(id);
            return Ok(());
        };
        if self.progress.targets.contains_key(&id) {
            return Ok(());
        }
        let Some(target) = self.names.get(name).copied() else {
            return Err(invalid(format!("Undefined schema: {name}")));
        };
        if !self.progress.begun.contains(&target) {
            self.visit(&Type::Named(target))?;
        }
        self.progress.targets.insert(id, target);
        Ok(())
    }

    fn leave_part(&self, part: &Type, attributes: &Attributes) -> Result<()> {
        // The fields of the entries of such a map are looked at once more.
        if let (Some(Logical::Map), Type::Named(id)) = (attributes.logical, part)
            && !self.progress.is_done(self.progress.target(*id))
        {
            return Err(invalid("Schema fields not set yet"));
        }
        check_properties(attributes)
    }

    fn leave(&mut self, id: TypeId) -> Result<()> {
        if self.progress.is_done(id) {
            return Ok(());
        }
        let Definition { kind, attributes, .. } = self.types.get(id);
        if self.checks_defaults
            && let Kind::Record { fields, .. } = kind
        {
            for field in fields {
                Check::new(self.types, Some(self.progress)).field(field)?;
            }
        }
        check_properties(attributes)?;
        self.progress.done.insert(id);
        Ok(())
    }
}

/// A schema for which a walk would need too much stack or time.
pub(crate) fn too_deep() -> InvalidSchema {
    invalid("Schema is nested too deep")
}
