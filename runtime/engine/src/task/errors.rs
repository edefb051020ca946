//! `errors.*`: what happens to a record that cannot be handled.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gantry_api::{CancellationToken, Error, Result, Str};
use gantry_log::{
    Durable, FullLog, LogError, LogRecord, QueueBatch, RecordHeader, TopicPartition, TopicSpec,
};

use super::stages::Failure;
use super::supervisor::TaskEnv;
use crate::connector_config::ConnectorConfig;
use crate::entities::TaskId;
use crate::metrics::TaskMetrics;

/// The first wait before an operation is tried again.
const RETRY_DELAY_MIN_MS: u64 = 300;
/// Writes to the dead letter queue that may be on their way at once.
const DLQ_IN_FLIGHT_MAX: usize = 256;

/// Where a failed record was read from.
#[derive(Clone, Debug)]
pub(crate) struct Consumed<'a> {
    pub(crate) queue: &'a TopicPartition,
    pub(crate) offset: u64,
}

/// Decides and reports for one task.
pub(crate) struct ErrorHandler {
    id: TaskId,
    config: Arc<ConnectorConfig>,
    log: Arc<dyn FullLog>,
    metrics: Arc<TaskMetrics>,
    cancel: CancellationToken,
    dlq: Option<TopicPartition>,
    in_flight: VecDeque<Durable>,
}

impl ErrorHandler {
    pub(crate) fn new(env: &TaskEnv) -> Self {
        let dlq = env.config.dlq_topic.as_deref().map(|topic| TopicPartition::new(topic, 0));
        Self {
            id: env.id.clone(),
            config: Arc::clone(&env.config),
            log: Arc::clone(&env.log),
            metrics: Arc::clone(&env.metrics),
            cancel: env.cancel.clone(),
            dlq,
            in_flight: VecDeque::new(),
        }
    }

