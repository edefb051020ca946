//! What plugins are given by the runtime.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gantry_model::{Error, Str, TopicPartition};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::offset::{OffsetMap, SourcePartition};
use crate::record::SinkRecord;
use crate::sink_log::SinkLog;

/// Reads committed source offsets.
pub trait OffsetReader: Send + Sync {
    /// The last committed offset of a partition, `None` if there is none.
    fn offset(&self, partition: &SourcePartition) -> Option<OffsetMap>;
}

/// Where a connector and its tasks run, of plugins that can run elsewhere than in this process
/// (`gantry.task.isolation`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Where all others are.
    #[default]
    Shared,
    /// In a process of its own.
    Process {
        /// Options of its JVM, behind the worker's (`gantry.jvm.options` of the connector).
        jvm_options: Vec<String>,
    },
}

/// For connectors.
#[derive(Clone)]
pub struct ConnectorContext {
    /// The connector's name.
    pub name: Str,
    /// Fires when the connector is stopped.
    pub cancel: CancellationToken,
    /// Committed source offsets of this connector.
    pub offsets: Arc<dyn OffsetReader>,
    /// What the connector asks the herder for, by the methods of this context.
    pub requests: Arc<ConnectorRequests>,
    /// Where it is to run.
    pub isolation: Isolation,
}

impl ConnectorContext {
    /// Asks the herder to call `task_configs` again.
    pub fn request_task_reconfiguration(&self) {
        self.requests.ask(|asked| asked.reconfigure = true);
    }
    /// Says that the connector cannot go on: it is FAILED with this error until it is restarted.
    /// Its tasks go on. The first error counts.
    pub fn raise_error(&self, error: Error) {
        self.requests.ask(|asked| {
            asked.error.get_or_insert(error);
        });
    }
}

impl std::fmt::Debug for ConnectorContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConnectorContext({})", self.name)
    }
}

/// For source tasks.
#[derive(Clone)]
pub struct SourceTaskContext {
    /// The connector's name.
    pub connector: Str,
    /// The task's number, from 0.
    pub task: u32,
    /// Fires when the task is stopped.
    pub cancel: CancellationToken,
    /// Committed source offsets of this connector.
    pub offsets: Arc<dyn OffsetReader>,
    /// Whether the source is to say where its transactions end.
    pub defines_transactions: bool,
    /// Where it is to run.
    pub isolation: Isolation,
}

impl std::fmt::Debug for SourceTaskContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SourceTaskContext({}-{})", self.connector, self.task)
    }
}

/// What a connector has asked the herder for, and the herder has not yet taken.
#[derive(Debug, Default)]
pub struct ConnectorRequests {
    wake: Notify,
    asked: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    reconfigure: bool,
    error: Option<Error>,
}

/// One thing that a connector asks the herder for.
#[derive(Debug)]
pub enum ConnectorRequest {
    /// To call `task_configs` again.
    Reconfigure,
    /// To show it as failed.
    Fail(Error),
}

impl ConnectorRequests {
    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn ask(&self, what: impl FnOnce(&mut Asked)) {
        what(&mut self.lock());
        self.wake.notify_one();
    }
    fn take(&self) -> Option<ConnectorRequest> {
        let mut asked = self.lock();
        if let Some(error) = asked.error.take() {
            return Some(ConnectorRequest::Fail(error));
        }
        std::mem::take(&mut asked.reconfigure).then_some(ConnectorRequest::Reconfigure)
    }
    /// Waits for the next request: for the runtime. Cancel safe.
    pub async fn next(&self) -> ConnectorRequest {
        loop {
            if let Some(request) = self.take() {
                return request;
            }
            self.wake.notified().await;
        }
    }
}

/// A record that a sink could not deliver, and why.
#[derive(Debug)]
pub struct ErrantRecord {
    /// The record as it was put.
    pub record: SinkRecord,
    /// Why.
    pub error: Error,
}

/// What a sink task has asked for since the runtime last looked.
#[derive(Debug, Default)]
pub struct SinkRequests {
    /// Commit soon.
    pub commit: bool,
    /// Read on from these offsets.
    pub rewind: BTreeMap<TopicPartition, u64>,
    /// Do not read these queues until resumed.
    pub pause: Vec<TopicPartition>,
    /// Read these queues again.
    pub resume: Vec<TopicPartition>,
    /// Wait this long before the next put of a retried batch; else at most this long for the
    /// next records.
    pub timeout_ms: Option<u64>,
    /// To be reported as `errors.*` say.
    pub errant: Vec<ErrantRecord>,
}

