//! JSON numbers, kept as text until somebody asks for one type.

use gantry_model::Decimal;
use num_bigint::BigInt;

/// Jackson's limit for the digits of a number.
pub(crate) const MAX_NUMBER_CHARS: usize = 1000;

/// A number that is known to be well-formed: `-? digits (. digits)? ([eE] [+-]? digits)?`.
#[derive(Clone, Copy, Debug)]
pub struct Number<'a> {
    text: &'a str,
    /// Without point and exponent.
    integral: bool,
}

impl<'a> Number<'a> {
    /// A well-formed number; what Jackson or `BigDecimal` has against it.
    pub fn new(text: &'a str, integral: bool) -> Result<Self, &'static str> {
        if text.len() > MAX_NUMBER_CHARS && digits_of(text) > MAX_NUMBER_CHARS {
            return Err("a number may not have more than 1000 digits");
        }
        let number = Self { text, integral };
        if !integral && number.parts().is_none() {
            return Err("the exponent of a number is out of range");
        }
        Ok(number)
    }
    /// As it stands in the document.
    pub fn text(self) -> &'a str {
        self.text
    }
    /// Whether it has neither point nor exponent.
    pub fn is_integral(self) -> bool {
        self.integral
    }
    /// Whether it is a whole number of 32 bits (Jackson's `isInt`).
    pub fn is_int(self) -> bool {
        self.integral
            && match self.text.parse::<i32>() {
                Ok(_) => true,
                Err(error) => !matches!(
                    error.kind(),
                    std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow
                ),
            }
    }
    /// Java's `longValue`: the fraction is cut off, and so are all bits above the 64th.
    pub fn to_i64(self) -> i64 {
        let (negative, digits) = self.sign();
        if self.integral {
            let (eights, rest) = digits.as_bytes().as_chunks::<8>();
            let above = eights.iter().fold(0i64, |value, digits| {
                value.wrapping_mul(100_000_000).wrapping_add(eight_digits(*digits))
            });
            let value = wrapping(above, rest.iter().copied());
            return if negative { value.wrapping_neg() } else { value };
        }
        let Some(parts) = self.parts() else { return 0 };
        let all = parts.whole.bytes().chain(parts.fraction.bytes());
        let count = i64::try_from(parts.whole.len() + parts.fraction.len()).unwrap_or(i64::MAX);
        let value = if parts.scale >= 0 {
            let kept = usize::try_from(count - i64::from(parts.scale)).unwrap_or(0);
            wrapping(0, all.take(kept))
        } else if parts.scale <= -64 {
            // 10^64 is a multiple of 2^64.
            0
        } else {
            (parts.scale..0).fold(wrapping(0, all), |value, _| value.wrapping_mul(10))
        };
        if negative { value.wrapping_neg() } else { value }
    }
    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        let value: f64 = self.text.parse().unwrap_or(0.0);
        // Neither `int` nor `BigDecimal` has a negative zero.
        if value == 0.0 && self.is_zero() { 0.0 } else { value }
    }
    /// The nearest float.
    pub fn to_f32(self) -> f32 {
        let value: f32 = self.text.parse().unwrap_or(0.0);
        if value == 0.0 && self.is_zero() { 0.0 } else { value }
    }
    /// All digits, with trailing zeros.
    pub fn to_decimal(self) -> Decimal {
        let (negative, digits) = self.sign();
        let (text, scale) = match self.parts() {
            Some(parts) if !self.integral => {
                (format!("{}{}", parts.whole, parts.fraction), parts.scale)
            }
            _ => (digits.to_owned(), 0),
        };
        let unscaled = BigInt::parse_bytes(text.as_bytes(), 10).unwrap_or_default();
        Decimal { unscaled: if negative { -unscaled } else { unscaled }, scale }
    }

    fn sign(self) -> (bool, &'a str) {
        match self.text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, self.text),
        }
    }
    fn is_zero(self) -> bool {
        self.text.bytes().take_while(|b| !b"eE".contains(b)).all(|b| b"-0.".contains(&b))
    }
    /// `None` if the scale does not fit in 32 bits.
    fn parts(self) -> Option<Parts<'a>> {
        let (_, digits) = self.sign();
        let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (digits, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let scale = i64::try_from(fraction.len()).ok()? - i64::from(exponent);
        Some(Parts { whole, fraction, scale: i32::try_from(scale).ok()? })
    }
}

