//! Configurations as people write them for RocketMQ Connect, and what Kafka Connect calls them.

use std::sync::Arc;

use gantry_api::{
    ConfigDef, ConnectorPlugin, Error, PluginInfo, PluginRegistry, Props, TaskFactory,
};

use super::super::translation::Translation;
use super::{kafka_class, translate, translate_file};
use crate::Gantry;

const FILE_SOURCE: &str = "org.apache.kafka.connect.file.FileStreamSourceConnector";
const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

/// Pairs of a JSON object of texts.
fn props(json: &str) -> Props {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn translated(json: &str) -> Translation {
    translate(&props(json), &Gantry::new().plugins()).unwrap_or_else(|why| panic!("{json}: {why}"))
}

/// The configuration `from` becomes `to`, with so many warnings.
fn becomes(from: &str, to: &str, warnings: usize) -> Translation {
    let translation = translated(from);
    assert_eq!(translation.config, props(to), "{from}");
    assert_eq!(translation.warnings.len(), warnings, "{:?}", translation.warnings);
    translation
}

fn refused(json: &str) -> String {
    match translate(&props(json), &Gantry::new().plugins()) {
        Ok(translation) => panic!("{json} was taken: {translation:?}"),
        Err(why) => why,
    }
}

#[test]
fn the_quick_start_of_the_file_connectors() {
    let source = becomes(
        r#"{"connector.class": "org.apache.rocketmq.connect.file.FileSourceConnector",
            "filename": "test-source-file.txt", "connect.topicname": "fileTopic"}"#,
        r#"{"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
            "file": "test-source-file.txt", "topic": "fileTopic"}"#,
        0,
    );
    assert_eq!(
        source.summary().unwrap(),
        "keys of RocketMQ Connect are read: connector.class=org.apache.rocketmq.connect.file.\
         FileSourceConnector as org.apache.kafka.connect.file.FileStreamSourceConnector, filename \
         as file, connect.topicname as topic"
    );
    becomes(
        r#"{"connector.class": "org.apache.rocketmq.connect.file.FileSinkConnector",
            "filename": "out.txt", "connect.topicnames": "a; b;", "max.tasks": "2"}"#,
        r#"{"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
            "file": "out.txt", "topics": "a,b", "tasks.max": "2"}"#,
        0,
    );
    // The files beside its worker file say `file`.
    becomes(
        r#"{"name": "FileSinkConnector", "file": "test-sink.txt", "connect.topicnames": "TopicTest",
            "connector.class": "org.apache.rocketmq.connect.file.FileSinkConnector"}"#,
        r#"{"name": "FileSinkConnector", "file": "test-sink.txt", "topics": "TopicTest",
            "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector"}"#,
        0,
    );
}

#[test]
fn a_configuration_of_kafka_connect_comes_back_as_it_was() {
    let kafka = r#"{"name": "k", "connector.class": "FileStreamSink", "tasks.max": "1",
        "topics.regex": "a.*", "file": "x", "filename": "mine", "transforms": "a, b",
        "transforms.a.type": "org.apache.kafka.connect.transforms.InsertField$Value",
        "transforms.b.type": "x", "errors.tolerance": "all", "value.converter": "StringConverter",
        "consumer.override.auto.offset.reset": "latest", "batch.size": " 7 "}"#;
    let translation = becomes(kafka, kafka, 0);
    assert_eq!(translation.summary(), None);
    assert_eq!(translate_file(&props(kafka), &Gantry::new().plugins()), Ok(None));
}

