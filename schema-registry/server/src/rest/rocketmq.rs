//! The REST API of RocketMQ's own schema registry, `/schema-registry/v1/...`.
//!
//! It has status codes of five digits, which are none: here the first three are the status, and
//! the body is the same. Its clients read the body of whatever is not 200.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value as Json, json};

use super::request::Asked;
use super::router::read;
use crate::config::Level;
use crate::error::RegistryError;
use crate::registry::Registry;
use crate::rights::{Operation, Rights};
use crate::rules::rocketmq::{self as schemas, Found, Place, Registration};
use crate::shared::Shared;

/// Where the API is.
const ROOT: &str = "/schema-registry/v1";
const DEFAULT: &str = "default";
const TYPES: [&str; 6] = ["AVRO", "JSON", "THRIFT", "PROTOBUF", "BINLOG", "TEXT"];

/// An answer that is not what was asked for.
enum Failure {
    /// With a code of five digits.
    Coded(RegistryError),
    /// What the framework says.
    Framework(StatusCode, String),
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::Coded(error)
    }
}

type Outcome = Result<Json, Failure>;

/// The REST API of RocketMQ's own schema registry over a registry.
pub fn rocketmq_router(registry: Arc<Registry>) -> Router {
    Router::new()
        .route(ROOT, axum::routing::any(front))
        .route(&format!("{ROOT}/"), axum::routing::any(front))
        .route(&format!("{ROOT}/{{*path}}"), axum::routing::any(front))
        .with_state(registry)
}

