//! RocketMQ Connect's envelope: `{"status", "body"}`, and `{"errorCode", "message"}` for what
//! failed. The HTTP status is the one in the envelope; RocketMQ Connect says 200 to everything.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gantry_engine::HerderError;
use serde::Serialize;

use crate::rest::{ApiError, json};

#[derive(Serialize)]
struct Success<'a, T> {
    status: u16,
    body: &'a T,
    /// Ours alone: what was left out of a configuration, and why.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorMessage<'a> {
    error_code: u16,
    message: &'a str,
}

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(super) struct Failure(ApiError);

/// What handlers give.
pub(super) type Answer = Result<Response, Failure>;

/// 200 with a body.
pub(super) fn ok(body: &impl Serialize) -> Answer {
    ok_with_warnings(body, &[])
}

/// 200 with a body and what there is to be warned of.
pub(super) fn ok_with_warnings(body: &impl Serialize, warnings: &[String]) -> Answer {
    let status = StatusCode::OK;
    Ok(json(status, &Success { status: status.as_u16(), body, warnings })?)
}

impl Failure {
    /// 400: the request is wrong; `message` says what to write.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self(ApiError::bad_request(message))
    }
    /// 401: the request names no user who may do this.
    pub(super) fn unauthorized() -> Self {
        Self(ApiError::framework(StatusCode::UNAUTHORIZED))
    }
    /// 403: not from there.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self(ApiError::forbidden(message))
    }
    /// 404: there is no such thing.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self(ApiError::not_found(message))
    }
    /// 409: not now.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self(ApiError::conflict(message))
    }
    /// 405, for a path that has other methods.
    pub(super) fn method_not_allowed() -> Self {
        Self(ApiError::framework(StatusCode::METHOD_NOT_ALLOWED))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let body = ErrorMessage { error_code: status.as_u16(), message: self.0.message() };
        json(status, &body).unwrap_or_else(ApiError::into_response)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<HerderError> for Failure {
    fn from(error: HerderError) -> Self {
        Self(error.into())
    }
}
