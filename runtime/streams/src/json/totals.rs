//! Several totals of the fields of JSON values, as one aggregate.

use std::cmp::Ordering;

use serde_json::Value;

use crate::aggregate::Aggregate;
use crate::data::Data;
use crate::error::DataError;

/// A number of a field. Whole ones are exact, however many are added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    /// A number, or a text that is one.
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => {
                let whole = number.as_i64().map(i128::from);
                let whole = whole.or_else(|| number.as_u64().map(i128::from));
                whole.map(Self::Whole).or_else(|| number.as_f64().map(Self::Real))
            }
            Value::String(text) => {
                let text = text.trim();
                let real = || text.parse().ok().filter(|real: &f64| real.is_finite());
                text.parse().ok().map(Self::Whole).or_else(|| real().map(Self::Real))
            }
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "beside a number with a fraction")]
    fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }

    fn plus(self, other: Self) -> Self {
        if let (Self::Whole(a), Self::Whole(b)) = (self, other)
            && let Some(sum) = a.checked_add(b)
        {
            return Self::Whole(sum);
        }
        Self::Real(self.real() + other.real())
    }

    fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            (a, b) => a.real().partial_cmp(&b.real()),
        }
    }

    fn json(self) -> Value {
        let Self::Whole(whole) = self else { return self.real().into() };
        let small = i64::try_from(whole).map(Value::from);
        let small = small.or_else(|_| u64::try_from(whole).map(Value::from));
        small.unwrap_or_else(|_| self.real().into())
    }
}

impl Data for Number {
    fn encode(&self, to: &mut Vec<u8>) {
        match self {
            Self::Whole(whole) => {
                to.push(0);
                to.extend_from_slice(&whole.to_be_bytes());
            }
            Self::Real(real) => {
                to.push(1);
                real.encode(to);
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        let fault = || DataError::new("a number is a 0 and 16 bytes, or a 1 and 8 bytes");
        match bytes.split_first() {
            Some((0, whole)) => {
                let whole = whole.try_into().map_err(|_| fault())?;
                Ok(Self::Whole(i128::from_be_bytes(whole)))
            }
            Some((1, real)) => f64::decode(real).map(Self::Real),
            _ => Err(fault()),
        }
    }

    fn to_json(&self) -> Value {
        self.json()
    }
}

/// What a total is of its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Sum,
    Min,
    Max,
    Avg,
    Count,
}

/// One total.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) what: What,
    pub(super) field: String,
    pub(super) alias: String,
}

/// How many there were, and their sum, least or greatest.
type Total = (u64, Option<Number>);

/// All totals of a group.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) wishes: Vec<Wish>,
}

fn take(what: What, total: &mut Option<Number>, number: Number) {
    let Some(known) = *total else {
        *total = Some(number);
        return;
    };
    let better = match what {
        What::Min => number.order(known) == Some(Ordering::Less),
        What::Max => number.order(known) == Some(Ordering::Greater),
        What::Sum | What::Avg | What::Count => {
            *total = Some(known.plus(number));
            return;
        }
    };
    if better {
        *total = Some(number);
    }
}

impl Aggregate<Value> for Totals {
    type State = Vec<Total>;
    type Output = Value;

    fn begin(&self) -> Vec<Total> {
        vec![(0, None); self.wishes.len()]
    }

    fn add(&self, state: &mut Vec<Total>, value: &Value) {
        for (wish, (count, total)) in self.wishes.iter().zip(state) {
            if wish.what == What::Count {
                *count += 1;
            } else if let Some(number) = value.get(&wish.field).and_then(Number::of) {
                *count += 1;
                take(wish.what, total, number);
            }
        }
    }

    fn merge(&self, state: &mut Vec<Total>, other: &Vec<Total>) {
        for (wish, (known, other)) in self.wishes.iter().zip(state.iter_mut().zip(other)) {
            known.0 += other.0;
            if let Some(number) = other.1 {
                take(wish.what, &mut known.1, number);
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a mean of so many is no more exact")]
    fn result(&self, state: &Vec<Total>) -> Option<Value> {
        let totals = self.wishes.iter().zip(state).map(|(wish, (count, total))| {
            let number = total.map(Number::json);
            let value = match wish.what {
                What::Count => Value::from(*count),
                What::Sum => number.unwrap_or_else(|| 0.into()),
                What::Min | What::Max => number.unwrap_or_default(),
                What::Avg => {
                    total.map(|sum| Value::from(sum.real() / *count as f64)).unwrap_or_default()
                }
            };
            (wish.alias.clone(), value)
        });
        Some(Value::Object(totals.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_texts_with_numbers_count_and_nothing_else() {
        for (value, wanted) in [
            (json!(5), Some(Number::Whole(5))),
            (json!(u64::MAX), Some(Number::Whole(u64::MAX.into()))),
            (json!(1.5), Some(Number::Real(1.5))),
            (json!(" -12 "), Some(Number::Whole(-12))),
            (json!("2.5"), Some(Number::Real(2.5))),
            (json!("NaN"), None),
            (json!("five"), None),
            (json!(true), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(Number::of(&value), wanted, "{value}");
        }
    }

    #[test]
    fn whole_sums_are_exact_beyond_what_a_real_number_holds() {
        let wishes = [What::Sum, What::Max].map(|what| Wish {
            what,
            field: "n".to_owned(),
            alias: format!("{what:?}"),
        });
        let totals = Totals { wishes: wishes.to_vec() };
        let mut state = totals.begin();
        for number in [9_007_199_254_740_993_i64, 1, 1] {
            totals.add(&mut state, &json!({ "n": number }));
        }
        let mut other = totals.begin();
        totals.add(&mut other, &json!({ "n": u64::MAX - 9_007_199_254_740_995 }));
        totals.merge(&mut state, &other);
        let kept = Vec::<Total>::decode(&state.to_bytes()).unwrap();
        let wanted = json!({ "Sum": u64::MAX, "Max": u64::MAX - 9_007_199_254_740_995 });
        assert_eq!(totals.result(&kept), Some(wanted));
    }
}
