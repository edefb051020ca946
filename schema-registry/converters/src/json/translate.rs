//! From a Connect schema to the text of a JSON Schema: with the keywords of Confluent's converter,
//! in its order, so that both register one and the same text.
//!
//! One thing differs. Where a struct with an identifier comes again, Confluent's converter writes a
//! `$ref` that leads to the whole document in its own reader, and nowhere in others; here it is
//! written out again.

use gantry_model::logical::Logical;
use gantry_model::text::{sort_as_copied_hash_map, sort_as_hash_map, sort_as_hash_map_for};
use gantry_model::{Error, Field, Kind, Result, Schema};
use gantry_schema_json::JsonSchema;
use gantry_schema_model::{Node, ParsedSchema};

use super::config::Settings;
use super::plan::{
    DEPTH_MAX, GENERAL_ENUM, JSON_ENUM, KEY, Plan, VALUE, is_enum, is_extras, is_object, is_union,
    is_variant,
};
use super::write;

/// Where the parameters are that are of no use outside of this format.
pub(crate) const NAMESPACE: &str = "io.confluent.connect.json";
/// The parameter with the identifier of a struct that others refer to.
pub(crate) const ID: &str = "io.confluent.connect.json.Id";
/// The symbol that stands for null.
pub(crate) const NULL_SYMBOL: &str = "<NULL>";

pub(crate) const TYPE: &str = "connect.type";
pub(crate) const VERSION: &str = "connect.version";
pub(crate) const PARAMETERS: &str = "connect.parameters";
pub(crate) const INDEX: &str = "connect.index";

type Entries = Vec<(String, Node)>;

/// The text of a schema.
pub(crate) fn translate(schema: &Schema, settings: &Settings) -> Result<String> {
    let text = Translate { settings }.schema(schema, None, false, 0)?.to_string();
    let parsed = JsonSchema::load(&text, &[], false).map_err(|error| {
        Error::data(format!("The schema cannot be written as a JSON Schema: {error}"))
    })?;
    Ok(parsed.canonical().to_owned())
}

struct Translate<'s> {
    settings: &'s Settings,
}

/// The keywords of one schema, as far as they are in groups.
#[derive(Default)]
struct Keywords {
    first: Entries,
    common: Entries,
    id: Option<String>,
    /// What begins with `connect.`.
    extensions: Entries,
    last: Entries,
}

impl Keywords {
    fn node(mut self) -> Node {
        let mut all = self.first;
        all.append(&mut self.common);
        all.extend(self.id.map(|id| ("id".to_owned(), Node::Text(id))));
        // First a map, then a copy of it.
        sort_as_hash_map(&mut self.extensions, |(key, _)| key);
        sort_as_copied_hash_map(&mut self.extensions, |(key, _)| key);
        all.append(&mut self.extensions);
        all.append(&mut self.last);
        Node::Map(all)
    }
}

