//! Keys of Kafka Streams that have no meaning here, and those that are none.

use super::props::KEYS;
use crate::error::StreamsError;

pub(super) const CLIENTS: &str = "there are no Kafka clients here: how the log is reached is set where it is opened, for Streams::start";
const METRICS: &str = "metrics are what Streams::status and Streams::prometheus give";
const SERDES: &str =
    "each source and sink of the program says how its records are read and written";
const ASSIGNMENT: &str = "which instance and thread has a task is not chosen by settings";

/// Keys of Kafka Streams that cannot be obeyed, and what to do.
pub(super) const REFUSED: [(&str, &str); 59] = [
    ("acceptable.recovery.lag", ASSIGNMENT),
    ("allow.os.group.write.access", "the state directory has the permissions of the process"),
    ("application.id", "the job has the name that StreamBuilder::new is given"),
    ("bootstrap.servers", CLIENTS),
    ("buffered.records.per.partition", "set fetch.max.bytes, what a thread reads at once"),
    ("built.in.metrics.version", METRICS),
    ("client.id", CLIENTS),
    ("connections.max.idle.ms", CLIENTS),
    ("default.client.supplier", CLIENTS),
    ("default.dsl.store", "state is in RocksDB"),
    ("default.key.serde", SERDES),
    ("default.list.key.serde.inner", SERDES),
    ("default.list.key.serde.type", SERDES),
    ("default.list.value.serde.inner", SERDES),
    ("default.list.value.serde.type", SERDES),
    ("default.production.exception.handler", "what cannot be written stops the job"),
    (
        "default.timestamp.extractor",
        "give records their time with Stream::select_timestamp, or let windows go by processing_time",
    ),
    ("default.value.serde", SERDES),
    ("dsl.store.suppliers.class", "state is in RocksDB"),
    ("enable.metrics.push", METRICS),
    ("ensure.explicit.internal.resource.naming", "topics and stores of the job are named by it"),
    ("group.protocol", ASSIGNMENT),
    ("log.summary.interval.ms", METRICS),
    ("max.warmup.replicas", ASSIGNMENT),
    ("metadata.max.age.ms", CLIENTS),
    ("metadata.recovery.rebootstrap.trigger.ms", CLIENTS),
    ("metadata.recovery.strategy", CLIENTS),
    ("metric.reporters", METRICS),
    ("metrics.num.samples", METRICS),
    ("metrics.recording.level", METRICS),
    ("metrics.sample.window.ms", METRICS),
    ("poll.ms", "how long a read waits follows from commit.interval.ms"),
    ("probing.rebalance.interval.ms", ASSIGNMENT),
    ("processing.exception.handler", "a function that fails stops the job"),
    ("processor.wrapper.class", "wrap a processor where Stream::process is given it"),
    ("production.exception.handler", "what cannot be written stops the job"),
    ("rack.aware.assignment.non_overlap_cost", ASSIGNMENT),
    ("rack.aware.assignment.strategy", ASSIGNMENT),
    ("rack.aware.assignment.tags", ASSIGNMENT),
    ("rack.aware.assignment.traffic_cost", ASSIGNMENT),
    ("receive.buffer.bytes", CLIENTS),
    ("reconnect.backoff.max.ms", CLIENTS),
    ("reconnect.backoff.ms", CLIENTS),
    ("repartition.purge.interval.ms", "shuffle topics have the retention of the log"),
    ("replication.factor", "topics of the job are made as the log makes topics"),
    ("request.timeout.ms", CLIENTS),
    ("retries", CLIENTS),
    ("retry.backoff.max.ms", CLIENTS),
    ("retry.backoff.ms", CLIENTS),
    ("rocksdb.config.setter", "of RocksDB set gantry.block.cache.bytes"),
    ("security.protocol", CLIENTS),
    ("send.buffer.bytes", CLIENTS),
    ("state.cleanup.delay.ms", "state that is not used stays where it is"),
    ("task.assignor.class", ASSIGNMENT),
    ("task.timeout.ms", "a job waits for a log that cannot be reached"),
    ("topology.optimization", "the topology runs as the program says it"),
    ("upgrade.from", "there is nothing to upgrade from: state is not Kafka Streams'"),
    ("windowed.inner.class.serde", SERDES),
    ("windowstore.changelog.additional.retention.ms", "change logs are compacted"),
];

/// Whatever stands behind these is for clients that are not here.
const CLIENT_PREFIXES: [&str; 9] = [
    "admin.",
    "consumer.",
    "global.consumer.",
    "main.consumer.",
    "producer.",
    "restore.consumer.",
    "sasl.",
    "ssl.",
    "topic.",
];

/// Why a key has no setting. Its value is not told: it may be a secret.
pub(super) fn refusal(key: &str) -> StreamsError {
    let known = REFUSED.iter().find(|(refused, _)| *refused == key).map(|(_, why)| *why);
    let client = || CLIENT_PREFIXES.iter().any(|prefix| key.starts_with(prefix)).then_some(CLIENTS);
    let reason = match known.or_else(client) {
        Some(why) => format!("it has no meaning here: {why}"),
        None => match nearest(key) {
            Some(known) => format!("there is no such key; did you mean {known}?"),
            None => "there is no such key".to_owned(),
        },
    };
    StreamsError::UnknownKey { key: key.to_owned(), reason }
}

/// Below this likeness (0 to 1) a known key is not offered.
const LIKENESS_MIN: f64 = 0.6;

fn nearest(unknown: &str) -> Option<&'static str> {
    let known = KEYS.iter().map(|(key, _)| *key);
    let alike = known.map(|key| (strsim::normalized_damerau_levenshtein(unknown, key), key));
    let alike = alike.filter(|(likeness, _)| *likeness >= LIKENESS_MIN);
    alike.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, key)| key)
}
