//! Records go from source to topic to sink, once each, and resume.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use gantry_log::{LogRecord, QueueBatch, TopicSpec};

use super::plugins::{Probe, SINK, SOURCE};
use super::restoring::distributed;
use super::*;

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|i| format!("n-{i}")).collect()
}

#[tokio::test]
async fn every_record_arrives_once_and_in_order() {
    let bench = Bench::new().await;
    bench.create("sink", &[("connector.class", SINK), ("topics", "t")]).await;
    bench.create("source", &[("connector.class", SOURCE), ("topic", "t"), ("count", "500")]).await;
    bench.until("500 put", || bench.probe.put_texts().len() >= 500).await;
    assert_eq!(bench.probe.put_texts(), numbers(0..500));
    bench
        .until("all acknowledged", || bench.probe.acknowledged.load(Ordering::SeqCst) == 500)
        .await;
    assert_eq!(bench.herder.active_topics("source").topics, ["t"]);
    assert_eq!(bench.herder.active_topics("sink").topics, ["t"]);
    let metrics = bench.herder.task_metrics();
    for (task, _, _, values) in metrics {
        assert_eq!((values.records_in, values.records_out), (500, 500), "{task}");
    }
}

#[tokio::test]
async fn a_new_herder_goes_on_where_the_last_one_ended() {
    let first = Bench::new().await;
    first.create("source", &[("connector.class", SOURCE), ("topic", "t"), ("count", "10")]).await;
    first.create("sink", &[("connector.class", SINK), ("topics", "t")]).await;
    first.until("10 put", || first.probe.put_texts().len() == 10).await;
    first.herder.shutdown().await;

    let second = Bench::on(Arc::clone(&first.log), Probe::default()).await;
    second.create("source", &[("connector.class", SOURCE), ("topic", "t"), ("count", "25")]).await;
    second.create("sink", &[("connector.class", SINK), ("topics", "t")]).await;
    second.until("15 put", || second.probe.put_texts().len() >= 15).await;
    assert_eq!(second.probe.put_texts(), numbers(10..25));
    let opened = second.probe.opened.lock().expect("lock").clone();
    let committed = opened[&0][0].1.clone().expect("an offset was committed");
    assert_eq!((committed.offset, committed.metadata.as_deref()), (10, Some("mark")));
    assert_eq!(second.texts("t", 0).await, numbers(0..25));
}

#[tokio::test]
async fn equal_keys_meet_in_one_queue_and_all_queues_are_read() {
    let bench = Bench::new().await;
    let source = [
        ("connector.class", SOURCE),
        ("topic", "t"),
        ("count", "400"),
        ("key.mod", "20"),
        ("topic.creation.default.partitions", "4"),
        ("topic.creation.default.replication.factor", "1"),
    ];
    bench.create("source", &source).await;
    bench.create("sink", &[("connector.class", SINK), ("topics", "t"), ("tasks.max", "3")]).await;
    bench.until("400 put", || bench.probe.put_texts().len() >= 400).await;
    let mut used = 0;
    let mut keys = BTreeSet::new();
    for queue in 0..4 {
        let here: BTreeSet<_> =
            bench.records("t", queue).await.into_iter().filter_map(|record| record.key).collect();
        used += usize::from(!here.is_empty());
        for key in here {
            assert!(keys.insert(key.clone()), "{key:?} is in two queues");
        }
    }
    assert_eq!(keys.len(), 20);
    assert!(used > 1, "all keys went to one queue");
    let opened = bench.probe.opened.lock().expect("lock").clone();
    let queues: BTreeSet<_> = opened.values().flatten().map(|(queue, _)| queue.clone()).collect();
    assert_eq!(queues.len(), 4, "each queue is one task's: {opened:?}");
    assert_eq!(opened.values().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1]);
}

#[tokio::test]
async fn topics_that_match_the_pattern_are_read_also_when_they_come_later() {
    let bench = Bench::new().await;
    bench.create("sink", &[("connector.class", SINK), ("topics.regex", "a[12]")]).await;
    for topic in ["a1", "b1", "a2"] {
        bench.log.create_topic(topic, TopicSpec::with_queues(1)).await.expect("topic");
        let record = LogRecord { value: Some(topic.into()), ..LogRecord::default() };
        let to = TopicPartition::new(topic, 0);
        let batch = QueueBatch { to, records: vec![record] };
        bench.log.append(vec![batch]).await.expect("accepted").await.expect("durable");
    }
    bench.until("2 put", || bench.probe.put_texts().len() >= 2).await;
    let mut texts = bench.probe.put_texts();
    texts.sort();
    assert_eq!(texts, ["a1", "a2"]);
}

