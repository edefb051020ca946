//! States kept warm: an instance follows the change logs of tasks that others run, so that it goes
//! on with one of them at once when its instance is gone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gantry_coordination::{CommittedReader, mark_of};
use gantry_log::{QueueRecords, ReadLimits, Str, TopicPartition};
use tokio::runtime::Handle;

use super::group::{Group, Roles};
use super::job::{Job, Place};
use super::plan::{change_log, task_key};
use super::restore::{Marker, cleared, marker_entry, stores, usable};
use super::worker::{panicked, wall_clock_ms};
use crate::error::StreamsError;
use crate::store::{Batch, PREFIX_BYTES};
use crate::task::Progress;

/// A task of another instance whose state this one keeps warm.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StandbyStatus {
    /// Which sub-topology.
    pub sub_topology: usize,
    /// Which queue of the topics that it reads.
    pub queue: u32,
    /// Up to where each store's change log is in the state, by store.
    pub changes: BTreeMap<String, u64>,
    /// Records of the change logs that are not, as of the last that was read.
    pub lag: u64,
}

/// What follows the change logs.
pub(super) struct Standby {
    job: Arc<Job>,
    reader: CommittedReader,
    /// Of which change log is which store of which sub-topology.
    topics: BTreeMap<Str, (usize, usize)>,
    /// What it was last decided from which tasks are followed.
    roles: Option<Roles>,
    wanted: BTreeSet<Place>,
    followed: BTreeMap<Place, Followed>,
}

/// A task that is followed.
struct Followed {
    stores: Vec<Store>,
    /// The checkpoint of the task that was known when it was begun to be followed.
    number: u64,
    /// The state has all that was there at this time, as the marker on disk says.
    saved_ms: i64,
}

/// One of its stores.
struct Store {
    name: Str,
    queue: TopicPartition,
    prefix: [u8; PREFIX_BYTES],
    next: u64,
    /// Where the queue ended when it was last read.
    end: u64,
    /// When it was last read to its end.
    as_of_ms: i64,
    /// Marked records that were read and of which it is not yet known whether they count.
    seen: VecDeque<(u64, Bytes)>,
    /// Keys of which the last record does not count, and that record's offset.
    hidden: BTreeMap<Bytes, u64>,
}

/// What a read gives at most, over all queues.
const LIMITS: ReadLimits =
    ReadLimits { max_bytes: 1 << 20, max_records: 10_000, wait: Duration::from_millis(100) };
/// The wait after all was read, so that several checkpoints are taken at once.
const PAUSE: Duration = Duration::from_millis(100);
/// The wait after the log refused.
const RETRY: Duration = Duration::from_secs(1);
/// A state that does not change is looked at so often, so that it does not count as old.
const LOOK_MS: i64 = 10 * 60 * 1000;

impl Standby {
    pub(super) fn new(job: &Arc<Job>) -> Self {
        let subs = job.plan.subs.iter().enumerate().flat_map(|(sub, spec)| {
            let stores = spec.stores.iter().enumerate();
            stores.map(move |(at, store)| (change_log(store), (sub, at)))
        });
        Self {
            reader: CommittedReader::new(Arc::clone(&job.log), Arc::clone(&job.transactions)),
            topics: subs.collect(),
            job: Arc::clone(job),
            roles: None,
            wanted: BTreeSet::new(),
            followed: BTreeMap::new(),
        }
    }

