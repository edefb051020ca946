mod edge;
mod registry;

use gantry_api::Props;

use super::listeners::{Listener, Scheme};
use super::load::{Given, Mode, Settings, load, settings};
use super::reference::markdown;
use super::table::{is_known, nearest, rows};
use crate::Gantry;

fn props(lines: &[(&str, &str)]) -> Props {
    let json = "org.apache.kafka.connect.json.JsonConverter";
    let required = [("key.converter", json), ("value.converter", json)];
    required.iter().chain(lines).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn read(lines: &[(&str, &str)]) -> Result<Settings, String> {
    settings(Mode::Standalone, props(lines), &Gantry::new().plugins())
}

fn http(host: &str, port: u16) -> Listener {
    Listener { scheme: Scheme::Http, host: host.to_owned(), port }
}

fn refusal(lines: &[(&str, &str)]) -> String {
    read(lines).err().unwrap_or_else(|| panic!("{lines:?} was taken"))
}

#[test]
fn every_key_stands_once_and_its_default_passes_its_own_check() {
    let mut names: Vec<&str> = rows().map(|row| row.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count > 130, "{count}");
    for row in rows() {
        assert!(row.doc.ends_with('.'), "{}", row.name);
        let definition = gantry_api::ConfigDef::new().define(row.key());
        definition.parse(&Props::new()).unwrap_or_else(|error| panic!("{}: {error}", row.name));
    }
}

#[test]
fn the_reference_page_is_what_the_table_says() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/worker-config.md");
    let page = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        page == markdown(),
        "stale: write it anew with `gantry worker-keys > docs/worker-config.md`"
    );
}

#[test]
fn defaults_are_those_of_kafka_and_ours() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.engine.offset_flush_interval_ms, 60_000);
    assert_eq!(settings.engine.offset_flush_timeout_ms, 5_000);
    assert_eq!(settings.engine.offset_storage_topic, "connect-offsets");
    assert!(settings.engine.topic_creation_enable);
    assert_eq!(settings.engine.restart.max_restarts, 0);
    assert_eq!(settings.log.dir.to_str(), Some("./gantry-data"));
    assert_eq!(settings.log.retention_ms, Some(604_800_000));
    assert_eq!(settings.log.retention_bytes, None);
    assert_eq!(settings.rest.listeners, [http("", 8083)]);
    assert_eq!(settings.warnings, Vec::<String>::new());
    assert_eq!(settings.notices, Vec::<String>::new());
}

#[test]
fn values_reach_the_engine_and_the_log() {
    let settings = read(&[
        ("offset.flush.interval.ms", " 1000 "),
        ("gantry.data.dir", "/tmp/d"),
        ("gantry.log.retention.ms", "-1"),
        ("gantry.log.retention.bytes", "5000000000"),
        ("gantry.restart.max", "3"),
        ("gantry.topic.queues", "4"),
        ("listeners", "HTTP://a:1,http://[::1]:2"),
        ("rest.advertised.port", "99"),
        ("topic.tracking.enable", "FALSE"),
    ])
    .unwrap();
    assert_eq!(settings.engine.offset_flush_interval_ms, 1_000);
    assert_eq!(settings.engine.restart.max_restarts, 3);
    assert_eq!(settings.engine.default_topic_queues, 4);
    assert!(!settings.engine.topic_tracking_enable);
    assert_eq!(settings.log.dir.to_str(), Some("/tmp/d"));
    assert_eq!(settings.log.retention_ms, None);
    assert_eq!(settings.log.retention_bytes, Some(5_000_000_000));
    assert_eq!(settings.rest.advertised.port, Some(99));
    let ports: Vec<u16> = settings.rest.listeners.iter().map(|listener| listener.port).collect();
    assert_eq!(ports, [1, 2]);
}

#[test]
fn a_wrong_value_is_refused_with_key_value_and_remedy() {
    assert_eq!(
        refusal(&[("offset.flush.interval.ms", "soon")]),
        "Invalid value soon for configuration offset.flush.interval.ms: Not a number of type \
         LONG. Write a whole number, or leave offset.flush.interval.ms out for the default 60000"
    );
    assert!(refusal(&[("gantry.restart.max", "-1")]).contains("Value must be at least 0"));
    assert!(refusal(&[("gantry.log", "kafka")]).contains("Write one of embedded"));
    assert!(refusal(&[("topic.creation.enable", "yes")]).contains("Write true or false"));
    assert!(refusal(&[("listeners", "")]).contains("at least one URL is expected"));
    assert!(refusal(&[("listeners", "http://a:1,")]).starts_with("Empty URL found when parsing"));
    let admin = refusal(&[("admin.listeners", "http://a:1,")]);
    assert!(admin.starts_with("Configuration 'admin.listeners' values must not be empty."));
    assert!(refusal(&[("rest.advertised.port", "70000")]).contains("0 to 65535"));
    assert!(refusal(&[("offset.storage.partitions", "0")]).contains("-1"));
    let no_class = refusal(&[("key.converter", "NoConverter")]);
    assert!(no_class.contains("key.converter: Class NoConverter could not be found. Take one of"));
}

#[test]
fn converters_are_required() {
    let missing = settings(Mode::Standalone, Props::new(), &Gantry::new().plugins()).err().unwrap();
    assert!(
        missing.starts_with("Missing required configuration \"key.converter\" which has no"),
        "{missing}"
    );
}

