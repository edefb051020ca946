//! A schema becomes a generator.

use std::collections::HashMap;
use std::sync::Arc;

use gantry_api::{Kind as ConnectKind, Schema, Value};
use serde_json::Value as Json;

use super::arguments::{
    ARGUMENTS, Arguments, ITERATION, KEYS, LENGTH, OPTIONS, PREFIX, RANGE, REGEX, SUFFIX,
};
use super::regex::Pattern;
use super::{Gen, Length, Middle, Range, Texts, options};
use crate::datagen::confluent::avro::{Avro, Field, Kind};
use crate::datagen::confluent::connect::{Branches, branch_name, branches};
use crate::datagen::confluent::literal::{Form, class};

type Result<T> = std::result::Result<T, String>;

/// Keys of maps where nothing is said of them.
const KEY_LENGTH: Length = Length { min: 1, max: 2 };
/// A decimal of more digits does not fit into the number that it is made of.
const DIGITS_MAX: i64 = 38;

/// Makes the values of a schema.
#[derive(Debug)]
pub(in super::super) struct Compiled {
    root: Gen,
    /// How many places count.
    pub(in super::super) counters: usize,
    /// What in the schema has no effect.
    pub(in super::super) warnings: Vec<String>,
}

impl Compiled {
    /// The next value.
    pub(in super::super) fn value(&self, state: &mut super::State) -> gantry_api::Result<Value> {
        self.root.value(state)
    }
}

/// The generator of a type, whose values are of that Connect schema. The error is a reason.
pub(in super::super) fn compile(avro: &Arc<Avro>, schema: &Schema) -> Result<Compiled> {
    let mut compiler =
        Compiler { counters: HashMap::new(), kept: Vec::new(), warnings: Vec::new() };
    let root = compiler.any(avro, schema)?;
    let Compiler { counters, mut warnings, .. } = compiler;
    warnings.sort();
    warnings.dedup();
    Ok(Compiled { root, counters: counters.len(), warnings })
}

struct Compiler {
    /// By the address of the type: one that is used in several places counts for all of them.
    counters: HashMap<*const Avro, usize>,
    /// Types that are no part of the schema: their addresses must not be used again.
    kept: Vec<Arc<Avro>>,
    warnings: Vec<String>,
}

impl Compiler {
    fn counter(&mut self, avro: &Arc<Avro>) -> usize {
        let next = self.counters.len();
        *self.counters.entry(Arc::as_ptr(avro)).or_insert(next)
    }

    fn any(&mut self, avro: &Arc<Avro>, schema: &Schema) -> Result<Gen> {
        let arguments = Arguments::of(avro)?;
        let made = if let Some(given) = arguments.get(OPTIONS) {
            arguments.exclude(OPTIONS, &[LENGTH, REGEX, ITERATION, RANGE])?;
            Gen::Options(options::all(avro, schema, given)?)
        } else if let Some(given) = arguments.get(ITERATION) {
            arguments.exclude(ITERATION, &[LENGTH, REGEX, OPTIONS, RANGE])?;
            self.iteration(avro, schema, &arguments, given)?
        } else {
            self.plain(avro, schema, &arguments)?
        };
        for key in arguments.unused() {
            self.warnings.push(format!("{key} in {ARGUMENTS} of {} has no effect", avro.name()));
        }
        Ok(made)
    }

    fn iteration(
        &mut self,
        avro: &Arc<Avro>,
        schema: &Schema,
        arguments: &Arguments<'_>,
        given: &Json,
    ) -> Result<Gen> {
        let counter = self.counter(avro);
        let ints = (i64::from(i32::MIN), i64::from(i32::MAX));
        Ok(match avro.kind {
            Kind::Boolean => Gen::Flags { counter, start: arguments.flags(given)? },
            Kind::Int => {
                let iteration = arguments.whole_iteration(given, ints)?;
                Gen::Ints { form: Form::of(schema)?, counter, iteration }
            }
            Kind::Long => {
                let iteration = arguments.whole_iteration(given, (i64::MIN, i64::MAX))?;
                Gen::Longs { form: Form::of(schema)?, counter, iteration }
            }
            Kind::Float => Gen::Floats { counter, iteration: arguments.real_iteration(given)? },
            Kind::Double => Gen::Doubles { counter, iteration: arguments.real_iteration(given)? },
            Kind::String => {
                let iteration = arguments.whole_iteration(given, ints)?;
                Gen::Text(around(arguments, Middle::Numbers { counter, iteration })?)
            }
            _ => {
                return Err(format!(
                    "{ITERATION} property can only be specified on numeric, boolean or string \
                     schemas, not {} schema",
                    avro.kind_name()
                ));
            }
        })
    }

