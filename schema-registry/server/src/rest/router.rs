//! The endpoints of Confluent's API, and what happens before and after each.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use http_body_util::{BodyExt, Limited};
use serde::Serialize;

use super::request::{Asked, not_there};
use super::{about, compatibility, media, rights, rules, schemas, subjects, versions};
use crate::error::RegistryError;
use crate::registry::Registry;

/// The largest body that is taken, in bytes.
pub const BODY_BYTES_MAX: usize = 16 << 20;

/// What an endpoint gives.
#[derive(Debug)]
pub(super) enum Answer {
    /// JSON.
    Json(Vec<u8>),
    /// A text that is given as it is.
    Text(String),
    /// Nothing.
    Empty,
}

impl Answer {
    /// Something as JSON.
    pub(super) fn json<T: Serialize>(value: &T) -> Result<Self, RegistryError> {
        serde_json::to_vec(value).map(Self::Json).map_err(RegistryError::store)
    }
}

/// What an endpoint gives, or the error.
pub(super) type Outcome = Result<Answer, RegistryError>;

/// Confluent's REST API over a registry.
pub fn router(registry: Arc<Registry>) -> Router {
    Router::new().fallback(front).with_state(registry)
}

async fn front(State(registry): State<Arc<Registry>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let type_ = media::negotiated(&head.headers);
    let given = type_.unwrap_or_default();
    let mut asked = match placed(&head) {
        Ok(asked) => asked,
        Err(error) => return failed(&error, given),
    };
    let methods = methods_of(&asked.path);
    if methods.is_empty() {
        return failed(&unknown(&asked), given);
    }
    if asked.method == Method::OPTIONS {
        return allowing(&methods, StatusCode::OK, Body::empty());
    }
    if !methods.contains(&asked.method) {
        let error = RegistryError::framework(StatusCode::METHOD_NOT_ALLOWED);
        let mut response = failed(&error, given);
        response.headers_mut().extend(allow(&methods));
        return response;
    }
    let takes_body = matches!(asked.method, Method::POST | Method::PUT);
    if takes_body && !media::is_taken(&head.headers) {
        return failed(&RegistryError::framework(StatusCode::UNSUPPORTED_MEDIA_TYPE), given);
    }
    let Some(type_) = type_ else {
        return failed(&RegistryError::framework(StatusCode::NOT_ACCEPTABLE), "");
    };
    asked.place_aliases(&registry.shared);
    if let Err(error) = rights::check(&asked) {
        return failed(&error, type_);
    }
    let outcome = match read(body).await {
        Ok(body) => match dispatch(&registry, &asked, &body).await {
            Err(error) if error.is_miss() && only_looks(&asked) => {
                again(&registry, &head, &body).await
            }
            outcome => outcome,
        },
        Err(error) => Err(error),
    };
    match outcome {
        Ok(Answer::Json(json)) => respond(StatusCode::OK, type_, json.into()),
        Ok(Answer::Text(text)) => respond(StatusCode::OK, type_, text.into()),
        Ok(Answer::Empty) => respond(StatusCode::NO_CONTENT, "", Body::empty()),
        Err(error) => failed(&error, type_),
    }
}

/// What is asked, with its context in place.
fn placed(head: &Parts) -> Result<Asked, RegistryError> {
    let mut asked = Asked::from_head(head);
    asked.place_context()?;
    if asked.method == Method::HEAD {
        asked.method = Method::GET;
    }
    Ok(asked)
}

/// Whether a request is answered from memory as it is, and not as writes are, which catch up first.
fn only_looks(asked: &Asked) -> bool {
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    match asked.method {
        Method::GET => true,
        Method::POST => !matches!(path[..], ["subjects", _, "versions"]),
        _ => false,
    }
}

/// Answers once more when all is known that is in the topic: also an alias may be new.
async fn again(registry: &Registry, head: &Parts, body: &[u8]) -> Outcome {
    registry.catch_up_on_a_miss().await;
    let mut asked = placed(head)?;
    asked.place_aliases(&registry.shared);
    rights::check(&asked)?;
    dispatch(registry, &asked, body).await
}

/// Reads a body, up to a limit.
pub(super) async fn read(body: Body) -> Result<Bytes, RegistryError> {
    let read = Limited::new(body, BODY_BYTES_MAX).collect().await;
    read.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            let message = format!("the body is larger than the {BODY_BYTES_MAX} bytes taken");
            RegistryError::new(413, message)
        } else {
            RegistryError::new(400, format!("the body broke off: {error}"))
        }
    })
}

fn respond(status: StatusCode, type_: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Ok(type_) = HeaderValue::from_str(type_)
        && !type_.is_empty()
    {
        response.headers_mut().insert(header::CONTENT_TYPE, type_);
    }
    response
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error_code: u32,
    message: &'a str,
}

