//! A topology running on a log: threads with tasks, checkpoints, state that is found again.

mod answering;
mod asking;
mod begin;
mod checkpoint;
mod commit;
mod committed;
mod global;
mod group;
mod job;
mod keeper;
mod merge;
pub(crate) mod outage;
mod plan;
mod reading;
mod report;
mod restore;
mod standby;
mod store_query;
mod threads;
mod worker;

use std::fs::File;
#[cfg(feature = "http")]
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gantry_cluster::{Incarnation, Unit};
use gantry_coordination::{Copies, Fence, FencedOffsets, Transactions};
use gantry_log::FullLog;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::builder::Topology;
use crate::data::{Data, Key};
use crate::error::StreamsError;
use crate::metrics::OperatorStatus;
use crate::query::{QueryError, StoreInfo};
use crate::settings::Settings;
use crate::store::{Disk, Lasts};
pub(crate) use asking::Asker;
pub use asking::{Instance, TaskPlace};
use begin::Claim;
use global::Globals;
use group::Group;
use job::{BEGINS, Job, Shared};
use keeper::{Keeper, blocking};
use plan::Plan;
use report::Reporter;
use standby::Standby;
pub use standby::StandbyStatus;
pub use store_query::StoreQuery;
use threads::Threads;
use worker::{Work, Worker};

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

/// A running job. Dropping it stops it, after a last checkpoint.
pub struct Streams {
    job: Arc<Job>,
    group: Option<Arc<Group>>,
    asker: Arc<Asker>,
    threads: Vec<JoinHandle<()>>,
    reporter: Option<tokio::task::JoinHandle<()>>,
    /// Connections of the log that the job opened live on it, whatever its own threads do.
    runtime: Runtime,
    _lock: File,
}

/// How long the others are waited for when an instance leaves, and then the last checkpoints.
const LEAVE_LIMIT: Duration = Duration::from_secs(10);

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams").field("threads", &self.threads.len()).finish_non_exhaustive()
    }
}

impl Streams {
    /// Makes the topics that the job needs, and starts its threads, which find the state of their
    /// tasks again. Where several instances share the log, they share the tasks. Blocks until then:
    /// not to be called on a thread of an async runtime. Fails with [`StreamsError::Topology`] if a
    /// topic is missing or does not fit, with [`StreamsError::Changed`] if there is state of another
    /// topology.
    pub fn start(
        topology: Topology,
        log: Arc<dyn FullLog>,
        settings: Settings,
    ) -> Result<Self, StreamsError> {
        settings.check()?;
        #[cfg(feature = "http")]
        let (settings, listener) = listen(settings)?;
        let lock = take_dir(&settings.state_dir)?;
        let dir = settings.state_dir.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("streams-io")
            .enable_all()
            .build()
            .map_err(|error| place_fault(&dir, &error))?;
        let text = topology.describe();
        let (job, follower) = runtime.block_on(open(topology, log, settings))?;
        let globals = runtime.block_on(Globals::open(&job))?;
        if job.is_shared() {
            follower.abort();
            // It must have ended before another one begins.
            let _ = runtime.block_on(follower);
        }
        let number = job.settings.threads.min(job.plan.tasks.len());
        let (assigned, receivers) = Threads::new(number, job.plan.tasks.len());
        let assigned = Arc::new(assigned);
        let group = runtime.block_on(assign(&job, &assigned))?;
        let reporter = Reporter::new(&job, text).map(|reporter| runtime.spawn(reporter.run()));
        let asker = Asker::new(Arc::clone(&job), Arc::clone(&assigned), group.clone());
        let (asker, threads) = (Arc::new(asker), Vec::new());
        let mut streams = Self { job, group, asker, threads, reporter, runtime, _lock: lock };
        let handle = streams.runtime.handle().clone();
        if let Some(globals) = globals {
            let handle = handle.clone();
            streams.spawn("global", move || globals.run(&handle))?;
        }
        let group = streams.group.clone().filter(|_| streams.job.settings.standby_replicas > 0);
        if let Some(group) = group {
            let standby = Standby::new(&streams.job);
            streams.spawn("standby", move || standby.run(&group, &handle))?;
        }
        for (number, receivers) in receivers.into_iter().enumerate() {
            let (job, group) = (Arc::clone(&streams.job), streams.group.clone());
            let (threads, handle) = (Arc::clone(&assigned), streams.runtime.handle().clone());
            streams.spawn(&number.to_string(), move || {
                let work = Work::new(&job);
                Worker { job, threads, group, number, receivers, work }.run(&handle);
            })?;
        }
        #[cfg(feature = "http")]
        listener.map(|listener| streams.serve_on(listener)).transpose()?;
        Ok(streams)
    }

