//! Definitions of the common keys, in Kafka Connect's order, groups and names.

use gantry_api::model::config::ConfigData;
use gantry_api::model::regex::JavaPattern;
use gantry_api::{ConfigDef, ConfigKey, Error, Importance, Type, Validator, Width};

use super::{
    CONNECTOR_CLASS, CONNECTOR_VERSION, DLQ_TOPIC, HEADER_CONVERTER, KEY_CONVERTER, NAME,
    PREDICATES, TASKS_MAX, TOPICS, TOPICS_REGEX, TRANSFORMS, VALUE_CONVERTER,
};
use crate::validation::VersionRanges;

const COMMON: &str = "Common";
const ERRORS: &str = "Error Handling";

/// The defaults of a connector's converters: the worker's settings.
pub(crate) trait WorkerDefaults {
    /// The worker's value of a converter key.
    fn converter(&self, key: &str) -> Option<&str>;
}

impl WorkerDefaults for gantry_api::Props {
    fn converter(&self, key: &str) -> Option<&str> {
        self.get(key).map(String::as_str)
    }
}

/// Its default is the version of the plugin, which is known when the plugin is.
fn version_key(
    name: &str,
    importance: Importance,
    order: i32,
    width: Width,
    display: &str,
) -> ConfigKey {
    let doc = "The version of the plugin that must be there: a version, or a range as Maven \
               writes it.";
    ConfigKey::nullable(name, Type::String, importance, doc)
        .validator(Validator::custom(|_, value| match value {
            ConfigData::String(version) => {
                VersionRanges::requirement(Some(version)).map(|_| ()).map_err(Error::config)
            }
            _ => Ok(()),
        }))
        .group(COMMON, order, width, display)
}

fn converter_key(
    worker: &dyn WorkerDefaults,
    name: &str,
    order: i32,
    display: &str,
    doc: &str,
) -> ConfigKey {
    let default = worker
        .converter(name)
        .map_or(ConfigData::Null, |class| ConfigData::Class(class.to_owned()));
    ConfigKey::new(name, Type::Class, default, Importance::Low, doc).group(
        COMMON,
        order,
        Width::Short,
        display,
    )
}

fn aliases() -> Validator {
    let distinct = Validator::custom(|name, value| {
        let ConfigData::List(list) = value else { return Ok(()) };
        let repeated = list.iter().enumerate().any(|(i, alias)| list[..i].contains(alias));
        if repeated {
            return Err(Error::config(format!(
                "Invalid value [{}] for configuration {name}: Duplicate alias provided.",
                list.join(", ")
            )));
        }
        Ok(())
    });
    Validator::All(vec![Validator::NonNull, distinct])
}

fn head() -> ConfigDef {
    let doc = "The name of the connector, unique among all.";
    let class_doc = "The class of the connector: its full name, its simple name, or the simple \
                     name without Connector.";
    ConfigDef::new()
        .define(
            ConfigKey::required(NAME, Type::String, Importance::High, doc)
                .validator(Validator::NonEmptyStringWithoutControlChars)
                .group(COMMON, 1, Width::Medium, "Connector name"),
        )
        .define(
            ConfigKey::required(CONNECTOR_CLASS, Type::String, Importance::High, class_doc).group(
                COMMON,
                2,
                Width::Long,
                "Connector class",
            ),
        )
        .define(version_key(
            CONNECTOR_VERSION,
            Importance::Medium,
            3,
            Width::Medium,
            "Connector version",
        ))
        .define(
            ConfigKey::new(
                TASKS_MAX,
                Type::Int,
                1,
                Importance::High,
                "The most tasks that the connector may have.",
            )
            .validator(Validator::at_least(1))
            .group(COMMON, 4, Width::Short, "Tasks max"),
        )
        .define(
            ConfigKey::new(
                "tasks.max.enforce",
                Type::Boolean,
                true,
                Importance::Low,
                "Whether a connector that makes more tasks than tasks.max fails.",
            )
            .group(COMMON, 5, Width::Short, "Enforce tasks max"),
        )
}

