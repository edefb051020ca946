//! What Java clients write is read, and what we write they read: `tests/rocketmq/run.sh` starts
//! the cluster, `tests/rocketmq/java/Interop.java` is the other side.

use std::process::Command;

use crate::support::{append, config, name_server, read, topic};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use gantry_log::{LogRecord, RecordHeader};
use gantry_rocketmq::RocketmqLog;
use serde_json::{Value, json};

fn interop(what: &str, topic: &str) -> String {
    let cluster = std::env::var("GANTRY_TEST_CLUSTER").unwrap();
    let jars = std::env::var("GANTRY_TEST_JARS").unwrap();
    let mut java = Command::new("java");
    java.args(["-Xmx256m", &format!("-Duser.home={cluster}/home"), "-cp", &format!("{jars}/*")]);
    java.arg(crate::support::beside("java/Interop.java")).args([what, &name_server(), topic]);
    let output = java.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    text
}

/// What `Interop.java` makes.
fn body(length: usize) -> Bytes {
    (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

fn header(name: &str, value: impl Into<Bytes>) -> RecordHeader {
    RecordHeader { key: name.into(), value: Some(value.into()) }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: tests/rocketmq/run.sh"]
async fn messages_of_java_clients_are_read_to_the_byte() {
    let log = RocketmqLog::open(config(&name_server()));
    let queue = topic(&log, "java.writes", 1).await.remove(0);
    interop("write", "java%2Ewrites");
    let found = read(&log, &queue, 0, 56).await;
    assert_eq!(found.iter().map(|(at, _)| *at).collect::<Vec<_>>(), (0..56).collect::<Vec<_>>());
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now_ms = i64::try_from(now_ms.as_millis()).unwrap();
    let found: Vec<LogRecord> = found
        .into_iter()
        .map(|(_, record)| {
            assert!((now_ms - 60_000..now_ms + 1000).contains(&record.timestamp_ms), "{record:?}");
            LogRecord { timestamp_ms: 0, ..record }
        })
        .collect();
    let record = |key: Option<&str>, value: Bytes, headers: Vec<RecordHeader>| LogRecord {
        key: key.map(|key| Bytes::from(key.to_owned())),
        value: Some(value),
        headers,
        timestamp_ms: 0,
    };
    let mut wanted = vec![
        record(None, "plain".into(), vec![]),
        record(
            Some("a b"),
            "keys".into(),
            vec![
                header("TAGS", "tag-a"),
                header("größe", "süß ☃ 🚀"),
                header("trace-id", "0af7651916cd43dd"),
                header("z", "last"),
            ],
        ),
        // A property without a value is lost on the way to the broker.
        record(None, "empty key".into(), vec![]),
    ];
    // Headers come in the order of their names.
    wanted[1].headers.sort_by(|one, other| one.key.cmp(&other.key));
    wanted.extend(["LZ4", "ZSTD", "ZLIB"].map(|key| record(Some(key), body(100_000), vec![])));
    wanted.extend((0..50).map(|i| {
        let headers = vec![header("TAGS", "batch"), header("number", i.to_string())];
        record(Some(&format!("key-{i}")), format!("batch-{i}").into(), headers)
    }));
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_eq!(found, wanted);
    }
    assert_eq!(found.len(), wanted.len());
}

/// What Java shall see of a record: body and properties.
type Seen = (Bytes, Value);

fn samples() -> Vec<(LogRecord, Seen)> {
    let base64 = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    let record = |key: Option<&[u8]>, value: Option<Bytes>, headers| LogRecord {
        key: key.map(Bytes::copy_from_slice),
        value,
        headers,
        timestamp_ms: 1_700_000_000_123,
    };
    let nothing = || Bytes::from_static(b"\0");
    vec![
        (
            record(Some(b"a text key"), Some("v".into()), vec![]),
            ("v".into(), json!({"KEYS": "a text key"})),
        ),
        (
            record(Some(b"\x00\x01\xff"), Some("v".into()), vec![]),
            (
                "v".into(),
                json!({"KEYS": base64(b"\x00\x01\xff"), "gantry.key": base64(b"\x00\x01\xff")}),
            ),
        ),
        (
            record(None, Some("one".into()), vec![header("größe", "süß 🚀")]),
            ("one".into(), json!({"größe": "süß 🚀"})),
        ),
        (
            record(
                None,
                Some("more".into()),
                vec![header("b", "1"), header("a", "2"), header("bin", &b"\x00\xff"[..])],
            ),
            (
                "more".into(),
                json!({"b": "1", "a": "2", "gantry.headers": "[\"b\",\"a\",[\"bin\",\"AP8=\"]]"}),
            ),
        ),
        (
            record(Some(b"k"), Some("tagged".into()), vec![header("TAGS", "red")]),
            ("tagged".into(), json!({"KEYS": "k", "TAGS": "red"})),
        ),
        (
            record(Some(b"k"), None, vec![]),
            (nothing(), json!({"KEYS": "k", "gantry.value": "null"})),
        ),
        (
            record(Some(b""), Some(Bytes::new()), vec![]),
            (nothing(), json!({"KEYS": "empty", "gantry.key": "=", "gantry.value": "empty"})),
        ),
        (record(None, Some(body(1 << 20)), vec![]), (body(1 << 20), json!({}))),
    ]
}

/// The properties that brokers and clients add.
const ADDED: [&str; 8] = [
    "MIN_OFFSET",
    "MAX_OFFSET",
    "CLUSTER",
    "MSG_REGION",
    "TRACE_ON",
    "WAIT",
    "UNIQ_KEY",
    "INNER_BASE",
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: tests/rocketmq/run.sh"]
async fn java_clients_read_what_the_documentation_says() {
    let log = RocketmqLog::open(config(&name_server()));
    let queue = topic(&log, "java.reads", 1).await.remove(0);
    let samples = samples();
    // All at once, as batches, and each alone, as messages of their own.
    let records: Vec<LogRecord> = samples.iter().map(|(record, _)| record.clone()).collect();
    append(&log, &queue, records.clone()).await.unwrap();
    for record in &records {
        append(&log, &queue, vec![record.clone()]).await.unwrap();
    }
    let ours = read(&log, &queue, 0, 2 * records.len()).await;
    for ((_, found), wanted) in ours.iter().zip(records.iter().chain(&records)) {
        assert_eq!(found, wanted);
    }
    let told = interop("read", "java%2Ereads");
    // Java's client may log between them.
    let lines = told.lines().filter(|line| line.starts_with('{'));
    let told: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), 2 * samples.len());
    let wanted = samples.iter().chain(&samples).map(|(_, seen)| seen);
    for (at, (told, (body, properties))) in told.iter().zip(wanted).enumerate() {
        assert_eq!(told["offset"], json!(at));
        let found = BASE64_STANDARD.decode(told["body"].as_str().unwrap()).unwrap();
        assert!(found == *body, "body {at}: {} bytes, {} expected", found.len(), body.len());
        let mut seen = told["properties"].as_object().unwrap().clone();
        ADDED.iter().for_each(|name| drop(seen.remove(*name)));
        let timestamp = seen.remove("connect.timestamp");
        match timestamp {
            Some(text) => assert_eq!(text, json!("1700000000123")),
            None => assert_eq!(told["born"], json!(1_700_000_000_123_i64)),
        }
        assert_eq!(Value::Object(seen), *properties, "properties {at}");
    }
}