    /// Follows until the job ends.
    pub(super) fn run(mut self, group: &Group, runtime: &Handle) {
        let job = Arc::clone(&self.job);
        let follow = async {
            tokio::select! {
                result = self.follow(group) => result,
                () = job.shared.stopping.cancelled() => Ok(()),
            }
        };
        let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(follow)));
        let result = result.unwrap_or_else(|panic| Err(panicked(&*panic)));
        if let Err(error) = result {
            tracing::error!(job = %job.plan.job, %error, "the job stops: standby state cannot be written");
            job.shared.fail(error);
        }
        job.shared.standbys().clear();
    }

    async fn follow(&mut self, group: &Group) -> Result<(), StreamsError> {
        loop {
            match self.step(group).await {
                Err(StreamsError::Log(error)) => {
                    tracing::warn!(
                        job = %self.job.plan.job, %error,
                        "change logs of other instances' tasks cannot be followed now"
                    );
                    // What is on disk says where to read on, or whether to begin anew.
                    let all: Vec<Place> = self.followed.keys().copied().collect();
                    all.into_iter().for_each(|place| self.forget(place));
                    tokio::time::sleep(RETRY).await;
                }
                done => done?,
            }
        }
    }

    async fn step(&mut self, group: &Group) -> Result<(), StreamsError> {
        self.choose(group).await?;
        self.read().await?;
        self.look().await?;
        self.tell();
        if self.followed.values().all(|followed| followed.lag() == 0) {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Follows what this instance now stands by for, and nothing that its own threads have.
    async fn choose(&mut self, group: &Group) -> Result<(), StreamsError> {
        if let Some(mut wanted) = group.standbys(&mut self.roles) {
            wanted.retain(|place| self.job.plan.has_state(*place));
            self.wanted = wanted;
        }
        let own = self.job.shared.tasks().clone();
        let follows = |place: &Place| self.wanted.contains(place) && !own.contains(place);
        let gone: Vec<Place> = self.followed.keys().filter(|p| !follows(p)).copied().collect();
        let new = self.wanted.iter().filter(|place| follows(place));
        let new = new.filter(|place| !self.followed.contains_key(place)).copied();
        let new: Vec<Place> = new.collect();
        gone.into_iter().for_each(|place| self.forget(place));
        for place in new {
            self.begin(place).await?;
        }
        Ok(())
    }

    fn forget(&mut self, place: Place) {
        for store in self.followed.remove(&place).into_iter().flat_map(|followed| followed.stores) {
            self.reader.forget(&store.queue);
        }
        self.job.shared.standbys().remove(&place);
    }

    /// Goes on from what is on disk, or begins with nothing.
    async fn begin(&mut self, place: Place) -> Result<(), StreamsError> {
        let (job, now_ms) = (Arc::clone(&self.job), wall_clock_ms());
        let logged = job.offsets.read(|fold| {
            let text = fold.get(&job.plan.job, &task_key(place))?;
            serde_json::from_str::<Progress>(text).ok()
        });
        // A task that never ran has no state.
        let Some(Progress { number, .. }) = logged else { return Ok(()) };
        let known = usable(&job, place, number).await?;
        let mut ranges = Vec::new();
        for (store, prefix) in stores(&job, place) {
            let queue = TopicPartition { topic: change_log(store), partition: place.1 };
            let range = job.log.range(&queue).await?;
            ranges.push((Str::clone(store), prefix, queue, range));
        }
        let saved_ms = known.as_ref().map_or(now_ms, |marker| marker.saved_ms);
        let batch = if known.is_none() { cleared(&job, place) } else { Batch::default() };
        let changes = known.map(|marker| marker.changes).unwrap_or_default();
        let stores = ranges.into_iter().map(|(name, prefix, queue, range)| Store {
            next: changes.get(&name).map_or(range.earliest, |next| *next.max(&range.earliest)),
            end: range.next,
            as_of_ms: saved_ms,
            seen: VecDeque::new(),
            hidden: BTreeMap::new(),
            name,
            queue,
            prefix,
        });
        let followed = Followed { stores: stores.collect(), number, saved_ms };
        if self.write(place, &followed, batch)? {
            self.followed.insert(place, followed);
        }
        Ok(())
    }

    /// Writes what is new of a state, with what it is of; false: it is this instance's own by now.
    fn write(
        &self,
        place: Place,
        followed: &Followed,
        mut batch: Batch,
    ) -> Result<bool, StreamsError> {
        batch.entries.push(marker_entry(place, &followed.marker()));
        let tasks = self.job.shared.tasks();
        if tasks.contains(&place) {
            return Ok(false);
        }
        self.job.backend.write(batch)?;
        Ok(true)
    }

    async fn read(&mut self) -> Result<(), StreamsError> {
        let stores = self.followed.values().flat_map(|followed| &followed.stores);
        let positions: Vec<_> = stores.map(|store| (store.queue.clone(), store.next)).collect();
        let Self { reader, topics, followed, .. } = self;
        let see = |batches: &[QueueRecords]| {
            for batch in batches {
                if let Some(store) = store(topics, followed, &batch.from) {
                    store.see(batch);
                }
            }
        };
        for batch in reader.read_seeing(&positions, LIMITS, see).await? {
            self.take(&batch)?;
        }
        Ok(())
    }

    fn take(&mut self, batch: &QueueRecords) -> Result<(), StreamsError> {
        let now_ms = wall_clock_ms();
        let Some(store) = store(&self.topics, &mut self.followed, &batch.from) else {
            return Ok(());
        };
        let entries = store.take(batch, now_ms);
        self.save(&batch.from, Batch { entries, ranges: Vec::new() })
    }

    /// Writes what was found of a queue.
    fn save(&mut self, queue: &TopicPartition, batch: Batch) -> Result<(), StreamsError> {
        let Some((sub, _)) = self.topics.get(&queue.topic) else { return Ok(()) };
        let place = (*sub, queue.partition);
        let Some(followed) = self.followed.get_mut(&place) else { return Ok(()) };
        followed.saved_ms = followed.as_of_ms();
        let written = self.followed.get(&place).map(|f| self.write(place, f, batch)).transpose()?;
        if written == Some(false) {
            self.forget(place);
        }
        Ok(())
    }

    /// Looks at states that did not change for long: they have all that there is.
    async fn look(&mut self) -> Result<(), StreamsError> {
        let now_ms = wall_clock_ms();
        let all = self.followed.values_mut().flat_map(|followed| &mut followed.stores);
        let mut looked = Vec::new();
        for store in all.filter(|store| store.as_of_ms < now_ms - LOOK_MS) {
            store.end = self.job.log.range(&store.queue).await?.next;
            if store.next == store.end {
                store.as_of_ms = now_ms;
                looked.push(store.queue.clone());
            }
        }
        looked.iter().try_for_each(|queue| self.save(queue, Batch::default()))
    }

    fn tell(&self) {
        let statuses = self.followed.iter().map(|(place, followed)| {
            let changes = followed.marker().changes.into_iter();
            let status = StandbyStatus {
                sub_topology: place.0,
                queue: place.1,
                changes: changes.map(|(store, at)| (store.to_string(), at)).collect(),
                lag: followed.lag(),
            };
            (*place, status)
        });
        *self.job.shared.standbys() = statuses.collect();
    }
}

/// The store that a queue is the change log of.
fn store<'a>(
    topics: &BTreeMap<Str, (usize, usize)>,
    followed: &'a mut BTreeMap<Place, Followed>,
    queue: &TopicPartition,
) -> Option<&'a mut Store> {
    let (sub, at) = topics.get(&queue.topic)?;
    followed.get_mut(&(*sub, queue.partition))?.stores.get_mut(*at)
}

