//! The keys that all converters with a schema registry have, and their names.

use std::sync::Arc;

use gantry_model::config::{ConfigData, ConfigDef, ConfigKey, Importance, Type, Validator};
use gantry_model::plugin::{CONVERTER_TYPE, Props};

use crate::id::{self, CONFIG, DUAL, PREFIX};
use crate::subject;

pub(crate) const URL: &str = "schema.registry.url";
pub(crate) const URL_RANDOMIZE: &str = "schema.registry.url.randomize";
pub(crate) const REGISTRY_API: &str = "gantry.schema.registry.api";
pub(crate) const MAX_SCHEMAS: &str = "max.schemas.per.subject";
/// Of the formats: how many conversions of schemas are kept.
pub(crate) const SCHEMAS_CACHE: &str = "schemas.cache.config";
pub(crate) const NORMALIZE: &str = "normalize.schemas";
pub(crate) const AUTO_REGISTER: &str = "auto.register.schemas";
pub(crate) const USE_SCHEMA_ID: &str = "use.schema.id";
pub(crate) const USE_SCHEMA_GUID: &str = "use.schema.guid";
pub(crate) const USE_MESSAGE_INDEXES: &str = "use.message.indexes";
pub(crate) const ID_STRICT: &str = "id.compatibility.strict";
pub(crate) const USE_LATEST: &str = "use.latest.version";
pub(crate) const LATEST_STRICT: &str = "latest.compatibility.strict";
pub(crate) const LATEST_WITH_METADATA: &str = "use.latest.with.metadata";
pub(crate) const LATEST_CACHE_TTL: &str = "latest.cache.ttl.sec";
pub(crate) const CONTEXT_STRATEGY: &str = "context.name.strategy";
pub(crate) const KEY_STRATEGY: &str = "key.subject.name.strategy";
pub(crate) const VALUE_STRATEGY: &str = "value.subject.name.strategy";
pub(crate) const STRATEGY_FALLBACK: &str = "subject.name.strategy.fallback.type";
pub(crate) const STRATEGY_CLUSTER: &str = "subject.name.strategy.kafka.cluster.id";
pub(crate) const KEY_ID_SERIALIZER: &str = "key.schema.id.serializer";
pub(crate) const VALUE_ID_SERIALIZER: &str = "value.schema.id.serializer";
pub(crate) const KEY_ID_DESERIALIZER: &str = "key.schema.id.deserializer";
pub(crate) const VALUE_ID_DESERIALIZER: &str = "value.schema.id.deserializer";
pub(crate) const BASIC_SOURCE: &str = "basic.auth.credentials.source";
pub(crate) const USER_INFO: &str = "basic.auth.user.info";
pub(crate) const OLD_USER_INFO: &str = "schema.registry.basic.auth.user.info";
pub(crate) const BEARER_SOURCE: &str = "bearer.auth.credentials.source";
pub(crate) const BEARER_TOKEN: &str = "bearer.auth.token";
pub(crate) const BEARER_ISSUER: &str = "bearer.auth.issuer.endpoint.url";
pub(crate) const BEARER_CLIENT_ID: &str = "bearer.auth.client.id";
pub(crate) const BEARER_CLIENT_SECRET: &str = "bearer.auth.client.secret";
pub(crate) const BEARER_SCOPE: &str = "bearer.auth.scope";
pub(crate) const BEARER_EXPIRY_BUFFER: &str = "bearer.auth.cache.expiry.buffer.seconds";
pub(crate) const BEARER_CLUSTER: &str = "bearer.auth.logical.cluster";
pub(crate) const BEARER_POOL: &str = "bearer.auth.identity.pool.id";
pub(crate) const PROXY_HOST: &str = "proxy.host";
pub(crate) const PROXY_PORT: &str = "proxy.port";
pub(crate) const CONNECT_TIMEOUT: &str = "http.connect.timeout.ms";
pub(crate) const READ_TIMEOUT: &str = "http.read.timeout.ms";
pub(crate) const MAX_RETRIES: &str = "max.retries";
pub(crate) const RETRIES_WAIT: &str = "retries.wait.ms";
pub(crate) const RETRIES_MAX_WAIT: &str = "retries.max.wait.ms";
/// Headers of each request: what follows is the header's name.
pub(crate) const REQUEST_HEADER_PREFIX: &str = "request.header.";
/// In front of keys about TLS.
pub(crate) const SSL_PREFIX: &str = "schema.registry.ssl.";

