//! The random numbers of `java.util.Random`, so that a seed stands for the same numbers here as it
//! does for Confluent's connector, whose offsets carry one.

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;

/// A linear congruential generator of 48 bits.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: i64) -> Self {
        Self((seed as u64 ^ MULTIPLIER) & MASK)
    }

    /// The next number's highest `bits`, at most 32, as Java has them: in a signed number.
    fn next(&mut self, bits: u32) -> i32 {
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        (self.0 >> (48 - bits)) as i32
    }

    pub(super) fn int(&mut self) -> i32 {
        self.next(32)
    }

    /// From 0 to below `bound`, which is 1 at least.
    pub(super) fn below(&mut self, bound: i32) -> i32 {
        let bound = bound.max(1);
        if bound & (bound - 1) == 0 {
            return ((i64::from(bound) * i64::from(self.next(31))) >> 31) as i32;
        }
        loop {
            let bits = self.next(31);
            let value = bits % bound;
            // The last numbers, which do not fill a whole round, would be too frequent.
            if (bits - value).checked_add(bound - 1).is_some() {
                return value;
            }
        }
    }

    /// A place in a list of that length, which has a bound far below 2^31.
    pub(super) fn place(&mut self, length: usize) -> usize {
        self.below(i32::try_from(length).unwrap_or(i32::MAX)) as usize
    }

    pub(super) fn long(&mut self) -> i64 {
        let high = i64::from(self.next(32)) << 32;
        high.wrapping_add(i64::from(self.next(32)))
    }

    pub(super) fn boolean(&mut self) -> bool {
        self.next(1) != 0
    }

    /// From 0.0 to below 1.0.
    pub(super) fn float(&mut self) -> f32 {
        self.next(24) as f32 / (1 << 24) as f32
    }

    /// From 0.0 to below 1.0.
    pub(super) fn double(&mut self) -> f64 {
        let high = i64::from(self.next(26)) << 27;
        (high + i64::from(self.next(27))) as f64 / (1_i64 << 53) as f64
    }

    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 3);
        while bytes.len() < count {
            bytes.extend_from_slice(&self.int().to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_javas() {
        let mut random = Random::new(42);
        assert_eq!([random.int(), random.int()], [-1_170_105_035, 234_785_527]);
        assert_eq!(Random::new(42).long(), -5_025_562_857_975_149_833);
        assert_eq!(Random::new(42).double(), 0.727_563_680_032_868_1);
        let mut random = Random::new(42);
        let all: Vec<i32> = (0..5).map(|_| random.below(10)).collect();
        assert_eq!(all, [0, 3, 8, 4, 0]);
        let mut random = Random::new(0);
        assert_eq!([random.below(16), random.below(16)], [11, 13]);
        assert_eq!(random.float(), 0.240_536_39);
        assert!(random.boolean());
        let bytes = Random::new(7).bytes(6);
        assert_eq!(bytes, [-103_i8, 23, 15, -69, 24, 52].map(|byte| byte as u8));
    }
}
