//! Transformations, predicates and converters inside a connector's configuration.

use gantry_api::model::plugin::ConverterType;
use gantry_api::{
    ConfigDef, ConfigKey, Importance, PluginInfo, PluginRegistry, Props, Result, Type, Width,
};

use super::{Findings, add_error};
use crate::connector_config::{
    HEADER_CONVERTER, KEY_CONVERTER, PREDICATES, TRANSFORMS, VALUE_CONVERTER, converter_props,
    stage_props, stages,
};

/// What is embedded under one prefix.
struct Kind {
    /// `transforms` or `predicates`
    list: &'static str,
    /// The title of its groups.
    title: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind { list: TRANSFORMS, title: "Transforms" },
    Kind { list: PREDICATES, title: "Predicates" },
];

fn find<'a>(plugins: &'a PluginRegistry, kind: &Kind, class: &str) -> Option<&'a PluginInfo> {
    if kind.list == TRANSFORMS {
        plugins.find_transformation(class).map(|plugin| &plugin.info)
    } else {
        plugins.find_predicate(class).map(|plugin| &plugin.info)
    }
}

/// Adds the keys of all named transformations and predicates.
pub(super) fn embed_stages(
    mut def: ConfigDef,
    plugins: &PluginRegistry,
    config: &Props,
) -> ConfigDef {
    for kind in &KINDS {
        for name in stages(config, kind.list) {
            let prefix = format!("{}.{name}.", kind.list);
            let group = format!("{}: {name}", kind.title);
            let type_doc = "The class.";
            def = def.define(
                ConfigKey::required(
                    &format!("{prefix}type"),
                    Type::Class,
                    Importance::High,
                    type_doc,
                )
                .group(
                    &group,
                    0,
                    Width::Long,
                    &format!("{} type for {name}", kind.title),
                ),
            );
            if kind.list == TRANSFORMS {
                def = def
                    .define(
                        ConfigKey::nullable(
                            &format!("{prefix}predicate"),
                            Type::String,
                            Importance::Medium,
                            "The predicate that says to which records it applies.",
                        )
                        .group(&group, 1, Width::Long, "Predicate"),
                    )
                    .define(
                        ConfigKey::new(
                            &format!("{prefix}negate"),
                            Type::Boolean,
                            false,
                            Importance::Medium,
                            "Whether it applies to the records that do not match instead.",
                        )
                        .group(&group, 2, Width::Long, "Negate"),
                    );
            }
            let class = config.get(&format!("{prefix}type")).map_or("", |class| class.trim());
            if let Some(info) = find(plugins, kind, class) {
                def = def.embed(&prefix, &group, 3, &info.config_def());
            }
        }
    }
    def
}

/// Finds transformations and predicates whose class is unknown, or that cannot be made.
pub(super) fn check_stages(plugins: &PluginRegistry, config: &Props, findings: &mut Findings) {
    for kind in &KINDS {
        for name in stages(config, kind.list) {
            let key = format!("{}.{name}.type", kind.list);
            let Some(class) = config.get(&key).map(|class| class.trim()) else { continue };
            let own = stage_props(config, &format!("{}.{name}.", kind.list));
            let made: Option<Result<()>> = if kind.list == TRANSFORMS {
                plugins.find_transformation(class).map(|plugin| plugin.create(&own).map(|_| ()))
            } else {
                plugins.find_predicate(class).map(|plugin| plugin.create(&own).map(|_| ()))
            };
            match made {
                None => add_error(findings, &key, missing_class(&key, class)),
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    // What a key's own rule has found already is not said again.
                    let known = findings
                        .range(format!("{}.{name}.", kind.list)..)
                        .take_while(|(k, _)| k.starts_with(&format!("{}.{name}.", kind.list)))
                        .any(|(_, finding)| !finding.errors.is_empty());
                    if !known {
                        add_error(findings, &key, error.message());
                    }
                }
            }
            if kind.list == TRANSFORMS
                && own.contains_key("negate")
                && !own.contains_key("predicate")
            {
                let negate = format!("{TRANSFORMS}.{name}.negate");
                let predicate = format!("{TRANSFORMS}.{name}.predicate");
                add_error(
                    findings,
                    &negate,
                    format!(
                        "Config '{negate}' was provided but there is no config '{predicate}' \
                         defining a predicate to be negated."
                    ),
                );
            }
        }
    }
}

/// Finds converters whose class is unknown, or that cannot be made.
pub(super) fn check_converters(
    plugins: &PluginRegistry,
    config: &Props,
    worker: &Props,
    findings: &mut Findings,
) {
    let all = [
        (KEY_CONVERTER, ConverterType::Key),
        (VALUE_CONVERTER, ConverterType::Value),
        (HEADER_CONVERTER, ConverterType::Header),
    ];
    for (key, type_) in all {
        let Some((class, props)) = converter_props(config, worker, key, type_) else { continue };
        let made: Option<Result<()>> = if type_ == ConverterType::Header {
            plugins.find_header_converter(&class).map(|plugin| plugin.create(&props).map(|_| ()))
        } else {
            plugins.find_converter(&class).map(|plugin| plugin.create(&props).map(|_| ()))
        };
        match made {
            Some(Ok(())) => {}
            Some(Err(error)) => add_error(findings, key, error.message()),
            None if plugins.find_connector(&class).is_some() => {
                let interface =
                    if type_ == ConverterType::Header { "HeaderConverter" } else { "Converter" };
                add_error(
                    findings,
                    key,
                    format!("Class class {class} does not implement the {interface} interface"),
                );
            }
            None => add_error(findings, key, missing_class(key, &class)),
        }
    }
}

fn missing_class(key: &str, class: &str) -> String {
    format!("Invalid value {class} for configuration {key}: Class {class} could not be found.")
}
