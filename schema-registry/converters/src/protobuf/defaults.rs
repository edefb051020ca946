//! What stands for a field that is not set.

use bytes::Bytes;
use gantry_model::Value;
use gantry_schema_protobuf::{EnumDescriptor, Scalar};

use super::read_plan::{EnumPlan, Narrow};

/// The default of a scalar: the one that is written, or the one of its type.
pub(super) fn of_scalar(scalar: Scalar, narrow: Narrow, written: Option<&str>) -> Value {
    let whole = || written.and_then(integer).unwrap_or_default();
    let floating = || written.and_then(float).unwrap_or_default();
    match scalar {
        Scalar::Int32 | Scalar::Sint32 | Scalar::Sfixed32 => int_value(low(whole()), narrow),
        Scalar::Uint32 | Scalar::Fixed32 => Value::Int64(i64::try_from(whole()).unwrap_or(0)),
        Scalar::Int64 | Scalar::Sint64 | Scalar::Sfixed64 => {
            Value::Int64(i64::try_from(whole()).unwrap_or(0))
        }
        Scalar::Uint64 | Scalar::Fixed64 => {
            Value::Int64(u64::try_from(whole()).unwrap_or(0).cast_signed())
        }
        Scalar::Double => Value::Float64(floating()),
        #[expect(clippy::cast_possible_truncation, reason = "the type of the field is float")]
        Scalar::Float => Value::Float32(floating() as f32),
        Scalar::Bool => Value::Boolean(written == Some("true")),
        Scalar::String => Value::str(written.unwrap_or_default()),
        Scalar::Bytes => Value::Bytes(Bytes::from(unescaped(written.unwrap_or_default()))),
    }
}

/// The default of an enum: the one that is written, or its first value.
pub(super) fn of_enum(of: &EnumDescriptor, plan: &EnumPlan, written: Option<&str>) -> Value {
    let named = written.and_then(|name| of.value_named(name)).or_else(|| of.values.first());
    named.and_then(|value| plan.value(value.number)).unwrap_or_default()
}

fn low(value: i128) -> i32 {
    i32::try_from(value).unwrap_or(0)
}

/// An integer as large as its field says.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "Java cuts off what is too large, too")]
pub(super) fn int_value(value: i32, narrow: Narrow) -> Value {
    match narrow {
        Narrow::Not => Value::Int32(value),
        Narrow::Int8 => Value::Int8(value as i8),
        Narrow::Int16 => Value::Int16(value as i16),
    }
}

/// Hexadecimal behind `0x`, octal behind `0`.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => i128::from_str_radix(digits, 8),
        None => digits.parse(),
    };
    value.ok().map(|value| if negative { -value } else { value })
}

fn float(text: &str) -> Option<f64> {
    text.trim_end_matches(['f', 'F', 'd', 'D']).parse().or_else(|_| text.parse()).ok()
}

/// Bytes as they are written in a text: with escapes as in C.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        let Some((escape, behind)) = rest.split_first().filter(|_| *byte == b'\\') else {
            out.push(*byte);
            continue;
        };
        rest = behind;
        match escape {
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'x' | b'X' => out.push(number(&mut rest, 16, 2, 0)),
            b'0'..=b'7' => out.push(number(&mut rest, 8, 2, escape - b'0')),
            other => out.push(*other),
        }
    }
    out
}

/// A number of a few digits.
fn number(rest: &mut &[u8], radix: u32, digits: usize, first: u8) -> u8 {
    let mut value = u32::from(first);
    for _ in 0..digits {
        let digit = rest.first().and_then(|byte| char::from(*byte).to_digit(radix));
        let Some(digit) = digit else { break };
        value = value * radix + digit;
        *rest = rest.get(1..).unwrap_or_default();
    }
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_as_they_are_written() {
        let of = |scalar, text| of_scalar(scalar, Narrow::Not, Some(text));
        assert_eq!(of(Scalar::Int32, "-0x10"), Value::Int32(-16));
        assert_eq!(of(Scalar::Int32, "017"), Value::Int32(15));
        assert_eq!(of(Scalar::Uint32, "4294967295"), Value::Int64(4_294_967_295));
        assert_eq!(of(Scalar::Uint64, "18446744073709551615"), Value::Int64(-1));
        assert_eq!(of(Scalar::Double, "-inf"), Value::Float64(f64::NEG_INFINITY));
        assert_eq!(of(Scalar::Float, "1.5f"), Value::Float32(1.5));
        assert_eq!(of(Scalar::Double, "nan"), Value::Float64(f64::NAN));
        assert_eq!(of(Scalar::Bool, "true"), Value::Boolean(true));
        assert_eq!(of(Scalar::String, "x"), Value::str("x"));
        let bytes = of(Scalar::Bytes, r"a\x01\001\n\\\377\xfgz");
        assert_eq!(bytes, Value::Bytes(Bytes::from_static(b"a\x01\x01\n\\\xff\x0fgz")));
        assert_eq!(of_scalar(Scalar::Int32, Narrow::Int8, None), Value::Int8(0));
        assert_eq!(of_scalar(Scalar::Bytes, Narrow::Not, None), Value::Bytes(Bytes::new()));
    }
}