impl Followed {
    fn marker(&self) -> Marker {
        let progress = Progress { number: self.number, ..Progress::default() };
        let changes = self.stores.iter().map(|store| (Str::clone(&store.name), store.upto()));
        Marker { progress, changes: changes.collect(), saved_ms: self.saved_ms }
    }

    fn as_of_ms(&self) -> i64 {
        self.stores.iter().map(|store| store.as_of_ms).min().unwrap_or(self.saved_ms)
    }

    fn lag(&self) -> u64 {
        self.stores.iter().map(|store| store.end.saturating_sub(store.next)).sum()
    }
}

impl Store {
    /// Up to where nothing need be read again. Who goes on with the state writes keys once more of
    /// which the last record does not count, and must find those records for that.
    fn upto(&self) -> u64 {
        self.hidden.values().copied().min().map_or(self.next, |first| first.min(self.next))
    }

    /// Takes note of keys that may not count.
    fn see(&mut self, batch: &QueueRecords) {
        let Some((first, _)) = batch.records.first() else { return };
        // What did not fit into memory while it waited is read again.
        while self.seen.pop_back_if(|(at, _)| *at >= *first).is_some() {}
        let marked = batch.records.iter().filter(|(_, record)| mark_of(record).is_some());
        // Copied: a slice would hold all that was read with it.
        let key = |key: &Bytes| Bytes::copy_from_slice(key);
        self.seen.extend(marked.filter_map(|(at, r)| Some((*at, r.key.as_ref().map(key)?))));
    }

    /// Takes what counts; gives the entries that it makes.
    fn take(&mut self, batch: &QueueRecords, now_ms: i64) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut entries = Vec::with_capacity(batch.records.len());
        for (offset, record) in &batch.records {
            self.pass_over(*offset);
            self.seen.pop_front_if(|(at, _)| at == offset);
            let key = record.key.as_deref().unwrap_or_default();
            self.hidden.remove(key);
            let value = record.value.as_ref().map(|value| value.to_vec());
            entries.push(([&self.prefix, key].concat(), value));
        }
        self.pass_over(batch.next);
        (self.next, self.end) = (batch.next, batch.end);
        if self.next >= self.end {
            self.as_of_ms = now_ms;
        }
        entries
    }

    /// What was read before an offset and did not come does not count.
    fn pass_over(&mut self, offset: u64) {
        while let Some((at, key)) = self.seen.pop_front_if(|(at, _)| *at < offset) {
            self.hidden.insert(key, at);
        }
    }
}

#[cfg(test)]
mod tests;
