//! The text of a schema as Avro's Java library writes it: no white space, names as short as they
//! can be, each definition where its name comes first.

use std::collections::HashSet;
use std::fmt::Write as _;

use gantry_schema_model::Node;

use crate::model::{Definition, Field, Kind, Order, Properties, Type, TypeId, Types};
use crate::name::Name;
use crate::parse::Result;
use crate::resolve::{Progress, too_deep};
use crate::walk::MAX_LEVELS;

/// A schema with all definitions in it.
pub(crate) fn resolved(types: &Types, schema: &Type) -> Result<String> {
    in_progress(types, None, schema)
}

/// A schema in which types may not be in their place yet.
pub(crate) fn in_progress(
    types: &Types,
    progress: Option<&Progress>,
    schema: &Type,
) -> Result<String> {
    write(types, progress, schema, HashSet::new())
}

/// A schema without the definitions of the types in `known`, which are full names.
pub(crate) fn referring(types: &Types, schema: &Type, known: &[String]) -> Result<String> {
    write(types, None, schema, known.iter().cloned().collect())
}

/// A field as Java's `Schema.Field.toString` shows it.
pub(crate) fn field(types: &Types, field: &Field, place: usize) -> String {
    let kind = types.kind_of(&field.schema).to_uppercase();
    format!("{} type:{kind} pos:{place}", field.name)
}

fn write(
    types: &Types,
    progress: Option<&Progress>,
    schema: &Type,
    known: HashSet<String>,
) -> Result<String> {
    let mut writer = Writer { types, progress, known, out: String::new(), depth: 0 };
    writer.schema(schema, None)?;
    Ok(writer.out)
}

struct Writer<'a> {
    types: &'a Types,
    progress: Option<&'a Progress>,
    /// Full names that need no definition any more.
    known: HashSet<String>,
    out: String,
    depth: usize,
}

impl Writer<'_> {
    fn schema(&mut self, schema: &Type, space: Option<&str>) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_LEVELS {
            return Err(too_deep());
        }
        match schema {
            Type::Primitive(primitive, attributes) => {
                if attributes.properties.is_empty() {
                    self.text(primitive.name());
                } else {
                    self.out.push_str("{\"type\":");
                    self.text(primitive.name());
                    self.properties(&attributes.properties);
                    self.out.push('}');
                }
            }
            Type::Array(items, attributes) => {
                self.out.push_str("{\"type\":\"array\",\"items\":");
                self.schema(items, space)?;
                self.properties(&attributes.properties);
                self.out.push('}');
            }
            Type::Map(values, attributes) => {
                self.out.push_str("{\"type\":\"map\",\"values\":");
                self.schema(values, space)?;
                self.properties(&attributes.properties);
                self.out.push('}');
            }
            Type::Union(branches) => {
                self.out.push('[');
                for (at, branch) in branches.iter().enumerate() {
                    if at > 0 {
                        self.out.push(',');
                    }
                    self.schema(branch, space)?;
                }
                self.out.push(']');
            }
            Type::Named(id) => self.named(*id, space)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn named(&mut self, id: TypeId, space: Option<&str>) -> Result<()> {
        let types = self.types;
        let id = self.progress.map_or(id, |progress| progress.target(id));
        let definition = types.get(id);
        let name = &definition.name;
        if !self.known.insert(name.full().to_owned()) {
            self.text(name.within(space));
            return Ok(());
        }
        self.out.push_str("{\"type\":");
        self.text(match &definition.kind {
            Kind::Record { is_error: false, .. } => "record",
            Kind::Record { is_error: true, .. } => "error",
            Kind::Enum { .. } => "enum",
            Kind::Fixed { .. } => "fixed",
        });
        self.name(name, space);
        if let Some(doc) = &definition.doc {
            self.member("doc", doc);
        }
        match &definition.kind {
            Kind::Record { .. } if self.progress.is_some_and(|progress| !progress.is_done(id)) => {
                self.out.push('}');
                return Ok(());
            }
            Kind::Record { fields, .. } => self.fields(fields, name.space())?,
            Kind::Enum { symbols, default } => {
                self.out.push_str(",\"symbols\":");
                self.texts(symbols.iter().map(String::as_str));
                if let Some(default) = default {
                    self.member("default", default);
                }
            }
            Kind::Fixed { size } => _ = write!(self.out, ",\"size\":{size}"),
        }
        self.properties(&definition.attributes.properties);
        self.aliases(definition);
        self.out.push('}');
        Ok(())
    }

    fn name(&mut self, name: &Name, space: Option<&str>) {
        self.member("name", name.simple());
        match name.space() {
            Some(own) if Some(own) != space => self.member("namespace", own),
            None if space.is_some() => self.member("namespace", ""),
            _ => {}
        }
    }

    fn aliases(&mut self, definition: &Definition) {
        if !definition.aliases.is_empty() {
            let space = definition.name.space();
            self.out.push_str(",\"aliases\":");
            self.texts(definition.aliases.iter().map(|alias| alias.within(space)));
        }
    }

    fn fields(&mut self, fields: &[Field], space: Option<&str>) -> Result<()> {
        self.out.push_str(",\"fields\":[");
        for (at, field) in fields.iter().enumerate() {
            self.out.push_str(if at > 0 { ",{\"name\":" } else { "{\"name\":" });
            self.text(&field.name);
            self.out.push_str(",\"type\":");
            self.schema(&field.schema, space)?;
            if let Some(doc) = &field.doc {
                self.member("doc", doc);
            }
            if let Some(default) = &field.default {
                // Writing to a String cannot fail.
                _ = write!(self.out, ",\"default\":{default}");
            }
            if field.order != Order::Ascending {
                self.member("order", field.order.name());
            }
            if !field.aliases.is_empty() {
                self.out.push_str(",\"aliases\":");
                self.texts(field.aliases.iter().map(String::as_str));
            }
            self.properties(&field.properties);
            self.out.push('}');
        }
        self.out.push(']');
        Ok(())
    }

    fn properties(&mut self, properties: &Properties) {
        for (name, value) in properties.iter() {
            self.out.push(',');
            self.text(name);
            _ = write!(self.out, ":{value}");
        }
    }

    fn member(&mut self, name: &str, text: &str) {
        _ = write!(self.out, ",\"{name}\":");
        self.text(text);
    }

    fn texts<'b>(&mut self, texts: impl Iterator<Item = &'b str>) {
        self.out.push('[');
        for (at, text) in texts.enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            self.text(text);
        }
        self.out.push(']');
    }

    fn text(&mut self, text: &str) {
        push_quoted(&mut self.out, text);
    }
}

/// Appends a text of JSON.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        _ = write!(out, "{}", Node::Text(text.to_owned()));
    }
}
