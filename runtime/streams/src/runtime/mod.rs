//! A topology running on a log: threads with tasks, checkpoints, state that is found again.

mod commit;
mod global;
mod merge;
mod plan;
mod restore;
mod worker;

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use gantry_log::{FullLog, Str};
use tokio::runtime::Runtime;

use crate::builder::Topology;
use crate::error::StreamsError;
use crate::metrics::{self, OperatorStatus};
use crate::settings::Settings;
use crate::store::{Backend, Disk};
use global::Globals;
use plan::Plan;
use worker::Worker;

/// How a task is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TaskStatus {
    /// Which sub-topology.
    pub sub_topology: usize,
    /// Which queue of the topics that it reads.
    pub queue: u32,
    /// Where it goes on, by topic.
    pub inputs: std::collections::BTreeMap<String, u64>,
    /// Records that it has not yet read.
    pub lag: u64,
    /// Records that it took since it started here.
    pub records: u64,
    /// Records that came too late for their windows.
    pub late: u64,
    /// Records that could not be read.
    pub bad: u64,
    /// No record before this time is waited for; none before the first record.
    pub watermark_ms: Option<i64>,
    /// How far the watermark was behind the wall clock at the last checkpoint.
    pub watermark_lag_ms: Option<i64>,
    /// Entries of state in memory.
    pub cached_entries: usize,
    /// Checkpoints so far, over all restarts.
    pub checkpoints: u64,
    /// Microseconds that its checkpoints took since it started here: those of a thread's tasks are
    /// written together.
    pub checkpoint_time_us: u64,
    /// Microseconds that the last one took.
    pub checkpoint_last_us: u64,
    /// What each of its operators did.
    pub operators: Vec<OperatorStatus>,
}

/// What threads and their owner share.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    failure: Mutex<Option<StreamsError>>,
    status: Mutex<std::collections::BTreeMap<(usize, u32), TaskStatus>>,
}

impl Shared {
    fn fail(&self, error: StreamsError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stop.store(true, Ordering::Release);
    }
}

/// A running job. Dropping it stops it, after a last checkpoint.
pub struct Streams {
    job: Str,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// Connections of the log that the job opened live on it, whatever its own threads do.
    _runtime: Runtime,
    _lock: File,
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Streams {
    /// Makes the topics that the job needs, finds its state again, and starts its threads. Blocks
    /// until then: not to be called on a thread of an async runtime. Fails with
    /// [`StreamsError::Topology`] if a topic is missing or does not fit, with
    /// [`StreamsError::Changed`] if there is state of another topology.
    pub fn start(
        topology: Topology,
        log: Arc<dyn FullLog>,
        settings: Settings,
    ) -> Result<Self, StreamsError> {
        settings.check()?;
        let lock = take_dir(&settings.state_dir)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("streams-io")
            .enable_all()
            .build()
            .map_err(|error| place_fault(&settings.state_dir, &error))?;
        let plan = runtime.block_on(Plan::make(topology, &*log, &settings))?;
        let db = settings.state_dir.join("db");
        let disk = Disk::open(&db, settings.block_cache_bytes, settings.local_storage_only)?;
        let (plan, backend): (_, Arc<dyn Backend>) = (Arc::new(plan), Arc::new(disk));
        let (shared, settings) = (Arc::new(Shared::default()), Arc::new(settings));
        let mut threads = Vec::new();
        if let Some(globals) = runtime.block_on(Globals::open(&plan, &log, &backend))? {
            let (shared, handle) = (Arc::clone(&shared), runtime.handle().clone());
            let thread = std::thread::Builder::new().name("streams-global".to_owned());
            let thread = thread.spawn(move || globals.run(&shared, &handle));
            threads.push(thread.map_err(|error| place_fault(&settings.state_dir, &error))?);
        }
        for number in 0..settings.threads.min(plan.tasks.len()) {
            let worker = Worker {
                plan: Arc::clone(&plan),
                log: Arc::clone(&log),
                backend: Arc::clone(&backend),
                settings: Arc::clone(&settings),
                shared: Arc::clone(&shared),
                number,
            };
            let (name, handle) = (format!("streams-{number}"), runtime.handle().clone());
            let thread = std::thread::Builder::new().name(name);
            let thread = thread.spawn(move || worker.run(&handle));
            threads.push(thread.map_err(|error| place_fault(&settings.state_dir, &error))?);
        }
        let job = Str::clone(&plan.job);
        Ok(Self { job, shared, threads, _runtime: runtime, _lock: lock })
    }

    /// How each task is, as of its last checkpoint.
    pub fn status(&self) -> Vec<TaskStatus> {
        let status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.values().cloned().collect()
    }

    /// The same as text for Prometheus: serve it as `text/plain; version=0.0.4`.
    pub fn prometheus(&self) -> String {
        metrics::prometheus(&self.job, &self.status())
    }

    /// Why the job stopped by itself; `None` while it runs.
    pub fn failure(&self) -> Option<StreamsError> {
        self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends all tasks, each with a last checkpoint. Blocks until then. Gives the failure, if the job
    /// had stopped by itself.
    pub fn stop(mut self) -> Result<(), StreamsError> {
        self.end();
        self.failure().map_or(Ok(()), Err)
    }

    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                self.shared.fail(StreamsError::Operator {
                    operator: "a thread of the job".to_owned(),
                    reason: "it panicked".to_owned(),
                });
            }
        }
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.end();
    }
}

fn place_fault(place: &Path, error: &std::io::Error) -> StreamsError {
    StreamsError::State { place: place.display().to_string(), reason: error.to_string() }
}

/// Takes the directory for this process: a second one would read half-written state.
fn take_dir(dir: &Path) -> Result<File, StreamsError> {
    std::fs::create_dir_all(dir).map_err(|error| place_fault(dir, &error))?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join("lock"))
        .map_err(|error| place_fault(dir, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StreamsError::State {
            place: dir.display().to_string(),
            reason: "another job or process has it; give each instance a directory of its own"
                .to_owned(),
        }),
        Err(std::fs::TryLockError::Error(error)) => Err(place_fault(dir, &error)),
    }
}
