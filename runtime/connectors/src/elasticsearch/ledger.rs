//! Which records are not yet written, and so which offsets may be committed.

use std::collections::BTreeMap;

use gantry_api::{SinkOffsets, SinkRecord, TopicPartition};

/// The first offset of each queue.
pub(super) type Firsts = Vec<(TopicPartition, u64)>;

/// What is on its way.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// By the numbers of batches.
    batches: BTreeMap<u64, Firsts>,
    /// Of records that were put when the task was stopped, and are in no batch.
    held: Firsts,
}

/// Notes a record; those of one queue come in order.
pub(super) fn note(firsts: &mut Firsts, record: &SinkRecord) {
    // Those of one queue mostly come together.
    if !firsts.iter().rev().any(|(queue, _)| *queue == record.origin) {
        firsts.push((record.origin.clone(), record.offset));
    }
}

impl Ledger {
    pub(super) fn begin(&mut self, number: u64, firsts: Firsts) {
        self.batches.insert(number, firsts);
    }
    pub(super) fn settle(&mut self, number: u64) {
        self.batches.remove(&number);
    }
    pub(super) fn hold(&mut self, records: &[SinkRecord]) {
        for record in records {
            note(&mut self.held, record);
        }
    }
    /// Queues begin anew: what was held of them comes again.
    pub(super) fn forget<'a>(&mut self, queues: impl IntoIterator<Item = &'a TopicPartition>) {
        for queue in queues {
            self.held.retain(|(held, _)| held != queue);
        }
    }

    /// What is safe of what was put, with `open`, the batch that is not yet sent.
    pub(super) fn safe(&self, written: &SinkOffsets, open: &Firsts) -> SinkOffsets {
        let mut safe = written.clone();
        for (queue, first) in self.batches.values().flatten().chain(open).chain(&self.held) {
            if let Some(at) = safe.get_mut(queue).filter(|at| at.offset > *first) {
                at.offset = *first;
            }
        }
        safe
    }
}

#[cfg(test)]
mod tests {
    use gantry_api::SinkOffset;

    use super::*;

    #[test]
    fn nothing_is_safe_behind_what_is_on_its_way() {
        let queue = |n| TopicPartition::new("t", n);
        let written: SinkOffsets = (0..3).map(|n| (queue(n), SinkOffset::new(100))).collect();
        let mut ledger = Ledger::default();
        ledger.begin(1, vec![(queue(0), 10), (queue(1), 20)]);
        ledger.begin(2, vec![(queue(0), 30)]);
        let safe = |ledger: &Ledger, open: &Firsts| -> Vec<u64> {
            ledger.safe(&written, open).values().map(|at| at.offset).collect()
        };
        assert_eq!(safe(&ledger, &vec![(queue(2), 90)]), [10, 20, 90]);
        ledger.settle(1);
        assert_eq!(safe(&ledger, &Firsts::new()), [30, 100, 100]);
        ledger.settle(2);
        assert_eq!(safe(&ledger, &Firsts::new()), [100, 100, 100]);
    }
}
