//! Values of columns as values of fields.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use gantry_api::model::{Decimal, Kind, Schema, SchemaBuilder, logical};
use gantry_api::{Bytes, Value};
use num_bigint::BigInt;

use super::super::binlog::{Cell, json_to_text, plain};
use super::super::ddl::{Column, jdbc};
use super::charset::Charset;
use super::text::{Wall, is_date, time, wall};
use super::{default, geometry};
use crate::cdc::columns::Column as Field;
use crate::cdc::config::{Binaries, Decimals, Times};
use crate::cdc::times::{DAY_US, Form, date, date_schema, days, iso};

/// What a user says of values.
#[derive(Clone, Debug)]
pub(crate) struct Modes {
    pub(crate) decimals: Decimals,
    pub(crate) times: Times,
    pub(crate) binaries: Binaries,
    pub(crate) placeholder: Vec<u8>,
    pub(crate) comments: bool,
    /// Whether BIGINT UNSIGNED is exact (`bigint.unsigned.handling.mode`).
    pub(crate) exact_unsigned: bool,
    /// Whether years of two digits are of this time (`enable.time.adjuster`).
    pub(crate) adjusts_years: bool,
}

/// What became of a value, or why nothing did.
pub(super) type Converted = Result<Value, String>;

/// How the values of one column are converted.
#[derive(Clone, Debug)]
pub(crate) struct Converter {
    kind: Target,
    adjusts_years: bool,
    /// In place of what rows do not say.
    absent: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Target {
    Int16,
    Int32,
    Int64,
    /// With so many bits, as a larger number.
    Unsigned(u32),
    UnsignedDecimal,
    Boolean,
    Bits(usize),
    Float32,
    Float64,
    Decimal(Decimals, i32),
    Text(Charset),
    /// Filled up to that length with zeros.
    Binary(Binaries, usize),
    Json,
    Year,
    Enum(Vec<Value>),
    Set(Vec<String>),
    Date(Times),
    Time(Form),
    DateTime(Form),
    /// In UTC with so many digits behind the second's point.
    Zoned(Option<usize>),
    Geometry(Schema),
    Point(Schema),
    Uuid,
    Vector,
    /// Records do not have it.
    None,
}

fn data(kind: Kind, name: &str) -> SchemaBuilder {
    let full = format!("io.debezium.data.{name}");
    SchemaBuilder::new(kind).name(Some(full.into())).version(Some(1))
}

fn time_of(kind: Kind, name: &str) -> SchemaBuilder {
    let full = format!("io.debezium.time.{name}");
    SchemaBuilder::new(kind).name(Some(full.into())).version(Some(1))
}

/// The options of an ENUM or a SET, as its schema names them.
fn allowed(options: &[String]) -> String {
    let escaped: Vec<String> =
        options.iter().map(|option| option.replace('\\', "\\\\").replace(',', "\\,")).collect();
    escaped.join(",")
}

impl Target {
    /// What a column's values become, with their schema and what stands for null where there is none.
    fn of(column: &Column, modes: &Modes) -> (Self, Option<SchemaBuilder>, Value) {
        if let Some(found) = Self::of_name(column, modes) {
            return found;
        }
        let plain = |kind: Kind| Some(SchemaBuilder::new(kind));
        let precision = column.length.unwrap_or(-1);
        match column.jdbc_type {
            jdbc::BIT if precision > 1 => {
                let size = (precision as usize).div_ceil(8);
                let schema = data(Kind::Bytes, "Bits").parameter("length", &precision.to_string());
                (Self::Bits(size), Some(schema), Value::Bytes(Bytes::new()))
            }
            jdbc::BIT | jdbc::BOOLEAN => {
                (Self::Boolean, plain(Kind::Boolean), Value::Boolean(false))
            }
            jdbc::BLOB | jdbc::BINARY | jdbc::VARBINARY => Self::binary(column, modes),
            jdbc::SMALLINT => (Self::Int16, plain(Kind::Int16), Value::Int16(0)),
            jdbc::INTEGER => (Self::Int32, plain(Kind::Int32), Value::Int32(0)),
            jdbc::BIGINT => (Self::Int64, plain(Kind::Int64), Value::Int64(0)),
            jdbc::REAL => (Self::Float32, plain(Kind::Float32), Value::Float32(0.0)),
            jdbc::FLOAT | jdbc::DOUBLE => {
                (Self::Float64, plain(Kind::Float64), Value::Float64(0.0))
            }
            jdbc::NUMERIC | jdbc::DECIMAL => Self::decimal(column, modes.decimals),
            jdbc::CHAR | jdbc::VARCHAR | jdbc::NCHAR | jdbc::NVARCHAR => {
                let charset = Charset::of(column.charset.as_deref());
                (Self::Text(charset), plain(Kind::String), Value::str(""))
            }
            jdbc::DATE => {
                (Self::Date(modes.times), Some(date_schema(modes.times)), date(modes.times, 0))
            }
            jdbc::TIME => {
                let form = Form::of_time(modes.times, precision);
                (Self::Time(form), Some(form.time_schema()), form.time(0))
            }
            jdbc::TIMESTAMP => {
                let form = Form::of_timestamp(modes.times, precision);
                let epoch = form.timestamp(0).unwrap_or_default();
                (Self::DateTime(form), Some(form.timestamp_schema()), epoch)
            }
            jdbc::TIMESTAMP_WITH_TIMEZONE => {
                let digits = usize::try_from(precision).ok().filter(|n| (1..=9).contains(n));
                let schema = time_of(Kind::String, "ZonedTimestamp");
                (Self::Zoned(digits), Some(schema), Value::str(&iso(0, None)))
            }
            _ => (Self::None, None, Value::Null),
        }
    }

