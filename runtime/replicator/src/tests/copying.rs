//! Copies are equal, and follow what changes.

use std::sync::Arc;

use gantry_log::{
    Cleanup, EmbeddedConfig, EmbeddedLog, LogAdmin, MemoryLog, TopicPartition, TopicSpec,
};

use super::{AnyLog, Worker, all, motley, put, topic, until, until_copied};

/// Both logs that can choose where queues begin.
async fn copies_are_equal_on(target: AnyLog) {
    let memory = Arc::new(MemoryLog::new());
    let source: AnyLog = memory.clone();
    topic(&source, "orders", 3).await;
    for queue in 0..3 {
        put(&source, "orders", queue, motley(500 * (queue as usize + 1))).await;
    }
    memory.expire("orders", 400);
    let worker = Worker::start(&source, &target).await;
    worker.create("copy", "Source", &[("tasks.max", "2"), ("topics", "orders,late.*")]).await;
    until_copied(&worker, (&source, "orders"), (&target, "a.orders"), true).await;
    assert_eq!(all(&target, "a.orders", 2).await.first().unwrap().0, 1_100, "its head was gone");
    // More records, more queues, and a topic that comes later.
    memory.add_queues("orders", 5, &[]).await.unwrap();
    topic(&source, "late-one", 1).await;
    for queue in 0..5 {
        put(&source, "orders", queue, motley(50)).await;
    }
    put(&source, "late-one", 0, motley(10)).await;
    until(&worker, "queues are added", || async {
        target.topic("a.orders").await.unwrap().is_some_and(|info| info.spec.queues == 5)
    })
    .await;
    until_copied(&worker, (&source, "orders"), (&target, "a.orders"), true).await;
    until_copied(&worker, (&source, "late-one"), (&target, "a.late-one"), true).await;
    worker.herder.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_are_equal_in_memory() {
    copies_are_equal_on(Arc::new(MemoryLog::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_are_equal_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(EmbeddedConfig::new(dir.path())).unwrap();
    copies_are_equal_on(Arc::new(log)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compacted_topics_stay_so_and_names_can_be_kept() {
    let source: AnyLog = Arc::new(MemoryLog::new());
    let target: AnyLog = Arc::new(MemoryLog::new());
    source.create_topic("state", TopicSpec::compacted()).await.unwrap();
    put(&source, "state", 0, motley(20)).await;
    topic(&source, "x-internal", 1).await;
    topic(&source, "__x", 1).await;
    let worker = Worker::start(&source, &target).await;
    let identity = [
        ("replication.policy.class", "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"),
        ("gantry.provenance.enabled", "false"),
    ];
    worker.create("copy", "Source", &identity).await;
    until_copied(&worker, (&source, "state"), (&target, "state"), true).await;
    let made = target.topic("state").await.unwrap().unwrap();
    assert_eq!(made.spec.cleanup, Cleanup::Compact);
    let topics = target.topics().await.unwrap();
    assert!(!topics.contains_key("x-internal") && !topics.contains_key("__x"));
    worker.herder.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latest_begins_at_the_end_and_heartbeats_come() {
    let source: AnyLog = Arc::new(MemoryLog::new());
    let target: AnyLog = Arc::new(MemoryLog::new());
    topic(&source, "t", 1).await;
    put(&source, "t", 0, motley(20)).await;
    let worker = Worker::start(&source, &target).await;
    worker.create("copy", "Source", &[("consumer.auto.offset.reset", "latest")]).await;
    until(&worker, "the copy is there", || async {
        target.range(&TopicPartition::new("a.t", 0)).await.is_ok_and(|range| range.next == 20)
    })
    .await;
    put(&source, "t", 0, motley(5)).await;
    until(&worker, "what came later is copied", || async {
        all(&target, "a.t", 0).await.len() == 5
    })
    .await;
    assert_eq!(all(&target, "a.t", 0).await[..], all(&source, "t", 0).await[20..]);
    worker.create("beat", "Heartbeat", &[]).await;
    until(&worker, "a heartbeat", || async { !all(&target, "heartbeats", 0).await.is_empty() })
        .await;
    let (_, beat) = all(&target, "heartbeats", 0).await.remove(0);
    assert_eq!(beat.key.as_deref(), Some(&b"\0\x01a\0\x01b"[..]));
    worker.herder.shutdown().await;
}
