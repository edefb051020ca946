//! PostgreSQL's texts as values of records.

mod array;
mod interval;
mod time;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use gantry_api::model::map::MapValue;
use gantry_api::model::{Decimal, Struct};
use gantry_api::{Bytes, Error, Result, Value};
use num_bigint::BigInt;

pub(super) use self::time::instant;
use super::super::config::{Binaries, Decimals};
use super::types::{Modes, PgType, point, variable_decimal};
use crate::name_uuid::name_uuid;

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| Error::data("the value is no UTF-8"))
}

fn parse<T: std::str::FromStr>(bytes: &[u8], what: &str) -> Result<T> {
    let text = text(bytes)?;
    text.parse().map_err(|_| Error::data(format!("{text:?} is no {what}")))
}

/// A value as its column's schema has it.
pub(super) fn read(of: &PgType, bytes: &[u8], modes: &Modes) -> Result<Value> {
    Ok(match of {
        PgType::Bool => Value::Boolean(bytes == b"t"),
        PgType::Bits(Some(0 | 1)) => Value::Boolean(bytes == b"1"),
        PgType::Bits(_) => bits(bytes)?,
        PgType::Int16 => Value::Int16(parse(bytes, "int2")?),
        PgType::Int32 => Value::Int32(parse(bytes, "int4")?),
        PgType::Int64 => Value::Int64(parse(bytes, "int8")?),
        PgType::Float32 => Value::Float32(parse(bytes, "float4")?),
        PgType::Float64 => Value::Float64(parse(bytes, "float8")?),
        PgType::Numeric(limits) => numeric(text(bytes)?, *limits, modes)?,
        PgType::Money => money(text(bytes)?, modes)?,
        PgType::Text(_) | PgType::Characters(_) | PgType::Enum(_) => Value::str(text(bytes)?),
        PgType::Bytes => binary(bytea(bytes)?, modes.binaries),
        PgType::Date => time::date(text(bytes)?, modes.times)?,
        PgType::Time(precision) => time::time(text(bytes)?, modes.times, *precision)?,
        PgType::TimeZoned => time::time_zoned(text(bytes)?)?,
        PgType::Timestamp(precision) => time::timestamp(text(bytes)?, modes.times, *precision)?,
        PgType::TimestampZoned(precision) => time::timestamp_zoned(text(bytes)?, *precision)?,
        PgType::Interval => interval::read(text(bytes)?, modes.intervals_as_text)?,
        PgType::Hstore => array::hstore(text(bytes)?, modes.hstore_as_map)?,
        PgType::Point => read_point(text(bytes)?)?,
        PgType::Geometry => geometry(of, bytes, modes, true)?,
        PgType::Geography => geometry(of, bytes, modes, false)?,
        PgType::Vector => vector(text(bytes)?, |part| part.parse().ok().map(Value::Float64))?,
        PgType::HalfVector => vector(text(bytes)?, |part| part.parse().ok().map(Value::Float32))?,
        PgType::Array(element) => array::read(element, text(bytes)?, modes)?,
        PgType::Unknown => binary(Bytes::copy_from_slice(bytes), modes.binaries),
    })
}

/// Bits in Java's `BitSet` order: the last one is the lowest of the first byte; zeros at the end are left out.
fn bits(bytes: &[u8]) -> Result<Value> {
    let mut out = vec![0_u8; bytes.len().div_ceil(8)];
    for (at, bit) in bytes.iter().rev().enumerate() {
        match (bit, out.get_mut(at / 8)) {
            (b'1', Some(byte)) => *byte |= 1 << (at % 8),
            (b'0', _) => {}
            _ => return Err(Error::data("the value is no string of bits")),
        }
    }
    let length = out.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    out.truncate(length);
    Ok(Value::Bytes(out.into()))
}

/// `\x` and digits.
pub(super) fn bytea(bytes: &[u8]) -> Result<Bytes> {
    let wrong = || Error::data("the value is no bytea in hexadecimal form");
    let digits = bytes.strip_prefix(b"\\x").ok_or_else(wrong)?;
    unhex(digits).ok_or_else(wrong)
}

fn unhex(digits: &[u8]) -> Option<Bytes> {
    let digit = |c: u8| char::from(c).to_digit(16).and_then(|n| u8::try_from(n).ok());
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() / 2);
    for pair in digits.chunks_exact(2) {
        out.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(out.into())
}

