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
) -> Result<Marker, StreamsError> {
    let logged = plan.progress.get(&task).cloned().unwrap_or_default();
    let known = backend.get(&marker_key(task))?;
    let known: Option<Marker> = known.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if local_only {
        return Ok(known.unwrap_or_else(|| Marker { progress: logged, ..Marker::default() }));
    }
    // State that is ahead of the log is of a log that is no more.
    let known = known.filter(|marker| marker.progress.number <= logged.number);
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
