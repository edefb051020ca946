//! What records become: one encoder for each open file.

mod avro;
mod bytes;
mod json;
mod output;
mod parquet;

use gantry_api::{Bytes, Datum, Result, Str};

pub(super) use avro::{AvroCodec, AvroFile, codec as avro_codec};
pub(super) use bytes::BytesFile;
pub(super) use json::{JsonFile, json_converter};
pub(super) use output::{Compression, Output};
pub(super) use parquet::{ParquetCodec, ParquetFile};

/// One value of a file, and the topic that it is from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    pub(super) topic: &'a Str,
    pub(super) datum: &'a Datum,
}

/// Writes one file. A record is staged first and then kept or dropped, so that those of several files that belong
/// together are in all of them or in none.
pub(super) trait FileEncoder: Send + std::fmt::Debug {
    /// Encodes a value without adding it.
    fn stage(&mut self, item: Item<'_>) -> Result<()>;
    /// Adds what is staged.
    fn keep(&mut self) -> Result<()>;
    /// Drops what is staged.
    fn forget(&mut self);
    /// Bytes held in memory.
    fn held(&self) -> usize;
    /// So many bytes of the file from where the last ones ended, if there are as many.
    fn take(&mut self, bytes: usize) -> Option<Bytes>;
    /// Ends the file; what is left of it.
    fn finish(&mut self) -> Result<Bytes>;
}
