//! Both ways at once: nothing goes round.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::Props;
use gantry_log::{LogRecord, MemoryLog, RecordHeader};

use super::{AnyLog, Worker, all, motley, props, put, record, topic, until};

fn values(records: &[(u64, LogRecord)]) -> Vec<Option<Vec<u8>>> {
    records.iter().map(|(_, record)| record.value.as_deref().map(<[u8]>::to_vec)).collect()
}

async fn both_ways(a: &AnyLog, b: &AnyLog, more: &[(&str, &str)]) -> [Worker; 2] {
    let (on_b, on_a) = (Worker::start(a, b).await, Worker::start(b, a).await);
    on_b.create("a-to-b", "Source", more).await;
    let back = [("source.cluster.alias", "b"), ("target.cluster.alias", "a")];
    on_a.create("b-to-a", "Source", &[more, &back].concat()).await;
    [on_b, on_a]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prefixed_copies_are_not_sent_back() {
    let a: AnyLog = Arc::new(MemoryLog::new());
    let b: AnyLog = Arc::new(MemoryLog::new());
    for log in [&a, &b] {
        topic(log, "t", 1).await;
    }
    put(&a, "t", 0, motley(30)).await;
    put(&b, "t", 0, motley(40)).await;
    let workers = both_ways(&a, &b, &[]).await;
    until(&workers[0], "both have copies", || async {
        all(&b, "a.t", 0).await.len() == 30 && all(&a, "b.t", 0).await.len() == 40
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for (log, other) in [(&a, "a"), (&b, "b")] {
        let topics = log.topics().await.unwrap();
        let twice = topics.keys().find(|name| name.contains("a.b.") || name.contains("b.a."));
        assert_eq!(twice, None, "on {other}");
    }
    for worker in workers {
        worker.herder.shutdown().await;
    }
}

/// The keys of RocketMQ's replicator from one cluster to another.
fn replicator(from: &str, to: &str) -> Props {
    let mut config = props(&[
        ("connector.class", "org.apache.rocketmq.replicator.ReplicatorSourceConnector"),
        ("src.endpoint", "x:1"),
        ("src.topictags", "t,red || green"),
        ("src.acl.enable", "false"),
        ("dest.endpoint", "y:1"),
        ("dest.acl.enable", "false"),
        ("consumefromwhere", "CONSUME_FROM_FIRST_OFFSET"),
    ]);
    for (end, name) in [("src", from), ("dest", to)] {
        for part in ["cloud", "region", "cluster"] {
            config.insert(format!("{end}.{part}"), name.to_owned());
        }
    }
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rocketmqs_replicator_chooses_tags_and_sends_nothing_back() {
    let a: AnyLog = Arc::new(MemoryLog::new());
    let b: AnyLog = Arc::new(MemoryLog::new());
    let tagged = |tag: &'static str, count: usize| -> Vec<LogRecord> {
        let header = || RecordHeader { key: "TAGS".into(), value: Some(tag.into()) };
        let record =
            |n: usize| LogRecord { headers: vec![header()], ..record("k", &n.to_string()) };
        (0..count).map(record).collect()
    };
    for log in [&a, &b] {
        topic(log, "t", 1).await;
        put(log, "t", 0, tagged("red", 10)).await;
        put(log, "t", 0, tagged("blue", 5)).await;
    }
    let workers = [Worker::start(&a, &b).await, Worker::start(&b, &a).await];
    for (worker, (from, to)) in workers.iter().zip([("a", "b"), ("b", "a")]) {
        worker.herder.put_connector("copy", replicator(from, to), None, false).await.unwrap();
    }
    until(&workers[0], "both have what is red", || async {
        all(&b, "t", 0).await.len() >= 25 && all(&a, "t", 0).await.len() >= 25
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for log in [&a, &b] {
        assert_eq!(all(log, "t", 0).await.len(), 25);
    }
    let (_, copy) = all(&b, "t", 0).await.pop().unwrap();
    let born = copy.headers.iter().find(|header| &*header.key == "REPLICATOR-BORN-SOURCE");
    assert_eq!(born.unwrap().value.as_deref(), Some(&b"a_a_a,"[..]));
    for worker in workers {
        worker.herder.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_the_other_side_are_not_sent_back_under_the_same_name() {
    let a: AnyLog = Arc::new(MemoryLog::new());
    let b: AnyLog = Arc::new(MemoryLog::new());
    for log in [&a, &b] {
        topic(log, "t", 1).await;
    }
    put(&a, "t", 0, motley(30)).await;
    put(&b, "t", 0, motley(40)).await;
    let identity = [("replication.policy.class", "IdentityReplicationPolicy"), ("topics", "t")];
    let workers = both_ways(&a, &b, &identity).await;
    until(&workers[0], "both have all", || async {
        all(&b, "t", 0).await.len() >= 70 && all(&a, "t", 0).await.len() >= 70
    })
    .await;
    put(&a, "t", 0, motley(5)).await;
    until(&workers[0], "what came later", || async {
        all(&b, "t", 0).await.len() >= 75 && all(&a, "t", 0).await.len() >= 75
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    for log in [&a, &b] {
        let records = all(log, "t", 0).await;
        assert_eq!(records.len(), 75, "{:?}", values(&records));
    }
    for worker in workers {
        worker.herder.shutdown().await;
    }
}
