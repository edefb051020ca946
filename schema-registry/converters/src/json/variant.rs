//! Variants: any JSON in the binary form that Parquet and others have for it, which Confluent's
//! converters use where a schema says nothing about a value.
//!
//! A variant is two pieces of bytes: the names of all fields, and the value, in which names are
//! numbers. The first byte of a value has its type in the lowest two bits.

use std::collections::HashMap;

use gantry_converters::jackson::{MAX_DEPTH, Node, Number, write as json};
use gantry_model::{Decimal, Value};

use super::temporal;

const PRIMITIVE: u8 = 0;
const SHORT_TEXT: u8 = 1;
const OBJECT: u8 = 2;

const NULL: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const INT8: u8 = 3;
const INT16: u8 = 4;
const INT32: u8 = 5;
const INT64: u8 = 6;
const DOUBLE: u8 = 7;
const DECIMAL4: u8 = 8;
const DECIMAL8: u8 = 9;
const DECIMAL16: u8 = 10;
const DATE: u8 = 11;
const TIMESTAMP_TZ: u8 = 12;
const TIMESTAMP_NTZ: u8 = 13;
const FLOAT: u8 = 14;
const BINARY: u8 = 15;
const LONG_TEXT: u8 = 16;
const TIME: u8 = 17;
const NANOS_TZ: u8 = 18;
const NANOS_NTZ: u8 = 19;
const UUID: u8 = 20;

const VERSION: u8 = 1;
const SHORT_TEXT_MAX: usize = 63;
const DECIMAL_DIGITS_MAX: usize = 38;

/// The metadata and the value of some JSON. Fails only for what is larger than the format can be.
pub(crate) fn read(node: &Node<'_>) -> Result<(Vec<u8>, Vec<u8>), String> {
    let mut names = Names::default();
    let mut value = Vec::new();
    encode(node, &mut names, &mut value)?;
    Ok((names.encoded()?, value))
}

/// The names of fields, numbered as they come.
#[derive(Default)]
struct Names {
    places: HashMap<String, usize>,
    all: String,
    ends: Vec<usize>,
}

impl Names {
    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.ends.len();
        self.places.insert(name.to_owned(), place);
        self.all.push_str(name);
        self.ends.push(self.all.len());
        place
    }

    fn encoded(&self) -> Result<Vec<u8>, String> {
        let width = width(self.all.len().max(self.ends.len()))?;
        let mut out = vec![VERSION | header_bits(width) << 6];
        unsigned(&mut out, self.ends.len(), width);
        for end in std::iter::once(&0).chain(&self.ends) {
            unsigned(&mut out, *end, width);
        }
        out.extend_from_slice(self.all.as_bytes());
        Ok(out)
    }
}

fn encode(node: &Node<'_>, names: &mut Names, out: &mut Vec<u8>) -> Result<(), String> {
    match node {
        Node::Missing | Node::Null => out.push(NULL << 2),
        Node::Boolean(true) => out.push(TRUE << 2),
        Node::Boolean(false) => out.push(FALSE << 2),
        Node::Number(number) => encode_number(*number, out),
        Node::String(text) => match u8::try_from(text.len()) {
            Ok(length) if text.len() <= SHORT_TEXT_MAX => {
                out.push(length << 2 | SHORT_TEXT);
                out.extend_from_slice(text.as_bytes());
            }
            _ => {
                width(text.len())?;
                out.push(LONG_TEXT << 2);
                unsigned(out, text.len(), 4);
                out.extend_from_slice(text.as_bytes());
            }
        },
        Node::Array(items) => {
            let mut data = Vec::new();
            let mut ends = vec![0];
            for item in items {
                encode(item, names, &mut data)?;
                ends.push(data.len());
            }
            let width = width(data.len())?;
            let large = items.len() > 255;
            out.push(u8::from(large) << 4 | header_bits(width) << 2 | 3);
            unsigned(out, items.len(), if large { 4 } else { 1 });
            ends.iter().for_each(|end| unsigned(out, *end, width));
            out.extend_from_slice(&data);
        }
        Node::Object(object) => {
            let mut fields = Vec::with_capacity(object.fields().len());
            for (name, node) in object.fields() {
                let place = names.place(name);
                let mut data = Vec::new();
                encode(node, names, &mut data)?;
                fields.push((name, place, data));
            }
            // In the order of Java's texts.
            fields.sort_by(|one, other| one.0.encode_utf16().cmp(other.0.encode_utf16()));
            encode_object(&fields, out)?;
        }
    }
    Ok(())
}

