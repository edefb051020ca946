//! Connectors and their configurations.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use gantry_api::Props;
use gantry_engine::{ConnectorInfo, ConnectorStateInfo, CreatedConnector, TargetState};
use serde::Serialize;

use super::config_body::{ConfigBody, parse_config, parse_create};
use super::error::ApiError;
use super::exchange::{Api, Payload, empty, json, ok, to_the_end};
use super::offsets::{AlterOffset, with_partitions};
use super::path::encode_name;
use super::state::AppState;

#[derive(Serialize)]
struct Expanded {
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<ConnectorInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<ConnectorStateInfo>,
}

/// `GET /connectors`, with `expand=info` and `expand=status`
pub(super) async fn list(
    Api(state): Api,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let names = state.herder.connectors();
    let expand: Vec<&str> =
        query.iter().filter(|(key, _)| key == "expand").map(|(_, value)| value.as_str()).collect();
    if expand.is_empty() {
        return ok(&names);
    }
    let (with_info, with_status) = (expand.contains(&"info"), expand.contains(&"status"));
    let mut all = BTreeMap::new();
    for name in names {
        // One that was deleted a moment ago is left out.
        let info = with_info.then(|| state.herder.connector_info(&name)).transpose();
        let status = with_status.then(|| state.herder.connector_status(&name)).transpose();
        if let (Ok(info), Ok(status)) = (info, status) {
            all.insert(name, Expanded { info, status });
        }
    }
    ok(&all)
}

/// `POST /connectors`
pub(super) async fn create(
    Api(state): Api,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Result<Response, ApiError> {
    let request = parse_create(&body).map_err(ApiError::bad_request)?;
    let name = request.name.unwrap_or_default();
    let name = name.trim();
    let target = request.initial_state;
    let created = match request.initial_offsets {
        None => put(&state, name, request.config, target, false).await?,
        Some(offsets) => create_at(&state, name, request.config, target, offsets).await?,
    };
    answer_created(&state, &headers, &created)
}

/// `PUT /connectors/{name}/config`
pub(super) async fn put_config(
    Api(state): Api,
    Path(name): Path<String>,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Result<Response, ApiError> {
    let config = parse_config(&body).map_err(ApiError::bad_request)?;
    let created = put(&state, &name, config, None, true).await?;
    answer_created(&state, &headers, &created)
}

async fn put(
    state: &AppState,
    name: &str,
    mut config: ConfigBody,
    target: Option<TargetState>,
    allow_replace: bool,
) -> Result<CreatedConnector, ApiError> {
    let config = named(state, name, &mut config)?;
    let (herder, name) = (Arc::clone(&state.herder), name.to_owned());
    to_the_end(async move { herder.put_connector(&name, config, target, allow_replace).await })
        .await
}

async fn create_at(
    state: &AppState,
    name: &str,
    mut config: ConfigBody,
    target: Option<TargetState>,
    offsets: Vec<AlterOffset>,
) -> Result<CreatedConnector, ApiError> {
    let config = named(state, name, &mut config)?;
    let class = config.get("connector.class").map_or("", String::as_str);
    let offsets = with_partitions(offsets, state.herder.type_of_class(class)?)?;
    let (herder, name) = (Arc::clone(&state.herder), name.to_owned());
    to_the_end(async move { herder.create_connector_at(&name, config, target, offsets).await })
        .await
}

/// The configuration under a name; nulls in it are refused in Kafka Connect's words.
fn named(state: &AppState, name: &str, config: &mut ConfigBody) -> Result<Props, ApiError> {
    config.set_name(name).map_err(ApiError::bad_request)?;
    if !config.nulls.is_empty()
        && let Some(class) = config.props.get("connector.class")
    {
        let infos = state.herder.validate(class, config.props.clone())?;
        return Err(ApiError::bad_request(config.refusal(infos)));
    }
    Ok(std::mem::take(&mut config.props))
}

/// 201 with `Location` for a new connector, 200 for one that was there.
fn answer_created(
    state: &AppState,
    headers: &HeaderMap,
    connector: &CreatedConnector,
) -> Result<Response, ApiError> {
    if !connector.created {
        return ok(&connector.info);
    }
    let mut response = json(StatusCode::CREATED, &connector.info)?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or(&state.address);
    let (scheme, name) = (state.scheme.as_str(), encode_name(&connector.info.name));
    let location = format!("{scheme}://{host}/connectors/{name}");
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// `PATCH /connectors/{name}/config`: a null removes a key.
pub(super) async fn patch_config(
    Api(state): Api,
    Path(name): Path<String>,
    Payload(body): Payload,
) -> Result<Response, ApiError> {
    let patch = parse_config(&body).map_err(ApiError::bad_request)?;
    let patch = patch.into_patch();
    let patched =
        to_the_end(async move { state.herder.patch_connector(&name, patch).await }).await?;
    ok(&patched.info)
}

/// `GET /connectors/{name}`
pub(super) async fn info(Api(state): Api, Path(name): Path<String>) -> Result<Response, ApiError> {
    ok(&state.herder.connector_info(&name)?)
}

/// `GET /connectors/{name}/config`
pub(super) async fn config(
    Api(state): Api,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    ok(&state.herder.connector_config(&name)?)
}

/// `GET /connectors/{name}/status`
pub(super) async fn status(
    Api(state): Api,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    ok(&state.herder.connector_status(&name)?)
}

/// `GET /connectors/{name}/tasks`
pub(super) async fn tasks(Api(state): Api, Path(name): Path<String>) -> Result<Response, ApiError> {
    ok(&state.herder.task_infos(&name)?)
}

/// `GET /connectors/{name}/tasks/{task}/status`
pub(super) async fn task_status(
    Api(state): Api,
    Path((name, task)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let number = task_number(&task)?;
    match u32::try_from(number) {
        Ok(task) => ok(&state.herder.task_status(&name, task)?),
        Err(_) => Err(ApiError::not_found(format!("No status found for task {name}-{number}"))),
    }
}

/// `DELETE /connectors/{name}`
pub(super) async fn delete(
    Api(state): Api,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    to_the_end(async move { state.herder.delete_connector(&name).await }).await?;
    empty(StatusCode::NO_CONTENT)
}

/// A task's number in a path, as Java reads an int.
pub(super) fn task_number(text: &str) -> Result<i32, ApiError> {
    text.parse().map_err(|_| ApiError::no_such_parameter())
}
