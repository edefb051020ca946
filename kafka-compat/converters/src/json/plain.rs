//! Reading a document without schema straight into Connect's values.
//!
//! Each value is made where it stays: moving values through calls would cost more than reading
//! them.

use bytestring::ByteString;
use gantry_model::{Text, Value};

use super::map::MapBuilder;
use super::names::{Names, Place};
use super::node::{schemaless_number, slice};
use super::reader::{Parsed, Reader, Usual};

/// Reads one document, or the payload of one.
pub(crate) struct Plain<'a, 'n> {
    /// What is read: long strings become slices of it.
    source: &'a ByteString,
    /// Room for the fields of the outermost object, which is met first.
    room: usize,
    names: &'n mut Names,
}

impl<'a, 'n> Plain<'a, 'n> {
    /// Expects `room` fields in the outermost object.
    pub(crate) fn new(source: &'a ByteString, room: usize, names: &'n mut Names) -> Self {
        names.begin();
        Self { source, room, names }
    }

    /// The value at which a reader of the source stands.
    pub(crate) fn value(mut self, reader: &mut Reader<'a>) -> Parsed<Value> {
        let mut value = Value::Null;
        self.read(reader, &mut value)?;
        Ok(value)
    }

    #[inline]
    fn read(&mut self, reader: &mut Reader<'a>, slot: &mut Value) -> Parsed<()> {
        match reader.token()? {
            b'"' => {
                *slot = Value::String(slice(self.source, &reader.string()?));
            }
            b'-' | b'0'..=b'9' => {
                *slot = match reader.usual_number() {
                    Some(Usual::Whole(number)) => Value::Int64(number),
                    Some(Usual::Decimal(number)) => Value::Float64(number),
                    None => schemaless_number(reader.number()?),
                }
            }
            b'{' => self.object(reader, slot)?,
            b'[' => self.array(reader, slot)?,
            b'n' => {
                reader.literal("null")?;
                *slot = Value::Null;
            }
            b't' => {
                reader.literal("true")?;
                *slot = Value::Boolean(true);
            }
            b'f' => {
                reader.literal("false")?;
                *slot = Value::Boolean(false);
            }
            _ => return Err(reader.no_value()),
        }
        Ok(())
    }

    #[inline(never)]
    fn array(&mut self, reader: &mut Reader<'a>, slot: &mut Value) -> Parsed<()> {
        let mut list = Vec::new();
        let mut more = reader.open_array()?;
        while more {
            list.push(Value::Null);
            if let Some(last) = list.last_mut() {
                self.read(reader, last)?;
            }
            more = reader.next_element()?;
        }
        *slot = Value::array(list);
        Ok(())
    }

    #[inline(never)]
    fn object(&mut self, reader: &mut Reader<'a>, slot: &mut Value) -> Parsed<()> {
        let mut map = MapBuilder::with_capacity(std::mem::take(&mut self.room));
        let mut more = reader.open_object()?;
        while more {
            let (place, name) = self.name(reader)?;
            self.read(reader, map.slot(place, name))?;
            more = reader.next_field()?;
        }
        *slot = map.build();
        Ok(())
    }

    #[inline]
    fn name(&mut self, reader: &mut Reader<'a>) -> Parsed<(Option<Place>, Text)> {
        reader.token()?;
        if let Some((place, name, length)) = self.names.expected(reader.rest()) {
            reader.skip(length);
            return Ok((Some(place), name));
        }
        let name = reader.name()?;
        Ok(match self.names.place(&name) {
            Some((place, name)) => (Some(place), name),
            None => (None, slice(self.source, &name)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_strings_without_escapes_are_slices() {
        let source = ByteString::from(
            r#"{"name":["plain, and more than thirty-two bytes","an escape,\n and more than thirty-two"]}"#,
        );
        let mut names = Names::default();
        let plain = Plain::new(&source, 0, &mut names);
        let value = plain.value(&mut Reader::new(&source, false)).unwrap();
        let Value::Map(map) = &value else { panic!("no map") };
        let Some(Value::Array(list)) = map.get("name") else { panic!("no list") };
        let (Value::String(plain), Value::String(escaped)) = (&list[0], &list[1]) else {
            panic!("no strings")
        };
        let range = source.as_bytes().as_ptr_range();
        assert!(range.contains(&plain.as_bytes().as_ptr()));
        assert!(!range.contains(&escaped.as_bytes().as_ptr()));
        assert_eq!(escaped, "an escape,\n and more than thirty-two");
    }
}
