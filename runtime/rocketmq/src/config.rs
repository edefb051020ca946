//! How to reach a cluster and what to ask of it.

use std::fmt;
use std::sync::Arc;

use gantry_log::Str;
use tokio_rustls::rustls::ClientConfig;

/// What brokers take at most, unless told otherwise.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// An access key of RocketMQ's ACL.
#[derive(Clone)]
pub struct Credentials {
    /// `accessKey`
    pub access_key: String,
    /// `secretKey`
    pub secret_key: String,
}

impl fmt::Debug for Credentials {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.access_key)
    }
}

/// The settings of a [`RocketmqLog`](crate::RocketmqLog).
#[derive(Clone, Debug)]
pub struct RocketmqConfig {
    /// `host:port` of each name server.
    pub name_servers: Vec<Str>,
    /// The consumer group that reading is done in; brokers ask for one.
    pub group: String,
    /// The access key, where brokers check it.
    pub credentials: Option<Credentials>,
    /// TLS to name servers and brokers.
    pub tls: Option<Arc<ClientConfig>>,
    /// How long an answer may take.
    pub request_timeout_ms: u64,
    /// For how long an append is tried again while the broker cannot take it; 0: once.
    pub delivery_timeout_ms: u64,
    /// The broker's `maxMessageSize`.
    pub message_bytes_max: usize,
    /// Bytes that are accepted and not yet durable.
    pub in_flight_bytes_max: usize,
}

impl RocketmqConfig {
    /// The defaults, for these name servers.
    pub fn new(name_servers: Vec<Str>) -> Self {
        Self {
            name_servers,
            group: "gantry".to_owned(),
            credentials: None,
            tls: None,
            request_timeout_ms: 5_000,
            delivery_timeout_ms: u64::MAX,
            message_bytes_max: MESSAGE_BYTES_MAX,
            in_flight_bytes_max: 64 << 20,
        }
    }
}
