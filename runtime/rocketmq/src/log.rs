//! The log and what its parts share.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gantry_log::share::Rotation;
use gantry_log::{
    Durable, Log, LogAdmin, LogError, LogGroup, OffsetRange, QueueBatch, QueueRecords, ReadLimits,
    Session, Str, TopicInfo, TopicLikeness, TopicPartition, TopicSpec,
};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::append::Line;
use crate::config::RocketmqConfig;
use crate::cursor::Cursors;
use crate::names::encode_group;
use crate::remoting::{CallError, Remoting};
use crate::route::{QueueAt, Routes};

/// A log on a RocketMQ cluster. Cloning gives the same log.
#[derive(Clone)]
pub struct RocketmqLog {
    pub(crate) inner: Arc<Inner>,
    _stop: Arc<DropGuard>,
}

/// What the parts of a log share.
pub(crate) struct Inner {
    pub(crate) config: RocketmqConfig,
    pub(crate) timeout: Duration,
    pub(crate) remoting: Arc<Remoting>,
    pub(crate) routes: Routes,
    /// What waits to be sent, by queue.
    pub(crate) lines: Mutex<HashMap<TopicPartition, Line>>,
    /// Bytes that may still be accepted.
    pub(crate) room: Arc<Semaphore>,
    /// What it does beside its callers runs here: they may be of a runtime that ends earlier.
    pub(crate) runtime: Handle,
    pub(crate) cursors: Cursors,
    pub(crate) rotation: Rotation,
    /// Counts topics that came or went, as far as this process knows.
    pub(crate) topics_changed: watch::Sender<u64>,
    /// One topic is created or deleted after the other.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// Fires when the log is no more.
    pub(crate) stopped: CancellationToken,
}

impl RocketmqLog {
    /// A log on the cluster of these name servers. Nobody is asked yet: a cluster that cannot be
    /// reached is an error of the first call that needs it. To be called within a tokio runtime, on
    /// which its connections live: it must outlast the log, and run while the log is used.
    pub fn open(mut config: RocketmqConfig) -> Self {
        config.group = encode_group(&config.group);
        let timeout = Duration::from_millis(config.request_timeout_ms);
        let runtime = Handle::current();
        let (credentials, tls) = (config.credentials.clone(), config.tls.clone());
        let remoting = Arc::new(Remoting::new(credentials, tls, runtime.clone()));
        let routes = Routes::new(Arc::clone(&remoting), config.name_servers.clone(), timeout);
        let stopped = CancellationToken::new();
        let room = config.in_flight_bytes_max.min(Semaphore::MAX_PERMITS);
        let inner = Arc::new(Inner {
            timeout,
            remoting,
            routes,
            lines: Mutex::default(),
            room: Arc::new(Semaphore::new(room)),
            runtime: runtime.clone(),
            cursors: Cursors::default(),
            rotation: Rotation::default(),
            topics_changed: watch::Sender::new(0),
            changing: tokio::sync::Mutex::default(),
            stopped: stopped.clone(),
            config,
        });
        runtime.spawn(crate::admin::watch_topics(Arc::downgrade(&inner)));
        Self { inner, _stop: Arc::new(stopped.drop_guard()) }
    }

    /// Asks whether the cluster can be reached: the names of its brokers.
    pub async fn check(&self) -> Result<Vec<Str>, LogError> {
        let brokers = self.inner.routes.brokers().await?;
        Ok(brokers.into_iter().map(|(name, _)| name).collect())
    }
}

impl fmt::Debug for RocketmqLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RocketmqLog({})", self.inner.config.name_servers.join(";"))
    }
}

impl Inner {
    /// Where a queue is; `None` if there is none.
    pub(crate) async fn queue_at(&self, of: &TopicPartition) -> Result<Option<QueueAt>, CallError> {
        match self.routes.get(&of.topic).await? {
            Some(route) => route.queue(of),
            None => Ok(None),
        }
    }

