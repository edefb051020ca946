use std::collections::BTreeMap;

use proptest::prelude::*;

use super::props::{KEYS, place};
use super::refused::{CLIENTS, REFUSED};
use super::*;

fn read(props: &[(&str, &str)]) -> Result<Settings, String> {
    let props = props.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Settings::from_props(&props.collect()).map_err(|error| error.to_string())
}

/// With a state directory.
fn read_one(key: &str, value: &str) -> Result<Settings, String> {
    read(&[("state.dir", "state"), (key, value)])
}

#[test]
fn keys_of_kafka_streams_are_settings() -> Result<(), String> {
    let mut props = vec![
        ("state.dir", " /var/state "),
        ("num.stream.threads", "3"),
        ("commit.interval.ms", "250"),
        ("processing.guarantee", "at_least_once"),
        ("consumer.auto.offset.reset", "latest"),
        ("main.consumer.fetch.max.bytes", "4096"),
        ("cache.max.bytes.buffering", "1"),
        ("statestore.cache.max.bytes", "10485760"),
        ("max.task.idle.ms", "0"),
        ("num.standby.replicas", "2"),
        (
            "default.deserialization.exception.handler",
            "org.apache.kafka.streams.errors.LogAndFailExceptionHandler",
        ),
        (
            "deserialization.exception.handler",
            "org.apache.kafka.streams.errors.LogAndContinueExceptionHandler",
        ),
        ("errors.dead.letter.queue.topic.name", "bad"),
        ("gantry.late.records.topic", "late"),
        ("application.server", "host1:8080"),
        ("gantry.http.listen", "[::1]:0"),
        ("gantry.allowed.lateness.ms", "5"),
        ("gantry.idle.time.ms", "6"),
        ("gantry.local.storage.only", "true"),
        ("gantry.block.cache.bytes", "7"),
    ];
    // The older key of two is looked at too.
    assert!(
        read(&props).is_err_and(|error| error.starts_with("cache.max.bytes.buffering=1: must"))
    );
    props.retain(|(key, _)| *key != "cache.max.bytes.buffering");
    props.push(("cache.max.bytes.buffering", "2048"));
    let settings = read(&props)?;
    let wanted = Settings {
        threads: 3,
        checkpoint_interval: Duration::from_millis(250),
        guarantee: Guarantee::AtLeastOnce,
        start: Start::Latest,
        read_bytes: 4096,
        cache_entries: 10_240,
        bad_records: BadRecords::DeadLetter("bad".to_owned()),
        late_records: Some("late".to_owned()),
        application_server: Some("host1:8080".to_owned()),
        listen: Some("[::1]:0".to_owned()),
        allowed_lateness: Duration::from_millis(5),
        idle_time: Some(Duration::from_millis(6)),
        local_storage_only: true,
        block_cache_bytes: 7,
        standby_replicas: 2,
        ..Settings::new("/var/state")
    };
    assert_eq!(settings, wanted);
    for name in ["exactly_once", "exactly_once_v2", "exactly_once_beta"] {
        let settings = read_one("processing.guarantee", name)?;
        assert_eq!(settings.guarantee, Guarantee::ExactlyOnce);
    }
    assert_eq!(read(&[("state.dir", "state")]), Ok(Settings::new("state")));
    Ok(())
}

/// Key, value, and what is said of them.
const REFUSALS: [(&str, &str, &str); 18] = [
    (
        "commit.interval",
        "5",
        "commit.interval: there is no such key; did you mean commit.interval.ms?",
    ),
    (
        "num.streams.thread",
        "5",
        "num.streams.thread: there is no such key; did you mean num.stream.threads?",
    ),
    ("zzz", "secret", "zzz: there is no such key"),
    (
        "application.id",
        "a",
        "application.id: it has no meaning here: the job has the name that StreamBuilder::new is given",
    ),
    ("num.stream.threads", "0", "num.stream.threads=0: must be a whole number from 1 to 1024"),
    (
        "num.stream.threads",
        "many",
        "num.stream.threads=many: must be a whole number from 1 to 1024",
    ),
    ("commit.interval.ms", "0", "commit.interval.ms=0: must be a whole number, at least 1"),
    (
        "statestore.cache.max.bytes",
        "0",
        "statestore.cache.max.bytes=0: must be a whole number, at least 1024",
    ),
    (
        "processing.guarantee",
        "twice",
        "processing.guarantee=twice: must be exactly_once_v2 or at_least_once",
    ),
    ("auto.offset.reset", "none", "auto.offset.reset=none: must be earliest or latest"),
    (
        "max.task.idle.ms",
        "-1",
        "max.task.idle.ms=-1: can only be 0: a task takes what is in the log in the order of time, and waits no longer",
    ),
    ("num.standby.replicas", "-1", "num.standby.replicas=-1: must be a whole number, at least 0"),
    (
        "state.dir",
        "",
        "state.dir=: must name the directory of the job's state: one for each instance",
    ),
    (
        "deserialization.exception.handler",
        "a.Mine",
        "deserialization.exception.handler=a.Mine: must be LogAndFailExceptionHandler or LogAndContinueExceptionHandler",
    ),
    (
        "errors.dead.letter.queue.topic.name",
        "bad",
        "errors.dead.letter.queue.topic.name=bad: a job that stops at such a record has no dead letters: set deserialization.exception.handler to LogAndContinueExceptionHandler",
    ),
    (
        "application.server",
        "host1:0",
        "application.server=host1:0: must be a host and a port, such as host1:8080",
    ),
    (
        "gantry.http.listen",
        "a/b:1",
        "gantry.http.listen=a/b:1: must be a host and a port, such as host1:8080",
    ),
    ("gantry.local.storage.only", "yes", "gantry.local.storage.only=yes: must be true or false"),
];

