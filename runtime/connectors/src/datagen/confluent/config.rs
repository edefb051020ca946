//! The keys, and what they mean for one task.

use std::path::Path;
use std::sync::Arc;

use gantry_api::model::config::{ConfigData, ConfigValue};
use gantry_api::model::files::read_text_bounded;
use gantry_api::{
    ConfigDef, ConfigKey, ConnectorPlugin, Error, Importance, PluginInfo, Props, Result, Schema,
    Str, Type, Validator,
};

use super::avro::{self, Avro, Kind};
use super::connect;
use super::connector::DatagenConnector;
use super::generator::{Compiled, compile};
use super::quickstarts::{QUICKSTARTS, Quickstart};
use super::task::DatagenTask;

/// The connector's class name, which is Confluent's.
pub const CLASS: &str = "io.confluent.kafka.connect.datagen.DatagenConnector";

const TOPIC: &str = "kafka.topic";
const MAX_INTERVAL: &str = "max.interval";
const ITERATIONS: &str = "iterations";
const SCHEMA_STRING: &str = "schema.string";
const SCHEMA_FILENAME: &str = "schema.filename";
const SCHEMA_KEYFIELD: &str = "schema.keyfield";
const QUICKSTART: &str = "quickstart";
const RANDOM_SEED: &str = "random.seed";
/// The key that the connector sets for its tasks.
pub(super) const TASK_ID: &str = "task.id";

const MAX_INTERVAL_DEFAULT: i64 = 500;
const ITERATIONS_DEFAULT: i32 = -1;

/// Schemas are written by people.
const SCHEMA_MAX: u64 = 16 * 1024 * 1024;

/// The three that a schema can come from.
const SOURCES: [&str; 3] = [SCHEMA_STRING, SCHEMA_FILENAME, QUICKSTART];
const EXACTLY_ONE: &str = "Must set exactly one of schema.string, schema.filename, quickstart";
const UNPARSABLE: &str = "Unable to parse the provided schema";

/// The connector of this folder.
pub fn plugins() -> Vec<ConnectorPlugin> {
    // Without the alias `Datagen`, which is that of the connector of our own.
    let info = PluginInfo::new(CLASS, "", config_def);
    vec![ConnectorPlugin::source(info, DatagenConnector::default, DatagenTask::default)]
}

/// The keys.
pub fn config_def() -> ConfigDef {
    let high = Importance::High;
    let text = |key, doc| ConfigKey::new(key, Type::String, "", high, doc);
    ConfigDef::new()
        .define(ConfigKey::required(TOPIC, Type::String, high, "The topic to write to."))
        .define(ConfigKey::new(
            MAX_INTERVAL,
            Type::Long,
            MAX_INTERVAL_DEFAULT,
            high,
            "The longest time between two records of a task, in milliseconds; on average it is \
             half of that. 0 or less: as fast as the log takes them.",
        ))
        .define(ConfigKey::new(
            ITERATIONS,
            Type::Int,
            ITERATIONS_DEFAULT,
            high,
            "How many records each task makes, after which it fails; 0 or less: no end.",
        ))
        .define(text(SCHEMA_STRING, "The Avro schema of the records, as JSON."))
        .define(text(
            SCHEMA_FILENAME,
            "A file with the Avro schema of the records, or the file name of a quickstart.",
        ))
        .define(text(SCHEMA_KEYFIELD, "The field of a record that is its key."))
        .define(
            text(QUICKSTART, "The name of a schema that comes with the connector.")
                .validator(Validator::custom(check_quickstart)),
        )
        .define(ConfigKey::nullable(
            RANDOM_SEED,
            Type::Long,
            Importance::Low,
            "The seed of the random numbers: the same one gives the same records.",
        ))
}

fn check_quickstart(key: &str, value: &ConfigData) -> Result<()> {
    match value {
        ConfigData::String(name) if !name.is_empty() && Quickstart::by_name(name).is_none() => {
            let names: Vec<&str> = QUICKSTARTS.iter().map(|quickstart| quickstart.name).collect();
            Err(Error::config(format!("{key} must be one out of {}", names.join(","))))
        }
        _ => Ok(()),
    }
}

/// What the tasks make.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) topic: Str,
    /// In milliseconds.
    pub(super) max_interval: i64,
    /// `None`: without end.
    pub(super) iterations: Option<i64>,
    pub(super) seed: Option<i64>,
    pub(super) plan: Plan,
}

/// A schema that was made ready.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) compiled: Compiled,
    /// Of the values.
    pub(super) schema: Schema,
    /// The place and schema of the field that is the key.
    pub(super) key: Option<(usize, Schema)>,
}

/// What is wrong, and of which key.
struct Fault {
    key: &'static str,
    message: String,
}