/// `whole fraction` read as one number, times `10^-scale`.
struct Parts<'a> {
    whole: &'a str,
    fraction: &'a str,
    scale: i32,
}

/// Leading zeros are passed over, as Jackson does.
fn digits_of(text: &str) -> usize {
    let digits = text.trim_start_matches('-').trim_start_matches('0');
    digits.bytes().filter(u8::is_ascii_digit).count()
}

/// Eight decimal digits at once: neighbours are joined in pairs, fours, then all.
fn eight_digits(digits: [u8; 8]) -> i64 {
    let ones = u64::from_le_bytes(digits) & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = (ones * 10 + (ones >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    let all = (fours & 0xFFFF_FFFF) * 10_000 + (fours >> 32);
    all.cast_signed()
}

/// Goes on with more digits behind a number.
fn wrapping(above: i64, digits: impl Iterator<Item = u8>) -> i64 {
    digits.fold(above, |n, digit| n.wrapping_mul(10).wrapping_add(i64::from(digit & 0x0F)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number<'_> {
        Number::new(text, !text.contains(['.', 'e', 'E'])).unwrap()
    }

    #[test]
    fn whole_numbers_wrap_at_64_bits() {
        assert_eq!(number("0012").to_i64(), 12);
        assert_eq!(number("-12345678").to_i64(), -12_345_678);
        assert_eq!(number("1700000000123").to_i64(), 1_700_000_000_123);
        assert_eq!(number("9223372036854775807").to_i64(), i64::MAX);
        assert_eq!(number("-9223372036854775808").to_i64(), i64::MIN);
        assert_eq!(number("18446744073709551617").to_i64(), 1);
        assert_eq!(number("100000000000000000000000000000").to_i64(), 7_886_392_056_514_347_008);
        assert!(number("2147483647").is_int());
        assert!(number("-2147483648").is_int());
        assert!(number("-00").is_int());
        assert!(!number("2147483648").is_int());
        assert!(!number("1e3").is_int());
    }

    #[test]
    fn fractions_are_cut_off() {
        for (text, value) in [
            ("1.5", 1),
            ("-1.99", -1),
            ("0.001e3", 1),
            ("0.0019E+3", 1),
            ("12345e-2", 123),
            ("12345e-5", 0),
            ("12345e-50", 0),
            ("1e3", 1000),
            ("1e64", 0),
            ("1e2000000000", 0),
            ("1e-2000000000", 0),
        ] {
            assert_eq!(number(text).to_i64(), value, "{text}");
        }
    }

    #[test]
    fn doubles_and_floats_are_the_nearest() {
        assert_eq!(number("1.10").to_f64(), 1.1);
        assert_eq!(number("1e400").to_f64(), f64::INFINITY);
        assert_eq!(number("1099511627776").to_f32(), 1.099_511_6e12);
        assert_eq!(number("-0.0").to_f64().to_bits(), 0);
        assert_eq!(number("-0").to_f32().to_bits(), 0);
        assert_eq!(number("-1e-400").to_f64().to_bits(), (-0.0f64).to_bits());
    }

    #[test]
    fn decimals_keep_their_scale() {
        let decimal = |text: &str| {
            let decimal = number(text).to_decimal();
            (decimal.unscaled.to_string(), decimal.scale)
        };
        assert_eq!(decimal("1.10"), ("110".to_owned(), 2));
        assert_eq!(decimal("-1e5"), ("-1".to_owned(), -5));
        assert_eq!(decimal("12"), ("12".to_owned(), 0));
    }

    #[test]
    fn what_no_decimal_can_hold_is_refused() {
        assert!(Number::new("1e2147483648", false).is_err());
        assert!(Number::new("1.5e-2147483647", false).is_err());
        let long = "1".repeat(MAX_NUMBER_CHARS + 1);
        assert!(Number::new(&long, true).is_err());
        assert!(Number::new(&long[1..], true).is_ok());
        assert!(Number::new(&"0".repeat(2 * MAX_NUMBER_CHARS), true).is_ok());
    }
}
