//! From Connect's values to JSON.

use gantry_model::logical::{self, Logical};
use gantry_model::{Error, ErrorKind, Kind, MapValue, Result, Schema, Struct, Value, text};

use super::config::DecimalFormat;
use super::reader::MAX_DEPTH;
use super::write;

/// Writes values by the settings of one converter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encode {
    pub(crate) decimal_format: DecimalFormat,
    pub(crate) replace_null_with_default: bool,
}

impl Encode {
    /// Appends the JSON of a value. What was written before an error is of no use.
    pub(crate) fn value(
        self,
        out: &mut Vec<u8>,
        schema: Option<&Schema>,
        value: &Value,
        depth: usize,
    ) -> Result<()> {
        match schema {
            None => self.schemaless(out, value, depth),
            Some(schema) if value.is_null() => self.null(out, schema, depth),
            Some(schema) => match schema.name().and_then(|_| Logical::of(schema)) {
                Some(logical) => self.logical(out, logical, schema, value),
                None => self.with_schema(out, schema, value, depth),
            },
        }
    }

    fn null(self, out: &mut Vec<u8>, schema: &Schema, depth: usize) -> Result<()> {
        match schema.default_value() {
            Some(default) if self.replace_null_with_default && !default.is_null() => {
                self.value(out, Some(schema), default, depth)
            }
            _ if schema.is_optional() => {
                out.extend_from_slice(b"null");
                Ok(())
            }
            _ => Err(Error::data(
                "Conversion error: null value for field that is required and has no default value",
            )),
        }
    }

    fn schemaless(self, out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<()> {
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Boolean(value) => boolean(out, *value),
            Value::Int8(n) => write::integer(out, *n),
            Value::Int16(n) => write::integer(out, *n),
            Value::Int32(n) => write::integer(out, *n),
            Value::Int64(n) => write::integer(out, *n),
            Value::Float32(n) => write::float(out, *n),
            Value::Float64(n) => write::double(out, *n),
            Value::String(text) => write::string(out, text),
            Value::Bytes(bytes) => write::bytes(out, bytes),
            Value::Array(list) => return self.array(out, None, list, depth),
            Value::Map(map) => {
                let objects = map.entries().iter().all(|(k, _)| matches!(k, Value::String(_)));
                return self.map(out, None, map, objects, depth);
            }
            // A struct never fits "no schema".
            Value::Struct(_) => return Err(Error::data("Mismatching schema.")),
            Value::Decimal(_) | Value::BigInteger(_) | Value::Date(_) => {
                return Err(Error::data(format!(
                    "Java class class {} does not have corresponding schema type.",
                    value.java_class().unwrap_or("null")
                )));
            }
        }
        Ok(())
    }

    fn with_schema(
        self,
        out: &mut Vec<u8>,
        schema: &Schema,
        value: &Value,
        depth: usize,
    ) -> Result<()> {
        match (schema.kind(), value) {
            (Kind::Int8, Value::Int8(n)) => write::integer(out, *n),
            (Kind::Int16, Value::Int16(n)) => write::integer(out, *n),
            (Kind::Int32, Value::Int32(n)) => write::integer(out, *n),
            (Kind::Int64, Value::Int64(n)) => write::integer(out, *n),
            (Kind::Float32, Value::Float32(n)) => write::float(out, *n),
            (Kind::Float64, Value::Float64(n)) => write::double(out, *n),
            (Kind::Boolean, Value::Boolean(value)) => boolean(out, *value),
            (Kind::String, Value::String(text)) => write::string(out, text),
            (Kind::Bytes, Value::Bytes(bytes)) => write::bytes(out, bytes),
            (Kind::Bytes, other) => {
                return Err(Error::data(format!(
                    "Invalid type for bytes type: class {}",
                    other.java_class().unwrap_or("null")
                )));
            }
            (Kind::Array(element), Value::Array(list)) => {
                return self.array(out, Some(element), list, depth);
            }
            (Kind::Map { key, value }, Value::Map(map)) => {
                let objects = *key.kind() == Kind::String;
                return self.map(out, Some((key, value)), map, objects, depth);
            }
            (Kind::Struct(_), Value::Struct(inner)) => {
                return self.structure(out, schema, inner, depth);
            }
            (kind, other) => {
                return Err(Error::data(format!(
                    "Invalid type for {}: class {}",
                    kind.type_name(),
                    other.java_class().unwrap_or("null")
                )));
            }
        }
        Ok(())
    }

