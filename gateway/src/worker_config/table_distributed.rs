//! Worker keys of Kafka's distributed mode, read so that a worker file of a cluster can be used.

use gantry_model::config::Importance::{High, Low, Medium};
use gantry_model::config::Type;

use super::row::Check::{Any, AnyCase, Min, OneOf, Partitions, Replicas};
use super::row::Value::{Int, List, Null, Short, Text};
use super::row::{Row, accepted, used};

/// Kafka's keys of clusters.
pub(crate) const DISTRIBUTED: &[Row] = &[
    used(
        "group.id",
        Null(Type::String),
        High,
        Any,
        "The name of the cluster: workers with the same name share its connectors. Required in distributed mode.",
    ),
    used(
        "session.timeout.ms",
        Int(10_000),
        High,
        Any,
        "How long in milliseconds a worker of a cluster may be silent before the others take over what it runs. After half of it, it stops by itself.",
    ),
    used(
        "gantry.cluster.allocation",
        Text("consistent-hash"),
        Low,
        OneOf(&["consistent-hash", "simple-hash"]),
        "How connectors and tasks are spread over the workers of a cluster. `consistent-hash` moves only what is above the fair share; `simple-hash` deals them out in turn, and moves most when a worker comes or goes.",
    ),
    accepted(
        "rebalance.timeout.ms",
        Int(60_000),
        High,
        Any,
        "How long in milliseconds a worker has to let go of its tasks when they are spread anew.",
    ),
    used(
        "heartbeat.interval.ms",
        Int(3000),
        High,
        Any,
        "Milliseconds between two signs of life of a worker. Less than a third of `session.timeout.ms` is wise.",
    ),
    used(
        "exactly.once.source.support",
        Text("disabled"),
        High,
        AnyCase(&["DISABLED", "ENABLED", "PREPARING"]),
        "Whether what source connectors of a cluster write counts only once it is committed with its offsets, for sinks with `consumer.isolation.level=read_committed`. With the embedded log both always are one atomic write.",
    ),
    accepted(
        "worker.sync.timeout.ms",
        Int(3000),
        Medium,
        Any,
        "Milliseconds that a worker tries to read the shared configuration up to its end before it leaves the group.",
    ),
    accepted(
        "worker.unsync.backoff.ms",
        Int(300_000),
        Medium,
        Any,
        "Milliseconds that such a worker stays out of the group.",
    ),
    used(
        "offset.storage.topic",
        Null(Type::String),
        High,
        Any,
        "The topic of the log that holds the offsets of source connectors; `connect-offsets` when it is not set. Required by Kafka in distributed mode.",
    ),
    accepted(
        "offset.storage.partitions",
        Int(25),
        Low,
        Partitions,
        "How many partitions the offset topic gets when it is made.",
    ),
    accepted(
        "offset.storage.replication.factor",
        Short(3),
        Low,
        Replicas,
        "How many replicas the offset topic gets when it is made.",
    ),
    used(
        "config.storage.topic",
        Null(Type::String),
        High,
        Any,
        "The topic of the log that holds the connectors' configurations and target states. Required in distributed mode; in standalone mode connectors live as long as the process.",
    ),
    accepted(
        "config.storage.replication.factor",
        Short(3),
        Low,
        Replicas,
        "How many replicas the configuration topic gets when it is made.",
    ),
    used(
        "status.storage.topic",
        Null(Type::String),
        High,
        Any,
        "The topic that holds the states of connectors and tasks.",
    ),
    accepted(
        "status.storage.partitions",
        Int(5),
        Low,
        Partitions,
        "How many partitions the status topic gets when it is made.",
    ),
    accepted(
        "status.storage.replication.factor",
        Short(3),
        Low,
        Replicas,
        "How many replicas the status topic gets when it is made.",
    ),
    accepted(
        "connect.protocol",
        Text("sessioned"),
        Low,
        AnyCase(&["EAGER", "COMPATIBLE", "SESSIONED"]),
        "Which version of Kafka Connect's rebalance protocol a cluster speaks.",
    ),
    accepted(
        "scheduled.rebalance.max.delay.ms",
        Int(300_000),
        Low,
        Min(0),
        "How long in milliseconds the tasks of a worker that left wait for its return before others take them.",
    ),
    accepted(
        "inter.worker.key.ttl.ms",
        Int(3_600_000),
        Low,
        Min(0),
        "Milliseconds after which the key that signs requests between workers is replaced.",
    ),
    accepted(
        "inter.worker.key.generation.algorithm",
        Text("HmacSHA256"),
        Low,
        Any,
        "How the key that signs requests between workers is made.",
    ),
    accepted(
        "inter.worker.key.size",
        Null(Type::Int),
        Low,
        Any,
        "Size in bits of the key that signs requests between workers.",
    ),
    accepted(
        "inter.worker.signature.algorithm",
        Text("HmacSHA256"),
        Low,
        Any,
        "How requests between workers are signed.",
    ),
    accepted(
        "inter.worker.verification.algorithms",
        List(&["HmacSHA256"]),
        Low,
        Any,
        "Which signatures of requests between workers are accepted.",
    ),
];
