//! The keys that Debezium's connectors of relational databases have in common, with their types, defaults and importance.

use gantry_api::model::config::ConfigData;
use gantry_api::{ConfigKey, Importance, Type, Validator};

use crate::keys::Keys;

/// One key: its group in PostgreSQL's connector and in MySQL's, its name, type, importance, default, and what it does.
struct Key(
    &'static str,
    &'static str,
    &'static str,
    Type,
    Importance,
    Option<&'static str>,
    &'static str,
);

/// The group of MySQL's connectors that is named after the database.
const DATABASE: &str = "database";

#[rustfmt::skip]
const COMMON: &[Key] = &[
    Key("CONNECTION_ADVANCED", DATABASE, "database.initial.statements", Type::String, Importance::Low, None,
        "SQL that each new connection executes first; statements are divided by semicolons, two of which stand for one."),
    Key("ADVANCED", "Connector", "connection.validation.timeout.ms", Type::Long, Importance::Low, Some("60000"),
        "How long it is waited for the database when the configuration is checked."),
    Key("CONNECTOR", "Events", "topic.naming.strategy", Type::Class, Importance::Medium, Some("io.debezium.schema.SchemaTopicNamingStrategy"),
        "How topics are named: Debezium's SchemaTopicNamingStrategy, DefaultTopicNamingStrategy, or one of these with Unicode in its name."),
    Key("CONNECTOR", "Connector", "schema.name.adjustment.mode", Type::String, Importance::Low, Some("none"),
        "Whether names of schemas are made such that Avro takes them: none, avro, avro_unicode."),
    Key("CONNECTOR", "Connector", "field.name.adjustment.mode", Type::String, Importance::Low, Some("none"),
        "Whether names of fields are made such that Avro takes them: none, avro, avro_unicode."),
    Key("FILTERS", "Events", "table.include.list", Type::List, Importance::High, None,
        "The tables that are read, as regular expressions for their full names."),
    Key("FILTERS", "Events", "table.exclude.list", Type::List, Importance::Medium, None,
        "The tables that are not read, as regular expressions for their full names."),
    Key("FILTERS", "Events", "table.ignore.builtin", Type::Boolean, Importance::Low, Some("true"),
        "Whether the database's own tables are left out."),
    Key("FILTERS", "Events", "column.include.list", Type::List, Importance::Medium, None,
        "The columns that records have, as regular expressions for their full names. Keys have theirs always."),
    Key("FILTERS", "Events", "column.exclude.list", Type::List, Importance::Medium, None,
        "The columns that records do not have, as regular expressions for their full names."),
    Key("CONNECTOR_ADVANCED", "Events", "message.key.columns", Type::String, Importance::Medium, None,
        "The columns that make the key of a record: table:column,column;… where the tables are regular expressions."),
    Key("CONNECTOR_ADVANCED", "Events", "column.truncate.to.(d+).chars", Type::Int, Importance::Medium, None,
        "Columns, as regular expressions for their full names, whose texts are cut to as many characters as stand in the key's name."),
    Key("CONNECTOR_ADVANCED", "Events", "column.mask.with.(d+).chars", Type::String, Importance::Medium, None,
        "Columns, as regular expressions for their full names, in place of whose texts stand as many asterisks as the key's name says."),
    Key("CONNECTOR_ADVANCED", "Events", "column.mask.hash.([^.]+).with.salt.(.+)", Type::String, Importance::Medium, None,
        "Columns, as regular expressions for their full names, in place of whose texts stand hashes of them with the salt in the key's name; with v2. before the algorithm, hashes of the text alone."),
    Key("CONNECTOR_ADVANCED", "Events", "column.propagate.source.type", Type::List, Importance::Medium, None,
        "Columns, as regular expressions for their full names, whose schemas say the database's type."),
    Key("CONNECTOR_ADVANCED", "Events", "datatype.propagate.source.type", Type::List, Importance::Medium, None,
        "Types, as regular expressions for table.type, of columns whose schemas say the database's type."),
    Key("CONNECTOR", "Connector", "decimal.handling.mode", Type::String, Importance::Medium, Some("precise"),
        "What decimal numbers become: precise (exact), double, string."),
    Key("CONNECTOR", "Connector", "time.precision.mode", Type::String, Importance::Medium, Some("adaptive"),
        "What times become: adaptive (as exact as the column), adaptive_time_microseconds, connect (Kafka Connect's own types, in milliseconds), isostring, microseconds, nanoseconds."),
    Key("CONNECTOR", "Connector", "binary.handling.mode", Type::String, Importance::Low, Some("bytes"),
        "What bytes become: bytes, base64, base64-url-safe, hex."),
    Key("CONNECTOR", "Events", "tombstones.on.delete", Type::Boolean, Importance::Medium, Some("true"),
        "Whether a record without a value follows that of a delete, for compaction."),
    Key("CONNECTOR", "Connector", "skipped.operations", Type::List, Importance::Low, Some("t"),
        "Kinds of changes that are left out: c, u, d, t; or none."),
    Key("CONNECTION_ADVANCED", "Connector", "skip.messages.without.change", Type::Boolean, Importance::Medium, Some("false"),
        "Whether updates that change no column that records have are left out; what a row was before must be known in full."),
    Key("CONNECTOR", "Connector", "unavailable.value.placeholder", Type::String, Importance::Medium, Some("__debezium_unavailable_value"),
        "Stands for values that the database does not send."),
    Key("CONNECTOR", "Events", "include.schema.comments", Type::Boolean, Importance::Medium, Some("false"),
        "Whether comments on columns are in schemas."),
    Key("CONNECTOR", "Connector", "event.converting.failure.handling.mode", Type::String, Importance::Medium, Some("warn"),
        "What is done when a value does not fit its column's schema: fail, warn, skip; in the last two cases it is left out."),
    Key("ADVANCED", "Connector", "event.processing.failure.handling.mode", Type::String, Importance::Medium, Some("fail"),
        "What is done when a change cannot be read: fail, or go on without it: warn, skip, ignore."),
    Key("ADVANCED_HEARTBEAT", "Events", "heartbeat.interval.ms", Type::Int, Importance::Medium, Some("0"),
        "How often a heartbeat record is written; 0: never."),
    Key("ADVANCED_HEARTBEAT", "Events", "heartbeat.topics.prefix", Type::String, Importance::Low, Some("__debezium-heartbeat"),
        "No effect: the name of the heartbeat topic begins with topic.heartbeat.prefix."),
    Key("ADVANCED_HEARTBEAT", "Events", "heartbeat.action.query", Type::String, Importance::Low, None,
        "SQL that is executed in the database with each heartbeat."),
    Key("CONNECTOR_ADVANCED", "Connector", "provide.transaction.metadata", Type::Boolean, Importance::Low, Some("false"),
        "Whether records say which transaction they are of, and a topic where transactions begin and end."),
    Key("CONNECTOR_ADVANCED", "Events", "transaction.metadata.factory", Type::Class, Importance::Low, Some("io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory"),
        "Only the default."),
    Key("ADVANCED", "Connector", "extended.headers.enabled", Type::Boolean, Importance::Low, Some("true"),
        "Whether records have headers that say which connector they are from."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.mode.custom.name", Type::String, Importance::Medium, None,
        "Not supported: no snapshotters of one's own."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.mode.configuration.based.snapshot.data", Type::Boolean, Importance::Medium, Some("false"),
        "With snapshot.mode=configuration_based: whether rows are read."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.mode.configuration.based.snapshot.schema", Type::Boolean, Importance::Medium, Some("false"),
        "With snapshot.mode=configuration_based: whether the structure of tables is read."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.mode.configuration.based.start.stream", Type::Boolean, Importance::Medium, Some("false"),
        "With snapshot.mode=configuration_based: whether changes are read."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.mode.configuration.based.snapshot.on.schema.error", Type::Boolean, Importance::Medium, Some("false"),
        "With snapshot.mode=configuration_based: whether the structure of tables is read when it is lost."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.mode.configuration.based.snapshot.on.data.error", Type::Boolean, Importance::Medium, Some("false"),
        "With snapshot.mode=configuration_based: whether rows are read when the position is lost."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.locking.mode.custom.name", Type::String, Importance::Medium, None,
        "Not supported: no locking of one's own."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.lock.timeout.ms", Type::Long, Importance::Medium, Some("10000"),
        "How long it is waited for locks on tables."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.query.mode", Type::String, Importance::Low, Some("select_all"),
        "How rows are asked for: only select_all."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.query.mode.custom.name", Type::String, Importance::Medium, None,
        "Not supported: no queries of one's own; see snapshot.select.statement.overrides."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.include.collection.list", Type::List, Importance::Medium, None,
        "Of the tables that are read, those whose rows the snapshot reads, as regular expressions for their full names."),
    Key("CONNECTOR_SNAPSHOT", "Events", "snapshot.select.statement.overrides", Type::String, Importance::Medium, None,
        "Tables whose rows the snapshot asks for with the SQL in snapshot.select.statement.overrides.<table>."),
    Key("CONNECTOR_SNAPSHOT", "Events", "snapshot.tables.order.by.row.count", Type::String, Importance::Medium, Some("disabled"),
        "No effect: tables are read in the order in which they are listed."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.fetch.size", Type::Int, Importance::Medium, None,
        "No effect: rows are read as they come."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "query.fetch.size", Type::Int, Importance::Medium, Some("0"),
        "No effect: rows are read as they come."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.max.threads", Type::Int, Importance::Medium, Some("1"),
        "No effect: a snapshot is read by one connection."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.max.threads.multiplier", Type::Int, Importance::Medium, Some("1"),
        "No effect."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "legacy.snapshot.max.threads", Type::Boolean, Importance::Low, Some("false"),
        "No effect."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "snapshot.delay.ms", Type::Long, Importance::Low, Some("0"),
        "How long it is waited before a snapshot."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "streaming.delay.ms", Type::Long, Importance::Low, Some("0"),
        "How long it is waited after a snapshot before changes are read."),
    Key("CONNECTOR_ADVANCED", "Events", "signal.data.collection", Type::List, Importance::Medium, None,
        "The table whose new rows are signals to the connector."),
    Key("CONNECTOR_ADVANCED", "Events", "signal.enabled.channels", Type::List, Importance::Medium, Some("source"),
        "Where signals come from: only source, the table of signal.data.collection."),
    Key("ADVANCED_HEARTBEAT", "Events", "signal.poll.interval.ms", Type::Long, Importance::Medium, Some("5000"),
        "No effect: signals of a table are seen as they come."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "incremental.snapshot.chunk.size", Type::Int, Importance::Medium, Some("1024"),
        "How many rows an incremental snapshot reads at a time."),
    Key("CONNECTOR_SNAPSHOT", "Connector", "incremental.snapshot.watermarking.strategy", Type::String, Importance::Low, Some("INSERT_INSERT"),
        "How an incremental snapshot marks its place in the log: insert_insert, or insert_delete, which leaves no rows in the signal table."),
    Key("CONNECTOR_ADVANCED", "Connector", "incremental.snapshot.allow.schema.changes", Type::Boolean, Importance::Low, Some("false"),
        "No effect: an incremental snapshot goes on when a table changes meanwhile."),
    Key("CONNECTOR_ADVANCED", "Events", "notification.enabled.channels", Type::List, Importance::Medium, None,
        "Where it is told how snapshots go: log and, with notification.sink.topic.name, sink."),
    Key("CONNECTOR_ADVANCED", "Events", "notification.sink.topic.name", Type::String, Importance::High, None,
        "The topic of notifications."),
    Key("ADVANCED", "Connector", "errors.max.retries", Type::Int, Importance::Low, Some("-1"),
        "How often a connection that broke is made again until records come; -1: no limit."),
    Key("ADVANCED", "Connector", "retriable.restart.connector.wait.ms", Type::Long, Importance::Low, Some("10000"),
        "How long it is waited after a connection broke."),
    Key("ADVANCED", "Connector", "max.batch.size", Type::Int, Importance::Medium, Some("2048"),
        "The most records of a batch."),
    Key("ADVANCED", "Connector", "max.queue.size", Type::Int, Importance::Medium, Some("8192"),
        "No effect: two batches of at most 1 MiB wait."),
    Key("ADVANCED", "Connector", "max.queue.size.in.bytes", Type::Long, Importance::Medium, Some("0"),
        "No effect: two batches of at most 1 MiB wait."),
    Key("ADVANCED", "Connector", "poll.interval.ms", Type::Long, Importance::Medium, Some("500"),
        "No effect: changes are given on as they come."),
    Key("ADVANCED", "Connector", "executor.shutdown.timeout.ms", Type::Long, Importance::Medium, Some("4000"),
        "No effect: a task ends within a moment."),
    Key("ADVANCED", "Connector", "guardrail.collections.max", Type::Int, Importance::Medium, Some("0"),
        "The most tables that may be read; 0: no limit."),
    Key("ADVANCED", "Connector", "guardrail.collections.limit.action", Type::String, Importance::Medium, Some("warn"),
        "What is done when there are more: warn or fail."),
    Key("CONNECTOR_ADVANCED", "Events", "converters", Type::String, Importance::Low, None,
        "Not supported: converters in Java."),
    Key("CONNECTOR_ADVANCED", "Events", "post.processors", Type::String, Importance::Low, None,
        "Not supported: processors in Java."),
    Key("ADVANCED", "Events", "custom.metric.tags", Type::List, Importance::Low, None,
        "No effect: metrics are the worker's."),
    Key("ADVANCED", "Connector", "custom.sanitize.pattern", Type::String, Importance::Low, Some(".*secret$|.*password$|.*sasl\\.jaas\\.config$|.*basic\\.auth\\.user\\.info|.*registry\\.auth\\.client-secret|.*credentials\\.json$|.*connectionstring$|.*connection\\.string$"),
        "No effect: no configuration is logged."),
    Key("ADVANCED", "Connector", "statistics.metrics.enabled", Type::Boolean, Importance::Medium, Some("true"),
        "No effect."),
    Key("ADVANCED", "Connector", "openlineage.integration.enabled", Type::Boolean, Importance::Low, Some("false"),
        "Not supported."),
    Key("ADVANCED", "Connector", "openlineage.integration.config.file.path", Type::String, Importance::Low, Some("./openlineage.yml"),
        "No effect."),
    Key("ADVANCED", "Connector", "openlineage.integration.job.namespace", Type::String, Importance::Low, None,
        "No effect."),
    Key("ADVANCED", "Connector", "openlineage.integration.job.description", Type::String, Importance::Low, Some("Debezium change data capture job"),
        "No effect."),
    Key("ADVANCED", "Connector", "openlineage.integration.job.tags", Type::List, Importance::Low, None,
        "No effect."),
    Key("ADVANCED", "Connector", "openlineage.integration.job.owners", Type::List, Importance::Low, None,
        "No effect."),
    Key("ADVANCED", "Connector", "openlineage.integration.dataset.kafka.bootstrap.servers", Type::String, Importance::Low, None,
        "No effect."),
    Key("CONNECTOR_ADVANCED", "Connector", "memory.management.tables.class", Type::Class, Importance::Low, Some("io.debezium.relational.ConcurrentMapTableMappingStorage"),
        "No effect."),
    Key("CONNECTOR_ADVANCED", "Connector", "memory.management.schemas.class", Type::Class, Importance::Low, Some("io.debezium.relational.ConcurrentMapTableMappingStorage"),
        "No effect."),
    Key("CONNECTION", DATABASE, "database.query.timeout.ms", Type::Int, Importance::Low, Some("600000"),
        "How long the database may take to answer; 0: no limit."),
];