fn converters(def: ConfigDef, worker: &dyn WorkerDefaults) -> ConfigDef {
    def.define(converter_key(
        worker,
        KEY_CONVERTER,
        6,
        "Key converter class",
        "The converter of keys; without it the worker's.",
    ))
    .define(version_key(
        "key.converter.plugin.version",
        Importance::Low,
        7,
        Width::Short,
        "Key converter version",
    ))
    .define(converter_key(
        worker,
        VALUE_CONVERTER,
        8,
        "Value converter class",
        "The converter of values; without it the worker's.",
    ))
    .define(version_key(
        "value.converter.plugin.version",
        Importance::Low,
        9,
        Width::Short,
        "Value converter version",
    ))
    .define(converter_key(
        worker,
        HEADER_CONVERTER,
        10,
        "Header converter class",
        "The converter of headers; without it the worker's.",
    ))
    .define(version_key(
        "header.converter.plugin.version",
        Importance::Low,
        11,
        Width::Short,
        "Header converter version",
    ))
}

fn stage_names(def: ConfigDef) -> ConfigDef {
    def.define(
        ConfigKey::new(
            TRANSFORMS,
            Type::List,
            ConfigData::EMPTY_LIST,
            Importance::Low,
            "Names of the transformations, in the order applied; each is set by \
                 transforms.NAME.type and further keys.",
        )
        .validator(aliases())
        .group("Transforms", 12, Width::Long, "Transforms"),
    )
    .define(
        ConfigKey::new(
            PREDICATES,
            Type::List,
            ConfigData::EMPTY_LIST,
            Importance::Low,
            "Names of the predicates that transformations refer to.",
        )
        .validator(aliases())
        .group("Predicates", 13, Width::Long, "Predicates"),
    )
    .define(
        ConfigKey::new(
            "config.action.reload",
            Type::String,
            "restart",
            Importance::Low,
            "What to do when a value of a config provider has changed: none or restart.",
        )
        .validator(Validator::one_of(&["none", "restart"]))
        .group(COMMON, 14, Width::Medium, "Reload Action"),
    )
}

fn errors(def: ConfigDef) -> ConfigDef {
    let key = |name, type_, default: ConfigData, order, width, display, doc| {
        ConfigKey::new(name, type_, default, Importance::Medium, doc)
            .group(ERRORS, order, width, display)
    };
    def.define(key(
        "errors.retry.timeout",
        Type::Long,
        ConfigData::Long(0),
        1,
        Width::Medium,
        "Retry Timeout for Errors",
        "How many milliseconds a failed operation is tried again; 0 never, -1 for ever.",
    ))
    .define(key(
        "errors.retry.delay.max.ms",
        Type::Long,
        ConfigData::Long(60_000),
        2,
        Width::Medium,
        "Maximum Delay Between Retries for Errors",
        "The longest wait between two tries, in milliseconds.",
    ))
    .define(
        key(
            "errors.tolerance",
            Type::String,
            ConfigData::String("none".to_owned()),
            3,
            Width::Short,
            "Error Tolerance",
            "none: the first record that cannot be handled fails the task. all: such records \
             are skipped.",
        )
        .validator(Validator::one_of(&["none", "all"])),
    )
    .define(key(
        "errors.log.enable",
        Type::Boolean,
        ConfigData::Boolean(false),
        4,
        Width::Short,
        "Log Errors",
        "Whether each failed record is logged.",
    ))
    .define(key(
        "errors.log.include.messages",
        Type::Boolean,
        ConfigData::Boolean(false),
        5,
        Width::Short,
        "Log Error Details",
        "Whether the log tells the record's topic, partition, offset and timestamp.",
    ))
}

fn dead_letter_queue(def: ConfigDef) -> ConfigDef {
    let key = |name, type_, default: ConfigData, order, display, doc| {
        ConfigKey::new(name, type_, default, Importance::Medium, doc).group(
            ERRORS,
            order,
            Width::Medium,
            display,
        )
    };
    def.define(key(
        DLQ_TOPIC,
        Type::String,
        ConfigData::String(String::new()),
        6,
        "Dead Letter Queue Topic Name",
        "The topic that failed records go to; empty: none.",
    ))
    .define(key(
        "errors.deadletterqueue.topic.replication.factor",
        Type::Short,
        ConfigData::Short(3),
        7,
        "Dead Letter Queue Topic Replication Factor",
        "Accepted for compatibility; how often data is kept is the log's own setting.",
    ))
    .define(key(
        "errors.deadletterqueue.context.headers.enable",
        Type::Boolean,
        ConfigData::Boolean(false),
        8,
        "Enable Error Context Headers",
        "Whether headers that begin with __connect.errors. say where and why it failed.",
    ))
}

