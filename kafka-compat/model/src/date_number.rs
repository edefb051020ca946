//! Numbers in dates, as Java's date formats read them: by a format for whole numbers, which
//! knows exponents (`2E3` is 2000), `NaN` and the sign of infinity all the same.

use crate::text::digit;

/// So many digits may fit into 64 bits.
const MAX_DIGITS: i64 = 19;

/// The number at the beginning of a text, and how many bytes it takes. What is beyond 64 bits
/// is limited to 32, what is not loses its upper half; a fraction is cut off.
pub fn read(text: &str) -> Option<(i32, usize)> {
    if let Some(plain) = plain(text) {
        return Some(plain);
    }
    if text.starts_with("NaN") {
        return Some((0, 3));
    }
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text),
    };
    let sign = text.len() - body.len();
    if body.starts_with('∞') {
        return Some((if negative { i32::MIN } else { i32::MAX }, sign + '∞'.len_utf8()));
    }
    let (mut digits, mut taken) = digits_of(body)?;
    let mut point = i64::try_from(digits.len()).ok()?;
    if let Some((exponent, length)) = body[taken..].strip_prefix('E').and_then(exponent) {
        // Java counts with 32 bits here.
        point = i64::from((point as i32).wrapping_add(exponent));
        taken += 1 + length;
    }
    digits.truncate(digits.trim_end_matches('0').len());
    Some((value(negative, &digits, point), sign + taken))
}

/// The same for what nearly all dates have: a few digits of ASCII, and no exponent behind them.
fn plain(text: &str) -> Option<(i32, usize)> {
    const DIGITS: usize = 9;
    let bytes = text.as_bytes();
    let taken = bytes.iter().take(DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    // Other scripts have digits, too.
    let ends = bytes.get(taken).is_none_or(|next| next.is_ascii() && *next != b'E');
    if taken == 0 || taken > DIGITS || !ends {
        return None;
    }
    let digits = bytes.get(..taken)?.iter();
    Some((digits.fold(0, |value, digit| value * 10 + i32::from(digit - b'0')), taken))
}

/// The digits at the beginning without leading zeros, and how many bytes all of them take.
fn digits_of(text: &str) -> Option<(String, usize)> {
    let mut digits = String::new();
    let mut taken = 0;
    for c in text.chars() {
        let Some(next) = digit(c) else { break };
        if next > 0 || !digits.is_empty() {
            digits.push(char::from(b'0' + next));
        }
        taken += c.len_utf8();
    }
    (taken > 0).then_some((digits, taken))
}

/// A whole number behind `E`, cut to 32 bits; none if it is beyond 64.
fn exponent(text: &str) -> Option<(i32, usize)> {
    let body = text.strip_prefix('-').unwrap_or(text);
    let (digits, taken) = digits_of(body)?;
    let value: i64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let sign = text.len() - body.len();
    let value = value as i32;
    Some((if sign > 0 { value.wrapping_neg() } else { value }, sign + taken))
}

/// `0.DIGITS` times ten to the power of `point`.
fn value(negative: bool, digits: &str, point: i64) -> i32 {
    if digits.is_empty() {
        return 0;
    }
    let sign = if negative { "-" } else { "" };
    let zeros = usize::try_from(point - digits.len() as i64);
    if let (Ok(zeros), true) = (zeros, point <= MAX_DIGITS)
        && let Ok(whole) = format!("{sign}{digits}{:0<zeros$}", "").parse::<i64>()
    {
        return whole as i32;
    }
    let number: f64 = format!("{sign}0.{digits}e{point}").parse().unwrap_or_default();
    number as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_end_at_the_first_other_sign() {
        assert_eq!(read("2020-01"), Some((2020, 4)));
        assert_eq!(read("-07x"), Some((-7, 3)));
        assert_eq!(read("0"), Some((0, 1)));
        assert_eq!(read("1.5"), Some((1, 1)));
        assert_eq!(read("١٢:"), Some((12, 4)));
        assert_eq!(read("1٢:"), Some((12, 3)));
        assert_eq!(read("999999999"), Some((999_999_999, 9)));
        assert_eq!(read("0001234567890"), Some((1_234_567_890, 13)));
        for none in ["", "-", "+1", "x", " 1", "E1"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn exponents_count() {
        assert_eq!(read("2E3-01"), Some((2000, 3)));
        assert_eq!(read("00E01-"), Some((0, 5)));
        assert_eq!(read("125E-1"), Some((12, 6)));
        assert_eq!(read("1200E-2"), Some((12, 7)));
        assert_eq!(read("-5E-1"), Some((0, 5)));
        assert_eq!(read("1E99"), Some((i32::MAX, 4)));
        // Not an exponent: the number ends before it.
        for one in ["1E", "1E+2", "1e2", "1E-", "1Ex", "1E9223372036854775808"] {
            assert_eq!(read(one), Some((1, 1)), "{one}");
        }
    }

    #[test]
    fn what_is_too_large_is_cut_or_limited() {
        assert_eq!(read("4294967298"), Some((2, 10)));
        assert_eq!(read("9223372036854775807"), Some((-1, 19)));
        assert_eq!(read("-9223372036854775808"), Some((0, 20)));
        assert_eq!(read("9223372036854775808"), Some((i32::MAX, 19)));
        assert_eq!(read("-99999999999999999999"), Some((i32::MIN, 21)));
        assert_eq!(read("∞-"), Some((i32::MAX, 3)));
        assert_eq!(read("-∞"), Some((i32::MIN, 4)));
        assert_eq!(read("NaN-01"), Some((0, 3)));
    }
}
