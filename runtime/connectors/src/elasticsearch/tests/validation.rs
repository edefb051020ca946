//! What configurations are told.

use std::collections::BTreeSet;

use gantry_api::Connector;
use gantry_api::model::config::ConfigValue;

use super::*;
use crate::elasticsearch::{ElasticsearchSink, config};
use crate::web::server::{Server, reply};
use Flavour::{Aiven, Confluent, OpenSearch};

/// Keys and errors, without asking the server.
fn found(flavour: Flavour, keys: &[(&str, &str)]) -> Vec<(String, String)> {
    let props = props(flavour, keys);
    let mut found = config::definition(flavour).validate(&props);
    ElasticsearchSink::new(flavour).validate_offline(&props, &mut found).unwrap();
    errors(found)
}

fn errors(found: Vec<ConfigValue>) -> Vec<(String, String)> {
    let all = found.into_iter().flat_map(|ConfigValue { name, errors, .. }| {
        errors.into_iter().map(move |error| (name.clone(), error))
    });
    all.collect()
}

#[test]
fn configurations_of_java_are_fine() {
    let confluent = [
        ("key.ignore", "true"),
        ("schema.ignore", "true"),
        ("behavior.on.null.values", "DELETE"),
        ("behavior.on.malformed.documents", "Warn"),
        ("write.method", "UPSERT"),
        ("elastic.security.protocol", "SSL"),
        ("elastic.https.ssl.endpoint.identification.algorithm", ""),
        ("elastic.https.ssl.keymanager.algorithm", "SunX509"),
    ];
    assert_eq!(found(Confluent, &confluent), []);
    let stream = [
        ("data.stream.type", "LOGS"),
        ("data.stream.dataset", "shop"),
        ("data.stream.timestamp.field", "at,when"),
    ];
    assert_eq!(found(Confluent, &stream), []);
    assert_eq!(found(Aiven, &[("topic.index.map", "T:t1,U:u1")]), []);
    let opensearch = [
        ("data.stream.enabled", "true"),
        ("data.stream.prefix", "p"),
        ("connection.ssl.truststore.type", "PKCS12"),
        ("routing.type", "VALUE"),
        ("routing.type.record.value.path", "/a/b"),
    ];
    assert_eq!(found(OpenSearch, &opensearch), []);
}

/// A configuration, its keys at fault, and what is told of all of them.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

