//! Reading the pieces that frames are made of. What comes from Java is trusted no further than
//! input is: a frame that ends too soon is an error, never a panic.

use std::collections::BTreeMap;

use bytes::Bytes;
use gantry_api::{ByteString, Error, Props, Text, TopicPartition};

/// A frame that is not as the protocol says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Java side of the bridge sent a frame that is malformed at byte {at}: {what}")]
pub(crate) struct Malformed {
    at: usize,
    what: &'static str,
}

impl From<Malformed> for Error {
    fn from(error: Malformed) -> Self {
        Self::connect(error.to_string())
    }
}

/// A frame that is being read.
#[derive(Debug)]
pub(crate) struct Reader {
    bytes: Bytes,
    at: usize,
}

impl Reader {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes, at: 0 }
    }
    pub(crate) fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { at: self.at, what }
    }
    fn take(&mut self, length: usize) -> Result<&[u8], Malformed> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or(Malformed { at: self.at, what: "it ends too soon" })?;
        let start = std::mem::replace(&mut self.at, end);
        self.bytes.get(start..end).ok_or(Malformed { at: start, what: "it ends too soon" })
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }
    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        match self.bytes.get(self.at) {
            Some(&byte) => {
                self.at += 1;
                Ok(byte)
            }
            None => Err(self.malformed("it ends too soon")),
        }
    }
    pub(crate) fn bool(&mut self) -> Result<bool, Malformed> {
        Ok(self.u8()? != 0)
    }
    pub(crate) fn i16(&mut self) -> Result<i16, Malformed> {
        Ok(i16::from_le_bytes(self.array()?))
    }
    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        Ok(i32::from_le_bytes(self.array()?))
    }
    pub(crate) fn i64(&mut self) -> Result<i64, Malformed> {
        Ok(i64::from_le_bytes(self.array()?))
    }
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<usize, Malformed> {
        let first = self.u8()?;
        if first < 0x80 {
            return Ok(first as usize);
        }
        let mut value = u64::from(first & 0x7f);
        for shift in [7, 14, 21, 28] {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return usize::try_from(value).map_err(|_| self.malformed("a number is too large"));
            }
        }
        Err(self.malformed("a number is too long"))
    }
    /// How many items follow. Each takes at least a byte, so that no count makes room for more
    /// than the frame can hold.
    pub(crate) fn count(&mut self) -> Result<usize, Malformed> {
        let count = self.varint()?;
        match count <= self.bytes.len() - self.at {
            true => Ok(count),
            false => Err(self.malformed("it ends too soon")),
        }
    }
    /// A slice of the frame, which lives as long as the slice does.
    pub(crate) fn bytes(&mut self) -> Result<Bytes, Malformed> {
        let length = self.varint()?;
        self.slice(length)
    }
    pub(crate) fn slice(&mut self, length: usize) -> Result<Bytes, Malformed> {
        let start = self.at;
        self.take(length)?;
        Ok(self.bytes.slice(start..self.at))
    }
    fn text_of(&mut self, length: usize) -> Result<&str, Malformed> {
        let at = self.at;
        std::str::from_utf8(self.take(length)?)
            .map_err(|_| Malformed { at, what: "text is no UTF-8" })
    }
    pub(crate) fn str(&mut self) -> Result<String, Malformed> {
        let length = self.varint()?;
        self.text_of(length).map(str::to_owned)
    }
    /// Text of a value: a short one in place, a long one as a slice of the frame.
    #[inline]
    pub(crate) fn text(&mut self) -> Result<Text, Malformed> {
        let length = self.varint()?;
        if length <= Text::SHORT_BYTES {
            return self.text_of(length).map(Text::from);
        }
        let slice = self.slice(length)?;
        let text = ByteString::try_from(slice).map_err(|_| self.malformed("text is no UTF-8"))?;
        Ok(Text::from(text))
    }
    pub(crate) fn optional_str(&mut self) -> Result<Option<String>, Malformed> {
        match self.varint()? {
            0 => Ok(None),
            length => self.text_of(length - 1).map(|text| Some(text.to_owned())),
        }
    }
    pub(crate) fn nullable_bytes(&mut self) -> Result<Option<Bytes>, Malformed> {
        if self.bool()? { Ok(None) } else { self.bytes().map(Some) }
    }
    pub(crate) fn strings(&mut self) -> Result<Vec<String>, Malformed> {
        let count = self.count()?;
        (0..count).map(|_| self.str()).collect()
    }
    /// Properties; those that are null are left out, as our maps have no nulls.
    pub(crate) fn props(&mut self) -> Result<Props, Malformed> {
        let count = self.count()?;
        let mut props = Props::new();
        for _ in 0..count {
            let key = self.str()?;
            if let Some(value) = self.optional_str()? {
                props.insert(key, value);
            }
        }
        Ok(props)
    }
    pub(crate) fn queue(&mut self) -> Result<TopicPartition, Malformed> {
        let topic = self.str()?;
        let partition = self.i32()?;
        let partition =
            u32::try_from(partition).map_err(|_| self.malformed("a queue is negative"))?;
        Ok(TopicPartition::new(topic, partition))
    }
    pub(crate) fn queues(&mut self) -> Result<Vec<TopicPartition>, Malformed> {
        let count = self.count()?;
        (0..count).map(|_| self.queue()).collect()
    }
    /// Offsets by queue. Negative ones are left out.
    pub(crate) fn offsets(&mut self) -> Result<BTreeMap<TopicPartition, u64>, Malformed> {
        let count = self.count()?;
        let mut offsets = BTreeMap::new();
        for _ in 0..count {
            let queue = self.queue()?;
            if let Ok(offset) = u64::try_from(self.i64()?) {
                offsets.insert(queue, offset);
            }
        }
        Ok(offsets)
    }
}
