//! What is around the endpoints: headers, pages of other sites, users.

use super::*;
use crate::rest::BasicAuth;
use crate::worker_config::{AuthSource, HeaderRules};

const REFUSED: &str = "User cannot access the resource.";

struct Guarded {
    bench: Bench,
    _users: tempfile::TempDir,
}

async fn guarded() -> Guarded {
    let users = tempfile::tempdir().unwrap();
    let file = users.path().join("users");
    std::fs::write(&file, "a=b\n").unwrap();
    let auth = BasicAuth::open(&AuthSource::Users(file)).unwrap();
    let edge = Edge { auth: Some(Arc::new(auth)), has_admin: true, ..Edge::default() };
    Guarded { bench: Bench::with(Scheme::Http, edge).await, _users: users }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn rules_hold_for_every_answer_of_an_endpoint() {
    let headers = HeaderRules::parse("set X-Test:yes,set Content-Type:text/x").unwrap();
    let bench = Bench::with(Scheme::Http, Edge { headers, ..Edge::default() }).await;
    let root = bench.get("/").await;
    assert_eq!(root.headers["x-test"], "yes");
    assert_eq!(root.header(header::CONTENT_TYPE), Some("application/json"));
    let nope = bench.get("/nope").await;
    assert_eq!(nope.headers["x-test"], "yes");
    assert_eq!(nope.header(header::CONTENT_TYPE), Some("text/x"));
    assert!(!bench.get("/connectors//x").await.headers.contains_key("x-test"));
}

#[tokio::test]
async fn location_has_the_scheme_of_the_request() {
    for (scheme, prefix) in [(Scheme::Http, "http://"), (Scheme::Https, "https://")] {
        let bench = Bench::with(scheme, Edge::default()).await;
        let created = bench.call("POST", "/connectors", &bench.source("c", "STOPPED")).await;
        let location = created.header(header::LOCATION).unwrap().to_owned();
        assert_eq!(location, format!("{prefix}worker:1/connectors/c"));
    }
}

#[tokio::test]
async fn every_endpoint_wants_a_known_user() {
    let Guarded { bench, .. } = guarded().await;
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("GET", "/connectors"),
        ("POST", "/connectors"),
        ("GET", "/connectors/x/status"),
        ("DELETE", "/connectors/x"),
        ("PUT", "/connectors/x/stop"),
        ("POST", "/connectors/x/tasks/0/restart"),
        ("GET", "/connector-plugins"),
        ("GET", "/admin/loggers"),
        ("PUT", "/admin/loggers/x"),
        ("GET", "/gantry/topics"),
        ("GET", "/gantry/topics/x/records"),
        ("POST", "/gantry/topics/x/records"),
    ] {
        let answer = bench.call(method, path, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(answer.text, REFUSED);
        assert_eq!(answer.header(header::CONTENT_TYPE), Some("application/json"));
        assert_eq!(answer.header(header::WWW_AUTHENTICATE), None);
        let wrong = bench.send(request(method, path, &[("authorization", "Basic YTp4")])).await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        let known = bench.send(request(method, path, &[("authorization", "Basic YTpi")])).await;
        assert_ne!(known.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    let head = bench.call("HEAD", "/connectors", "").await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::UNAUTHORIZED, ""));
}

#[tokio::test]
async fn what_no_endpoint_takes_is_told_before_the_user_is_asked() {
    let Guarded { bench, .. } = guarded().await;
    assert_eq!(bench.get("/nope").await.status, StatusCode::NOT_FOUND);
    assert_eq!(bench.get("/connectors//x").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        bench.call("DELETE", "/connectors", "").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let text = bench.send(request("GET", "/connectors", &[("accept", "text/plain")])).await;
    assert_eq!(text.status, StatusCode::NOT_ACCEPTABLE);
    let body = bench.send(request("POST", "/connectors", &[("content-type", "text/plain")])).await;
    assert_eq!(body.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let metrics = bench.send(request("GET", "/metrics", &[("accept", "text/plain")])).await;
    assert_eq!(metrics.status, StatusCode::UNAUTHORIZED);
    let options = bench.call("OPTIONS", "/connectors", "").await;
    assert_eq!((options.status, options.text.as_str()), (StatusCode::UNAUTHORIZED, REFUSED));
    assert_eq!(options.header(header::CONTENT_TYPE), Some("text/plain"));
    assert_eq!(options.header(header::ALLOW), None);
    let known = [("authorization", "Basic YTpi")];
    let options = bench.send(request("OPTIONS", "/connectors", &known)).await;
    assert!(options.header(header::ALLOW).unwrap().contains("POST"));
}
