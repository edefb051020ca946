//! Values as the binary log has them.

use num_bigint::{BigInt, Sign};

use super::bytes::Bytes;
use super::{Broken, Decoded};
use gantry_api::model::Decimal;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    /// The row does not say it (`binlog_row_image`).
    Absent,
    /// Whether it has a sign is the column's matter.
    Int(i64),
    Float(f32),
    Double(f64),
    Decimal(Decimal),
    /// Of texts, too: in the column's character set.
    Bytes(&'a [u8]),
    /// The highest first.
    Bits(&'a [u8]),
    /// From 1; 0 is what the column does not have.
    Enum(u64),
    Set(u64),
    Year(i32),
    Date {
        year: i32,
        month: u32,
        day: u32,
    },
    /// Microseconds, which may be negative or more than a day.
    Time(i64),
    DateTime {
        year: i32,
        month: u32,
        day: u32,
        micros: i64,
    },
    /// Seconds of UTC and microseconds.
    Timestamp {
        seconds: i64,
        micros: i64,
    },
    Json(&'a [u8]),
    /// What a query gave, in UTF-8.
    Text(&'a str),
}

/// Types of columns in table maps.
mod kind {
    pub(super) const TINY: u8 = 1;
    pub(super) const SHORT: u8 = 2;
    pub(super) const LONG: u8 = 3;
    pub(super) const FLOAT: u8 = 4;
    pub(super) const DOUBLE: u8 = 5;
    pub(super) const NULL: u8 = 6;
    pub(super) const TIMESTAMP: u8 = 7;
    pub(super) const LONGLONG: u8 = 8;
    pub(super) const INT24: u8 = 9;
    pub(super) const DATE: u8 = 10;
    pub(super) const TIME: u8 = 11;
    pub(super) const DATETIME: u8 = 12;
    pub(super) const YEAR: u8 = 13;
    pub(super) const NEWDATE: u8 = 14;
    pub(super) const VARCHAR: u8 = 15;
    pub(super) const BIT: u8 = 16;
    pub(super) const TIMESTAMP2: u8 = 17;
    pub(super) const DATETIME2: u8 = 18;
    pub(super) const TIME2: u8 = 19;
    pub(super) const BLOB_COMPRESSED: u8 = 140;
    pub(super) const VARCHAR_COMPRESSED: u8 = 141;
    pub(super) const VECTOR: u8 = 242;
    pub(super) const JSON: u8 = 245;
    pub(super) const NEWDECIMAL: u8 = 246;
    pub(super) const ENUM: u8 = 247;
    pub(super) const SET: u8 = 248;
    pub(super) const TINY_BLOB: u8 = 249;
    pub(super) const MEDIUM_BLOB: u8 = 250;
    pub(super) const LONG_BLOB: u8 = 251;
    pub(super) const BLOB: u8 = 252;
    pub(super) const VAR_STRING: u8 = 253;
    pub(super) const STRING: u8 = 254;
    pub(super) const GEOMETRY: u8 = 255;
}

/// How a column's values stand in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Int(usize),
    Float,
    Double,
    Decimal {
        precision: usize,
        scale: usize,
    },
    /// Bytes behind a length of so many bytes.
    Bytes(usize),
    Json(usize),
    Bits(usize),
    Enum(usize),
    Set(usize),
    Year,
    Date,
    OldTime,
    OldDateTime,
    OldTimestamp,
    /// With so many digits of seconds' fractions.
    Time(usize),
    DateTime(usize),
    Timestamp(usize),
    Null,
    /// What this program cannot read, which only matters if it comes.
    Unknown(u8),
}

impl Form {
    /// Reads what a table map says of a column of a type.
    pub(super) fn read(kind: u8, meta: &mut Bytes<'_>) -> Decoded<Self> {
        Ok(match kind {
            kind::TINY => Self::Int(1),
            kind::SHORT => Self::Int(2),
            kind::INT24 => Self::Int(3),
            kind::LONG => Self::Int(4),
            kind::LONGLONG => Self::Int(8),
            kind::YEAR => Self::Year,
            kind::DATE | kind::NEWDATE => Self::Date,
            kind::TIME => Self::OldTime,
            kind::DATETIME => Self::OldDateTime,
            kind::TIMESTAMP => Self::OldTimestamp,
            kind::NULL => Self::Null,
            kind::FLOAT => meta.byte().map(|_| Self::Float)?,
            kind::DOUBLE => meta.byte().map(|_| Self::Double)?,
            kind::TIME2 => Self::Time(usize::from(meta.byte()?)),
            kind::DATETIME2 => Self::DateTime(usize::from(meta.byte()?)),
            kind::TIMESTAMP2 => Self::Timestamp(usize::from(meta.byte()?)),
            kind::TINY_BLOB
            | kind::MEDIUM_BLOB
            | kind::LONG_BLOB
            | kind::BLOB
            | kind::GEOMETRY
            | kind::VECTOR => Self::Bytes(usize::from(meta.byte()?)),
            kind::BLOB_COMPRESSED => {
                meta.byte()?;
                Self::Unknown(kind)
            }
            kind::VARCHAR_COMPRESSED => {
                meta.low(2)?;
                Self::Unknown(kind)
            }
            kind::JSON => Self::Json(usize::from(meta.byte()?)),
            kind::VARCHAR | kind::VAR_STRING => Self::Bytes(prefix(meta.low(2)?)),
            kind::BIT => {
                let (bits, bytes) = (meta.byte()?, meta.byte()?);
                Self::Bits(usize::from(bytes) + usize::from(bits > 0))
            }
            kind::NEWDECIMAL => {
                let (precision, scale) = (usize::from(meta.byte()?), usize::from(meta.byte()?));
                if scale > precision {
                    return Err(Broken("a decimal has more digits behind the point than in all"));
                }
                Self::Decimal { precision, scale }
            }
            kind::ENUM | kind::SET | kind::STRING => Self::of_string(kind, meta)?,
            other => Self::Unknown(other),
        })
    }

    /// Of CHAR, in whose place ENUM and SET stand, too.
    fn of_string(kind: u8, meta: &mut Bytes<'_>) -> Decoded<Self> {
        let (first, second) = (meta.byte()?, meta.byte()?);
        let real = if kind == kind::STRING && first & 0x30 == 0x30 { first } else { kind };
        Ok(match if kind == kind::STRING { real } else { kind } {
            kind::ENUM => Self::Enum(usize::from(second)),
            kind::SET => Self::Set(usize::from(second)),
            _ => {
                let high = u64::from((first & 0x30) ^ 0x30) << 4;
                Self::Bytes(prefix(u64::from(second) | high))
            }
        })
    }

    /// Reads a value.
    pub(super) fn value<'a>(self, bytes: &mut Bytes<'a>) -> Decoded<Cell<'a>> {
        Ok(match self {
            Self::Int(size) => Cell::Int(bytes.signed(size)?),
            Self::Float => Cell::Float(f32::from_bits(bytes.low(4)? as u32)),
            Self::Double => Cell::Double(f64::from_bits(bytes.low(8)?)),
            Self::Decimal { precision, scale } => Cell::Decimal(decimal(bytes, precision, scale)?),
            Self::Bytes(size) => {
                let length = bytes.low(size)?;
                Cell::Bytes(bytes.take(length as usize)?)
            }
            Self::Json(size) => {
                let length = bytes.low(size)?;
                Cell::Json(bytes.take(length as usize)?)
            }
            Self::Bits(size) => Cell::Bits(bytes.take(size)?),
            Self::Enum(size) => Cell::Enum(bytes.low(size)?),
            Self::Set(size) => Cell::Set(bytes.low(size)?),
            Self::Year => Cell::Year(1900 + i32::from(bytes.byte()?)),
            Self::Date => {
                let packed = bytes.low(3)? as u32;
                let year = (packed >> 9).cast_signed();
                Cell::Date { year, month: (packed >> 5) & 15, day: packed & 31 }
            }
            Self::OldTime => {
                let packed = bytes.signed(3)?;
                let whole = packed.abs();
                let seconds = whole / 10_000 * 3600 + whole / 100 % 100 * 60 + whole % 100;
                Cell::Time(packed.signum() * seconds * 1_000_000)
            }
            Self::OldDateTime => {
                let packed = bytes.low(8)?;
                let (date, time) = (packed / 1_000_000, packed % 1_000_000);
                let seconds = time / 10_000 * 3600 + time / 100 % 100 * 60 + time % 100;
                Cell::DateTime {
                    year: (date / 10_000) as i32,
                    month: (date / 100 % 100) as u32,
                    day: (date % 100) as u32,
                    micros: seconds.cast_signed() * 1_000_000,
                }
            }
            Self::OldTimestamp => {
                Cell::Timestamp { seconds: bytes.low(4)?.cast_signed(), micros: 0 }
            }
            Self::Time(digits) => Cell::Time(time(bytes, digits)?),
            Self::DateTime(digits) => date_time(bytes, digits)?,
            Self::Timestamp(digits) => {
                let seconds = bytes.high(4)?.cast_signed();
                Cell::Timestamp { seconds, micros: fraction(bytes, digits)? }
            }
            Self::Null => Cell::Null,
            Self::Unknown(kind::BLOB_COMPRESSED | kind::VARCHAR_COMPRESSED) => {
                return Err(Broken("COMPRESSED columns are not supported"));
            }
            Self::Unknown(_) => return Err(Broken("a column has a type that is not known")),
        })
    }
}

