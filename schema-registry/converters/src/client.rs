//! A schema registry, over HTTP.

mod auth;
mod confluent;
mod http;
mod rocketmq;
mod tls;

use gantry_model::config::ParsedConfig;
use gantry_model::plugin::Props;
use gantry_model::{Error, ErrorKind, Result, Retry};
use gantry_schema_model::Dependency;

use crate::id::SchemaId;
use crate::keys;

/// Why the registry did not answer as it should.
#[derive(Debug)]
pub(crate) enum RegistryError {
    /// It refuses: HTTP status, its own code, its message.
    Refused { status: u16, code: i64, message: String },
    /// It cannot be reached, or what answers is no registry. The text names the address.
    Lost(String),
    /// Its certificate, or ours, is not taken. The text names the address.
    Untrusted(String),
}

const TLS_EXCEPTION: &str = "javax.net.ssl.SSLHandshakeException";
const REST_EXCEPTION: &str =
    "io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException";
const NETWORK_EXCEPTION: &str = "org.apache.kafka.common.errors.NetworkException";
const TIMEOUT_EXCEPTION: &str = "org.apache.kafka.common.errors.TimeoutException";

impl std::fmt::Display for RegistryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { code, message, .. } => write!(f, "{message}; error code: {code}"),
            Self::Lost(why) | Self::Untrusted(why) => f.write_str(why),
        }
    }
}

impl RegistryError {
    /// Whether there is nothing by that name or number.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether it may answer later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            Self::Lost(_) => true,
            Self::Untrusted(_) => false,
        }
    }

    /// As the cause of what could not be done.
    pub(crate) fn into_error(self, what: &str) -> Error {
        let is_passing = self.is_passing();
        let class = match self {
            Self::Refused { .. } => REST_EXCEPTION,
            Self::Lost(_) => NETWORK_EXCEPTION,
            Self::Untrusted(_) => TLS_EXCEPTION,
        };
        let cause = Error::java(class, self.to_string());
        let kind = match is_passing {
            true => ErrorKind::Java(TIMEOUT_EXCEPTION.into()),
            false => ErrorKind::Serialization,
        };
        let retry = if is_passing { Retry::Backoff } else { Retry::Never };
        Error::new(kind, what).caused_by(cause).with_retry(retry)
    }
}

/// A schema that another one refers to.
#[derive(Clone, Debug, serde::Deserialize, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The name by which it is referred to.
    pub(crate) name: String,
    pub(crate) subject: String,
    pub(crate) version: i32,
}

/// A schema as the registry has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registered {
    pub(crate) id: Option<i32>,
    pub(crate) guid: Option<[u8; 16]>,
    /// The number of this version in RocketMQ's registry.
    pub(crate) record: Option<i64>,
    /// In the subject that was asked for.
    pub(crate) version: Option<i32>,
    /// `None`: AVRO, or the answer did not say.
    pub(crate) schema_type: Option<String>,
    /// `None`: the answer did not say.
    pub(crate) text: Option<String>,
    pub(crate) references: Vec<Reference>,
}

/// A schema to be registered or looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) subject: &'a str,
    pub(crate) schema_type: &'static str,
    /// What it describes, where that has a name.
    pub(crate) name: Option<&'a str>,
    pub(crate) text: &'a str,
    pub(crate) references: &'a [Reference],
    pub(crate) normalize: bool,
}

pub(crate) type Answer<T> = Result<T, RegistryError>;

/// What converters ask a registry. Calls wait for the answer.
pub(crate) trait Registry: Send {
    /// Adds a schema to a subject, where it is not there.
    fn register(&mut self, schema: Candidate<'_>) -> Answer<Registered>;
    /// The schema in its subject; `deleted`: also where it was deleted there.
    fn lookup(&mut self, schema: Candidate<'_>, deleted: bool) -> Answer<Registered>;
    /// The schema of an id; with its version if it is in the subject.
    fn by_id(&mut self, id: SchemaId, subject: &str) -> Answer<Registered>;
    /// The latest version.
    fn latest(&mut self, subject: &str) -> Answer<Registered>;
    /// The latest version whose metadata have a property.
    fn latest_with(&mut self, subject: &str, property: (&str, &str)) -> Answer<Registered>;
    /// All that a schema refers to, directly or not, each behind what it refers to itself.
    fn dependencies(&mut self, references: &[Reference]) -> Answer<Vec<Dependency>>;
    /// The subjects that belong to a topic's keys or values; none if the registry has no notion
    /// of it.
    fn associated(&mut self, topic: &str, cluster: Option<&str>, part: &str)
    -> Answer<Vec<String>>;
}

/// The registry that keys name. `ConfigException` for keys that cannot be used; nothing is asked
/// yet.
/// `is_dry`: only to show something, so that it is asked once and not for long.
pub(crate) fn registry(
    config: &ParsedConfig,
    props: &Props,
    is_dry: bool,
) -> Result<Box<dyn Registry>> {
    let http = |media_type| http::Http::new(config, props, media_type, is_dry);
    Ok(match config.string(keys::REGISTRY_API) {
        Some(keys::API_ROCKETMQ) => Box::new(rocketmq::RocketMq::new(http(rocketmq::MEDIA_TYPE)?)),
        _ => Box::new(confluent::Confluent::new(http(confluent::MEDIA_TYPE)?)),
    })
}
