//! Definitions of plugins and of the keys that many of them have.

use gantry_model::config::{
    ConfigData, ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator,
};
use gantry_model::plugin::{Plugin, PluginInfo, Predicate, Transformation};
use gantry_model::regex::JavaPattern;
use gantry_model::{Error, Result};

use super::side::Side;

const PACKAGE: &str = "org.apache.kafka.connect.transforms";
const GANTRY_PACKAGE: &str = "org.gantry.connect.transforms";
const ROCKETMQ_PACKAGE: &str = "org.apache.rocketmq.connect.transforms";
/// The key that many transformations share.
const REPLACE_NULL: &str = "replace.null.with.default";

/// The `$Key` and the `$Value` plugin of one transformation.
pub(crate) fn keyed(
    name: &str,
    config: fn() -> ConfigDef,
    make: fn(&ParsedConfig, Side) -> Result<Box<dyn Transformation>>,
) -> [Plugin<dyn Transformation>; 2] {
    sides(PACKAGE, name, config, make)
}

/// The same under RocketMQ Connect's class names.
pub(crate) fn rocketmq_keyed(
    name: &str,
    config: fn() -> ConfigDef,
    make: fn(&ParsedConfig, Side) -> Result<Box<dyn Transformation>>,
) -> [Plugin<dyn Transformation>; 2] {
    sides(ROCKETMQ_PACKAGE, name, config, make)
}

/// Gantry's own.
pub(crate) fn gantry_keyed(
    name: &str,
    config: fn() -> ConfigDef,
    make: fn(&ParsedConfig, Side) -> Result<Box<dyn Transformation>>,
) -> [Plugin<dyn Transformation>; 2] {
    sides(GANTRY_PACKAGE, name, config, make)
}

/// Gantry's own, whose keys are checked otherwise on either side.
pub(crate) fn gantry_sided(
    name: &str,
    config: fn(Side) -> fn() -> ConfigDef,
    make: fn(&ParsedConfig, Side) -> Result<Box<dyn Transformation>>,
) -> [Plugin<dyn Transformation>; 2] {
    Side::ALL.map(|(side, suffix)| {
        let class = format!("{GANTRY_PACKAGE}.{name}{suffix}");
        parsed(&class, config(side), move |props| make(props, side))
    })
}

fn sides(
    package: &str,
    name: &str,
    config: fn() -> ConfigDef,
    make: fn(&ParsedConfig, Side) -> Result<Box<dyn Transformation>>,
) -> [Plugin<dyn Transformation>; 2] {
    Side::ALL.map(|(side, suffix)| {
        parsed(&format!("{package}.{name}{suffix}"), config, move |props| make(props, side))
    })
}

/// A transformation without `$Key` and `$Value` forms.
pub(crate) fn single(
    name: &str,
    config: fn() -> ConfigDef,
    make: fn(&ParsedConfig) -> Result<Box<dyn Transformation>>,
) -> Plugin<dyn Transformation> {
    parsed(&format!("{PACKAGE}.{name}"), config, make)
}

/// The same under RocketMQ Connect's class name.
pub(crate) fn rocketmq_single(
    name: &str,
    config: fn() -> ConfigDef,
    make: fn(&ParsedConfig) -> Result<Box<dyn Transformation>>,
) -> Plugin<dyn Transformation> {
    parsed(&format!("{ROCKETMQ_PACKAGE}.{name}"), config, make)
}

/// A predicate.
pub(crate) fn predicate(
    name: &str,
    config: fn() -> ConfigDef,
    make: fn(&ParsedConfig) -> Result<Box<dyn Predicate>>,
) -> Plugin<dyn Predicate> {
    parsed(&format!("{PACKAGE}.predicates.{name}"), config, make)
}

/// A plugin that is made from its parsed configuration.
fn parsed<T: ?Sized + 'static>(
    class: &str,
    config: fn() -> ConfigDef,
    make: impl Fn(&ParsedConfig) -> Result<Box<T>> + Send + Sync + 'static,
) -> Plugin<T> {
    let info = PluginInfo::new(class, "", config);
    Plugin::new(info, move |props| make(&config().parse(props)?))
}

/// Whether a null field becomes its schema's default before it is copied.
pub(crate) fn replace_null_key() -> ConfigKey {
    ConfigKey::new(
        REPLACE_NULL,
        Type::Boolean,
        true,
        Importance::Medium,
        "If true, a field that is null is replaced by the default of its schema, if it has one. \
         If false, it stays null.",
    )
}

/// The value of [`replace_null_key`].
pub(crate) fn replace_null(config: &ParsedConfig) -> bool {
    config.boolean(REPLACE_NULL)
}

/// Checks a list of texts: none is empty or doubled, and the list itself is empty only if
/// `empty_allowed`.
pub(crate) fn value_list(empty_allowed: bool) -> Validator {
    Validator::UniqueList { allowed: Vec::new(), empty: empty_allowed, null: false }
}

/// Checks that a text is a Java regular expression.
pub(crate) fn regex_validator() -> Validator {
    Validator::custom(|name, value| {
        let pattern = match value {
            ConfigData::String(pattern) => pattern,
            ConfigData::Null => {
                return Err(Error::config(format!(
                    "Invalid value null for configuration {name}: Invalid regex: null"
                )));
            }
            _ => return Ok(()),
        };
        JavaPattern::compile(pattern).map(|_| ()).map_err(|error| {
            Error::config(format!(
                "Invalid value {pattern} for configuration {name}: Invalid regex: {}",
                error.message()
            ))
        })
    })
}
