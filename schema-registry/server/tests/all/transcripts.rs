//! Recorded exchanges with Confluent Schema Registry 8.3.1 and with RocketMQ's own registry:
//! status and body of each answer must be the same, but for the texts of errors.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use gantry_log::MemoryLog;
use gantry_schema_registry::{Registry, Settings, rocketmq_router, router};
use http_body_util::BodyExt;
use serde_json::Value as Json;
use tower::ServiceExt;

/// What stands for `{{R}}` in the transcripts; guids are those of texts with this.
const TOKEN: &str = "r0";
const ACCEPT: &str = "application/vnd.schemaregistry.v1+json, \
                      application/vnd.schemaregistry+json, application/json";
const BODY_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// Values by the names that transcripts give them.
#[derive(Default)]
struct Bound {
    variables: BTreeMap<String, String>,
    symbols: BTreeMap<String, Json>,
}

impl Bound {
    /// Puts values in the place of `{{name}}`.
    fn filled(&self, text: &str) -> String {
        let filled = text.replace("{{R}}", TOKEN);
        let all = self.variables.iter();
        all.fold(filled, |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
    }

    fn filled_all(&self, value: &Json) -> Json {
        match value {
            Json::String(text) => Json::String(self.filled(text)),
            Json::Array(items) => items.iter().map(|item| self.filled_all(item)).collect(),
            Json::Object(members) => {
                let filled = members.iter().map(|(k, v)| (self.filled(k), self.filled_all(v)));
                Json::Object(filled.collect())
            }
            other => other.clone(),
        }
    }

    /// What is wrong with an answer.
    fn fault(&mut self, wanted: &Json, got: &Json, at: &str) -> Option<String> {
        match wanted {
            Json::Object(members)
                if members.len() == 1 && members.keys().all(|k| k.starts_with('$')) =>
            {
                let (marker, value) = members.iter().next()?;
                self.fault_of_marker(marker, value, got, at)
            }
            Json::Object(members) => {
                let Json::Object(found) = got else {
                    return Some(format!("{at}: no object: {got}"));
                };
                let is_text = |name: &String| name == "message" || name == "messages";
                let names = members.keys().chain(found.keys()).filter(|name| !is_text(name));
                names.into_iter().find_map(|name| match (members.get(name), found.get(name)) {
                    (Some(wanted), Some(got)) => self.fault(wanted, got, &format!("{at}.{name}")),
                    (wanted, got) => Some(format!("{at}.{name}: wanted {wanted:?}, got {got:?}")),
                })
            }
            Json::Array(items) => {
                let Json::Array(found) = got else { return Some(format!("{at}: no list: {got}")) };
                if items.len() != found.len() {
                    return Some(format!("{at}: wanted {} items, got {got}", items.len()));
                }
                let pairs = items.iter().zip(found).enumerate();
                pairs.into_iter().find_map(|(i, (w, g))| self.fault(w, g, &format!("{at}[{i}]")))
            }
            _ if wanted == got => None,
            _ => Some(format!("{at}: wanted {wanted}, got {got}")),
        }
    }

    fn fault_of_marker(
        &mut self,
        marker: &str,
        value: &Json,
        got: &Json,
        at: &str,
    ) -> Option<String> {
        let fits = match (marker, value.as_str()) {
            ("$sym", Some(name)) => {
                let kind = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
                match self.symbols.get(name) {
                    Some(known) => known == got,
                    None => {
                        let is_other = |(other, known): (&String, &Json)| {
                            kind(other) == kind(name) && known == got
                        };
                        let is_new = !self.symbols.iter().any(is_other);
                        self.symbols.insert(name.to_owned(), got.clone());
                        is_new
                    }
                }
            }
            ("$any", Some("int")) => got.is_i64() || got.is_u64(),
            ("$any", Some("str")) => got.is_string(),
            ("$any", _) => true,
            ("$guid", _) => value == got,
            ("$rid", _) => got.as_i64().map(|id| id & 0x3fff) == value.as_i64(),
            _ => false,
        };
        (!fits).then(|| format!("{at}: wanted {marker} {value}, got {got}"))
    }
}

fn request(step: &Json, bound: &Bound) -> Request<Body> {
    let mut headers = BTreeMap::from([(header::ACCEPT.to_string(), ACCEPT.to_owned())]);
    let body = match (step.get("raw"), step.get("body")) {
        (Some(raw), _) => Some(bound.filled(raw.as_str().unwrap())),
        (None, Some(body)) => Some(bound.filled_all(body).to_string()),
        (None, None) => None,
    };
    if body.is_some() {
        headers.insert(header::CONTENT_TYPE.to_string(), BODY_TYPE.to_owned());
    }
    for (name, value) in step.get("headers").and_then(Json::as_object).into_iter().flatten() {
        let name = name.to_ascii_lowercase();
        match value.as_str() {
            Some(value) => headers.insert(name, value.to_owned()),
            None => headers.remove(&name),
        };
    }
    let mut request = Request::builder()
        .method(step["method"].as_str().unwrap())
        .uri(bound.filled(step["path"].as_str().unwrap()));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.body(body.map_or_else(Body::empty, Body::from)).unwrap()
}

/// Makes one step; gives what is wrong with the answer.
async fn fault_of_step(router: &Router, step: &Json, bound: &mut Bound) -> Option<String> {
    let response = router.clone().oneshot(request(step, bound)).await.unwrap();
    let status = u64::from(response.status().as_u16());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let json: Option<Json> = serde_json::from_slice(&bytes).ok();
    for (name, pointer) in step.get("capture").and_then(Json::as_object).into_iter().flatten() {
        let value = json.as_ref().and_then(|json| json.pointer(pointer.as_str().unwrap()));
        if let Some(value) = value {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            bound.variables.insert(name.clone(), text);
        }
    }
    if step.get("skip").is_some() {
        return None;
    }
    let expected = &step["expect"];
    let wanted = expected["status"].as_u64().unwrap();
    if status != wanted && (wanted < 1_000 || status != wanted / 100) {
        return Some(format!("wanted {wanted}, got {status}: {}", String::from_utf8_lossy(&bytes)));
    }
    let body = expected.get("body")?;
    let body = bound.filled_all(body);
    let Some(mut json) = json else { return Some("wanted JSON".to_owned()) };
    if expected.get("match").and_then(Json::as_str) == Some("unordered") {
        let mut sorted = body.as_array().unwrap().clone();
        sorted.sort_by_key(Json::to_string);
        json.as_array_mut().unwrap().sort_by_key(Json::to_string);
        return bound.fault(&Json::Array(sorted), &json, "$");
    }
    bound.fault(&body, &json, "$")
}

async fn replay(directory: &str, make: fn(Arc<Registry>) -> Router) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(directory);
    let files = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    // One registry for all: some scenarios rely on ids that others have used up.
    let log = Arc::new(MemoryLog::new());
    let router = make(Registry::open(log, Settings::default()).await.unwrap());
    let mut faults = Vec::new();
    let mut steps = 0;
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let scenario: Json = serde_json::from_str(&text).unwrap();
        let mut bound = Bound::default();
        for step in scenario["steps"].as_array().unwrap() {
            steps += 1;
            if let Some(fault) = fault_of_step(&router, step, &mut bound).await {
                faults.push(format!("{}: {fault}", step["id"]));
            }
        }
    }
    assert!(steps > 0, "no transcripts");
    assert!(faults.is_empty(), "{} of {steps} differ:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn answers_are_those_of_confluent() {
    replay("transcripts", router).await;
}

#[tokio::test]
async fn answers_are_those_of_rocketmqs_registry() {
    replay("rocketmq-transcripts", rocketmq_router).await;
}