/// Checks that each of these configurations has these keys at fault, and what is told of all of them.
fn check(flavour: Flavour, cases: &[Case<'_>]) {
    for (keys, names, text) in cases {
        let found = found(flavour, keys);
        let told: BTreeSet<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(told, names.split(' ').collect(), "{keys:?}: {found:?}");
        assert!(found.iter().all(|(_, error)| error.contains(text)), "{keys:?}: {found:?}");
    }
}

const MAPPING: &str = "topic.to.external.resource.mapping";
const USAGE: (&str, &str) = ("external.resource.usage", "index");

#[test]
fn pairs_of_keys_are_told_in_javas_words() {
    let buffer = "max.buffered.records batch.size max.in.flight.requests";
    let stream = "data.stream.type data.stream.dataset";
    let login = "connection.username connection.password";
    let usage = "external.resource.usage topic.to.external.resource.mapping";
    check(
        Confluent,
        &[
            (&[("connection.username", "u")], login, "must be set"),
            (&[("linger.ms", "180001")], "linger.ms flush.timeout.ms", "can not be larger than"),
            (&[("proxy.username", "u")], "proxy.username proxy.host", "must be set to use"),
            (&[("data.stream.type", "logs")], stream, "Either both or neither"),
            (&[USAGE], usage, "configured together"),
            (&[("max.buffered.records", "100")], buffer, "larger than or equal to"),
        ],
    );
}

#[test]
fn single_keys_are_told_in_javas_words() {
    let protocol = "elastic.security.protocol";
    check(
        Confluent,
        &[
            (
                &[("data.stream.timestamp.field", "a")],
                "data.stream.timestamp.field",
                "not using data streams",
            ),
            (&[("elastic.https.ssl.protocol", "TLSv1.2")], protocol, "'SSL'"),
            (&[("write.method", "merge")], "write.method", "Value must be one of: insert, upsert"),
            (&[("kerberos.user.principal", "p")], "kerberos.user.principal", "Kerberos is not"),
            (&[("connection.url", "ftp://h")], "connection.url", "no URL of HTTP"),
            (&[("gantry.elasticsearch.x", "x")], "gantry.elasticsearch.x", "is no key"),
            (&[USAGE, (MAPPING, "T:a,U:a")], MAPPING, "mapped from multiple topics"),
            (&[USAGE, (MAPPING, "U:a")], MAPPING, "Topic 'T' is not mapped"),
        ],
    );
    let dataset = [("data.stream.dataset", "A"), ("data.stream.type", "logs")];
    check(Confluent, &[(&dataset, "data.stream.dataset", "all lowercase")]);
}

#[test]
fn aivens_are_told_in_its_words() {
    check(Aiven, &[(&[("topic.index.map", "x")], "topic.index.map", "topic:index")]);
    let reaction = ("behavior.on.malformed.documents", "x");
    let says = "String must be one of: ignore, warn, fail, report";
    let stream = [("data.stream.enabled", "true"), ("index.write.method", "upsert")];
    let path = "routing.type.record.value.path";
    check(
        OpenSearch,
        &[
            (&[("aws.region", "eu")], "aws.region", "not signed"),
            (&[("routing.type", "value")], path, "must be configured"),
            (&[reaction], "behavior.on.malformed.documents", says),
            (&stream, "index.write.method", "do not support upsert"),
        ],
    );
}

#[test]
fn stores_that_are_not_there_are_named() {
    let store = "elastic.https.ssl.truststore.location";
    let keys = [
        ("connection.url", "https://h"),
        ("elastic.security.protocol", "ssl"),
        (store, "/not/there.jks"),
    ];
    let error = config::Config::parse(Confluent, &props(Confluent, &keys)).unwrap_err();
    assert!(error.message().contains(store), "{error}");
    let keys =
        [("connection.url", "https://h"), ("connection.ssl.keystore.location", "/not/there")];
    let error = config::Config::parse(OpenSearch, &props(OpenSearch, &keys)).unwrap_err();
    assert!(error.message().contains("connection.ssl.keystore.location"), "{error}");
}

#[test]
fn passwords_in_urls_are_not_told() {
    let found = found(Confluent, &[("connection.url", "nope://u:secret@h")]);
    assert!(!format!("{found:?}").contains("secret"), "{found:?}");
}

/// Keys and errors of Confluent's, asking this server.
async fn asked(server: &Server, keys: &[(&str, &str)]) -> Vec<(String, String)> {
    let url = server.url("");
    let mut props = props(Confluent, keys);
    props.insert("connection.url".to_owned(), url);
    let checked = tokio::task::spawn_blocking(move || {
        let mut found = config::definition(Confluent).validate(&props);
        ElasticsearchSink::new(Confluent).validate(&props, &mut found).unwrap();
        errors(found)
    });
    checked.await.unwrap()
}

#[tokio::test]
async fn confluents_asks_the_server() {
    let old = Server::new(|_, asked| match asked.path.as_str() {
        "/old" => reply(404, ""),
        "/" if asked.method == "GET" => reply(200, r#"{"version":{"number":"7.8.0"}}"#),
        _ => reply(200, ""),
    })
    .await;
    assert_eq!(asked(&old, &[]).await, []);
    let stream = [("data.stream.type", "logs"), ("data.stream.dataset", "x")];
    let found = asked(&old, &stream).await;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].1.contains("7.8.0 is not compatible with data streams"), "{found:?}");
    let given =
        |name| [("external.resource.usage", "INDEX"), ("topic.to.external.resource.mapping", name)];
    assert_eq!(asked(&old, &given("T:new")).await, []);
    let found = asked(&old, &given("T:old")).await;
    assert_eq!(found[0].1, "index 'old' does not exist in Elasticsearch");
    let closed = Server::new(|_, _| reply(401, "")).await;
    let user = [("connection.username", "u"), ("connection.password", "secret")];
    let found = asked(&closed, &user).await;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(!format!("{found:?}").contains("secret"), "{found:?}");
    let forbidden = Server::new(|_, _| reply(403, "")).await;
    assert_eq!(asked(&forbidden, &[]).await, []);
}
