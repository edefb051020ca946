//! Columns of MySQL and MariaDB as fields, and their values.

mod charset;
mod convert;
mod default;
mod geometry;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use convert::{Converter, Modes};
