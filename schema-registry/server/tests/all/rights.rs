//! Requests with the rights of who sends them.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use gantry_log::MemoryLog;
use gantry_schema_registry::{
    Grant, Operation, Registry, Resource, Rights, Settings, rocketmq_router, router,
};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

struct Server(Router);

impl Server {
    async fn start() -> Self {
        let registry = Registry::open(Arc::new(MemoryLog::new()), Settings::default());
        let registry = registry.await.unwrap();
        Self(rocketmq_router(Arc::clone(&registry)).fallback_service(router(registry)))
    }

    /// Status and body; without rights the sender may do all.
    async fn call(&self, rights: Option<&Arc<Rights>>, line: &str, body: Json) -> (u16, Json) {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        if let Some(rights) = rights {
            request = request.extension(Arc::clone(rights));
        }
        request = request.header("content-type", "application/json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.0.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = || Json::String(String::from_utf8_lossy(&bytes).into_owned());
        (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
    }

    async fn ok(&self, rights: &Arc<Rights>, line: &str) -> Json {
        let (status, body) = self.call(Some(rights), line, Json::Null).await;
        assert_eq!(status, 200, "{line}: {body}");
        body
    }

    /// The message of the refusal.
    async fn refused(&self, rights: &Arc<Rights>, line: &str, body: Json) -> String {
        let (status, body) = self.call(Some(rights), line, body).await;
        assert_eq!(status, 403, "{line}: {body}");
        let code = body.get("error_code").or_else(|| body.get("status"));
        assert_eq!(code, Some(&json!(40301)), "{line}: {body}");
        body["message"].as_str().unwrap().to_owned()
    }

    /// Registers with all rights; gives the id.
    async fn register(&self, subject: &str, body: Json) -> i64 {
        let line = format!("POST /subjects/{subject}/versions");
        let (status, body) = self.call(None, &line, body).await;
        assert_eq!(status, 200, "{body}");
        body["id"].as_i64().unwrap()
    }
}

fn rights(grants: &[(&[Operation], &str)]) -> Arc<Rights> {
    let grant = |(operations, resource): &(&[Operation], &str)| Grant {
        operations: operations.to_vec(),
        resource: Resource::parse(resource).unwrap(),
    };
    Arc::new(Rights::new(grants.iter().map(grant).collect()))
}

fn reader(resource: &str) -> Arc<Rights> {
    rights(&[(&[Operation::Read], resource)])
}

fn record(name: &str) -> Json {
    let field = json!({"name": "f", "type": "int"});
    json!({"schema": json!({"type": "record", "name": name, "fields": [field]}).to_string()})
}

fn referring(to: &str) -> Json {
    let field = json!({"name": "r", "type": to});
    json!({
        "schema": json!({"type": "record", "name": "Outer", "fields": [field]}).to_string(),
        "references": [{"name": to, "subject": "hidden", "version": 1}],
    })
}

#[tokio::test]
async fn lists_show_what_may_be_seen() {
    let server = Server::start().await;
    for subject in ["open-a", "open-b", "hidden", ":.c:open-a", ":.d:x"] {
        server.register(subject, record("R")).await;
    }
    let some = reader("Subject:open-*");
    assert_eq!(server.ok(&some, "GET /subjects").await, json!(["open-a", "open-b"]));
    assert_eq!(server.ok(&some, "GET /subjects?offset=1&limit=1").await, json!(["open-b"]));
    let schemas = server.ok(&some, "GET /schemas").await;
    let subjects: Vec<_> = schemas.as_array().unwrap().iter().map(|s| &s["subject"]).collect();
    assert_eq!(subjects, ["open-a", "open-b"]);
    assert_eq!(server.ok(&some, "GET /contexts").await, json!(["."]));
    assert_eq!(server.ok(&reader("Subject::.c:*"), "GET /contexts").await, json!([".", ".c"]));
    assert_eq!(server.ok(&reader("*"), "GET /subjects").await.as_array().unwrap().len(), 5);
    let nobody = Arc::new(Rights::new(Vec::new()));
    assert_eq!(server.ok(&nobody, "GET /subjects").await, json!([]));
    assert_eq!(server.ok(&nobody, "GET /schemas/types").await.as_array().unwrap().len(), 3);
    for line in [
        "GET /associations/resources/-/orders?resourceType=topic&associationType=value",
        "GET /associations/resources/x",
        "GET /associations/subjects/hidden",
    ] {
        assert_eq!(server.ok(&nobody, line).await, json!([]), "{line}");
    }
}

#[tokio::test]
async fn an_id_is_shown_where_it_may_be_seen() {
    let server = Server::start().await;
    let shared = server.register("hidden", record("R")).await;
    assert_eq!(server.register("open", record("R")).await, shared);
    let alone = server.register("hidden-2", record("S")).await;
    let some = reader("Subject:open");
    let found = server.ok(&some, &format!("GET /schemas/ids/{shared}")).await;
    assert_eq!((&found["subject"], &found["version"]), (&json!("open"), &json!(1)));
    let subjects = server.ok(&some, &format!("GET /schemas/ids/{shared}/subjects")).await;
    assert_eq!(subjects, json!(["open"]));
    let versions = server.ok(&some, &format!("GET /schemas/ids/{shared}/versions")).await;
    assert_eq!(versions, json!([{"subject": "open", "version": 1}]));
    let guid = found["guid"].as_str().unwrap().to_owned();
    server.ok(&some, &format!("GET /schemas/guids/{guid}")).await;
    // Which subject is named is a wish: what may be seen elsewhere is shown.
    let named = format!("GET /schemas/ids/{shared}?subject=hidden");
    assert_eq!(server.ok(&some, &named).await["subject"], json!("open"));
    for line in [
        format!("GET /schemas/ids/{alone}"),
        format!("GET /schemas/ids/{alone}/schema"),
        format!("GET /schemas/ids/{alone}/subjects"),
        format!("GET /schemas/ids/{alone}/versions"),
    ] {
        let why = server.refused(&some, &line, Json::Null).await;
        assert_eq!(why, format!("User is denied operation Read on Schema: {alone}"));
    }
    assert_eq!(server.call(Some(&some), "GET /schemas/ids/99", Json::Null).await.0, 404);
    let other = reader("Subject:nothing");
    server.refused(&other, &format!("GET /schemas/guids/{guid}"), Json::Null).await;
    assert_eq!(server.ok(&other, &format!("GET /schemas/guids/{guid}/ids")).await, json!([]));
}

#[tokio::test]
async fn each_operation_needs_its_right() {
    let server = Server::start().await;
    server.register("s", record("R")).await;
    let cases = [
        ("GET /subjects/s/versions", Operation::Read),
        ("GET /subjects/s/versions/1", Operation::Read),
        ("GET /subjects/s/versions/1/schema", Operation::Read),
        ("GET /subjects/s/versions/1/referencedby", Operation::Read),
        ("GET /subjects/s/metadata", Operation::Read),
        ("POST /subjects/s", Operation::Read),
        ("POST /subjects/s/versions", Operation::Write),
        ("POST /compatibility/subjects/s/versions", Operation::Write),
        ("POST /compatibility/subjects/s/versions/1", Operation::Write),
        ("GET /config/s?defaultToGlobal=true", Operation::ReadCompatibility),
        ("GET /mode/s?defaultToGlobal=true", Operation::ReadCompatibility),
        ("PUT /config/s", Operation::WriteCompatibility),
        ("PUT /mode/s", Operation::WriteCompatibility),
        ("DELETE /config/s", Operation::WriteCompatibility),
        ("DELETE /mode/s", Operation::WriteCompatibility),
        ("DELETE /subjects/s/versions/1", Operation::Delete),
        ("DELETE /subjects/s", Operation::Delete),
    ];
    for (line, operation) in cases {
        let body = match line.split_once(' ').unwrap() {
            ("PUT", path) if path.starts_with("/mode") => json!({"mode": "READWRITE"}),
            ("PUT", _) => json!({"compatibility": "NONE"}),
            ("POST", _) => record("R"),
            _ => Json::Null,
        };
        let others: Vec<_> = Operation::ALL.into_iter().filter(|it| *it != operation).collect();
        let others = rights(&[(&others, "*"), (&[operation], "Subject:other")]);
        let why = server.refused(&others, line, body.clone()).await;
        let name = operation.name();
        assert_eq!(why, format!("User is denied operation {name} on Subject: s"), "{line}");
        let own = rights(&[(&[operation], "Subject:s")]);
        let (status, answer) = server.call(Some(&own), line, body).await;
        assert_ne!(status, 403, "{line}: {answer}");
    }
}

#[tokio::test]
async fn what_holds_for_all_is_apart() {
    let server = Server::start().await;
    let subjects = rights(&[(&Operation::ALL, "Subject::*:*")]);
    for line in [
        "GET /config",
        "GET /mode",
        "PUT /config",
        "PUT /mode",
        "DELETE /config",
        "GET /config/:.__GLOBAL:",
        "PUT /config/:.:",
        "DELETE /contexts/.__GLOBAL/config",
        "POST /associations",
        "PUT /associations/resources/x",
    ] {
        let why = server.refused(&subjects, line, json!({})).await;
        assert_eq!(why, "User is denied operation on this server.", "{line}");
    }
    let global = rights(&[(&[Operation::ReadCompatibility], "Global")]);
    server.ok(&global, "GET /config").await;
    server.refused(&global, "PUT /config", json!({"compatibility": "NONE"})).await;
    server.refused(&global, "GET /config/s", Json::Null).await;
    server.ok(&subjects, "GET /contexts/c/config?defaultToGlobal=true").await;
    let one = rights(&[(&Operation::ALL, "Subject::.c:a*")]);
    server.refused(&one, "GET /contexts/c/config?defaultToGlobal=true", Json::Null).await;
    server.refused(&one, "DELETE /contexts/d", Json::Null).await;
    server.refused(&one, "DELETE /contexts/d/subjects/a", Json::Null).await;
    // A context inside of a context is none, whatever may be done with what its name says else.
    let default = rights(&[(&Operation::ALL, "Subject:*")]);
    server.refused(&default, "DELETE /contexts/.c", Json::Null).await;
    for line in ["DELETE /contexts/.c/contexts/.c", "GET /contexts/.c/contexts"] {
        assert_eq!(server.call(Some(&default), line, Json::Null).await.0, 404, "{line}");
    }
}

#[tokio::test]
async fn names_without_a_context_lead_into_no_other() {
    let server = Server::start().await;
    server.register(":.secret:open", record("R")).await;
    let all = reader("*");
    let found = server.ok(&all, "GET /subjects/open/versions/1").await;
    assert_eq!(found["subject"], json!(":.secret:open"));
    let own = rights(&[(&Operation::ALL, "Subject:open")]);
    for line in ["GET /subjects/open/versions/1", "GET /subjects/open/versions/1/referencedby"] {
        assert_eq!(server.call(Some(&own), line, Json::Null).await.0, 404, "{line}");
    }
    let looked_up = server.call(Some(&own), "POST /subjects/open", record("R")).await;
    assert_eq!(looked_up.0, 404, "{}", looked_up.1);
    let tagged = server.call(Some(&own), "POST /subjects/open/versions/1/tags", json!({})).await;
    assert_eq!(tagged.0, 404, "{}", tagged.1);
    // An alias leads to what it names, with the rights on that.
    let line = "PUT /config/open";
    assert_eq!(server.call(Some(&own), line, json!({"alias": "hidden"})).await.0, 200);
    server.register("hidden", record("S")).await;
    let why = server.refused(&own, "GET /subjects/open/versions/1", Json::Null).await;
    assert_eq!(why, "User is denied operation Read on Subject: hidden");
}

#[tokio::test]
async fn references_show_nothing_that_may_not_be_seen() {
    let server = Server::start().await;
    server.register("hidden", record("Inner")).await;
    let own = rights(&[(&Operation::ALL, "Subject:own*")]);
    for line in [
        "POST /subjects/own/versions",
        "POST /subjects/own",
        "POST /compatibility/subjects/own/versions",
    ] {
        let why = server.refused(&own, line, referring("Inner")).await;
        assert_eq!(why, "User is denied operation Read on Subject: hidden", "{line}");
    }
    server.register("own", referring("Inner")).await;
    server.ok(&own, "GET /subjects/own/versions/1").await;
    server.refused(&own, "GET /subjects/own/versions/1?format=resolved", Json::Null).await;
    let both = rights(&[(&Operation::ALL, "Subject:own*"), (&[Operation::Read], "Subject:hidden")]);
    let resolved = server.ok(&both, "GET /subjects/own/versions/1?format=resolved").await;
    assert!(resolved["schema"].as_str().unwrap().contains(r#""name":"f""#), "{resolved}");
    let hidden = reader("Subject:hidden");
    let referrers = "GET /subjects/hidden/versions/1/referencedby";
    assert_eq!(server.ok(&hidden, referrers).await, json!([]));
    assert_eq!(server.ok(&both, referrers).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_other_api_is_held_to_the_same_rights() {
    let server = Server::start().await;
    let root = "/schema-registry/v1/cluster/default/tenant/default";
    let body = json!({"schemaIdl": "{\"type\":\"string\"}", "schemaType": "AVRO", "desc": "d"});
    for (subject, name) in [("open", "S"), ("hidden", "T")] {
        let line = format!("POST {root}/subject/{subject}/schema/{name}");
        assert_eq!(server.call(None, &line, body.clone()).await.0, 200);
    }
    let some = reader("Subject::.rocketmq:open/*");
    assert_eq!(server.ok(&some, &format!("GET {root}/subjects")).await, json!(["open"]));
    assert_eq!(
        server.ok(&some, "GET /schema-registry/v1/cluster/default/tenants").await,
        json!(["default"])
    );
    let none = reader("Subject:*");
    assert_eq!(
        server.ok(&none, "GET /schema-registry/v1/cluster/default/tenants").await,
        json!([])
    );
    let shown = server.ok(&some, &format!("GET {root}/subject/open/schema")).await;
    let record = shown["recordId"].as_i64().unwrap();
    server.ok(&some, &format!("GET {root}/subject/open/recordId/{record}/schema")).await;
    let hidden = server.call(None, &format!("GET {root}/subject/hidden/schema"), Json::Null).await;
    let hidden = hidden.1["recordId"].as_i64().unwrap();
    for (line, body) in [
        (format!("GET {root}/subject/hidden/schema"), Json::Null),
        (format!("GET {root}/subject/hidden/schema/versions"), Json::Null),
        (format!("GET {root}/subject/hidden/schema/versions/1"), Json::Null),
        (format!("GET {root}/subject/hidden/recordId/{hidden}/schema"), Json::Null),
        (format!("POST {root}/subject/hidden/schema/schema"), json!({"type": "string"})),
        (format!("POST {root}/subject/open/schema/U"), body.clone()),
        (format!("PUT {root}/subject/open/schema/S"), body.clone()),
        (format!("DELETE {root}/subject/open/schema"), Json::Null),
        (format!("DELETE {root}/subject/hidden/schema/versions/1"), Json::Null),
    ] {
        let why = server.refused(&some, &line, body).await;
        assert!(why.contains("on Subject: :.rocketmq:"), "{line}: {why}");
    }
}
