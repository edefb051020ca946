//! Secrets behind a mask.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use gantry_api::{ConfigDef, ConfigKey, ConfigProvider, Importance, Type};
use gantry_log::MemoryLog;

use super::plugins::{SINK, SOURCE};
use super::restoring::{distributed, loader};
use super::*;
use crate::providers::tests::Hanging;
use crate::{StartAt, TopicSample};

const KEY: &str = "producer.override.ssl.key.password";

async fn bench(log: &Arc<dyn FullLog>, masked: bool) -> Bench {
    let probe = Probe::default();
    let plugins = loader(&probe);
    let adjust = |config: &mut WorkerConfig| {
        distributed(config);
        config.mask_secrets = masked;
        let key = ConfigKey::nullable("ssl.key.password", Type::Password, Importance::High, "");
        config.client_overrides.producer = ConfigDef::new().define(key);
    };
    Bench::with(Arc::clone(log), probe, plugins, adjust).await
}

fn config() -> Props {
    props(&[("connector.class", SOURCE), ("topic", "t"), ("count", "1"), ("secret", "s3cret")])
}

#[tokio::test]
async fn a_mask_hides_and_keeps_secrets() {
    let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
    let first = bench(&log, true).await;
    let mut given = config();
    given.insert(KEY.to_owned(), "k3y".to_owned());
    let created = first.herder.put_connector("c", given, None, false).await.expect("created");
    assert_eq!(created.info.config["secret"], "[hidden]");
    assert_eq!(created.info.config[KEY], "[hidden]");
    assert_eq!(created.info.config["topic"], "t");
    let shown = first.herder.connector_config("c").expect("config");
    assert_eq!(shown["secret"], "[hidden]");
    let tasks = first.herder.task_infos("c").expect("tasks");
    assert_eq!(tasks[0].config["secret"], "[hidden]");

    // What a tool reads it may write back, changed.
    let changed = Props::from([("count".to_owned(), "2".to_owned())]);
    let back = shown.into_iter().chain(changed).collect();
    first.herder.put_connector("c", back, None, true).await.expect("put");
    let patch = [("secret".to_owned(), Some("[hidden]".to_owned()))].into();
    first.herder.patch_connector("c", patch).await.expect("patched");
    let mut masked = config();
    masked.insert("secret".to_owned(), "[hidden]".to_owned());
    let refused = first.herder.put_connector("new", masked, None, false).await;
    let text = refused.expect_err("there is no secret behind the mask").message;
    assert!(text.contains("configuration secret: it is the mask"), "{text}");
    let no_class = first.herder.put_connector("x", props(&[("secret", "s3cret")]), None, false);
    assert!(!no_class.await.expect_err("no class").message.contains("s3cret"));
    first.herder.shutdown().await;

    let second = bench(&log, false).await;
    let stored = second.herder.connector_config("c").expect("config");
    assert_eq!((stored["secret"].as_str(), stored[KEY].as_str()), ("s3cret", "k3y"));
    assert_eq!(stored["count"], "2");
}

#[tokio::test]
async fn without_its_class_all_of_a_configuration_is_masked() {
    let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
    let first = bench(&log, true).await;
    first.herder.put_connector("c", config(), None, false).await.expect("created");
    first.herder.shutdown().await;
    let probe = Probe::default();
    let adjust = |config: &mut WorkerConfig| {
        distributed(config);
        config.mask_secrets = true;
    };
    let none = PluginLoader::new(gantry_api::PluginRegistry::default);
    let second = Bench::with(log, probe, none, adjust).await;
    let shown = second.herder.connector_config("c").expect("config");
    assert_eq!((shown["secret"].as_str(), shown["topic"].as_str()), ("[hidden]", "[hidden]"));
    assert_eq!(shown["connector.class"], SOURCE);
}

#[tokio::test]
async fn a_connector_of_another_class_does_not_give_away_what_was_masked() {
    let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
    let bench = bench(&log, true).await;
    bench.herder.put_connector("c", config(), None, false).await.expect("created");
    // To this class `secret` is a key like any other.
    let other = props(&[("connector.class", SINK), ("topics", "t"), ("secret", "[hidden]")]);
    let refused = bench.herder.put_connector("c", other.clone(), None, true).await;
    let text = refused.expect_err("the secret would be shown").message;
    assert!(text.contains("configuration secret") && text.contains("would be shown"), "{text}");
    let patch = [("connector.class", Some(SINK)), ("topics", Some("t")), ("topic", None)];
    let patch = patch.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
    let refused = bench.herder.patch_connector("c", patch.into()).await;
    assert_eq!(refused.expect_err("by a patch too").message, text);
    assert_eq!(bench.herder.connector_config("c").expect("config"), {
        let mut masked = config();
        masked.insert("secret".to_owned(), "[hidden]".to_owned());
        masked.insert("name".to_owned(), "c".to_owned());
        masked
    });
    let mut known = other;
    known.insert("secret".to_owned(), "s3cret".to_owned());
    bench.herder.put_connector("c", known, None, true).await.expect("who knows it may");
}

