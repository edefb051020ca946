//! Schemas from their JSON form.

use std::collections::HashSet;
use std::sync::Arc;

use bytestring::ByteString;
use gantry_model::{
    Error, ErrorKind, Fields, Kind, Parameters, Result, Schema, SchemaBuilder, Value,
};

use super::convert::Convert;
use super::node::Node;

/// Reads the schemas of one document.
pub(crate) struct SchemaReader<'s> {
    /// What the nodes were read from.
    pub(crate) source: &'s ByteString,
    pub(crate) replace_null_with_default: bool,
}

impl SchemaReader<'_> {
    /// The schema of a node, `None` for null.
    pub(crate) fn read(&self, node: &Node<'_>) -> Result<Option<Schema>> {
        if matches!(node, Node::Null) {
            return Ok(None);
        }
        let Some(type_name) = node.get("type").and_then(Node::text) else {
            return Err(Error::data("Schema must contain 'type' field"));
        };
        let kind = match &**type_name {
            "boolean" => Kind::Boolean,
            "int8" => Kind::Int8,
            "int16" => Kind::Int16,
            "int32" => Kind::Int32,
            "int64" => Kind::Int64,
            "float" => Kind::Float32,
            "double" => Kind::Float64,
            "bytes" => Kind::Bytes,
            "string" => Kind::String,
            "array" => self.array(node)?,
            "map" => self.map(node)?,
            "struct" => self.structure(node)?,
            other => return Err(Error::data(format!("Unknown schema type: {other}"))),
        };
        self.attributes(SchemaBuilder::new(kind), node).map(Some)
    }

    fn array(&self, node: &Node<'_>) -> Result<Kind> {
        let items = node.get("items").map(|items| self.read(items)).transpose()?.flatten();
        items
            .map(Kind::Array)
            .ok_or_else(|| Error::data("Array schema did not specify the element type"))
    }

    fn map(&self, node: &Node<'_>) -> Result<Kind> {
        let part = |name: &str| node.get(name);
        let keys =
            part("keys").ok_or_else(|| Error::data("Map schema did not specify the key type"))?;
        let values = part("values")
            .ok_or_else(|| Error::data("Map schema did not specify the value type"))?;
        let (key, value) = (self.read(keys)?, self.read(values)?);
        let null = |what| Error::new(ErrorKind::SchemaBuilder, format!("{what} cannot be null."));
        Ok(Kind::Map {
            key: key.ok_or_else(|| null("keySchema"))?,
            value: value.ok_or_else(|| null("valueSchema"))?,
        })
    }

    fn structure(&self, node: &Node<'_>) -> Result<Kind> {
        let Some(Node::Array(list)) = node.get("fields") else {
            return Err(Error::data("Struct schema's \"fields\" argument is not an array."));
        };
        let mut fields = Vec::with_capacity(list.len());
        let mut names = HashSet::with_capacity(list.len());
        for field in list {
            let Some(name) = field.get("field").and_then(Node::text) else {
                return Err(Error::data("Struct schema's field name not specified properly"));
            };
            // A field is an object here, so that its schema is never null.
            let Some(schema) = self.read(field)? else { continue };
            fields.push(((**name).into(), schema));
            // Faulty names are errors before the fields behind them are looked at.
            if name.is_empty() || !names.insert(&**name) {
                break;
            }
        }
        Ok(Kind::Struct(Arc::new(Fields::new(fields)?)))
    }

    /// Adds what all kinds have. Attributes of a wrong type are passed over.
    fn attributes(&self, builder: SchemaBuilder, node: &Node<'_>) -> Result<Schema> {
        let text = |name: &str| node.get(name).and_then(Node::text).map(|text| (**text).into());
        let version = match node.get("version") {
            Some(Node::Number(version)) if version.is_integral() => Some(version.to_i64() as i32),
            _ => None,
        };
        let builder = builder
            .set_optional(matches!(node.get("optional"), Some(Node::Boolean(true))))
            .name(text("name"))
            .version(version)
            .doc(text("doc"))
            .parameters(parameters(node)?);
        let Some(default) = node.get("default") else { return Ok(builder.build_plain()) };
        // The default is read by the schema as it is without it.
        let plain = builder.clone().build_plain();
        let default = Convert::new(self.source, self.replace_null_with_default)
            .value(Some(&plain), Some(default))?;
        if matches!(default, Value::Struct(_)) {
            // Kafka compares the schema of the struct with its own builder, which never fits.
            return Err(Error::new(ErrorKind::SchemaBuilder, "Invalid default value")
                .caused_by(Error::data("Struct schemas do not match.")));
        }
        builder.default_value(Some(default)).build()
    }
}

fn parameters(node: &Node<'_>) -> Result<Option<Parameters>> {
    let Some(Node::Object(object)) = node.get("parameters") else { return Ok(None) };
    let mut parameters = Parameters::new();
    for (name, value) in object.fields() {
        let Some(value) = value.text() else {
            return Err(Error::data("Schema parameters must have string values."));
        };
        parameters.insert((**name).into(), (**value).into());
    }
    // Kafka's builder makes the map with the first parameter.
    Ok((!parameters.is_empty()).then_some(parameters))
}
