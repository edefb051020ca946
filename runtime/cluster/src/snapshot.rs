//! What came of all records, written as records, so that old ones may go.

use serde::{Deserialize, Serialize};

use crate::fold::State;
use crate::record::{Body, Incarnation};

/// One record carries so much of a snapshot: far below what a broker takes.
const CHUNK_BYTES: usize = 256 * 1024;

/// A state as the records of a snapshot, in the order in which they must be written.
pub fn chunks(state: &State) -> Vec<Body> {
    let text = serde_json::to_string(state).unwrap_or_default();
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let mut end = rest.len().min(CHUNK_BYTES);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, behind) = rest.split_at(end);
        pieces.push(piece.to_owned());
        rest = behind;
    }
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

/// Which parts of a snapshot have passed by, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Parts {
    /// Whose, up to where, how many there are, and how many have come.
    open: Option<(Incarnation, u64, u32, u32)>,
}

/// What a part is to the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It does not belong to it: there is no snapshot any more.
    Stray,
    /// It goes on with it, or begins another.
    Next,
    /// It is whole.
    Last,
}

impl Parts {
    pub(crate) fn take(&mut self, by: Incarnation, upto: u64, part: u32, parts: u32) -> Taken {
        let goes_on = self.open == Some((by, upto, parts, part));
        let come = part + 1;
        self.open =
            (goes_on || part == 0).then_some((by, upto, parts, come)).filter(|_| come < parts);
        match goes_on || part == 0 {
            false => Taken::Stray,
            true if come < parts => Taken::Next,
            true => Taken::Last,
        }
    }
}

/// Puts snapshots together from the records that pass by.
#[derive(Debug, Default)]
pub struct Collector {
    parts: Parts,
    text: String,
    /// What the best snapshot counts.
    best: Option<u64>,
}

impl Collector {
    /// Takes one record; the text of a snapshot and what it counts, when it is whole. One that
    /// counts less than one before it is passed over: two workers may write one each, and records
    /// that only the other counts may be gone.
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
        let taken = self.parts.take(by, *upto, *part, *parts);
        if *part == 0 || taken == Taken::Stray {
            self.text.clear();
        }
        if taken == Taken::Stray {
            return None;
        }
        self.text.push_str(text);
        let better = taken == Taken::Last && self.best.is_none_or(|best| best <= *upto);
        better.then(|| {
            self.best = Some(*upto);
            (*upto, std::mem::take(&mut self.text))
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
    }
}
