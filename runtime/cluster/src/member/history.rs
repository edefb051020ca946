//! What a worker remembers of the log, as a broker may lose its end and write others in its place.

use std::collections::VecDeque;

use crate::fold::{State, sum};

/// So many records of the past are remembered.
const MAX_MARKS: usize = 1024;

/// What came of all records up to one.
#[derive(Clone, Copy, Debug)]
struct Mark {
    offset: u64,
    hash: u32,
}

impl Mark {
    fn of(state: &State) -> Option<Self> {
        let offset = state.next.checked_sub(1)?;
        Some(Self { offset, hash: state.hash })
    }
}

/// The last records that were folded.
#[derive(Debug, Default)]
pub(super) struct History {
    marks: VecDeque<Mark>,
}

impl History {
    /// A record was folded, or all up to one were restored.
    pub(super) fn push(&mut self, state: &State) {
        if self.marks.len() == MAX_MARKS {
            self.marks.pop_front();
        }
        self.marks.extend(Mark::of(state));
    }
    /// The check sum of all records up to one.
    pub(super) fn hash_at(&self, offset: u64) -> Option<u32> {
        self.at(offset).map(|mark| mark.hash)
    }
    /// Whether a record is another than the one of this offset that was folded.
    pub(super) fn differs(&self, offset: u64, bytes: &[u8]) -> bool {
        let before = offset.checked_sub(1).map_or(Some(0), |before| self.hash_at(before));
        let here = self.hash_at(offset);
        before.zip(here).is_some_and(|(before, here)| sum(before, offset, bytes) != here)
    }
    fn at(&self, offset: u64) -> Option<&Mark> {
        let at = self.marks.binary_search_by_key(&offset, |mark| mark.offset).ok()?;
        self.marks.get(at)
    }
}

/// What was folded before reading began anew, which may have been another log.
#[derive(Debug)]
pub(super) struct Former {
    /// All of it.
    pub(super) state: State,
    history: History,
    common_stamp: u64,
    known: bool,
}

impl Former {
    pub(super) fn new(state: State, history: History) -> Self {
        Self { state, history, common_stamp: 0, known: false }
    }
    /// Reading begins anew once more.
    pub(super) fn begin(&mut self) {
        self.common_stamp = 0;
    }
    /// A record was read.
    pub(super) fn compare(&mut self, state: &State) {
        let before = self.history.at(state.next.saturating_sub(1));
        self.known = before.is_some_and(|mark| mark.hash == state.hash);
        if self.known {
            self.common_stamp = state.stamp;
        }
    }
    /// Whether the last record was read before reading began anew, too.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }
    /// The last stamp of the records that both logs begin with, as far as is remembered.
    pub(super) fn common_stamp(&self) -> u64 {
        self.common_stamp
    }
}