fn regex_validator() -> Validator {
    Validator::custom(|name, value| match value {
        ConfigData::String(text) if !text.is_empty() => match JavaPattern::compile(text) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::config(format!(
                "Invalid value {text} for configuration {name}: Invalid regex: {}",
                error.message()
            ))),
        },
        ConfigData::Null => Err(Error::config(format!(
            "Invalid value null for configuration {name}: Invalid regex: null"
        ))),
        _ => Ok(()),
    })
}

/// The common keys of every connector.
pub(crate) fn common_definition(worker: &dyn WorkerDefaults) -> ConfigDef {
    errors(stage_names(converters(head(), worker)))
}

/// The common keys of a sink.
pub(crate) fn sink_definition(worker: &dyn WorkerDefaults) -> ConfigDef {
    let def = common_definition(worker)
        .define(
            ConfigKey::new(
                TOPICS,
                Type::List,
                ConfigData::EMPTY_LIST,
                Importance::High,
                "The topics to read.",
            )
            .validator(Validator::UniqueList { allowed: Vec::new(), empty: true, null: false })
            .group(COMMON, 4, Width::Long, "Topics"),
        )
        .define(
            ConfigKey::new(
                TOPICS_REGEX,
                Type::String,
                "",
                Importance::High,
                "A Java regular expression: all topics whose whole name matches are read.",
            )
            .validator(regex_validator())
            .group(COMMON, 4, Width::Long, "Topics regex"),
        );
    dead_letter_queue(def)
}

/// The common keys of a source.
pub(crate) fn source_definition(worker: &dyn WorkerDefaults) -> ConfigDef {
    const EXACTLY_ONCE: &str = "Exactly Once Support";
    common_definition(worker)
        .define(
            ConfigKey::new(
                "topic.creation.groups",
                Type::List,
                ConfigData::EMPTY_LIST,
                Importance::Low,
                "Names of groups of topics that are created with settings of their own.",
            )
            .validator(aliases())
            .group("Topic Creation", 1, Width::Long, "Topic Creation Groups"),
        )
        .define(
            ConfigKey::new(
                "exactly.once.support",
                Type::String,
                "requested",
                Importance::Medium,
                "required: refuse a connector that cannot be exactly-once. requested: do not.",
            )
            .validator(Validator::CaseInsensitiveValidString(vec![
                "requested".to_owned(),
                "required".to_owned(),
            ]))
            .group(EXACTLY_ONCE, 2, Width::Short, "Exactly once support"),
        )
        .define(
            ConfigKey::new(
                "transaction.boundary",
                Type::String,
                "poll",
                Importance::Medium,
                "What is written as one: the records of a poll, of an interval, or what the \
                 connector says.",
            )
            .validator(Validator::CaseInsensitiveValidString(vec![
                "poll".to_owned(),
                "interval".to_owned(),
                "connector".to_owned(),
            ]))
            .group(EXACTLY_ONCE, 3, Width::Short, "Transaction Boundary"),
        )
        .define(
            ConfigKey::nullable(
                "transaction.boundary.interval.ms",
                Type::Long,
                Importance::Low,
                "The interval in milliseconds when transaction.boundary is interval.",
            )
            .validator(Validator::custom(|name, value| match value {
                ConfigData::Null => Ok(()),
                _ => Validator::at_least(0).check(name, value),
            }))
            .group(EXACTLY_ONCE, 4, Width::Short, "Transaction boundary interval"),
        )
        .define(
            ConfigKey::nullable(
                "offsets.storage.topic",
                Type::String,
                Importance::Low,
                "A topic of the connector's own for its offsets; without it the worker's.",
            )
            .validator(Validator::NonEmptyString)
            .group("offsets.topic", 1, Width::Long, "Offsets topic"),
        )
}

