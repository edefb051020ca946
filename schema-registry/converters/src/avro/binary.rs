//! Avro's binary form of single values.

use bytes::Bytes;
use bytestring::ByteString;
use gantry_model::{Text, Value};

use super::fault::{Fault, Result};

/// No more bytes make a number.
const MAX_INT_BYTES: usize = 5;
const MAX_LONG_BYTES: usize = 10;

/// Items that take no bytes at all (records without fields) come in any number: so many values
/// are read from one payload for them.
const MAX_EMPTY_VALUES: u64 = 100_000;

/// No room is made for more items than these before they are read.
const MAX_EXPECTED: usize = 1024;

#[cold]
fn truncated<T>(what: &str) -> Result<T> {
    Err(Fault::new(format!("the bytes end within {what}")))
}

/// What an item takes at least.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// In the payload.
    pub(super) bytes: usize,
    /// When it was read: itself, and what it holds.
    pub(super) values: u64,
}

impl std::ops::Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            values: self.values.saturating_add(other.values),
        }
    }
}

/// A payload that is being read.
pub(super) struct Input<'a> {
    payload: &'a Bytes,
    rest: &'a [u8],
    empty_values: u64,
    /// How deep in values that hold others without a limit of the schema.
    pub(super) depth: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(payload: &'a Bytes) -> Self {
        Self { payload, rest: payload, empty_values: 0, depth: 0 }
    }

    /// How many bytes are not read yet.
    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn byte(&mut self, what: &str) -> Result<u8> {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                Ok(*first)
            }
            None => truncated(what),
        }
    }

    /// As Java, which takes anything but 1 for false.
    #[inline]
    pub(super) fn boolean(&mut self) -> Result<bool> {
        Ok(self.byte("a boolean")? == 1)
    }

    #[inline]
    pub(super) fn int(&mut self) -> Result<i32> {
        if let Some((&first, rest)) = self.rest.split_first()
            && first < 0x80
        {
            self.rest = rest;
            return Ok(unzigzag_int(u32::from(first)));
        }
        // Bits beyond the 32nd do not count, as in Java.
        self.number(MAX_INT_BYTES, "an int").map(|n| unzigzag_int(n as u32))
    }

    #[inline]
    pub(super) fn long(&mut self) -> Result<i64> {
        if let Some((&first, rest)) = self.rest.split_first()
            && first < 0x80
        {
            self.rest = rest;
            return Ok(unzigzag(u64::from(first)));
        }
        self.number(MAX_LONG_BYTES, "a long").map(unzigzag)
    }

    fn number(&mut self, max: usize, what: &str) -> Result<u64> {
        let mut value = 0_u64;
        for (at, &byte) in self.rest.iter().take(max).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        if self.rest.len() < max {
            return truncated(what);
        }
        Err(Fault::new(format!("{what} is longer than {max} bytes")))
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        match self.rest.split_first_chunk::<N>() {
            Some((first, rest)) => {
                self.rest = rest;
                Ok(*first)
            }
            None => truncated(what),
        }
    }

    #[inline]
    pub(super) fn float(&mut self) -> Result<f32> {
        self.array("a float").map(f32::from_le_bytes)
    }

    #[inline]
    pub(super) fn double(&mut self) -> Result<f64> {
        self.array("a double").map(f64::from_le_bytes)
    }

    /// So many bytes.
    pub(super) fn raw(&mut self, length: usize, what: &str) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(length) {
            Some((first, rest)) => {
                self.rest = rest;
                Ok(first)
            }
            None => truncated(what),
        }
    }

    /// Bytes with their length before them.
    #[inline]
    pub(super) fn sized(&mut self, what: &str) -> Result<&'a [u8]> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) => self.raw(length, what),
            Err(_) => Err(Fault::new(format!("{what} has the length {length}"))),
        }
    }

    /// A part of the payload.
    pub(super) fn share(&self, part: &[u8]) -> Bytes {
        self.payload.slice_ref(part)
    }

    /// A text, read into its place: short ones are copied, others a part of the payload.
    #[inline]
    pub(super) fn text(&mut self, place: &mut Value) -> Result<()> {
        let bytes = self.sized("a string")?;
        if bytes.len() <= Text::SHORT_BYTES {
            match simdutf8::basic::from_utf8(bytes) {
                Ok(text) => place.set_str(text),
                Err(_) => return no_text(bytes),
            }
            return Ok(());
        }
        match ByteString::try_from(self.share(bytes)) {
            Ok(text) => *place = Value::String(Text::from(text)),
            Err(_) => return no_text(bytes),
        }
        Ok(())
    }

    /// How many items come next in a list or map, none behind the last.
    pub(super) fn block(&mut self, item: Size) -> Result<Option<usize>> {
        let mut count = self.long()?;
        if count == 0 {
            return Ok(None);
        }
        if count < 0 {
            // The size in bytes follows, for readers that skip.
            self.long()?;
            count = match count.checked_neg() {
                Some(count) => count,
                None => return Err(Fault::new(format!("a block has {count} items"))),
            };
        }
        let count = count.unsigned_abs();
        let fits = match self.remaining().checked_div(item.bytes) {
            Some(max) => count <= max as u64,
            None => {
                let values = count.saturating_mul(item.values);
                self.empty_values = self.empty_values.saturating_add(values);
                self.empty_values <= MAX_EMPTY_VALUES
            }
        };
        match usize::try_from(count) {
            Ok(items) if fits => Ok(Some(items)),
            _ if item.bytes == 0 => Err(Fault::new(format!(
                "items without bytes hold more than {MAX_EMPTY_VALUES} values"
            ))),
            _ => Err(Fault::new(format!("{count} items do not fit into the bytes that are left"))),
        }
    }
}

