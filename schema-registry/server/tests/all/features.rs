//! What the transcripts do not show, as Confluent Schema Registry 8.3.1 does it.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use gantry_log::MemoryLog;
use gantry_schema_registry::{Registry, Settings, router};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

struct Server(Router);

impl Server {
    async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    async fn start_with(settings: Settings) -> Self {
        Self(router(Registry::open(Arc::new(MemoryLog::new()), settings).await.unwrap()))
    }

    /// Status and body.
    async fn call(&self, method: &str, path: &str, body: Json) -> (u16, Json) {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder().method(method).uri(path).body(body).unwrap();
        let response = self.0.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> Json {
        self.call("GET", path, Json::Null).await.1
    }

    async fn delete(&self, path: &str) -> Json {
        self.call("DELETE", path, Json::Null).await.1
    }

    async fn put(&self, path: &str, body: Json) -> Json {
        self.call("PUT", path, body).await.1
    }

    async fn register(&self, subject: &str, body: Json) -> Json {
        self.call("POST", &format!("/subjects/{subject}/versions"), body).await.1
    }
}

fn record(fields: &[&str]) -> Json {
    let field = |name: &&str| json!({"name": name, "type": "int", "default": 0});
    let fields: Vec<Json> = fields.iter().map(field).collect();
    json!({"schema": json!({"type": "record", "name": "R", "fields": fields}).to_string()})
}

fn with(mut body: Json, name: &str, value: Json) -> Json {
    body[name] = value;
    body
}

#[tokio::test]
async fn contexts_have_ids_of_their_own_and_are_found_without_their_name() {
    let server = Server::start().await;
    server.register("a", record(&["x"])).await;
    server.register("a", record(&["x", "y"])).await;
    let path = "/contexts/.c/subjects/b/versions";
    let (_, other) = server.call("POST", path, record(&["z"])).await;
    assert_eq!(other["id"], 1);
    assert_eq!(server.get("/contexts").await, json!([".", ".c"]));
    assert_eq!(server.get("/subjects").await, json!([":.c:b", "a"]));
    assert_eq!(server.get("/subjects?subjectPrefix=").await, json!(["a"]));
    assert_eq!(server.get("/contexts/.c/subjects").await, json!([":.c:b"]));
    assert_eq!(server.get("/subjects/b/versions/1").await["subject"], ":.c:b");
    assert_eq!(server.get("/subjects/b/versions").await["error_code"], 40401);
    assert_eq!(server.get("/schemas/ids/1?subject=b").await["subject"], ":.c:b");
    assert_eq!(server.get("/contexts/.c/schemas/ids/1/subjects").await, json!([":.c:b"]));
    assert_eq!(server.delete("/contexts/.c").await["error_code"], 42211);
    server.delete("/subjects/:.c:b").await;
    server.delete("/subjects/:.c:b?permanent=true").await;
    assert_eq!(server.call("DELETE", "/contexts/.c", Json::Null).await.0, 204);
    assert_eq!(server.get("/contexts").await, json!(["."]));
    assert_eq!(server.get("/contexts/a:b/subjects").await["error_code"], 400);
}

#[tokio::test]
async fn the_nearest_config_and_mode_hold() {
    let server = Server::start().await;
    server.put("/config/:.__GLOBAL:", json!({"compatibility": "FULL"})).await;
    let level = async |path: &str| server.get(path).await["compatibilityLevel"].clone();
    assert_eq!(level("/config/:.c:a?defaultToGlobal=true").await, "FULL");
    assert_eq!(level("/config/a?defaultToGlobal=true").await, "FULL");
    server.put("/contexts/.c/config", json!({"compatibility": "FORWARD"})).await;
    assert_eq!(level("/config/:.c:a?defaultToGlobal=true").await, "FORWARD");
    server.put("/config/:.c:a", json!({"normalize": true})).await;
    // A nearer config holds as a whole.
    assert_eq!(level("/config/:.c:a?defaultToGlobal=true").await, "BACKWARD");
    server.put("/mode/:.c:", json!({"mode": "IMPORT"})).await;
    server.put("/mode/:.c:a", json!({"mode": "READONLY"})).await;
    assert_eq!(server.get("/mode/:.c:b?defaultToGlobal=true").await["mode"], "IMPORT");
    assert_eq!(server.delete("/mode/:.c:?recursive=true").await["mode"], "IMPORT");
    assert_eq!(server.get("/mode/:.c:a").await["error_code"], 40409);
    assert_eq!(server.put("/mode/a", json!({"mode": "FORWARD"})).await["error_code"], 42204);
}

#[tokio::test]
async fn what_is_read_only_is_not_written() {
    let server = Server::start().await;
    server.register("a", record(&["x"])).await;
    for mode in ["READONLY", "READONLY_OVERRIDE"] {
        server.put("/mode", json!({"mode": mode})).await;
        assert_eq!(server.register("a", record(&["x", "y"])).await["error_code"], 42205);
        // What is there already need not be written.
        assert_eq!(server.register("a", record(&["x"])).await["id"], 1);
        assert_eq!(server.delete("/subjects/a").await["error_code"], 42205);
        assert_eq!(
            server.put("/config", json!({"compatibility": "FULL"})).await["error_code"],
            42205
        );
    }
    assert_eq!(server.delete("/mode").await["mode"], "READONLY_OVERRIDE");
    assert_eq!(server.register("a", record(&["x", "y"])).await["id"], 2);
    let fixed =
        Server::start_with(Settings { mode_mutability: false, ..Settings::default() }).await;
    assert_eq!(fixed.put("/mode", json!({"mode": "READONLY"})).await["error_code"], 42205);
}

#[tokio::test]
async fn aliases_lead_to_their_subjects() {
    let server = Server::start().await;
    server.register("a", record(&["x"])).await;
    assert_eq!(server.put("/config/al", json!({"alias": "a"})).await, json!({"alias": "a"}));
    assert_eq!(server.get("/subjects/al/versions").await, json!([1]));
    assert_eq!(server.get("/schemas?aliases=true").await[0]["aliases"], json!(["al"]));
    assert_eq!(server.get("/schemas/ids/1?subject=al").await["subject"], "a");
}

#[tokio::test]
async fn metadata_and_rules_come_from_the_config_and_the_version_before() {
    let server = Server::start().await;
    let metadata = json!({"properties": {"owner": "me"}});
    server.register("a", with(record(&["x"]), "metadata", metadata.clone())).await;
    assert_eq!(server.register("a", record(&["x", "y"])).await["metadata"], metadata);
    let found = server.get("/subjects/a/metadata?key=owner&value=me").await;
    assert_eq!(found["version"], 2);
    let rule = json!({"name": "r", "type": "CEL", "mode": "WRITE", "kind": "CONDITION"});
    let config = json!({
        "defaultMetadata": {"properties": {"owner": "nobody", "d": "1"}},
        "overrideRuleSet": {"domainRules": [rule]},
    });
    server.put("/config/a", config).await;
    let third = server.register("a", record(&["x", "y", "z"])).await;
    assert_eq!(third["metadata"]["properties"], json!({"owner": "me", "d": "1"}));
    assert_eq!(third["ruleSet"]["domainRules"][0]["name"], "r");
    assert_eq!(server.get("/schemas?ruleType=CEL").await.as_array().unwrap().len(), 1);
    let bad = json!({"domainRules": [{"name": "1", "type": "CEL", "mode": "WRITE"}]});
    assert_eq!(
        server.register("a", with(record(&["w"]), "ruleSet", bad)).await["error_code"],
        42210
    );
}

#[tokio::test]
async fn rule_sets_can_be_left_out_as_the_community_build_does() {
    let server = Server::start_with(Settings { rule_sets: false, ..Settings::default() }).await;
    let rules = json!({"domainRules": [{"name": "r", "type": "CEL", "mode": "WRITE"}]});
    let answer = server.register("a", with(record(&["x"]), "ruleSet", rules)).await;
    assert_eq!((&answer["id"], answer.get("ruleSet")), (&json!(1), None));
}

#[tokio::test]
async fn tags_make_new_versions() {
    let server = Server::start().await;
    server.register("a", record(&["x"])).await;
    let entity = json!({"entityPath": "R.x", "entityType": "sr_field"});
    let tags = json!([{"schemaEntity": entity, "tags": ["PII"]}]);
    let (_, tagged) =
        server.call("POST", "/subjects/a/versions/1/tags", json!({"tagsToAdd": tags})).await;
    assert_eq!(tagged["version"], 2);
    assert_eq!(tagged["metadata"]["properties"]["confluent:version"], "2");
    assert_eq!(server.get("/subjects/a/versions/2?findTags=PII").await["schemaTags"], tags);
    let next = with(record(&["x", "y"]), "propagateSchemaTags", json!(true));
    assert!(server.register("a", next).await["schema"].as_str().unwrap().contains("PII"));
}

#[tokio::test]
async fn compatibility_looks_at_the_group_and_at_reserved_fields() {
    let server = Server::start().await;
    server.put("/config/g", json!({"compatibilityGroup": "app"})).await;
    let of = |body: Json, app: &str| with(body, "metadata", json!({"properties": {"app": app}}));
    server.register("g", of(record(&["x"]), "1")).await;
    let int = json!({"schema": "\"int\""});
    assert_eq!(server.register("g", of(int.clone(), "1")).await["error_code"], 40901);
    assert_eq!(server.register("g", of(int, "2")).await["version"], 2);
    server.put("/config/v", json!({"validateFields": true})).await;
    let reserved = json!({"properties": {"confluent:reserved": "q"}});
    server.register("v", with(record(&["x"]), "metadata", reserved)).await;
    let refused = server.register("v", record(&["x", "q"])).await;
    assert!(refused["message"].as_str().unwrap().contains("reserved field q"), "{refused}");
}

#[tokio::test]
async fn what_is_referred_to_stays() {
    let server = Server::start().await;
    server.register("a", record(&["x"])).await;
    let schema = r#"{"type":"record","name":"Q","fields":[{"name":"r","type":"R"}]}"#;
    let references = json!([{"name": "R", "subject": "a", "version": -1}]);
    let outer = json!({"schema": schema, "references": references});
    let outer = server.register("q", outer).await;
    assert_eq!(outer["references"][0]["version"], 1);
    assert_eq!(server.get("/subjects/a/versions/1/referencedby").await, json!([2]));
    for path in ["/subjects/a", "/subjects/a/versions/1"] {
        assert_eq!(server.delete(path).await["error_code"], 42206);
    }
    server.delete("/subjects/q").await;
    assert_eq!(server.get("/subjects/a/versions/1/referencedby").await, json!([]));
    assert_eq!(server.delete("/subjects/a").await, json!([1]));
    // One that was deleted could come back.
    assert_eq!(server.delete("/subjects/a?permanent=true").await["error_code"], 42206);
    server.delete("/subjects/q?permanent=true").await;
    assert_eq!(server.delete("/subjects/a?permanent=true").await, json!([1]));
}

#[tokio::test]
async fn what_is_deleted_can_be_listed_and_goes_for_good_in_two_steps() {
    let server = Server::start().await;
    server.register("a", record(&["x"])).await;
    server.register("a", record(&["x", "y"])).await;
    assert_eq!(server.delete("/subjects/a/versions/1?permanent=true").await["error_code"], 40407);
    assert_eq!(server.delete("/subjects/a/versions/1").await, 1);
    assert_eq!(server.delete("/subjects/a/versions/1").await["error_code"], 40406);
    assert_eq!(server.get("/subjects/a/versions?deletedAsNegative=true").await, json!([-1, 2]));
    assert_eq!(server.get("/subjects/a/versions?deletedOnly=true").await, json!([1]));
    assert_eq!(server.get("/schemas/ids/1").await["deleted"], true);
    assert_eq!(server.delete("/subjects/a/versions/1?permanent=true").await, 1);
    assert_eq!(server.get("/schemas/ids/1").await["error_code"], 40403);
    assert_eq!(server.delete("/subjects/a?permanent=true").await["error_code"], 40405);
    server.delete("/subjects/a").await;
    assert_eq!(server.delete("/subjects/a").await["error_code"], 40404);
    assert_eq!(server.get("/subjects?deletedOnly=true").await, json!(["a"]));
    server.delete("/subjects/a?permanent=true").await;
    assert_eq!(server.delete("/subjects/a").await["error_code"], 40401);
}

#[tokio::test]
async fn guids_lead_to_schemas() {
    let server = Server::start().await;
    let guid = server.register("a", record(&["x"])).await["guid"].as_str().unwrap().to_owned();
    let found = server.get(&format!("/schemas/guids/{guid}")).await;
    assert_eq!((found.get("subject"), &found["guid"]), (None, &json!(guid)));
    let ids = server.get(&format!("/schemas/guids/{guid}/ids")).await;
    assert_eq!(ids, json!([{"context": ".", "id": 1}]));
    assert_eq!(server.get("/schemas/guids/nope").await["error_code"], 40403);
}

#[tokio::test]
async fn what_is_not_served_says_so() {
    let server = Server::start().await;
    for (method, path, status) in [
        ("GET", "/exporters", 404),
        ("POST", "/associations", 501),
        ("PUT", "/associations/resources/r", 501),
        ("GET", "/nope", 404),
        ("PUT", "/subjects", 405),
        ("GET", "/schemas/ids/x", 404),
    ] {
        let (got, body) = server.call(method, path, Json::Null).await;
        assert_eq!((got, &body["error_code"]), (status, &json!(status)), "{path}");
    }
    assert_eq!(server.get("/associations/subjects/a").await, json!([]));
    assert_eq!(server.delete("/associations/resources/r").await["error_code"], 40410);
    let exporters = server.get("/exporters").await;
    assert!(exporters["message"].as_str().unwrap().contains("schema linking"));
}
