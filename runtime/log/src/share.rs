//! How one read is shared out between the queues it asks for: for implementations of the log.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::ReadLimits;

/// A read rather serves fewer queues than give each less than this: what is read from disk for
/// a queue has a size of its own. The others have their turn with the next read.
const SHARE_BYTES_MIN: usize = 16 << 10;

/// The same for records.
const SHARE_RECORDS_MIN: usize = 16;

/// Turns the order of queues by one with each read, so that none is always first.
#[derive(Debug, Default)]
pub struct Rotation(AtomicUsize);

impl Rotation {
    /// The indices `0..count`, each once, starting one further each time.
    pub fn order(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        let start = self.0.fetch_add(1, Ordering::Relaxed);
        (0..count).map(move |i| start.wrapping_add(i) % count)
    }
}

/// What is left of the limits of one read.
#[derive(Debug)]
pub struct Budget {
    bytes_left: usize,
    records_left: usize,
    queues_left: usize,
    empty: bool,
}

impl Budget {
    /// All of `limits`, for this many queues that have records.
    pub fn new(limits: &ReadLimits, queues: usize) -> Self {
        let by_bytes = limits.max_bytes / SHARE_BYTES_MIN;
        let by_records = limits.max_records / SHARE_RECORDS_MIN;
        Self {
            bytes_left: limits.max_bytes,
            records_left: limits.max_records.max(1),
            queues_left: queues.min(by_bytes).min(by_records),
            empty: true,
        }
    }

    /// What the next queue may take; `None` if nothing is left.
    pub fn share(&mut self) -> Option<Share> {
        let exhausted = self.records_left == 0 || (self.bytes_left == 0 && !self.empty);
        if exhausted {
            return None;
        }
        let queues = self.queues_left.max(1);
        self.queues_left = queues - 1;
        Some(Share {
            bytes_left: self.bytes_left.div_ceil(queues),
            records_left: self.records_left.div_ceil(queues),
            first: self.empty,
            taken_bytes: 0,
            taken_records: 0,
        })
    }

    /// Accounts for what a queue took of its share.
    pub fn spend(&mut self, share: &Share) {
        self.bytes_left = self.bytes_left.saturating_sub(share.taken_bytes);
        self.records_left = self.records_left.saturating_sub(share.taken_records);
        self.empty &= share.taken_records == 0;
    }
}

/// What one queue may take of a read.
#[derive(Debug)]
pub struct Share {
    bytes_left: usize,
    records_left: usize,
    first: bool,
    taken_bytes: usize,
    taken_records: usize,
}

impl Share {
    /// Whether a record of this size still fits; counts it if so. The very first record of a
    /// read always fits, or a record larger than the limits could never be read.
    pub fn take(&mut self, size: usize) -> bool {
        let fits = self.records_left > 0 && (size <= self.bytes_left || self.first);
        if fits {
            self.first = false;
            self.records_left -= 1;
            self.bytes_left = self.bytes_left.saturating_sub(size);
            self.taken_bytes += size;
            self.taken_records += 1;
        }
        fits
    }

    /// Bytes that may still be taken.
    pub fn bytes_left(&self) -> usize {
        self.bytes_left
    }

    /// Records that may still be taken.
    pub fn records_left(&self) -> usize {
        self.records_left
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limits(max_bytes: usize, max_records: usize) -> ReadLimits {
        ReadLimits { max_bytes, max_records, wait: Duration::ZERO }
    }

    #[test]
    fn the_first_record_always_fits_and_others_do_not_exceed() {
        let mut budget = Budget::new(&limits(10, 100), 2);
        let mut share = budget.share().unwrap();
        assert!(share.take(1000));
        assert!(!share.take(1));
        budget.spend(&share);
        assert!(budget.share().is_none());
    }

    #[test]
    fn what_one_queue_leaves_goes_to_the_next() {
        let mut budget = Budget::new(&limits(1 << 20, 100), 2);
        let mut first = budget.share().unwrap();
        assert_eq!((first.bytes_left(), first.records_left()), (1 << 19, 50));
        assert!(first.take(10));
        budget.spend(&first);
        let second = budget.share().unwrap();
        assert_eq!((second.bytes_left(), second.records_left()), ((1 << 20) - 10, 99));
    }

    #[test]
    fn small_reads_serve_few_queues() {
        let share = Budget::new(&limits(2 * SHARE_BYTES_MIN, 1000), 50).share().unwrap();
        assert_eq!(share.bytes_left(), SHARE_BYTES_MIN);
        let share = Budget::new(&limits(1 << 20, 3), 50).share().unwrap();
        assert_eq!(share.records_left(), 3);
    }

    #[test]
    fn rotation_starts_one_further_each_time() {
        let rotation = Rotation::default();
        assert_eq!(rotation.order(3).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(rotation.order(3).collect::<Vec<_>>(), [1, 2, 0]);
        assert_eq!(rotation.order(0).count(), 0);
    }
}
