//! HTTP source: what a web service answers as records, under the class name and keys of castorm's
//! connector; see the README of the folder above.

mod config;
mod connector;
mod hop;
mod json;
mod keys;
mod records;
mod request;
mod task;
mod template;
mod times;

#[cfg(test)]
mod tests;

pub use connector::HttpSource;
pub(super) use keys::definition;
pub use task::HttpSourceTask;
