//! Numbers and byte strings as they stand in the files: little endian, lengths as varints.

/// What is wrong with bytes that passed their checksum or stand outside of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Longest varint of 64 bits.
pub(crate) const VARINT_BYTES_MAX: usize = 10;

/// Appends a varint: seven bits a byte, low bits first.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes that [`put_varint`] takes for this value.
#[inline]
pub(crate) fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends a length and the bytes.
#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn u32_at(buf: &[u8], at: usize) -> Option<u32> {
    let bytes = buf.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

pub(crate) fn u64_at(buf: &[u8], at: usize) -> Option<u64> {
    let bytes = buf.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// Overwrites bytes at a place that exists; does nothing otherwise.
pub(crate) fn patch(buf: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = buf.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// Reads from front to back, never beyond the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    buf: &'a [u8],
    pos: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(buf: &'a [u8]) -> Self {
        Self { buf, pos: 0 }
    }

    /// Starts in the middle; positions count from the start of `buf`.
    pub(crate) fn at(buf: &'a [u8], pos: usize) -> Self {
        Self { buf, pos }
    }

    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    pub(crate) fn remaining(&self) -> usize {
        self.buf.len().saturating_sub(self.pos)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        let byte = *self.buf.get(self.pos).ok_or(Malformed("it ends too early"))?;
        self.pos += 1;
        Ok(byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        let value = u32_at(self.buf, self.pos).ok_or(Malformed("it ends too early"))?;
        self.pos += 4;
        Ok(value)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        let value = u64_at(self.buf, self.pos).ok_or(Malformed("it ends too early"))?;
        self.pos += 8;
        Ok(value)
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for i in 0..VARINT_BYTES_MAX {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if i == VARINT_BYTES_MAX - 1 && bits > 1 {
                return Err(Malformed("a number is too large"));
            }
            value |= bits << (7 * i);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed("a number is too long"))
    }

    /// A varint that counts things of which each takes at least `each` more bytes, so that a
    /// wrong count cannot ask for more memory than the input has bytes.
    pub(crate) fn count(&mut self, each: usize) -> Result<usize, Malformed> {
        let count = self.varint()?;
        let count = usize::try_from(count).map_err(|_| Malformed("a count is too large"))?;
        let fits = count.checked_mul(each).is_some_and(|bytes| bytes <= self.remaining());
        if fits { Ok(count) } else { Err(Malformed("a count exceeds what follows")) }
    }

    /// The range of that many bytes, skipped.
    #[inline]
    pub(crate) fn range(&mut self, len: usize) -> Result<std::ops::Range<usize>, Malformed> {
        if len > self.remaining() {
            return Err(Malformed("a length exceeds what follows"));
        }
        let start = self.pos;
        self.pos += len;
        Ok(start..self.pos)
    }

    /// The range of a length-prefixed byte string.
    #[inline]
    pub(crate) fn sized_range(&mut self) -> Result<std::ops::Range<usize>, Malformed> {
        let len = self.varint()?;
        let len = usize::try_from(len).map_err(|_| Malformed("a length is too large"))?;
        self.range(len)
    }

    /// A length-prefixed string.
    pub(crate) fn str(&mut self) -> Result<&'a str, Malformed> {
        let range = self.sized_range()?;
        let bytes = self.buf.get(range).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| Malformed("a name is not UTF-8"))
    }
}
