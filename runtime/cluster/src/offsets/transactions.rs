//! Which records of exactly-once sources count.
//!
//! The offset log is the transaction log. A session of such a source begins with a barrier that
//! says how its records are marked. Each commit says how far the records of the session go that
//! count, in each queue; it is one record, so offsets and ends are committed both or not at all.
//! A session appends in order and ends at the first append whose outcome is unknown: so all of its
//! records before such an end were acknowledged, and each stands there once. What is behind the
//! last end when the session is over never counts.

use std::collections::BTreeMap;

use gantry_model::Str;
use serde::{Deserialize, Serialize};

/// A mark of the records of one session: a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransactionId(pub u64);

/// What becomes of the records of a session in one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Those before this offset count.
    pub end: u64,
    /// Whether of those behind it nothing can be said yet. Else they never count.
    pub open: bool,
}

/// What is known of transactions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Transactions(BTreeMap<TransactionId, Transaction>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Transaction {
    open: bool,
    /// By topic and queue the offset behind the last record that counts.
    ends: BTreeMap<Str, BTreeMap<u32, u64>>,
}

impl Transactions {
    pub(super) fn open(&mut self, id: Option<TransactionId>) {
        if let Some(id) = id {
            self.0.insert(id, Transaction { open: true, ends: BTreeMap::new() });
        }
    }

    /// Nothing more of it is committed.
    pub(super) fn close(&mut self, id: Option<TransactionId>) {
        let Some((id, known)) = id.and_then(|id| Some((id, self.0.get_mut(&id)?))) else { return };
        known.open = false;
        if known.ends.is_empty() {
            self.0.remove(&id);
        }
    }

    pub(super) fn commit(&mut self, id: Option<TransactionId>, ends: &[(Str, u32, u64)]) {
        let Some(known) = id.and_then(|id| self.0.get_mut(&id)) else { return };
        for (topic, queue, end) in ends {
            let last = match known.ends.get_mut(topic) {
                Some(queues) => queues.entry(*queue).or_default(),
                None => known.ends.entry(Str::clone(topic)).or_default().entry(*queue).or_default(),
            };
            *last = (*last).max(*end);
        }
    }

    pub(super) fn fate(&self, id: TransactionId, topic: &str, queue: u32) -> Option<Fate> {
        let known = self.0.get(&id)?;
        let end = known.ends.get(topic).and_then(|queues| queues.get(&queue)).copied();
        Some(Fate { end: end.unwrap_or(0), open: known.open })
    }

    pub(super) fn queues_of_the_past(&self) -> Vec<(Str, u32)> {
        let past = self.0.values().filter(|known| !known.open);
        let queues = past.flat_map(|known| &known.ends).flat_map(|(topic, queues)| {
            queues.keys().map(move |queue| (Str::clone(topic), *queue))
        });
        let mut queues: Vec<_> = queues.collect();
        queues.sort_unstable();
        queues.dedup();
        queues
    }

