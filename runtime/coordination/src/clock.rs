//! The clock of leases: it never goes back and counts the time for which the machine slept.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds since some moment.
pub fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1000 + u64::try_from(now.tv_nsec / 1_000_000).unwrap_or(0)
}
