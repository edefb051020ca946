//! Previews: what a configuration makes of records, without a connector.

use axum::extract::Path;
use axum::response::Response;
use gantry_engine::PreviewSamples;

use super::config_body::parse_config;
use super::connectors::texts;
use super::error::ApiError;
use super::exchange::{Api, Payload, ok};
use super::plugins::check_class;
use crate::preview::{Body, Plan, PreviewAnswer};

const CLASS: &str = "connector.class";

/// `POST /connector-plugins/{name}/preview`
pub(super) async fn preview(
    Api(state): Api,
    Path(name): Path<String>,
    Payload(body): Payload,
) -> Result<Response, ApiError> {
    let body = Body::parse(&body).map_err(ApiError::bad_request)?;
    let mut config = parse_config(body.config.get().as_bytes()).map_err(ApiError::bad_request)?;
    if config.get(CLASS).is_none_or(Option::is_none) {
        config.insert(CLASS.to_owned(), Some(name.clone()));
    }
    let class = config.get(CLASS).cloned().flatten().unwrap_or_default();
    check_class(&name, &class)?;
    let config = texts(&state, config).await?;
    let is_source = state.herder.previewer().is_source(&class)?;
    let request = body.samples().map_err(ApiError::bad_request)?;
    let samples = match request.plan(is_source, &config).map_err(ApiError::bad_request)? {
        Plan::Samples(samples) => samples,
        Plan::Topic(wanted) => PreviewSamples::Sink(state.herder.read_samples(&wanted).await?),
    };
    let preview = state.herder.preview(config, samples).await?;
    let shown = tokio::task::spawn_blocking(move || PreviewAnswer::new(preview)).await;
    let shown =
        shown.map_err(|error| ApiError::internal(format!("the answer broke off: {error}")))?;
    ok(&shown.map_err(ApiError::internal)?)
}
