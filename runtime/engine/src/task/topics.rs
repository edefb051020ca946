//! Topics that a connector uses: tracked for the REST API, and created for sources.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use gantry_api::{Error, Result, Str};
use gantry_log::{Cleanup, FullLog, LogError, TopicSpec};

use crate::config::WorkerConfig;
use crate::connector_config::TopicCreation;

/// Is told the name of a topic.
type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// The topics that a connector has used since its creation or the last reset.
#[derive(Default)]
pub(crate) struct ActiveTopicSet {
    names: Mutex<BTreeSet<String>>,
    resets: AtomicU64,
    /// In a cluster, told of each new name.
    tell: Option<Tell>,
}

impl std::fmt::Debug for ActiveTopicSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ActiveTopicSet({:?})", self.list())
    }
}

impl ActiveTopicSet {
    /// One whose new names are told to somebody.
    pub(crate) fn telling(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { tell: Some(Box::new(tell)), ..Self::default() }
    }
    /// Their names, sorted.
    pub(crate) fn list(&self) -> Vec<String> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
    /// Forgets all; what is used again comes back.
    pub(crate) fn reset(&self) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.resets.fetch_add(1, Ordering::Release);
    }
    fn add(&self, topic: &str) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let new = names.insert(topic.to_owned());
        drop(names);
        if let Some(tell) = self.tell.as_ref().filter(|_| new) {
            tell(topic);
        }
    }
}

/// One task's view of the set: tells it a topic only when it has not done so since the last
/// reset, so that the record path takes no lock.
#[derive(Debug)]
pub(super) struct TopicTracker {
    set: Option<Arc<ActiveTopicSet>>,
    told: BTreeSet<Str>,
    last: Option<Str>,
    resets: u64,
}

impl TopicTracker {
    /// Tracks nothing when `set` is `None`.
    pub(super) fn new(set: Option<Arc<ActiveTopicSet>>) -> Self {
        Self { set, told: BTreeSet::new(), last: None, resets: 0 }
    }
    /// To be called once per batch of records of a topic.
    pub(super) fn used(&mut self, topic: &Str) {
        let Some(set) = &self.set else { return };
        let resets = set.resets.load(Ordering::Acquire);
        if resets != self.resets {
            self.resets = resets;
            self.told.clear();
            self.last = None;
        }
        if self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, topic)) {
            return;
        }
        if !self.told.contains(topic) {
            set.add(topic);
            self.told.insert(Str::clone(topic));
        }
        self.last = Some(Str::clone(topic));
    }
}

/// How many queues topics have, and how to create those that are not there.
pub(super) struct TopicCreator {
    log: Arc<dyn FullLog>,
    groups: Vec<TopicCreation>,
    worker: Arc<WorkerConfig>,
    queues: HashMap<Str, u32>,
    last: Option<(Str, u32)>,
}

/// Topics remembered by one task.
const TOPICS_CACHED_MAX: usize = 10_000;

/// How many queues a topic has that a connector writes to; it is created if it is not there. The
/// worker's own topics are refused.
pub(super) async fn topic_to_write(
    log: &dyn FullLog,
    worker: &WorkerConfig,
    topic: &str,
    spec: impl FnOnce() -> TopicSpec,
) -> Result<u32> {
    if let Some(key) = worker.own_topic(topic) {
        return Err(Error::connect(format!(
            "Topic {topic} holds the worker's own state ({key}): no connector may write to it; \
             name another topic"
        )));
    }
    let failed = |error: LogError| {
        let text = format!("Could not create or find topic {topic}: {error}");
        if error.is_retriable() { Error::retriable(text) } else { Error::connect(text) }
    };
    if let Some(info) = log.topic(topic).await.map_err(failed)? {
        return Ok(info.spec.queues);
    }
    let spec = spec();
    match log.create_topic(topic, spec).await {
        Ok(()) => {
            tracing::info!(topic, queues = spec.queues, "topic created");
            Ok(spec.queues)
        }
        Err(LogError::TopicExists(_)) => {
            Ok(log.topic(topic).await.map_err(failed)?.map_or(1, |info| info.spec.queues))
        }
        Err(error) => Err(failed(error)),
    }
}

impl TopicCreator {
    pub(super) fn new(
        log: Arc<dyn FullLog>,
        groups: Vec<TopicCreation>,
        worker: Arc<WorkerConfig>,
    ) -> Self {
        Self { log, groups, worker, queues: HashMap::new(), last: None }
    }

    /// How many queues a topic has, if that is known already.
    pub(super) fn known(&mut self, topic: &Str) -> Option<u32> {
        if let Some((last, queues)) = &self.last
            && (Arc::ptr_eq(last, topic) || last == topic)
        {
            return Some(*queues);
        }
        let queues = *self.queues.get(topic)?;
        self.last = Some((Str::clone(topic), queues));
        Some(queues)
    }

    /// Forgets a topic that turned out to be gone.
    pub(super) fn forget(&mut self, topic: &str) {
        self.queues.remove(topic);
        self.last = None;
    }

    /// How many queues a topic has; it is created if it is not there.
    pub(super) async fn ensure(&mut self, topic: &Str) -> Result<u32> {
        if let Some(queues) = self.known(topic) {
            return Ok(queues);
        }
        let queues = topic_to_write(&*self.log, &self.worker, topic, || self.spec(topic)).await?;
        if self.queues.len() >= TOPICS_CACHED_MAX {
            self.queues.clear();
        }
        self.queues.insert(Str::clone(topic), queues);
        self.last = Some((Str::clone(topic), queues));
        Ok(queues)
    }

    fn spec(&self, topic: &str) -> TopicSpec {
        let default = self.groups.last();
        // The default group, the last one, has no patterns and takes what no other group does.
        let group = self
            .groups
            .iter()
            .find(|group| {
                group.include.iter().any(|pattern| pattern.matches(topic))
                    && !group.exclude.iter().any(|pattern| pattern.matches(topic))
            })
            .or(default);
        let queues = group
            .and_then(|group| group.queues)
            .or_else(|| default.and_then(|group| group.queues))
            .unwrap_or(self.worker.default_topic_queues);
        let cleanup = match group {
            Some(group) if group.compact => Cleanup::Compact,
            Some(group) => Cleanup::Delete {
                retention_ms: group.retention_ms,
                retention_bytes: group.retention_bytes,
            },
            None => Cleanup::Delete { retention_ms: None, retention_bytes: None },
        };
        TopicSpec { queues, cleanup }
    }
}
