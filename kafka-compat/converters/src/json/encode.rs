//! From Connect's values to JSON.

use gantry_model::logical::{self, Logical};
use gantry_model::map::ShapeCache;
use gantry_model::{Error, ErrorKind, Kind, MapValue, Result, Schema, Struct, Value, text};

use super::config::DecimalFormat;
use super::reader::MAX_DEPTH;
use super::write;

/// Writes values by the settings of one converter.
#[derive(Debug)]
pub(crate) struct Encode {
    decimal_format: DecimalFormat,
    replace_null_with_default: bool,
    /// Maps whose keys were met before: what to write, and in which order.
    names: ShapeCache<Vec<Name>>,
    /// How many such maps are being written, one in the other.
    within: usize,
}

/// A key of a map.
#[derive(Debug)]
struct Name {
    /// Its place in the map.
    place: usize,
    /// A comma, the quoted key and a colon.
    text: Box<[u8]>,
}

impl Encode {
    pub(crate) fn new(decimal_format: DecimalFormat, replace_null_with_default: bool) -> Self {
        Self { decimal_format, replace_null_with_default, names: ShapeCache::default(), within: 0 }
    }

    /// Appends the JSON of a value. What was written before an error is of no use.
    pub(crate) fn value(
        &mut self,
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

    fn null(&mut self, out: &mut Vec<u8>, schema: &Schema, depth: usize) -> Result<()> {
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

    fn schemaless(&mut self, out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<()> {
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
            Value::Map(map) => return self.map(out, None, map, depth),
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
        &mut self,
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
                return self.map(out, Some((key, value)), map, depth);
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
        &mut self,
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

    /// An object if the keys are text, else an array of pairs; in Java's order.
    fn map(
        &mut self,
        out: &mut Vec<u8>,
        schemas: Option<(&Schema, &Schema)>,
        map: &MapValue,
        depth: usize,
    ) -> Result<()> {
        let inner = deeper(depth)?;
        let (key_schema, value_schema) = schemas.unzip();
        let names =
            key_schema.is_none_or(|key| *key.kind() == Kind::String && key.name().is_none());
        let value_schema = value_schema.and_then(present);
        if names && let Some(known) = self.names.place(map, self.within > 0, names_of) {
            self.within += 1;
            let written = self.known_map(out, known, value_schema, map, inner);
            self.within -= 1;
            return written;
        }
        let objects = match key_schema {
            Some(key) => *key.kind() == Kind::String,
            None => map.entries().iter().all(|(key, _)| matches!(key, Value::String(_))),
        };
        let key_schema = key_schema.and_then(present);
        out.push(if objects { b'{' } else { b'[' });
        for (at, (key, value)) in map.ordered().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            if objects {
                self.name(out, key_schema, key, inner)?;
                out.push(b':');
                self.value(out, value_schema, value, inner)?;
            } else {
                out.push(b'[');
                self.value(out, key_schema, key, inner)?;
                out.push(b',');
                self.value(out, value_schema, value, inner)?;
                out.push(b']');
            }
        }
        out.push(if objects { b'}' } else { b']' });
        Ok(())
    }

    /// An object whose names are known.
    fn known_map(
        &mut self,
        out: &mut Vec<u8>,
        known: usize,
        value_schema: Option<&Schema>,
        map: &MapValue,
        depth: usize,
    ) -> Result<()> {
        let entries = map.entries();
        let start = out.len();
        for at in 0..entries.len() {
            let Some(name) = self.names.get(known).and_then(|names| names.get(at)) else { break };
            out.extend_from_slice(&name.text);
            if let Some((_, value)) = entries.get(name.place) {
                self.value(out, value_schema, value, depth)?;
            }
        }
        match out.get_mut(start) {
            // In place of the first comma.
            Some(first) => *first = b'{',
            None => out.push(b'{'),
        }
        out.push(b'}');
        Ok(())
    }

    /// A key as the name of a field: a null or number becomes its text.
    fn name(
        &mut self,
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
        &mut self,
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
        &mut self,
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
            (logical, other) => write::date(out, logical, schema, other)?,
        }
        Ok(())
    }
}

/// The quoted keys of a map in Java's order.
fn names_of(map: &MapValue) -> Vec<Name> {
    let order = map.order().unwrap_or_else(|| (0..map.len()).collect());
    let name = |place: usize| {
        let key = map.entries().get(place)?.0.as_str()?;
        let mut text = Vec::with_capacity(key.len() + 4);
        text.push(b',');
        write::string(&mut text, key);
        text.push(b':');
        Some(Name { place, text: text.into() })
    };
    order.into_iter().filter_map(name).collect()
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
