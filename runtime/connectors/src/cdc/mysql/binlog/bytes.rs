//! Numbers and texts in events.

use super::{Broken, Decoded};

/// Bytes of an event that are being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
    pub(super) fn take(&mut self, count: usize) -> Decoded<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Broken("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }
    /// What is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
    pub(super) fn byte(&mut self) -> Decoded<u8> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }
    /// A whole number of so many bytes, the lowest first.
    pub(super) fn low(&mut self, count: usize) -> Decoded<u64> {
        Ok(self.take(count)?.iter().rev().fold(0, |all, byte| (all << 8) | u64::from(*byte)))
    }
    /// The same, with a sign.
    pub(super) fn signed(&mut self, count: usize) -> Decoded<i64> {
        let shift = 64 - 8 * u32::try_from(count.clamp(1, 8)).unwrap_or(8);
        Ok((self.low(count)?.cast_signed() << shift) >> shift)
    }
    /// A whole number of so many bytes, the highest first.
    pub(super) fn high(&mut self, count: usize) -> Decoded<u64> {
        Ok(self.take(count)?.iter().fold(0, |all, byte| (all << 8) | u64::from(*byte)))
    }
    /// A whole number that says itself how long it is.
    pub(super) fn packed(&mut self) -> Decoded<u64> {
        match self.byte()? {
            small @ 0..=250 => Ok(u64::from(small)),
            252 => self.low(2),
            253 => self.low(3),
            254 => self.low(8),
            _ => Err(Broken("a length is none")),
        }
    }
    pub(super) fn packed_size(&mut self) -> Decoded<usize> {
        usize::try_from(self.packed()?).map_err(|_| Broken("a length is too large"))
    }
    pub(super) fn text(&mut self, count: usize) -> Decoded<String> {
        Ok(String::from_utf8_lossy(self.take(count)?).into_owned())
    }
}
