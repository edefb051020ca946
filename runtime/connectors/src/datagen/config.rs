//! The keys, and what they mean for one task.

use gantry_api::{
    ConfigDef, ConfigKey, ConnectorPlugin, Error, Importance, PluginInfo, Props, Result, Type,
    Validator,
};

use super::source::{DatagenSource, DatagenSourceTask};

/// The connector's class name.
pub const CLASS: &str = "org.gantry.connect.datagen.DatagenSourceConnector";

const TOPIC: &str = "topic";
const RATE: &str = "records.per.second";
const MAX: &str = "max.records";
const BYTES: &str = "record.bytes";
const FORMAT: &str = "format";
const KEY_MODE: &str = "key.mode";
const KEYS: &str = "keys";
const SEED: &str = "seed";
/// Keys that the connector sets for its tasks.
pub(super) const TASK: &str = "datagen.task";
pub(super) const TASKS: &str = "datagen.tasks";

const BYTES_DEFAULT: i32 = 100;
/// A record is made in memory, many at a time.
pub(super) const BYTES_MAX: i32 = 1024 * 1024;
const KEYS_DEFAULT: i64 = 1000;

/// The connector of this folder, also under the name `Datagen`.
pub fn plugins() -> Vec<ConnectorPlugin> {
    let mut info = PluginInfo::new(CLASS, "Connector", config_def);
    info.aliases.push("Datagen".into());
    vec![ConnectorPlugin::source(info, DatagenSource::default, DatagenSourceTask::default)]
}

/// The keys.
pub fn config_def() -> ConfigDef {
    let low = Importance::Low;
    ConfigDef::new()
        .define(
            ConfigKey::required(TOPIC, Type::String, Importance::High, "The topic to write to.")
                .validator(Validator::NonEmptyString),
        )
        .define(
            ConfigKey::new(
                RATE,
                Type::Long,
                0_i64,
                Importance::High,
                "Records a second, all tasks together; 0: as many as the log takes.",
            )
            .validator(Validator::at_least(0)),
        )
        .define(
            ConfigKey::new(
                MAX,
                Type::Long,
                -1_i64,
                Importance::High,
                "Records in all, all tasks together; -1: no end.",
            )
            .validator(Validator::at_least(-1)),
        )
        .define(
            ConfigKey::new(BYTES, Type::Int, BYTES_DEFAULT, low, "Bytes of text in a record.")
                .validator(Validator::between(1, BYTES_MAX)),
        )
        .define(
            ConfigKey::new(
                FORMAT,
                Type::String,
                "text",
                low,
                "text: a string. json: a struct of task, sequence and text.",
            )
            .validator(Validator::one_of(&["text", "json"])),
        )
        .define(
            ConfigKey::new(
                KEY_MODE,
                Type::String,
                "none",
                low,
                "none: no keys. sequence: each record its own number. mod: that number modulo \
                 `keys`.",
            )
            .validator(Validator::one_of(&["none", "sequence", "mod"])),
        )
        .define(
            ConfigKey::new(KEYS, Type::Long, KEYS_DEFAULT, low, "Different keys of key.mode mod.")
                .validator(Validator::at_least(1)),
        )
        .define(ConfigKey::new(SEED, Type::Long, 0_i64, low, "Other seeds give other texts."))
}

/// The form of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Json,
}

/// The form of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyMode {
    None,
    Sequence,
    /// Modulo this.
    Mod(i64),
}

/// What one task makes.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) topic: String,
    pub(super) task: i64,
    /// Records a second of this task; 0 is without limit.
    pub(super) rate: f64,
    /// Records of this task; `None` is without end.
    pub(super) max: Option<i64>,
    pub(super) bytes: usize,
    pub(super) format: Format,
    pub(super) key_mode: KeyMode,
    pub(super) seed: i64,
}

impl Config {
    pub(super) fn parse(props: &Props) -> Result<Self> {
        let config = config_def().parse(props)?;
        let long = |key: &str| config.long(key).unwrap_or_default();
        let given = |key: &str, default: i64| match props.get(key) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| {
                Error::config(format!(
                    "Invalid value {text} for configuration {key}: the connector sets it, remove it"
                ))
            }),
        };
        let tasks: i64 = given(TASKS, 1)?.max(1);
        let task: i64 = given(TASK, 0)?;
        // The first tasks make what cannot be divided.
        let share = |all: i64| all / tasks + i64::from(task < all % tasks);
        Ok(Self {
            topic: config.string(TOPIC).unwrap_or_default().to_owned(),
            task,
            rate: long(RATE) as f64 / tasks as f64,
            max: Some(long(MAX)).filter(|&max| max >= 0).map(share),
            bytes: usize::try_from(long(BYTES)).unwrap_or(1),
            format: if config.string(FORMAT) == Some("json") { Format::Json } else { Format::Text },
            key_mode: match config.string(KEY_MODE) {
                Some("sequence") => KeyMode::Sequence,
                Some("mod") => KeyMode::Mod(long(KEYS).max(1)),
                _ => KeyMode::None,
            },
            seed: long(SEED),
        })
    }
}
