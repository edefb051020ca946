//! Failures stay where they happen, and are told.

use std::sync::atomic::Ordering;

use gantry_log::{LogRecord, QueueBatch, TopicSpec};

use super::plugins::{SINK, SOURCE};
use super::*;

async fn load(bench: &Bench, topic: &str, values: &[&str]) {
    bench.log.create_topic(topic, TopicSpec::with_queues(1)).await.expect("topic");
    let records = values
        .iter()
        .map(|value| LogRecord {
            value: Some((*value).to_owned().into()),
            timestamp_ms: 7,
            ..LogRecord::default()
        })
        .collect();
    let batch = QueueBatch { to: TopicPartition::new(topic, 0), records };
    bench.log.append(vec![batch]).await.expect("accepted").await.expect("durable");
}

fn header(record: &LogRecord, name: &str) -> Option<String> {
    let name = format!("__connect.errors.{name}");
    let header = record.headers.iter().find(|header| *header.key == *name)?;
    Some(String::from_utf8_lossy(header.value.as_ref()?).into_owned())
}

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

#[tokio::test]
async fn a_poison_record_fails_the_task_and_nothing_before_it_is_lost() {
    let bench = Bench::new().await;
    let config = [
        ("connector.class", SOURCE),
        ("topic", "t"),
        ("count", "5"),
        ("bytes.at", "3"),
        ("value.converter", "org.apache.kafka.connect.converters.IntegerConverter"),
        ("transforms", "c"),
        ("transforms.c.type", "org.apache.kafka.connect.transforms.HoistField$Value"),
        ("transforms.c.field", "f"),
    ];
    bench.create("source", &config).await;
    bench.create("other", &[("connector.class", SOURCE), ("topic", "o"), ("count", "5")]).await;
    bench.until_task("source", 0, UnitState::Failed).await;
    let status = bench.herder.connector_status("source").expect("status");
    assert_eq!(status.connector.state, UnitState::Running);
    let trace = status.tasks[0].trace.clone().expect("a trace");
    assert!(
        trace.starts_with(
            "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler"
        ),
        "{trace}"
    );
    assert!(trace.contains("Caused by: "), "{trace}");
    bench.until_task("other", 0, UnitState::Running).await;
}

#[tokio::test]
async fn a_sink_skips_what_it_cannot_read_and_the_dead_letter_queue_says_why() {
    let bench = Bench::new().await;
    load(&bench, "t", &["1", "{bad", "2"]).await;
    let config = [
        ("connector.class", SINK),
        ("topics", "t"),
        ("value.converter", JSON),
        ("value.converter.schemas.enable", "false"),
        ("errors.tolerance", "all"),
        ("errors.deadletterqueue.topic.name", "d"),
        ("errors.deadletterqueue.context.headers.enable", "true"),
    ];
    bench.create("sink", &config).await;
    bench.until("2 put", || bench.probe.put_texts().len() >= 2).await;
    assert_eq!(bench.probe.put_texts(), ["1", "2"]);
    bench
        .until("offset 3 committed", || {
            let offsets = bench.herder.offsets("sink").expect("offsets").offsets;
            offsets.iter().any(|o| o.offset.as_ref().is_some_and(|o| o["kafka_offset"] == 3))
        })
        .await;
    let dead = bench.records("d", 0).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].value.as_deref(), Some(&b"{bad"[..]));
    assert_eq!(header(&dead[0], "topic").as_deref(), Some("t"));
    assert_eq!(header(&dead[0], "offset").as_deref(), Some("1"));
    assert_eq!(header(&dead[0], "stage").as_deref(), Some("VALUE_CONVERTER"));
    assert_eq!(header(&dead[0], "class.name").as_deref(), Some(JSON));
    assert_eq!(header(&dead[0], "task.id").as_deref(), Some("0"));
    assert!(header(&dead[0], "exception.stacktrace").is_some_and(|trace| !trace.is_empty()));
    let (_, _, _, values) = bench.herder.task_metrics()[0].clone();
    assert_eq!((values.records_skipped, values.deadletterqueue_records), (1, 1));
}

