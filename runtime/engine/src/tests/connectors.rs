//! The connector itself, beside its tasks: when it runs, fails, and is asked.

use std::sync::atomic::Ordering;

use gantry_api::{ConnectorContext, Error};

use super::plugins::{SINK, SOURCE};
use super::restoring::{distributed, loader};
use super::*;
use crate::HerderErrorKind;

const CONFIG: [(&str, &str); 3] = [("connector.class", SOURCE), ("topic", "t"), ("count", "0")];

impl Bench {
    /// The context of the instance that was started last, and how many were started.
    fn last_connector(&self) -> (ConnectorContext, usize) {
        let started = self.probe.connectors.lock().expect("lock");
        (started.last().expect("one was started").clone(), started.len())
    }
    fn state(&self, name: &str) -> (UnitState, Option<String>) {
        let status = self.herder.connector_status(name).expect("status").connector;
        (status.state, status.trace)
    }
    async fn until_failed(&self, name: &str) {
        self.until("failed", || self.state(name).0 == UnitState::Failed).await;
    }
}

fn boom() -> Error {
    Error::java("java.lang.RuntimeException", "boom")
}

#[tokio::test]
async fn a_connector_that_raises_an_error_is_failed_until_it_is_restarted_and_its_tasks_go_on() {
    let bench = Bench::new().await;
    bench.create("c", &CONFIG).await;
    bench.until_task("c", 0, UnitState::Running).await;
    let (first, _) = bench.last_connector();
    first.raise_error(boom());
    first.raise_error(Error::connect("the first counts"));
    bench.until_failed("c").await;
    let trace = || Some("java.lang.RuntimeException: boom\n".to_owned());
    assert_eq!(bench.state("c"), (UnitState::Failed, trace()));
    bench.until_task("c", 0, UnitState::Running).await;

    // Neither pausing nor resuming heals it; its tasks do as they are told.
    bench.herder.pause("c").await.expect("paused");
    bench.until_task("c", 0, UnitState::Paused).await;
    assert_eq!(bench.state("c"), (UnitState::Failed, trace()));
    bench.herder.resume("c").await.expect("resumed");
    bench.until_task("c", 0, UnitState::Running).await;
    assert_eq!(bench.state("c"), (UnitState::Failed, trace()));

    let plan = bench.herder.restart_connector_and_tasks("c", true, true).await.expect("restarted");
    assert_eq!((plan.connector.state, plan.connector.trace), (UnitState::Restarting, trace()));
    assert_eq!(plan.tasks[0].state, UnitState::Running);
    assert_eq!(bench.state("c"), (UnitState::Running, None));
    let (second, count) = bench.last_connector();
    assert_eq!(count, 2);
    assert!(first.cancel.is_cancelled() && !second.cancel.is_cancelled());
    assert_eq!(bench.probe.starts.load(Ordering::SeqCst), 1, "the task was not restarted");

    // What the stopped instance still says is no longer heard.
    first.raise_error(boom());
    second.raise_error(boom());
    bench.until_failed("c").await;
    bench.herder.stop("c").await.expect("stopped");
    assert_eq!(bench.state("c"), (UnitState::Stopped, None));
    bench.herder.resume("c").await.expect("resumed");
    assert_eq!(bench.state("c"), (UnitState::Running, None));
    bench.until_task("c", 0, UnitState::Running).await;
}

#[tokio::test]
async fn a_paused_connector_is_not_running() {
    let bench = Bench::new().await;
    bench.create("c", &CONFIG).await;
    let (first, _) = bench.last_connector();
    bench.herder.pause("c").await.expect("paused");
    assert!(first.cancel.is_cancelled());
    assert_eq!(bench.probe.connector_stops.load(Ordering::SeqCst), 1);
    first.raise_error(boom());
    bench.herder.restart_connector("c").await.expect("restarted");
    assert_eq!(bench.state("c"), (UnitState::Paused, None));
    assert_eq!(bench.last_connector().1, 1, "a paused one is not started");
    bench.herder.resume("c").await.expect("resumed");
    bench.until_task("c", 0, UnitState::Running).await;
    assert_eq!(bench.last_connector().1, 2);
    assert_eq!(bench.probe.starts.load(Ordering::SeqCst), 1, "its task has only waited");
}

