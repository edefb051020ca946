//! The keys of the source connector.

use std::time::Duration;

use gantry_api::model::config::{ConfigValue, ParsedConfig};
use gantry_api::{ConfigDef, Error, Props, Result, Type, Validator};
use gantry_log::TopicPartition;

use super::replicator::{self, Origin};
use crate::clusters::Clusters;
use crate::filter::Filter;
use crate::keys::{self, Common, POLL_TIMEOUT, TOPICS, TOPICS_EXCLUDE};

pub(crate) const ASSIGNED: &str = "task.assigned.partitions";
const EMIT_SYNCS: &str = "emit.offset-syncs.enabled";
const HEARTBEATS: &str = "heartbeats.replication.enabled";
const SYNC_CONFIGS: &str = "sync.topic.configs";
const REFRESH: &str = "refresh.topics";
const PROVENANCE: &str = "gantry.provenance.enabled";
/// Of each pair the first one counts that is set.
const RESET: [&str; 2] = ["source.consumer.auto.offset.reset", "consumer.auto.offset.reset"];
const ISOLATION: [&str; 2] = ["source.consumer.isolation.level", "consumer.isolation.level"];
const PROPERTIES: [&str; 7] = [
    "follower\\.replication\\.throttled\\.replicas",
    "leader\\.replication\\.throttled\\.replicas",
    "message\\.timestamp\\.difference\\.max\\.ms",
    "message\\.timestamp\\.type",
    "unclean\\.leader\\.election\\.enable",
    "min\\.insync\\.replicas",
    "follower\\.replication\\.throttled\\.replicas",
];

/// The keys, with names, types and defaults of MirrorMaker's.
pub(crate) fn definition() -> ConfigDef {
    let mut keys = keys::common(true);
    keys::topics(&mut keys);
    keys.repeated(REFRESH, true, 600, "new topics and queues of the source are looked for")
        .repeated(SYNC_CONFIGS, true, 600, "copies are made like their topics, beside the number of queues: attributes of RocketMQ such as message.type, and compaction")
        .add(HEARTBEATS, Type::Boolean, true, "Whether topics of heartbeats are copied also if `topics` does not name them.", None)
        .patterns("config.properties.exclude", PROPERTIES.get(..6).unwrap_or_default(), "Attributes of topics not to copy: names and patterns.")
        .class("config.property.filter.class", "org.apache.kafka.connect.mirror.DefaultConfigPropertyFilter", "Only the default is taken: it reads `config.properties.exclude`.");
    keys.group("Records");
    for (name, default, allowed, doc) in [
        (
            RESET[1],
            "earliest",
            &["earliest", "latest"][..],
            "Where a queue begins of which nothing was copied yet. `source.consumer.auto.offset.reset` says the same and wins.",
        ),
        (
            ISOLATION[1],
            "read_committed",
            &["read_committed", "read_uncommitted"][..],
            "Whether records of Gantry's exactly-once sources are copied only once they are committed. `source.consumer.isolation.level` says the same and wins.",
        ),
    ] {
        keys.add(name, Type::String, default, doc, Validator::one_of(allowed));
    }
    for (name, allowed) in [
        (RESET[0], &["earliest", "latest"][..]),
        (ISOLATION[0], &["read_committed", "read_uncommitted"][..]),
    ] {
        keys.add(
            name,
            Type::String,
            gantry_api::model::config::ConfigData::Null,
            "See the key without `source.`.",
            optional(allowed),
        );
    }
    keys.add(PROVENANCE, Type::Boolean, true, "With IdentityReplicationPolicy: whether copies carry a header that names the clusters they came through, so that none is sent back. Copies have no such header otherwise.", None)
        .add(EMIT_SYNCS, Type::Boolean, true, "Whether it is written down where copies are: without, offsets of groups cannot follow.", None)
        .add("offset.lag.max", Type::Long, 100_i64, "Taken and not used: where copies are is written down each second while anything is copied.", None)
        .repeated("sync.topic.acls", true, 600, "Taken and not used: who may do what stands in the brokers, and is not copied; access rights are copied")
        .replication_factor("replication.factor", Type::Int, 2)
        .replication_factor("offset-syncs.topic.replication.factor", Type::Short, 3);
    keys.done()
}

