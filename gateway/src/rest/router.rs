//! The table of endpoints, and what happens before and after each.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};
use tower::ServiceExt;

use super::auth::BasicAuth;
use super::error::{ApiError, bad_media_type, bad_path, unauthorized};
use super::exchange::negotiate;
use super::media_type::{Page, instead_of_text, is_malformed, page};
use super::path::{Path, UNREADABLE, clean};
use super::state::AppState;
use super::{
    connectors, lifecycle, loggers, offsets, plugins, preview, topic_records, topics, worker,
};
use crate::worker_config::{Admin, Cors, HeaderRules, RestSettings};

/// The endpoint whose answer is no JSON.
const METRICS: &str = "/metrics";

/// What happens around the endpoints of a listener.
#[derive(Debug, Default)]
pub(crate) struct Edge {
    /// Headers of every answer.
    pub(crate) headers: HeaderRules,
    /// What pages of other sites may do, if anything.
    pub(crate) cors: Option<Cors>,
    /// Who may use the endpoints, if not everybody.
    pub(crate) auth: Option<Arc<BasicAuth>>,
    /// Whether the admin endpoints are here, too.
    pub(crate) has_admin: bool,
}

impl Edge {
    /// What a worker's listeners have around them. The error names key and remedy.
    pub(crate) fn open(settings: &mut RestSettings) -> Result<Self, String> {
        let auth = settings.auth.as_ref().map(BasicAuth::open).transpose()?;
        Ok(Self {
            headers: std::mem::take(&mut settings.headers),
            cors: settings.cors.take(),
            auth: auth.map(Arc::new),
            has_admin: matches!(settings.admin, Admin::WithOthers),
        })
    }
}

