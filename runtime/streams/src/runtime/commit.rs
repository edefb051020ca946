//! Checkpoints written: outputs, changes of state and progress.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use gantry_coordination::{Ends, Transaction};
use gantry_log::{LogRecord, QueueBatch, Session, Str, TopicPartition};

use super::job::{Job, Place};
use super::keeper::KeptState;
use super::merge::add_by_time;
use super::plan::{change_log, task_key};
use super::restore::{Marker, marker_entry};
use crate::error::StreamsError;
use crate::store::Batch;
use crate::task::Written;

/// One task's checkpoint.
pub(super) struct Due {
    pub(super) place: Place,
    pub(super) written: Written,
    /// As of the one before.
    pub(super) marker: Marker,
    pub(super) transaction: Arc<Transaction>,
    /// Its state, where it is kept outside the log.
    pub(super) kept: Option<KeptState>,
}

/// What came of checkpoints.
#[derive(Default)]
pub(super) struct Outcome {
    /// Those that count, and what the state is of now.
    pub(super) markers: Vec<(Place, Marker)>,
    /// What is to be written to the disk of this machine.
    pub(super) local: Batch,
    /// The same of tasks whose state is kept outside the log, to each.
    pub(super) kept: Vec<(Place, KeptState, Batch)>,
    /// Tasks that somebody else has by now: nothing of theirs counts.
    pub(super) lost: Vec<Place>,
    /// Tasks in whose change log somebody else wrote, who had them before: they must begin again, and
    /// tell again what that hides.
    pub(super) disturbed: Vec<Place>,
}

/// Records by queue, and the queues in which each task has some that are marked.
#[derive(Default)]
struct Records {
    by_queue: BTreeMap<TopicPartition, Vec<LogRecord>>,
    marked: Vec<BTreeSet<TopicPartition>>,
}

/// Writes the checkpoints of several tasks. Where the log writes several queues at once, all of it
/// counts or nothing. Elsewhere records are marked, and count once the progress is written that
/// covers them.
pub(super) async fn commit(
    job: &Job,
    mut due: Vec<Due>,
    now_ms: i64,
) -> Result<Outcome, StreamsError> {
    // First where state is kept outside the log: that goes back by one checkpoint if it must.
    let lost = match &job.keeper {
        Some(keeper) => keeper.write(job, &mut due).await?,
        None => Vec::new(),
    };
    let mut outcome = Outcome { lost, ..Outcome::default() };
    if due.is_empty() {
        return Ok(outcome);
    }
    let records = collect(job, &mut due);
    let ranges = if job.writes_at_once() {
        write_at_once(job, &due, records).await?
    } else {
        write_marked(job, &due, records).await?
    };
    for Due { place, written, mut marker, transaction, kept } in due {
        let Written { batch, progress, .. } = written;
        if !job.writes_at_once() && !transaction.holds() {
            outcome.lost.push(place);
            continue;
        }
        marker.progress = progress;
        for store in &job.plan.subs[place.0].stores {
            let queue = TopicPartition { topic: change_log(store), partition: place.1 };
            let Some(range) = ranges.get(&queue) else { continue };
            let known = marker.changes.insert(Str::clone(store), range.end);
            if !job.writes_at_once() && known != Some(range.start) {
                outcome.disturbed.push(place);
            }
        }
        if outcome.disturbed.last() == Some(&place) {
            continue;
        }
        // What is on disk is as of this checkpoint, or still as of an earlier one.
        if let Some(mut batch) = batch {
            marker.saved_ms = now_ms;
            match kept {
                Some(kept) => outcome.kept.push((place, kept, batch)),
                None => {
                    outcome.local.entries.append(&mut batch.entries);
                    outcome.local.ranges.append(&mut batch.ranges);
                    outcome.local.entries.push(marker_entry(place, &marker));
                }
            }
        }
        outcome.markers.push((place, marker));
    }
    Ok(outcome)
}

/// Takes the records out of the checkpoints, and marks those that are to be.
fn collect(job: &Job, due: &mut [Due]) -> Records {
    let mut all = Records::default();
    for Due { place, written, transaction, .. } in due {
        let mut marked = BTreeSet::new();
        let outputs = std::mem::take(&mut written.outputs).into_iter();
        let outputs = outputs.map(|(topic, queue, records)| {
            let marks = job.is_marked(&topic);
            (TopicPartition { topic, partition: queue }, records, marks)
        });
        let changes = std::mem::take(&mut written.changes).into_iter();
        let changes = changes.map(|(store, records)| {
            let topic = change_log(&store);
            (TopicPartition { topic, partition: place.1 }, records, !job.writes_at_once())
        });
        for (queue, mut records, marks) in outputs.chain(changes) {
            if marks {
                let mark = transaction.mark();
                records.iter_mut().for_each(|record| record.headers.push(mark.clone()));
                marked.insert(queue.clone());
            }
            add_by_time(all.by_queue.entry(queue).or_default(), records);
        }
        all.marked.push(marked);
    }
    all
}

type Ranges = BTreeMap<TopicPartition, Range<u64>>;

async fn write_at_once(job: &Job, due: &[Due], records: Records) -> Result<Ranges, StreamsError> {
    let commits =
        due.iter().map(|due| due.transaction.commit_record(vec![progress(due)], Vec::new()));
    let commits = job.offsets.batch(commits.collect());
    let queues: Vec<TopicPartition> = records.by_queue.keys().cloned().collect();
    let mut batches = batches(records.by_queue);
    batches.push(commits);
    let ranges = job.log.append(batches).await?.await?;
    Ok(queues.into_iter().zip(ranges).collect())
}

async fn write_marked(job: &Job, due: &[Due], records: Records) -> Result<Ranges, StreamsError> {
    let Records { by_queue, marked } = records;
    let mut ranges = Ranges::new();
    if !by_queue.is_empty() {
        let queues: Vec<TopicPartition> = by_queue.keys().cloned().collect();
        let written = job.log.append_in(&Session::exact(), batches(by_queue)).await?.await?;
        ranges.extend(queues.into_iter().zip(written));
    }
    let commits = due.iter().zip(marked).map(|(due, marked)| {
        // Behind its own records in a queue may be those of other tasks, which have other marks.
        let end = |queue: TopicPartition| {
            let end = ranges.get(&queue)?.end;
            Some((queue.topic, queue.partition, end))
        };
        let ends: Ends = marked.into_iter().filter_map(end).collect();
        due.transaction.commit_record(vec![progress(due)], ends)
    });
    job.offsets.write(commits.collect()).await?;
    Ok(ranges)
}

fn batches(records: BTreeMap<TopicPartition, Vec<LogRecord>>) -> Vec<QueueBatch> {
    records.into_iter().map(|(to, records)| QueueBatch { to, records }).collect()
}

fn progress(due: &Due) -> (String, Option<String>) {
    let text = serde_json::to_string(&due.written.progress).unwrap_or_default();
    (task_key(due.place), Some(text))
}
