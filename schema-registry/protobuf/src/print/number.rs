//! Numbers as a normalized text has them: decimal, with three digits behind the point at most.

/// Exponents beyond this are left as they are.
const MAX_EXPONENT: i32 = 400;
/// Digits behind the point.
const DIGITS: usize = 3;

/// The normal form of a number; nothing if it is none.
pub(super) fn normal(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return whole(negative, hex, 16);
    }
    match digits.as_bytes().last()? {
        b'l' | b'L' => {
            let whole_part = digits.get(..digits.len() - 1)?;
            let is_decimal = whole_part.bytes().all(|b| b.is_ascii_digit());
            return if is_decimal { integer(negative, whole_part) } else { None };
        }
        b'f' | b'F' | b'd' | b'D' => {
            let is_double = !digits.ends_with(['f', 'F']);
            return fraction(negative, digits.get(..digits.len() - 1)?, Some(is_double));
        }
        b'0'..=b'9' | b'.' => {}
        _ => return None,
    }
    if digits.contains(['.', 'e', 'E']) {
        fraction(negative, digits, None)
    } else {
        integer(negative, digits)
    }
}

/// A whole number; a leading zero makes it octal.
fn integer(negative: bool, digits: &str) -> Option<String> {
    match digits.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => whole(negative, octal, 8),
        _ if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Some(signed(negative && digits != "0", digits))
        }
        _ => None,
    }
}

fn whole(negative: bool, digits: &str, radix: u32) -> Option<String> {
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = u128::from_str_radix(digits, radix).ok()?;
    Some(signed(negative && number != 0, &number.to_string()))
}

fn signed(negative: bool, digits: &str) -> String {
    if negative { format!("-{digits}") } else { digits.to_owned() }
}

/// A number with a fraction or an exponent. It is kept in as few bits as hold it, and what these
/// bits are is what is rounded. `double`: whether that many bits are asked for.
fn fraction(negative: bool, digits: &str, double: Option<bool>) -> Option<String> {
    let decimal = Decimal::of(digits)?;
    let (single, wide) = (digits.parse::<f32>().ok()?, digits.parse::<f64>().ok()?);
    let fits_single = single.is_finite() && (single != 0.0 || decimal.is_zero());
    let fits_double = wide.is_finite() && (wide != 0.0 || decimal.is_zero());
    let is_same = single.to_string() == wide.to_string();
    let rounded = match double {
        Some(false) if fits_single => shortened(f64::from(single)),
        None if fits_single && is_same => shortened(f64::from(single)),
        Some(_) if fits_double => shortened(wide),
        None if fits_double && Decimal::of(&wide.to_string())? == decimal => shortened(wide),
        _ => decimal.rounded(),
    };
    Some(signed(negative, &rounded))
}

/// With as many digits as tell it, but not too many behind the point.
fn shortened(number: f64) -> String {
    let text = number.to_string();
    let behind_point = text.split_once('.').map_or(0, |(_, digits)| digits.len());
    if behind_point <= DIGITS {
        return text;
    }
    without_trailing_zeros(&format!("{number:.DIGITS$}")).to_owned()
}

fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// A decimal number: its digits without leading and trailing zeros, and how many of them are
/// before the point.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    digits: String,
    point: i32,
}

impl Decimal {
    fn of(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (before, behind) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{before}{behind}");
        if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        if exponent.abs() > MAX_EXPONENT {
            return None;
        }
        let significant = all.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Self { digits: String::new(), point: 0 });
        }
        let zeros = i32::try_from(all.len() - significant.len()).ok()?;
        let point = i32::try_from(before.len()).ok()? - zeros + exponent;
        Some(Self { digits: significant.trim_end_matches('0').to_owned(), point })
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// To the nearest with so many digits behind the point; of two, the even one.
    fn rounded(&self) -> String {
        let kept = self.point + i32::try_from(DIGITS).unwrap_or(0);
        let mut digits: Vec<u8> = Vec::new();
        for place in 0..kept.max(0) {
            let digit = usize::try_from(place).ok().and_then(|at| self.digits.as_bytes().get(at));
            digits.push(digit.map_or(0, |digit| digit - b'0'));
        }
        let rest = usize::try_from(kept).ok().and_then(|at| self.digits.get(at..));
        let is_odd = digits.last().is_some_and(|digit| digit % 2 == 1);
        let goes_up = rest.is_some_and(|rest| rest > "5" || (rest == "5" && is_odd));
        if goes_up {
            let mut at = digits.len();
            loop {
                at = match at.checked_sub(1) {
                    None => {
                        digits.insert(0, 1);
                        break;
                    }
                    Some(at) => at,
                };
                if let Some(digit) = digits.get_mut(at) {
                    *digit = (*digit + 1) % 10;
                    if *digit != 0 {
                        break;
                    }
                }
            }
        }
        while digits.len() <= DIGITS {
            digits.insert(0, 0);
        }
        let mut text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        text.insert(digits.len() - DIGITS, '.');
        without_trailing_zeros(&text).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_forms() {
        for (text, expected) in [
            ("5", "5"),
            ("-5", "-5"),
            ("-0", "0"),
            ("010", "8"),
            ("0x1F", "31"),
            ("-0XfF", "-255"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("7L", "7"),
            ("1.50", "1.5"),
            ("5.", "5"),
            (".5", "0.5"),
            ("1e5", "100000"),
            ("1e23", "99999997781963080000000"),
            ("1.25e22d", "12500000000000000000000"),
            ("0.0005", "0.001"),
            ("0.12345", "0.123"),
            ("-0.0001", "-0"),
            ("1.5f", "1.5"),
            ("2.0005d", "2.001"),
            ("0.12349999999999999999999", "0.123"),
            ("9.99950000000000000000001", "10"),
        ] {
            assert_eq!(normal(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "-", "09", "1_000", "-inf", "-nan", "0x", "1e", "1e99999", "1.2.3", "1e5L"]
        {
            assert_eq!(normal(text), None, "{text}");
        }
    }
}
