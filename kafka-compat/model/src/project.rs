//! Schema projection: a value that was written with one schema, seen through another
//! (`SchemaProjector`).

use std::sync::Arc;

use crate::decimal::Decimal;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Kind, Schema};
use crate::value::{MapValue, Struct, Value};

fn mismatch(message: String) -> Error {
    Error::new(ErrorKind::SchemaProjector, message)
}

/// Projects a value of `source` to `target`: numbers widen, fields that the target lacks go,
/// fields that only the target has get their default. `SchemaProjectorException` if that cannot
/// be.
pub fn project(source: &Schema, value: &Value, target: &Schema) -> Result<Value> {
    check_compatible(source, target)?;
    if !value.is_null() && source.same(target) {
        return Ok(value.clone());
    }
    if source.is_optional() && !target.is_optional() {
        let Some(default) = target.default_value() else {
            return Err(mismatch(
                "Writer schema is optional, however, target schema does not provide a default \
                 value."
                    .to_owned(),
            ));
        };
        if value.is_null() {
            return Ok(default.clone());
        }
    }
    if value.is_null() {
        return Ok(Value::Null);
    }
    project_present(source, value, target)
}

fn check_compatible(source: &Schema, target: &Schema) -> Result<()> {
    let (from, to) = (source.kind(), target.kind());
    if from.type_name() != to.type_name() && !is_promotable(from, to) {
        return Err(mismatch(format!(
            "Schema type mismatch. source type: {} and target type: {}",
            from.type_name(),
            to.type_name()
        )));
    }
    let or_null = |name: Option<&crate::record::Str>| name.map_or("null", |name| name).to_owned();
    if source.name() != target.name() {
        return Err(mismatch(format!(
            "Schema name mismatch. source name: {} and target name: {}",
            or_null(source.name()),
            or_null(target.name())
        )));
    }
    if source.parameters() != target.parameters() {
        return Err(mismatch(format!(
            "Schema parameters not equal. source parameters: {} and target parameters: {}",
            parameters_text(source),
            parameters_text(target)
        )));
    }
    Ok(())
}

fn parameters_text(schema: &Schema) -> String {
    let Some(parameters) = schema.parameters() else { return "null".to_owned() };
    let all: Vec<String> = parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!("{{{}}}", all.join(", "))
}

/// The place among the numbers, from narrow to wide.
fn rank(kind: &Kind) -> Option<u8> {
    Some(match kind {
        Kind::Int8 => 0,
        Kind::Int16 => 1,
        Kind::Int32 => 2,
        Kind::Int64 => 3,
        Kind::Float32 => 4,
        Kind::Float64 => 5,
        _ => return None,
    })
}

fn is_promotable(source: &Kind, target: &Kind) -> bool {
    matches!((rank(source), rank(target)), (Some(from), Some(to)) if from <= to)
}

fn wrong_class(value: &Value, wanted: &str) -> Error {
    Error::java(
        "java.lang.ClassCastException",
        format!("class {} cannot be cast to class {wanted}", value.java_class().unwrap_or("null")),
    )
}

fn project_present(source: &Schema, value: &Value, target: &Schema) -> Result<Value> {
    match (source.kind(), target.kind()) {
        (Kind::Struct(_), Kind::Struct(_)) => match value {
            Value::Struct(inner) => project_struct(source, inner, target),
            other => Err(wrong_class(other, "org.apache.kafka.connect.data.Struct")),
        },
        (Kind::Array(from), Kind::Array(to)) => match value {
            Value::Array(list) => {
                let out: Result<Vec<Value>> =
                    list.iter().map(|item| project(from, item, to)).collect();
                out.map(Value::array)
            }
            other => Err(wrong_class(other, "java.util.List")),
        },
        (Kind::Map { key: from_key, value: from }, Kind::Map { key: to_key, value: to }) => {
            let Value::Map(map) = value else { return Err(wrong_class(value, "java.util.Map")) };
            let mut out = MapValue::with_capacity(map.len());
            for (key, item) in map.ordered() {
                out.insert(project(from_key, key, to_key)?, project(from, item, to)?);
            }
            Ok(Value::map(out.into_hash_map()))
        }
        (from, to) if is_promotable(from, to) => Ok(promote(value, to)),
        _ => Ok(value.clone()),
    }
}

