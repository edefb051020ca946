//! JSON's scalars as Jackson writes them.

use gantry_model::logical::{self, Logical};
use gantry_model::{Error, Result, Schema, Value, text};

/// Appends a quoted string. Characters above U+FFFF become two `\u` escapes.
pub fn string(out: &mut Vec<u8>, value: &str) {
    let bytes = value.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut from = 0;
    loop {
        let at = super::scan::escape(bytes, from);
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        let Some(&b) = bytes.get(at) else { break };
        from = at + escaped(out, b, value.get(at..).unwrap_or_default());
    }
    out.push(b'"');
}

/// Appends the escape of the character at the beginning of `rest`; its length in bytes.
#[cold]
fn escaped(out: &mut Vec<u8>, first: u8, rest: &str) -> usize {
    let short = match first {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x0C => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let mut units = [0; 2];
            let Some(char) = rest.chars().next() else { return 1 };
            for unit in char.encode_utf16(&mut units) {
                hex(out, *unit);
            }
            return char.len_utf8();
        }
    };
    out.extend_from_slice(&[b'\\', short]);
    1
}

fn hex(out: &mut Vec<u8>, unit: u16) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend_from_slice(b"\\u");
    out.extend([12, 8, 4, 0].map(|shift| DIGITS[usize::from(unit >> shift & 15)]));
}

/// Appends bytes as base64 text.
pub fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    super::base64::encode(out, value);
    out.push(b'"');
}

/// Appends a whole number.
pub fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends the number below a Date, Time or Timestamp. Any other value is an error, as is one for Decimal,
/// which is not written in one way only.
pub fn date(out: &mut Vec<u8>, logical: Logical, schema: &Schema, value: &Value) -> Result<()> {
    match (logical, value) {
        (Logical::Date, Value::Date(ms)) => integer(out, logical::date_from_logical(schema, *ms)?),
        (Logical::Time, Value::Date(ms)) => integer(out, logical::time_from_logical(schema, *ms)?),
        (Logical::Timestamp, Value::Date(ms)) => {
            integer(out, logical::timestamp_from_logical(schema, *ms)?);
        }
        (logical, other) => {
            let expected = if logical == Logical::Decimal { "BigDecimal" } else { "Date" };
            return Err(Error::data(format!(
                "Invalid type for {logical:?}, expected {expected} but was class {}",
                other.java_class().unwrap_or("null")
            )));
        }
    }
    Ok(())
}

/// Between these, Java and the shortest decimal notation are written alike.
const PLAIN_MIN: f64 = 1e-3;
const PLAIN_MAX: f64 = 1e7;

/// Appends a float in Java's notation; NaN and infinities as strings.
pub fn float(out: &mut Vec<u8>, value: f32) {
    if (PLAIN_MIN..PLAIN_MAX).contains(&f64::from(value.abs())) {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        number_text(out, &text::float(value), value.is_finite());
    }
}

/// Appends a double in Java's notation; NaN and infinities as strings.
pub fn double(out: &mut Vec<u8>, value: f64) {
    if (PLAIN_MIN..PLAIN_MAX).contains(&value.abs()) {
        if few_decimals(out, value) {
            return;
        }
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        number_text(out, &text::double(value), value.is_finite());
    }
}

/// How many decimals are written by whole numbers: with seven digits before the point that is
/// less than the 15 digits that every double tells apart, so that no shorter text means the same.
const DECIMALS: usize = 6;
const DECIMALS_FACTOR: f64 = 1e6;

/// Appends a double of the plain range if it has only a few decimals, as most do.
fn few_decimals(out: &mut Vec<u8>, value: f64) -> bool {
    let scaled = (value.abs() * DECIMALS_FACTOR).round();
    if scaled / DECIMALS_FACTOR != value.abs() {
        return false;
    }
    // Below 10^13.
    let scaled = scaled as u64;
    let mut fraction = scaled % 1_000_000;
    if value < 0.0 {
        out.push(b'-');
    }
    integer(out, scaled / 1_000_000);
    let mut digits = [b'0'; DECIMALS];
    let mut length = 1;
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        if !fraction.is_multiple_of(10) {
            length = length.max(at + 1);
        }
        *digit = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    out.push(b'.');
    out.extend_from_slice(digits.get(..length).unwrap_or_default());
    true
}

fn number_text(out: &mut Vec<u8>, text: &str, finite: bool) {
    if finite {
        out.extend_from_slice(text.as_bytes());
    } else {
        string(out, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped_as_jackson_does() {
        let text = "h\u{e9}\"\\\n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}\u{2028}😀/";
        assert_eq!(
            written(|out| string(out, text)),
            "\"h\u{e9}\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u001F\u{7f}\u{2028}\\uD83D\\uDE00/\""
        );
        let long = format!("{}\"{}", "x".repeat(40), "é".repeat(40));
        assert_eq!(written(|out| string(out, &long)), format!("\"{}\"", long.replace('"', "\\\"")));
    }

    #[test]
    fn few_decimals_are_written_as_the_shortest_notation() {
        let mut bits = 0x0123_4567_89ab_cdef_u64;
        for n in 0..200_000u32 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let factor = 10f64.powi((bits >> 40) as i32 % 9);
            let sign = if bits & 1 == 0 { 1.0 } else { -1.0 };
            let near = f64::from_bits((f64::from(n * 7) / factor * sign).to_bits() ^ (bits >> 62));
            let long = (f64::from(n) + 9_000_000.0) + f64::from(n) / 1e6;
            for value in [f64::from(n) / factor * sign, near, long] {
                assert_eq!(written(|out| double(out, value)), text::double(value), "{value}");
            }
        }
    }

    #[test]
    fn floats_are_written_as_java_does() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (0.001, "0.001"),
            (9_999_999.0, "9999999.0"),
            (9_999_999.999_999, "9999999.999999"),
            (9_999_999.999_999_9, "9999999.9999999"),
            (1e7, "1.0E7"),
            (1e-4, "1.0E-4"),
            (-1.5e300, "-1.5E300"),
            (f64::NAN, "\"NaN\""),
            (f64::INFINITY, "\"Infinity\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(written(|out| double(out, value)), text);
        }
        assert_eq!(written(|out| float(out, 0.1)), "0.1");
        assert_eq!(written(|out| float(out, 1e10)), "1.0E10");
        assert_eq!(written(|out| float(out, 16_777_216.0)), "1.6777216E7");
        assert_eq!(written(|out| float(out, f32::NAN)), "\"NaN\"");
    }
}
