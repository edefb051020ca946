//! Writing the pieces that frames are made of.

use std::collections::BTreeMap;

use gantry_api::{Props, TopicPartition};

/// A frame that is being written. Little endian.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self::default()
    }
    /// With room for so many bytes: a frame that grows is copied again and again.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }
    /// A tag and 32 bits behind it, with one look at the room.
    #[inline]
    pub(crate) fn tagged_i32(&mut self, tag: u8, value: i32) -> &mut Self {
        let [a, b, c, d] = value.to_le_bytes();
        self.raw(&[tag, a, b, c, d])
    }
    /// A tag and 64 bits behind it, with one look at the room.
    #[inline]
    pub(crate) fn tagged_i64(&mut self, tag: u8, value: i64) -> &mut Self {
        let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
        self.raw(&[tag, a, b, c, d, e, f, g, h])
    }
    /// Forgets what was written, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
    #[inline]
    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes.push(value);
        self
    }
    pub(crate) fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(u8::from(value))
    }
    pub(crate) fn i16(&mut self, value: i16) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }
    #[inline]
    pub(crate) fn i32(&mut self, value: i32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }
    #[inline]
    pub(crate) fn i64(&mut self, value: i64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }
    #[inline]
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }
    /// A length or number of at most 32 bits, in 7 bits a byte.
    #[inline]
    pub(crate) fn varint(&mut self, value: usize) -> &mut Self {
        if value < 0x80 {
            return self.u8(value as u8);
        }
        let mut rest = value as u32;
        debug_assert_eq!(rest as usize, value, "a frame is smaller than 4 GiB");
        while rest >= 0x80 {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
        self
    }
    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.varint(bytes.len()).raw(bytes)
    }
    #[inline]
    pub(crate) fn str(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }
    pub(crate) fn optional_str(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            None => self.varint(0),
            Some(text) => self.varint(text.len() + 1).raw(text.as_bytes()),
        }
    }
    /// Bytes behind a mark that is 1 where there are none.
    pub(crate) fn nullable_bytes(&mut self, bytes: Option<&[u8]>) -> &mut Self {
        match bytes {
            None => self.u8(1),
            Some(bytes) => self.u8(0).bytes(bytes),
        }
    }
    pub(crate) fn props(&mut self, props: &Props) -> &mut Self {
        self.varint(props.len());
        for (key, value) in props {
            self.str(key).optional_str(Some(value));
        }
        self
    }
    pub(crate) fn queue(&mut self, queue: &TopicPartition) -> &mut Self {
        self.str(&queue.topic).i32(i32::try_from(queue.partition).unwrap_or(i32::MAX))
    }
    pub(crate) fn queues<'a>(
        &mut self,
        queues: impl ExactSizeIterator<Item = &'a TopicPartition>,
    ) -> &mut Self {
        self.varint(queues.len());
        for queue in queues {
            self.queue(queue);
        }
        self
    }
    pub(crate) fn offsets(&mut self, offsets: &BTreeMap<TopicPartition, u64>) -> &mut Self {
        self.varint(offsets.len());
        for (queue, &offset) in offsets {
            self.queue(queue).i64(i64::try_from(offset).unwrap_or(i64::MAX));
        }
        self
    }
}
