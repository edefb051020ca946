//! What configurations are told.

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

#[test]
fn faults_are_told_in_javas_words() {
    let both = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
    for (flavour, keys, names, text) in [
        (
            Confluent,
            &[("connection.username", "u")][..],
            both("connection.username", "connection.password"),
            "must be set",
        ),
        (
            Confluent,
            &[("linger.ms", "9000"), ("flush.timeout.ms", "1000")],
            both("linger.ms", "flush.timeout.ms"),
            "can not be larger than",
        ),
        (
            Confluent,
            &[("proxy.username", "u")],
            both("proxy.username", "proxy.host"),
            "must be set to use",
        ),
        (
            Confluent,
            &[("data.stream.type", "logs")],
            both("data.stream.type", "data.stream.dataset"),
            "Either both or neither",
        ),
        (
            Confluent,
            &[("external.resource.usage", "index")],
            both("external.resource.usage", "topic.to.external.resource.mapping"),
            "configured together",
        ),
        (
            Confluent,
            &[("data.stream.timestamp.field", "a")],
            vec!["data.stream.timestamp.field".to_owned()],
            "not using data streams",
        ),
        (
            Confluent,
            &[("elastic.https.ssl.protocol", "TLSv1.2")],
            vec!["elastic.security.protocol".to_owned()],
            "'SSL'",
        ),
        (
            Confluent,
            &[("write.method", "merge")],
            vec!["write.method".to_owned()],
            "Value must be one of: insert, upsert",
        ),
        (
            Confluent,
            &[("kerberos.user.principal", "p")],
            vec!["kerberos.user.principal".to_owned()],
            "Kerberos is not supported",
        ),
        (
            Confluent,
            &[("data.stream.dataset", "A")],
            vec!["data.stream.dataset".to_owned()],
            "all lowercase",
        ),
        (
            Confluent,
            &[("connection.url", "ftp://h")],
            vec!["connection.url".to_owned()],
            "no URL of HTTP",
        ),
        (
            Confluent,
            &[("gantry.elasticsearch.api.kay", "x")],
            vec!["gantry.elasticsearch.api.kay".to_owned()],
            "is no key",
        ),
        (
            Confluent,
            &[
                ("external.resource.usage", "index"),
                ("topic.to.external.resource.mapping", "T:a,U:a"),
            ],
            vec!["topic.to.external.resource.mapping".to_owned()],
            "mapped from multiple topics",
        ),
        (
            Confluent,
            &[("external.resource.usage", "index"), ("topic.to.external.resource.mapping", "U:a")],
            vec!["topic.to.external.resource.mapping".to_owned()],
            "Topic 'T' is not mapped",
        ),
        (Aiven, &[("topic.index.map", "x")], vec!["topic.index.map".to_owned()], "topic:index"),
        (OpenSearch, &[("aws.region", "eu")], vec!["aws.region".to_owned()], "not signed"),
        (
            OpenSearch,
            &[("routing.type", "value")],
            vec!["routing.type.record.value.path".to_owned()],
            "must be configured",
        ),
        (
            OpenSearch,
            &[("behavior.on.malformed.documents", "x")],
            vec!["behavior.on.malformed.documents".to_owned()],
            "String must be one of: ignore, warn, fail, report",
        ),
        (
            OpenSearch,
            &[("data.stream.enabled", "true"), ("index.write.method", "upsert")],
            vec!["index.write.method".to_owned()],
            "do not support upsert",
        ),
    ] {
        let found = found(flavour, keys);
        let mut told: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
        let mut names = names;
        told.sort();
        names.sort();
        assert_eq!(told, names, "{keys:?}: {found:?}");
        assert!(found.iter().all(|(_, error)| error.contains(text)), "{keys:?}: {found:?}");
    }
    let few = found(Confluent, &[("max.buffered.records", "100")]);
    assert_eq!(few.len(), 3, "{few:?}");
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
