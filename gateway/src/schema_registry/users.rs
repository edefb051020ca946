//! Which connectors of the worker or its cluster use which subjects of its registry.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::Uri;
use gantry_api::Props;
use gantry_engine::{ConnectorInfo, Herder, converter_props};
use gantry_log::LogError;
use gantry_model::config::provider::variables;
use gantry_model::plugin::ConverterType;
use gantry_model::regex::JavaPattern;
use gantry_schema_converters::{Choice, SchemaId as ConverterId, Usage};
use gantry_schema_registry::names::normalize_context;
use gantry_schema_registry::{SchemaId, SchemaUse, SubjectUse, SubjectUsers, Uses};

use crate::rest::Port;
use crate::worker_config::RegistrySettings;

/// Sources that write to the topic that this key names, and to no other.
const TOPIC: &str = "topic";
const ONE_TOPIC_CLASSES: [&str; 3] = [
    "org.apache.kafka.connect.file.FileStreamSourceConnector",
    "org.apache.kafka.connect.tools.VerifiableSourceConnector",
    "org.apache.kafka.connect.tools.SchemaSourceConnector",
];

/// In front of subjects that came by RocketMQ's API.
const ROCKETMQ: &str = ":.rocketmq:";

const PARTS: [(&str, ConverterType); 2] =
    [("key.converter", ConverterType::Key), ("value.converter", ConverterType::Value)];

/// The connectors of a worker, or of all workers of its cluster.
#[derive(Debug)]
pub(crate) struct Connectors {
    pub(crate) herder: Arc<Herder>,
    pub(crate) addresses: Addresses,
}

/// Where the registry is.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// Names of this machine.
    hosts: BTreeSet<String>,
    ports: BTreeSet<u16>,
    /// Whether others may have the same schemas: the log is that of a cluster.
    is_shared: bool,
}

/// What an address says.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Here,
    /// It is not certain whether it leads here; it names this host and port.
    Perhaps(String),
    Elsewhere,
}

impl Addresses {
    /// Of a registry that listens at these ports.
    pub(crate) fn new(settings: &RegistrySettings, ports: &[Port], is_shared: bool) -> Self {
        let hosts = settings.listeners.iter().flat_map(|listener| {
            [listener.host.to_ascii_lowercase(), listener.reachable_host().to_ascii_lowercase()]
        });
        let ports = ports.iter().map(|port| port.address.port()).collect();
        Self { hosts: hosts.collect(), ports, is_shared }
    }

    fn place(&self, address: &str) -> Place {
        let Ok(uri) = address.parse::<Uri>() else { return Place::Perhaps(address.to_owned()) };
        let Some(host) = uri.host() else { return Place::Perhaps(address.to_owned()) };
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default);
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let is_loopback = bare == "localhost" || bare == "::1" || bare.starts_with("127.");
        match self.ports.contains(&port) {
            true if is_loopback || self.hosts.contains(&bare) => Place::Here,
            false if is_loopback && !self.is_shared => Place::Elsewhere,
            _ => Place::Perhaps(format!("{host}:{port}")),
        }
    }

    /// Where all of a converter's addresses lead to: one that leads here counts.
    fn of_all(&self, addresses: &[String]) -> Place {
        let mut whole = Place::Elsewhere;
        for address in addresses {
            match self.place(address) {
                Place::Here => return Place::Here,
                Place::Perhaps(named) if whole == Place::Elsewhere => whole = Place::Perhaps(named),
                Place::Perhaps(_) | Place::Elsewhere => {}
            }
        }
        whole
    }
}

/// What stands in front of the subjects of an address: it may end with `/contexts/NAME`.
fn context(address: &str) -> String {
    let name = address.rsplit_once("/contexts/").map(|(_, name)| name.trim_end_matches('/'));
    name.and_then(|name| normalize_context(name).ok()).unwrap_or_default()
}

impl SubjectUsers for Connectors {
    fn uses<'a>(&'a self, records: &'a [String]) -> Uses<'a> {
        Box::pin(async {
            if let Some(why) = self.herder.starting() {
                return Err(format!("the connectors of the cluster are not known yet: {why}"));
            }
            let names = self.herder.connectors();
            // One that is deleted meanwhile has no subject.
            let infos = names.iter().filter_map(|name| self.herder.connector_info(name).ok());
            let used: Vec<Used> = infos.filter_map(|info| self.used(info)).collect();
            let topics = self.topics(&used).await.map_err(|error| {
                format!("the topics that topics.regex of connectors match are not known: {error}")
            })?;
            Ok(used.iter().flat_map(|used| used.uses(&topics, records)).collect())
        })
    }
}

/// A connector with a converter that has a registry, which may be this one.
struct Used {
    name: String,
    is_source: bool,
    topics: BTreeSet<String>,
    pattern: Option<JavaPattern>,
    /// Of keys or of values, with what is not certain of it.
    parts: Vec<(bool, Usage, Vec<String>)>,
}

