//! Exact decimals with the texts and conversions of `java.math.BigDecimal`.

use std::fmt;
use std::str::FromStr;

use num_bigint::{BigInt, Sign};
use num_traits::{ToPrimitive, Zero};

use crate::error::{Error, Result};
use crate::text::digit;

/// An exact decimal: `unscaled * 10^-scale`. Equality is Java's `equals`: 1.0 is not 1.00.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The digits.
    pub unscaled: BigInt,
    /// How many of them stand after the point; negative adds zeros.
    pub scale: i32,
}

/// Powers of ten up from this one hold the factor 2^64: no digit reaches the low 64 bits.
const LOW_BITS: u32 = 64;

impl Decimal {
    /// A whole number.
    pub fn from_int(value: impl Into<BigInt>) -> Self {
        Self { unscaled: value.into(), scale: 0 }
    }
    /// The decimal that a double's text shows (`BigDecimal.valueOf`): 100.0 is 100.0, not 100.
    /// `NumberFormatException` for NaN and infinities.
    pub fn from_f64(value: f64) -> Result<Self> {
        crate::text::double(value).parse()
    }
    /// How many digits the unscaled value has; 1 for zero.
    pub fn precision(&self) -> usize {
        digits_of(&self.unscaled).len()
    }
    /// Whether there is nothing behind the point, whatever the scale.
    pub fn is_integer(&self) -> bool {
        if self.scale <= 0 || self.unscaled.is_zero() {
            return true;
        }
        let digits = digits_of(&self.unscaled);
        let zeros = digits.len() - digits.trim_end_matches('0').len();
        zeros as i64 >= i64::from(self.scale)
    }
    /// The whole part if it has at most `max_digits` digits: a short text with a huge exponent
    /// must not become a huge number.
    pub fn to_integer(&self, max_digits: usize) -> Option<BigInt> {
        if self.unscaled.is_zero() {
            return Some(BigInt::ZERO);
        }
        let whole_digits = self.precision() as i64 - i64::from(self.scale);
        if whole_digits > max_digits as i64 {
            return None;
        }
        if whole_digits <= 0 {
            return Some(BigInt::ZERO);
        }
        let power = power_of_ten(self.scale.unsigned_abs());
        Some(if self.scale <= 0 { &self.unscaled * power } else { &self.unscaled / power })
    }
    /// The low 64 bits of the whole part (`longValue`).
    pub fn long_value(&self) -> i64 {
        let whole_digits = self.precision() as i64 - i64::from(self.scale);
        if whole_digits <= 0 || self.scale < 0 && self.scale.unsigned_abs() >= LOW_BITS {
            return 0;
        }
        let power = power_of_ten(self.scale.unsigned_abs());
        let whole = if self.scale <= 0 { &self.unscaled * power } else { &self.unscaled / power };
        low_bits(&whole)
    }
    /// The nearest double (`doubleValue`).
    pub fn double_value(&self) -> f64 {
        self.scientific().parse().unwrap_or(f64::NAN)
    }
    /// The nearest float (`floatValue`).
    pub fn float_value(&self) -> f32 {
        self.scientific().parse().unwrap_or(f32::NAN)
    }
    fn scientific(&self) -> String {
        format!("{}e{}", self.unscaled, -i64::from(self.scale))
    }
    /// Without exponent (`toPlainString`). A negative scale writes all its zeros.
    pub fn to_plain_string(&self) -> String {
        let digits = digits_of(&self.unscaled);
        let sign = if self.unscaled.sign() == Sign::Minus { "-" } else { "" };
        let scale = self.scale.unsigned_abs() as usize;
        match self.scale {
            0 => format!("{sign}{digits}"),
            i32::MIN..0 if self.unscaled.is_zero() => "0".to_owned(),
            i32::MIN..0 => format!("{sign}{digits}{}", "0".repeat(scale)),
            _ if digits.len() > scale => {
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                format!("{sign}{whole}.{fraction}")
            }
            _ => format!("{sign}0.{}{digits}", "0".repeat(scale - digits.len())),
        }
    }
}

/// The low 64 bits of a whole number (`BigInteger.longValue`).
pub fn low_bits(value: &BigInt) -> i64 {
    if let Some(long) = value.to_i64() {
        return long;
    }
    let low = value.magnitude().iter_u64_digits().next().unwrap_or(0) as i64;
    if value.sign() == Sign::Minus { low.wrapping_neg() } else { low }
}

fn power_of_ten(exponent: u32) -> BigInt {
    BigInt::from(10u8).pow(exponent)
}

fn digits_of(value: &BigInt) -> String {
    value.magnitude().to_string()
}

