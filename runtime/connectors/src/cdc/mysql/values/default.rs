//! Defaults of columns as defaults of fields.

use std::borrow::Cow;
use std::sync::Arc;

use gantry_api::Value;
use gantry_api::model::Decimal;
use num_bigint::BigInt;

use super::super::ddl::Column;
use super::convert::{
    Converted, Converter, Target, adjusted, binary, clock, decimal, low_first, unsigned,
};
use super::text::{Wall, is_date, time, wall};
use crate::cdc::times::{DAY_US, date, days, iso};

const EPOCH: Wall = (1970, 1, 1, 0);

/// A default as a value; `None`: it is none that a field can have.
pub(super) fn value(
    converter: &Converter,
    column: &Column,
    text: &str,
) -> Result<Option<Value>, String> {
    let text = without_introducer(text);
    // Texts keep their spaces.
    let trimmed = text.trim();
    let wrong = || "its default is none of its type".to_owned();
    Ok(match converter.target() {
        Target::None | Target::Uuid | Target::Vector | Target::Geometry(_) | Target::Point(_) => {
            None
        }
        Target::Int16 => Some(Value::Int16(rounded(trimmed)? as i16)),
        Target::Int32 => Some(Value::Int32(rounded(trimmed)? as i32)),
        Target::Int64 => Some(Value::Int64(rounded(trimmed)?)),
        Target::Unsigned(bits) => Some(unsigned(*bits, rounded(trimmed)?)),
        Target::UnsignedDecimal => {
            let number: Decimal = flag(trimmed).parse().map_err(|_| wrong())?;
            Some(Value::Decimal(Arc::new(number)))
        }
        Target::Boolean => {
            let is_true = match trimmed.parse::<i64>() {
                Ok(number) => number != 0,
                Err(_) => trimmed.eq_ignore_ascii_case("true"),
            };
            Some(Value::Boolean(is_true))
        }
        Target::Bits(size) => Some(bits(trimmed, *size).ok_or_else(wrong)?),
        Target::Float32 => Some(Value::Float32(number(trimmed)? as f32)),
        Target::Float64 => Some(Value::Float64(number(trimmed)?)),
        Target::Decimal(mode, scale) => {
            let number: Decimal = flag(trimmed).parse().map_err(|_| wrong())?;
            Some(decimal(*mode, *scale, scaled(number, *scale)))
        }
        Target::Text(_) | Target::Json | Target::Enum(_) | Target::Set(_) => Some(Value::str(text)),
        Target::Binary(mode, _) => Some(binary(*mode, Cow::Borrowed(text.as_bytes()))),
        Target::Year => {
            let year: i64 = text.parse().map_err(|_| wrong())?;
            Some(Value::Int32(adjusted(year) as i32))
        }
        Target::Date(times) => moment(trimmed, column.optional)
            .map(|(year, month, day, _)| date(*times, days(year, month, day))),
        Target::DateTime(form) => match moment(trimmed, column.optional) {
            Some(wall) => Some(converter.date_time(*form, wall, false)?).filter(|v| !v.is_null()),
            None => None,
        },
        Target::Zoned(digits) => zoned(trimmed, column.optional, *digits).ok_or_else(wrong)?,
        Target::Time(form) => {
            let clock_text = trimmed.split_once(' ').map_or(trimmed, |(_, clock)| clock);
            Some(of_clock(*form, clock_text)?)
        }
    })
}

fn of_clock(form: crate::cdc::times::Form, text: &str) -> Converted {
    clock(form, time(text).ok_or_else(|| "its default is no time".to_owned())?)
}

/// Without `_utf8mb4'…'` around it.
fn without_introducer(text: &str) -> &str {
    let Some((name, rest)) = text.split_once('\'') else { return text };
    let is_introducer = name.len() > 1
        && name.starts_with('_')
        && name.bytes().skip(1).all(|b| b.is_ascii_alphanumeric());
    match rest.strip_suffix('\'').filter(|_| is_introducer) {
        Some(inner) => inner,
        None => text,
    }
}

/// `true` and `false` are numbers, too.
fn flag(text: &str) -> &str {
    if text.eq_ignore_ascii_case("true") {
        "1"
    } else if text.eq_ignore_ascii_case("false") {
        "0"
    } else {
        text
    }
}

fn number(text: &str) -> Result<f64, String> {
    flag(text).parse().map_err(|_| "its default is no number".to_owned())
}

/// The nearest whole number, halves up.
fn rounded(text: &str) -> Result<i64, String> {
    match flag(text).parse::<i64>() {
        Ok(whole) => Ok(whole),
        Err(_) => Ok((number(text)? + 0.5).floor() as i64),
    }
}

/// With so many digits behind the point, halves away from zero.
fn scaled(number: Decimal, scale: i32) -> Decimal {
    let more = scale - number.scale;
    let ten = BigInt::from(10);
    if more >= 0 {
        return Decimal { unscaled: number.unscaled * ten.pow(more.unsigned_abs()), scale };
    }
    let power = ten.pow(more.unsigned_abs());
    let is_negative = number.unscaled < BigInt::ZERO;
    let half: BigInt = &power / 2;
    let moved = if is_negative { number.unscaled - half } else { number.unscaled + half };
    Decimal { unscaled: moved / power, scale }
}

fn bits(text: &str, size: usize) -> Option<Value> {
    if text.is_empty() || !text.bytes().all(|byte| matches!(byte, b'0' | b'1')) {
        return None;
    }
    let padded = format!("{text:0>width$}", width = text.len().div_ceil(8) * 8);
    let bytes: Option<Vec<u8>> = (0..padded.len() / 8)
        .map(|at| u8::from_str_radix(padded.get(at * 8..at * 8 + 8)?, 2).ok())
        .collect();
    Some(low_first(&bytes?, size))
}

fn is_zero(text: &str) -> bool {
    text == "0"
        || wall(text).is_some_and(|(year, month, day, _)| year == 0 || month == 0 || day == 0)
}

/// What stands for what is no moment: nothing, or the epoch where there must be something.
fn moment(text: &str, optional: bool) -> Option<Wall> {
    let found = wall(text).filter(|(year, month, day, _)| is_date(*year, *month, *day));
    match found.filter(|_| !is_zero(text)) {
        Some(wall) => Some(wall),
        None => (!optional).then_some(EPOCH),
    }
}

fn zoned(text: &str, optional: bool, digits: Option<usize>) -> Option<Option<Value>> {
    let found = wall(text);
    if is_zero(text) || found == Some(EPOCH) {
        return Some((!optional).then(|| Value::str(&iso(0, None))));
    }
    let (year, month, day, micros) = found.filter(|(y, m, d, _)| is_date(*y, *m, *d))?;
    Some(Some(Value::str(&iso(days(year, month, day) * DAY_US + micros, digits))))
}
