//! What jobs say of themselves in the status topic.

use std::sync::Arc;
use std::time::Duration;

use gantry_log::{FullLog, Log, LogAdmin, MemoryLog, ReadLimits, TopicPartition, TopicSpec};
use gantry_streams::{Settings, StreamBuilder, Streams, text};
use serde_json::Value as Json;

use crate::on_log::wait_for;

/// The last record of the topic: its key, and what it says.
fn last(log: &MemoryLog) -> Option<(String, Option<Json>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let queue = TopicPartition::new("gantry-streams-status", 0);
    let limits = ReadLimits { max_bytes: 1 << 20, max_records: 1000, wait: Duration::ZERO };
    let read = runtime.block_on(log.read(&[(queue, 0)], limits)).ok()?;
    let (_, record) = read.into_iter().next_back()?.records.pop()?;
    let value = record.value.map(|bytes| serde_json::from_slice(&bytes).unwrap());
    Some((String::from_utf8(record.key?.to_vec()).unwrap(), value))
}

fn start(log: &Arc<MemoryLog>, dir: &std::path::Path, fails: bool) -> Streams {
    let builder = StreamBuilder::new("told");
    builder
        .source("words", text())
        .map_values(move |_, word: String| {
            assert!(!fails, "of all words this one");
            word
        })
        .sink("copies", text());
    let shared: Arc<dyn FullLog> = Arc::<MemoryLog>::clone(log);
    Streams::start(builder.build(), shared, Settings::new(dir)).unwrap()
}

#[test]
fn a_job_says_how_it_is_and_is_forgotten_once_it_has_ended_well() {
    let log = Arc::new(MemoryLog::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for topic in ["words", "copies"] {
        runtime.block_on(log.create_topic(topic, TopicSpec::with_queues(2))).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let job = start(&log, dir.path(), false);
    wait_for("a report", || {
        let Some((key, Some(report))) = last(&log) else { return false };
        assert!(key.starts_with("told/"), "{key}");
        assert_eq!((&report["job"], &report["state"]), (&"told".into(), &"RUNNING".into()));
        assert_eq!(report["tasks_of_job"], 2);
        assert!(report["topology"].as_str().unwrap().contains("words"), "{report}");
        report["tasks"].as_array().unwrap().len() == 2
    });
    job.stop().unwrap();
    assert!(matches!(last(&log), Some((_, None))), "{:?}", last(&log));

    let job = start(&log, dir.path(), true);
    let record = gantry_log::LogRecord { value: Some("word".into()), ..Default::default() };
    let to = TopicPartition::new("words", 0);
    let batch = gantry_log::QueueBatch { to, records: vec![record] };
    runtime.block_on(async { log.append(vec![batch]).await.unwrap().await.unwrap() });
    wait_for("it says why it ended", || {
        let Some((_, Some(report))) = last(&log) else { return false };
        let error = report["error"].as_str().unwrap_or_default();
        report["state"] == "FAILED" && error.contains("of all words this one")
    });
    assert!(job.stop().is_err());
}
