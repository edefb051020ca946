//! Pause, resume, stop, restart, offsets, refusals.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::plugins::{SINK, SOURCE};
use super::*;
use crate::{ConnectorOffset, ConnectorOffsets, HerderErrorKind};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_source_moves_nothing_until_resumed() {
    let bench = Bench::new().await;
    let config = [("connector.class", SOURCE), ("topic", "t"), ("delay.ms", "1")];
    bench.create("source", &config).await;
    bench.until_task("source", 0, UnitState::Running).await;
    bench.herder.pause("source").await.expect("paused");
    bench.until_task("source", 0, UnitState::Paused).await;
    let status = bench.herder.connector_status("source").expect("status");
    assert_eq!(status.connector.state, UnitState::Paused);
    let before = bench.texts("t", 0).await.len();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(bench.texts("t", 0).await.len(), before);
    bench.herder.resume("source").await.expect("resumed");
    bench.until_task("source", 0, UnitState::Running).await;
    bench
        .until("more records", || bench.herder.task_metrics()[0].3.records_out > before as u64)
        .await;
}

#[tokio::test]
async fn a_stopped_connector_has_no_tasks_and_its_offsets_can_be_set() {
    let bench = Bench::new().await;
    let config = [("connector.class", SOURCE), ("topic", "t"), ("count", "3")];
    bench.create("source", &config).await;
    bench.until("3 acknowledged", || bench.probe.acknowledged.load(Ordering::SeqCst) == 3).await;
    let refused = bench.herder.reset_offsets("source").await.expect_err("not stopped");
    assert_eq!(refused.kind, HerderErrorKind::BadRequest);
    assert!(refused.message.contains("must be in the STOPPED state"), "{refused}");
    bench.herder.stop("source").await.expect("stopped");
    let status = bench.herder.connector_status("source").expect("status");
    assert_eq!((status.connector.state, status.tasks.len()), (UnitState::Stopped, 0));

    let mut offsets = bench.herder.offsets("source").expect("offsets");
    let map = offsets.offsets[0].offset.as_mut().expect("an offset");
    assert_eq!(map["n"], 3);
    map.insert("n".to_owned(), 1.into());
    bench.herder.alter_offsets("source", offsets).await.expect("altered");
    bench.herder.resume("source").await.expect("resumed");
    bench.until("2 more", || bench.probe.acknowledged.load(Ordering::SeqCst) == 5).await;
    assert_eq!(bench.texts("t", 0).await, ["n-0", "n-1", "n-2", "n-1", "n-2"]);

    bench.herder.stop("source").await.expect("stopped");
    bench.herder.reset_offsets("source").await.expect("reset");
    assert!(bench.herder.offsets("source").expect("offsets").offsets.is_empty());
}

