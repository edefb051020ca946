//! Signals: the first asks for an orderly end, the second ends at once.

use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The exit status of a process that a second signal ended: 128 + SIGTERM.
const EXIT_FORCED: i32 = 143;

/// Watches for SIGTERM and SIGINT.
#[derive(Debug)]
pub(crate) struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// Begins to watch; from now on the signals do not end the process by themselves.
    pub(crate) fn watch() -> Result<Self, String> {
        let watch = |kind| signal(kind).map_err(|error| format!("cannot watch signals: {error}"));
        Ok(Self { term: watch(SignalKind::terminate())?, int: watch(SignalKind::interrupt())? })
    }

    /// Waits for the next signal and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
        }
    }

    /// Lets a further signal end the process at once.
    pub(crate) fn end_at_next(mut self) {
        tokio::spawn(async move {
            let signal = self.next().await;
            tracing::warn!("{signal} again: stopping at once");
            process::exit(EXIT_FORCED);
        });
    }
}
