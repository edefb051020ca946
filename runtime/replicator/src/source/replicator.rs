//! `ReplicatorSourceConnector` of RocketMQ's replicator: the same copying, by its keys.

use gantry_api::model::config::ConfigValue;
use gantry_api::{ConfigDef, Error, Props, Result, Type, Validator};
use gantry_log::{LogRecord, RecordHeader};

use super::config::{Begin, Config, Marks};
use crate::clusters::Clusters;
use crate::filter::Filter;
use crate::keys::{self, Common, Keys};
use crate::policy::{Fixed, Policy};

const ENDPOINT: &str = "src.endpoint";
const TOPIC_TAGS: &str = "src.topictags";
const FROM_WHERE: &str = "consumefromwhere";
const FROM_TIMESTAMP: &str = "consumefromtimestamp";
const TPS: &str = "sync.tps";
const LAST: &str = "CONSUME_FROM_LAST_OFFSET";
const FIRST: &str = "CONSUME_FROM_FIRST_OFFSET";
const TIMESTAMP: &str = "CONSUME_FROM_TIMESTAMP";
/// Properties of copies, by which clients of RocketMQ's replicator know them.
const BORN_SOURCE: &str = "REPLICATOR-BORN-SOURCE";
const BORN_TOPIC: &str = "REPLICATOR-BORN-TOPIC";
const BORN_TIMESTAMP: &str = "REPLICATOR-BORN-SOURCE-TIMESTAMP";
const SOURCE_TOPIC: &str = "REPLICATOR-source-topic";
/// The tag of a message.
const TAGS: &str = "TAGS";

/// The keys that have to be given, and what they say.
const REQUIRED: [(&str, &str); 9] = [
    (ENDPOINT, "The name servers of the cluster that is read, `host:port` with `;` between them."),
    (
        TOPIC_TAGS,
        "Topics to copy: `topic,tag` with `;` between them. Several tags stand with `||` between them; `*`, or none, are all.",
    ),
    (
        "src.cloud",
        "With `src.cluster` and `src.region` the name of the source, by which copies are known.",
    ),
    ("src.region", "See `src.cloud`."),
    ("src.cluster", "See `src.cloud`."),
    (
        "dest.cloud",
        "With `dest.cluster` and `dest.region` the name of the target: what came from it is not sent back.",
    ),
    ("dest.region", "See `dest.cloud`."),
    ("dest.cluster", "See `dest.cloud`."),
    ("dest.endpoint", "Copies go into the worker's own log, whatever stands here."),
];

/// The keys, with the names and defaults of RocketMQ's replicator.
pub(crate) fn definition() -> ConfigDef {
    let mut keys = Keys::new("Source");
    for (name, doc) in REQUIRED {
        keys.required(name, doc);
    }
    keys.null(
        "src.instanceid",
        Type::String,
        "A namespace of the source: its topics are `instance%topic`.",
    )
    .required_flag("src.acl.enable", "Whether the source wants an access key.")
    .null("src.access.key", Type::Password, "The access key for the source.")
    .null("src.secret.key", Type::Password, "The secret key for the source.");
    keys.group("Target")
        .null("dest.instanceid", Type::String, "A namespace for copies.")
        .null(
            "dest.topic",
            Type::String,
            "The one topic for all copies. Not set: a copy is called as its topic.",
        )
        .required_flag("dest.acl.enable", "Not used: the worker has its own access key.")
        .null("dest.access.key", Type::Password, "Not used: the worker has its own.")
        .null("dest.secret.key", Type::Password, "Not used: the worker has its own.");
    records(&mut keys);
    keys.done()
}

