//! `/metrics`: what the tasks count, and the process itself, in the OpenMetrics text format; and
//! the same to reporters at an interval.

mod collector;
mod names;
mod process;
mod rates;
mod reporter;

#[cfg(test)]
mod tests;

pub(crate) use collector::{CONTENT_TYPE, Metrics};
pub use reporter::{MetricSample, MetricsReporter};
pub(crate) use reporter::{TopicReporter, start as start_reporters};
