//! From a tree of nodes to Connect's values: the way that decides what is accepted and which
//! error comes first.

use bytes::Bytes;
use bytestring::ByteString;
use gantry_model::logical::{self, Logical};
use gantry_model::{Error, Kind, Result, Schema, Struct, Value};

use super::base64;
use super::map::MapBuilder;
use super::node::{Node, schemaless_number, slice};
use super::number::Number;

/// Converts the nodes of one document.
pub(crate) struct Convert<'s> {
    /// What the nodes were read from.
    source: &'s ByteString,
    replace_null_with_default: bool,
    /// A value came out that its schema may not allow: structs around it must be checked.
    doubtful: bool,
}

impl<'s> Convert<'s> {
    pub(crate) fn new(source: &'s ByteString, replace_null_with_default: bool) -> Self {
        Self { source, replace_null_with_default, doubtful: false }
    }

    /// The value of a node. An absent node is `None`.
    pub(crate) fn value(
        &mut self,
        schema: Option<&Schema>,
        node: Option<&Node<'_>>,
    ) -> Result<Value> {
        let Some(schema) = schema else {
            return Ok(node.map_or(Value::Null, |node| self.schemaless(node)));
        };
        match node {
            None | Some(Node::Null) => null_of(schema, self.replace_null_with_default),
            Some(node) => match Logical::of(schema) {
                Some(logical) => self.logical(logical, schema, node),
                None => self.plain(schema, node),
            },
        }
    }

    fn schemaless(&self, node: &Node<'_>) -> Value {
        match node {
            Node::Missing | Node::Null => Value::Null,
            Node::Boolean(value) => Value::Boolean(*value),
            Node::Number(number) => schemaless_number(*number),
            Node::String(text) => Value::String(slice(self.source, text)),
            Node::Array(list) => Value::array(list.iter().map(|n| self.schemaless(n)).collect()),
            Node::Object(object) => {
                let mut map = MapBuilder::default();
                for (name, node) in object.fields() {
                    map.insert(Value::String(slice(self.source, name)), self.schemaless(node));
                }
                map.build()
            }
        }
    }
    fn plain(&mut self, schema: &Schema, node: &Node<'_>) -> Result<Value> {
        // Jackson's getters answer 0, false or null for a node of another type.
        let number = match node {
            Node::Number(number) => Some(*number),
            _ => None,
        };
        let long = || number.map_or(0, Number::to_i64);
        Ok(match schema.kind() {
            Kind::Boolean => Value::Boolean(matches!(node, Node::Boolean(true))),
            // Java narrows by cutting off the upper bits.
            Kind::Int8 => Value::Int8(long() as i8),
            Kind::Int16 => Value::Int16(long() as i16),
            Kind::Int32 => Value::Int32(long() as i32),
            Kind::Int64 => Value::Int64(long()),
            Kind::Float32 => Value::Float32(number.map_or(0.0, Number::to_f32)),
            Kind::Float64 => Value::Float64(number.map_or(0.0, Number::to_f64)),
            Kind::String => match node.text() {
                Some(text) => Value::String(slice(self.source, text)),
                None => self.doubt(),
            },
            Kind::Bytes => match node.text() {
                Some(text) => Value::Bytes(
                    bytes_of(text)
                        .map_err(|cause| Error::data("Invalid bytes field").caused_by(cause))?,
                ),
                None => self.doubt(),
            },
            Kind::Array(element) => return self.array(element, node),
            Kind::Map { key, value } => return self.map(key, value, node),
            Kind::Struct(_) => return self.structure(schema, node),
        })
    }
    fn doubt(&mut self) -> Value {
        self.doubtful = true;
        Value::Null
    }

    /// Elements of an array, or values of an object: Jackson iterates over both.
    fn array(&mut self, element: &Schema, node: &Node<'_>) -> Result<Value> {
        let list: Result<Vec<Value>> = match node {
            Node::Array(list) => list.iter().map(|n| self.value(Some(element), Some(n))).collect(),
            Node::Object(object) => {
                object.fields().iter().map(|(_, n)| self.value(Some(element), Some(n))).collect()
            }
            _ => Ok(Vec::new()),
        };
        list.map(Value::array)
    }

