//! Which settings of Kafka's clients connectors may bring, decided by a plugin.

use gantry_model::Result;
use gantry_model::config::ConfigValue;

/// A client of Kafka's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// `producer.override.*`
    Producer,
    /// `consumer.override.*`
    Consumer,
    /// `admin.override.*`
    Admin,
}

/// What a connector wants to set of one client.
#[derive(Clone, Debug)]
pub struct OverrideRequest<'a> {
    /// The connector's name.
    pub connector: &'a str,
    /// Its class.
    pub class: &'a str,
    /// Whether it is a source.
    pub is_source: bool,
    /// The client.
    pub client: ClientKind,
    /// Names without the prefix, and texts.
    pub overrides: Vec<(&'a str, Option<&'a str>)>,
}

/// Kafka Connect's `ConnectorClientConfigOverridePolicy`.
pub trait OverridePolicy: Send + Sync {
    /// Judges each of the overrides; what must not be set has errors. May block. A
    /// `ConfigException` says that a value is not of its setting's type.
    fn validate(&self, request: &OverrideRequest<'_>) -> Result<Vec<ConfigValue>>;
}