impl Connectors {
    fn used(&self, info: ConnectorInfo) -> Option<Used> {
        // One whose plugin is not there does nothing.
        let is_source = match info.type_ {
            "source" => true,
            "sink" => false,
            _ => return None,
        };
        // What a variable stands for is not looked up: it may be a secret.
        let config: Props = info.config;
        let worker = &self.herder.worker_config().props;
        let parts: Vec<_> =
            PARTS.iter().filter_map(|part| self.part(&config, worker, *part)).collect();
        if parts.is_empty() {
            return None;
        }
        let mut topics: BTreeSet<String> =
            self.herder.active_topics(&info.name).topics.into_iter().collect();
        let mut pattern = None;
        if is_source {
            topics.extend(self.one_topic(&config));
        } else {
            let list = config.get("topics").map(String::as_str).unwrap_or_default();
            topics.extend(list.split(',').map(|topic| topic.trim().to_owned()));
            let text = config.get("topics.regex").filter(|text| !text.is_empty());
            pattern = text.and_then(|text| JavaPattern::compile(text).ok());
        }
        Some(Used { name: info.name, is_source, topics, pattern, parts })
    }

    /// The topic that a source writes to, where its keys alone say it.
    fn one_topic(&self, config: &Props) -> Option<String> {
        let plugins = self.herder.plugin_registry();
        let plugin = plugins.find_connector(config.get("connector.class")?.trim())?;
        let is_one = ONE_TOPIC_CLASSES.contains(&&*plugin.info.class);
        let routes = config.get("transforms").is_some_and(|names| !names.trim().is_empty());
        config.get(TOPIC).filter(|_| is_one && !routes).cloned()
    }

    fn part(
        &self,
        config: &Props,
        worker: &Props,
        (key, type_): (&str, ConverterType),
    ) -> Option<(bool, Usage, Vec<String>)> {
        let (class, mut props) = converter_props(config, worker, key, type_)?;
        let plugins = self.herder.plugin_registry();
        let class = &plugins.find_converter(&class)?.info.class;
        props.retain(|key, value| key == "schema.registry.url" || variables(value).is_empty());
        let usage = Usage::of(class, &props)?;
        let doubts = match self.addresses.of_all(&usage.addresses) {
            Place::Here => Vec::new(),
            Place::Perhaps(named) => {
                vec![format!("its registry is {named}, which may be another one")]
            }
            Place::Elsewhere => return None,
        };
        Some((type_ == ConverterType::Key, usage, doubts))
    }

    /// The topics that are there, if anybody has a pattern.
    async fn topics(&self, used: &[Used]) -> Result<Vec<String>, LogError> {
        if used.iter().all(|used| used.pattern.is_none()) {
            return Ok(Vec::new());
        }
        let all = self.herder.log().topics().await?;
        Ok(all.into_keys().map(|name| name.to_string()).collect())
    }
}

impl Used {
    fn uses(&self, all_topics: &[String], records: &[String]) -> Vec<SubjectUse> {
        let mut topics = self.topics.clone();
        if let Some(pattern) = &self.pattern {
            topics.extend(all_topics.iter().filter(|topic| pattern.matches(topic)).cloned());
        }
        let mut uses = Vec::new();
        for (is_key, usage, doubts) in &self.parts {
            let Some(how) = how(self.is_source, usage) else { continue };
            let mut doubts = doubts.clone();
            if usage.is_without_topic() {
                doubts.push(
                    "its subjects are named after records: whether its topic holds this one is \
                     not known"
                        .to_owned(),
                );
            }
            for topic in &topics {
                uses.extend(subjects(usage, topic, records).into_iter().map(|subject| {
                    SubjectUse {
                        connector: self.name.clone(),
                        topic: topic.clone(),
                        is_key: *is_key,
                        subject,
                        how: how.clone(),
                        doubts: doubts.clone(),
                    }
                }));
            }
        }
        uses
    }
}

/// The subjects of a topic, in the context of the converter's address.
fn subjects(usage: &Usage, topic: &str, records: &[String]) -> BTreeSet<String> {
    let record = |record: &String| {
        let subject = usage.subject(topic, Some(record))?;
        Some(match usage.is_rocketmq {
            // There, a subject has one schema, which has the name of the record.
            true => {
                let name = record.rsplit('.').next().unwrap_or(record);
                format!("{ROCKETMQ}{subject}/{name}")
            }
            false => subject,
        })
    };
    let named = records.iter().filter_map(record);
    let unnamed = usage.subject(topic, None).map(|subject| match usage.is_rocketmq {
        true => format!("{ROCKETMQ}{subject}/{subject}"),
        false => subject,
    });
    let prefix = usage.addresses.first().map(|address| context(address)).unwrap_or_default();
    named.chain(unnamed).map(|subject| format!("{prefix}{subject}")).collect()
}

/// What a connector uses schemas for; none: for nothing that is in this registry.
fn how(is_source: bool, usage: &Usage) -> Option<SchemaUse> {
    let latest = |property| SchemaUse::WritesLatest { property, is_strict: usage.is_strict };
    Some(match (is_source, &usage.choice, usage.read_by) {
        (false, _, None) => SchemaUse::Reads,
        (false, _, Some(ConverterId::Id(id))) => SchemaUse::ReadsBy(SchemaId::Id(id)),
        (false, _, Some(ConverterId::Guid(guid))) => SchemaUse::ReadsBy(SchemaId::Guid(guid)),
        (false, _, Some(ConverterId::Record(_))) => return None,
        (true, Choice::Latest, _) => latest(None),
        (true, Choice::LatestWith(key, value), _) => latest(Some((key.clone(), value.clone()))),
        (true, Choice::Register | Choice::Pinned(_) | Choice::Lookup, _) => SchemaUse::Writes,
    })
}
