//! Reads schemas by the rules of Avro's Java library, with its error messages.
//!
//! A name may stand before its definition. Until the whole text is read, such a name stands for
//! a record without fields, as in the Java library: errors show it, and definitions that hold
//! different ones are different. [`resolve`](crate::resolve) then puts the types in their place.

use std::collections::{HashMap, HashSet};

use gantry_schema_model::{InvalidSchema, Node};

use crate::default::Check;
use crate::equal;
use crate::json;
use crate::logical::{self, Base};
use crate::model::{
    Attributes, Definition, Field, Kind, Order, Primitive, Properties, Type, TypeId, Types,
};
use crate::name::{self, Name};
use crate::resolve::Progress;
use crate::write;

pub(crate) type Result<T> = std::result::Result<T, InvalidSchema>;

/// What a name that is not defined yet stands for.
const UNRESOLVED_NAME: &str = "UnresolvedSchema_";
const UNRESOLVED_SPACE: &str = "org.apache.avro.compiler";
const UNRESOLVED_PROPERTY: &str = "org.apache.avro.idl.unresolved.name";

/// More bytes are more than a Java array can hold.
const MAX_FIXED: u32 = i32::MAX as u32 - 8;

/// Names with a meaning of their own beside a type.
const RESERVED: [&str; 10] =
    ["doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"];
const RESERVED_IN_ENUMS: [&str; 11] = [
    "doc",
    "fields",
    "items",
    "name",
    "namespace",
    "size",
    "symbols",
    "values",
    "type",
    "aliases",
    "default",
];
const RESERVED_IN_FIELDS: [&str; 6] = ["default", "doc", "name", "order", "type", "aliases"];

/// Reads texts one after the other; each may use the names of those before it.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    pub(crate) types: Types,
    pub(crate) names: HashMap<String, TypeId>,
    /// What was defined in the text that is being read.
    pub(crate) added: Vec<TypeId>,
    pub(crate) progress: Progress,
    /// How many definitions are of earlier texts.
    pub(crate) placed: usize,
    /// Whether names and defaults are checked.
    is_new: bool,
}

impl Parser {
    pub(crate) fn new(is_new: bool) -> Self {
        Self { is_new, ..Self::default() }
    }

    /// Reads one text.
    pub(crate) fn parse(&mut self, text: &str) -> Result<Type> {
        let (node, rest) = json::read(text)?;
        let Some(node) = node else { return Err(invalid("Cannot parse <null> schema")) };
        let schema = self.schema(&node, None)?;
        let schema = self.resolve(schema)?;
        if !rest.is_empty() {
            return Err(invalid(format!("dangling content after end of schema: {rest}")));
        }
        Ok(schema)
    }

    pub(crate) fn checks_defaults(&self) -> bool {
        self.is_new
    }

    fn schema(&mut self, node: &Node, space: Option<&str>) -> Result<Type> {
        match node {
            Node::Text(name) => Ok(self.find(name, space)),
            Node::List(branches) => self.union(branches, space),
            Node::Map(_) => match required(node, "type", "No type")? {
                "record" => self.record(node, space, false),
                "error" => self.record(node, space, true),
                "enum" => self.enumeration(node, space),
                "fixed" => self.fixed(node, space),
                "array" => self.array(node, space),
                "map" => self.map(node, space),
                kind => match Primitive::by_name(kind) {
                    Some(primitive) => {
                        let base = Base::Primitive(primitive);
                        let attributes = self.attributes(node, &RESERVED, base);
                        Ok(Type::Primitive(primitive, attributes))
                    }
                    None => Ok(self.find(kind, space)),
                },
            },
            other => Err(invalid(format!("Schema not yet supported: {other}"))),
        }
    }

