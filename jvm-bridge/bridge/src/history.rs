//! Schema histories of connectors that keep them in a topic of Kafka's: here the topic is one of
//! the log, of one queue.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gantry_api::{Error, Result, TopicPartition, now_ms};
use gantry_log::{FullLog, LogError, LogRecord, QueueBatch, ReadLimits, TopicSpec};
use tokio::runtime::Handle;

use crate::wire::{Reader, Upcall, Writer};

/// How long the log may take for one record.
const LOG_TIMEOUT: Duration = Duration::from_secs(60);
/// Read at once.
const READ_BYTES_MAX: usize = 1 << 20;
const READ_RECORDS_MAX: usize = 1_000;

struct Kept {
    log: Arc<dyn FullLog>,
    runtime: Handle,
}

/// One log for the process, as its JVM is one.
static KEPT: OnceLock<Kept> = OnceLock::new();

/// Keeps histories in that log. To be called within the runtime that the log works on, once.
pub fn keep_histories_in(log: Arc<dyn FullLog>) {
    let _ = KEPT.set(Kept { log, runtime: Handle::current() });
}

/// Answers an upcall about a history, on a thread of Java's, which waits.
pub(crate) fn answer(upcall: Upcall, from: &mut Reader) -> Result<Option<Vec<u8>>> {
    let kept = KEPT.get().ok_or_else(|| {
        Error::connect(
            "There is no log here to keep a schema history in; start the connector in a worker",
        )
    })?;
    let topic = from.str()?;
    let queue = TopicPartition::new(topic.as_str(), 0);
    match upcall {
        Upcall::HistoryAppend => {
            let record = LogRecord {
                key: None,
                value: Some(from.str()?.into()),
                headers: Vec::new(),
                timestamp_ms: now_ms(),
            };
            let batches = vec![QueueBatch { to: queue, records: vec![record] }];
            kept.wait(&topic, async { kept.log.append(batches).await?.await })?;
            Ok(None)
        }
        Upcall::HistoryExists => {
            let create = from.bool()?;
            let exists = kept.wait(&topic, kept.exists(&topic, create))?;
            Ok(Some(vec![u8::from(exists)]))
        }
        _ => {
            let start = u64::try_from(from.i64()?).unwrap_or_default();
            kept.wait(&topic, kept.read(&queue, start)).map(Some)
        }
    }
}

impl Kept {
    fn wait<T>(&self, topic: &str, what: impl Future<Output = Result<T, LogError>>) -> Result<T> {
        let failed = |text: String| {
            Error::retriable(format!("The schema history in topic {topic} cannot be used: {text}"))
        };
        match self.runtime.block_on(async { tokio::time::timeout(LOG_TIMEOUT, what).await }) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("the log did not answer in {LOG_TIMEOUT:?}"))),
        }
    }

    async fn exists(&self, topic: &str, create: bool) -> Result<bool, LogError> {
        if self.log.topic(topic).await?.is_some() {
            return Ok(true);
        }
        if create {
            // A history is needed from its beginning on, and is never compacted.
            match self.log.create_topic(topic, TopicSpec::with_queues(1)).await {
                Ok(()) | Err(LogError::TopicExists(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(create)
    }

    async fn read(&self, queue: &TopicPartition, start: u64) -> Result<Vec<u8>, LogError> {
        let range = self.log.range(queue).await?;
        let start = start.max(range.earliest);
        let limits = ReadLimits {
            max_bytes: READ_BYTES_MAX,
            max_records: READ_RECORDS_MAX,
            wait: Duration::ZERO,
        };
        let read = match start < range.next {
            true => self.log.read(&[(queue.clone(), start)], limits).await?,
            false => Vec::new(),
        };
        let next = read.first().map_or(start, |batch| batch.next);
        let records: Vec<&LogRecord> =
            read.iter().flat_map(|batch| &batch.records).map(|(_, record)| record).collect();
        let mut out = Writer::new();
        out.i64(i64::try_from(next).unwrap_or(i64::MAX)).bool(next < range.next);
        out.varint(records.len());
        for record in records {
            out.bytes(record.value.as_deref().unwrap_or_default());
        }
        Ok(out.into_bytes())
    }
}