/// An error as an answer.
pub(super) fn failed(error: &RegistryError, type_: &str) -> Response {
    if error.status() == 500 {
        tracing::error!(%error, "a request to the schema registry failed");
    }
    let body = ErrorBody { error_code: error.code, message: &error.message };
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let status = StatusCode::from_u16(error.status());
    respond(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), type_, body.into())
}

fn allow(methods: &[Method]) -> HeaderMap {
    let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    names.push("OPTIONS");
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&names.join(",")) {
        headers.insert(header::ALLOW, value);
    }
    headers
}

fn allowing(methods: &[Method], status: StatusCode, body: Body) -> Response {
    let mut response = respond(status, "", body);
    response.headers_mut().extend(allow(methods));
    response
}

/// A path that is none of ours.
fn unknown(asked: &Asked) -> RegistryError {
    match asked.path.first().map(String::as_str) {
        Some("exporters") => RegistryError::new(
            404,
            "HTTP 404 Not Found: this registry has no exporters (schema linking); copy it with \
             `gantry schema import` instead",
        ),
        Some("dek-registry") => {
            RegistryError::new(404, "HTTP 404 Not Found: this registry keeps no encryption keys")
        }
        _ => not_there(),
    }
}

/// The methods of a path; none if it is not there.
fn methods_of(path: &[String]) -> Vec<Method> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path[..] {
        [] => vec![Method::GET, Method::POST],
        ["subjects", _] => vec![Method::POST, Method::DELETE],
        ["subjects", _, "versions"] => vec![Method::GET, Method::POST],
        ["subjects", _, "versions", _] => vec![Method::GET, Method::DELETE],
        ["subjects", _, "versions", _, "tags"]
        | ["compatibility", "subjects", _, "versions"]
        | ["compatibility", "subjects", _, "versions", _] => vec![Method::POST],
        ["config" | "mode"] | ["config" | "mode", _] => {
            vec![Method::GET, Method::PUT, Method::DELETE]
        }
        ["contexts", _] => vec![Method::DELETE],
        ["associations"] => vec![Method::POST],
        ["associations", "resources", _] => vec![Method::GET, Method::PUT, Method::DELETE],
        ["subjects" | "schemas" | "contexts"]
        | ["subjects", _, "metadata"]
        | ["subjects", _, "versions", _, "schema" | "referencedby"]
        | ["associations", "subjects", _]
        | ["associations", "resources", _, _]
        | ["schemas", "types"]
        | ["schemas", "ids", _]
        | ["schemas", "ids", _, "schema" | "subjects" | "versions"]
        | ["schemas", "guids", _]
        | ["schemas", "guids", _, "ids"]
        | ["v1", "metadata", "id" | "version" | "deployment"] => vec![Method::GET],
        _ => Vec::new(),
    }
}

async fn dispatch(registry: &Registry, asked: &Asked, body: &[u8]) -> Outcome {
    let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
    let method = asked.method.as_str();
    match (method, &path[..]) {
        (_, []) => Answer::json(&serde_json::json!({})),
        ("GET", ["subjects"]) => subjects::list(registry, asked),
        ("POST", ["subjects", subject]) => subjects::look_up(registry, asked, subject, body),
        ("DELETE", ["subjects", subject]) => subjects::delete(registry, asked, subject).await,
        ("GET", ["subjects", subject, "metadata"]) => {
            subjects::with_metadata(registry, asked, subject)
        }
        ("GET", ["subjects", subject, "versions"]) => versions::list(registry, asked, subject),
        ("POST", ["subjects", subject, "versions"]) => {
            versions::register(registry, asked, subject, body).await
        }
        ("GET", ["subjects", subject, "versions", version]) => {
            versions::get(registry, asked, subject, version)
        }
        ("DELETE", ["subjects", subject, "versions", version]) => {
            versions::delete(registry, asked, subject, version).await
        }
        ("GET", ["subjects", subject, "versions", version, "schema"]) => {
            versions::text(registry, asked, subject, version)
        }
        ("GET", ["subjects", subject, "versions", version, "referencedby"]) => {
            versions::referenced_by(registry, asked, subject, version)
        }
        ("POST", ["subjects", subject, "versions", version, "tags"]) => {
            versions::tag(registry, asked, (subject, version), body).await
        }
        ("POST", ["compatibility", "subjects", subject, "versions", rest @ ..]) => {
            compatibility::check(registry, asked, (subject, rest.first().copied()), body).await
        }
        ("GET", ["schemas", rest @ ..]) => schemas::get(registry, asked, rest),
        (_, ["config", rest @ ..]) => {
            rules::config(registry, asked, rest.first().copied(), body).await
        }
        (_, ["mode", rest @ ..]) => rules::mode(registry, asked, rest.first().copied(), body).await,
        ("GET", ["contexts"]) => about::contexts(registry, asked),
        ("DELETE", ["contexts", context]) => about::delete_context(registry, context).await,
        (_, ["associations", rest @ ..]) => about::associations(asked, rest),
        ("GET", ["v1", "metadata", what]) => about::metadata(registry, what),
        _ => Err(not_there()),
    }
}
