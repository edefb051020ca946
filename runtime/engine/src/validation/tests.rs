//! Stages and converters within a configuration.

use std::sync::Arc;

use gantry_api::model::config::ConfigValue;
use gantry_api::model::plugin::KAFKA_VERSION;
use gantry_api::{ConfigDef, PluginRegistry, Props};

use super::{Findings, embedded, recommend};
use crate::connector_config::source_definition;

fn registry() -> Arc<PluginRegistry> {
    Arc::new(PluginRegistry {
        converters: gantry_converters::converters(),
        header_converters: gantry_converters::header_converters(),
        transformations: gantry_transforms::transformations(),
        predicates: gantry_transforms::predicates(),
        ..PluginRegistry::default()
    })
}

fn props(pairs: &[(&str, &str)]) -> Props {
    let own = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
    [("name", "c"), ("connector.class", "C")].iter().chain(pairs).map(own).collect()
}

/// The definition and what is found, converters apart.
fn validated(config: &Props) -> (ConfigDef, Findings, usize) {
    let plugins = registry();
    let def = recommend::with_converters(source_definition(&Props::new()), &plugins, config);
    let def =
        embedded::embed_stages(def, &plugins, config).with_classes(recommend::lookup(&plugins));
    let mut findings: Findings =
        def.validate(config).into_iter().map(|value| (value.name.clone(), value)).collect();
    embedded::check_stages(&plugins, config, &mut findings);
    let converters = embedded::check_converters(&plugins, config, config, &mut findings);
    (def, findings, converters.iter().map(|infos| infos.error_count).sum())
}

fn errors(pairs: &[(&str, &str)]) -> Vec<String> {
    let (_, findings, _) = validated(&props(pairs));
    findings.into_values().flat_map(|finding: ConfigValue| finding.errors).collect()
}

const VALUE_TO_KEY: &str = "org.apache.kafka.connect.transforms.ValueToKey";

#[test]
fn a_stages_keys_follow_its_class_and_version() {
    let config = props(&[("transforms", "t"), ("transforms.t.type", VALUE_TO_KEY)]);
    let (def, ..) = validated(&config);
    let shown: Vec<(&str, i32)> = def
        .keys()
        .filter(|key| key.name.starts_with("transforms.t."))
        .map(|key| (key.name.as_str(), key.order))
        .collect();
    assert_eq!(
        shown,
        [
            ("transforms.t.type", 0),
            ("transforms.t.plugin.version", 1),
            ("transforms.t.fields", 2),
            ("transforms.t.negate", 3),
            ("transforms.t.predicate", 4),
            ("transforms.t.replace.null.with.default", 5),
        ]
    );
}

#[test]
fn faults_of_stages_are_kafkas() {
    let stage = [("transforms", "t"), ("transforms.t.type", VALUE_TO_KEY)];
    assert_eq!(
        errors(&stage),
        [
            "Missing required configuration \"transforms.t.fields\" which has no default value.",
            "Configuration 'fields' values must not be null."
        ]
    );
    assert_eq!(
        errors(&[("transforms", "t"), ("transforms.t.type", "Nope")]),
        ["Invalid value Nope for configuration transforms.t.type: Class Nope could not be found."]
    );
    let other = [("transforms", "t"), ("transforms.t.type", "StringConverter")];
    assert!(errors(&other).concat().ends_with("Not a Transformation"));
    let version = [("transforms.t.fields", "a"), ("transforms.t.plugin.version", "0.0.1")];
    assert!(errors(&[stage, version].concat()).concat().contains("version range [0.0.1,0.0.1]"));
    let negated = [("transforms.t.fields", "a"), ("transforms.t.negate", "true")];
    assert!(errors(&[stage, negated].concat()).concat().contains("no config 'transforms.t.pred"));
}

#[test]
fn converters_are_judged_by_their_keys() {
    let json = ("key.converter", "JsonConverter");
    let (def, findings, wrong) =
        validated(&props(&[json, ("key.converter.schemas.enable", "maybe")]));
    assert_eq!(wrong, 1);
    assert_eq!(
        findings["key.converter"].value.as_deref(),
        Some("org.apache.kafka.connect.json.JsonConverter")
    );
    let version = def.key("key.converter.plugin.version").and_then(|key| key.default.clone());
    assert_eq!(version.and_then(|v| v.to_display()).as_deref(), Some(KAFKA_VERSION));
    let (_, findings, _) = validated(&props(&[("key.converter", "Nope")]));
    assert!(!findings["key.converter.plugin.version"].visible);
    assert!(findings["key.converter"].errors[0].ends_with("Class Nope could not be found."));
    let headers = [("header.converter", VALUE_TO_KEY)];
    assert!(errors(&headers)[0].ends_with("does not implement the HeaderConverter interface"));
}
