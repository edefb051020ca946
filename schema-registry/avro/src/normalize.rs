//! The text of a schema in the form to which Confluent's registry brings schemas: full names,
//! properties in the order of their names, numbers as values of their type.
//!
//! A registry reads this text once more and keeps the canonical text of that.

use std::collections::HashSet;
use std::fmt::Write as _;

use gantry_schema_model::Node;

use crate::json;
use crate::logical::Logical;
use crate::model::{
    Attributes, Definition, Field, Kind, Order, Primitive, Properties, Type, TypeId, Types,
};
use crate::walk::MAX_LEVELS;
use crate::write::push_quoted;

/// The text of a schema, or none if there is a value that has no such form. `known` are full
/// names that need no definition.
pub(crate) fn text(types: &Types, schema: &Type, known: &[String]) -> Option<String> {
    let known = known.iter().cloned().collect();
    let mut writer = Writer { types, known, out: String::new(), depth: 0 };
    writer.schema(schema)?;
    Some(writer.out)
}

struct Writer<'a> {
    types: &'a Types,
    /// Full names that need no definition any more.
    known: HashSet<String>,
    out: String,
    depth: usize,
}

impl Writer<'_> {
    fn schema(&mut self, schema: &Type) -> Option<()> {
        self.depth += 1;
        if self.depth > MAX_LEVELS {
            return None;
        }
        match schema {
            Type::Primitive(primitive, attributes) => {
                if attributes.properties.is_empty() {
                    push_quoted(&mut self.out, primitive.name());
                } else {
                    self.begin("type", primitive.name());
                    self.attributes(attributes)?;
                    self.out.push('}');
                }
            }
            Type::Array(part, attributes) | Type::Map(part, attributes) => {
                self.begin("type", self.types.kind_of(schema));
                let is_array = matches!(schema, Type::Array(..));
                self.out.push_str(if is_array { ",\"items\":" } else { ",\"values\":" });
                self.schema(part)?;
                self.attributes(attributes)?;
                self.out.push('}');
            }
            Type::Union(branches) => {
                self.out.push('[');
                for (at, branch) in branches.iter().enumerate() {
                    if at > 0 {
                        self.out.push(',');
                    }
                    self.schema(branch)?;
                }
                self.out.push(']');
            }
            Type::Named(id) => self.named(*id)?,
        }
        self.depth -= 1;
        Some(())
    }

    fn named(&mut self, id: TypeId) -> Option<()> {
        let types = self.types;
        let definition = types.get(id);
        let full = definition.name.full();
        if !self.known.insert(full.to_owned()) {
            push_quoted(&mut self.out, full);
            return Some(());
        }
        self.begin("name", full);
        self.member("type", types.kind_of(&Type::Named(id)));
        match &definition.kind {
            Kind::Record { fields, .. } => {
                self.out.push_str(",\"fields\":[");
                for (at, field) in fields.iter().enumerate() {
                    if at > 0 {
                        self.out.push(',');
                    }
                    self.field(field)?;
                }
                self.out.push(']');
            }
            Kind::Enum { symbols, .. } => {
                self.out.push_str(",\"symbols\":");
                self.texts(symbols.iter().map(String::as_str));
            }
            Kind::Fixed { size } => _ = write!(self.out, ",\"size\":{size}"),
        }
        self.logical(&definition.attributes);
        self.beside_name(definition);
        self.properties(&definition.attributes.properties)?;
        self.out.push('}');
        Some(())
    }

    /// Documentation, aliases and the default symbol.
    fn beside_name(&mut self, definition: &Definition) {
        if let Some(doc) = definition.doc.as_deref().filter(|doc| !doc.is_empty()) {
            self.member("doc", doc);
        }
        let has_space = definition.name.space().is_some();
        let names = definition.aliases.iter().map(|alias| match alias.space() {
            None if has_space => format!(".{alias}"),
            _ => alias.to_string(),
        });
        self.aliases(names.collect());
        if let Kind::Enum { default: Some(default), .. } = &definition.kind {
            self.member("default", default);
        }
    }

    fn field(&mut self, field: &Field) -> Option<()> {
        self.begin("name", &field.name);
        self.out.push_str(",\"type\":");
        self.schema(&field.schema)?;
        self.member(
            "order",
            match field.order {
                Order::Ascending => "ASCENDING",
                Order::Descending => "DESCENDING",
                Order::Ignore => "IGNORE",
            },
        );
        if let Some(doc) = &field.doc {
            self.member("doc", doc);
        }
        self.aliases(field.aliases.clone());
        if matches!(&field.schema, Type::Union(branches) if branches.is_empty()) {
            return None;
        }
        if let Some(default) = &field.default
            && let Some(default) = default_of(self.types, &field.schema, default)?
        {
            // Writing to a String cannot fail.
            _ = write!(self.out, ",\"default\":{default}");
        }
        self.properties(&field.properties)?;
        self.out.push('}');
        Some(())
    }

    fn attributes(&mut self, attributes: &Attributes) -> Option<()> {
        self.logical(attributes);
        self.properties(&attributes.properties)
    }

    /// The logical type, which comes again among the properties: only its place counts.
    fn logical(&mut self, attributes: &Attributes) {
        let Some(logical) = attributes.logical else { return };
        self.member("logicalType", logical.name());
        if let Logical::Decimal { precision, scale } = logical {
            _ = write!(self.out, ",\"precision\":{precision}");
            if scale != 0 {
                _ = write!(self.out, ",\"scale\":{scale}");
            }
        }
    }

    fn properties(&mut self, properties: &Properties) -> Option<()> {
        let mut pairs: Vec<(&str, &Node)> = properties.iter().collect();
        pairs.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
        for (name, value) in pairs {
            self.out.push(',');
            push_quoted(&mut self.out, name);
            _ = write!(self.out, ":{}", plain(value)?);
        }
        Some(())
    }

    fn aliases(&mut self, mut names: Vec<String>) {
        if !names.is_empty() {
            names.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            self.out.push_str(",\"aliases\":");
            self.texts(names.iter().map(String::as_str));
        }
    }

    fn begin(&mut self, name: &str, text: &str) {
        _ = write!(self.out, "{{\"{name}\":");
        push_quoted(&mut self.out, text);
    }

    fn member(&mut self, name: &str, text: &str) {
        _ = write!(self.out, ",\"{name}\":");
        push_quoted(&mut self.out, text);
    }

    fn texts<'b>(&mut self, texts: impl Iterator<Item = &'b str>) {
        self.out.push('[');
        for (at, text) in texts.enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            push_quoted(&mut self.out, text);
        }
        self.out.push(']');
    }
}

