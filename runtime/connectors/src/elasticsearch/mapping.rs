//! Mappings: which types the fields of documents have, by the schemas of records.

use gantry_api::model::logical::Logical;
use gantry_api::{Error, Kind, Result, Schema, Value};
use gantry_converters::jackson::MAX_DEPTH;
use serde_json::{Map, Value as Json, json};

/// Texts are also indexed as they are, up to so many characters.
const KEYWORD_MAX: u32 = 256;

/// The mapping of documents of a schema. `DataException` without one.
pub(super) fn mapping(schema: Option<&Schema>) -> Result<Json> {
    let schema = schema.ok_or_else(|| {
        Error::data(
            "Cannot infer mapping without schema: the record's value has none. Use a converter \
             that gives it one, or set schema.ignore=true, so that the server makes the mapping",
        )
    })?;
    Ok(Json::Object(node(schema, 0)?))
}

fn node(schema: &Schema, depth: usize) -> Result<Map<String, Json>> {
    if depth > MAX_DEPTH {
        return Err(Error::data("The schema is nested too deep for a mapping"));
    }
    let depth = depth + 1;
    match schema.name().and_then(|_| Logical::of(schema)) {
        Some(Logical::Decimal) => return Ok(primitive("double", schema.default_value())),
        Some(_) => return Ok(primitive("date", schema.default_value())),
        None => {}
    }
    let kind = match schema.kind() {
        Kind::Array(element) => return node(element, depth),
        Kind::Map { key, value } => {
            let fields = [("key", key), ("value", value)];
            return properties(fields.into_iter(), depth);
        }
        Kind::Struct(fields) => {
            let fields = fields.list().iter().map(|field| (&*field.name, &field.schema));
            return properties(fields, depth);
        }
        Kind::Boolean => "boolean",
        Kind::Int8 => "byte",
        Kind::Int16 => "short",
        Kind::Int32 => "integer",
        Kind::Int64 => "long",
        Kind::Float32 => "float",
        Kind::Float64 => "double",
        Kind::String => "text",
        Kind::Bytes => "binary",
    };
    Ok(primitive(kind, schema.default_value()))
}

fn properties<'a>(
    fields: impl Iterator<Item = (&'a str, &'a Schema)>,
    depth: usize,
) -> Result<Map<String, Json>> {
    let mut inner = Map::new();
    for (name, schema) in fields {
        inner.insert(name.to_owned(), Json::Object(node(schema, depth)?));
    }
    Ok(object([("properties", Json::Object(inner))]))
}

fn primitive(kind: &str, default: Option<&Value>) -> Map<String, Json> {
    let mut found = object([("type", Json::from(kind))]);
    match kind {
        "text" => {
            let keyword = json!({"keyword": {"type": "keyword", "ignore_above": KEYWORD_MAX}});
            found.insert("fields".to_owned(), keyword);
        }
        // Servers know no default of these.
        "binary" => {}
        _ => {
            if let Some(default) = default.and_then(number) {
                found.insert("null_value".to_owned(), default);
            }
        }
    }
    found
}

fn object<const N: usize>(fields: [(&str, Json); N]) -> Map<String, Json> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn number(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Boolean(flag) => Json::from(*flag),
        Value::Int8(n) => Json::from(*n),
        Value::Int16(n) => Json::from(*n),
        Value::Int32(n) => Json::from(*n),
        Value::Int64(n) | Value::Date(n) => Json::from(*n),
        Value::Float32(n) => Json::from(*n),
        Value::Float64(n) => Json::from(*n),
        Value::Decimal(n) => Json::from(n.double_value()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use gantry_api::SchemaBuilder;
    use gantry_api::model::logical;

    use super::*;

    #[test]
    fn each_type_of_connect_has_one_of_the_servers() {
        let plain = |kind| SchemaBuilder::new(kind).build_plain();
        let list = plain(Kind::Array(Schema::int16()));
        let map = plain(Kind::Map { key: Schema::string(), value: Schema::float32() });
        let inner = SchemaBuilder::structure(vec![("x".into(), Schema::boolean())]).unwrap();
        let counted =
            SchemaBuilder::new(Kind::Int64).default_value(Some(Value::Int64(5))).build_plain();
        let named =
            SchemaBuilder::new(Kind::String).default_value(Some(Value::str("d"))).build_plain();
        let fields = vec![
            ("i8".into(), Schema::int8()),
            ("i32".into(), Schema::int32()),
            ("f64".into(), Schema::float64()),
            ("list".into(), list),
            ("map".into(), map),
            ("in".into(), inner.build_plain()),
            ("count".into(), counted),
            ("name".into(), named),
            ("raw".into(), Schema::bytes()),
            ("day".into(), logical::date().build_plain()),
            ("price".into(), logical::decimal(2).build_plain()),
        ];
        let schema = SchemaBuilder::structure(fields).unwrap().build_plain();
        let text = json!({
            "type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}
        });
        assert_eq!(
            mapping(Some(&schema)).unwrap(),
            json!({"properties": {
                "i8": {"type": "byte"},
                "i32": {"type": "integer"},
                "f64": {"type": "double"},
                "list": {"type": "short"},
                "map": {"properties": {"key": text, "value": {"type": "float"}}},
                "in": {"properties": {"x": {"type": "boolean"}}},
                "count": {"type": "long", "null_value": 5},
                "name": text,
                "raw": {"type": "binary"},
                "day": {"type": "date"},
                "price": {"type": "double"},
            }})
        );
        assert!(mapping(None).unwrap_err().message().starts_with("Cannot infer mapping"));
    }
}