    /// Creates the dead letter queue's topic if it is not there.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let Some(queue) = &self.dlq else { return Ok(()) };
        match self.log.create_topic(&queue.topic, TopicSpec::with_queues(1)).await {
            Ok(()) | Err(LogError::TopicExists(_)) => Ok(()),
            Err(error) => {
                let text = format!(
                    "Could not create the dead letter queue topic {}: {error}",
                    queue.topic
                );
                Err(if error.is_retriable() {
                    Error::retriable(text)
                } else {
                    Error::connect(text)
                })
            }
        }
    }

    /// Whether failed records are written to a dead letter queue.
    pub(crate) fn has_dlq(&self) -> bool {
        self.dlq.is_some()
    }

    /// Whether an operation may be tried again, so that its input must be kept.
    pub(crate) fn retries(&self) -> bool {
        self.config.retry_timeout_ms != Some(0)
    }

    /// Waits before try number `attempt` (from 1) of something that failed `elapsed` after its
    /// first try began; false when it shall not be tried again.
    pub(crate) async fn may_retry(
        &mut self,
        error: &Error,
        attempt: u32,
        elapsed: Duration,
    ) -> bool {
        if !error.is_retriable() || !self.retries() {
            return false;
        }
        let delay_ms = RETRY_DELAY_MIN_MS
            .saturating_mul(1 << attempt.saturating_sub(1).min(20))
            .min(self.config.retry_delay_max_ms);
        let end = elapsed.saturating_add(Duration::from_millis(delay_ms));
        if self.config.retry_timeout_ms.is_some_and(|limit| end > Duration::from_millis(limit)) {
            return false;
        }
        TaskMetrics::add(&self.metrics.errors, 1);
        TaskMetrics::add(&self.metrics.retries, 1);
        tokio::select! {
            () = self.cancel.cancelled() => false,
            () = tokio::time::sleep(Duration::from_millis(delay_ms)) => true,
        }
    }

    /// Reports a record that failed for good. `Ok` when it is tolerated: skip it.
    pub(crate) async fn failed(
        &mut self,
        failure: Failure,
        consumed: Option<Consumed<'_>>,
        original: Option<LogRecord>,
    ) -> Result<()> {
        TaskMetrics::add(&self.metrics.errors, 1);
        TaskMetrics::add(&self.metrics.records_failed, 1);
        self.log_failure(&failure, consumed.as_ref(), original.as_ref());
        if let (Some(queue), Some(record)) = (self.dlq.clone(), original) {
            self.send_to_dlq(queue, &failure, consumed.as_ref(), record).await?;
        }
        if !self.config.tolerate_all {
            return Err(tolerance_exceeded(failure.error));
        }
        TaskMetrics::add(&self.metrics.records_skipped, 1);
        Ok(())
    }

    fn log_failure(
        &self,
        failure: &Failure,
        consumed: Option<&Consumed<'_>>,
        original: Option<&LogRecord>,
    ) {
        if !self.config.log_errors {
            return;
        }
        TaskMetrics::add(&self.metrics.errors_logged, 1);
        // Keys and values are never logged: they may hold what nobody else shall see.
        let mut place = String::new();
        if self.config.log_messages
            && let Some(consumed) = consumed
        {
            place = format!(
                ", where consumed record is {{topic='{}', partition={}, offset={}{}}}",
                consumed.queue.topic,
                consumed.queue.partition,
                consumed.offset,
                original.map_or(String::new(), |r| {
                    format!(", timestamp={}, timestampType=CreateTime", r.timestamp_ms)
                }),
            );
        }
        tracing::error!(
            error = %failure.error.trace().trim_end(),
            "Error encountered in task {}. Executing stage '{}' with class '{}'{place}.",
            self.id,
            failure.stage.name(),
            failure.class,
        );
    }

    async fn send_to_dlq(
        &mut self,
        queue: TopicPartition,
        failure: &Failure,
        consumed: Option<&Consumed<'_>>,
        mut record: LogRecord,
    ) -> Result<()> {
        if self.config.dlq_headers {
            add_context(&mut record, &self.id, failure, consumed);
        }
        while self.in_flight.len() >= DLQ_IN_FLIGHT_MAX {
            self.settle_one().await?;
        }
        let batch = QueueBatch { to: queue, records: vec![record] };
        match self.log.append(vec![batch]).await {
            Ok(durable) => {
                self.in_flight.push_back(durable);
                TaskMetrics::add(&self.metrics.deadletterqueue_records, 1);
                Ok(())
            }
            Err(error) => Err(self.dlq_failed(&error)),
        }
    }

    fn dlq_failed(&self, error: &LogError) -> Error {
        TaskMetrics::add(&self.metrics.deadletterqueue_failures, 1);
        Error::connect(format!(
            "Could not write to the dead letter queue topic {}: {error}",
            self.dlq.as_ref().map_or("", |queue| &queue.topic)
        ))
    }

    async fn settle_one(&mut self) -> Result<()> {
        if let Some(durable) = self.in_flight.pop_front()
            && let Err(error) = durable.await
        {
            return Err(self.dlq_failed(&error));
        }
        Ok(())
    }

    /// Waits until all that was written to the dead letter queue is durable.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        while !self.in_flight.is_empty() {
            self.settle_one().await?;
        }
        Ok(())
    }
}

/// What ends a task that tolerates no error.
pub(crate) fn tolerance_exceeded(error: Error) -> Error {
    Error::connect("Tolerance exceeded in error handler").caused_by(error)
}

/// Adds the headers that say where and why a record failed.
pub(crate) fn add_context(
    record: &mut LogRecord,
    id: &TaskId,
    failure: &Failure,
    consumed: Option<&Consumed<'_>>,
) {
    let mut add = |name: &str, value: String| {
        let key: Str = format!("__connect.errors.{name}").into();
        record.headers.push(RecordHeader { key, value: Some(Bytes::from(value)) });
    };
    if let Some(consumed) = consumed {
        add("topic", consumed.queue.topic.to_string());
        add("partition", consumed.queue.partition.to_string());
        add("offset", consumed.offset.to_string());
    }
    add("connector.name", id.connector.clone());
    add("task.id", id.task.to_string());
    add("stage", failure.stage.name().to_owned());
    add("class.name", failure.class.clone());
    add("exception.class.name", failure.error.kind().java_class().to_owned());
    add("exception.message", failure.error.message().to_owned());
    add("exception.stacktrace", failure.error.trace());
}
