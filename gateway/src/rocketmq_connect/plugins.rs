//! Plugins, their keys, and validation.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use gantry_model::config::infos::{ConfigInfos, ConfigKeyInfo, ConfigValueInfo};
use serde::Serialize;

use super::answer::{Answer, Failure, ok, ok_with_warnings};
use super::changes::{parse, to_kafka};
use super::dialect::kafka_class;
use super::router::parameter;
use crate::rest::{AppState, read_body};

/// The kinds of plugin that RocketMQ Connect has, in the order of its list.
const KINDS: [&str; 4] = ["sink", "source", "transformation", "converter"];
/// How many of them are connectors.
const CONNECTOR_KINDS: usize = 2;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Plugin {
    class_name: String,
    #[serde(rename = "type")]
    type_: String,
    version: String,
}

/// A key's definition.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    name: String,
    #[serde(rename = "type")]
    type_: String,
    required: bool,
    default_value: Option<String>,
    importance: String,
    documentation: String,
    group: Option<String>,
    order_in_group: i32,
    width: String,
    display_name: Option<String>,
    dependents: Vec<String>,
}

impl From<ConfigKeyInfo> for Key {
    fn from(key: ConfigKeyInfo) -> Self {
        Self {
            name: key.name,
            type_: key.type_,
            required: key.required,
            default_value: key.default_value,
            importance: key.importance,
            documentation: key.documentation,
            group: key.group,
            order_in_group: key.order_in_group,
            width: key.width,
            display_name: key.display_name,
            dependents: key.dependents,
        }
    }
}

/// A key's value and what is wrong with it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyValue {
    name: String,
    value: Option<String>,
    recommended_values: Vec<String>,
    errors: Vec<String>,
    visible: bool,
}

impl From<ConfigValueInfo> for KeyValue {
    fn from(value: ConfigValueInfo) -> Self {
        Self {
            name: value.name,
            value: value.value,
            recommended_values: value.recommended_values,
            errors: value.errors,
            visible: value.visible,
        }
    }
}

#[derive(Serialize)]
struct Judged {
    definition: Option<Key>,
    value: Option<KeyValue>,
}

/// The outcome of a validation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    name: String,
    error_count: usize,
    groups: Vec<String>,
    configs: Vec<Judged>,
}

impl From<ConfigInfos> for Verdict {
    fn from(infos: ConfigInfos) -> Self {
        let judged = infos.configs.into_iter().map(|config| Judged {
            definition: config.definition.map(Key::from),
            value: config.value.map(KeyValue::from),
        });
        Self {
            name: infos.name,
            error_count: infos.error_count,
            groups: infos.groups,
            configs: judged.collect(),
        }
    }
}

fn plugins(state: &AppState, kinds: &[&str]) -> Vec<Plugin> {
    let all = state.herder.plugins(false);
    let of_kind = |kind: &str| {
        let plugins = all.iter().filter(|plugin| plugin.type_ == kind);
        let describe = |plugin: &gantry_engine::PluginDescription| Plugin {
            class_name: plugin.class.clone(),
            type_: plugin.type_.to_uppercase(),
            version: plugin.version.clone().unwrap_or_else(|| "undefined".to_owned()),
        };
        plugins.map(describe).collect::<Vec<_>>()
    };
    kinds.iter().flat_map(|kind| of_kind(kind)).collect()
}

/// `GET /plugin/list`
pub(super) async fn list(State(state): State<Arc<AppState>>) -> Answer {
    ok(&plugins(&state, &KINDS))
}

/// `GET /plugin/list/connectors`
pub(super) async fn list_connectors(State(state): State<Arc<AppState>>) -> Answer {
    ok(&plugins(&state, &KINDS[..CONNECTOR_KINDS]))
}

/// `GET /plugin/reload`: looks for plugins anew. What runs keeps the plugins it has.
pub(super) async fn reload(State(state): State<Arc<AppState>>) -> Answer {
    state.herder.reload_plugins().await?;
    let count = state.herder.plugins(false).len();
    ok(&format!("Plugin reload succeeded: there are {count} plugins"))
}

/// `GET /plugin/config?className=…`
pub(super) async fn keys(State(state): State<Arc<AppState>>, uri: Uri) -> Answer {
    let Some(class) = parameter(&uri, "className")? else {
        return Err(Failure::bad_request(
            "query param 'className' is required: a className of /plugin/list",
        ));
    };
    let keys = state.herder.plugin_config(kafka_class(class.trim()), None).await?;
    ok(&keys.into_iter().map(Key::from).collect::<Vec<_>>())
}

/// `GET /plugin/config/validate?config=…`
pub(super) async fn validate_query(State(state): State<Arc<AppState>>, uri: Uri) -> Answer {
    let config = parameter(&uri, "config")?.unwrap_or_default();
    judge(&state, config.as_bytes()).await
}

/// `POST /plugin/config/validate` with the configuration
pub(super) async fn validate(State(state): State<Arc<AppState>>, body: Body) -> Answer {
    judge(&state, &read_body(body, state.body_times).await?).await
}

async fn judge(state: &AppState, config: &[u8]) -> Answer {
    let (_, mut props) = parse(config)?;
    // Here a name comes with the path when a connector is created, so that none is missing now.
    props.entry("name".to_owned()).or_insert_with(|| "validated".to_owned());
    let translation = to_kafka(&state.herder, &props)?;
    let config = translation.config.into_iter().map(|(key, value)| (key, Some(value))).collect();
    let infos = state.herder.validate(&config).await?;
    ok_with_warnings(&Verdict::from(infos), &translation.warnings)
}
