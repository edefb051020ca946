//! Locks that a panic elsewhere does not take away.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::api::{LogRecord, QueueBatch};

/// Locks; what a panicking holder left is used as it is: every change under our locks is
/// either complete or not begun.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds since the epoch, by the wall clock.
pub(crate) fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Sets the time of records for which the log shall.
pub(crate) fn set_times(batches: &mut [QueueBatch]) {
    let mut now = None;
    for record in batches.iter_mut().flat_map(|batch| &mut batch.records) {
        if record.timestamp_ms == LogRecord::AT_STORE {
            record.timestamp_ms =
                *now.get_or_insert_with(|| i64::try_from(now_ms()).unwrap_or(i64::MAX));
        }
    }
}
