//! What the sinks make of records.

use std::sync::Arc;

use gantry_api::{
    Datum, Header, OffsetMap, Schema, SchemaBuilder, SinkOffset, SinkRecord, Struct, TaskEpoch,
    TopicPartition, Value,
};

use super::server::{Server, props};
use super::{CUSTENBORDER, PETERSEN, SINK};
use crate::jdbc::harness::{Sink, block, connector, errors};

pub(crate) type Pair = (Datum, Datum);

pub(crate) fn text(text: &str) -> Datum {
    Datum::new(Schema::optional_string(), Value::str(text))
}

pub(crate) fn pair(key: &str, value: &str) -> Pair {
    (text(key), text(value))
}

pub(crate) async fn start(class: &str, props: &gantry_api::Props) -> Sink {
    Sink::start_as(class, props, TaskEpoch::default()).await.unwrap()
}

fn structure(name: &str, fields: Vec<(&str, Schema, Value)>) -> Datum {
    let (schemas, values): (Vec<_>, Vec<_>) =
        fields.into_iter().map(|(name, schema, value)| ((name.into(), schema), value)).unzip();
    let name = (!name.is_empty()).then(|| name.into());
    let schema = SchemaBuilder::structure(schemas).unwrap().name(name).build().unwrap();
    let inner = Struct::from_values(schema.clone(), values);
    Datum::new(schema, Value::Struct(Arc::new(inner)))
}

