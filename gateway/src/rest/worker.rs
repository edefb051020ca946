//! The worker itself: `/`, `/health`, `/metrics`, `/gantry`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error::ApiError;
use super::exchange::{Api, json, ok};
use super::state::AppState;
use crate::identity::VERSION;
use crate::metrics::CONTENT_TYPE;

#[derive(Serialize)]
struct Root<'a> {
    version: &'a str,
    commit: &'a str,
    kafka_cluster_id: &'a str,
}

#[derive(Serialize)]
struct Health<'a> {
    status: &'a str,
    message: &'a str,
}

/// `GET /`
pub(super) async fn root(Api(state): Api) -> Result<Response, ApiError> {
    let identity = &state.identity;
    ok(&Root {
        version: identity.version,
        commit: identity.commit,
        kafka_cluster_id: &identity.cluster_id,
    })
}

#[derive(Serialize)]
struct About<'a> {
    version: &'a str,
    commit: &'a str,
    kafka_version: &'a str,
    /// `standalone` or `distributed`
    mode: &'a str,
    worker_id: &'a str,
}

/// `GET /gantry`: which Gantry this is, where `/` says which Kafka Connect it behaves like.
pub(super) async fn about(Api(state): Api) -> Result<Response, ApiError> {
    let worker = state.herder.worker_config();
    ok(&About {
        version: VERSION,
        commit: state.identity.commit,
        kafka_version: state.identity.version,
        mode: if worker.config_storage_topic.is_some() { "distributed" } else { "standalone" },
        worker_id: &worker.worker_id,
    })
}

/// `GET /health`
pub(super) async fn health(Api(state): Api) -> Result<Response, ApiError> {
    if let Some(reason) = state.herder.waiting_for() {
        let message = format!("Worker is still starting up, or has lost its cluster: {reason}");
        return json(
            StatusCode::SERVICE_UNAVAILABLE,
            &Health { status: "starting", message: &message },
        );
    }
    ok(&Health {
        status: "healthy",
        message: "Worker has completed startup and is ready to handle requests.",
    })
}

/// `GET /metrics`
pub(super) async fn metrics(State(state): State<Arc<AppState>>) -> Result<Response, ApiError> {
    let text = state
        .metrics
        .encode()
        .map_err(|error| ApiError::internal(format!("metrics cannot be written: {error}")))?;
    let mut response = text.into_response();
    let type_ = HeaderValue::from_static(CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, type_);
    Ok(response)
}
