//! Groups go on in the copies where they were, without missing a record.

use std::sync::Arc;

use gantry_log::{FullLog, MemoryLog, TopicPartition};

use super::{AnyLog, Worker, all, motley, offsets, put, topic, until, until_copied};

async fn committed(log: &dyn FullLog, group: &str, topic: &str, queue: u32) -> Option<u64> {
    let queue = TopicPartition::new(topic, queue);
    log.committed(group, std::slice::from_ref(&queue)).await.unwrap().get(&queue).copied()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_follow_and_never_go_back() {
    let memory = Arc::new(MemoryLog::new());
    let source: AnyLog = memory.clone();
    let target: AnyLog = Arc::new(MemoryLog::new());
    topic(&source, "orders", 2).await;
    put(&source, "orders", 0, motley(100)).await;
    put(&source, "orders", 1, motley(300)).await;
    memory.expire("orders", 50);
    // The copy is there already, and begins at 0: offsets differ.
    topic(&target, "a.orders", 2).await;
    let group = [("orders", 0, 70), ("orders", 1, 10)];
    source.commit("shop", &offsets(&group)).await.unwrap();
    source.commit("connect-x", &offsets(&group)).await.unwrap();
    let worker = Worker::start(&source, &target).await;
    worker.create("copy", "Source", &[]).await;
    until_copied(&worker, (&source, "orders"), (&target, "a.orders"), false).await;
    let fast = [
        ("emit.checkpoints.interval.seconds", "1"),
        ("sync.group.offsets.enabled", "true"),
        ("sync.group.offsets.interval.seconds", "1"),
    ];
    worker.create("groups", "Checkpoint", &fast).await;
    until(&worker, "offsets are committed", || async {
        committed(&*target, "shop", "a.orders", 0).await == Some(20)
    })
    .await;
    assert_eq!(committed(&*target, "shop", "a.orders", 1).await, Some(0), "its records are gone");
    assert_eq!(committed(&*target, "connect-x", "a.orders", 0).await, None, "left out");
    assert!(!all(&target, "a.checkpoints.internal", 0).await.is_empty());
    // Forwards, but not back.
    put(&source, "orders", 0, motley(30)).await;
    let group = [("orders", 0, 125), ("orders", 1, 290)];
    source.commit("shop", &offsets(&group)).await.unwrap();
    until(&worker, "the group goes on", || async {
        committed(&*target, "shop", "a.orders", 0).await == Some(75)
            && committed(&*target, "shop", "a.orders", 1).await == Some(40)
    })
    .await;
    source.commit("shop", &offsets(&[("orders", 0, 60), ("orders", 1, 300)])).await.unwrap();
    until(&worker, "the other queue goes on", || async {
        committed(&*target, "shop", "a.orders", 1).await == Some(50)
    })
    .await;
    assert_eq!(committed(&*target, "shop", "a.orders", 0).await, Some(75));
    worker.herder.shutdown().await;
}