    fn of_name(column: &Column, modes: &Modes) -> Option<(Self, Option<SchemaBuilder>, Value)> {
        let plain = |kind: Kind| Some(SchemaBuilder::new(kind));
        let name = column.type_name.as_str();
        if column.is_unsigned() {
            let first = name.split(' ').next().unwrap_or_default();
            match first {
                "TINYINT" | "INT1" => {
                    return Some((Self::Unsigned(8), plain(Kind::Int16), Value::Int16(0)));
                }
                "SMALLINT" | "INT2" => {
                    return Some((Self::Unsigned(16), plain(Kind::Int32), Value::Int32(0)));
                }
                "MEDIUMINT" | "INT3" | "MIDDLEINT" => {
                    return Some((Self::Unsigned(24), plain(Kind::Int32), Value::Int32(0)));
                }
                "INT" | "INTEGER" | "INT4" => {
                    return Some((Self::Unsigned(32), plain(Kind::Int64), Value::Int64(0)));
                }
                "BIGINT" | "INT8" if modes.exact_unsigned => {
                    let schema = logical::decimal(0).parameter("connect.decimal.precision", "20");
                    let zero = Value::Decimal(Arc::new(Decimal::from_int(0)));
                    return Some((Self::UnsignedDecimal, Some(schema), zero));
                }
                "BIGINT" | "INT8" => {
                    return Some((Self::Int64, plain(Kind::Int64), Value::Int64(0)));
                }
                _ => {}
            }
        }
        Some(match name {
            "JSON" => (Self::Json, Some(data(Kind::String, "Json")), Value::str("{}")),
            "POINT" => {
                let schema = geometry::point();
                (Self::Point(schema.clone().build_plain()), Some(schema), Value::Null)
            }
            "GEOMETRY" | "LINESTRING" | "POLYGON" | "MULTIPOINT" | "MULTILINESTRING"
            | "MULTIPOLYGON" | "GEOMETRYCOLLECTION" | "GEOMCOLLECTION" => {
                let schema = geometry::geometry();
                (Self::Geometry(schema.clone().optional().build_plain()), Some(schema), Value::Null)
            }
            "YEAR" => (Self::Year, Some(time_of(Kind::Int32, "Year")), Value::Int32(0)),
            "ENUM" => {
                let options = column.options();
                let schema = data(Kind::String, "Enum").parameter("allowed", &allowed(&options));
                let options = options.iter().map(|option| Value::str(option)).collect();
                (Self::Enum(options), Some(schema), Value::str(""))
            }
            "SET" => {
                let options = column.options();
                let schema = data(Kind::String, "EnumSet").parameter("allowed", &allowed(&options));
                (Self::Set(options), Some(schema), Value::str(""))
            }
            "UUID" => (Self::Uuid, Some(data(Kind::String, "Uuid")), Value::str("")),
            "VECTOR" => {
                let schema = data(Kind::Array(Schema::float32()), "FloatVector");
                (Self::Vector, Some(schema), Value::array(Vec::new()))
            }
            _ if column.is_type("FLOAT")
                && column.scale.is_none()
                && column.length.unwrap_or(-1) <= 24 =>
            {
                (Self::Float32, plain(Kind::Float32), Value::Float32(0.0))
            }
            _ => return None,
        })
    }