impl Translate<'_> {
    /// `index` is the place of a field in its struct. A branch of a union is never optional.
    fn schema(
        &self,
        schema: &Schema,
        index: Option<usize>,
        is_branch: bool,
        depth: usize,
    ) -> Result<Node> {
        if depth > DEPTH_MAX {
            return Err(Error::data(format!(
                "The schema has more than {DEPTH_MAX} structs, lists and maps within each other"
            )));
        }
        if schema.is_absent() {
            return Err(Error::data("A part of the schema is missing: elements have no type"));
        }
        let optional = schema.is_optional() && !is_branch;
        let mut keywords = Keywords::default();
        let is_struct = matches!(schema.kind(), Kind::Struct(_)) && !is_variant(schema);
        if is_struct && is_union(schema) {
            self.union(schema, optional, &mut keywords, depth)?;
        } else if is_struct && optional {
            let inner = self.schema(schema, None, true, depth + 1)?;
            keywords.last.push(one_of(vec![null(), inner]));
        } else {
            self.kind(schema, &mut keywords, depth)?;
            self.common(schema, &mut keywords)?;
            if optional {
                let inner = std::mem::take(&mut keywords).node();
                keywords.last.push(one_of(vec![null(), inner]));
            }
        }
        keywords.id = schema.parameters().and_then(|all| all.get(ID)).map(|id| id.to_string());
        keywords.extensions.extend(index.map(|index| (INDEX.to_owned(), number(index))));
        Ok(keywords.node())
    }

    fn union(
        &self,
        schema: &Schema,
        optional: bool,
        keywords: &mut Keywords,
        depth: usize,
    ) -> Result<()> {
        let mut branches = Vec::new();
        if optional {
            branches.push(null());
        }
        for field in fields(schema) {
            branches.push(self.schema(&field.schema, Some(field.index), true, depth + 1)?);
        }
        keywords.last.push(one_of(branches));
        Ok(())
    }

    fn kind(&self, schema: &Schema, keywords: &mut Keywords, depth: usize) -> Result<()> {
        let mut scalar = |type_: &str, connect: Option<&str>| {
            keywords.first.push(text("type", type_));
            keywords.extensions.extend(connect.map(|connect| text(TYPE, connect)));
        };
        match schema.kind() {
            Kind::Int8 => scalar("integer", Some("int8")),
            Kind::Int16 => scalar("integer", Some("int16")),
            Kind::Int32 => scalar("integer", Some("int32")),
            Kind::Int64 => scalar("integer", Some("int64")),
            Kind::Float32 => scalar("number", Some("float32")),
            Kind::Float64 => scalar("number", Some("float64")),
            // Its type stands behind all else.
            Kind::Boolean => keywords.last.push(text("type", "boolean")),
            Kind::Bytes => {
                let decimal = Logical::of(schema) == Some(Logical::Decimal);
                let numeric = decimal && self.settings.numeric_decimals;
                scalar(if numeric { "number" } else { "string" }, Some("bytes"));
            }
            Kind::String => match symbols(schema, self.settings) {
                Some(symbols) => {
                    keywords.first.push(("enum".to_owned(), Node::List(symbols)));
                }
                None => scalar("string", None),
            },
            Kind::Array(element) => {
                scalar("array", None);
                let items = self.schema(element, None, false, depth + 1)?;
                keywords.last.push(("items".to_owned(), items));
            }
            Kind::Map { key, value } if is_object(key) => {
                scalar("object", Some("map"));
                let values = self.schema(value, None, false, depth + 1)?;
                keywords.last.push(("additionalProperties".to_owned(), values));
            }
            Kind::Map { key, value } => {
                scalar("array", Some("map"));
                let key = self.schema(key, Some(0), false, depth + 1)?;
                let value = self.schema(value, Some(1), false, depth + 1)?;
                let properties = vec![(KEY.to_owned(), key), (VALUE.to_owned(), value)];
                let entry = Node::Map(vec![
                    text("type", "object"),
                    ("properties".to_owned(), hashed(properties)),
                ]);
                keywords.last.push(("items".to_owned(), entry));
            }
            Kind::Struct(_) if is_variant(schema) => {}
            Kind::Struct(_) => {
                scalar("object", None);
                self.properties(schema, keywords, depth)?;
            }
        }
        Ok(())
    }

    fn properties(&self, schema: &Schema, keywords: &mut Keywords, depth: usize) -> Result<()> {
        if !self.settings.additional_properties {
            keywords.first.push(("additionalProperties".to_owned(), Node::Bool(false)));
        }
        let mut properties = Vec::new();
        for field in fields(schema) {
            if !is_extras(field, self.settings) {
                let property = self.schema(&field.schema, Some(field.index), false, depth + 1)?;
                properties.push((field.name.to_string(), property));
            }
        }
        if !properties.is_empty() {
            keywords.last.push(("properties".to_owned(), hashed(properties)));
        }
        Ok(())
    }

    /// What schemas of all kinds have.
    fn common(&self, schema: &Schema, keywords: &mut Keywords) -> Result<()> {
        keywords.common.extend(schema.name().map(|name| text("title", name)));
        keywords.common.extend(schema.doc().map(|doc| text("description", doc)));
        if let Some(default) = self.default(schema)? {
            keywords.common.push(("default".to_owned(), default));
        }
        let version = schema.version().map(|version| (VERSION.to_owned(), number(version)));
        keywords.extensions.extend(version);
        let parameters = schema.parameters().into_iter().flatten();
        let mut parameters: Entries = parameters
            .filter(|(key, _)| !key.starts_with(NAMESPACE))
            .map(|(key, value)| text(key, value))
            .collect();
        if !parameters.is_empty() {
            sort_as_hash_map(&mut parameters, |(key, _)| key);
            let count = u32::try_from(parameters.len()).unwrap_or(u32::MAX);
            sort_as_hash_map_for(count, &mut parameters, |(key, _)| key);
            keywords.extensions.push((PARAMETERS.to_owned(), Node::Map(parameters)));
        }
        Ok(())
    }

    /// The default as JSON.
    fn default(&self, schema: &Schema) -> Result<Option<Node>> {
        let Some(default) = schema.default_value().filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let plan = Plan::new(schema, self.settings)?;
        let mut json = Vec::new();
        let written = write::value(&mut json, &plan, default, self.settings)
            .map_err(|fault| Error::data("Invalid default value").caused_by(fault.into_error()))?;
        if !written {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&json);
        let node = Node::parse(&text).map_err(|error| {
            Error::data(format!("The default value {text} cannot stand in a schema: {error}"))
        })?;
        Ok(match as_default(node) {
            Node::Null => None,
            node => Some(node),
        })
    }
}

