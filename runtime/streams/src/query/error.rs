//! Why a question has no answer.

use crate::error::StreamsError;
use crate::runtime::Instance;

/// Why a question has no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// No store has that name.
    #[error("job {job} has no store {store}: {known}")]
    UnknownStore {
        /// The job.
        job: String,
        /// What was asked for.
        store: String,
        /// Which ones there are, or what to do.
        known: String,
    },
    /// The store has other types, or is of another kind; or the question makes no sense.
    #[error("store {store}: {reason}")]
    Unfit {
        /// The store.
        store: String,
        /// What does not fit, and what would.
        reason: String,
    },
    /// Another instance has the key, or nobody that is known.
    #[error("this instance has no task of store {store} with that key: {}", whose(.owner.as_deref()))]
    NotHere {
        /// The store.
        store: String,
        /// Who has it, if that is known.
        owner: Option<Box<Instance>>,
    },
    /// Not now: ask again.
    #[error("store {store} cannot be asked now: {reason}")]
    NotReady {
        /// The store.
        store: String,
        /// Why.
        reason: String,
    },
    /// The answer would be too much.
    #[error("store {store}: {reason}")]
    TooMuch {
        /// The store.
        store: String,
        /// What is too much, and what to ask for instead.
        reason: String,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Failed(StreamsError),
}

fn whose(owner: Option<&Instance>) -> String {
    match owner {
        Some(Instance { name, address: Some(address), .. }) => {
            format!("instance {name} has it, ask at {address}")
        }
        Some(Instance { name, .. }) => format!(
            "instance {name} has it, which does not say where it can be asked: set its application_server"
        ),
        None => "which instance has it is not known".to_owned(),
    }
}
