//! Java's `hashCode` of keys.

use num_bigint::{BigInt, Sign};

use crate::text::hash_code;
use crate::value::Value;

/// The hash as `HashMap` uses it: the upper half counts too.
pub(super) fn spread(key: &Value) -> u32 {
    let hash = hash(key);
    hash ^ (hash >> 16)
}

/// Java's hash of a value. Of those that Java takes from an object's address, byte arrays and
/// structs, it is 0.
fn hash(value: &Value) -> u32 {
    let long = |n: i64| (n ^ (n.cast_unsigned() >> 32).cast_signed()) as u32;
    match value {
        Value::Null | Value::Bytes(_) | Value::Struct(_) => 0,
        Value::Boolean(flag) => {
            if *flag {
                1231
            } else {
                1237
            }
        }
        Value::Int8(n) => i32::from(*n).cast_unsigned(),
        Value::Int16(n) => i32::from(*n).cast_unsigned(),
        Value::Int32(n) => n.cast_unsigned(),
        Value::Int64(n) | Value::Date(n) => long(*n),
        Value::Float32(n) => if n.is_nan() { f32::NAN } else { *n }.to_bits(),
        Value::Float64(n) => long(if n.is_nan() { f64::NAN } else { *n }.to_bits().cast_signed()),
        Value::String(text) => hash_code(text),
        Value::Array(list) => {
            list.iter().fold(1u32, |sum, item| sum.wrapping_mul(31).wrapping_add(hash(item)))
        }
        Value::Map(map) => map
            .entries()
            .iter()
            .fold(0u32, |sum, (key, item)| sum.wrapping_add(hash(key) ^ hash(item))),
        Value::Decimal(n) => {
            big(&n.unscaled).wrapping_mul(31).wrapping_add(n.scale.cast_unsigned())
        }
        Value::BigInteger(n) => big(n),
    }
}

fn big(n: &BigInt) -> u32 {
    let digits = n.magnitude().iter_u32_digits().rev();
    let size = digits.fold(0u32, |sum, digit| sum.wrapping_mul(31).wrapping_add(digit));
    if n.sign() == Sign::Minus { size.wrapping_neg() } else { size }
}
