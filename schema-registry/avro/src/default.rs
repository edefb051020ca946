//! Whether the default of a field is a value of its type.

use gantry_schema_model::Node;

use crate::model::{Field, Kind, Primitive, Type, Types};
use crate::parse::{Result, invalid};
use crate::resolve::{Progress, too_deep};
use crate::walk::MAX_LEVELS;
use crate::write;

/// Defaults of records within defaults can multiply: more steps than this are refused.
const MAX_STEPS: usize = 100_000;

/// Checks defaults.
pub(crate) struct Check<'a> {
    types: &'a Types,
    /// While types are put in their place.
    progress: Option<&'a Progress>,
    steps: usize,
}

impl<'a> Check<'a> {
    pub(crate) fn new(types: &'a Types, progress: Option<&'a Progress>) -> Self {
        Self { types, progress, steps: 0 }
    }

    /// Checks the default of a field, if it has one.
    pub(crate) fn field(&mut self, field: &Field) -> Result<()> {
        let Some(default) = &field.default else { return Ok(()) };
        if self.own_default_fits(field, 0)? {
            return Ok(());
        }
        let schema = write::in_progress(self.types, self.progress, &field.schema)?;
        let name = &field.name;
        Err(invalid(format!("Invalid default for field {name}: {default} not a {schema}")))
    }

    /// Whether a field has a default, and one that fits.
    fn own_default_fits(&mut self, field: &Field, depth: usize) -> Result<bool> {
        match (&field.schema, &field.default) {
            (_, None) => Ok(false),
            // A text is there only in place of a number that JSON does not have.
            (
                Type::Primitive(Primitive::Float | Primitive::Double, _),
                Some(Node::Number(_) | Node::Text(_)),
            ) => Ok(true),
            (schema, Some(default)) => self.fits(schema, default, depth),
        }
    }

    fn fits(&mut self, schema: &Type, value: &Node, depth: usize) -> Result<bool> {
        self.steps += 1;
        if self.steps > MAX_STEPS || depth > MAX_LEVELS {
            return Err(too_deep());
        }
        let depth = depth + 1;
        Ok(match (schema, value) {
            (Type::Primitive(primitive, _), value) => primitive_fits(*primitive, value),
            (Type::Array(items, _), Node::List(values)) => {
                self.all(values.iter().map(|value| (&**items, value)), depth)?
            }
            (Type::Map(items, _), Node::Map(pairs)) => {
                self.all(pairs.iter().map(|(_, value)| (&**items, value)), depth)?
            }
            (Type::Union(branches), value) => {
                for branch in branches {
                    if self.fits(branch, value, depth)? {
                        return Ok(true);
                    }
                }
                false
            }
            (Type::Named(id), value) => {
                let id = self.progress.map_or(*id, |progress| progress.target(*id));
                match (&self.types.get(id).kind, value) {
                    (Kind::Enum { .. } | Kind::Fixed { .. }, Node::Text(_)) => true,
                    (Kind::Record { fields, .. }, Node::Map(_)) => {
                        if self.progress.is_some_and(|progress| !progress.is_done(id)) {
                            return Err(invalid("Schema fields not set yet"));
                        }
                        self.fields_fit(fields, value, depth)?
                    }
                    _ => false,
                }
            }
            (Type::Array(..) | Type::Map(..), _) => false,
        })
    }

    fn all<'b>(
        &mut self,
        mut values: impl Iterator<Item = (&'b Type, &'b Node)>,
        depth: usize,
    ) -> Result<bool> {
        values.try_fold(true, |fits, (schema, value)| Ok(fits && self.fits(schema, value, depth)?))
    }

    fn fields_fit(&mut self, fields: &[Field], value: &Node, depth: usize) -> Result<bool> {
        for field in fields {
            let fits = match value.get(&field.name) {
                Some(value) => self.fits(&field.schema, value, depth)?,
                None => self.own_default_fits(field, depth)?,
            };
            if !fits {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn primitive_fits(primitive: Primitive, value: &Node) -> bool {
    match (primitive, value) {
        (Primitive::Null, Node::Null)
        | (Primitive::Boolean, Node::Bool(_))
        | (Primitive::Bytes | Primitive::String, Node::Text(_))
        | (Primitive::Float | Primitive::Double, Node::Number(_)) => true,
        (Primitive::Int, Node::Number(text)) => text.parse::<i32>().is_ok(),
        (Primitive::Long, Node::Number(text)) => text.parse::<i64>().is_ok(),
        _ => false,
    }
}
