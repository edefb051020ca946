//! Numbers and values as Java prints and reads them.

use std::fmt::Write;

use crate::calendar;
use crate::value::Value;

/// A value as Java's `toString` prints it: `[a, b]`, `{a=1}`, `Struct{a=1}`.
pub fn java_string(value: &Value) -> String {
    let mut out = String::new();
    write_java(value, &mut out);
    out
}

/// Appends what [`java_string`] gives.
pub fn write_java(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int8(n) => out.push_str(itoa::Buffer::new().format(*n)),
        Value::Int16(n) => out.push_str(itoa::Buffer::new().format(*n)),
        Value::Int32(n) => out.push_str(itoa::Buffer::new().format(*n)),
        Value::Int64(n) => out.push_str(itoa::Buffer::new().format(*n)),
        Value::Float32(n) => out.push_str(&float(*n)),
        Value::Float64(n) => out.push_str(&double(*n)),
        Value::String(text) => out.push_str(text),
        Value::Bytes(bytes) => write_identity(bytes, out),
        Value::Array(list) => {
            out.push('[');
            for (position, item) in list.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                write_java(item, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (position, (key, item)) in map.ordered().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                write_java(key, out);
                out.push('=');
                write_java(item, out);
            }
            out.push('}');
        }
        Value::Struct(inner) => write_struct(inner, out),
        // Writing to a String cannot fail.
        Value::Decimal(n) => _ = write!(out, "{n}"),
        Value::BigInteger(n) => _ = write!(out, "{n}"),
        Value::Date(ms) => out.push_str(&calendar::java_date(*ms)),
    }
}

/// Fields that are null are left out, and defaults do not show.
fn write_struct(inner: &crate::value::Struct, out: &mut String) {
    out.push_str("Struct{");
    let fields = inner.schema().fields().map(|fields| fields.list()).unwrap_or_default();
    let mut first = true;
    for (field, value) in fields.iter().zip(inner.values()) {
        if value.is_null() {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        out.push_str(&field.name);
        out.push('=');
        write_java(value, out);
    }
    out.push('}');
}

/// Java shows an array's address; here it is a hash of the bytes, so that it does not change.
fn write_identity(bytes: &[u8], out: &mut String) {
    let hash = bytes
        .iter()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    _ = write!(out, "[B@{hash:08x}");
}

/// A double as Java's `Double.toString` prints it.
pub fn double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let mut buffer = ryu::Buffer::new();
    let shortest = buffer.format_finite(value);
    // Java shows two digits at least, and then the nearest two.
    if is_one_digit(shortest) {
        let two = format!("{value:.1e}");
        if two.parse() == Ok(value) {
            return java_notation(&two);
        }
    }
    java_notation(shortest)
}

/// A float as Java's `Float.toString` prints it.
pub fn float(value: f32) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let mut buffer = ryu::Buffer::new();
    let shortest = buffer.format_finite(value);
    if is_one_digit(shortest) {
        let two = format!("{value:.1e}");
        if two.parse() == Ok(value) {
            return java_notation(&two);
        }
    }
    java_notation(shortest)
}

/// Whether it is `5e-324`, not `0.5` nor `1.0`: only those with an exponent can change.
fn is_one_digit(shortest: &str) -> bool {
    shortest.trim_start_matches('-').as_bytes().get(1) == Some(&b'e')
}

/// Shortest digits, set as Java sets them: plain from 1e-3 to 1e7, else `d.ddEn`.
fn java_notation(shortest: &str) -> String {
    let (sign, rest) = match shortest.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", shortest),
    };
    let (mantissa, exponent) = match rest.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().unwrap_or(0)),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let leading = all.len() - all.trim_start_matches('0').len();
    let digits = all.trim_start_matches('0').trim_end_matches('0');
    if digits.is_empty() {
        return format!("{sign}0.0");
    }
    // The value is 0.DIGITS * 10^point.
    let point = whole.len() as i32 + exponent - leading as i32;
    let count = digits.len() as i32;
    let body = if (-2..=7).contains(&point) {
        if point <= 0 {
            format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
        } else if point >= count {
            format!("{digits}{}.0", "0".repeat((point - count) as usize))
        } else {
            let (left, right) = digits.split_at(point as usize);
            format!("{left}.{right}")
        }
    } else {
        let (first, others) = digits.split_at(1);
        let others = if others.is_empty() { "0" } else { others };
        format!("{first}.{others}E{}", point - 1)
    };
    format!("{sign}{body}")
}

