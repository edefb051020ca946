//! What a new version means for the connectors that use its subject.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use gantry_log::MemoryLog;
use gantry_schema_registry::{
    Grant, Operation, Registry, Resource, Rights, SchemaId, SchemaUse, Settings, SubjectUse,
    SubjectUsers, Uses, router,
};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

const LATEST: SchemaUse = SchemaUse::WritesLatest { property: None, is_strict: true };

/// What connectors use, however often they are asked.
#[derive(Clone, Debug, Default)]
struct Known {
    uses: Vec<SubjectUse>,
    error: Option<String>,
}

impl SubjectUsers for Known {
    fn uses<'a>(&'a self, records: &'a [String]) -> Uses<'a> {
        let mut uses = self.uses.clone();
        // One whose subjects are the names of records.
        uses.extend(records.iter().map(|record| {
            let doubts = vec!["it may hold other records".to_owned()];
            SubjectUse { doubts, ..one("by-record", record, SchemaUse::Reads) }
        }));
        Box::pin(std::future::ready(self.error.clone().map_or(Ok(uses), Err)))
    }
}

fn one(connector: &str, subject: &str, how: SchemaUse) -> SubjectUse {
    SubjectUse {
        connector: connector.to_owned(),
        topic: "t".to_owned(),
        is_key: subject.ends_with("-key"),
        subject: subject.to_owned(),
        how,
        doubts: Vec::new(),
    }
}

struct Server(Router);

impl Server {
    async fn start(known: Option<Known>) -> Self {
        let users = known.map(|known| Arc::new(known) as Arc<dyn SubjectUsers>);
        let settings =
            Settings { users, compatibility_level: "NONE".to_owned(), ..Settings::default() };
        Self(router(Registry::open(Arc::new(MemoryLog::new()), settings).await.unwrap()))
    }

    async fn knowing(uses: Vec<SubjectUse>) -> Self {
        Self::start(Some(Known { uses, error: None })).await
    }

