//! The keys that the connectors share, and what can be wrong with them.

use std::time::Duration;

use gantry_api::model::config::{ConfigData, ConfigValue, ParsedConfig};
use gantry_api::{ConfigDef, ConfigKey, Error, Importance, Props, Result, Type, Validator, Width};

use crate::clusters::Clusters;
use crate::filter;
use crate::policy::{DEFAULT_CLASS, IDENTITY_CLASS, Policy};

pub(crate) const ENABLED: &str = "enabled";
pub(crate) const SOURCE_ALIAS: &str = "source.cluster.alias";
pub(crate) const TARGET_ALIAS: &str = "target.cluster.alias";
pub(crate) const POLICY_CLASS: &str = "replication.policy.class";
const POLICY_SEPARATOR: &str = "replication.policy.separator";
const INTERNAL_SEPARATOR: &str = "replication.policy.internal.topic.separator.enabled";
const FORWARDING_ADMIN: &str = "forwarding.admin.class";
const FORWARDING_ADMIN_DEFAULT: &str = "org.apache.kafka.clients.admin.ForwardingAdmin";
pub(crate) const TOPICS: &str = "topics";
pub(crate) const TOPICS_EXCLUDE: &str = "topics.exclude";
const TOPIC_FILTER: &str = "topic.filter.class";
pub(crate) const TOPIC_FILTER_DEFAULT: &str = "org.apache.kafka.connect.mirror.DefaultTopicFilter";
pub(crate) const POLL_TIMEOUT: &str = "consumer.poll.timeout.ms";
pub(crate) const SYNCS_LOCATION: &str = "offset-syncs.topic.location";
/// Keys of the cluster that is read, in front of the worker's own names for such.
pub(crate) const SOURCE_PREFIX: &str = "source.cluster.";
const TARGET_PREFIX: &str = "target.cluster.";
const OF_SOURCE: &str = "source.cluster.gantry.rocketmq.";
/// Keys of Connect's own that begin like some of Kafka's clients.
const OVERRIDES: [&str; 3] = ["producer.override.", "consumer.override.", "admin.override."];
const NAMESRV: &str = "source.cluster.gantry.rocketmq.namesrv.addr";

/// Keys of MirrorMaker's Kafka clients: RocketMQ's need none of them, and what they say of security
/// must not be taken for done.
const FOREIGN: [&str; 14] = [
    "source.bootstrap",
    "source.admin.",
    "source.producer.",
    "source.consumer.",
    "target.admin.",
    "target.producer.",
    "target.consumer.",
    "offset-syncs-",
    "admin.",
    "producer.",
    "consumer.",
    "ssl.",
    "sasl.",
    "security.",
];

/// Collects keys, numbered within their group.
pub(crate) struct Keys {
    definition: ConfigDef,
    group: &'static str,
    order: i32,
}