    pub(super) fn forget_before(&mut self, topic: &str, queue: u32, offset: u64) {
        self.0.retain(|_, known| {
            if known.open {
                return true;
            }
            if let Some(queues) = known.ends.get_mut(topic) {
                queues.retain(|of, end| *of != queue || *end > offset);
                if queues.is_empty() {
                    known.ends.remove(topic);
                }
            }
            !known.ends.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, OffsetFold, OffsetRecord, OffsetVerdict, Scope, Unit};

    const QUEUE: u32 = 3;

    fn scope(generation: u64) -> Scope {
        Scope { connector: "c".into(), generation }
    }
    fn begin(claim: u64, session: u64, id: u64) -> OffsetRecord {
        let unit = Unit::task(&"c".into(), 0);
        let (epoch, transaction) = (Epoch { claim, session }, Some(TransactionId(id)));
        OffsetRecord::Barrier { scope: scope(1), unit, epoch, transaction }
    }
    fn commit(claim: u64, session: u64, sequence: u64, end: u64) -> OffsetRecord {
        let unit = Unit::task(&"c".into(), 0);
        let (epoch, ends) = (Epoch { claim, session }, vec![("t".into(), QUEUE, end)]);
        let offsets = vec![("p".to_owned(), Some(end.to_string()))];
        OffsetRecord::Commit { scope: scope(1), unit, epoch, sequence, offsets, ends }
    }
    fn fate(fold: &OffsetFold, id: u64) -> Option<(u64, bool)> {
        fold.fate(TransactionId(id), "t", QUEUE).map(|fate| (fate.end, fate.open))
    }

    #[test]
    fn what_is_committed_counts_and_the_rest_of_a_session_that_is_over_does_not() {
        let mut fold = OffsetFold::default();
        assert_eq!(fate(&fold, 7), None);
        fold.apply(&begin(2, 1, 7));
        assert_eq!(fate(&fold, 7), Some((0, true)));
        fold.apply(&commit(2, 1, 1, 10));
        assert_eq!(fate(&fold, 7), Some((10, true)));
        assert_eq!(fold.fate(TransactionId(7), "t", 0), Some(Fate { end: 0, open: true }));
        // The task starts again on the same worker …
        fold.apply(&begin(2, 2, 8));
        assert_eq!(fate(&fold, 7), Some((10, false)));
        // … and what its former self still says is void.
        assert_eq!(fold.apply(&commit(2, 1, 2, 20)), OffsetVerdict::Fenced);
        assert_eq!(fold.apply(&begin(2, 1, 7)), OffsetVerdict::Fenced);
        assert_eq!((fate(&fold, 7), fate(&fold, 8)), (Some((10, false)), Some((0, true))));
        // Another worker takes over. Of the second session nothing was committed.
        fold.apply(&begin(3, 1, 9));
        assert_eq!(fate(&fold, 8), None);
        assert_eq!(fold.apply(&commit(3, 1, 1, 30)), OffsetVerdict::Applied);
        assert_eq!(fate(&fold, 9), Some((30, true)));
        assert_eq!(fold.get("c", "p"), Some("30"));
    }

    #[test]
    fn a_new_generation_an_edit_and_the_end_of_a_connector_end_its_sessions() {
        let offsets = Vec::new();
        let unit = Unit::task(&"c".into(), 1);
        for ends in [
            OffsetRecord::Barrier { scope: scope(5), unit, epoch: Epoch::of(1), transaction: None },
            OffsetRecord::Edit { scope: scope(5), id: 1, offsets },
            OffsetRecord::Forget { scope: scope(5) },
        ] {
            let mut fold = OffsetFold::default();
            fold.apply(&begin(2, 1, 7));
            fold.apply(&commit(2, 1, 1, 10));
            fold.apply(&ends);
            assert_eq!(fate(&fold, 7), Some((10, false)), "{ends:?}");
        }
    }

    #[test]
    fn what_no_queue_holds_any_more_is_forgotten() {
        let mut fold = OffsetFold::default();
        fold.apply(&begin(2, 1, 7));
        fold.apply(&commit(2, 1, 1, 10));
        assert_eq!(fold.queues_of_the_past(), []);
        fold.forget_before("t", QUEUE, 10);
        assert_eq!(fate(&fold, 7), Some((10, true)), "it goes on");
        fold.apply(&begin(2, 2, 8));
        assert_eq!(fold.queues_of_the_past(), [("t".into(), QUEUE)]);
        fold.forget_before("t", QUEUE, 9);
        assert_eq!(fate(&fold, 7), Some((10, false)));
        let text = serde_json::to_string(&fold).unwrap();
        assert_eq!(serde_json::from_str::<OffsetFold>(&text).unwrap(), fold);
        fold.forget_before("t", QUEUE, 10);
        assert_eq!(fate(&fold, 7), None);
    }
}
