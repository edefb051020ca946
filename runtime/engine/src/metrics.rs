//! What tasks count. Counters are the task's own atomics, added to once per batch; nobody else
//! writes them, so the record path shares no cache line with another task.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

macro_rules! task_metrics {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters of one task since it was created; restarts keep them.
        #[derive(Debug, Default)]
        pub struct TaskMetrics {
            $($(#[$doc])* pub(crate) $name: AtomicU64,)*
            /// Milliseconds since the epoch of the last progress; 0 before any.
            pub(crate) last_progress_ms: AtomicI64,
        }
        /// The values of [`TaskMetrics`] at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct TaskSnapshot {
            $($(#[$doc])* pub $name: u64,)*
            /// Milliseconds since the epoch of the last poll, put or commit that moved
            /// something; 0 before any.
            pub last_progress_ms: i64,
        }
        impl TaskMetrics {
            /// All values now.
            pub fn snapshot(&self) -> TaskSnapshot {
                TaskSnapshot {
                    $($name: self.$name.load(Ordering::Relaxed),)*
                    last_progress_ms: self.last_progress_ms.load(Ordering::Relaxed),
                }
            }
        }
    };
}

task_metrics! {
    /// Source: records polled. Sink: records read from the log.
    records_in,
    /// Source: records durable in the log. Sink: records put.
    records_out,
    /// Bytes of keys, values and headers written to or read from the log.
    bytes,
    /// Polls that gave records, or puts of records.
    batches,
    /// Time spent in poll or put, in microseconds.
    batch_time_us,
    /// The longest poll or put, in microseconds.
    batch_time_max_us,
    /// Records dropped by transformations.
    records_filtered,
    /// Operations that failed, retries counted.
    errors,
    /// Records that failed for good.
    records_failed,
    /// Records skipped by `errors.tolerance=all`.
    records_skipped,
    /// Retries.
    retries,
    /// Errors logged.
    errors_logged,
    /// Records sent to the dead letter queue.
    deadletterqueue_records,
    /// Records that could not be sent to the dead letter queue.
    deadletterqueue_failures,
    /// Offset commits that were done.
    offset_commits,
    /// Offset commits that failed.
    offset_commit_failures,
    /// Time spent in offset commits, in microseconds.
    offset_commit_time_us,
    /// Source: bytes not yet acknowledged by the log. Sink: bytes read and not yet put.
    queue_bytes,
    /// Source: records that it has and that were not polled, where its task knows. Sink: records in
    /// the topic not yet read.
    lag_records,
    /// Restarts by the restart policy.
    restarts,
}

impl TaskMetrics {
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
    pub(crate) fn set(counter: &AtomicU64, value: u64) {
        counter.store(value, Ordering::Relaxed);
    }
    /// Notes that a batch took so long.
    pub(crate) fn batch(&self, elapsed: std::time::Duration) {
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        Self::add(&self.batches, 1);
        Self::add(&self.batch_time_us, elapsed_us);
        self.batch_time_max_us.fetch_max(elapsed_us, Ordering::Relaxed);
        self.last_progress_ms.store(gantry_api::now_ms(), Ordering::Relaxed);
    }
}

/// How many connectors and tasks there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectorCounts {
    /// Connectors.
    pub connectors: u64,
    /// Tasks.
    pub tasks: u64,
}
