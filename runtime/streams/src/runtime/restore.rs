//! State that is found again: what is on this machine, and from the change log what came after it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use gantry_log::{LogRecord, Str, TopicPartition};

use super::committed::{Reader, read_all};
use super::job::{Job, Place};
use super::plan::change_log;
use super::worker::wall_clock_ms;
use crate::error::StreamsError;
use crate::store::{Backend, Batch, PREFIX_BYTES, prefix};
use crate::task::Progress;

/// What the state on this machine is of.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Marker {
    /// The checkpoint.
    pub(crate) progress: Progress,
    /// Up to where the change log of each store is in it.
    pub(crate) changes: BTreeMap<Str, u64>,
    /// When it was written.
    #[serde(default)]
    pub(crate) saved_ms: i64,
}

/// Where markers stand: no store has this number.
const MARKERS: u16 = u16::MAX;

fn marker_key((sub, queue): (usize, u32)) -> Vec<u8> {
    let mut key = prefix(MARKERS, queue).to_vec();
    key.extend_from_slice(&u16::try_from(sub).unwrap_or(u16::MAX).to_be_bytes());
    key
}

/// The entry by which a batch says what it is of.
pub(crate) fn marker_entry(task: (usize, u32), marker: &Marker) -> (Vec<u8>, Option<Vec<u8>>) {
    (marker_key(task), Some(serde_json::to_vec(marker).unwrap_or_default()))
}

/// State on disk that is older is not gone on with: a change log forgets after a day what was taken
/// away, and that would stay here for ever.
const AGE_MAX_MS: i64 = 12 * 60 * 60 * 1000;
/// How many entries are written at once.
const ENTRIES_AT_ONCE: usize = 10_000;

impl Marker {
    /// Whether a task can go on with the state, whose checkpoint in the log has this number. State
    /// that is ahead of the log is of a log that is no more.
    fn is_usable(&self, logged: u64, now_ms: i64) -> bool {
        let age_ms = now_ms.saturating_sub(self.saved_ms);
        self.progress.number <= logged && age_ms <= AGE_MAX_MS
    }
}

/// What the state of a task on this machine is of, if the task can go on with it: its checkpoint in
/// the log has that number, and the change logs reach to where they are in it.
pub(super) async fn usable(
    job: &Job,
    place: Place,
    logged: u64,
) -> Result<Option<Marker>, StreamsError> {
    let known = on_disk(job, place)?;
    let Some(known) = known.filter(|marker| marker.is_usable(logged, wall_clock_ms())) else {
        return Ok(None);
    };
    for (store, _) in stores(job, place) {
        let queue = TopicPartition { topic: change_log(store), partition: place.1 };
        let next = job.log.range(&queue).await?.next;
        if known.changes.get(store).is_some_and(|known| *known > next) {
            // The log has lost its end, or is another one.
            return Ok(None);
        }
    }
    Ok(Some(known))
}

