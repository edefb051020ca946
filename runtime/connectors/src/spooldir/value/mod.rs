//! Values of a schema's types, from text and from JSON, as the `Parser` of Java's connector makes
//! them.

pub(crate) mod dates;
pub(crate) mod schema_json;

use gantry_api::model::logical::{self, Decimal, Logical};
use gantry_api::model::map::MapValue;
use gantry_api::model::text::{parse_double, parse_long, trim};
use gantry_api::{Error, Kind, Result, Schema, Struct, Value};
use gantry_converters::jackson::{Node, Number};

pub(crate) use dates::Dates;
use num_bigint::BigInt;

/// A scale is changed by so many digits at most: a number of a few bytes must not become one of gigabytes.
const SCALE_STEP_MAX: u32 = 100_000;

/// The schemas of keys and values.
#[derive(Clone, Debug)]
pub(crate) struct Schemas {
    pub(crate) key: Schema,
    pub(crate) value: Schema,
}

impl Schemas {
    fn len(schema: &Schema) -> usize {
        schema.fields().map_or(0, |fields| fields.len())
    }
    pub(crate) fn key_len(&self) -> usize {
        Self::len(&self.key)
    }
    pub(crate) fn value_len(&self) -> usize {
        Self::len(&self.value)
    }
    /// The names of the value's fields, in order.
    pub(crate) fn value_names(&self) -> Vec<String> {
        let fields = self.value.fields().map_or(&[][..], |fields| fields.list());
        fields.iter().map(|field| field.name.to_string()).collect()
    }
    /// The schema of a field of the value, which is there.
    pub(crate) fn value_schema(&self, index: usize) -> &Schema {
        let field = self.value.fields().and_then(|fields| fields.list().get(index));
        field.map_or(&self.value, |field| &field.schema)
    }
}

/// Makes values.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    pub(crate) dates: Dates,
}

impl Values {
    /// The value of a text.
    pub(crate) fn parse(&self, schema: &Schema, text: Option<&str>) -> Result<Value> {
        let Some(text) = text else { return absent(schema) };
        if *schema.kind() == Kind::String && schema.name().is_none() {
            return Ok(Value::str(text));
        }
        self.of_text(schema, text)
    }

    fn of_text(&self, schema: &Schema, text: &str) -> Result<Value> {
        let class = class(schema)?;
        let value = match class {
            "String" => Some(Value::str(text)),
            "Boolean" => Some(Value::Boolean(text.eq_ignore_ascii_case("true"))),
            "Byte" => whole(text).map(Value::Int8),
            "Short" => whole(text).map(Value::Int16),
            "Integer" => whole(text).map(Value::Int32),
            "Long" => parse_long(text).map(Value::Int64),
            "Float" => float(text).map(Value::Float32),
            "Double" => parse_double(text).map(Value::Float64),
            "BigDecimal" => match text.parse::<Decimal>() {
                Ok(decimal) => Some(scaled(schema, decimal, text)?),
                Err(_) => None,
            },
            _ => match self.dates.parse(text) {
                Some(ms) => Some(Value::Date(self.dates.of_schema(schema, ms))),
                None => {
                    return Err(not_parsed(text, class).caused_by(Error::java(
                        "java.lang.IllegalStateException",
                        format!("Could not parse '{text}' to java.util.Date"),
                    )));
                }
            },
        };
        value.ok_or_else(|| not_parsed(text, class))
    }

    /// The value of a part of a JSON document.
    pub(crate) fn parse_json(&self, schema: &Schema, node: Option<&Node<'_>>) -> Result<Value> {
        let node = match node {
            None | Some(Node::Null | Node::Missing) => return absent(schema),
            Some(node) => node,
        };
        match schema.kind() {
            Kind::Struct(_) => self.object(schema, node),
            Kind::Array(element) => {
                let Node::Array(list) = node else {
                    return Err(Error::data(format!(
                        "an array is expected where there is {}",
                        node.type_name()
                    )));
                };
                let values = list.iter().enumerate().map(|(at, node)| {
                    self.parse_json(element, Some(node)).map_err(|cause| {
                        Error::data(format!("Exception thrown while processing index {at}"))
                            .caused_by(cause)
                    })
                });
                Ok(Value::array(values.collect::<Result<_>>()?))
            }
            Kind::Map { key, value } => self.map(key, value, node),
            _ => self.scalar(schema, node),
        }
    }

    fn object(&self, schema: &Schema, node: &Node<'_>) -> Result<Value> {
        if !matches!(node, Node::Object(_)) {
            return Err(Error::data(format!(
                "an object is expected where there is {}",
                node.type_name()
            )));
        }
        let fields = schema.fields().map_or(&[][..], |fields| fields.list());
        let mut values = Vec::with_capacity(fields.len());
        for field in fields {
            let found = find(node, &field.name);
            values.push(self.parse_json(&field.schema, found).map_err(|cause| {
                let name = schema.name().map_or("null", |name| name);
                Error::data(format!("Exception thrown while processing {name}:{}", field.name))
                    .caused_by(cause)
            })?);
        }
        Ok(Value::Struct(Struct::from_values(schema.clone(), values).into()))
    }

