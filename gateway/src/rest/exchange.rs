//! What endpoints take and give: negotiated requests, bounded bodies, JSON.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use gantry_engine::HerderError;
use serde::Serialize;

use super::error::ApiError;
use super::media_type::{accepts_json, brings_json, is_json};
use super::state::{AppState, BodyTimes};

/// How long a client waits for a change, as in Kafka Connect.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(90);

/// A larger body is not a configuration.
pub(crate) const BODY_BYTES_MAX: usize = 8 << 20;

/// A request that accepts JSON and brings, if anything, JSON; with the state to answer it.
pub(crate) struct Api(pub(crate) Arc<AppState>);

impl FromRequestParts<Arc<AppState>> for Api {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<AppState>,
    ) -> Result<Self, ApiError> {
        negotiate(&parts.headers)?;
        // What it has not read yet would look like connectors that are not there.
        if parts.uri.path().starts_with("/connectors")
            && let Some(reason) = state.herder.starting()
        {
            return Err(ApiError::starting(&reason));
        }
        Ok(Self(Arc::clone(state)))
    }
}

/// Whether a request brings, if anything, JSON and accepts JSON.
pub(super) fn negotiate(headers: &HeaderMap) -> Result<(), ApiError> {
    if !brings_json(headers) {
        return Err(ApiError::framework(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    if !accepts_json(headers) {
        return Err(ApiError::framework(StatusCode::NOT_ACCEPTABLE));
    }
    Ok(())
}

/// The body of a request.
pub(crate) struct Payload(pub(crate) Bytes);

impl FromRequest<Arc<AppState>> for Payload {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Arc<AppState>) -> Result<Self, ApiError> {
        let has_type = request.headers().contains_key(header::CONTENT_TYPE);
        let is_json = is_json(request.headers());
        let body = read_body(request.into_body(), state.body_times).await?;
        if !is_json && (has_type || !body.is_empty()) {
            return Err(ApiError::body_without_type());
        }
        Ok(Self(body))
    }
}

/// A body of bounded size that has come in bounded time.
pub(crate) async fn read_body(body: Body, times: BodyTimes) -> Result<Bytes, ApiError> {
    read_body_of(body, BODY_BYTES_MAX, times).await
}

/// The same of at most `limit` bytes.
pub(crate) async fn read_body_of(
    body: Body,
    limit: usize,
    times: BodyTimes,
) -> Result<Bytes, ApiError> {
    let within = times.whole;
    match tokio::time::timeout(within, to_bytes(body, limit)).await {
        Ok(bytes) => bytes.map_err(|_| ApiError::too_large(limit)),
        Err(_) => Err(ApiError::too_slow(format!(
            "the body was not there after {within:?}; send it without pauses"
        ))),
    }
}

/// Makes a change to its end: one that stopped half-way because its client hung up would leave
/// a connector in pieces. A change that takes too long goes on without its client.
pub(crate) async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, HerderError>> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::time::timeout(CHANGE_TIMEOUT, tokio::spawn(change)).await {
        Ok(Ok(outcome)) => Ok(outcome?),
        Ok(Err(broken)) => Err(ApiError::internal(format!("the change broke off: {broken}"))),
        Err(_) => Err(ApiError::internal(format!(
            "Request timed out: the change is not done after {} s and goes on",
            CHANGE_TIMEOUT.as_secs()
        ))),
    }
}

/// An answer of JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, ApiError> {
    let text = serde_json::to_vec(value)
        .map_err(|error| ApiError::internal(format!("the answer cannot be written: {error}")))?;
    let mut response = (status, Body::from(text)).into_response();
    let type_ = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, type_);
    Ok(response)
}

/// 200 with JSON.
pub(crate) fn ok(value: &impl Serialize) -> Result<Response, ApiError> {
    json(StatusCode::OK, value)
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Result<Response, ApiError> {
    Ok(status.into_response())
}

/// A parameter of the query as Java reads a boolean: `true` in any case of letters, all else
/// is false; `default` if it is not there.
pub(crate) fn flag(query: &[(String, String)], name: &str, default: bool) -> bool {
    match query.iter().find(|(key, _)| key == name) {
        Some((_, value)) => value.eq_ignore_ascii_case("true"),
        None => default,
    }
}
