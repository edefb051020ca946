//! Questions about the state of a job, to the tasks that can answer them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, oneshot};

use super::group::Group;
use super::job::{Job, Place};
use super::plan::Plan;
use super::threads::{Asking, Threads, Told, Unasked};
use crate::query::{Entry, QueryError, Question, StoreInfo, StoreKind, Stored};

/// A question is not waited for longer.
const TIME_MAX: Duration = Duration::from_secs(5);
/// So many questions at a time are answered.
const AT_ONCE_MAX: usize = 16;
/// Nobody is given more entries at once.
const ENTRIES_MAX: usize = 100_000;
/// So many tasks at a time are asked by one question.
const TASKS_AT_ONCE: usize = 8;

/// A task: which part of the topology, and which queue of the topics that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct TaskPlace {
    /// Which sub-topology.
    pub sub_topology: usize,
    /// Which queue of the topics that it reads.
    pub queue: u32,
}

impl From<Place> for TaskPlace {
    fn from((sub_topology, queue): Place) -> Self {
        Self { sub_topology, queue }
    }
}

/// An instance of a job.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Instance {
    /// How it is called in logs.
    pub name: String,
    /// Where it can be asked, `host:port`, if it says so: its `application_server`.
    pub address: Option<String>,
    /// Whether it is the one that was asked.
    pub is_this: bool,
    /// The tasks that it has.
    pub tasks: Vec<TaskPlace>,
}

/// Asks the tasks of an instance.
pub(crate) struct Asker {
    pub(super) job: Arc<Job>,
    pub(super) threads: Arc<Threads>,
    /// `None`: the instance is the only one.
    pub(super) group: Option<Arc<Group>>,
    at_once: Semaphore,
}

impl Asker {
    pub(super) fn new(job: Arc<Job>, threads: Arc<Threads>, group: Option<Arc<Group>>) -> Self {
        Self { job, threads, group, at_once: Semaphore::new(AT_ONCE_MAX) }
    }

    #[cfg(feature = "http")]
    pub(crate) fn job(&self) -> &Job {
        &self.job
    }

    /// All instances, as far as this one knows.
    pub(crate) fn instances(&self) -> Vec<Instance> {
        if let Some(group) = &self.group {
            return group.instances();
        }
        let tasks = self.threads.places().into_iter().map(TaskPlace::from).collect();
        let name = self.job.plan.job.to_string();
        let address = self.job.settings.application_server.clone();
        vec![Instance { name, address, is_this: true, tasks }]
    }

    /// The stores that can be asked.
    pub(crate) fn stores(&self) -> Vec<StoreInfo> {
        let here = self.threads.places();
        let mut stores: Vec<StoreInfo> = Vec::new();
        for (name, stored) in &self.job.plan.graph.named {
            let Some(sub) = self.sub_of(stored) else { continue };
            // Processors may share one.
            if stores.iter().any(|store| *store.name == **name) {
                continue;
            }
            let places = self.job.plan.tasks.iter().filter(|(number, _)| *number == sub);
            let (local, others): (Vec<&Place>, Vec<&Place>) =
                places.partition(|place| here.contains(place));
            let queues = |places: Vec<&Place>| places.into_iter().map(|place| place.1).collect();
            stores.push(StoreInfo {
                name: name.to_string(),
                kind: stored.kind,
                key_type: stored.types.key.1.to_owned(),
                value_type: stored.types.value.1.to_owned(),
                sub_topology: sub,
                queues: queues(local),
                queues_elsewhere: queues(others),
            });
        }
        stores.sort_by(|one, other| one.name.cmp(&other.name));
        stores
    }

    /// The store of a name.
    pub(crate) fn stored(&self, store: &str) -> Result<&Stored, QueryError> {
        let Plan { job, graph, .. } = &self.job.plan;
        Stored::of(&graph.named, job, store)
    }

    fn sub_of(&self, stored: &Stored) -> Option<usize> {
        self.job.plan.subs.iter().position(|sub| sub.stores.contains(&stored.store))
    }

    /// The task that has a key, where that is known; and whether no other one can have it.
    fn place_of(&self, stored: &Stored, key: &[u8]) -> Option<(Place, bool)> {
        let (plan, sub) = (&self.job.plan, self.sub_of(stored)?);
        let found = plan.graph.keys_of(&plan.subs[sub]).into_iter().find_map(|(topic, keys)| {
            let bytes = keys.write(&stored.types, key)?;
            let queue = gantry_log::queue_of_key(&bytes, *plan.queues.get(topic)?);
            // What the job does not write itself may be spread otherwise.
            Some(((sub, queue), stored.by_record_key && plan.graph.is_shuffle(topic)))
        });
        let queues = plan.tasks.iter().filter(|(number, _)| *number == sub);
        let queues: Vec<&Place> = queues.collect();
        match &*queues {
            [only] => Some((**only, true)),
            _ => found,
        }
    }

    /// Who has the key of a store, as far as that is known.
    pub(crate) fn owner_of(&self, stored: &Stored, key: &[u8]) -> Option<Instance> {
        let (place, _) = self.place_of(stored, key)?;
        self.owner(place)
    }

