//! Events of the binary log: what they hold, and how they are got.

use std::fmt;

mod bytes;
mod cell;
mod event;
mod gtid;
mod json;
mod rows;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use cell::{Cell, Form};
pub(crate) use event::{Event, Header, QueryEvent, RowsKind, decode};
pub(crate) use gtid::{GtidSet, SourceFilter};
pub(crate) use rows::{Rows, TableMap};
pub(crate) use stream::{Binlog, Raw, Start, StreamError};

pub(crate) use json::{plain, to_text as json_to_text};

/// Why an event could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) &'static str);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

type Decoded<T> = Result<T, Broken>;