#[tokio::test]
async fn one_that_was_paused_comes_back_with_its_tasks_and_not_running() {
    let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
    let durable = || {
        let probe = Probe::default();
        let plugins = loader(&probe);
        Bench::with(Arc::clone(&log), probe, plugins, distributed)
    };
    let first = durable().await;
    first.create("c", &CONFIG).await;
    first.herder.pause("c").await.expect("paused");
    first.herder.shutdown().await;
    let second = durable().await;
    second.until_task("c", 0, UnitState::Paused).await;
    second
        .until("its instance stopped", || second.probe.connector_stops.load(Ordering::SeqCst) == 1)
        .await;
    assert!(second.last_connector().0.cancel.is_cancelled());
    second.herder.resume("c").await.expect("resumed");
    second.until_task("c", 0, UnitState::Running).await;
    assert_eq!(second.last_connector().1, 2);
    assert_eq!(second.probe.starts.load(Ordering::SeqCst), 1, "its task has only waited");
}

#[tokio::test]
async fn one_changed_while_paused_gets_new_tasks_when_resumed() {
    let bench = Bench::new().await;
    bench.create("c", &CONFIG).await;
    bench.until_task("c", 0, UnitState::Running).await;
    bench.herder.pause("c").await.expect("paused");
    bench.until_task("c", 0, UnitState::Paused).await;
    let mut changed = props(&CONFIG);
    changed.insert("tasks.max".to_owned(), "2".to_owned());
    bench.herder.put_connector("c", changed, None, true).await.expect("changed");
    let tasks = bench.herder.connector_status("c").expect("status").tasks;
    assert_eq!(tasks.iter().map(|task| task.state).collect::<Vec<_>>(), [UnitState::Paused]);
    assert!(!bench.herder.task_infos("c").expect("tasks")[0].config.contains_key("tasks.max"));
    bench.herder.resume("c").await.expect("resumed");
    bench.until_task("c", 1, UnitState::Running).await;
    bench.until_task("c", 0, UnitState::Running).await;
    assert_eq!(bench.herder.task_infos("c").expect("tasks")[0].config["tasks.max"], "2");
}

#[tokio::test]
async fn one_created_paused_starts_nothing_and_one_of_another_class_keeps_nothing() {
    let bench = Bench::new().await;
    let config = props(&[("connector.class", SOURCE), ("topic", "t"), ("fail.connector", "1")]);
    let target = Some(TargetState::Paused);
    bench.herder.put_connector("c", config, target, false).await.expect("created");
    assert_eq!(bench.state("c"), (UnitState::Paused, None));
    bench.herder.resume("c").await.expect("resumed");
    let (state, trace) = bench.state("c");
    assert_eq!(state, UnitState::Failed);
    assert!(trace.is_some_and(|trace| trace.contains("told to fail")));
    let refused = bench.herder.restart_connector("c").await.expect_err("it cannot start");
    assert_eq!(
        (refused.kind, refused.message.as_str()),
        (HerderErrorKind::Internal, "Failed to start connector: c")
    );
    bench.herder.resume("c").await.expect("resumed");
    assert_eq!(bench.state("c").0, UnitState::Failed);

    bench.herder.put_connector("c", props(&CONFIG), None, true).await.expect("changed");
    bench.until_task("c", 0, UnitState::Running).await;
    bench.herder.pause("c").await.expect("paused");
    let sink = props(&[("connector.class", SINK), ("topics", "t")]);
    bench.herder.put_connector("c", sink, None, true).await.expect("changed");
    assert!(bench.herder.connector_status("c").expect("status").tasks.is_empty());
    bench.herder.resume("c").await.expect("resumed");
    bench.until_task("c", 0, UnitState::Running).await;
    assert_eq!(bench.herder.connector_status("c").expect("status").type_, "sink");
}

