//! The keys of RocketMQ Connect's worker file (`connect-standalone.conf`), translated into
//! Gantry's.

use gantry_api::Props;

use super::dialect::converter;
use super::translation::Translation;

/// What becomes of a key.
enum Use {
    /// It has this name here.
    As(&'static str),
    /// It has this name here, and no message shows its value.
    Secret(&'static str),
    /// It names a converter's class; it has this name here.
    Converter(&'static str),
    /// It has no use here, for this reason.
    No(&'static str),
}

use Use::{As, Converter, No, Secret};

const NO_CLIENTS: &str = "there are no RocketMQ clients in this version";
const IN_THE_LOG: &str = "offsets are written together with the records";
const ONE_STORE: &str = "one store is built in: the log";
const METRICS: &str = "metrics are at /metrics of Kafka Connect's REST API";

/// RocketMQ Connect's port where a worker file does not say.
const PORT_DEFAULT: &str = "8082";
/// Its converter where a worker file does not say.
const CONVERTER_DEFAULT: &str = "org.apache.kafka.connect.storage.StringConverter";
const PORT: &str = "gantry.rocketmq.connect.port";

const KEYS: &[(&str, Use)] = &[
    ("workerId", No("this worker is known by the address of its REST API")),
    ("connectClusterId", As("group.id")),
    ("namesrvAddr", As("gantry.rocketmq.namesrv.addr")),
    ("httpPort", As(PORT)),
    ("pluginPaths", As("plugin.path")),
    ("aclEnable", As("gantry.rocketmq.acl.enable")),
    ("accessKey", Secret("gantry.rocketmq.access.key")),
    ("secretKey", Secret("gantry.rocketmq.secret.key")),
    ("autoCreateGroupEnable", No("consumer groups need no creation")),
    ("autoCreateTopicEnable", As("topic.creation.enable")),
    ("clusterName", No(NO_CLIENTS)),
    ("keyConverter", Converter("key.converter")),
    ("valueConverter", Converter("value.converter")),
    ("storePathRootDir", As("gantry.data.dir")),
    ("maxMessageSize", No(NO_CLIENTS)),
    ("operationTimeout", No(NO_CLIENTS)),
    ("clusterStoreTopic", No("a standalone worker is alone")),
    ("configStoreTopic", As("config.storage.topic")),
    ("positionStoreTopic", As("offset.storage.topic")),
    ("offsetStoreTopic", No("sink offsets are in offset.storage.topic as well")),
    ("connectStatusTopic", As("status.storage.topic")),
    ("allocTaskStrategy", No("a standalone worker is alone")),
    ("configPersistInterval", No("connectors live as long as the process")),
    ("positionPersistInterval", No(IN_THE_LOG)),
    ("offsetPersistInterval", No("offset.flush.interval.ms says when a sink commits")),
    ("statePersistInterval", No("states live as long as the process")),
    ("rmqProducerGroup", No(NO_CLIENTS)),
    ("rmqConsumerGroup", No(NO_CLIENTS)),
    ("adminExtGroup", No(NO_CLIENTS)),
    ("rmqMaxRedeliveryTimes", No(NO_CLIENTS)),
    ("rmqMessageConsumeTimeout", No(NO_CLIENTS)),
    ("rmqMaxConsumeThreadNums", No(NO_CLIENTS)),
    ("rmqMinConsumeThreadNums", No(NO_CLIENTS)),
    ("brokerSuspendMaxTimeMillis", No(NO_CLIENTS)),
    ("maxStartTimeoutMills", No("a task has no time limit to start")),
    ("maxStopTimeoutMills", As("task.shutdown.graceful.timeout.ms")),
    ("offsetCommitTimeoutMsConfig", As("offset.flush.timeout.ms")),
    ("offsetCommitIntervalMsConfig", As("offset.flush.interval.ms")),
    ("openLogMetricReporter", No(METRICS)),
    ("metricsConfigPath", No(METRICS)),
    ("connectHome", No("the program is one file")),
    ("clusterManagementService", No("a standalone worker is alone")),
    ("configManagementService", No(ONE_STORE)),
    ("positionManagementService", No(ONE_STORE)),
    ("stateManagementService", No(ONE_STORE)),
];

/// All keys, each with its name here, if it has one.
#[cfg(test)]
pub(super) fn worker_key_names() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    KEYS.iter().map(|(theirs, use_)| match use_ {
        As(ours) | Secret(ours) | Converter(ours) => (*theirs, Some(*ours)),
        No(_) => (*theirs, None),
    })
}

/// Translates worker keys; those of Kafka Connect and Gantry stay. The error is a sentence that
/// names the keys and the remedy.
pub(crate) fn translate_worker(props: &Props) -> Result<Translation, String> {
    let mut translation = Translation::of(props);
    for (theirs, use_) in KEYS {
        // RocketMQ Connect takes an empty value as none.
        if translation.config.get(*theirs).is_some_and(|value| value.trim().is_empty()) {
            translation.config.remove(*theirs);
            continue;
        }
        match use_ {
            As(ours) => translation.rename(theirs, ours, |value| Ok(value.to_owned()))?,
            Secret(ours) => translation.rename_secret(theirs, ours)?,
            Converter(ours) => translation
                .rename(theirs, ours, |class| Ok(converter(class).unwrap_or(class).to_owned()))?,
            No(why) => translation.leave_out(theirs, why),
        }
    }
    Ok(translation)
}

/// Gives a worker file with RocketMQ Connect's keys RocketMQ Connect's defaults, where Gantry
/// has others or none. Any other file stays as it is.
pub(crate) fn with_defaults(mut translation: Translation) -> Translation {
    if translation.mapped.is_empty() && translation.warnings.is_empty() {
        return translation;
    }
    let defaults = [
        (PORT, PORT_DEFAULT),
        ("key.converter", CONVERTER_DEFAULT),
        ("value.converter", CONVERTER_DEFAULT),
    ];
    for (key, value) in defaults {
        if !translation.config.contains_key(key) {
            translation.config.insert(key.to_owned(), value.to_owned());
            translation.mapped.push(format!("no {key} as {value}"));
        }
    }
    translation
}
