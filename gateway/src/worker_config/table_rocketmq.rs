//! Worker keys of RocketMQ Connect's face. A worker file of RocketMQ Connect is translated into
//! these.

use gantry_model::config::Importance::{High, Low, Medium};
use gantry_model::config::Type;

use super::row::Check::{Any, Range};
use super::row::Value::{Bool, Null};
use super::row::{Row, accepted, used};

/// Keys of our own, beginning with `gantry.rocketmq.`.
pub(crate) const ROCKETMQ: &[Row] = &[
    used(
        "gantry.rocketmq.connect.port",
        Null(Type::Int),
        Medium,
        Range(0.0, 65_535.0),
        "The port of RocketMQ Connect's REST API, on the host of the first of `listeners`, over http; 0 takes a free one. Not set: there is none. A worker file of RocketMQ Connect sets it by `httpPort`.",
    ),
    accepted(
        "gantry.rocketmq.namesrv.addr",
        Null(Type::String),
        High,
        Any,
        "Name servers of a RocketMQ cluster. Topics are in the embedded log in this version; a line at start-up says so. A worker file of RocketMQ Connect sets it by `namesrvAddr`.",
    ),
    accepted(
        "gantry.rocketmq.acl.enable",
        Bool(false),
        Low,
        Any,
        "Whether RocketMQ wants an access key. A worker file of RocketMQ Connect sets it by `aclEnable`.",
    ),
    accepted(
        "gantry.rocketmq.access.key",
        Null(Type::Password),
        Low,
        Any,
        "The access key for RocketMQ. A worker file of RocketMQ Connect sets it by `accessKey`.",
    ),
    accepted(
        "gantry.rocketmq.secret.key",
        Null(Type::Password),
        Low,
        Any,
        "The secret key for RocketMQ. A worker file of RocketMQ Connect sets it by `secretKey`.",
    ),
];
