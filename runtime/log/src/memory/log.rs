//! The three traits over queues in memory.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::queue::{Topic, find};
use crate::api::{
    Durable, Log, LogAdmin, LogError, LogGroup, OffsetRange, QueueBatch, QueueRecords, ReadLimits,
    Session, TopicInfo, TopicLikeness, TopicSpec,
};
use crate::names::{check_more_queues, check_topic};
use crate::share::{Budget, Rotation};
use crate::sync::{lock, now_ms, set_times};
use crate::{Str, TopicPartition};

/// Largest record a [`MemoryLog`] takes, unless told otherwise.
const RECORD_BYTES_MAX: usize = 16 << 20;

/// Longest single wait of a read; a caller who asks for more waits this long.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

type Groups = BTreeMap<Str, BTreeMap<TopicPartition, u64>>;

#[derive(Debug, Default)]
struct Inner {
    topics: BTreeMap<Str, Topic>,
    groups: Groups,
}

/// A log in memory: all three traits, atomic appends, nothing on disk. Retention is applied at
/// each append where a topic asks for it; the log's own default is to keep everything.
#[derive(Debug)]
pub struct MemoryLog {
    inner: Mutex<Inner>,
    appended: watch::Sender<u64>,
    topics_changed: watch::Sender<u64>,
    rotation: Rotation,
    max_record_bytes: usize,
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::with_max_record_bytes(RECORD_BYTES_MAX)
    }

    /// An empty log that refuses records larger than this.
    pub fn with_max_record_bytes(max_record_bytes: usize) -> Self {
        Self {
            inner: Mutex::default(),
            appended: watch::Sender::new(0),
            topics_changed: watch::Sender::new(0),
            rotation: Rotation::default(),
            max_record_bytes,
        }
    }

    fn check(&self, inner: &Inner, batches: &[QueueBatch]) -> Result<(), LogError> {
        for batch in batches {
            find(&inner.topics, &batch.to)?;
            let largest = batch.records.iter().map(crate::LogRecord::size).max().unwrap_or(0);
            if largest > self.max_record_bytes {
                return Err(LogError::TooLarge { bytes: largest, limit: self.max_record_bytes });
            }
        }
        Ok(())
    }

    /// Forgets all but the last records of each queue of a topic, as retention does of one to
    /// which nobody writes for long.
    pub fn expire(&self, topic: &str, keep: usize) {
        if let Some(topic) = lock(&self.inner).topics.get_mut(topic) {
            topic.queues.iter_mut().for_each(|queue| queue.expire_all_but(keep));
        }
    }

    fn append_now(&self, batches: Vec<QueueBatch>) -> Result<Vec<Range<u64>>, LogError> {
        let now = now_ms();
        let mut inner = lock(&self.inner);
        self.check(&inner, &batches)?;
        let mut offsets = Vec::with_capacity(batches.len());
        for QueueBatch { to, records } in batches {
            let topic = inner.topics.get_mut(&to.topic);
            let Some(topic) = topic else { return Err(LogError::Unknown(to)) };
            let cleanup = topic.cleanup;
            let Some(queue) = topic.queues.get_mut(to.partition as usize) else {
                return Err(LogError::Unknown(to));
            };
            let count = records.len() as u64;
            let first = queue.append(records, now);
            offsets.push(first..first + count);
            queue.clean(&cleanup, now);
        }
        Ok(offsets)
    }

    fn read_now(
        &self,
        from: &[(TopicPartition, u64)],
        limits: &ReadLimits,
    ) -> Result<Vec<QueueRecords>, LogError> {
        let inner = lock(&self.inner);
        let mut ready = Vec::with_capacity(from.len());
        for (name, offset) in from {
            let queue = find(&inner.topics, name)?;
            queue.check(name, *offset)?;
            if *offset < queue.range().next {
                ready.push((name, *offset, queue));
            }
        }
        let mut budget = Budget::new(limits, ready.len());
        let mut answer = Vec::with_capacity(ready.len());
        for i in self.rotation.order(ready.len()) {
            let Some(&(name, offset, queue)) = ready.get(i) else { continue };
            let Some(mut share) = budget.share() else { break };
            let (records, next) = queue.read(offset, &mut share);
            budget.spend(&share);
            if !records.is_empty() {
                let end = queue.range().next;
                answer.push(QueueRecords { from: name.clone(), records, next, end });
            }
        }
        Ok(answer)
    }
}

#[async_trait]
impl Log for MemoryLog {
    fn is_atomic(&self) -> bool {
        true
    }

    async fn append_in(
        &self,
        session: &Session,
        mut batches: Vec<QueueBatch>,
    ) -> Result<Durable, LogError> {
        if session.is_broken() {
            return Err(LogError::SessionBroken);
        }
        set_times(&mut batches);
        let offsets = self.append_now(batches)?;
        self.appended.send_modify(|count| *count += 1);
        Ok(Box::pin(std::future::ready(Ok(offsets))))
    }

