//! Defaults, which Connect has as values and Avro as JSON.

use gantry_model::logical::{self, Logical};
use gantry_model::{Decimal, Error, Kind, MapValue, Result, Schema, Struct, Text, Value, text};
use gantry_schema_avro::{Kind as Named, Primitive, Type, Types};
use gantry_schema_model::Node;
use num_bigint::BigInt;

use super::keys::Settings;
use super::{names, shape};

/// Writes a default as JSON.
pub(super) struct ToJson<'a> {
    settings: &'a Settings,
    /// A float as the double that it is.
    widen: bool,
    /// Whether the JSON is a value of the Avro schema of the same Connect schema.
    fits: bool,
}

/// The default as the property that only Connect reads.
pub(super) fn to_property(settings: &Settings, schema: &Schema, value: &Value) -> Result<Node> {
    ToJson { settings, widen: false, fits: true }.node(schema, value)
}

/// The default of a field of Avro; `None` where Avro does not allow it.
pub(super) fn to_field(
    settings: &Settings,
    schema: &Schema,
    value: &Value,
) -> Result<Option<Node>> {
    let mut to_json = ToJson { settings, widen: true, fits: true };
    let node = to_json.node(schema, value)?;
    // Only a field that is nothing but a number may have a default that is no number of JSON.
    let is_number = matches!(schema.kind(), Kind::Float32 | Kind::Float64);
    if is_number && !schema.is_optional() {
        return Ok(Some(node));
    }
    Ok(to_json.fits.then_some(node))
}

impl ToJson<'_> {
    fn node(&mut self, schema: &Schema, value: &Value) -> Result<Node> {
        Ok(match (schema.kind(), value) {
            (_, Value::Null) => {
                self.fits &= schema.is_optional();
                Node::Null
            }
            (Kind::Int8, Value::Int8(n)) => Node::Number(n.to_string()),
            (Kind::Int16, Value::Int16(n)) => Node::Number(n.to_string()),
            (Kind::Int32, Value::Int32(n)) => Node::Number(n.to_string()),
            (Kind::Int64, Value::Int64(n)) => Node::Number(n.to_string()),
            (Kind::Float32, Value::Float32(n)) if self.widen => {
                self.number(n.is_finite(), text::double(f64::from(*n)))
            }
            (Kind::Float32, Value::Float32(n)) => self.number(n.is_finite(), text::float(*n)),
            (Kind::Float64, Value::Float64(n)) => self.number(n.is_finite(), text::double(*n)),
            (Kind::Boolean, Value::Boolean(flag)) => Node::Bool(*flag),
            (Kind::String, Value::String(text)) => Node::Text(text.to_string()),
            (Kind::Bytes, Value::Bytes(bytes)) => latin1(bytes),
            (Kind::Array(element), Value::Array(list)) => {
                let list = list.iter().map(|item| self.node(element, item));
                Node::List(list.collect::<Result<_>>()?)
            }
            (Kind::Map { key, value }, Value::Map(map)) => self.map(key, value, map)?,
            (Kind::Struct(_), Value::Struct(inner)) => self.structure(schema, inner)?,
            _ => self.logical(schema, value)?,
        })
    }

    /// Those that are no numbers of JSON are texts.
    fn number(&mut self, is_finite: bool, text: String) -> Node {
        self.fits &= is_finite;
        if is_finite { Node::Number(text) } else { Node::Text(text) }
    }

    fn map(&mut self, key: &Schema, value: &Schema, map: &MapValue) -> Result<Node> {
        if shape::is_text_key(self.settings, key) {
            let pairs = map.ordered().map(|(k, v)| match k.as_str() {
                Some(k) => Ok((k.to_owned(), self.node(value, v)?)),
                None => Err(Error::data("A default has null as the key of a map")),
            });
            return Ok(Node::Map(pairs.collect::<Result<_>>()?));
        }
        // Entries are records in Avro, which these pairs are not.
        self.fits &= map.is_empty();
        let pairs = map
            .ordered()
            .map(|(k, v)| Ok(Node::List(vec![self.node(key, k)?, self.node(value, v)?])));
        Ok(Node::List(pairs.collect::<Result<_>>()?))
    }

    fn structure(&mut self, schema: &Schema, inner: &Struct) -> Result<Node> {
        let fields = schema.fields().map_or(&[][..], |fields| fields.list());
        if shape::is_union(schema)
            && let Some(first) = fields.first()
        {
            // Only the first type can be that of a default.
            let value = inner.get_at(first);
            self.fits &= !value.is_null() || schema.is_optional();
            return match value {
                Value::Null => Ok(Node::Null),
                value => self.node(&first.schema, value),
            };
        }
        let pairs = fields.iter().map(|field| {
            let name = names::scrub(&field.name, self.settings.scrub_names).into_owned();
            Ok((name, self.node(&field.schema, inner.get_at(field))?))
        });
        Ok(Node::Map(pairs.collect::<Result<_>>()?))
    }

    fn logical(&self, schema: &Schema, value: &Value) -> Result<Node> {
        Ok(match (Logical::of(schema), schema.kind(), value) {
            (Some(Logical::Decimal), Kind::Bytes, Value::Decimal(decimal)) => {
                latin1(&logical::decimal_from_logical(schema, decimal)?)
            }
            (Some(Logical::Date), Kind::Int32, Value::Date(ms)) => {
                Node::Number(logical::date_from_logical(schema, *ms)?.to_string())
            }
            (Some(Logical::Time), Kind::Int32, Value::Date(ms)) => {
                Node::Number(logical::time_from_logical(schema, *ms)?.to_string())
            }
            (Some(Logical::Timestamp), Kind::Int64, Value::Date(ms)) => {
                Node::Number(ms.to_string())
            }
            _ => {
                return Err(Error::data(format!(
                    "Invalid type used for default value of {} field: {}",
                    schema.kind().type_name(),
                    value.java_class().unwrap_or("null")
                )));
            }
        })
    }
}

