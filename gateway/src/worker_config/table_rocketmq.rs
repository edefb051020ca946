//! Worker keys of RocketMQ Connect's face. A worker file of RocketMQ Connect is translated into
//! these.

use gantry_model::config::Importance::{High, Low, Medium};
use gantry_model::config::Type;

use super::row::Check::{Any, Min, Range};
use super::row::Value::{Bool, Int, Null};
use super::row::{Row, used};

/// Keys of our own, beginning with `gantry.rocketmq.`.
pub(crate) const ROCKETMQ: &[Row] = &[
    used(
        "gantry.rocketmq.connect.port",
        Null(Type::Int),
        Medium,
        Range(0.0, 65_535.0),
        "The port of RocketMQ Connect's REST API, on the host of the first of `listeners`, over http; 0 takes a free one. Not set: there is none. A worker file of RocketMQ Connect sets it by `httpPort`.",
    ),
    used(
        "gantry.rocketmq.namesrv.addr",
        Null(Type::String),
        High,
        Any,
        "Name servers of a RocketMQ cluster, `host:port` each, with `;` between them. Used with `gantry.log=rocketmq` only. The environment variable `ROCKETMQ_NAMESRV_ADDR` sets it, too, and a worker file of RocketMQ Connect by `namesrvAddr`.",
    ),
    used(
        "gantry.rocketmq.acl.enable",
        Bool(false),
        Low,
        Any,
        "Whether RocketMQ wants an access key. A worker file of RocketMQ Connect sets it by `aclEnable`.",
    ),
    used(
        "gantry.rocketmq.access.key",
        Null(Type::Password),
        Low,
        Any,
        "The access key for RocketMQ. A worker file of RocketMQ Connect sets it by `accessKey`.",
    ),
    used(
        "gantry.rocketmq.secret.key",
        Null(Type::Password),
        Low,
        Any,
        "The secret key for RocketMQ. A worker file of RocketMQ Connect sets it by `secretKey`.",
    ),
    used(
        "gantry.rocketmq.tls.enable",
        Bool(false),
        Low,
        Any,
        "Whether name servers and brokers are spoken to over TLS. Their certificates are checked.",
    ),
    used(
        "gantry.rocketmq.tls.ca.file",
        Null(Type::String),
        Low,
        Any,
        "A PEM file of the certificates to trust, in place of those of the system.",
    ),
    used(
        "gantry.rocketmq.request.timeout.ms",
        Int(5000),
        Low,
        Min(100),
        "Milliseconds that a name server or broker may take to answer.",
    ),
    used(
        "gantry.rocketmq.message.bytes.max",
        Int(4 << 20),
        Low,
        Min(1024),
        "Bytes of the largest message that brokers take: their `maxMessageSize`.",
    ),
];
