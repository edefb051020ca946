//! Keys of Kafka's clients, which connectors may set as `producer.override.*` and the like. What a
//! worker has, too, stands in the worker's own tables and is taken from there.

use std::sync::Arc;

use gantry_api::{OverridePolicy, PluginRegistry, Props};
use gantry_engine::{ClientOverridePolicy, ClientOverrides};
use gantry_model::config::Importance::{self, High, Low, Medium};
use gantry_model::config::{ConfigDef, ConfigKey, ParsedConfig, Type};

use super::row::Value::{self, Bool, Int, List, Long, Null, Text};
use super::row::{Check, Row, accepted};
use super::table::row;
use super::table_clients::{CLIENT, SSL};
use super::table_sasl::SASL;

/// Which settings of clients connectors may bring.
const POLICY: &str = "connector.client.config.override.policy";

/// A key of a client.
struct Key {
    name: &'static str,
    value: Value,
    importance: Importance,
    is_required: bool,
}

const fn key(name: &'static str, value: Value, importance: Importance) -> Key {
    Key { name, value, importance, is_required: false }
}

const fn required(name: &'static str, type_: Type, importance: Importance) -> Key {
    Key { name, value: Null(type_), importance, is_required: true }
}

/// Worker keys outside the tables of clients that clients have, too.
const OF_WORKERS: [&str; 6] = [
    "client.dns.lookup",
    "config.providers",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
];

/// As Kafka shows its default.
const ASSIGNORS: &[&str] = &[
    "class org.apache.kafka.clients.consumer.RangeAssignor",
    "class org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
];

/// Of all clients: what workers do not have, or with another default or importance.
const COMMON: &[Key] = &[
    key("request.timeout.ms", Int(30_000), Medium),
    key("security.providers", Null(Type::String), Low),
    key("socket.connection.setup.timeout.max.ms", Long(30_000), Medium),
    key("socket.connection.setup.timeout.ms", Long(10_000), Medium),
];

/// Of producers.
const PRODUCER: &[Key] = &[
    key("acks", Text("all"), Low),
    key("batch.size", Int(16_384), Medium),
    required("bootstrap.servers", Type::List, High),
    key("buffer.memory", Long(33_554_432), High),
    key("client.id", Text(""), Medium),
    key("compression.gzip.level", Int(-1), Medium),
    key("compression.lz4.level", Int(9), Medium),
    key("compression.type", Text("none"), High),
    key("compression.zstd.level", Int(3), Medium),
    key("delivery.timeout.ms", Int(120_000), Medium),
    key("enable.idempotence", Bool(true), Low),
    key("enable.metrics.push", Bool(true), Low),
    key("interceptor.classes", List(&[]), Low),
    required("key.serializer", Type::Class, High),
    key("linger.ms", Long(5), Medium),
    key("max.block.ms", Long(60_000), Medium),
    key("max.in.flight.requests.per.connection", Int(5), Low),
    key("max.request.size", Int(1_048_576), Medium),
    key("metadata.max.idle.ms", Long(300_000), Low),
    key("partitioner.adaptive.partitioning.enable", Bool(true), Low),
    key("partitioner.availability.timeout.ms", Long(0), Low),
    key("partitioner.class", Null(Type::Class), Medium),
    key("partitioner.ignore.keys", Bool(false), Medium),
    key("retries", Int(i32::MAX), High),
    key("transaction.timeout.ms", Int(60_000), Low),
    key("transaction.two.phase.commit.enable", Bool(false), Low),
    key("transactional.id", Null(Type::String), Low),
    required("value.serializer", Type::Class, High),
];

/// Of consumers.
const CONSUMER: &[Key] = &[
    key("allow.auto.create.topics", Bool(true), Medium),
    key("auto.commit.interval.ms", Int(5000), Low),
    key("auto.offset.reset", Text("latest"), Medium),
    required("bootstrap.servers", Type::List, High),
    key("check.crcs", Bool(true), Low),
    key("client.rack", Text(""), Low),
    key("default.api.timeout.ms", Int(60_000), Medium),
    key("enable.auto.commit", Bool(true), Medium),
    key("enable.metrics.push", Bool(true), Low),
    key("exclude.internal.topics", Bool(true), Medium),
    key("fetch.max.bytes", Int(52_428_800), Medium),
    key("fetch.max.wait.ms", Int(500), Low),
    key("fetch.min.bytes", Int(1), High),
    key("group.id", Null(Type::String), High),
    key("group.instance.id", Null(Type::String), Medium),
    key("group.protocol", Text("classic"), High),
    key("group.remote.assignor", Null(Type::String), Medium),
    key("heartbeat.interval.ms", Int(3000), High),
    key("interceptor.classes", List(&[]), Low),
    key("isolation.level", Text("read_uncommitted"), Medium),
    required("key.deserializer", Type::Class, High),
    key("max.partition.fetch.bytes", Int(1_048_576), High),
    key("max.poll.interval.ms", Int(300_000), Medium),
    key("max.poll.records", Int(500), Medium),
    key("partition.assignment.strategy", List(ASSIGNORS), Medium),
    key("receive.buffer.bytes", Int(65_536), Medium),
    key("session.timeout.ms", Int(45_000), High),
    key("share.acknowledgement.mode", Text("implicit"), Medium),
    key("share.acquire.mode", Text("BATCH_OPTIMIZED"), Medium),
    required("value.deserializer", Type::Class, High),
];

/// Of admin clients.
const ADMIN: &[Key] = &[
    key("bootstrap.controllers", List(&[]), High),
    key("bootstrap.servers", List(&[]), High),
    key("client.id", Text(""), Medium),
    key("connections.max.idle.ms", Long(300_000), Medium),
    key("default.api.timeout.ms", Int(60_000), Medium),
    key("enable.metrics.push", Bool(false), Low),
    key("receive.buffer.bytes", Int(65_536), Medium),
    key("retries", Int(i32::MAX), Low),
];

