//! The engine with plugins made for tests, on the in-memory log.

mod cluster;
mod connectors;
mod exactly_once;
mod failing;
mod moving;
mod plugins;
mod preview;
mod restoring;
mod scaling;
mod secrets;
mod states;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use gantry_api::{Props, TopicPartition};
use gantry_log::{FullLog, LogRecord, MemoryLog, ReadLimits};

use crate::{Herder, PluginLoader, TargetState, UnitState, WorkerConfig};
use plugins::Probe;

/// How long a test waits for what shall happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A herder with the test plugins, and what they saw.
struct Bench {
    herder: Arc<Herder>,
    log: Arc<dyn FullLog>,
    probe: Probe,
}

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

impl Bench {
    async fn new() -> Self {
        Self::on(Arc::new(MemoryLog::new()), Probe::default()).await
    }

    async fn on(log: Arc<dyn FullLog>, probe: Probe) -> Self {
        let registry = plugins::registry(&probe);
        Self::with(log, probe, PluginLoader::new(move || registry.clone()), |_| {}).await
    }

    async fn with(
        log: Arc<dyn FullLog>,
        probe: Probe,
        plugins: PluginLoader,
        adjust: impl FnOnce(&mut WorkerConfig),
    ) -> Self {
        let mut config = WorkerConfig::new("test:1");
        config.props = props(&[
            ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
            ("value.converter", "org.apache.kafka.connect.storage.StringConverter"),
        ]);
        config.offset_flush_interval_ms = 50;
        config.restart.backoff_ms = 10;
        adjust(&mut config);
        let herder = Herder::start(config, plugins, Arc::clone(&log)).await;
        Self { herder: herder.expect("herder starts"), log, probe }
    }

    async fn create(&self, name: &str, pairs: &[(&str, &str)]) {
        let created = self.herder.put_connector(name, props(pairs), None, false).await;
        created.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Waits until something is so.
    async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let end = tokio::time::Instant::now() + PATIENCE;
        while !is_so() {
            assert!(
                tokio::time::Instant::now() < end,
                "not within {PATIENCE:?}: {what}; {:?}",
                self.herder
                    .connectors()
                    .iter()
                    .map(|name| self.herder.connector_status(name))
                    .collect::<Vec<_>>()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn until_task(&self, name: &str, task: u32, state: UnitState) {
        self.until(&format!("{name}-{task} is {state:?}"), || {
            self.herder.task_status(name, task).is_ok_and(|status| status.state == state)
        })
        .await;
    }

    /// All records of a queue.
    async fn records(&self, topic: &str, queue: u32) -> Vec<LogRecord> {
        let queue = TopicPartition::new(topic, queue);
        let Ok(range) = self.log.range(&queue).await else { return Vec::new() };
        let mut position = range.earliest;
        let mut all = Vec::new();
        while position < range.next {
            let limits =
                ReadLimits { max_bytes: 1 << 20, max_records: 1_000, wait: Duration::ZERO };
            let read = self.log.read(&[(queue.clone(), position)], limits).await.expect("read");
            let batch = read.into_iter().next().expect("there is more");
            position = batch.next;
            all.extend(batch.records.into_iter().map(|(_, record)| record));
        }
        all
    }

    async fn texts(&self, topic: &str, queue: u32) -> Vec<String> {
        let records = self.records(topic, queue).await;
        let text = |record: LogRecord| {
            String::from_utf8_lossy(&record.value.unwrap_or_default()).into_owned()
        };
        records.into_iter().map(text).collect()
    }
}

fn started() -> Option<TargetState> {
    Some(TargetState::Started)
}
