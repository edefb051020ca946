//! Several registries on one log.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use gantry_log::{EmbeddedConfig, EmbeddedLog, FullLog, MemoryLog};
use gantry_schema_registry::{Registry, Settings, router};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

async fn node(log: &Arc<MemoryLog>) -> Arc<Registry> {
    let log: Arc<dyn FullLog> = Arc::clone(log) as _;
    Registry::open(log, Settings::default()).await.unwrap()
}

async fn call(router: &Router, method: &str, path: &str, body: Option<Json>) -> (StatusCode, Json) {
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = Request::builder().method(method).uri(path).body(body).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

fn record(field: u32) -> Json {
    let fields = json!([{"name": format!("f{field}"), "type": "int", "default": 0}]);
    let schema = json!({"type": "record", "name": "R", "fields": fields});
    json!({"schema": schema.to_string()})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_register_at_once_agree() {
    let log = Arc::new(MemoryLog::new());
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(node(&log).await);
    }
    let mut tasks = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        for writer in 0..4_u32 {
            let router = router(Arc::clone(node));
            tasks.push(tokio::spawn(async move {
                let mut ids = Vec::new();
                for n in 0..8 {
                    // All write the same schemas, into subjects of their own and into one of all.
                    let field = (n + writer) % 8;
                    for subject in [format!("s{at}-{writer}"), "all".to_owned()] {
                        let path = format!("/subjects/{subject}/versions");
                        let (status, answer) =
                            call(&router, "POST", &path, Some(record(field))).await;
                        assert_eq!(status, StatusCode::OK, "{answer}");
                        ids.push((field, answer["id"].as_i64().unwrap()));
                    }
                }
                ids
            }));
        }
    }
    let mut by_schema = BTreeMap::<u32, BTreeSet<i64>>::new();
    for task in tasks {
        for (schema, id) in task.await.unwrap() {
            by_schema.entry(schema).or_default().insert(id);
        }
    }
    assert!(by_schema.values().all(|ids| ids.len() == 1), "{by_schema:?}");
    let all: BTreeSet<i64> = by_schema.values().flatten().copied().collect();
    assert_eq!(all.len(), 8, "each schema has an id of its own: {all:?}");
    // One that comes late knows the same.
    nodes.push(node(&log).await);
    let mut lists = BTreeSet::new();
    for node in &nodes {
        node.catch_up().await.unwrap();
        let (_, list) = call(&router(Arc::clone(node)), "GET", "/schemas", None).await;
        assert_eq!(list.as_array().unwrap().len(), 13 * 8);
        lists.insert(list.to_string());
    }
    assert_eq!(lists.len(), 1);
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let log = Arc::new(MemoryLog::new());
    let first = router(node(&log).await);
    call(&first, "PUT", "/config/s", Some(json!({"compatibility": "NONE"}))).await;
    let (_, one) = call(&first, "POST", "/subjects/s/versions", Some(record(1))).await;
    call(&first, "POST", "/subjects/s/versions", Some(record(2))).await;
    call(&first, "DELETE", "/subjects/s/versions/1", None).await;
    drop(first);
    let second = router(node(&log).await);
    let (_, versions) = call(&second, "GET", "/subjects/s/versions", None).await;
    assert_eq!(versions, json!([2]));
    let (_, config) = call(&second, "GET", "/config/s", None).await;
    assert_eq!(config, json!({"compatibilityLevel": "NONE"}));
    let path = format!("/schemas/ids/{}", one["id"]);
    let (status, by_id) = call(&second, "GET", &path, None).await;
    assert_eq!((status, &by_id["deleted"]), (StatusCode::OK, &json!(true)));
    let (_, again) = call(&second, "POST", "/subjects/s/versions", Some(record(1))).await;
    assert_eq!((&again["id"], &again["version"]), (&one["id"], &json!(3)));
}

#[tokio::test]
async fn the_embedded_log_keeps_it_and_compaction_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let config = || EmbeddedConfig {
        // Many segments, so that there is something to compact.
        segment_bytes: 4 << 10,
        retention_check_interval_ms: 20,
        ..EmbeddedConfig::new(dir.path())
    };
    let mut answers = Vec::new();
    for round in 0..3 {
        let log = open_again(config()).await;
        let registry = Registry::open(log, Settings::default()).await.unwrap();
        let router = router(registry);
        for n in 0..20 {
            // The same keys again and again: versions that come and go.
            call(&router, "POST", "/subjects/s/versions", Some(record(n))).await;
            let level = ["NONE", "FULL"][usize::try_from(n).unwrap() % 2];
            call(&router, "PUT", "/config/s", Some(json!({"compatibility": level}))).await;
            if n % 7 == 6 {
                call(&router, "DELETE", "/subjects/s", None).await;
                call(&router, "DELETE", "/subjects/s?permanent=true", None).await;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        for path in ["/schemas?deleted=true", "/config/s", "/subjects/s/versions"] {
            answers.push((round, path, call(&router, "GET", path, None).await));
        }
        drop(router);
        // What is opened again tells the same.
        let log = open_again(config()).await;
        let again =
            gantry_schema_registry::router(Registry::open(log, Settings::default()).await.unwrap());
        for (_, path, told) in answers.drain(..) {
            assert_eq!(call(&again, "GET", path, None).await, told, "round {round}: {path}");
        }
    }
}

/// The directory is free once the last task of the log that had it is gone.
async fn open_again(config: EmbeddedConfig) -> Arc<dyn FullLog> {
    for _ in 0..100 {
        if let Ok(log) = EmbeddedLog::open(config.clone()) {
            return Arc::new(log);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the log is still open");
}

#[tokio::test]
async fn a_topic_that_would_forget_is_refused() {
    use gantry_log::{LogAdmin, TopicSpec};
    let log = Arc::new(MemoryLog::new());
    log.create_topic("_schemas", TopicSpec::with_queues(1)).await.unwrap();
    let refused = Registry::open(log, Settings::default()).await.unwrap_err();
    assert!(refused.message.contains("cleanup.policy=delete"), "{refused}");
}
