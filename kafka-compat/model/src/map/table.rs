//! The size of a `HashMap`'s table, and what it says about the order of entries.

use std::cmp::Ordering;

/// How a map came to its order. Tables are powers of two, kept as the exponent and one; 0 is no
/// table at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    size: u8,
    /// The larger table of the map that this one is a copy of: entries that share a bucket stand
    /// as they stood there.
    before: u8,
    /// How many entries were copied.
    copied: u32,
}

/// The exponent of Java's largest table, and one.
const MAX_SIZE: u8 = 31;

/// How many entries of a map have the table that Java chooses for a copy looked up.
const LOOKED_UP: usize = 64;
const COPY_SIZES: [u8; LOOKED_UP] = {
    let mut sizes = [0; LOOKED_UP];
    let mut length = 0;
    while length < LOOKED_UP {
        sizes[length] = copy_size(length);
        length += 1;
    }
    sizes
};

/// A third more than there are entries, and one, as Java counts, and then the next power of two.
const fn copy_size(length: usize) -> u8 {
    exponent((length as f32 / 0.75 + 1.0) as usize)
}

const fn exponent(capacity: usize) -> u8 {
    let size = if capacity < 1 { 1 } else { capacity };
    let exponent = (usize::BITS - (size - 1).leading_zeros()) as u8 + 1;
    if exponent > MAX_SIZE { MAX_SIZE } else { exponent }
}

impl Table {
    /// A `LinkedHashMap`.
    pub(super) const LINKED: Self = Self { size: 0, before: 0, copied: 0 };
    /// An empty `HashMap`: 16 buckets.
    pub(super) const EMPTY: Self = Self { size: 5, before: 0, copied: 0 };

    /// A `HashMap` made for so many entries.
    pub(super) fn for_capacity(capacity: usize) -> Self {
        Self { size: exponent(capacity), before: 0, copied: 0 }
    }
    pub(super) fn is_hashed(self) -> bool {
        self.size > 0
    }
    fn buckets(size: u8) -> u32 {
        1 << (size - 1)
    }
    /// Doubles the table while it is more than three quarters full.
    #[inline]
    pub(super) fn grow(&mut self, length: usize) {
        if self.is_hashed() {
            while length > Self::buckets(self.size) as usize * 3 / 4 && self.size < MAX_SIZE {
                self.size += 1;
            }
            self.forget_smaller();
        }
    }
    /// The same after so many entries were put.
    pub(super) fn grown(mut self, length: usize) -> Self {
        self.grow(length);
        self
    }
    fn copy_size(length: usize) -> u8 {
        COPY_SIZES.get(length).copied().unwrap_or_else(|| copy_size(length))
    }
    /// The table of a copy as `HashMap`.
    #[inline]
    pub(super) fn copy(self, length: usize) -> Self {
        if length == 0 {
            return Self::EMPTY;
        }
        let mut table = Self { size: Self::copy_size(length), ..self };
        if table.size < self.size {
            table.before = self.size;
            table.copied = u32::try_from(length).unwrap_or(u32::MAX);
        }
        table.forget_smaller();
        table
    }
    /// Whether a copy would have to remember two tables.
    #[inline]
    pub(super) fn shrinks_again(self, length: usize) -> bool {
        self.before > 0 && Self::copy_size(length) < self.size
    }
    /// What one bucket holds, a smaller table has in one bucket too: it says nothing more.
    fn forget_smaller(&mut self) {
        if self.before <= self.size {
            self.before = 0;
            self.copied = 0;
        }
    }
    /// An entry is gone.
    pub(super) fn removed(&mut self, place: usize) {
        if place < self.copied as usize {
            self.copied -= 1;
        }
    }
    /// The order of two entries, each with its place and the hash of its key.
    pub(super) fn compare(self, a: (usize, u32), b: (usize, u32)) -> Ordering {
        let by = |size: u8| {
            let bucket = |hash: u32| hash & (Self::buckets(size) - 1);
            bucket(a.1).cmp(&bucket(b.1))
        };
        by(self.size).then_with(|| match self.before {
            before @ 1.. if a.0.max(b.0) < self.copied as usize => by(before),
            _ => Ordering::Equal,
        })
    }
}