fn records(keys: &mut Keys) {
    keys.group("Records")
        .add(
            FROM_WHERE,
            Type::String,
            LAST,
            "Where a queue begins of which nothing was copied yet.",
            Validator::one_of(&[LAST, FIRST, TIMESTAMP]),
        )
        .null(FROM_TIMESTAMP, Type::Long, "The time to begin at, in milliseconds since the epoch.")
        .null(
            TPS,
            Type::Int,
            "Records that a task copies in a second at most. Not set: all it can.",
        )
        .add(
            "request.task.reconfig.ms",
            Type::Long,
            30_000_i64,
            "How often new queues are looked for, in milliseconds.",
            Validator::at_least(1_i64),
        )
        .add(
            "commit.offset.interval.ms",
            Type::Long,
            10_000_i64,
            "Taken and not used: offsets are committed as the worker does.",
            None,
        )
        .add(
            "auto.create.inner.consumergroup",
            Type::Boolean,
            false,
            "Taken and not used: what is needed is made.",
            None,
        );
}

/// Adds what is wrong beyond single keys.
pub(crate) fn validate(clusters: &Clusters, props: &Props, findings: &mut Vec<ConfigValue>) {
    if findings.iter().any(|finding| !finding.errors.is_empty()) {
        return;
    }
    let wants_time = props.get(FROM_WHERE).is_some_and(|text| text.trim() == TIMESTAMP);
    if wants_time && !props.contains_key(FROM_TIMESTAMP) {
        let text = format!("{FROM_WHERE}={TIMESTAMP} needs {FROM_TIMESTAMP}");
        keys::add(findings, FROM_TIMESTAMP, text);
    }
    if let Err(error) = Config::of_replicator(props) {
        keys::add(findings, TOPIC_TAGS, error.message().to_owned());
    }
    if let Err(why) = clusters.check(&source_cluster(props)) {
        keys::add(findings, ENDPOINT, format!("{ENDPOINT}: {why}"));
    }
    for (key, value) in props {
        let copies_others = [
            "filter.properties",
            "failover.strategy",
            "src.retrygids",
            "dest.retrytopic",
            "dest.dlqgids",
            "dest.dqltopic",
        ];
        if copies_others.contains(&key.as_str()) {
            let text = format!(
                "Invalid value {value} for configuration {key}: retries and dead letters of groups \
                 are not copied, and messages are chosen by tags only; leave it out"
            );
            keys::add(findings, key, text);
        }
    }
}

/// The source under the names that the worker has for its own cluster.
pub(crate) fn source_cluster(props: &Props) -> Props {
    let named = [
        (ENDPOINT, "gantry.rocketmq.namesrv.addr"),
        ("src.acl.enable", "gantry.rocketmq.acl.enable"),
        ("src.access.key", "gantry.rocketmq.access.key"),
        ("src.secret.key", "gantry.rocketmq.secret.key"),
    ];
    let has_acl = props.get("src.acl.enable").is_some_and(|text| text.trim() == "true");
    let used = named.iter().filter(|(theirs, _)| has_acl || *theirs == ENDPOINT);
    let all =
        used.filter_map(|(theirs, ours)| Some(((*ours).to_owned(), props.get(*theirs)?.clone())));
    all.collect()
}

/// Which messages of a topic are copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tags {
    topic: String,
    /// Empty: all.
    tags: Vec<String>,
}

impl Tags {
    fn read(text: &str, instance: Option<&str>) -> Vec<Self> {
        let one = |pair: &str| {
            let (topic, tags) = pair.split_once(',').unwrap_or((pair, "*"));
            let tags = tags.split("||").map(str::trim).filter(|tag| !tag.is_empty() && *tag != "*");
            Self {
                topic: with_instance(instance, topic.trim()),
                tags: tags.map(str::to_owned).collect(),
            }
        };
        text.split(';').map(str::trim).filter(|pair| !pair.is_empty()).map(one).collect()
    }
}

/// A topic in a namespace.
fn with_instance(instance: Option<&str>, topic: &str) -> String {
    match instance.map(str::trim).filter(|instance| !instance.is_empty()) {
        Some(instance) => format!("{instance}%{topic}"),
        None => topic.to_owned(),
    }
}

/// What copies tell of where they came from, and which records are copied.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    topics: Vec<Tags>,
    /// `cloud_cluster_region` of both.
    source: String,
    target: String,
    born_topic: String,
}

