//! Transformations, predicates and converters inside a connector's configuration.

use gantry_api::model::config::infos::ConfigInfos;
use gantry_api::model::plugin::ConverterType;
use gantry_api::{
    ConfigDef, ConfigKey, Importance, PluginInfo, PluginRegistry, Props, Type, Width,
};

use super::recommend::{classes, find_converter, recommend_classes, recommend_version};
use super::versions::check_version;
use super::{Findings, add_error, show_as_given};
use crate::connector_config::{
    CONNECTOR_VERSION, HEADER_CONVERTER, KEY_CONVERTER, PREDICATES, TRANSFORMS, VALUE_CONVERTER,
    converter_props, stages, version_key_of,
};

/// What is embedded under one prefix.
struct Kind {
    /// `transforms` or `predicates`
    list: &'static str,
    /// The title of its groups.
    title: &'static str,
    /// What one is called.
    one: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind { list: TRANSFORMS, title: "Transforms", one: "Transformation" },
    Kind { list: PREDICATES, title: "Predicates", one: "Predicate" },
];

/// The place in a form of the first key after a stage's class and version.
const FIRST_OWN_KEY: i32 = 2;

fn find<'a>(plugins: &'a PluginRegistry, kind: &Kind, class: &str) -> Option<&'a PluginInfo> {
    if kind.list == TRANSFORMS {
        plugins.find_transformation(class).map(|plugin| &plugin.info)
    } else {
        plugins.find_predicate(class).map(|plugin| &plugin.info)
    }
}

fn all_classes(plugins: &PluginRegistry, kind: &Kind) -> Vec<String> {
    if kind.list == TRANSFORMS {
        classes(plugins.transformations.iter().map(|plugin| &plugin.info))
    } else {
        classes(plugins.predicates.iter().map(|plugin| &plugin.info))
    }
}

/// The keys that every transformation has besides its own.
fn transformation_keys() -> ConfigDef {
    ConfigDef::new()
        .define(ConfigKey::nullable(
            "predicate",
            Type::String,
            Importance::Medium,
            "The predicate that says to which records it applies.",
        ))
        .define(ConfigKey::new(
            "negate",
            Type::Boolean,
            false,
            Importance::Medium,
            "Whether it applies to the records that do not match instead.",
        ))
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
            let class = config.get(&format!("{prefix}type")).map_or("", |class| class.trim());
            let info = find(plugins, kind, class);
            let (high, long) = (Importance::High, Width::Long);
            let type_ =
                ConfigKey::required(&format!("{prefix}type"), Type::Class, high, "The class.")
                    .group(&group, 0, long, &format!("{} type for {name}", kind.one));
            let doc = "The version of the class that must be there.";
            let version =
                ConfigKey::nullable(&format!("{prefix}plugin.version"), Type::String, high, doc)
                    .group(&group, 1, long, &format!("{} version for {name}", kind.one));
            def = def
                .define(recommend_classes(type_, all_classes(plugins, kind)))
                .define(recommend_version(version, info));
            let Some(info) = info else { continue };
            let common =
                if kind.list == TRANSFORMS { transformation_keys() } else { ConfigDef::new() };
            let own = info.config_def();
            let all = own.keys().cloned().fold(common, ConfigDef::define);
            def = def.embed(&prefix, &group, FIRST_OWN_KEY, &all);
        }
    }
    def
}

/// Finds transformations and predicates whose class is of another kind, versions that are not
/// there, and negations of nothing.
pub(super) fn check_stages(plugins: &PluginRegistry, config: &Props, findings: &mut Findings) {
    for kind in &KINDS {
        for name in stages(config, kind.list) {
            let prefix = format!("{}.{name}.", kind.list);
            let key = format!("{prefix}type");
            if let Some(class) = config.get(&key).map(|class| class.trim()) {
                match find(plugins, kind, class) {
                    Some(info) => {
                        check_plugin_version(
                            config,
                            &format!("{prefix}plugin.version"),
                            info,
                            findings,
                        );
                    }
                    None if is_valid(findings, &key) => add_error(
                        findings,
                        &key,
                        format!(
                            "Invalid value class {class} for configuration {key}: Not a {}",
                            kind.one
                        ),
                    ),
                    // That there is no such class is said already.
                    None => {}
                }
            }
            let (negate, predicate) = (format!("{prefix}negate"), format!("{prefix}predicate"));
            if kind.list == TRANSFORMS
                && config.contains_key(&negate)
                && !config.contains_key(&predicate)
            {
                let text = format!(
                    "Config '{negate}' was provided but there is no config '{predicate}' defining \
                     a predicate to be negated."
                );
                add_error(findings, &negate, text);
            }
        }
    }
}

fn is_valid(findings: &Findings, key: &str) -> bool {
    findings.get(key).is_none_or(|finding| finding.errors.is_empty())
}

fn check_plugin_version(config: &Props, key: &str, info: &PluginInfo, findings: &mut Findings) {
    if let Some(wanted) = config.get(key)
        && let Err(text) = check_version(&info.class, wanted, &info.version)
    {
        add_error(findings, key, text);
    }
}

/// Finds a connector version that is not there.
pub(super) fn check_connector_version(
    config: &Props,
    connector: &PluginInfo,
    findings: &mut Findings,
) {
    check_plugin_version(config, CONNECTOR_VERSION, connector, findings);
}

/// Validates the converters that the connector names itself. Their keys come with their own
/// groups; they are not made, as only their keys are judged here.
pub(super) fn check_converters(
    plugins: &PluginRegistry,
    resolved: &Props,
    given: &Props,
    findings: &mut Findings,
) -> Vec<ConfigInfos> {
    let all = [
        (KEY_CONVERTER, ConverterType::Key),
        (VALUE_CONVERTER, ConverterType::Value),
        (HEADER_CONVERTER, ConverterType::Header),
    ];
    let mut infos = Vec::with_capacity(all.len());
    for (key, type_) in all {
        if !resolved.contains_key(key) || !is_valid(findings, key) {
            continue;
        }
        let Some((class, props)) = converter_props(resolved, &Props::new(), key, type_) else {
            continue;
        };
        match find_converter(plugins, key, &class) {
            Some(info) => {
                check_plugin_version(resolved, &version_key_of(key), info, findings);
                infos.push(converter_infos(key, info, &props, given));
            }
            None => {
                let interface =
                    if type_ == ConverterType::Header { "HeaderConverter" } else { "Converter" };
                let text =
                    format!("Class class {class} does not implement the {interface} interface");
                add_error(findings, key, text);
            }
        }
    }
    infos
}

fn converter_infos(key: &str, info: &PluginInfo, props: &Props, given: &Props) -> ConfigInfos {
    let own = info.config_def();
    let mut values = own.validate(props);
    for value in &mut values {
        value.name = format!("{key}.{}", value.name);
        show_as_given(value, given);
    }
    let mut prefixed = ConfigDef::new();
    for own_key in own.keys() {
        let mut own_key = own_key.clone();
        own_key.name = format!("{key}.{}", own_key.name);
        prefixed = prefixed.define(own_key);
    }
    // Kafka meets the groups in the order of a hash map of the bare keys.
    let names = own.keys().map(|own_key| own_key.name.clone()).collect();
    let mut groups: Vec<String> = Vec::with_capacity(own.groups().len());
    for name in gantry_api::model::text::hash_set_order(names) {
        if let Some(group) = own.key(&name).and_then(|own_key| own_key.group.as_ref())
            && !groups.contains(group)
        {
            groups.push(group.clone());
        }
    }
    ConfigInfos::new(&info.class, &prefixed, values, groups)
}