/// Settings of a sink's consumer that are followed, and what they do.
const FOLLOWED: [(&str, &str); 3] = [
    (
        "auto.offset.reset",
        "Where a sink begins without a committed offset: earliest (also when this is not set), \
         latest, or none, which fails the task.",
    ),
    ("group.id", "The group that a sink's offsets are shown under, in place of connect-NAME."),
    ("max.poll.records", "How many records one put gets at most."),
];

/// What connectors may set of Kafka's clients, by the worker's settings. The error is a sentence
/// with the remedy.
pub(super) fn client_overrides(
    parsed: &ParsedConfig,
    props: &Props,
    plugins: &PluginRegistry,
) -> Result<ClientOverrides, String> {
    let policy = parsed.string(POLICY).unwrap_or("All");
    let allowed = || parsed.list("connector.client.config.override.allowlist").to_vec();
    // A plugin's class may end like one of Kafka's own.
    let own = policy.strip_prefix("org.apache.kafka.connect.connector.policy.").unwrap_or(policy);
    let short = own.strip_suffix("ConnectorClientConfigOverridePolicy").unwrap_or(own);
    let policy = match short {
        "All" => ClientOverridePolicy::All,
        "None" => ClientOverridePolicy::None,
        "Principal" => ClientOverridePolicy::Principal,
        "Allowlist" => ClientOverridePolicy::Allowlist(allowed()),
        _ => ClientOverridePolicy::Plugin(plugin_policy(policy, props, plugins)?),
    };
    Ok(ClientOverrides {
        policy,
        producer: definition("producer", PRODUCER),
        consumer: definition("consumer", CONSUMER),
        admin: definition("admin client", ADMIN),
    })
}

/// A policy that is a plugin.
fn plugin_policy(
    class: &str,
    props: &Props,
    plugins: &PluginRegistry,
) -> Result<Arc<dyn OverridePolicy>, String> {
    let plugin = plugins.find_override_policy(class).ok_or_else(|| {
        format!(
            "Invalid value {class} for configuration {POLICY}: there is no such policy. Write All, \
             None, Principal or Allowlist, or a class that is on plugin.path, or leave {POLICY} out \
             for the default All"
        )
    })?;
    plugin.create(props).map(Arc::from).map_err(|error| {
        format!("Invalid value {class} for configuration {POLICY}: {}", error.message())
    })
}

fn definition(client: &str, own: &[Key]) -> ConfigDef {
    let idle =
        format!("Accepted for compatibility and without effect here: there is no Kafka {client}.");
    let of_workers = OF_WORKERS.iter().filter_map(|name| row(name));
    let shared = CLIENT.iter().chain(SSL).chain(SASL).chain(of_workers);
    let shared = shared.fold(ConfigDef::new(), |def, row| def.define(as_key(row, &idle)));
    COMMON.iter().chain(own).fold(shared, |def, key| {
        let followed = FOLLOWED.iter().find(|(name, _)| client == "consumer" && *name == key.name);
        let doc = followed.map_or(idle.as_str(), |(_, doc)| doc);
        let row = accepted(key.name, key.value, key.importance, Check::Any, "");
        let mut defined = as_key(&row, doc);
        if key.is_required {
            defined.default = None;
        }
        def.define(defined)
    })
}

/// A row as a key of a client, which says what it does there.
fn as_key(row: &Row, doc: &str) -> ConfigKey {
    let mut key = row.key();
    doc.clone_into(&mut key.doc);
    key
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    fn read(policy: &str) -> Result<ClientOverrides, String> {
        let name = "connector.client.config.override.policy".to_owned();
        let props = Props::from([(name, policy.to_owned())]);
        client_overrides(
            &table::definition().parse(&props).unwrap(),
            &props,
            &PluginRegistry::default(),
        )
    }

    #[test]
    fn policies_have_their_names_and_classes() {
        let named = |policy: &str| format!("{:?}", read(policy).unwrap().policy);
        assert_eq!(named("None"), "None");
        let class = "org.apache.kafka.connect.connector.policy.\
                     PrincipalConnectorClientConfigOverridePolicy";
        assert_eq!(named(class), "Principal");
        assert_eq!(named("Allowlist"), "Allowlist");
        assert!(read("Nope").unwrap_err().contains("there is no such policy. Write All, None"));
    }

    /// As many keys as the clients of Kafka 4.3.1 have, an internal one apart.
    #[test]
    fn clients_have_all_their_keys() {
        let all = read("All").unwrap();
        let count = |definition: &ConfigDef| definition.keys().count();
        let counts = (count(&all.producer), count(&all.consumer), count(&all.admin));
        assert_eq!(counts, (113, 115, 91));
        let default = |definition: &ConfigDef, key: &str| {
            let default = definition.key(key).and_then(|key| key.default.clone());
            default.and_then(|default| default.to_display())
        };
        assert_eq!(default(&all.producer, "request.timeout.ms").as_deref(), Some("30000"));
        assert_eq!(default(&all.consumer, "max.poll.records").as_deref(), Some("500"));
        assert_eq!(default(&all.admin, "connections.max.idle.ms").as_deref(), Some("300000"));
        assert!(all.producer.key("bootstrap.servers").is_some_and(|key| key.default.is_none()));
        let doc = |key: &str| all.consumer.key(key).map(|key| key.doc.clone()).unwrap();
        assert!(doc("max.poll.records").starts_with("How many records"));
        assert!(doc("ssl.protocol").contains("without effect here"));
    }
}