pub(super) fn binary(bytes: Bytes, binaries: Binaries) -> Value {
    match binaries {
        Binaries::Bytes => Value::Bytes(bytes),
        Binaries::Base64 => Value::str(&STANDARD.encode(&bytes)),
        Binaries::Base64Url => Value::str(&URL_SAFE.encode(&bytes)),
        Binaries::Hex => {
            let mut hex = String::with_capacity(bytes.len() * 2);
            for byte in &bytes {
                for digit in [byte >> 4, byte & 15] {
                    hex.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
                }
            }
            Value::str(&hex)
        }
    }
}

fn numeric(text: &str, limits: Option<(u32, i32)>, modes: &Modes) -> Result<Value> {
    let special = match text {
        "NaN" => Some(("NAN", f64::NAN)),
        "Infinity" => Some(("POSITIVE_INFINITY", f64::INFINITY)),
        "-Infinity" => Some(("NEGATIVE_INFINITY", f64::NEG_INFINITY)),
        _ => None,
    };
    if let Some((name, number)) = special {
        return match modes.decimals {
            Decimals::Double => Ok(Value::Float64(number)),
            Decimals::Text => Ok(Value::str(name)),
            Decimals::Precise => Err(Error::connect(
                "Got a special value (NaN/Infinity) for Decimal type but current mode does not handle it. If \
                 you need to support it then set decimal handling mode to 'string'.",
            )),
        };
    }
    match (modes.decimals, limits) {
        (Decimals::Double, _) => Ok(Value::Float64(parse(text.as_bytes(), "numeric")?)),
        (Decimals::Text, _) => Ok(Value::str(text)),
        (Decimals::Precise, Some((_, scale))) => scaled(text, scale),
        (Decimals::Precise, None) => variable(text.parse()?),
    }
}

/// A number with exactly that scale.
fn scaled(text: &str, scale: i32) -> Result<Value> {
    let number: Decimal = text.parse()?;
    let number = rescaled(number, scale).ok_or_else(|| {
        Error::data(format!("{text} has more than {scale} digits after the point"))
    })?;
    Ok(Value::Decimal(Arc::new(number)))
}

/// The same number with another scale; none if it would be another one.
fn rescaled(number: Decimal, scale: i32) -> Option<Decimal> {
    let more = i64::from(scale) - i64::from(number.scale);
    if more == 0 {
        return Some(number);
    }
    let power = BigInt::from(10).pow(u32::try_from(more.unsigned_abs()).ok()?);
    let unscaled = match more {
        0.. => number.unscaled * power,
        _ if (&number.unscaled % &power) == BigInt::ZERO => number.unscaled / power,
        _ => return None,
    };
    Some(Decimal { unscaled, scale })
}

fn variable(number: Decimal) -> Result<Value> {
    let Decimal { mut unscaled, mut scale } = number;
    let ten = BigInt::from(10);
    while scale > 0 && (&unscaled % &ten) == BigInt::ZERO {
        unscaled /= &ten;
        scale -= 1;
    }
    if unscaled == BigInt::ZERO {
        scale = 0;
    }
    if scale < 0 {
        unscaled *= ten.pow(scale.unsigned_abs());
        scale = 0;
    }
    let bytes = Value::Bytes(unscaled.to_signed_bytes_be().into());
    Ok(of(variable_decimal().build_plain(), vec![Value::Int32(scale), bytes]))
}

fn of(schema: gantry_api::model::Schema, values: Vec<Value>) -> Value {
    Value::Struct(Arc::new(Struct::from_values(schema, values)))
}

/// Zero as the type's columns have it.
pub(super) fn decimal_zero(of: &PgType, modes: &Modes) -> Value {
    let zero = match of {
        PgType::Money => money("$0.00", modes),
        PgType::Numeric(limits) => numeric("0", *limits, modes),
        _ => Ok(Value::Null),
    };
    zero.unwrap_or_default()
}

/// `$1,234.50`, `-$5.00` or `($5.00)`
fn money(text: &str, modes: &Modes) -> Result<Value> {
    let is_negative = text.starts_with(['-', '(']);
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    let sign = if is_negative { "-" } else { "" };
    let number = format!("{sign}{digits}");
    match modes.decimals {
        Decimals::Double => Ok(Value::Float64(parse(number.as_bytes(), "money")?)),
        Decimals::Text => Ok(Value::str(&number)),
        Decimals::Precise => {
            Ok(Value::Decimal(Arc::new(half_up(number.parse()?, modes.money_digits))))
        }
    }
}