fn encode_object<N>(fields: &[(N, usize, Vec<u8>)], out: &mut Vec<u8>) -> Result<(), String> {
    let names_width = width(fields.iter().map(|(_, place, _)| *place).max().unwrap_or(0))?;
    let ends_width = width(fields.iter().map(|(_, _, data)| data.len()).sum())?;
    let large = fields.len() > 255;
    out.push(
        u8::from(large) << 6
            | header_bits(names_width) << 4
            | header_bits(ends_width) << 2
            | OBJECT,
    );
    unsigned(out, fields.len(), if large { 4 } else { 1 });
    fields.iter().for_each(|(_, place, _)| unsigned(out, *place, names_width));
    let mut end = 0;
    unsigned(out, end, ends_width);
    for (_, _, data) in fields {
        end += data.len();
        unsigned(out, end, ends_width);
    }
    fields.iter().for_each(|(_, _, data)| out.extend_from_slice(data));
    Ok(())
}

fn encode_number(number: Number<'_>, out: &mut Vec<u8>) {
    if number.is_int() {
        out.push(INT32 << 2);
        // All 32 bits, as it is an int.
        out.extend_from_slice(&(number.to_i64() as i32).to_le_bytes());
        return;
    }
    if number.is_integral() && number.text().parse::<i64>().is_ok() {
        out.push(INT64 << 2);
        out.extend_from_slice(&number.to_i64().to_le_bytes());
        return;
    }
    let decimal = number.to_decimal();
    let digits = decimal.unscaled.magnitude().to_string();
    // Scales are not negative there: 1e3 is 1000.
    let zeros = usize::try_from(decimal.scale.saturating_neg()).unwrap_or(0);
    let scale = u8::try_from(decimal.scale.max(0)).ok();
    let scale = scale.filter(|scale| usize::from(*scale) <= DECIMAL_DIGITS_MAX);
    let length = digits.len().saturating_add(zeros);
    let unscaled = (length <= DECIMAL_DIGITS_MAX)
        .then(|| format!("{digits}{}", "0".repeat(zeros)).parse::<i128>().ok())
        .flatten();
    let (Some(scale), Some(unscaled)) = (scale, unscaled) else {
        return encode_double(number, out);
    };
    let negative = decimal.unscaled.sign() == num_bigint::Sign::Minus;
    let unscaled = if negative { -unscaled } else { unscaled };
    let bytes = unscaled.to_le_bytes();
    let (type_, width) = match length {
        ..=9 => (DECIMAL4, 4),
        10..=18 => (DECIMAL8, 8),
        _ => (DECIMAL16, 16),
    };
    out.extend_from_slice(&[type_ << 2, scale]);
    out.extend(bytes.iter().take(width));
}

/// A number beyond what decimals hold.
fn encode_double(number: Number<'_>, out: &mut Vec<u8>) {
    out.push(DOUBLE << 2);
    out.extend_from_slice(&number.to_f64().to_le_bytes());
}

/// How many bytes numbers up to `largest` take.
fn width(largest: usize) -> Result<usize, String> {
    match largest {
        0..=0xFF => Ok(1),
        0x100..=0xFFFF => Ok(2),
        0x1_0000..=0xFF_FFFF => Ok(3),
        0x100_0000..=0x7FFF_FFFF => Ok(4),
        _ => Err("it is larger than the 2 GiB of a Variant".to_owned()),
    }
}

