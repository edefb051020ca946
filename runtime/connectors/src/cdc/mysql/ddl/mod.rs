//! Structures of tables, and statements that change them.

mod charset;
mod column;
mod cursor;
mod lexer;
mod model;
mod statement;
mod structures;
#[cfg(test)]
mod tests;

pub(crate) use column::Definition;
pub(crate) use lexer::SqlMode;
pub(crate) use model::{Column, Structure, TableName, jdbc, quoted};
pub(crate) use statement::{Body, CreateTable, Part, Place, Spec, Statement, parse, table_of};
pub(crate) use structures::{Change, ChangeKind, Structures};
