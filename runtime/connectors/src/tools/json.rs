//! Connect's values as JSON, as Kafka's JSON library writes the Java objects they stand for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gantry_api::Value;
use gantry_api::model::text;
use serde_json::Value as Json;

/// Adds a value to a JSON text. The error says why it has no JSON form.
pub(super) fn write_value(value: &Value, out: &mut String) -> Result<(), String> {
    match value {
        // A number, unless JSON has none for it.
        Value::Float32(n) if !n.is_finite() => write_text(&text::java_string(value), out),
        Value::Float64(n) if !n.is_finite() => write_text(&text::java_string(value), out),
        Value::Null
        | Value::Boolean(_)
        | Value::Int8(_)
        | Value::Int16(_)
        | Value::Int32(_)
        | Value::Int64(_)
        | Value::Float32(_)
        | Value::Float64(_)
        | Value::Decimal(_)
        | Value::BigInteger(_) => text::write_java(value, out),
        Value::Date(epoch_ms) => out.push_str(&epoch_ms.to_string()),
        Value::String(text) => write_text(text, out),
        Value::Bytes(bytes) => write_text(&STANDARD.encode(bytes), out),
        Value::Array(list) => {
            out.push('[');
            for (n, item) in list.iter().enumerate() {
                separate(n, out);
                write_value(item, out)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (n, (key, item)) in map.entries().iter().enumerate() {
                if key.is_null() {
                    return Err("Null key for a Map not allowed in JSON".to_owned());
                }
                separate(n, out);
                write_field(&text::java_string(key), item, out)?;
            }
            out.push('}');
        }
        Value::Struct(inner) => {
            out.push('{');
            let fields = inner.schema().fields().map_or(&[][..], |fields| fields.list());
            for (n, field) in fields.iter().enumerate() {
                separate(n, out);
                write_field(&field.name, inner.get_at(field), out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn separate(position: usize, out: &mut String) {
    if position > 0 {
        out.push(',');
    }
}

fn write_field(name: &str, value: &Value, out: &mut String) -> Result<(), String> {
    write_text(name, out);
    out.push(':');
    write_value(value, out)
}

/// Adds a text with quotes.
pub(super) fn write_text(text: &str, out: &mut String) {
    out.push_str(&Json::from(text).to_string());
}

/// A text with quotes; `null` for none.
pub(super) fn text_or_null(text: Option<&str>) -> String {
    text.map_or(Json::Null, Json::from).to_string()
}
