//! JSON without blanks, as Jackson writes what it has read.

use std::fmt::Write;

use gantry_api::model::logical::Decimal;
use gantry_api::{Error, Result};
use gantry_converters::jackson::{Node, Number};

/// The text of a value.
pub(super) fn text(node: &Node<'_>) -> Result<String> {
    let mut out = String::new();
    write(node, &mut out)?;
    Ok(out)
}

fn write(node: &Node<'_>, out: &mut String) -> Result<()> {
    match node {
        Node::Missing | Node::Null => out.push_str("null"),
        Node::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
        Node::Number(number) => write_number(*number, out)?,
        Node::String(text) => string(text, out),
        Node::Array(list) => {
            out.push('[');
            for (at, node) in list.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(node, out)?;
            }
            out.push(']');
        }
        Node::Object(object) => {
            out.push('{');
            for (at, (name, node)) in object.fields().iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                string(name, out);
                out.push(':');
                write(node, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Whole numbers without leading zeros; others as `BigDecimal` shows them without trailing zeros.
fn write_number(number: Number<'_>, out: &mut String) -> Result<()> {
    let mut decimal = number.to_decimal();
    if !number.is_integral() {
        strip_zeros(&mut decimal);
    }
    write!(out, "{decimal}").map_err(|_| Error::data("a number has no text"))
}

pub(super) fn strip_zeros(decimal: &mut Decimal) {
    let digits = decimal.unscaled.to_string();
    if digits == "0" {
        decimal.scale = 0;
        return;
    }
    let kept = digits.trim_end_matches('0');
    let cut = i32::try_from(digits.len() - kept.len()).unwrap_or(0);
    if cut > 0
        && let Ok(unscaled) = kept.parse()
    {
        decimal.unscaled = unscaled;
        decimal.scale = decimal.scale.saturating_sub(cut);
    }
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        let (plain, behind) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = behind.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control) => {
                // A text takes what is written to it.
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}