impl Origin {
    /// Whether a record is to be copied: its tag is wanted, and it did not come from the target.
    pub(super) fn takes(&self, topic: &str, record: &LogRecord) -> bool {
        let value = |name: &str| {
            let header = record.headers.iter().find(|header| &*header.key == name)?;
            header.value.as_deref()
        };
        let wanted = self.topics.iter().filter(|tags| tags.topic == topic);
        let is_wanted = wanted.into_iter().any(|tags| {
            tags.tags.is_empty()
                || value(TAGS).is_some_and(|tag| tags.tags.iter().any(|one| one.as_bytes() == tag))
        });
        let mut through = value(BORN_SOURCE).unwrap_or_default().split(|byte| *byte == b',');
        is_wanted && !through.any(|name| name == self.target.as_bytes())
    }

    /// Adds the properties of a copy.
    pub(super) fn mark(&self, topic: &str, record: &mut LogRecord) {
        let born = record.headers.iter().find(|header| &*header.key == BORN_SOURCE);
        let mut through =
            born.and_then(|header| header.value.as_deref()).unwrap_or_default().to_vec();
        through.extend_from_slice(self.source.as_bytes());
        through.push(b',');
        let born_topic = record.headers.iter().any(|header| &*header.key == BORN_TOPIC);
        let time = record.timestamp_ms.to_string();
        let replaced = [BORN_SOURCE, BORN_TIMESTAMP, SOURCE_TOPIC];
        record.headers.retain(|header| !replaced.contains(&&*header.key));
        let mut put = |key: &str, value: Vec<u8>| {
            record.headers.push(RecordHeader { key: key.into(), value: Some(value.into()) });
        };
        put(BORN_SOURCE, through);
        put(BORN_TIMESTAMP, time.into_bytes());
        put(SOURCE_TOPIC, topic.as_bytes().to_vec());
        if !born_topic {
            put(BORN_TOPIC, self.born_topic.clone().into_bytes());
        }
        // In this order they are plain properties.
        record.headers.sort_by(|one, other| one.key.cmp(&other.key));
    }
}