    fn spawn(
        &mut self,
        name: &str,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<(), StreamsError> {
        let thread = std::thread::Builder::new().name(format!("streams-{name}")).spawn(run);
        self.threads
            .push(thread.map_err(|error| place_fault(&self.job.settings.state_dir, &error))?);
        Ok(())
    }

    /// How each task is that this instance has, as of its last checkpoint.
    pub fn status(&self) -> Vec<TaskStatus> {
        self.job.tasks()
    }

    /// The tasks of other instances whose state this one keeps warm.
    pub fn standbys(&self) -> Vec<StandbyStatus> {
        self.job.standbys()
    }

    /// The status of tasks and standbys as text for Prometheus: serve it as `text/plain; version=0.0.4`.
    pub fn prometheus(&self) -> String {
        self.job.prometheus()
    }

    /// Answers over HTTP from now on, until the job ends; what, `docs/streams.md` says. Gives the
    /// address, which has the port that was free if 0 was asked for. That others are sent here who ask
    /// other instances, [`Settings::application_server`] must say so before the job starts, or it
    /// listens by [`Settings::listen`].
    #[cfg(feature = "http")]
    pub fn serve(&self, address: &str) -> Result<SocketAddr, StreamsError> {
        self.serve_on(crate::http::bind(address)?)
    }

    #[cfg(feature = "http")]
    fn serve_on(&self, listener: std::net::TcpListener) -> Result<SocketAddr, StreamsError> {
        crate::http::serve(self.runtime.handle(), listener, Arc::clone(&self.asker))
    }

    /// The stores that can be asked: tables that have a name by
    /// [`Table::materialized_as`](crate::Table::materialized_as), and those of processors.
    pub fn stores(&self) -> Vec<StoreInfo> {
        self.asker.stores()
    }

    /// Asks a store, over the tasks that this instance has. Fails if there is none of that name, or
    /// if its keys or values are of other types.
    pub fn query<K: Key, V: Data>(&self, store: &str) -> Result<StoreQuery<K, V>, QueryError> {
        StoreQuery::new(&self.asker, self.runtime.handle(), store)
    }

    /// All instances of the job with the tasks that they have, as far as this one knows.
    pub fn instances(&self) -> Vec<Instance> {
        self.asker.instances()
    }

    /// Which instance has a key of a store, as far as that is known.
    pub fn owner_of<K: Key>(&self, store: &str, key: &K) -> Result<Option<Instance>, QueryError> {
        let stored = self.asker.stored(store)?;
        Ok(self.asker.owner_of(stored, &key.to_bytes()))
    }

    /// Why the job stopped by itself; `None` while it runs.
    pub fn failure(&self) -> Option<StreamsError> {
        self.job.shared.failure()
    }

    /// Ends all tasks, each with a last checkpoint, and leaves them to the other instances. Blocks
    /// until then. Gives the failure, if the job had stopped by itself.
    pub fn stop(self) -> Result<(), StreamsError> {
        let job = Arc::clone(&self.job);
        drop(self);
        job.shared.failure().map_or(Ok(()), Err)
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        let shared = &self.job.shared;
        shared.stopping.cancel();
        if let Some(group) = self.group.take() {
            let left = async { tokio::time::timeout(LEAVE_LIMIT, group.left.cancelled()).await };
            if self.runtime.block_on(left).is_err() {
                tracing::warn!(job = %self.job.plan.job, "left without a word: the other instances notice after session_timeout");
            }
        }
        shared.stop();
        let job = Arc::clone(&self.job);
        self.runtime.spawn(async move {
            tokio::time::sleep(LEAVE_LIMIT).await;
            job.shared.abandoned.cancel();
        });
        if let Some(reporter) = self.reporter.take() {
            // It ends by itself, at the latest when its last report takes too long.
            let _ = self.runtime.block_on(reporter);
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                shared.fail(StreamsError::Operator {
                    operator: "a thread of the job".to_owned(),
                    reason: "it panicked".to_owned(),
                });
            }
        }
        self.runtime.block_on(self.job.offsets.copy());
    }
}

/// Takes the address where the job shall answer, before others are told of it.
#[cfg(feature = "http")]
fn listen(
    mut settings: Settings,
) -> Result<(Settings, Option<std::net::TcpListener>), StreamsError> {
    let Some(address) = &settings.listen else { return Ok((settings, None)) };
    let listener = crate::http::bind(address)?;
    let bound = listener.local_addr().ok().filter(|bound| !bound.ip().is_unspecified());
    let server = &mut settings.application_server;
    *server = server.take().or_else(|| bound.map(|bound| bound.to_string()));
    Ok((settings, Some(listener)))
}

