//! Logs: one line for each event on standard error, and loggers whose levels can be changed
//! while the worker runs.
//!
//! A logger's name is that of the module its events come from, with dots:
//! `gantry.engine.task.sink`. Those that have a counterpart in Kafka Connect also answer to its
//! name. Events of level DEBUG and TRACE show the name, so that it can be used.

mod format;
mod level;
mod loggers;
mod names;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, reload};

use self::format::Line;
pub(crate) use self::level::Level;
pub(crate) use self::loggers::Loggers;

/// Starts logging: the level of all loggers, then those of some, in order. A program that has
/// set up logging of its own keeps it.
pub(crate) fn start(root: Level, some: &[(String, Level)]) -> Arc<Loggers> {
    let initial = loggers::targets(root, some);
    let (filter, handle) = reload::Layer::new(initial);
    let lines = fmt::layer().with_ansi(false).with_writer(io::stderr).event_format(Line);
    let started = tracing_subscriber::registry().with(filter).with(lines).try_init();
    if started.is_err() {
        tracing::debug!("logging was set up before");
    }
    Arc::new(Loggers::new(root, some, Some(handle)))
}
