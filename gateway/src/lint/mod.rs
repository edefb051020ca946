//! `gantry lint`: what is wrong with connector and worker files, found without a worker.
//!
//! A file becomes a [`document`] whose entries know their place. Each module of checks holds its
//! rules as constants and a function that reports findings; [`rules`] lists all rules, and from
//! that list the page `docs/lint.md` is written. The examples of a rule are its tests.

mod context;
mod converters;
mod dialects;
mod document;
mod errors;
mod flow;
mod keys;
mod placeholders;
mod reference;
mod report;
mod rule;
mod rules;
mod run;
mod secrets;
mod stages;
mod syntax;
#[cfg(test)]
mod tests;
mod topics;
mod values;
mod worker;

pub(crate) use reference::{explain, markdown};
pub(crate) use report::FileReport;
pub(crate) use rule::Level;
pub(crate) use run::{Worker, lint_files};
