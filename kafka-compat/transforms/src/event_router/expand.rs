//! Payloads of JSON text that become structs, with schemas worked out from what they hold.

use std::fmt;

use gantry_model::{
    Datum, Error, Kind, MapValue, Result, Schema, SchemaBuilder, Str, Struct, Value,
};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

pub(super) struct Expansion {
    /// The name of the schema: that of the payload's field.
    pub(super) name: String,
    /// Whether fields that are null are kept, as bytes.
    pub(super) keeps_nulls: bool,
    /// Whether lists without elements are kept, as lists of texts.
    pub(super) keeps_empty: bool,
}

impl Expansion {
    /// Expands a payload. One that is no JSON object, or that no schema fits, stays as it is.
    pub(super) fn expand(&self, payload: &mut Datum) {
        let expanded = match &payload.value {
            Value::Null => return,
            Value::String(text) => self.parse(text),
            _ => Err(Error::data("it is no text")),
        };
        match expanded {
            Ok(expanded) => *payload = expanded,
            Err(error) => tracing::warn!("JSON expansion failed: {}", error.message()),
        }
    }

    fn parse(&self, text: &str) -> Result<Datum> {
        // What follows the object does not count, as in Debezium.
        let mut reader = serde_json::Deserializer::from_str(text);
        let Node(json) = Node::deserialize(&mut reader)
            .map_err(|error| Error::data(format!("it is no JSON: {error}")))?;
        if !matches!(json, Value::Map(_)) || !text.starts_with('{') {
            return Err(Error::data("it is no JSON object"));
        }
        let schema = self.schema(Some(&self.name), &json)?;
        let schema = schema.ok_or_else(|| Error::data("it has no schema"))?;
        let value = fitted(json, &schema);
        schema.validate(&value)?;
        Ok(Datum::new(schema, value))
    }

    /// The schema of a value; none for what is left out.
    fn schema(&self, key: Option<&str>, json: &Value) -> Result<Option<Schema>> {
        Ok(match json {
            Value::String(_) => Some(Schema::optional_string()),
            Value::Boolean(_) => Some(Schema::optional_boolean()),
            Value::Int32(_) => Some(Schema::optional_int32()),
            Value::Int64(_) => Some(Schema::optional_int64()),
            Value::Float64(_) => Some(Schema::optional_float64()),
            Value::Array(list) if list.is_empty() => {
                self.keeps_empty.then(|| list_of(Schema::optional_string()))
            }
            Value::Array(list) => Some(list_of(self.element(key, list)?)),
            Value::Map(map) => Some(self.object(key, map)?),
            _ => self.keeps_nulls.then(Schema::optional_bytes),
        })
    }

    fn object(&self, key: Option<&str>, map: &MapValue) -> Result<Schema> {
        let mut fields: Vec<(Str, Schema)> = Vec::with_capacity(map.len());
        for (name, value) in map.entries() {
            let Some(name) = name.as_str() else { continue };
            let path = match key.filter(|key| !gantry_model::text::is_blank(key)) {
                Some(key) => format!("{key}.{name}"),
                None => name.to_owned(),
            };
            if let Some(schema) = self.schema(Some(&path), value)? {
                fields.push((name.into(), schema));
            }
        }
        let builder = SchemaBuilder::structure(fields)?.name(key.map(Str::from));
        Ok(builder.optional().build_plain())
    }

    /// The schema of a list's elements, which must be of one type. Objects may differ: it has the
    /// fields of all.
    fn element(&self, key: Option<&str>, list: &[Value]) -> Result<Schema> {
        let filled = || list.iter().filter(|one| !one.is_null());
        let first = filled().next().unwrap_or(&Value::Null);
        if filled().any(|one| std::mem::discriminant(one) != std::mem::discriminant(first)) {
            return Err(Error::connect("Field is not a homogenous array"));
        }
        if !matches!(first, Value::Map(_)) {
            let schema = self.schema(None, first)?;
            return schema.ok_or_else(|| Error::connect("Array has unrecognized member schema."));
        }
        let mut all: Vec<Schema> = Vec::new();
        for one in filled() {
            if let Some(schema) = self.schema(key, one)?
                && !all.contains(&schema)
            {
                all.push(schema);
            }
        }
        let mut all = all.into_iter();
        let first = all.next().ok_or_else(|| Error::connect("A list has no elements"))?;
        all.try_fold(first, |left, right| merged(&left, &right))
    }
}

fn list_of(element: Schema) -> Schema {
    SchemaBuilder::new(Kind::Array(element)).optional().build_plain()
}

/// The fields of both. Where they differ the left one counts, unless it only ever was null.
fn merged(left: &Schema, right: &Schema) -> Result<Schema> {
    let list = |schema: &Schema| -> Vec<(Str, Schema)> {
        let fields = schema.fields().map(|fields| fields.list()).unwrap_or_default();
        fields.iter().map(|field| (Str::clone(&field.name), field.schema.clone())).collect()
    };
    let is_bytes = |schema: &Schema| *schema.kind() == Kind::Bytes;
    let mut fields = list(left);
    for (name, schema) in list(right) {
        match fields.iter_mut().find(|(known, _)| *known == name) {
            None => fields.push((name, schema)),
            Some((_, old)) if is_bytes(old) && !is_bytes(&schema) => *old = schema,
            Some(_) => {}
        }
    }
    Ok(SchemaBuilder::structure(fields)?.name(left.name().cloned()).build_plain())
}

/// JSON as a value of that schema. What does not fit stays as it is, and is found when the whole
/// is validated.
fn fitted(json: Value, schema: &Schema) -> Value {
    match (json, schema.kind()) {
        (Value::Map(map), Kind::Struct(fields)) => {
            let value = |name: &str| map.get(name).cloned().unwrap_or_default();
            let values =
                fields.list().iter().map(|field| fitted(value(&field.name), &field.schema));
            Value::Struct(Struct::from_values(schema.clone(), values.collect()).into())
        }
        (Value::Array(list), Kind::Array(element)) => {
            Value::array(list.iter().map(|one| fitted(one.clone(), element)).collect())
        }
        (json, _) => json,
    }
}

/// JSON with its objects' fields in order, numbers as small as Jackson has them.
struct Node(Value);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_any(Reader).map(Node)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, flag: bool) -> std::result::Result<Value, E> {
        Ok(Value::Boolean(flag))
    }
    fn visit_i64<E>(self, number: i64) -> std::result::Result<Value, E> {
        Ok(i32::try_from(number).map_or(Value::Int64(number), Value::Int32))
    }
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> std::result::Result<Value, E> {
        let number = i64::try_from(number).map_err(|_| E::custom("a number is too large"))?;
        self.visit_i64(number)
    }
    fn visit_f64<E>(self, number: f64) -> std::result::Result<Value, E> {
        Ok(Value::Float64(number))
    }
    fn visit_str<E>(self, text: &str) -> std::result::Result<Value, E> {
        Ok(Value::str(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> std::result::Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Node(one)) = from.next_element()? {
            list.push(one);
        }
        Ok(Value::array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> std::result::Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((name, Node(value))) = from.next_entry::<String, Node>()? {
            entries.push((Value::str(&name), value));
        }
        Ok(Value::map(MapValue::from_entries(entries)))
    }
}