#[tokio::test]
async fn a_sinks_offsets_are_queues_and_numbers() {
    let bench = Bench::new().await;
    bench.create("source", &[("connector.class", SOURCE), ("topic", "t"), ("count", "4")]).await;
    bench.create("sink", &[("connector.class", SINK), ("topics", "t")]).await;
    bench.until("4 put", || bench.probe.put_texts().len() == 4).await;
    bench.herder.stop("sink").await.expect("stopped");
    let offsets = bench.herder.offsets("sink").expect("offsets");
    let shown = serde_json::to_string(&offsets).expect("json");
    assert_eq!(
        shown,
        r#"{"offsets":[{"partition":{"kafka_partition":0,"kafka_topic":"t"},"offset":{"kafka_offset":4}}]}"#
    );
    let committed = bench.log.groups().await.expect("groups");
    assert_eq!(committed["connect-sink"][&TopicPartition::new("t", 0)], 4);
    let mut partition = offsets.offsets[0].partition.clone();
    let offset = serde_json::from_str(r#"{"kafka_offset":"3"}"#).expect("json");
    let changed = ConnectorOffset { partition: partition.clone(), offset: Some(offset) };
    let change = ConnectorOffsets { offsets: vec![changed] };
    bench.herder.alter_offsets("sink", change).await.expect("altered");
    bench.herder.resume("sink").await.expect("resumed");
    bench.until("1 more", || bench.probe.put_texts().len() == 5).await;
    assert_eq!(bench.probe.put_texts()[4], "n-3");
    bench.herder.stop("sink").await.expect("stopped");
    let reset = ConnectorOffset { partition: partition.clone(), offset: None };
    let change = ConnectorOffsets { offsets: vec![reset] };
    bench.herder.alter_offsets("sink", change).await.expect("reset");
    bench.herder.resume("sink").await.expect("resumed");
    bench.until("all again", || bench.probe.put_texts().len() == 9).await;
    assert_eq!(bench.probe.put_texts()[5], "n-0");
    bench.herder.stop("sink").await.expect("stopped");
    let mut nowhere = partition.clone();
    nowhere.insert("kafka_partition".to_owned(), 9.into());
    let change =
        ConnectorOffsets { offsets: vec![ConnectorOffset { partition: nowhere, offset: None }] };
    let refused = bench.herder.alter_offsets("sink", change).await.expect_err("no such queue");
    assert_eq!(refused.message, "Failed to alter consumer group offsets for connector sink");
    partition.remove("kafka_topic");
    let changed = ConnectorOffset { partition, offset: None };
    let change = ConnectorOffsets { offsets: vec![changed] };
    let refused = bench.herder.alter_offsets("sink", change).await.expect_err("no topic");
    assert!(refused.message.contains("kafka_topic"), "{refused}");
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_kafkas_words() {
    let bench = Bench::new().await;
    let put = |pairs: &[(&str, &str)]| {
        let config = props(pairs);
        let herder = Arc::clone(&bench.herder);
        async move { herder.put_connector("c", config, started(), false).await }
    };
    let refused = put(&[("topic", "t")]).await.expect_err("no class");
    assert_eq!(refused.message, "Connector config {name=c, topic=t} contains no connector type");
    let refused = put(&[("connector.class", "Nope")]).await.expect_err("no such class");
    assert!(refused.message.contains("which name matches Nope, available connectors are: "));
    let refused = put(&[("connector.class", SINK)]).await.expect_err("no topics");
    assert_eq!(
        refused.message,
        "Connector configuration is invalid and contains the following 2 error(s):\nMust \
         configure one of topics or topics.regex\nMust configure one of topics or \
         topics.regex\nYou can also find the above list of errors at the endpoint \
         `/connector-plugins/{connectorType}/config/validate`"
    );
    put(&[("connector.class", SOURCE), ("topic", "t"), ("count", "0")]).await.expect("fine");
    let twice = put(&[("connector.class", SOURCE), ("topic", "t")]).await.expect_err("exists");
    assert_eq!(twice.kind, HerderErrorKind::AlreadyExists);
    assert_eq!(twice.message, "Connector c already exists");
    let gone = bench.herder.pause("nope").await.expect_err("unknown");
    assert_eq!(
        (gone.kind, gone.message.as_str()),
        (HerderErrorKind::NotFound, "Unknown connector nope")
    );
}

#[tokio::test]
async fn restart_and_change_keep_offsets_and_delete_removes() {
    let bench = Bench::new().await;
    let config = [("connector.class", SOURCE), ("topic", "t"), ("count", "5"), ("fail.at", "3")];
    bench.create("source", &config).await;
    bench.until_task("source", 0, UnitState::Failed).await;
    let plan =
        bench.herder.restart_connector_and_tasks("source", true, true).await.expect("restarted");
    assert_eq!(plan.connector.state, UnitState::Running);
    assert_eq!(plan.tasks[0].state, UnitState::Restarting);
    bench.until("2 starts", || bench.probe.starts.load(Ordering::SeqCst) == 2).await;
    bench.until_task("source", 0, UnitState::Failed).await;
    let patch =
        BTreeMap::from([("fail.at".to_owned(), None), ("count".to_owned(), Some("6".to_owned()))]);
    let patched = bench.herder.patch_connector("source", patch).await.expect("patched");
    assert!(!patched.created);
    assert!(!patched.info.config.contains_key("fail.at"));
    bench.until("6 acknowledged", || bench.probe.acknowledged.load(Ordering::SeqCst) == 6).await;
    assert_eq!(bench.texts("t", 0).await.len(), 6);
    bench.herder.delete_connector("source").await.expect("deleted");
    assert!(bench.herder.connectors().is_empty());
    let again = bench.herder.delete_connector("source").await.expect_err("gone");
    assert_eq!(again.message, "Connector source not found");
    assert!(bench.probe.connector_stops.load(Ordering::SeqCst) >= 2);
}
