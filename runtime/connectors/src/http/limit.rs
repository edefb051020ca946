//! How many requests and bytes are sent in a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So much that was not used is made up for, as timers are late.
const SLACK: Duration = Duration::from_millis(100);

/// A limit that all requests of a task share.
#[derive(Debug)]
pub(super) struct Limiter {
    per_request: Duration,
    bytes_per_second: u64,
    /// When the next request may go.
    next: Mutex<Option<Instant>>,
}

impl Limiter {
    /// Zero: no limit.
    pub(super) fn new(requests_per_second: u64, bytes_per_second: u64) -> Self {
        let per_request = match requests_per_second {
            0 => Duration::ZERO,
            rate => Duration::from_nanos(1_000_000_000 / rate),
        };
        Self { per_request, bytes_per_second, next: Mutex::default() }
    }

    /// Waits until a body of this size may be sent.
    pub(super) async fn wait(&self, bytes: usize) {
        if self.per_request.is_zero() && self.bytes_per_second == 0 {
            return;
        }
        let until = self.reserve(Instant::now(), bytes);
        tokio::time::sleep_until(until).await;
    }

    /// When it may be sent; those that come later wait for it.
    fn reserve(&self, now: Instant, bytes: usize) -> Instant {
        let for_bytes = match self.bytes_per_second {
            0 => Duration::ZERO,
            rate => Duration::from_secs_f64(bytes as f64 / rate as f64),
        };
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        let at = next.unwrap_or(now).max(earliest);
        *next = Some(at + self.per_request.max(for_bytes));
        at
    }
}