    /// The type of that name: of the namespace, or else without one.
    fn find(&mut self, name: &str, space: Option<&str>) -> Type {
        if let Some(primitive) = Primitive::by_name(name) {
            return Type::Primitive(primitive, Attributes::default());
        }
        let full = match space {
            Some(space) if !name.contains('.') => format!("{space}.{name}"),
            _ => name.to_owned(),
        };
        let known = self.names.get(&full).or_else(|| self.names.get(name));
        Type::Named(known.copied().unwrap_or_else(|| self.unresolved(full)))
    }

    fn unresolved(&mut self, full: String) -> TypeId {
        let count = self.progress.unresolved.len();
        let property = (UNRESOLVED_PROPERTY.to_owned(), Node::Text(full.clone()));
        let id = self.define(Definition {
            name: Name::new(&format!("{UNRESOLVED_NAME}{count}"), Some(UNRESOLVED_SPACE)),
            doc: Some("unresolved schema".to_owned()),
            aliases: Vec::new(),
            attributes: Attributes { logical: None, properties: Properties(vec![property]) },
            kind: Kind::Record { fields: Vec::new(), is_error: false },
        });
        self.progress.unresolved.insert(id, full);
        id
    }

    fn define(&mut self, definition: Definition) -> TypeId {
        let id = TypeId(self.types.0.len());
        self.types.0.push(definition);
        id
    }

    fn union(&mut self, branches: &[Node], space: Option<&str>) -> Result<Type> {
        let mut schemas = Vec::with_capacity(branches.len());
        for branch in branches {
            schemas.push(self.schema(branch, space)?);
        }
        let mut known = HashSet::new();
        for branch in &schemas {
            if matches!(branch, Type::Union(_)) {
                let union = write::resolved(&self.types, &Type::Union(schemas))?;
                return Err(invalid(format!("Nested union: {union}")));
            }
            check_branch(&mut known, self.types.name_of(branch))?;
        }
        Ok(Type::Union(schemas))
    }

    fn array(&mut self, node: &Node, space: Option<&str>) -> Result<Type> {
        let Some(items) = node.get("items") else {
            return Err(invalid(format!("Array has no items type: {node}")));
        };
        let items = Box::new(self.schema(items, space)?);
        let attributes = self.attributes(node, &RESERVED, Base::Array(&items));
        Ok(Type::Array(items, attributes))
    }

    fn map(&mut self, node: &Node, space: Option<&str>) -> Result<Type> {
        let Some(values) = node.get("values") else {
            return Err(invalid(format!("Map has no values type: {node}")));
        };
        let values = Box::new(self.schema(values, space)?);
        let attributes = self.attributes(node, &RESERVED, Base::Other);
        Ok(Type::Map(values, attributes))
    }

    fn record(&mut self, node: &Node, space: Option<&str>, is_error: bool) -> Result<Type> {
        let (name, doc) = self.head(node, space)?;
        check_own(&name)?;
        let Some(Node::List(nodes)) = node.get("fields") else {
            return Err(invalid(format!("Record has no fields: {node}")));
        };
        let mut fields = Vec::with_capacity(nodes.len());
        for node in nodes {
            fields.push(self.field(node, name.space())?);
        }
        self.check_fields(&name, &fields)?;
        let attributes = self.attributes(node, &RESERVED, Base::Record(&fields));
        let aliases = self.aliases(node, &name)?;
        self.put(Definition {
            name,
            doc,
            aliases,
            attributes,
            kind: Kind::Record { fields, is_error },
        })
    }

    fn check_fields(&self, record: &Name, fields: &[Field]) -> Result<()> {
        let mut places: HashMap<&str, (usize, &Field)> = HashMap::with_capacity(fields.len());
        for (place, field) in fields.iter().enumerate() {
            if let Some((known_place, known)) = places.insert(&field.name, (place, field)) {
                return Err(invalid(format!(
                    "Duplicate field {} in record {record}: {} and {}.",
                    field.name,
                    write::field(&self.types, field, place),
                    write::field(&self.types, known, known_place),
                )));
            }
        }
        Ok(())
    }