#[tokio::test]
async fn what_a_sink_reports_goes_to_the_dead_letter_queue_in_its_raw_form() {
    let bench = Bench::new().await;
    bench.probe.report_errant.store(true, Ordering::SeqCst);
    load(&bench, "t", &["good", "errant", "fine"]).await;
    let config = [
        ("connector.class", SINK),
        ("topics", "t"),
        ("errors.tolerance", "all"),
        ("errors.deadletterqueue.topic.name", "d"),
        ("errors.deadletterqueue.context.headers.enable", "true"),
    ];
    bench.create("sink", &config).await;
    bench.until("2 put", || bench.probe.put_texts().len() >= 2).await;
    bench.herder.shutdown().await;
    let dead = bench.records("d", 0).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].value.as_deref(), Some(&b"errant"[..]));
    assert_eq!(header(&dead[0], "stage").as_deref(), Some("TASK_PUT"));
    let class = header(&dead[0], "class.name");
    assert_eq!(class.as_deref(), Some("org.apache.kafka.connect.sink.SinkTask"));
    assert_eq!(header(&dead[0], "exception.message").as_deref(), Some("errant it is"));
}

#[tokio::test]
async fn a_transformation_of_rocketmq_connect_fails_under_its_own_name() {
    let bench = Bench::new().await;
    load(&bench, "t", &[r#"{"user_name":1}"#, "7"]).await;
    let class = "org.apache.rocketmq.connect.transforms.PatternRename$Value";
    let config = [
        ("connector.class", SINK),
        ("topics", "t"),
        ("value.converter", JSON),
        ("value.converter.schemas.enable", "false"),
        ("transforms", "r"),
        ("transforms.r.type", class),
        ("transforms.r.field.pattern", "^user_"),
        ("transforms.r.field.replacement", ""),
        ("errors.tolerance", "all"),
        ("errors.deadletterqueue.topic.name", "d"),
        ("errors.deadletterqueue.context.headers.enable", "true"),
    ];
    bench.create("sink", &config).await;
    bench.until("1 put", || !bench.probe.put_texts().is_empty()).await;
    assert_eq!(bench.probe.put_texts(), ["{name=1}"]);
    bench.herder.shutdown().await;
    let dead = bench.records("d", 0).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].value.as_deref(), Some(&b"7"[..]));
    assert_eq!(header(&dead[0], "stage").as_deref(), Some("TRANSFORMATION"));
    assert_eq!(header(&dead[0], "class.name").as_deref(), Some(class));
    assert_eq!(
        header(&dead[0], "exception.class.name").as_deref(),
        Some("org.apache.kafka.connect.errors.DataException")
    );
    assert_eq!(
        header(&dead[0], "exception.message").as_deref(),
        Some(
            "Only Map objects supported in absence of schema for [rename fields], found: \
             java.lang.Long"
        )
    );
}

#[tokio::test]
async fn a_source_has_a_dead_letter_queue_too() {
    let bench = Bench::new().await;
    let config = [
        ("connector.class", SOURCE),
        ("topic", "t"),
        ("count", "4"),
        ("bytes.at", "2"),
        ("value.converter", "org.apache.kafka.connect.converters.ByteArrayConverter"),
        ("errors.tolerance", "all"),
        ("errors.deadletterqueue.topic.name", "d"),
        ("errors.deadletterqueue.context.headers.enable", "true"),
    ];
    bench.create("source", &config).await;
    bench.until("4 acknowledged", || bench.probe.acknowledged.load(Ordering::SeqCst) == 4).await;
    assert_eq!(bench.records("t", 0).await.len(), 1);
    assert_eq!(bench.texts("d", 0).await, ["n-0", "n-1", "n-3"]);
    let dead = bench.records("d", 0).await;
    assert_eq!(header(&dead[0], "stage").as_deref(), Some("VALUE_CONVERTER"));
    assert_eq!(header(&dead[0], "topic"), None, "a source record was not read from a topic");
}