/// A width as headers have it, in two bits.
fn header_bits(width: usize) -> u8 {
    match width {
        1 => 0,
        2 => 1,
        3 => 2,
        _ => 3,
    }
}

fn unsigned(out: &mut Vec<u8>, value: usize, width: usize) {
    out.extend(value.to_le_bytes().iter().take(width));
}

/// The JSON of one variant: names and pieces that are used again and again make it larger than
/// the variant itself.
const JSON_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Appends the JSON of a variant.
pub(crate) fn write(out: &mut Vec<u8>, metadata: &[u8], value: &[u8]) -> Result<(), String> {
    let room = out.len().saturating_add(JSON_BYTES_MAX);
    // Each value has a byte of its own, unless the variant lies about where its parts are.
    let mut variant = Variant { metadata, values_left: value.len(), room };
    variant.write(out, value, 0).ok_or_else(|| {
        format!(
            "the bytes are no Variant: they end early or contradict themselves, or their JSON has \
             more than {JSON_BYTES_MAX} bytes"
        )
    })
}

struct Variant<'v> {
    metadata: &'v [u8],
    values_left: usize,
    /// How long the output may get.
    room: usize,
}

/// Where the parts of an object or array are.
struct Parts<'v> {
    count: usize,
    names: (&'v [u8], usize),
    ends: (&'v [u8], usize),
    data: &'v [u8],
}

impl<'v> Parts<'v> {
    /// `value` begins behind the header.
    fn new(value: &'v [u8], large: bool, names: Option<usize>, ends: usize) -> Option<Self> {
        let count_width = if large { 4 } else { 1 };
        let count = unsigned_at(value, 0, count_width)?;
        let rest = value.get(count_width..)?;
        let (named, rest) = rest.split_at_checked(count.checked_mul(names.unwrap_or(0))?)?;
        let (ended, data) = rest.split_at_checked(count.checked_add(1)?.checked_mul(ends)?)?;
        Some(Self { count, names: (named, names.unwrap_or(1)), ends: (ended, ends), data })
    }
    fn item(&self, at: usize) -> Option<&'v [u8]> {
        self.data.get(unsigned_at(self.ends.0, at, self.ends.1)?..)
    }
}

impl Variant<'_> {
    fn write(&mut self, out: &mut Vec<u8>, value: &[u8], depth: usize) -> Option<()> {
        let (&header, rest) = value.split_first()?;
        self.values_left = self.values_left.checked_sub(1)?;
        if out.len() > self.room {
            return None;
        }
        let bits = header >> 2;
        match header & 3 {
            PRIMITIVE => primitive(out, bits, rest),
            SHORT_TEXT => text(out, rest.get(..usize::from(bits))?),
            _ if depth >= MAX_DEPTH => None,
            OBJECT => {
                let names = usize::from(bits >> 2 & 3) + 1;
                let ends = usize::from(bits & 3) + 1;
                let parts = Parts::new(rest, bits >> 4 & 1 == 1, Some(names), ends)?;
                out.push(b'{');
                for at in 0..parts.count {
                    if at > 0 {
                        out.push(b',');
                    }
                    text(out, self.name(unsigned_at(parts.names.0, at, parts.names.1)?)?)?;
                    out.push(b':');
                    self.write(out, parts.item(at)?, depth + 1)?;
                }
                out.push(b'}');
                Some(())
            }
            _ => {
                let ends = usize::from(bits & 3) + 1;
                let parts = Parts::new(rest, bits >> 2 & 1 == 1, None, ends)?;
                out.push(b'[');
                for at in 0..parts.count {
                    if at > 0 {
                        out.push(b',');
                    }
                    self.write(out, parts.item(at)?, depth + 1)?;
                }
                out.push(b']');
                Some(())
            }
        }
    }

    fn name(&self, place: usize) -> Option<&[u8]> {
        let (&header, rest) = self.metadata.split_first()?;
        let width = usize::from(header >> 6) + 1;
        let count = unsigned_at(rest, 0, width)?;
        let rest = rest.get(width..)?;
        let (ends, names) = rest.split_at_checked(count.checked_add(1)?.checked_mul(width)?)?;
        let from = unsigned_at(ends, place, width)?;
        let to = unsigned_at(ends, place.checked_add(1)?, width)?;
        names.get(from..to)
    }
}

