//! Logs: one line for each event on standard error, with the time.

use std::io;

use tracing::Level;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// Changes the level while the worker runs.
#[derive(Clone, Debug)]
pub(crate) struct LogLevel {
    handle: reload::Handle<LevelFilter, Registry>,
}

impl LogLevel {
    /// Starts logging at a level. A program that has set up logging of its own keeps it.
    pub(crate) fn start(level: Level) -> Self {
        let (filter, handle) = reload::Layer::new(LevelFilter::from_level(level));
        let lines = layer().compact().with_target(false).with_ansi(false).with_writer(io::stderr);
        let started = tracing_subscriber::registry().with(filter).with(lines).try_init();
        let log_level = Self { handle };
        if started.is_err() {
            tracing::debug!("logging was set up before");
        }
        log_level
    }

    /// The level now.
    pub(crate) fn current(&self) -> Option<LevelFilter> {
        self.handle.clone_current()
    }
}