/// How many bytes the length of values has that have at most so many bytes.
fn prefix(most: u64) -> usize {
    if most < 256 { 1 } else { 2 }
}

/// Fractions of seconds in microseconds.
fn fraction(bytes: &mut Bytes<'_>, digits: usize) -> Decoded<i64> {
    let size = digits.div_ceil(2);
    let scale = [1, 10_000, 100, 1].get(size).copied().ok_or(Broken("a fraction is too long"))?;
    Ok(bytes.high(size)?.cast_signed() * scale)
}

fn time(bytes: &mut Bytes<'_>, digits: usize) -> Decoded<i64> {
    let size = digits.div_ceil(2);
    if size > 3 {
        return Err(Broken("a fraction is too long"));
    }
    let scale = [1, 10_000, 100, 1].get(size).copied().unwrap_or(1);
    let bits = 24 + 8 * size as u32;
    // Moved up, so that negative ones sort below.
    let packed = bytes.high(3 + size)?.cast_signed() - (1 << (bits - 1));
    let whole = packed.abs();
    let (hms, part) = (whole >> (8 * size), whole & ((1 << (8 * size)) - 1));
    let seconds = (hms >> 12 & 0x3ff) * 3600 + (hms >> 6 & 0x3f) * 60 + (hms & 0x3f);
    Ok(packed.signum() * (seconds * 1_000_000 + part * scale))
}

