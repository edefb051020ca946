//! Reading the text of `.proto` files.

mod options;
mod parser;
mod reader;

pub(crate) use parser::parse;