/// Makes topics, and opens state here and in the log.
async fn open(
    topology: Topology,
    log: Arc<dyn FullLog>,
    settings: Settings,
) -> Result<(Arc<Job>, tokio::task::JoinHandle<()>), StreamsError> {
    let keeper = {
        let (job, settings) = (topology.job.to_string(), settings.clone());
        blocking(move || crate::remote::open(&job, &settings)).await?.map(Keeper::new)
    };
    let plan = Plan::make(topology, &*log, &settings).await?;
    let queue = plan.open(&*log, &plan.checkpoints()).await?;
    let db = settings.state_dir.join("db");
    let lasts = match (&keeper, settings.local_storage_only) {
        (Some(_), _) => Lasts::BeyondProcess,
        (None, true) => Lasts::BeyondMachine,
        (None, false) => Lasts::NotYet,
    };
    let disk = Disk::open(&db, settings.block_cache_bytes, lasts)?;
    let copies = Copies::new(Some(settings.state_dir.clone()));
    let offsets = FencedOffsets::new(Arc::clone(&log), queue).with_copies(copies);
    let offsets = Arc::new(offsets);
    let known = Transactions::new(Arc::clone(&log), Some(Arc::clone(&offsets)));
    let (backend, transactions) = (Arc::new(disk), Arc::new(known));
    let shared = Shared::default();
    let begins = Semaphore::new(BEGINS);
    let job = Job { plan, log, backend, keeper, settings, begins, offsets, transactions, shared };
    let job = Arc::new(job);
    // In a group this is done with the protocol; until then, and without one, here.
    let follower = tokio::spawn(follow(Arc::clone(&job)));
    job.plan.check(&*job.log, &job.offsets).await?;
    if !job.is_shared() {
        // What this instance left open when it was killed is over: nobody waits for it.
        job.offsets.edit(&job.plan.job, Vec::new()).await?;
    }
    tokio::spawn(keep_copy(Arc::clone(&job)));
    Ok((job, follower))
}

/// Keeps a copy of what the checkpoints come to on this machine's disk, for a job that is down for
/// longer than the log keeps records.
async fn keep_copy(job: Arc<Job>) {
    let stopping = job.shared.stopping.clone();
    loop {
        tokio::select! {
            () = tokio::time::sleep(COPY_INTERVAL) => job.offsets.copy().await,
            // The last one is made when all is written.
            () = stopping.cancelled() => return,
        }
    }
}

/// How often the copy is brought up to date.
const COPY_INTERVAL: Duration = Duration::from_secs(60);

/// Follows the checkpoints where no group does.
async fn follow(job: Arc<Job>) {
    let me = Incarnation(fastrand::u64(..));
    let mut pruning = std::pin::pin!(job.offsets.prune());
    loop {
        let step = async {
            job.offsets.follow().await?;
            job.offsets.keep(me).await
        };
        let done = tokio::select! {
            done = step => done,
            never = &mut pruning => match never {},
        };
        if let Err(error) = done {
            tracing::warn!(job = %job.plan.job, %error, "checkpoints cannot be read now");
            tokio::time::sleep(FOLLOW_RETRY).await;
        }
    }
}

/// The wait after the checkpoints could not be read.
const FOLLOW_RETRY: Duration = Duration::from_millis(200);

/// Lets the instances share the tasks; or gives this one all of them.
async fn assign(
    job: &Arc<Job>,
    threads: &Arc<Threads>,
) -> Result<Option<Arc<Group>>, StreamsError> {
    if job.is_shared() {
        let queue = job.plan.open(&*job.log, &job.plan.group()).await?;
        let group = Group::join(Arc::clone(job), Arc::clone(threads), queue).await?;
        return Ok(Some(group));
    }
    // Whoever had them before commits no more.
    let epoch = job.offsets.last_stamp(&job.plan.job) + 1;
    for (number, place) in (0..).zip(&job.plan.tasks) {
        let fence = Fence::new(Unit::task(&job.plan.job, number), epoch, epoch);
        let (lease, stop) = (None, CancellationToken::new());
        threads.start(Claim { place: *place, fence, lease, stop });
    }
    Ok(None)
}

fn place_fault(place: &Path, error: &std::io::Error) -> StreamsError {
    StreamsError::state(place, error)
}

/// How long the directory is waited for.
const LOCK_LIMIT: Duration = Duration::from_secs(1);

/// Takes the directory for this process: a second one would read half-written state.
fn take_dir(dir: &Path) -> Result<File, StreamsError> {
    std::fs::create_dir_all(dir).map_err(|error| place_fault(dir, &error))?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join("lock"))
        .map_err(|error| place_fault(dir, &error))?;
    // A program that this one just starts has its files for a moment, those too that it has closed.
    let until = Instant::now() + LOCK_LIMIT;
    let mut locked = file.try_lock();
    while matches!(locked, Err(std::fs::TryLockError::WouldBlock)) && Instant::now() < until {
        std::thread::sleep(LOCK_LIMIT / 20);
        locked = file.try_lock();
    }
    match locked {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StreamsError::State {
            place: dir.display().to_string(),
            reason: "another job or process has it; give each instance a directory of its own"
                .to_owned(),
        }),
        Err(std::fs::TryLockError::Error(error)) => Err(place_fault(dir, &error)),
    }
}
