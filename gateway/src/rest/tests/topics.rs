//! Our endpoints for topics.

use super::*;

#[tokio::test]
async fn topics_are_created_listed_and_deleted() {
    let bench = Bench::new().await;
    let body = r#"{"name":"t","queues":2,"retention_ms":1000}"#;
    let created = bench.call("POST", "/gantry/topics", body).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    let twice = bench.call("POST", "/gantry/topics", body).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    let wrong = bench.call("POST", "/gantry/topics", r#"{"name":"a b"}"#).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{wrong:?}");
    let topic = bench.get("/gantry/topics/t").await.json();
    assert_eq!(topic["queues"], 2);
    assert_eq!(topic["retention_ms"], 1000);
    assert_eq!(topic["offsets"][1], serde_json::json!({"partition":1,"earliest":0,"next":0}));
    assert_eq!(bench.call("DELETE", "/gantry/topics/t", "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(bench.get("/gantry/topics/t").await.status, StatusCode::NOT_FOUND);
    assert_eq!(bench.get("/gantry/topics/t/records").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn records_go_in_and_come_out() {
    let bench = Bench::new().await;
    let lines = "{\"key\":\"6b\",\"value\":\"31\",\"timestamp\":5}\n\n{\"value\":null,\"headers\":[[\"h\",\"61\"]]}";
    let path = "/gantry/topics/t/records";
    assert_eq!(bench.call("POST", path, lines).await.status, StatusCode::NOT_FOUND);
    let written = bench.call("POST", &format!("{path}?create=true"), lines).await;
    assert_eq!(written.text, r#"{"records":2}"#, "{written:?}");
    let read = bench.get(path).await.text;
    let lines: Vec<Json> = read.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{read}");
    assert_eq!(lines[0], serde_json::json!({"partitions": 1}));
    assert_eq!(lines[1]["key"], "6b");
    assert_eq!((&lines[1]["timestamp"], &lines[1]["offset"]), (&5.into(), &0.into()));
    assert_eq!(lines[2]["value"], Json::Null);
    assert_eq!(lines[2]["headers"][0], serde_json::json!(["h", "61"]));

    assert_eq!(bench.get(&format!("{path}?max=1")).await.text.lines().count(), 2);
    assert_eq!(bench.get(&format!("{path}?from=1")).await.text.lines().count(), 2);
    assert_eq!(bench.get(&format!("{path}?from=latest")).await.text.lines().count(), 1);
    let wait = bench.get(&format!("{path}?timeout_ms=50&max=9")).await;
    assert_eq!(wait.text.lines().count(), 3);
    assert_eq!(bench.get(&format!("{path}?from=x")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(bench.get(&format!("{path}?partition=7")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_wrong_line_is_named_and_what_was_before_it_is_written() {
    let bench = Bench::new().await;
    let lines = "{\"value\":\"31\"}\n{\"value\":\"3\"}\n";
    let answer = bench.call("POST", "/gantry/topics/t/records?create=true", lines).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.message().starts_with("line 2: value is not in hex"), "{answer:?}");
    assert!(answer.message().ends_with("1 records before it are written"), "{answer:?}");
    let queue = "{\"partition\":3,\"value\":null}";
    let answer = bench.call("POST", "/gantry/topics/t/records", queue).await;
    assert!(answer.message().contains("there is no queue 3"), "{answer:?}");
}

#[tokio::test]
async fn records_are_not_taken_from_a_form_or_a_page() {
    let bench = Bench::new().await;
    let path = "/gantry/topics/t/records?create=true";
    let load = |type_: Option<&str>| {
        let mut request = Request::builder().method("POST").uri(path);
        if let Some(type_) = type_ {
            request = request.header(header::CONTENT_TYPE, type_);
        }
        bench.send(request.body(Body::from("{\"value\":\"31\"}")).unwrap())
    };
    // What a page of another site may send without being asked for leave.
    for type_ in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        let answer = load(type_).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{type_:?}");
        assert!(answer.message().contains("Content-Type: application/x-ndjson"), "{answer:?}");
    }
    assert_eq!(bench.get("/gantry/topics/t").await.status, StatusCode::NOT_FOUND);
    for type_ in ["application/json", "application/x-ndjson"] {
        assert_eq!(load(Some(type_)).await.text, r#"{"records":1}"#, "{type_}");
    }
}

#[tokio::test]
async fn equal_keys_meet_in_one_queue() {
    let bench = Bench::new().await;
    bench.call("POST", "/gantry/topics", r#"{"name":"t","queues":8}"#).await;
    let lines: String = (0..40).map(|i| format!("{{\"key\":\"{:02x}\"}}\n", i % 4)).collect();
    bench.call("POST", "/gantry/topics/t/records", &lines).await;
    let read = bench.get("/gantry/topics/t/records").await.text;
    let mut queues = std::collections::BTreeMap::new();
    for line in read.lines().skip(1) {
        let record: Json = serde_json::from_str(line).unwrap();
        let queue = record["partition"].as_u64().unwrap();
        let before = queues.insert(record["key"].as_str().unwrap().to_owned(), queue);
        assert!(before.is_none_or(|before| before == queue), "{record}");
    }
    assert_eq!(queues.len(), 4);
    let named: String = (0..16).map(|_| "{\"value\":\"31\"}\n").collect();
    bench.call("POST", "/gantry/topics/t/records", &named).await;
    let topic = bench.get("/gantry/topics/t").await.json();
    let filled = topic["offsets"].as_array().unwrap().iter().filter(|queue| queue["next"] != 0);
    assert_eq!(filled.count(), 8, "records without key are spread: {topic}");
}
