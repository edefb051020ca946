//! Names, keys and registration. None of the connectors defines a key: as in Kafka, each reads
//! what it needs when it starts.

use std::num::IntErrorKind;
use std::str::FromStr;

use gantry_api::{ConfigDef, ConnectorPlugin, Error, OffsetMap, PluginInfo, Props, Result};
use serde_json::Value as Json;

use super::mock::{MockConnector, MockSinkTask, MockSourceTask};
use super::numbered::NumberedConnector;
use super::schema_source::SchemaSourceTask;
use super::verifiable_sink::VerifiableSinkTask;
use super::verifiable_source::VerifiableSourceTask;

/// MockSource's class name.
pub const MOCK_SOURCE_CLASS: &str = "org.apache.kafka.connect.tools.MockSourceConnector";
/// MockSink's class name.
pub const MOCK_SINK_CLASS: &str = "org.apache.kafka.connect.tools.MockSinkConnector";
/// VerifiableSource's class name.
pub const VERIFIABLE_SOURCE_CLASS: &str =
    "org.apache.kafka.connect.tools.VerifiableSourceConnector";
/// VerifiableSink's class name.
pub const VERIFIABLE_SINK_CLASS: &str = "org.apache.kafka.connect.tools.VerifiableSinkConnector";
/// SchemaSource's class name.
pub const SCHEMA_SOURCE_CLASS: &str = "org.apache.kafka.connect.tools.SchemaSourceConnector";

/// The connector's name, as the runtime sets it.
pub(super) const NAME: &str = "name";
/// The task's number: the connector sets it.
pub(super) const ID: &str = "id";
pub(super) const TOPIC: &str = "topic";
/// Records a second of a task; negative: no limit.
pub(super) const THROUGHPUT: &str = "throughput";
/// The number of a record: in offsets, values and printed lines.
pub(super) const SEQNO: &str = "seqno";

/// All connectors of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    let info = |class| PluginInfo::new(class, "Connector", ConfigDef::new);
    let mock = MockConnector::default;
    let numbered = NumberedConnector::default;
    vec![
        ConnectorPlugin::source(info(MOCK_SOURCE_CLASS), mock, MockSourceTask::default),
        ConnectorPlugin::sink(info(MOCK_SINK_CLASS), mock, MockSinkTask::default),
        ConnectorPlugin::source(
            info(VERIFIABLE_SOURCE_CLASS),
            numbered,
            VerifiableSourceTask::default,
        ),
        ConnectorPlugin::sink(info(VERIFIABLE_SINK_CLASS), numbered, VerifiableSinkTask::default),
        ConnectorPlugin::source(info(SCHEMA_SOURCE_CLASS), numbered, SchemaSourceTask::default),
    ]
}

/// A whole number that must be set. The error has Kafka's text, and behind it which key it is.
pub(super) fn number<T: FromStr<Err = std::num::ParseIntError>>(
    props: &Props,
    key: &str,
) -> Result<T> {
    let Some(text) = props.get(key) else {
        return Err(no_number("Cannot parse null string".to_owned()).caused_by(Error::config(
            format!("Missing required configuration \"{key}\" which has no default value."),
        )));
    };
    text.parse().map_err(|error: std::num::ParseIntError| {
        let reason = match error.kind() {
            IntErrorKind::PosOverflow => "it is too large",
            IntErrorKind::NegOverflow => "it is too small",
            _ => "it is not a whole number",
        };
        no_number(format!("For input string: \"{text}\"")).caused_by(Error::config(format!(
            "Invalid value {text} for configuration {key}: {reason}"
        )))
    })
}

fn no_number(message: String) -> Error {
    Error::java("java.lang.NumberFormatException", message)
}

/// The topic of a source task.
pub(super) fn topic(props: &Props) -> Result<String> {
    match props.get(TOPIC) {
        Some(topic) if !topic.is_empty() => Ok(topic.clone()),
        _ => Err(Error::config(format!(
            "Missing required configuration \"{TOPIC}\": name the topic to write to"
        ))),
    }
}

/// The number after the stored one; 0 where none is stored.
pub(super) fn next_seqno(stored: Option<&OffsetMap>) -> Result<i64> {
    let Some(stored) = stored else { return Ok(0) };
    let seqno = stored.get(SEQNO).and_then(Json::as_i64).ok_or_else(|| {
        Error::connect(format!(
            "The stored offset {} has no whole number as '{SEQNO}': change or remove it while the \
             connector is stopped",
            Json::Object(stored.clone())
        ))
    })?;
    Ok(seqno.wrapping_add(1))
}