    fn map(&mut self, key: &Schema, value: &Schema, node: &Node<'_>) -> Result<Value> {
        let mut map = MapBuilder::default();
        if *key.kind() == Kind::String {
            let Node::Object(object) = node else {
                return Err(Error::data(format!(
                    "Maps with string fields should be encoded as JSON objects, but found {}",
                    node.type_name()
                )));
            };
            self.doubtful |= Logical::of(key).is_some();
            for (name, node) in object.fields() {
                let value = self.value(Some(value), Some(node))?;
                map.insert(Value::String(slice(self.source, name)), value);
            }
            return Ok(map.build());
        }
        let Node::Array(list) = node else {
            return Err(Error::data(format!(
                "Maps with non-string fields should be encoded as JSON array of tuples, but \
                 found {}",
                node.type_name()
            )));
        };
        for entry in list {
            let Node::Array(pair) = entry else {
                return Err(Error::data(format!(
                    "Found invalid map entry instead of array tuple: {}",
                    entry.type_name()
                )));
            };
            let [first, second] = pair.as_slice() else {
                return Err(Error::data(format!(
                    "Found invalid map entry, expected length 2 but found :{}",
                    pair.len()
                )));
            };
            let first = self.value(Some(key), Some(first))?;
            let second = self.value(Some(value), Some(second))?;
            map.insert(first, second);
        }
        Ok(map.build())
    }

    fn structure(&mut self, schema: &Schema, node: &Node<'_>) -> Result<Value> {
        let (Some(fields), Node::Object(object)) = (schema.fields(), node) else {
            return Err(Error::data(format!(
                "Structs should be encoded as JSON objects, but found {}",
                node.type_name()
            )));
        };
        let mut values = Vec::with_capacity(fields.len());
        for field in fields.list() {
            let value = self.value(Some(&field.schema), object.get(&field.name))?;
            if self.doubtful {
                Schema::validate_field(Some(&field.name), &field.schema, &value)?;
            }
            values.push(value);
        }
        Ok(Value::Struct(Struct::from_values(schema.clone(), values).into()))
    }

    /// A logical type looks at the node itself, whatever type its schema has below.
    fn logical(&mut self, logical: Logical, schema: &Schema, node: &Node<'_>) -> Result<Value> {
        let number = match node {
            Node::Number(number) => Some(*number),
            _ => None,
        };
        let wrong = |name: &str, expected: &str| {
            Error::data(format!(
                "Invalid type for {name}, underlying representation should be {expected} but was {}",
                node.type_name()
            ))
        };
        let int = || number.filter(|n| n.is_int()).map(|n| n.to_i64() as i32);
        Ok(match logical {
            Logical::Decimal => match (number, node.text()) {
                (Some(number), _) => Value::Decimal(number.to_decimal().into()),
                (None, Some(text)) => bytes_of(text)
                    .and_then(|bytes| logical::decimal_to_logical(schema, &bytes))
                    .map(|decimal| Value::Decimal(decimal.into()))
                    .map_err(|cause| {
                        Error::data("Invalid bytes for Decimal field").caused_by(cause)
                    })?,
                (None, None) => return Err(wrong("Decimal", "numeric or bytes")),
            },
            Logical::Date => {
                let days = int().ok_or_else(|| wrong("Date", "integer"))?;
                Value::Date(logical::date_to_logical(schema, days)?)
            }
            Logical::Time => {
                let ms = int().ok_or_else(|| wrong("Time", "integer"))?;
                Value::Date(logical::time_to_logical(schema, ms)?)
            }
            Logical::Timestamp => {
                let number = number.filter(|n| n.is_integral());
                let ms = number.ok_or_else(|| wrong("Timestamp", "integral"))?.to_i64();
                Value::Date(logical::timestamp_to_logical(schema, ms)?)
            }
        })
    }
}

/// What a null or a missing field becomes.
pub(crate) fn null_of(schema: &Schema, replace_null_with_default: bool) -> Result<Value> {
    match schema.default_value() {
        Some(default) if replace_null_with_default && !default.is_null() => Ok(default.clone()),
        _ if schema.is_optional() => Ok(Value::Null),
        _ => Err(Error::data(format!(
            "Invalid null value for required {} field",
            schema.kind().type_name()
        ))),
    }
}

fn bytes_of(text: &str) -> Result<Bytes> {
    base64::decode(text).map(Bytes::from).map_err(|what| {
        Error::java(
            "com.fasterxml.jackson.databind.exc.InvalidFormatException",
            format!("not valid base64: {what}"),
        )
    })
}
