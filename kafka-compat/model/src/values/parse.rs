//! Reading text as the value that it most likely is.

use std::sync::Arc;

use num_traits::ToPrimitive;

use super::convert::convert_to;
use super::temporal::parse_temporal;
use super::token::Tokens;
use crate::decimal::Decimal;
use crate::error::{Error, Result};
use crate::logical;
use crate::schema::{Kind, Schema, SchemaBuilder};
use crate::text::{digit, is_blank, trim};
use crate::value::{Datum, MapValue, Value};

/// How deep lists and maps may stand in each other; deeper text stays text.
const MAX_DEPTH: usize = 512;
/// More digits than any 64-bit number has.
const LONG_DIGITS: usize = 20;

/// Reads text as the value it most likely is (`Values.parseString`): null, a boolean, a number
/// in its smallest type, a date, time or timestamp, a list, a map, or else the text itself.
pub fn parse_string(text: &str) -> Datum {
    parse(text).unwrap_or(Datum::NULL)
}

/// The same; `None` is the text `null`.
pub(super) fn parse(text: &str) -> Option<Datum> {
    if text.is_empty() {
        return Some(string(text));
    }
    let mut parser = Parser { tokens: Tokens::new(text), depth: 0 };
    // Only values inside of others can fail.
    parser.value(false).unwrap_or_else(|_| Some(string(text)))
}

fn string(text: &str) -> Datum {
    Datum::new(Schema::string(), Value::String(text.into()))
}

struct Parser<'a> {
    tokens: Tokens<'a>,
    depth: usize,
}

impl Parser<'_> {
    /// The next value; `None` for null. An embedded value that is nothing known is an error.
    fn value(&mut self, embedded: bool) -> Result<Option<Datum>> {
        if !self.tokens.has_next() {
            return Ok(None);
        }
        if embedded && self.tokens.accept("\"") {
            return Ok(Some(self.quoted()));
        }
        if self.literal("null", embedded) {
            return Ok(None);
        }
        for (word, flag) in [("true", true), ("false", false)] {
            if self.literal(word, embedded) {
                return Ok(Some(Datum::new(Schema::boolean(), Value::Boolean(flag))));
            }
        }
        let start = self.tokens.mark();
        if let Some(nested) = self.nested() {
            match nested {
                Ok(datum) => return Ok(Some(datum)),
                Err(_) => self.tokens.rewind(start),
            }
        }
        let token = self.tokens.take();
        if is_blank(token) {
            return Ok(Some(string(token)));
        }
        self.token(embedded, trim(token)).map(Some)
    }

    /// Takes a word. Outside of lists and maps it must be all that is left: `true}` is text.
    fn literal(&mut self, word: &str, embedded: bool) -> bool {
        let start = self.tokens.mark();
        if self.tokens.accept(word) && (embedded || !self.tokens.has_next()) {
            return true;
        }
        self.tokens.rewind(start);
        false
    }

    /// A list or a map, if one begins here.
    fn nested(&mut self) -> Option<Result<Datum>> {
        let list = self.tokens.accept("[");
        if !list && !self.tokens.accept("{") {
            return None;
        }
        if self.depth >= MAX_DEPTH {
            return Some(Err(Error::data("Lists and maps stand too deep in each other")));
        }
        self.depth += 1;
        let result = if list { self.list() } else { self.map() };
        self.depth -= 1;
        Some(result)
    }

    fn token(&mut self, embedded: bool, token: &str) -> Result<Datum> {
        let first = token.chars().next().unwrap_or_default();
        let is_digit = digit(first).is_some();
        if is_digit && let Some(datum) = self.temporal(token) {
            return Ok(datum);
        }
        if (is_digit || matches!(first, '+' | '-'))
            && let Ok(decimal) = token.parse()
        {
            return Ok(number(decimal));
        }
        if embedded {
            return Err(Error::data("Failed to parse embedded value"));
        }
        Ok(string(self.tokens.original()))
    }

    /// Colons split a time into five tokens: those are tried first.
    fn temporal(&mut self, token: &str) -> Option<Datum> {
        let start = self.tokens.mark();
        if let Some(rest) = self.tokens.take_many(4) {
            let together = format!("{token}{rest}");
            if let Some(datum) = parse_temporal(&together) {
                return Some(datum);
            }
        }
        self.tokens.rewind(start);
        parse_temporal(token)
    }

    fn quoted(&mut self) -> Datum {
        let mut content = String::new();
        // White space before the closing quote, or before any token, is lost, as in Kafka.
        while self.tokens.has_next() && !self.tokens.accept("\"") {
            content.push_str(self.tokens.take());
        }
        parse_temporal(&content)
            .unwrap_or_else(|| Datum::new(Schema::string(), Value::String(content.into())))
    }

    fn list(&mut self) -> Result<Datum> {
        let mut values = Vec::new();
        let mut common = Common::default();
        while self.tokens.has_next() {
            if self.tokens.accept("]") {
                let element = common.schema.unwrap_or_else(Schema::absent);
                align(&element, values.iter_mut())?;
                let schema = SchemaBuilder::new(Kind::Array(element)).build_plain();
                return Ok(Datum::new(schema, Value::array(values)));
            }
            if self.tokens.accept(",") {
                return Err(self.fault("Unable to parse an empty array element: "));
            }
            let element = self.value(true)?;
            values.push(common.merge(element));
            let mark = self.tokens.mark();
            if self.tokens.accept("]") {
                self.tokens.rewind(mark);
            } else if !self.tokens.accept(",") {
                return Err(Error::data("Array elements missing ',' delimiter"));
            }
        }
        Err(self.unfinished("Array", ']'))
    }

    fn map(&mut self) -> Result<Datum> {
        let mut entries = Vec::new();
        let (mut keys, mut values) = (Common::default(), Common::default());
        while self.tokens.has_next() {
            if self.tokens.accept("}") {
                return map_of(entries, keys, values);
            }
            if self.tokens.accept(",") {
                return Err(self.fault("Unable to parse a map entry with no key or value: "));
            }
            let key = self.value(true)?;
            if key.as_ref().is_none_or(|key| key.value.is_null()) {
                return Err(self.fault("Map entry may not have a null key: "));
            }
            if !self.tokens.accept(":") {
                return Err(self.fault("Map entry is missing ':' at "));
            }
            let value = self.value(true)?;
            self.tokens.accept(",");
            entries.push((keys.merge(key), values.merge(value)));
        }
        Err(self.unfinished("Map", '}'))
    }

    fn fault(&self, message: &str) -> Error {
        Error::data(format!("{message}{}", self.tokens.original()))
    }

    fn unfinished(&self, what: &str, end: char) -> Error {
        if self.tokens.previous() == Some(",") {
            Error::data(format!("{what} is missing element after ','"))
        } else {
            Error::data(format!("{what} is missing terminating '{end}'"))
        }
    }
}

