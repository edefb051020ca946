//! What came of all records, written as records, so that old ones may go.

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

/// Puts snapshots together from the records that pass by.
#[derive(Debug, Default)]
pub struct Collector {
    /// Whose, up to where, how many parts there are in all, and the text so far.
    open: Option<(Incarnation, u64, u32, u32, String)>,
}

impl Collector {
    /// Takes one record; the text of a snapshot and what it counts, when it is whole.
    pub fn take(&mut self, by: Incarnation, body: &Body) -> Option<(u64, String)> {
        let Body::Snapshot { upto, part, parts, text } = body else { return None };
        match &mut self.open {
            Some((writer, old, all, next, so_far))
                if (*writer, *old, *all, *next) == (by, *upto, *parts, *part) =>
            {
                *next += 1;
                so_far.push_str(text);
            }
            open => *open = (*part == 0).then(|| (by, *upto, *parts, 1, text.clone())),
        }
        let whole = self.open.as_ref().is_some_and(|(_, _, all, next, _)| next >= all);
        self.open.take_if(|_| whole).map(|(_, upto, _, _, text)| (upto, text))
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