    async fn read(
        &self,
        from: &[(TopicPartition, u64)],
        limits: ReadLimits,
    ) -> Result<Vec<QueueRecords>, LogError> {
        let deadline = Instant::now() + limits.wait.min(WAIT_MAX);
        let mut appended = self.appended.subscribe();
        loop {
            appended.borrow_and_update();
            let answer = self.read_now(from, &limits)?;
            if !answer.is_empty() || limits.wait.is_zero() {
                return Ok(answer);
            }
            if timeout_at(deadline, appended.changed()).await.is_err() {
                return Ok(Vec::new());
            }
        }
    }

    async fn range(&self, of: &TopicPartition) -> Result<OffsetRange, LogError> {
        Ok(find(&lock(&self.inner).topics, of)?.range())
    }

    async fn offset_for_time(
        &self,
        of: &TopicPartition,
        timestamp_ms: i64,
    ) -> Result<Option<u64>, LogError> {
        Ok(find(&lock(&self.inner).topics, of)?.offset_for_time(timestamp_ms))
    }
}

fn info(topic: &Topic) -> TopicInfo {
    let queues = u32::try_from(topic.queues.len()).unwrap_or(u32::MAX);
    TopicInfo { spec: TopicSpec { queues, cleanup: topic.cleanup } }
}

#[async_trait]
impl LogAdmin for MemoryLog {
    async fn topics(&self) -> Result<BTreeMap<Str, TopicInfo>, LogError> {
        let inner = lock(&self.inner);
        Ok(inner.topics.iter().map(|(name, topic)| (name.clone(), info(topic))).collect())
    }

    async fn topic(&self, name: &str) -> Result<Option<TopicInfo>, LogError> {
        Ok(lock(&self.inner).topics.get(name).map(info))
    }

    async fn create_topic(&self, name: &str, spec: TopicSpec) -> Result<(), LogError> {
        self.create_topic_like(name, spec, &TopicLikeness::default()).await
    }

    async fn create_topic_like(
        &self,
        name: &str,
        spec: TopicSpec,
        likeness: &TopicLikeness,
    ) -> Result<(), LogError> {
        check_topic(name, &spec)?;
        let mut inner = lock(&self.inner);
        if inner.topics.contains_key(name) {
            return Err(LogError::TopicExists(name.into()));
        }
        let topic = Topic::new(spec.queues, spec.cleanup, &likeness.first_offsets);
        inner.topics.insert(name.into(), topic);
        drop(inner);
        self.topics_changed.send_modify(|count| *count += 1);
        Ok(())
    }

    async fn add_queues(
        &self,
        name: &str,
        queues: u32,
        first_offsets: &[u64],
    ) -> Result<(), LogError> {
        let mut inner = lock(&self.inner);
        let topic = inner.topics.get_mut(name);
        let Some(topic) = topic else {
            return Err(LogError::Unknown(TopicPartition::new(name, 0)));
        };
        check_more_queues(name, queues)?;
        topic.grow(queues, first_offsets);
        drop(inner);
        self.topics_changed.send_modify(|count| *count += 1);
        Ok(())
    }

    async fn delete_topic(&self, name: &str) -> Result<(), LogError> {
        let mut inner = lock(&self.inner);
        if inner.topics.remove(name).is_none() {
            return Err(LogError::Unknown(TopicPartition::new(name, 0)));
        }
        for offsets in inner.groups.values_mut() {
            offsets.retain(|queue, _| &*queue.topic != name);
        }
        inner.groups.retain(|_, offsets| !offsets.is_empty());
        drop(inner);
        self.topics_changed.send_modify(|count| *count += 1);
        // Who waits for records of the topic learns that it is gone.
        self.appended.send_modify(|count| *count += 1);
        Ok(())
    }

    fn topic_changes(&self) -> watch::Receiver<u64> {
        self.topics_changed.subscribe()
    }
}

#[async_trait]
impl LogGroup for MemoryLog {
    async fn committed(
        &self,
        group: &str,
        of: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>, LogError> {
        let inner = lock(&self.inner);
        let Some(offsets) = inner.groups.get(group) else { return Ok(BTreeMap::new()) };
        Ok(of.iter().filter_map(|q| Some((q.clone(), *offsets.get(q)?))).collect())
    }

    async fn commit(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, Option<u64>>,
    ) -> Result<(), LogError> {
        let mut inner = lock(&self.inner);
        for queue in offsets.keys() {
            find(&inner.topics, queue)?;
        }
        let committed = inner.groups.entry(group.into()).or_default();
        for (queue, offset) in offsets {
            match offset {
                Some(offset) => committed.insert(queue.clone(), *offset),
                None => committed.remove(queue),
            };
        }
        if committed.is_empty() {
            inner.groups.remove(group);
        }
        Ok(())
    }

    async fn groups(&self) -> Result<Groups, LogError> {
        Ok(lock(&self.inner).groups.clone())
    }

    async fn delete_group(&self, group: &str) -> Result<(), LogError> {
        lock(&self.inner).groups.remove(group);
        Ok(())
    }
}
