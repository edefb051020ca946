//! What the parent of all plugin class loaders has: Kafka's own jars, as of Kafka 4.3.1.
//!
//! Plugins extend classes that are not in their location. To tell what kind such a plugin is
//! without a JVM takes the few classes of connect-api, connect-json, connect-transforms,
//! connect-runtime and kafka-clients that lead to a base type, and nothing else of those jars.

use super::kind::{Kinds, PluginKind};

/// A class of Kafka's that is a plugin or a base of plugins.
#[derive(Clone, Debug)]
pub(crate) struct ParentClass {
    /// Its binary name, with dots.
    pub(crate) name: String,
    pub(crate) kinds: Kinds,
    /// Reflection loses its way at a supertype that is not public, and so at this class: Kafka
    /// finds no subclass of it by reading classes.
    pub(crate) is_blind: bool,
    /// Kafka's own manifests list it, for all its kinds.
    pub(crate) is_listed: bool,
}

const BOTH_CONVERTERS: Kinds =
    Kinds::of(PluginKind::Converter).and(Kinds::of(PluginKind::HeaderConverter));
const HEADER: Kinds = Kinds::of(PluginKind::HeaderConverter);
const TRANSFORMATION: Kinds = Kinds::of(PluginKind::Transformation);
const PREDICATE: Kinds = Kinds::of(PluginKind::Predicate);
const PROVIDER: Kinds = Kinds::of(PluginKind::ConfigProvider);
const POLICY: Kinds = Kinds::of(PluginKind::ConnectorClientConfigOverridePolicy);

/// The concrete ones: package, simple names, kinds.
const CONCRETE: &[(&str, &[&str], Kinds)] = &[
    ("org.apache.kafka.connect.json", &["JsonConverter"], BOTH_CONVERTERS),
    ("org.apache.kafka.connect.storage", &["StringConverter"], BOTH_CONVERTERS),
    ("org.apache.kafka.connect.storage", &["SimpleHeaderConverter"], HEADER),
    (
        "org.apache.kafka.connect.converters",
        &["BooleanConverter", "ByteArrayConverter"],
        BOTH_CONVERTERS,
    ),
    (
        "org.apache.kafka.connect.transforms",
        &["DropHeaders", "Filter", "InsertHeader", "RegexRouter", "TimestampRouter", "ValueToKey"],
        TRANSFORMATION,
    ),
    (
        "org.apache.kafka.connect.transforms.predicates",
        &["HasHeaderKey", "RecordIsTombstone", "TopicNameMatches"],
        PREDICATE,
    ),
    (
        "org.apache.kafka.common.config.provider",
        &["DirectoryConfigProvider", "EnvVarConfigProvider", "FileConfigProvider"],
        PROVIDER,
    ),
    (
        "org.apache.kafka.connect.connector.policy",
        &[
            "AllConnectorClientConfigOverridePolicy",
            "AllowlistConnectorClientConfigOverridePolicy",
            "NoneConnectorClientConfigOverridePolicy",
            "PrincipalConnectorClientConfigOverridePolicy",
        ],
        POLICY,
    ),
];

/// Transformations that are abstract, with a nested class each for keys and for values.
const KEY_AND_VALUE: &[&str] = &[
    "Cast",
    "ExtractField",
    "Flatten",
    "HeaderFrom",
    "HoistField",
    "InsertField",
    "MaskField",
    "ReplaceField",
    "SetSchemaMetadata",
    "TimestampConverter",
];

/// Converters whose base, `NumberConverter`, is not public.
const NUMBERS: &[&str] =
    &["DoubleConverter", "FloatConverter", "IntegerConverter", "LongConverter", "ShortConverter"];

/// All of them.
pub(crate) fn classes() -> Vec<ParentClass> {
    let class = |name: String, kinds, is_listed| {
        let is_blind = false;
        ParentClass { name, kinds, is_blind, is_listed }
    };
    let mut all = Vec::with_capacity(80);
    for kind in PluginKind::ALL {
        all.push(class(kind.base_type().to_owned(), Kinds::of(kind), false));
    }
    for (package, names, kinds) in CONCRETE {
        all.extend(names.iter().map(|name| class(format!("{package}.{name}"), *kinds, true)));
    }
    for name in KEY_AND_VALUE {
        let base = format!("org.apache.kafka.connect.transforms.{name}");
        all.push(class(format!("{base}$Key"), TRANSFORMATION, true));
        all.push(class(format!("{base}$Value"), TRANSFORMATION, true));
        all.push(class(base, TRANSFORMATION, false));
    }
    for name in NUMBERS.iter().chain(&["NumberConverter"]) {
        let is_listed = *name != "NumberConverter";
        let full = format!("org.apache.kafka.connect.converters.{name}");
        all.push(ParentClass { is_blind: true, ..class(full, BOTH_CONVERTERS, is_listed) });
    }
    let policy =
        "org.apache.kafka.connect.connector.policy.AbstractConnectorClientConfigOverridePolicy";
    all.push(class(policy.to_owned(), POLICY, false));
    all
}

/// Packages that the JVM or the parent may have, so that a class of theirs that is not in the
/// location need not be missing.
const PACKAGES: &[&str] = &[
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "com.sun.",
    "netscape.",
    "org.ietf.jgss.",
    "org.w3c.dom.",
    "org.xml.sax.",
    "org.jcp.",
    "org.apache.kafka.",
    "org.slf4j.",
    "com.fasterxml.jackson.",
    "io.github.classgraph.",
    "nonapi.io.github.classgraph.",
    "org.apache.maven.",
    "org.codehaus.plexus.",
    "jakarta.ws.rs.",
    "net.jpountz.",
    "org.xerial.snappy.",
    "com.github.luben.zstd.",
];

/// Packages below those that come in jars of their own, which the parent does not have.
const NOT_PACKAGES: &[&str] = &[
    "org.apache.kafka.connect.file.",
    "org.apache.kafka.connect.mirror.",
    "org.apache.kafka.connect.rest.basic.",
];

/// Whether a class that is not in the location may come from the parent.
pub(crate) fn may_have(name: &str) -> bool {
    let is_in = |packages: &[&str]| packages.iter().any(|package| name.starts_with(package));
    is_in(PACKAGES) && !is_in(NOT_PACKAGES)
}
