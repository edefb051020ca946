//! Topics of the log: our own endpoints.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use gantry_log::{Cleanup, FullLog, LogError, OffsetRange, TopicInfo, TopicPartition, TopicSpec};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::exchange::{Api, Payload, empty, json, ok};
use super::state::AppState;

/// A topic as shown.
#[derive(Debug, Serialize)]
struct TopicView {
    name: String,
    queues: u32,
    /// `delete` or `compact`
    cleanup: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_bytes: Option<u64>,
    /// Offsets between the earliest and the next of all queues together.
    records: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    offsets: Vec<QueueView>,
}

#[derive(Debug, Serialize)]
struct QueueView {
    partition: u32,
    earliest: u64,
    next: u64,
}

#[derive(Serialize)]
struct TopicList {
    topics: Vec<TopicView>,
}

/// The body of `POST /gantry/topics`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateTopic {
    name: String,
    #[serde(default)]
    queues: Option<u32>,
    #[serde(default)]
    compact: bool,
    #[serde(default)]
    retention_ms: Option<u64>,
    #[serde(default)]
    retention_bytes: Option<u64>,
}

/// `GET /gantry/topics`
pub(super) async fn list(Api(state): Api) -> Result<Response, ApiError> {
    let mut topics = Vec::new();
    for (name, info) in state.log.topics().await? {
        match view(&*state.log, &name, info).await {
            Ok(mut topic) => {
                topic.offsets.clear();
                topics.push(topic);
            }
            // It was deleted a moment ago.
            Err(LogError::Unknown(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    ok(&TopicList { topics })
}

/// `GET /gantry/topics/{name}`
pub(super) async fn describe(
    Api(state): Api,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let info = existing(&*state.log, &name).await?;
    ok(&view(&*state.log, &name, info).await?)
}

/// `POST /gantry/topics`
pub(super) async fn create(Api(state): Api, Payload(body): Payload) -> Result<Response, ApiError> {
    let wanted: CreateTopic = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(format!(
            "the body is wrong: {error}; write {{\"name\":…,\"queues\":1}}, and perhaps compact, \
             retention_ms, retention_bytes"
        ))
    })?;
    if wanted.compact && (wanted.retention_ms.is_some() || wanted.retention_bytes.is_some()) {
        return Err(ApiError::bad_request(
            "a compacted topic has no retention; leave out compact or the retention",
        ));
    }
    let default_queues = state.herder.worker_config().default_topic_queues;
    let queues = wanted.queues.unwrap_or(default_queues);
    let cleanup = if wanted.compact {
        Cleanup::Compact
    } else {
        let CreateTopic { retention_ms, retention_bytes, .. } = wanted;
        Cleanup::Delete { retention_ms, retention_bytes }
    };
    state.log.create_topic(&wanted.name, TopicSpec { queues, cleanup }).await?;
    let info = existing(&*state.log, &wanted.name).await?;
    json(StatusCode::CREATED, &view(&*state.log, &wanted.name, info).await?)
}

/// `DELETE /gantry/topics/{name}`
pub(super) async fn delete(
    Api(state): Api,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    existing(&*state.log, &name).await?;
    not_internal(&state, &name)?;
    state.log.delete_topic(&name).await?;
    empty(StatusCode::NO_CONTENT)
}

/// Refuses to change what the worker itself keeps its state in.
pub(super) fn not_internal(state: &AppState, name: &str) -> Result<(), ApiError> {
    let worker = state.herder.worker_config();
    if worker.config_storage_topic.as_deref() == Some(name) {
        return Err(ApiError::bad_request(format!(
            "{name} holds the configurations of all connectors and is written by the worker \
             alone; to change one use /connectors/NAME/config"
        )));
    }
    if worker.schema_registry_topic.as_deref() == Some(name) {
        return Err(ApiError::bad_request(format!(
            "{name} holds the schemas of the schema registry and is written by it alone; to \
             change one ask the registry (gantry.schema.registry.listeners)"
        )));
    }
    if worker.offset_storage_topic == name {
        return Err(ApiError::bad_request(format!(
            "{name} holds the offsets of all connectors and is written by the worker alone; to \
             change offsets use /connectors/NAME/offsets of a stopped connector"
        )));
    }
    Ok(())
}

/// A topic that must be there.
pub(super) async fn existing(log: &dyn FullLog, name: &str) -> Result<TopicInfo, ApiError> {
    match log.topic(name).await? {
        Some(info) => Ok(info),
        None => Err(ApiError::not_found(format!("there is no topic {name}"))),
    }
}

async fn view(log: &dyn FullLog, name: &str, info: TopicInfo) -> Result<TopicView, LogError> {
    let mut offsets = Vec::new();
    for partition in 0..info.spec.queues {
        let OffsetRange { earliest, next } =
            log.range(&TopicPartition::new(name, partition)).await?;
        offsets.push(QueueView { partition, earliest, next });
    }
    let (cleanup, retention_ms, retention_bytes) = match info.spec.cleanup {
        Cleanup::Compact => ("compact", None, None),
        Cleanup::Delete { retention_ms, retention_bytes } => {
            ("delete", retention_ms, retention_bytes)
        }
    };
    Ok(TopicView {
        name: name.to_owned(),
        queues: info.spec.queues,
        cleanup,
        retention_ms,
        retention_bytes,
        records: offsets.iter().map(|queue| queue.next - queue.earliest).sum(),
        offsets,
    })
}