/// One of these words, or null.
fn optional(words: &[&str]) -> Validator {
    let one_of = Validator::one_of(words);
    Validator::custom(move |name, value| match value {
        gantry_api::model::config::ConfigData::Null => Ok(()),
        value => one_of.check(name, value),
    })
}

/// Adds what is wrong beyond single keys.
pub(crate) fn validate(clusters: &Clusters, props: &Props, findings: &mut Vec<ConfigValue>) {
    keys::validate(clusters, true, &[], props, findings);
    let syncs_off = props.get(EMIT_SYNCS).is_some_and(|text| text.trim() == "false");
    if syncs_off
        && props
            .keys()
            .any(|key| key.starts_with("offset-syncs-") || key.starts_with("offset-syncs.topic."))
    {
        let text = format!(
            "MirrorSourceConnector can't setup offset-syncs feature while {EMIT_SYNCS} set to false"
        );
        keys::add(findings, EMIT_SYNCS, text);
    }
    let is_required =
        props.get("exactly.once.support").is_some_and(|text| text.trim() == "required");
    if is_required && !reads_committed(|key| props.get(key).cloned()) {
        keys::add(
            findings,
            "exactly.once.support",
            "MirrorSourceConnector can only provide exactly-once guarantees when its source \
             consumer is configured with isolation.level set to 'read_committed'; otherwise, \
             records from aborted and uncommitted transactions will be replicated from the source \
             cluster to the target cluster."
                .to_owned(),
        );
    }
}

fn first_set(keys: [&str; 2], get: impl Fn(&str) -> Option<String>) -> Option<String> {
    keys.into_iter().find_map(get)
}

/// Whether the source is read without what does not count.
pub(crate) fn reads_committed(get: impl Fn(&str) -> Option<String>) -> bool {
    first_set(ISOLATION, get).is_none_or(|level| level.trim() == "read_committed")
}

/// Of all queues, those that a task copies: `topic-3,topic-4`.
pub(crate) fn assigned(text: &str) -> Result<Vec<TopicPartition>> {
    let queue = |text: &str| {
        let (topic, queue) = text.rsplit_once('-')?;
        Some(TopicPartition::new(topic, queue.parse().ok()?))
    };
    let all = text.split(',').filter(|text| !text.is_empty()).map(|text| {
        queue(text).ok_or_else(|| {
            Error::config(format!("Invalid value {text} for configuration {ASSIGNED}: no queue"))
        })
    });
    all.collect()
}

/// The values of the keys.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) common: Common,
    pub(crate) filter: Filter,
    /// Attributes that are not copied.
    pub(crate) attributes: Option<Filter>,
    pub(crate) refresh: Option<Duration>,
    pub(crate) sync_configs: bool,
    pub(crate) copies_heartbeats: bool,
    pub(crate) marks: Marks,
    pub(crate) emit_syncs: bool,
    pub(crate) begin: Begin,
    pub(crate) read_committed: bool,
    pub(crate) poll_timeout: Duration,
    /// Records in a second at most.
    pub(crate) rate: Option<u64>,
}

/// By which keys a source connector is told what to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    pub(crate) config: fn(&Props) -> Result<Config>,
    /// The source, under the worker's own names for clusters.
    pub(crate) cluster: fn(&Props) -> Props,
    pub(crate) validate: fn(&Clusters, &Props, &mut Vec<ConfigValue>),
}

impl Dialect {
    pub(crate) const MIRROR: Self =
        Self { config: Config::of, cluster: keys::source_cluster, validate };
    pub(crate) const REPLICATOR: Self = Self {
        config: Config::of_replicator,
        cluster: replicator::source_cluster,
        validate: replicator::validate,
    };
}

