//! Two answers in the form that RocketMQ Connect's command line, connectAdmin, parses: that of
//! earlier servers, without an envelope and with earlier names of keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use gantry_api::Props;
use serde::Serialize;

use super::answer::Answer;
use super::cluster::{AllocatedTasks, CurrentTask, connector_configs, tasks};
use crate::rest::{AppState, json};

/// A configuration as earlier servers held it.
#[derive(Serialize)]
struct KeyValue {
    properties: Props,
}

impl KeyValue {
    /// Adds the earlier names of the keys that connectAdmin shows.
    fn of(mut properties: Props) -> Self {
        let earlier =
            [("task.class", "task-class"), ("task.id", "task-id"), ("topics", "topicNames")];
        for (now, then) in earlier {
            if let Some(value) = properties.get(now).cloned() {
                properties.insert(then.to_owned(), value);
            }
        }
        Self { properties }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    connector_name: String,
    state: &'static str,
    configs: KeyValue,
}

impl From<CurrentTask> for Task {
    fn from(task: CurrentTask) -> Self {
        Self {
            connector_name: task.connector_name,
            state: task.task_state,
            configs: KeyValue::of(task.config),
        }
    }
}

/// `GET /getAllocatedConnectors`
pub(super) async fn allocated_connectors(State(state): State<Arc<AppState>>) -> Answer {
    let configs = connector_configs(&state.herder).into_iter();
    let configs: BTreeMap<_, _> =
        configs.map(|(name, config)| (name, KeyValue::of(config))).collect();
    Ok(json(StatusCode::OK, &configs)?)
}

/// `GET /getAllocatedTasks`
pub(super) async fn allocated_tasks(State(state): State<Arc<AppState>>) -> Answer {
    let AllocatedTasks { pending_tasks, stopped_tasks, error_tasks, stopping_tasks, running_tasks } =
        tasks(&state.herder);
    let old = |tasks: Vec<CurrentTask>| tasks.into_iter().map(Task::from).collect::<Vec<_>>();
    let groups = BTreeMap::from([
        ("pendingTasks", old(pending_tasks)),
        ("stoppedTasks", old(stopped_tasks)),
        ("errorTasks", old(error_tasks)),
        ("stoppingTasks", old(stopping_tasks)),
        ("runningTasks", old(running_tasks)),
    ]);
    Ok(json(StatusCode::OK, &groups)?)
}