async fn front(State(registry): State<Arc<Registry>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let mut asked = Asked::from_head(&head);
    asked.path.drain(..asked.path.len().min(2));
    let outcome = match read(body).await {
        Ok(body) => {
            let mut outcome = dispatch(&registry, &asked, &head.headers, &body).await;
            if is_miss(&asked, &outcome) {
                registry.catch_up_on_a_miss().await;
                outcome = dispatch(&registry, &asked, &head.headers, &body).await;
            }
            outcome
        }
        Err(error) => Err(error.into()),
    };
    let (status, body) = match outcome {
        Ok(json) => (StatusCode::OK, json),
        Err(Failure::Coded(error)) => {
            if error.status() >= 500 && error.code != 50001 {
                tracing::error!(%error, "a request to the schema registry failed");
            }
            let status = StatusCode::from_u16(error.status());
            let body = json!({"status": error.code, "message": error.message});
            (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body)
        }
        Err(Failure::Framework(status, message)) => {
            let body = json!({
                "timestamp": now_ms(),
                "status": status.as_u16(),
                "error": status.canonical_reason().unwrap_or_default(),
                "message": message,
                "path": path,
            });
            (status, body)
        }
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Whether something was looked up that is not there.
fn is_miss(asked: &Asked, outcome: &Outcome) -> bool {
    let by_text = || asked.path.iter().rev().take(2).all(|part| part == "schema");
    let looks = asked.method == Method::GET || (asked.method == Method::POST && by_text());
    looks && matches!(outcome, Err(Failure::Coded(error)) if error.code == 50001)
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// What is asked, with cluster and tenant filled in.
fn placed(path: &[String]) -> (Place, Vec<&str>) {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let (cluster, tenant, rest) = match path[..] {
        ["cluster", cluster, "tenant", tenant, ..] => (cluster, tenant, path[4..].to_vec()),
        _ => (DEFAULT, DEFAULT, path),
    };
    let subject = match rest[..] {
        ["subject", subject, ..] => subject.to_owned(),
        _ => String::new(),
    };
    let place = Place {
        cluster: cluster.to_owned(),
        tenant: tenant.to_owned(),
        subject,
        ..Place::default()
    };
    (place, rest)
}

fn methods(path: &[&str], has_tenant: bool) -> &'static [Method] {
    match path {
        ["subject", _, "schema"] | ["subject", _, "schema", "versions", _] if has_tenant => {
            &[Method::GET, Method::DELETE]
        }
        ["subject", _, "schema"]
        | ["subject", _, "schema", "versions", _]
        | ["subject", _, "recordId", _, "schema"]
        | ["cluster", _, "tenants"] => &[Method::GET],
        ["subject", _, "schema", "versions"] if has_tenant => {
            &[Method::GET, Method::POST, Method::PUT]
        }
        ["subjects"] if has_tenant => &[Method::GET],
        ["subject", _, "schema", _] => &[Method::POST, Method::PUT],
        _ => &[],
    }
}

async fn dispatch(registry: &Registry, asked: &Asked, headers: &HeaderMap, body: &[u8]) -> Outcome {
    let (mut place, path) = placed(&asked.path);
    let has_tenant = asked.path.first().is_some_and(|first| first == "cluster") && {
        asked.path.get(2).is_some_and(|part| part == "tenant")
    };
    let methods = methods(&path, has_tenant);
    if methods.is_empty() {
        let message = "No message available".to_owned();
        return Err(Failure::Framework(StatusCode::NOT_FOUND, message));
    }
    if !methods.contains(&asked.method) {
        let message = format!("Request method '{}' not supported", asked.method);
        return Err(Failure::Framework(StatusCode::METHOD_NOT_ALLOWED, message));
    }
    let (shared, rights) = (&registry.shared, &*asked.rights);
    match (asked.method.as_str(), &path[..]) {
        ("GET", ["cluster", cluster, "tenants"]) => {
            Ok(schemas::tenants(shared, cluster, rights).into())
        }
        ("GET", ["subjects"]) => Ok(schemas::subjects(shared, &place, rights).into()),
        ("GET", ["subject", _, "schema"]) => get(registry, &place, rights),
        ("GET", ["subject", _, "schema", "versions"]) => list(registry, &place, rights),
        ("GET", ["subject", _, "schema", "versions", version]) => {
            place.version = Some(number(version)?);
            get(registry, &place, rights)
        }
        ("GET", ["subject", _, "recordId", id, "schema"]) => by_record(registry, place, id, rights),
        ("DELETE", ["subject", _, "schema", rest @ ..]) => {
            if let ["versions", version] = rest {
                place.version = Some(number(version)?);
            }
            let deleted = |shared: &Shared| schemas::delete(shared, &place, rights);
            let found = registry.write(&place.context(), deleted).await?;
            Ok(json!({"recordId": found.record_id()}))
        }
        ("POST", ["subject", _, "schema", "schema"]) => with_text(registry, place, body, rights),
        ("POST", ["subject", _, "schema", name]) => {
            place.name = Some((*name).to_owned());
            rights.check(Operation::Write, &place.named())?;
            register(registry, &place, headers, body).await
        }
        ("PUT", ["subject", _, "schema", name]) => {
            place.name = Some((*name).to_owned());
            rights.check(Operation::Write, &place.named())?;
            update(registry, &place, headers, body).await
        }
        _ => {
            let message = "No message available".to_owned();
            Err(Failure::Framework(StatusCode::NOT_FOUND, message))
        }
    }
}

fn number(text: &str) -> Result<i64, Failure> {
    text.parse().map_err(|_| {
        let message = format!("For input string: \"{text}\"");
        Failure::Framework(StatusCode::INTERNAL_SERVER_ERROR, message)
    })
}

fn missing(place: &Place) -> Failure {
    RegistryError::new(50001, format!("Schema: {place} not exist")).into()
}

fn shown(place: &Place, found: &Found) -> Json {
    let Place { cluster, tenant, subject, .. } = place;
    let schema = &found.0.schema;
    json!({
        "subjectFullName": format!("{cluster}/{tenant}/{subject}"),
        "schemaFullName": format!("{tenant}/{}", found.name()),
        "version": schema.version,
        "recordId": found.record_id(),
        "idl": schema.text.as_deref().filter(|text| !text.is_empty()),
        "dependency": null,
        "type": schema.schema_type,
    })
}

/// Whether a version may be seen.
fn check(rights: &Rights, found: &Found) -> Result<(), RegistryError> {
    rights.check(Operation::Read, &found.0.schema.subject)
}

fn get(registry: &Registry, place: &Place, rights: &Rights) -> Outcome {
    let found = schemas::version(&registry.shared, place).ok_or_else(|| missing(place))?;
    check(rights, &found)?;
    Ok(shown(place, &found))
}

fn by_record(registry: &Registry, mut place: Place, id: &str, rights: &Rights) -> Outcome {
    let (id, version) = schemas::split_record_id(number(id)?);
    place.version = Some(version);
    let found = schemas::version(&registry.shared, &place);
    let found = found.filter(|found| id == 0 || found.id() == id);
    let found = found.ok_or_else(|| missing(&place))?;
    check(rights, &found)?;
    Ok(shown(&place, &found))
}

fn list(registry: &Registry, place: &Place, rights: &Rights) -> Outcome {
    let versions = schemas::versions(&registry.shared, place);
    check(rights, versions.first().ok_or_else(|| missing(place))?)?;
    let Place { cluster, tenant, .. } = place;
    let shown = versions.iter().map(|found| {
        let schema = &found.0.schema;
        let subject = json!({"cluster": cluster, "tenant": tenant, "subject": found.subject()});
        json!({
            "schema": format!("{tenant}/{}", found.name()),
            "schemaId": found.id(),
            "version": schema.version,
            "recordId": found.record_id(),
            "idl": schema.text.as_deref().filter(|text| !text.is_empty()),
            "dependency": null,
            "subjects": [subject],
            "type": schema.schema_type,
        })
    });
    Ok(shown.collect())
}

/// The version with exactly this text.
fn with_text(registry: &Registry, mut place: Place, body: &[u8], rights: &Rights) -> Outcome {
    let text = String::from_utf8_lossy(body).into_owned();
    let versions = schemas::versions(&registry.shared, &place);
    let found = versions.iter().find(|found| found.0.schema.text.as_deref() == Some(&text));
    if let Some(found) = found {
        check(rights, found)?;
        return Ok(shown(&place, found));
    }
    place.name = Some(text);
    Err(missing(&place))
}

/// The members of a body.
fn members(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Json>, Failure> {
    let type_ = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let type_ = type_.unwrap_or("application/octet-stream");
    let bare = type_.split(';').next().unwrap_or_default().trim();
    if !bare.eq_ignore_ascii_case("application/json") {
        let message = format!("Content type '{type_}' not supported");
        return Err(Failure::Framework(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let wrong = |message: String| Failure::Framework(StatusCode::BAD_REQUEST, message);
    match serde_json::from_slice(body) {
        Ok(Json::Object(members)) => Ok(members),
        Ok(_) => Err(wrong("JSON parse error: the body must be an object".to_owned())),
        Err(_) if body.is_empty() => Err(wrong("Required request body is missing".to_owned())),
        Err(error) => Err(wrong(format!("JSON parse error: {error}"))),
    }
}

fn text(body: &Map<String, Json>, name: &str) -> Result<Option<String>, Failure> {
    match body.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(Json::Object(_) | Json::Array(_)) => {
            let message = format!("JSON parse error: {name} must be a string");
            Err(Failure::Framework(StatusCode::BAD_REQUEST, message))
        }
        Some(scalar) => Ok(Some(scalar.to_string())),
    }
}

fn not_one_of(class: &str, value: &str, allowed: &str) -> Failure {
    let message = format!(
        "JSON parse error: Cannot deserialize value of type \
         `org.apache.rocketmq.schema.registry.common.model.{class}` from String \"{value}\": not \
         one of the values accepted for Enum class: [{allowed}]"
    );
    Failure::Framework(StatusCode::BAD_REQUEST, message)
}

fn registration(body: &Map<String, Json>) -> Result<Registration, Failure> {
    let schema_type = text(body, "schemaType")?.unwrap_or_else(|| TYPES[0].to_owned());
    if !TYPES.contains(&schema_type.as_str()) {
        return Err(not_one_of("SchemaType", &schema_type, &TYPES.join(", ")));
    }
    let compatibility = text(body, "compatibility")?.unwrap_or_else(|| "BACKWARD".to_owned());
    let level = Level::named(&compatibility).filter(|level| level.name == compatibility);
    let compatibility = level.ok_or_else(|| {
        let allowed = "BACKWARD_TRANSITIVE, BACKWARD, FORWARD, NONE, FORWARD_TRANSITIVE, \
                       FULL_TRANSITIVE, FULL";
        not_one_of("Compatibility", &compatibility, allowed)
    })?;
    Ok(Registration {
        idl: text(body, "schemaIdl")?,
        schema_type,
        compatibility,
        owner: text(body, "owner")?.unwrap_or_default(),
        desc: text(body, "desc")?.unwrap_or_default(),
    })
}

async fn register(registry: &Registry, place: &Place, headers: &HeaderMap, body: &[u8]) -> Outcome {
    let registration = registration(&members(headers, body)?)?;
    let judged = registry
        .write(&place.context(), |shared| schemas::register(shared, place, &registration))
        .await?;
    Ok(recorded(&judged))
}

async fn update(registry: &Registry, place: &Place, headers: &HeaderMap, body: &[u8]) -> Outcome {
    let body = members(headers, body)?;
    let idl = text(&body, "schemaIdl")?;
    let owner = text(&body, "owner")?.unwrap_or_default();
    let desc = text(&body, "desc")?.unwrap_or_default();
    let judged = registry
        .write(&place.context(), |shared| {
            schemas::update(shared, place, idl.as_deref(), &owner, &desc)
        })
        .await?;
    Ok(recorded(&judged))
}

fn recorded(found: &Found) -> Json {
    json!({"recordId": found.record_id(), "version": found.0.schema.version})
}
