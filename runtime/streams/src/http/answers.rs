//! What is answered.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::builder::Topology;
use crate::error::DataError;
use crate::query::{ENTRIES_MAX, Entry, QueryError, Question, StoreInfo, Stored};
use crate::runtime::{Asker, Instance, TaskStatus};

/// After so many seconds a client may ask again what could not be answered yet.
const RETRY_SECONDS: &str = "1";

/// An answer that is not what was asked for.
struct Refusal {
    status: StatusCode,
    message: String,
    /// Where to ask instead.
    location: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), location: None }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Why there is no answer to a question, which had this address.
    fn of(error: &QueryError, uri: &Uri) -> Self {
        let message = error.to_string();
        match error {
            QueryError::UnknownStore { .. } => Self::new(StatusCode::NOT_FOUND, message),
            QueryError::Unfit { .. } | QueryError::TooMuch { .. } => Self::bad(message),
            QueryError::NotReady { .. } => Self::new(StatusCode::SERVICE_UNAVAILABLE, message),
            QueryError::Failed(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, message),
            QueryError::NotHere { owner, .. } => {
                let address = owner.as_ref().and_then(|owner| owner.address.as_deref());
                let Some(address) = address else {
                    return Self::new(StatusCode::NOT_FOUND, message);
                };
                let asked = uri.path_and_query().map_or("/", |asked| asked.as_str());
                let location = Some(format!("http://{address}{asked}"));
                Self { status: StatusCode::TEMPORARY_REDIRECT, message, location }
            }
        }
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad(rejection.body_text())
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::bad(rejection.body_text())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error_code": self.status.as_u16(), "message": self.message });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(location) = self.location.and_then(|at| HeaderValue::try_from(at).ok()) {
            headers.insert(header::LOCATION, location);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
        }
        response
    }
}

type Shared = State<Arc<Asker>>;
type Name = Result<Path<String>, PathRejection>;
type Asked<T> = Result<Query<T>, QueryRejection>;

/// All that is answered.
pub(super) fn router(asker: Arc<Asker>) -> Router {
    let unknown = |uri: Uri| async move {
        let message = format!(
            "there is nothing at {}: there are /, /topology, /metrics, /stores, and of each store get, range and windows",
            uri.path()
        );
        Refusal::new(StatusCode::NOT_FOUND, message)
    };
    let no_method = || async {
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "a job can only be asked: take GET")
    };
    Router::new()
        .route("/", get(status))
        .route("/topology", get(topology))
        .route("/metrics", get(prometheus))
        .route("/stores", get(stores))
        .route("/stores/{name}/get", get(value))
        .route("/stores/{name}/range", get(range))
        .route("/stores/{name}/windows", get(windows))
        .fallback(unknown)
        .method_not_allowed_fallback(no_method)
        .with_state(asker)
}

#[derive(Serialize)]
struct Status {
    job: String,
    failure: Option<String>,
    instances: Vec<Instance>,
    tasks: Vec<TaskStatus>,
}

async fn status(State(asker): Shared) -> Json<Status> {
    Json(Status {
        job: asker.job().plan.job.to_string(),
        failure: asker.job().shared.failure().map(|failure| failure.to_string()),
        instances: asker.instances(),
        tasks: asker.job().tasks(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    format: Option<String>,
}

async fn topology(State(asker): Shared, form: Asked<Form>) -> Result<String, Refusal> {
    let plan = &asker.job().plan;
    let topology = Topology { job: plan.job.clone(), graph: plan.graph.clone() };
    match form?.0.format.as_deref() {
        None | Some("text") => Ok(topology.describe()),
        Some("dot") => Ok(topology.graphviz()),
        Some("mermaid") => Ok(topology.mermaid()),
        Some(other) => Err(Refusal::bad(format!("format={other}: must be text, dot or mermaid"))),
    }
}

async fn prometheus(State(asker): Shared) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], asker.job().prometheus())
}

async fn stores(State(asker): Shared) -> Json<Vec<StoreInfo>> {
    Json(asker.stores())
}

/// A question to one store.
struct ToStore {
    asker: Arc<Asker>,
    store: String,
    uri: Uri,
}