    fn binary(column: &Column, modes: &Modes) -> (Self, Option<SchemaBuilder>, Value) {
        let filled = match column.jdbc_type {
            jdbc::BINARY => usize::try_from(column.length.unwrap_or_default()).unwrap_or_default(),
            _ => 0,
        };
        let (kind, empty) = match modes.binaries {
            Binaries::Bytes => (Kind::Bytes, Value::Bytes(Bytes::new())),
            _ => (Kind::String, Value::str("")),
        };
        (Self::Binary(modes.binaries, filled), Some(SchemaBuilder::new(kind)), empty)
    }

    fn decimal(column: &Column, mode: Decimals) -> (Self, Option<SchemaBuilder>, Value) {
        let scale = column.scale.unwrap_or_default();
        let zero = Decimal { unscaled: BigInt::ZERO, scale };
        let target = Self::Decimal(mode, scale);
        match mode {
            Decimals::Precise => {
                let precision = column.length.unwrap_or_default().to_string();
                let schema =
                    logical::decimal(scale).parameter("connect.decimal.precision", &precision);
                (target, Some(schema), Value::Decimal(Arc::new(zero)))
            }
            Decimals::Double => {
                (target, Some(SchemaBuilder::new(Kind::Float64)), Value::Float64(0.0))
            }
            Decimals::Text => {
                (target, Some(SchemaBuilder::new(Kind::String)), Value::str(&plain(&zero)))
            }
        }
    }
}

impl Converter {
    /// A column as a field with how its values are converted, and why its default could not be.
    pub(crate) fn new(column: &Column, modes: &Modes) -> (Field, Self, Option<String>) {
        let (kind, schema, fallback) = Target::of(column, modes);
        let is_text = matches!(kind, Target::Text(_));
        let absent = match (&kind, column.jdbc_type) {
            (Target::Text(_), _) => Value::str(&String::from_utf8_lossy(&modes.placeholder)),
            (Target::Binary(mode, _), jdbc::BLOB) => {
                binary(*mode, Cow::Borrowed(&modes.placeholder))
            }
            _ => Value::Null,
        };
        let is_shape = matches!(kind, Target::Geometry(_));
        let converter = Self { kind, adjusts_years: modes.adjusts_years, absent };
        let (default, fault) = match column.default.as_deref() {
            None => (None, None),
            Some(text) => match default::value(&converter, column, text) {
                Ok(value) => (value, None),
                Err(fault) => (None, Some(fault)),
            },
        };
        let field = Field {
            name: column.name.clone(),
            schema,
            optional: column.optional || is_shape,
            default,
            comment: column.comment.clone().filter(|_| modes.comments),
            fallback,
            type_name: column.type_name.clone(),
            length: column.length.and_then(|length| u32::try_from(length).ok()),
            scale: column.scale,
            is_characters: is_text || matches!(converter.kind, Target::Enum(_) | Target::Set(_)),
        };
        (field, converter, fault)
    }

    pub(super) fn target(&self) -> &Target {
        &self.kind
    }

