//! Secrets behind a mask.

use gantry_api::{ConfigDef, ConfigKey, Importance, Type};
use gantry_log::MemoryLog;

use super::plugins::SOURCE;
use super::restoring::{distributed, loader};
use super::*;

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
