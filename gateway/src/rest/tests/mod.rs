//! The REST API in this process, on the in-memory log, with the native connectors.

mod connectors;
mod edge;
mod framework;
mod loggers;
mod preview;
mod server;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use gantry_engine::{Herder, PluginLoader, WorkerConfig};
use gantry_log::{FullLog, MemoryLog};
use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{AppState, BodyTimes, Edge, Identity, router};
use crate::Gantry;
use crate::logging::{Level, Loggers};
use crate::metrics::Metrics;
use crate::worker_config::{HeaderRules, Scheme};

/// How long a test waits for what shall happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A worker without a port.
pub(crate) struct Bench {
    router: Router,
    state: Arc<AppState>,
    edge: Arc<Edge>,
    dir: Arc<tempfile::TempDir>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }
    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }
}

impl Bench {
    pub(crate) async fn with(scheme: Scheme, edge: Edge) -> Self {
        let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
        let mut config = WorkerConfig::new("127.0.0.1:8083");
        for key in ["key.converter", "value.converter"] {
            let class = "org.apache.kafka.connect.storage.StringConverter";
            config.props.insert(key.to_owned(), class.to_owned());
        }
        config.offset_flush_interval_ms = 50;
        let plugins = PluginLoader::new(|| Gantry::new().plugins());
        let herder = Herder::start(config, plugins, Arc::clone(&log)).await.unwrap();
        let state = AppState {
            metrics: Arc::new(Metrics::new(Arc::clone(&herder), None)),
            herder,
            log,
            identity: Identity { version: "1", commit: "c", cluster_id: "id".to_owned() },
            address: "worker:1".to_owned(),
            scheme,
            loggers: Arc::new(Loggers::new(Level::Info, &[], None)),
            body_times: BodyTimes::default(),
            stopping: CancellationToken::new(),
        };
        let (state, edge) = (Arc::new(state), Arc::new(edge));
        let dir = Arc::new(tempfile::tempdir().unwrap());
        Self { router: router(&state, &edge), state, edge, dir }
    }

    pub(crate) async fn new() -> Self {
        let headers = HeaderRules::parse("set x-test: yes").unwrap();
        Self::with(Scheme::Http, Edge { has_admin: true, headers, ..Edge::default() }).await
    }

    /// The same worker behind another API.
    pub(crate) fn behind(&self, api: fn(&Arc<AppState>, &Arc<Edge>) -> Router) -> Self {
        let (state, edge) = (Arc::clone(&self.state), Arc::clone(&self.edge));
        Self { router: api(&state, &edge), state, edge, dir: Arc::clone(&self.dir) }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "").await
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// The body that creates a file source.
    fn source(&self, name: &str, state: &str) -> String {
        let file = self.path("in.txt");
        format!(
            r#"{{"name":"{name}","initial_state":"{state}","config":{{"connector.class":"FileStreamSource","tasks.max":1,"file":"{file}","topic":"lines"}}}}"#
        )
    }

    /// Waits until an answer's part is so.
    pub(crate) async fn until(&self, path: &str, pointer: &str, expected: Json) {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path).await;
            if answer.json().pointer(pointer) == Some(&expected) {
                return;
            }
            assert!(tokio::time::Instant::now() < end, "{path} {pointer}: {answer:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