#[test]
fn distributed_mode_has_topics_of_its_own() {
    let required = [
        ("group.id", "g"),
        ("config.storage.topic", "c"),
        ("offset.storage.topic", "o"),
        ("status.storage.topic", "s"),
    ];
    let read = |lines: &[(&str, &str)]| {
        settings(Mode::Distributed, props(lines), &Gantry::new().plugins())
    };
    assert_eq!(read(&required).unwrap().engine.config_storage_topic.as_deref(), Some("c"));
    let standalone = settings(Mode::Standalone, props(&required), &Gantry::new().plugins());
    assert_eq!(standalone.unwrap().engine.config_storage_topic, None);
    for (missing, _) in required {
        let rest: Vec<_> = required.into_iter().filter(|(key, _)| *key != missing).collect();
        let error = read(&rest).err().unwrap();
        assert!(error.starts_with(&format!("Missing required configuration \"{missing}\"")));
    }
    let same = [required.as_slice(), &[("status.storage.topic", "o")]].concat();
    let error = read(&same).err().unwrap();
    assert!(error.contains("status.storage.topic: offset.storage.topic names the same"), "{error}");
}

#[test]
fn an_unknown_key_is_warned_of_with_the_nearest_known_one() {
    let settings = read(&[("offset.flush.intervall.ms", "1"), ("my.own.thing", "1")]).unwrap();
    assert_eq!(
        settings.warnings,
        [
            "unknown worker key my.own.thing is ignored",
            "unknown worker key offset.flush.intervall.ms is ignored; did you mean \
             offset.flush.interval.ms?"
        ]
    );
    assert_eq!(nearest("gantry.datadir"), Some("gantry.data.dir".to_owned()));
    assert_eq!(nearest("zzzzzzzz"), None);
    for known in ["producer.acks", "key.converter.schemas.enable", "config.providers.f.class"] {
        assert!(is_known(known), "{known}");
    }
    assert!(!is_known("producer."));
}

#[test]
fn a_retired_key_is_said_with_what_to_write() {
    let settings = read(&[("rest.port", "8083"), ("internal.key.converter", "x")]).unwrap();
    assert_eq!(
        settings.warnings,
        [
            "worker key internal.key.converter has no effect since Kafka Connect 3.0: take it \
             out: the worker's own topics are always plain JSON",
            "worker key rest.port has no effect since Kafka Connect 3.0: write \
             listeners=http://:PORT"
        ]
    );
}

#[test]
fn what_has_no_effect_is_said() {
    let settings = read(&[
        ("bootstrap.servers", "localhost:9092"),
        ("offset.storage.file.filename", "/tmp/o"),
        ("config.storage.replication.factor", "3"),
    ])
    .unwrap();
    let notices = settings.notices.join("\n");
    assert!(notices.contains("bootstrap.servers is set and not used"), "{notices}");
    assert!(notices.contains("offsets are in the log"), "{notices}");
    assert!(
        notices.contains("without effect here: config.storage.replication.factor"),
        "{notices}"
    );
}

#[test]
fn config_providers_are_made_and_applied() {
    let dir = tempfile::tempdir().unwrap();
    let secrets = dir.path().join("s.properties");
    std::fs::write(&secrets, "port=8099\n").unwrap();
    let class = "org.apache.kafka.common.config.provider.FileConfigProvider";
    let listeners = format!("http://127.0.0.1:${{file:{}:port}}", secrets.display());
    let settings = read(&[
        ("config.providers", "file"),
        ("config.providers.file.class", class),
        ("listeners", &listeners),
    ])
    .unwrap();
    assert_eq!(settings.rest.listeners[0].port, 8099);
    assert!(settings.engine.config_providers.contains_key("file"));
    assert!(refusal(&[("config.providers", "x")]).contains("config.providers.x.class is missing"));
    let unknown = [("config.providers", "x"), ("config.providers.x.class", "No")];
    assert!(refusal(&unknown).contains("config.providers.x.class: there is no such"));
}

#[test]
fn listeners_are_read() {
    let parse = |uri| Listener::parse(uri).map(|listener| (listener.host, listener.port));
    assert_eq!(parse("http://:8083"), Ok((String::new(), 8083)));
    assert_eq!(parse("http://h:0/"), Ok(("h".to_owned(), 0)));
    assert_eq!(parse("http://[::1]:5"), Ok(("::1".to_owned(), 5)));
    let wrong = [
        ("8083", "Listener doesn't have the right format (protocol://hostname:port)."),
        ("http://h", "Listener doesn't have the right format"),
        ("http://h:x", "Listener doesn't have the right format"),
        ("ftp://h:1", "Listener protocol must be either \"http\" or \"https\"."),
        ("http://::1:5", "an IPv6 address stands in brackets: http://[::1]:5"),
    ];
    for (uri, why) in wrong {
        assert!(parse(uri).is_err_and(|error| error.starts_with(why)), "{uri}");
    }
    assert_eq!(Listener::parse("HTTPS://h:1").unwrap().to_string(), "https://h:1");
    let shown = http("::1", 5).to_string();
    assert_eq!(shown, "http://[::1]:5");
}
