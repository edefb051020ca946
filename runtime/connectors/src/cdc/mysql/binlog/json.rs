//! MySQL's binary form of JSON as text, as Debezium writes it: without spaces, numbers in full.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gantry_api::model::Decimal;
use gantry_api::model::text::double;
use num_bigint::BigInt;

use super::bytes::Bytes;
use super::cell::{Cell, Form};
use super::{Broken, Decoded};

/// How deep values may stand in others: the server takes no deeper ones.
const DEPTH_MAX: usize = 100;
const TRUNCATED: Broken = Broken("a JSON document ends too early");

/// The text of a document.
pub(crate) fn to_text(document: &[u8]) -> Decoded<String> {
    let mut text = String::with_capacity(document.len());
    let (kind, data) = document.split_first().ok_or(TRUNCATED)?;
    value(*kind, data, &mut text, 0)?;
    Ok(text)
}

/// Writes a value that begins where the bytes do.
fn value(kind: u8, data: &[u8], text: &mut String, depth: usize) -> Decoded<()> {
    if depth > DEPTH_MAX {
        return Err(Broken("a JSON document is too deep"));
    }
    let mut bytes = Bytes(data);
    match kind {
        0 => container(data, 2, true, text, depth)?,
        1 => container(data, 4, true, text, depth)?,
        2 => container(data, 2, false, text, depth)?,
        3 => container(data, 4, false, text, depth)?,
        4 => text.push_str(literal(bytes.byte()?)?),
        5 => put(text, bytes.signed(2)?),
        6 => put(text, bytes.low(2)?),
        7 => put(text, bytes.signed(4)?),
        8 => put(text, bytes.low(4)?),
        9 => put(text, bytes.signed(8)?),
        10 => put(text, bytes.low(8)?),
        11 => number(f64::from_bits(bytes.low(8)?), text),
        12 => {
            let length = length(&mut bytes)?;
            quoted(&bytes.text(length)?, text);
        }
        15 => {
            let kind = bytes.byte()?;
            let length = length(&mut bytes)?;
            opaque(kind, bytes.take(length)?, text)?;
        }
        _ => return Err(Broken("a JSON document has a value of a kind that is not known")),
    }
    Ok(())
}

fn put(text: &mut String, number: impl std::fmt::Display) {
    // Writing into a text never fails.
    let _ = write!(text, "{number}");
}

fn literal(kind: u8) -> Decoded<&'static str> {
    match kind {
        0 => Ok("null"),
        1 => Ok("true"),
        2 => Ok("false"),
        _ => Err(Broken("a JSON document has a literal that is none")),
    }
}

/// As Java writes doubles, but never with an exponent.
fn number(value: f64, text: &mut String) {
    let short = double(value);
    if !short.contains('E') {
        text.push_str(&short);
        return;
    }
    put(text, plain(&exact(value)));
}

/// The number that a double stands for, digit by digit.
fn exact(value: f64) -> Decimal {
    let bits = value.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, power) = match exponent {
        0 => (fraction, -1074),
        _ => (fraction | 1 << 52, exponent - 1075),
    };
    let zeros = mantissa.trailing_zeros().min(power.min(0).unsigned_abs());
    let (mantissa, power) = (mantissa >> zeros, power + zeros.cast_signed());
    let mut unscaled = BigInt::from(mantissa);
    if value < 0.0 {
        unscaled = -unscaled;
    }
    match u32::try_from(power) {
        Ok(power) => Decimal { unscaled: unscaled << power, scale: 0 },
        Err(_) => {
            let down = power.unsigned_abs();
            Decimal { unscaled: unscaled * BigInt::from(5).pow(down), scale: down.cast_signed() }
        }
    }
}