    /// Converts a value.
    pub(crate) fn convert(&self, cell: &Cell<'_>) -> Converted {
        let unexpected = || Err(format!("a value of another type stands there: {}", kind_of(cell)));
        match (&self.kind, cell) {
            (_, Cell::Null) => Ok(Value::Null),
            (_, Cell::Absent) => Ok(self.absent.clone()),
            (_, Cell::Text(text)) => self.of_text(text),
            (Target::None, _) => Ok(Value::Null),
            (Target::Int16, Cell::Int(n)) => Ok(Value::Int16(*n as i16)),
            (Target::Int32, Cell::Int(n)) => Ok(Value::Int32(*n as i32)),
            (Target::Int64, Cell::Int(n)) => Ok(Value::Int64(*n)),
            (Target::Unsigned(bits), Cell::Int(n)) => Ok(unsigned(*bits, *n & ((1 << bits) - 1))),
            (Target::UnsignedDecimal, Cell::Int(n)) => {
                Ok(Value::Decimal(Arc::new(Decimal::from_int(n.cast_unsigned()))))
            }
            (Target::Boolean, Cell::Int(n)) => Ok(Value::Boolean(*n != 0)),
            (Target::Boolean, Cell::Bits(bits)) => {
                Ok(Value::Boolean(bits.last().is_some_and(|byte| byte & 1 == 1)))
            }
            (Target::Bits(size), Cell::Bits(bits)) => Ok(low_first(bits, *size)),
            (Target::Float32, Cell::Float(n)) => Ok(Value::Float32(*n)),
            (Target::Float32, Cell::Double(n)) => Ok(Value::Float32(*n as f32)),
            (Target::Float64, Cell::Float(n)) => Ok(Value::Float64(f64::from(*n))),
            (Target::Float64, Cell::Double(n)) => Ok(Value::Float64(*n)),
            (Target::Decimal(mode, scale), Cell::Decimal(n)) => {
                Ok(decimal(*mode, *scale, n.clone()))
            }
            (Target::Text(charset), Cell::Bytes(bytes)) => match charset.decode(bytes) {
                Some(text) => Ok(Value::str(&text)),
                None => Err("its character set is not known here".to_owned()),
            },
            (Target::Binary(mode, filled), Cell::Bytes(bytes)) => {
                Ok(filled_up(*mode, *filled, bytes))
            }
            (Target::Json, Cell::Json(document)) => match document.is_empty() {
                true => Ok(Value::Null),
                false => json_to_text(document)
                    .map(|text| Value::str(&text))
                    .map_err(|broken| broken.to_string()),
            },
            (Target::Json, Cell::Bytes(bytes)) => Ok(Value::str(&String::from_utf8_lossy(bytes))),
            (Target::Year, Cell::Year(year)) => Ok(Value::Int32(adjusted(i64::from(*year)) as i32)),
            (Target::Enum(options), Cell::Enum(at)) => enumerated(options, *at),
            (Target::Set(options), Cell::Set(bits)) => Ok(set(options, *bits)),
            (Target::Date(times), Cell::Date { year, month, day }) => {
                let wall = (i64::from(*year), i64::from(*month), i64::from(*day), 0);
                Ok(self.day(wall, true)?.map_or(Value::Null, |day| date(*times, day)))
            }
            (Target::Time(form), Cell::Time(micros)) => clock(*form, *micros),
            (Target::DateTime(form), Cell::DateTime { year, month, day, micros }) => self
                .date_time(
                    *form,
                    (i64::from(*year), i64::from(*month), i64::from(*day), *micros),
                    true,
                ),
            (Target::Zoned(digits), Cell::Timestamp { seconds, micros }) => {
                Ok(Value::str(&iso(seconds * 1_000_000 + micros, *digits)))
            }
            (Target::Geometry(schema), Cell::Bytes(bytes)) => {
                geometry::shape(schema, bytes).ok_or_else(|| "it is no shape".to_owned())
            }
            (Target::Point(schema), Cell::Bytes(bytes)) => {
                geometry::place(schema, bytes).ok_or_else(|| "it is no point".to_owned())
            }
            (Target::Uuid, Cell::Bytes(bytes)) => Ok(uuid(bytes)),
            (Target::Vector, Cell::Bytes(bytes)) => Ok(vector(bytes)),
            _ => unexpected(),
        }
    }

