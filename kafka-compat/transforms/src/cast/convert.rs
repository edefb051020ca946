//! Casting one value: Java's conversions between numbers, texts and logical types.

use bytes::Bytes;
use gantry_model::calendar::{iso_date, iso_time, iso_timestamp};
use gantry_model::logical::{self, DAY_MS, Logical};
use gantry_model::text::{java_string, parse_long};
use gantry_model::{Error, Kind, Result, Schema, Value};

use crate::java_number::{parse_double, parse_float};

/// What a value can be cast to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Int8,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    Boolean,
    String,
}

impl Target {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Int8 => Kind::Int8,
            Self::Int16 => Kind::Int16,
            Self::Int32 => Kind::Int32,
            Self::Int64 => Kind::Int64,
            Self::Float32 => Kind::Float32,
            Self::Float64 => Kind::Float64,
            Self::Boolean => Kind::Boolean,
            Self::String => Kind::String,
        }
    }
}

/// A type by its name in any case of letters.
pub(super) fn parse_target(text: &str) -> Result<Target> {
    let text = text.trim();
    let upper = text.to_uppercase();
    Ok(match &*upper {
        "INT8" => Target::Int8,
        "INT16" => Target::Int16,
        "INT32" => Target::Int32,
        "INT64" => Target::Int64,
        "FLOAT32" => Target::Float32,
        "FLOAT64" => Target::Float64,
        "BOOLEAN" => Target::Boolean,
        "STRING" => Target::String,
        "BYTES" | "ARRAY" | "MAP" | "STRUCT" => {
            return Err(Error::config(format!(
                "Cast transformation does not support casting to {upper}; supported types are \
                 [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING]"
            )));
        }
        _ => {
            return Err(Error::config(format!(
                "Invalid value java.lang.IllegalArgumentException: No enum constant \
                 org.apache.kafka.connect.data.Schema.Type.{upper} for configuration Invalid type \
                 found in casting spec: {text}"
            )));
        }
    })
}

/// Casts a value; `schema` is the one it had, none in schemaless mode. Null stays null.
pub(super) fn cast(schema: Option<&Schema>, value: &Value, target: Target) -> Result<Value> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    check_input(schema, value)?;
    if target == Target::String {
        return Ok(to_text(value));
    }
    let encoded;
    let value = match schema.and_then(Logical::of) {
        None => value,
        Some(logical) => {
            encoded = encode(schema, logical, value)?;
            &encoded
        }
    };
    match value {
        Value::String(text) => from_text(text, target),
        _ => from_number(value, target),
    }
}

/// Only primitive types can be cast from; without a schema, only Java's own classes for them.
fn check_input(schema: Option<&Schema>, value: &Value) -> Result<()> {
    let type_name = match (schema, value) {
        (Some(schema), _) if schema.kind().is_primitive() => return Ok(()),
        (Some(schema), _) => schema.kind().type_name(),
        (None, Value::Array(_)) => "ARRAY",
        (None, Value::Map(_)) => "MAP",
        (None, Value::Struct(_)) => "STRUCT",
        (None, Value::Decimal(_) | Value::BigInteger(_) | Value::Date(_)) => {
            return Err(Error::data(format!(
                "Cast transformation was passed a value of type class {} which is not supported \
                 by Connect's data API",
                value.java_class().unwrap_or("null")
            )));
        }
        (None, _) => return Ok(()),
    };
    Err(Error::data(format!(
        "Cast transformation does not support casting from {type_name}; supported types are \
         [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES]"
    )))
}

/// Dates and times as the numbers that are stored for them.
fn encode(schema: Option<&Schema>, logical: Logical, value: &Value) -> Result<Value> {
    let (Some(schema), &Value::Date(ms)) = (schema, value) else { return Ok(value.clone()) };
    Ok(match logical {
        Logical::Date => Value::Int32(logical::date_from_logical(schema, ms)?),
        Logical::Time => Value::Int32(logical::time_from_logical(schema, ms)?),
        Logical::Timestamp => Value::Int64(logical::timestamp_from_logical(schema, ms)?),
        Logical::Decimal => value.clone(),
    })
}

fn to_text(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        Value::Bytes(bytes) => Value::str(&base64(bytes)),
        // The shortest form that shows all of it, as Kafka Connect chooses it.
        &Value::Date(ms) if ms < DAY_MS => Value::str(&iso_time(ms)),
        &Value::Date(ms) if ms % DAY_MS == 0 => Value::str(&iso_date(ms)),
        &Value::Date(ms) => Value::str(&iso_timestamp(ms)),
        other => Value::str(&java_string(other)),
    }
}

