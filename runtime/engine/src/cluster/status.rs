//! The status topic: what each unit is doing, in the form of Kafka Connect's own. Who runs a unit
//! says so, and every worker folds what all say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gantry_cluster::Unit;
use gantry_coordination::record_of_all;
use gantry_log::{FullLog, LogError, LogRecord, QueueBatch, ReadLimits, TopicPartition};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::entities::UnitState;
use crate::task::ActiveTopicSet;

const CONNECTOR: &str = "status-connector-";
const TASK: &str = "status-task-";
const TOPIC: &str = "status-topic-";
/// Between a topic and a connector.
const OF_CONNECTOR: &str = ":connector-";

const LIMITS: ReadLimits =
    ReadLimits { max_bytes: 1 << 20, max_records: 10_000, wait: Duration::from_secs(5) };
/// A longer trace is cut: a record must hold it.
const TRACE_CHARS_MAX: usize = 32_768;
/// The wait after a failed read or write.
const RETRY: Duration = Duration::from_millis(500);
/// How often to look whether what was said will be gone soon.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// What a unit is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) state: UnitState,
    pub(crate) trace: Option<String>,
    pub(crate) worker_id: String,
    /// The epoch in which its owner has it: what an older owner says counts no more.
    #[serde(rename = "generation")]
    pub(crate) epoch: u64,
    pub(crate) version: Option<String>,
}

#[derive(Default)]
struct Known {
    /// What all say, with the offset at which it stands.
    said: BTreeMap<Unit, (Status, u64)>,
    /// What this worker says.
    own: BTreeMap<Unit, Status>,
    /// What of it is not yet written.
    unwritten: BTreeSet<Unit>,
    /// The topics that connectors have used.
    topics: BTreeMap<String, BTreeSet<String>>,
    /// What is not yet written of them: connector and topic, and whether it was used or is to be
    /// forgotten.
    unwritten_topics: BTreeMap<(String, String), bool>,
    /// What this worker's tasks have used, by connector.
    used_here: BTreeMap<String, Arc<ActiveTopicSet>>,
}

/// What all units are doing.
pub(crate) struct Statuses {
    worker_id: String,
    known: Mutex<Known>,
    changed: Notify,
}

