//! All expressions of one transformation: read, checked, and evaluated for a record.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use cel::common::types::CelBool;
use cel::common::value::{CowVal, Val};
use cel::{Context, Env};
use gantry_model::{ConnectRecord, Datum, Error, Result, Schema, Str, Value};

use super::bind::{Bound, bind};
use super::check::check;
use super::convert::{Declared, from_cel};
use super::explain::explain;
use super::functions::environment;
use super::output;
use super::record::Values;
use super::show::cut;
use super::slot::{Root, Table};
use super::text::{Definition, definitions};
use super::types::{Known, Type};

/// Most fields of one transformation.
const FIELDS_MAX: usize = 64;

/// A field and the expression that gives it.
pub(super) struct Field {
    pub(super) name: Str,
    pub(super) declared: Option<Declared>,
    text: String,
    bound: Bound,
}

/// A condition on records.
pub(super) struct Condition {
    text: String,
    bound: Bound,
}

/// What a transformation evaluates.
pub(super) struct Program {
    environment: Arc<Env>,
    table: Table,
    pub(super) fields: Vec<Field>,
    condition: Option<Condition>,
}

/// Where an expression failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Condition,
    Field,
}

/// What is wrong in a configuration: a part of it, and why.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) part: String,
    pub(super) why: String,
}

fn fault(part: &str, why: impl Into<String>) -> Fault {
    Fault { part: part.to_owned(), why: why.into() }
}

impl Program {
    /// Nothing yet, for fields of `own`.
    pub(super) fn new(own: Root) -> std::result::Result<Self, Fault> {
        let environment = environment().map_err(|why| fault("", why))?;
        Ok(Self { environment, table: Table::new(own), fields: Vec::new(), condition: None })
    }

    /// Adds all definitions of a text.
    pub(super) fn define(&mut self, text: &str) -> std::result::Result<(), Fault> {
        let all = definitions(text).map_err(|why| fault(&cut(text), why))?;
        if all.is_empty() {
            return Err(fault(&cut(text), "it defines no field: write name = expression"));
        }
        if all.len() > FIELDS_MAX {
            let why = format!("it defines {} fields, and {FIELDS_MAX} are the most", all.len());
            return Err(fault("", why));
        }
        let mut known = Vec::with_capacity(all.len());
        for definition in &all {
            let field = self.field(definition, &mut known);
            let why = |why: String| {
                fault(&cut(definition.expression), format!("field {}: {why}", definition.name))
            };
            self.fields.push(field.map_err(why)?);
        }
        Ok(())
    }

    fn field(
        &mut self,
        definition: &Definition<'_>,
        known: &mut Vec<Known>,
    ) -> std::result::Result<Field, String> {
        let declared = definition.declared.map(Declared::parse).transpose()?;
        let names: Vec<&str> = self.fields.iter().map(|field| &*field.name).collect();
        if names.contains(&definition.name) {
            return Err("it is defined twice".to_owned());
        }
        let bound = bind(definition.expression, &names, &mut self.table)?;
        let own = check(&bound.expr, &self.table, &self.table.types(None, known))?;
        if own.of == Type::Null && declared.is_none() {
            return Err(
                "it is always null: say of which type, as in name: STRING = null".to_owned()
            );
        }
        known.push(output::known(own, declared)?);
        self.constant(&bound)?;
        let name: Str = definition.name.into();
        Ok(Field { name, declared, text: definition.expression.to_owned(), bound })
    }

    /// Sets the condition on records.
    pub(super) fn set_condition(&mut self, text: &str) -> std::result::Result<(), Fault> {
        let why = |why: String| fault(&cut(text), why);
        let bound = bind(text, &[], &mut self.table).map_err(why)?;
        let known = check(&bound.expr, &self.table, &self.table.types(None, &[])).map_err(why)?;
        if !known.of.can_be(&Type::Bool) {
            return Err(why(format!(
                "a condition is bool, and this is {}: compare it with something",
                known.of
            )));
        }
        self.constant(&bound).map_err(why)?;
        self.condition = Some(Condition { text: text.trim().to_owned(), bound });
        Ok(())
    }

    /// Evaluates what no record changes: its errors are known now.
    fn constant(&self, bound: &Bound) -> std::result::Result<(), String> {
        if !bound.is_constant {
            return Ok(());
        }
        let record = ConnectRecord::new("".into(), Datum::NULL);
        self.with_context(&record, &[], |context, values| {
            evaluate(bound, context, values, |_| Ok(()))
        })
    }

