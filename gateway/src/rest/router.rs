//! The table of endpoints, and what happens before and after each.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use tower::ServiceExt;

use super::error::{ApiError, bad_path};
use super::path::{Path, clean};
use super::state::AppState;
use super::{connectors, lifecycle, offsets, plugins, preview, topic_records, topics, worker};

/// The whole REST API.
pub(crate) fn router(state: &Arc<AppState>) -> Router {
    let endpoints = Router::new()
        .route("/", get(worker::root))
        .route("/health", get(worker::health))
        .route("/metrics", get(worker::metrics))
        .route("/connectors", get(connectors::list).post(connectors::create))
        .route("/connectors/{name}", get(connectors::info).delete(connectors::delete))
        .route(
            "/connectors/{name}/config",
            get(connectors::config).put(connectors::put_config).patch(connectors::patch_config),
        )
        .route("/connectors/{name}/status", get(connectors::status))
        .route("/connectors/{name}/tasks", get(connectors::tasks))
        .route("/connectors/{name}/tasks/{task}/status", get(connectors::task_status))
        .route("/connectors/{name}/tasks/{task}/restart", post(lifecycle::restart_task))
        .route("/connectors/{name}/pause", put(lifecycle::pause))
        .route("/connectors/{name}/resume", put(lifecycle::resume))
        .route("/connectors/{name}/stop", put(lifecycle::stop))
        .route("/connectors/{name}/restart", post(lifecycle::restart))
        .route("/connectors/{name}/topics", get(lifecycle::active_topics))
        .route("/connectors/{name}/topics/reset", put(lifecycle::reset_active_topics))
        .route(
            "/connectors/{name}/offsets",
            get(offsets::get).patch(offsets::alter).delete(offsets::reset),
        )
        .route("/connector-plugins", get(plugins::list))
        .route("/connector-plugins/{name}/config", get(plugins::config))
        .route("/connector-plugins/{name}/config/validate", put(plugins::validate))
        .route("/connector-plugins/{name}/preview", post(preview::preview))
        .route("/gantry", get(worker::about))
        .route("/gantry/plugins/reload", post(plugins::reload))
        .route("/gantry/topics", get(topics::list).post(topics::create))
        .route("/gantry/topics/{name}", get(topics::describe).delete(topics::delete))
        .route("/gantry/topics/{name}/records", get(topic_records::read).post(topic_records::write))
        .fallback(|| async { ApiError::framework(StatusCode::NOT_FOUND) })
        .with_state(Arc::clone(state));
    Router::new().fallback(front).with_state(Front { state: Arc::clone(state), endpoints })
}

#[derive(Clone)]
struct Front {
    state: Arc<AppState>,
    endpoints: Router,
}

/// Cleans the path, answers OPTIONS, words the 405, adds the configured headers.
async fn front(State(front): State<Front>, mut request: Request) -> Response {
    let method = request.method().clone();
    let mut response = match clean(request.uri().path()) {
        Path::NotFound => ApiError::framework(StatusCode::NOT_FOUND).into_response(),
        Path::Bad(reason) => {
            bad_path(reason, matches!(method, Method::GET | Method::POST | Method::HEAD))
        }
        Path::Clean(path) => {
            if path != request.uri().path() {
                replace_path(&mut request, &path);
            }
            // A Router never fails.
            let answered = front.endpoints.oneshot(request).await;
            match answered {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = not_allowed(&method, &response);
    }
    front.state.headers.apply(response.headers_mut());
    response
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

/// The router names the methods of a path in `Allow`: that is also the answer to OPTIONS.
fn not_allowed(method: &Method, from_router: &Response) -> Response {
    let allow = from_router.headers().get(header::ALLOW).and_then(|value| value.to_str().ok());
    let allow = format!("{},OPTIONS", allow.unwrap_or_default());
    let mut response = if method == Method::OPTIONS {
        let text = HeaderValue::from_static("text/plain");
        let mut response = allow.clone().into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, text);
        response
    } else {
        ApiError::framework(StatusCode::METHOD_NOT_ALLOWED).into_response()
    };
    if let Ok(allow) = HeaderValue::from_str(&allow) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
