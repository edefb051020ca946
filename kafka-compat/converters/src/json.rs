//! `JsonConverter`: JSON with or without its schema.
//!
//! Reading has two ways. [`direct`] reads a payload straight into the values of a known schema; it
//! gives up at the first thing that is not as expected. [`convert`] then reads the same text again
//! through a tree of nodes, in the order Kafka Connect looks at things: what is accepted, and which
//! error comes first, is decided there alone. Without a schema one pass is enough.

pub mod base64;
mod cache;
mod config;
mod convert;
mod converter;
mod direct;
mod encode;
mod input;
mod map;
mod names;
mod node;
mod number;
mod plain;
mod reader;
mod scan;
mod schema_in;
mod schema_out;
#[cfg(test)]
mod tests;
pub mod write;

pub(crate) use config::config_def;
pub use converter::JsonConverter;
pub use input::Input;
pub use map::MapBuilder;
pub use node::{Node, Nodes, ObjectNode, slice};
pub use number::Number;
pub use reader::{Build, MAX_DEPTH, Parsed, Reader, Skip, SyntaxError, Usual};