type Endpoints = Vec<(&'static str, MethodRouter<Arc<AppState>>)>;

fn admin_endpoints() -> Endpoints {
    vec![
        ("/admin/loggers", get(loggers::list)),
        ("/admin/loggers/{logger}", get(loggers::get).put(loggers::set)),
    ]
}

fn endpoints() -> Endpoints {
    vec![
        ("/", get(worker::root)),
        ("/health", get(worker::health)),
        (METRICS, get(worker::metrics)),
        ("/connectors", get(connectors::list).post(connectors::create)),
        ("/connectors/{name}", get(connectors::info).delete(connectors::delete)),
        (
            "/connectors/{name}/config",
            get(connectors::config).put(connectors::put_config).patch(connectors::patch_config),
        ),
        ("/connectors/{name}/status", get(connectors::status)),
        ("/connectors/{name}/tasks", get(connectors::tasks).post(lifecycle::take_task_configs)),
        ("/connectors/{name}/fence", put(lifecycle::fence)),
        ("/connectors/{name}/tasks/{task}/status", get(connectors::task_status)),
        ("/connectors/{name}/tasks/{task}/restart", post(lifecycle::restart_task)),
        ("/connectors/{name}/pause", put(lifecycle::pause)),
        ("/connectors/{name}/resume", put(lifecycle::resume)),
        ("/connectors/{name}/stop", put(lifecycle::stop)),
        ("/connectors/{name}/restart", post(lifecycle::restart)),
        ("/connectors/{name}/topics", get(lifecycle::active_topics)),
        ("/connectors/{name}/topics/reset", put(lifecycle::reset_active_topics)),
        (
            "/connectors/{name}/offsets",
            get(offsets::get).patch(offsets::alter).delete(offsets::reset),
        ),
        ("/connector-plugins", get(plugins::list)),
        ("/connector-plugins/{name}/config", get(plugins::config)),
        ("/connector-plugins/{name}/config/validate", put(plugins::validate)),
        ("/connector-plugins/{name}/preview", post(preview::preview)),
        ("/gantry", get(worker::about)),
        ("/gantry/plugins/reload", post(plugins::reload)),
        ("/gantry/topics", get(topics::list).post(topics::create)),
        ("/gantry/topics/{name}", get(topics::describe).delete(topics::delete)),
        ("/gantry/topics/{name}/records", get(topic_records::read).post(topic_records::write)),
    ]
}

/// Whether a request only looks into the herder's memory.
pub(crate) fn is_quick<B>(request: &axum::http::Request<B>) -> bool {
    request.method() == Method::GET && request.uri().path().starts_with("/connectors")
}

/// The REST API of a listener.
pub(crate) fn router(state: &Arc<AppState>, edge: &Arc<Edge>) -> Router {
    let mut all = endpoints();
    if edge.has_admin {
        all.extend(admin_endpoints());
    }
    serving(all, state, edge)
}

/// The admin endpoints alone, with nothing around them.
pub(crate) fn admin_router(state: &Arc<AppState>) -> Router {
    serving(admin_endpoints(), state, &Arc::default())
}

fn serving(endpoints: Endpoints, state: &Arc<AppState>, edge: &Arc<Edge>) -> Router {
    let mut router = Router::new();
    for (path, methods) in endpoints {
        // Here, so that no endpoint can be left out.
        let methods = match &edge.auth {
            Some(auth) => {
                methods.route_layer(middleware::from_fn_with_state(Arc::clone(auth), guard))
            }
            None => methods,
        };
        router = router.route(path, methods);
    }
    let endpoints = router
        .fallback(|| async { ApiError::framework(StatusCode::NOT_FOUND) })
        .with_state(Arc::clone(state));
    Router::new().fallback(front).with_state(Front { edge: Arc::clone(edge), endpoints })
}

/// Lets in who may use an endpoint. As in Kafka Connect what no endpoint would take is told
/// before.
async fn guard(State(auth): State<Arc<BasicAuth>>, request: Request, next: Next) -> Response {
    if auth.allows(request.headers()) {
        return next.run(request).await;
    }
    if request.uri().path() != METRICS
        && let Err(error) = negotiate(request.headers())
    {
        return error.into_response();
    }
    unauthorized("application/json")
}

#[derive(Clone)]
struct Front {
    edge: Arc<Edge>,
    endpoints: Router,
}

/// Refuses what no endpoint can read, cleans the path, answers OPTIONS, words the 405, adds what the
/// edge adds.
async fn front(State(front): State<Front>, mut request: Request) -> Response {
    let edge = &front.edge;
    let method = request.method().clone();
    let of_browsers = matches!(method, Method::GET | Method::POST | Method::HEAD);
    let path = match clean(request.uri().path()) {
        // What is no path reaches neither the endpoints nor what is around them.
        Path::Bad(reason) => return bad_path(reason, of_browsers || reason == UNREADABLE),
        Path::Clean(path) => path,
    };
    if is_malformed(request.headers()) && front.has_endpoint(&path).await {
        let form = if of_browsers { page(request.headers()) } else { Page::Empty };
        return bad_media_type(form, &url(&request));
    }
    let instead_of_text = instead_of_text(request.headers());
    let grant = edge.cors.as_ref().map(|cors| cors.grant(&method, request.headers()));
    if path != request.uri().path() {
        replace_path(&mut request, &path);
    }
    let may_ask = method != Method::OPTIONS || may_ask(edge, request.headers());
    // A Router never fails.
    let answered = match front.endpoints.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let mut response = match answered.status() {
        StatusCode::METHOD_NOT_ALLOWED if !may_ask => unauthorized("text/plain"),
        StatusCode::METHOD_NOT_ALLOWED => {
            not_allowed(&method, &answered, instead_of_text.as_deref())
        }
        _ => answered,
    };
    if let (Some(cors), Some(grant)) = (&edge.cors, grant) {
        cors.apply(grant, response.headers_mut());
    }
    edge.headers.apply(response.headers_mut());
    response
}

impl Front {
    /// Whether there is an endpoint under a path, whatever its methods.
    async fn has_endpoint(&self, path: &str) -> bool {
        // No endpoint has this method: the router answers 405 or 404.
        let probe = Request::builder().method(Method::OPTIONS).uri(path);
        let Ok(probe) = probe.body(Body::empty()) else { return false };
        match self.endpoints.clone().oneshot(probe).await {
            Ok(answer) => answer.status() == StatusCode::METHOD_NOT_ALLOWED,
            Err(never) => match never {},
        }
    }
}

/// Where a request went, as far as it tells.
fn url(request: &Request) -> String {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    format!("http://{}{}", host.unwrap_or_default(), request.uri().path())
}

fn may_ask(edge: &Edge, headers: &HeaderMap) -> bool {
    edge.auth.as_ref().is_none_or(|auth| auth.allows(headers))
}

/// Puts another path in a request; the query stays.
pub(crate) fn replace_path(request: &mut Request, path: &str) {
    let with_query = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if let Ok(path_and_query) = with_query.parse::<PathAndQuery>() {
        *request.uri_mut() = Uri::from(path_and_query);
    }
}

/// The router names the methods of a path in `Allow`: that is also the answer to OPTIONS, as text or,
/// where no text is taken, as nothing of the type that is.
fn not_allowed(method: &Method, from_router: &Response, instead_of_text: Option<&str>) -> Response {
    let allow = from_router.headers().get(header::ALLOW).and_then(|value| value.to_str().ok());
    let allow = format!("{},OPTIONS", allow.unwrap_or_default());
    let mut response = if method == Method::OPTIONS {
        let body = if instead_of_text.is_none() { allow.replace(',', ", ") } else { String::new() };
        let mut response = body.into_response();
        if let Ok(type_) = HeaderValue::from_str(instead_of_text.unwrap_or("text/plain")) {
            response.headers_mut().insert(header::CONTENT_TYPE, type_);
        }
        response
    } else {
        ApiError::framework(StatusCode::METHOD_NOT_ALLOWED).into_response()
    };
    if let Ok(allow) = HeaderValue::from_str(&allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
