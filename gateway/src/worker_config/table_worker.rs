//! Worker keys of Kafka's standalone mode, and those of ours.

use gantry_model::config::Importance::{High, Low, Medium};
use gantry_model::config::Type;

use super::row::Check::{Any, AnyCase, Entries, Min, OneOf, SomeEntries};
use super::row::Value::{Bool, Class, Int, List, Long, Null, Text};
use super::row::{Row, accepted, used};

/// Keys of our own. All begin with `gantry.`.
pub(crate) const GANTRY: &[Row] = &[
    used(
        "gantry.log",
        Text("embedded"),
        High,
        OneOf(&["embedded", "rocketmq"]),
        "Which log holds the topics. `embedded` keeps them in this process, durable on disk below `gantry.data.dir`. `rocketmq` keeps them on the RocketMQ cluster that `gantry.rocketmq.namesrv.addr` names; in distributed mode any number of workers with one `group.id` are then a cluster.",
    ),
    used(
        "gantry.data.dir",
        Text("./gantry-data"),
        High,
        Any,
        "The directory of the embedded log: topics, source offsets, consumer offsets. It is made if it is missing. One process at a time has it.",
    ),
    used(
        "gantry.log.sync.interval.ms",
        Long(10),
        Medium,
        Min(1),
        "Longest time in milliseconds between two syncs to disk while records keep coming. Nothing is acknowledged before it is on disk; a longer interval means fewer, larger syncs.",
    ),
    used(
        "gantry.log.segment.bytes",
        Long(128 << 20),
        Low,
        Min(4096),
        "Size in bytes at which a segment file of the log is closed and the next one begun. Retention deletes whole segments.",
    ),
    used(
        "gantry.log.retention.ms",
        Long(7 * 24 * 60 * 60 * 1000),
        Medium,
        Min(-1),
        "Milliseconds that records are kept, for topics that do not say so themselves; -1 keeps them for ever.",
    ),
    used(
        "gantry.log.retention.bytes",
        Long(-1),
        Medium,
        Min(-1),
        "Bytes that one topic may keep, for topics that do not say so themselves; -1 is no limit.",
    ),
    used(
        "gantry.topic.queues",
        Int(1),
        Medium,
        Min(1),
        "How many queues (Kafka: partitions) a topic gets when a connector creates it without saying how many.",
    ),
    used(
        "gantry.task.buffer.bytes",
        Long(16 << 20),
        Medium,
        Min(65_536),
        "Bytes of records that one task may have in flight. A task that reaches this waits: that is the back-pressure, and the bound on memory.",
    ),
    used(
        "gantry.rest.mask.secrets",
        Bool(false),
        Medium,
        Any,
        "Whether the REST API shows `[hidden]` in place of the secrets of connectors: values of keys of type PASSWORD. A request that carries the mask keeps the stored value. Kafka Connect shows them.",
    ),
    used(
        "gantry.restart.max",
        Int(0),
        Medium,
        Min(0),
        "How often in a row a failed task is started again by itself. 0 is Kafka Connect's way: never.",
    ),
    used(
        "gantry.restart.backoff.ms",
        Long(1_000),
        Low,
        Min(1),
        "Milliseconds before the first such restart; doubled for each further one.",
    ),
    used(
        "gantry.restart.backoff.max.ms",
        Long(60_000),
        Low,
        Min(1),
        "Longest wait in milliseconds before such a restart.",
    ),
    used(
        "gantry.rest.basic.auth.file",
        Null(Type::String),
        Medium,
        Any,
        "The properties file `user=password` of basic authentication, when `rest.extension.classes` asks for it. It is read once; a missing one lets nobody in until it is there, an empty one lets everybody in.",
    ),
    used(
        "gantry.rest.jaas.config",
        Null(Type::String),
        Low,
        Any,
        "A JAAS file whose section `KafkaConnect` names that properties file, as Kafka Connect has it; without this key the file that `-Djava.security.auth.login.config` in KAFKA_OPTS names.",
    ),
];

