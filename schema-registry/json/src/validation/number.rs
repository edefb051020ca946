//! Numbers of values and of schemas.

use std::cmp::Ordering;

use serde_json::Value;

/// A number, exact if it is whole and not beyond what a JSON reader keeps exact.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Decimal(f64, String),
}

impl Number {
    pub(super) fn parse(text: &str) -> Self {
        if let Ok(whole) = text.parse::<i128>()
            && (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&whole)
        {
            return Self::Whole(whole);
        }
        Self::Decimal(text.parse().unwrap_or(f64::NAN), text.to_owned())
    }

    pub(super) fn of(number: &serde_json::Number) -> Self {
        match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), ..) => Self::Whole(whole.into()),
            (None, Some(whole), _) => Self::Whole(whole.into()),
            (None, None, decimal) => Self::Decimal(decimal.unwrap_or(f64::NAN), number.to_string()),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "compared with a number that is no more exact")]
    fn approximate(&self) -> f64 {
        match self {
            Self::Whole(whole) => *whole as f64,
            Self::Decimal(decimal, _) => *decimal,
        }
    }

    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(other)),
            (one, other) => one.approximate().partial_cmp(&other.approximate()),
        }
    }

    pub(super) fn is_multiple_of(&self, factor: &Self) -> bool {
        if let (Some((digits, scale)), Some((by_digits, by_scale))) = (self.parts(), factor.parts())
        {
            let scaled = |digits: i128, up: u32| {
                10i128.checked_pow(up).and_then(|power| digits.checked_mul(power))
            };
            let common = scale.max(by_scale);
            let (one, other) =
                (scaled(digits, common - scale), scaled(by_digits, common - by_scale));
            if let (Some(one), Some(other)) = (one, other) {
                return other != 0 && one.checked_rem(other) == Some(0);
            }
        }
        let ratio = self.approximate() / factor.approximate();
        ratio.is_finite() && ratio.fract() == 0.0
    }

    /// Its digits as a whole number, and how many of them stand behind the point.
    fn parts(&self) -> Option<(i128, u32)> {
        let text = match self {
            Self::Whole(whole) => return Some((*whole, 0)),
            Self::Decimal(_, text) => text,
        };
        let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.trim_start_matches('+').parse().ok()?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = i64::try_from(fraction.len()).ok()? - exponent;
        if scale < 0 {
            let up = u32::try_from(-scale).ok()?;
            return Some((10i128.checked_pow(up)?.checked_mul(digits)?, 0));
        }
        Some((digits, u32::try_from(scale).ok()?))
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(whole) => write!(f, "{whole}"),
            Self::Decimal(_, text) => f.write_str(text),
        }
    }
}

/// A value as a text that is the same for equal values: numbers are equal by what they are worth,
/// objects whatever the order of their keys.
pub(super) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, to: &mut String) {
    match value {
        Value::Number(number) => match Number::of(number) {
            Number::Whole(whole) => to.push_str(&whole.to_string()),
            Number::Decimal(decimal, _) if decimal.fract() == 0.0 && decimal.abs() < 1e18 => {
                // The sum has no negative zero.
                to.push_str(&format!("{:.0}", decimal + 0.0));
            }
            Number::Decimal(decimal, _) => to.push_str(&format!("{decimal:e}")),
        },
        Value::Array(items) => {
            to.push('[');
            for item in items {
                write(item, to);
                to.push(',');
            }
            to.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            to.push('{');
            for (key, value) in entries {
                to.push_str(&format!("{key:?}:"));
                write(value, to);
                to.push(',');
            }
            to.push('}');
        }
        Value::String(text) => to.push_str(&format!("{text:?}")),
        Value::Null | Value::Bool(_) => to.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn multiples_are_exact() {
        let multiple = |of: &str, by: &str| Number::parse(of).is_multiple_of(&Number::parse(by));
        assert!(multiple("7", "3.5") && multiple("0.3", "0.1") && multiple("0.0075", "0.0001"));
        assert!(multiple("1E+3", "10") && multiple("0", "5"));
        assert!(!multiple("0.00751", "0.0001") && !multiple("7", "2") && !multiple("1", "0"));
        assert!(!multiple("1E+308", "0.123456789"));
        assert!(multiple("12391239123", "1E-8"));
    }

    #[test]
    fn equal_values_have_one_text() {
        let same = |one: Value, other: Value| canonical(&one) == canonical(&other);
        assert!(same(json!(1), json!(1.0)));
        assert!(same(json!({"a": 1, "b": [2.50]}), json!({"b": [2.5], "a": 1.0})));
        assert!(!same(json!(1), json!("1")) && !same(json!([1]), json!(1)));
        assert!(!same(json!(0), json!(false)) && !same(json!(null), json!("null")));
        assert!(same(json!(-0.0), json!(0)));
    }

    #[test]
    fn order_is_by_worth() {
        let order = |one: &str, other: &str| Number::parse(one).compare(&Number::parse(other));
        assert_eq!(order("9007199254740993", "9007199254740992"), Some(Ordering::Greater));
        assert_eq!(order("1.5", "2"), Some(Ordering::Less));
        assert_eq!(order("18446744073709551615", "-1"), Some(Ordering::Greater));
    }
}