#[test]
fn a_file_is_translated_for_a_key_or_class_of_rocketmq_connect_alone() {
    let translates =
        |json: &str| translate_file(&props(json), &Gantry::new().plugins()).unwrap().is_some();
    assert!(translates(r#"{"connector.class": "FileStreamSource", "max.tasks": "1"}"#));
    assert!(translates(
        r#"{"connector.class": "org.apache.rocketmq.connect.file.FileSinkConnector"}"#
    ));
    assert!(translates(
        r#"{"connector.class": "X", "key.converter":
            "org.apache.rocketmq.connect.runtime.converter.record.StringConverter"}"#
    ));
    // A key that may be a Kafka connector's own does not make a file RocketMQ Connect's.
    assert!(!translates(r#"{"connector.class": "X", "task.class": "mine", "isKey": "true"}"#));
    assert!(!translates(
        r#"{"connector.class": "X", "transforms": "a",
            "transforms.a.type": "org.apache.rocketmq.connect.transforms.SetNull$Value"}"#
    ));
}

#[test]
fn converters_have_their_kafka_names() {
    for (theirs, ours) in [
        ("StringConverter", "org.apache.kafka.connect.storage.StringConverter"),
        ("ByteArrayConverter", "org.apache.kafka.connect.converters.ByteArrayConverter"),
        ("json.JsonConverter", JSON),
        ("LongConverter", "org.apache.kafka.connect.converters.LongConverter"),
        ("IntegerConverter", "org.apache.kafka.connect.converters.IntegerConverter"),
        ("ShortConverter", "org.apache.kafka.connect.converters.ShortConverter"),
        ("FloatConverter", "org.apache.kafka.connect.converters.FloatConverter"),
        ("DoubleConverter", "org.apache.kafka.connect.converters.DoubleConverter"),
    ] {
        let theirs = format!("org.apache.rocketmq.connect.runtime.converter.record.{theirs}");
        let config = format!(
            r#"{{"connector.class": "X", "value.converter": "{theirs}",
                "value.converter.schemas.enable": "false", "key.converter": "{theirs}"}}"#
        );
        let translation = translated(&config);
        assert_eq!(translation.config["value.converter"], ours);
        assert_eq!(translation.config["key.converter"], ours);
        assert_eq!(translation.config["value.converter.schemas.enable"], "false");
        // Each of them is a converter that is there.
        assert!(Gantry::new().plugins().find_converter(ours).is_some(), "{ours}");
        assert_eq!(kafka_class(&theirs), ours);
    }
    let avro = r#"{"connector.class": "X", "value.converter":
        "org.apache.rocketmq.schema.avro.AvroConverter"}"#;
    becomes(avro, avro, 0);
}

#[test]
fn transformations_are_named_by_type_and_keep_their_classes() {
    becomes(
        r#"{"connector.class": "org.apache.rocketmq.connect.file.FileSinkConnector",
            "connect.topicnames": "t", "transforms": "Replace, Replace02",
            "transforms.Replace.class": "org.apache.rocketmq.connect.transforms.PatternRename$Value",
            "transforms.Replace.field.pattern": "company",
            "transforms.Replace.field.replacement": "company02",
            "transforms.Replace02.class": "org.apache.rocketmq.connect.transforms.SetNull$Key",
            "transforms.Unused.class": "mine"}"#,
        r#"{"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
            "topics": "t", "transforms": "Replace, Replace02",
            "transforms.Replace.type": "org.apache.rocketmq.connect.transforms.PatternRename$Value",
            "transforms.Replace.field.pattern": "company",
            "transforms.Replace.field.replacement": "company02",
            "transforms.Replace02.type": "org.apache.rocketmq.connect.transforms.SetNull$Key",
            "transforms.Unused.class": "mine"}"#,
        0,
    );
}

#[test]
fn errors_and_the_start_of_a_sink() {
    let translation = becomes(
        r#"{"connector.class": "org.apache.rocketmq.connect.file.FileSinkConnector",
            "connect.topicnames": "t", "errors.deadletterqueue.topic.name": "dlq-topic",
            "errors.deadletterqueue.read.queue.nums": "8",
            "errors.deadletterqueue.write.queue.nums": "8",
            "errors.deadletterqueue.context.properties.enable": "true",
            "errors.log.enable": "true", "errors.tolerance": "ALL", "errors.retry.timeout": "5",
            "errors.retry.delay.max.ms": "1000", "task.group.id": "g",
            "consume.from.where": "CONSUME_FROM_LAST_OFFSET"}"#,
        r#"{"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
            "topics": "t", "errors.deadletterqueue.topic.name": "dlq-topic",
            "errors.deadletterqueue.context.headers.enable": "true",
            "errors.log.enable": "true", "errors.tolerance": "all", "errors.retry.timeout": "5",
            "errors.retry.delay.max.ms": "1000", "consumer.override.group.id": "g",
            "consumer.override.auto.offset.reset": "latest"}"#,
        2,
    );
    assert_eq!(
        translation.warnings[0],
        "errors.deadletterqueue.read.queue.nums is left out: a dead letter topic that is not \
         there is made with one queue"
    );
    let first = r#"{"connector.class": "FileStreamSink", "connect.topicnames": "t",
        "consume.from.where": "CONSUME_FROM_FIRST_OFFSET"}"#;
    let config = translated(first).config;
    assert_eq!(config["consumer.override.auto.offset.reset"], "earliest");
    let wrong = r#"{"connector.class": "FileStreamSink", "connect.topicnames": "t",
        "consume.from.where": "CONSUME_FROM_TIMESTAMP"}"#;
    assert_eq!(
        refused(wrong),
        "Invalid value CONSUME_FROM_TIMESTAMP for configuration consume.from.where: write \
         CONSUME_FROM_FIRST_OFFSET or CONSUME_FROM_LAST_OFFSET"
    );
}

