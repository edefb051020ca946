//! Which topics and tasks there are.

use std::collections::BTreeMap;

use gantry_coordination::{FencedOffsets, Keeps, TopicFault, open_topic};
use gantry_log::{Cleanup, FullLog, LogError, Str, TopicPartition, TopicSpec};

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
    /// Where state is kept that is not in change logs.
    pub(crate) kept_in: Option<Str>,
}

/// Under what the topology stands among the job's offsets.
const TOPOLOGY: &str = "\"topology\"";

/// What state depends on: a job whose topology has another one cannot go on with it.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Shape(Vec<SubShape>);

#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct SubShape {
    inputs: Vec<Str>,
    stores: Vec<Str>,
    queues: u32,
    /// Where the state is kept that is not in change logs: what was kept elsewhere is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept_in: Option<Str>,
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
            kept_in: settings.kept_in(),
            job,
            graph,
            subs,
        };
        let fault = |reason| StreamsError::Topology { job: plan.job.to_string(), reason };
        plan.graph.check_names().map_err(fault)?;
        let shuffles = plan.graph.shuffle_queues(&plan.queues).map_err(fault)?;
        for (topic, queues) in &shuffles {
            ensure(&plan.job, log, topic, TopicSpec::with_queues(*queues)).await?;
        }
        plan.queues.extend(shuffles);
        plan.number_stores()?;
        for (number, sub) in plan.subs.iter().enumerate() {
            let queues = sub.inputs.iter().filter_map(|topic| plan.queues.get(topic)).max();
            plan.tasks.extend((0..queues.copied().unwrap_or(0)).map(|queue| (number, queue)));
            for store in sub.stores.iter().filter(|_| settings.has_change_logs()) {
                let queues = queues.copied().unwrap_or(1);
                let spec = TopicSpec { queues, cleanup: Cleanup::Compact };
                ensure(&plan.job, log, &change_log(store), spec).await?;
            }
        }
        for topic in SideTopics::new(settings).all() {
            plan.side_topic(log, topic).await?;
        }
        Ok(plan)
    }

    /// Whether a task has stores.
    pub(crate) fn has_state(&self, (sub, _): (usize, u32)) -> bool {
        !self.subs[sub].stores.is_empty()
    }

    /// The topic in which the instances of the job find each other.
    pub(crate) fn group(&self) -> Str {
        format!("{}-group", self.job).into()
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
            kept_in: self.kept_in.clone().filter(|_| !sub.stores.is_empty()),
        });
        Shape(subs.collect())
    }

    /// Makes a topic in which the job keeps each record, if it is not there.
    pub(crate) async fn open(
        &self,
        log: &dyn FullLog,
        topic: &str,
    ) -> Result<TopicPartition, StreamsError> {
        let key = format!("job {}", self.job);
        open_topic(log, &key, topic, Keeps::EachRecord).await.map_err(|fault| match fault {
            TopicFault::Log(error) => error.into(),
            TopicFault::Refused(reason) => {
                let reason = format!(
                    "{reason}. If another version made it, delete the job's topics and state_dir: the job begins anew"
                );
                StreamsError::Topology { job: self.job.to_string(), reason }
            }
        })
    }

    /// Refuses state of another topology; without any, says what it is of from now on.
    pub(crate) async fn check(
        &self,
        log: &dyn FullLog,
        offsets: &FencedOffsets,
    ) -> Result<(), StreamsError> {
        offsets.catch_up().await?;
        let checkpoints = TopicPartition { topic: self.checkpoints(), partition: 0 };
        let shape = self.shape();
        let text = serde_json::to_string(&shape).unwrap_or_default();
        loop {
            let known = offsets.read(|fold| fold.get(&self.job, TOPOLOGY).map(str::to_owned));
            if let Some(known) = known {
                return self.compare(&known, &shape);
            }
            if log.range(&checkpoints).await?.earliest > 0 {
                return Err(StreamsError::State {
                    place: format!("topic {}", checkpoints.topic),
                    reason: "the checkpoints of the job expired while it was down, and there is no copy of them in state_dir: where it was in its inputs is not known any more. Start it where its state_dir is, or delete its topics (those that begin with the job's name) and state_dir to begin anew".to_owned(),
                });
            }
            // Of two that begin at once one is refused, and sees what the other one wrote.
            offsets.edit(&self.job, vec![(TOPOLOGY.to_owned(), Some(text.clone()))]).await?;
        }
    }

    fn compare(&self, known: &str, shape: &Shape) -> Result<(), StreamsError> {
        let known: Option<Shape> = serde_json::from_str(known).ok();
        if known.as_ref() == Some(shape) {
            return Ok(());
        }
        let known = known.map(|shape| shape.0).unwrap_or_default();
        let tell = |sub: Option<&SubShape>| match sub {
            Some(sub) => {
                let SubShape { inputs, stores, queues, kept_in } = sub;
                let kept = kept_in.as_ref().map(|place| format!(" in {place}"));
                let kept = kept.unwrap_or_default();
                format!("reads {inputs:?} with {queues} queues and has the stores {stores:?}{kept}")
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

    /// Where a task begins that has never run.
    pub(crate) async fn beginning(
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

/// Under what a task's progress stands among the job's offsets.
pub(crate) fn task_key((sub, queue): (usize, u32)) -> String {
    format!("{{\"queue\":{queue},\"sub_topology\":{sub}}}")
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
