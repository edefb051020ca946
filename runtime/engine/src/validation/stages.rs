//! Transformations and predicates inside a connector's configuration.

use std::sync::Arc;

use gantry_api::model::config::{ConfigData, NullableProps, parse_type, parse_type_with};
use gantry_api::{
    ConfigDef, ConfigKey, Error, Importance, PluginInfo, PluginRegistry, Type, Validator, Width,
};

use super::kinds::PluginKind;
use super::recommend::{lookup, not_of_kind, recommend_classes, stage_version};
use super::versions::VersionRanges;
use super::{given, not_that_version};
use crate::connector_config::{PREDICATES, TRANSFORMS};

/// What is embedded under one prefix.
struct Kind {
    /// `transforms` or `predicates`
    list: &'static str,
    /// The title of its groups.
    title: &'static str,
    plugin: PluginKind,
}

const KINDS: [Kind; 2] = [
    Kind { list: TRANSFORMS, title: "Transforms", plugin: PluginKind::Transformation },
    Kind { list: PREDICATES, title: "Predicates", plugin: PluginKind::Predicate },
];

/// Keys that every transformation has; its own of these names are passed over.
const PREDICATE: &str = "predicate";
const NEGATE: &str = "negate";

/// The place in a form of the first key after a stage's class and version.
const FIRST_OWN_KEY: i32 = 2;

/// One transformation or predicate of a configuration.
#[derive(Clone)]
struct Stage {
    plugins: Arc<PluginRegistry>,
    kind: PluginKind,
    /// `transforms.NAME.`
    prefix: String,
    /// The class as given.
    class: Option<String>,
    /// The version as given.
    version: Option<String>,
    /// Whether it is to be negated and has no predicate.
    negates_nothing: bool,
}

/// Adds the keys of all named transformations and predicates.
pub(super) fn embed_stages(
    mut def: ConfigDef,
    plugins: &Arc<PluginRegistry>,
    config: &NullableProps,
) -> ConfigDef {
    for kind in &KINDS {
        for name in names(config, kind.list) {
            let stage = Stage::new(plugins, kind, &name, config);
            def = stage.embed(def, kind, &name);
        }
    }
    def
}

