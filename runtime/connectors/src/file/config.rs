//! The keys of both connectors, as Kafka defines them, and their registration.

use gantry_api::model::config::ParsedConfig;
use gantry_api::{
    ConfigDef, ConfigKey, ConnectorPlugin, Error, Importance, PluginInfo, Props, Result, Type,
    Validator,
};

use super::sink::FileStreamSink;
use super::sink_task::FileStreamSinkTask;
use super::source::FileStreamSource;
use super::source_task::FileStreamSourceTask;

/// The source's class name.
pub const SOURCE_CLASS: &str = "org.apache.kafka.connect.file.FileStreamSourceConnector";
/// The sink's class name.
pub const SINK_CLASS: &str = "org.apache.kafka.connect.file.FileStreamSinkConnector";

pub(super) const FILE: &str = "file";
pub(super) const TOPIC: &str = "topic";
pub(super) const BATCH_SIZE: &str = "batch.size";
pub(super) const TASKS_MAX: &str = "tasks.max";

/// Kafka's default of [`BATCH_SIZE`].
const BATCH_SIZE_DEFAULT: i32 = 2000;

/// Both connectors of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    vec![
        ConnectorPlugin::source(
            PluginInfo::new(SOURCE_CLASS, "Connector", source_config),
            FileStreamSource::default,
            FileStreamSourceTask::default,
        ),
        ConnectorPlugin::sink(
            PluginInfo::new(SINK_CLASS, "Connector", sink_config),
            FileStreamSink::default,
            FileStreamSinkTask::default,
        ),
    ]
}

/// The keys of the source.
pub fn source_config() -> ConfigDef {
    ConfigDef::new()
        .define(ConfigKey::nullable(
            FILE,
            Type::String,
            Importance::High,
            "The file to read, line by line. Without it, standard input is read.",
        ))
        .define(
            ConfigKey::required(
                TOPIC,
                Type::String,
                Importance::High,
                "The topic that the lines are written to.",
            )
            .validator(Validator::NonEmptyString),
        )
        .define(ConfigKey::new(
            BATCH_SIZE,
            Type::Int,
            BATCH_SIZE_DEFAULT,
            Importance::Low,
            "How many records the task gives at most each time it is asked.",
        ))
}

/// The keys of the sink.
pub fn sink_config() -> ConfigDef {
    ConfigDef::new().define(ConfigKey::nullable(
        FILE,
        Type::String,
        Importance::High,
        "The file that values are appended to, one line each. Without it, standard output is \
         written.",
    ))
}

/// The configured file; `None` for standard input or output.
pub(super) fn file_of(config: &ParsedConfig) -> Option<String> {
    config.string(FILE).filter(|file| !file.is_empty()).map(str::to_owned)
}

/// The parsed configuration of a source task.
#[derive(Debug)]
pub(super) struct SourceConfig {
    pub(super) file: Option<String>,
    pub(super) topic: String,
    /// At least one.
    pub(super) batch_size: usize,
}

impl SourceConfig {
    pub(super) fn parse(props: &Props) -> Result<Self> {
        let config = source_config().parse(props)?;
        let topic = config.string(TOPIC).unwrap_or_default().to_owned();
        let batch_size = config.long(BATCH_SIZE).and_then(|size| usize::try_from(size).ok());
        let batch_size = batch_size.unwrap_or_default().max(1);
        Ok(Self { file: file_of(&config), topic, batch_size })
    }
}

/// The parsed configuration of a sink task.
#[derive(Debug)]
pub(super) struct SinkConfig {
    pub(super) file: Option<String>,
    /// Whether other tasks of the same connector write the same file.
    pub(super) shared: bool,
}

impl SinkConfig {
    pub(super) fn parse(props: &Props) -> Result<Self> {
        let file = file_of(&sink_config().parse(props)?);
        let tasks = props.get(TASKS_MAX).and_then(|tasks| tasks.trim().parse::<u32>().ok());
        Ok(Self { file, shared: tasks.unwrap_or(1) > 1 })
    }
}

/// An error about the configured file: what failed, the system's reason, the remedy.
pub(super) fn file_error(what: &str, path: &str, error: &std::io::Error, remedy: &str) -> Error {
    Error::connect(format!("{what} '{path}' (key '{FILE}'): {error}. {remedy}"))
        .caused_by(Error::io(format!("'{path}'"), error))
}
