//! Values as the server sends them.

use std::borrow::Cow;
use std::error::Error as StdError;

use gantry_api::model::logical::Decimal;
use gantry_api::{Error, Result};
use num_bigint::{BigInt, Sign};
use postgres::types::{FromSql, Kind, Type};

use crate::jdbc::db::types::{Cell, Wall};

/// 2000-01-01, from which the server counts.
const EPOCH_DAY: i64 = 10_957;
const EPOCH_S: i64 = EPOCH_DAY * 86_400;
/// What Java's driver takes infinity for.
const INFINITY: Wall = Wall { seconds: 9_223_372_036_825_200, nanos: 0 };
const MINUS_INFINITY: Wall = Wall { seconds: -9_223_372_036_832_400, nanos: 0 };

/// A value that is not null.
#[derive(Debug)]
pub(super) struct Raw<'a> {
    kind: Type,
    bytes: &'a [u8],
}

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(
        kind: &Type,
        bytes: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self { kind: kind.clone(), bytes })
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl<'a> Raw<'a> {
    /// What it is.
    pub(super) fn cell(&self) -> Result<Cell<'a>> {
        let bytes = self.bytes;
        Ok(match self.kind {
            Type::BOOL => Cell::Bool(bytes.first().is_some_and(|byte| *byte != 0)),
            Type::INT2 => Cell::Int(i64::from(i16::from_be_bytes(fixed(bytes)?))),
            Type::INT4 => Cell::Int(i64::from(i32::from_be_bytes(fixed(bytes)?))),
            Type::INT8 => Cell::Int(i64::from_be_bytes(fixed(bytes)?)),
            Type::OID => Cell::Int(i64::from(u32::from_be_bytes(fixed(bytes)?))),
            Type::FLOAT4 => Cell::Float(f32::from_be_bytes(fixed(bytes)?)),
            Type::FLOAT8 => Cell::Double(f64::from_be_bytes(fixed(bytes)?)),
            Type::MONEY => Cell::Double(i64::from_be_bytes(fixed(bytes)?) as f64 / 100.0),
            Type::NUMERIC => Cell::Decimal(numeric(bytes)?),
            Type::BYTEA => Cell::Bytes(bytes),
            Type::DATE => Cell::Date(match i32::from_be_bytes(fixed(bytes)?) {
                i32::MAX => INFINITY.day().0,
                i32::MIN => MINUS_INFINITY.day().0,
                days => i64::from(days) + EPOCH_DAY,
            }),
            Type::TIME => Cell::Time(i64::from_be_bytes(fixed(bytes)?).saturating_mul(1000)),
            Type::TIMETZ => {
                let (micros, zone) = bytes.split_at_checked(8).ok_or_else(malformed)?;
                // Seconds west of UTC.
                let zone = i64::from(i32::from_be_bytes(fixed(zone)?)) * 1_000_000;
                let micros = (i64::from_be_bytes(fixed(micros)?) + zone).rem_euclid(86_400_000_000);
                let nanos = (micros % 1_000_000) as u32 * 1000;
                Cell::Instant(Wall { seconds: micros / 1_000_000, nanos })
            }
            Type::TIMESTAMP => Cell::Wall(moment(i64::from_be_bytes(fixed(bytes)?))),
            Type::TIMESTAMPTZ => Cell::Instant(moment(i64::from_be_bytes(fixed(bytes)?))),
            Type::UUID => Cell::Text(Cow::Owned(uuid(fixed(bytes)?))),
            // A version stands before the text.
            Type::JSONB => text(bytes.get(1..).ok_or_else(malformed)?)?,
            Type::BIT => bits(bytes)?,
            Type::CHAR
            | Type::BPCHAR
            | Type::VARCHAR
            | Type::TEXT
            | Type::NAME
            | Type::JSON
            | Type::XML => text(bytes)?,
            _ if matches!(self.kind.kind(), Kind::Enum(_)) => text(bytes)?,
            _ => Cell::Null,
        })
    }
}

