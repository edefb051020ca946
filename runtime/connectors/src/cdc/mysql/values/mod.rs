//! Columns of MySQL and MariaDB as fields, and their values.

mod charset;
mod convert;
mod default;
mod geometry;
mod text;
#[cfg(test)]
mod tests;

pub(crate) use convert::{Converter, Modes};
