//! Pausing, resuming, stopping, restarting, and the topics that a connector uses.

use std::collections::BTreeMap;

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;

use super::connectors::task_number;
use super::error::ApiError;
use super::exchange::{Api, empty, flag, json, ok, to_the_end};

/// `PUT /connectors/{name}/pause`
pub(super) async fn pause(Api(state): Api, Path(name): Path<String>) -> Result<Response, ApiError> {
    to_the_end(async move { state.herder.pause(&name).await }).await?;
    empty(StatusCode::ACCEPTED)
}

/// `PUT /connectors/{name}/resume`
pub(super) async fn resume(
    Api(state): Api,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    to_the_end(async move { state.herder.resume(&name).await }).await?;
    empty(StatusCode::ACCEPTED)
}

/// `PUT /connectors/{name}/stop`
pub(super) async fn stop(Api(state): Api, Path(name): Path<String>) -> Result<Response, ApiError> {
    to_the_end(async move { state.herder.stop(&name).await }).await?;
    empty(StatusCode::NO_CONTENT)
}

/// `POST /connectors/{name}/restart`, with `includeTasks` and `onlyFailed`
pub(super) async fn restart(
    Api(state): Api,
    Path(name): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let include_tasks = flag(&query, "includeTasks", false);
    let only_failed = flag(&query, "onlyFailed", false);
    if !include_tasks && !only_failed {
        to_the_end(async move { state.herder.restart_connector(&name).await }).await?;
        return empty(StatusCode::NO_CONTENT);
    }
    let plan = to_the_end(async move {
        state.herder.restart_connector_and_tasks(&name, include_tasks, only_failed).await
    })
    .await?;
    json(StatusCode::ACCEPTED, &plan)
}

/// `POST /connectors/{name}/tasks/{task}/restart`
pub(super) async fn restart_task(
    Api(state): Api,
    Path((name, task)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let number = task_number(&task)?;
    match u32::try_from(number) {
        Ok(task) => to_the_end(async move { state.herder.restart_task(&name, task).await }).await?,
        Err(_) if state.herder.connectors().contains(&name) => {
            return Err(ApiError::not_found(format!("Unknown task: {name}-{number}")));
        }
        Err(_) => return Err(ApiError::not_found(format!("Unknown connector: {name}"))),
    }
    empty(StatusCode::NO_CONTENT)
}

/// `GET /connectors/{name}/topics`
pub(super) async fn active_topics(
    Api(state): Api,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    if !state.herder.worker_config().topic_tracking_enable {
        return Err(ApiError::forbidden("Topic tracking is disabled."));
    }
    let topics = state.herder.active_topics(&name);
    ok(&BTreeMap::from([(name, topics)]))
}

/// `PUT /connectors/{name}/topics/reset`
pub(super) async fn reset_active_topics(
    Api(state): Api,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let worker = state.herder.worker_config();
    if !worker.topic_tracking_enable {
        return Err(ApiError::forbidden("Topic tracking is disabled."));
    }
    if !worker.topic_tracking_allow_reset {
        return Err(ApiError::forbidden("Topic tracking reset is disabled."));
    }
    state.herder.reset_active_topics(&name);
    empty(StatusCode::ACCEPTED)
}

/// `POST /connectors/{name}/tasks`: a worker of Kafka Connect tells another what its tasks shall
/// be. No worker of ours does, so that no request can have the signature.
pub(super) async fn take_task_configs(body: Bytes) -> Result<Response, ApiError> {
    type Tasks = Option<Vec<BTreeMap<String, Option<String>>>>;
    match serde_json::from_slice::<Tasks>(&body) {
        Ok(_) => fence().await,
        Err(error) => Err(ApiError::bad_request(format!("the body is no list of tasks: {error}"))),
    }
}

/// `PUT /connectors/{name}/fence`: as [`take_task_configs`], before a task may write.
pub(super) async fn fence() -> Result<Response, ApiError> {
    Err(ApiError::bad_request("Internal request missing required signature"))
}