/// What the state of a task on this machine is of, if there is any.
pub(super) fn on_disk(job: &Job, place: Place) -> Result<Option<Marker>, StreamsError> {
    let known = job.backend.get(&marker_key(place))?;
    Ok(known.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// State that was found again.
pub(super) struct Restored {
    /// Where the task goes on, and up to where the change logs are in its state.
    pub(super) marker: Marker,
    /// By store what stands in its change log in front of records that do not count.
    pub(super) hidden: Vec<(Str, Vec<LogRecord>)>,
}

/// Makes the state of a task what it was at its last checkpoint.
pub(super) async fn restore(
    job: &Job,
    place: Place,
    logged: Progress,
) -> Result<Restored, StreamsError> {
    let (backend, now_ms) = (&*job.backend, wall_clock_ms());
    if job.settings.local_storage_only {
        return restore_local(job, place, on_disk(job, place)?, logged);
    }
    let known = usable(job, place, logged.number).await?;
    if known.is_none() {
        backend.write(cleared(job, place))?;
    }
    let mut marker = known.unwrap_or_default();
    let (mut hidden, mut on_disk) = (Vec::new(), marker.changes.clone());
    for (store, prefix) in stores(job, place) {
        let queue = TopicPartition { topic: change_log(store), partition: place.1 };
        let from = marker.changes.get(store).copied().unwrap_or(0);
        let (batch, passed_over) = (Batch::default(), BTreeSet::new());
        let mut replay = Replay { backend, prefix, batch, passed_over };
        let end = read_all(job, &queue, from, &mut replay).await?;
        backend.write(std::mem::take(&mut replay.batch))?;
        let records = replay.hidden()?;
        // Until they are told again, whoever begins here finds them once more.
        on_disk.insert(Str::clone(store), if records.is_empty() { end } else { from });
        if !records.is_empty() {
            hidden.push((Str::clone(store), records));
        }
        marker.changes.insert(Str::clone(store), end);
    }
    marker.progress = logged;
    marker.saved_ms = now_ms;
    let saved = Marker { changes: on_disk, ..marker.clone() };
    let entries = vec![marker_entry(place, &saved)];
    backend.write(Batch { entries, ranges: Vec::new() })?;
    Ok(Restored { marker, hidden })
}

/// State that is on this machine only: it is that of the last checkpoint, or of the one before, as
/// the disk is written last. Any other is of a time when the task was elsewhere.
fn restore_local(
    job: &Job,
    place: Place,
    known: Option<Marker>,
    logged: Progress,
) -> Result<Restored, StreamsError> {
    let follows = |marker: &Marker| {
        let number = marker.progress.number;
        number <= logged.number && number + 1 >= logged.number
    };
    let marker = match known.filter(follows) {
        Some(marker) => marker,
        None => {
            if logged.number > 0 && job.plan.has_state(place) {
                tracing::warn!(
                    job = %job.plan.job, task = ?place,
                    "the state of a task is not on this machine, and by local_storage_only nowhere else: it begins empty"
                );
            }
            job.backend.write(cleared(job, place))?;
            Marker { progress: logged, ..Marker::default() }
        }
    };
    Ok(Restored { marker, hidden: Vec::new() })
}

/// The stores of a task, and where they stand.
pub(super) fn stores(job: &Job, place: Place) -> impl Iterator<Item = (&Str, [u8; PREFIX_BYTES])> {
    let first = job.plan.first_stores[place.0];
    (first..)
        .zip(&job.plan.subs[place.0].stores)
        .map(move |(number, store)| (store, prefix(number, place.1)))
}

/// What takes the state of a task away, and its marker: what comes instead is of no checkpoint until
/// all of it is there.
pub(super) fn cleared(job: &Job, place: Place) -> Batch {
    let ranges = stores(job, place).map(|(_, at)| (at.to_vec(), crate::store::after(&at)));
    Batch { entries: vec![(marker_key(place), None)], ranges: ranges.collect() }
}

/// Puts what a change log says into a store.
struct Replay<'a> {
    backend: &'a dyn Backend,
    prefix: [u8; PREFIX_BYTES],
    batch: Batch,
    /// Keys of which the last record does not count.
    passed_over: BTreeSet<Bytes>,
}

impl Replay<'_> {
    fn key(&self, key: &[u8]) -> Vec<u8> {
        [&self.prefix, key].concat()
    }

    /// What the store has of the keys of which the last record does not count.
    fn hidden(&self) -> Result<Vec<LogRecord>, StreamsError> {
        let records = self.passed_over.iter().map(|key| {
            let value = self.backend.get(&self.key(key))?.map(Bytes::from);
            let (headers, timestamp_ms) = (Vec::new(), LogRecord::AT_STORE);
            Ok(LogRecord { key: Some(key.clone()), value, headers, timestamp_ms })
        });
        records.collect()
    }
}