fn project_struct(source: &Schema, value: &Struct, target: &Schema) -> Result<Value> {
    let mut out = Struct::new(target.clone())?;
    for field in target.fields().map(|fields| fields.list()).unwrap_or_default() {
        if let Some(from) = source.field(&field.name) {
            let projected =
                project(&from.schema, value.get(&field.name)?, &field.schema).map_err(|cause| {
                    match cause.kind() {
                        ErrorKind::SchemaProjector => {
                            mismatch(format!("Error projecting {}", from.name)).caused_by(cause)
                        }
                        _ => cause,
                    }
                })?;
            out.put(&field.name, projected)?;
        } else if field.schema.is_optional() {
            // Stays null.
        } else if let Some(default) = field.schema.default_value() {
            out.put(&field.name, default.clone())?;
        } else {
            return Err(mismatch(format!(
                "Required field `{}` is missing from source schema: {source:?}",
                field.name
            )));
        }
    }
    Ok(Value::Struct(Arc::new(out)))
}

/// A number in the target's type. What is no number stays: a date is kept in an INT32.
fn promote(value: &Value, target: &Kind) -> Value {
    match *value {
        Value::Int8(n) => from_long(i64::from(n), target),
        Value::Int16(n) => from_long(i64::from(n), target),
        Value::Int32(n) => from_long(i64::from(n), target),
        Value::Int64(n) => from_long(n, target),
        Value::Float32(n) => from_double(f64::from(n), target),
        Value::Float64(n) => from_double(n, target),
        // No schema has these where a number is due, but Java would take them too.
        Value::Decimal(ref n) => from_exact(n, target),
        Value::BigInteger(ref n) => from_exact(&Decimal::from_int((**n).clone()), target),
        _ => value.clone(),
    }
}

fn from_long(n: i64, target: &Kind) -> Value {
    match target {
        Kind::Int8 => Value::Int8(n as i8),
        Kind::Int16 => Value::Int16(n as i16),
        Kind::Int32 => Value::Int32(n as i32),
        Kind::Float32 => Value::Float32(n as f32),
        Kind::Float64 => Value::Float64(n as f64),
        _ => Value::Int64(n),
    }
}

fn from_exact(n: &Decimal, target: &Kind) -> Value {
    match target {
        Kind::Float32 => Value::Float32(n.float_value()),
        Kind::Float64 => Value::Float64(n.double_value()),
        _ => from_long(n.long_value(), target),
    }
}

/// A value that does not match its own schema may be a float where an integer is due: Java then
/// goes by way of 32 bits.
fn from_double(n: f64, target: &Kind) -> Value {
    match target {
        Kind::Int8 => Value::Int8(n as i32 as i8),
        Kind::Int16 => Value::Int16(n as i32 as i16),
        Kind::Int32 => Value::Int32(n as i32),
        Kind::Int64 => Value::Int64(n as i64),
        Kind::Float32 => Value::Float32(n as f32),
        _ => Value::Float64(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SchemaBuilder;

    fn record(fields: Vec<(&str, Schema)>) -> Schema {
        let fields = fields.into_iter().map(|(name, schema)| (name.into(), schema)).collect();
        SchemaBuilder::structure(fields).unwrap().build_plain()
    }

    #[test]
    fn fields_widen_go_and_come() {
        let source = record(vec![("a", Schema::int8()), ("gone", Schema::string())]);
        let with_default = SchemaBuilder::new(Kind::Int32).default_value(Some(Value::Int32(7)));
        let target = record(vec![
            ("a", Schema::int64()),
            ("new", with_default.build().unwrap()),
            ("none", Schema::optional_string()),
        ]);
        let value = Struct::from_values(source.clone(), vec![Value::Int8(5), Value::str("x")]);
        let out = project(&source, &Value::Struct(Arc::new(value)), &target).unwrap();
        let Value::Struct(out) = out else { panic!("no struct") };
        assert_eq!(out.values(), [Value::Int64(5), Value::Int32(7), Value::Null]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let message = |source: Schema, value: Value, target: Schema| {
            project(&source, &value, &target).unwrap_err().message().to_owned()
        };
        assert_eq!(
            message(Schema::int64(), Value::Int64(1), Schema::int32()),
            "Schema type mismatch. source type: INT64 and target type: INT32"
        );
        assert!(
            message(Schema::optional_int8(), Value::Int8(1), Schema::int8()).contains("default")
        );
        let target = record(vec![("b", Schema::int8())]);
        let source = record(vec![("a", Schema::int8())]);
        let value =
            Value::Struct(Arc::new(Struct::from_values(source.clone(), vec![Value::Int8(1)])));
        assert_eq!(
            message(source, value, target),
            "Required field `b` is missing from source schema: Schema{STRUCT}"
        );
    }
}