    /// Converts what a query gave.
    pub(crate) fn convert_queried(&self, bytes: &[u8]) -> Converted {
        match &self.kind {
            Target::Binary(..) | Target::Geometry(_) | Target::Point(_) | Target::Vector => {
                self.convert(&Cell::Bytes(bytes))
            }
            Target::Bits(_) => self.convert(&Cell::Bits(bytes)),
            // A bit, and not a digit.
            Target::Boolean if bytes.iter().all(|byte| *byte < 2) => {
                self.convert(&Cell::Bits(bytes))
            }
            _ => self.convert(&Cell::Text(&String::from_utf8_lossy(bytes))),
        }
    }

    /// Converts what a query gave as text.
    fn of_text(&self, text: &str) -> Converted {
        let wrong = || format!("{} is none", shown(text));
        let int = || text.parse::<i128>().map_err(|_| wrong());
        let double = || text.parse::<f64>().map_err(|_| wrong());
        Ok(match &self.kind {
            Target::None => Value::Null,
            Target::Int16 => Value::Int16(int()? as i16),
            Target::Int32 => Value::Int32(int()? as i32),
            Target::Int64 => Value::Int64(int()? as i64),
            Target::Unsigned(bits) => unsigned(*bits, int()? as i64),
            Target::UnsignedDecimal => Value::Decimal(Arc::new(Decimal::from_int(int()?))),
            Target::Boolean => Value::Boolean(int()? != 0),
            Target::Float32 => Value::Float32(text.parse().map_err(|_| wrong())?),
            Target::Float64 => Value::Float64(double()?),
            Target::Decimal(mode, scale) => {
                decimal(*mode, *scale, text.parse().map_err(|_| wrong())?)
            }
            Target::Text(_) | Target::Json | Target::Enum(_) | Target::Set(_) | Target::Uuid => {
                Value::str(text)
            }
            Target::Year => Value::Int32(adjusted(int()? as i64) as i32),
            Target::Date(times) => {
                let wall = wall(text).ok_or_else(wrong)?;
                self.day(wall, false)?.map_or(Value::Null, |day| date(*times, day))
            }
            Target::Time(form) => clock(*form, time(text).ok_or_else(wrong)?)?,
            Target::DateTime(form) => {
                self.date_time(*form, wall(text).ok_or_else(wrong)?, false)?
            }
            Target::Zoned(_) => {
                let wall = wall(text).ok_or_else(wrong)?;
                match (wall.1, wall.2) {
                    (0, _) | (_, 0) => Value::Null,
                    (month, day) => {
                        Value::str(&iso(days(wall.0, month, day) * DAY_US + wall.3, None))
                    }
                }
            }
            Target::Bits(_)
            | Target::Binary(..)
            | Target::Geometry(_)
            | Target::Point(_)
            | Target::Vector => {
                return self.convert(&Cell::Bytes(text.as_bytes()));
            }
        })
    }

    /// The day from 1970 on; none of a date that has a zero in it. `is_strict`: a zero year is one, too.
    fn day(&self, (year, month, day, _): Wall, is_strict: bool) -> Result<Option<i64>, String> {
        if month == 0 || day == 0 || is_strict && year == 0 {
            return Ok(None);
        }
        if !is_date(year, month, day) {
            return Err(format!("{year:04}-{month:02}-{day:02} is no date"));
        }
        let year = if self.adjusts_years { adjusted(year) } else { year };
        Ok(Some(days(year, month, day)))
    }