/// A value with the keys of its objects in order. None if it holds a number of more than 64 bits.
fn plain(value: &Node) -> Option<Node> {
    Some(match value {
        Node::Number(text) if !is_double(text) => {
            text.parse::<i64>().ok()?;
            value.clone()
        }
        Node::List(values) => Node::List(values.iter().map(plain).collect::<Option<_>>()?),
        Node::Map(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| Some((key.clone(), plain(value)?)));
            sorted(pairs.collect::<Option<_>>()?)
        }
        other => other.clone(),
    })
}

fn sorted(mut pairs: Vec<(String, Node)>) -> Node {
    pairs.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    Node::Map(pairs)
}

fn is_double(number: &str) -> bool {
    number.contains(['.', 'E'])
}

fn default_of(types: &Types, schema: &Type, value: &Node) -> Option<Option<Node>> {
    match (schema, value) {
        // In place of a number that JSON does not have.
        (Type::Primitive(Primitive::Float | Primitive::Double, _), Node::Text(_)) => {
            Some(Some(value.clone()))
        }
        _ => value_of(types, schema, value),
    }
}

/// A default as a value of its type; of a union, the first type counts. The outer none: an error
/// of the Java library. The inner none: the Java library drops the value.
fn value_of(types: &Types, schema: &Type, value: &Node) -> Option<Option<Node>> {
    if let Type::Union(branches) = schema {
        // A union without branches has no values.
        return value_of(types, branches.first()?, value);
    }
    let primitive = match schema {
        Type::Primitive(primitive, _) => Some(*primitive),
        _ => None,
    };
    Some(match value {
        Node::Null | Node::Bool(_) => Some(value.clone()),
        Node::Number(text) => number_of(primitive, text),
        Node::Text(text) => text_of(types, schema, text),
        Node::List(values) if values.is_empty() => Some(value.clone()),
        Node::List(values) => {
            let Type::Array(items, _) = schema else { return None };
            let values = values.iter().map(|value| value_of(types, items, value)?);
            Some(Node::List(values.collect::<Option<_>>()?))
        }
        Node::Map(pairs) => {
            let mut values = Vec::with_capacity(pairs.len());
            for (key, value) in pairs {
                let value = match schema {
                    Type::Map(items, _) => value_of(types, items, value)??,
                    schema => match types.fields(schema) {
                        Some(fields) => {
                            let field = fields.iter().find(|field| field.name == *key)?;
                            value_of(types, &field.schema, value)??
                        }
                        None => plain(value)?,
                    },
                };
                values.push((key.clone(), value));
            }
            Some(sorted(values))
        }
    })
}

