//! What the keys of the sources say.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::model::config::{ConfigData, ParsedConfig};
use gantry_api::{ConfigDef, Importance, Props, Result, Type, Validator};

use super::super::client::{Channels, Mode, Place};
use super::super::keys::{self as shared, CLUSTER, CLUSTER_ENABLED, Wrong};
use super::entries::Id;
use crate::keys::{Keys, invalid};

const TOPIC: &str = "topic";
const BATCH_SIZE: &str = "batch.size";
const STREAM: &str = "redis.stream.name";
const OFFSET: &str = "redis.stream.offset";
const DELIVERY: &str = "redis.stream.delivery";
const GROUP: &str = "redis.stream.consumer.group";
const CONSUMER: &str = "redis.stream.consumer.name";
const BLOCK: &str = "redis.stream.block";
const PATTERN: &str = "redis.keys.pattern";
const IDLE: &str = "redis.keys.timeout";
const MODE: &str = "mode";
pub(super) const CHANNELS: &str = "redis.channels";
const PATTERNS: &str = "redis.channels.pattern.enabled";
/// A task's number and how many there are, which the connector tells it.
pub(super) const TASK: &str = "task.id";
pub(super) const TASKS: &str = "gantry.task.count";
/// The server waits at most so long by itself, so that what is acknowledged does not wait for it.
const BLOCK_MAX: Duration = Duration::from_secs(1);

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    /// Entries of a stream, as a consumer of a group.
    Stream,
    /// Keys that change.
    Keys,
    /// Messages of channels.
    Channels,
}

impl Kind {
    pub(super) fn check(self, props: &Props) -> Result<Result<(), Wrong>> {
        Ok(match self {
            Self::Stream => StreamConfig::read(props)?.map(|_| ()),
            Self::Keys => KeysConfig::read(props)?.map(|_| ()),
            Self::Channels => ChannelConfig::read(props)?.map(|_| ()),
        })
    }
}

fn batch_size(keys: &mut Keys) {
    let doc = "How many records are read at a time at most.";
    keys.add_valid(BATCH_SIZE, Type::Int, 500, Importance::Low, doc, Validator::at_least(1));
}

/// All keys of the source of streams.
pub(in super::super) fn stream() -> ConfigDef {
    use Importance::{High, Low, Medium};
    let text = Type::String;
    let mut keys = Keys::new("Redis");
    shared::redis(&mut keys);
    keys.group("Source");
    batch_size(&mut keys);
    let doc = "The topic that records go to; ${stream} is the stream's name.";
    keys.add(TOPIC, text, "${stream}", Medium, doc);
    keys.required_valid(STREAM, text, High, "The stream's name.", Validator::NonEmptyString);
    let rule = Validator::custom(|name, value| match value {
        ConfigData::String(text) if text != "$" && Id::parse(text).is_none() => Err(invalid(
            name,
            value,
            "it must be the id of an entry, as 0-0, or $ for what comes from now on",
        )),
        _ => Ok(()),
    });
    let doc = "Behind which entry a consumer group begins that is not there yet.";
    keys.add_valid(OFFSET, text, "0-0", Medium, doc, rule);
    let words = Validator::one_of(&["at-least-once", "at-most-once"]);
    let doc = "When entries are acknowledged: when they are in the topic (at-least-once) or when they are read (at-most-once).";
    keys.add_valid(DELIVERY, text, "at-least-once", Medium, doc, words);
    let doc = "The consumer group, which is made if it is not there.";
    keys.add_valid(GROUP, text, "kafka-consumer-group", Medium, doc, Validator::NonEmptyString);
    let doc = "The consumer's name; ${task} is the task's number.";
    keys.add_valid(CONSUMER, text, "consumer-${task}", Medium, doc, Validator::NonEmptyString);
    let doc =
        "How many milliseconds the server waits for entries before it says that there are none.";
    keys.add_valid(BLOCK, Type::Long, 100_i64, Low, doc, Validator::at_least(0));
    keys.done()
}

/// All keys of the source of keys.
pub(in super::super) fn keys() -> ConfigDef {
    use Importance::{Low, Medium};
    let text = Type::String;
    let mut keys = Keys::new("Redis");
    shared::redis(&mut keys);
    keys.group("Source");
    batch_size(&mut keys);
    keys.add(TOPIC, text, "rediskeys", Medium, "The topic that records go to.");
    keys.add(PATTERN, text, "*", Medium, "Which keys, as a pattern of Redis: * ? [abc].");
    let doc = "After how many milliseconds without a change nothing more is read; 0: never.";
    keys.add_valid(IDLE, Type::Long, 0_i64, Low, doc, Validator::at_least(0));
    let words = ["LIVE", "LIVEONLY", "SCAN"].map(str::to_owned).to_vec();
    let doc = "What is read: all keys and then those that change (LIVE), those that change (LIVEONLY), or all keys once (SCAN).";
    keys.add_valid(MODE, text, "LIVE", Medium, doc, Validator::CaseInsensitiveValidString(words));
    keys.done()
}

