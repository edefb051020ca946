//! Starts a task, watches over it, and starts it again where the restart policy says so.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use gantry_api::{
    CancellationToken, ConnectorPlugin, Error, PluginRegistry, Props, Result, Str, TaskFactory,
};
use gantry_coordination::{CommitError, Lease, Transaction};
use gantry_log::{FullLog, Session, TopicPartition};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::queues::QueueOwners;
use super::sink::SinkWorker;
use super::source::SourceWorker;
use super::stages::Stages;
use super::topics::ActiveTopicSet;
use crate::config::WorkerConfig;
use crate::connector_config::ConnectorConfig;
use crate::entities::{TargetState, TaskId, TaskState, UnitState};
use crate::metrics::TaskMetrics;
use crate::offsets::{Change, TaskOffsets};

/// The wait before a task of a cluster starts again after an error worth trying again.
const RETRIABLE_WAIT: Duration = Duration::from_millis(500);
/// The stack of a task's own thread: as much as Java code is used to.
const OWN_STACK_BYTES: usize = 8 << 20;

/// What a task works with.
pub(crate) struct TaskEnv {
    pub(super) id: TaskId,
    pub(super) connector: Str,
    /// How many tasks the connector has.
    pub(super) tasks: u32,
    /// The task's own properties, secrets resolved.
    pub(super) props: Props,
    pub(super) config: Arc<ConnectorConfig>,
    pub(super) worker: Arc<WorkerConfig>,
    pub(super) plugins: Arc<PluginRegistry>,
    pub(super) plugin: ConnectorPlugin,
    pub(super) log: Arc<dyn FullLog>,
    pub(super) offsets: TaskOffsets,
    /// Whether offsets are part of the write of the records.
    pub(super) atomic: bool,
    /// The queues that the connector's owner gave to each task of a sink; `None`: they deal them
    /// out among themselves in this process.
    pub(super) assigned: Option<Vec<Vec<TopicPartition>>>,
    lease: Option<Lease>,
    session: Arc<Mutex<Session>>,
    pub(super) active_topics: Option<Arc<ActiveTopicSet>>,
    pub(super) queues: Arc<QueueOwners>,
    pub(super) cancel: CancellationToken,
    pub(super) target: watch::Receiver<TargetState>,
    pub(super) metrics: Arc<TaskMetrics>,
    state: watch::Sender<StateCell>,
}

/// What a task is doing, and why it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateCell {
    pub(crate) state: UnitState,
    pub(crate) trace: Option<String>,
}

impl TaskEnv {
    /// Shows a state; called from the task's loop, so it is cheap when nothing changes.
    pub(super) fn set_state(&self, new: UnitState) {
        let old = self.state.borrow().state;
        if old != new {
            tracing::info!(task = %self.id, from = ?old, to = ?new, "task state");
            self.state.send_replace(StateCell { state: new, trace: None });
        }
    }
    fn set_failed(&self, error: &Error) {
        let trace = error.trace();
        tracing::error!(
            task = %self.id, error = %error, trace = %trace,
            "task failed and is not recovered until restarted"
        );
        self.state.send_replace(StateCell { state: UnitState::Failed, trace: Some(trace) });
    }
    fn set_restarting(&self) {
        self.state.send_modify(|cell| cell.state = UnitState::Restarting);
    }

    /// Whether the task is still this worker's to run; looked at before each write, put and
    /// commit.
    pub(super) fn check_lease(&self) -> Result<()> {
        if self.has_lease() {
            return Ok(());
        }
        Err(Error::connect(
            "this worker has not been heard by its cluster for half of session.timeout.ms, and              another may run the task by now",
        ))
    }

    fn has_lease(&self) -> bool {
        self.lease.as_ref().is_none_or(Lease::is_valid)
    }

