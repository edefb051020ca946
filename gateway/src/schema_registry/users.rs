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
const ONE_TOPIC_CLASSES: [(&str, &str); 4] = [
    ("org.apache.kafka.connect.file.FileStreamSourceConnector", TOPIC),
    ("org.apache.kafka.connect.tools.VerifiableSourceConnector", TOPIC),
    ("org.apache.kafka.connect.tools.SchemaSourceConnector", TOPIC),
    ("io.confluent.kafka.connect.datagen.DatagenConnector", "kafka.topic"),
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
            let named = list.split(',').map(str::trim).filter(|topic| !topic.is_empty());
            topics.extend(named.map(str::to_owned));
            let text = config.get("topics.regex").filter(|text| !text.is_empty());
            pattern = text.and_then(|text| JavaPattern::compile(text).ok());
        }
        Some(Used { name: info.name, is_source, topics, pattern, parts })
    }

    /// The topic that a source writes to, where its keys alone say it.
    fn one_topic(&self, config: &Props) -> Option<String> {
        let plugins = self.herder.plugin_registry();
        let plugin = plugins.find_connector(config.get("connector.class")?.trim())?;
        let class = &*plugin.info.class;
        let (_, key) = ONE_TOPIC_CLASSES.iter().find(|(known, _)| *known == class)?;
        let routes = config.get("transforms").is_some_and(|names| !names.trim().is_empty());
        config.get(*key).filter(|_| !routes).cloned()
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
        (true, Choice::Register | Choice::Show | Choice::Pinned(_) | Choice::Lookup, _) => {
            SchemaUse::Writes
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gantry_engine::{PluginLoader, TargetState, WorkerConfig};
    use gantry_log::{FullLog, MemoryLog, TopicSpec};

    use super::*;
    use crate::Gantry;

    const AVRO: &str = "io.confluent.connect.avro.AvroConverter";
    const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";
    const URL: &str = "value.converter.schema.registry.url";

    fn addresses(is_shared: bool) -> Addresses {
        let hosts = BTreeSet::from(["worker1".to_owned(), "0.0.0.0".to_owned()]);
        Addresses { hosts, ports: BTreeSet::from([8081]), is_shared }
    }

    #[test]
    fn addresses_lead_here_or_elsewhere() {
        let perhaps = |named: &str| Place::Perhaps(named.to_owned());
        for (address, expected) in [
            ("http://localhost:8081", Place::Here),
            ("http://127.0.0.1:8081/", Place::Here),
            ("https://[::1]:8081", Place::Here),
            ("http://ann:secret@Worker1:8081/contexts/.c", Place::Here),
            ("http://localhost:8085", Place::Elsewhere),
            ("http://localhost", Place::Elsewhere),
            ("http://ann:secret@worker2:8081", perhaps("worker2:8081")),
            ("http://worker1:8085", perhaps("worker1:8085")),
            ("http://registry", perhaps("registry:80")),
            ("https://registry", perhaps("registry:443")),
            ("${env:URL}", perhaps("${env:URL}")),
        ] {
            assert_eq!(addresses(false).place(address), expected, "{address}");
        }
        // Another worker of the cluster may be behind another port.
        let shared = addresses(true);
        assert_eq!(shared.place("http://localhost:8085"), perhaps("localhost:8085"));
        let all = |list: &[&str]| {
            let list: Vec<String> = list.iter().map(|address| (*address).to_owned()).collect();
            addresses(false).of_all(&list)
        };
        assert_eq!(all(&["http://x", "http://localhost:8081"]), Place::Here);
        assert_eq!(all(&["http://localhost:1", "http://x", "http://y"]), perhaps("x:80"));
        assert_eq!(all(&["http://localhost:1"]), Place::Elsewhere);
    }

    #[test]
    fn an_address_may_name_a_context() {
        assert_eq!(context("http://localhost:8081"), "");
        assert_eq!(context("http://localhost:8081/contexts/.c/"), ":.c:");
        assert_eq!(context("http://localhost:8081/contexts/."), "");
    }

    struct Bench {
        connectors: Connectors,
        dir: tempfile::TempDir,
    }

    impl Bench {
        /// A worker whose values are Avro.
        async fn new() -> Self {
            let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
            for topic in ["orders", "order-lines", "other"] {
                log.create_topic(topic, TopicSpec::with_queues(1)).await.unwrap();
            }
            let mut worker = WorkerConfig::new("127.0.0.1:8083");
            let keys = [
                ("key.converter", STRING),
                ("value.converter", AVRO),
                (URL, "http://localhost:8081"),
            ];
            worker.props.extend(keys.map(|(key, value)| (key.to_owned(), value.to_owned())));
            let plugins = PluginLoader::new(|| Gantry::new().plugins());
            let herder = Herder::start(worker, plugins, log).await.unwrap();
            let connectors = Connectors { herder, addresses: addresses(false) };
            Self { connectors, dir: tempfile::tempdir().unwrap() }
        }

        async fn create(&self, name: &str, class: &str, keys: &[(&str, &str)]) {
            let file = self.dir.path().join(name).display().to_string();
            let all = [("connector.class", class), ("name", name), ("file", file.as_str())];
            let all = all.iter().chain(keys);
            let config = all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let state = Some(TargetState::Stopped);
            self.connectors.herder.put_connector(name, config, state, false).await.unwrap();
        }

        /// Connector, topic, subject and what for, in order.
        async fn uses(&self, records: &[&str]) -> Vec<(String, String, String, SchemaUse)> {
            let records: Vec<String> = records.iter().map(|name| (*name).to_owned()).collect();
            let uses = self.connectors.uses(&records).await.unwrap();
            uses.into_iter().map(|one| (one.connector, one.topic, one.subject, one.how)).collect()
        }
    }

    fn used(
        connector: &str,
        topic: &str,
        subject: &str,
        how: SchemaUse,
    ) -> (String, String, String, SchemaUse) {
        (connector.to_owned(), topic.to_owned(), subject.to_owned(), how)
    }

    #[tokio::test]
    async fn stopped_connectors_use_subjects_by_the_converters_of_the_worker() {
        let bench = Bench::new().await;
        bench.create("a-source", "FileStreamSource", &[("topic", "orders")]).await;
        bench.create("b-sink", "FileStreamSink", &[("topics", "orders, later")]).await;
        bench.create("c-sink", "FileStreamSink", &[("topics.regex", "order.*")]).await;
        let expected = [
            used("a-source", "orders", "orders-value", SchemaUse::Writes),
            used("b-sink", "later", "later-value", SchemaUse::Reads),
            used("b-sink", "orders", "orders-value", SchemaUse::Reads),
            used("c-sink", "order-lines", "order-lines-value", SchemaUse::Reads),
            used("c-sink", "orders", "orders-value", SchemaUse::Reads),
        ];
        assert_eq!(bench.uses(&["n.R"]).await, expected);
    }

    #[tokio::test]
    async fn what_is_not_certain_is_no_topic_of_a_source() {
        let bench = Bench::new().await;
        let route = "org.apache.kafka.connect.transforms.RegexRouter";
        let routed = [
            ("topic", "orders"),
            ("transforms", "r"),
            ("transforms.r.type", route),
            ("transforms.r.regex", "(.*)"),
            ("transforms.r.replacement", "x-$1"),
        ];
        bench.create("routed", "FileStreamSource", &routed).await;
        bench.create("generated", "Datagen", &[("topic", "orders"), ("iterations", "0")]).await;
        assert_eq!(bench.uses(&[]).await, []);
    }

    #[tokio::test]
    async fn converters_of_connectors_count_before_those_of_the_worker() {
        let bench = Bench::new().await;
        let topic = ("topic", "orders");
        bench.create("plain", "FileStreamSource", &[topic, ("value.converter", STRING)]).await;
        let here = (URL, "http://localhost:8081");
        let own = ("value.converter", "JsonSchema");
        let elsewhere = [topic, own, (URL, "http://localhost:9999")];
        bench.create("elsewhere", "FileStreamSource", &elsewhere).await;
        let latest = [
            topic,
            own,
            (URL, "http://u:secret@far:8081/contexts/.c"),
            ("value.converter.auto.register.schemas", "false"),
            ("value.converter.use.latest.version", "true"),
            // It may be a secret: it is not looked up.
            ("value.converter.basic.auth.user.info", "${env:NONE}"),
        ];
        bench.create("latest", "FileStreamSource", &latest).await;
        let by_record = [
            ("topics", "orders"),
            own,
            here,
            (
                "value.converter.value.subject.name.strategy",
                "io.confluent.kafka.serializers.subject.RecordNameStrategy",
            ),
        ];
        bench.create("record", "FileStreamSink", &by_record).await;
        let rocketmq =
            [topic, own, here, ("value.converter.gantry.schema.registry.api", "rocketmq")];
        bench.create("rocketmq", "FileStreamSource", &rocketmq).await;
        let is_strict = true;
        let latest = SchemaUse::WritesLatest { property: None, is_strict };
        let expected = [
            used("latest", "orders", ":.c:orders-value", latest),
            used("record", "orders", "n.R", SchemaUse::Reads),
            used("rocketmq", "orders", ":.rocketmq:orders-value/R", SchemaUse::Writes),
            used("rocketmq", "orders", ":.rocketmq:orders-value/orders-value", SchemaUse::Writes),
        ];
        assert_eq!(bench.uses(&["n.R"]).await, expected);
        let all = bench.connectors.uses(&["n.R".to_owned()]).await.unwrap();
        let doubts: Vec<String> = all.iter().flat_map(|one| one.doubts.clone()).collect();
        assert_eq!(doubts.len(), 2, "{doubts:?}");
        assert_eq!(doubts[0], "its registry is far:8081, which may be another one");
        assert!(doubts[1].contains("named after records"), "{doubts:?}");
    }
}