    fn owner(&self, place: Place) -> Option<Instance> {
        let task = TaskPlace::from(place);
        self.instances().into_iter().find(|instance| instance.tasks.contains(&task))
    }

    /// What the tasks of this instance have to say to a question: in order, at most so many entries.
    pub(crate) async fn ask(
        &self,
        store: &str,
        question: Question,
        entries_max: usize,
    ) -> Result<Vec<Entry>, QueryError> {
        let stored = self.stored(store)?;
        let until = Instant::now() + TIME_MAX;
        let asked = async {
            // It is never closed.
            let _permit = self.at_once.acquire().await;
            self.ask_tasks(store, stored, question, (entries_max.min(ENTRIES_MAX), until)).await
        };
        let late = || not_ready(store, "it did not answer in time: its thread is busy, ask again");
        tokio::time::timeout(TIME_MAX, asked).await.unwrap_or_else(|_| Err(late()))
    }

    async fn ask_tasks(
        &self,
        store: &str,
        stored: &Stored,
        question: Question,
        bounds: (usize, Instant),
    ) -> Result<Vec<Entry>, QueryError> {
        stored.check(store, &question)?;
        let likely = question.key().and_then(|key| self.place_of(stored, key));
        let here = self.threads.places();
        let places: Vec<Place> = match likely {
            Some((place, true)) => vec![place],
            _ => {
                let sub = self.sub_of(stored);
                here.iter().filter(|place| Some(place.0) == sub).copied().collect()
            }
        };
        let mut found = Vec::new();
        for some in places.chunks(TASKS_AT_ONCE) {
            let asked: Vec<_> =
                some.iter().map(|place| self.send(*place, stored, &question, bounds)).collect();
            for (place, asked) in some.iter().zip(asked) {
                let told = match asked {
                    Ok(answer) => answer.await.map_err(|_| Unasked::Ended),
                    Err(why) => Err(why),
                };
                found.extend(self.told(store, *place, told)?);
            }
            found.sort_by(|one, other| order(stored.kind, one).cmp(&order(stored.kind, other)));
            found.truncate(bounds.0);
        }
        if question.key().is_some() && found.is_empty() {
            self.check_here(store, stored, likely.map(|(place, _)| place))?;
        }
        Ok(found)
    }

    fn send(
        &self,
        place: Place,
        stored: &Stored,
        question: &Question,
        (entries_max, until): (usize, Instant),
    ) -> Result<oneshot::Receiver<Told>, Unasked> {
        let (answer, answered) = oneshot::channel();
        let (store, question) = (stored.store.clone(), question.clone());
        self.threads.ask(Asking { place, store, question, entries_max, until, answer })?;
        Ok(answered)
    }

    /// What an answer of a task comes to.
    fn told(
        &self,
        store: &str,
        place: Place,
        told: Result<Told, Unasked>,
    ) -> Result<Vec<Entry>, QueryError> {
        match told {
            Ok(Some(Ok(entries))) => Ok(entries),
            Ok(Some(Err(fault))) => Err(fault.of(store)),
            Ok(None) => Err(not_ready(store, "its task begins, or pauses: ask again")),
            Err(Unasked::NotHere) => match self.owner(place) {
                Some(Instance { is_this: true, .. }) => {
                    Err(not_ready(store, "its task comes to this instance: ask again"))
                }
                owner => {
                    let (store, owner) = (store.to_owned(), owner.map(Box::new));
                    Err(QueryError::NotHere { store, owner })
                }
            },
            Err(Unasked::Busy) => Err(not_ready(store, "too many questions wait: ask again later")),
            Err(Unasked::Ended) => Err(not_ready(store, "the job has stopped")),
        }
    }

    /// A key that was not found here may be elsewhere.
    fn check_here(
        &self,
        store: &str,
        stored: &Stored,
        likely: Option<Place>,
    ) -> Result<(), QueryError> {
        let (here, sub) = (self.threads.places(), self.sub_of(stored));
        let mut places = self.job.plan.tasks.iter().filter(|place| Some(place.0) == sub);
        let missing = places.find(|place| !here.contains(place));
        match (likely, missing) {
            (_, None) => Ok(()),
            (Some(place), _) if here.contains(&place) => Ok(()),
            (Some(place), _) => self.told(store, place, Err(Unasked::NotHere)).map(|_| ()),
            (None, Some(_)) => Err(QueryError::NotHere { store: store.to_owned(), owner: None }),
        }
    }
}

fn not_ready(store: &str, reason: &str) -> QueryError {
    QueryError::NotReady { store: store.to_owned(), reason: reason.to_owned() }
}

/// Windows are in the order of their start, sessions and what has no windows in that of keys.
fn order(kind: StoreKind, entry: &Entry) -> (Option<i64>, &[u8], Option<i64>) {
    let start = entry.window.map(|window| window.start_ms);
    match kind {
        StoreKind::Windowed => (start, &entry.key, None),
        StoreKind::Keyed | StoreKind::Sessions => (None, &entry.key, start),
    }
}
