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
    /// What was found wrong first.
    fault: Option<Malformed>,
}

impl Reader {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes, at: 0, fault: None }
    }
    /// What is read from here on is zero; [`Reader::check`] tells of it, as does each method whose
    /// name is not quick. A `Result` for each value of a record would cost more than reading it.
    #[cold]
    pub(crate) fn fail(&mut self, what: &'static str) {
        let at = self.at;
        self.fault.get_or_insert(Malformed { at, what });
        self.at = self.bytes.len();
    }
    /// Whether all was right so far.
    pub(crate) fn check(&self) -> Result<(), Malformed> {
        self.fault.map_or(Ok(()), Err)
    }
    #[inline]
    fn quick<const N: usize>(&mut self) -> [u8; N] {
        match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>()) {
            Some(chunk) => {
                self.at += N;
                *chunk
            }
            None => {
                self.fail("it ends too soon");
                [0; N]
            }
        }
    }
    #[inline]
    pub(crate) fn quick_u8(&mut self) -> u8 {
        let [byte] = self.quick();
        byte
    }
    #[inline]
    pub(crate) fn quick_i16(&mut self) -> i16 {
        i16::from_le_bytes(self.quick())
    }
    #[inline]
    pub(crate) fn quick_i32(&mut self) -> i32 {
        i32::from_le_bytes(self.quick())
    }
    #[inline]
    pub(crate) fn quick_i64(&mut self) -> i64 {
        i64::from_le_bytes(self.quick())
    }
    /// A length or number of at most 32 bits, in 7 bits a byte.
    #[inline]
    pub(crate) fn quick_varint(&mut self) -> usize {
        match self.quick_u8() {
            first if first < 0x80 => first as usize,
            first => self.long_varint(first),
        }
    }
    fn long_varint(&mut self, first: u8) -> usize {
        let mut value = u64::from(first & 0x7f);
        for shift in [7, 14, 21, 28] {
            let byte = self.quick_u8();
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return usize::try_from(value).unwrap_or_else(|_| {
                    self.fail("a number is too large");
                    0
                });
            }
        }
        self.fail("a number is too long");
        0
    }
    /// How many items follow. Each takes at least a byte, so that no count makes room for more
    /// than the frame can hold.
    #[inline]
    pub(crate) fn quick_count(&mut self) -> usize {
        let count = self.quick_varint();
        if count <= self.bytes.len() - self.at {
            return count;
        }
        self.fail("it ends too soon");
        0
    }
    /// Bytes behind their length, borrowed.
    #[inline]
    pub(crate) fn quick_borrowed(&mut self) -> &[u8] {
        let length = self.quick_varint();
        self.quick_part(length)
    }
    #[inline]
    fn quick_part(&mut self, length: usize) -> &[u8] {
        let start = self.at;
        let end = start.saturating_add(length);
        if end > self.bytes.len() {
            self.fail("it ends too soon");
            return &[];
        }
        self.at = end;
        self.bytes.get(start..end).unwrap_or(&[])
    }
    /// The same as a slice of the frame.
    #[inline]
    pub(crate) fn quick_bytes(&mut self) -> Bytes {
        let length = self.quick_borrowed().len();
        self.bytes.slice(self.at - length..self.at)
    }
    /// Text of a value: a short one in place, a long one as a slice of the frame.
    #[inline]
    pub(crate) fn quick_text(&mut self) -> Text {
        let bytes = self.quick_borrowed();
        let length = bytes.len();
        let text = if length <= Text::SHORT_BYTES {
            std::str::from_utf8(bytes).ok().map(Text::from)
        } else {
            let slice = self.bytes.slice(self.at - length..self.at);
            ByteString::try_from(slice).ok().map(Text::from)
        };
        text.unwrap_or_else(|| {
            self.fail("text is no UTF-8");
            Text::new()
        })
    }
    pub(crate) fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { at: self.at, what }
    }
    /// What was read, if all was right so far.
    #[inline]
    fn checked<T>(&self, value: T) -> Result<T, Malformed> {
        self.check().map(|()| value)
    }
    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        let value = self.quick_u8();
        self.checked(value)
    }
    pub(crate) fn bool(&mut self) -> Result<bool, Malformed> {
        Ok(self.u8()? != 0)
    }
    pub(crate) fn i32(&mut self) -> Result<i32, Malformed> {
        let value = self.quick_i32();
        self.checked(value)
    }
    pub(crate) fn i64(&mut self) -> Result<i64, Malformed> {
        let value = self.quick_i64();
        self.checked(value)
    }
    pub(crate) fn varint(&mut self) -> Result<usize, Malformed> {
        let value = self.quick_varint();
        self.checked(value)
    }
    /// As [`Reader::quick_count`].
    pub(crate) fn count(&mut self) -> Result<usize, Malformed> {
        let count = self.quick_count();
        self.checked(count)
    }
    /// Bytes behind their length: a slice of the frame, which lives as long as the slice does.
    pub(crate) fn bytes(&mut self) -> Result<Bytes, Malformed> {
        let bytes = self.quick_bytes();
        self.checked(bytes)
    }
    fn text_of(&mut self, length: usize) -> Result<String, Malformed> {
        let text = std::str::from_utf8(self.quick_part(length)).map(str::to_owned);
        let text = text.unwrap_or_else(|_| {
            self.fail("text is no UTF-8");
            String::new()
        });
        self.checked(text)
    }
    pub(crate) fn str(&mut self) -> Result<String, Malformed> {
        let length = self.quick_varint();
        self.text_of(length)
    }
    pub(crate) fn optional_str(&mut self) -> Result<Option<String>, Malformed> {
        match self.varint()? {
            0 => Ok(None),
            length => self.text_of(length - 1).map(Some),
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