impl Keys {
    pub(crate) fn new(group: &'static str) -> Self {
        Self { definition: ConfigDef::new(), group, order: 0 }
    }
    pub(crate) fn group(&mut self, group: &'static str) -> &mut Self {
        (self.group, self.order) = (group, 0);
        self
    }
    pub(crate) fn done(self) -> ConfigDef {
        self.definition
    }
    fn put(&mut self, key: ConfigKey, validator: Option<Validator>) -> &mut Self {
        self.order += 1;
        let name = key.name.clone();
        let mut key = key.group(self.group, self.order, Width::Medium, &name);
        key.validator = validator;
        self.definition = std::mem::take(&mut self.definition).define(key);
        self
    }
    pub(crate) fn add(
        &mut self,
        name: &str,
        of: Type,
        default: impl Into<ConfigData>,
        doc: &str,
        validator: impl Into<Option<Validator>>,
    ) -> &mut Self {
        let key = ConfigKey::new(name, of, default, Importance::Low, doc);
        self.put(key, validator.into())
    }
    pub(crate) fn null(&mut self, name: &str, of: Type, doc: &str) -> &mut Self {
        self.put(ConfigKey::nullable(name, of, Importance::Low, doc), None)
    }
    pub(crate) fn required(&mut self, name: &str, doc: &str) -> &mut Self {
        let key = ConfigKey::required(name, Type::String, Importance::High, doc);
        self.put(key, Some(Validator::NonEmptyString))
    }
    pub(crate) fn required_flag(&mut self, name: &str, doc: &str) -> &mut Self {
        self.put(ConfigKey::required(name, Type::Boolean, Importance::High, doc), None)
    }
    /// A list of names and patterns.
    pub(crate) fn patterns(&mut self, name: &str, default: &[&str], doc: &str) -> &mut Self {
        let default = default.iter().map(|text| (*text).to_owned()).collect();
        let default = ConfigData::List(default);
        let key = ConfigKey::new(name, Type::List, default, Importance::High, doc);
        let check = |name: &str, value: &ConfigData| match value {
            ConfigData::List(list) => filter::check(list).map_err(|why| {
                let text = value.to_java();
                Error::config(format!("Invalid value {text} for configuration {name}: {why}"))
            }),
            _ => Ok(()),
        };
        self.put(key, Some(Validator::custom(check)))
    }
    /// A class that we have, and no other.
    pub(crate) fn class(&mut self, name: &str, default: &str, doc: &str) -> &mut Self {
        self.classes(name, &[default], doc)
    }
    fn classes(&mut self, name: &str, all: &[&str], doc: &str) -> &mut Self {
        let known: Vec<String> = all.iter().map(|class| (*class).to_owned()).collect();
        let check = move |name: &str, value: &ConfigData| {
            let text = value.to_java();
            let is = |class: &String| *class == text || class.rsplit('.').next() == Some(&*text);
            if known.iter().any(is) {
                return Ok(());
            }
            Err(Error::config(format!(
                "Invalid value {text} for configuration {name}: classes of your own are not run; \
                 there is {}",
                known.join(" and ")
            )))
        };
        let default = all.first().copied().unwrap_or_default();
        self.add(name, Type::String, default, doc, Validator::custom(check))
    }
    /// Whether something is done, and how often, in seconds.
    pub(crate) fn repeated(&mut self, stem: &str, on: bool, seconds: i64, what: &str) -> &mut Self {
        self.add(&format!("{stem}.enabled"), Type::Boolean, on, &format!("Whether {what}."), None);
        let doc = "How often, in seconds.";
        let least = Validator::at_least(1_i64);
        self.add(&format!("{stem}.interval.seconds"), Type::Long, seconds, doc, least)
    }
    /// A number that only Kafka has a use for.
    pub(crate) fn replication_factor(&mut self, name: &str, of: Type, default: i64) -> &mut Self {
        let doc =
            "Taken and not used: how often records are kept is a setting of RocketMQ's brokers.";
        let default = match of {
            Type::Short => ConfigData::Short(i16::try_from(default).unwrap_or(i16::MAX)),
            _ => ConfigData::Int(i32::try_from(default).unwrap_or(i32::MAX)),
        };
        self.add(name, of, default, doc, None)
    }
}

/// The keys of all three connectors. `reads`: it reads the source.
pub(crate) fn common(reads: bool) -> Keys {
    let mut keys = Keys::new("Replication");
    keys.add(ENABLED, Type::Boolean, true, "Whether anything is done at all.", None)
        .required(SOURCE_ALIAS, "The name of the cluster that is read: copies of its topics begin with it.")
        .put(
            ConfigKey::new(
                TARGET_ALIAS,
                Type::String,
                "target",
                Importance::High,
                "The name of the cluster that is written, which is always the worker's own log. What came from it is not sent back.",
            ),
            None,
        )
        .classes(
            POLICY_CLASS,
            &[DEFAULT_CLASS, IDENTITY_CLASS],
            "What copies are called. `DefaultReplicationPolicy` puts the alias of the source in front; `IdentityReplicationPolicy` keeps the name.",
        )
        .add(POLICY_SEPARATOR, Type::String, ".", "What stands between the alias and the name.", Validator::NonEmptyString)
        .add(INTERNAL_SEPARATOR, Type::Boolean, true, "Whether the replicator's own topics have this separator, too, in place of a dot.", None)
        .class(FORWARDING_ADMIN, FORWARDING_ADMIN_DEFAULT, "Only the default is taken.")
        .add("admin.timeout.ms", Type::Long, 60_000_i64, "Taken and not used: a request waits as long as `gantry.rocketmq.request.timeout.ms` says.", None);
    if reads {
        source_keys(&mut keys);
    }
    keys
}

