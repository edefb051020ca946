//! Schemas in their JSON form.

use gantry_model::{Kind, Result, Schema};

use super::encode::Encode;
use super::write;

/// Appends the JSON of a schema. Fails if its default cannot be written.
pub(crate) fn schema(
    out: &mut Vec<u8>,
    encode: &mut Encode,
    schema: &Schema,
    field: Option<&str>,
) -> Result<()> {
    if schema.is_absent() {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(type_name(schema.kind()).as_bytes());
    out.push(b'"');
    match schema.kind() {
        Kind::Array(element) => {
            out.extend_from_slice(b",\"items\":");
            self::schema(out, encode, element, None)?;
        }
        Kind::Map { key, value } => {
            out.extend_from_slice(b",\"keys\":");
            self::schema(out, encode, key, None)?;
            out.extend_from_slice(b",\"values\":");
            self::schema(out, encode, value, None)?;
        }
        Kind::Struct(fields) => {
            out.extend_from_slice(b",\"fields\":[");
            for field in fields.list() {
                if field.index > 0 {
                    out.push(b',');
                }
                self::schema(out, encode, &field.schema, Some(&field.name))?;
            }
            out.push(b']');
        }
        _ => {}
    }
    attributes(out, encode, schema)?;
    if let Some(field) = field {
        text(out, b",\"field\":", field);
    }
    out.push(b'}');
    Ok(())
}

fn attributes(out: &mut Vec<u8>, encode: &mut Encode, schema: &Schema) -> Result<()> {
    out.extend_from_slice(b",\"optional\":");
    out.extend_from_slice(if schema.is_optional() { b"true" } else { b"false" });
    if let Some(name) = schema.name() {
        text(out, b",\"name\":", name);
    }
    if let Some(version) = schema.version() {
        out.extend_from_slice(b",\"version\":");
        write::integer(out, version);
    }
    if let Some(doc) = schema.doc() {
        text(out, b",\"doc\":", doc);
    }
    if let Some(parameters) = schema.parameters() {
        out.extend_from_slice(b",\"parameters\":{");
        for (at, (key, value)) in parameters.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write::string(out, key);
            text(out, b":", value);
        }
        out.push(b'}');
    }
    if let Some(default) = schema.default_value().filter(|default| !default.is_null()) {
        out.extend_from_slice(b",\"default\":");
        encode.value(out, Some(schema), default, 0)?;
    }
    Ok(())
}

fn text(out: &mut Vec<u8>, before: &[u8], value: &str) {
    out.extend_from_slice(before);
    write::string(out, value);
}

fn type_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Int8 => "int8",
        Kind::Int16 => "int16",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Float32 => "float",
        Kind::Float64 => "double",
        Kind::Boolean => "boolean",
        Kind::String => "string",
        Kind::Bytes => "bytes",
        Kind::Array(_) => "array",
        Kind::Map { .. } => "map",
        Kind::Struct(_) => "struct",
    }
}