/// Kafka's keys that every worker has.
pub(crate) const WORKER: &[Row] = &[
    used(
        "key.converter",
        Null(Type::Class),
        High,
        Any,
        "The converter between record keys and the bytes in the log, for connectors that do not name one. Required in a worker file. Settings of the converter follow behind `key.converter.`.",
    ),
    used(
        "value.converter",
        Null(Type::Class),
        High,
        Any,
        "The converter between record values and the bytes in the log, for connectors that do not name one. Required in a worker file. Settings of the converter follow behind `value.converter.`.",
    ),
    used(
        "header.converter",
        Class("org.apache.kafka.connect.storage.SimpleHeaderConverter"),
        Low,
        Any,
        "The converter between header values and the bytes in the log, for connectors that do not name one. Settings of the converter follow behind `header.converter.`.",
    ),
    accepted(
        "key.converter.plugin.version",
        Null(Type::String),
        Low,
        Any,
        "The version wanted of the key converter. Native converters have one version.",
    ),
    accepted(
        "value.converter.plugin.version",
        Null(Type::String),
        Low,
        Any,
        "The version wanted of the value converter. Native converters have one version.",
    ),
    accepted(
        "header.converter.plugin.version",
        Null(Type::String),
        Low,
        Any,
        "The version wanted of the header converter. Native converters have one version.",
    ),
    accepted(
        "bootstrap.servers",
        Null(Type::List),
        High,
        SomeEntries,
        "Kafka brokers. Gantry needs none: topics are in the log that `gantry.log` names. A line at start-up says so.",
    ),
    accepted(
        "client.dns.lookup",
        Text("use_all_dns_ips"),
        Medium,
        OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]),
        "How a Kafka client resolves the brokers' names.",
    ),
    used(
        "task.shutdown.graceful.timeout.ms",
        Long(5_000),
        Low,
        Any,
        "Milliseconds that tasks get to stop by themselves, all of them together. What has not stopped then is cancelled.",
    ),
    used(
        "offset.flush.interval.ms",
        Long(60_000),
        Low,
        Any,
        "Milliseconds between two commits of a task's offsets.",
    ),
    used(
        "offset.flush.timeout.ms",
        Long(5_000),
        Low,
        Any,
        "Longest time in milliseconds for records and offsets to reach the log before an offset commit is given up and tried again later.",
    ),
    accepted(
        "offset.storage.file.filename",
        Null(Type::String),
        High,
        Any,
        "The file in which Kafka's standalone mode keeps source offsets. Gantry keeps them in the log, beside the records; a line at start-up says so.",
    ),
    accepted(
        "plugin.path",
        Null(Type::List),
        Low,
        SomeEntries,
        "Directories with Java plugins. Native plugins are compiled in and need no path.",
    ),
    accepted(
        "plugin.discovery",
        Text("hybrid_warn"),
        Low,
        AnyCase(&["ONLY_SCAN", "SERVICE_LOAD", "HYBRID_WARN", "HYBRID_FAIL"]),
        "How Java plugins are found on `plugin.path`.",
    ),
    used(
        "config.providers",
        List(&[]),
        Low,
        Entries,
        "Names of config providers, comma-separated. Each needs `config.providers.<name>.class` and may have `config.providers.<name>.param.*`; configs then hold `${<name>:<path>:<key>}` in place of a secret.",
    ),
    used(
        "connector.client.config.override.policy",
        Text("All"),
        Medium,
        Any,
        "Which `producer.override.*`, `consumer.override.*` and `admin.override.*` a connector may set: `All`, `None`, `Principal` or `Allowlist`.",
    ),
    used(
        "connector.client.config.override.allowlist",
        List(&[]),
        Medium,
        Entries,
        "The client settings that a connector may override when the policy is `Allowlist`.",
    ),
    used(
        "topic.creation.enable",
        Bool(true),
        Low,
        Any,
        "Whether a source connector may create topics as its `topic.creation.*` say.",
    ),
    used(
        "topic.tracking.enable",
        Bool(true),
        Low,
        Any,
        "Whether the topics that a connector uses are remembered for `GET /connectors/{name}/topics`.",
    ),
    used(
        "topic.tracking.allow.reset",
        Bool(true),
        Low,
        Any,
        "Whether `PUT /connectors/{name}/topics/reset` may forget them.",
    ),
    accepted(
        "metrics.sample.window.ms",
        Long(30_000),
        Low,
        Min(0),
        "The window of Kafka's sampled metrics. `/metrics` gives totals, and rates since the last look.",
    ),
    accepted("metrics.num.samples", Int(2), Low, Min(1), "How many such windows Kafka keeps."),
    accepted(
        "metrics.recording.level",
        Text("INFO"),
        Low,
        OneOf(&["INFO", "DEBUG"]),
        "How detailed Kafka's metrics are.",
    ),
    accepted(
        "metric.reporters",
        List(&["org.apache.kafka.common.metrics.JmxReporter"]),
        Low,
        Entries,
        "Java classes that report Kafka's metrics. Gantry's are at `/metrics`.",
    ),
];

