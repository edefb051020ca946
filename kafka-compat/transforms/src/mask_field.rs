//! MaskField: puts empty values, or a fixed one, in place of what must not be seen.

use std::sync::Arc;

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::text::hash_set_order;
use gantry_model::{ConnectRecord, Datum, Decimal, Error, MapValue, Result, Text, Value, values};

use crate::java_number;
use crate::support::{
    SchemaCache, Side, apply_defaults, check_put, fields_of, first_fault, has_defaults, keyed,
    put_all, replace_null, replace_null_key, struct_of, struct_values, unique_map, value_list,
};

const PURPOSE: &str = "mask fields";
const FIELDS: &str = "fields";
const REPLACEMENT: &str = "replacement";

struct MaskField {
    side: Side,
    /// Names of the fields, each with its key in schemaless maps.
    fields: Vec<(String, Value)>,
    replacement: Option<Replacement>,
    replace_null: bool,
    schemas: SchemaCache<Plan>,
}

/// Which fields of a schema are masked.
struct Plan {
    masked: Vec<usize>,
    has_defaults: bool,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    keyed("MaskField", config, |config: &ParsedConfig, side| {
        // In this order: of several that cannot be masked the first is reported.
        let fields = hash_set_order(config.list(FIELDS).to_vec());
        Ok(Box::new(MaskField {
            side,
            fields: fields.into_iter().map(|name| (name.clone(), Value::str(&name))).collect(),
            replacement: config.string(REPLACEMENT).map(Replacement::new),
            replace_null: replace_null(config),
            schemas: SchemaCache::new(),
        }))
    })
}

fn config() -> ConfigDef {
    ConfigDef::new()
        .define(
            ConfigKey::required(FIELDS, Type::List, Importance::High, "Names of fields to mask.")
                .validator(value_list(false)),
        )
        .define(
            ConfigKey::nullable(
                REPLACEMENT,
                Type::String,
                Importance::Low,
                "What masked text and numbers become. Without it they become empty: 0, false, \
                 an empty text, list or map.",
            )
            .validator(Validator::NonEmptyString),
        )
        .define(replace_null_key())
}

/// A replacement text, read as each type that it may stand in for. What cannot be read is an
/// error only once such a field is masked.
struct Replacement {
    text: Value,
    int8: Result<Value>,
    int16: Result<Value>,
    int32: Result<Value>,
    int64: Result<Value>,
    float32: Result<Value>,
    float64: Result<Value>,
    decimal: Result<Value>,
    big_integer: Result<Value>,
}

impl Replacement {
    fn new(text: &str) -> Self {
        let given = Value::str(text);
        // The conversion gives nothing only for null, which a text is not.
        fn number<T>(read: Result<Option<T>>, wrap: fn(T) -> Value) -> Result<Value> {
            read.map(|number| number.map_or(Value::Null, wrap))
        }
        let unreadable =
            || Error::data(format!("Unable to convert {text} (class java.lang.String) to number"));
        Self {
            int8: number(values::convert_to_byte(None, &given), Value::Int8),
            int16: number(values::convert_to_short(None, &given), Value::Int16),
            int32: number(values::convert_to_int(None, &given), Value::Int32),
            int64: number(values::convert_to_long(None, &given), Value::Int64),
            float32: number(values::convert_to_float(None, &given), Value::Float32),
            float64: number(values::convert_to_double(None, &given), Value::Float64),
            decimal: java_number::parse_decimal(text)
                .map(|decimal| Value::Decimal(Arc::new(decimal)))
                .ok_or_else(unreadable),
            big_integer: java_number::parse_big_integer(text)
                .map(|number| Value::BigInteger(Arc::new(number)))
                .ok_or_else(unreadable),
            text: given,
        }
    }

    fn mask(&self, value: &Value) -> Result<Value> {
        match value {
            Value::String(_) => Ok(self.text.clone()),
            Value::Int8(_) => self.int8.clone(),
            Value::Int16(_) => self.int16.clone(),
            Value::Int32(_) => self.int32.clone(),
            Value::Int64(_) => self.int64.clone(),
            Value::Float32(_) => self.float32.clone(),
            Value::Float64(_) => self.float64.clone(),
            Value::Decimal(_) => self.decimal.clone(),
            Value::BigInteger(_) => self.big_integer.clone(),
            other => Err(Error::data(format!(
                "Cannot mask value of type class {} with custom replacement.",
                other.java_class().unwrap_or("null")
            ))),
        }
    }
}

/// The empty value of a value's own type.
fn emptied(value: &Value) -> Result<Value> {
    Ok(match value {
        Value::Null => Value::Null,
        Value::Boolean(_) => Value::Boolean(false),
        Value::Int8(_) => Value::Int8(0),
        Value::Int16(_) => Value::Int16(0),
        Value::Int32(_) => Value::Int32(0),
        Value::Int64(_) => Value::Int64(0),
        Value::Float32(_) => Value::Float32(0.0),
        Value::Float64(_) => Value::Float64(0.0),
        Value::String(_) => Value::String(Text::new()),
        Value::Array(_) => Value::array(Vec::new()),
        Value::Map(_) => Value::map(MapValue::default()),
        Value::Decimal(_) => Value::Decimal(Arc::new(Decimal { unscaled: 0.into(), scale: 0 })),
        Value::BigInteger(_) => Value::BigInteger(Arc::new(0.into())),
        Value::Date(_) => Value::Date(0),
        Value::Bytes(_) | Value::Struct(_) => {
            return Err(Error::data(format!(
                "Cannot mask value of type: class {}",
                value.java_class().unwrap_or("null")
            )));
        }
    })
}