fn primitive(out: &mut Vec<u8>, type_: u8, rest: &[u8]) -> Option<()> {
    match type_ {
        NULL => out.extend_from_slice(b"null"),
        TRUE => out.extend_from_slice(b"true"),
        FALSE => out.extend_from_slice(b"false"),
        INT8 => json::integer(out, i8::from_le_bytes(*rest.first_chunk()?)),
        INT16 => json::integer(out, i16::from_le_bytes(*rest.first_chunk()?)),
        INT32 => json::integer(out, i32::from_le_bytes(*rest.first_chunk()?)),
        INT64 => json::integer(out, long(rest)?),
        DOUBLE => json::double(out, f64::from_le_bytes(*rest.first_chunk()?)),
        FLOAT => json::float(out, f32::from_le_bytes(*rest.first_chunk()?)),
        DECIMAL4 | DECIMAL8 | DECIMAL16 => {
            let (&scale, rest) = rest.split_first()?;
            let unscaled = match type_ {
                DECIMAL4 => i32::from_le_bytes(*rest.first_chunk()?).into(),
                DECIMAL8 => i64::from_le_bytes(*rest.first_chunk()?).into(),
                _ => i128::from_le_bytes(*rest.first_chunk()?),
            };
            let decimal = Decimal { unscaled: unscaled.into(), scale: scale.into() };
            let text = gantry_model::text::java_string(&Value::Decimal(decimal.into()));
            out.extend_from_slice(text.as_bytes());
        }
        DATE => {
            let days = i32::from_le_bytes(*rest.first_chunk()?);
            json::string(out, &temporal::date(days.into()));
        }
        TIMESTAMP_TZ => json::string(out, &temporal::instant(i128::from(long(rest)?) * 1000)),
        TIMESTAMP_NTZ => json::string(out, &temporal::local(i128::from(long(rest)?) * 1000)),
        NANOS_TZ => json::string(out, &temporal::instant(long(rest)?.into())),
        NANOS_NTZ => json::string(out, &temporal::local(long(rest)?.into())),
        TIME => json::string(out, &temporal::time(long(rest)?.checked_mul(1000)?)?),
        BINARY => json::bytes(out, long_piece(rest)?),
        LONG_TEXT => text(out, long_piece(rest)?)?,
        UUID => {
            let uuid = u128::from_be_bytes(*rest.first_chunk()?);
            let hex = format!("{uuid:032x}");
            let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
            let parts: Vec<&str> = parts.into_iter().filter_map(|part| hex.get(part)).collect();
            json::string(out, &parts.join("-"));
        }
        _ => return None,
    }
    Some(())
}

fn long(rest: &[u8]) -> Option<i64> {
    rest.first_chunk().map(|bytes| i64::from_le_bytes(*bytes))
}

fn long_piece(rest: &[u8]) -> Option<&[u8]> {
    rest.get(4..)?.get(..unsigned_at(rest, 0, 4)?)
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    json::string(out, &String::from_utf8_lossy(bytes));
    Some(())
}

