//! DeriveField: fields whose values are expressions over the record, in CEL, the Common Expression
//! Language.
//!
//! | module | what it does |
//! |---|---|
//! | `text` | divides `name: TYPE = expression; …`, bounds what the parser gets |
//! | `bind` | parses, finds what an expression takes from the record, limits loops |
//! | `slot`, `record`, `convert`, `decimal` | looks parts of a record up when they are asked for |
//! | `types`, `signature`, `check` | types, so that most mistakes show before the first record |
//! | `functions` | what may be called |
//! | `program` | all expressions together |
//! | `output` | schemas of the derived fields |
//! | `explain`, `show` | messages |

use std::sync::Arc;

use gantry_model::config::{
    ConfigData, ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator,
};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{ConnectRecord, Error, Result, Struct, Value};

use crate::support::{
    SchemaCache, Side, gantry_sided, map_of, struct_of, struct_ref, struct_values, unique_map,
};
use output::{Plan, SharedPlan};
use program::{Fault, Place, Program};
use slot::Root;

mod bind;
mod check;
mod convert;
mod decimal;
mod explain;
mod functions;
mod output;
mod program;
mod record;
mod show;
mod signature;
mod slot;
#[cfg(test)]
mod tests;
mod text;
mod types;

const PURPOSE: &str = "field derivation";
const EXPRESSIONS: &str = "expressions";
const CONDITION: &str = "condition";
const ON_ERROR: &str = "on.error";

/// What becomes of a field, or a record, whose expression fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnError {
    Fail,
    Null,
    Skip,
}

impl OnError {
    fn parse(text: Option<&str>) -> Self {
        match text {
            Some("null") => Self::Null,
            Some("skip") => Self::Skip,
            _ => Self::Fail,
        }
    }
}

struct DeriveField {
    side: Side,
    program: Program,
    names: Vec<Value>,
    on_error: OnError,
    plans: SchemaCache<SharedPlan>,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    gantry_sided("DeriveField", |side| if side == Side::Key { of_key } else { of_value }, make)
}

fn of_key() -> ConfigDef {
    config(Root::Key)
}

fn of_value() -> ConfigDef {
    config(Root::Value)
}

fn config(own: Root) -> ConfigDef {
    let (high, medium) = (Importance::High, Importance::Medium);
    let expressions = "Fields to derive, as name = expression, divided by semicolons, in this order; name: TYPE \
                       = expression says their type. Expressions are CEL, with the variables value, key, topic, \
                       partition, offset, timestamp and headers.";
    let condition = "A CEL expression; a record for which it is false stays as it is.";
    let on_error = "What is done when an expression fails for a record. fail: the record fails. null: the field \
                    is null. skip: the record stays as it is.";
    ConfigDef::new()
        .define(
            ConfigKey::required(EXPRESSIONS, Type::String, high, expressions)
                .validator(validator(own, Program::define)),
        )
        .define(
            ConfigKey::nullable(CONDITION, Type::String, medium, condition)
                .validator(validator(own, Program::set_condition)),
        )
        .define(
            ConfigKey::new(ON_ERROR, Type::String, "fail", medium, on_error)
                .validator(Validator::one_of(&["fail", "null", "skip"])),
        )
}

/// Adds a key's text to a program.
type Add = fn(&mut Program, &str) -> std::result::Result<(), Fault>;

fn validator(own: Root, add: Add) -> Validator {
    Validator::custom(move |name, value| match value {
        ConfigData::String(text) => Program::new(own)
            .and_then(|mut program| add(&mut program, text))
            .map_err(|f| invalid(name, f)),
        _ => Ok(()),
    })
}

fn invalid(key: &str, Fault { part, why }: Fault) -> Error {
    Error::config(format!("Invalid value {part} for configuration {key}: {why}"))
}

fn make(config: &ParsedConfig, side: Side) -> Result<Box<dyn Transformation>> {
    let own = if side == Side::Key { Root::Key } else { Root::Value };
    let mut program = Program::new(own).map_err(|fault| invalid(EXPRESSIONS, fault))?;
    program
        .define(config.string(EXPRESSIONS).unwrap_or_default())
        .map_err(|fault| invalid(EXPRESSIONS, fault))?;
    if let Some(condition) = config.string(CONDITION) {
        program.set_condition(condition).map_err(|fault| invalid(CONDITION, fault))?;
    }
    Ok(Box::new(DeriveField {
        side,
        names: program.fields.iter().map(|field| Value::str(&field.name)).collect(),
        program,
        on_error: OnError::parse(config.string(ON_ERROR)),
        plans: SchemaCache::new(),
    }))
}

impl OnError {
    /// What stands for an expression that failed; `None`: the record stays as it is.
    fn instead(self, error: Error, place: Place) -> Result<Option<Value>> {
        match (self, place) {
            (Self::Fail, _) => Err(error),
            (Self::Null, Place::Field) => Ok(Some(Value::Null)),
            (Self::Null | Self::Skip, _) => Ok(None),
        }
    }
}

impl DeriveField {
    fn with_schema(&mut self, record: &mut ConnectRecord) -> Result<()> {
        let Self { side, program, on_error, plans, .. } = self;
        let mut plan: Option<SharedPlan> = None;
        let prepare = |record: &ConnectRecord| {
            let source = struct_ref(&side.datum(record).value, PURPOSE)?.schema();
            let is_optional = *on_error == OnError::Null;
            let made =
                plans.get(source, |source| Plan::new(source, program, is_optional).map(Arc::new));
            let own = match made {
                Ok(made) => plan.insert(Arc::clone(made)),
                // Its types are wrong for records of this schema.
                Err(_) if *on_error == OnError::Skip => return Ok(None),
                Err(error) => return Err(error),
            };
            let fields = Arc::clone(own);
            Ok(Some(move |place: usize, value: &Value| match fields.fields.get(place) {
                Some(schema) => schema.validate(value),
                None => Ok(()),
            }))
        };
        let derived =
            program.run(record, prepare, |error, place| on_error.instead(error, place))?;
        let (Some(derived), Some(plan)) = (derived, plan) else { return Ok(()) };
        let datum = side.datum_mut(record);
        let mut values = struct_values(struct_of(&mut datum.value, PURPOSE)?);
        values.reserve_exact(derived.len());
        for (place, value) in plan.places.iter().zip(derived) {
            match values.get_mut(*place) {
                Some(old) => *old = value,
                None => values.push(value),
            }
        }
        datum.value = Value::Struct(Arc::new(Struct::from_values(plan.schema.clone(), values)));
        datum.schema = Some(plan.schema.clone());
        Ok(())
    }

    fn schemaless(&self, record: &mut ConnectRecord) -> Result<()> {
        let prepare = |record: &ConnectRecord| {
            map_of(&self.side.datum(record).value, PURPOSE)?;
            Ok(Some(|_: usize, _: &Value| Ok(())))
        };
        let instead = |error, place| self.on_error.instead(error, place);
        let Some(derived) = self.program.run(record, prepare, instead)? else { return Ok(()) };
        let map = unique_map(&mut self.side.datum_mut(record).value, PURPOSE)?;
        map.reserve(derived.len());
        for (name, value) in self.names.iter().zip(derived) {
            map.insert(name.clone(), value);
        }
        Ok(())
    }
}

impl Transformation for DeriveField {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let datum = self.side.datum(record);
        if datum.value.is_null() {
            return Ok(Fate::Keep);
        }
        match datum.schema {
            Some(_) => self.with_schema(record)?,
            None => self.schemaless(record)?,
        }
        Ok(Fate::Keep)
    }
}