fn half_up(number: Decimal, scale: i32) -> Decimal {
    if let Some(exact) = rescaled(number.clone(), scale) {
        return exact;
    }
    let less = (i64::from(number.scale) - i64::from(scale)).unsigned_abs();
    let power = BigInt::from(10).pow(u32::try_from(less).unwrap_or(0));
    let half = &power / 2;
    let is_negative = number.unscaled.sign() == num_bigint::Sign::Minus;
    let amount = BigInt::from(number.unscaled.magnitude().clone());
    let rounded: BigInt = (amount + half) / power;
    Decimal { unscaled: if is_negative { -rounded } else { rounded }, scale }
}

/// `(1.5,2)`
fn read_point(text: &str) -> Result<Value> {
    let wrong = || Error::data(format!("{text:?} is no point"));
    let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).ok_or_else(wrong)?;
    let (x, y) = inner.split_once(',').ok_or_else(wrong)?;
    let (x, y) = (x.parse().map_err(|_| wrong())?, y.parse().map_err(|_| wrong())?);
    Ok(point_of(x, y))
}

pub(super) fn point_of(x: f64, y: f64) -> Value {
    let mut wkb = Vec::with_capacity(21);
    wkb.extend([1, 1, 0, 0, 0]);
    wkb.extend(x.to_le_bytes());
    wkb.extend(y.to_le_bytes());
    let values = vec![Value::Float64(x), Value::Float64(y), Value::Bytes(wkb.into()), Value::Null];
    of(point().build_plain(), values)
}

/// PostGIS's own form in hexadecimal digits, in which the reference system may stand.
fn geometry(of_type: &PgType, bytes: &[u8], modes: &Modes, extensions: bool) -> Result<Value> {
    const HAS_SRID: u32 = 0x2000_0000;
    let wrong = || Error::data("the value is no geometry in PostGIS's hexadecimal form");
    let wkb = unhex(bytes).ok_or_else(wrong)?;
    let word = |at: usize| -> Option<u32> {
        let bytes: [u8; 4] = wkb.get(at..at + 4)?.try_into().ok()?;
        Some(if wkb.first() == Some(&1) {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    };
    let kind = word(1).ok_or_else(wrong)?;
    let srid = match kind & HAS_SRID {
        0 => Value::Null,
        _ => Value::Int32(word(5).ok_or_else(wrong)?.cast_signed()),
    };
    let schema = of_type.schema(modes).ok_or_else(wrong)?.build_plain();
    let mut values = vec![Value::Bytes(wkb), srid];
    if extensions {
        values.push(Value::Null);
    }
    Ok(of(schema, values))
}

/// `[1,2.5]`
fn vector(text: &str, number: impl Fn(&str) -> Option<Value>) -> Result<Value> {
    let wrong = || Error::data(format!("{text:?} is no vector"));
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or_else(wrong)?;
    let parts = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
    let values: Option<Vec<Value>> = parts.map(number).collect();
    Ok(Value::array(values.ok_or_else(wrong)?))
}

/// What stands for a value that is stored elsewhere and did not change, as the server does not send it.
pub(super) fn placeholder(of: &PgType, mark: &[u8], modes: &Modes) -> Value {
    let as_text = || Value::str(&String::from_utf8_lossy(mark));
    match of {
        PgType::Text(_) | PgType::Characters(_) | PgType::Enum(_) => as_text(),
        PgType::Bytes => match modes.binaries {
            Binaries::Bytes => Value::Bytes(Bytes::copy_from_slice(mark)),
            // As Debezium has it: the text itself, and not its digits.
            Binaries::Hex => as_text(),
            Binaries::Base64 | Binaries::Base64Url => Value::Null,
        },
        PgType::Hstore if modes.hstore_as_map => {
            Value::map(MapValue::from_distinct(vec![(as_text(), as_text())]))
        }
        PgType::Hstore => {
            let mark = String::from_utf8_lossy(mark).replace('\\', "\\\\").replace('"', "\\\"");
            Value::str(&format!("{{\"{mark}\":\"{mark}\"}}"))
        }
        PgType::Array(element) => match &**element {
            PgType::Text(None | Some("io.debezium.data.Json")) | PgType::Characters(_) => {
                Value::array(vec![as_text()])
            }
            PgType::Text(Some("io.debezium.data.Uuid")) => {
                Value::array(vec![Value::str(&name_uuid(mark))])
            }
            PgType::Bytes if modes.binaries == Binaries::Bytes => {
                Value::array(vec![Value::Bytes(Bytes::copy_from_slice(mark))])
            }
            PgType::Int32 | PgType::Date => Value::array(
                mark.iter().map(|byte| Value::Int32(i32::from(byte.cast_signed()))).collect(),
            ),
            PgType::Int64 => Value::array(
                mark.iter().map(|byte| Value::Int64(i64::from(byte.cast_signed()))).collect(),
            ),
            _ => Value::Null,
        },
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests;
