//! The admin endpoints: levels of loggers.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;

use super::error::ApiError;
use super::exchange::{Api, Payload, empty, ok};
use crate::json;
use crate::logging::Level;

/// The scope that is answered without a list. There is one worker, so it does the same.
const CLUSTER: &str = "cluster";

/// `GET /admin/loggers`
pub(super) async fn list(Api(state): Api) -> Result<Response, ApiError> {
    ok(&state.loggers.levels())
}

/// `GET /admin/loggers/{logger}`
pub(super) async fn get(Api(state): Api, Path(logger): Path<String>) -> Result<Response, ApiError> {
    match state.loggers.level(&logger) {
        Some(level) => ok(&level),
        None => Err(ApiError::not_found(format!("Logger {logger} not found."))),
    }
}

/// `PUT /admin/loggers/{logger}`, with `scope=worker` or `scope=cluster`
pub(super) async fn set(
    Api(state): Api,
    Path(logger): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    Payload(body): Payload,
) -> Result<Response, ApiError> {
    let level = level(&body)?;
    let changed = state.loggers.set(&logger, level);
    let changed = changed.map_err(|error| ApiError::bad_request(error.to_string()))?;
    tracing::info!(logger, level = level.as_str(), "level of loggers set");
    let scope = query.iter().find(|(key, _)| key == "scope");
    match scope {
        Some((_, scope)) if scope.eq_ignore_ascii_case(CLUSTER) => empty(StatusCode::NO_CONTENT),
        _ => ok(&changed),
    }
}

/// The level in `{"level": "…"}`, with Kafka Connect's statuses and words.
fn level(body: &[u8]) -> Result<Level, ApiError> {
    let wrong = |why: String| {
        ApiError::bad_request(format!("the body is wrong: {why}; write {{\"level\":\"DEBUG\"}}"))
    };
    let mut level = None;
    for (field, raw) in &json::object(body).map_err(wrong)? {
        let text = json::text(field, raw).map_err(wrong)?;
        if field == "level" {
            level = text;
        }
    }
    let Some(level) = level else {
        return Err(ApiError::bad_request(
            "Desired 'level' parameter was not specified in request.",
        ));
    };
    if level.is_empty() {
        return Err(ApiError::internal("Illegal null or empty Level name."));
    }
    Level::parse(&level).ok_or_else(|| ApiError::not_found(format!("invalid log level '{level}'.")))
}
