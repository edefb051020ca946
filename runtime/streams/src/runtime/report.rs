//! What an instance says of itself in the status topic, for `gantry streams`.

use std::sync::Arc;
use std::time::Duration;

use gantry_log::{LogError, LogRecord, QueueBatch, Str, TopicPartition, TopicSpec};
use serde::{Deserialize, Serialize};

use super::committed::{Reader, read_all};
use super::job::Job;
use super::worker::wall_clock_ms;
use crate::error::StreamsError;

/// How often.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long one report may take; the next one says more anyway.
const LIMIT: Duration = Duration::from_secs(5);
/// Of whom nothing was heard for so long is forgotten.
const FORGET_AFTER_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// A report; `gantry streams` reads the same fields.
#[derive(Serialize)]
struct Report<'a> {
    v: u32,
    job: &'a Str,
    instance: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    at_ms: i64,
    /// Until so much later it is to be believed.
    interval_ms: u64,
    tasks_of_job: usize,
    tasks: Vec<Task>,
    topology: &'a str,
}

#[derive(Serialize)]
struct Task {
    sub_topology: usize,
    queue: u32,
    lag: u64,
    records: u64,
    late: u64,
    bad: u64,
    watermark_ms: Option<i64>,
    cached_entries: usize,
    checkpoints: u64,
}

/// The part of a report by which an old one is known.
#[derive(Deserialize)]
struct When {
    at_ms: i64,
}

/// Says how an instance is.
pub(super) struct Reporter {
    job: Arc<Job>,
    queue: TopicPartition,
    instance: String,
    topology: String,
}

impl Reporter {
    /// `None` if nothing shall be said.
    pub(super) fn new(job: &Arc<Job>, topology: String) -> Option<Self> {
        let topic = job.settings.status_topic.as_deref()?;
        let place = job.settings.state_dir.display();
        let host = rustix::system::uname();
        let instance = format!("{}:{place}", host.nodename().to_string_lossy());
        let queue = TopicPartition::new(topic, 0);
        Some(Self { job: Arc::clone(job), queue, instance, topology })
    }

    /// Reports now and then, until the instance ends.
    pub(super) async fn run(self) {
        let stopping = self.job.shared.stopping.clone();
        let prepared = tokio::select! {
            prepared = self.prepare() => prepared,
            () = stopping.cancelled() => Ok(()),
        };
        if let Err(error) = prepared {
            tracing::warn!(job = %self.job.plan.job, %error, topic = %self.queue.topic, "old reports cannot be read");
        }
        let mut told = false;
        while !stopping.is_cancelled() {
            let said = self.say(Some(self.report("RUNNING"))).await;
            if let Err(error) = &said
                && !told
            {
                tracing::warn!(job = %self.job.plan.job, %error, topic = %self.queue.topic, "cannot report to the status topic");
            }
            told = said.is_err();
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                () = stopping.cancelled() => {}
            }
        }
        // One that failed is still to be seen.
        let last = self.job.shared.failure().map(|_| self.report("FAILED"));
        if let Err(error) = self.say(last).await {
            tracing::debug!(job = %self.job.plan.job, %error, "the last report was not written");
        }
    }

    /// Makes the topic, and takes away what nobody wants to know any more.
    async fn prepare(&self) -> Result<(), StreamsError> {
        match self.job.log.create_topic(&self.queue.topic, TopicSpec::compacted()).await {
            Ok(()) | Err(LogError::TopicExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let mut old = Old { before_ms: wall_clock_ms() - FORGET_AFTER_MS, keys: Vec::new() };
        read_all(&self.job, &self.queue, 0, &mut old).await?;
        let records = old.keys.into_iter().map(|key| record(key, None)).collect::<Vec<_>>();
        if !records.is_empty() {
            let batch = QueueBatch { to: self.queue.clone(), records };
            self.job.log.append(vec![batch]).await?.await?;
        }
        Ok(())
    }

    fn report(&self, state: &'static str) -> Vec<u8> {
        let tasks = self.job.shared.status();
        let tasks = tasks.values().map(|task| Task {
            sub_topology: task.sub_topology,
            queue: task.queue,
            lag: task.lag,
            records: task.records,
            late: task.late,
            bad: task.bad,
            watermark_ms: task.watermark_ms,
            cached_entries: task.cached_entries,
            checkpoints: task.checkpoints,
        });
        let report = Report {
            v: 1,
            job: &self.job.plan.job,
            instance: &self.instance,
            state,
            error: self.job.shared.failure().map(|error| error.to_string()),
            at_ms: wall_clock_ms(),
            interval_ms: u64::try_from(INTERVAL.as_millis()).unwrap_or(u64::MAX),
            tasks_of_job: self.job.plan.tasks.len(),
            tasks: tasks.collect(),
            topology: &self.topology,
        };
        serde_json::to_vec(&report).unwrap_or_default()
    }

    /// `None`: nothing more is to be known of it.
    async fn say(&self, report: Option<Vec<u8>>) -> Result<(), LogError> {
        let key = format!("{}/{}", self.job.plan.job, self.instance);
        let records = vec![record(key.into(), report)];
        let append = async {
            let batch = QueueBatch { to: self.queue.clone(), records };
            self.job.log.append(vec![batch]).await?.await.map(|_| ())
        };
        let late = |_| LogError::Unavailable("it did not answer in time".into());
        tokio::time::timeout(LIMIT, append).await.map_err(late)?
    }
}

fn record(key: bytes::Bytes, value: Option<Vec<u8>>) -> LogRecord {
    let (value, headers) = (value.map(Into::into), Vec::new());
    LogRecord { key: Some(key), value, headers, timestamp_ms: LogRecord::AT_STORE }
}

/// Finds the keys of old reports.
struct Old {
    before_ms: i64,
    keys: Vec<bytes::Bytes>,
}

impl Reader for Old {
    fn take(&mut self, record: &LogRecord) -> Result<(), StreamsError> {
        let Some(key) = &record.key else { return Ok(()) };
        self.keys.retain(|known| known != key);
        let report = record.value.as_deref();
        let when: Option<When> = report.and_then(|bytes| serde_json::from_slice(bytes).ok());
        if when.is_some_and(|when| when.at_ms < self.before_ms) {
            self.keys.push(key.clone());
        }
        Ok(())
    }
}