fn from_text(text: &str, target: Target) -> Result<Value> {
    let whole = || parse_long(text);
    let number = match target {
        Target::Int8 => whole().and_then(|n| n.try_into().ok()).map(Value::Int8),
        Target::Int16 => whole().and_then(|n| n.try_into().ok()).map(Value::Int16),
        Target::Int32 => whole().and_then(|n| n.try_into().ok()).map(Value::Int32),
        Target::Int64 => whole().map(Value::Int64),
        Target::Float32 => parse_float(text).map(Value::Float32),
        Target::Float64 => parse_double(text).map(Value::Float64),
        Target::Boolean => Some(Value::Boolean(text.eq_ignore_ascii_case("true"))),
        Target::String => Some(Value::str(text)),
    };
    number.ok_or_else(|| {
        Error::data(format!("Value ({text}) was out of range for requested data type"))
    })
}

/// A number as Java's `Number` converts it: whole numbers keep their low bits, floating ones
/// stop at the ends of `int` and `long`.
#[derive(Clone, Copy)]
struct Number {
    as_i32: i32,
    as_i64: i64,
    as_f32: f32,
    as_f64: f64,
}

impl Number {
    fn of(value: &Value) -> Option<Self> {
        let whole =
            |n: i64| Self { as_i32: n as i32, as_i64: n, as_f32: n as f32, as_f64: n as f64 };
        Some(match value {
            Value::Boolean(flag) => whole(i64::from(*flag)),
            Value::Int8(n) => whole(i64::from(*n)),
            Value::Int16(n) => whole(i64::from(*n)),
            Value::Int32(n) => whole(i64::from(*n)),
            Value::Int64(n) => whole(*n),
            &Value::Float32(n) => {
                Self { as_i32: n as i32, as_i64: n as i64, as_f32: n, as_f64: f64::from(n) }
            }
            &Value::Float64(n) => {
                Self { as_i32: n as i32, as_i64: n as i64, as_f32: n as f32, as_f64: n }
            }
            Value::Decimal(decimal) => {
                let long = decimal.long_value();
                Self {
                    as_i32: long as i32,
                    as_i64: long,
                    as_f32: decimal.float_value(),
                    as_f64: decimal.double_value(),
                }
            }
            _ => return None,
        })
    }
}

fn from_number(value: &Value, target: Target) -> Result<Value> {
    let number = Number::of(value).ok_or_else(|| {
        Error::data(format!(
            "Unexpected type in Cast transformation: class {}",
            value.java_class().unwrap_or("null")
        ))
    })?;
    Ok(match target {
        Target::Int8 => Value::Int8(number.as_i32 as i8),
        Target::Int16 => Value::Int16(number.as_i32 as i16),
        Target::Int32 => Value::Int32(number.as_i32),
        Target::Int64 => Value::Int64(number.as_i64),
        Target::Float32 => Value::Float32(number.as_f32),
        Target::Float64 => Value::Float64(number.as_f64),
        Target::Boolean => Value::Boolean(number.as_i64 != 0),
        Target::String => to_text(value),
    })
}

/// Standard base64 with padding.
fn base64(bytes: &Bytes) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place <= chunk.len() {
                let index = group >> (18 - 6 * place) & 63;
                text.push(char::from(ALPHABET[index as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_base64() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(&Bytes::from_static(bytes.as_bytes())), text);
        }
        assert_eq!(base64(&Bytes::from_static(&[0xfb, 0xff])), "+/8=");
    }

    #[test]
    fn numbers_wrap_and_stop_as_in_java() {
        let int8 = |value| cast(None, &value, Target::Int8).expect("casts");
        assert_eq!(int8(Value::Int64(300)), Value::Int8(44));
        assert_eq!(int8(Value::Float64(1e20)), Value::Int8(-1));
        assert_eq!(int8(Value::Float32(f32::NAN)), Value::Int8(0));
        let int64 = |value| cast(None, &value, Target::Int64).expect("casts");
        assert_eq!(int64(Value::Float64(f64::NEG_INFINITY)), Value::Int64(i64::MIN));
        assert_eq!(
            cast(None, &Value::Float64(0.9), Target::Boolean).expect("casts"),
            Value::Boolean(false)
        );
    }

    #[test]
    fn texts_must_fit_the_type() {
        let text = |text, target| cast(None, &Value::str(text), target);
        assert_eq!(text("-128", Target::Int8).expect("casts"), Value::Int8(-128));
        assert_eq!(
            text("128", Target::Int8).expect_err("too big").message(),
            "Value (128) was out of range for requested data type"
        );
        assert!(text("12.7", Target::Int32).is_err());
        assert_eq!(text("tRue", Target::Boolean).expect("casts"), Value::Boolean(true));
    }
}