/// The values of [`REGISTRY_API`].
pub(crate) const API_CONFLUENT: &str = "confluent";
pub(crate) const API_ROCKETMQ: &str = "rocketmq";

const DEFAULT_TIMEOUT_MS: i32 = 60_000;
const DEFAULT_MAX_SCHEMAS: i32 = 1_000;
const DEFAULT_RETRIES_WAIT_MS: i32 = 1_000;
const DEFAULT_RETRIES_MAX_WAIT_MS: i32 = 20_000;
const DEFAULT_EXPIRY_BUFFER_S: i32 = 300;

/// In front of keys of the registry's client, which count with it and without.
const CLIENT_PREFIX: &str = "schema.registry.";

/// All properties, and those behind `schema.registry.` also without that, where they are keys.
/// What stands without it counts first.
pub(crate) fn without_prefix(def: &ConfigDef, props: &Props) -> Props {
    let mut all = props.clone();
    for (key, value) in props {
        if let Some(bare) = key.strip_prefix(CLIENT_PREFIX)
            && (def.key(bare).is_some() || bare.starts_with(REQUEST_HEADER_PREFIX))
        {
            all.entry(bare.to_owned()).or_insert_with(|| value.clone());
        }
    }
    all
}

/// The keys of all formats.
pub(crate) fn define() -> ConfigDef {
    let def = ConfigDef::new().with_classes(Arc::new(known_class)).define(
        ConfigKey::required(
            CONVERTER_TYPE,
            Type::String,
            Importance::Low,
            "What the converter is used for: key, value or header.",
        )
        .validator(Validator::one_of(&["key", "value", "header"])),
    );
    tls(requests(identification(ids(which_schema(registry(def))))))
}

fn known_class(name: &str) -> Option<String> {
    subject::CLASSES
        .iter()
        .chain(id::CLASSES)
        .find(|class| **class == name)
        .map(ToString::to_string)
}

fn registry(def: ConfigDef) -> ConfigDef {
    use Importance::{High, Low};
    def.define(ConfigKey::required(
        URL,
        Type::List,
        High,
        "The addresses of the schema registry, separated by commas: where one does not answer the \
         next is asked.",
    ))
    .define(ConfigKey::new(
        URL_RANDOMIZE,
        Type::Boolean,
        false,
        Low,
        "Whether to begin with any of the addresses instead of the first.",
    ))
    .define(
        ConfigKey::new(
            REGISTRY_API,
            Type::String,
            API_CONFLUENT,
            Low,
            "Which registry it is: confluent (also Gantry's own, Apicurio's and others), or \
             rocketmq for RocketMQ Schema Registry, whose clients expect 0x10 and a record id of 8 \
             bytes in front of the data.",
        )
        .validator(Validator::one_of(&[API_CONFLUENT, API_ROCKETMQ])),
    )
    .define(ConfigKey::new(
        MAX_SCHEMAS,
        Type::Int,
        DEFAULT_MAX_SCHEMAS,
        Low,
        "How many schemas the converter remembers, for writing and for reading each.",
    ))
}

