//! Workers, and what each of them has.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use gantry_api::Props;
use gantry_engine::{Herder, UnitState};
use serde::Serialize;

use super::answer::{Answer, ok};
use crate::rest::AppState;

/// A task that this worker has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CurrentTask {
    pub(super) connector_name: String,
    pub(super) config: Props,
    pub(super) task_state: &'static str,
}

/// The tasks that this worker has, by what they are doing.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AllocatedTasks {
    pub(super) pending_tasks: Vec<CurrentTask>,
    pub(super) stopped_tasks: Vec<CurrentTask>,
    pub(super) error_tasks: Vec<CurrentTask>,
    pub(super) stopping_tasks: Vec<CurrentTask>,
    pub(super) running_tasks: Vec<CurrentTask>,
}

#[derive(Serialize)]
struct Allocated {
    connectors: BTreeMap<String, Props>,
    tasks: AllocatedTasks,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Configs {
    connector_configs: BTreeMap<String, Props>,
    task_configs: BTreeMap<String, Vec<Props>>,
}

/// The configurations of all connectors.
pub(super) fn connector_configs(herder: &Herder) -> BTreeMap<String, Props> {
    let config = |name: String| Some((name.clone(), herder.connector_config(&name).ok()?));
    herder.connectors().into_iter().filter_map(config).collect()
}

/// All tasks by what they are doing.
pub(super) fn tasks(herder: &Herder) -> AllocatedTasks {
    let mut all = AllocatedTasks::default();
    for name in herder.connectors() {
        // One that was deleted a moment ago is left out.
        let (Ok(infos), Ok(status)) = (herder.task_infos(&name), herder.connector_status(&name))
        else {
            continue;
        };
        for task in status.tasks {
            let Some(info) = infos.iter().find(|info| info.id.task == task.id) else { continue };
            let (group, task_state) = match task.state {
                UnitState::Running | UnitState::Paused => (&mut all.running_tasks, "RUNNING"),
                UnitState::Failed => (&mut all.error_tasks, "ERROR"),
                UnitState::Stopped => (&mut all.stopped_tasks, "STOPPED"),
                UnitState::Unassigned | UnitState::Restarting => {
                    (&mut all.pending_tasks, "PENDING")
                }
            };
            let mut config = info.config.clone();
            config.insert("task.id".to_owned(), task.id.to_string());
            group.push(CurrentTask { connector_name: name.clone(), config, task_state });
        }
    }
    all
}

/// `GET /getClusterInfo`
pub(super) async fn workers(State(state): State<Arc<AppState>>) -> Answer {
    ok(&[&state.herder.worker_config().worker_id])
}

/// `GET /allocated/connectors`
pub(super) async fn allocated_connectors(State(state): State<Arc<AppState>>) -> Answer {
    ok(&connector_configs(&state.herder))
}

/// `GET /allocated/tasks`
pub(super) async fn allocated_tasks(State(state): State<Arc<AppState>>) -> Answer {
    ok(&tasks(&state.herder))
}

/// `GET /getAllocatedInfo`
pub(super) async fn allocated(State(state): State<Arc<AppState>>) -> Answer {
    let herder = &state.herder;
    ok(&Allocated { connectors: connector_configs(herder), tasks: tasks(herder) })
}

/// `GET /getConfigInfo`
pub(super) async fn configs(State(state): State<Arc<AppState>>) -> Answer {
    let herder = &state.herder;
    let of_tasks = |name: String| {
        let infos = herder.task_infos(&name).ok()?;
        Some((name, infos.into_iter().map(|info| info.config).collect()))
    };
    ok(&Configs {
        connector_configs: connector_configs(herder),
        task_configs: herder.connectors().into_iter().filter_map(of_tasks).collect(),
    })
}