fn malformed() -> Error {
    Error::data("the database sent a value of an unknown form")
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| malformed())
}

fn text(bytes: &[u8]) -> Result<Cell<'_>> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed())?;
    Ok(Cell::Text(Cow::Borrowed(text)))
}

fn moment(micros: i64) -> Wall {
    match micros {
        i64::MAX => INFINITY,
        i64::MIN => MINUS_INFINITY,
        _ => Wall {
            seconds: micros.div_euclid(1_000_000) + EPOCH_S,
            nanos: micros.rem_euclid(1_000_000) as u32 * 1000,
        },
    }
}

fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&at) {
            text.push('-');
        }
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
    text
}

/// The digits of a bit string.
fn bits(bytes: &[u8]) -> Result<Cell<'_>> {
    let (count, bits) = bytes.split_at_checked(4).ok_or_else(malformed)?;
    let count = usize::try_from(i32::from_be_bytes(fixed(count)?)).unwrap_or(0);
    let digit =
        |at: usize| match bits.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0) {
            true => '1',
            false => '0',
        };
    Ok(Cell::Text(Cow::Owned((0..count).map(digit).collect())))
}

/// Groups of four decimal digits, with the weight of the first, a sign and the digits to be shown
/// behind the point.
fn numeric(bytes: &[u8]) -> Result<Decimal> {
    let words: Vec<i16> =
        bytes.chunks_exact(2).map(|two| i16::from_be_bytes([two[0], two[1]])).collect();
    let [count, weight, sign, scale, groups @ ..] = &words[..] else { return Err(malformed()) };
    let sign = match *sign as u16 {
        0 => Sign::Plus,
        0x4000 => Sign::Minus,
        _ => return Err(Error::data("NaN and Infinity are no decimal numbers")),
    };
    let scale = i64::from(*scale);
    let count = usize::try_from(*count).unwrap_or(0);
    let mut digits = String::with_capacity(count * 4 + 8);
    for group in groups.iter().take(count) {
        digits.push_str(&format!("{group:04}"));
    }
    // What stands behind the last group is worth so many digits before or behind the point.
    let behind = (count as i64 - i64::from(*weight) - 1) * 4;
    let missing = scale - behind;
    if missing >= 0 {
        digits.extend(std::iter::repeat_n('0', usize::try_from(missing).unwrap_or(0)));
    } else {
        digits.truncate(digits.len().saturating_sub(usize::try_from(-missing).unwrap_or(0)));
    }
    let number: BigInt =
        if digits.is_empty() { BigInt::ZERO } else { digits.parse().map_err(|_| malformed())? };
    let unscaled = if sign == Sign::Minus { -number } else { number };
    Ok(Decimal { unscaled, scale: i32::try_from(scale).unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(words: &[i16]) -> String {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        numeric(&bytes).unwrap().to_plain_string()
    }

    #[test]
    fn numbers_of_any_scale() {
        assert_eq!(decimal(&[0, 0, 0, 0]), "0");
        assert_eq!(decimal(&[0, 0, 0, 2]), "0.00");
        assert_eq!(decimal(&[2, 0, 0, 2, 12, 3400]), "12.34");
        assert_eq!(decimal(&[2, 1, 0x4000, 0, 1, 2345]), "-12345");
        assert_eq!(decimal(&[1, 1, 0, 0, 7]), "70000");
        assert_eq!(decimal(&[1, -1, 0, 4, 5]), "0.0005");
        assert_eq!(decimal(&[1, -2, 0, 6, 1200]), "0.000012");
        assert!(numeric(&[0, 0, 0, 0, 0xc0, 0, 0, 0]).is_err());
    }

    #[test]
    fn bits_are_digits() {
        assert_eq!(bits(&[0, 0, 0, 3, 0xa0]).unwrap(), Cell::Text("101".into()));
        assert_eq!(bits(&[0, 0, 0, 9, 0xa0, 0x80]).unwrap(), Cell::Text("101000001".into()));
    }
}