fn which_schema(def: ConfigDef) -> ConfigDef {
    use Importance::{Low, Medium};
    def.define(ConfigKey::new(
        NORMALIZE,
        Type::Boolean,
        false,
        Medium,
        "Whether schemas that differ only in what does not matter count as one.",
    ))
    .define(ConfigKey::new(
        AUTO_REGISTER,
        Type::Boolean,
        true,
        Medium,
        "Whether schemas that are not in the registry are added to it.",
    ))
    .define(ConfigKey::new(
        USE_SCHEMA_ID,
        Type::Int,
        -1,
        Low,
        "The id of the schema by which all data are written. Needs auto.register.schemas=false.",
    ))
    .define(ConfigKey::nullable(
        USE_SCHEMA_GUID,
        Type::String,
        Low,
        "The GUID of the schema by which all data are written. Needs \
         auto.register.schemas=false.",
    ))
    .define(ConfigKey::new(
        ID_STRICT,
        Type::Boolean,
        true,
        Low,
        "Whether the schema of use.schema.id or use.schema.guid must be backward compatible with \
         that of the data.",
    ))
    .define(ConfigKey::new(
        USE_LATEST,
        Type::Boolean,
        false,
        Low,
        "Whether data are written by the latest version in the subject. Needs \
         auto.register.schemas=false.",
    ))
    .define(ConfigKey::new(
        LATEST_STRICT,
        Type::Boolean,
        true,
        Low,
        "Whether the latest version must be backward compatible with the schema of the data.",
    ))
    .define(ConfigKey::new(
        LATEST_CACHE_TTL,
        Type::Int,
        -1,
        Low,
        "After how many seconds the registry is asked again which version is the latest; -1 is \
         never.",
    ))
    .define(ConfigKey::nullable(
        LATEST_WITH_METADATA,
        Type::String,
        Low,
        "Data are written by the latest version whose metadata have this property, given as \
         name=value.",
    ))
}

fn ids(def: ConfigDef) -> ConfigDef {
    use Importance::Medium;
    let class = |name, default: &str, doc| {
        ConfigKey::new(name, Type::Class, ConfigData::Class(default.to_owned()), Medium, doc)
    };
    def.define(class(
        CONTEXT_STRATEGY,
        subject::NULL_CONTEXT,
        "How the context of subjects is found.",
    ))
    .define(class(
        KEY_STRATEGY,
        subject::ASSOCIATED,
        "How the subject of a key's schema is named; by default <topic>-key.",
    ))
    .define(class(KEY_ID_SERIALIZER, PREFIX, "Where the id of a key's schema is written."))
    .define(class(KEY_ID_DESERIALIZER, DUAL, "Where the id of a key's schema is looked for."))
    .define(class(
        VALUE_STRATEGY,
        subject::ASSOCIATED,
        "How the subject of a value's schema is named; by default <topic>-value.",
    ))
    .define(class(VALUE_ID_SERIALIZER, PREFIX, "Where the id of a value's schema is written."))
    .define(class(VALUE_ID_DESERIALIZER, DUAL, "Where the id of a value's schema is looked for."))
    .define(
        ConfigKey::new(
            STRATEGY_FALLBACK,
            Type::String,
            subject::TOPIC_KIND,
            Importance::Low,
            "How a subject is named where the registry associates none with the topic: TOPIC, \
             RECORD, TOPIC_RECORD, or NONE for an error.",
        )
        .validator(Validator::CaseInsensitiveValidString(
            subject::KINDS.map(str::to_owned).to_vec(),
        )),
    )
    .define(ConfigKey::nullable(
        STRATEGY_CLUSTER,
        Type::String,
        Importance::Low,
        "The cluster of the topics that the registry associates with subjects; none is any.",
    ))
    .define(ConfigKey::nullable(
        USE_MESSAGE_INDEXES,
        Type::String,
        Importance::Low,
        &format!(
            "Which message of a Protobuf schema data are in, as places separated by commas, where \
             {CONFIG} looks for the id."
        ),
    ))
}

