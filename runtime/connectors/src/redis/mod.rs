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
    vec![
        ConnectorPlugin::sink(
            PluginInfo::new(
                "com.github.jcustenborder.kafka.connect.redis.RedisSinkConnector",
                "Connector",
                sink::custenborder,
            ),
            || RedisSink::new(Flavour::Custenborder),
            || RedisSinkTask::new(Flavour::Custenborder),
        ),
        ConnectorPlugin::sink(
            PluginInfo::new("com.redis.kafka.connect.RedisSinkConnector", "Connector", sink::redis),
            || RedisSink::new(Flavour::Redis),
            || RedisSinkTask::new(Flavour::Redis),
        ),
        ConnectorPlugin::sink(
            PluginInfo::new(
                "io.github.jaredpetersen.kafkaconnectredis.sink.RedisSinkConnector",
                "Connector",
                sink::petersen,
            ),
            || RedisSink::new(Flavour::Petersen),
            || RedisSinkTask::new(Flavour::Petersen),
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
