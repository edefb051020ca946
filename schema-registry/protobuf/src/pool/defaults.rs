//! Whether the default of a field is a value of its type.

use crate::type_name::Scalar;

/// Whether a text is a value of a scalar.
pub(super) fn is_value_of(scalar: Scalar, text: &str) -> bool {
    match scalar {
        Scalar::Int32 | Scalar::Sint32 | Scalar::Sfixed32 => {
            integer(text).is_some_and(|value| i32::try_from(value).is_ok())
        }
        Scalar::Uint32 | Scalar::Fixed32 => {
            integer(text).is_some_and(|value| u32::try_from(value).is_ok())
        }
        Scalar::Int64 | Scalar::Sint64 | Scalar::Sfixed64 => {
            integer(text).is_some_and(|value| i64::try_from(value).is_ok())
        }
        Scalar::Uint64 | Scalar::Fixed64 => {
            integer(text).is_some_and(|value| u64::try_from(value).is_ok())
        }
        Scalar::Float | Scalar::Double => is_floating(text),
        Scalar::Bool | Scalar::String | Scalar::Bytes => true,
    }
}

/// A whole number: hexadecimal behind `0x`, octal behind `0`.
fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (digits, radix) = match digits.strip_prefix("0x") {
        Some(hex) => (hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

fn is_floating(text: &str) -> bool {
    if matches!(text, "inf" | "-inf" | "nan" | "NaN" | "Infinity" | "-Infinity") {
        return true;
    }
    let digits = text.trim().trim_end_matches(['f', 'F', 'd', 'D']);
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    digits.chars().all(is_number) && digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_scalars() {
        assert!(is_value_of(Scalar::Int32, "-2147483648"));
        assert!(!is_value_of(Scalar::Int32, "2147483648"));
        assert!(is_value_of(Scalar::Uint32, "0xffffffff"));
        assert!(!is_value_of(Scalar::Uint64, "-1"));
        assert!(!is_value_of(Scalar::Int64, "09"));
        assert!(is_value_of(Scalar::Double, "1.5e3"));
        assert!(is_value_of(Scalar::Float, "-inf"));
        assert!(!is_value_of(Scalar::Float, "x"));
        assert!(is_value_of(Scalar::String, ""));
    }
}
