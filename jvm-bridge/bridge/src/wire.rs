//! The frames that cross between Rust and Java: `jvm-bridge/PROTOCOL.md` says what stands in them.

mod config;
mod decode;
mod encode;
mod failure;
mod operations;
mod reader;
mod record;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use config::{config_values, definition};
pub(crate) use decode::{Decoder, offset_map};
pub(crate) use encode::{Encoder, offset_map as write_offset_map};
pub(crate) use failure::Failure;
pub(crate) use operations::{Operation, Upcall};
pub(crate) use reader::Reader;
pub(crate) use record::{END, Polled};
pub(crate) use writer::Writer;
