//! The registry as listeners serve it: what is around its two APIs, and how it is opened.
//!
//! A registry that nobody uses costs nothing: its topic is looked for in the background, and made
//! when somebody first asks for something.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gantry_log::FullLog;
use gantry_schema_registry::{
    BODY_BYTES_MAX, Registry, Settings as Opening, SubjectUsers, rocketmq_router, router,
};
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;
use tower::ServiceExt;

use super::access::{Access, Admission};
use crate::rest::{BodyTimes, Edge, Endpoint, Port, read_body_of};
use crate::worker_config::{Grant, RegistrySettings};

/// How long a request waits for the registry to know its topic.
const OPEN_LIMIT: Duration = Duration::from_secs(10);
/// A registry that cannot be opened is tried again so much later, and each time later, up to a bound.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// Paths of RocketMQ's API, whose errors have another form.
const ROCKETMQ: &str = "/schema-registry/";

/// A registry that listeners can serve. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Service {
    front: Front,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

/// How far a registry is.
#[derive(Clone, Debug)]
enum Stage {
    /// Nobody has asked for it, or it is being opened.
    Closed,
    /// It could not be opened yet, for this reason.
    Failed(String),
    /// Both of its APIs.
    Open(Router),
}

#[derive(Clone, Debug)]
struct Front {
    state: watch::Receiver<Stage>,
    wanted: Arc<Notify>,
    access: Option<Access>,
    edge: Arc<Edge>,
    times: BodyTimes,
}

impl Service {
    /// To be called on the threads that the registry shall run on.
    pub(crate) fn start(
        log: Arc<dyn FullLog>,
        settings: &RegistrySettings,
        cluster_id: String,
        access: Option<Access>,
        edge: Arc<Edge>,
        users: Option<Arc<dyn SubjectUsers>>,
    ) -> Self {
        let settings = Opening {
            topic: settings.topic.clone(),
            compatibility_level: settings.compatibility_level.clone(),
            mode_mutability: settings.mode_mutability,
            cluster_id,
            users,
            ..Opening::default()
        };
        let (sender, state) = watch::channel(Stage::Closed);
        let wanted = Arc::new(Notify::new());
        let file = access.as_ref().and_then(|access| access.file.clone());
        let opening = tokio::spawn(open(log, settings, Arc::clone(&wanted), sender));
        let tasks = std::iter::once(opening)
            .chain(file.map(|file| tokio::spawn(file.watch())))
            .map(AbortOnDropHandle::new);
        let front = Front { state, wanted, access, edge, times: BodyTimes::default() };
        Self { front, _tasks: tasks.collect() }
    }

    /// What answers at a port.
    pub(crate) fn at(&self, port: Port) -> Endpoint {
        port.serving(|_| self.router(), is_quick)
    }

    pub(super) fn router(&self) -> Router {
        Router::new().fallback(front).with_state(self.front.clone())
    }

    /// Waits until the registry is open, or could not be opened: the error is why.
    pub(crate) async fn opened(&self) -> Result<(), String> {
        self.front.wanted.notify_one();
        let mut state = self.front.state.clone();
        match state.wait_for(|state| !matches!(state, Stage::Closed)).await.as_deref() {
            Ok(Stage::Failed(why)) => Err(why.clone()),
            _ => Ok(()),
        }
    }
}

/// Whether a request only looks into the registry's memory, for something small.
fn is_quick(request: &axum::http::Request<hyper::body::Incoming>) -> bool {
    let uri = request.uri();
    let is_one = |path: &str| path.starts_with("/schemas/ids/") || path.starts_with("/subjects/");
    request.method() == Method::GET && uri.query().is_none() && is_one(uri.path())
}