fn date_time<'a>(bytes: &mut Bytes<'a>, digits: usize) -> Decoded<Cell<'a>> {
    let packed = bytes.high(5)?.cast_signed() - (1 << 39);
    let packed = packed.abs();
    let (date, time) = (packed >> 17, packed & 0x1ffff);
    let months = date >> 5;
    let seconds = (time >> 12) * 3600 + (time >> 6 & 0x3f) * 60 + (time & 0x3f);
    Ok(Cell::DateTime {
        year: (months / 13) as i32,
        month: (months % 13) as u32,
        day: (date & 31) as u32,
        micros: seconds * 1_000_000 + fraction(bytes, digits)?,
    })
}

/// Bytes that so many decimal digits need.
const DIGITS: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

fn decimal(bytes: &mut Bytes<'_>, precision: usize, scale: usize) -> Decoded<Decimal> {
    let whole = precision - scale;
    let parts = [(1, whole % 9), (whole / 9, 9), (scale / 9, 9), (1, scale % 9)];
    let size: usize =
        parts.iter().map(|(count, digits)| count * DIGITS.get(*digits).unwrap_or(&4)).sum();
    let mut raw = bytes.take(size)?.to_vec();
    let Some(first) = raw.first_mut() else {
        return Ok(Decimal { unscaled: BigInt::ZERO, scale: scale as i32 });
    };
    // The highest bit is turned; negative ones have all bits turned.
    let is_negative = *first & 0x80 == 0;
    *first ^= 0x80;
    if is_negative {
        for byte in &mut raw {
            *byte = !*byte;
        }
    }
    let mut raw = Bytes(&raw);
    // Up to 38 digits fit a number of the processor's.
    let (mut small, mut large) = (0_u128, None::<BigInt>);
    for (count, digits) in parts {
        let (bytes, power) = (*DIGITS.get(digits).unwrap_or(&4), 10_u64.pow(digits as u32));
        for _ in 0..count {
            let part = raw.high(bytes)?;
            if part >= power && digits > 0 {
                return Err(Broken("a decimal has digits that are none"));
            }
            large = match large {
                Some(large) => Some(large * power + part),
                None => {
                    match small.checked_mul(power.into()).and_then(|n| n.checked_add(part.into())) {
                        Some(next) => {
                            small = next;
                            None
                        }
                        None => Some(BigInt::from(small) * power + part),
                    }
                }
            };
        }
    }
    let unscaled = large.unwrap_or_else(|| small.into());
    let unscaled = if is_negative { -unscaled } else { unscaled };
    debug_assert!(unscaled.sign() != Sign::Minus || is_negative);
    Ok(Decimal { unscaled, scale: scale as i32 })
}