    fn field(&mut self, node: &Node, space: Option<&str>) -> Result<Field> {
        let name = required(node, "name", "No field name")?;
        let Some(schema) = node.get("type") else {
            return Err(invalid(format!("No field type: {node}")));
        };
        let schema = self.schema(schema, space)?;
        let order = order(node)?;
        let default = default(node, &schema)?;
        name::check_simple(name, self.is_new)?;
        let field = Field {
            name: name.to_owned(),
            schema,
            doc: text(node, "doc").map(str::to_owned),
            default,
            order,
            aliases: aliases(node)?.into_iter().map(str::to_owned).collect(),
            properties: properties(node, &RESERVED_IN_FIELDS),
        };
        if self.is_new {
            Check::new(&self.types, None).field(&field)?;
        }
        Ok(field)
    }

    fn enumeration(&mut self, node: &Node, space: Option<&str>) -> Result<Type> {
        let (name, doc) = self.head(node, space)?;
        let Some(Node::List(nodes)) = node.get("symbols") else {
            return Err(invalid(format!("Enum has no symbols: {node}")));
        };
        check_own(&name)?;
        let mut symbols: Vec<String> = Vec::with_capacity(nodes.len());
        let mut known = HashSet::with_capacity(nodes.len());
        for node in nodes {
            let Some(symbol) = node.as_text() else { return Err(invalid("Null name")) };
            name::check_simple(symbol, self.is_new)?;
            if !known.insert(symbol) {
                return Err(invalid(format!("Duplicate enum symbol: {symbol}")));
            }
            symbols.push(symbol.to_owned());
        }
        let default = text(node, "default");
        if let Some(default) = default
            && !known.contains(default)
        {
            return Err(invalid(format!(
                "The Enum Default: {default} is not in the enum symbol set: [{}]",
                symbols.join(", ")
            )));
        }
        let attributes = self.attributes(node, &RESERVED_IN_ENUMS, Base::Other);
        let aliases = self.aliases(node, &name)?;
        let default = default.map(str::to_owned);
        let kind = Kind::Enum { symbols, default };
        self.put(Definition { name, doc, aliases, attributes, kind })
    }

    fn fixed(&mut self, node: &Node, space: Option<&str>) -> Result<Type> {
        let (name, doc) = self.head(node, space)?;
        let size = match node.get("size") {
            Some(Node::Number(size)) => size.parse::<i32>().ok(),
            _ => None,
        };
        let Some(size) = size else {
            return Err(invalid(format!("Invalid or no size: {node}")));
        };
        check_own(&name)?;
        let Ok(size) = u32::try_from(size) else {
            return Err(invalid(format!("Malformed data. Length is negative: {size}")));
        };
        if size > MAX_FIXED {
            return Err(invalid(format!(
                "Cannot read arrays longer than {MAX_FIXED} bytes in Java library"
            )));
        }
        let attributes = self.attributes(node, &RESERVED, Base::Fixed(size));
        let aliases = self.aliases(node, &name)?;
        self.put(Definition { name, doc, aliases, attributes, kind: Kind::Fixed { size } })
    }

    /// The name and the documentation of a type that is defined.
    fn head(&self, node: &Node, space: Option<&str>) -> Result<(Name, Option<String>)> {
        let space = text(node, "namespace").or(space);
        let name = Name::new(required(node, "name", "No name in schema")?, space);
        name::check_simple(name.simple(), self.is_new)?;
        Ok((name, text(node, "doc").map(str::to_owned)))
    }

    fn aliases(&self, node: &Node, of: &Name) -> Result<Vec<Name>> {
        let mut names: Vec<Name> = Vec::new();
        let mut known = HashSet::new();
        for alias in aliases(node)? {
            let alias = Name::new(alias, of.space());
            name::check_simple(alias.simple(), self.is_new)?;
            if known.insert(alias.clone()) {
                names.push(alias);
            }
        }
        Ok(names)
    }