impl fmt::Display for Decimal {
    /// As Java's `toString`: plain from 1e-6 on while the scale is not negative, else with `E`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = digits_of(&self.unscaled);
        let exponent = digits.len() as i64 - 1 - i64::from(self.scale);
        if self.scale >= 0 && exponent >= -6 {
            return f.write_str(&self.to_plain_string());
        }
        if self.unscaled.sign() == Sign::Minus {
            f.write_str("-")?;
        }
        let (first, rest) = digits.split_at(1);
        f.write_str(first)?;
        if !rest.is_empty() {
            write!(f, ".{rest}")?;
        }
        if exponent != 0 {
            write!(f, "E{exponent:+}")?;
        }
        Ok(())
    }
}

fn not_a_number(message: &str) -> Error {
    Error::java("java.lang.NumberFormatException", message)
}

impl FromStr for Decimal {
    type Err = Error;

    /// As `new BigDecimal(text)`: sign, digits with a point, exponent; no white space.
    /// `NumberFormatException` for all else.
    fn from_str(text: &str) -> Result<Self> {
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let (negative, body) = match mantissa.as_bytes().first() {
            Some(b'-') => (true, &mantissa[1..]),
            Some(b'+') => (false, &mantissa[1..]),
            _ => (false, mantissa),
        };
        let mut digits = String::with_capacity(body.len());
        let mut fraction: Option<i64> = None;
        for c in body.chars() {
            if let Some(value) = digit(c) {
                digits.push(char::from(b'0' + value));
                fraction = fraction.map(|count| count + 1);
            } else if c == '.' && fraction.is_none() {
                fraction = Some(0);
            } else {
                return Err(not_a_number(&format!(
                    "Character {c} is neither a decimal digit number, decimal point, nor \"e\" \
                     notation exponential mark."
                )));
            }
        }
        if digits.is_empty() {
            return Err(not_a_number("No digits found."));
        }
        let exponent = i64::from(exponent.map_or(Ok(0), parse_exponent)?);
        let scale = i32::try_from(fraction.unwrap_or(0) - exponent)
            .map_err(|_| not_a_number("Scale out of range."))?;
        let unscaled: BigInt = digits.parse().map_err(|_| not_a_number("No digits found."))?;
        Ok(Self { unscaled: if negative { -unscaled } else { unscaled }, scale })
    }
}

/// How many digits an exponent may have, leading zeros aside.
const EXPONENT_DIGITS: usize = 10;

fn parse_exponent(text: &str) -> Result<i32> {
    let (negative, body) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if body.is_empty() {
        return Err(not_a_number("No exponent digits"));
    }
    let mut value = 0i64;
    let mut count = 0;
    for c in body.chars() {
        let next = digit(c).ok_or_else(|| not_a_number("Not a digit."))?;
        count += usize::from(value != 0 || next != 0);
        if count > EXPONENT_DIGITS {
            return Err(not_a_number("Too many nonzero exponent digits."));
        }
        value = value * 10 + i64::from(next);
    }
    i32::try_from(if negative { -value } else { value })
        .map_err(|_| not_a_number("Exponent overflow."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn texts_are_javas() {
        for (text, shown, plain) in [
            ("0", "0", "0"),
            ("-0.00", "0.00", "0.00"),
            ("123.45", "123.45", "123.45"),
            ("1E+3", "1E+3", "1000"),
            ("12e3", "1.2E+4", "12000"),
            ("0.000001", "0.000001", "0.000001"),
            ("0.0000001", "1E-7", "0.0000001"),
            ("-1.5e-10", "-1.5E-10", "-0.00000000015"),
            ("0E+3", "0E+3", "0"),
            (".5", "0.5", "0.5"),
            ("5.", "5", "5"),
            ("\u{ff11}\u{ff12}", "12", "12"),
        ] {
            assert_eq!(decimal(text).to_string(), shown, "{text}");
            assert_eq!(decimal(text).to_plain_string(), plain, "{text}");
        }
    }

    #[test]
    fn bad_texts_are_refused() {
        for text in [
            "",
            "-",
            ".",
            "e1",
            "1e",
            "1e+",
            " 1",
            "1 ",
            "1.2.3",
            "0x1",
            "NaN",
            "1e99999999999",
            "1e2147483648",
        ] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn huge_exponents_cost_nothing() {
        let huge = decimal("1e2147483647");
        assert_eq!(huge.long_value(), 0);
        assert_eq!(huge.to_integer(40), None);
        assert!(huge.double_value().is_infinite());
        let tiny = decimal("1e-2147483647");
        assert_eq!(tiny.long_value(), 0);
        assert_eq!(tiny.to_integer(40), Some(BigInt::ZERO));
        assert!(!tiny.is_integer());
    }

    #[test]
    fn numbers_are_cut_as_java_does() {
        assert_eq!(decimal("-12.99").long_value(), -12);
        assert_eq!(decimal("18446744073709551617").long_value(), 1);
        assert_eq!(decimal("-18446744073709551617").long_value(), -1);
        assert_eq!(decimal("9223372036854775808").long_value(), i64::MIN);
        assert!(decimal("1.00").is_integer() && !decimal("1.01").is_integer());
        assert_eq!(Decimal::from_f64(100.0).unwrap(), decimal("100.0"));
    }
}
