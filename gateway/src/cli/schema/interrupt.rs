//! Ctrl-C while something is under way that must be put back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::shutdown::Signals;

/// Whether the user wants it to end.
pub(super) struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// From now on SIGINT and SIGTERM are noted, and only a second one ends the process at once.
    pub(super) fn watch() -> Result<Self, String> {
        let asked = Arc::new(AtomicBool::new(false));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("cannot watch signals: {error}"))?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::watch()?
        };
        let noted = Arc::clone(&asked);
        let watching = thread::Builder::new().name("gantry-signals".to_owned()).spawn(move || {
            runtime.block_on(signals.next());
            noted.store(true, Ordering::Relaxed);
            signals.end_at_next();
        });
        watching.map_err(|error| format!("cannot watch signals: {error}"))?;
        Ok(Self { asked })
    }

    /// An error once the user wants it to end.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.asked.load(Ordering::Relaxed) {
            return Err("it was interrupted".to_owned());
        }
        Ok(())
    }
}
