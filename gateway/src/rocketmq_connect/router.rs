//! The table of endpoints of RocketMQ Connect's REST API: those of its server, and those that its
//! command line asks for and its server has no more.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::Uri;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower::ServiceExt;

use super::answer::Failure;
use super::{changes, cluster, connectors, old_forms, plugins};
use crate::rest::{AppState, Edge, Path, clean, replace_path};

/// The whole API. `edge` says who may use it, as for Kafka Connect's: this is no side door.
pub(crate) fn router(state: &Arc<AppState>, edge: &Arc<Edge>) -> Router {
    let endpoints = Router::new()
        .route("/getClusterInfo", get(cluster::workers))
        .route("/allocated/connectors", get(cluster::allocated_connectors))
        .route("/allocated/tasks", get(cluster::allocated_tasks))
        .route("/connectors/{name}", get(changes::get_named).head(no_head).post(changes::create))
        .route("/connectors/{name}/config", get(connectors::config))
        .route("/connectors/{name}/status", get(connectors::status))
        .route("/connectors/{name}/tasks", get(connectors::tasks))
        .route("/connectors/{name}/tasks/{task}/status", get(connectors::task_status))
        .route("/connectors/{name}/stop", get(changes::delete).head(no_head))
        .route("/connectors/{name}/pause", get(changes::pause).head(no_head))
        .route("/connectors/{name}/resume", get(changes::resume).head(no_head))
        .route("/connectors/stop/all", get(changes::delete_all).head(no_head))
        .route("/connectors/pause/all", get(changes::pause_all).head(no_head))
        .route("/connectors/resume/all", get(changes::resume_all).head(no_head))
        .route("/plugin/reload", get(plugins::reload))
        .route("/plugin/list", get(plugins::list))
        .route("/plugin/list/connectors", get(plugins::list_connectors))
        .route("/plugin/config", get(plugins::keys))
        .route("/plugin/config/validate", get(plugins::validate_query).post(plugins::validate))
        // What its command line, connectAdmin, still asks for.
        .route("/getConfigInfo", get(cluster::configs))
        .route("/getAllocatedInfo", get(cluster::allocated))
        .route("/getAllocatedConnectors", get(old_forms::allocated_connectors))
        .route("/getAllocatedTasks", get(old_forms::allocated_tasks))
        .fallback(|| async { not_found() })
        .with_state(Arc::clone(state));
    Router::new().fallback(front).with_state(Front { edge: Arc::clone(edge), endpoints })
}

#[derive(Clone)]
struct Front {
    edge: Arc<Edge>,
    endpoints: Router,
}

/// RocketMQ Connect's words for a path that is not there.
fn not_found() -> Failure {
    Failure::not_found("Not found")
}

/// Where a GET changes something, a HEAD must not.
async fn no_head() -> Response {
    ([(header::ALLOW, "GET")], Failure::method_not_allowed()).into_response()
}

/// Whether a page of some site sent the request: browsers say so. A GET changes connectors here, and
/// any page can make a browser send one.
fn is_of_a_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    headers.contains_key(header::ORIGIN)
        || site.is_some_and(|site| site != "none" && site != "same-origin")
}

/// Asks who it is and from where, cleans the path, words the 405, adds the configured headers.
async fn front(State(front): State<Front>, mut request: Request) -> Response {
    let allowed = front.edge.auth.as_ref().is_none_or(|auth| auth.allows(request.headers()));
    let mut response = match clean(request.uri().path()) {
        _ if is_of_a_page(request.headers()) => Failure::forbidden(
            "this port answers no web pages: they could change connectors by a link. Ask it \
             without the headers Origin and Sec-Fetch-Site, or ask Kafka Connect's REST API",
        )
        .into_response(),
        _ if !allowed => Failure::unauthorized().into_response(),
        Path::Bad(reason) => Failure::bad_request(reason).into_response(),
        Path::Clean(path) => {
            if path != request.uri().path() {
                replace_path(&mut request, &path);
            }
            match front.endpoints.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allow = response.headers().get(header::ALLOW).cloned();
        response = Failure::method_not_allowed().into_response();
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    front.edge.headers.apply(response.headers_mut());
    response
}

/// A parameter of the query; one that cannot be read is refused.
pub(super) fn parameter(uri: &Uri, name: &str) -> Result<Option<String>, Failure> {
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|error| Failure::bad_request(format!("the query is wrong: {error}")))?;
    Ok(query.0.into_iter().find(|(key, _)| key == name).map(|(_, value)| value))
}