/// By what right a sink task of a cluster writes. It is larger than that of any task that had its
/// queues before, so a sink that stores it beside what it writes, and refuses to write under a
/// smaller one than is stored, shuts out a former task that does not know yet that it is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskEpoch {
    /// Grows with each change of the connector's tasks.
    pub generation: u64,
    /// Grows each time a worker takes the task over.
    pub claim: u64,
}

/// For sink tasks.
#[derive(Clone, Debug)]
pub struct SinkTaskContext {
    /// The connector's name.
    pub connector: Str,
    /// The task's number, from 0.
    pub task: u32,
    /// By what right it writes; of a worker that is alone always the smallest.
    pub epoch: TaskEpoch,
    /// Fires when the task is stopped.
    pub cancel: CancellationToken,
    /// Where it is to run.
    pub isolation: Isolation,
    /// Whether [`SinkTaskContext::report`] has somewhere to go besides failing the task: a dead
    /// letter queue or the log. Kafka Connect gives a task no reporter otherwise.
    pub takes_errant: bool,
    /// The log, for tasks that agree with each other through a topic; `None` outside a worker.
    pub log: Option<Arc<dyn SinkLog>>,
    requests: Arc<Mutex<SinkRequests>>,
}

impl SinkTaskContext {
    /// A context for one task.
    pub fn new(connector: Str, task: u32, cancel: CancellationToken) -> Self {
        Self {
            connector,
            task,
            epoch: TaskEpoch::default(),
            cancel,
            isolation: Isolation::default(),
            takes_errant: true,
            log: None,
            requests: Arc::default(),
        }
    }
    /// The same for a task of a cluster.
    #[must_use]
    pub fn with_epoch(self, epoch: TaskEpoch) -> Self {
        Self { epoch, ..self }
    }
    /// The same, saying whether reports of records have somewhere to go.
    #[must_use]
    pub fn with_errant(self, takes_errant: bool) -> Self {
        Self { takes_errant, ..self }
    }
    /// The same for a task that is to run elsewhere.
    #[must_use]
    pub fn with_isolation(self, isolation: Isolation) -> Self {
        Self { isolation, ..self }
    }
    /// The same for a task that may use the log itself.
    #[must_use]
    pub fn with_log(self, log: Arc<dyn SinkLog>) -> Self {
        Self { log: Some(log), ..self }
    }
    fn lock(&self) -> MutexGuard<'_, SinkRequests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Asks to commit soon instead of at the next interval.
    pub fn request_commit(&self) {
        self.lock().commit = true;
    }
    /// Asks to read on from other offsets.
    pub fn rewind(&self, offsets: BTreeMap<TopicPartition, u64>) {
        self.lock().rewind.extend(offsets);
    }
    /// Asks not to read these queues for now.
    pub fn pause(&self, queues: &[TopicPartition]) {
        self.lock().pause.extend_from_slice(queues);
    }
    /// Asks to read paused queues again.
    pub fn resume(&self, queues: &[TopicPartition]) {
        self.lock().resume.extend_from_slice(queues);
    }
    /// Sets how long the runtime waits before it puts a failed batch again. After a batch that
    /// was taken: how long it waits for records at most before the next put, which may be empty.
    /// Holds for the next put only.
    pub fn timeout(&self, timeout_ms: u64) {
        self.lock().timeout_ms = Some(timeout_ms);
    }
    /// Reports a record that could not be delivered, to be skipped, logged or sent to the dead
    /// letter queue as `errors.*` say.
    pub fn report(&self, record: SinkRecord, error: Error) {
        self.lock().errant.push(ErrantRecord { record, error });
    }
    /// Takes the records reported so far, and leaves the rest: for the runtime.
    pub fn take_errant(&self) -> Vec<ErrantRecord> {
        std::mem::take(&mut self.lock().errant)
    }
    /// Takes the wait that [`SinkTaskContext::timeout`] set, and leaves the rest: for the runtime.
    pub fn take_timeout_ms(&self) -> Option<u64> {
        self.lock().timeout_ms.take()
    }
    /// Takes what was asked for: for the runtime.
    pub fn take_requests(&self) -> SinkRequests {
        std::mem::take(&mut *self.lock())
    }
}
