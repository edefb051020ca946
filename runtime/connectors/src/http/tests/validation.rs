//! What configurations are told.

use super::*;
use Flavour::{Aiven, Confluent};

const URL: &str = "http://h.test/x";

/// The only fault of a configuration.
fn fault(flavour: Flavour, keys: &[(&str, &str)]) -> (String, String) {
    let all = match flavour {
        Aiven => aiven(URL, keys),
        Confluent => confluent(URL, keys),
    };
    let mut found = findings(flavour, &all);
    assert_eq!(found.len(), 1, "{keys:?}: {found:?}");
    found.remove(0)
}

#[test]
fn plain_configurations_are_fine() {
    assert_eq!(findings(Aiven, &aiven(URL, &[])), []);
    assert_eq!(findings(Confluent, &confluent(URL, &[])), []);
    // As public configurations have them.
    let keys = [
        ("reporter.bootstrap.servers", "broker:9092"),
        ("reporter.result.topic.name", "success-responses"),
        ("reporter.result.topic.replication.factor", "1"),
        ("reporter.error.topic.name", "http-error-topic"),
        ("reporter.result.topic.value.format", "string"),
        ("reporter.error.topic.replication.factor", "1"),
        ("confluent.topic.bootstrap.servers", "broker:9092"),
        ("confluent.topic.replication.factor", "1"),
        ("https.ssl.trustmanager.algorithm", "PKIX"),
        ("retry.on.status.codes", "400-499,500-"),
        ("auth.type", "BASIC"),
        ("connection.user", "admin"),
        ("connection.password", "x"),
    ];
    assert_eq!(findings(Confluent, &confluent("https://h.test/${topic}", &keys)), []);
}

