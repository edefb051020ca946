//! The task: translates offsets of its groups, writes checkpoints and commits.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use gantry_api::{
    ConnectRecord, Datum, Error, OffsetMap, Props, Result, Schema, SourceOffset, SourcePartition,
    SourceRecord, SourceTask, SourceTaskContext, Str, Value, async_trait, now_ms,
};
use gantry_log::{FullLog, LogError, TopicPartition};
use serde_json::Value as Json;
use tokio::time::{Instant, sleep_until};

use super::config::{ASSIGNED, Config};
use crate::clusters::{Clusters, failed};
use crate::source::Syncs;
use crate::{keys, offsets, wire};

/// The source's offset and its translation, by queue of the copy.
type Translated = BTreeMap<TopicPartition, (u64, u64)>;

/// `MirrorCheckpointTask`.
pub(crate) struct MirrorCheckpointTask {
    clusters: Arc<Clusters>,
    work: Option<Work>,
}

impl MirrorCheckpointTask {
    pub(crate) fn new(clusters: Arc<Clusters>) -> Self {
        Self { clusters, work: None }
    }
}

#[async_trait]
impl SourceTask for MirrorCheckpointTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let config = Config::of(props)?;
        let groups = props.get(ASSIGNED).map_or("", String::as_str);
        let syncs = config.common.policy.offset_syncs(&config.common.source);
        self.work = Some(Work {
            source: self.clusters.open(&keys::source_cluster(props), &ctx.connector)?,
            target: self.clusters.target()?,
            groups: groups.split(',').map(str::to_owned).collect(),
            topic: config.common.policy.checkpoints(&config.common.source),
            syncs: Syncs::new(syncs),
            told: HashMap::new(),
            emit_due: Instant::now(),
            sync_due: Instant::now(),
            config,
        });
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let work = self.work.as_mut();
        work.ok_or_else(|| Error::connect("The task was not started"))?.poll().await
    }

    async fn stop(&mut self) -> Result<()> {
        self.work = None;
        Ok(())
    }
}

struct Work {
    config: Config,
    source: Arc<dyn FullLog>,
    target: Arc<dyn FullLog>,
    groups: BTreeSet<String>,
    /// Where checkpoints go.
    topic: Str,
    syncs: Syncs,
    /// The checkpoints that were given last, by group.
    told: HashMap<Str, Translated>,
    emit_due: Instant,
    sync_due: Instant,
}

impl Work {
    /// Cancel safe: what is not done yet is done by the next call.
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let commits = self.config.sync.is_some();
        let due = if commits { self.emit_due.min(self.sync_due) } else { self.emit_due };
        sleep_until(due).await;
        let translated = self.translate().await?;
        let now = Instant::now();
        if let Some(interval) = self.config.sync.filter(|_| now >= self.sync_due) {
            let has = self.target.groups().await;
            let has =
                has.map_err(|error| failed("Could not ask for groups of the target", &error))?;
            for (group, offsets) in &translated {
                self.commit(group, offsets, has.get(group)).await?;
            }
            self.sync_due = now + interval;
        }
        let Some(interval) = self.config.emit.filter(|_| now >= self.emit_due) else {
            return Ok(Vec::new());
        };
        self.emit_due = now + interval;
        Ok(self.checkpoints(translated))
    }

    /// The offsets of the groups in the copies. A queue of which nothing was copied has none.
    async fn translate(&mut self) -> Result<BTreeMap<Str, Translated>> {
        // Groups first: what is copied by then is all that they can have read.
        let groups = self.config.groups(&*self.source, Some(&self.groups)).await?;
        self.syncs.catch_up(&*self.target).await?;
        let common = &self.config.common;
        let mut all = BTreeMap::new();
        for (group, offsets) in groups {
            let one = |(queue, offset): (TopicPartition, u64)| {
                let at = self.syncs.of.get(&queue)?.mapping.translate(offset)?;
                let topic = common.policy.remote(&common.source, &queue.topic);
                let copy = TopicPartition { topic, partition: queue.partition };
                Some((copy, (offset, at)))
            };
            let translated: Translated = offsets.into_iter().filter_map(one).collect();
            all.insert(group, translated);
        }
        Ok(all)
    }

    /// Commits what is ahead of what the group has in the target, unless it has consumers there: it
    /// is theirs then.
    async fn commit(
        &self,
        group: &Str,
        offsets: &Translated,
        has: Option<&BTreeMap<TopicPartition, u64>>,
    ) -> Result<()> {
        let wrong =
            |error: LogError| failed(&format!("Could not commit offsets of group {group}"), &error);
        let ahead = offsets.iter().filter(|(queue, (_, at))| {
            has.and_then(|has| has.get(*queue)).is_none_or(|committed| committed < at)
        });
        let ahead: BTreeMap<TopicPartition, Option<u64>> =
            ahead.map(|(queue, (_, at))| (queue.clone(), Some(*at))).collect();
        if ahead.is_empty() || self.target.has_members(group).await.map_err(wrong)? {
            return Ok(());
        }
        match self.target.commit(group, &ahead).await {
            // A copy was deleted: nothing of it is left to go on in.
            Err(LogError::Unknown(queue)) => {
                tracing::warn!(%group, %queue, "no offset is committed in a copy that is gone");
                Ok(())
            }
            done => done.map_err(wrong),
        }
    }

    /// Checkpoints of what has changed since the last ones.
    fn checkpoints(&mut self, translated: BTreeMap<Str, Translated>) -> Vec<SourceRecord> {
        let mut records = Vec::new();
        for (group, offsets) in translated {
            let told = self.told.entry(Str::clone(&group)).or_default();
            for (queue, (upstream, at)) in offsets {
                if told.insert(queue.clone(), (upstream, at)) == Some((upstream, at)) {
                    continue;
                }
                records.push(checkpoint(&self.topic, &group, &queue, upstream, at));
            }
        }
        records
    }
}

fn checkpoint(
    topic: &Str,
    group: &str,
    queue: &TopicPartition,
    upstream: u64,
    offset: u64,
) -> SourceRecord {
    let (key, value) = wire::checkpoint(group, queue, upstream, offset);
    let mut partition = OffsetMap::new();
    partition.insert("group".to_owned(), Json::from(group));
    partition.insert(offsets::TOPIC.to_owned(), Json::from(&*queue.topic));
    partition.insert(offsets::PARTITION.to_owned(), Json::from(queue.partition));
    let record = ConnectRecord {
        partition: Some(0),
        key: Datum::new(Schema::bytes(), Value::Bytes(key)),
        timestamp_ms: Some(now_ms()),
        ..ConnectRecord::new(Str::clone(topic), Datum::new(Schema::bytes(), Value::Bytes(value)))
    };
    let offset = SourceOffset::Number(offsets::offset_name(), 0);
    SourceRecord::new(record, SourcePartition::new(partition), offset)
}
