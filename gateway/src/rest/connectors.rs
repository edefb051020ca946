//! Connectors and their configurations.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use gantry_api::Props;
use gantry_engine::{
    ConnectorInfo, ConnectorStateInfo, CreatedConnector, HerderError, TargetState,
};
use gantry_model::text::trim;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::config_body::{ConfigBody, parse_config, parse_create, set_name};
use super::error::ApiError;
use super::exchange::{Api, Payload, empty, json, ok, to_the_end};
use super::offsets::{AlterOffset, require_some, with_partitions};
use super::path::encode_name;
use super::state::AppState;

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
    let mut all = BTreeMap::new();
    for name in names {
        // One that was deleted a moment ago is left out.
        if let Ok(expanded) = Expanded::of(&state, &name, &expand) {
            all.insert(name, expanded);
        }
    }
    ok(&all)
}

/// What is asked about a connector, in the order asked.
struct Expanded(Vec<Shown>);

enum Shown {
    Info(ConnectorInfo),
    Status(ConnectorStateInfo),
}

impl Expanded {
    fn of(state: &AppState, name: &str, expand: &[&str]) -> Result<Self, HerderError> {
        let mut asked: Vec<&str> = Vec::new();
        let mut all = Vec::new();
        for what in expand {
            if asked.contains(what) {
                continue;
            }
            asked.push(what);
            match *what {
                "info" => all.push(Shown::Info(state.herder.connector_info(name)?)),
                "status" => all.push(Shown::Status(state.herder.connector_status(name)?)),
                // Kafka Connect passes over what it does not know.
                _ => {}
            }
        }
        Ok(Self(all))
    }
}

impl Serialize for Expanded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for shown in &self.0 {
            match shown {
                Shown::Info(info) => map.serialize_entry("info", info)?,
                Shown::Status(status) => map.serialize_entry("status", status)?,
            }
        }
        map.end()
    }
}

/// `POST /connectors`
pub(super) async fn create(
    Api(state): Api,
    headers: HeaderMap,
    Payload(body): Payload,
) -> Result<Response, ApiError> {
    let request = parse_create(&body).map_err(ApiError::bad_request)?;
    let name = request.name.unwrap_or_default();
    let name = trim(&name);
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
    config: ConfigBody,
    target: Option<TargetState>,
    allow_replace: bool,
) -> Result<CreatedConnector, ApiError> {
    let config = named(state, name, config).await?;
    let (herder, name) = (Arc::clone(&state.herder), name.to_owned());
    to_the_end(async move { herder.put_connector(&name, config, target, allow_replace).await })
        .await
}

async fn create_at(
    state: &AppState,
    name: &str,
    config: ConfigBody,
    target: Option<TargetState>,
    offsets: Vec<AlterOffset>,
) -> Result<CreatedConnector, ApiError> {
    let config = named(state, name, config).await?;
    let class = config.get("connector.class").map_or("", String::as_str);
    require_some(&offsets)?;
    let offsets = with_partitions(offsets, state.herder.type_of_class(class)?)?;
    let (herder, name) = (Arc::clone(&state.herder), name.to_owned());
    to_the_end(async move { herder.create_connector_at(&name, config, target, offsets).await })
        .await
}

/// The configuration under a name.
async fn named(state: &AppState, name: &str, mut config: ConfigBody) -> Result<Props, ApiError> {
    set_name(&mut config, name).map_err(ApiError::bad_request)?;
    texts(state, config).await
}

/// A configuration without nulls; one that has any is refused with all that is wrong with it.
pub(super) async fn texts(state: &AppState, config: ConfigBody) -> Result<Props, ApiError> {
    if config.values().any(Option::is_none) {
        return Ok(state.herder.check(&config).await?);
    }
    Ok(config.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
}

/// 201 with `Location` for a new connector, 200 for one that was there.
fn answer_created(
    state: &AppState,
    headers: &HeaderMap,
    connector: &CreatedConnector,
) -> Result<Response, ApiError> {
    let name = &connector.info.name;
    // As in Kafka Connect it is there all the same, where it is the one worker that knows it.
    if state.herder.has_failed_to_start(name) {
        let text = format!("Failed to transition connector {name} to state STARTED");
        return Err(HerderError::internal(text).into());
    }
    if !connector.created {
        return ok(&connector.info);
    }
    let mut response = json(StatusCode::CREATED, &connector.info)?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or(&state.address);
    let (scheme, name) = (state.scheme.as_str(), encode_name(name));
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
    state.herder.connector_config(&name)?;
    let patch = parse_config(&body).map_err(ApiError::bad_request)?;
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
