//! Values as text that can be read again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::calendar;
use crate::logical::DAY_MS;
use crate::text::write_java;
use crate::value::Value;

/// Appends a value. Inside of lists, maps and structs, text stands in quotes.
pub(super) fn append(out: &mut String, value: &Value, embedded: bool) {
    match value {
        Value::String(text) if embedded => append_quoted(out, text),
        Value::String(text) => out.push_str(text),
        Value::Bytes(bytes) => {
            let quote = if embedded { "\"" } else { "" };
            out.push_str(quote);
            STANDARD.encode_string(bytes, out);
            out.push_str(quote);
        }
        Value::Array(list) => {
            out.push('[');
            for (position, item) in list.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                append(out, item, true);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (position, (key, item)) in map.ordered().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                append(out, key, true);
                out.push(':');
                append(out, item, true);
            }
            out.push('}');
        }
        Value::Struct(inner) => {
            out.push('{');
            let fields = inner.schema().fields().map(|fields| fields.list()).unwrap_or_default();
            for (position, field) in fields.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                append_quoted(out, &field.name);
                out.push(':');
                append(out, inner.get_at(field), true);
            }
            out.push('}');
        }
        Value::Date(ms) => out.push_str(&temporal(*ms)),
        plain => write_java(plain, out),
    }
}

fn append_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '\\' | '"') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// A moment on the first day is a time, midnight a date, all else a timestamp.
fn temporal(ms: i64) -> String {
    if ms < DAY_MS {
        calendar::iso_time(ms)
    } else if ms % DAY_MS == 0 {
        calendar::iso_date(ms)
    } else {
        calendar::iso_timestamp(ms)
    }
}
