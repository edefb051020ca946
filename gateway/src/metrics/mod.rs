//! `/metrics`: what the tasks count, and the process itself, in the OpenMetrics text format.

mod collector;
mod names;
mod process;
mod rates;

#[cfg(test)]
mod tests;

pub(crate) use collector::{CONTENT_TYPE, Metrics};
