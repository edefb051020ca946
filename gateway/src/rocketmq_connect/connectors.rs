//! What is known of connectors.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use gantry_api::Props;
use gantry_engine::{
    ConnectorInfo, ConnectorState, ConnectorStateInfo, Herder, TaskId, TaskState, UnitState,
};
use serde::Serialize;

use super::answer::{Answer, Failure, ok};
use crate::rest::AppState;

/// A connector in RocketMQ Connect's form.
#[derive(Serialize)]
struct Info {
    name: String,
    config: Props,
    tasks: Vec<TaskId>,
    #[serde(rename = "type")]
    type_: String,
}

impl From<ConnectorInfo> for Info {
    fn from(info: ConnectorInfo) -> Self {
        let ConnectorInfo { name, config, tasks, type_, .. } = info;
        Self { name, config, tasks, type_: type_.to_uppercase() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConnectorUnit {
    state: UnitState,
    trace: Option<String>,
    worker_id: String,
}

impl From<ConnectorState> for ConnectorUnit {
    fn from(unit: ConnectorState) -> Self {
        Self { state: unit.state, trace: unit.trace, worker_id: unit.worker_id }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TaskUnit {
    state: UnitState,
    trace: Option<String>,
    worker_id: String,
    id: u32,
}

impl From<TaskState> for TaskUnit {
    fn from(unit: TaskState) -> Self {
        Self { state: unit.state, trace: unit.trace, worker_id: unit.worker_id, id: unit.id }
    }
}

/// The state of a connector in RocketMQ Connect's form.
#[derive(Serialize)]
struct Status {
    name: String,
    connector: ConnectorUnit,
    tasks: Vec<TaskUnit>,
    #[serde(rename = "type")]
    type_: String,
}

impl From<ConnectorStateInfo> for Status {
    fn from(status: ConnectorStateInfo) -> Self {
        Self {
            name: status.name,
            connector: status.connector.into(),
            tasks: status.tasks.into_iter().map(TaskUnit::from).collect(),
            type_: status.type_.to_uppercase(),
        }
    }
}

#[derive(Serialize)]
struct Listed {
    status: Status,
    info: Info,
}

/// RocketMQ Connect's words where a configuration is asked for.
fn no_connector(name: &str) -> Failure {
    Failure::not_found(format!("Connector[{name}] does not exist"))
}

/// `GET /connectors/list`
pub(super) fn list(herder: &Herder) -> Answer {
    let mut all = BTreeMap::new();
    for name in herder.connectors() {
        // One that was deleted a moment ago is left out.
        if let (Ok(status), Ok(info)) =
            (herder.connector_status(&name), herder.connector_info(&name))
        {
            all.insert(name, Listed { status: status.into(), info: info.into() });
        }
    }
    ok(&all)
}

/// `GET /connectors/{name}/config`
pub(super) async fn config(State(state): State<Arc<AppState>>, Path(name): Path<String>) -> Answer {
    let info = state.herder.connector_info(&name).map_err(|_| no_connector(&name))?;
    ok(&Info::from(info))
}

/// `GET /connectors/{name}/status`
pub(super) async fn status(State(state): State<Arc<AppState>>, Path(name): Path<String>) -> Answer {
    ok(&Status::from(state.herder.connector_status(&name)?))
}

/// `GET /connectors/{name}/tasks`
pub(super) async fn tasks(State(state): State<Arc<AppState>>, Path(name): Path<String>) -> Answer {
    ok(&state.herder.task_infos(&name).map_err(|_| no_connector(&name))?)
}

/// `GET /connectors/{name}/tasks/{task}/status`
pub(super) async fn task_status(
    State(state): State<Arc<AppState>>,
    Path((name, task)): Path<(String, String)>,
) -> Answer {
    let number =
        task.parse().map_err(|_| Failure::bad_request(format!("{task} is no number of a task")))?;
    ok(&TaskUnit::from(state.herder.task_status(&name, number)?))
}