impl Statuses {
    pub(super) fn new(worker_id: &str) -> Self {
        let (known, changed) = (Mutex::default(), Notify::new());
        Self { worker_id: worker_id.to_owned(), known, changed }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a unit is doing, as far as it was said in this epoch or later.
    pub(crate) fn of(&self, unit: &Unit, epoch: u64) -> Option<Status> {
        let known = self.lock();
        let own = known.own.get(unit).filter(|status| status.epoch >= epoch);
        let said = known.said.get(unit).map(|(status, _)| status);
        own.or_else(|| said.filter(|status| status.epoch >= epoch)).cloned()
    }

    /// Says what a unit of this worker's is doing.
    pub(super) fn say(
        &self,
        unit: &Unit,
        epoch: u64,
        state: UnitState,
        trace: Option<String>,
        version: Option<String>,
    ) {
        let worker_id = self.worker_id.clone();
        let trace = trace.map(|trace| match trace.char_indices().nth(TRACE_CHARS_MAX) {
            Some((end, _)) => format!("{}…", trace.get(..end).unwrap_or_default()),
            None => trace,
        });
        let status = Status { state, trace, worker_id, epoch, version };
        let mut known = self.lock();
        if known.own.get(unit) != Some(&status) {
            known.own.insert(unit.clone(), status);
            known.unwritten.insert(unit.clone());
            drop(known);
            self.changed.notify_one();
        }
    }

    /// This worker has nothing more to say of a unit.
    pub(super) fn forget(&self, unit: &Unit) {
        self.lock().own.remove(unit);
    }

    /// The topics that a connector has used since its creation or the last reset, sorted.
    pub(crate) fn topics(&self, connector: &str) -> Vec<String> {
        let known = self.lock();
        known.topics.get(connector).into_iter().flatten().cloned().collect()
    }

    /// Forgets the topics that a connector has used.
    pub(crate) fn reset_topics(&self, connector: &str) {
        let mut known = self.lock();
        let topics = known.topics.get(connector).cloned().unwrap_or_default();
        let gone = topics.into_iter().map(|topic| ((connector.to_owned(), topic), false));
        known.unwritten_topics.extend(gone);
        known.forget_topics(connector);
        drop(known);
        self.changed.notify_one();
    }

    /// What this worker's tasks of a connector use.
    pub(crate) fn used_here(of: &Arc<super::Cluster>, connector: &str) -> Arc<ActiveTopicSet> {
        let (cluster, name) = (Arc::downgrade(of), connector.to_owned());
        let tell = move |topic: &str| {
            let Some(cluster) = cluster.upgrade() else { return };
            let used = (name.clone(), topic.to_owned());
            cluster.statuses.lock().unwritten_topics.insert(used, true);
            cluster.statuses.changed.notify_one();
        };
        let mut known = of.statuses.lock();
        let set = known.used_here.entry(connector.to_owned());
        Arc::clone(set.or_insert_with(|| Arc::new(ActiveTopicSet::telling(tell))))
    }

    /// Writes what is said, until told to stop.
    pub(super) async fn write(
        of: Arc<super::Cluster>,
        log: Arc<dyn FullLog>,
        queue: TopicPartition,
        stop: CancellationToken,
    ) {
        let me = &of.statuses;
        loop {
            let batch: Vec<(Unit, Status)> = {
                let mut known = me.lock();
                let units = std::mem::take(&mut known.unwritten);
                let own = |unit: Unit| known.own.get(&unit).cloned().map(|status| (unit, status));
                units.into_iter().filter_map(own).collect()
            };
            let topics = std::mem::take(&mut me.lock().unwritten_topics);
            if batch.is_empty() && topics.is_empty() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = me.changed.notified() => {}
                    () = tokio::time::sleep(LOOK_INTERVAL) => me.say_again(&log, &queue).await,
                }
                continue;
            }
            let states = batch.iter().map(|(unit, status)| record(unit, status));
            let used = topics
                .iter()
                .map(|((connector, topic), used)| topic_record(connector, topic, *used));
            let records = states.chain(used).collect();
            let append =
                async { log.append(vec![QueueBatch { to: queue.clone(), records }]).await?.await };
            let written: Result<_, LogError> = tokio::select! {
                () = stop.cancelled() => return,
                written = append => written,
            };
            if let Err(error) = written {
                tracing::warn!(%error, "could not write the states of tasks; trying again");
                me.put_back(batch, topics);
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// What could not be written is to be written still, where nothing newer was said.
    fn put_back(&self, states: Vec<(Unit, Status)>, topics: BTreeMap<(String, String), bool>) {
        let mut known = self.lock();
        known.unwritten.extend(states.into_iter().map(|(unit, _)| unit));
        for (topic, used) in topics {
            known.unwritten_topics.entry(topic).or_insert(used);
        }
    }

    /// Says again what will be gone soon: a broker keeps nothing for ever.
    async fn say_again(&self, log: &Arc<dyn FullLog>, queue: &TopicPartition) {
        let Ok(range) = log.range(queue).await else { return };
        let mut known = self.lock();
        let Known { said, own, unwritten, .. } = &mut *known;
        let gone = |unit: &&Unit| said.get(*unit).is_none_or(|(_, at)| *at < range.earliest);
        unwritten.extend(own.keys().filter(gone).cloned());
    }

    /// Folds what all say, until told to stop.
    pub(super) async fn follow(
        of: Arc<super::Cluster>,
        log: Arc<dyn FullLog>,
        queue: TopicPartition,
        stop: CancellationToken,
    ) {
        let mut position = 0;
        loop {
            let from = [(queue.clone(), position)];
            let read = tokio::select! {
                () = stop.cancelled() => return,
                read = log.read(&from, LIMITS) => read,
            };
            match read {
                Ok(batches) => {
                    for batch in batches {
                        of.statuses.fold(&batch.records);
                        position = batch.next;
                    }
                }
                Err(LogError::OutOfRange { wanted, range, .. }) => {
                    position = wanted.clamp(range.earliest, range.next);
                }
                Err(error) => {
                    tracing::warn!(%error, "could not read the states of tasks; trying again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    fn fold(&self, records: &[(u64, LogRecord)]) {
        let mut known = self.lock();
        for (at, record) in records {
            if let Some((topic, connector)) = record.key.as_deref().and_then(topic_of) {
                known.fold_topic(connector, topic, record.value.is_some());
                continue;
            }
            let Some(unit) = record.key.as_deref().and_then(unit_of) else { continue };
            match &record.value {
                None => {
                    known.said.remove(&unit);
                }
                Some(value) => {
                    let Ok(status) = serde_json::from_slice::<Status>(value) else { continue };
                    let newer =
                        known.said.get(&unit).is_none_or(|(old, _)| old.epoch <= status.epoch);
                    if newer {
                        known.said.insert(unit, (status, *at));
                    }
                }
            }
        }
    }
}

impl Known {
    fn fold_topic(&mut self, connector: &str, topic: &str, used: bool) {
        if used {
            self.topics.entry(connector.to_owned()).or_default().insert(topic.to_owned());
        } else if self.topics.get_mut(connector).is_some_and(|topics| topics.remove(topic))
            && let Some(here) = self.used_here.get(connector)
        {
            // What is used again comes back.
            here.reset();
        }
    }

    fn forget_topics(&mut self, connector: &str) {
        self.topics.remove(connector);
        if let Some(here) = self.used_here.get(connector) {
            here.reset();
        }
    }
}

fn topic_record(connector: &str, topic: &str, used: bool) -> LogRecord {
    let value = json!({ "topic": {
        "name": topic, "connector": connector, "task": 0,
        "discoverTimestamp": gantry_api::now_ms(),
    } });
    let key = Bytes::from(format!("{TOPIC}{topic}{OF_CONNECTOR}{connector}"));
    record_of_all(Some(key), used.then(|| Bytes::from(value.to_string())))
}

/// Topic and connector of such a record.
fn topic_of(key: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(key).ok()?.strip_prefix(TOPIC)?.split_once(OF_CONNECTOR)
}

fn record(unit: &Unit, status: &Status) -> LogRecord {
    let key = match unit.task {
        None => format!("{CONNECTOR}{}", unit.connector),
        Some(task) => format!("{TASK}{}-{task}", unit.connector),
    };
    let value = serde_json::to_vec(status).unwrap_or_default();
    record_of_all(Some(Bytes::from(key)), Some(value.into()))
}

fn unit_of(key: &[u8]) -> Option<Unit> {
    let key = std::str::from_utf8(key).ok()?;
    if let Some(name) = key.strip_prefix(CONNECTOR) {
        return Some(Unit::connector(&name.into()));
    }
    let (name, task) = key.strip_prefix(TASK)?.rsplit_once('-')?;
    Some(Unit::task(&name.into(), task.parse().ok()?))
}
