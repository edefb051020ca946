//! Which topics and tasks there are.

use std::collections::BTreeMap;
use std::time::Duration;

use gantry_log::{
    Cleanup, FullLog, LogError, LogRecord, ReadLimits, Str, TopicPartition, TopicSpec,
};

use crate::aside::SideTopics;
use crate::builder::Topology;
use crate::error::StreamsError;
use crate::settings::{Settings, Start};
use crate::store::GLOBALS;
use crate::task::Progress;
use crate::topology::graph::{Graph, Place, SubTopology};

/// What is to run.
pub(crate) struct Plan {
    pub(crate) job: Str,
    pub(crate) graph: Graph,
    pub(crate) subs: Vec<SubTopology>,
    /// The number of each sub-topology's first store.
    pub(crate) first_stores: Vec<u16>,
    /// How many queues each topic has.
    pub(crate) queues: BTreeMap<Str, u32>,
    /// Sub-topology and queue.
    pub(crate) tasks: Vec<(usize, u32)>,
    /// How far each came.
    pub(crate) progress: BTreeMap<(usize, u32), Progress>,
}

/// The key of what the topology is, among the checkpoints.
const TOPOLOGY_KEY: &[u8] = b"topology";

/// What state depends on: a job whose topology has another one cannot go on with it.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Shape(Vec<SubShape>);

#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct SubShape {
    inputs: Vec<Str>,
    stores: Vec<Str>,
    queues: u32,
}

impl Plan {
    pub(crate) async fn make(
        topology: Topology,
        log: &dyn FullLog,
        settings: &Settings,
    ) -> Result<Self, StreamsError> {
        let Topology { job, graph } = topology;
        let subs = graph.sub_topologies();
        let mut plan = Self {
            first_stores: Vec::new(),
            queues: known_queues(&job, &graph, log).await?,
            tasks: Vec::new(),
            progress: BTreeMap::new(),
            job,
            graph,
            subs,
        };
        let fault = |reason| StreamsError::Topology { job: plan.job.to_string(), reason };
        let shuffles = plan.graph.shuffle_queues(&plan.queues).map_err(fault)?;
        for (topic, queues) in &shuffles {
            ensure(&plan.job, log, topic, TopicSpec::with_queues(*queues)).await?;
        }
        plan.queues.extend(shuffles);
        plan.number_stores()?;
        for (number, sub) in plan.subs.iter().enumerate() {
            let queues = sub.inputs.iter().filter_map(|topic| plan.queues.get(topic)).max();
            plan.tasks.extend((0..queues.copied().unwrap_or(0)).map(|queue| (number, queue)));
            for store in sub.stores.iter().filter(|_| !settings.local_storage_only) {
                let queues = queues.copied().unwrap_or(1);
                let spec = TopicSpec { queues, cleanup: Cleanup::Compact };
                ensure(&plan.job, log, &change_log(store), spec).await?;
            }
        }
        for topic in SideTopics::new(settings).all() {
            plan.side_topic(log, topic).await?;
        }
        ensure(&plan.job, log, &plan.checkpoints(), TopicSpec::compacted()).await?;
        plan.find_progress(log, settings).await?;
        Ok(plan)
    }

    /// The topic of the job's checkpoints.
    pub(crate) fn checkpoints(&self) -> Str {
        format!("{}-checkpoints", self.job).into()
    }

    /// A topic for records that do not go through the topology; it is made if it is not there.
    async fn side_topic(&mut self, log: &dyn FullLog, topic: &Str) -> Result<(), StreamsError> {
        if self.subs.iter().any(|sub| sub.inputs.contains(topic)) {
            return Err(StreamsError::Topology {
                job: self.job.to_string(),
                reason: format!(
                    "records that are too late or cannot be read shall go to {topic}, which the job reads: they would come again and again. Give them another topic"
                ),
            });
        }
        let known = log.topic(topic).await?.map(|info| info.spec.queues);
        if known.is_none() {
            ensure(&self.job, log, topic, TopicSpec::with_queues(1)).await?;
        }
        self.queues.insert(Str::clone(topic), known.unwrap_or(1));
        Ok(())
    }

    fn number_stores(&mut self) -> Result<(), StreamsError> {
        let mut next = 0_u16;
        for sub in &self.subs {
            self.first_stores.push(next);
            let count = u16::try_from(sub.stores.len()).ok();
            let behind = count.and_then(|count| next.checked_add(count));
            let behind = behind.filter(|behind| *behind <= GLOBALS);
            next = behind.ok_or_else(|| StreamsError::Topology {
                job: self.job.to_string(),
                reason: "there are more than 65,534 stores".to_owned(),
            })?;
        }
        Ok(())
    }

    fn shape(&self) -> Shape {
        let subs = self.subs.iter().enumerate().map(|(number, sub)| SubShape {
            inputs: sub.inputs.clone(),
            stores: sub.stores.clone(),
            queues: u32::try_from(self.tasks.iter().filter(|(s, _)| *s == number).count())
                .unwrap_or(u32::MAX),
        });
        Shape(subs.collect())
    }

    /// Reads what checkpoints there are; new tasks begin where the settings say.
    async fn find_progress(
        &mut self,
        log: &dyn FullLog,
        settings: &Settings,
    ) -> Result<(), StreamsError> {
        let topic = TopicPartition { topic: self.checkpoints(), partition: 0 };
        let mut found: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        read_all(log, &topic, 0, |_, record| {
            if let (Some(key), Some(value)) = (&record.key, &record.value) {
                found.insert(key.to_vec(), value.to_vec());
            }
            Ok(())
        })
        .await?;
        let shape = self.shape();
        match found.get(TOPOLOGY_KEY) {
            Some(known) => self.compare(known, &shape)?,
            None => self.write_shape(log, &topic, &shape).await?,
        }
        for task in self.tasks.clone() {
            let known = found.get(task_key(task).as_bytes());
            let known = known.and_then(|bytes| serde_json::from_slice(bytes).ok());
            let progress = match known {
                Some(progress) => progress,
                None => self.beginning(log, settings, task).await?,
            };
            self.progress.insert(task, progress);
        }
        Ok(())
    }