#[test]
fn what_cannot_be_obeyed_is_named() {
    let refused = |key: &str, value: &str, wanted: String| {
        let props = BTreeMap::from([("state.dir", "state"), (key, value)]);
        let props: Vec<_> = props.into_iter().collect();
        assert_eq!(read(&props), Err(wanted));
    };
    for (key, value, wanted) in REFUSALS {
        refused(key, value, wanted.to_owned());
    }
    for key in ["producer.acks", "sasl.jaas.config", "consumer.max.poll.records", "retries"] {
        refused(key, "secret", format!("{key}: it has no meaning here: {CLIENTS}"));
    }
}

#[test]
fn standbys_need_change_logs() {
    let mut settings = Settings { standby_replicas: 2, ..Settings::new("state") };
    assert!(settings.check().is_ok());
    settings.local_storage_only = true;
    let refused = settings.check().map_err(|error| error.to_string());
    assert!(refused.is_err_and(|error| error.starts_with("standby_replicas=2: must be 0 with")));
}

/// Whatever is wrong with it, the password is not told.
#[test]
fn state_goes_to_mysql_and_nobody_reads_the_password() -> Result<(), String> {
    let url = "mysql://me:se%40cret@db1:3307/streams";
    let props = [
        ("state.dir", "state"),
        ("gantry.state.store", "mysql"),
        ("gantry.state.mysql.url", url),
        ("gantry.state.mysql.tls.ca.file", "ca.pem"),
    ];
    let settings = read(&props)?;
    let wanted = MySqlStore::new(url).with_tls_ca_file("ca.pem");
    assert_eq!(settings.state_store, StateStore::MySql(wanted));
    assert!(settings.check().is_ok() && !settings.has_change_logs());
    let shown = format!("{settings:?}");
    assert!(shown.contains("mysql://***@db1:3307/streams") && !shown.contains("cret"), "{shown}");
    for wrong in [
        "mysql://me:se%40cret@db1:3307",
        "mysql://me:secret@db1:3307/",
        "mysql://me:secret@db1/streams?compress=true",
        "mysql:/me:secret@db1/streams",
        "mysql://me:secret",
        "postgres://me:secret@db1/streams",
        "secret",
    ] {
        let mut props = props;
        props[2].1 = wrong;
        let error = read(&props).err().unwrap_or_default();
        assert!(error.starts_with("gantry.state.mysql.url=***: must be mysql://"), "{error}");
        let mut settings = Settings::new("state");
        settings.state_store = StateStore::MySql(MySqlStore::new(wrong));
        let error = settings.check().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("must be mysql://") && !error.contains("secret"), "{error}");
    }
    let error = read(&props[..2]).err().unwrap_or_default();
    assert!(error.contains("needs gantry.state.mysql.url"), "{error}");
    for at in 2..4 {
        let error = read(&[props[0], props[at]]).err().unwrap_or_default();
        assert!(error.contains("means nothing without") && !error.contains("cret"), "{error}");
    }
    Ok(())
}

#[test]
fn state_in_mysql_needs_no_standbys_and_is_not_only_here() {
    let mysql = StateStore::MySql(MySqlStore::new("mysql://me:secret@db1:3307/streams"));
    let with = |change: fn(&mut Settings)| {
        let mut settings = Settings { state_store: mysql.clone(), ..Settings::new("state") };
        change(&mut settings);
        settings.check().err().map(|error| error.to_string()).unwrap_or_default()
    };
    let error = with(|settings| settings.standby_replicas = 1);
    assert!(error.starts_with("standby_replicas=1: must be 0 with state in MySQL"), "{error}");
    let error = with(|settings| settings.local_storage_only = true);
    assert!(error.starts_with("local_storage_only=true: must be false with"), "{error}");
}

#[test]
fn the_reference_has_all_keys() {
    let reference = include_str!("../../../../docs/streams.md");
    for (key, _) in KEYS {
        assert!(reference.contains(&format!("`{key}`")), "docs/streams.md does not have {key}");
    }
    assert!(REFUSED.is_sorted());
    assert!(REFUSED.iter().all(|(key, _)| place(key).is_none()));
}

proptest! {
    #[test]
    fn whatever_is_read_can_run_or_names_its_key(at in 0..KEYS.len(), value in "[a-z_0-9-]{0,6}") {
        match read_one(KEYS[at].0, &value) {
            Ok(settings) => prop_assert!(settings.check().is_ok(), "{settings:?}"),
            Err(error) => prop_assert!(error.starts_with(KEYS[at].0), "{error}"),
        }
    }
}