    fn array(
        self,
        out: &mut Vec<u8>,
        element: Option<&Schema>,
        list: &[Value],
        depth: usize,
    ) -> Result<()> {
        let depth = deeper(depth)?;
        let element = element.and_then(present);
        out.push(b'[');
        for (at, value) in list.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.value(out, element, value, depth)?;
        }
        out.push(b']');
        Ok(())
    }

    /// An object if the keys are text, else an array of pairs.
    fn map(
        self,
        out: &mut Vec<u8>,
        schemas: Option<(&Schema, &Schema)>,
        map: &MapValue,
        objects: bool,
        depth: usize,
    ) -> Result<()> {
        let depth = deeper(depth)?;
        let (key_schema, value_schema) = schemas.unzip();
        let (key_schema, value_schema) =
            (key_schema.and_then(present), value_schema.and_then(present));
        out.push(if objects { b'{' } else { b'[' });
        for (at, (key, value)) in map.entries().iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            if objects {
                self.name(out, key_schema, key, depth)?;
                out.push(b':');
                self.value(out, value_schema, value, depth)?;
            } else {
                out.push(b'[');
                self.value(out, key_schema, key, depth)?;
                out.push(b',');
                self.value(out, value_schema, value, depth)?;
                out.push(b']');
            }
        }
        out.push(if objects { b'}' } else { b']' });
        Ok(())
    }

    /// A key as the name of a field: a null or number becomes its text.
    fn name(
        self,
        out: &mut Vec<u8>,
        schema: Option<&Schema>,
        key: &Value,
        depth: usize,
    ) -> Result<()> {
        if let Value::String(text) = key
            && schema.is_none_or(|schema| schema.name().is_none())
        {
            write::string(out, text);
            return Ok(());
        }
        let start = out.len();
        self.value(out, schema, key, depth)?;
        if out.get(start) != Some(&b'"') {
            out.insert(start, b'"');
            out.push(b'"');
        }
        Ok(())
    }

    fn structure(
        self,
        out: &mut Vec<u8>,
        schema: &Schema,
        inner: &Struct,
        depth: usize,
    ) -> Result<()> {
        let depth = deeper(depth)?;
        let fields = match schema.fields() {
            Some(fields) if inner.schema() == schema => fields,
            _ => return Err(Error::data("Mismatching schema.")),
        };
        out.push(b'{');
        for (at, (field, value)) in fields.list().iter().zip(inner.values()).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write::string(out, &field.name);
            out.push(b':');
            self.value(out, Some(&field.schema), value, depth)?;
        }
        out.push(b'}');
        Ok(())
    }

    fn logical(
        self,
        out: &mut Vec<u8>,
        logical: Logical,
        schema: &Schema,
        value: &Value,
    ) -> Result<()> {
        match (logical, value) {
            (Logical::Decimal, Value::Decimal(decimal)) => match self.decimal_format {
                DecimalFormat::Numeric => {
                    out.extend_from_slice(text::java_string(value).as_bytes());
                }
                DecimalFormat::Base64 => {
                    write::bytes(out, &logical::decimal_from_logical(schema, decimal)?);
                }
            },
            (Logical::Date, Value::Date(ms)) => {
                write::integer(out, logical::date_from_logical(schema, *ms)?);
            }
            (Logical::Time, Value::Date(ms)) => {
                write::integer(out, logical::time_from_logical(schema, *ms)?);
            }
            (Logical::Timestamp, Value::Date(ms)) => {
                write::integer(out, logical::timestamp_from_logical(schema, *ms)?);
            }
            (logical, other) => {
                let expected = if logical == Logical::Decimal { "BigDecimal" } else { "Date" };
                return Err(Error::data(format!(
                    "Invalid type for {logical:?}, expected {expected} but was class {}",
                    other.java_class().unwrap_or("null")
                )));
            }
        }
        Ok(())
    }
}

fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// The schema of elements, keys or values; what was read from a header may have none.
fn present(schema: &Schema) -> Option<&Schema> {
    // All others have no name, mostly: that is seen faster.
    (schema.name().is_none() || !schema.is_absent()).then_some(schema)
}

fn deeper(depth: usize) -> Result<usize> {
    if depth < MAX_DEPTH {
        return Ok(depth + 1);
    }
    Err(Error::data("Converting Kafka Connect data to byte[] failed due to serialization error: ")
        .caused_by(Error::new(
            ErrorKind::Serialization,
            format!("more than {MAX_DEPTH} arrays, maps and structs stand within each other"),
        )))
}