/// The names in a list, each once.
fn names(config: &NullableProps, list: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if let Ok(ConfigData::List(all)) = parse_type(list, given(config, list), Type::List) {
        for name in all {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// The keys that every transformation has besides its own.
fn transformation_keys() -> ConfigDef {
    ConfigDef::new()
        .define(ConfigKey::nullable(
            PREDICATE,
            Type::String,
            Importance::Medium,
            "The predicate that says to which records it applies.",
        ))
        .define(ConfigKey::new(
            NEGATE,
            Type::Boolean,
            false,
            Importance::Medium,
            "Whether it applies to the records that do not match instead.",
        ))
}

impl Stage {
    fn new(plugins: &Arc<PluginRegistry>, kind: &Kind, name: &str, config: &NullableProps) -> Self {
        let prefix = format!("{}.{name}.", kind.list);
        let text = |key: &str| given(config, &format!("{prefix}{key}")).map(str::to_owned);
        let has = |key: &str| config.contains_key(&format!("{prefix}{key}"));
        Self {
            plugins: Arc::clone(plugins),
            kind: kind.plugin,
            class: text("type"),
            version: text("plugin.version"),
            negates_nothing: kind.plugin == PluginKind::Transformation
                && has(NEGATE)
                && !has(PREDICATE),
            prefix,
        }
    }

    fn type_key(&self) -> String {
        format!("{}type", self.prefix)
    }

    /// The plugin that the class as given names, blanks included.
    fn plugin(&self) -> Option<PluginInfo> {
        self.kind.find(&self.plugins, self.class.as_deref()?)
    }

    fn embed(self, def: ConfigDef, kind: &Kind, name: &str) -> ConfigDef {
        let group = format!("{}: {name}", kind.title);
        let (high, long) = (Importance::High, Width::Long);
        let one = self.kind.interface();
        let doc = "The class.";
        let type_ = ConfigKey::required(&self.type_key(), Type::Class, high, doc)
            .group(&group, 0, long, &format!("{one} type for {name}"))
            .validator(self.clone().type_validator());
        let doc = "The version of the class that must be there.";
        let version = format!("{}plugin.version", self.prefix);
        let version = ConfigKey::nullable(&version, Type::String, high, doc)
            .group(&group, 1, long, &format!("{one} version for {name}"))
            .validator(self.clone().version_validator());
        let plugin = self.plugin();
        let of = self.type_key();
        let def = def
            .define(recommend_classes(type_, &self.plugins, self.kind))
            .define(stage_version(version, &self.plugins, self.kind, of, plugin.as_ref()));
        match self.check(self.class.as_deref(), self.version.as_deref()) {
            Ok(Some(info)) => {
                let is_transformation = self.kind == PluginKind::Transformation;
                let common =
                    if is_transformation { transformation_keys() } else { ConfigDef::new() };
                let own = info.config_def();
                let masked =
                    |key: &&ConfigKey| !is_transformation || common.key(&key.name).is_none();
                let all =
                    own.keys().filter(masked).cloned().fold(common.clone(), ConfigDef::define);
                def.embed(&self.prefix, &group, FIRST_OWN_KEY, &all)
            }
            // What is wrong with it, its class and version say.
            Ok(None) | Err(_) => def,
        }
    }

    /// The plugin of a class, if there is a class. Refuses what cannot be that plugin: `class` is
    /// the name that is looked for, the class as given is what is judged.
    fn check(
        &self,
        class: Option<&str>,
        version: Option<&str>,
    ) -> Result<Option<PluginInfo>, Fault> {
        let Some(class) = class else { return Ok(None) };
        let ranges = VersionRanges::requirement(version).map_err(Fault::Version)?;
        let key = self.type_key();
        let classes = lookup(&self.plugins);
        let parsed = parse_type_with(&key, self.class.as_deref(), Type::Class, Some(&classes))
            .map_err(Fault::Class)?;
        if let ConfigData::Class(full) = &parsed
            && self.kind.find(&self.plugins, full).is_none()
        {
            let nested = self.kind.nested(&self.plugins, full);
            return Err(Fault::Class(match nested.is_empty() {
                true => not_of_kind(self.kind, full),
                false => Error::config(format!(
                    "This class is abstract and cannot be created. Did you mean {}?",
                    nested.join(", ")
                )),
            }));
        }
        let info = self.kind.find(&self.plugins, class).ok_or_else(|| {
            Fault::Class(Error::config(format!(
                "Invalid value {class} for configuration {key}: Error getting config definition \
                 from {}: {class}",
                self.kind.interface()
            )))
        })?;
        match ranges.filter(|ranges| !ranges.contain(&info.version)) {
            Some(ranges) => Err(Fault::Version(not_that_version(&self.plugins, &info, &ranges))),
            None => Ok(Some(info)),
        }
    }

    fn type_validator(self) -> Validator {
        Validator::custom(move |_, value| {
            if self.negates_nothing {
                let prefix = &self.prefix;
                return Err(Error::config(format!(
                    "Config '{prefix}{NEGATE}' was provided but there is no config \
                     '{prefix}{PREDICATE}' defining a predicate to be negated."
                )));
            }
            let ConfigData::Class(class) = value else { return Ok(()) };
            self.check(Some(class), self.version.as_deref()).map(|_| ()).map_err(Fault::into_error)
        })
    }

    fn version_validator(self) -> Validator {
        Validator::custom(move |_, value| {
            let ConfigData::String(version) = value else { return Ok(()) };
            match self.check(self.class.as_deref(), Some(version)) {
                Err(Fault::Version(text)) => Err(Error::config(text)),
                // That the class is wrong, its own key says.
                _ => Ok(()),
            }
        })
    }
}

/// Why a stage has no plugin.
enum Fault {
    Class(Error),
    Version(String),
}

impl Fault {
    fn into_error(self) -> Error {
        match self {
            Self::Class(error) => error,
            Self::Version(text) => Error::config(text),
        }
    }
}