#[tokio::test]
async fn the_user_is_told_whether_the_connector_knows_its_offsets() {
    let bench = Bench::new().await;
    let change =
        || serde_json::from_str(r#"{"offsets":[{"partition":{"id":"0"},"offset":{"n":1}}]}"#);
    for (key, altered, reset) in [
        ("count", "However, if this connector manages", "However, if this connector manages"),
        ("know.offsets", "been altered successfully", "been reset successfully"),
    ] {
        let mut config = props(&CONFIG);
        config.insert(key.to_owned(), "0".to_owned());
        let target = Some(TargetState::Stopped);
        bench.herder.put_connector("c", config, target, false).await.expect("created");
        let change = change().expect("json");
        let told = bench.herder.alter_offsets("c", change).await.expect("altered");
        assert!(told.contains(altered), "{told}");
        let told = bench.herder.reset_offsets("c").await.expect("reset");
        assert!(told.contains(reset), "{told}");
        assert!(bench.herder.offsets("c").expect("offsets").offsets.is_empty());
        bench.herder.delete_connector("c").await.expect("deleted");
    }
    let config = props(&[("connector.class", SINK), ("topics", "t"), ("refuse.offsets", "1")]);
    let target = Some(TargetState::Stopped);
    bench.herder.put_connector("s", config, target, false).await.expect("created");
    let text =
        r#"{"offsets":[{"partition":{"kafka_topic":"t","kafka_partition":0},"offset":null}]}"#;
    let change = serde_json::from_str(text).expect("json");
    let refused = bench.herder.alter_offsets("s", change).await.expect_err("refused");
    assert_eq!(
        (refused.kind, refused.message.as_str()),
        (HerderErrorKind::Internal, "1 offsets are refused")
    );
    assert!(bench.herder.offsets("s").expect("offsets").offsets.is_empty());
}

#[tokio::test]
async fn a_sink_can_ask_to_be_put_to_sooner() {
    let bench = Bench::new().await;
    let config = [("connector.class", SINK), ("topics", "not-there"), ("wait.ms", "2")];
    bench.create("sink", &config).await;
    // With nothing but the interval of commits, 50 ms, this many take longer than is waited.
    bench.until("400 empty puts", || bench.probe.empty_puts.load(Ordering::SeqCst) >= 400).await;
}

#[tokio::test]
async fn plugins_are_listed_by_kind_and_class() {
    let bench = Bench::new().await;
    let all = bench.herder.plugins(false);
    let kinds: Vec<_> = all.iter().map(|plugin| plugin.type_).collect();
    let mut order = kinds.clone();
    order.dedup();
    let expected =
        ["sink", "source", "transformation", "predicate", "converter", "header_converter"];
    assert_eq!(order, expected);
    for pair in all.windows(2).filter(|pair| pair[0].type_ == pair[1].type_) {
        assert!(pair[0].class < pair[1].class, "{pair:?}");
    }
    assert!(bench.herder.plugins(true).iter().all(|p| ["sink", "source"].contains(&p.type_)));
}

#[tokio::test]
async fn one_that_makes_no_tasks_is_stopped() {
    let bench = Bench::new().await;
    let failing = [("connector.class", SOURCE), ("topic", "t"), ("fail.task.configs", "1")];
    bench.create("c", &failing).await;
    bench.until_failed("c").await;
    assert_eq!(bench.probe.connector_stops.load(Ordering::SeqCst), 1);
    assert!(bench.last_connector().0.cancel.is_cancelled());
}

#[tokio::test]
async fn a_null_that_breaks_kafka_connect_is_refused() {
    let bench = Bench::new().await;
    let topics = ("topics", Some("t"));
    for (class, key, is_refused) in [
        (SOURCE, "offsets.storage.topic", true),
        (SINK, "errors.deadletterqueue.topic.name", true),
        (SINK, "offsets.storage.topic", false),
    ] {
        let given = [("name", Some("c")), ("connector.class", Some(class)), topics, (key, None)];
        let config = given.map(|(key, value)| (key.to_owned(), value.map(str::to_owned))).into();
        match bench.herder.validate(&config).await {
            Ok(infos) => assert!(!is_refused, "{class} {key}: {} errors", infos.error_count),
            Err(error) => {
                assert!(is_refused, "{class} {key}: {error}");
                assert_eq!(error.kind, HerderErrorKind::BadRequest);
                assert!(error.message.contains(&format!("null for configuration {key}")));
            }
        }
    }
}
