//! The schema that a schemaless value would have.

use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Kind, Schema, SchemaBuilder};
use crate::value::Value;

/// The schema of a value by its class; `None` for null, decimals, dates, for empty lists and
/// maps, and where elements differ in type (`Values.inferSchema`). `SchemaBuilderException` for
/// lists and maps that hold nulls alone.
pub fn infer_schema(value: &Value) -> Result<Option<Schema>> {
    Ok(Some(match value {
        Value::Boolean(_) => Schema::boolean(),
        Value::Int8(_) => Schema::int8(),
        Value::Int16(_) => Schema::int16(),
        Value::Int32(_) => Schema::int32(),
        Value::Int64(_) => Schema::int64(),
        Value::Float32(_) => Schema::float32(),
        Value::Float64(_) => Schema::float64(),
        Value::String(_) => Schema::string(),
        Value::Bytes(_) => Schema::bytes(),
        Value::Array(list) => return array(list),
        Value::Map(map) => return self::map(map.entries()),
        Value::Struct(inner) => inner.schema().clone(),
        Value::Null | Value::Decimal(_) | Value::BigInteger(_) | Value::Date(_) => return Ok(None),
    }))
}

fn array(list: &[Value]) -> Result<Option<Schema>> {
    if list.is_empty() {
        return Ok(None);
    }
    let mut elements = Common::default();
    for value in list {
        if !elements.takes(value)? {
            return Ok(None);
        }
    }
    Ok(Some(SchemaBuilder::new(Kind::Array(elements.schema()?)).build_plain()))
}

fn map(entries: &[(Value, Value)]) -> Result<Option<Schema>> {
    if entries.is_empty() {
        return Ok(None);
    }
    let (mut keys, mut values) = (Common::default(), Common::default());
    for (key, value) in entries {
        if !keys.takes(key)? || !values.takes(value)? {
            return Ok(None);
        }
    }
    let kind = Kind::Map { key: keys.schema()?, value: values.schema()? };
    Ok(Some(SchemaBuilder::new(kind).build_plain()))
}

/// The type that all values have, nulls aside. Only the type: what an inner list holds, or a
/// struct's fields, is not looked at.
#[derive(Default)]
struct Common {
    known: Option<Schema>,
    optional: bool,
}

impl Common {
    /// Whether the value has the type of those before it.
    fn takes(&mut self, value: &Value) -> Result<bool> {
        if value.is_null() {
            self.optional = true;
            return Ok(true);
        }
        let Some(schema) = infer_schema(value)? else { return Ok(false) };
        match &self.known {
            Some(first) => Ok(first.kind().type_name() == schema.kind().type_name()),
            None => {
                self.known = Some(schema);
                Ok(true)
            }
        }
    }

    fn schema(self) -> Result<Schema> {
        let known = self
            .known
            .ok_or_else(|| Error::new(ErrorKind::SchemaBuilder, "type cannot be null"))?;
        let kind = match known.kind() {
            Kind::Array(_) => Kind::Array(Schema::absent()),
            Kind::Map { .. } => Kind::Map { key: Schema::absent(), value: Schema::absent() },
            Kind::Struct(_) => Kind::Struct(std::sync::Arc::default()),
            primitive => primitive.clone(),
        };
        Ok(SchemaBuilder::new(kind).set_optional(self.optional).build_plain())
    }
}
