//! TimestampConverter: changes how a timestamp is represented.

use std::sync::Arc;

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator};
use gantry_model::logical::{self, DAY_MS, Logical};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{ConnectRecord, Datum, Error, Fields, Kind, Result, Schema, Str, Struct, Value};

use crate::simple_date_format::SimpleDateFormat;
use crate::support::{
    SchemaCache, Side, apply_defaults, copy_basics, fields_of, first_fault, has_defaults, keyed,
    put_all, replace_null, replace_null_key, struct_of, struct_values, unique_map,
};

const PURPOSE: &str = "converting timestamp formats";
const FIELD: &str = "field";
const TARGET_TYPE: &str = "target.type";
const FORMAT: &str = "format";
const UNIX_PRECISION: &str = "unix.precision";

/// How a timestamp is represented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Unix,
    Date,
    Time,
    Timestamp,
}

const FORMS: [(&str, Form); 5] = [
    ("string", Form::Text),
    ("unix", Form::Unix),
    ("Date", Form::Date),
    ("Time", Form::Time),
    ("Timestamp", Form::Timestamp),
];

/// The unit of a Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Precision {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
}

const PRECISIONS: [(&str, Precision); 4] = [
    ("nanoseconds", Precision::Nanoseconds),
    ("microseconds", Precision::Microseconds),
    ("milliseconds", Precision::Milliseconds),
    ("seconds", Precision::Seconds),
];

impl Precision {
    /// Milliseconds of a number in this unit; finer parts are cut off.
    fn to_ms(self, number: i64) -> i64 {
        match self {
            Self::Nanoseconds => number / 1_000_000,
            Self::Microseconds => number / 1000,
            Self::Milliseconds => number,
            Self::Seconds => number.saturating_mul(1000),
        }
    }
    fn of_ms(self, ms: i64) -> i64 {
        match self {
            Self::Nanoseconds => ms.saturating_mul(1_000_000),
            Self::Microseconds => ms.saturating_mul(1000),
            Self::Milliseconds => ms,
            Self::Seconds => ms / 1000,
        }
    }
}

struct TimestampConverter {
    side: Side,
    /// The field and its key in schemaless maps; none for the whole key or value.
    field: Option<(String, Value)>,
    rules: Rules,
    replace_null: bool,
    schemas: SchemaCache<Plan>,
}

struct Rules {
    target: Form,
    precision: Precision,
    /// The pattern as given, and compiled.
    format: Option<(String, SimpleDateFormat)>,
}

