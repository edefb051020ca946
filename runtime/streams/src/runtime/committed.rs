//! Queues read whole, as far as their records count.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use gantry_coordination::Isolation;
use gantry_log::{LogError, LogRecord, QueueRecords, ReadLimits, TopicPartition};

use super::job::Job;
use crate::error::StreamsError;

const LIMITS: ReadLimits =
    ReadLimits { max_bytes: 4 << 20, max_records: 50_000, wait: Duration::from_millis(500) };

/// After so long a wait is told.
const TELL_AFTER: Duration = Duration::from_secs(30);

/// What is done with what is read.
pub(super) trait Reader {
    /// Takes a record that counts.
    fn take(&mut self, record: &LogRecord) -> Result<(), StreamsError>;
    /// Takes note of a key that a record has which does not count.
    fn passed_over(&mut self, key: &Bytes) {
        let _ = key;
    }
}

/// Reads a queue from an offset, or from the first that is there, to where it ends now; gives where
/// that is.
pub(super) async fn read_all(
    job: &Job,
    queue: &TopicPartition,
    from: u64,
    reader: &mut impl Reader,
) -> Result<u64, StreamsError> {
    let range = job.log.range(queue).await?;
    let mut at = from.clamp(range.earliest, range.next);
    let mut isolation = Isolation::new(Some(job.transactions.clone()));
    while at < range.next {
        let read = match job.log.read(&[(queue.clone(), at)], LIMITS).await {
            // Compaction took the records between.
            Err(LogError::OutOfRange { range, .. }) if at < range.earliest => {
                at = range.earliest;
                continue;
            }
            read => read?,
        };
        for batch in read {
            at = batch.next;
            give(job, batch, &mut isolation, reader).await?;
        }
    }
    Ok(range.next)
}

/// Gives the records of a batch that count, once that is known of all.
async fn give(
    job: &Job,
    batch: QueueRecords,
    isolation: &mut Isolation,
    reader: &mut impl Reader,
) -> Result<(), StreamsError> {
    let key = |(offset, record): &(u64, LogRecord)| Some((*offset, record.key.clone()?));
    let mut keys = batch.records.iter().filter_map(key).collect::<Vec<_>>().into_iter().peekable();
    let queue = batch.from.clone();
    let mut tell_at = tokio::time::Instant::now() + TELL_AFTER;
    let mut given = isolation.sift(vec![batch]).await;
    loop {
        for batch in given {
            for (offset, record) in &batch.records {
                while let Some((_, key)) = keys.next_if(|(at, _)| at < offset) {
                    reader.passed_over(&key);
                }
                keys.next_if(|(at, _)| at == offset);
                reader.take(record)?;
            }
        }
        if !isolation.waits() {
            break;
        }
        tokio::select! {
            () = isolation.changed() => {}
            () = tokio::time::sleep_until(tell_at) => {
                tracing::warn!(
                    job = %job.plan.job, %queue,
                    "waits for records that somebody wrote and neither committed nor gave up: another job, or a connector, that is down"
                );
                tell_at += TELL_AFTER;
            }
        }
        given = isolation.look_again(&BTreeSet::new()).await;
    }
    keys.for_each(|(_, key)| reader.passed_over(&key));
    Ok(())
}
