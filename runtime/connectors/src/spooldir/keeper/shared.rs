//! What the task and its thread say to each other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::spooldir::input::Stop;

/// Between the task and its thread.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    stop: Stop,
    /// How many records the log has.
    acknowledged: AtomicU64,
    woken: Mutex<bool>,
    wake: Condvar,
}

impl Shared {
    pub(super) fn stop(&self) -> Stop {
        Arc::<AtomicBool>::clone(&self.stop)
    }
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// The thread is to take away what can be taken away, and to end.
    pub(crate) fn end(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake();
    }
    /// The log has so many records more.
    pub(crate) fn acknowledge(&self, count: u64) {
        self.acknowledged.fetch_add(count, Ordering::Release);
        self.wake();
    }
    /// There is something to do.
    pub(crate) fn wake(&self) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_one();
    }
    /// Waits until there is something to do.
    pub(super) fn wait(&self, time: Duration) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.wake.wait_timeout_while(woken, time, |woken| !*woken);
        let (mut woken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *woken = false;
    }
}
