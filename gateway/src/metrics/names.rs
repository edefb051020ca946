//! The names of all metrics, with what each counts. The text format ends counters with `_total`
//! and puts the unit before that.

/// A metric's name without unit and `_total`, its unit, and its description.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) name: &'static str,
    pub(super) unit: Option<&'static str>,
    pub(super) help: &'static str,
}

const fn count(name: &'static str, help: &'static str) -> Name {
    Name { name, unit: None, help }
}

const fn in_unit(name: &'static str, unit: &'static str, help: &'static str) -> Name {
    Name { name, unit: Some(unit), help }
}

pub(super) const RECORDS_IN: Name = count(
    "gantry_task_records_in",
    "Records that a source task polled, or that a sink task read from the log",
);
pub(super) const RECORDS_OUT: Name = count(
    "gantry_task_records_out",
    "Records of a source task that are durable in the log, or that a sink task put",
);
pub(super) const BYTES: Name = in_unit(
    "gantry_task",
    "bytes",
    "Bytes of keys, values and headers that a task wrote to the log or read from it",
);
pub(super) const BATCHES: Name = count("gantry_task_batches", "Polls that gave records, or puts");
pub(super) const BATCH_TIME: Name =
    in_unit("gantry_task_batch", "seconds", "Time that a task spent in poll or put");
pub(super) const BATCH_TIME_MAX: Name =
    in_unit("gantry_task_batch_max", "seconds", "The longest poll or put of a task");
pub(super) const FILTERED: Name =
    count("gantry_task_records_filtered", "Records that transformations dropped");
pub(super) const ERRORS: Name =
    count("gantry_task_errors", "Operations that failed, retries counted");
pub(super) const FAILED: Name = count("gantry_task_records_failed", "Records that failed for good");
pub(super) const SKIPPED: Name =
    count("gantry_task_records_skipped", "Records that errors.tolerance=all skipped");
pub(super) const RETRIES: Name = count("gantry_task_retries", "Operations that were tried again");
pub(super) const ERRORS_LOGGED: Name =
    count("gantry_task_errors_logged", "Errors written to the log by errors.log.enable");
pub(super) const DLQ_RECORDS: Name =
    count("gantry_task_deadletterqueue_records", "Records sent to the dead letter queue");
pub(super) const DLQ_FAILURES: Name = count(
    "gantry_task_deadletterqueue_failures",
    "Records that could not be sent to the dead letter queue",
);
pub(super) const COMMITS: Name =
    count("gantry_task_offset_commits", "Offset commits that were done");
pub(super) const COMMIT_FAILURES: Name =
    count("gantry_task_offset_commit_failures", "Offset commits that failed");
pub(super) const COMMIT_TIME: Name =
    in_unit("gantry_task_offset_commit", "seconds", "Time that a task spent in offset commits");
pub(super) const QUEUE_BYTES: Name = in_unit(
    "gantry_task_queue",
    "bytes",
    "Bytes that a task has in flight: not yet acknowledged by the log, or read and not yet put",
);
pub(super) const LAG: Name = count(
    "gantry_task_lag_records",
    "Records that a source has and has not given, where it says so, or in the topic and not yet read",
);
pub(super) const RESTARTS: Name =
    count("gantry_task_restarts", "Restarts of a failed task by the restart policy");
pub(super) const LAST_PROGRESS: Name = in_unit(
    "gantry_task_last_progress_timestamp",
    "seconds",
    "When a task last moved or committed something, in seconds since the epoch; 0 before that",
);
pub(super) const STATE: Name = count("gantry_task_state", "1 for the state that a task is in");
pub(super) const RATE_IN: Name =
    count("gantry_task_records_in_per_second", "Records in per second over the last interval");
pub(super) const RATE_OUT: Name =
    count("gantry_task_records_out_per_second", "Records out per second over the last interval");
pub(super) const RATE_BYTES: Name =
    count("gantry_task_bytes_per_second", "Bytes per second over the last interval");

pub(super) const CONNECTORS: Name = count("gantry_worker_connectors", "Connectors of this worker");
pub(super) const TASKS: Name = count("gantry_worker_tasks", "Tasks of this worker");
pub(super) const UPTIME: Name =
    in_unit("gantry_worker_uptime", "seconds", "Time since the worker started");
pub(super) const LOG_SIZE: Name =
    in_unit("gantry_log_size", "bytes", "Bytes on disk below gantry.data.dir");
pub(super) const BUILD: Name = count("gantry_build", "The version that runs");

pub(super) const MEMORY: Name =
    in_unit("process_resident_memory", "bytes", "Resident memory of the process");
pub(super) const CPU: Name =
    in_unit("process_cpu", "seconds", "CPU time of the process, user and system");
pub(super) const OPEN_FDS: Name = count("process_open_fds", "Open file descriptors of the process");
