//! The admin endpoints, as recorded from Kafka Connect.

use super::*;
use crate::rest::admin_router;

#[tokio::test]
async fn loggers_are_listed_and_set() {
    let bench = Bench::new().await;
    let put = async |name: &str, body: &str| {
        bench.call("PUT", &format!("/admin/loggers/{name}"), body).await
    };
    assert_eq!(
        bench.get("/admin/loggers/root").await.text,
        r#"{"level":"INFO","last_modified":null}"#
    );
    let missing = bench.get("/admin/loggers/a%20b").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.message(), "Logger a b not found.");
    assert_eq!(put("a.b", r#"{"level":"debug","x":1}"#).await.text, r#"["a.b"]"#);
    assert_eq!(put("a.b", r#"{"level":"DEBUG","x":null}"#).await.text, "[]");
    let level = bench.get("/admin/loggers/a.b").await.json();
    assert_eq!(level["level"], "DEBUG");
    assert!(level["last_modified"].as_u64().unwrap() > 1_700_000_000_000);
    let list = bench.get("/admin/loggers/").await;
    let names: Vec<String> = list.json().as_object().unwrap().keys().cloned().collect();
    assert!(names.is_sorted() && names.contains(&"root".to_owned()), "{names:?}");
    let sink = "org.apache.kafka.connect.runtime.WorkerSinkTask";
    assert!(list.text.contains(&format!(r#""{sink}":{{"level":"INFO","last_modified":null}}"#)));
    assert!(!list.text.contains(r#""":"#), "{}", list.text);
}

#[tokio::test]
async fn the_scope_decides_whether_there_is_a_list() {
    let bench = Bench::new().await;
    for (scope, status) in [
        ("worker", 200),
        ("WORKER", 200),
        ("cluster", 204),
        ("Cluster", 204),
        ("bogus", 200),
        ("", 200),
    ] {
        let path = format!("/admin/loggers/a?scope={scope}");
        let answer = bench.call("PUT", &path, r#"{"level":"WARN"}"#).await;
        assert_eq!(answer.status.as_u16(), status, "{scope}");
        assert_eq!(answer.text.is_empty(), status == 204);
    }
}

#[tokio::test]
async fn a_wrong_level_is_answered_as_kafka_connect_does() {
    let bench = Bench::new().await;
    let missing = "Desired 'level' parameter was not specified in request.";
    for (body, status, message) in [
        ("{}", 400, missing),
        (r#"{"level":null}"#, 400, missing),
        (r#"{"LEVEL":"INFO"}"#, 400, missing),
        (r#"{"level":""}"#, 500, "Illegal null or empty Level name."),
        (r#"{"level":" "}"#, 404, "invalid log level ' '."),
        (r#"{"level":"bogus"}"#, 404, "invalid log level 'bogus'."),
        (r#"{"level":1}"#, 404, "invalid log level '1'."),
        (r#"{"level":true}"#, 404, "invalid log level 'true'."),
        (r#"{"level":["INFO"]}"#, 400, "the body is wrong: "),
        (r#"{"level":"INFO","x":[1]}"#, 400, "the body is wrong: "),
        ("[]", 400, "the body is wrong: "),
        ("null", 400, "the body is wrong: "),
        ("{", 400, "the body is wrong: "),
    ] {
        let answer = bench.call("PUT", "/admin/loggers/a", body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {answer:?}");
        assert!(answer.message().starts_with(message), "{body}: {answer:?}");
    }
    assert_eq!(bench.get("/admin/loggers/a").await.status, StatusCode::NOT_FOUND);
    let empty = bench.call("PUT", "/admin/loggers/a", "").await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
    for (method, path) in
        [("PUT", "/admin/loggers"), ("POST", "/admin/loggers/a"), ("DELETE", "/admin/loggers/a")]
    {
        assert_eq!(bench.call(method, path, "{}").await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn an_admin_listener_has_the_admin_endpoints_alone() {
    let bench = Bench::with(Scheme::Http, Edge::default()).await;
    for path in ["/admin/loggers", "/admin/loggers/root"] {
        assert_eq!(bench.get(path).await.status, StatusCode::NOT_FOUND);
    }
    let admin = bench.behind(|state, _| admin_router(state));
    assert_eq!(admin.get("/admin/loggers/root").await.status, StatusCode::OK);
    for path in ["/", "/connectors", "/health", "/metrics", "/gantry/topics"] {
        assert_eq!(admin.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
