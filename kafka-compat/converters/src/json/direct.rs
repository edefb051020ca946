//! Reading a payload straight into the values of its schema, without a tree.
//!
//! Gives up, without saying why, at whatever is not plainly right: the caller then reads the same
//! text through [`super::convert`].

use bytes::Bytes;
use bytestring::ByteString;
use gantry_model::logical::{self, Logical};
use gantry_model::{Fields, Kind, Schema, Struct, Value};

use super::base64;
use super::convert::null_of;
use super::map::MapBuilder;
use super::node::slice;
use super::reader::Reader;

/// Reads one payload.
pub(crate) struct Direct<'r, 'a> {
    pub(crate) reader: &'r mut Reader<'a>,
    pub(crate) source: &'a ByteString,
    pub(crate) replace_null_with_default: bool,
}

impl Direct<'_, '_> {
    /// The value that stands here; `None` to give up.
    pub(crate) fn value(&mut self, schema: &Schema) -> Option<Value> {
        let first = self.reader.token().ok()?;
        if first == b'n' {
            self.reader.literal("null").ok()?;
            return null_of(schema, self.replace_null_with_default).ok();
        }
        if schema.name().is_some()
            && let Some(logical) = Logical::of(schema)
        {
            return self.logical(logical, schema, first);
        }
        match (schema.kind(), first) {
            (Kind::String, b'"') => {
                let text = self.reader.string().ok()?;
                Some(Value::String(slice(self.source, &text)))
            }
            (Kind::Bytes, b'"') => self.bytes().map(Value::Bytes),
            (Kind::Boolean, b't') => {
                self.reader.literal("true").ok().map(|()| Value::Boolean(true))
            }
            (Kind::Boolean, b'f') => {
                self.reader.literal("false").ok().map(|()| Value::Boolean(false))
            }
            (Kind::Struct(fields), b'{') => self.structure(schema, fields),
            (Kind::Array(element), b'[') => self.array(element),
            (Kind::Map { key, value }, b'{')
                if *key.kind() == Kind::String && Logical::of(key).is_none() =>
            {
                self.object(value)
            }
            (Kind::Map { key, value }, b'[') if *key.kind() != Kind::String => {
                self.pairs(key, value)
            }
            (kind, b'-' | b'0'..=b'9') => self.number(kind),
            _ => None,
        }
    }

    fn number(&mut self, kind: &Kind) -> Option<Value> {
        let number = self.reader.number().ok()?;
        Some(match kind {
            Kind::Int8 => Value::Int8(number.to_i64() as i8),
            Kind::Int16 => Value::Int16(number.to_i64() as i16),
            Kind::Int32 => Value::Int32(number.to_i64() as i32),
            Kind::Int64 => Value::Int64(number.to_i64()),
            Kind::Float32 => Value::Float32(number.to_f32()),
            Kind::Float64 => Value::Float64(number.to_f64()),
            _ => return None,
        })
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let text = self.reader.string().ok()?;
        base64::decode(&text).ok().map(Bytes::from)
    }

    fn logical(&mut self, logical: Logical, schema: &Schema, first: u8) -> Option<Value> {
        let number = first != b'"';
        match (logical, schema.kind()) {
            (Logical::Decimal, Kind::Bytes) if number => {
                let number = self.reader.number().ok()?;
                Some(Value::Decimal(number.to_decimal().into()))
            }
            (Logical::Decimal, Kind::Bytes) => {
                let decimal = logical::decimal_to_logical(schema, &self.bytes()?).ok()?;
                Some(Value::Decimal(decimal.into()))
            }
            (Logical::Date | Logical::Time, Kind::Int32) if number => {
                let number = self.reader.number().ok().filter(|n| n.is_int())?;
                let int = number.to_i64() as i32;
                let ms = match logical {
                    Logical::Date => logical::date_to_logical(schema, int),
                    _ => logical::time_to_logical(schema, int),
                };
                ms.ok().map(Value::Date)
            }
            (Logical::Timestamp, Kind::Int64) if number => {
                let number = self.reader.number().ok().filter(|n| n.is_integral())?;
                logical::timestamp_to_logical(schema, number.to_i64()).ok().map(Value::Date)
            }
            _ => None,
        }
    }

    fn structure(&mut self, schema: &Schema, fields: &Fields) -> Option<Value> {
        let list = fields.list();
        let mut values: Vec<Option<Value>> = vec![None; list.len()];
        let mut next = 0;
        let mut more = self.reader.open_object().ok()?;
        while more {
            let name = self.reader.name().ok()?;
            // Fields mostly stand in the order of the schema.
            let expected = list.get(next).filter(|field| *field.name == *name);
            match expected.or_else(|| fields.get(&name)) {
                Some(field) => {
                    let value = self.value(&field.schema)?;
                    *values.get_mut(field.index)? = Some(value);
                    next = field.index + 1;
                }
                None => self.reader.value(&super::reader::Skip).ok()?,
            }
            more = self.reader.next_field().ok()?;
        }
        let replace = self.replace_null_with_default;
        // Enumerating keeps the memory of the list, which zipping would not.
        let values: Option<Vec<Value>> = values
            .into_iter()
            .enumerate()
            .map(|(at, value)| value.or_else(|| null_of(&list.get(at)?.schema, replace).ok()))
            .collect();
        Some(Value::Struct(Struct::from_values(schema.clone(), values?).into()))
    }

    fn array(&mut self, element: &Schema) -> Option<Value> {
        let mut list = Vec::new();
        let mut more = self.reader.open_array().ok()?;
        while more {
            list.push(self.value(element)?);
            more = self.reader.next_element().ok()?;
        }
        Some(Value::array(list))
    }

    fn object(&mut self, value: &Schema) -> Option<Value> {
        let mut map = MapBuilder::default();
        let mut more = self.reader.open_object().ok()?;
        while more {
            let name = self.reader.name().ok()?;
            let value = self.value(value)?;
            map.insert(Value::String(slice(self.source, &name)), value);
            more = self.reader.next_field().ok()?;
        }
        Some(map.build())
    }

    fn pairs(&mut self, key: &Schema, value: &Schema) -> Option<Value> {
        let mut map = MapBuilder::default();
        let mut more = self.reader.open_array().ok()?;
        while more {
            if self.reader.token().ok()? != b'[' || !self.reader.open_array().ok()? {
                return None;
            }
            let first = self.value(key)?;
            if !self.reader.next_element().ok()? {
                return None;
            }
            let second = self.value(value)?;
            if self.reader.next_element().ok()? {
                return None;
            }
            map.insert(first, second);
            more = self.reader.next_element().ok()?;
        }
        Some(map.build())
    }
}