/// Where a queue begins of which nothing was copied yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    Earliest,
    Latest,
    /// With the first record of this time or later, in milliseconds since the epoch.
    At(i64),
}

/// What copies tell of where they came from.
#[derive(Clone, Debug)]
pub(crate) enum Marks {
    /// Nothing: they are the originals to the byte.
    None,
    /// A header of ours.
    Provenance,
    /// Properties of RocketMQ's replicator.
    Replicator(Origin),
}

impl Config {
    pub(crate) fn of(props: &Props) -> Result<Self> {
        let config: ParsedConfig = definition().parse(props)?;
        let get = |key: &str| config.string(key).map(str::to_owned);
        let common = Common::of(&config)?;
        let sync_configs = config.boolean("sync.topic.configs.enabled");
        let all = [".*".to_owned()];
        let excluded = config.list("config.properties.exclude");
        let attributes = sync_configs.then(|| Filter::new(&all, excluded)).transpose()?;
        let timeout_ms = config.long(POLL_TIMEOUT).and_then(|ms| u64::try_from(ms).ok());
        Ok(Self {
            filter: Filter::new(config.list(TOPICS), config.list(TOPICS_EXCLUDE))?,
            attributes,
            refresh: keys::interval(&config, REFRESH),
            sync_configs,
            copies_heartbeats: config.boolean(HEARTBEATS),
            marks: match common.policy.is_identity && config.boolean(PROVENANCE) {
                true => Marks::Provenance,
                false => Marks::None,
            },
            emit_syncs: config.boolean(EMIT_SYNCS),
            begin: match first_set(RESET, get).as_deref() {
                Some("latest") => Begin::Latest,
                _ => Begin::Earliest,
            },
            rate: None,
            read_committed: reads_committed(get),
            poll_timeout: Duration::from_millis(timeout_ms.unwrap_or(1_000)),
            common,
        })
    }

    /// Whether a topic of the source is copied.
    pub(crate) fn copies(&self, topic: &str) -> bool {
        let Common { policy, target, .. } = &self.common;
        let wanted =
            self.filter.takes(topic) || (self.copies_heartbeats && policy.is_heartbeats(topic));
        wanted && !policy.is_internal(topic) && !policy.is_cycle(topic, target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props(more: &[(&str, &str)]) -> Props {
        let given = [("source.cluster.alias", "a"), ("target.cluster.alias", "b")];
        let namesrv = [("source.cluster.gantry.rocketmq.namesrv.addr", "x:1")];
        let all = given.iter().chain(&namesrv).chain(more);
        all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn defaults_are_mirrormakers() {
        let config = Config::of(&props(&[])).unwrap();
        assert_eq!(config.refresh, Some(Duration::from_secs(600)));
        assert!(config.read_committed && config.begin == Begin::Earliest && config.emit_syncs);
        assert!(matches!(config.marks, Marks::None), "names say where copies came from");
        for (topic, copied) in [
            ("orders", true),
            ("a.orders", true),
            ("b.orders", false),
            ("x-internal", false),
            ("x.replica", false),
            ("heartbeats", true),
            ("b.heartbeats", false),
        ] {
            assert_eq!(config.copies(topic), copied, "{topic}");
        }
        let only = Config::of(&props(&[("topics", "orders")])).unwrap();
        assert!(only.copies("heartbeats") && !only.copies("bills"));
        let identity = [("replication.policy.class", "IdentityReplicationPolicy")];
        assert!(matches!(Config::of(&props(&identity)).unwrap().marks, Marks::Provenance));
    }

    #[test]
    fn queues_are_read_from_the_last_dash() {
        let found = assigned("my-topic-3,t-0").unwrap();
        assert_eq!(found, [TopicPartition::new("my-topic", 3), TopicPartition::new("t", 0)]);
        assert!(assigned("x").is_err());
    }
}