/// Keys whose values are not shown.
const SECRET: [&str; 6] = ["password", "jaas", "secret", "access.key", "token", "credential"];
/// Of one connector of three that share a configuration: it says nothing to the others.
const HARMLESS: [&str; 5] = [
    "source.consumer.auto.offset.reset",
    "consumer.auto.offset.reset",
    "source.consumer.isolation.level",
    "consumer.isolation.level",
    "consumer.poll.timeout.ms",
];

fn source_keys(keys: &mut Keys) {
    keys.group("Source")
        .required(
            NAMESRV,
            "The name servers of the cluster that is read, `host:port` with `;` between them.",
        )
        .add(
            "source.cluster.gantry.rocketmq.acl.enable",
            Type::Boolean,
            false,
            "Whether that cluster wants an access key.",
            None,
        )
        .null(
            "source.cluster.gantry.rocketmq.access.key",
            Type::Password,
            "The access key for that cluster.",
        )
        .null(
            "source.cluster.gantry.rocketmq.secret.key",
            Type::Password,
            "The secret key for that cluster.",
        )
        .add(
            "source.cluster.gantry.rocketmq.tls.enable",
            Type::Boolean,
            false,
            "Whether that cluster is spoken to over TLS. Certificates are checked.",
            None,
        )
        .null(
            "source.cluster.gantry.rocketmq.tls.ca.file",
            Type::String,
            "A PEM file of the certificates to trust, in place of those of the system.",
        )
        .add(
            "source.cluster.gantry.rocketmq.request.timeout.ms",
            Type::Int,
            5_000,
            "Milliseconds that a name server or broker may take to answer.",
            Validator::at_least(100),
        )
        .add(
            POLL_TIMEOUT,
            Type::Long,
            1_000_i64,
            "Milliseconds that a read waits for records.",
            Validator::at_least(1_i64),
        );
}

/// The keys of a connector that copies topics, or offsets in them.
pub(crate) fn topics(keys: &mut Keys) {
    keys.group("Topics")
        .patterns(TOPICS, &[".*"], "Topics to copy: names and patterns (Java's), which match whole names.")
        .patterns(TOPICS_EXCLUDE, &[".*[\\-\\.]internal", ".*\\.replica", "__.*"], "Topics not to copy, in the same form; it wins over `topics`. Topics of RocketMQ's own are never copied.")
        .class(TOPIC_FILTER, TOPIC_FILTER_DEFAULT, "Only the default is taken: it reads the two lists.")
        .add(SYNCS_LOCATION, Type::String, "source", "Where offset syncs are kept. They are always in the target, which is where groups go on; both values are taken.", Validator::one_of(&["source", "target"]));
}

/// The values that all connectors share.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) enabled: bool,
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) policy: Policy,
}

impl Common {
    pub(crate) fn of(config: &ParsedConfig) -> Result<Self> {
        let text = |key: &str| config.string(key).unwrap_or_default().to_owned();
        let class = text(POLICY_CLASS);
        let policy =
            Policy::of(&class, &text(POLICY_SEPARATOR), config.boolean(INTERNAL_SEPARATOR));
        let policy = policy.ok_or_else(|| {
            Error::config(format!("Invalid value {class} for configuration {POLICY_CLASS}"))
        })?;
        Ok(Self {
            enabled: config.boolean(ENABLED),
            source: text(SOURCE_ALIAS),
            target: text(TARGET_ALIAS),
            policy,
        })
    }
}

/// How often something is done; `None`: never.
pub(crate) fn interval(config: &ParsedConfig, stem: &str) -> Option<Duration> {
    let seconds = config.long(&format!("{stem}.interval.seconds")).unwrap_or(1);
    let seconds = u64::try_from(seconds).unwrap_or(1).max(1);
    config.boolean(&format!("{stem}.enabled")).then(|| Duration::from_secs(seconds))
}

