//! What can go wrong.

use std::fmt::Display;
use std::path::Path;

use gantry_log::LogError;

/// Bytes that are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DataError(pub String);

impl DataError {
    /// With that text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Why a job does not start, or stops.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamsError {
    /// The topology cannot run as it is.
    #[error("topology of job {job}: {reason}")]
    Topology {
        /// The job.
        job: String,
        /// What is wrong, where, and what to do.
        reason: String,
    },
    /// The topology is another one than the state on disk or in the log is of.
    #[error(
        "the state of job {job} is of another topology: {difference}. Give the job another name, or delete its state ({place})"
    )]
    Changed {
        /// The job.
        job: String,
        /// What differs.
        difference: String,
        /// Where the state is.
        place: String,
    },
    /// A record that cannot be read, and the job shall stop at such.
    #[error("record {offset} of {topic}-{queue} cannot be read: {reason}")]
    BadRecord {
        /// Its topic.
        topic: String,
        /// Its queue.
        queue: u32,
        /// Its offset.
        offset: u64,
        /// Why.
        reason: DataError,
    },
    /// A user's function gave an error or panicked.
    #[error("{operator} failed: {reason}")]
    Operator {
        /// The operator.
        operator: String,
        /// Why.
        reason: String,
    },
    /// The log does not do as asked.
    #[error(transparent)]
    Log(#[from] LogError),
    /// State cannot be read or written.
    #[error("state in {place}: {reason}")]
    State {
        /// The directory.
        place: String,
        /// Why.
        reason: String,
    },
    /// The database that keeps the state does not do as asked.
    #[error("{database}: {reason}")]
    Database {
        /// Which one, on which server.
        database: String,
        /// Why, and what to do.
        reason: String,
        /// Whether the same may succeed later.
        is_retriable: bool,
    },
    /// The job cannot be asked where it should be.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Where.
        address: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A key of properties that is no setting.
    #[error("{key}: {reason}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Why it is none, and what to do.
        reason: String,
    },
    /// A setting that makes no sense.
    #[error("{key}={value}: {reason}")]
    Setting {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What the system calls a full disk: RocksDB gives errors as text only.
const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

impl StreamsError {
    /// State in that directory cannot be read or written; with what to do, if its disk is full.
    pub(crate) fn state(place: &Path, error: &impl Display) -> Self {
        let mut reason = error.to_string();
        if FULL.iter().any(|full| reason.contains(full)) {
            reason.push_str(
                "; free space there, and start the job again: it goes on from its last checkpoint",
            );
        }
        Self::State { place: place.display().to_string(), reason }
    }

    /// Whether what was asked of the log, or of the database that keeps the state, may succeed later.
    pub(crate) fn is_retriable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_retriable(),
            Self::Database { is_retriable, .. } => *is_retriable,
            _ => false,
        }
    }
}