/// The names of the database whose group of keys it is, where it is not PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Groups {
    Postgres,
    Binlog(&'static str),
}

/// Defines the common keys.
pub(crate) fn common(keys: &mut Keys, groups: Groups) {
    for Key(postgres, binlog, name, of, how, default, doc) in COMMON {
        let group = match groups {
            Groups::Postgres => postgres,
            Groups::Binlog(database) if *binlog == DATABASE => database,
            Groups::Binlog(_) => binlog,
        };
        keys.group(group);
        let default = match (groups, *name) {
            (Groups::Binlog(_), "topic.naming.strategy") => {
                Some("io.debezium.schema.DefaultTopicNamingStrategy")
            }
            (Groups::Binlog(_), "time.precision.mode") => Some("adaptive_time_microseconds"),
            _ => *default,
        };
        let key = match default {
            None => ConfigKey::nullable(name, *of, *how, doc),
            Some(default) => ConfigKey::new(name, *of, data(*of, default), *how, doc),
        };
        keys.put(match words(name) {
            Some(words) => key.validator(one_of(words)),
            None => key,
        });
    }
}

/// The words of keys that have some.
fn words(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "schema.name.adjustment.mode" | "field.name.adjustment.mode" => {
            &["none", "avro", "avro_unicode"]
        }
        "decimal.handling.mode" => &["precise", "double", "string"],
        "time.precision.mode" => &[
            "adaptive",
            "adaptive_time_microseconds",
            "connect",
            "isostring",
            "microseconds",
            "nanoseconds",
        ],
        "binary.handling.mode" => &["bytes", "base64", "base64-url-safe", "hex"],
        "event.converting.failure.handling.mode" => &["fail", "warn", "skip"],
        "event.processing.failure.handling.mode" => &["fail", "warn", "skip", "ignore"],
        "incremental.snapshot.watermarking.strategy" => &["insert_insert", "insert_delete"],
        "guardrail.collections.limit.action" => &["warn", "fail"],
        _ => return None,
    })
}

/// One of these words, in any case of letters, as Debezium says it.
pub(crate) fn one_of(words: &'static [&'static str]) -> Validator {
    Validator::custom(move |name, value| match value {
        ConfigData::String(text) if !words.iter().any(|word| word.eq_ignore_ascii_case(text)) => {
            Err(gantry_api::Error::config(format!(
                "The '{name}' value is invalid: Value must be one of {}",
                words.join(", ")
            )))
        }
        _ => Ok(()),
    })
}

/// A default of that type. Numbers and flags of the table are valid: a test reads them all.
pub(crate) fn data(of: Type, text: &str) -> ConfigData {
    match of {
        Type::Boolean => ConfigData::Boolean(text == "true"),
        Type::Int => text.parse().map_or(ConfigData::Null, ConfigData::Int),
        Type::Long => text.parse().map_or(ConfigData::Null, ConfigData::Long),
        Type::List => ConfigData::List(text.split(',').map(str::to_owned).collect()),
        Type::Class => ConfigData::Class(text.to_owned()),
        _ => ConfigData::String(text.to_owned()),
    }
}
