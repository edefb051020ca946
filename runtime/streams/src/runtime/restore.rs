//! State that is found again: what is on this machine, and from the change log what came after it.

use std::collections::BTreeMap;

use gantry_log::{FullLog, Str, TopicPartition};

use super::plan::{Plan, change_log, read_all};
use crate::error::StreamsError;
use crate::store::{Backend, Batch, prefix};
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

/// Makes the state of a task what it was at its last checkpoint; gives where it goes on, and up to
/// where the change logs are in it.
pub(crate) async fn restore(
    plan: &Plan,
    log: &dyn FullLog,
    backend: &dyn Backend,
    task: (usize, u32),
    local_only: bool,
    now_ms: i64,
) -> Result<Marker, StreamsError> {
    let logged = plan.progress.get(&task).cloned().unwrap_or_default();
    let known = backend.get(&marker_key(task))?;
    let known: Option<Marker> = known.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if local_only {
        return Ok(known.unwrap_or_else(|| Marker { progress: logged, ..Marker::default() }));
    }
    // State that is ahead of the log is of a log that is no more.
    let known = known.filter(|marker| {
        let age_ms = now_ms.saturating_sub(marker.saved_ms);
        marker.progress.number <= logged.number && age_ms <= AGE_MAX_MS
    });
    let mut marker = known.clone().unwrap_or_default();
    let sub = &plan.subs[task.0];
    for (at, store) in (0..).zip(&sub.stores) {
        let number = plan.first_stores[task.0] + at;
        let place = prefix(number, task.1);
        if known.is_none() {
            clear(backend, &place)?;
        }
        let queue = TopicPartition { topic: change_log(store), partition: task.1 };
        let from = marker.changes.get(store).copied().unwrap_or(0);
        let end = replay(log, backend, &queue, from, &place).await?;
        marker.changes.insert(Str::clone(store), end);
    }
    marker.progress = logged;
    marker.saved_ms = now_ms;
    let entries = vec![marker_entry(task, &marker)];
    backend.write(Batch { entries, ranges: Vec::new() })?;
    Ok(marker)
}

fn clear(backend: &dyn Backend, place: &[u8]) -> Result<(), StreamsError> {
    let ranges = vec![(place.to_vec(), crate::store::after(place))];
    backend.write(Batch { entries: Vec::new(), ranges })
}

async fn replay(
    log: &dyn FullLog,
    backend: &dyn Backend,
    queue: &TopicPartition,
    from: u64,
    place: &[u8],
) -> Result<u64, StreamsError> {
    let mut batch = Batch::default();
    let end = read_all(log, queue, from, |_, record| {
        let key = [place, record.key.as_deref().unwrap_or_default()].concat();
        batch.entries.push((key, record.value.as_ref().map(|value| value.to_vec())));
        if batch.entries.len() >= ENTRIES_AT_ONCE {
            backend.write(std::mem::take(&mut batch))?;
        }
        Ok(())
    })
    .await?;
    backend.write(batch)?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gantry_log::{Log, LogAdmin, LogRecord, MemoryLog, QueueBatch, TopicSpec};

    use super::*;
    use crate::store::Memory;
    use crate::topology::graph::{Graph, SubTopology};

    const TASK: (usize, u32) = (0, 0);

    fn plan() -> Plan {
        let sub = SubTopology {
            nodes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            stores: vec!["store".into()],
        };
        Plan {
            job: "job".into(),
            graph: Graph::default(),
            subs: vec![sub],
            first_stores: vec![0],
            queues: BTreeMap::new(),
            tasks: vec![TASK],
            progress: BTreeMap::from([(TASK, Progress { number: 7, ..Progress::default() })]),
        }
    }

    /// A change log in which a key is set, and a disk that has that and one that was taken away since,
    /// of which the change log says nothing any more.
    async fn scene(saved_ms: i64) -> Result<(Arc<MemoryLog>, Memory), StreamsError> {
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
        let (backend, place) = (Memory::default(), prefix(0, 0));
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
        let now_ms = 100 * AGE_MAX_MS;
        for (age_ms, wanted) in
            [(AGE_MAX_MS, vec!["gone", "kept", "new"]), (AGE_MAX_MS + 1, vec!["kept", "new"])]
        {
            let (log, backend) = scene(now_ms - age_ms).await?;
            let marker = restore(&plan(), &*log, &backend, TASK, false, now_ms).await?;
            assert_eq!(keys(&backend)?, wanted);
            assert_eq!((marker.progress.number, marker.changes["store"]), (7, 2));
        }
        Ok(())
    }
}
