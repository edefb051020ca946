//! Gantry's Connect runtime: the herder that holds connectors, the tasks that move records,
//! offsets, error handling, metrics. It knows plugins and the log by their traits only.

mod cluster;
mod config;
mod connector_config;
mod entities;
mod error;
mod herder;
mod metrics;
mod offsets;
mod preview;
mod providers;
mod secrets;
mod task;
mod validation;

pub use cluster::{Allocation, ClusterSettings};
pub use config::{RestartPolicy, WorkerConfig};
pub use connector_config::{converter_props, retired_keys};
pub use entities::{
    ActiveTopics, ConnectorInfo, ConnectorOffset, ConnectorOffsets, ConnectorState,
    ConnectorStateInfo, CreatedConnector, PluginDescription, TargetState, TaskId, TaskInfo,
    TaskState, UnitState,
};
pub use error::{HerderError, HerderErrorKind};
pub use herder::{Herder, PluginLoader};
pub use metrics::{ConnectorCounts, TaskMetrics, TaskSnapshot};
pub use preview::{
    ErrorHandling, PREVIEW_BYTES_MAX, PREVIEW_RECORDS_DEFAULT, PREVIEW_RECORDS_MAX, Preview,
    PreviewCondition, PreviewError, PreviewOutcome, PreviewRecord, PreviewSamples, PreviewStep,
    PreviewedRecord, Previewer, RawRecord, StartAt, StepOutcome, TopicSample,
};
pub use validation::{ClientOverridePolicy, ClientOverrides, validate_offline};

#[cfg(test)]
mod tests;
