//! A task begun: it is this instance's from now on, and its state is what it was at its last
//! checkpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use gantry_coordination::{CommitError, Fence, Lease, Transaction};
use gantry_log::{LogRecord, QueueBatch, Session, Str, TopicPartition};
use tokio_util::sync::CancellationToken;

use super::job::{Job, Place};
use super::keeper::Kept;
use super::outage::{Outage, RETRY};
use super::plan::{change_log, task_key};
use super::restore::{Marker, Restored, restore};
use crate::error::StreamsError;
use crate::task::Progress;

/// The longest wait before what a task needs besides the log is asked again.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// By what right an instance has a task.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) place: Place,
    pub(super) fence: Fence,
    /// Until when; none where nobody else could have it.
    pub(super) lease: Option<Lease>,
    /// Fires when it shall be given up.
    pub(super) stop: CancellationToken,
}

impl Claim {
    pub(super) fn is_valid(&self) -> bool {
        self.lease.as_ref().is_none_or(Lease::is_valid)
    }
}

/// What a begun task goes on with.
pub(super) struct Begun {
    pub(super) transaction: Transaction,
    pub(super) marker: Marker,
    /// Its state, where it is kept outside the log.
    pub(super) kept: Option<Kept>,
    /// Where its inputs ended when it began.
    pub(super) ends: BTreeMap<Str, u64>,
}

/// Where the inputs of a task end now.
async fn ends(
    job: &Job,
    place: Place,
    progress: &Progress,
) -> Result<BTreeMap<Str, u64>, StreamsError> {
    let mut ends = BTreeMap::new();
    for topic in progress.inputs.keys() {
        let queue = TopicPartition { topic: Str::clone(topic), partition: place.1 };
        ends.insert(Str::clone(topic), job.log.range(&queue).await?.next);
    }
    Ok(ends)
}

/// Begins a task; tries until the log takes it. `None`: somebody else has it, or it is not wanted
/// any more.
pub(super) async fn begin(job: &Job, claim: &Claim) -> Result<Option<Begun>, StreamsError> {
    let (mut outage, mut wait) = (Outage::default(), RETRY);
    loop {
        let begun = tokio::select! {
            begun = try_begin(job, claim) => begun,
            () = claim.stop.cancelled() => return Ok(None),
        };
        match begun {
            Err(error) if error.is_retriable() => {
                // Each try writes to the log: where that is there and something else is not, fewer do.
                wait = match error {
                    StreamsError::Log(_) => RETRY,
                    _ => (wait * 2).min(RETRY_MAX),
                };
                if outage.tells() {
                    tracing::warn!(job = %job.plan.job, task = ?claim.place, %error, "a task cannot begin now; trying again");
                }
            }
            begun => return begun,
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = claim.stop.cancelled() => return Ok(None),
        }
    }
}

async fn try_begin(job: &Job, claim: &Claim) -> Result<Option<Begun>, StreamsError> {
    let transaction = match job.offsets.begin_transaction(&claim.fence).await {
        Ok(transaction) => transaction,
        Err(CommitError::Fenced) => return Ok(None),
        Err(CommitError::Log(error)) => return Err(error.into()),
    };
    let Some(logged) = progress(job, claim.place, &transaction).await? else { return Ok(None) };
    let ends = ends(job, claim.place, &logged).await?;
    job.shared.tasks().insert(claim.place);
    if let Some(keeper) = job.keeper.as_ref().filter(|_| job.plan.has_state(claim.place)) {
        let found = keeper.begin(job, claim, &transaction, logged).await?;
        let begun = |(marker, kept)| Begun { transaction, marker, kept: Some(kept), ends };
        return Ok(found.map(begun));
    }
    let Restored { mut marker, hidden } = restore(job, claim.place, logged).await?;
    for (store, records) in hidden {
        if !tell_again(job, claim.place, &transaction, &mut marker, &store, records).await? {
            return Ok(None);
        }
    }
    Ok(Some(Begun { transaction, marker, kept: None, ends }))
}

/// Where a task goes on: where it came to, or where one begins that has never run.
async fn progress(
    job: &Job,
    place: Place,
    transaction: &Transaction,
) -> Result<Option<Progress>, StreamsError> {
    let key = task_key(place);
    let known = job.offsets.read(|fold| fold.get(&job.plan.job, &key).map(str::to_owned));
    if let Some(text) = known {
        return match serde_json::from_str(&text) {
            Ok(progress) => Ok(Some(progress)),
            Err(error) => Err(StreamsError::State {
                place: format!("topic {}", job.plan.checkpoints()),
                reason: format!("the checkpoint of task {key} cannot be read: {error}"),
            }),
        };
    }
    // Told at once: if it begins elsewhere before its first checkpoint, it begins at the same place.
    let progress = job.plan.beginning(&*job.log, &job.settings, place).await?;
    let text = serde_json::to_string(&progress).unwrap_or_default();
    match transaction.commit(vec![(key, Some(text))], Vec::new()).await {
        Ok(()) => Ok(Some(progress)),
        Err(CommitError::Fenced) => Ok(None),
        Err(CommitError::Log(error)) => Err(error.into()),
    }
}

/// Writes entries once more behind records that never counted: a change log that keeps the last
/// record of each key would keep those instead. False: somebody else has the task.
async fn tell_again(
    job: &Job,
    place: Place,
    transaction: &Transaction,
    marker: &mut Marker,
    store: &Str,
    mut records: Vec<LogRecord>,
) -> Result<bool, StreamsError> {
    for record in &mut records {
        record.headers.push(transaction.mark().clone());
    }
    let to = TopicPartition { topic: change_log(store), partition: place.1 };
    let batch = QueueBatch { to: to.clone(), records };
    let written = job.log.append_in(&Session::exact(), vec![batch]).await?.await?;
    let end = written.first().map_or(0, |range| range.end);
    match transaction.commit(Vec::new(), vec![(to.topic, to.partition, end)]).await {
        Ok(()) => {
            marker.changes.insert(Str::clone(store), end);
            Ok(true)
        }
        Err(CommitError::Fenced) => Ok(false),
        Err(CommitError::Log(error)) => Err(error.into()),
    }
}