impl Transformation for MaskField {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Datum { schema, value } = self.side.datum_mut(record);
        let replacement = self.replacement.as_ref();
        let masked = |value: &Value| match (value, replacement) {
            (Value::Null, _) => Ok(Value::Null),
            (value, None) => emptied(value),
            (value, Some(replacement)) => replacement.mask(value),
        };
        if schema.is_none() {
            let map = unique_map(value, PURPOSE)?;
            map.copy_as_hash_map();
            for (_, key) in &self.fields {
                // A field that is not there comes to be there, as null.
                map.update(key, masked)?;
            }
            return Ok(Fate::Keep);
        }
        let inner = struct_of(value, PURPOSE)?;
        let plan = self.schemas.get(inner.schema(), |source| {
            let fields = fields_of(source)?.list().iter();
            let masked = fields.filter(|f| self.fields.iter().any(|(name, _)| **name == *f.name));
            Ok(Plan {
                masked: masked.map(|field| field.index).collect(),
                has_defaults: has_defaults(source),
            })
        })?;
        if plan.masked.is_empty() && !(self.replace_null && plan.has_defaults) {
            check_put(inner.schema(), inner.values())?;
            *value = Value::Struct(inner);
            return Ok(Fate::Keep);
        }
        let source = inner.schema().clone();
        let mut values = struct_values(inner);
        if self.replace_null && plan.has_defaults {
            apply_defaults(&source, &mut values);
        }
        for &index in &plan.masked {
            if let Some(slot) = values.get_mut(index) {
                match masked(slot) {
                    Ok(new) => *slot = new,
                    Err(error) => return Err(first_fault(&source, &values, index, error)),
                }
            }
        }
        *value = put_all(&source, values)?;
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{Change, error_text, make, map, record, struct_record};

    const CLASS: &str = "MaskField$Value";

    #[test]
    fn the_configuration_is_checked() {
        assert_eq!(
            error_text(make(CLASS, &[("fields", "a,")])),
            "Configuration 'fields' values must not be empty."
        );
        assert_eq!(
            error_text(make(CLASS, &[("fields", "a"), ("replacement", "")])),
            "Invalid value  for configuration replacement: String must be non-empty"
        );
    }

    #[test]
    fn a_missing_field_of_a_map_becomes_null() {
        let mut t = make(CLASS, &[("fields", "a,b")]).expect("valid");
        let out = t.change(record(map(&[("a", Value::str("x"))]))).expect("applies").expect("kept");
        assert_eq!(out.value.value, map(&[("a", Value::str("")), ("b", Value::Null)]));
    }

    #[test]
    fn bytes_and_structs_cannot_be_masked() {
        let mut t = make(CLASS, &[("fields", "a")]).expect("valid");
        let bytes = map(&[("a", Value::Bytes(bytes::Bytes::new()))]);
        assert_eq!(error_text(t.change(record(bytes))), "Cannot mask value of type: class [B");
        let inner = map(&[("a", struct_record().value.value)]);
        assert_eq!(
            error_text(t.change(record(inner))),
            "Cannot mask value of type: class org.apache.kafka.connect.data.Struct"
        );
    }

    #[test]
    fn a_null_with_default_is_masked_as_its_default() {
        for (replace, expected) in [("true", Value::Int32(0)), ("false", Value::Null)] {
            let config = [("fields", "d"), ("replace.null.with.default", replace)];
            let mut t = make(CLASS, &config).expect("valid");
            let out = t.change(struct_record()).expect("applies").expect("kept");
            let Value::Struct(inner) = &out.value.value else { panic!("a struct") };
            assert_eq!(inner.values(), &[Value::Int32(1), expected]);
        }
    }

    #[test]
    fn a_replacement_is_read_by_the_type_of_the_field() {
        let mut t = make(CLASS, &[("fields", "a"), ("replacement", "2.5")]).expect("valid");
        let mut masked = |value| {
            let out = t.change(record(map(&[("a", value)]))).expect("applies").expect("kept");
            let Value::Map(map) = out.value.value else { panic!("a map") };
            map.get("a").cloned()
        };
        assert_eq!(masked(Value::str("x")), Some(Value::str("2.5")));
        let decimal = Decimal { unscaled: 7.into(), scale: 0 };
        let expected = Decimal { unscaled: 25.into(), scale: 1 };
        assert_eq!(
            masked(Value::Decimal(Arc::new(decimal))),
            Some(Value::Decimal(Arc::new(expected)))
        );
        let big = map(&[("a", Value::BigInteger(Arc::new(1.into())))]);
        assert_eq!(
            error_text(t.change(record(big))),
            "Unable to convert 2.5 (class java.lang.String) to number"
        );
    }
}