#[tokio::test]
async fn a_put_worth_trying_again_gets_the_same_batch_again() {
    let bench = Bench::new().await;
    bench.probe.put_failures.store(3, Ordering::SeqCst);
    load(&bench, "t", &["a", "b"]).await;
    bench.create("sink", &[("connector.class", SINK), ("topics", "t")]).await;
    bench.until("2 put", || bench.probe.put_texts().len() >= 2).await;
    assert_eq!(bench.probe.put_texts(), ["a", "b"]);
    assert_eq!(bench.herder.task_metrics()[0].3.retries, 3);
}

#[tokio::test]
async fn a_panic_is_the_tasks_own() {
    let bench = Bench::new().await;
    let config = [("connector.class", SOURCE), ("topic", "t"), ("count", "5"), ("panic.at", "2")];
    bench.create("source", &config).await;
    bench.until_task("source", 0, UnitState::Failed).await;
    let trace = bench.herder.task_status("source", 0).expect("status").trace.expect("a trace");
    assert!(trace.contains("panicked") && trace.contains("told to panic"), "{trace}");
    bench.create("other", &[("connector.class", SOURCE), ("topic", "o"), ("count", "5")]).await;
    bench.until_task("other", 0, UnitState::Running).await;
}

#[tokio::test]
async fn the_restart_policy_starts_a_failed_task_so_often_and_no_more() {
    let bench = Bench::new().await;
    let config = [
        ("connector.class", SOURCE),
        ("topic", "t"),
        ("count", "5"),
        ("fail.at", "2"),
        ("gantry.restart.max", "3"),
        ("gantry.restart.backoff.ms", "5"),
    ];
    bench.create("source", &config).await;
    bench.until("4 starts", || bench.probe.starts.load(Ordering::SeqCst) == 4).await;
    bench.until_task("source", 0, UnitState::Failed).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.probe.starts.load(Ordering::SeqCst), 4);
    assert_eq!(bench.herder.task_metrics()[0].3.restarts, 3);
    // Each start went on where the one before ended: no doubles.
    assert_eq!(bench.texts("t", 0).await, ["n-0", "n-1"]);
}

#[tokio::test]
async fn a_connector_that_fails_to_start_says_so() {
    let bench = Bench::new().await;
    let config = [("connector.class", SOURCE), ("topic", "t"), ("fail.connector", "1")];
    bench.create("source", &config).await;
    let status = bench.herder.connector_status("source").expect("status");
    assert_eq!(status.connector.state, UnitState::Failed);
    assert!(status.connector.trace.is_some_and(|trace| trace.contains("told to fail")));
    assert!(status.tasks.is_empty());
}

#[tokio::test]
async fn what_was_reported_before_a_retried_put_is_not_forgotten() {
    let bench = Bench::new().await;
    bench.probe.report_errant.store(true, Ordering::SeqCst);
    bench.probe.fail_after_report.store(true, Ordering::SeqCst);
    load(&bench, "t", &["errant", "fine"]).await;
    let config = [
        ("connector.class", SINK),
        ("topics", "t"),
        ("errors.tolerance", "all"),
        ("errors.deadletterqueue.topic.name", "d"),
    ];
    bench.create("sink", &config).await;
    bench.until("fine put", || bench.probe.put_texts().iter().any(|text| text == "fine")).await;
    bench.herder.shutdown().await;
    assert_eq!(bench.texts("d", 0).await, ["errant"]);
}

#[tokio::test]
async fn a_task_that_panicked_goes_on_behind_what_it_had_written() {
    let bench = Bench::new().await;
    let config = [("connector.class", SOURCE), ("topic", "t"), ("count", "9"), ("panic.at", "5")];
    bench.create("source", &config).await;
    bench.until_task("source", 0, UnitState::Failed).await;
    let mut healed = props(&config);
    healed.remove("panic.at");
    bench.herder.put_connector("source", healed, None, true).await.expect("changed");
    bench
        .until("offset 9", || {
            let offsets = bench.herder.offsets("source").expect("offsets").offsets;
            offsets.iter().any(|o| o.offset.as_ref().is_some_and(|o| o["n"] == 9))
        })
        .await;
    bench.herder.shutdown().await;
    let expected: Vec<String> = (0..9).map(|i| format!("n-{i}")).collect();
    assert_eq!(bench.texts("t", 0).await, expected);
}
