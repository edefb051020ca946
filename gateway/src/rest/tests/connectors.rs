//! Connectors over REST.

use super::*;

#[tokio::test]
async fn a_connector_is_created_shown_changed_and_deleted() {
    let bench = Bench::new().await;
    std::fs::write(bench.path("in.txt"), "a\nb\n").unwrap();
    let created = bench.call("POST", "/connectors", &bench.source("c", "RUNNING")).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    assert_eq!(created.header(header::LOCATION), Some("http://worker:1/connectors/c"));
    assert_eq!(created.json()["config"]["tasks.max"], "1");
    assert_eq!(created.json()["type"], "source");
    bench.until("/connectors/c/status", "/tasks/0/state", "RUNNING".into()).await;
    bench.until("/connectors/c/topics", "/c/topics/0", "lines".into()).await;

    let task = bench.get("/connectors/c/tasks/0/status").await;
    assert!(task.text.starts_with(r#"{"id":0,"state":"RUNNING","worker_id":"127.0.0.1:8083""#));
    let expanded = bench.get("/connectors?expand=info&expand=status").await.json();
    assert_eq!(expanded["c"]["info"]["name"], "c");
    assert_eq!(expanded["c"]["status"]["connector"]["state"], "RUNNING");
    assert_eq!(bench.get("/connectors?expand=bogus").await.text, r#"{"c":{}}"#);

    let twice = bench.call("POST", "/connectors", &bench.source("c", "RUNNING")).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert_eq!(twice.message(), "Connector c already exists");
    let patched = bench.call("PATCH", "/connectors/c/config", r#"{"batch.size":5}"#).await;
    assert_eq!(patched.json()["config"]["batch.size"], "5");

    assert_eq!(bench.call("PUT", "/connectors/c/stop", "").await.status, StatusCode::NO_CONTENT);
    bench.until("/connectors/c/status", "/connector/state", "STOPPED".into()).await;
    let reset = bench.call("DELETE", "/connectors/c/offsets", "").await;
    assert_eq!(reset.status, StatusCode::OK, "{reset:?}");
    assert_eq!(bench.call("DELETE", "/connectors/c", "").await.status, StatusCode::NO_CONTENT);
    let gone = bench.get("/connectors/c").await;
    assert_eq!(gone.text, r#"{"error_code":404,"message":"Connector c not found"}"#);
}

#[tokio::test]
async fn life_cycle_statuses() {
    let bench = Bench::new().await;
    bench.call("POST", "/connectors", &bench.source("c", "stopped")).await;
    for (method, path, status) in [
        ("PUT", "/connectors/c/pause", 202),
        ("PUT", "/connectors/c/resume", 202),
        ("PUT", "/connectors/c/topics/reset", 202),
        ("POST", "/connectors/c/restart", 204),
        ("POST", "/connectors/c/restart?includeTasks=bogus", 204),
        ("POST", "/connectors/c/restart?includeTasks=TRUE", 202),
        ("POST", "/connectors/c/restart?onlyFailed=true", 202),
        ("POST", "/connectors/c/tasks/9/restart", 404),
        ("POST", "/connectors/c/tasks/x/restart", 404),
        ("GET", "/connectors/c/tasks/-1/status", 404),
        ("PUT", "/connectors/nope/topics/reset", 202),
        ("GET", "/connectors/nope/topics", 200),
        ("GET", "/connectors/c/tasks-config", 404),
        ("PUT", "/connectors/c/stop", 204),
    ] {
        let answer = bench.call(method, path, "").await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn wrong_bodies_are_400_and_say_what_is_wrong() {
    let bench = Bench::new().await;
    for (body, wrong) in [
        ("{", "not JSON"),
        ("[]", "a JSON object is expected"),
        ("null", "a JSON object is expected"),
        (r#"{"name":"c"}"#, "`config` is missing"),
        (r#"{"name":"c","config":{},"bogus":1}"#, "`bogus` is not known"),
        (r#"{"name":"c","config":{"a":{}}}"#, "`a` is an object"),
        (r#"{"name":"c","config":{"a":"b"},"initial_state":"x"}"#, "RUNNING, PAUSED or STOPPED"),
        (r#"{"name":"c","config":{"name":"d"}}"#, "Connector name configuration (d) doesn't"),
        (r#"{"name":"c","config":{}}"#, "contains no connector type"),
        (
            r#"{"name":"c","config":{"connector.class":"FileStreamSource","topic":"t","n":null}}"#,
            "1 error(s):\nNull value can not be supplied as the configuration value.\nYou can",
        ),
    ] {
        let answer = bench.call("POST", "/connectors", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {answer:?}");
        assert!(answer.message().contains(wrong), "{body}: {answer:?}");
    }
    assert_eq!(bench.get("/connectors").await.text, "[]");
    for (body, wrong) in [
        ("{}", "Partitions / offsets need to be provided"),
        (r#"{"offsets":[]}"#, "Partitions / offsets need to be provided"),
        (r#"{"offsets":[{"x":1}]}"#, "the body is wrong"),
    ] {
        let answer = bench.call("PATCH", "/connectors/c/offsets", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {answer:?}");
        assert!(answer.message().contains(wrong), "{body}: {answer:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let bench = Bench::new().await;
    let body = " ".repeat(super::super::exchange::BODY_BYTES_MAX + 1);
    let answer = bench.call("POST", "/connectors", &body).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn numbers_keep_their_digits() {
    let bench = Bench::new().await;
    let body = r#"{"name":7,"initial_state":"STOPPED","config":{"connector.class":"FileStreamSource","topic":"t","a":1.50,"b":1e3,"c":12345678901234567890123,"d":false}}"#;
    let config = bench.call("POST", "/connectors", body).await.json()["config"].clone();
    assert_eq!(config["name"], "7");
    let texts = ["a", "b", "c", "d"].map(|key| config[key].as_str().unwrap_or_default().to_owned());
    assert_eq!(texts, ["1.50", "1e3", "12345678901234567890123", "false"]);
}

#[tokio::test]
async fn names_are_decoded_and_encoded() {
    let bench = Bench::new().await;
    let body = bench.source("é +b", "STOPPED");
    let created = bench.call("POST", "/connectors", &body).await;
    assert_eq!(created.header(header::LOCATION), Some("http://worker:1/connectors/%C3%A9%20+b"));
    assert_eq!(bench.get("/connectors/%C3%A9%20%2Bb/").await.json()["name"], "é +b");
    let padded = bench.source("  padded ", "STOPPED");
    assert_eq!(bench.call("POST", "/connectors", &padded).await.json()["name"], "padded");
}

#[tokio::test]
async fn plugins_and_validation() {
    let bench = Bench::new().await;
    let connectors = bench.get("/connector-plugins").await;
    assert!(connectors.text.contains("org.apache.kafka.connect.file.FileStreamSinkConnector"));
    assert!(!connectors.text.contains("JsonConverter"));
    let all = bench.get("/connector-plugins?connectorsOnly=false").await;
    assert!(all.text.contains("org.apache.kafka.connect.json.JsonConverter"));
    assert_eq!(bench.get("/connector-plugins/nope/config").await.message(), "Unknown plugin nope.");
    let keys = bench.get("/connector-plugins/FileStreamSource/config").await;
    assert_eq!(keys.json()[0]["name"], "file");
    let version = "/connector-plugins/FileStreamSource/config?version=";
    assert_eq!(bench.get(&format!("{version}latest")).await.status, StatusCode::OK);
    assert_eq!(bench.get(&format!("{version}0.0.1")).await.status, StatusCode::BAD_REQUEST);

    let validate = "/connector-plugins/FileStreamSource/config/validate";
    let body = r#"{"connector.class":"FileStreamSource","topic":"t","name":null,"zz":null}"#;
    let infos = bench.call("PUT", validate, body).await.json();
    assert_eq!(infos["error_count"], 2, "{infos}");
    let configs = infos["configs"].as_array().unwrap();
    let find = |name| configs.iter().find(|config| config["value"]["name"] == name).unwrap();
    let words = "Null value can not be supplied as the configuration value.";
    assert_eq!(find("name")["value"]["errors"], serde_json::json!([words]));
    assert_eq!(find("zz")["definition"], Json::Null);

    let other = r#"{"connector.class":"FileStreamSink"}"#;
    let mismatch = bench.call("PUT", validate, other).await;
    assert_eq!(mismatch.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        mismatch.message(),
        "Included connector type FileStreamSink does not match request type FileStreamSource"
    );
    let unnamed = bench.call("PUT", validate, "{}").await;
    assert_eq!(unnamed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(unnamed.message().contains("BadRequestException: Connector config {} contains no"));
}
