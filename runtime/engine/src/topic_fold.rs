//! Topics that hold the engine's own state: made when they are missing, and read from front to
//! end.

use std::time::Duration;

use gantry_api::TopicPartition;
use gantry_log::{Cleanup, FullLog, LogError, LogRecord, ReadLimits, TopicSpec};

use crate::error::HerderError;

/// Bytes read at once.
const READ_BYTES: usize = 1 << 20;
/// Records read at once.
const READ_RECORDS: usize = 10_000;

/// The one queue of the compacted topic that the worker's `key` names; it is created if it is not
/// there. Refuses a topic that would lose what is written to it.
pub(crate) async fn open_topic(
    log: &dyn FullLog,
    key: &str,
    topic: &str,
) -> Result<TopicPartition, HerderError> {
    let mut found = log.topic(topic).await?;
    if found.is_none() {
        match log.create_topic(topic, TopicSpec::compacted()).await {
            Ok(()) => {}
            Err(LogError::TopicExists(_)) => found = log.topic(topic).await?,
            Err(error) => return Err(error.into()),
        }
    }
    match found.map(|info| info.spec) {
        Some(TopicSpec { queues, .. }) if queues != 1 => Err(HerderError::internal(format!(
            "Topic {topic}, which {key} names, has {queues} queues, but only one keeps the order \
             of what is written to it: name another topic, which is then made as it must be"
        ))),
        Some(TopicSpec { cleanup: Cleanup::Delete { .. }, .. }) => {
            Err(HerderError::internal(format!(
                "Topic {topic}, which {key} names, has cleanup.policy=delete and would forget what \
                 is written to it, but it must be compact: name another topic, which is then made \
                 as it must be"
            )))
        }
        _ => Ok(TopicPartition::new(topic, 0)),
    }
}

/// The one queue of a topic of a cluster's own that the worker's `key` names; it is created if it
/// is not there. Snapshots keep what it must not forget, so that any topic of one queue will do.
pub(crate) async fn open_control_topic(
    log: &dyn FullLog,
    key: &str,
    topic: &str,
) -> Result<TopicPartition, HerderError> {
    let mut found = log.topic(topic).await?;
    if found.is_none() {
        match log.create_topic(topic, TopicSpec::with_queues(1)).await {
            Ok(()) | Err(LogError::TopicExists(_)) => found = log.topic(topic).await?,
            Err(error) => {
                return Err(HerderError::internal(format!(
                    "topic {topic}, which {key} names, cannot be created: {error}"
                )));
            }
        }
    }
    match found.map(|info| info.spec) {
        Some(TopicSpec { queues, .. }) if queues != 1 => Err(HerderError::internal(format!(
            "topic {topic}, which {key} names, has {queues} queues, but only one keeps the order \
             that all workers agree on: name another topic, which is then made as it must be"
        ))),
        Some(TopicSpec { cleanup: Cleanup::Compact, .. }) => Err(HerderError::internal(format!(
            "topic {topic}, which {key} names, is compacted, and would lose records that all \
             workers must see: name another topic, which is then made as it must be"
        ))),
        _ => Ok(TopicPartition::new(topic, 0)),
    }
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

#[cfg(test)]
mod tests {
    use gantry_log::{LogAdmin, MemoryLog};

    use super::*;

    #[tokio::test]
    async fn a_topic_that_would_forget_is_refused() {
        let log = MemoryLog::new();
        log.create_topic("deletes", TopicSpec::with_queues(1)).await.unwrap();
        log.create_topic("many", TopicSpec { queues: 2, ..TopicSpec::compacted() }).await.unwrap();
        for (topic, reason) in [("deletes", "cleanup.policy=delete"), ("many", "has 2 queues")] {
            let refused = open_topic(&log, "offset.storage.topic", topic).await.unwrap_err();
            assert!(refused.message.contains("which offset.storage.topic names"), "{refused}");
            assert!(refused.message.contains(reason), "{refused}");
        }
        for _ in 0..2 {
            open_topic(&log, "offset.storage.topic", "fresh").await.unwrap();
        }
    }
}