fn map_of(entries: Vec<(Value, Value)>, keys: Common, values: Common) -> Result<Datum> {
    // Values that another one of the same key replaced need not fit.
    let mut entries = MapValue::from_entries(entries).into_entries();
    let has_keys = keys.schema.is_some();
    let key = keys.schema.unwrap_or_else(Schema::absent);
    // Without a type for the keys, the one of the values does not count either.
    let value = values.schema.filter(|_| has_keys).unwrap_or_else(Schema::absent);
    align(&key, entries.iter_mut().map(|(key, _)| key))?;
    align(&value, entries.iter_mut().map(|(_, value)| value))?;
    let schema = SchemaBuilder::new(Kind::Map { key, value }).build_plain();
    Ok(Datum::new(schema, Value::map(MapValue::from_entries(entries))))
}

/// Turns all values into the common type.
fn align<'a>(schema: &Schema, values: impl Iterator<Item = &'a mut Value>) -> Result<()> {
    if schema.is_absent() {
        return Ok(());
    }
    for value in values {
        *value = convert_to(schema, None, value)?;
    }
    Ok(())
}

/// The type that all elements seen so far have in common.
#[derive(Default)]
struct Common {
    schema: Option<Schema>,
    /// Once two elements had nothing in common, nothing that follows can mend it.
    mixed: bool,
}

impl Common {
    /// Takes one more element into account, and gives its value.
    fn merge(&mut self, element: Option<Datum>) -> Value {
        let Some(Datum { schema, value }) = element else { return Value::Null };
        if let Some(schema) = schema
            && !self.mixed
        {
            self.schema = match self.schema.take() {
                None => Some(schema),
                Some(previous) => merged(previous, schema),
            };
            self.mixed = self.schema.is_none();
        }
        value
    }
}

/// The wider of two number types; the type itself where both have the same.
fn merged(previous: Schema, new: Schema) -> Option<Schema> {
    if previous.kind().type_name() == new.kind().type_name() {
        if previous.is_optional() == new.is_optional() {
            return Some(if previous.is_optional() { previous } else { new });
        }
        return (previous == new).then_some(previous);
    }
    let (before, after) = (width(previous.kind())?, width(new.kind())?);
    Some(if after > before { new } else { previous })
}

fn width(kind: &Kind) -> Option<u8> {
    Some(match kind {
        Kind::Int8 => 0,
        Kind::Int16 => 1,
        Kind::Int32 => 2,
        Kind::Int64 => 3,
        Kind::Float32 => 4,
        Kind::Float64 => 5,
        _ => return None,
    })
}

/// The smallest type that holds a number: whole ones are integers even when written 1.0.
fn number(decimal: Decimal) -> Datum {
    if decimal.is_integer()
        && let Some(long) = decimal.to_integer(LONG_DIGITS).and_then(|whole| whole.to_i64())
    {
        return integer(long);
    }
    if decimal.scale != 0 {
        let float = decimal.float_value();
        if float.is_finite() {
            return Datum::new(Schema::float32(), Value::Float32(float));
        }
        let double = decimal.double_value();
        if double.is_finite() {
            return Datum::new(Schema::float64(), Value::Float64(double));
        }
    }
    let schema = logical::decimal(decimal.scale).build_plain();
    Datum::new(schema, Value::Decimal(Arc::new(decimal)))
}

fn integer(long: i64) -> Datum {
    if let Ok(n) = i8::try_from(long) {
        Datum::new(Schema::int8(), Value::Int8(n))
    } else if let Ok(n) = i16::try_from(long) {
        Datum::new(Schema::int16(), Value::Int16(n))
    } else if let Ok(n) = i32::try_from(long) {
        Datum::new(Schema::int32(), Value::Int32(n))
    } else {
        Datum::new(Schema::int64(), Value::Int64(long))
    }
}