fn order(id: i64, name: Value) -> Datum {
    let fields = vec![
        ("id", Schema::int64(), Value::Int64(id)),
        ("name", Schema::optional_string(), name),
        ("price", Schema::float64(), Value::Float64(1.5)),
    ];
    structure("", fields)
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn strings_are_set_and_deleted_in_order() {
    let server = Server::new();
    let hosts = format!("127.0.0.1:{}", server.port);
    block(async {
        let mut sink = start(CUSTENBORDER, &props(&[("redis.hosts", &hosts)])).await;
        let bytes = Datum::new(Schema::bytes(), Value::Bytes((&b"\0\xff"[..]).into()));
        let batch = vec![
            pair("a", "1"),
            pair("b", "2"),
            (text("a"), Datum::NULL),
            pair("b", "3"),
            (text("b"), Datum::NULL),
            pair("b", "é"),
            (bytes.clone(), bytes),
        ];
        sink.put("t", batch).await.unwrap();
        let written = [(TopicPartition::new("t", 0), SinkOffset::new(7))].into();
        assert_eq!(sink.task.pre_commit(&written).await.unwrap(), written);
        // Its keys are in database 1.
        assert_eq!(server.ask(&["DBSIZE"]), "0");
        assert_eq!(server.ask_in(1, &["GET", "a"]), "nil");
        assert_eq!(server.ask_in(1, &["GET", "b"]), "é");
        assert_eq!(server.ask_in(1, &["DBSIZE"]), "3");
        let offset: serde_json::Value =
            serde_json::from_str(&server.ask_in(1, &["GET", "__kafka.offset.t.0"])).unwrap();
        assert_eq!(offset, serde_json::json!({"topic": "t", "partition": 0, "offset": 7}));
        // What has no key, or is neither text nor bytes, is reported, and the rest written.
        let number = Datum::new(Schema::int32(), Value::Int32(1));
        let odd = vec![
            (Datum::NULL, text("x")),
            (text(""), text("x")),
            (text("n"), number),
            pair("c", "4"),
        ];
        sink.put("t", odd).await.unwrap();
        assert_eq!(server.ask_in(1, &["GET", "c"]), "4");
        let errant = sink.context.take_errant();
        let texts: Vec<&str> = errant.iter().map(|errant| errant.error.message()).collect();
        assert!(texts[0].contains("key of the record is null"), "{texts:?}");
        assert!(texts[1].contains("key of the record is empty"), "{texts:?}");
        assert!(
            texts[2].contains("must be a string or bytes, and is java.lang.Integer"),
            "{texts:?}"
        );
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn each_structure_of_redis() {
    let server = Server::new();
    let with = |of: &'static str, more: &[(&'static str, &'static str)]| {
        let mut all = vec![("redis.type", of)];
        all.extend_from_slice(more);
        server.props(&all)
    };
    block(async {
        let mut sink = start(SINK, &with("HASH", &[])).await;
        let batch =
            vec![(text("1"), order(7, Value::str("x"))), (text("2"), order(8, Value::Null))];
        sink.put("t", batch).await.unwrap();
        assert_eq!(server.ask(&["HGETALL", "t:1"]), "[id 7 name x price 1.5]");
        assert_eq!(server.ask(&["HGETALL", "t:2"]), "[id 8 name  price 1.5]");
        sink.put("t", vec![(text("1"), Datum::NULL)]).await.unwrap();
        assert_eq!(server.ask(&["EXISTS", "t:1"]), "0");

        // The default is a stream, whose key is the keyspace.
        let mut sink = start(SINK, &server.props(&[("redis.keyspace", "s:${topic}")])).await;
        sink.put(
            "t",
            vec![(text("k"), order(1, Value::str("a"))), (Datum::NULL, order(2, Value::Null))],
        )
        .await
        .unwrap();
        sink.put("t", vec![(text("k"), Datum::NULL)]).await.unwrap();
        assert_eq!(server.ask(&["XLEN", "s:t"]), "2");
        assert!(server.ask(&["XRANGE", "s:t", "-", "+"]).contains("[id 2 name  price 1.5]"));

        for (of, key) in [("LIST", "l"), ("SET", "set")] {
            let mut sink =
                start(SINK, &with(of, &[("redis.keyspace", key), ("redis.multiexec", "true")]))
                    .await;
            sink.put(
                "t",
                vec![pair("a", "x"), pair("b", "x"), pair("a", "y"), (text("c"), Datum::NULL)],
            )
            .await
            .unwrap();
        }
        assert_eq!(server.ask(&["LRANGE", "l", "0", "-1"]), "[a b a]");
        assert_eq!(server.ask(&["SCARD", "set"]), "2");

        let mut sink = start(SINK, &with("ZSET", &[("redis.keyspace", "z")])).await;
        let score = |number| Datum::schemaless(Value::Float64(number));
        let infinite = score(f64::NEG_INFINITY);
        sink.put(
            "t",
            vec![
                (text("a"), score(2.5)),
                (text("b"), score(1e300)),
                (text("c"), infinite),
                pair("d", "x"),
            ],
        )
        .await
        .unwrap();
        assert_eq!(
            server.ask(&["ZRANGE", "z", "0", "-1", "WITHSCORES"]),
            "[c -inf a 2.5 b 1.0000000000000001e+300]"
        );
        assert_eq!(sink.context.take_errant().len(), 1);

        // Without a keyspace the key is the record's.
        let mut sink = start(SINK, &with("STRING", &[("redis.keyspace", "")])).await;
        sink.put("t", vec![pair("bare", "{\"a\":1}")]).await.unwrap();
        assert_eq!(server.ask(&["GET", "bare"]), "{\"a\":1}");
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn keys_end_after_their_time() {
    let server = Server::new();
    block(async {
        let keys = [("redis.type", "STRING"), ("redis.key.ttl", "100")];
        let mut sink = start(SINK, &server.props(&keys)).await;
        let mut records = sink.records("t", vec![pair("1", "a"), pair("2", "b"), pair("3", "c")]);
        let header =
            |value| vec![Header::new("redis.key.ttl".into(), Datum::schemaless(value)).unwrap()];
        records[1].record.headers = header(Value::str("5000"));
        records[2].record.headers = header(Value::str("soon"));
        sink.task.put(&records).await.unwrap();
        let ttl = |key: &str| server.ask(&["TTL", key]).parse::<i64>().unwrap();
        assert!((90..=100).contains(&ttl("t:1")) && (4990..=5000).contains(&ttl("t:2")));
        assert!((90..=100).contains(&ttl("t:3")));
        let keys = [("redis.type", "HASH"), ("redis.key.ttl", "200")];
        let mut sink = start(SINK, &server.props(&keys)).await;
        sink.put("h", vec![(text("1"), order(1, Value::Null))]).await.unwrap();
        assert!((190..=200).contains(&ttl("h:1")));
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn what_a_server_without_modules_says() {
    let server = Server::new();
    block(async {
        for (of, value, hint) in [
            ("JSON", order(1, Value::Null), "no JSON module"),
            ("TIMESERIES", Datum::schemaless(Value::Float64(1.0)), "no time series module"),
        ] {
            let mut sink = start(SINK, &server.props(&[("redis.type", of)])).await;
            let key = Datum::schemaless(Value::Int64(1_700_000_000_000));
            let error = sink.put("t", vec![(key, value)]).await.unwrap_err();
            assert!(!error.is_retriable() && error.message().contains(hint), "{error}");
            assert!(sink.context.take_errant().is_empty());
        }
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn keys_of_another_type_are_reported() {
    let server = Server::new();
    block(async {
        for more in [&[][..], &[("gantry.offsets.exactly.once", "true")][..]] {
            server.ask(&["FLUSHALL"]);
            server.ask(&["SET", "t:2", "text"]);
            let mut all = vec![("redis.type", "HASH")];
            all.extend_from_slice(more);
            let mut sink = start(SINK, &server.props(&all)).await;
            sink.task.open(&[(TopicPartition::new("t", 0), None)]).await.unwrap();
            let batch = ["1", "2", "3"].map(|key| (text(key), order(1, Value::Null)));
            sink.put("t", batch.to_vec()).await.unwrap();
            let errant = sink.context.take_errant();
            assert_eq!(errant.len(), 1);
            assert_eq!(errant[0].record.offset, 1);
            assert!(errant[0].error.message().contains("WRONGTYPE"), "{}", errant[0].error);
            assert_eq!(server.ask(&["EXISTS", "t:1", "t:3"]), "2");
        }
        // Nowhere to report it: the task fails, and says which record it is.
        let mut sink = start(SINK, &server.props(&[("redis.type", "HASH")])).await;
        let records = sink.records("t", vec![(text("2"), order(1, Value::Null))]);
        let context = sink.context.clone().with_errant(false);
        sink.task.start(context, &server.props(&[("redis.type", "HASH")])).await.unwrap();
        let error = sink.task.put(&records).await.unwrap_err();
        assert!(!error.is_retriable() && error.message().starts_with("t-0@0:"), "{error}");
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn commands_that_records_say() {
    let server = Server::new();
    let uri = format!("redis://127.0.0.1:{}", server.port);
    let name = |of: &str| format!("io.github.jaredpetersen.kafkaconnectredis.Redis{of}Command");
    let string = |name, value| (name, Schema::string(), Value::str(value));
    let long = |name, value| (name, Schema::int64(), Value::Int64(value));
    let list = |name, values: &[&str]| {
        let schema = SchemaBuilder::new(gantry_api::Kind::Array(Schema::string())).build_plain();
        (name, schema, Value::array(values.iter().map(|value| Value::str(value)).collect()))
    };
    let expiration = structure("", vec![string("type", "EX"), long("time", 50)]);
    let place = structure(
        "",
        vec![
            ("longitude", Schema::float64(), Value::Float64(13.361389)),
            ("latitude", Schema::float64(), Value::Float64(38.115556)),
            string("member", "Palermo"),
        ],
    );
    let places =
        SchemaBuilder::new(gantry_api::Kind::Array(place.schema.clone().unwrap())).build_plain();
    let batch = vec![
        structure(
            &name("Set"),
            vec![
                string("key", "a"),
                string("value", "1"),
                ("expiration", expiration.schema.clone().unwrap(), expiration.value),
                ("condition", Schema::optional_string(), Value::str("nx")),
            ],
        ),
        structure(&name("Set"), vec![string("key", "b"), string("value", "2")]),
        structure(&name("Expire"), vec![string("key", "b"), long("seconds", 60)]),
        structure(&name("Sadd"), vec![string("key", "s"), list("values", &["x", "y"])]),
        structure(&name("Pexpire"), vec![string("key", "s"), long("milliseconds", 60_000)]),
        structure(&name("Expireat"), vec![string("key", "b"), long("timestamp", 4_000_000_000)]),
        structure(
            &name("Geoadd"),
            vec![string("key", "g"), ("values", places, Value::array(vec![place.value]))],
        ),
        structure(
            &name("Arbitrary"),
            vec![string("command", "LPUSH"), list("arguments", &["l", "1"])],
        ),
        structure(&name("Arbitrary"), vec![string("command", "NOSUCH"), list("arguments", &["l"])]),
        structure(&name("Nothing"), vec![string("key", "b")]),
        text("SET a 1"),
    ];
    block(async {
        let mut sink = start(PETERSEN, &props(&[("redis.uri", &uri)])).await;
        let batch = batch.into_iter().map(|value| (Datum::NULL, value)).collect();
        sink.put("t", batch).await.unwrap();
        assert_eq!(server.ask(&["MGET", "a", "b"]), "[1 2]");
        assert!((40..=50).contains(&server.ask(&["TTL", "a"]).parse::<i64>().unwrap()));
        assert_eq!(server.ask(&["EXPIRETIME", "b"]), "4000000000");
        assert_eq!(server.ask(&["SCARD", "s"]), "2");
        assert_eq!(server.ask(&["ZCARD", "g"]), "1");
        assert_eq!(server.ask(&["LLEN", "l"]), "1");
        let mut errant = sink.context.take_errant();
        errant.sort_by_key(|errant| errant.record.offset);
        let texts: Vec<&str> = errant.iter().map(|errant| errant.error.message()).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(texts[0].contains("unknown command 'NOSUCH'"), "{texts:?}");
        assert!(texts[1].contains("unsupported command schema"), "{texts:?}");
        assert!(texts[2].contains("must be a struct"), "{texts:?}");
    });
}

fn exact(server: &Server) -> gantry_api::Props {
    server.props(&[
        ("redis.type", "LIST"),
        ("redis.keyspace", "l"),
        ("gantry.offsets.exactly.once", "true"),
        ("name", "c"),
    ])
}

fn numbers(range: std::ops::Range<u32>) -> Vec<Pair> {
    range.map(|number| pair(&number.to_string(), "")).collect()
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn offsets_in_the_transaction_of_their_records() {
    let server = Server::new();
    let queue = || TopicPartition::new("t", 0);
    block(async {
        let mut first = start(SINK, &exact(&server)).await;
        first.task.open(&[(queue(), Some(SinkOffset::new(0)))]).await.unwrap();
        first.put("t", numbers(0..2500)).await.unwrap();
        assert_eq!(server.ask(&["LLEN", "l"]), "2500");
        // A task that knows less goes on behind what is written, and writes nothing twice.
        let mut second = start(SINK, &exact(&server)).await;
        second.task.open(&[(queue(), Some(SinkOffset::new(10)))]).await.unwrap();
        let rewind = second.context.take_requests().rewind;
        assert_eq!(rewind, [(queue(), 2500)].into());
        second.put("t", numbers(0..2600)).await.unwrap();
        assert_eq!(server.ask(&["LLEN", "l"]), "2600");
        // The first one, which does not know that it is no more, writes nothing of that again.
        first.put("t", numbers(2500..2600)).await.unwrap();
        assert_eq!(server.ask(&["LLEN", "l"]), "2600");
        // Redis lost its end: it is read again.
        server.ask(&["LTRIM", "l", "0", "2549"]);
        let key = "gantry.offset.c/t/0";
        server.ask(&["SET", key, r#"{"topic":"t","partition":0,"offset":2550}"#]);
        second.put("t", numbers(2600..2610)).await.unwrap();
        assert_eq!(second.context.take_requests().rewind, [(queue(), 2550)].into());
        assert_eq!(server.ask(&["LLEN", "l"]), "2550");
        second.next = 2550;
        second.put("t", numbers(2550..2620)).await.unwrap();
        assert_eq!(server.ask(&["LRANGE", "l", "2549", "2551"]), "[2549 2550 2551]");
        assert_eq!(server.ask(&["LLEN", "l"]), "2620");
        // What a user sets counts.
        let mut running = connector(SINK, &exact(&server)).await.unwrap();
        let map = |json: serde_json::Value| -> OffsetMap { json.as_object().unwrap().clone() };
        let partition = map(serde_json::json!({"kafka_topic": "t", "kafka_partition": 0}));
        let offset = map(serde_json::json!({"kafka_offset": 5}));
        let changes = [(partition, Some(offset))];
        assert!(running.connector.alter_offsets(&exact(&server), &changes).await.unwrap());
        assert!(server.ask(&["GET", key]).contains("\"offset\":5"));
        server.ask(&["SET", key, "x"]);
        let error = second.put("t", numbers(0..1)).await.unwrap_err();
        assert!(!error.is_retriable() && error.message().contains("which is no offset"), "{error}");
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn records_of_several_queues_and_large_ones() {
    let server = Server::new();
    block(async {
        let large = "x".repeat(4 << 20);
        let keys = [("redis.type", "STRING"), ("gantry.offsets.exactly.once", "true")];
        let mut sink = start(SINK, &server.props(&keys)).await;
        let queues = [0, 1].map(|queue| (TopicPartition::new("t", queue), None));
        sink.task.open(&queues).await.unwrap();
        let batch = (0..12).map(|at| pair(&at.to_string(), &large)).collect();
        let mut records: Vec<SinkRecord> = sink.records("t", batch);
        for (at, record) in records.iter_mut().enumerate() {
            record.origin.partition = u32::try_from(at % 2).unwrap();
        }
        sink.task.put(&records).await.unwrap();
        assert_eq!(server.ask(&["STRLEN", "t:11"]), (4 << 20).to_string());
        for (queue, next) in [(0, 11), (1, 12)] {
            let key = format!("gantry.offset.c/t/{queue}");
            assert!(server.ask(&["GET", &key]).contains(&format!("\"offset\":{next}")));
        }
    });
}

/// Each: a class, keys, the key that the error is for, and what it says.
type Wrong = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

fn are_named(all: &[Wrong]) {
    for (class, all, key, want) in all {
        let found = errors(class, &props(all));
        let named = found.iter().find(|(name, _)| name == key);
        let (_, error) = named.unwrap_or_else(|| panic!("{class} {all:?}: {found:?}"));
        assert!(error.contains(want) && !error.contains("hush"), "{class} {all:?}: {error}");
    }
}

#[test]
fn keys_that_do_not_go_together_are_named() {
    are_named(&[
        (CUSTENBORDER, &[("redis.charset", "Big5")], "redis.charset", "not supported"),
        (CUSTENBORDER, &[("redis.hosts", "a:b")], "redis.hosts", "b is no port"),
        (CUSTENBORDER, &[("redis.client.mode", "Sentinel")], "redis.client.mode", "Standalone"),
        (
            CUSTENBORDER,
            &[("redis.auto.reconnect.enabled", "false")],
            "redis.auto.reconnect.enabled",
            "always",
        ),
        (
            CUSTENBORDER,
            &[
                ("redis.client.mode", "Cluster"),
                ("redis.ssl.enabled", "true"),
                ("redis.ssl.truststore.path", "x.jks"),
            ],
            "redis.ssl.truststore.path",
            "stores are not read",
        ),
        (
            CUSTENBORDER,
            &[("redis.client.mode", "Cluster"), ("gantry.offsets.exactly.once", "true")],
            "gantry.offsets.exactly.once",
            "no transactions",
        ),
    ]);
    assert_eq!(errors(CUSTENBORDER, &props(&[])), []);
}

#[test]
fn keys_of_redis_own_connectors_that_do_not_go_together_are_named() {
    are_named(&[
        (SINK, &[("redis.type", "hash")], "redis.type", "HASH"),
        (SINK, &[("redis.command", "HSET")], "redis.type", "redis.type=HASH"),
        (SINK, &[("redis.type", "HASH"), ("redis.multiexec", "true")], "redis.multiexec", "STREAM"),
        (SINK, &[("redis.keyspace", "")], "redis.keyspace", "must not be empty"),
        (SINK, &[("redis.uri", "redis://:hush@h:x")], "redis.uri", "x is no port"),
        (
            SINK,
            &[("redis.cluster", "true"), ("redis.wait.replicas", "1")],
            "redis.wait.replicas",
            "remove it",
        ),
        (
            SINK,
            &[("redis.tls", "true"), ("redis.key.file", "k.pem")],
            "redis.key.cert",
            "certificates",
        ),
        (PETERSEN, &[("redis.uri", "")], "redis.uri", "must not be empty"),
        (PETERSEN, &[], "redis.uri", "no default value"),
        (
            super::STREAM,
            &[("redis.stream.name", "s"), ("redis.stream.offset", "x")],
            "redis.stream.offset",
            "0-0",
        ),
        (
            super::STREAM,
            &[("redis.stream.name", "s"), ("redis.stream.delivery", "x")],
            "redis.stream.delivery",
            "at-least-once",
        ),
        (super::STREAM, &[], "redis.stream.name", "no default value"),
        (super::KEYS, &[("redis.cluster", "true")], "redis.cluster", "masters"),
        (super::KEYS, &[("mode", "DUMP")], "mode", "LIVEONLY"),
        (
            super::CHANNELS,
            &[
                ("topic", "t"),
                ("redis.uri", "redis://h"),
                ("redis.channels.pattern.enabled", "false"),
                ("redis.channels", ""),
            ],
            "redis.channels",
            "must name a channel",
        ),
    ]);
    assert_eq!(errors(SINK, &props(&[])), []);
}