    fn attributes(&self, node: &Node, reserved: &[&str], base: Base<'_>) -> Attributes {
        let properties = properties(node, reserved);
        Attributes { logical: logical::of(base, &properties, &self.types), properties }
    }

    /// Adds a definition. The name may be known already if it means the same.
    fn put(&mut self, definition: Definition) -> Result<Type> {
        name::check_full(&definition.name, self.is_new)?;
        let full = definition.name.full().to_owned();
        let id = self.define(definition);
        match self.names.get(&full) {
            Some(known) if !equal::definitions(&self.types, *known, id) => {
                return Err(invalid(format!("Can't redefine: {full}")));
            }
            Some(_) => {}
            None => {
                self.names.insert(full, id);
                self.added.push(id);
            }
        }
        Ok(Type::Named(id))
    }
}

pub(crate) fn invalid(message: impl Into<String>) -> InvalidSchema {
    InvalidSchema(message.into())
}

/// No two branches of a union may have the same name.
pub(crate) fn check_branch<'a>(known: &mut HashSet<&'a str>, name: &'a str) -> Result<()> {
    if known.insert(name) { Ok(()) } else { Err(invalid(format!("Duplicate in union:{name}"))) }
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Node::as_text)
}

/// Types of one's own have names of their own.
fn check_own(name: &Name) -> Result<()> {
    match Primitive::by_name(name.full()) {
        None => Ok(()),
        Some(_) => Err(invalid(format!("Schemas may not be named after primitives: {name}"))),
    }
}

fn required<'a>(node: &'a Node, key: &str, error: &str) -> Result<&'a str> {
    text(node, key).ok_or_else(|| invalid(format!("{error}: {node}")))
}

fn properties(node: &Node, reserved: &[&str]) -> Properties {
    let Node::Map(pairs) = node else { return Properties::default() };
    let pairs = pairs.iter().filter(|(name, _)| !reserved.contains(&name.as_str()));
    Properties(pairs.cloned().collect())
}

fn aliases(node: &Node) -> Result<Vec<&str>> {
    let mut names = Vec::new();
    let mut known = HashSet::new();
    match node.get("aliases") {
        None => {}
        Some(Node::List(nodes)) => {
            for alias in nodes {
                let Some(name) = alias.as_text() else {
                    return Err(invalid(format!("alias not a string: {alias}")));
                };
                if known.insert(name) {
                    names.push(name);
                }
            }
        }
        Some(_) => return Err(invalid(format!("aliases not an array: {node}"))),
    }
    Ok(names)
}

fn order(node: &Node) -> Result<Order> {
    let Some(order) = node.get("order") else { return Ok(Order::Ascending) };
    let Some(name) = order.as_text() else {
        return Err(invalid(
            "Cannot invoke \"String.toUpperCase(java.util.Locale)\" because the return value of \
             \"com.fasterxml.jackson.databind.JsonNode.textValue()\" is null",
        ));
    };
    match name.to_uppercase().as_str() {
        "ASCENDING" => Ok(Order::Ascending),
        "DESCENDING" => Ok(Order::Descending),
        "IGNORE" => Ok(Order::Ignore),
        other => {
            Err(invalid(format!("No enum constant org.apache.avro.Schema.Field.Order.{other}")))
        }
    }
}

/// The default of a field. That of a float or double may be written as a text.
fn default(node: &Node, schema: &Type) -> Result<Option<Node>> {
    let is_floating = matches!(schema, Type::Primitive(Primitive::Float | Primitive::Double, _));
    match node.get("default") {
        Some(Node::Text(written)) if is_floating => {
            let value = gantry_model::text::parse_double(written).ok_or_else(|| {
                match gantry_model::text::trim(written) {
                    "" => invalid("empty String"),
                    text => invalid(format!("For input string: \"{text}\"")),
                }
            })?;
            Ok(Some(json::double(value)))
        }
        other => Ok(other.cloned()),
    }
}

#[cfg(test)]
mod tests;