#[test]
fn aivens_rules_are_told_in_its_words() {
    for (keys, key, text) in [
        (&[("http.url", "h.test/x")][..], "http.url", "malformed URL"),
        (&[("http.url", "ftp://h.test")], "http.url", "malformed URL"),
        (
            &[("http.authorization.type", "None")],
            "http.authorization.type",
            "supported values are: [none, oauth2, static]",
        ),
        (
            &[("http.headers.content.type", " ")],
            "http.headers.content.type",
            "String must be non-blank",
        ),
        (
            &[("http.headers.additional", "a:1:2")],
            "http.headers.additional",
            "Header field should use format header:value",
        ),
        (
            &[("http.headers.additional", "a:1,A:2")],
            "http.headers.additional",
            "Duplicate keys are not allowed (case-insensitive)",
        ),
    ] {
        let (name, error) = fault(Aiven, keys);
        assert_eq!(name, key);
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn aivens_rules_across_keys_are_told_in_its_words() {
    for (keys, key, text) in [
        (
            &[("http.proxy.host", "p")][..],
            "http.proxy.host",
            "Proxy host and port must be defined together",
        ),
        (
            &[("http.proxy.port", "1")],
            "http.proxy.host",
            "Proxy host and port must be defined together",
        ),
        (
            &[("http.authorization.type", "static")],
            "http.headers.authorization",
            "Must be present when http.authorization.type = STATIC",
        ),
        (
            &[("http.headers.authorization", "x")],
            "http.headers.authorization",
            "Must not be present when http.authorization.type != STATIC",
        ),
        (
            &[("http.authorization.type", "oauth2")],
            "oauth2.access.token.url",
            "Must be present when http.headers.authorization = OAUTH2",
        ),
        (
            &[("batching.enabled", "true"), ("errors.tolerance", "all")],
            "errors.tolerance",
            "Cannot use errors.tolerance when batching is enabled",
        ),
        (
            &[("oauth2.token.renew.on.status.codes", "401,x")],
            "oauth2.token.renew.on.status.codes",
            "must be a list of numbers",
        ),
        (
            &[("decimal.format", "numeric")],
            "decimal.format",
            "String must be one of: BASE64, NUMERIC",
        ),
        (
            &[("http.ssl.truststore.location", "/no/such.jks")],
            "http.ssl.truststore.location",
            "TrustStore file not found: /no/such.jks. Tried classpath and file system locations.",
        ),
        (&[("batch.max.size", "0")], "batch.max.size", "Value must be at least 1"),
        (
            &[("gantry.http.max.inflight", "1")],
            "gantry.http.max.inflight",
            "is no key of this connector",
        ),
    ] {
        let (name, error) = fault(Aiven, keys);
        assert_eq!(name, key);
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn confluents_keys_that_are_not_there_are_refused() {
    for (keys, key, text) in [
        (&[("http.api.url", "h.test/x")][..], "http.api.url", "begins with http:// or https://"),
        (&[("http.api.url", "http://h.test/${topic")], "http.api.url", "a } is missing"),
        (&[("request.method", "GET")], "request.method", "String must be one of"),
        (&[("auth.type", "BEARER")], "auth.type", "String must be one of"),
        (&[("auth.type", "basic")], "connection.user", "must be set when auth.type is BASIC"),
        (
            &[("auth.type", "ssl")],
            "https.ssl.keystore.location",
            "must be set when auth.type is SSL",
        ),
        (&[("headers", "a")], "headers", "Name:value|Name:value"),
        (&[("headers", "Content-Length:1")], "headers", "content-length is set by the connector"),
        (
            &[
                ("request.body.format", "json"),
                ("batch.max.size", "2"),
                ("batch.json.as.array", "false"),
            ],
            "batch.json.as.array",
            "can only be false when batch.max.size is 1",
        ),
        (
            &[("regex.patterns", "a~b"), ("regex.replacements", "x")],
            "regex.replacements",
            "2 patterns need as many",
        ),
        (&[("regex.patterns", "(")], "regex.patterns", "Unclosed group"),
        (
            &[("retry.on.status.codes", "x")],
            "retry.on.status.codes",
            "neither a status code nor a range",
        ),
        (
            &[("reporter.error.topic.value.format.schemas.enable", "true")],
            "reporter.error.topic.value.format.schemas.enable",
            "is not supported",
        ),
        (&[("report.errors.as", "x")], "report.errors.as", "String must be one of"),
        (&[("oauth2.jwt.enabled", "true")], "oauth2.jwt.enabled", "is not supported"),
        (&[("oauth2.jwt.keystore.type", "JKS")], "oauth2.jwt.keystore.type", "is not supported"),
        (&[("https.ssl.provider", "X")], "https.ssl.provider", "is not supported"),
        (&[("gantry.http.x", "1")], "gantry.http.x", "is no key of this connector"),
        (
            &[("gantry.http.hmac.header", "a b")],
            "gantry.http.hmac.header",
            "is no name of an HTTP header",
        ),
        (
            &[
                ("http.api.url", "https://h.test"),
                ("https.ssl.truststore.location", "/no/such.jks"),
            ],
            "https.ssl.truststore.location",
            "/no/such.jks",
        ),
    ] {
        let (name, error) = fault(Confluent, keys);
        assert_eq!(name, key);
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let keys = [
        ("http.authorization.type", "static"),
        ("http.headers.authorization", "geheim1"),
        ("gantry.http.bearer.token", "geheim2"),
        ("gantry.http.api.key.value", "geheim3"),
        ("gantry.http.hmac.secret", "geheim4"),
        ("gantry.http.ssl.keystore.password", "geheim5"),
    ];
    let config = crate::http::config::Config::parse(Aiven, &aiven(URL, &keys)).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("geheim"), "{shown}");
    let url = "http://u:geheim@h.test/";
    let config = crate::http::config::Config::parse(Aiven, &aiven(url, &[])).unwrap();
    assert!(!format!("{config:?}").contains("geheim"));
    let (_, text) = fault(Aiven, &[("http.url", "ftp://u:geheim@h.test")]);
    assert!(!text.contains("geheim"), "{text}");
    let (_, text) = fault(Aiven, &[("http.headers.authorization", "geheim")]);
    assert!(!text.contains("geheim"), "{text}");
    let keys = [("sensitive.headers", "X-A:geheim"), ("http.proxy.password", "geheim")];
    let keys = [
        &keys[..],
        &[("http.proxy.user", "u"), ("http.proxy.host", "p"), ("http.proxy.port", "1")],
    ]
    .concat();
    let config = crate::http::config::Config::parse(Confluent, &confluent(URL, &keys)).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains("geheim") && !shown.contains("Basic"), "{shown}");
}

#[test]
fn classes_and_their_short_names_are_found() {
    let mut registry = gantry_api::PluginRegistry::default();
    for plugin in crate::plugins() {
        registry.connector(plugin);
    }
    for (name, class) in [
        (crate::http::CONFLUENT_CLASS, crate::http::CONFLUENT_CLASS),
        (crate::http::AIVEN_CLASS, crate::http::AIVEN_CLASS),
        ("HttpSink", crate::http::CONFLUENT_CLASS),
    ] {
        let plugin = registry.find_connector(name).unwrap();
        assert_eq!((plugin.type_name(), &*plugin.info.class), ("sink", class));
        plugin.create().unwrap();
        assert!(plugin.info.config_def().fault().is_none());
    }
}