/// What becomes of the structs of one schema.
struct Plan {
    schema: Schema,
    /// The index of the field and the form it had; none if there is no such field. A schema
    /// that has no such form is an error only once there is a struct to convert.
    field: Option<(usize, Result<Form>)>,
    has_defaults: bool,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    keyed("TimestampConverter", config, |config: &ParsedConfig, side| {
        let field = config.string(FIELD).filter(|name| !name.is_empty());
        Ok(Box::new(TimestampConverter {
            side,
            field: field.map(|name| (name.to_owned(), Value::str(name))),
            rules: Rules::of(config)?,
            replace_null: replace_null(config),
            schemas: SchemaCache::new(),
        }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new()
        .define(ConfigKey::new(
            FIELD,
            Type::String,
            "",
            Importance::High,
            "Name of the field that holds the timestamp; empty if the whole key or value is one.",
        ))
        .define(
            ConfigKey::required(
                TARGET_TYPE,
                Type::String,
                Importance::High,
                "What the timestamp becomes: string, unix, Date, Time or Timestamp.",
            )
            .validator(Validator::one_of(&FORMS.map(|(name, _)| name))),
        )
        .define(ConfigKey::new(
            FORMAT,
            Type::String,
            "",
            Importance::Medium,
            "How texts are written and read, as a pattern of java.text.SimpleDateFormat; the \
             time zone is UTC. Needed if the timestamp is or becomes a text.",
        ))
        .define(
            ConfigKey::new(
                UNIX_PRECISION,
                Type::String,
                "milliseconds",
                Importance::Low,
                "The unit of Unix times, read and written. Units finer than milliseconds lose \
                 their finer part.",
            )
            .validator(Validator::one_of(&PRECISIONS.map(|(name, _)| name))),
        )
        .define(replace_null_key())
}

fn named<T: Copy>(choices: &[(&str, T)], name: Option<&str>, otherwise: T) -> T {
    choices.iter().find(|(known, _)| Some(*known) == name).map_or(otherwise, |(_, choice)| *choice)
}

impl Rules {
    fn of(config: &ParsedConfig) -> Result<Self> {
        let target = named(&FORMS, config.string(TARGET_TYPE), Form::Timestamp);
        let precision = named(&PRECISIONS, config.string(UNIX_PRECISION), Precision::Milliseconds);
        let pattern = config.string(FORMAT).filter(|pattern| !pattern.trim().is_empty());
        let format = match pattern {
            None if target == Form::Text => {
                return Err(Error::config(
                    "TimestampConverter requires format option to be specified when using \
                     string timestamps",
                ));
            }
            None => None,
            Some(pattern) => {
                let compiled = SimpleDateFormat::compile(pattern).map_err(|error| {
                    Error::config(format!(
                        "Invalid value {error} for configuration TimestampConverter requires a \
                         SimpleDateFormat-compatible pattern for string timestamps: {pattern}"
                    ))
                })?;
                Some((pattern.to_owned(), compiled))
            }
        };
        Ok(Self { target, precision, format })
    }

    /// The schema of a converted value.
    fn schema(&self, optional: bool) -> Schema {
        match (self.target, optional) {
            (Form::Text, true) => Schema::optional_string(),
            (Form::Text, false) => Schema::string(),
            (Form::Unix, true) => Schema::optional_int64(),
            (Form::Unix, false) => Schema::int64(),
            (Form::Date, _) => logical::date().set_optional(optional).build_plain(),
            (Form::Time, _) => logical::time().set_optional(optional).build_plain(),
            (Form::Timestamp, _) => logical::timestamp().set_optional(optional).build_plain(),
        }
    }

    /// Converts a value of that form; null stays null.
    fn convert(&self, value: &Value, form: Option<Form>) -> Result<Value> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        let form = match form {
            Some(form) => form,
            None => form_of_value(value)?,
        };
        let ms = self.moment_ms(value, form)?;
        Ok(match self.target {
            Form::Text => Value::str(&self.format("write")?.1.format(ms)),
            Form::Unix => Value::Int64(self.precision.of_ms(ms)),
            // Wraps at the far end of time, as Java does.
            Form::Date => Value::Date(ms.wrapping_sub(ms.rem_euclid(DAY_MS))),
            Form::Time => Value::Date(ms.rem_euclid(DAY_MS)),
            Form::Timestamp => Value::Date(ms),
        })
    }

    fn moment_ms(&self, value: &Value, form: Form) -> Result<i64> {
        match (form, value) {
            (Form::Text, Value::String(text)) => {
                let (pattern, format) = self.format("read")?;
                format.parse(text).ok_or_else(|| {
                    Error::data(format!(
                        "Could not parse timestamp: value ({text}) does not match pattern \
                         ({pattern})"
                    ))
                })
            }
            (Form::Unix, &Value::Int64(number)) => Ok(self.precision.to_ms(number)),
            (Form::Date | Form::Time | Form::Timestamp, &Value::Date(ms)) => Ok(ms),
            (form, value) => {
                let (what, class) = match form {
                    Form::Text => ("string timestamp", "String"),
                    Form::Unix => ("Unix timestamp", "Long"),
                    Form::Date => ("Date", "java.util.Date"),
                    Form::Time => ("Time", "java.util.Date"),
                    Form::Timestamp => ("Timestamp", "java.util.Date"),
                };
                let found = value.java_class().unwrap_or("null");
                Err(Error::data(format!(
                    "Expected {what} to be a {class}, but found class {found}"
                )))
            }
        }
    }

    fn format(&self, what: &str) -> Result<&(String, SimpleDateFormat)> {
        self.format.as_ref().ok_or_else(|| {
            Error::data(format!("TimestampConverter needs the option `format` to {what} a text"))
        })
    }

    fn plan(&self, source: &Schema, name: &str) -> Result<Plan> {
        let mut converted = None;
        let mut fields: Vec<(Str, Schema)> = Vec::new();
        for field in fields_of(source)?.list() {
            let mut schema = field.schema.clone();
            if *field.name == *name {
                converted = Some((field.index, form_of_schema(&schema)));
                schema = self.schema(schema.is_optional());
            }
            fields.push((Str::clone(&field.name), schema));
        }
        let kind = Kind::Struct(Arc::new(Fields::new(fields)?));
        let mut plan = Plan {
            schema: copy_basics(source, kind).set_optional(source.is_optional()).build_plain(),
            field: converted,
            has_defaults: has_defaults(source),
        };
        if let Some(Value::Struct(default)) = source.default_value() {
            let default = self.convert_struct(Arc::clone(default), &plan, true)?;
            let builder = plan.schema.to_builder().default_value(Some(default));
            plan.schema = builder.build_plain();
        }
        Ok(plan)
    }

    fn convert_struct(&self, inner: Arc<Struct>, plan: &Plan, replace_null: bool) -> Result<Value> {
        let source = inner.schema().clone();
        let mut values = struct_values(inner);
        if replace_null && plan.has_defaults {
            apply_defaults(&source, &mut values);
        }
        if let Some((index, form)) = &plan.field
            && let Some(slot) = values.get_mut(*index)
        {
            match form.clone().and_then(|form| self.convert(slot, Some(form))) {
                Ok(new) => *slot = new,
                Err(error) => return Err(first_fault(&plan.schema, &values, *index, error)),
            }
        }
        put_all(&plan.schema, values)
    }
}

fn form_of_value(value: &Value) -> Result<Form> {
    match value {
        Value::Date(_) => Ok(Form::Timestamp),
        Value::Int64(_) => Ok(Form::Unix),
        Value::String(_) => Ok(Form::Text),
        other => Err(Error::data(format!(
            "TimestampConverter does not support class {} objects as timestamps",
            other.java_class().unwrap_or("null")
        ))),
    }
}

fn form_of_schema(schema: &Schema) -> Result<Form> {
    match (Logical::of(schema), schema.kind()) {
        (Some(Logical::Timestamp), _) => Ok(Form::Timestamp),
        (Some(Logical::Date), _) => Ok(Form::Date),
        (Some(Logical::Time), _) => Ok(Form::Time),
        (_, Kind::String) => Ok(Form::Text),
        (_, Kind::Int64) => Ok(Form::Unix),
        _ => Err(Error::connect(format!(
            "Schema {schema:?} does not correspond to a known timestamp type format"
        ))),
    }
}

impl Transformation for TimestampConverter {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Datum { schema, value } = self.side.datum_mut(record);
        match (&self.field, schema) {
            (None, None) => *value = self.rules.convert(value, None)?,
            (None, Some(schema)) => {
                *value = self.rules.convert(value, Some(form_of_schema(schema)?))?;
                *schema = self.rules.schema(schema.is_optional());
            }
            (Some(_), None) if value.is_null() => {}
            (Some((_, key)), None) => {
                let map = unique_map(value, PURPOSE)?;
                map.copy_as_hash_map();
                // A field that is not there comes to be there, as null.
                map.update(key, |value| self.rules.convert(value, None))?;
            }
            (Some((name, _)), Some(schema)) => {
                let inner = if value.is_null() { None } else { Some(struct_of(value, PURPOSE)?) };
                let plan = self.schemas.get(schema, |source| self.rules.plan(source, name))?;
                if let Some(inner) = inner {
                    *value = self.rules.convert_struct(inner, plan, self.replace_null)?;
                }
                *schema = plan.schema.clone();
            }
        }
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Change, error_text, make, record};

    const CLASS: &str = "TimestampConverter$Value";

    #[test]
    fn the_configuration_is_checked() {
        assert!(error_text(make(CLASS, &[])).contains("\"target.type\" which has no default"));
        assert!(
            error_text(make(CLASS, &[(TARGET_TYPE, "string")])).contains("requires format option")
        );
        assert_eq!(
            error_text(make(CLASS, &[(TARGET_TYPE, "unix"), (FORMAT, "bogus!")])),
            "Invalid value java.lang.IllegalArgumentException: Illegal pattern character 'b' for \
             configuration TimestampConverter requires a SimpleDateFormat-compatible pattern for \
             string timestamps: bogus!"
        );
    }

    #[test]
    fn a_text_without_a_pattern_is_an_error_of_the_record() {
        let mut t = make(CLASS, &[(TARGET_TYPE, "Timestamp")]).expect("valid");
        assert_eq!(
            error_text(t.change(record(Value::str("x")))),
            "TimestampConverter needs the option `format` to read a text"
        );
    }

    #[test]
    fn units_saturate_and_cut() {
        assert_eq!(Precision::Seconds.to_ms(i64::MAX), i64::MAX);
        assert_eq!(Precision::Nanoseconds.of_ms(i64::MIN), i64::MIN);
        assert_eq!(Precision::Microseconds.to_ms(-1999), -1);
        assert_eq!(Precision::Seconds.of_ms(-999), 0);
    }
}
