//! The buffer that records are written to.

use bytes::{Bytes, BytesMut};

/// Size of the blocks that finished records are cut from. A record keeps its whole block alive.
const BLOCK_BYTES: usize = 64 * 1024;
/// Records larger than this get memory of their own, so that they do not waste a block's rest.
const SHARED_LIMIT_BYTES: usize = BLOCK_BYTES / 8;
/// A larger working buffer than this is given back after the record that needed it.
const KEPT_BYTES: usize = 1024 * 1024;

/// Writes one record at a time. Records share blocks: most cost no allocation.
#[derive(Debug, Default)]
pub struct Output {
    record: Vec<u8>,
    block: BytesMut,
}

impl Output {
    /// An empty buffer for the next record.
    pub fn begin(&mut self) -> &mut Vec<u8> {
        self.record.clear();
        &mut self.record
    }
    /// The record that was written.
    pub fn finish(&mut self) -> Bytes {
        let length = self.record.len();
        if length > SHARED_LIMIT_BYTES {
            if self.record.capacity() > KEPT_BYTES {
                return Bytes::from(std::mem::take(&mut self.record));
            }
            return Bytes::copy_from_slice(&self.record);
        }
        if self.block.capacity() < length {
            // Uses the old block again if all of its records are gone.
            if !self.block.try_reclaim(length) {
                self.block = BytesMut::with_capacity(BLOCK_BYTES);
            }
        }
        self.block.extend_from_slice(&self.record);
        self.block.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_all_sizes_stay_apart() {
        let mut output = Output::default();
        let mut records = Vec::new();
        for size in (0..3000).chain([SHARED_LIMIT_BYTES, SHARED_LIMIT_BYTES + 1, KEPT_BYTES * 2]) {
            let byte = (size % 251) as u8;
            output.begin().resize(size, byte);
            records.push((size, byte, output.finish()));
        }
        for (size, byte, record) in records {
            assert_eq!(record.len(), size);
            assert!(record.iter().all(|b| *b == byte));
        }
        assert!(output.record.capacity() <= KEPT_BYTES);
    }

    #[test]
    fn a_block_is_used_again_when_its_records_are_gone() {
        let mut output = Output::default();
        let mut places = std::collections::HashSet::new();
        for _ in 0..100_000 {
            output.begin().extend_from_slice(&[7; 100]);
            places.insert(output.finish().as_ptr() as usize / BLOCK_BYTES);
        }
        assert!(places.len() <= 4, "{}", places.len());
    }
}
