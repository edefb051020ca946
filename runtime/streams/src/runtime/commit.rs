//! Checkpoints written: outputs, changes of state and progress, then the state on this machine.

use std::collections::BTreeMap;
use std::ops::Range;

use gantry_log::{FullLog, LogRecord, QueueBatch, Str, TopicPartition};

use super::merge::add_by_time;
use super::plan::{Plan, change_log, task_key};
use super::restore::{Marker, marker_entry};
use crate::error::StreamsError;
use crate::store::{Backend, Batch};
use crate::task::Written;

/// One task's checkpoint.
pub(crate) struct Due<'a> {
    pub(crate) task: (usize, u32),
    pub(crate) written: Written,
    pub(crate) marker: &'a mut Marker,
}

/// Writes the checkpoints of several tasks. Where the log writes several queues at once, all of it
/// counts or nothing. Elsewhere progress is written when the rest is durable, so that after a crash
/// some of the rest may come twice.
pub(crate) async fn commit(
    plan: &Plan,
    log: &dyn FullLog,
    backend: &dyn Backend,
    due: Vec<Due<'_>>,
    now_ms: i64,
) -> Result<(), StreamsError> {
    let mut batches: BTreeMap<TopicPartition, Vec<LogRecord>> = BTreeMap::new();
    let mut markers = Vec::new();
    let mut local = Batch::default();
    for Due { task, written, marker } in due {
        let Written { outputs, changes, batch, progress } = written;
        let saved = batch.is_some();
        for (topic, queue, records) in outputs {
            let queue = TopicPartition { topic, partition: queue };
            add_by_time(batches.entry(queue).or_default(), records);
        }
        for (store, records) in changes {
            let topic = change_log(&store);
            batches.entry(TopicPartition { topic, partition: task.1 }).or_default().extend(records);
        }
        let mut batch = batch.unwrap_or_default();
        local.entries.append(&mut batch.entries);
        local.ranges.append(&mut batch.ranges);
        marker.progress = progress;
        markers.push((task, marker, saved));
    }
    let checkpoints = TopicPartition { topic: plan.checkpoints(), partition: 0 };
    let progress = markers.iter().map(|(task, marker, _)| checkpoint(*task, marker)).collect();
    let ends = if log.is_atomic() {
        batches.insert(checkpoints, progress);
        append(log, batches).await?
    } else {
        let ends = append(log, batches).await?;
        append(log, BTreeMap::from([(checkpoints, progress)])).await?;
        ends
    };
    for (task, marker, saved) in markers {
        for store in &plan.subs[task.0].stores {
            let queue = TopicPartition { topic: change_log(store), partition: task.1 };
            if let Some(range) = ends.get(&queue) {
                marker.changes.insert(Str::clone(store), range.end);
            }
        }
        // What is on disk is as of this checkpoint, or still as of an earlier one.
        if saved {
            marker.saved_ms = now_ms;
            local.entries.push(marker_entry(task, marker));
        }
    }
    if local.entries.is_empty() { Ok(()) } else { backend.write(local) }
}

fn checkpoint(task: (usize, u32), marker: &Marker) -> LogRecord {
    let value = serde_json::to_vec(&marker.progress).unwrap_or_default();
    LogRecord {
        key: Some(task_key(task).into_bytes().into()),
        value: Some(value.into()),
        headers: Vec::new(),
        timestamp_ms: LogRecord::AT_STORE,
    }
}

async fn append(
    log: &dyn FullLog,
    batches: BTreeMap<TopicPartition, Vec<LogRecord>>,
) -> Result<BTreeMap<TopicPartition, Range<u64>>, StreamsError> {
    let queues: Vec<TopicPartition> = batches.keys().cloned().collect();
    let batches = batches.into_iter().map(|(to, records)| QueueBatch { to, records }).collect();
    let ranges = log.append(batches).await?.await?;
    Ok(queues.into_iter().zip(ranges).collect())
}