impl Config {
    /// The values of the replicator's keys.
    pub(crate) fn of_replicator(props: &Props) -> Result<Self> {
        let config = definition().parse(props)?;
        let text = |key: &str| config.string(key).unwrap_or_default();
        let name = |end: &str| {
            let part = |what: &str| text(&format!("{end}.{what}")).to_owned();
            format!("{}_{}_{}", part("cloud"), part("cluster"), part("region"))
        };
        let instance = config.string("src.instanceid");
        let topics = Tags::read(text(TOPIC_TAGS), instance);
        if topics.is_empty() {
            return Err(Error::config(
                "Source topics & tags config cannot be null, please check the config info",
            ));
        }
        let (source, target) = (name("src"), name("dest"));
        let dest_topic = config.string("dest.topic").filter(|topic| !topic.trim().is_empty());
        let fixed = Fixed {
            topic: dest_topic.map(|topic| with_instance(config.string("dest.instanceid"), topic)),
            namespace: config.string("dest.instanceid").map(str::to_owned),
            is_shared: topics.len() > 1,
        };
        let quoted = |tags: &Tags| format!("\\Q{}\\E", tags.topic.replace("\\E", "\\E\\\\E\\Q"));
        let include: Vec<String> = topics.iter().map(quoted).collect();
        let begin = match (text(FROM_WHERE), config.long(FROM_TIMESTAMP)) {
            (TIMESTAMP, Some(timestamp_ms)) => Begin::At(timestamp_ms),
            (FIRST, _) => Begin::Earliest,
            _ => Begin::Latest,
        };
        let refresh_ms =
            config.long("request.task.reconfig.ms").and_then(|ms| u64::try_from(ms).ok());
        let born_topic = format!("{}%{}", instance.unwrap_or("null"), text(TOPIC_TAGS));
        let origin = Origin { topics, source: source.clone(), target: target.clone(), born_topic };
        Ok(Self {
            filter: Filter::new(&include, &[])?,
            attributes: Some(Filter::new(&[".*".to_owned()], &[])?),
            refresh: Some(std::time::Duration::from_millis(refresh_ms.unwrap_or(30_000))),
            sync_configs: true,
            copies_heartbeats: false,
            marks: Marks::Replicator(origin),
            emit_syncs: true,
            begin,
            read_committed: true,
            poll_timeout: std::time::Duration::from_secs(1),
            rate: config
                .long(TPS)
                .and_then(|rate| u64::try_from(rate).ok())
                .filter(|rate| *rate > 0),
            common: Common { enabled: true, source, target, policy: Policy::fixed(fixed) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &[(&str, &str)]) -> Config {
        let mut props = Props::new();
        for (key, value) in [
            (ENDPOINT, "x:1"),
            (TOPIC_TAGS, "orders,red || green;bills"),
            ("src.cloud", "c1"),
            ("src.region", "r1"),
            ("src.cluster", "k1"),
            ("dest.cloud", "c2"),
            ("dest.region", "r2"),
            ("dest.cluster", "k2"),
            ("dest.endpoint", "y:1"),
            ("src.acl.enable", "false"),
            ("dest.acl.enable", "false"),
        ]
        .iter()
        .chain(more)
        {
            props.insert((*key).to_owned(), (*value).to_owned());
        }
        Config::of_replicator(&props).unwrap()
    }

    fn record(headers: &[(&str, &str)]) -> LogRecord {
        let header = |(name, value): &(&str, &str)| RecordHeader {
            key: (*name).into(),
            value: Some(bytes::Bytes::copy_from_slice(value.as_bytes())),
        };
        LogRecord {
            headers: headers.iter().map(header).collect(),
            timestamp_ms: 5,
            ..LogRecord::default()
        }
    }

    #[test]
    fn keys_choose_topics_tags_and_the_place_to_begin() {
        let plain = config(&[]);
        assert!(plain.copies("orders") && plain.copies("bills") && !plain.copies("orders2"));
        assert!(matches!(plain.begin, Begin::Latest));
        assert_eq!(&*plain.common.policy.remote("c1_k1_r1", "orders"), "orders");
        let other = config(&[
            ("dest.topic", "all"),
            ("dest.instanceid", "i"),
            (FROM_WHERE, FIRST),
            ("src.instanceid", "s"),
        ]);
        assert_eq!(&*other.common.policy.remote("x", "orders"), "i%all");
        assert!(other.copies("s%orders") && !other.copies("orders"));
        assert!(matches!(other.begin, Begin::Earliest));
        let at = config(&[(FROM_WHERE, TIMESTAMP), (FROM_TIMESTAMP, "77"), (TPS, "5")]);
        assert!(matches!(at.begin, Begin::At(77)) && at.rate == Some(5));
    }

    #[test]
    fn copies_are_marked_and_not_sent_back() {
        let Marks::Replicator(origin) = config(&[]).marks else { panic!("no marks") };
        assert!(origin.takes("orders", &record(&[("TAGS", "green")])));
        assert!(!origin.takes("orders", &record(&[("TAGS", "blue")])));
        assert!(origin.takes("bills", &record(&[])));
        assert!(!origin.takes("bills", &record(&[(BORN_SOURCE, "c2_k2_r2,")])));
        let mut copy = record(&[("b", "x")]);
        origin.mark("bills", &mut copy);
        origin.mark("bills", &mut copy);
        let found: Vec<(&str, &[u8])> =
            copy.headers.iter().map(|h| (&*h.key, h.value.as_deref().unwrap())).collect();
        assert_eq!(
            found,
            [
                (BORN_SOURCE, &b"c1_k1_r1,c1_k1_r1,"[..]),
                (BORN_TIMESTAMP, b"5"),
                (BORN_TOPIC, b"null%orders,red || green;bills"),
                (SOURCE_TOPIC, b"bills"),
                ("b", b"x"),
            ]
        );
    }
}
