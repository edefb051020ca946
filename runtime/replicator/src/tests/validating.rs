//! Configurations that cannot do what they say are refused.

use std::sync::Arc;

use gantry_api::Props;
use gantry_log::MemoryLog;

use super::{AnyLog, props, registry};

/// What is wrong with a configuration, by key.
fn errors(class: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let source: AnyLog = Arc::new(MemoryLog::new());
    let registry = registry(&source, None);
    let plugin = registry.find_connector(class).unwrap();
    let mut config: Props = props(&[
        ("name", "x"),
        ("source.cluster.alias", "a"),
        ("source.cluster.gantry.rocketmq.namesrv.addr", "x:1"),
    ]);
    if class.contains("Heartbeat") {
        config.remove("source.cluster.gantry.rocketmq.namesrv.addr");
    }
    config.extend(props(more));
    let mut findings = plugin.info.config_def().validate(&config);
    plugin.create().unwrap().validate(&config, &mut findings).unwrap();
    let wrong = findings
        .into_iter()
        .filter_map(|finding| Some((finding.name, finding.errors.first()?.clone())));
    wrong.collect()
}

#[test]
fn what_is_not_done_is_refused() {
    for class in ["MirrorSource", "MirrorCheckpointConnector", "MirrorHeartbeat"] {
        assert_eq!(errors(class, &[]), [], "{class}");
        // What the three share, and what is Connect's own.
        let shared = [
            ("consumer.auto.offset.reset", "latest"),
            ("source.cluster.gantry.rocketmq.namesrv.addr", "x:1"),
            ("producer.override.acks", "all"),
        ];
        assert_eq!(errors(class, &shared), [], "{class}");
        for (key, value, said) in [
            ("source.cluster.bootstrap.servers", "k:9092", "name the name servers"),
            ("target.cluster.gantry.rocketmq.namesrv.addr", "y:1", "worker's own log"),
            ("source.cluster.sasl.jaas.config", "secret", "[hidden]"),
            ("consumer.fetch.min.bytes", "1", "Kafka's clients"),
            ("target.cluster.gantry.rocketmq.secret.key", "x", "[hidden]"),
            ("target.cluster.alias", "a", "name the two clusters differently"),
            ("replication.policy.class", "my.Policy", "classes of your own are not run"),
        ] {
            let found = errors(class, &[(key, value)]);
            let matches = found.iter().any(|(name, text)| name == key && text.contains(said));
            assert!(matches && found.len() == 1, "{class} {key}: {found:?}");
        }
    }
    let found = errors("MirrorSource", &[("source.cluster.gantry.rocketmq.namesrv.addr", "bad")]);
    assert!(found[0].1.starts_with("source.cluster.gantry.rocketmq.namesrv.addr=bad"), "{found:?}");
    let found = errors("MirrorSource", &[("topics", "a(")]);
    assert!(found[0].1.contains("configuration topics"), "{found:?}");
    for (class, key) in [
        ("MirrorCheckpoint", "emit.checkpoints.enabled"),
        ("MirrorCheckpoint", "emit.offset-syncs.enabled"),
    ] {
        let found = errors(class, &[(key, "false")]);
        assert!(found.iter().any(|(name, _)| name == key), "{found:?}");
    }
    let uncommitted =
        [("exactly.once.support", "required"), ("consumer.isolation.level", "read_uncommitted")];
    let found = errors("MirrorSource", &uncommitted);
    assert!(found.iter().any(|(name, _)| name == "exactly.once.support"), "{found:?}");
}
