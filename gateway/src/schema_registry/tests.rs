//! The registry as it is served, without ports.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gantry_log::{FullLog, MemoryLog, TopicSpec};
use serde_json::{Value as Json, json};
use tower::ServiceExt;

use super::{Access, Service};
use crate::Gantry;
use crate::rest::{BasicAuth, Edge};
use crate::worker_config::{AuthSource, Mode, RegistrySettings, Settings, settings};

/// The settings of a worker file of these lines.
fn loaded(lines: &[(&str, &str)]) -> Settings {
    let json = "org.apache.kafka.connect.json.JsonConverter";
    let required = [("key.converter", json), ("value.converter", json)];
    let lines = required.iter().chain(lines);
    let props = lines.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    settings(Mode::Standalone, props, &Gantry::new().plugins()).unwrap()
}

fn settings_of(rights: Option<&Path>) -> RegistrySettings {
    let file = rights.map(|file| file.display().to_string());
    let lines: Vec<_> =
        file.iter().map(|file| ("gantry.schema.registry.rights.file", file.as_str())).collect();
    loaded(&lines).registry.unwrap()
}

struct Bench {
    _service: Service,
    router: Router,
    log: Arc<dyn FullLog>,
    /// From where a browser says that it asks.
    site: &'static str,
}

impl Bench {
    async fn on(log: Arc<dyn FullLog>, access: Option<Access>, edge: Edge) -> Self {
        let (id, edge) = ("id".to_owned(), Arc::new(edge));
        let service = Service::start(Arc::clone(&log), &settings_of(None), id, access, edge, None);
        Self { router: service.router(), _service: service, log, site: "none" }
    }

    async fn new(access: Option<Access>, edge: Edge) -> Self {
        Self::on(Arc::new(MemoryLog::new()), access, edge).await
    }