/// A decimal without an exponent.
pub(crate) fn plain(decimal: &Decimal) -> String {
    let digits = decimal.unscaled.magnitude().to_string();
    let sign = if decimal.unscaled.sign() == num_bigint::Sign::Minus { "-" } else { "" };
    let scale = decimal.scale.max(0) as usize;
    if scale == 0 {
        let zeros = "0".repeat(decimal.scale.min(0).unsigned_abs() as usize);
        return format!("{sign}{digits}{zeros}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{part}")
}

/// A length in bytes of seven bits, the lowest first.
fn length(bytes: &mut Bytes<'_>) -> Decoded<usize> {
    let mut length = 0_usize;
    for shift in 0..5 {
        let byte = bytes.byte()?;
        length |= usize::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(Broken("a JSON document has a length that is none"))
}

/// An object or an array, whose places are numbers of so many bytes.
fn container(
    data: &[u8],
    size: usize,
    is_object: bool,
    text: &mut String,
    depth: usize,
) -> Decoded<()> {
    let mut bytes = Bytes(data);
    let count = bytes.low(size)? as usize;
    bytes.low(size)?;
    let key_entry = if is_object { size + 2 } else { 0 };
    let mut keys = Bytes(bytes.take(count.checked_mul(key_entry).ok_or(TRUNCATED)?)?);
    text.push(if is_object { '{' } else { '[' });
    for at in 0..count {
        if at > 0 {
            text.push(',');
        }
        if is_object {
            let from = keys.low(size)? as usize;
            let length = keys.low(2)? as usize;
            let key = from.checked_add(length).and_then(|to| data.get(from..to));
            quoted(&String::from_utf8_lossy(key.ok_or(TRUNCATED)?), text);
            text.push(':');
        }
        let kind = bytes.byte()?;
        let place = bytes.take(size)?;
        let is_inside = matches!(kind, 4..=6) || size == 4 && matches!(kind, 7 | 8);
        if is_inside {
            value(kind, place, text, depth + 1)?;
        } else {
            let from = Bytes(place).low(size)? as usize;
            value(kind, data.get(from..).ok_or(TRUNCATED)?, text, depth + 1)?;
        }
    }
    text.push(if is_object { '}' } else { ']' });
    Ok(())
}

fn quoted(raw: &str, text: &mut String) {
    text.push('"');
    for c in raw.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(text, "\\u{:04X}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

/// Values of SQL's types.
fn opaque(kind: u8, data: &[u8], text: &mut String) -> Decoded<()> {
    let mut bytes = Bytes(data);
    match kind {
        246 => {
            let form = Form::Decimal {
                precision: usize::from(bytes.byte()?),
                scale: usize::from(bytes.byte()?),
            };
            if let Form::Decimal { precision, scale } = form
                && scale > precision
            {
                return Err(Broken("a decimal has more digits behind the point than in all"));
            }
            if let Cell::Decimal(decimal) = form.value(&mut bytes)? {
                text.push_str(&plain(&decimal));
            }
        }
        7 | 10 | 12 => {
            let packed = bytes.low(8)?;
            let (date, time) = (packed >> 41, packed >> 24 & 0x1ffff);
            let months = date >> 5;
            let _ = write!(text, "\"{:04}-{:02}-{:02}", months / 13, months % 13, date & 31);
            if kind != 10 {
                text.push(' ');
                clock(time >> 12, time, packed & 0xff_ffff, text);
            }
            text.push('"');
        }
        11 => {
            let packed = bytes.signed(8)?;
            let sign = if packed < 0 { "-" } else { "" };
            let packed = packed.unsigned_abs();
            text.push('"');
            text.push_str(sign);
            let time = packed >> 24;
            clock(time >> 12 & 0x3ff, time, packed & 0xff_ffff, text);
            text.push('"');
        }
        _ => {
            text.push('"');
            text.push_str(&BASE64_STANDARD.encode(data));
            text.push('"');
        }
    }
    Ok(())
}

fn clock(hours: u64, time: u64, micros: u64, text: &mut String) {
    let _ = write!(text, "{hours:02}:{:02}:{:02}", time >> 6 & 0x3f, time & 0x3f);
    if micros > 0 {
        let part = format!(".{micros:06}");
        text.push_str(part.trim_end_matches('0'));
    }
}
