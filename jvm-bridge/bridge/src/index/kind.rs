//! What kinds of plugins Kafka Connect knows, and the ways in which it looks for them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kind of a plugin. The order is Kafka's, and so are the names in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginKind {
    /// A source connector.
    Source,
    /// A sink connector.
    Sink,
    /// A converter of keys and values.
    Converter,
    /// A converter of headers.
    HeaderConverter,
    /// A transformation of records.
    Transformation,
    /// A predicate that a transformation depends on.
    Predicate,
    /// A provider of values for `${provider:…}` in configurations.
    #[serde(rename = "configprovider")]
    ConfigProvider,
    /// An extension of the REST server.
    RestExtension,
    /// A policy for the client settings that connectors may override.
    ConnectorClientConfigOverridePolicy,
}

impl PluginKind {
    /// All kinds, in order.
    pub const ALL: [Self; 9] = [
        Self::Source,
        Self::Sink,
        Self::Converter,
        Self::HeaderConverter,
        Self::Transformation,
        Self::Predicate,
        Self::ConfigProvider,
        Self::RestExtension,
        Self::ConnectorClientConfigOverridePolicy,
    ];

    /// The name that Kafka's REST API gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
            Self::Converter => "converter",
            Self::HeaderConverter => "header_converter",
            Self::Transformation => "transformation",
            Self::Predicate => "predicate",
            Self::ConfigProvider => "configprovider",
            Self::RestExtension => "rest_extension",
            Self::ConnectorClientConfigOverridePolicy => "connector_client_config_override_policy",
        }
    }

    /// The Java class or interface that plugins of this kind extend or implement.
    #[must_use]
    pub fn base_type(self) -> &'static str {
        match self {
            Self::Source => "org.apache.kafka.connect.source.SourceConnector",
            Self::Sink => "org.apache.kafka.connect.sink.SinkConnector",
            Self::Converter => "org.apache.kafka.connect.storage.Converter",
            Self::HeaderConverter => "org.apache.kafka.connect.storage.HeaderConverter",
            Self::Transformation => "org.apache.kafka.connect.transforms.Transformation",
            Self::Predicate => "org.apache.kafka.connect.transforms.predicates.Predicate",
            Self::ConfigProvider => "org.apache.kafka.common.config.provider.ConfigProvider",
            Self::RestExtension => "org.apache.kafka.connect.rest.ConnectRestExtension",
            Self::ConnectorClientConfigOverridePolicy => {
                "org.apache.kafka.connect.connector.policy.ConnectorClientConfigOverridePolicy"
            }
        }
    }

    /// The base type without its package.
    #[must_use]
    pub fn simple_name(self) -> &'static str {
        let full = self.base_type();
        full.rsplit_once('.').map_or(full, |(_, simple)| simple)
    }

    /// Whether Kafka finds this kind by reading all classes. The others need a manifest in every
    /// discovery mode.
    #[must_use]
    pub fn is_scanned(self) -> bool {
        !matches!(
            self,
            Self::ConfigProvider | Self::RestExtension | Self::ConnectorClientConfigOverridePolicy
        )
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u16);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn of(kind: PluginKind) -> Self {
        Self(1 << kind as u16)
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn has(self, kind: PluginKind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }
}

/// `plugin.discovery`: how plugins are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DiscoveryMode {
    /// All classes are read.
    OnlyScan,
    /// All classes are read and the manifests too; a warning tells which have no manifest.
    #[default]
    HybridWarn,
    /// All classes are read and the manifests too; a plugin without manifest is a failure.
    HybridFail,
    /// The manifests alone are read.
    ServiceLoad,
}

impl DiscoveryMode {
    /// The value of `plugin.discovery`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OnlyScan => "only_scan",
            Self::HybridWarn => "hybrid_warn",
            Self::HybridFail => "hybrid_fail",
            Self::ServiceLoad => "service_load",
        }
    }

    /// Whether classes without manifest count.
    #[must_use]
    pub fn scans(self) -> bool {
        self != Self::ServiceLoad
    }

    /// Whether manifests count.
    #[must_use]
    pub fn loads_services(self) -> bool {
        self != Self::OnlyScan
    }
}

impl fmt::Display for DiscoveryMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value of `plugin.discovery` that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is none of only_scan, hybrid_warn, hybrid_fail, service_load")]
pub struct UnknownMode(String);

impl FromStr for DiscoveryMode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::OnlyScan, Self::HybridWarn, Self::HybridFail, Self::ServiceLoad];
        let found = all.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| UnknownMode(text.to_owned()))
    }
}
