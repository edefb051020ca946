//! Converters whose data carry only the id of their schema: Confluent's `AvroConverter`,
//! `ProtobufConverter` and `JsonSchemaConverter`.
//!
//! The way of a record is the same for all three: `converter` finds out which schema of the
//! registry stands for a Connect schema, or for an id, and keeps what it found; `id` puts the id
//! beside the data; `client` speaks with the registry. What is particular to a format is in its
//! folder, behind `format::DataFormat`.

mod avro;
mod client;
mod converter;
mod format;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod golden;
mod id;
mod json;
mod keys;
mod plugins;
mod protobuf;
mod slots;
mod subject;
mod usage;

pub use avro::{AvroDecoder, AvroEncoder, AvroEncoding};
pub use id::SchemaId;
pub use plugins::converters;
pub use usage::{Choice, Usage};