/// The keys of the source cluster, under the names that the worker has for its own.
pub(crate) fn source_cluster(props: &Props) -> Props {
    let of_cluster = props.range(SOURCE_PREFIX.to_owned()..);
    let of_cluster = of_cluster.take_while(|(key, _)| key.starts_with(SOURCE_PREFIX));
    let own = of_cluster.filter_map(|(key, value)| {
        let name = key.strip_prefix(SOURCE_PREFIX)?;
        name.starts_with("gantry.").then(|| (name.to_owned(), value.clone()))
    });
    own.collect()
}

/// Adds what is wrong beyond single keys. `allowed`: keys of MirrorMaker's clients that are used.
pub(crate) fn validate(
    clusters: &Clusters,
    reads: bool,
    allowed: &[&str],
    props: &Props,
    findings: &mut Vec<ConfigValue>,
) {
    for (key, value) in props {
        let known = findings.iter().any(|finding| finding.name == *key);
        let of_source = !reads && key.starts_with(OF_SOURCE);
        let allowed = allowed.contains(&key.as_str()) || HARMLESS.contains(&key.as_str());
        if known || allowed || of_source {
            continue;
        }
        if let Some(why) = refusal(key) {
            let is_secret = SECRET.iter().any(|word| key.contains(word));
            let text = if is_secret { "[hidden]" } else { value };
            add(findings, key, format!("Invalid value {text} for configuration {key}: {why}"));
        }
    }
    let aliases = [SOURCE_ALIAS, TARGET_ALIAS].map(|key| props.get(key).map(|text| text.trim()));
    if let [Some(source), target] = aliases
        && source == target.unwrap_or("target")
    {
        let text = format!(
            "Invalid value {source} for configuration {TARGET_ALIAS}: it is that of the source, \
             {SOURCE_ALIAS}; name the two clusters differently, or nothing of the source is copied"
        );
        add(findings, TARGET_ALIAS, text);
    }
    let is_fine = findings.iter().all(|finding| finding.errors.is_empty());
    if reads
        && is_fine
        && let Err(why) = clusters.check(&source_cluster(props))
    {
        add(findings, NAMESRV, why.replace("gantry.rocketmq.", "source.cluster.gantry.rocketmq."));
    }
}

/// Why a key that no connector defines cannot be taken for done.
fn refusal(key: &str) -> Option<String> {
    if key == "source.cluster.bootstrap.servers" {
        return Some(format!(
            "the clusters are RocketMQ's, not Kafka's: name the name servers of the source with \
             {NAMESRV}"
        ));
    }
    if key.starts_with(TARGET_PREFIX) {
        return Some(
            "the target is the worker's own log, with the worker's keys (gantry.log): leave it out"
                .to_owned(),
        );
    }
    if key.starts_with(SOURCE_PREFIX) {
        return Some(
            "no key of a source cluster is called so: they are source.cluster.gantry.rocketmq.* \
             with the names of the worker's own; leave it out"
                .to_owned(),
        );
    }
    let is_foreign = FOREIGN.iter().any(|prefix| key.starts_with(prefix))
        && !OVERRIDES.iter().any(|prefix| key.starts_with(prefix));
    is_foreign.then(|| {
        "it is one of Kafka's clients, and the source is read by RocketMQ's protocol: leave it \
         out; access keys and TLS are source.cluster.gantry.rocketmq.access.key, .secret.key and \
         .tls.enable"
            .to_owned()
    })
}

/// Adds an error to a key.
pub(crate) fn add(findings: &mut Vec<ConfigValue>, key: &str, error: String) {
    match findings.iter_mut().find(|finding| finding.name == key) {
        Some(finding) => finding.errors.push(error),
        None => {
            let mut finding = ConfigValue::new(key);
            finding.errors.push(error);
            findings.push(finding);
        }
    }
}

/// Converters of a task, unless the connector names others: records are copied as bytes.
pub(crate) fn with_byte_converters(props: &Props, task: &mut Props) {
    const BYTES: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";
    for key in ["key.converter", "value.converter", "header.converter"] {
        if !props.contains_key(key) {
            task.insert(key.to_owned(), BYTES.to_owned());
        }
    }
}