    fn compare(&self, known: &[u8], shape: &Shape) -> Result<(), StreamsError> {
        let known: Option<Shape> = serde_json::from_slice(known).ok();
        if known.as_ref() == Some(shape) {
            return Ok(());
        }
        let known = known.map(|shape| shape.0).unwrap_or_default();
        let tell = |sub: Option<&SubShape>| match sub {
            Some(sub) => {
                let SubShape { inputs, stores, queues } = sub;
                format!("reads {inputs:?} with {queues} queues and has the stores {stores:?}")
            }
            None => "is not there".to_owned(),
        };
        let parts = (0..known.len().max(shape.0.len())).map(|at| (known.get(at), shape.0.get(at)));
        let differ = parts.filter(|(old, new)| old != new);
        let differ =
            differ.map(|(old, new)| format!("the part that {} now {}", tell(old), tell(new)));
        let difference = differ.collect::<Vec<_>>().join("; ");
        let place = format!("topic {} and the state directory", self.checkpoints());
        Err(StreamsError::Changed { job: self.job.to_string(), difference, place })
    }

    async fn write_shape(
        &self,
        log: &dyn FullLog,
        topic: &TopicPartition,
        shape: &Shape,
    ) -> Result<(), StreamsError> {
        let value = serde_json::to_vec(shape).unwrap_or_default();
        let record = LogRecord {
            key: Some(TOPOLOGY_KEY.into()),
            value: Some(value.into()),
            headers: Vec::new(),
            timestamp_ms: LogRecord::AT_STORE,
        };
        let batch = gantry_log::QueueBatch { to: topic.clone(), records: vec![record] };
        log.append(vec![batch]).await?.await?;
        Ok(())
    }

    async fn beginning(
        &self,
        log: &dyn FullLog,
        settings: &Settings,
        (sub, queue): (usize, u32),
    ) -> Result<Progress, StreamsError> {
        let mut progress = Progress::default();
        for topic in &self.subs[sub].inputs {
            if self.queues.get(topic).is_none_or(|queues| queue >= *queues) {
                continue;
            }
            let range = log.range(&TopicPartition::new(&**topic, queue)).await?;
            let latest = settings.start == Start::Latest && !self.graph.is_shuffle(topic);
            let at = if latest { range.next } else { range.earliest };
            progress.inputs.insert(Str::clone(topic), at);
        }
        Ok(progress)
    }
}

/// The key of a task's checkpoint.
pub(crate) fn task_key((sub, queue): (usize, u32)) -> String {
    format!("{sub}-{queue}")
}

/// The topic of what changes in a store.
pub(crate) fn change_log(store: &str) -> Str {
    format!("{store}-changelog").into()
}

/// How many queues the topics have that the job does not make.
async fn known_queues(
    job: &str,
    graph: &Graph,
    log: &dyn FullLog,
) -> Result<BTreeMap<Str, u32>, StreamsError> {
    let topics = log.topics().await?;
    let mut known = BTreeMap::new();
    for node in &graph.nodes {
        let (Place::Source(topic) | Place::Sink(topic) | Place::Global(topic)) = &node.place else {
            continue;
        };
        let found = topics.get(topic).ok_or_else(|| StreamsError::Topology {
            job: job.to_owned(),
            reason: format!(
                "topic {topic} of {} does not exist: make it, with as many queues as the job shall have tasks",
                node.name
            ),
        })?;
        known.insert(Str::clone(topic), found.spec.queues);
    }
    Ok(known)
}

/// Makes a topic of the job if it is not there.
async fn ensure(
    job: &str,
    log: &dyn FullLog,
    topic: &str,
    spec: TopicSpec,
) -> Result<(), StreamsError> {
    match log.create_topic(topic, spec).await {
        Ok(()) => return Ok(()),
        Err(LogError::TopicExists(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let found = log.topic(topic).await?.map(|info| info.spec.queues);
    if found.is_some_and(|queues| queues != spec.queues) {
        return Err(StreamsError::Topology {
            job: job.to_owned(),
            reason: format!(
                "its topic {topic} has {} queues and should have {}: the number of queues of a topic in front of it changed. Give the job another name, or delete {topic} and the job's state",
                found.unwrap_or_default(),
                spec.queues
            ),
        });
    }
    Ok(())
}

/// Reads a queue from an offset, or from the first that is there, to where it ends now; gives where
/// that is.
pub(crate) async fn read_all(
    log: &dyn FullLog,
    queue: &TopicPartition,
    from: u64,
    mut each: impl FnMut(u64, &LogRecord) -> Result<(), StreamsError>,
) -> Result<u64, StreamsError> {
    const LIMITS: ReadLimits =
        ReadLimits { max_bytes: 4 << 20, max_records: 50_000, wait: Duration::from_millis(500) };
    let range = log.range(queue).await?;
    let mut at = from.clamp(range.earliest, range.next);
    while at < range.next {
        let read = match log.read(&[(queue.clone(), at)], LIMITS).await {
            // Compaction took the records between.
            Err(LogError::OutOfRange { range, .. }) if at < range.earliest => {
                at = range.earliest;
                continue;
            }
            read => read?,
        };
        for batch in read {
            for (offset, record) in &batch.records {
                each(*offset, record)?;
            }
            at = batch.next;
        }
    }
    Ok(range.next)
}