    /// The types of all fields in records of this schema.
    pub(super) fn types(&self, schema: &Schema) -> Result<Vec<Known>> {
        let mut known = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let slots = self.table.types(Some(schema), &known);
            let own = check(&field.bound.expr, &self.table, &slots)
                .and_then(|own| output::known(own, field.declared));
            known.push(own.map_err(|why| field.failure(&why))?);
        }
        Ok(known)
    }

    fn with_context<T>(
        &self,
        record: &ConnectRecord,
        derived: &[OnceLock<Datum>],
        work: impl FnOnce(&Context<'_, '_>, &Values<'_>) -> T,
    ) -> T {
        let values = Values::new(&self.table, record, derived);
        let mut context = Context::with_env(Arc::clone(&self.environment));
        context.set_variable_resolver(&values);
        work(&context, &values)
    }

    /// The values of all fields for a record; `None`: the record stays as it is. `prepare` is
    /// asked once the condition holds, and gives what checks a field's value by its place. What
    /// fails is handed to `on_error`, which gives a value in its place, or `None` to leave the
    /// record as it is.
    pub(super) fn run<F: Fn(usize, &Value) -> Result<()>>(
        &self,
        record: &ConnectRecord,
        prepare: impl FnOnce(&ConnectRecord) -> Result<Option<F>>,
        on_error: impl Fn(Error, Place) -> Result<Option<Value>>,
    ) -> Result<Option<Vec<Value>>> {
        let derived: Vec<OnceLock<Datum>> =
            std::iter::repeat_with(OnceLock::new).take(self.fields.len()).collect();
        let done = self.with_context(record, &derived, |context, values| -> Result<bool> {
            match self.condition.as_ref().map(|condition| condition.holds(context, values)) {
                None | Some(Ok(true)) => {}
                Some(Ok(false)) => return Ok(false),
                Some(Err(error)) => {
                    return on_error(error, Place::Condition).map(|_| false);
                }
            }
            let Some(fits) = prepare(record)? else { return Ok(false) };
            for (place, (field, slot)) in self.fields.iter().zip(&derived).enumerate() {
                let value = field.value(context, values).and_then(|value| {
                    fits(place, &value).map_err(|error| field.failure(error.message()))?;
                    Ok(value)
                });
                let value = match value {
                    Ok(value) => value,
                    Err(error) => match on_error(error, Place::Field)? {
                        Some(value) => value,
                        None => return Ok(false),
                    },
                };
                // Each is set once.
                let _ = slot.set(Datum::schemaless(value));
            }
            Ok(true)
        })?;
        let value = |slot: OnceLock<Datum>| slot.into_inner().unwrap_or_default().value;
        Ok(done.then(|| derived.into_iter().map(value).collect()))
    }
}

impl Condition {
    fn holds(&self, context: &Context<'_, '_>, values: &Values<'_>) -> Result<bool> {
        let holds = evaluate(&self.bound, context, values, |value| {
            let flag = value.downcast_ref::<CelBool>().map(|flag| *flag.inner());
            flag.ok_or_else(|| {
                format!("a condition is bool, and this is {}", value.get_type().name())
            })
        });
        holds.map_err(|why| {
            Error::data(format!("Cannot decide the condition `{}`: {why}", self.text))
        })
    }
}

impl Field {
    fn value(&self, context: &Context<'_, '_>, values: &Values<'_>) -> Result<Value> {
        evaluate(&self.bound, context, values, |value| from_cel(value, self.declared))
            .map_err(|why| self.failure(&why))
    }

    pub(super) fn failure(&self, why: &str) -> Error {
        Error::data(format!("Cannot derive field {} by `{}`: {why}", self.name, self.text))
    }
}

fn evaluate<T>(
    bound: &Bound,
    context: &Context<'_, '_>,
    values: &Values<'_>,
    take: impl FnOnce(&dyn Val) -> std::result::Result<T, String>,
) -> std::result::Result<T, String> {
    // The interpreter is another's: a panic of it is this record's error, not the task's end.
    let result = catch_unwind(AssertUnwindSafe(|| {
        let value: std::result::Result<CowVal<'_, '_>, _> =
            cel::Value::resolve_val(&bound.expr, context);
        if values.is_exhausted() {
            return Err("its loops go through too much for one record".to_owned());
        }
        match value {
            Ok(value) => take(value.as_ref()),
            Err(error) => Err(explain(&error, values)),
        }
    }));
    result.unwrap_or_else(|_| Err("it cannot be evaluated".to_owned()))
}
