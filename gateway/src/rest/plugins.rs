//! Plugins, their keys, and validation.

use axum::extract::{Path, Query};
use axum::response::Response;
use gantry_engine::PluginDescription;
use serde::Serialize;

use super::config_body::parse_config;
use super::error::ApiError;
use super::exchange::{Api, Payload, flag, ok};

/// `GET /connector-plugins`, with `connectorsOnly`
pub(super) async fn list(
    Api(state): Api,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    ok(&state.herder.plugins(flag(&query, "connectorsOnly", true)))
}

/// What a look for plugins found.
#[derive(Serialize)]
struct Reloaded {
    added: Vec<PluginDescription>,
    removed: Vec<PluginDescription>,
}

/// `POST /gantry/plugins/reload`: looks for plugins anew. What runs keeps the plugins it has.
pub(super) async fn reload(Api(state): Api) -> Result<Response, ApiError> {
    let before = state.herder.plugins(false);
    state.herder.reload_plugins().await?;
    let after = state.herder.plugins(false);
    let without = |all: &[PluginDescription], known: &[PluginDescription]| {
        all.iter().filter(|plugin| !known.contains(plugin)).cloned().collect()
    };
    ok(&Reloaded { added: without(&after, &before), removed: without(&before, &after) })
}

/// `GET /connector-plugins/{name}/config`, with `version`
pub(super) async fn config(
    Api(state): Api,
    Path(name): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let wanted = query.iter().find(|(key, _)| key == "version").map(|(_, value)| value.as_str());
    ok(&state.herder.plugin_config(&name, wanted).await?)
}

/// `PUT /connector-plugins/{name}/config/validate`
pub(super) async fn validate(
    Api(state): Api,
    Path(name): Path<String>,
    Payload(body): Payload,
) -> Result<Response, ApiError> {
    let config = parse_config(&body).map_err(ApiError::bad_request)?;
    if let Some(Some(class)) = config.get("connector.class") {
        check_class(&name, class)?;
    }
    ok(&state.herder.validate(&config).await.map_err(ApiError::of_validation)?)
}

/// Refuses a configuration for another class than the path names.
pub(super) fn check_class(name: &str, class: &str) -> Result<(), ApiError> {
    if alias(class).ends_with(alias(name)) {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "Included connector type {class} does not match request type {name}"
    )))
}

/// A class without the ending that may be left out.
fn alias(class: &str) -> &str {
    match class.strip_suffix("Connector") {
        Some(short) if !short.is_empty() => short,
        _ => class,
    }
}