    /// Where a queue is that must be there.
    pub(crate) async fn queue(&self, of: &TopicPartition) -> Result<QueueAt, LogError> {
        let at = self.queue_at(of).await.inspect_err(|_| self.routes.doubt(&of.topic))?;
        at.ok_or_else(|| LogError::Unknown(of.clone()))
    }

    /// What a failed call on a queue means; the route is asked for again.
    pub(crate) fn failed(&self, of: &TopicPartition, error: CallError) -> LogError {
        self.routes.doubt(&of.topic);
        match error.is(rocketmq_protocol::code::response_code::ResponseCode::TopicNotExist) {
            true => LogError::Unknown(of.clone()),
            false => error.into(),
        }
    }
}

#[async_trait]
impl Log for RocketmqLog {
    fn is_atomic(&self) -> bool {
        false
    }

    async fn append_in(
        &self,
        session: &Session,
        batches: Vec<QueueBatch>,
    ) -> Result<Durable, LogError> {
        self.inner.append(session, batches).await
    }

    async fn read(
        &self,
        from: &[(TopicPartition, u64)],
        limits: ReadLimits,
    ) -> Result<Vec<QueueRecords>, LogError> {
        self.inner.read(from, limits).await
    }

    async fn range(&self, of: &TopicPartition) -> Result<OffsetRange, LogError> {
        self.inner.range(of).await
    }

    async fn offset_for_time(
        &self,
        of: &TopicPartition,
        timestamp_ms: i64,
    ) -> Result<Option<u64>, LogError> {
        self.inner.offset_for_time(of, timestamp_ms).await
    }
}

#[async_trait]
impl LogAdmin for RocketmqLog {
    async fn topics(&self) -> Result<BTreeMap<Str, TopicInfo>, LogError> {
        self.inner.topics().await
    }

    async fn topic(&self, name: &str) -> Result<Option<TopicInfo>, LogError> {
        self.inner.topic(name).await
    }

    async fn create_topic(&self, name: &str, spec: TopicSpec) -> Result<(), LogError> {
        self.inner.create_topic(name, spec, None).await
    }

    async fn create_topic_like(
        &self,
        name: &str,
        spec: TopicSpec,
        likeness: &TopicLikeness,
    ) -> Result<(), LogError> {
        self.inner.create_topic(name, spec, Some(likeness)).await
    }

    /// Brokers begin each queue at 0.
    async fn add_queues(
        &self,
        name: &str,
        queues: u32,
        _first_offsets: &[u64],
    ) -> Result<(), LogError> {
        self.inner.add_queues(name, queues).await
    }

    async fn topic_attributes(&self, name: &str) -> Result<BTreeMap<Str, Str>, LogError> {
        self.inner.topic_attributes(name).await
    }

    async fn queue_places(&self, name: &str) -> Result<Vec<Str>, LogError> {
        self.inner.queue_places(name).await
    }

    async fn delete_topic(&self, name: &str) -> Result<(), LogError> {
        self.inner.delete_topic(name).await
    }

    fn topic_changes(&self) -> watch::Receiver<u64> {
        self.inner.topics_changed.subscribe()
    }

    fn keeps_retention(&self) -> bool {
        false
    }
}

#[async_trait]
impl LogGroup for RocketmqLog {
    async fn committed(
        &self,
        group: &str,
        of: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>, LogError> {
        self.inner.committed(group, of).await
    }

    async fn commit(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, Option<u64>>,
    ) -> Result<(), LogError> {
        self.inner.commit(group, offsets).await
    }

    async fn groups(&self) -> Result<BTreeMap<Str, BTreeMap<TopicPartition, u64>>, LogError> {
        self.inner.committed_by_group().await
    }

    async fn delete_group(&self, group: &str) -> Result<(), LogError> {
        self.inner.delete_group(group).await
    }

    async fn has_members(&self, group: &str) -> Result<bool, LogError> {
        self.inner.has_members(group).await
    }
}
