//! Topics that hold the engine's own state: made when they are missing, and read from front to
//! end.

use std::time::Duration;

use gantry_api::TopicPartition;
use gantry_log::{FullLog, LogError, LogRecord, ReadLimits, TopicSpec};

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;
/// Records read at once.
const READ_RECORDS: usize = 10_000;

/// The one queue of a compacted topic, which is created if it is not there.
pub(crate) async fn open_topic(log: &dyn FullLog, topic: &str) -> Result<TopicPartition, LogError> {
    if log.topic(topic).await?.is_none() {
        match log.create_topic(topic, TopicSpec::compacted()).await {
            Ok(()) | Err(LogError::TopicExists(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(TopicPartition::new(topic, 0))
}

/// Gives each record with its offset, from `from` to where the queue ends now; gives where to
/// read on.
pub(crate) async fn fold(
    log: &dyn FullLog,
    queue: &TopicPartition,
    from: u64,
    mut apply: impl FnMut(u64, &LogRecord) + Send,
) -> Result<u64, LogError> {
    let range = log.range(queue).await?;
    let mut position = range.earliest.max(from);
    let limits =
        ReadLimits { max_bytes: READ_BYTES, max_records: READ_RECORDS, wait: Duration::ZERO };
    while position < range.next {
        let read = log.read(&[(queue.clone(), position)], limits).await?;
        let Some(batch) = read.into_iter().next() else { break };
        for (at, record) in &batch.records {
            apply(*at, record);
        }
        position = batch.next;
    }
    Ok(position)
}
