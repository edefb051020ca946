//! Which HTTP status an outcome has. Nowhere else does an error become a status.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gantry_engine::{HerderError, HerderErrorKind};
use gantry_log::LogError;
use serde::Serialize;

use super::media_type::Page;

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    /// Kafka Connect leaves the content type out of the answers that its framework gives
    /// before any endpoint is reached.
    without_content_type: bool,
}

/// Kafka Connect's error body.
#[derive(Serialize)]
struct ErrorBody<'a> {
    error_code: u16,
    message: &'a str,
}

impl ApiError {
    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }
    /// Its text for the user.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), without_content_type: false }
    }
    /// 400: the request is wrong; `message` says what to write.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
    /// 404: there is no such thing.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }
    /// 409: not as things are now.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }
    /// 403: switched off by the worker's configuration.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }
    /// 500: ours.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
    /// 503: the worker has not read its cluster's topic yet.
    pub(crate) fn starting(reason: &str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("Worker is still starting up and does not know its connectors yet: {reason}"),
        )
    }
    /// 413: the body is larger than `limit` bytes.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than the {limit} bytes that are taken"),
        )
    }
    /// 408: the client takes too long to send what it asks with.
    pub(crate) fn too_slow(message: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, message)
    }
    /// 415: the body is said to be something else; `message` says what to write.
    pub(crate) fn unsupported_type(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }
    /// 404 of an endpoint's path parameter, worded as the framework words it.
    pub(crate) fn no_such_parameter() -> Self {
        Self::new(StatusCode::NOT_FOUND, "HTTP 404 Not Found")
    }
    /// 415 of an endpoint that wants a body of JSON.
    pub(crate) fn body_without_type() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "HTTP 415 Unsupported Media Type")
    }
    /// What the framework answers before an endpoint is reached: 404, 405, 406, 415.
    pub(crate) fn framework(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or("Error");
        let message = format!("HTTP {} {reason}", status.as_u16());
        Self { without_content_type: true, ..Self::new(status, message) }
    }
    /// What Kafka Connect makes of a refused request inside `/validate`: a 500 with the text.
    pub(crate) fn of_validation(error: HerderError) -> Self {
        match error.kind {
            HerderErrorKind::BadRequest => Self::internal(format!(
                "org.apache.kafka.connect.runtime.rest.errors.BadRequestException: {}",
                error.message
            )),
            HerderErrorKind::Config => Self::internal(format!(
                "org.apache.kafka.common.config.ConfigException: {}",
                error.message
            )),
            _ => error.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody { error_code: self.status.as_u16(), message: &self.message };
        let mut response = (self.status, Json(body)).into_response();
        if self.without_content_type {
            response.headers_mut().remove(header::CONTENT_TYPE);
        }
        response
    }
}

impl From<HerderError> for ApiError {
    fn from(error: HerderError) -> Self {
        let status = match error.kind {
            HerderErrorKind::NotFound => StatusCode::NOT_FOUND,
            HerderErrorKind::AlreadyExists
            | HerderErrorKind::Conflict
            | HerderErrorKind::Changed => StatusCode::CONFLICT,
            HerderErrorKind::BadRequest => StatusCode::BAD_REQUEST,
            // Kafka Connect's status for a herder that does not answer in time, and for what its
            // validation cannot report.
            HerderErrorKind::Timeout | HerderErrorKind::Config | HerderErrorKind::Internal => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self::new(status, error.message)
    }
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        let status = match &error {
            LogError::Unknown(_) => StatusCode::NOT_FOUND,
            LogError::TopicExists(_) => StatusCode::CONFLICT,
            LogError::InvalidTopic { .. } | LogError::OutOfRange { .. } => StatusCode::BAD_REQUEST,
            LogError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            LogError::Unavailable(_) | LogError::Closed => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

/// 401 in Kafka Connect's words, of the media type that the endpoint would have answered with.
pub(crate) fn unauthorized(media_type: &'static str) -> Response {
    let mut response =
        (StatusCode::UNAUTHORIZED, "User cannot access the resource.").into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A page for a path that is not one, as Kafka Connect's server gives it: HTML for the methods
/// of a browser, nothing for the others.
pub(crate) fn bad_path(reason: &str, with_body: bool) -> Response {
    if !with_body {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let page = format!(
        "<html>\n<head><title>Error 400 {reason}</title></head>\n\
         <body><h2>HTTP ERROR 400 {reason}</h2></body>\n</html>\n"
    );
    let mut response = (StatusCode::BAD_REQUEST, page).into_response();
    let html = HeaderValue::from_static("text/html;charset=iso-8859-1");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}

/// What Kafka Connect's server makes of a request whose media types it cannot read, in the form
/// that the request takes after all.
pub(super) fn bad_media_type(form: Page, url: &str) -> Response {
    match form {
        Page::Html => bad_path("Bad Request", true),
        Page::Empty => StatusCode::BAD_REQUEST.into_response(),
        Page::Json => {
            let body = serde_json::json!({"message": "Bad Request", "url": url, "status": "400"});
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}
