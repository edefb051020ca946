//! What the REST API shows, in Kafka Connect's field order.

use std::collections::BTreeMap;
use std::fmt;

use gantry_api::{OffsetMap, Props};
pub use gantry_cluster::TargetState;
use serde::{Deserialize, Serialize};

/// A task of a connector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TaskId {
    /// The connector's name.
    pub connector: String,
    /// The task's number, from 0.
    pub task: u32,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.connector, self.task)
    }
}

/// A connector's configuration and tasks.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectorInfo {
    /// Its name.
    pub name: String,
    /// Its configuration as the user gave it, with `name`.
    pub config: BTreeMap<String, String>,
    /// Its tasks.
    pub tasks: Vec<TaskId>,
    /// `source` or `sink`; `unknown` when its class is not there.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// What became of the offsets that the connector was created with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offsets_status: Option<String>,
}

/// A connector that was put, and whether it is new.
#[derive(Clone, Debug)]
pub struct CreatedConnector {
    /// False: it existed and was changed.
    pub created: bool,
    /// What it is now.
    pub info: ConnectorInfo,
}

/// A task's configuration.
#[derive(Clone, Debug, Serialize)]
pub struct TaskInfo {
    /// Which task.
    pub id: TaskId,
    /// Its configuration.
    pub config: Props,
}

/// The state of a connector or task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum UnitState {
    /// Not yet started anywhere.
    Unassigned,
    /// Working.
    Running,
    /// Waiting until resumed.
    Paused,
    /// Stopped by an error.
    Failed,
    /// About to be started again.
    Restarting,
    /// Stopped by the user: no tasks.
    Stopped,
}

/// The state of a connector.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectorState {
    /// The state.
    pub state: UnitState,
    /// Where it is.
    pub worker_id: String,
    /// The plugin's version; null while it is not known.
    pub version: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// The state of a task.
#[derive(Clone, Debug, Serialize)]
pub struct TaskState {
    /// The task's number.
    pub id: u32,
    /// The state.
    pub state: UnitState,
    /// Where it is.
    pub worker_id: String,
    /// The plugin's version; null while it is not known.
    pub version: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// The state of a connector and its tasks.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectorStateInfo {
    /// Its name.
    pub name: String,
    /// Its own state.
    pub connector: ConnectorState,
    /// Its tasks, by number.
    pub tasks: Vec<TaskState>,
    /// `source` or `sink`.
    #[serde(rename = "type")]
    pub type_: &'static str,
}

/// The topics that a connector has used since its creation or the last reset.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ActiveTopics {
    /// Their names.
    pub topics: Vec<String>,
}

/// One offset: of a source partition, or of a queue for a sink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectorOffset {
    /// Which partition.
    pub partition: OffsetMap,
    /// Where it stands; null resets it.
    pub offset: Option<OffsetMap>,
}

/// All offsets of a connector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectorOffsets {
    /// The offsets.
    pub offsets: Vec<ConnectorOffset>,
}

/// A plugin in the list of plugins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PluginDescription {
    /// Its class.
    pub class: String,
    /// `source`, `sink`, `converter`, `header_converter`, `transformation`, `predicate`.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}
