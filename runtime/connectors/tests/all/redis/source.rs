//! What the sources give.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::model::MapValue;
use gantry_api::{Datum, SourceRecord, Value};

use super::server::{Server, props};
use super::{CHANNELS, KEYS, SINK, STREAM};
use crate::jdbc::harness::{Source, Stored, block, connector, show, value};
use crate::redis::sink::{start, text};

/// A map without a schema.
pub(crate) fn fields(all: &[(&str, &str)]) -> Datum {
    let all = all.iter().map(|(name, value)| (Value::str(name), Value::str(value))).collect();
    Datum::schemaless(Value::map(MapValue::from_entries(all)))
}

fn body(record: &SourceRecord, name: &str) -> String {
    match value(record).get("body").unwrap() {
        Value::Map(map) => show(map.get(name).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn bodies(records: &[SourceRecord]) -> Vec<String> {
    records.iter().map(|record| body(record, "n")).collect()
}

fn add(server: &Server, range: std::ops::Range<u32>) {
    for number in range {
        server.ask(&["XADD", "s", "*", "n", &number.to_string()]);
    }
}

fn stream(server: &Server, more: &[(&str, &str)]) -> gantry_api::Props {
    let mut all = vec![("redis.stream.name", "s"), ("topic", "of-${stream}"), ("batch.size", "7")];
    all.extend_from_slice(more);
    server.props(&all)
}

fn pending(server: &Server) -> u64 {
    let found = server.ask(&["XPENDING", "s", "kafka-consumer-group"]);
    found.trim_start_matches('[').split(' ').next().unwrap().parse().unwrap()
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

async fn settled(server: &Server, left: u64) {
    for _ in 0..100 {
        if pending(server) == left {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} entries are pending, not {left}", pending(server));
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn streams_are_read_once_and_acknowledged() {
    let server = Server::new();
    add(&server, 0..20);
    block(async {
        let offsets = Arc::new(Stored::default());
        let mut source = Source::start(STREAM, &stream(&server, &[]), &offsets).await.unwrap();
        let records = source.take(20).await.unwrap();
        assert_eq!(bodies(&records), numbers(0..20));
        assert_eq!(&*records[0].record.topic, "of-s");
        assert_eq!(show(&records[3].record.key.value), show(value(&records[3]).get("id").unwrap()));
        assert_eq!(show(value(&records[0]).get("stream").unwrap()), "s");
        // Twelve are in the topic, and ten of them known to be so.
        records[..12].iter().for_each(|record| offsets.keep(record));
        assert!(offsets.text().starts_with("{} {\"offset\":\""), "{}", offsets.text());
        source.task_mut().acknowledge(10).await.unwrap();
        settled(&server, 10).await;
        drop(source);
        // Another one is given the others, and one that was deleted meanwhile is passed over.
        let deleted = show(&records[15].record.key.value);
        server.ask(&["XDEL", "s", &deleted]);
        add(&server, 20..23);
        let mut source = Source::start(STREAM, &stream(&server, &[]), &offsets).await.unwrap();
        let records = source.take(10).await.unwrap();
        let mut want = numbers(12..23);
        want.retain(|number| number != "15");
        assert_eq!(bodies(&records), want);
        source.task_mut().acknowledge(10).await.unwrap();
        source.task_mut().stop().await.unwrap();
        assert_eq!(pending(&server), 0);
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn streams_at_most_once_and_by_several_tasks() {
    let server = Server::new();
    add(&server, 0..10);
    let keys = [("redis.stream.delivery", "at-most-once"), ("redis.stream.consumer.name", "c")];
    block(async {
        // What was handed to somebody who died is not given again.
        server.ask(&["XGROUP", "CREATE", "s", "kafka-consumer-group", "0"]);
        server.ask(&[
            "XREADGROUP",
            "GROUP",
            "kafka-consumer-group",
            "c",
            "COUNT",
            "4",
            "STREAMS",
            "s",
            ">",
        ]);
        let offsets = Arc::new(Stored::default());
        let mut source = Source::start(STREAM, &stream(&server, &keys), &offsets).await.unwrap();
        assert_eq!(bodies(&source.take(6).await.unwrap()), numbers(4..10));
        assert_eq!(pending(&server), 0);
        assert!(!source.task_mut().wants_acknowledgements());

        let props = stream(&server, &[("redis.stream.consumer.group", "two")]);
        let mut running = connector(STREAM, &props).await.unwrap();
        let configs = running.connector.task_configs(2).await.unwrap();
        let offsets = Arc::new(Stored::default());
        add(&server, 10..100);
        let mut all = Vec::new();
        for config in &configs {
            let mut source = Source::start(STREAM, config, &offsets).await.unwrap();
            all.extend(source.one().await.unwrap());
        }
        all.iter().for_each(|record| offsets.keep(record));
        let mut found = bodies(&all);
        assert_eq!(found.len(), 14);
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 14, "each entry goes to one of them");
        let text = offsets.text();
        assert!(text.contains(r#"{"consumer":"consumer-1","group":"two"}"#), "{text}");
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn streams_after_whatever_breaks() {
    let mut server = Server::not_started(&["--appendonly", "yes", "--appendfsync", "always"]);
    block(async {
        // The server is away at first.
        let offsets = Arc::new(Stored::default());
        let mut source = Source::start(STREAM, &stream(&server, &[]), &offsets).await.unwrap();
        server.start();
        add(&server, 0..3);
        assert_eq!(bodies(&source.take(3).await.unwrap()), numbers(0..3));
        // Connections that are cut, and a server that dies.
        server.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        add(&server, 3..6);
        assert_eq!(bodies(&source.take(3).await.unwrap()), numbers(3..6));
        server.kill();
        server.start();
        add(&server, 6..9);
        assert_eq!(bodies(&source.take(3).await.unwrap()), numbers(6..9));
        source.task_mut().acknowledge(9).await.unwrap();
        settled(&server, 0).await;
        // An answer that was lost: its entries were handed out and never seen.
        server.ask(&["CLIENT", "PAUSE", "300", "ALL"]);
        server.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        add(&server, 9..11);
        let group = "kafka-consumer-group";
        server.ask(&["XREADGROUP", "GROUP", group, "consumer-0", "STREAMS", "s", ">"]);
        add(&server, 11..12);
        let mut found = source.take(3).await.unwrap();
        found.sort_by_key(|record| body(record, "n").parse::<u32>().unwrap());
        assert_eq!(bodies(&found), numbers(9..12));
        // A group that somebody removed goes on where it was.
        server.ask(&["XGROUP", "DESTROY", "s", group]);
        add(&server, 12..14);
        assert_eq!(bodies(&source.take(2).await.unwrap()), numbers(12..14));
        // A key that is no stream fails the task.
        server.ask(&["SET", "s", "text"]);
        let error = source.one().await.unwrap_err();
        assert!(!error.is_retriable() && error.message().contains("WRONGTYPE"), "{error}");
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn what_a_sink_writes_a_source_reads() {
    let server = Server::new();
    block(async {
        let mut sink = start(SINK, &server.props(&[("redis.keyspace", "s")])).await;
        let batch = (0..50).map(|at| (text("k"), fields(&[("n", &at.to_string()), ("é", "ü")])));
        sink.put("t", batch.collect()).await.unwrap();
        let offsets = Arc::new(Stored::default());
        let mut source = Source::start(STREAM, &stream(&server, &[]), &offsets).await.unwrap();
        let records = source.take(50).await.unwrap();
        assert_eq!(bodies(&records), numbers(0..50));
        assert_eq!(body(&records[0], "é"), "ü");
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn channels_and_patterns_of_them() {
    let mut server = Server::not_started(&["--requirepass", "secret"]);
    server.login = vec!["secret".to_owned()];
    server.start();
    let uri = format!("redis://:secret@127.0.0.1:{}", server.port);
    block(async {
        let of = |patterns: &'static str, channels: &'static str| {
            props(&[
                ("redis.uri", &uri),
                ("topic", "t"),
                ("redis.channels", channels),
                ("redis.channels.pattern.enabled", patterns),
            ])
        };
        let mut running = connector(CHANNELS, &of("false", "a,b,c")).await.unwrap();
        let configs = running.connector.task_configs(2).await.unwrap();
        let parts: Vec<&str> =
            configs.iter().map(|config| config["redis.channels"].as_str()).collect();
        assert_eq!(parts, ["a,b", "c"]);
        let offsets = Arc::new(Stored::default());
        let mut source = Source::start(CHANNELS, &configs[0], &offsets).await.unwrap();
        let mut patterns = Source::start(CHANNELS, &of("true", "a*"), &offsets).await.unwrap();
        let heard = async |said: &str| {
            for _ in 0..100 {
                if server.ask(&["PUBLISH", "a", said]) == "2" {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("nobody listens");
        };
        heard("1").await;
        server.ask(&["PUBLISH", "c", "not for it"]);
        server.ask(&["PUBLISH", "b", "2"]);
        let records = source.take(2).await.unwrap();
        let mut texts: Vec<String> =
            records.iter().map(|record| show(value(record).get("message").unwrap())).collect();
        texts.dedup();
        assert_eq!(texts, ["1", "2"]);
        let found = patterns.take(1).await.unwrap();
        let Value::Struct(key) = &found[0].record.key.value else { panic!("no struct") };
        assert_eq!(
            (show(key.get("channel").unwrap()), show(key.get("pattern").unwrap())),
            ("a".to_owned(), "a*".to_owned())
        );
        // It listens again after a cut.
        server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        heard("3").await;
        let records = source.take(1).await.unwrap();
        assert_eq!(show(value(&records[0]).get("message").unwrap()), "3");
        let wrong = props(&[
            ("redis.uri", &uri.replace("secret", "no")),
            ("topic", "t"),
            ("redis.channels", "a"),
            ("redis.channels.pattern.enabled", "false"),
        ]);
        let mut source = Source::start(CHANNELS, &wrong, &offsets).await.unwrap();
        let error = source.one().await.unwrap_err();
        assert!(error.message().contains("WRONGPASS"), "{error}");
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn keys_and_what_they_hold() {
    let server = Server::with(&["--notify-keyspace-events", "KEA"]);
    server.ask(&["SET", "k:text", "1"]);
    server.ask(&["HSET", "k:hash", "a", "1"]);
    server.ask(&["RPUSH", "k:list", "x", "y"]);
    server.ask(&["SADD", "k:set", "m"]);
    server.ask(&["ZADD", "k:zset", "1.5", "m"]);
    server.ask(&["SET", "other", "1"]);
    block(async {
        let offsets = Arc::new(Stored::default());
        let keys = [("redis.keys.pattern", "k:*"), ("topic", "t")];
        let mut source = Source::start(KEYS, &server.props(&keys), &offsets).await.unwrap();
        let records = source.take(5).await.unwrap();
        let of = |name: &str, field: &str| {
            let record =
                records.iter().find(|record| show(&record.record.key.value) == name).unwrap();
            value(record).get(field).unwrap().clone()
        };
        assert_eq!(show(&of("k:text", "string")), "1");
        assert_eq!(of("k:text", "hash"), Value::Null);
        assert_eq!(show(&of("k:hash", "type")), "hash");
        assert_eq!(of("k:list", "list"), Value::array(vec![Value::str("x"), Value::str("y")]));
        assert_eq!(of("k:set", "ttl"), Value::Int64(-1));
        let Value::Map(map) = of("k:zset", "zset") else { panic!("no map") };
        assert_eq!(map.entries(), [(Value::Float64(1.5), Value::str("m"))]);
        // What changes, and what is no more.
        server.ask(&["SET", "k:text", "2", "EX", "1000"]);
        let changed = source.take(1).await.unwrap();
        let changed = value(changed.last().unwrap());
        assert_eq!(show(changed.get("string").unwrap()), "2");
        assert!(matches!(changed.get("ttl").unwrap(), Value::Int64(at) if *at > 1_700_000_000_000));
        server.ask(&["DEL", "k:text"]);
        let gone = source.take(1).await.unwrap();
        assert_eq!(show(value(&gone[0]).get("type").unwrap()), "none");
        let keys =
            [("redis.keys.pattern", "k:*"), ("mode", "liveonly"), ("redis.keys.timeout", "300")];
        let mut source = Source::start(KEYS, &server.props(&keys), &offsets).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.ask(&["SET", "k:new", "1"]);
        assert_eq!(source.take(1).await.unwrap().len(), 1);
    });
}