    fn map(&self, key: &Schema, value: &Schema, node: &Node<'_>) -> Result<Value> {
        let Node::Object(object) = node else {
            return Err(Error::data(format!(
                "an object is expected where there is {}",
                node.type_name()
            )));
        };
        let mut map = MapValue::default();
        for (name, node) in object.fields() {
            let failed = |what: &str, cause| {
                Error::data(format!("Exception thrown while parsing {what}. Key='{name}'"))
                    .caused_by(cause)
            };
            let key = self.parse(key, Some(name)).map_err(|cause| failed("key", cause))?;
            let value =
                self.parse_json(value, Some(node)).map_err(|cause| failed("value", cause))?;
            map.insert(key, value);
        }
        Ok(Value::map(map))
    }

    fn scalar(&self, schema: &Schema, node: &Node<'_>) -> Result<Value> {
        let class = class(schema)?;
        match node {
            Node::String(text) => self.of_text(schema, text),
            Node::Number(number) => self.number(schema, class, *number),
            Node::Boolean(value) if class == "Boolean" => Ok(Value::Boolean(*value)),
            Node::Boolean(value) if class == "String" => Ok(Value::str(&value.to_string())),
            _ => Err(not_parsed(node.type_name(), class)),
        }
    }

    fn number(&self, schema: &Schema, class: &str, number: Number<'_>) -> Result<Value> {
        // Java cuts off what does not fit into a smaller type.
        #[expect(clippy::cast_possible_truncation, reason = "as Java does it")]
        Ok(match class {
            "Byte" => Value::Int8(number.to_i64() as i8),
            "Short" => Value::Int16(number.to_i64() as i16),
            "Integer" => Value::Int32(number.to_i64() as i32),
            "Long" => Value::Int64(number.to_i64()),
            "Float" => Value::Float32(number.to_f32()),
            "Double" => Value::Float64(number.to_f64()),
            "String" => Value::str(number.text()),
            "BigDecimal" => scaled(schema, number.to_decimal(), number.text())?,
            "Date" => Value::Date(self.dates.of_schema(schema, number.to_i64())),
            _ => return Err(not_parsed(number.text(), class)),
        })
    }
}

/// A field, at first of the object itself, then of what it holds.
fn find<'n, 'a>(node: &'n Node<'a>, name: &str) -> Option<&'n Node<'a>> {
    match node {
        Node::Object(object) => object
            .get(name)
            .or_else(|| object.fields().iter().find_map(|(_, node)| find(node, name))),
        Node::Array(list) => list.iter().find_map(|node| find(node, name)),
        _ => None,
    }
}

fn absent(schema: &Schema) -> Result<Value> {
    if schema.is_optional() {
        return Ok(Value::Null);
    }
    Err(Error::java(
        "java.lang.NullPointerException",
        "schema is not optional so input cannot be null.",
    ))
}

/// The Java class of a schema's values.
fn class(schema: &Schema) -> Result<&'static str> {
    let name = schema.name().map(|name| &**name);
    Ok(match (schema.kind(), name) {
        (Kind::String, None) => "String",
        (Kind::Boolean, None) => "Boolean",
        (Kind::Int8, None) => "Byte",
        (Kind::Int16, None) => "Short",
        (Kind::Int32, None) => "Integer",
        (Kind::Int64, None) => "Long",
        (Kind::Float32, None) => "Float",
        (Kind::Float64, None) => "Double",
        (Kind::Bytes, Some(logical::DECIMAL)) => "BigDecimal",
        (Kind::Int32, Some(logical::DATE | logical::TIME)) => "Date",
        (Kind::Int64, Some(logical::TIMESTAMP)) => "Date",
        (kind, name) => {
            return Err(Error::java(
                "java.lang.UnsupportedOperationException",
                format!("Schema {}({}) is not supported", kind.type_name(), name.unwrap_or("null")),
            ));
        }
    })
}

fn not_parsed(text: &str, class: &str) -> Error {
    Error::data(format!("Could not parse '{text}' to '{class}'"))
}

fn whole<T: TryFrom<i64>>(text: &str) -> Option<T> {
    T::try_from(parse_long(text)?).ok()
}

/// The nearest float, without the detour over a double where the text is plain.
fn float(text: &str) -> Option<f32> {
    let double = parse_double(text)?;
    let plain = trim(text);
    if plain.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return plain.parse().ok();
    }
    #[expect(clippy::cast_possible_truncation, reason = "the nearest float")]
    Some(double as f32)
}

/// With the scale of the schema; an error if digits would be lost.
fn scaled(schema: &Schema, decimal: Decimal, text: &str) -> Result<Value> {
    let wanted = logical::scale(schema)?;
    let up = i64::from(wanted) - i64::from(decimal.scale);
    let power = |digits: i64| {
        let digits = u32::try_from(digits).ok().filter(|digits| *digits <= SCALE_STEP_MAX)?;
        Some(BigInt::from(10).pow(digits))
    };
    let unscaled = if decimal.unscaled == BigInt::ZERO {
        Some(BigInt::ZERO)
    } else if up >= 0 {
        power(up).map(|power| decimal.unscaled * power)
    } else {
        power(-up).and_then(|power| {
            let rest = &decimal.unscaled % &power;
            (rest == BigInt::ZERO).then(|| decimal.unscaled / power)
        })
    };
    let unscaled = unscaled.ok_or_else(|| {
        not_parsed(text, "BigDecimal").caused_by(Error::java(
            "java.lang.ArithmeticException",
            format!("Rounding necessary: the schema's scale is {wanted}"),
        ))
    })?;
    Ok(Value::Decimal(Decimal { unscaled, scale: wanted }.into()))
}

/// Whether a schema's values are moments.
pub(crate) fn is_timestamp(schema: &Schema) -> bool {
    Logical::of(schema) == Some(Logical::Timestamp)
}