    /// Commits offsets.
    pub(super) async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        if !self.has_lease() {
            return Err(CommitError::Fenced);
        }
        let stored = self.offsets.store(changes).await;
        if matches!(stored, Err(CommitError::Fenced)) {
            // It ends, and whoever has it takes it over with a barrier of a newer epoch.
            self.cancel.cancel();
        }
        stored
    }

    /// Whether what a source writes counts only once it is committed.
    pub(super) fn is_exactly_once(&self) -> bool {
        self.worker.exactly_once_source && self.offsets.can_transact()
    }

    /// Commits a part of a transaction.
    pub(super) async fn commit_in(
        &self,
        transaction: &Transaction,
        changes: Vec<Change>,
        ends: &BTreeMap<TopicPartition, u64>,
    ) -> Result<(), CommitError> {
        if !self.has_lease() {
            return Err(CommitError::Fenced);
        }
        TaskOffsets::commit_in(transaction, changes, ends).await
    }

    /// After a failure, so that nobody waits for what became of its last records.
    async fn end_transaction(&self) {
        if !self.offsets.has_begun() {
            return;
        }
        while let Err(error) = self.offsets.end().await {
            tracing::warn!(task = %self.id, %error, "cannot end its transaction yet");
            tokio::select! {
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(RETRIABLE_WAIT) => {}
            }
        }
    }

    /// A session for what the task appends from now on; it ends with the task's right to. In an
    /// exact one nothing is appended twice.
    pub(super) fn new_session(&self, exact: bool) -> Session {
        let session = if exact { Session::exact() } else { Session::new() };
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = session.clone();
        session
    }
}

/// What the herder gives to start a task.
pub(crate) struct TaskSetup {
    pub(crate) id: TaskId,
    pub(crate) tasks: u32,
    pub(crate) props: Props,
    pub(crate) config: Arc<ConnectorConfig>,
    pub(crate) worker: Arc<WorkerConfig>,
    pub(crate) plugins: Arc<PluginRegistry>,
    pub(crate) plugin: ConnectorPlugin,
    pub(crate) log: Arc<dyn FullLog>,
    pub(crate) offsets: TaskOffsets,
    pub(crate) assigned: Option<Vec<Vec<TopicPartition>>>,
    pub(crate) lease: Option<Lease>,
    pub(crate) active_topics: Option<Arc<ActiveTopicSet>>,
    pub(crate) queues: Arc<QueueOwners>,
    pub(crate) target: TargetState,
    pub(crate) metrics: Arc<TaskMetrics>,
}

/// A task that was started. Dropping it cancels the task.
pub(crate) struct TaskHandle {
    pub(crate) id: TaskId,
    pub(crate) metrics: Arc<TaskMetrics>,
    cancel: CancellationToken,
    target: watch::Sender<TargetState>,
    state: watch::Receiver<StateCell>,
    session: Arc<Mutex<Session>>,
    join: Option<JoinHandle<()>>,
}

impl TaskHandle {
    /// Starts a task.
    pub(crate) fn start(setup: TaskSetup) -> Self {
        let cancel = CancellationToken::new();
        let (target, target_rx) = watch::channel(setup.target);
        let (state, state_rx) =
            watch::channel(StateCell { state: UnitState::Unassigned, trace: None });
        let session = Arc::new(Mutex::new(Session::new()));
        let env = TaskEnv {
            connector: setup.id.connector.as_str().into(),
            id: setup.id.clone(),
            tasks: setup.tasks,
            props: setup.props,
            config: setup.config,
            worker: setup.worker,
            plugins: setup.plugins,
            plugin: setup.plugin,
            atomic: setup.offsets.store.go_with_records(&*setup.log),
            log: setup.log,
            offsets: setup.offsets,
            assigned: setup.assigned,
            lease: setup.lease,
            session: Arc::clone(&session),
            active_topics: setup.active_topics,
            queues: setup.queues,
            cancel: cancel.clone(),
            target: target_rx,
            metrics: Arc::clone(&setup.metrics),
            state,
        };
        let join = Some(tokio::spawn(supervise(Arc::new(env))));
        let metrics = setup.metrics;
        Self { id: setup.id, metrics, cancel, target, state: state_rx, session, join }
    }

    /// What it is doing.
    pub(crate) fn state(&self) -> (UnitState, Option<String>) {
        let cell = self.state.borrow();
        (cell.state, cell.trace.clone())
    }

    /// What it is doing from now on.
    pub(crate) fn states(&self) -> watch::Receiver<StateCell> {
        self.state.clone()
    }

    /// Ends its right to write: what it has appended and is not on its way goes nowhere.
    pub(crate) fn revoke(&self) {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).set_broken();
        self.cancel.cancel();
    }

    /// As the REST API shows it.
    pub(crate) fn describe(&self, worker_id: &str, version: &str) -> TaskState {
        let (state, trace) = self.state();
        TaskState {
            id: self.id.task,
            state,
            worker_id: worker_id.to_owned(),
            trace,
            version: Some(version.to_owned()),
        }
    }

    /// Pauses or resumes it.
    pub(crate) fn set_target(&self, target: TargetState) {
        self.target.send_replace(target);
    }

    /// Asks it to stop, without waiting.
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Waits until it has stopped; what takes longer than `limit` is abandoned.
    pub(crate) async fn stopped(mut self, limit: Duration) {
        self.cancel.cancel();
        let Some(mut join) = self.join.take() else { return };
        if tokio::time::timeout(limit, &mut join).await.is_err() {
            tracing::error!(
                task = %self.id,
                "task did not stop within task.shutdown.graceful.timeout.ms; abandoned"
            );
            // What it has given to the log and is not on its way goes nowhere.
            self.session.lock().unwrap_or_else(PoisonError::into_inner).set_broken();
            join.abort();
        }
    }
}