/// A character for each byte.
fn latin1(bytes: &[u8]) -> Node {
    Node::Text(bytes.iter().map(|b| char::from(*b)).collect())
}

/// Whether Avro's library makes something of the default of a field; else the field has none.
pub(super) fn is_readable(types: &Types, schema: &Type, default: &Node) -> bool {
    let first = match schema {
        Type::Union(branches) => match branches.first() {
            Some(first) => first,
            None => return false,
        },
        other => other,
    };
    let kind = types.kind_of(first);
    match default {
        Node::Null | Node::Bool(_) => true,
        Node::Number(text) => {
            matches!(kind, "float" | "double")
                || matches!(kind, "int" | "long") && text.parse::<i64>().is_ok()
        }
        Node::Text(_) => !matches!(kind, "null" | "boolean" | "int" | "long" | "array" | "map"),
        Node::List(list) => kind == "array" || list.is_empty(),
        Node::Map(pairs) => match types.fields(first) {
            Some(fields) => {
                pairs.iter().all(|(name, _)| fields.iter().any(|field| field.name == *name))
            }
            None => true,
        },
    }
}

/// Reads defaults of an Avro schema as values of the Connect schema that was made of it.
#[derive(Clone, Copy)]
pub(super) struct FromJson<'a> {
    pub(super) settings: &'a Settings,
    pub(super) types: &'a Types,
}