fn identification(def: ConfigDef) -> ConfigDef {
    use Importance::{Low, Medium};
    let text = |name, importance, doc| ConfigKey::nullable(name, Type::String, importance, doc);
    let secret = |name, doc| ConfigKey::new(name, Type::Password, "", Medium, doc);
    def.define(
        ConfigKey::new(
            BASIC_SOURCE,
            Type::String,
            "URL",
            Medium,
            "Where user and password are: URL (in the address) or USER_INFO (in \
             basic.auth.user.info).",
        )
        .validator(Validator::one_of(&["URL", "USER_INFO"])),
    )
    .define(secret(USER_INFO, "User and password as user:password."))
    .define(secret(OLD_USER_INFO, "The old name of basic.auth.user.info."))
    .define(
        ConfigKey::new(
            BEARER_SOURCE,
            Type::String,
            "STATIC_TOKEN",
            Medium,
            "Where a bearer token comes from: STATIC_TOKEN (bearer.auth.token) or OAUTHBEARER \
             (asked for at bearer.auth.issuer.endpoint.url).",
        )
        .validator(Validator::one_of(&["STATIC_TOKEN", "OAUTHBEARER"])),
    )
    .define(secret(BEARER_TOKEN, "The token of STATIC_TOKEN."))
    .define(text(BEARER_ISSUER, Medium, "The address that gives out tokens."))
    .define(text(BEARER_CLIENT_ID, Medium, "Who asks for a token."))
    .define(secret(BEARER_CLIENT_SECRET, "The secret of bearer.auth.client.id."))
    .define(text(BEARER_SCOPE, Medium, "What the token is for."))
    .define(
        ConfigKey::new(
            BEARER_EXPIRY_BUFFER,
            Type::Short,
            DEFAULT_EXPIRY_BUFFER_S,
            Low,
            "How many seconds before its end a token is replaced.",
        )
        .validator(Validator::between(0, 3600)),
    )
    .define(text(BEARER_CLUSTER, Medium, "The header target-sr-cluster of each request."))
    .define(text(
        BEARER_POOL,
        Medium,
        "The header Confluent-Identity-Pool-Id of each request.",
    ))
}

fn requests(def: ConfigDef) -> ConfigDef {
    use Importance::Low;
    let number = |name, default: i32, doc| {
        ConfigKey::new(name, Type::Int, default, Low, doc).validator(Validator::at_least(0))
    };
    def.define(ConfigKey::new(PROXY_HOST, Type::String, "", Low, "The host of an HTTP proxy."))
        .define(ConfigKey::new(PROXY_PORT, Type::Int, -1, Low, "The port of the HTTP proxy."))
        .define(number(
            CONNECT_TIMEOUT,
            DEFAULT_TIMEOUT_MS,
            "How long to wait for a connection, in milliseconds.",
        ))
        .define(number(
            READ_TIMEOUT,
            DEFAULT_TIMEOUT_MS,
            "How long to wait for an answer, in milliseconds.",
        ))
        .define(number(MAX_RETRIES, 3, "How often a request that failed is sent again."))
        .define(number(
            RETRIES_WAIT,
            DEFAULT_RETRIES_WAIT_MS,
            "The longest wait before the first retry, in milliseconds.",
        ))
        .define(number(
            RETRIES_MAX_WAIT,
            DEFAULT_RETRIES_MAX_WAIT_MS,
            "The longest wait before any retry, in milliseconds.",
        ))
}

fn tls(def: ConfigDef) -> ConfigDef {
    use Importance::{High, Medium};
    let text = |name: &str, doc| {
        ConfigKey::nullable(&format!("{SSL_PREFIX}{name}"), Type::String, Medium, doc)
    };
    let kind = |name: &str, doc| {
        ConfigKey::new(&format!("{SSL_PREFIX}{name}"), Type::String, "JKS", Medium, doc)
    };
    let secret = |name: &str, doc| {
        ConfigKey::nullable(&format!("{SSL_PREFIX}{name}"), Type::Password, High, doc)
    };
    def.define(text("truststore.location", "The file of the certificates that are trusted."))
        .define(secret("truststore.password", "What opens the trust store."))
        .define(kind("truststore.type", "JKS, PKCS12 or PEM."))
        .define(secret("truststore.certificates", "The trusted certificates themselves, as PEM."))
        .define(text("keystore.location", "The file of the own key and its certificates."))
        .define(secret("keystore.password", "What opens the key store."))
        .define(kind("keystore.type", "JKS, PKCS12 or PEM."))
        .define(secret("keystore.key", "The own key itself, as PEM."))
        .define(secret("keystore.certificate.chain", "The certificates of the key, as PEM."))
        .define(secret("key.password", "What opens the key, if not the store's password."))
        .define(ConfigKey::new(
            &format!("{SSL_PREFIX}endpoint.identification.algorithm"),
            Type::String,
            "https",
            Importance::Low,
            "The certificate must name the registry's host, whatever stands here.",
        ))
}
