//! Asking what state a job has, while it runs: a question is answered on the thread that has the
//! task, between two records, from what is in memory and on disk.

mod error;
mod types;
mod views;

use std::ops::RangeInclusive;
use std::time::Instant;

pub use error::QueryError;
pub(crate) use types::{KeyWriter, Stored, Types};
pub use types::{StoreInfo, StoreKind};
pub(crate) use views::{Making, at_its_time, keep, keep_windows, put};

use crate::data::Data;
use crate::error::{DataError, StreamsError};
use crate::window::Window;

/// So many entries an answer has at most, unless told.
pub(crate) const ENTRIES_MAX: usize = 10_000;
/// So many bytes of keys and values an answer of one task has at most.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// What is asked. Keys are as stores have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The value of a key.
    Get(Vec<u8>),
    /// All from one key up to and with another, in the order of their bytes.
    Range { from: Option<Vec<u8>>, to: Option<Vec<u8>> },
    /// The windows of a key that begin within a time.
    Fetch { key: Vec<u8>, starts: RangeInclusive<i64> },
    /// The windows of all keys.
    Windows { starts: RangeInclusive<i64> },
}

impl Question {
    /// The key that it is about.
    pub(crate) fn key(&self) -> Option<&[u8]> {
        match self {
            Self::Get(key) | Self::Fetch { key, .. } => Some(key),
            Self::Range { .. } | Self::Windows { .. } => None,
        }
    }
}

/// One entry of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: Vec<u8>,
    pub(crate) window: Option<Window>,
    pub(crate) value: Vec<u8>,
}

impl Entry {
    fn read<T: Data>(store: &str, bytes: &[u8]) -> Result<T, QueryError> {
        T::decode(bytes).map_err(|error| QueryError::Unfit {
            store: store.to_owned(),
            reason: format!("what it has cannot be read: {error}"),
        })
    }

    pub(crate) fn value<V: Data>(&self, store: &str) -> Result<V, QueryError> {
        Self::read(store, &self.value)
    }

    pub(crate) fn pair<K: Data, V: Data>(&self, store: &str) -> Result<(K, V), QueryError> {
        Ok((Self::read(store, &self.key)?, self.value(store)?))
    }

    pub(crate) fn window(&self) -> Window {
        self.window.unwrap_or(Window { start_ms: 0, end_ms: 0 })
    }
}

/// Why a task gives no answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It would have more than so many bytes.
    TooLarge(usize),
    /// It takes too long.
    TooSlow,
    /// The store is not of the kind that is asked for.
    Kind,
    /// The key is none of the store's.
    Key(DataError),
    Store(StreamsError),
}

impl From<StreamsError> for Fault {
    fn from(error: StreamsError) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    /// To whoever asked a store.
    pub(crate) fn of(self, store: &str) -> QueryError {
        let store = store.to_owned();
        match self {
            Self::TooLarge(most) => {
                let reason =
                    format!("the answer has more than {most} bytes: ask for fewer entries");
                QueryError::TooMuch { store, reason }
            }
            Self::TooSlow => {
                let reason = "the answer takes too long: ask for fewer entries".to_owned();
                QueryError::TooMuch { store, reason }
            }
            Self::Kind => {
                let reason = "it is not of the kind that is asked for".to_owned();
                QueryError::Unfit { store, reason }
            }
            Self::Key(error) => {
                let reason = format!("its keys are others than the one asked for: {error}");
                QueryError::Unfit { store, reason }
            }
            Self::Store(error) => QueryError::Failed(error),
        }
    }
}

/// An answer as it grows, within its bounds.
pub(crate) struct Answer {
    pub(crate) entries: Vec<Entry>,
    bytes: usize,
    entries_max: usize,
    until: Instant,
}

impl Answer {
    /// An empty one with bounds.
    pub(crate) fn new(entries_max: usize, until: Instant) -> Self {
        Self { entries: Vec::new(), bytes: 0, entries_max, until }
    }

    /// How many entries it may still get.
    pub(crate) fn room(&self) -> usize {
        self.entries_max.saturating_sub(self.entries.len())
    }

    pub(crate) fn add(&mut self, entry: Entry) -> Result<(), Fault> {
        self.bytes += entry.key.len() + entry.value.len();
        if self.bytes > ANSWER_BYTES_MAX {
            return Err(Fault::TooLarge(ANSWER_BYTES_MAX));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Whoever asked may have gone: the records that wait must not wait for ever.
    pub(crate) fn check_time(&self) -> Result<(), Fault> {
        if Instant::now() > self.until { Err(Fault::TooSlow) } else { Ok(()) }
    }
}

/// What can be asked of a task: a store, or an operator that makes something of one.
pub(crate) trait View {
    fn answer(&self, question: &Question, answer: &mut Answer) -> Result<(), Fault>;
}
