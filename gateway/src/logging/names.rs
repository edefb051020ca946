//! Names of loggers: of our modules, and Kafka Connect's for those that do the same work.

/// The root of all loggers.
pub(super) const ROOT: &str = "root";

/// A logger that is known from the start.
#[derive(Debug)]
pub(super) struct Known {
    /// Its name.
    pub(super) native: &'static str,
    /// The names that its work has in Kafka Connect.
    pub(super) kafka: &'static [&'static str],
}

const fn known(native: &'static str, kafka: &'static [&'static str]) -> Known {
    Known { native, kafka }
}

/// The known loggers. A module that is not here belongs to the nearest one above it.
pub(super) const KNOWN: &[Known] = &[
    known("gantry.startup", &["org.apache.kafka.connect.cli.ConnectStandalone"]),
    known("gantry.rest", &["org.apache.kafka.connect.runtime.rest.RestServer"]),
    known(
        "gantry.rest.auth",
        &["org.apache.kafka.connect.rest.basic.auth.extension.JaasBasicAuthFilter"],
    ),
    known("gantry.engine", &["org.apache.kafka.connect.runtime.Worker"]),
    known(
        "gantry.engine.herder",
        &[
            "org.apache.kafka.connect.runtime.AbstractHerder",
            "org.apache.kafka.connect.runtime.standalone.StandaloneHerder",
        ],
    ),
    known("gantry.engine.herder.connector", &["org.apache.kafka.connect.runtime.WorkerConnector"]),
    known("gantry.engine.offsets", &["org.apache.kafka.connect.storage.KafkaOffsetBackingStore"]),
    known("gantry.engine.task", &["org.apache.kafka.connect.runtime.WorkerTask"]),
    known(
        "gantry.engine.task.acknowledgements",
        &["org.apache.kafka.connect.runtime.SubmittedRecords"],
    ),
    known("gantry.engine.task.errors", &["org.apache.kafka.connect.runtime.errors.LogReporter"]),
    known("gantry.engine.task.sink", &["org.apache.kafka.connect.runtime.WorkerSinkTask"]),
    known(
        "gantry.engine.task.source",
        &[
            "org.apache.kafka.connect.runtime.AbstractWorkerSourceTask",
            "org.apache.kafka.connect.runtime.WorkerSourceTask",
        ],
    ),
    known("gantry.engine.task.topics", &["org.apache.kafka.connect.util.TopicAdmin"]),
    known("gantry.connectors.file", &["org.apache.kafka.connect.file"]),
    known(
        "gantry.connectors.file.sink",
        &["org.apache.kafka.connect.file.FileStreamSinkConnector"],
    ),
    known(
        "gantry.connectors.file.sink_task",
        &["org.apache.kafka.connect.file.FileStreamSinkTask"],
    ),
    known(
        "gantry.connectors.file.source",
        &["org.apache.kafka.connect.file.FileStreamSourceConnector"],
    ),
    known(
        "gantry.connectors.file.source_task",
        &["org.apache.kafka.connect.file.FileStreamSourceTask"],
    ),
    known("gantry.replicator", &["org.apache.kafka.connect.mirror"]),
    known("gantry.converters", &["org.apache.kafka.connect.json.JsonConverter"]),
    known(
        "gantry.schema_converters",
        &["io.confluent.connect", "io.confluent.kafka.schemaregistry.client"],
    ),
    known("gantry.schema_registry", &["io.confluent.kafka.schemaregistry.storage"]),
    known("gantry.transforms", &["org.apache.kafka.connect.transforms"]),
    known("gantry.log", &[]),
];

/// The crates below `gantry.`; what follows another word is a module of the program itself.
const CRATES: [&str; 10] = [
    "model",
    "converters",
    "transforms",
    "api",
    "log",
    "engine",
    "connectors",
    "replicator",
    "schema_converters",
    "schema_registry",
];

/// The modules of a logger: `gantry.engine.task` → `gantry_engine::task`.
pub(super) fn target(name: &str) -> String {
    let Some(rest) = name.strip_prefix("gantry.") else { return name.replace('.', "::") };
    let first = rest.split('.').next().unwrap_or_default();
    let separator = if CRATES.contains(&first) { "_" } else { "::" };
    format!("gantry{separator}{}", rest.replace('.', "::"))
}

/// The logger of a module: `gantry_engine::task` → `gantry.engine.task`.
pub(super) fn name(target: &str) -> String {
    let name = target.replace("::", ".");
    match name.strip_prefix("gantry_") {
        Some(rest) if CRATES.contains(&rest.split('.').next().unwrap_or_default()) => {
            format!("gantry.{rest}")
        }
        _ => name,
    }
}

/// Whether a logger is `ancestor` or below it.
pub(super) fn is_within(name: &str, ancestor: &str) -> bool {
    match name.strip_prefix(ancestor) {
        Some(rest) => rest.is_empty() || rest.starts_with('.'),
        None => false,
    }
}

/// The logger above one; `None` is the root.
pub(super) fn parent(name: &str) -> Option<&str> {
    name.rfind('.').map(|dot| &name[..dot])
}
