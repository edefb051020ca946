//! What came of all records, written as records, so that old ones may go.

use serde::{Deserialize, Serialize};

use crate::fold::State;
use crate::record::{Body, Incarnation};

/// One record carries so much of a snapshot: far below what a broker takes.
const CHUNK_BYTES: usize = 256 * 1024;

/// A text in pieces, each small enough for a record.
pub(crate) fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(CHUNK_BYTES);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, behind) = rest.split_at(end);
        pieces.push(piece.to_owned());
        rest = behind;
    }
    pieces
}

/// A state as the records of a snapshot, in the order in which they must be written.
pub fn chunks(state: &State) -> Vec<Body> {
    let pieces = pieces(&serde_json::to_string(state).unwrap_or_default());
    let parts = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
    let upto = state.next.saturating_sub(1);
    (0..).zip(pieces).map(|(part, text)| Body::Snapshot { upto, part, parts, text }).collect()
}

/// What is wrong with a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It is no state.
    #[error("not readable: {0}")]
    Json(#[from] serde_json::Error),
    /// It is the state at another offset than it says.
    #[error("counts records up to {found} and says {said}")]
    Offset {
        /// Where the state stands.
        found: u64,
        /// What the records of the snapshot say.
        said: u64,
    },
}

/// Which parts of a snapshot have passed by, one after the other. Those of another one may stand
/// between them, and parts come again where an append was tried again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parts {
    /// Whose, up to where, how many there are, and how many have come.
    open: Option<(Incarnation, u64, u32, u32)>,
}

/// What a part is to the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It does not belong to it, or was there before.
    Stray,
    /// It begins one, or goes on with it.
    Next,
    /// It is whole.
    Last,
}

impl Parts {
    /// Takes a part.
    pub(crate) fn take(&mut self, by: Incarnation, upto: u64, part: u32, parts: u32) -> Taken {
        let of_it = self.open.filter(|open| (open.0, open.1, open.2) == (by, upto, parts));
        let come = match of_it {
            Some((.., come)) if part == come => come + 1,
            None if part == 0 => 1,
            _ => return Taken::Stray,
        };
        self.open = Some((by, upto, parts, come)).filter(|_| come < parts);
        if come < parts { Taken::Next } else { Taken::Last }
    }
}

/// Puts the pieces of snapshots together.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    parts: Parts,
    text: String,
}

impl Pieces {
    /// Takes a piece; the text of a snapshot when it is whole.
    pub(crate) fn take(
        &mut self,
        by: Incarnation,
        upto: u64,
        part: u32,
        parts: u32,
        text: &str,
    ) -> Option<String> {
        let taken = self.parts.take(by, upto, part, parts);
        if taken == Taken::Stray {
            return None;
        }
        if part == 0 {
            self.text.clear();
        }
        self.text.push_str(text);
        (taken == Taken::Last).then(|| std::mem::take(&mut self.text))
    }
}

/// Puts snapshots together from the records that pass by.
#[derive(Debug, Default)]
pub struct Collector {
    pieces: Pieces,
    /// What the best snapshot counts.
    best: Option<u64>,
}

impl Collector {
    /// Takes one record; the text of a snapshot and what it counts, when it is whole. One that
    /// counts no more than one before it is passed over: two workers may write one each, and
    /// records that only the other counts may be gone.
    pub fn take(&mut self, by: Incarnation, body: &Body) -> Option<(u64, String)> {
        self.take_at(u64::MAX, by, body)
    }

    /// As [`Collector::take`], of a record at a known offset: a snapshot that counts records behind
    /// itself is of a log that lost them, and passed over.
    pub fn take_at(&mut self, offset: u64, by: Incarnation, body: &Body) -> Option<(u64, String)> {
        let Body::Snapshot { upto, part, parts, text } = body else { return None };
        if *upto >= offset {
            return None;
        }
        let whole = self.pieces.take(by, *upto, *part, *parts, text)?;
        let better = self.best.is_none_or(|best| best < *upto);
        better.then(|| {
            self.best = Some(*upto);
            (*upto, whole)
        })
    }
}

/// The state that a snapshot holds.
pub fn restore(upto: u64, text: &str) -> Result<State, SnapshotError> {
    let state: State = serde_json::from_str(text)?;
    if state.next != upto + 1 {
        return Err(SnapshotError::Offset { found: state.next.saturating_sub(1), said: upto });
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_that_counts_less_than_one_before_it_is_passed_over() {
        let snapshot = |upto| Body::Snapshot { upto, part: 0, parts: 1, text: upto.to_string() };
        let mut collector = Collector::default();
        let mut take = |upto| collector.take(Incarnation(upto), &snapshot(upto));
        assert_eq!(take(5), Some((5, "5".into())));
        assert_eq!(take(3), None);
        assert_eq!(take(6), Some((6, "6".into())));
        assert_eq!(take(6), None);
    }

    #[test]
    fn parts_of_two_snapshots_and_repeated_ones_are_told_apart() {
        let mut collector = Collector::default();
        let mut take = |by, part, text: &str| {
            let body = Body::Snapshot { upto: by, part, parts: 3, text: text.into() };
            collector.take(Incarnation(by), &body)
        };
        assert_eq!(take(1, 0, "a"), None);
        assert_eq!(take(2, 0, "x"), None);
        assert_eq!(take(1, 1, "b"), None);
        assert_eq!(take(2, 1, "y"), None);
        assert_eq!(take(2, 0, "x"), None);
        assert_eq!(take(2, 1, "y"), None);
        assert_eq!(take(1, 2, "c"), None);
        assert_eq!(take(2, 2, "z"), Some((2, "xyz".into())));
    }
}
