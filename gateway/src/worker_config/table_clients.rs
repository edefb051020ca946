//! Worker keys of Kafka's clients: connections to brokers, TLS.

use gantry_model::config::Importance::{High, Low, Medium};
use gantry_model::config::Type;

use super::row::Check::{Any, AnyCase, Min};
use super::row::Value::{Int, List, Long, Null, Text};
use super::row::{Row, accepted, used};

/// Connections to brokers.
pub(crate) const CLIENT: &[Row] = &[
    accepted(
        "metadata.max.age.ms",
        Long(300_000),
        Low,
        Min(0),
        "Milliseconds after which a Kafka client asks the brokers anew for topics and partitions.",
    ),
    accepted("client.id", Text(""), Low, Any, "The name that a Kafka client gives to the brokers."),
    accepted(
        "send.buffer.bytes",
        Int(131_072),
        Medium,
        Min(-1),
        "Size in bytes of the TCP send buffer to a broker; -1 leaves it to the system.",
    ),
    accepted(
        "receive.buffer.bytes",
        Int(32_768),
        Medium,
        Min(-1),
        "Size in bytes of the TCP receive buffer from a broker; -1 leaves it to the system.",
    ),
    accepted(
        "reconnect.backoff.ms",
        Long(50),
        Low,
        Min(0),
        "First wait in milliseconds before a broker is connected to again.",
    ),
    accepted(
        "reconnect.backoff.max.ms",
        Long(1000),
        Low,
        Min(0),
        "Longest wait in milliseconds before a broker is connected to again.",
    ),
    accepted(
        "socket.connection.setup.timeout.ms",
        Long(10_000),
        Low,
        Min(0),
        "First time limit in milliseconds for a connection to a broker.",
    ),
    accepted(
        "socket.connection.setup.timeout.max.ms",
        Long(30_000),
        Low,
        Min(0),
        "Longest time limit in milliseconds for a connection to a broker.",
    ),
    accepted(
        "retry.backoff.ms",
        Long(100),
        Low,
        Min(0),
        "First wait in milliseconds before a request to a broker is sent again.",
    ),
    accepted(
        "retry.backoff.max.ms",
        Long(1000),
        Low,
        Min(0),
        "Longest wait in milliseconds before a request to a broker is sent again.",
    ),
    accepted(
        "request.timeout.ms",
        Int(40_000),
        Medium,
        Min(0),
        "Milliseconds that a Kafka client waits for the answer to a request.",
    ),
    accepted(
        "connections.max.idle.ms",
        Long(540_000),
        Medium,
        Any,
        "Milliseconds after which an unused connection to a broker is closed.",
    ),
    accepted(
        "security.protocol",
        Text("PLAINTEXT"),
        Medium,
        AnyCase(&["SASL_SSL", "PLAINTEXT", "SSL", "SASL_PLAINTEXT"]),
        "Whether connections to brokers use TLS, SASL, both or neither.",
    ),
    accepted(
        "metadata.recovery.strategy",
        Text("rebootstrap"),
        Low,
        AnyCase(&["REBOOTSTRAP", "NONE"]),
        "What a Kafka client does when it reaches none of the brokers that it knows: begin again at `bootstrap.servers`, or fail.",
    ),
    accepted(
        "metadata.recovery.rebootstrap.trigger.ms",
        Long(300_000),
        Low,
        Min(0),
        "Milliseconds without an answer after which a Kafka client begins again at `bootstrap.servers`.",
    ),
];

/// TLS, of connections to brokers and of HTTPS listeners.
pub(crate) const SSL: &[Row] = &[
    used(
        "ssl.keystore.type",
        Text("JKS"),
        Medium,
        Any,
        "The format of the key store of HTTPS listeners: JKS, PKCS12 or PEM. JKS and PKCS12 are told apart by what the file holds.",
    ),
    used(
        "ssl.keystore.location",
        Null(Type::String),
        High,
        Any,
        "The file with the private key and the certificates of HTTPS listeners.",
    ),
    used(
        "ssl.keystore.password",
        Null(Type::Password),
        High,
        Any,
        "The password of the key store. PEM has none.",
    ),
    used(
        "ssl.key.password",
        Null(Type::Password),
        High,
        Any,
        "The password of the private key, where a JKS key has one of its own or a PEM key is encrypted. In PKCS12 the store's password opens the key.",
    ),
    used(
        "ssl.keystore.key",
        Null(Type::Password),
        High,
        Any,
        "The private key itself as PEM, in place of a file. Needs `ssl.keystore.type=PEM` and `ssl.keystore.certificate.chain`.",
    ),
    used(
        "ssl.keystore.certificate.chain",
        Null(Type::Password),
        High,
        Any,
        "The certificates of that key as PEM, its own first.",
    ),
    used(
        "ssl.truststore.type",
        Text("JKS"),
        Medium,
        Any,
        "The format of the trust store: JKS, PKCS12 or PEM. JKS and PKCS12 are told apart by what the file holds.",
    ),
    used(
        "ssl.truststore.location",
        Null(Type::String),
        High,
        Any,
        "The file with the certificates that clients' certificates must lead to, for `ssl.client.auth`. Without it the key store is the trust store.",
    ),
    used(
        "ssl.truststore.password",
        Null(Type::Password),
        High,
        Any,
        "The password of the trust store. A JKS trust store is also read without.",
    ),
    used(
        "ssl.truststore.certificates",
        Null(Type::Password),
        High,
        Any,
        "The trusted certificates themselves as PEM, in place of a file. Needs `ssl.truststore.type=PEM`.",
    ),
    used(
        "ssl.enabled.protocols",
        List(&["TLSv1.2", "TLSv1.3"]),
        Medium,
        Any,
        "The TLS versions of HTTPS listeners. There are TLSv1.2 and TLSv1.3; others are left out with a warning.",
    ),
    used(
        "ssl.protocol",
        Text("TLSv1.3"),
        Medium,
        Any,
        "TLSv1.2 leaves TLSv1.3 out, as in Java; every other value changes nothing.",
    ),
    used(
        "ssl.cipher.suites",
        List(&[]),
        Low,
        Any,
        "The cipher suites of HTTPS listeners by their standard names, the preferred first; empty allows all. Those that are not there are left out with a warning.",
    ),
    accepted(
        "ssl.provider",
        Null(Type::String),
        Medium,
        Any,
        "The Java security provider for TLS.",
    ),
    accepted(
        "ssl.keymanager.algorithm",
        Text("SunX509"),
        Low,
        Any,
        "The Java key manager's algorithm.",
    ),
    accepted(
        "ssl.trustmanager.algorithm",
        Text("PKIX"),
        Low,
        Any,
        "The Java trust manager's algorithm.",
    ),
    accepted(
        "ssl.endpoint.identification.algorithm",
        Text("https"),
        Low,
        Any,
        "How the name in the server's certificate is checked; empty turns the check off.",
    ),
    accepted(
        "ssl.secure.random.implementation",
        Null(Type::String),
        Low,
        Any,
        "The Java random generator for TLS.",
    ),
    accepted(
        "ssl.engine.factory.class",
        Null(Type::Class),
        Low,
        Any,
        "The Java class that makes TLS engines.",
    ),
];
