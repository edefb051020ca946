//! Topics that hold state of the runtime's own: made when they are missing, and read from front to
//! end.

use std::time::Duration;

use bytes::Bytes;
use gantry_log::{Cleanup, FullLog, LogError, LogRecord, ReadLimits, TopicPartition, TopicSpec};

/// What is read at once, and how long one read may wait for something.
pub const LIMITS: ReadLimits =
    ReadLimits { max_bytes: 1 << 20, max_records: 10_000, wait: Duration::from_secs(1) };

/// What a topic of the runtime's own must not forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// The last record of each key: it is compacted.
    LastOfEachKey,
    /// Nothing that a snapshot does not hold; all workers must see each record.
    EachRecord,
}

impl Keeps {
    fn spec(self) -> TopicSpec {
        match self {
            Self::LastOfEachKey => TopicSpec::compacted(),
            Self::EachRecord => TopicSpec::with_queues(1),
        }
    }

    /// What is wrong with a topic that is there.
    fn fault(self, spec: &TopicSpec) -> Option<String> {
        let TopicSpec { queues, cleanup } = spec;
        let fault = match (self, cleanup) {
            _ if *queues != 1 => {
                return Some(format!(
                    "has {queues} queues, but only one keeps the order of what is written to it"
                ));
            }
            (Self::LastOfEachKey, Cleanup::Delete { .. }) => {
                "has cleanup.policy=delete and would forget what is written to it, but it must be \
                 compact"
            }
            (Self::EachRecord, Cleanup::Compact) => {
                "is compacted, and would lose records that all workers must see"
            }
            _ => return None,
        };
        Some(fault.to_owned())
    }
}

/// Why a topic of the runtime's own cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TopicFault {
    /// The log cannot be asked now.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It cannot be made, or it would lose what is written to it.
    #[error("{0}")]
    Refused(String),
}

/// The one queue of the topic that the worker's `key` names; it is created if it is not there.
/// Refuses a topic that would lose what is written to it.
pub async fn open_topic(
    log: &dyn FullLog,
    key: &str,
    topic: &str,
    keeps: Keeps,
) -> Result<TopicPartition, TopicFault> {
    let mut found = log.topic(topic).await?;
    if found.is_none() {
        match log.create_topic(topic, keeps.spec()).await {
            Ok(()) => {}
            Err(LogError::TopicExists(_)) => found = log.topic(topic).await?,
            Err(error) => {
                return Err(TopicFault::Refused(format!(
                    "Topic {topic}, which {key} names, cannot be created: {error}"
                )));
            }
        }
    }
    match found.and_then(|info| keeps.fault(&info.spec)) {
        Some(fault) => Err(TopicFault::Refused(format!(
            "Topic {topic}, which {key} names, {fault}: name another topic, which is then made as \
             it must be"
        ))),
        None => Ok(TopicPartition::new(topic, 0)),
    }
}

/// A record of a topic that keeps each: the log sets its time, by one clock for all workers.
pub fn record_of_all(key: Option<Bytes>, value: Option<Bytes>) -> LogRecord {
    LogRecord { key, value, headers: Vec::new(), timestamp_ms: LogRecord::AT_STORE }
}

/// Gives each record with its offset, from `from` to where the queue ends now; gives where to
/// read on.
pub async fn fold(
    log: &dyn FullLog,
    queue: &TopicPartition,
    from: u64,
    apply: impl FnMut(u64, &LogRecord) + Send,
) -> Result<u64, LogError> {
    let range = log.range(queue).await?;
    scan(log, queue, range.earliest.max(from), range.next, apply).await
}

/// Gives each record with its offset, from `from` to `to`, where something stands; gives where to
/// read on. A log that gives nothing in front of `to` is an error: who stopped there would miss
/// what is behind it.
pub async fn scan(
    log: &dyn FullLog,
    queue: &TopicPartition,
    from: u64,
    to: u64,
    mut apply: impl FnMut(u64, &LogRecord) + Send,
) -> Result<u64, LogError> {
    let mut position = from;
    while position < to {
        let read = log.read(&[(queue.clone(), position)], LIMITS).await?;
        let Some(batch) = read.into_iter().next() else {
            let reason = format!("{queue} gives nothing at {position} of {to}");
            return Err(LogError::Unavailable(reason.into()));
        };
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
            let refused = open_topic(&log, "offset.storage.topic", topic, Keeps::LastOfEachKey)
                .await
                .unwrap_err();
            assert!(refused.to_string().contains("which offset.storage.topic names"), "{refused}");
            assert!(refused.to_string().contains(reason), "{refused}");
        }
        for _ in 0..2 {
            open_topic(&log, "offset.storage.topic", "fresh", Keeps::LastOfEachKey).await.unwrap();
        }
    }
}
