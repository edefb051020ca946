//! Signals: the first asks for an orderly end, the second ends at once.

use std::io;
use std::process;
use std::thread;

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

    /// Lets a further signal end the process at once. It has a thread of its own: to the very
    /// end, when those of the worker are gone or stuck, somebody may want to wait no longer.
    pub(crate) fn end_at_next(self) {
        let thread = thread::Builder::new().name("gantry-signals".to_owned());
        let watching = thread.spawn(move || {
            if let Err(error) = self.wait_and_end() {
                complain(&error);
            }
        });
        if let Err(error) = watching {
            complain(&error);
        }
    }

    fn wait_and_end(mut self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let signal = runtime.block_on(self.next());
        tracing::warn!("{signal} again: stopping at once");
        process::exit(EXIT_FORCED)
    }
}

fn complain(error: &io::Error) {
    tracing::warn!(%error, "a second signal will not end the process at once");
}