impl FromJson<'_> {
    /// The value; `None` if the JSON is none of the schema's.
    pub(super) fn value(&self, avro: &Type, schema: &Schema, node: &Node) -> Option<Value> {
        if let Type::Union(branches) = avro {
            return self.union(branches, schema, node);
        }
        if *node == Node::Null {
            return schema.is_optional().then_some(Value::Null);
        }
        let stored = match (avro, node) {
            (Type::Primitive(primitive, _), node) => primitive_value(*primitive, schema, node)?,
            (Type::Array(items, _), Node::List(list)) => match schema.kind() {
                Kind::Array(element) => {
                    let list = list.iter().map(|item| self.value(items, element, item));
                    Value::array(list.collect::<Option<_>>()?)
                }
                Kind::Map { key, value } => self.entries(items, key, value, list)?,
                _ => return None,
            },
            (Type::Map(values, _), Node::Map(pairs)) => {
                let Kind::Map { value, .. } = schema.kind() else { return None };
                let pairs =
                    pairs.iter().map(|(k, v)| Some((Value::str(k), self.value(values, value, v)?)));
                let entries = pairs.collect::<Option<Vec<_>>>()?;
                let count = entries.len();
                Value::map(MapValue::from_distinct(entries).into_hash_map_for(count))
            }
            (Type::Named(id), node) => match (&self.types.get(*id).kind, node) {
                (Named::Enum { symbols, .. }, Node::Text(text)) => {
                    symbols.contains(text).then(|| Value::String(Text::from(text.as_str())))?
                }
                (Named::Fixed { size }, Node::Text(text)) => {
                    bytes(text).filter(|bytes| bytes.len() == *size as usize).map(value_of_bytes)?
                }
                (Named::Record { fields, .. }, Node::Map(_)) => {
                    let of = |name: &str| fields.iter().find(|field| field.name == name);
                    self.structure(schema, node, |name| of(name).map(|field| &field.schema))?
                }
                _ => return None,
            },
            _ => return None,
        };
        to_logical(schema, stored)
    }

    fn structure<'a>(
        &self,
        schema: &Schema,
        node: &Node,
        of: impl Fn(&str) -> Option<&'a Type>,
    ) -> Option<Value> {
        let fields = schema.fields()?.list().iter().map(|field| {
            let name = names::scrub(&field.name, self.settings.scrub_names);
            match node.get(&name) {
                Some(node) => self.value(of(&name)?, &field.schema, node),
                None => match field.schema.default_value() {
                    Some(default) => Some(default.clone()),
                    None => field.schema.is_optional().then_some(Value::Null),
                },
            }
        });
        let values = fields.collect::<Option<Vec<_>>>()?;
        Some(Value::Struct(Struct::from_values(schema.clone(), values).into()))
    }

    /// Pairs of a key and a value, as this converter writes them where Avro has no say.
    fn entries(&self, entry: &Type, key: &Schema, value: &Schema, pairs: &[Node]) -> Option<Value> {
        let fields = self.types.fields(entry)?;
        let of = |name: &str| fields.iter().find(|field| field.name == name);
        let (key_type, value_type) = (&of(names::KEY)?.schema, &of(names::VALUE)?.schema);
        let pairs = pairs.iter().map(|pair| {
            let (k, v) = match pair {
                Node::List(pair) => match pair.as_slice() {
                    [k, v] => (k, v),
                    _ => return None,
                },
                record => (record.get(names::KEY)?, record.get(names::VALUE)?),
            };
            Some((self.value(key_type, key, k)?, self.value(value_type, value, v)?))
        });
        let entries = pairs.collect::<Option<Vec<_>>>()?;
        let count = entries.len();
        Some(Value::map(MapValue::from_entries(entries).into_hash_map_for(count)))
    }

    fn union(&self, branches: &[Type], schema: &Schema, node: &Node) -> Option<Value> {
        if *node == Node::Null {
            return schema.is_optional().then_some(Value::Null);
        }
        if !shape::is_union(schema) {
            let mut others = branches.iter().filter(|branch| !is_null(branch));
            return self.value(others.next()?, schema, node);
        }
        // Only the first type can be that of a default, and Confluent knows it by its values:
        // those of enums and records are like texts and maps.
        let branch = branches.first()?;
        if matches!(self.types.kind_of(branch), "enum" | "record") {
            return None;
        }
        let first = schema.fields()?.list().first()?;
        let value = self.value(branch, &first.schema, node)?;
        let mut values = vec![Value::Null; schema.fields()?.len()];
        *values.first_mut()? = value;
        Some(Value::Struct(Struct::from_values(schema.clone(), values).into()))
    }
}

fn is_null(schema: &Type) -> bool {
    matches!(schema, Type::Primitive(Primitive::Null, _))
}

fn value_of_bytes(bytes: Vec<u8>) -> Value {
    Value::Bytes(bytes.into())
}

fn primitive_value(primitive: Primitive, schema: &Schema, node: &Node) -> Option<Value> {
    let floating = || match node {
        Node::Number(text) | Node::Text(text) => text::parse_double(text),
        _ => None,
    };
    Some(match (primitive, node) {
        (Primitive::Boolean, Node::Bool(flag)) => Value::Boolean(*flag),
        (Primitive::Int, Node::Number(text)) => match schema.kind() {
            Kind::Int8 => Value::Int8(text.parse().ok()?),
            Kind::Int16 => Value::Int16(text.parse().ok()?),
            _ => Value::Int32(text.parse().ok()?),
        },
        (Primitive::Long, Node::Number(text)) => Value::Int64(text.parse().ok()?),
        (Primitive::Float, _) => Value::Float32(floating()? as f32),
        (Primitive::Double, _) => Value::Float64(floating()?),
        (Primitive::String, Node::Text(text)) => Value::str(text),
        (Primitive::Bytes, Node::Text(text)) => value_of_bytes(bytes(text)?),
        _ => return None,
    })
}

/// A byte for each character; `None` if one is no byte.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

fn to_logical(schema: &Schema, stored: Value) -> Option<Value> {
    Some(match (Logical::of(schema), stored) {
        (None, stored) => stored,
        (Some(Logical::Decimal), Value::Bytes(bytes)) if !bytes.is_empty() => {
            let unscaled = BigInt::from_signed_bytes_be(&bytes);
            Value::Decimal(Decimal { unscaled, scale: logical::scale(schema).ok()? }.into())
        }
        (Some(Logical::Date), Value::Int32(days)) => {
            Value::Date(logical::date_to_logical(schema, days).ok()?)
        }
        (Some(Logical::Time), Value::Int32(ms)) => {
            Value::Date(logical::time_to_logical(schema, ms).ok()?)
        }
        (Some(Logical::Timestamp), Value::Int64(ms)) => Value::Date(ms),
        _ => return None,
    })
}
