//! Creating, changing, pausing, resuming and deleting.

use super::*;

#[tokio::test]
async fn a_source_and_a_sink_move_lines_and_kafka_connect_shows_them() {
    let (rocketmq, kafka) = benches().await;
    std::fs::write(rocketmq.path("in.txt"), "one\ntwo\n").unwrap();
    // Sent as a form, which is what curl says without being told.
    let form = Request::builder()
        .method("POST")
        .uri("/connectors/src")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(source(&rocketmq)))
        .unwrap();
    let created = rocketmq.send(form).await;
    let given: Json = serde_json::from_str(&source(&rocketmq)).unwrap();
    assert_eq!(body(&created), given);
    assert_eq!(created.json().get("warnings"), None);
    let created = rocketmq.get(&format!("/connectors/snk?{}", query(&sink(&rocketmq)))).await;
    assert_eq!(body(&created)["connect.topicnames"], "lines");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while std::fs::read_to_string(rocketmq.path("out.txt")).unwrap_or_default() != "one\ntwo\n" {
        assert!(std::time::Instant::now() < until, "the lines did not arrive");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let shown = kafka.get("/connectors/src/config").await.json();
    let expected = json!({
        "name": "src",
        "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
        "file": rocketmq.path("in.txt"),
        "topic": "lines",
    });
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn the_same_configuration_again_is_refused_and_another_one_is_taken() {
    let (rocketmq, _) = benches().await;
    let config = source(&rocketmq);
    body(&rocketmq.call("POST", "/connectors/src", &config).await);
    let again = rocketmq.call("POST", "/connectors/src", &config).await;
    assert_eq!(refused(&again, 409), "Connector with same config already exist.");
    let mut other: Json = serde_json::from_str(&config).unwrap();
    other["max.tasks"] = 1.into();
    other["isKey"] = true.into();
    let changed = rocketmq.call("POST", "/connectors/src", &other.to_string()).await;
    assert_eq!(body(&changed), other);
    assert_eq!(
        changed.json()["warnings"],
        json!(["isKey is left out: the worker sets it"]),
        "{changed:?}"
    );
    let shown = body(&rocketmq.get("/connectors/src/config").await);
    assert_eq!(shown["config"]["tasks.max"], "1");
    assert_eq!(shown["config"].get("isKey"), None);
}

#[tokio::test]
async fn names_that_are_endpoints_can_be_posted() {
    let (rocketmq, kafka) = benches().await;
    body(&rocketmq.call("POST", "/connectors/list", &source(&rocketmq)).await);
    assert_eq!(kafka.get("/connectors").await.text, r#"["list"]"#);
    assert_eq!(body(&rocketmq.get("/connectors/list/").await)["list"]["info"]["name"], "list");
}

#[tokio::test]
async fn wrong_configurations_are_400_and_say_what_is_wrong() {
    let (rocketmq, kafka) = benches().await;
    for (config, wrong) in [
        (" ", "Failed! query param 'config' is required "),
        ("{bad", "Failed! query param 'config' is malformed: not JSON: "),
        ("[]", "Failed! query param 'config' is malformed: a JSON object is expected"),
        (r#"{"a":null}"#, "Failed! query param 'config' is malformed: the value of `a` is null"),
        ("{}", "Request config key: connector.class"),
        (r#"{"connector.class":"nope"}"#, "Failed to find any class that implements Connector"),
        (r#"{"name":"other","connector.class":"X"}"#, "`name` is other in the configuration"),
        (
            r#"{"connector.class":"FileStreamSink","max.tasks":1,"tasks.max":2,"topics":"t"}"#,
            "max.tasks=1 and tasks.max=2 contradict each other",
        ),
        (r#"{"connector.class":"FileStreamSink"}"#, "Must configure one of topics or topics.regex"),
    ] {
        let answer = rocketmq.call("POST", "/connectors/c", config).await;
        let message = refused(&answer, 400);
        assert!(message.contains(wrong), "{config}: {message}");
    }
    let unasked = rocketmq.get("/connectors/c").await;
    assert_eq!(refused(&unasked, 400), "Failed! query param 'config' is required ");
    let large = " ".repeat(crate::rest::BODY_BYTES_MAX + 1);
    refused(&rocketmq.call("POST", "/connectors/c", &large).await, 413);
    assert_eq!(kafka.get("/connectors").await.text, "[]");
}

#[tokio::test]
async fn objects_become_their_text() {
    let (rocketmq, _) = benches().await;
    let file = rocketmq.path("in.txt");
    let adapter = json!({
        "connector.class": "org.apache.rocketmq.connect.kafka.connector.KafkaRocketmqSourceConnector",
        "kafka.connector.configs": {
            "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
            "topic": "lines", "file": file,
        },
        "index": {"a": [1, 2]},
    });
    let created = rocketmq.call("POST", "/connectors/a", &adapter.to_string()).await;
    assert_eq!(body(&created), adapter);
    let shown = body(&rocketmq.get("/connectors/a/config").await)["config"].clone();
    assert_eq!(shown["topic"], "lines");
    assert_eq!(shown["index"], r#"{"a":[1,2]}"#);
    assert_eq!(shown["value.converter"], "org.apache.kafka.connect.json.JsonConverter");
}

#[tokio::test]
async fn connectors_are_paused_resumed_and_deleted() {
    let (rocketmq, kafka) = benches().await;
    body(&rocketmq.call("POST", "/connectors/src", &source(&rocketmq)).await);
    rocketmq.until("/connectors/src/status", "/body/tasks/0/state", "RUNNING".into()).await;
    let paused = rocketmq.get("/connectors/src/pause").await;
    assert_eq!(paused.text, r#"{"status":200,"body":"Connector [src] paused successfully"}"#);
    rocketmq.until("/connectors/src/status", "/body/tasks/0/state", "PAUSED".into()).await;
    let resumed = body(&rocketmq.get("/connectors/src/resume").await);
    assert_eq!(resumed, "Connector [src] resumed successfully");
    rocketmq.until("/connectors/src/status", "/body/tasks/0/state", "RUNNING".into()).await;
    let deleted = body(&rocketmq.get("/connectors/src/stop").await);
    assert_eq!(deleted, "Connector [src] deleted successfully");
    assert_eq!(kafka.get("/connectors/src").await.status, StatusCode::NOT_FOUND);
    for change in ["pause", "resume", "stop"] {
        let nobody = rocketmq.get(&format!("/connectors/src/{change}")).await;
        assert_eq!(refused(&nobody, 404), "Connector [src] does not exist", "{change}");
    }
}

#[tokio::test]
async fn head_changes_nothing() {
    let (rocketmq, kafka) = benches().await;
    body(&rocketmq.call("POST", "/connectors/src", &source(&rocketmq)).await);
    let create = format!("/connectors/other?{}", query(&source(&rocketmq)));
    for path in ["/connectors/src/stop", "/connectors/stop/all", "/connectors/stopAll", &create] {
        let answer = rocketmq.call("HEAD", path, "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.header(header::ALLOW), Some("GET"), "{path}");
    }
    assert_eq!(rocketmq.call("HEAD", "/connectors/src/status", "").await.status, StatusCode::OK);
    assert_eq!(kafka.get("/connectors").await.text, r#"["src"]"#);
}

#[tokio::test]
async fn all_connectors_at_once() {
    let (rocketmq, _) = benches().await;
    for (path, done) in [
        ("/connectors/stop/all", "deleted"),
        ("/connectors/stopAll", "deleted"),
        ("/connectors/pause/all", "paused"),
        ("/connectors/resume/all", "resumed"),
    ] {
        let expected = format!("No connector needs to be {done}, please add connector first");
        assert_eq!(body(&rocketmq.get(path).await), expected, "{path}");
    }
    body(&rocketmq.call("POST", "/connectors/b", &source(&rocketmq)).await);
    body(&rocketmq.call("POST", "/connectors/a", &sink(&rocketmq)).await);
    assert_eq!(body(&rocketmq.get("/connectors/pause/all").await), "2 connectors are suspended");
    for name in ["a", "b"] {
        let path = format!("/connectors/{name}/status");
        rocketmq.until(&path, "/body/connector/state", "PAUSED".into()).await;
    }
    assert_eq!(body(&rocketmq.get("/connectors/resume/all").await), "2 connectors are resumed");
    assert_eq!(body(&rocketmq.get("/connectors/stop/all").await), "[a, b] connectors are deleted");
    assert_eq!(body(&rocketmq.get("/connectors/list").await), json!({}));
}