/// All keys of the source of channels.
pub(in super::super) fn channels() -> ConfigDef {
    use Importance::High;
    let mut keys = Keys::new("Redis");
    shared::petersen(&mut keys);
    keys.group("Source");
    keys.required(TOPIC, Type::String, High, "The topic that records go to.");
    let filled = Validator::custom(|name, value| match value {
        ConfigData::List(list) if list.iter().all(String::is_empty) => {
            Err(invalid(name, value, "it must name a channel"))
        }
        _ => Ok(()),
    });
    keys.required_valid(CHANNELS, Type::List, High, "The channels, or patterns of them.", filled);
    let doc = "Whether redis.channels are patterns of Redis: * ? [abc].";
    keys.required(PATTERNS, Type::Boolean, High, doc);
    keys.done()
}

/// What the keys of a stream's source say.
#[derive(Clone, Debug)]
pub(super) struct StreamConfig {
    pub(super) place: Arc<Place>,
    pub(super) topic: String,
    pub(super) stream: String,
    pub(super) offset: String,
    pub(super) is_at_most_once: bool,
    pub(super) group: String,
    pub(super) consumer: String,
    pub(super) block: Duration,
    pub(super) count: usize,
    /// Whether there is no other task.
    pub(super) is_alone: bool,
}

impl StreamConfig {
    pub(super) fn read(props: &Props) -> Result<Result<Self, Wrong>> {
        let config = stream().parse(props)?;
        let text = |name: &str| config.string(name).unwrap_or_default().to_owned();
        let of_task = |name: &str| props.get(name).map(String::as_str);
        let block = shared::millis(&config, BLOCK);
        let stream = text(STREAM);
        Ok(shared::redis_place(&config).map(|place| Self {
            place: Arc::new(place),
            topic: text(TOPIC).replace("${stream}", &stream),
            offset: text(OFFSET),
            is_at_most_once: text(DELIVERY) == "at-most-once",
            group: text(GROUP),
            consumer: text(CONSUMER).replace("${task}", of_task(TASK).unwrap_or("0")),
            // For Redis 0 is without end; so it is here, in parts.
            block: if block.is_zero() { BLOCK_MAX } else { block.min(BLOCK_MAX) },
            count: count(&config),
            is_alone: of_task(TASKS).is_none_or(|tasks| tasks == "1"),
            stream,
        }))
    }
}

fn count(config: &ParsedConfig) -> usize {
    config.long(BATCH_SIZE).and_then(|count| usize::try_from(count).ok()).unwrap_or(500)
}

/// What the keys of the source of keys say.
#[derive(Clone, Debug)]
pub(super) struct KeysConfig {
    pub(super) place: Arc<Place>,
    pub(super) topic: String,
    pub(super) pattern: String,
    pub(super) idle: Option<Duration>,
    pub(super) scans: bool,
    pub(super) listens: bool,
    pub(super) count: usize,
}

impl KeysConfig {
    pub(super) fn read(props: &Props) -> Result<Result<Self, Wrong>> {
        let config = keys().parse(props)?;
        let text = |name: &str| config.string(name).unwrap_or_default().to_owned();
        let mode = text(MODE).to_uppercase();
        let idle = shared::millis(&config, IDLE);
        let place = shared::redis_place(&config).and_then(|place| single(&config, place, CLUSTER));
        Ok(place.map(|place| Self {
            place: Arc::new(place),
            topic: text(TOPIC),
            pattern: text(PATTERN),
            idle: (!idle.is_zero()).then_some(idle),
            scans: mode != "LIVEONLY",
            listens: mode != "SCAN",
            count: count(&config),
        }))
    }
}

/// What the keys of the source of channels say.
#[derive(Clone, Debug)]
pub(super) struct ChannelConfig {
    pub(super) place: Arc<Place>,
    pub(super) topic: String,
    pub(super) channels: Channels,
}

impl ChannelConfig {
    pub(super) fn read(props: &Props) -> Result<Result<Self, Wrong>> {
        let config = channels().parse(props)?;
        let names = config.list(CHANNELS).iter().filter(|name| !name.is_empty()).cloned().collect();
        let place = shared::petersen_place(&config);
        let place = place.and_then(|place| single(&config, place, CLUSTER_ENABLED));
        Ok(place.map(|place| Self {
            place: Arc::new(place),
            topic: config.string(TOPIC).unwrap_or_default().to_owned(),
            channels: Channels { names, are_patterns: config.boolean(PATTERNS) },
        }))
    }
}

/// Each node of a cluster tells only of its own keys, and of messages each tells all.
fn single(config: &ParsedConfig, place: Place, key: &'static str) -> Result<Place, Wrong> {
    match place.mode {
        Mode::Cluster => Err(Wrong::of(
            config,
            key,
            "this source does not listen to a cluster; have one connector for each of its masters, and set it to false",
        )),
        _ => Ok(place),
    }
}
