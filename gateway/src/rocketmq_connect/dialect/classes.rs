//! Class names of RocketMQ Connect and what they are called here. Transformations
//! (`org.apache.rocketmq.connect.transforms.*`) keep their names.

use super::CONNECTOR_CLASS;
use crate::rocketmq_connect::translation::Translation;

/// RocketMQ Connect's sample connectors, which are Kafka's file connectors here.
const FILE: &[(&str, &str)] = &[
    (
        "org.apache.rocketmq.connect.file.FileSourceConnector",
        "org.apache.kafka.connect.file.FileStreamSourceConnector",
    ),
    (
        "org.apache.rocketmq.connect.file.FileSinkConnector",
        "org.apache.kafka.connect.file.FileStreamSinkConnector",
    ),
];

/// Connectors that wrap one of Kafka Connect, and the one they wrap.
const WRAPPED: &[(&str, &str)] = &[
    (
        "org.apache.rocketmq.connect.debezium.mysql.DebeziumMysqlConnector",
        "io.debezium.connector.mysql.MySqlConnector",
    ),
    (
        "org.apache.rocketmq.connect.debezium.postgres.DebeziumPostgresConnector",
        "io.debezium.connector.postgresql.PostgresConnector",
    ),
    (
        "org.apache.rocketmq.connect.debezium.mongodb.DebeziumMongoDBConnector",
        "io.debezium.connector.mongodb.MongoDbConnector",
    ),
    (
        "org.apache.rocketmq.connect.debezium.oracle.DebeziumOracleConnector",
        "io.debezium.connector.oracle.OracleConnector",
    ),
    (
        "org.apache.rocketmq.connect.debezium.sqlserver.DebeziumSqlServerConnector",
        "io.debezium.connector.sqlserver.SqlServerConnector",
    ),
];

/// The package of RocketMQ Connect's converters.
const CONVERTERS: &str = "org.apache.rocketmq.connect.runtime.converter.record.";

/// Converters by the rest of their name.
const CONVERTER: &[(&str, &str)] = &[
    ("StringConverter", "org.apache.kafka.connect.storage.StringConverter"),
    ("ByteArrayConverter", "org.apache.kafka.connect.converters.ByteArrayConverter"),
    ("json.JsonConverter", "org.apache.kafka.connect.json.JsonConverter"),
    ("LongConverter", "org.apache.kafka.connect.converters.LongConverter"),
    ("IntegerConverter", "org.apache.kafka.connect.converters.IntegerConverter"),
    ("ShortConverter", "org.apache.kafka.connect.converters.ShortConverter"),
    ("FloatConverter", "org.apache.kafka.connect.converters.FloatConverter"),
    ("DoubleConverter", "org.apache.kafka.connect.converters.DoubleConverter"),
];

fn find(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| *ours)
}

/// The converter that a class of RocketMQ Connect stands for, if it is one of its converters.
pub(in crate::rocketmq_connect) fn converter(class: &str) -> Option<&'static str> {
    find(CONVERTER, class.strip_prefix(CONVERTERS)?)
}

/// The class that a class of RocketMQ Connect stands for; any other is itself.
pub(in crate::rocketmq_connect) fn kafka_class(class: &str) -> &str {
    find(FILE, class).or_else(|| find(WRAPPED, class)).or_else(|| converter(class)).unwrap_or(class)
}

/// Classes of the connector and of its converters; the file connectors' key as well.
pub(super) fn translate(translation: &mut Translation) -> Result<(), String> {
    let class = translation.get(CONNECTOR_CLASS).unwrap_or_default().to_owned();
    if let Some(ours) = find(FILE, &class) {
        translation.replace_class(CONNECTOR_CLASS, &class, ours);
        translation.rename("filename", "file", |file| Ok(file.to_owned()))?;
        translation.leave_out("nextPosition", "a source goes on where its committed offset is");
    } else if let Some(ours) = find(WRAPPED, &class) {
        translation.replace_class(CONNECTOR_CLASS, &class, ours);
    }
    for key in ["key.converter", "value.converter"] {
        let class = translation.get(key).unwrap_or_default().to_owned();
        if let Some(ours) = converter(&class) {
            translation.replace_class(key, &class, ours);
        }
    }
    Ok(())
}