impl Drop for TaskHandle {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Runs a task until it is cancelled, or has failed and may not start again.
async fn supervise(env: Arc<TaskEnv>) {
    let mut restarts = 0;
    loop {
        let begun = Instant::now();
        let outcome = AssertUnwindSafe(run(&env)).catch_unwind().await;
        let error = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(panic) => panicked(panic.as_ref()),
        };
        if !env.has_lease() {
            tracing::warn!(task = %env.id, %error, "task stops, as it may be another worker's");
            return;
        }
        if env.lease.is_some() && error.is_retriable() {
            // The log cannot be reached, or a connector says that it may go better.
            tracing::warn!(task = %env.id, %error, "task starts again");
            tokio::select! {
                () = env.cancel.cancelled() => return,
                () = tokio::time::sleep(RETRIABLE_WAIT) => {}
            }
            continue;
        }
        env.set_failed(&error);
        env.end_transaction().await;
        let policy = env.config.restart;
        if begun.elapsed() > Duration::from_millis(policy.backoff_max_ms) {
            // It had worked for long: this is a new failure, not the same again.
            restarts = 0;
        }
        let may_restart = restarts < policy.max_restarts || ran_out_of_memory(&error);
        if !may_restart || env.cancel.is_cancelled() {
            return;
        }
        let wait_ms =
            policy.backoff_ms.saturating_mul(1 << restarts.min(30)).min(policy.backoff_max_ms);
        restarts += 1;
        tracing::warn!(task = %env.id, restarts, of = policy.max_restarts, wait_ms, "task restarts by itself");
        tokio::select! {
            () = env.cancel.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
        }
        TaskMetrics::add(&env.metrics.restarts, 1);
        env.set_restarting();
    }
}

/// Runs a task once. One whose stages may wait runs on a thread of its own, where they hold up no
/// other.
async fn run(env: &Arc<TaskEnv>) -> Result<()> {
    if !Stages::may_block(&env.plugins, &env.props, &env.worker.props) {
        return work(env).await;
    }
    let env = Arc::clone(env);
    let name = format!("task-{}", env.id);
    on_own_thread(name, Box::pin(async move { work(&env).await })).await
}

async fn on_own_thread(
    name: String,
    work: Pin<Box<dyn Future<Output = Result<()>> + Send>>,
) -> Result<()> {
    let runtime = tokio::runtime::Handle::current();
    // A task that was given up goes no further once the call that holds it up comes back.
    let given_up = CancellationToken::new();
    let _ends_it = given_up.clone().drop_guard();
    let work = async move {
        tokio::select! {
            biased;
            () = given_up.cancelled() => Err(Error::connect("the task was given up")),
            done = work => done,
        }
    };
    let (done, outcome) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name(name.clone())
        .stack_size(OWN_STACK_BYTES)
        .spawn(move || {
            let caught = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(work)));
            // Nobody waits for a task that was given up.
            let _ = done.send(caught);
        })
        .map_err(|error| Error::io(format!("The thread {name} cannot be started"), &error))?;
    match outcome.await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(_) => Err(Error::connect(format!("The thread {name} has ended"))),
    }
}

async fn work(env: &Arc<TaskEnv>) -> Result<()> {
    let stages = Stages::build(&env.plugins, &env.props, &env.worker.props)?;
    match &env.plugin.tasks {
        TaskFactory::Source(make) => SourceWorker::new(env, make()?, stages).run().await,
        TaskFactory::Sink(make) => SinkWorker::new(env, make()?, stages)?.run().await,
    }
}

/// Whether a JVM had no memory left: mostly not this task's fault, and gone with whoever took it.
fn ran_out_of_memory(error: &Error) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.kind().java_class() == "java.lang.OutOfMemoryError" {
            return true;
        }
        next = error.cause();
    }
    false
}

/// What a panic of a task is shown as.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    Error::java("java.lang.RuntimeException", format!("the task panicked: {text}"))
}