    async fn text(&self, line: &str, body: &Json, rights: Option<Rights>) -> String {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        if let Some(rights) = rights {
            request = request.extension(Arc::new(rights));
        }
        let request = request.body(Body::from(body.to_string())).unwrap();
        let response = self.0.clone().oneshot(request).await.unwrap();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    async fn call(&self, line: &str, body: &Json) -> Json {
        serde_json::from_str(&self.text(line, body, None).await).unwrap()
    }

    /// Registers without asking for more.
    async fn with(self, subject: &str, body: &Json) -> Self {
        let id = self.call(&format!("POST /subjects/{subject}/versions"), body).await;
        assert!(id["id"].is_i64(), "{id}");
        self
    }

    /// What a check says: whether each connector breaks, with all of its reasons in one text.
    async fn impact(&self, subject: &str, body: &Json) -> Vec<(String, bool, String)> {
        let line = format!("POST /compatibility/subjects/{subject}/versions?impact=true");
        read(&self.call(&line, body).await)
    }
}

fn read(answer: &Json) -> Vec<(String, bool, String)> {
    let impact = &answer["impact"];
    assert_eq!(impact.get("error"), None, "{answer}");
    let connectors = impact["connectors"].as_array().unwrap();
    let read = |connector: &Json| {
        let name = connector["name"].as_str().unwrap().to_owned();
        let reasons: Vec<String> = serde_json::from_value(connector["reasons"].clone()).unwrap();
        (name, connector["breaks"].as_bool().unwrap(), reasons.join("\n"))
    };
    connectors.iter().map(read).collect()
}

fn breaking(impact: &[(String, bool, String)]) -> Vec<&str> {
    impact.iter().filter(|(_, breaks, _)| *breaks).map(|(name, ..)| name.as_str()).collect()
}

/// Fields with a `?` have a default.
fn record(fields: &[&str]) -> Json {
    let field = |name: &&str| match name.strip_suffix('?') {
        Some(name) => json!({"name": name, "type": "int", "default": 0}),
        None => json!({"name": name, "type": "int"}),
    };
    let fields: Vec<Json> = fields.iter().map(field).collect();
    json!({"schema": json!({"type": "record", "name": "R", "fields": fields}).to_string()})
}

#[tokio::test]
async fn answers_are_the_same_where_nobody_asks() {
    let silent = Server::start(None).await.with("t-value", &record(&["a"])).await;
    let knowing = Server::knowing(vec![one("c", "t-value", SchemaUse::Reads)]).await;
    let knowing = knowing.with("t-value", &record(&["a"])).await;
    for line in [
        "POST /compatibility/subjects/t-value/versions",
        "POST /compatibility/subjects/t-value/versions/latest?verbose=true&impact=false",
        "POST /subjects/t-value/versions",
    ] {
        let plain = silent.text(line, &record(&["b"]), None).await;
        assert_eq!(knowing.text(line, &record(&["b"]), None).await, plain, "{line}");
        // A registry without a worker knows no connectors.
        let sign = if line.contains('?') { '&' } else { '?' };
        let asked = line.replace("&impact=false", "");
        let asked = format!("{asked}{sign}impact=true");
        assert_eq!(silent.text(&asked, &record(&["b"]), None).await, plain, "{asked}");
    }
}

#[tokio::test]
async fn a_sink_breaks_when_what_it_knows_goes_away() {
    let uses = vec![
        one("sink", "t-value", SchemaUse::Reads),
        one("other", "u-value", SchemaUse::Reads),
        one("source", "t-value", SchemaUse::Writes),
    ];
    let server = Server::knowing(uses).await;
    assert_eq!(server.impact("t-value", &record(&["a"])).await.len(), 2, "no version is before");
    let server = server.with("t-value", &record(&["a", "b", "c?"])).await;
    let added = server.impact("t-value", &record(&["a", "b", "c?", "d"])).await;
    let quiet = |name: &str| (name.to_owned(), false, String::new());
    assert_eq!(added, [quiet("sink"), quiet("source")]);
    let removed = server.impact("t-value", &record(&["a", "c?"])).await;
    assert_eq!(breaking(&removed), ["sink"]);
    let reasons = &removed[0].2;
    assert!(reasons.starts_with("it reads data as version 1 describes them"), "{reasons}");
    for part in ["'b'", "/fields/1", "READER_FIELD_MISSING_DEFAULT_VALUE", "in the old schema"] {
        assert!(reasons.contains(part), "{part}: {reasons}");
    }
    // A field with a default can be missing, but not where somebody needs it.
    let optional = server.impact("t-value", &record(&["a", "b"])).await;
    assert_eq!(breaking(&optional), [""; 0]);
    assert!(optional[0].2.starts_with("the new schema has no field c: "), "{optional:?}");
    // Registering says the same, and registers.
    let line = "POST /subjects/t-value/versions?impact=true";
    let answer = server.call(line, &record(&["a", "c?"])).await;
    assert_eq!((&answer["version"], read(&answer)), (&json!(2), removed));
    // What is there already makes no new version: nothing changes.
    let again = server.call(line, &record(&["a", "b", "c?"])).await;
    assert_eq!((&again["version"], read(&again)), (&json!(1), added));
}

#[tokio::test]
async fn connectors_are_described() {
    let server = Server::knowing(vec![one("k", "t-key", SchemaUse::Writes)]).await;
    let answer = server.call("POST /subjects/t-key/versions?impact=true", &record(&["a"])).await;
    let expected = json!({"connectors": [{"name": "k", "type": "source", "topic": "t",
        "part": "key", "breaks": false, "reasons": []}]});
    assert_eq!(answer["impact"], expected);
}

#[tokio::test]
async fn a_source_that_writes_by_the_latest_version_must_be_able_to() {
    let loose = SchemaUse::WritesLatest { property: None, is_strict: false };
    let uses = vec![one("loose", "t-value", loose), one("strict", "t-value", LATEST)];
    let server = Server::knowing(uses).await.with("t-value", &record(&["a"])).await;
    let good = server.impact("t-value", &record(&["a", "b?"])).await;
    assert!(good.iter().all(|(_, breaks, reasons)| !breaks && reasons.is_empty()), "{good:?}");
    let bad = server.impact("t-value", &record(&["a", "b"])).await;
    assert_eq!(breaking(&bad), ["strict"]);
    assert!(bad[0].2.contains("latest.compatibility.strict=false"), "{bad:?}");
    assert!(bad[1].2.contains("latest.compatibility.strict=true"), "{bad:?}");
    assert!(bad.iter().all(|(.., reasons)| reasons.contains("The field 'b'")), "{bad:?}");
}

#[tokio::test]
async fn a_source_with_a_property_follows_only_versions_that_have_it() {
    let property = Some(("major".to_owned(), "1".to_owned()));
    let of_one = SchemaUse::WritesLatest { property, is_strict: true };
    let with_major = |mut body: Json, major: &str| {
        body["metadata"] = json!({"properties": {"major": major}});
        body
    };
    let server = Server::knowing(vec![one("c", "t-value", of_one)]).await;
    let server = server.with("t-value", &with_major(record(&["a"]), "1")).await;
    let server = server.with("t-value", &with_major(record(&["x"]), "2")).await;
    let next = record(&["a", "b"]);
    // A version that names no metadata gets those of the one before it.
    assert_eq!(breaking(&server.impact("t-value", &next).await), [""; 0]);
    let of_two = server.impact("t-value", &with_major(next.clone(), "2")).await;
    assert_eq!(breaking(&of_two), [""; 0]);
    let of_one = server.impact("t-value", &with_major(next, "1")).await;
    assert_eq!(breaking(&of_one), ["c"]);
    assert!(of_one[0].2.contains("version 1 writes"), "{of_one:?}");
}

#[tokio::test]
async fn a_sink_with_a_fixed_schema_is_judged_by_that_one() {
    let fixed = |id| SchemaUse::ReadsBy(SchemaId::Id(id));
    let guid = SchemaUse::ReadsBy(SchemaId::Guid([7; 16]));
    let uses = vec![
        one("fixed", "t-value", fixed(1)),
        one("none", "t-value", fixed(99)),
        one("unknown", "t-value", guid),
    ];
    let server = Server::knowing(uses).await;
    let server = server.with("elsewhere", &record(&["a"])).await;
    let server = server.with("t-value", &record(&["b"])).await;
    // The version before has no field a either.
    let found = server.impact("t-value", &record(&["b", "c"])).await;
    assert_eq!(breaking(&found), ["fixed"]);
    assert!(found[0].2.contains("id 1") && found[0].2.contains("in the fixed schema"), "{found:?}");
    assert!(found[1].2.contains("not here") && found[2].2.contains("not here"), "{found:?}");
    assert_eq!(breaking(&server.impact("t-value", &record(&["a"])).await), [""; 0]);
    // Who may not see that schema is not told what is in it.
    let resource = Resource::parse("Subject:t-value").unwrap();
    let rights = Rights::new(vec![Grant { operations: vec![Operation::Write], resource }]);
    let line = "POST /compatibility/subjects/t-value/versions?impact=true";
    let answer = server.text(line, &record(&["b", "c"]), Some(rights)).await;
    assert_eq!(breaking(&read(&serde_json::from_str(&answer).unwrap())), [""; 0]);
    assert!(answer.contains("may not be seen") && !answer.contains("'a'"), "{answer}");
}

#[tokio::test]
async fn subjects_are_found_by_record_alias_and_context() {
    let uses = vec![
        one("alias", "al", SchemaUse::Reads),
        one("context", ":.c:t-value", SchemaUse::Reads),
        one("default", ":.:R", SchemaUse::Reads),
    ];
    let server = Server::knowing(uses).await.with("R", &record(&["a"])).await;
    server.call("PUT /config/al", &json!({"alias": "R"})).await;
    let found = server.impact("R", &record(&["b"])).await;
    assert_eq!(breaking(&found), ["alias", "by-record", "default"]);
    assert!(found[1].2.ends_with("\nit may hold other records"), "{found:?}");
    let same = server.impact("R", &record(&["a"])).await;
    assert!(same.iter().all(|(.., reasons)| reasons.is_empty()), "{same:?}");
    let line = "POST /contexts/.c/subjects/t-value/versions?impact=true";
    let answer = server.call(line, &record(&["a"])).await;
    assert_eq!(read(&answer).len(), 1, "{answer}");
}

#[tokio::test]
async fn other_formats_are_judged_by_their_own_rules() {
    let server = Server::knowing(vec![one("c", "t-value", SchemaUse::Reads)]).await;
    let proto = |fields: &str| {
        let schema = format!("syntax = \"proto3\";\nmessage R {{\n  {fields}\n}}\n");
        json!({"schemaType": "PROTOBUF", "schema": schema})
    };
    let server = server.with("t-value", &proto("int32 a = 1; string b = 2;")).await;
    let changed = server.impact("t-value", &proto("string a = 1; string b = 2;")).await;
    assert_eq!(breaking(&changed), ["c"]);
    assert!(changed[0].2.contains("FIELD_SCALAR_KIND_CHANGED"), "{changed:?}");
    // Protobuf has a value for each field that is missing.
    let removed = server.impact("t-value", &proto("int32 a = 1;")).await;
    assert_eq!(breaking(&removed), [""; 0]);
    assert!(removed[0].2.contains("no field b"), "{removed:?}");
    let other = server.impact("t-value", &record(&["a", "b"])).await;
    assert!(other[0].1 && other[0].2.contains("different schema type"), "{other:?}");
}

#[tokio::test]
async fn what_is_not_known_is_told_and_holds_nothing_up() {
    let error = Some("the cluster is not there".to_owned());
    let server = Server::start(Some(Known { uses: Vec::new(), error })).await;
    let answer = server.call("POST /subjects/t-value/versions?impact=true", &record(&["a"])).await;
    let expected = json!({"connectors": [], "error": "the cluster is not there"});
    assert_eq!((&answer["id"], &answer["impact"]), (&json!(1), &expected));
    let line = "POST /compatibility/subjects/t-value/versions?impact=true&verbose=true";
    let answer = server.call(line, &json!({"schema": "{"})).await;
    assert_eq!(answer["is_compatible"], false);
    assert!(answer["impact"]["error"].as_str().unwrap().contains("Invalid schema"), "{answer}");
}