/// Code points of the zeros of all scripts whose digits Java takes for numbers.
const ZEROS: [u32; 37] = [
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6,
    0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80,
    0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
    0xFF10,
];

/// The value of a decimal digit of any script (`Character.digit(c, 10)`).
pub fn digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.is_ascii_digit().then(|| c as u8 - b'0');
    }
    let code = c as u32;
    let zero = ZEROS.iter().rev().find(|zero| **zero <= code)?;
    u8::try_from(code - zero).ok().filter(|value| *value < 10)
}

/// A whole number as Java's `Long.parseLong` reads it: sign and digits of any script.
pub fn parse_long(text: &str) -> Option<i64> {
    let (negative, body) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if body.is_empty() {
        return None;
    }
    let mut value = 0i64;
    for c in body.chars() {
        // Counted downwards: the smallest number has no positive counterpart.
        value = value.checked_mul(10)?.checked_sub(i64::from(digit(c)?))?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// A double as Java's `Double.parseDouble` reads it: also `1f`, `1d`, hexadecimal `0x1p3`,
/// `NaN` and `Infinity` in exactly this spelling; blanks around it are dropped.
pub fn parse_double(text: &str) -> Option<f64> {
    let text = trim(text);
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let size = match body {
        "NaN" => return Some(f64::NAN),
        "Infinity" => f64::INFINITY,
        _ => {
            let plain = body.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(body);
            let lower = plain.get(..2).unwrap_or_default();
            if lower.eq_ignore_ascii_case("0x") {
                // The suffix letters are hexadecimal digits too: only an exponent ends them.
                parse_hexadecimal(plain.get(2..)?)?
            } else if plain
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
                && plain.bytes().any(|b| b.is_ascii_digit())
                && !plain.starts_with(['+', '-'])
            {
                plain.parse().ok()?
            } else {
                return None;
            }
        }
    };
    Some(sign * size)
}

/// `1.8p3`: the exponent of two is decimal, and must be there.
fn parse_hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let all_hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let unscaled = all_hex.then(|| num_bigint::BigInt::parse_bytes(digits.as_bytes(), 16))??;
    let exponent = parse_long(exponent)?.clamp(-100_000, 100_000) as i32;
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    // Two steps: 2^shift alone may be too small where the product is not.
    let mantissa = num_traits::ToPrimitive::to_f64(&unscaled)?;
    Some(mantissa * 2f64.powi(shift / 2) * 2f64.powi(shift - shift / 2))
}

/// Texts in the order in which Java's `HashSet` lists them.
pub fn hash_set_order(texts: Vec<String>) -> Vec<String> {
    let mut texts = texts;
    // Each counts once, where it came first.
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
    sort_as_hash_map(&mut texts, |text| text);
    texts
}

/// Entries with distinct keys, in the order in which they were put, in the order in which Java's
/// `HashMap` lists them.
pub fn sort_as_hash_map<T>(entries: &mut [T], key: impl Fn(&T) -> &str) {
    sort_as_hash_map_for(16, entries, key);
}

/// The same for a `HashMap` that was made with a capacity.
pub fn sort_as_hash_map_for<T>(capacity: u32, entries: &mut [T], key: impl Fn(&T) -> &str) {
    let mut size = capacity.clamp(1, 1 << 30).next_power_of_two();
    // The table doubles when it is three quarters full.
    while entries.len() > size as usize / 4 * 3 && size < 1 << 30 {
        size *= 2;
    }
    sort_in_table(entries, key, size);
}

/// The same for a `HashMap` that was made as a copy of another map: its table is as small as can
/// be.
pub fn sort_as_copied_hash_map<T>(entries: &mut [T], key: impl Fn(&T) -> &str) {
    let room = entries.len() * 4 / 3 + 1;
    let size = u32::try_from(room).unwrap_or(u32::MAX >> 1).next_power_of_two();
    sort_in_table(entries, key, size);
}

fn sort_in_table<T>(entries: &mut [T], key: impl Fn(&T) -> &str, size: u32) {
    entries.sort_by_cached_key(|entry| {
        let hash = hash_code(key(entry));
        (hash ^ (hash >> 16)) & (size - 1)
    });
}

/// Java's `String.hashCode`.
pub fn hash_code(text: &str) -> u32 {
    text.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

/// Without the characters up to the blank at both ends (`String.trim`): fewer than Rust's
/// white space in one way, more in another.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}

/// Whether nothing is left after [`trim`].
pub fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| byte <= b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_javas() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (1.234_567_89e10, "1.23456789E10"),
            (5e-324, "4.9E-324"),
            (f64::MAX, "1.7976931348623157E308"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(double(value), text);
        }
        assert_eq!(float(f32::from_bits(1)), "1.4E-45");
        assert_eq!(float(3.402_823_5e38), "3.4028235E38");
        assert_eq!(float(1e10), "1.0E10");
    }

    #[test]
    fn number_texts_read_back() {
        // A walk over bit patterns that visits every exponent.
        let mut bits = 0x0123_4567_89ab_cdef_u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                assert_eq!(double(value).parse(), Ok(value));
            }
            let value = f32::from_bits((bits >> 32) as u32);
            if value.is_finite() {
                assert_eq!(float(value).parse(), Ok(value));
            }
        }
    }

    #[test]
    fn doubles_are_read_as_java_does() {
        for (text, value) in [
            ("1f", 1.0),
            (" 5. ", 5.0),
            ("-.5e1D", -5.0),
            ("0x1.8p3", 12.0),
            ("+Infinity", f64::INFINITY),
        ] {
            assert_eq!(parse_double(text), Some(value), "{text}");
        }
        assert!(parse_double("NaN").is_some_and(f64::is_nan));
        for bad in ["", "f", ".", "1_0", "inf", "nan", "0x1F", "--1", "1L", "e5", "1e"] {
            assert_eq!(parse_double(bad), None, "{bad}");
        }
    }

    #[test]
    fn sets_show_in_javas_order() {
        let order =
            |texts: &[&str]| hash_set_order(texts.iter().map(|t| (*t).to_owned()).collect());
        assert_eq!(hash_code("BASE64"), 1_952_093_519);
        assert_eq!(order(&["B", "A"]), ["A", "B"]);
        let mut copied = ["a", "name"];
        sort_as_copied_hash_map(&mut copied, |text| text);
        assert_eq!(copied, ["name", "a"]);
        // Their hashes end in 8, 4 and 0: a table of four holds three in one place, in the order in
        // which they came, and one of sixteen tells them apart.
        let mut keys = ["h", "d", "p"];
        sort_as_hash_map_for(3, &mut keys, |text| text);
        assert_eq!(keys, ["h", "d", "p"]);
        sort_as_hash_map_for(9, &mut keys, |text| text);
        assert_eq!(keys, ["p", "d", "h"]);
    }

    #[test]
    fn whole_numbers_of_any_script() {
        assert_eq!(parse_long("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_long("9223372036854775808"), None);
        assert_eq!(parse_long("+7"), Some(7));
        assert_eq!(parse_long("\u{0661}\u{0662}"), Some(12));
        for bad in ["", "-", "+-1", "1 ", "1.0", "0x1", "\u{00b2}"] {
            assert_eq!(parse_long(bad), None, "{bad}");
        }
    }
}
