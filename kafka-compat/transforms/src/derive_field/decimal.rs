//! Decimals in expressions: compared exactly, passed on as they are, and made numbers or texts by
//! `double()`, `int()` and `string()`. They are not counted with: what scale a product has, nobody
//! would know from the schema.

use std::any::Any;
use std::cmp::Ordering;
use std::sync::Arc;

use cel::ExecutionError;
use cel::common::traits::Comparer;
use cel::common::types::{CelDouble, CelInt, CelUInt, Type};
use cel::common::value::{StaticVal, Val};
use gantry_model::logical::Decimal;
use num_bigint::BigInt;

use super::convert::whole;

pub(super) static DECIMAL: Type = Type::new_unspecified_type("decimal");
/// Most digits that a comparison adds to one of the two: further apart they are compared as doubles.
const ALIGNED_DIGITS_MAX: u32 = 1000;

#[derive(Clone, Debug)]
pub(super) struct DecimalValue(pub(super) Arc<Decimal>);

impl DecimalValue {
    fn order(&self, other: &dyn Val) -> Option<Ordering> {
        if let Some(other) = other.downcast_ref::<Self>() {
            return Some(compare(&self.0, &other.0));
        }
        if let Some(n) = other.downcast_ref::<CelInt>() {
            return Some(compare(&self.0, &whole(*n.inner())));
        }
        if let Some(n) = other.downcast_ref::<CelUInt>() {
            return Some(compare(&self.0, &Decimal::from_int(BigInt::from(*n.inner()))));
        }
        let n = *other.downcast_ref::<CelDouble>()?.inner();
        // What its text shows: a decimal 0.1 is 0.1.
        match Decimal::from_f64(n) {
            Ok(n) => Some(compare(&self.0, &n)),
            Err(_) => 0.0_f64.partial_cmp(&n),
        }
    }
}

fn compare(a: &Decimal, b: &Decimal) -> Ordering {
    let apart = i64::from(a.scale) - i64::from(b.scale);
    let Some(digits) =
        u32::try_from(apart.unsigned_abs()).ok().filter(|n| *n <= ALIGNED_DIGITS_MAX)
    else {
        return a.double_value().total_cmp(&b.double_value());
    };
    let power = BigInt::from(10).pow(digits);
    match apart < 0 {
        true => (&a.unscaled * power).cmp(&b.unscaled),
        false => a.unscaled.cmp(&(&b.unscaled * power)),
    }
}

impl Comparer for DecimalValue {
    fn compare(&self, other: &dyn Val) -> Result<Ordering, ExecutionError> {
        self.order(other).ok_or_else(|| ExecutionError::UnexpectedType {
            got: other.get_type().name().to_owned(),
            want: "decimal".to_owned(),
        })
    }
}

impl Val for DecimalValue {
    fn get_type(&self) -> &Type {
        &DECIMAL
    }
    fn cel_type() -> &'static Type {
        &DECIMAL
    }
    fn as_comparer(&self) -> Option<&dyn Comparer> {
        Some(self)
    }
    fn equals(&self, other: &dyn Val) -> bool {
        self.order(other) == Some(Ordering::Equal)
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for DecimalValue {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_compared_by_what_they_are_worth() {
        let of = |text: &str| DecimalValue(Arc::new(text.parse().expect("a decimal")));
        assert!(of("1.50").equals(&of("1.5")) && of("0.1").equals(&CelDouble::from(0.1)));
        assert!(of("2.00").equals(&CelInt::from(2)) && !of("2.01").equals(&CelUInt::from(2)));
        assert_eq!(of("99.99").order(&CelInt::from(100)), Some(Ordering::Less));
        assert_eq!(of("-1").order(&CelDouble::from(f64::NEG_INFINITY)), Some(Ordering::Greater));
        assert_eq!(of("1e-2000000").order(&CelInt::from(1)), Some(Ordering::Less));
        assert_eq!(of("1").order(&CelDouble::from(f64::NAN)), None);
    }
}