/// A default value as Confluent's converter writes it into schemas: objects in the order of hash
/// maps, numbers without zeros at their end.
fn as_default(node: Node) -> Node {
    match node {
        Node::Map(map) => {
            let map = map.into_iter().map(|(key, value)| (key, as_default(value))).collect();
            hashed(map)
        }
        Node::List(items) => Node::List(items.into_iter().map(as_default).collect()),
        Node::Number(number) => Node::Number(without_zeros(number)),
        other => other,
    }
}

fn without_zeros(number: String) -> String {
    if !number.contains('.') || number.contains(['e', 'E']) {
        return number;
    }
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn fields(schema: &Schema) -> &[Field] {
    schema.fields().map(|fields| fields.list()).unwrap_or_default()
}

/// The symbols of a text that is an enum.
fn symbols(schema: &Schema, settings: &Settings) -> Option<Vec<Node>> {
    let parameters = schema.parameters().filter(|_| is_enum(schema))?;
    let parameter = if settings.generalized_sums { GENERAL_ENUM } else { JSON_ENUM };
    // Parameters have no name twice, and so no symbol comes twice.
    let mut symbols: Vec<&str> = parameters
        .keys()
        .filter_map(|key| key.strip_prefix(parameter)?.strip_prefix('.'))
        .collect();
    // Java's hash of null is that of the empty text.
    sort_as_hash_map(&mut symbols, |symbol| if *symbol == NULL_SYMBOL { "" } else { symbol });
    let node = |symbol: &str| match symbol {
        NULL_SYMBOL => Node::Null,
        symbol => Node::Text(symbol.to_owned()),
    };
    Some(symbols.into_iter().map(node).collect())
}

/// An object in the order of Java's hash map.
fn hashed(mut entries: Entries) -> Node {
    sort_as_hash_map(&mut entries, |(key, _)| key);
    Node::Map(entries)
}

fn one_of(branches: Vec<Node>) -> (String, Node) {
    ("oneOf".to_owned(), Node::List(branches))
}

fn null() -> Node {
    Node::Map(vec![text("type", "null")])
}

fn text(key: &str, value: &str) -> (String, Node) {
    (key.to_owned(), Node::Text(value.to_owned()))
}

fn number(value: impl ToString) -> Node {
    Node::Number(value.to_string())
}
