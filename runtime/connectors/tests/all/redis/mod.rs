//! Redis sinks and sources on real servers, each test on one of its own; tests/native/redis.py says where the program is.

mod cluster;
mod faults;
mod server;
mod sink;
mod source;

pub(crate) const CUSTENBORDER: &str =
    "com.github.jcustenborder.kafka.connect.redis.RedisSinkConnector";
pub(crate) const SINK: &str = "com.redis.kafka.connect.RedisSinkConnector";
pub(crate) const PETERSEN: &str =
    "io.github.jaredpetersen.kafkaconnectredis.sink.RedisSinkConnector";
pub(crate) const STREAM: &str = "com.redis.kafka.connect.RedisStreamSourceConnector";
pub(crate) const KEYS: &str = "com.redis.kafka.connect.RedisKeysSourceConnector";
pub(crate) const CHANNELS: &str =
    "io.github.jaredpetersen.kafkaconnectredis.source.RedisSourceConnector";
