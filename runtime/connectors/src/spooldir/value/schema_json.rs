//! Schemas as text, in the form of `key.schema` and `value.schema`.

use gantry_api::model::schema::Parameters;
use gantry_api::{Error, Kind, Result, Schema, SchemaBuilder, Str, Value};
use gantry_converters::jackson::{Node, Nodes, Reader};
use serde_json::Value as Json;

/// The schema that a text describes; `key` is where it stands.
pub(crate) fn read(key: &str, text: &str) -> Result<Schema> {
    let failed =
        |cause: Error| Error::data(format!("Could not read schema from '{key}'")).caused_by(cause);
    let mut reader = Reader::new(text, false);
    let node = reader.root(&Nodes).map_err(|error| failed(Error::data(error.describe(text))))?;
    let node = node.ok_or_else(|| failed(Error::data("it is empty")))?;
    of_node(&node, "").map_err(failed)
}

const NAMES: [&str; 10] = [
    "name",
    "doc",
    "type",
    "defaultValue",
    "version",
    "parameters",
    "isOptional",
    "keySchema",
    "valueSchema",
    "fieldSchemas",
];

fn of_node(node: &Node<'_>, path: &str) -> Result<Schema> {
    let here = if path.is_empty() { "the schema".to_owned() } else { format!("'{path}'") };
    let Node::Object(object) = node else {
        return Err(Error::data(format!("{here} is no JSON object")));
    };
    if let Some((name, _)) = object.fields().iter().find(|(name, _)| !NAMES.contains(&&**name)) {
        return Err(Error::data(format!(
            "{here} has '{name}', which is none of {}",
            NAMES.join(", ")
        )));
    }
    let text = |name: &str| -> Result<Option<Str>> {
        match node.get(name) {
            None | Some(Node::Null) => Ok(None),
            Some(Node::String(text)) => Ok(Some((&**text).into())),
            Some(_) => Err(Error::data(format!("'{name}' of {here} is no text"))),
        }
    };
    let kind = kind(node, path, &here)?;
    let mut builder = SchemaBuilder::new(kind)
        .name(text("name")?.filter(|name| !name.is_empty()))
        .doc(text("doc")?.filter(|doc| !doc.is_empty()))
        .parameters(parameters(node, &here)?);
    match node.get("isOptional") {
        None | Some(Node::Null | Node::Boolean(false)) => {}
        Some(Node::Boolean(true)) => builder = builder.optional(),
        Some(_) => return Err(Error::data(format!("'isOptional' of {here} is not true or false"))),
    }
    match node.get("version") {
        None | Some(Node::Null) => {}
        Some(Node::Number(number)) if number.is_int() => {
            builder = builder.version(i32::try_from(number.to_i64()).ok());
        }
        Some(_) => return Err(Error::data(format!("'version' of {here} is no whole number"))),
    }
    builder = builder.default_value(default(node, &here)?);
    builder.build().map_err(|cause| Error::data(format!("in {here}")).caused_by(cause))
}

fn kind(node: &Node<'_>, path: &str, here: &str) -> Result<Kind> {
    let name = node.get("type").and_then(Node::text).map(|name| &**name);
    let below =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let inner = |name: &str| match node.get(name) {
        None | Some(Node::Null) => Err(Error::data(format!("{name} of {here} cannot be null."))),
        Some(node) => of_node(node, &below(name)),
    };
    Ok(match name {
        Some("INT8") => Kind::Int8,
        Some("INT16") => Kind::Int16,
        Some("INT32") => Kind::Int32,
        Some("INT64") => Kind::Int64,
        Some("FLOAT32") => Kind::Float32,
        Some("FLOAT64") => Kind::Float64,
        Some("BOOLEAN") => Kind::Boolean,
        Some("STRING") => Kind::String,
        Some("BYTES") => Kind::Bytes,
        Some("ARRAY") => Kind::Array(inner("valueSchema")?),
        Some("MAP") => Kind::Map { key: inner("keySchema")?, value: inner("valueSchema")? },
        Some("STRUCT") => {
            let mut fields: Vec<(Str, Schema)> = Vec::new();
            match node.get("fieldSchemas") {
                None | Some(Node::Null) => {}
                Some(Node::Object(object)) => {
                    for (name, node) in object.fields() {
                        fields.push(((&**name).into(), of_node(node, &below(name))?));
                    }
                }
                Some(_) => {
                    return Err(Error::data(format!("'fieldSchemas' of {here} is no JSON object")));
                }
            }
            return Ok(SchemaBuilder::structure(fields)?.build()?.kind().clone());
        }
        other => {
            return Err(Error::data(format!(
                "'type' of {here} is {}, and has to be one of INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, \
                 BOOLEAN, STRING, BYTES, ARRAY, MAP, STRUCT",
                other.unwrap_or("not set")
            )));
        }
    })
}

fn parameters(node: &Node<'_>, here: &str) -> Result<Option<Parameters>> {
    let object = match node.get("parameters") {
        None | Some(Node::Null) => return Ok(None),
        Some(Node::Object(object)) => object,
        Some(_) => return Err(Error::data(format!("'parameters' of {here} is no JSON object"))),
    };
    let mut parameters = Parameters::default();
    for (name, value) in object.fields() {
        let text = match value {
            Node::String(text) => (&**text).into(),
            Node::Number(number) => number.text().into(),
            Node::Boolean(value) => value.to_string().into(),
            _ => return Err(Error::data(format!("parameter '{name}' of {here} is no text"))),
        };
        parameters.insert((&**name).into(), text);
    }
    Ok(Some(parameters))
}

fn default(node: &Node<'_>, here: &str) -> Result<Option<Value>> {
    let kind = node.get("type").and_then(Node::text).map_or("", |name| name);
    #[expect(clippy::cast_possible_truncation, reason = "as Java does it")]
    Ok(match (node.get("defaultValue"), kind) {
        (None | Some(Node::Null), _) => None,
        (Some(Node::Number(number)), "INT8") => Some(Value::Int8(number.to_i64() as i8)),
        (Some(Node::Number(number)), "INT16") => Some(Value::Int16(number.to_i64() as i16)),
        (Some(Node::Number(number)), "INT32") => Some(Value::Int32(number.to_i64() as i32)),
        (Some(Node::Number(number)), "INT64") => Some(Value::Int64(number.to_i64())),
        (Some(Node::Number(number)), "FLOAT32") => Some(Value::Float32(number.to_f32())),
        (Some(Node::Number(number)), "FLOAT64") => Some(Value::Float64(number.to_f64())),
        (Some(Node::Boolean(value)), "BOOLEAN") => Some(Value::Boolean(*value)),
        (Some(Node::String(text)), "STRING") => Some(Value::str(text)),
        (Some(_), kind) => {
            return Err(Error::data(format!("'defaultValue' of {here} is no value of {kind}")));
        }
    })
}

/// The text of a schema without logical types and defaults, as schemas are that were generated.
pub(crate) fn write(schema: &Schema) -> String {
    let mut out = String::from("{");
    if let Some(name) = schema.name() {
        out += &format!("\"name\":{},", Json::from(&**name));
    }
    let (kind, is_optional) = (schema.kind().type_name(), schema.is_optional());
    out += &format!("\"type\":\"{kind}\",\"isOptional\":{is_optional}");
    if let Some(fields) = schema.fields() {
        let field = |field: &gantry_api::model::Field| {
            format!("{}:{}", Json::from(&*field.name), write(&field.schema))
        };
        let fields: Vec<String> = fields.list().iter().map(field).collect();
        out += &format!(",\"fieldSchemas\":{{{}}}", fields.join(","));
    }
    out.push('}');
    out
}
