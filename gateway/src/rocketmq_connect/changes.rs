//! What changes connectors.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Uri;
use gantry_api::Props;
use gantry_engine::{Herder, HerderError};

use super::answer::{Answer, Failure, ok, ok_with_warnings};
use super::router::parameter;
use super::{Translation, connectors, translate};
use crate::json::{self, RawObject};
use crate::rest::{AppState, read_body, to_the_end};

const CONNECTOR_CLASS: &str = "connector.class";

/// Names that are no connector in `GET /connectors/{name}`.
const LIST: &str = "list";
const STOP_ALL: &str = "stopAll";

/// `GET /connectors/{name}?config=…`, and the two names that mean all connectors
pub(super) async fn get_named(
    State(state): State<Arc<AppState>>,
    Path(name): Path<String>,
    uri: Uri,
) -> Answer {
    match name.as_str() {
        LIST => connectors::list(&state.herder),
        STOP_ALL => delete_all(State(state)).await,
        _ => {
            let config = parameter(&uri, "config")?.unwrap_or_default();
            put(&state, &name, config.as_bytes()).await
        }
    }
}

/// `POST /connectors/{name}` with the configuration, whatever media type it is sent under
pub(super) async fn create(
    State(state): State<Arc<AppState>>,
    Path(name): Path<String>,
    body: Body,
) -> Answer {
    put(&state, &name, &read_body(body, state.body_times).await?).await
}

/// Parses a configuration: objects and arrays become their JSON text, as in RocketMQ Connect.
pub(super) fn parse(config: &[u8]) -> Result<(RawObject, Props), Failure> {
    if config.iter().all(u8::is_ascii_whitespace) {
        return Err(Failure::bad_request("Failed! query param 'config' is required "));
    }
    let malformed = |why: String| {
        Failure::bad_request(format!("Failed! query param 'config' is malformed: {why}"))
    };
    let given = json::object(config).map_err(malformed)?;
    let mut props = Props::new();
    for (key, raw) in &given {
        let value = json::text_of_any(key, raw).map_err(malformed)?;
        let value = value.ok_or_else(|| {
            malformed(format!("the value of `{key}` is null; give it one or leave it out"))
        })?;
        props.insert(key.clone(), value);
    }
    Ok((given, props))
}

/// Translates a configuration that names its connector's class.
pub(super) fn to_kafka(herder: &Herder, props: &Props) -> Result<Translation, Failure> {
    if !props.contains_key(CONNECTOR_CLASS) {
        return Err(Failure::bad_request(format!("Request config key: {CONNECTOR_CLASS}")));
    }
    translate(props, &herder.plugin_registry()).map_err(Failure::bad_request)
}

async fn put(state: &AppState, name: &str, config: &[u8]) -> Answer {
    let (given, mut props) = parse(config)?;
    match props.insert("name".to_owned(), name.to_owned()) {
        Some(inner) if inner != name => {
            return Err(Failure::bad_request(format!(
                "`name` is {inner} in the configuration and {name} in the path; make them the same"
            )));
        }
        _ => {}
    }
    let translation = to_kafka(&state.herder, &props)?;
    if state.herder.connector_config(name).is_ok_and(|old| old == translation.config) {
        return Err(Failure::conflict("Connector with same config already exist."));
    }
    translation.log(name);
    let (herder, name, config) = (Arc::clone(&state.herder), name.to_owned(), translation.config);
    to_the_end(async move { herder.put_connector(&name, config, None, true).await }).await?;
    ok_with_warnings(&given, &translation.warnings)
}

/// One change of one connector.
#[derive(Clone, Copy)]
enum Change {
    Delete,
    Pause,
    Resume,
}

impl Change {
    async fn make(self, herder: &Herder, name: &str) -> Result<(), HerderError> {
        match self {
            Self::Delete => herder.delete_connector(name).await,
            Self::Pause => herder.pause(name).await,
            Self::Resume => herder.resume(name).await,
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Delete => "deleted",
            Self::Pause => "paused",
            Self::Resume => "resumed",
        }
    }
}

async fn change(state: &AppState, name: &str, change: Change) -> Answer {
    let (herder, connector) = (Arc::clone(&state.herder), name.to_owned());
    if !herder.connectors().contains(&connector) {
        return Err(Failure::not_found(format!("Connector [{name}] does not exist")));
    }
    to_the_end(async move { change.make(&herder, &connector).await }).await?;
    ok(&format!("Connector [{name}] {} successfully", change.done()))
}

/// `GET /connectors/{name}/stop`: RocketMQ Connect's stop deletes
pub(super) async fn delete(State(state): State<Arc<AppState>>, Path(name): Path<String>) -> Answer {
    change(&state, &name, Change::Delete).await
}

/// `GET /connectors/{name}/pause`
pub(super) async fn pause(State(state): State<Arc<AppState>>, Path(name): Path<String>) -> Answer {
    change(&state, &name, Change::Pause).await
}

/// `GET /connectors/{name}/resume`
pub(super) async fn resume(State(state): State<Arc<AppState>>, Path(name): Path<String>) -> Answer {
    change(&state, &name, Change::Resume).await
}

/// Changes all connectors; gives the names of those that were there.
async fn change_all(state: &AppState, change: Change) -> Result<Vec<String>, Failure> {
    let herder = Arc::clone(&state.herder);
    let all = async move {
        let mut changed = Vec::new();
        for name in herder.connectors() {
            match change.make(&herder, &name).await {
                Ok(()) => changed.push(name),
                // Somebody else has deleted it meanwhile.
                Err(_) if !herder.connectors().contains(&name) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(changed)
    };
    Ok(to_the_end(all).await?)
}

fn nothing_to_be(done: &str) -> Answer {
    ok(&format!("No connector needs to be {done}, please add connector first"))
}

/// `GET /connectors/stop/all` and `/connectors/stopAll`
pub(super) async fn delete_all(State(state): State<Arc<AppState>>) -> Answer {
    let names = change_all(&state, Change::Delete).await?;
    if names.is_empty() {
        return nothing_to_be(Change::Delete.done());
    }
    ok(&format!("[{}] connectors are deleted", names.join(", ")))
}

/// `GET /connectors/pause/all`
pub(super) async fn pause_all(State(state): State<Arc<AppState>>) -> Answer {
    let names = change_all(&state, Change::Pause).await?;
    if names.is_empty() {
        return nothing_to_be(Change::Pause.done());
    }
    ok(&format!("{} connectors are suspended", names.len()))
}

/// `GET /connectors/resume/all`
pub(super) async fn resume_all(State(state): State<Arc<AppState>>) -> Answer {
    let names = change_all(&state, Change::Resume).await?;
    if names.is_empty() {
        return nothing_to_be(Change::Resume.done());
    }
    ok(&format!("{} connectors are resumed", names.len()))
}
