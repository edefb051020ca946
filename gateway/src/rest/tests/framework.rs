//! What happens around the endpoints: paths, methods, media types.

use super::*;

#[tokio::test]
async fn the_worker_names_itself() {
    let bench = Bench::new().await;
    let root = bench.get("/").await;
    assert_eq!(root.text, r#"{"version":"1","commit":"c","kafka_cluster_id":"id"}"#);
    assert_eq!(root.header(header::CONTENT_TYPE), Some("application/json"));
    let health = bench.get("/health").await;
    assert_eq!(health.json()["status"], "healthy");
}

#[tokio::test]
async fn paths_are_cleaned_or_refused() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/connectors/").await.text, "[]");
    let nope = bench.get("/nope").await;
    assert_eq!(nope.status, StatusCode::NOT_FOUND);
    assert_eq!(nope.text, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#);
    assert_eq!(nope.header(header::CONTENT_TYPE), None);
    let twice = bench.get("/connectors//x").await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
    assert_eq!(twice.header(header::CONTENT_TYPE), Some("text/html;charset=iso-8859-1"));
    let deleted = bench.call("DELETE", "/connectors/a%2Fb", "").await;
    assert_eq!((deleted.status, deleted.text.as_str()), (StatusCode::BAD_REQUEST, ""));
    let unreadable = bench.call("DELETE", "/connectors/a%zz", "").await;
    assert_eq!(unreadable.header(header::CONTENT_TYPE), Some("text/html;charset=iso-8859-1"));
}

#[tokio::test]
async fn methods_that_are_not_there_are_named() {
    let bench = Bench::new().await;
    let answer = bench.call("DELETE", "/connectors", "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.message(), "HTTP 405 Method Not Allowed");
    let allow = answer.header(header::ALLOW).unwrap();
    for method in ["GET", "HEAD", "POST", "OPTIONS"] {
        assert!(allow.contains(method), "{allow}");
    }
    let options = bench.call("OPTIONS", "/connectors/x/config", "").await;
    assert_eq!(options.status, StatusCode::OK);
    assert_eq!(options.header(header::CONTENT_TYPE), Some("text/plain"));
    assert!(options.header(header::ALLOW).unwrap().contains("PATCH"));
    assert_eq!(bench.call("OPTIONS", "/nope", "").await.status, StatusCode::NOT_FOUND);
    let head = bench.call("HEAD", "/connectors", "").await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn requests_between_workers_need_a_signature() {
    let bench = Bench::new().await;
    for (method, path) in [("POST", "/connectors/c/tasks"), ("PUT", "/connectors/c/fence")] {
        let answer = bench.call(method, path, "[]").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.message(), "Internal request missing required signature");
    }
    let broken = bench.call("POST", "/connectors/c/tasks", "{").await;
    assert_eq!(broken.status, StatusCode::BAD_REQUEST);
    assert!(broken.message().starts_with("the body is no list of tasks: "), "{broken:?}");
}

#[tokio::test]
async fn media_types_that_are_none_are_refused_where_there_is_an_endpoint() {
    let bench = Bench::new().await;
    let send = |method: &str, path: &str, accept: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::ACCEPT, accept).header(header::HOST, "h:1");
        bench.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(send("GET", "/nope", "a/").await.status, StatusCode::NOT_FOUND);
    let nothing = send("GET", "/connectors", "application/json;x").await;
    assert_eq!((nothing.status, nothing.text.as_str()), (StatusCode::BAD_REQUEST, ""));
    let json = send("GET", "/connectors", "application/json;q=2").await;
    assert_eq!(json.status, StatusCode::BAD_REQUEST);
    assert_eq!(json.json()["url"], "http://h:1/connectors");
    let put = send("PUT", "/connectors/c/pause", "application/json;q=2").await;
    assert_eq!((put.status, put.text.as_str()), (StatusCode::BAD_REQUEST, ""));
    let options = send("OPTIONS", "/connectors", "application/json").await;
    assert_eq!((options.status, options.text.as_str()), (StatusCode::OK, ""));
    assert_eq!(options.header(header::CONTENT_TYPE), Some("application/json"));
}

#[tokio::test]
async fn media_types_are_negotiated() {
    let bench = Bench::new().await;
    let accept = |type_: &str| {
        Request::builder().uri("/").header(header::ACCEPT, type_).body(Body::empty()).unwrap()
    };
    for type_ in ["text/plain", "garbage"] {
        let answer = bench.send(accept(type_)).await;
        assert_eq!(answer.status, StatusCode::NOT_ACCEPTABLE, "{type_}");
    }
    for type_ in ["*/*", "text/html, application/json;q=0.5"] {
        assert_eq!(bench.send(accept(type_)).await.status, StatusCode::OK, "{type_}");
    }
    let post = |type_: Option<&str>| {
        let mut request = Request::builder().method("POST").uri("/connectors");
        if let Some(type_) = type_ {
            request = request.header(header::CONTENT_TYPE, type_);
        }
        request.body(Body::from("{}")).unwrap()
    };
    let unsupported = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    assert_eq!(bench.send(post(Some("text/plain"))).await.status, unsupported);
    assert_eq!(bench.send(post(None)).await.status, unsupported);
    let json = bench.send(post(Some("application/json; charset=utf-8"))).await;
    assert_eq!(json.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn metrics_are_open_metrics() {
    let bench = Bench::new().await;
    let created = bench.call("POST", "/connectors", &bench.source("m", "RUNNING")).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    bench.until("/connectors/m/status", "/tasks/0/state", "RUNNING".into()).await;
    let metrics = bench.get("/metrics").await;
    assert!(metrics.header(header::CONTENT_TYPE).unwrap().starts_with("application/openmetrics"));
    let labels = r#"{connector="m",task="0",type="source""#;
    for line in [
        &format!("gantry_task_records_in_total{labels}}} "),
        &format!("gantry_task_bytes_total{labels}}} "),
        &format!("gantry_task_batch_seconds_total{labels}}} "),
        &format!("gantry_task_state{labels},state=\"running\"}} 1"),
        "gantry_worker_connectors 1",
        "process_resident_memory_bytes ",
        "process_cpu_seconds_total ",
        "# UNIT process_resident_memory_bytes bytes",
    ] {
        assert!(metrics.text.contains(line), "{line} in\n{}", metrics.text);
    }
    assert!(metrics.text.ends_with("# EOF\n"));
}
