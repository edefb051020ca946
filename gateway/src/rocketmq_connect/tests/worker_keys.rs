//! Worker files of RocketMQ Connect.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Gantry;
use crate::rocketmq_connect::dialect::connector_key_names;
use crate::rocketmq_connect::worker_keys::worker_key_names;
use crate::worker_config::{Given, Listener, Mode, Scheme, Settings, load};

/// What RocketMQ Connect delivers as connect-standalone.conf, without its comments.
const STANDALONE: &str = "\
workerId=standalone-worker
storePathRootDir=/tmp/standalone/storeRoot
httpPort=8082
namesrvAddr=localhost:9876
aclEnable=false
accessKey=rocketmq
secretKey=12345678
autoCreateGroupEnable=false
clusterName=\"DefaultCluster\"
pluginPaths=rocketmq-connect-sample/target/rocketmq-connect-sample-0.0.1-SNAPSHOT.jar
";

fn read(text: &str, overrides: &[(&str, &str)]) -> Result<Settings, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("connect.conf");
    std::fs::write(&file, text).unwrap();
    let overrides: Vec<_> =
        overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let plugins = Gantry::new().plugins();
    let given = Given {
        mode: Mode::Standalone,
        file: Some(&file),
        environment: &BTreeMap::new(),
        overrides: &overrides,
    };
    load(given, &plugins).map_err(|error| error.to_string())
}

/// The page that tells users what becomes of their keys.
fn page() -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rocketmq-connect.md");
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn the_page_names_every_key() {
    let page = page();
    for (theirs, ours) in worker_key_names().chain(connector_key_names()) {
        let named = |key: &str| {
            page.contains(&format!("`{key}`")) || page.contains(&format!("`{key}=true`"))
        };
        assert!(named(theirs), "{theirs} is not in docs/rocketmq-connect.md");
        assert!(ours.is_none_or(named), "{theirs}: {ours:?} is not in docs/rocketmq-connect.md");
    }
}

fn refusal(text: &str) -> String {
    read(text, &[]).err().unwrap_or_else(|| panic!("{text} was taken"))
}

#[test]
fn an_empty_value_is_none() {
    let settings =
        read(&format!("{STANDALONE}\npluginPaths=\nstorePathRootDir = \n"), &[]).unwrap();
    assert!(!settings.engine.props.contains_key("plugin.path"));
}

