//! Whether a value fits a schema, with Kafka Connect's texts.

use std::fmt;

use crate::error::{Error, Result};
use crate::logical::Logical;
use crate::schema::{Kind, Schema};
use crate::value::Value;

/// Where a value stands. Text is made of it only when it does not fit.
#[derive(Clone, Copy)]
enum Place<'a> {
    Value,
    Field(&'a str),
    Element(&'a Place<'a>),
    Key(&'a Place<'a>),
    MapValue(&'a Place<'a>),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value => f.write_str("value"),
            Self::Field(name) => write!(f, "field: \"{name}\""),
            Self::Element(outer) => write!(f, "element of array {outer}"),
            Self::Key(outer) => write!(f, "key of map {outer}"),
            Self::MapValue(outer) => write!(f, "value of map {outer}"),
        }
    }
}

impl Schema {
    /// Checks a value against this schema, deeply. `DataException` if it does not fit.
    pub fn validate(&self, value: &Value) -> Result<()> {
        check(self, value, Place::Value)
    }

    /// The same for the value of a named field.
    pub fn validate_field(name: Option<&str>, schema: &Self, value: &Value) -> Result<()> {
        check(schema, value, name.map_or(Place::Value, Place::Field))
    }
}

fn check(schema: &Schema, value: &Value, place: Place<'_>) -> Result<()> {
    if value.is_null() {
        if schema.is_optional() {
            return Ok(());
        }
        return Err(Error::data(format!(
            "Invalid value: null used for required {place}, schema type: {}",
            schema.kind().type_name()
        )));
    }
    if schema.is_absent() {
        return Ok(());
    }
    if !fits(schema, value) {
        return Err(unfit(schema, value, place));
    }
    match (schema.kind(), value) {
        (Kind::Struct(_), Value::Struct(inner)) => {
            if inner.schema() != schema {
                return Err(Error::data("Struct schemas do not match."));
            }
            inner.validate()
        }
        (Kind::Array(element), Value::Array(list)) => {
            list.iter().try_for_each(|item| check(element, item, Place::Element(&place)))
        }
        (Kind::Map { key, value }, Value::Map(map)) => {
            let entry = |(k, v): &(Value, Value)| {
                check(key, k, Place::Key(&place))?;
                check(value, v, Place::MapValue(&place))
            };
            // Java's order only matters for which of several faults is the first.
            map.entries().iter().try_for_each(entry).or_else(|error| {
                map.ordered().try_for_each(entry)?;
                Err(error)
            })
        }
        _ => Ok(()),
    }
}

#[cold]
fn unfit(schema: &Schema, value: &Value, place: Place<'_>) -> Error {
    let name = schema.name().map(|name| format!(" \"{name}\"")).unwrap_or_default();
    Error::data(format!(
        "Invalid Java object for schema{name} with type {}: class {} for {place}",
        schema.kind().type_name(),
        value.java_class().unwrap_or("null"),
    ))
}

fn fits(schema: &Schema, value: &Value) -> bool {
    if let Some(logical) = Logical::of(schema) {
        return match logical {
            Logical::Decimal => matches!(value, Value::Decimal(_)),
            Logical::Date | Logical::Time | Logical::Timestamp => matches!(value, Value::Date(_)),
        };
    }
    matches!(
        (schema.kind(), value),
        (Kind::Int8, Value::Int8(_))
            | (Kind::Int16, Value::Int16(_))
            | (Kind::Int32, Value::Int32(_))
            | (Kind::Int64, Value::Int64(_))
            | (Kind::Float32, Value::Float32(_))
            | (Kind::Float64, Value::Float64(_))
            | (Kind::Boolean, Value::Boolean(_))
            | (Kind::String, Value::String(_))
            | (Kind::Bytes, Value::Bytes(_))
            | (Kind::Array(_), Value::Array(_))
            | (Kind::Map { .. }, Value::Map(_))
            | (Kind::Struct(_), Value::Struct(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SchemaBuilder;
    use crate::value::MapValue;

    #[test]
    fn messages_name_the_place() {
        let map = Kind::Map { key: Schema::string(), value: Schema::int8() };
        let list = SchemaBuilder::new(Kind::Array(SchemaBuilder::new(map).build_plain()));
        let mut entries = MapValue::default();
        entries.insert(Value::str("k"), Value::Int16(1));
        let value = Value::array(vec![Value::map(entries)]);
        assert_eq!(
            Schema::validate_field(Some("f"), &list.build_plain(), &value).unwrap_err().message(),
            "Invalid Java object for schema with type INT8: class java.lang.Short for value of \
             map element of array field: \"f\""
        );
    }

    #[test]
    fn a_default_is_no_leave_for_null() {
        let schema = SchemaBuilder::new(Kind::Int8).default_value(Some(Value::Int8(1)));
        let error = schema.build().unwrap().validate(&Value::Null).unwrap_err();
        assert_eq!(
            error.message(),
            "Invalid value: null used for required value, schema type: INT8"
        );
    }
}
