//! Kafka Connect's converters and header converters: JSON, text, bytes, numbers.
//!
//! Each class of Kafka Connect is one module here; [`converters`] and [`header_converters`] list
//! them as plugins. Behaviour, names, defaults and messages are Kafka Connect's. Decoding keeps
//! slices of the input where it can; encoding fills one buffer that many records share.

mod boolean;
mod byte_array;
mod charset;
mod json;
mod number;
mod output;
mod plugins;
mod simple_header;
mod string;
mod utf8;

/// JSON as Jackson, Kafka Connect's library for it, reads and writes it: for other converters whose
/// data are JSON.
pub mod jackson {
    pub use crate::json::{
        Build, Input, MAX_DEPTH, MapBuilder, Node, Nodes, Number, ObjectNode, Parsed, Reader, Skip,
        SyntaxError, Usual, base64, slice, write,
    };
}

pub use charset::Charset;
pub use json::JsonConverter;
pub use output::Output;
pub use plugins::{converters, header_converters};
pub use simple_header::SimpleHeaderConverter;
pub use string::StringConverter;