#[test]
fn what_has_no_use_is_named_and_left_out() {
    let translation = becomes(
        r#"{"connector.class": "org.apache.rocketmq.connect.file.FileSourceConnector",
            "connect.topicname": "t", "connect.topicnames": "u", "connector.id": "1",
            "task.class": "c", "task.id": "0", "isKey": "false", "ordering.msg.enable": "true",
            "connector.direct.enable": "false", "max-task": "1", "nextPosition": "3",
            "consume.from.where": "CONSUME_FROM_LAST_OFFSET",
            "source-record-converter": "org.apache.rocketmq.connect.runtime.converter.JsonConverter"}"#,
        r#"{"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
            "topic": "t"}"#,
        10,
    );
    for key in [
        "connect.topicnames",
        "connector.id",
        "task.class",
        "task.id",
        "isKey",
        "ordering.msg.enable",
        "max-task",
        "nextPosition",
        "consume.from.where",
        "source-record-converter",
    ] {
        let named = format!("{key} is left out: ");
        assert!(
            translation.warnings.iter().any(|warning| warning.starts_with(&named)),
            "{key}: {:?}",
            translation.warnings
        );
    }
    // A value that asks for nothing goes without a word.
    let quiet = r#"{"connector.class": "FileStreamSource", "topic": "t",
        "ordering.msg.enable": "false"}"#;
    becomes(quiet, r#"{"connector.class": "FileStreamSource", "topic": "t"}"#, 0);
    // A sink that has the source's key as well, as some examples do.
    becomes(
        r#"{"connector.class": "FileStreamSink", "connect.topicname": "x", "connect.topicnames": "x"}"#,
        r#"{"connector.class": "FileStreamSink", "topics": "x"}"#,
        1,
    );
    // A sink that has only that one.
    becomes(
        r#"{"connector.class": "FileStreamSink", "connect.topicname": "x"}"#,
        r#"{"connector.class": "FileStreamSink", "topics": "x"}"#,
        0,
    );
    let direct = r#"{"connector.class": "X", "connector.direct.enable": "True"}"#;
    assert!(refused(direct).starts_with("connector.direct.enable=true is not available"));
}

#[test]
fn two_names_of_one_key_must_say_the_same() {
    let both = r#"{"connector.class": "FileStreamSource", "topic": "t", "max.tasks": "2",
        "tasks.max": "3"}"#;
    assert_eq!(
        refused(both),
        "max.tasks=2 and tasks.max=3 contradict each other: tasks.max is Kafka Connect's name for \
         max.tasks. Keep one of the two"
    );
    for (pairs, keys) in [
        (r#""connect.topicname": "a", "topic": "b""#, ["connect.topicname=a", "topic=b"]),
        (
            r#""transforms": "x", "transforms.x.class": "a", "transforms.x.type": "b""#,
            ["transforms.x.class=a", "transforms.x.type=b"],
        ),
    ] {
        let why = refused(&format!(r#"{{"connector.class": "FileStreamSource", {pairs}}}"#));
        assert!(keys.iter().all(|key| why.contains(key)), "{why}");
    }
    let sink =
        r#"{"connector.class": "FileStreamSink", "connect.topicnames": "a;b", "topics": "a"}"#;
    assert!(refused(sink).contains("connect.topicnames=a;b and topics=a contradict"));
    becomes(
        r#"{"connector.class": "FileStreamSource", "connect.topicname": "t", "topic": " t",
            "max.tasks": "1", "tasks.max": "1"}"#,
        r#"{"connector.class": "FileStreamSource", "topic": "t", "tasks.max": "1"}"#,
        0,
    );
}

/// The adapter's configuration around an inner one.
fn adapter(kind: &str, outer: &str, inner: &str) -> String {
    let class = format!("org.apache.rocketmq.connect.kafka.connector.KafkaRocketmq{kind}Connector");
    let inner = serde_json::Value::from(inner);
    format!(r#"{{"connector.class": "{class}", "kafka.connector.configs": {inner}{outer}}}"#)
}

#[test]
fn the_adapter_of_kafka_connectors_is_its_inner_configuration() {
    let inner = format!(
        r#"{{"connector.class": "{FILE_SOURCE}", "plugin.path": "/tmp/kafka-plugins",
            "topic": "fileTopic", "file": "/tmp/test-source-file.txt", "batch.size": 5}}"#
    );
    becomes(
        &adapter("Source", "", &inner),
        &format!(
            r#"{{"connector.class": "{FILE_SOURCE}", "topic": "fileTopic", "batch.size": "5",
                "file": "/tmp/test-source-file.txt", "key.converter": "{JSON}",
                "value.converter": "{JSON}"}}"#
        ),
        1,
    );
    let outer = r#", "name": "snk", "max.tasks": "2", "connect.topicnames": "fileTopic;other",
        "value.converter": "outer", "value.converter.schemas.enable": "true",
        "rocketmq.recordPartition.kafkaTopicPartition.mapper": "assignEncodedPartition",
        "assignEncodedPartition.assignments": "broker-0:0""#;
    let inner = r#"{"name": "inner", "connector.class": "FileStreamSink", "file": "x",
        "value.converter": "StringConverter"}"#;
    becomes(
        &adapter("Sink", outer, inner),
        &format!(
            r#"{{"name": "snk", "tasks.max": "2", "topics": "fileTopic,other",
                "connector.class": "FileStreamSink", "file": "x", "key.converter": "{JSON}",
                "value.converter": "StringConverter"}}"#
        ),
        4,
    );
}

