//! Whether values of a Connect schema can stand in data of a registered schema that was not made
//! from it: a pinned one, or the latest of a subject.
//!
//! This looks at shapes: types, names of properties, what is required. What depends on single
//! values (limits, formats, enums, nulls) is for `json.fail.invalid.schema`, as in Confluent's
//! converter.

use gantry_model::{Error, Result};
use gantry_schema_json::Document;
use gantry_schema_json::model::{ArrayRules, Combined, Criterion, Kind, ObjectRules, SchemaId};

use super::config::Settings;
use super::fault::{Checked, Fault};
use super::plan::{Fields, Form, KEY, Plan, VALUE};

/// How many pairs of plans and schemas are looked at: unions within unions multiply.
const CHECKS_MAX: usize = 100_000;

/// Refuses a plan whose values a registered schema cannot hold.
pub(crate) fn check(plan: &Plan, document: &Document, settings: &Settings) -> Result<()> {
    let mut shape = Shape { document, settings, left: CHECKS_MAX, seen: Vec::new() };
    shape.fits(plan, document.root_id()).map_err(|fault| {
        Error::data("The registered schema cannot hold values of this Connect schema")
            .caused_by(fault.into_error())
    })
}

struct Shape<'d> {
    document: &'d Document,
    settings: &'d Settings,
    left: usize,
    /// The schemas that the value at hand is held against.
    seen: Vec<SchemaId>,
}