/// The number at a place of a list.
fn unsigned_at(list: &[u8], place: usize, width: usize) -> Option<usize> {
    let bytes = list.get(place.checked_mul(width)?..)?.get(..width)?;
    Some(bytes.iter().rev().fold(0, |value, byte| value << 8 | usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use gantry_converters::jackson::{Nodes, Reader};

    use super::*;

    fn there_and_back(text: &str) -> String {
        let node = Reader::new(text, false).root(&Nodes).unwrap().unwrap();
        let (metadata, value) = read(&node).unwrap();
        let mut out = Vec::new();
        write(&mut out, &metadata, &value).unwrap();
        for length in 0..value.len() {
            let mut out = Vec::new();
            assert!(write(&mut out, &metadata, &value[..length]).is_err(), "{text} {length}");
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_makes_the_round_trip() {
        let long = format!("\"{}\"", "é".repeat(40));
        let many = format!("[{}]", vec!["1"; 300].join(","));
        for text in [
            "null",
            "true",
            "false",
            "1",
            "-2147483648",
            "9223372036854775807",
            "123456789012345678901234567890",
            "1.50",
            "-0.00000001",
            "12345678901234567.25",
            "\"\"",
            "\"a\"",
            &long,
            "[]",
            "[1,[2,{}],\"x\"]",
            &many,
            "{\"a\":{\"b\":1},\"b\":[{\"a\":null}]}",
        ] {
            let back = there_and_back(text);
            let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(same(&back), same(text));
        }
        // Fields are sorted; what no decimal holds is a double.
        assert_eq!(there_and_back("{\"b\":1,\"a\":2}"), "{\"a\":2,\"b\":1}");
        assert_eq!(there_and_back("1e300"), "1.0E300");
        assert_eq!(there_and_back("-1e10"), "-10000000000");
    }

    #[test]
    fn types_that_json_has_not() {
        let written = |value: &[u8]| {
            let mut out = Vec::new();
            write(&mut out, &[1, 0, 0], value).map(|()| String::from_utf8(out).unwrap())
        };
        let of = |type_: u8, bytes: &[u8]| [&[type_ << 2], bytes].concat();
        assert_eq!(written(&of(DATE, &19782i32.to_le_bytes())).unwrap(), "\"2024-02-29\"");
        assert_eq!(
            written(&of(TIMESTAMP_TZ, &(-1i64).to_le_bytes())).unwrap(),
            "\"1969-12-31T23:59:59.999999Z\""
        );
        assert_eq!(
            written(&of(NANOS_NTZ, &60_000_000_000i64.to_le_bytes())).unwrap(),
            "\"1970-01-01T00:01\""
        );
        assert_eq!(written(&of(TIME, &1_500_000i64.to_le_bytes())).unwrap(), "\"00:00:01.500\"");
        assert!(written(&of(TIME, &(-1i64).to_le_bytes())).is_err());
        assert_eq!(
            written(&of(UUID, &[0x12; 16])).unwrap(),
            "\"12121212-1212-1212-1212-121212121212\""
        );
        assert_eq!(written(&of(BINARY, &[2, 0, 0, 0, 0, 255])).unwrap(), "\"AP8=\"");
        assert_eq!(written(&of(FLOAT, &1.5f32.to_le_bytes())).unwrap(), "1.5");
        assert!(written(&of(60, &[0; 20])).is_err());
    }

    #[test]
    fn what_refers_to_itself_ends() {
        // Arrays of 200 elements that are all the same array of the next level.
        let mut value = vec![NULL << 2];
        for _ in 0..8 {
            let mut outer = vec![3 << 2 | 3, 200];
            (0..=200).for_each(|_| unsigned(&mut outer, 0, 4));
            outer.extend_from_slice(&value);
            value = outer;
        }
        let mut out = Vec::new();
        assert!(write(&mut out, &[1, 0, 0], &value).is_err());
        assert!(out.len() < 100_000);
    }

    #[test]
    fn depth_has_an_end() {
        // Each array holds the next one.
        let mut value = vec![NULL << 2];
        for _ in 0..=MAX_DEPTH {
            let mut outer = vec![2 << 2 | 3, 1];
            unsigned(&mut outer, 0, 3);
            unsigned(&mut outer, value.len(), 3);
            outer.extend_from_slice(&value);
            value = outer;
        }
        let mut out = Vec::new();
        assert!(write(&mut out, &[1, 0, 0], &value).is_err());
    }
}