#[test]
fn an_adapter_without_a_kafka_connector_inside_is_refused() {
    let class = "org.apache.rocketmq.connect.kafka.connector.KafkaRocketmqSinkConnector";
    let bare = refused(&format!(r#"{{"connector.class": "{class}"}}"#));
    assert!(bare.starts_with("kafka.connector.configs is missing: "), "{bare}");
    for (outer, inner, wrong) in [
        ("", "{}", "connector.class is missing in kafka.connector.configs"),
        ("", "[]", "kafka.connector.configs is wrong: a JSON object"),
        (
            "",
            r#"{"connector.class": {}}"#,
            "kafka.connector.configs is wrong: the value of `connector.class` is an object",
        ),
        (
            r#", "tasks.max": "1""#,
            r#"{"connector.class": "X", "tasks.max": 2}"#,
            "tasks.max has one value in kafka.connector.configs and another beside it",
        ),
    ] {
        let why = refused(&adapter("Sink", outer, inner));
        assert!(why.contains(wrong), "{inner}: {why}");
    }
    // Without the adapter the key is of no use.
    becomes(
        r#"{"connector.class": "FileStreamSink", "kafka.connector.configs": "{}"}"#,
        r#"{"connector.class": "FileStreamSink"}"#,
        1,
    );
}

#[test]
fn debezium_and_its_transformations() {
    let translation = becomes(
        r#"{"connector.class": "org.apache.rocketmq.connect.debezium.mysql.DebeziumMysqlConnector",
            "max.tasks": "1", "kafka.transforms": "Unwrap",
            "kafka.transforms.Unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
            "kafka.transforms.Unwrap.add.headers": "op,source.db",
            "transforms": "After", "transforms.After.class": "X",
            "database.hostname": "db", "database.password": "dbz"}"#,
        r#"{"connector.class": "io.debezium.connector.mysql.MySqlConnector", "tasks.max": "1",
            "transforms": "Unwrap,After", "transforms.After.type": "X",
            "transforms.Unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
            "transforms.Unwrap.add.headers": "op,source.db",
            "database.hostname": "db", "database.password": "dbz"}"#,
        0,
    );
    assert!(!format!("{:?}", translation.mapped).contains("dbz"));
    let twice = r#"{"connector.class": "X", "kafka.transforms": "a", "transforms": "a"}"#;
    assert!(refused(twice).contains("kafka.transforms and transforms both name a"));
}

/// A source that names its topics itself, as those of tables do.
fn tables() -> ConnectorPlugin {
    let info = PluginInfo::new("example.Tables", "Connector", ConfigDef::new);
    let connector = Arc::new(|| Err(Error::connect("not to be made")));
    let task = TaskFactory::Source(Arc::new(|| Err(Error::connect("not to be made"))));
    ConnectorPlugin::new(info, connector, task)
}

#[test]
fn a_source_without_a_topic_of_its_own_is_routed() {
    let mut plugins = PluginRegistry::default();
    plugins.connector(tables());
    let config = props(
        r#"{"connector.class": "Tables", "connect.topicname": "all$1",
            "transforms": "ConnectTopic", "transforms.ConnectTopic.class": "X"}"#,
    );
    let translation = translate(&config, &plugins).unwrap();
    assert_eq!(
        translation.config,
        props(
            r#"{"connector.class": "Tables", "transforms": "ConnectTopic,ConnectTopic_",
                "transforms.ConnectTopic.type": "X",
                "transforms.ConnectTopic_.type": "org.apache.kafka.connect.transforms.RegexRouter",
                "transforms.ConnectTopic_.regex": ".*",
                "transforms.ConnectTopic_.replacement": "all\\$1"}"#
        )
    );
}
