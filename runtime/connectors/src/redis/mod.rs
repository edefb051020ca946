//! Redis sinks and sources, under the class names and keys of jcustenborder's, Redis' own and jaredpetersen's
//! connectors; see this folder's README.

mod charset;
mod client;
mod keys;
mod sink;
mod source;

use gantry_api::{ConnectorPlugin, PluginInfo};

use sink::{RedisSink, RedisSinkTask};
use source::{ChannelTask, KeysTask, RedisSource, StreamTask};

/// Whose keys, defaults and behaviour a connector has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    /// jcustenborder's.
    Custenborder,
    /// Redis' own.
    Redis,
    /// jaredpetersen's.
    Petersen,
}

/// All connectors of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    use source::Kind;
    let sink = |class: &str, flavour: Flavour, definition| {
        ConnectorPlugin::sink(
            PluginInfo::new(class, "Connector", definition),
            move || RedisSink::new(flavour),
            move || RedisSinkTask::new(flavour),
        )
    };
    vec![
        sink(
            "com.github.jcustenborder.kafka.connect.redis.RedisSinkConnector",
            Flavour::Custenborder,
            sink::custenborder,
        ),
        sink("com.redis.kafka.connect.RedisSinkConnector", Flavour::Redis, sink::redis),
        sink(
            "io.github.jaredpetersen.kafkaconnectredis.sink.RedisSinkConnector",
            Flavour::Petersen,
            sink::petersen,
        ),
        ConnectorPlugin::source(
            PluginInfo::new(
                "com.redis.kafka.connect.RedisStreamSourceConnector",
                "Connector",
                source::stream,
            ),
            || RedisSource::new(Kind::Stream),
            StreamTask::default,
        ),
        ConnectorPlugin::source(
            PluginInfo::new(
                "com.redis.kafka.connect.RedisKeysSourceConnector",
                "Connector",
                source::keys,
            ),
            || RedisSource::new(Kind::Keys),
            KeysTask::default,
        ),
        ConnectorPlugin::source(
            PluginInfo::new(
                "io.github.jaredpetersen.kafkaconnectredis.source.RedisSourceConnector",
                "Connector",
                source::channels,
            ),
            || RedisSource::new(Kind::Channels),
            ChannelTask::default,
        ),
    ]
}