    /// Status, headers and body.
    async fn call(&self, line: &str, authorization: &str) -> (u16, HeaderMap, Json) {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::ORIGIN, "https://a.example");
        request = request.header("sec-fetch-site", self.site);
        if !authorization.is_empty() {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let body = if method == "POST" { r#"{"schema":"\"string\""}"# } else { "" };
        let request = request.body(Body::from(body)).unwrap();
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        (head.status.as_u16(), head.headers, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn status(&self, line: &str, authorization: &str) -> u16 {
        self.call(line, authorization).await.0
    }
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", BASE64.encode(credentials))
}

#[tokio::test]
async fn a_registry_that_nobody_asks_makes_no_topic() {
    let bench = Bench::new(None, Edge::default()).await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(bench.log.topic("_schemas").await.unwrap(), None);
    assert_eq!(bench.call("GET /subjects", "").await.2, json!([]));
    assert!(bench.log.topic("_schemas").await.unwrap().is_some());
}

#[tokio::test]
async fn users_of_the_file_do_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rights.json");
    let rights = json!({
        "users": [
            {"username": "ann", "password": "geheim"},
            {"username": "ci", "token": "a-token"},
        ],
        "permissions": [
            {"username": "ann", "operation": "All", "resource": "*"},
            {"username": "ci", "operation": "Read", "resource": "Subject:open-*"},
            {"username": "bob", "operation": "Write", "resource": "Subject:bobs"},
        ],
    });
    std::fs::write(&file, rights.to_string()).unwrap();
    let settings = settings_of(Some(&file));
    assert!(
        Access::open(&settings, None).unwrap_err().contains("permissions[2]: there is no user bob")
    );
    // Users of the REST API are users here, too.
    let users = dir.path().join("users");
    std::fs::write(&users, "bob=pw\nann=other\n").unwrap();
    let rest = Arc::new(BasicAuth::open(&AuthSource::Users(users)).unwrap());
    let access = Access::open(&settings, Some(&rest)).unwrap();
    let bench = Bench::new(access, Edge::default()).await;
    for wrong in
        ["", "Basic x", "Bearer nope", "Basic YTpi", &basic("ann:a-token"), "Bearer geheim"]
    {
        let (status, headers, body) = bench.call("GET /subjects", wrong).await;
        assert_eq!(status, 401, "{wrong}");
        assert_eq!(body, json!({"error_code": 401, "message": "Unauthorized"}));
        assert_eq!(headers[header::WWW_AUTHENTICATE], "Basic realm=\"SR\"");
        let (status, _, body) = bench.call("GET /schema-registry/v1/x", wrong).await;
        assert_eq!((status, &body["status"]), (401, &json!(401)), "{wrong}");
    }
    assert_eq!(bench.log.topic("_schemas").await.unwrap(), None, "strangers open nothing");
    let (ann, ci, bob) = (basic("ann:geheim"), "bearer a-token", basic("bob:pw"));
    for subject in ["open-a", "other"] {
        let line = format!("POST /subjects/{subject}/versions");
        assert_eq!(bench.status(&line, &ann).await, 200);
    }
    assert_eq!(bench.call("GET /subjects", ci).await.2, json!(["open-a"]));
    let (status, _, body) = bench.call("POST /subjects/open-a/versions", ci).await;
    let message = "User is denied operation Write on Subject: open-a";
    assert_eq!((status, body), (403, json!({"error_code": 40301, "message": message})));
    assert_eq!(bench.status("POST /subjects/bobs/versions", &bob).await, 200);
    assert_eq!(bench.status("GET /subjects/bobs/versions", &bob).await, 403);
    // Who is known by either password is the same user.
    assert_eq!(bench.status("GET /config", &basic("ann:other")).await, 200);
}

#[tokio::test]
async fn users_of_the_rest_api_may_do_all_where_no_file_says_more() {
    let dir = tempfile::tempdir().unwrap();
    let users = dir.path().join("users");
    std::fs::write(&users, "ann=pw\n").unwrap();
    let rest = Arc::new(BasicAuth::open(&AuthSource::Users(users)).unwrap());
    let access = Access::open(&settings_of(None), Some(&rest)).unwrap();
    let bench = Bench::new(access, Edge::default()).await;
    assert_eq!(bench.status("GET /subjects", "").await, 401);
    assert_eq!(bench.status("POST /subjects/x/versions", &basic("ann:pw")).await, 200);
    assert!(Access::open(&settings_of(None), None).unwrap().is_none());
}

#[tokio::test]
async fn roles_of_confluents_files_let_in_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let (jaas, users) = (dir.path().join("jaas"), dir.path().join("users"));
    let module = "org.eclipse.jetty.jaas.spi.PropertyFileLoginModule";
    let text = format!("Props {{ {module} required file=\"{}\"; }};", users.display());
    std::fs::write(&jaas, text).unwrap();
    std::fs::write(
        &users,
        "ann: pw,user\neve: pw,guest\nmd: MD5:5ebe2294ecd0e0f08eab7690d2a6ee69,admin\n",
    )
    .unwrap();
    let source = |roles: &[&str]| AuthSource::Confluent {
        jaas: jaas.clone(),
        realm: "Props".to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    };
    let access = |roles: &[&str]| {
        let rest = Arc::new(BasicAuth::open(&source(roles)).unwrap());
        Access::open(&settings_of(None), Some(&rest)).unwrap()
    };
    let bench = Bench::new(access(&["user", "admin"]), Edge::default()).await;
    assert_eq!(bench.status("GET /subjects", &basic("ann:pw")).await, 200);
    assert_eq!(bench.status("GET /subjects", &basic("md:secret")).await, 200);
    assert_eq!(bench.status("GET /subjects", &basic("ann:pw,user")).await, 401);
    let (status, _, body) = bench.call("GET /subjects", &basic("eve:pw")).await;
    assert_eq!((status, body), (403, json!({"error_code": 403, "message": "Forbidden"})));
    let other = AuthSource::Confluent {
        jaas: jaas.clone(),
        realm: "Other".to_owned(),
        roles: vec!["*".to_owned()],
    };
    assert!(BasicAuth::open(&other).unwrap_err().contains("no section Other"));
    let any = Bench::new(access(&["**"]), Edge::default()).await;
    assert_eq!(any.status("GET /subjects", &basic("eve:pw")).await, 200);
    // Only Kafka Connect takes a file without users for an open door.
    std::fs::write(&users, "").unwrap();
    let nobody = Bench::new(access(&["*"]), Edge::default()).await;
    assert_eq!(nobody.status("GET /subjects", &basic("eve:pw")).await, 401);
}

#[tokio::test]
async fn what_is_around_the_rest_api_is_around_the_registry() {
    let dir = tempfile::tempdir().unwrap();
    let users = dir.path().join("users");
    std::fs::write(&users, "ann=pw\n").unwrap();
    let rest = Arc::new(BasicAuth::open(&AuthSource::Users(users)).unwrap());
    let access = Access::open(&settings_of(None), Some(&rest)).unwrap();
    let mut settings = loaded(&[
        ("response.http.headers.config", "add X-Mine:yes"),
        ("access.control.allow.origin", "https://a.example"),
    ]);
    let edge = Edge::open(&mut settings.rest).unwrap();
    let bench = Bench::new(access.clone(), edge).await;
    for line in ["GET /subjects", "OPTIONS /subjects"] {
        let (status, headers, _) = bench.call(line, "").await;
        assert_eq!(status, if line.starts_with("GET") { 401 } else { 200 });
        assert_eq!(headers["x-mine"], "yes");
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
    }
    let from_a_page = Bench { site: "cross-site", ..bench };
    assert_eq!(from_a_page.status("POST /subjects/x/versions", &basic("ann:pw")).await, 200);
    let without = Bench::new(access, Edge::default()).await;
    let from_a_page = Bench { site: "cross-site", ..Bench::new(None, Edge::default()).await };
    assert_eq!(from_a_page.status("GET /subjects", "").await, 200);
    assert_eq!(from_a_page.status("POST /subjects/x/versions", "").await, 403);
    assert_eq!(without.status("OPTIONS /subjects", "").await, 401);
}

/// A topic that cannot be used is no reason to end: it may be another one tomorrow.
#[tokio::test]
async fn requests_are_told_why_there_is_no_registry() {
    let log: Arc<dyn FullLog> = Arc::new(MemoryLog::new());
    log.create_topic("_schemas", TopicSpec { queues: 2, ..TopicSpec::compacted() }).await.unwrap();
    let bench = Bench::on(Arc::clone(&log), None, Edge::default()).await;
    let (status, _, body) = bench.call("GET /subjects", "").await;
    assert_eq!((status, &body["error_code"]), (503, &json!(503)));
    assert!(body["message"].as_str().unwrap().contains("has 2 queues"), "{body}");
    let (status, _, body) = bench.call("GET /schema-registry/v1/x", "").await;
    assert_eq!((status, &body["status"]), (503, &json!(503)), "{body}");
    log.delete_topic("_schemas").await.unwrap();
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while bench.status("GET /subjects", "").await != 200 {
        assert!(tokio::time::Instant::now() < end);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
