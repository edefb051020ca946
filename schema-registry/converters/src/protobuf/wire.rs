//! Numbers, tags and lengths as they stand in data.

use std::ops::Range;

use super::fault::{Fault, Outcome};

/// How a value is written: a number of any length.
pub(super) const VARINT: u32 = 0;
/// 8 bytes.
pub(super) const FIXED64: u32 = 1;
/// A length, and as many bytes.
pub(super) const LENGTH: u32 = 2;
const GROUP: u32 = 3;
const END_OF_GROUP: u32 = 4;
/// 4 bytes.
pub(super) const FIXED32: u32 = 5;

/// A number has so many bytes at most.
const MAX_VARINT: usize = 10;
/// Groups within groups are skipped down to this depth, as Java's reader does.
const MAX_GROUPS: usize = 100;

/// The tag of a field.
pub(super) fn tag(number: i32, wire: u32) -> u32 {
    number.cast_unsigned() << 3 | wire
}

/// A part of a payload that is read from its start to its end.
#[derive(Debug)]
pub(super) struct Input<'a> {
    payload: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Input<'a> {
    /// A part, which must lie in the payload.
    pub(super) fn new(payload: &'a [u8], part: Range<usize>) -> Self {
        Self { payload, at: part.start, end: part.end.min(payload.len()) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    #[inline]
    fn byte(&mut self) -> Outcome<u8> {
        if self.at < self.end
            && let Some(byte) = self.payload.get(self.at)
        {
            self.at += 1;
            return Ok(*byte);
        }
        Err(cut())
    }

    /// A number of up to 64 bits; what is beyond is cut off.
    #[inline]
    pub(super) fn varint(&mut self) -> Outcome<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        let mut value = u64::from(first & 0x7f);
        for at in 1..MAX_VARINT {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Fault::new("the data is malformed: a number has more than 10 bytes"))
    }

    /// The tag of the next field.
    #[inline]
    pub(super) fn tag(&mut self) -> Outcome<u32> {
        let tag = low_32(self.varint()?);
        if tag >> 3 == 0 {
            return Err(Fault::new("the data is malformed: a field has the number 0"));
        }
        Ok(tag)
    }

    #[inline]
    fn array<const COUNT: usize>(&mut self) -> Outcome<[u8; COUNT]> {
        let bytes = self.payload.get(self.at..self.end).and_then(|rest| rest.first_chunk());
        let bytes = *bytes.ok_or_else(cut)?;
        self.at += COUNT;
        Ok(bytes)
    }

    #[inline]
    pub(super) fn fixed32(&mut self) -> Outcome<u32> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    pub(super) fn fixed64(&mut self) -> Outcome<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A length, and where in the payload the bytes stand that have it.
    #[inline]
    pub(super) fn delimited(&mut self) -> Outcome<Range<usize>> {
        let length = self.varint()?;
        let left = self.end - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= left => {
                let start = self.at;
                self.at += length;
                Ok(start..self.at)
            }
            _ => Err(Fault::new(format!(
                "the data is cut off or malformed: {length} bytes are announced and {left} are left"
            ))),
        }
    }

    /// Passes over the value behind a tag.
    pub(super) fn skip(&mut self, tag: u32) -> Outcome<()> {
        // The groups that are open, as their numbers.
        let mut open: Vec<u32> = Vec::new();
        let mut tag = tag;
        loop {
            match tag & 7 {
                VARINT => {
                    self.varint()?;
                }
                FIXED64 => {
                    self.array::<8>()?;
                }
                LENGTH => {
                    self.delimited()?;
                }
                FIXED32 => {
                    self.array::<4>()?;
                }
                GROUP if open.len() < MAX_GROUPS => open.push(tag >> 3),
                GROUP => return Err(Fault::new("the data has more than 100 groups in each other")),
                END_OF_GROUP if open.pop() == Some(tag >> 3) => {}
                END_OF_GROUP => {
                    let reason = "the data is malformed: a group ends that did not begin";
                    return Err(Fault::new(reason));
                }
                wire => {
                    let reason = format!("the data is malformed: there is no wire type {wire}");
                    return Err(Fault::new(reason));
                }
            }
            if open.is_empty() {
                return Ok(());
            }
            tag = self.tag()?;
        }
    }
}

#[cold]
fn cut() -> Fault {
    Fault::new("the data ends in the middle of a value")
}

/// The lower half of a number.
#[expect(clippy::cast_possible_truncation, reason = "this is what it is for")]
pub(super) fn low_32(value: u64) -> u32 {
    value as u32
}

/// Appends a number.
#[inline]
pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends the length of what `write` appends, and that.
pub(super) fn put_delimited(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Outcome<()>,
) -> Outcome<()> {
    let at = out.len();
    // Mostly one byte is enough for the length.
    out.push(0);
    write(out)?;
    let length = out.len() - at - 1;
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => {
            if let Some(place) = out.get_mut(at) {
                *place = short;
            }
        }
        _ => {
            let mut prefix = Vec::with_capacity(MAX_VARINT);
            put_varint(length as u64, &mut prefix);
            out.splice(at..=at, prefix);
        }
    }
    Ok(())
}

/// Appends bytes behind their length.
#[inline]
pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// A signed number so that small ones are short.
#[inline]
pub(super) fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

/// The signed number that was written so.
#[inline]
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(bytes: &[u8]) -> Input<'_> {
        Input::new(bytes, 0..bytes.len())
    }

    #[test]
    fn numbers_there_and_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(value, &mut bytes);
            let mut input = input(&bytes);
            assert_eq!((input.varint().unwrap(), input.is_empty()), (value, true));
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
        assert!(input(&[0x80; 11]).varint().is_err());
        assert!(input(&[0x80]).varint().is_err());
        assert!(input(&[1, 2, 3]).fixed32().is_err());
    }

    #[test]
    fn lengths_are_held_against_what_is_there() {
        let mut long = Vec::new();
        put_delimited(&mut long, |out| {
            out.resize(301, 7);
            Ok(())
        })
        .unwrap();
        assert_eq!(long.len(), 302);
        assert_eq!(input(&long).delimited().unwrap(), 2..302);
        assert!(input(&long[..301]).delimited().is_err());
        assert!(
            input(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).delimited().is_err()
        );
    }

    #[test]
    fn what_is_unknown_is_skipped() {
        // A group with the number 1 that has another one, with the number 2, in it.
        let group = [0x0b, 0x10, 0x05, 0x13, 0x0a, 1, b'x', 0x14, 0x0c, 0x08];
        let mut reader = input(&group);
        let tag = reader.tag().unwrap();
        reader.skip(tag).unwrap();
        assert_eq!(reader.at, group.len() - 1);
        for wrong in [&[0x0b, 0x14][..], &[0x0c], &[0x0e], &[0x0b], &[0x09, 1], &[0x00]] {
            let mut reader = input(wrong);
            assert!(reader.tag().and_then(|tag| reader.skip(tag)).is_err(), "{wrong:?}");
        }
        assert!(input(&[0x0b; 200]).skip(0x0b).is_err());
    }
}