    pub(super) fn date_time(&self, form: Form, wall: Wall, is_strict: bool) -> Converted {
        let Some(day) = self.day(wall, is_strict)? else { return Ok(Value::Null) };
        form.timestamp(day * DAY_US + wall.3).ok_or_else(|| {
            "it is outside of what nanoseconds can say: set time.precision.mode to microseconds or isostring"
                .to_owned()
        })
    }
}

/// Values are never shown: only what kind they are of.
fn kind_of(cell: &Cell<'_>) -> String {
    let text = format!("{cell:?}");
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

fn shown(text: &str) -> String {
    format!("a text of {} characters", text.chars().count())
}

/// Years of two digits are of this time.
pub(super) fn adjusted(year: i64) -> i64 {
    match year {
        0..=69 => year + 2000,
        70..=99 => year + 1900,
        _ => year,
    }
}

pub(super) fn unsigned(bits: u32, value: i64) -> Value {
    match bits {
        8 => Value::Int16(value as i16),
        16 | 24 => Value::Int32(value as i32),
        _ => Value::Int64(value),
    }
}

/// The highest first as the lowest first, filled up with zeros.
pub(super) fn low_first(bits: &[u8], size: usize) -> Value {
    let mut low: Vec<u8> = bits.iter().rev().copied().collect();
    if low.len() < size {
        low.resize(size, 0);
    }
    Value::Bytes(low.into())
}

pub(super) fn decimal(mode: Decimals, scale: i32, mut value: Decimal) -> Value {
    match mode {
        Decimals::Precise => {
            if value.scale < scale {
                value.unscaled *= BigInt::from(10).pow((scale - value.scale).unsigned_abs());
                value.scale = scale;
            }
            Value::Decimal(Arc::new(value))
        }
        Decimals::Double => Value::Float64(value.double_value()),
        Decimals::Text => Value::str(&plain(&value)),
    }
}

fn filled_up(mode: Binaries, length: usize, bytes: &[u8]) -> Value {
    let mut bytes = Cow::Borrowed(bytes);
    if bytes.len() < length {
        bytes.to_mut().resize(length, 0);
    }
    binary(mode, bytes)
}

pub(super) fn binary(mode: Binaries, bytes: Cow<'_, [u8]>) -> Value {
    match mode {
        Binaries::Bytes => Value::Bytes(match bytes {
            Cow::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Cow::Owned(bytes) => bytes.into(),
        }),
        Binaries::Base64 => Value::str(&BASE64_STANDARD.encode(&bytes)),
        Binaries::Base64Url => Value::str(&BASE64_URL_SAFE.encode(&bytes)),
        Binaries::Hex => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let digit = |n: u8| char::from(*DIGITS.get(usize::from(n)).unwrap_or(&b'0'));
            let hex: String =
                bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
            Value::str(&hex)
        }
    }
}

fn enumerated(options: &[Value], at: u64) -> Converted {
    match at.checked_sub(1) {
        // What was not valid when it was written.
        None => Ok(Value::str("")),
        Some(at) => {
            usize::try_from(at).ok().and_then(|at| options.get(at)).cloned().ok_or_else(|| {
                format!("value {} is none of the column's {}", at + 1, options.len())
            })
        }
    }
}

fn set(options: &[String], bits: u64) -> Value {
    let chosen: Vec<&str> = options
        .iter()
        .take(64)
        .enumerate()
        .filter(|(at, _)| bits >> at & 1 == 1)
        .map(|(_, option)| option.as_str())
        .collect();
    Value::str(&chosen.join(","))
}

/// A time, which may be negative or longer than a day, but not in all forms.
pub(super) fn clock(form: Form, micros: i64) -> Converted {
    if matches!(form, Form::Connect | Form::Text) && !(0..=DAY_US).contains(&micros) {
        return Err("Time values must be between 00:00:00 and 24:00:00 (inclusive)".to_owned());
    }
    Ok(match form {
        // Towards zero, as Java divides.
        Form::Millis => Value::Int32(i32::try_from(micros / 1000).unwrap_or_default()),
        _ => form.time(micros),
    })
}

fn uuid(bytes: &[u8]) -> Value {
    let number = bytes.iter().take(16).fold(0_u128, |all, byte| (all << 8) | u128::from(*byte));
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    Value::str(&[part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

fn vector(bytes: &[u8]) -> Value {
    let (numbers, _) = bytes.as_chunks::<4>();
    Value::array(numbers.iter().map(|n| Value::Float32(f32::from_le_bytes(*n))).collect())
}