impl Settings {
    /// Reads files, and so may block.
    pub(super) fn read(props: &Props) -> Result<Self> {
        let config = config_def().parse(props)?;
        let text = |key| config.string(key).filter(|text| !text.is_empty());
        if given(text).len() != 1 {
            return Err(Error::config(EXACTLY_ONE));
        }
        let plan = Plan::read(text)
            .map_err(|fault| Error::config(format!("{} ({})", fault.message, fault.key)))?;
        Ok(Self {
            topic: config.string(TOPIC).unwrap_or_default().into(),
            max_interval: config.long(MAX_INTERVAL).unwrap_or_default(),
            iterations: config.long(ITERATIONS).filter(|&count| count > 0),
            seed: config.long(RANDOM_SEED),
            plan,
        })
    }
}

/// Adds what is wrong with several keys together, and with the schema.
pub(super) fn validate(props: &Props, findings: &mut [ConfigValue]) {
    let text = |key| props.get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
    let given = given(text);
    let is_clean = findings.iter().all(|finding| finding.errors.is_empty());
    let mut add = |key: &str, message: &str| {
        if let Some(finding) = findings.iter_mut().find(|finding| finding.name == key) {
            finding.errors.push(message.to_owned());
        }
    };
    if given.len() != 1 {
        let all = if given.is_empty() { &SOURCES[..] } else { &given };
        all.iter().for_each(|key| add(key, EXACTLY_ONE));
        return;
    }
    match Plan::read(text) {
        // What one of these keys alone has wrong was found already.
        Err(Fault { key: QUICKSTART | SCHEMA_KEYFIELD, .. }) if !is_clean => {}
        Err(Fault { key, message }) => add(key, &message),
        Ok(_) => {}
    }
}

/// Which of the three are given.
fn given<'a>(text: impl Fn(&'static str) -> Option<&'a str>) -> Vec<&'static str> {
    SOURCES.into_iter().filter(|key| text(key).is_some()).collect()
}

impl Plan {
    /// From the texts of keys; an empty one is none.
    fn read<'a>(text: impl Fn(&'static str) -> Option<&'a str>) -> Result<Self, Fault> {
        let wanted = text(SCHEMA_KEYFIELD);
        let (source, own_key, avro) = if let Some(name) = text(QUICKSTART) {
            let quickstart = Quickstart::by_name(name);
            let known = quickstart.ok_or_else(|| format!("There is no quickstart {name}"));
            let avro = known.and_then(Quickstart::schema);
            (QUICKSTART, quickstart.map(|quickstart| quickstart.key), avro)
        } else if let Some(schema) = text(SCHEMA_STRING) {
            (SCHEMA_STRING, None, avro::parse(schema))
        } else {
            (SCHEMA_FILENAME, None, of_file(text(SCHEMA_FILENAME).unwrap_or_default())?)
        };
        let fault = |message: String| Fault { key: source, message };
        let unparsable = |reason: String| fault(format!("{UNPARSABLE}: {reason}"));
        let avro = avro.map_err(unparsable)?;
        if let Some(class) = not_a_record(&avro) {
            return Err(fault(format!(
                "Expected Avro Random Generator to return instance of GenericRecord, found {class} \
                 instead"
            )));
        }
        let schema = connect::schema(&avro).map_err(unparsable)?;
        let key = match wanted.or(own_key) {
            None => None,
            Some(name) => Some(schema.field(name).ok_or_else(|| Fault {
                key: SCHEMA_KEYFIELD,
                message: format!(
                    "The schema does not contain the field provided in '{SCHEMA_KEYFIELD}'"
                ),
            })?),
        };
        let key = key.map(|field| (field.index, Schema::clone(&field.schema)));
        let compiled = compile(&avro, &schema).map_err(unparsable)?;
        Ok(Self { compiled, schema, key })
    }
}

/// The schema in a file, or else in the file of that name that comes with the connector.
fn of_file(name: &str) -> Result<Result<Arc<Avro>, String>, Fault> {
    let fault = |message| Fault { key: SCHEMA_FILENAME, message };
    let path = Path::new(name);
    if path.is_file() {
        let text = read_text_bounded(path, SCHEMA_MAX);
        return text
            .map(|text| avro::parse(&text))
            .map_err(|reason| fault(format!("Unable to read the schema file: {reason}")));
    }
    match Quickstart::by_file(name) {
        Some(quickstart) => Ok(quickstart.schema()),
        None => Err(fault("Unable to find the schema file".to_owned())),
    }
}

/// The Java class of the values, if the schema is none of a record.
fn not_a_record(avro: &Avro) -> Option<&'static str> {
    Some(match avro.kind {
        Kind::Record(..) => return None,
        Kind::Null => "null",
        Kind::Boolean => "java.lang.Boolean",
        Kind::Int => "java.lang.Integer",
        Kind::Long => "java.lang.Long",
        Kind::Float => "java.lang.Float",
        Kind::Double => "java.lang.Double",
        Kind::String => "java.lang.String",
        Kind::Bytes => "java.nio.ByteBuffer",
        Kind::Array(_) => "java.util.ArrayList",
        Kind::Map(_) => "java.util.HashMap",
        Kind::Enum(..) => "org.apache.avro.generic.GenericData$EnumSymbol",
        Kind::Fixed(..) => "org.apache.avro.generic.GenericData$Fixed",
        Kind::Union(_) => "a value of one of several types",
    })
}
