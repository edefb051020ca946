//! Metrics to others than Prometheus: at an interval each reporter gets all samples.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::async_trait;
use gantry_log::{FullLog, LogError, LogRecord, QueueBatch, TopicPartition, TopicSpec};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::Metrics;

/// One value of one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricSample {
    /// Its name, as Prometheus sees it.
    pub name: String,
    /// Its labels: connector, task and the like.
    pub tags: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
    /// When it was taken: milliseconds since the epoch.
    pub time: i64,
}

/// Takes samples somewhere.
#[async_trait]
pub trait MetricsReporter: Send + Sync {
    /// What it is called in the log.
    fn name(&self) -> &str;
    /// Takes all samples of one moment.
    ///
    /// # Errors
    /// A sentence that says what is in the way; it is logged, and the next samples are given all
    /// the same.
    async fn report(&self, samples: &[MetricSample]) -> Result<(), String>;
}

/// Writes each sample as JSON to a topic of the log; the key is the metric's name.
pub(crate) struct TopicReporter {
    log: Arc<dyn FullLog>,
    topic: String,
}

impl TopicReporter {
    pub(crate) fn new(log: Arc<dyn FullLog>, topic: &str) -> Self {
        Self { log, topic: topic.to_owned() }
    }
}

#[async_trait]
impl MetricsReporter for TopicReporter {
    fn name(&self) -> &str {
        &self.topic
    }

    async fn report(&self, samples: &[MetricSample]) -> Result<(), String> {
        let failed = |error: LogError| error.to_string();
        if self.log.topic(&self.topic).await.map_err(failed)?.is_none() {
            match self.log.create_topic(&self.topic, TopicSpec::with_queues(1)).await {
                Ok(()) | Err(LogError::TopicExists(_)) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        let record = |sample: &MetricSample| LogRecord {
            key: Some(sample.name.clone().into()),
            value: Some(serde_json::to_vec(sample).unwrap_or_default().into()),
            headers: Vec::new(),
            timestamp_ms: sample.time,
        };
        let to = TopicPartition::new(self.topic.as_str(), 0);
        let batch = QueueBatch { to, records: samples.iter().map(record).collect() };
        self.log.append(vec![batch]).await.map_err(failed)?.await.map_err(failed)?;
        Ok(())
    }
}

/// Gives samples to reporters until told to stop. One that takes longer than the interval misses
/// samples, and holds up no other.
pub(crate) fn start(
    metrics: &Arc<Metrics>,
    reporters: Vec<Arc<dyn MetricsReporter>>,
    interval: Duration,
    stop: &CancellationToken,
) {
    for reporter in reporters {
        let (metrics, stop) = (Arc::clone(metrics), stop.clone());
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(interval);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = ticks.tick() => {}
                }
                let Ok(text) = metrics.encode() else { continue };
                let samples = samples(&text, gantry_api::now_ms());
                let reported = tokio::select! {
                    () = stop.cancelled() => return,
                    reported = reporter.report(&samples) => reported,
                };
                if let Err(error) = reported {
                    tracing::warn!(reporter = reporter.name(), %error, "metrics not reported");
                }
            }
        });
    }
}

/// The samples of a text in the OpenMetrics format, as we write it.
fn samples(text: &str, time: i64) -> Vec<MetricSample> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| sample(line, time))
        .collect()
}

fn sample(line: &str, time: i64) -> Option<MetricSample> {
    let (head, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let (name, labels) = match head.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (head, ""),
    };
    Some(MetricSample { name: name.to_owned(), tags: tags(labels), value, time })
}

/// `a="x",b="y\"z"`
fn tags(labels: &str) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let mut rest = labels;
    while let Some((name, behind)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut chars = behind.char_indices();
        let end = loop {
            match chars.next() {
                Some((_, '\\')) => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, escaped)) => value.push(escaped),
                    None => break behind.len(),
                },
                Some((at, '"')) => break at + 1,
                Some((_, plain)) => value.push(plain),
                None => break behind.len(),
            }
        };
        tags.insert(name.trim_start_matches(',').to_owned(), value);
        rest = behind.get(end..).unwrap_or_default();
    }
    tags
}

#[cfg(test)]
mod tests {
    use gantry_log::{MemoryLog, ReadLimits};

    use super::*;

    #[test]
    fn lines_become_samples() {
        let text = "# HELP a b\na{connector=\"c \\\"1\\\"\",task=\"0\"} 2.5\nb_total 7\n# EOF\n";
        let found = samples(text, 9);
        let tags = BTreeMap::from([
            ("connector".to_owned(), "c \"1\"".to_owned()),
            ("task".to_owned(), "0".to_owned()),
        ]);
        let sample =
            |name: &str, tags, value| MetricSample { name: name.into(), tags, value, time: 9 };
        assert_eq!(found, [sample("a", tags, 2.5), sample("b_total", BTreeMap::new(), 7.0)]);
    }

    #[tokio::test]
    async fn samples_come_as_json_into_a_topic_that_is_made() {
        let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
        let reporter = TopicReporter::new(Arc::clone(&log), "metrics");
        let sample = MetricSample {
            name: "n".into(),
            tags: BTreeMap::from([("task".into(), "0".into())]),
            value: 1.0,
            time: 5,
        };
        reporter.report(&[sample]).await.unwrap();
        let limits = ReadLimits { max_bytes: 1000, max_records: 10, wait: Duration::ZERO };
        let from = [(TopicPartition::new("metrics", 0), 0)];
        let read = log.read(&from, limits).await.unwrap();
        let (_, record) = &read[0].records[0];
        assert_eq!(record.key.as_deref(), Some(&b"n"[..]));
        let json = br#"{"name":"n","tags":{"task":"0"},"value":1.0,"time":5}"#;
        assert_eq!(record.value.as_deref(), Some(&json[..]));
    }
}
