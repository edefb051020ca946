//! The numbers of items and values, and a batch that a source has polled.

use gantry_api::{Boundary, SourceRecord};

/// The end of a frame's items.
pub(crate) const END: u8 = 0;
/// A schema.
pub(super) const SCHEMA: u8 = 1;
/// A text.
pub(super) const TEXT: u8 = 2;
/// A source partition.
pub(super) const PARTITION: u8 = 3;
/// Schemas, texts and partitions are told anew from here on.
pub(super) const RESET: u8 = 4;
/// A record of a source.
pub(super) const SOURCE_RECORD: u8 = 10;
/// A record for a sink.
pub(super) const SINK_RECORD: u8 = 11;
/// A record for a transformation.
pub(super) const CONNECT_RECORD: u8 = 12;
/// Headers and a datum.
pub(super) const DATUM: u8 = 13;

/// In place of a timestamp that is not there.
pub(super) const NO_TIMESTAMP: i64 = i64::MIN;
/// In place of the offset of a record that was not read from the log.
pub(super) const NO_OFFSET: i64 = -1;

/// The classes of values.
pub(super) mod tag {
    pub(crate) const INT8: u8 = 0;
    pub(crate) const INT16: u8 = 1;
    pub(crate) const INT32: u8 = 2;
    pub(crate) const INT64: u8 = 3;
    pub(crate) const FLOAT32: u8 = 4;
    pub(crate) const FLOAT64: u8 = 5;
    pub(crate) const BOOLEAN: u8 = 6;
    pub(crate) const STRING: u8 = 7;
    pub(crate) const BYTES: u8 = 8;
    pub(crate) const ARRAY: u8 = 9;
    pub(crate) const MAP: u8 = 10;
    pub(crate) const STRUCT: u8 = 11;
    pub(crate) const DECIMAL: u8 = 12;
    pub(crate) const DATE: u8 = 13;
    pub(crate) const BIG_INTEGER: u8 = 14;
    pub(crate) const HASH_MAP: u8 = 15;
    pub(crate) const NULL: u8 = 255;
}

/// How a transaction ends, if it does; the outer `None` stands for a number that has no meaning.
pub(super) fn boundary(number: u8) -> Option<Option<Boundary>> {
    Some(match number {
        0 => None,
        1 => Some(Boundary::Commit),
        2 => Some(Boundary::Abort),
        _ => return None,
    })
}

/// What a source has polled.
#[derive(Debug)]
pub(crate) struct Polled {
    pub(crate) records: Vec<SourceRecord>,
    /// How the transaction ends behind all of them.
    pub(crate) boundary: Option<Boundary>,
}