/// How a group of topics is created.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopicCreation {
    /// Patterns of names that belong to it.
    pub(crate) include: Vec<JavaPattern>,
    /// Patterns of names that do not.
    pub(crate) exclude: Vec<JavaPattern>,
    /// How many queues; `None`: the default.
    pub(crate) queues: Option<u32>,
    /// `retention.ms`, `None`: the log's.
    pub(crate) retention_ms: Option<u64>,
    /// `retention.bytes`, `None`: the log's.
    pub(crate) retention_bytes: Option<u64>,
    /// `cleanup.policy=compact`
    pub(crate) compact: bool,
}

/// Adds the keys of the default topic creation group.
pub(crate) fn embed_default_group(def: ConfigDef) -> ConfigDef {
    def.embed("topic.creation.default.", "default", 0, &group_definition("default", None))
}

/// Adds the keys of a further topic creation group, whose defaults are those of the default group:
/// its replication factor and partitions.
pub(crate) fn embed_group(def: ConfigDef, group: &str, defaults: (i64, i64)) -> ConfigDef {
    let title = format!("Topic Creation: {group}");
    let own = group_definition(&title, Some(defaults));
    def.embed(&format!("topic.creation.{group}."), &title, 0, &own)
}

fn group_definition(title: &str, defaults: Option<(i64, i64)>) -> ConfigDef {
    let patterns = |name: &str, default: ConfigData, order: i32, what: &str| {
        ConfigKey::new(
            name,
            Type::List,
            default,
            Importance::Low,
            "Java regular expressions of topic names.",
        )
        .validator(patterns_validator())
        .group(title, order, Width::Long, &format!("{what} Topic Pattern for {title}"))
    };
    let count = |name: &str, type_, default: Option<i64>, doc, rule: &'static str| {
        let key = match default {
            None => ConfigKey::required(name, type_, Importance::Low, doc),
            Some(n) => ConfigKey::new(name, type_, n.to_string().as_str(), Importance::Low, doc),
        };
        key.validator(positive_or_default(rule))
    };
    let all = if defaults.is_none() {
        ConfigData::List(vec![".*".to_owned()])
    } else {
        ConfigData::EMPTY_LIST
    };
    ConfigDef::new()
        .define(patterns("include", all, 1, "Inclusion"))
        .define(patterns("exclude", ConfigData::EMPTY_LIST, 2, "Exclusion"))
        .define(
            count(
                "replication.factor",
                Type::Short,
                defaults.map(|(factor, _)| factor),
                "Accepted for compatibility; -1: the log's default.",
                "Replication factor must be positive and not larger than the number of brokers in \
                 the Kafka cluster, or -1 to use the broker's default",
            )
            .group(
                title,
                3,
                Width::Long,
                &format!("Replication Factor for Topics in {title}"),
            ),
        )
        .define(
            count(
                "partitions",
                Type::Int,
                defaults.map(|(_, partitions)| partitions),
                "How many queues; -1: the log's default.",
                "Number of partitions must be positive, or -1 to use the broker's default",
            )
            .group(
                title,
                4,
                Width::Long,
                &format!("Partition Count for Topics in {title}"),
            ),
        )
}

fn patterns_validator() -> Validator {
    Validator::custom(|name, value| {
        let ConfigData::List(patterns) = value else { return Ok(()) };
        patterns.iter().try_for_each(|pattern| match JavaPattern::compile(pattern) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::config(format!(
                "Invalid value {} for configuration {name}: Syntax error in regular expression: {}",
                value.to_java(),
                error.message()
            ))),
        })
    })
}

fn positive_or_default(rule: &'static str) -> Validator {
    Validator::custom(move |name, value| {
        let number = match *value {
            ConfigData::Int(n) => i64::from(n),
            ConfigData::Short(n) => i64::from(n),
            _ => return Ok(()),
        };
        if number == -1 || number >= 1 {
            return Ok(());
        }
        Err(Error::config(format!("Invalid value {number} for configuration {name}: {rule}")))
    })
}