fn number_of(primitive: Option<Primitive>, text: &str) -> Option<Node> {
    let is_whole = !is_double(text);
    let fits = text.parse::<i64>().is_ok();
    match primitive? {
        Primitive::Int | Primitive::Long if is_whole && fits => Some(Node::Number(text.to_owned())),
        // The grammar was checked when it was read: a number cannot fail here.
        Primitive::Float if !is_whole || fits => {
            Some(json::float(text.parse::<f64>().unwrap_or_default() as f32))
        }
        Primitive::Double if !is_whole || fits => {
            Some(json::double(text.parse().unwrap_or_default()))
        }
        _ => None,
    }
}

fn text_of(types: &Types, schema: &Type, text: &str) -> Option<Node> {
    let bytes = || {
        let chars = text.chars().map(|c| if c > '\u{ff}' { '?' } else { c });
        Some(Node::Text(chars.collect()))
    };
    match schema {
        Type::Primitive(Primitive::String, _) => Some(Node::Text(text.to_owned())),
        Type::Primitive(Primitive::Bytes, _) => bytes(),
        Type::Named(id) => match types.get(*id).kind {
            Kind::Enum { .. } => Some(Node::Text(text.to_owned())),
            Kind::Fixed { .. } => bytes(),
            Kind::Record { .. } => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use gantry_schema_model::{Format, ParsedSchema};

    fn normalized(text: &str) -> String {
        crate::Avro::parse(text, &[], true).unwrap().normalized()
    }

    #[test]
    fn properties_and_aliases_are_sorted() {
        assert_eq!(
            normalized(
                r#"{"type":"bytes","z":{"b":1,"a":2},"scale":2,"precision":4,"logicalType":"decimal"}"#
            ),
            r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2,"z":{"a":2,"b":1}}"#
        );
        assert_eq!(
            normalized(
                r#"{"type":"fixed","name":"n.F","size":1,"doc":"","aliases":["Z","a.B","A"]}"#
            ),
            r#"{"type":"fixed","name":"F","namespace":"n","size":1,"aliases":["a.B","A","Z"]}"#
        );
    }

    #[test]
    fn defaults_are_values_of_their_type() {
        let with_default = |schema: &str, default: &str| {
            let field = format!(r#"{{"name":"a","type":{schema},"default":{default}}}"#);
            let text = normalized(&format!(r#"{{"type":"record","name":"R","fields":[{field}]}}"#));
            let (_, rest) = text.split_once("\"default\":")?;
            rest.strip_suffix("}]}").map(str::to_owned)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(with_default(r#""float""#, "1"), some("1.0"));
        assert_eq!(with_default(r#""double""#, "\"NaN\""), some("\"NaN\""));
        assert_eq!(with_default(r#""long""#, "1"), some("1"));
        assert_eq!(with_default(r#"{"type":"map","values":"int"}"#, r#"{"b":1,"a":2}"#), {
            some(r#"{"a":2,"b":1}"#)
        });
        assert_eq!(with_default(r#"["null","int"]"#, "null"), some("null"));
        // Of a union, the first type counts.
        assert_eq!(with_default(r#"["null","int"]"#, "1"), None);
    }
}