impl ToStore {
    fn stored(&self) -> Result<&Stored, Refusal> {
        self.asker.stored(&self.store).map_err(|error| Refusal::of(&error, &self.uri))
    }

    /// A key as the store has it.
    fn key(&self, name: &str, text: &str) -> Result<Vec<u8>, Refusal> {
        let types = &self.stored()?.types;
        (types.key_from_text)(text).map_err(|error| {
            Refusal::bad(format!(
                "{name}={text}: store {} has no such keys, they are {}: {error}",
                self.store, types.key.1
            ))
        })
    }

    async fn ask(&self, question: Question, limit: Option<usize>) -> Result<Vec<Entry>, Refusal> {
        let limit = limit.unwrap_or(ENTRIES_MAX);
        if !(1..=ENTRIES_MAX).contains(&limit) {
            return Err(Refusal::bad(format!("limit={limit}: must be from 1 to {ENTRIES_MAX}")));
        }
        let asked = self.asker.ask(&self.store, question, limit).await;
        asked.map_err(|error| Refusal::of(&error, &self.uri))
    }

    /// An entry as JSON.
    fn json(&self, entry: &Entry) -> Result<Value, Refusal> {
        let types = &self.stored()?.types;
        let unreadable = |DataError(reason): DataError| {
            let message = format!("store {}: what it has cannot be read: {reason}", self.store);
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message)
        };
        let key = (types.key_json)(&entry.key).map_err(unreadable)?;
        let value = (types.value_json)(&entry.value).map_err(unreadable)?;
        Ok(match entry.window {
            None => json!({ "key": key, "value": value }),
            Some(window) => {
                let (start, end) = (window.start_ms, window.end_ms);
                json!({ "key": key, "start_ms": start, "end_ms": end, "value": value })
            }
        })
    }

    /// Entries, and of which queues they are.
    fn answer(&self, entries: &[Entry]) -> Result<Json<Value>, Refusal> {
        let entries =
            entries.iter().map(|entry| self.json(entry)).collect::<Result<Vec<_>, _>>()?;
        let info = self.asker.stores().into_iter().find(|store| store.name == self.store);
        let (here, elsewhere) =
            info.map(|info| (info.queues, info.queues_elsewhere)).unwrap_or_default();
        let answer = json!({ "entries": entries, "queues": here, "queues_elsewhere": elsewhere });
        Ok(Json(answer))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfKey {
    key: String,
}

async fn value(
    State(asker): Shared,
    store: Name,
    asked: Asked<OfKey>,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let to = ToStore { asker, store: store?.0, uri };
    let OfKey { key } = asked?.0;
    let found = to.ask(Question::Get(to.key("key", &key)?), Some(1)).await?;
    match found.first() {
        Some(entry) => Ok(Json(to.json(entry)?)),
        None => {
            let message = format!("store {} has no key {key}", to.store);
            Err(Refusal::new(StatusCode::NOT_FOUND, message))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRange {
    from: Option<String>,
    to: Option<String>,
    limit: Option<usize>,
}

async fn range(
    State(asker): Shared,
    store: Name,
    asked: Asked<OfRange>,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let store = ToStore { asker, store: store?.0, uri };
    let OfRange { from, to, limit } = asked?.0;
    let from = from.map(|from| store.key("from", &from)).transpose()?;
    let to = to.map(|to| store.key("to", &to)).transpose()?;
    let found = store.ask(Question::Range { from, to }, limit).await?;
    store.answer(&found)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfWindows {
    key: Option<String>,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
    limit: Option<usize>,
}

async fn windows(
    State(asker): Shared,
    store: Name,
    asked: Asked<OfWindows>,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let to = ToStore { asker, store: store?.0, uri };
    let OfWindows { key, from_ms, to_ms, limit } = asked?.0;
    let starts = from_ms.unwrap_or(i64::MIN)..=to_ms.unwrap_or(i64::MAX);
    let question = match key {
        Some(key) => Question::Fetch { key: to.key("key", &key)?, starts },
        None => Question::Windows { starts },
    };
    let found = to.ask(question, limit).await?;
    to.answer(&found)
}
