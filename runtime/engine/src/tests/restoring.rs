//! Connectors that outlive their worker, plugins that come and go, and offsets at creation.

use std::sync::atomic::{AtomicBool, Ordering};

use gantry_api::PluginRegistry;
use gantry_log::MemoryLog;

use super::plugins::{SINK, SOURCE, registry};
use super::*;
use crate::{ConnectorOffset, ConnectorOffsets, HerderErrorKind};

/// Connectors outlive the worker.
pub(super) fn distributed(config: &mut WorkerConfig) {
    config.config_storage_topic = Some("connect-configs".to_owned());
}

pub(super) fn loader(probe: &Probe) -> PluginLoader {
    let registry = registry(probe);
    PluginLoader::new(move || registry.clone())
}

async fn durable(log: &Arc<dyn FullLog>) -> Bench {
    let probe = Probe::default();
    let plugins = loader(&probe);
    Bench::with(Arc::clone(log), probe, plugins, distributed).await
}

#[tokio::test]
async fn connectors_are_there_again_in_their_states() {
    let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
    let first = durable(&log).await;
    let config = [("connector.class", SOURCE), ("topic", "t"), ("count", "3")];
    for name in ["works", "paused", "stopped", "deleted"] {
        first.create(name, &config).await;
        first.until_task(name, 0, UnitState::Running).await;
    }
    first.herder.pause("paused").await.expect("paused");
    first.herder.stop("stopped").await.expect("stopped");
    first.herder.delete_connector("deleted").await.expect("deleted");
    first.herder.shutdown().await;

    let second = durable(&log).await;
    assert_eq!(second.herder.connectors(), ["paused", "stopped", "works"]);
    second.until_task("works", 0, UnitState::Running).await;
    second.until_task("paused", 0, UnitState::Paused).await;
    let stopped = second.herder.connector_status("stopped").expect("status");
    assert_eq!((stopped.connector.state, stopped.tasks.len()), (UnitState::Stopped, 0));
    assert_eq!(stopped.type_, "source");
}

#[tokio::test]
async fn a_changed_connector_comes_back_as_it_was_last() {
    let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
    let first = durable(&log).await;
    let source = [("connector.class", SOURCE), ("topic", "t"), ("count", "3")];
    first.create("c", &source).await;
    first.until("3 acknowledged", || first.probe.acknowledged.load(Ordering::SeqCst) == 3).await;
    let patch = [("count".to_owned(), Some("5".to_owned()))].into();
    first.herder.patch_connector("c", patch).await.expect("patched");
    first.until("2 more", || first.probe.acknowledged.load(Ordering::SeqCst) == 5).await;
    first.herder.shutdown().await;
    let refused = first.herder.pause("c").await.expect_err("the worker is stopping");
    assert_eq!(refused.kind, HerderErrorKind::Conflict);

    let second = durable(&log).await;
    second.until_task("c", 0, UnitState::Running).await;
    let info = second.herder.connector_info("c").expect("info");
    assert_eq!(info.config["count"], "5");
    assert_eq!(second.texts("t", 0).await.len(), 5, "nothing comes twice");
}

#[tokio::test]
async fn a_class_that_is_gone_fails_its_connector_until_it_is_back() {
    let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
    let first = durable(&log).await;
    first.create("c", &[("connector.class", SOURCE), ("topic", "t"), ("count", "1")]).await;
    first.until("1 acknowledged", || first.probe.acknowledged.load(Ordering::SeqCst) == 1).await;
    first.herder.shutdown().await;

    let probe = Probe::default();
    let there = Arc::new(AtomicBool::new(false));
    let (with, switch) = (registry(&probe), Arc::clone(&there));
    let plugins = PluginLoader::new(move || match switch.load(Ordering::SeqCst) {
        true => with.clone(),
        false => PluginRegistry { connectors: Vec::new(), ..with.clone() },
    });
    let second = Bench::with(log, probe, plugins, distributed).await;
    let state = || second.herder.connector_status("c").expect("status");
    second.until("it fails", || state().connector.state == UnitState::Failed).await;
    assert_eq!((state().type_, state().tasks.len()), ("unknown", 0));
    let trace = state().connector.trace.expect("a trace");
    assert!(trace.contains("Failed to find any class that implements Connector"), "{trace}");

    there.store(true, Ordering::SeqCst);
    second.herder.reload_plugins().await.expect("reloaded");
    second.herder.restart_connector("c").await.expect("restarted");
    second.until_task("c", 0, UnitState::Running).await;
    assert_eq!(state().type_, "source");
}

#[tokio::test]
async fn a_connector_begins_at_its_initial_offsets() {
    let bench = Bench::new().await;
    let json = |text: &str| serde_json::from_str(text).expect("json");
    let at = |offset: &str| ConnectorOffsets {
        offsets: vec![ConnectorOffset {
            partition: json(r#"{"id":"0"}"#),
            offset: Some(json(offset)),
        }],
    };
    let known = ("know.offsets", "");
    let source = props(&[("connector.class", SOURCE), ("topic", "t"), ("count", "4"), known]);
    let herder = &bench.herder;
    let created = herder.create_connector_at("c", source.clone(), None, at(r#"{"n":2}"#)).await;
    let status = created.expect("created").info.offsets_status.expect("a status");
    assert_eq!(status, "The offsets for this connector have been altered successfully");
    bench.until("2 acknowledged", || bench.probe.acknowledged.load(Ordering::SeqCst) == 2).await;
    assert_eq!(bench.texts("t", 0).await, ["n-2", "n-3"]);

    let twice = herder.create_connector_at("c", source, None, at(r#"{"n":0}"#)).await;
    assert_eq!(twice.expect_err("it exists").kind, HerderErrorKind::AlreadyExists);
    assert_eq!(
        herder.offsets("c").expect("offsets").offsets[0].offset,
        Some(json(r#"{"n":4}"#)),
        "a refused creation changes no offset"
    );
    let sink = props(&[("connector.class", SINK), ("topics", "t")]);
    let wrong = herder.create_connector_at("s", sink, None, at(r#"{"n":0}"#)).await;
    assert!(wrong.expect_err("no queue").message.contains("'kafka_topic' and 'kafka_partition'"));
    assert!(herder.connector_info("s").is_err(), "a connector that was refused is not there");
}