impl Shape<'_> {
    fn fits(&mut self, plan: &Plan, id: SchemaId) -> Checked<()> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(()) };
        self.left = left;
        if self.seen.contains(&id) {
            return Ok(());
        }
        self.seen.push(id);
        let fits = match &plan.form {
            Form::Variant => Ok(()),
            Form::Union(fields) => self.branches(fields, id),
            _ => self.kind(plan, id),
        };
        self.seen.pop();
        fits
    }

    /// A part of the value, which is held against other schemas.
    fn part(&mut self, plan: &Plan, id: SchemaId) -> Checked<()> {
        let seen = std::mem::take(&mut self.seen);
        let fits = self.fits(plan, id);
        self.seen = seen;
        fits
    }

    fn branches(&mut self, fields: &Fields, id: SchemaId) -> Checked<()> {
        for field in &fields.list {
            self.part(&field.plan, id).map_err(|f| f.in_field(&field.name))?;
        }
        Ok(())
    }

    fn kind(&mut self, plan: &Plan, id: SchemaId) -> Checked<()> {
        let schema = self.document.get(id);
        let fits = match &schema.kind {
            Kind::Reference(reference) => return self.fits(plan, reference.schema),
            Kind::Combined(combined) => return self.combined(plan, combined),
            Kind::False => return Err(Fault::data("the registered schema admits nothing here")),
            Kind::Null => false,
            Kind::Boolean => matches!(plan.form, Form::Boolean),
            Kind::String(rules) => !rules.only || self.is_text(plan),
            Kind::Number(rules) => !rules.only || self.is_number(plan, rules.integer),
            Kind::Object(rules) => match &plan.form {
                Form::Struct(fields) => return self.structure(fields, rules),
                Form::Object(values) => return self.map(values, rules),
                _ => !rules.only,
            },
            Kind::Array(rules) => match &plan.form {
                Form::Array(element) => match rules.items {
                    Some(items) => {
                        return self.part(element, items).map_err(|f| f.in_field("[]"));
                    }
                    None => true,
                },
                Form::Entries(entry) => return self.entries(entry, rules),
                _ => !rules.only,
            },
            Kind::Empty
            | Kind::True
            | Kind::Enum(_)
            | Kind::Const(_)
            | Kind::Not(_)
            | Kind::Conditional(_) => true,
        };
        if fits { Ok(()) } else { Err(self.misfit(plan, &schema.kind)) }
    }

    fn is_text(&self, plan: &Plan) -> bool {
        match plan.form {
            Form::String | Form::Bytes => true,
            Form::Decimal => !self.settings.numeric_decimals,
            _ => false,
        }
    }

    fn is_number(&self, plan: &Plan, integer: bool) -> bool {
        match plan.form {
            Form::Int8 | Form::Int16 | Form::Int32 | Form::Int64 => true,
            Form::Date | Form::Time | Form::Timestamp => true,
            Form::Float32 | Form::Float64 => !integer,
            Form::Decimal => !integer && self.settings.numeric_decimals,
            _ => false,
        }
    }

    fn misfit(&self, plan: &Plan, kind: &Kind) -> Fault {
        let registered = match kind {
            Kind::Null => "null",
            Kind::Boolean => "a boolean",
            Kind::String(_) => "a text",
            Kind::Number(rules) if rules.integer => "a whole number",
            Kind::Number(_) => "a number",
            Kind::Array(_) => "an array",
            _ => "an object",
        };
        let written = match plan.form {
            Form::Boolean => "a boolean",
            Form::String => "a text",
            Form::Bytes => "a text of base64",
            Form::Decimal if self.settings.numeric_decimals => "a number",
            Form::Decimal => "a text of base64 (see decimal.format)",
            Form::Float32 | Form::Float64 => "a number with a fraction",
            Form::Array(_) => "an array",
            Form::Entries(_) => "an array of entries",
            Form::Object(_) | Form::Struct(_) => "an object",
            _ => "a whole number",
        };
        Fault::data(format!(
            "{} is written as {written}, but the registered schema has {registered} here",
            plan.schema.kind().type_name()
        ))
    }

    fn combined(&mut self, plan: &Plan, combined: &Combined) -> Checked<()> {
        if combined.criterion == Criterion::All {
            return combined.schemas.iter().try_for_each(|part| self.fits(plan, *part));
        }
        let mut first = None;
        for part in &combined.schemas {
            match self.fits(plan, *part) {
                Ok(()) => return Ok(()),
                Err(fault) => {
                    // Null is the least telling of the branches.
                    let is_null = matches!(self.document.get(*part).kind, Kind::Null);
                    first = if is_null { first } else { first.or(Some(fault)) };
                }
            }
        }
        match first {
            Some(fault) => Err(fault),
            None => Err(Fault::data("the registered schema admits null alone here")),
        }
    }

    fn structure(&mut self, fields: &Fields, rules: &ObjectRules) -> Checked<()> {
        for (at, field) in fields.list.iter().enumerate() {
            if fields.extras == Some(at) {
                continue;
            }
            match (rules.property(&field.name), rules.additional) {
                (Some(property), _) => self.part(&field.plan, property),
                // Patterns may admit it.
                _ if !rules.patterns.is_empty() => Ok(()),
                (None, Some(additional)) => self.part(&field.plan, additional),
                (None, None) if !rules.admits_additional => Err(Fault::data(
                    "the registered schema has no such property, and admits no others",
                )),
                (None, None) => Ok(()),
            }
            .map_err(|f| f.in_field(&field.name))?;
        }
        for name in &rules.required {
            if fields.extras.is_none() && !fields.list.iter().any(|field| *field.name == **name) {
                return Err(Fault::data(format!(
                    "the registered schema requires the property '{name}', which the struct has \
                     not"
                )));
            }
        }
        Ok(())
    }

    fn map(&mut self, values: &Plan, rules: &ObjectRules) -> Checked<()> {
        match rules.additional {
            Some(additional) => self.part(values, additional).map_err(|f| f.in_field("*")),
            None => Ok(()),
        }
    }

    fn entries(&mut self, entry: &[Plan; 2], rules: &ArrayRules) -> Checked<()> {
        let items = rules.items.and_then(|items| self.document.resolved(items));
        let Some(Kind::Object(rules)) = items.map(|schema| &schema.kind) else {
            return match items.map(|schema| &schema.kind) {
                Some(Kind::Boolean | Kind::Null | Kind::False) => {
                    Err(Fault::data("the registered schema has no entries of a map here"))
                }
                _ => Ok(()),
            };
        };
        for (name, plan) in [KEY, VALUE].into_iter().zip(entry) {
            if let Some(property) = rules.property(name) {
                self.part(plan, property).map_err(|f| f.in_field(name))?;
            }
        }
        Ok(())
    }
}