#[test]
fn the_delivered_worker_file_starts() {
    let settings = read(STANDALONE, &[]).unwrap();
    assert_eq!(settings.log.dir, Path::new("/tmp/standalone/storeRoot"));
    let listener = |port| Listener { scheme: Scheme::Http, host: String::new(), port };
    assert_eq!(settings.rest.rocketmq_connect, Some(listener(8082)));
    assert_eq!(settings.rest.listeners, [listener(8083)]);
    let props = &settings.engine.props;
    let string = "org.apache.kafka.connect.storage.StringConverter";
    for (key, value) in [
        ("key.converter", string),
        ("value.converter", string),
        ("gantry.rocketmq.namesrv.addr", "localhost:9876"),
        ("gantry.rocketmq.acl.enable", "false"),
        ("gantry.rocketmq.access.key", "rocketmq"),
        ("gantry.rocketmq.secret.key", "12345678"),
    ] {
        assert_eq!(props.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(
        settings.notices[0],
        "keys of RocketMQ Connect are read: namesrvAddr as gantry.rocketmq.namesrv.addr, httpPort \
         as gantry.rocketmq.connect.port, pluginPaths as plugin.path, aclEnable as \
         gantry.rocketmq.acl.enable, accessKey as gantry.rocketmq.access.key, secretKey as \
         gantry.rocketmq.secret.key, storePathRootDir as gantry.data.dir, no key.converter as \
         org.apache.kafka.connect.storage.StringConverter, no value.converter as \
         org.apache.kafka.connect.storage.StringConverter"
    );
    assert!(settings.notices[1].contains("gantry.log=rocketmq puts them on RocketMQ"));
    let warnings = [
        "workerId is left out: this worker is known by the address of its REST API",
        "autoCreateGroupEnable is left out: consumer groups need no creation",
        "clusterName is left out: there are no RocketMQ clients in this version",
    ];
    assert_eq!(settings.warnings, warnings);
    let said = format!("{:?} {:?}", settings.notices, settings.warnings);
    let said = said.replace("gantry.log=rocketmq", "");
    assert!(!said.contains("12345678") && !said.contains("=rocketmq"), "{said}");
}

#[test]
fn its_keys_reach_what_they_are_for() {
    let settings = read(
        "connectClusterId=c\nkeyConverter=org.apache.rocketmq.connect.runtime.converter.record.\
         LongConverter\nvalueConverter=org.apache.rocketmq.connect.runtime.converter.record.json.\
         JsonConverter\npositionStoreTopic=positions\nconfigStoreTopic=configs\n\
         connectStatusTopic=states\noffsetCommitIntervalMsConfig=30000\n\
         offsetCommitTimeoutMsConfig=4000\nmaxStopTimeoutMills=60000\n\
         autoCreateTopicEnable=false\npositionPersistInterval=20000\noffsetStoreTopic=o\n\
         configManagementService=org.apache.rocketmq.connect.runtime.service.local.X\n",
        &[],
    )
    .unwrap();
    let engine = &settings.engine;
    assert_eq!(engine.offset_storage_topic, "positions");
    assert_eq!(engine.offset_flush_interval_ms, 30_000);
    assert_eq!(engine.offset_flush_timeout_ms, 4_000);
    assert_eq!(engine.task_shutdown_graceful_timeout_ms, 60_000);
    assert!(!engine.topic_creation_enable);
    for (key, value) in [
        ("key.converter", "org.apache.kafka.connect.converters.LongConverter"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("group.id", "c"),
        ("config.storage.topic", "configs"),
        ("status.storage.topic", "states"),
    ] {
        assert_eq!(engine.props.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(settings.warnings.len(), 3, "{:?}", settings.warnings);
    assert_eq!(settings.rest.rocketmq_connect.map(|listener| listener.port), Some(8082));
}

#[test]
fn the_command_line_goes_over_the_file() {
    let set = [("gantry.rocketmq.connect.port", "0"), ("listeners", "http://127.0.0.1:1")];
    let settings = read(STANDALONE, &set).unwrap();
    let expected = Listener { scheme: Scheme::Http, host: "127.0.0.1".to_owned(), port: 0 };
    assert_eq!(settings.rest.rocketmq_connect, Some(expected));
    let settings = read(STANDALONE, &[("httpPort", "5")]).unwrap();
    assert_eq!(settings.rest.rocketmq_connect.map(|listener| listener.port), Some(5));
}

#[test]
fn a_worker_file_of_kafka_connect_has_no_port_for_rocketmq_connect() {
    let json = "org.apache.kafka.connect.json.JsonConverter";
    let file = format!("key.converter={json}\nvalue.converter={json}\n");
    let settings = read(&file, &[]).unwrap();
    assert_eq!(settings.rest.rocketmq_connect, None);
    assert_eq!((settings.notices.len(), settings.warnings.len()), (0, 0));
    let settings = read(&file, &[("gantry.rocketmq.connect.port", "8082")]).unwrap();
    assert_eq!(settings.rest.rocketmq_connect.map(|listener| listener.port), Some(8082));
    // Without converters nothing is supplied to it either.
    assert!(
        refusal("plugin.path=x\n").contains("Missing required configuration \"key.converter\"")
    );
}

#[test]
fn wrong_values_are_refused_by_both_names() {
    let port = refusal("httpPort=many\n");
    assert!(port.contains("Invalid value many for configuration gantry.rocketmq.connect.port"));
    assert!(port.contains("httpPort as gantry.rocketmq.connect.port"), "{port}");
    assert!(refusal("httpPort=70000\n").contains("gantry.rocketmq.connect.port"));
    let both = refusal("httpPort=1\ngantry.rocketmq.connect.port=2\n");
    assert!(both.contains("httpPort=1 and gantry.rocketmq.connect.port=2 contradict"), "{both}");
    let secrets = refusal("secretKey=s3cretA\ngantry.rocketmq.secret.key=s3cretB\n");
    assert!(secrets.contains("secretKey and gantry.rocketmq.secret.key have different values"));
    assert!(!secrets.contains("s3cret"), "{secrets}");
    let class = refusal("keyConverter=org.apache.rocketmq.schema.avro.AvroConverter\n");
    assert!(class.contains("Class org.apache.rocketmq.schema.avro.AvroConverter could not"));
}