/// Kafka's keys of the REST API.
pub(crate) const REST: &[Row] = &[
    used(
        "listeners",
        List(&["http://:8083"]),
        Low,
        Any,
        "Where the REST API listens, as URIs `http://host:port` or `https://host:port`, comma-separated. Without a host it listens on all interfaces; port 0 takes a free one. HTTPS needs the keys under *TLS*, with or without the prefix `listeners.https.`. Without a worker file it is http://127.0.0.1:8083.",
    ),
    used(
        "rest.advertised.host.name",
        Null(Type::String),
        Low,
        Any,
        "The host under which this worker is shown in statuses, in place of the listener's.",
    ),
    used(
        "rest.advertised.port",
        Null(Type::Int),
        Low,
        Any,
        "The port under which this worker is shown in statuses, in place of the listener's.",
    ),
    used(
        "rest.advertised.listener",
        Null(Type::String),
        Low,
        Any,
        "Which listener this worker is shown by in statuses: the first `http` or the first `https` one. Without it the first http one, else the first.",
    ),
    used(
        "admin.listeners",
        Null(Type::List),
        Low,
        Entries,
        "Where the admin endpoints (`/admin/loggers`) listen, and nothing else. Not set, they are on `listeners`; empty, they are nowhere. HTTPS takes the keys behind `admin.listeners.https.`, else those without prefix. Basic authentication, `access.control.*` and `response.http.headers.config` do not hold here, as in Kafka Connect.",
    ),
    used(
        "access.control.allow.origin",
        Text(""),
        Low,
        Any,
        "Which web sites' pages may use the REST API: comma-separated origins such as `https://example.com`, each a regular expression for the whole origin in any case of letters, or `*` for all. Empty allows none.",
    ),
    used(
        "access.control.allow.methods",
        Text(""),
        Low,
        Any,
        "The methods that such pages may use, comma-separated; empty allows GET, POST and HEAD.",
    ),
    used(
        "response.http.headers.config",
        Text(""),
        Low,
        Any,
        "Headers for every answer: comma-separated rules `action name:value`, a rule with a comma in double quotes. Actions: `set`, `add`, and `setDate`, `addDate` whose value is the milliseconds from now on.",
    ),
    used(
        "rest.extension.classes",
        List(&[]),
        Low,
        Entries,
        "`org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension` asks for user and password; its users are in `gantry.rest.basic.auth.file` or behind `gantry.rest.jaas.config`. There is no other extension.",
    ),
    CLIENT_AUTH,
];

/// A key of TLS that stands with those of REST.
pub(crate) const CLIENT_AUTH: Row = used(
    "ssl.client.auth",
    Text("none"),
    Low,
    OneOf(&["required", "requested", "none"]),
    "Whether HTTPS listeners ask clients for a certificate. One that is shown must lead to the trust store, or be in it.",
);