impl Reader for Replay<'_> {
    fn take(&mut self, record: &LogRecord) -> Result<(), StreamsError> {
        let key = record.key.as_deref().unwrap_or_default();
        if !self.passed_over.is_empty() {
            self.passed_over.remove(key);
        }
        let entry = (self.key(key), record.value.as_ref().map(|value| value.to_vec()));
        self.batch.entries.push(entry);
        if self.batch.entries.len() < ENTRIES_AT_ONCE {
            return Ok(());
        }
        self.backend.write(std::mem::take(&mut self.batch))
    }

    fn passed_over(&mut self, key: &Bytes) {
        self.passed_over.insert(key.clone());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use gantry_coordination::{FencedOffsets, Transactions};
    use gantry_log::{Log, LogAdmin, MemoryLog, QueueBatch, TopicSpec};

    use super::*;
    use crate::runtime::job::Shared;
    use crate::runtime::plan::Plan;
    use crate::settings::Settings;
    use crate::store::Memory;
    use crate::topology::graph::{Graph, SubTopology};

    pub(in crate::runtime) const TASK: Place = (0, 0);

    /// A job of one task with one store, whose checkpoints are in the topic `o`.
    pub(in crate::runtime) fn job(log: Arc<MemoryLog>, backend: Arc<Memory>) -> Job {
        let sub = SubTopology {
            nodes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            stores: vec!["store".into()],
        };
        let plan = Plan {
            job: "job".into(),
            graph: Graph::default(),
            subs: vec![sub],
            first_stores: vec![0],
            queues: BTreeMap::new(),
            tasks: vec![TASK],
            kept_in: None,
        };
        let offsets =
            FencedOffsets::new(Arc::<MemoryLog>::clone(&log), TopicPartition::new("o", 0));
        let transactions = Transactions::new(Arc::<MemoryLog>::clone(&log), None);
        Job {
            plan,
            log,
            backend,
            keeper: None,
            settings: Settings::new("unused"),
            begins: tokio::sync::Semaphore::new(1),
            offsets: Arc::new(offsets),
            transactions: Arc::new(transactions),
            shared: Shared::default(),
        }
    }

    /// A change log in which a key is set, and a disk that has that and one that was taken away since,
    /// of which the change log says nothing any more.
    async fn scene(saved_ms: i64) -> Result<(Arc<MemoryLog>, Arc<Memory>), StreamsError> {
        let log = Arc::new(MemoryLog::default());
        log.create_topic("store-changelog", TopicSpec::compacted()).await?;
        let record = |key: &'static str| LogRecord {
            key: Some(key.into()),
            value: Some("1".into()),
            ..LogRecord::default()
        };
        let to = TopicPartition::new("store-changelog", 0);
        let records = vec![record("kept"), record("new")];
        log.append(vec![QueueBatch { to, records }]).await?.await?;
        let (backend, place) = (Arc::new(Memory::default()), prefix(0, 0));
        let changes = BTreeMap::from([("store".into(), 1)]);
        let progress = Progress { number: 5, ..Progress::default() };
        let (marker, state) = marker_entry(TASK, &Marker { progress, changes, saved_ms });
        let entry = |key: &str| ([&place, key.as_bytes()].concat(), Some(b"1".to_vec()));
        let entries = vec![entry("kept"), entry("gone"), (marker, state)];
        backend.write(Batch { entries, ranges: Vec::new() })?;
        Ok((log, backend))
    }

    fn keys(backend: &Memory) -> Result<Vec<String>, StreamsError> {
        let (place, mut keys) = (prefix(0, 0), Vec::new());
        backend.scan(&place, &crate::store::after(&place), &mut |key, _| {
            keys.push(String::from_utf8_lossy(&key[place.len()..]).into_owned());
            Ok(true)
        })?;
        Ok(keys)
    }

    #[tokio::test]
    async fn state_on_disk_is_gone_on_with_unless_it_is_old() -> Result<(), StreamsError> {
        let now_ms = wall_clock_ms();
        for (age_ms, wanted) in
            [(AGE_MAX_MS / 2, vec!["gone", "kept", "new"]), (AGE_MAX_MS + 1, vec!["kept", "new"])]
        {
            let (log, backend) = scene(now_ms - age_ms).await?;
            let logged = Progress { number: 7, ..Progress::default() };
            let restored = restore(&job(log, Arc::clone(&backend)), TASK, logged).await?;
            assert_eq!(keys(&backend)?, wanted);
            let marker = restored.marker;
            assert_eq!((marker.progress.number, marker.changes["store"]), (7, 2));
        }
        Ok(())
    }

    /// A restore that is broken off leaves a part of the state, which is of no checkpoint.
    #[tokio::test]
    async fn what_is_begun_anew_has_no_marker() -> Result<(), StreamsError> {
        let (log, backend) = scene(wall_clock_ms()).await?;
        let job = job(log, Arc::clone(&backend));
        assert!(on_disk(&job, TASK)?.is_some());
        backend.write(cleared(&job, TASK))?;
        assert_eq!((on_disk(&job, TASK)?.is_none(), keys(&backend)?), (true, Vec::new()));
        Ok(())
    }
}
