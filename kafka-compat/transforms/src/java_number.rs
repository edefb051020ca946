//! Texts read as numbers the way `java.lang` and `java.math` read them.

use gantry_model::Decimal;
use gantry_model::text::{digit, trim};
use num_bigint::BigInt;

/// How many bits of a hexadecimal mantissa are kept; the others only say which way to round.
const HEX_BITS: u32 = 60;
/// Exponents beyond this are infinite or zero in any case.
const MAX_EXPONENT: i64 = 100_000;

/// As `Double.parseDouble`; `None` where that throws.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    parse_floating(text, |decimal| decimal.parse().ok(), |hex| Some(hex.to_f64()))
}

/// As `Float.parseFloat`; `None` where that throws.
pub(crate) fn parse_float(text: &str) -> Option<f32> {
    parse_floating(text, |decimal| decimal.parse().ok(), |hex| Some(hex.to_f32()))
}

/// As `new BigDecimal(text)`; `None` where that throws.
pub(crate) fn parse_decimal(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

/// As `new BigInteger(text)`; `None` where that throws.
pub(crate) fn parse_big_integer(text: &str) -> Option<BigInt> {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    if body.is_empty() {
        return None;
    }
    let mut digits = String::with_capacity(text.len());
    if text.starts_with('-') {
        digits.push('-');
    }
    for c in body.chars() {
        digits.push(char::from(b'0' + digit(c)?));
    }
    digits.parse().ok()
}

fn parse_floating<T: From<f32> + std::ops::Neg<Output = T>>(
    text: &str,
    decimal: impl FnOnce(&str) -> Option<T>,
    hexadecimal: impl FnOnce(Hexadecimal) -> Option<T>,
) -> Option<T> {
    let text = trim(text);
    let (negative, body) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let value = match body {
        "NaN" => T::from(f32::NAN),
        "Infinity" => T::from(f32::INFINITY),
        _ => {
            // A type suffix says nothing about the type here, but may stand.
            let number = body.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(body);
            if number.starts_with("0x") || number.starts_with("0X") {
                hexadecimal(Hexadecimal::parse(&number[2..])?)?
            } else if is_decimal(number) {
                decimal(number)?
            } else {
                return None;
            }
        }
    };
    Some(if negative { -value } else { value })
}

/// Digits with at most one point, at least one digit, and an exponent that has digits.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    all_digits(whole) && all_digits(fraction) && whole.len() + fraction.len() > 0 && exponent_fits
}

/// A hexadecimal number: `mantissa * 2^exponent`.
struct Hexadecimal {
    mantissa: u64,
    exponent: i64,
}

impl Hexadecimal {
    /// What follows `0x`: digits with a point, `p` and the exponent of two.
    fn parse(text: &str) -> Option<Self> {
        let at = text.find(['p', 'P'])?;
        let (digits, power) = (&text[..at], &text[at + 1..]);
        let unsigned = power.strip_prefix(['-', '+']).unwrap_or(power);
        if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        // Digits only, so what fails is too long for 64 bits.
        let size = unsigned.parse::<i64>().unwrap_or(MAX_EXPONENT).min(MAX_EXPONENT);
        let power = if power.starts_with('-') { -size } else { size };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut mantissa = 0u64;
        let mut dropped = 0i64;
        for c in whole.chars().chain(fraction.chars()) {
            let value = u64::from(c.to_digit(16)?);
            if mantissa >> (HEX_BITS - 4) == 0 {
                mantissa = mantissa << 4 | value;
            } else {
                dropped += 4;
                mantissa |= u64::from(value != 0);
            }
        }
        let exponent = power + dropped - 4 * i64::try_from(fraction.len()).ok()?;
        Some(Self { mantissa, exponent })
    }
    fn to_f64(&self) -> f64 {
        let half = (self.exponent / 2).clamp(-MAX_EXPONENT, MAX_EXPONENT) as i32;
        let rest = (self.exponent - self.exponent / 2).clamp(-MAX_EXPONENT, MAX_EXPONENT) as i32;
        // In two steps: one alone may pass the range although the result does not.
        self.mantissa as f64 * 2f64.powi(half) * 2f64.powi(rest)
    }
    fn to_f32(&self) -> f32 {
        // The mantissa has 24 bits after its first rounding, which a double holds exactly.
        let rounded = f64::from(self.mantissa as f32);
        let half = (self.exponent / 2).clamp(-MAX_EXPONENT, MAX_EXPONENT) as i32;
        let rest = (self.exponent - self.exponent / 2).clamp(-MAX_EXPONENT, MAX_EXPONENT) as i32;
        (rounded * 2f64.powi(half) * 2f64.powi(rest)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_as_java_reads_them() {
        for (text, value) in [
            ("1", 1.0),
            (" 1.5\t", 1.5),
            ("+5", 5.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("1e5f", 1e5),
            ("1.5D", 1.5),
            ("1e400", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x1.8p1", 3.0),
            ("0x.8P0", 0.5),
            ("-0X10p-4", -1.0),
            ("0x1p-1074", 5e-324),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x123456789abcdef01p0", 20_988_295_479_420_645_121.0),
        ] {
            assert_eq!(parse_double(text), Some(value), "{text}");
        }
        assert!(parse_double("-NaN").is_some_and(f64::is_nan));
        for bad in [
            "", " ", ".", "1e", "1e+", "0x10", "0x1p", "0xp1", "infinity", "nan", "1_0", "1 2",
            "\u{a0}1", "\u{ff11}", "+-1", "f", "1ff",
        ] {
            assert_eq!(parse_double(bad), None, "{bad}");
        }
    }

    #[test]
    fn floats_are_rounded_once() {
        assert_eq!(parse_float("3.4028236e38"), Some(f32::INFINITY));
        assert_eq!(parse_float("0x1p-149"), Some(f32::from_bits(1)));
        assert_eq!(parse_float("16777217.000000001"), Some(16_777_218.0));
    }

    #[test]
    fn big_integers() {
        assert_eq!(parse_big_integer("-12"), Some((-12).into()));
        assert_eq!(parse_big_integer("+\u{0661}"), Some(1.into()));
        for bad in ["", "-", "+-1", "1.0", " 1"] {
            assert_eq!(parse_big_integer(bad), None, "{bad}");
        }
    }
}
