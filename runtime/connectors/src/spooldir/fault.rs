//! What keeps a file from being read.

use std::fmt;
use std::io;

use gantry_api::Error;

/// Why a file is read no further.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The task is being stopped.
    Stopped,
    /// Its place is away: nothing is wrong with the file.
    Away(String),
    /// It cannot be read, or it changes while it is read.
    Io(io::Error),
    /// What stands in it is not what was expected.
    Data {
        /// Where, counted from 1.
        at: At,
        /// What is wrong.
        error: Error,
    },
}

impl Fault {
    /// What stands there is wrong.
    pub(crate) fn data(at: At, what: impl Into<String>) -> Self {
        Self::Data { at, error: Error::data(what) }
    }
}

/// A place in a file, as its format counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// A line of text.
    Line(u64),
    /// A record.
    Record(u64),
    /// The file as a whole.
    File,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}: "),
            Self::Record(record) => write!(f, "record {record}: "),
            Self::File => Ok(()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("the task was stopped"),
            Self::Away(what) => f.write_str(what),
            Self::Io(error) => write!(f, "{error}"),
            Self::Data { at, error } => {
                write!(f, "{at}{}", error.message())?;
                let mut cause = error.cause();
                while let Some(error) = cause {
                    write!(f, ": {}", error.message())?;
                    cause = error.cause();
                }
                Ok(())
            }
        }
    }
}

/// Travels through readers in the place of an error of the system.
#[derive(Debug)]
pub(crate) enum Mark {
    Stopped,
    /// The place is away, and why.
    Away(String),
    Changed(String),
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("the task was stopped"),
            Self::Away(what) => f.write_str(what),
            Self::Changed(how) => write!(f, "the file changed while it was read: {how}"),
        }
    }
}

impl std::error::Error for Mark {}

impl Mark {
    pub(crate) fn into_error(self) -> io::Error {
        io::Error::other(self)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Mark>()) {
            Some(Mark::Stopped) => Self::Stopped,
            Some(Mark::Away(what)) => Self::Away(what.clone()),
            _ => Self::Io(error),
        }
    }
}