#[tokio::test]
async fn transformations_drop_and_change_records() {
    let bench = Bench::new().await;
    let config = [
        ("connector.class", SOURCE),
        ("topic", "t"),
        ("count", "3"),
        ("transforms", "route,drop"),
        ("transforms.route.type", "org.apache.kafka.connect.transforms.RegexRouter"),
        ("transforms.route.regex", "t"),
        ("transforms.route.replacement", "u"),
        ("transforms.drop.type", "org.apache.kafka.connect.transforms.Filter"),
        ("transforms.drop.predicate", "never"),
        ("transforms.drop.negate", "false"),
        ("predicates", "never"),
        (
            "predicates.never.type",
            "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
        ),
    ];
    bench.create("source", &config).await;
    bench.until("3 acknowledged", || bench.probe.acknowledged.load(Ordering::SeqCst) == 3).await;
    assert_eq!(bench.texts("u", 0).await, numbers(0..3));
    assert!(bench.log.topic("t").await.expect("topics").is_none());

    let mut all = config;
    all[9].1 = "true";
    bench.herder.delete_connector("source").await.expect("deleted");
    let mut dropped = props(&all);
    dropped.insert("count".to_owned(), "9".to_owned());
    bench.herder.put_connector("source", dropped, None, false).await.expect("created");
    bench
        .until("6 dropped ones acknowledged", || {
            bench.probe.acknowledged.load(Ordering::SeqCst) == 9
        })
        .await;
    assert_eq!(bench.texts("u", 0).await, numbers(0..3));
    // Dropped records move the offset too.
    bench
        .until("offset 9", || {
            let offsets = bench.herder.offsets("source").expect("offsets").offsets;
            offsets.first().and_then(|o| o.offset.as_ref()).is_some_and(|o| o["n"] == 9)
        })
        .await;
}

#[tokio::test]
async fn a_position_alone_is_committed_in_its_turn() {
    let bench = Bench::new().await;
    let config =
        [("connector.class", SOURCE), ("topic", "t"), ("count", "3"), ("position.at", "2")];
    bench.create("source", &config).await;
    bench
        .until("offset 3", || {
            let offsets = bench.herder.offsets("source").expect("offsets").offsets;
            offsets.first().and_then(|o| o.offset.as_ref()).is_some_and(|o| o["n"] == 3)
        })
        .await;
    assert_eq!(bench.texts("t", 0).await, numbers(0..2));
    bench.until("3 acknowledged", || bench.probe.acknowledged.load(Ordering::SeqCst) == 3).await;
}

#[tokio::test]
async fn what_the_worker_keeps_is_neither_read_by_a_pattern_nor_written_to() {
    let log: Arc<dyn FullLog> = Arc::new(gantry_log::MemoryLog::new());
    let probe = Probe::default();
    let bench =
        Bench::with(log, probe.clone(), super::restoring::loader(&probe), distributed).await;
    bench.create("source", &[("connector.class", SOURCE), ("topic", "t"), ("count", "5")]).await;
    bench.create("sink", &[("connector.class", SINK), ("topics.regex", ".*")]).await;
    bench.until("5 put", || bench.probe.put_texts().len() >= 5).await;
    let opened = bench.probe.opened.lock().expect("lock").clone();
    let topics: BTreeSet<String> =
        opened.values().flatten().map(|(queue, _)| queue.topic.to_string()).collect();
    assert_eq!(topics, BTreeSet::from(["t".to_owned()]));

    let named = props(&[("connector.class", SINK), ("topics", "connect-offsets")]);
    let refused = bench.herder.put_connector("s", named, None, false).await;
    let text = refused.expect_err("each commit would be read").message;
    assert!(text.contains("never come to an end"), "{text}");
    let dead = ("errors.deadletterqueue.topic.name", "connect-configs");
    let dead = props(&[("connector.class", SINK), ("topics", "t"), dead]);
    let refused = bench.herder.put_connector("s", dead, None, false).await;
    let text = refused.expect_err("failed records among configurations").message;
    assert!(text.contains("own state (config.storage.topic)"), "{text}");

    for topic in ["connect-offsets", "connect-configs"] {
        bench.create(topic, &[("connector.class", SOURCE), ("topic", topic), ("count", "1")]).await;
        bench.until_task(topic, 0, UnitState::Failed).await;
        let trace = bench.herder.task_status(topic, 0).expect("status").trace.unwrap_or_default();
        assert!(trace.contains("no connector may write to it"), "{trace}");
    }
}