#[tokio::test]
async fn nobody_reads_masked_secrets_from_the_topic_that_holds_them() {
    let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
    let masking = bench(&log, true).await;
    let sample = TopicSample {
        topic: "connect-configs".to_owned(),
        partition: None,
        start: StartAt::Earliest,
        max: 10,
    };
    let refused = masking.herder.read_samples(&sample).await.map(|records| records.len());
    let text = refused.expect_err("secrets").message;
    assert!(text.contains("gantry.rest.mask.secrets"), "{text}");
    let sink = props(&[("connector.class", SINK), ("topics", "a, connect-configs")]);
    let refused = masking.herder.put_connector("s", sink.clone(), None, false).await;
    let text = refused.expect_err("secrets").message;
    assert!(text.contains("Topic connect-configs holds the configurations"), "{text}");
    masking.herder.shutdown().await;
    let open = bench(&log, false).await;
    open.herder.put_connector("s", sink, None, false).await.expect("nothing is hidden");
    assert!(!open.herder.read_samples(&sample).await.expect("read").is_empty());
}

/// Gives another value each time.
#[derive(Default)]
struct Rotating(AtomicU64);

impl ConfigProvider for Rotating {
    fn get(&self, path: &str, keys: &[&str]) -> gantry_api::Result<BTreeMap<String, String>> {
        let turn = self.0.fetch_add(1, Ordering::SeqCst);
        let value = |key: &str| if key == "fixed" { path.to_owned() } else { format!("v{turn}") };
        Ok(keys.iter().map(|key| ((*key).to_owned(), value(key))).collect())
    }
}

#[tokio::test]
async fn a_task_that_starts_again_keeps_its_own_values_and_gets_new_secrets() {
    let probe = Probe::default();
    let plugins = loader(&probe);
    let adjust = |config: &mut WorkerConfig| {
        let provider: Arc<dyn ConfigProvider> = Arc::new(Rotating::default());
        config.config_providers = [("p".to_owned(), provider)].into();
    };
    let bench = Bench::with(Arc::new(MemoryLog::new()), probe, plugins, adjust).await;
    let config = [
        ("connector.class", SOURCE),
        ("topic", "unused"),
        ("topic.per.task", "${p:t:fixed}"),
        ("secret", "${p:x:secret}"),
        ("count", "1"),
        ("tasks.max", "2"),
    ];
    bench.create("c", &config).await;
    bench.until_task("c", 1, UnitState::Running).await;
    bench.until_task("c", 0, UnitState::Running).await;
    let started = || {
        let props = bench.probe.source_props.lock().expect("lock").clone();
        let seen = |props: Props| (props["topic"].clone(), props["secret"].clone());
        props.into_iter().map(seen).collect::<Vec<_>>()
    };
    bench.until("both tasks started", || started().len() == 2).await;
    let first = started();
    let secret = first[0].1.clone();
    assert!(first.contains(&("t-0".to_owned(), secret.clone())), "{first:?}");
    assert!(first.contains(&("t-1".to_owned(), secret.clone())), "{first:?}");
    for task in bench.herder.task_infos("c").expect("tasks") {
        assert_eq!(task.config["topic.per.task"], "${p:t:fixed}", "what is made of a secret");
        assert_eq!(task.config["secret"], "${p:x:secret}");
    }
    bench.herder.restart_task("c", 1).await.expect("restarted");
    bench.until("it started again", || started().len() == 3).await;
    let (topic, new_secret) = started()[2].clone();
    assert_eq!(topic, "t-1");
    assert_ne!(new_secret, secret);
    // A secret that has changed is no reason to start tasks anew, as in Kafka Connect.
    bench.herder.pause("c").await.expect("paused");
    bench.herder.resume("c").await.expect("resumed");
    bench.until_task("c", 1, UnitState::Running).await;
    assert_eq!(started().len(), 3);
}

#[tokio::test]
async fn a_change_that_hangs_does_not_keep_the_others_from_stopping() {
    let (open, gate) = std::sync::mpsc::sync_channel::<()>(0);
    let probe = Probe::default();
    let plugins = loader(&probe);
    let adjust = |config: &mut WorkerConfig| {
        let provider: Arc<dyn ConfigProvider> = Arc::new(Hanging(gate.into()));
        config.config_providers = [("p".to_owned(), provider)].into();
        config.task_shutdown_graceful_timeout_ms = 100;
    };
    let bench = Bench::with(Arc::new(MemoryLog::new()), probe, plugins, adjust).await;
    bench.herder.put_connector("c", config(), None, false).await.expect("created");
    bench.until_task("c", 0, UnitState::Running).await;
    let herder = Arc::clone(&bench.herder);
    let mut hanging = config();
    hanging.insert("secret".to_owned(), "${p:a:b}".to_owned());
    let change = tokio::spawn(async move {
        herder.put_connector("hanging", hanging, None, false).await.map(|_| ())
    });
    tokio::task::yield_now().await;
    let stopped = tokio::time::timeout(PATIENCE, bench.herder.shutdown()).await;
    assert!(stopped.is_ok(), "the worker waits for a change that hangs");
    assert_eq!(bench.probe.connector_stops.load(Ordering::SeqCst), 1);
    drop(open);
    change.abort();
}