/// Opens the registry when its topic is there, or when it is wanted; tries until it is open.
async fn open(
    log: Arc<dyn FullLog>,
    settings: Opening,
    wanted: Arc<Notify>,
    state: watch::Sender<Stage>,
) {
    let topic = settings.topic.clone();
    if !matches!(log.topic(&topic).await, Ok(Some(_))) {
        wanted.notified().await;
    }
    let mut pause = RETRY_FIRST;
    loop {
        match Registry::open(Arc::clone(&log), settings.clone()).await {
            Ok(registry) => {
                tracing::info!("the schema registry knows all of its topic {topic}");
                let own = rocketmq_router(Arc::clone(&registry));
                state.send_replace(Stage::Open(own.fallback_service(router(registry))));
                return;
            }
            Err(error) => {
                let why = format!("the topic {topic} cannot be used: {}", error.message);
                let is_new = !matches!(&*state.borrow(), Stage::Failed(known) if *known == why);
                if is_new {
                    tracing::warn!("the schema registry is not open yet: {why}");
                }
                state.send_replace(Stage::Failed(why));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_LONGEST);
    }
}

/// Whether a page of another site sent a request that may change something: browsers say so. Any page
/// can make a browser on this machine register a schema.
fn changes_from_a_page(request: &Request) -> bool {
    let is_other = |site: &HeaderValue| site == "cross-site" || site == "same-site";
    !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && request.headers().get("sec-fetch-site").is_some_and(is_other)
}

/// Says who may ask, reads the body within its limits, adds what the edge adds.
async fn front(State(front): State<Front>, request: Request) -> Response {
    let cors = front.edge.cors.as_ref();
    let grant = cors.map(|cors| cors.grant(request.method(), request.headers()));
    let is_granted = grant.as_ref().is_some_and(Grant::is_given);
    let mut response = if changes_from_a_page(&request) && !is_granted {
        let is_rocketmq = request.uri().path().starts_with(ROCKETMQ);
        let why = "a page of another site asks for a change; name the site in \
                   access.control.allow.origin if it may";
        refusal(is_rocketmq, StatusCode::FORBIDDEN, why)
    } else {
        front.answer(request).await
    };
    if let (Some(cors), Some(grant)) = (cors, grant) {
        cors.apply(grant, response.headers_mut());
    }
    front.edge.headers.apply(response.headers_mut());
    response
}

impl Front {
    async fn answer(&self, mut request: Request) -> Response {
        let is_rocketmq = request.uri().path().starts_with(ROCKETMQ);
        let refuse = |status, message: &str| refusal(is_rocketmq, status, message);
        // A browser that asks what a page may do sends no password.
        let is_asked = *request.method() != Method::OPTIONS || self.edge.cors.is_none();
        if let Some(access) = self.access.as_ref().filter(|_| is_asked) {
            match access.admit(request.headers()) {
                Admission::With(rights) => {
                    request.extensions_mut().insert(rights);
                }
                Admission::Refused => return refuse(StatusCode::FORBIDDEN, "Forbidden"),
                Admission::Unknown => {
                    let mut response = refuse(StatusCode::UNAUTHORIZED, "Unauthorized");
                    let asks = format!("Basic realm=\"{}\"", access.realm);
                    if let Ok(asks) = HeaderValue::from_str(&asks) {
                        response.headers_mut().insert(header::WWW_AUTHENTICATE, asks);
                    }
                    return response;
                }
            }
        }
        let (head, body) = request.into_parts();
        let body = match read_body_of(body, BODY_BYTES_MAX, self.times).await {
            Ok(body) => body,
            Err(error) => return refuse(error.status(), error.message()),
        };
        match self.registry().await {
            Ok(registry) => {
                let request = Request::from_parts(head, Body::from(body));
                match registry.oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            }
            Err(why) => refuse(StatusCode::SERVICE_UNAVAILABLE, &why),
        }
    }

    /// Both APIs, once the registry is open.
    async fn registry(&self) -> Result<Router, String> {
        if let Stage::Open(registry) = &*self.state.borrow() {
            return Ok(registry.clone());
        }
        self.wanted.notify_one();
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| !matches!(state, Stage::Closed));
        match tokio::time::timeout(OPEN_LIMIT, settled).await {
            Ok(Ok(state)) => match &*state {
                Stage::Open(registry) => Ok(registry.clone()),
                Stage::Failed(why) => Err(format!("The schema registry is not open yet: {why}")),
                Stage::Closed => Err("The schema registry is not open yet".to_owned()),
            },
            Ok(Err(_)) => Err("The schema registry stops".to_owned()),
            Err(_) => Err(format!(
                "The schema registry is still reading its topic after {} s; ask again",
                OPEN_LIMIT.as_secs()
            )),
        }
    }
}

/// An answer in the form of the API that was asked.
fn refusal(is_rocketmq: bool, status: StatusCode, message: &str) -> Response {
    let code = if is_rocketmq { "status" } else { "error_code" };
    let body = serde_json::json!({code: status.as_u16(), "message": message});
    (status, axum::Json(body)).into_response()
}