    fn plain(
        &mut self,
        avro: &Arc<Avro>,
        schema: &Schema,
        arguments: &Arguments<'_>,
    ) -> Result<Gen> {
        Ok(match &avro.kind {
            Kind::Null => Gen::Null,
            Kind::Boolean => Gen::Boolean { odds: arguments.odds()? },
            Kind::Int => {
                let range = arguments.whole_range("int", (i32::MIN, i32::MAX))?;
                Gen::Int { form: Form::of(schema)?, range }
            }
            Kind::Long => {
                let range = arguments.whole_range("long", (i64::MIN, i64::MAX))?;
                Gen::Long { form: Form::of(schema)?, range }
            }
            Kind::Float => {
                let range = arguments.real_range((f32::MIN.into(), f32::MAX.into()))?;
                Gen::Float(range.map(|r| Range { min: r.min as f32, max: r.max as f32 }))
            }
            Kind::Double => Gen::Double(arguments.real_range((f64::MIN, f64::MAX))?),
            Kind::String => Gen::Text(texts(arguments)?),
            Kind::Bytes => match decimal(avro, schema)? {
                Some(decimal) => decimal,
                None => Gen::Bytes { form: Form::of(schema)?, length: arguments.length()? },
            },
            Kind::Fixed(_, size) => match decimal(avro, schema)? {
                Some(decimal) => decimal,
                None => Gen::Fixed { form: Form::of(schema)?, size: *size },
            },
            Kind::Enum(_, symbols) => {
                Gen::Options(symbols.list.iter().map(|symbol| Value::str(symbol)).collect())
            }
            Kind::Array(items) => {
                let ConnectKind::Array(element) = schema.kind() else { return Err(unfit(avro)) };
                let items = Box::new(self.any(items, element)?);
                Gen::Array { items, length: arguments.length()? }
            }
            Kind::Map(values) => {
                let ConnectKind::Map { value, .. } = schema.kind() else { return Err(unfit(avro)) };
                let keys = Box::new(self.keys(arguments)?);
                let values = Box::new(self.any(values, value)?);
                Gen::Map { keys, values, length: arguments.length()? }
            }
            Kind::Union(all) => self.union(all, schema)?,
            Kind::Record(_, fields) => self.record(avro, fields, schema)?,
        })
    }

    /// The keys of a map.
    fn keys(&mut self, arguments: &Arguments<'_>) -> Result<Gen> {
        let keys = match arguments.get(KEYS) {
            None => {
                let middle = Middle::Any(KEY_LENGTH);
                let (prefix, suffix) = Default::default();
                return Ok(Gen::Text(Texts { prefix, middle, suffix }));
            }
            Some(Json::Object(keys)) => keys,
            Some(other) => {
                return Err(format!("{KEYS} prop must be an object, was {} instead", class(other)));
            }
        };
        let properties = [(ARGUMENTS.to_owned(), Json::Object(keys.clone()))];
        let avro =
            Arc::new(Avro { kind: Kind::String, properties: properties.into_iter().collect() });
        let made = self.any(&avro, &Schema::string())?;
        self.kept.push(avro);
        Ok(made)
    }

    fn union(&mut self, all: &[Arc<Avro>], schema: &Schema) -> Result<Gen> {
        let several = matches!(branches(all), Branches::Several);
        let branch = |branch: &Arc<Avro>| {
            if branch.is_null() {
                return Ok(Gen::Null);
            }
            if !several {
                return self.any(branch, schema);
            }
            let field = schema.field(branch_name(branch)).ok_or_else(|| unfit(branch))?;
            let of = Box::new(self.any(branch, &field.schema)?);
            Ok(Gen::Branch { schema: Schema::clone(schema), field: field.index, of })
        };
        Ok(Gen::Union(all.iter().map(branch).collect::<Result<_>>()?))
    }

    fn record(&mut self, avro: &Avro, fields: &[Field], schema: &Schema) -> Result<Gen> {
        let own = schema.fields().ok_or_else(|| unfit(avro))?;
        let field = |(field, own): (&Field, &gantry_api::model::Field)| {
            if field.properties.contains_key(ARGUMENTS) {
                self.warnings.push(format!(
                    "{ARGUMENTS} beside the field {} has no effect: it belongs into the type",
                    field.name
                ));
            }
            let made = self.any(&field.schema, &own.schema);
            made.map_err(|error| format!("Field {}: {error}", field.name))
        };
        let fields = fields.iter().zip(own.list()).map(field).collect::<Result<_>>()?;
        Ok(Gen::Record { schema: Schema::clone(schema), fields })
    }
}

fn unfit(avro: &Avro) -> String {
    format!("The Connect schema of {} is of another type", avro.name())
}

/// Texts of a pattern, or of any characters.
fn texts(arguments: &Arguments<'_>) -> Result<Texts> {
    let middle = match arguments.text(REGEX)? {
        None => Middle::Any(arguments.length()?),
        Some(regex) => {
            let (min, max) = arguments.bounds()?.unwrap_or_default();
            let size = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
            let max = max.map(|max| size(max - 1));
            Middle::Pattern(Box::new(Pattern::new(regex, size(min), max)?))
        }
    };
    around(arguments, middle)
}

fn around(arguments: &Arguments<'_>, middle: Middle) -> Result<Texts> {
    let text = |key| Ok::<_, String>(arguments.text(key)?.unwrap_or_default().to_owned());
    Ok(Texts { prefix: text(PREFIX)?, middle, suffix: text(SUFFIX)? })
}

/// Of bytes that are decimals of a known precision; others are random bytes.
fn decimal(avro: &Avro, schema: &Schema) -> Result<Option<Gen>> {
    let Form::Decimal(scale) = Form::of(schema)? else { return Ok(None) };
    match avro.whole("precision") {
        Some(precision) if (1..=DIGITS_MAX).contains(&precision) => {
            Ok(Some(Gen::Decimal { scale, digits: precision as u32 }))
        }
        Some(precision) => Err(format!(
            "A decimal of precision {precision} is not supported: at most {DIGITS_MAX} digits are"
        )),
        None => Ok(None),
    }
}