#[cold]
fn no_text(bytes: &[u8]) -> Result<()> {
    let at = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    Err(Fault::new(format!("a string of {} bytes is no UTF-8 at byte {at}", bytes.len())))
}

/// Room for that many items, or for the first of many.
pub(super) fn room(items: usize) -> usize {
    items.min(MAX_EXPECTED)
}

fn unzigzag_int(n: u32) -> i32 {
    (n >> 1).cast_signed() ^ -(n & 1).cast_signed()
}

fn unzigzag(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ -(n & 1).cast_signed()
}

/// Appends an int or a long, which look the same.
#[inline]
pub(super) fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Appends bytes with their length before them.
#[inline]
pub(super) fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        for value in [0, 1, -1, 63, 64, -64, -65, 300, i64::from(i32::MIN), i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_long(&mut out, value);
            let bytes = Bytes::from(out);
            assert_eq!(Input::new(&bytes).long().unwrap(), value);
            if let Ok(int) = i32::try_from(value) {
                assert_eq!(Input::new(&bytes).int().unwrap(), int);
            }
            for cut in 0..bytes.len() {
                let part = bytes.slice(..cut);
                assert!(Input::new(&part).long().is_err());
                assert!(Input::new(&part).int().is_err());
            }
        }
        let long = Bytes::from_static(&[0xff; 11]);
        assert!(Input::new(&long).int().is_err() && Input::new(&long).long().is_err());
    }

    #[test]
    fn counts_have_the_limit_of_the_bytes() {
        let block = |count: i64, rest: usize, least| {
            let mut out = Vec::new();
            put_long(&mut out, count);
            out.extend(vec![0; rest]);
            let bytes = Bytes::from(out);
            let mut input = Input::new(&bytes);
            input.block(Size { bytes: least, values: 2 }).ok().flatten()
        };
        assert_eq!(block(3, 6, 2), Some(3));
        assert_eq!(block(4, 6, 2), None);
        assert_eq!(block(-3, 7, 2), Some(3), "a size stands behind a negative count");
        assert_eq!(block(i64::MIN, 100, 1), None);
        assert_eq!(block(1 << 60, 100, 0), None);
        assert_eq!(block(50_000, 0, 0), Some(50_000));
        assert_eq!(block(50_001, 0, 0), None);
    }
}
