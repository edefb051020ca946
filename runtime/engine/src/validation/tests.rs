//! Stages and converters within a configuration.

use std::sync::Arc;

use gantry_api::model::config::{ConfigValue, NullableProps};
use gantry_api::model::plugin::KAFKA_VERSION;
use gantry_api::{ConfigDef, PluginInfo, PluginRegistry, Props};

use super::{Findings, VersionRanges, converters, kinds, not_that_version, recommend, stages};
use crate::connector_config::{sink_definition, source_definition};

fn registry() -> Arc<PluginRegistry> {
    Arc::new(PluginRegistry {
        converters: gantry_converters::converters(),
        header_converters: gantry_converters::header_converters(),
        transformations: gantry_transforms::transformations(),
        predicates: gantry_transforms::predicates(),
        ..PluginRegistry::default()
    })
}

fn props(pairs: &[(&str, &str)]) -> NullableProps {
    let own = |&(key, value): &(&str, &str)| (key.to_owned(), Some(value.to_owned()));
    [("name", "c"), ("connector.class", "C")].iter().chain(pairs).map(own).collect()
}

/// The definition and what is found, converters apart.
fn validated(config: &NullableProps) -> (ConfigDef, Findings, usize) {
    let plugins = registry();
    let def = recommend::with_converters(source_definition(&Props::new()), &plugins, config);
    let def = stages::embed_stages(def, &plugins, config).with_classes(recommend::lookup(&plugins));
    let mut findings: Findings = def
        .validate_nullable(config)
        .into_iter()
        .map(|value| (value.name.clone(), value))
        .collect();
    let converters = converters::check_converters(&plugins, config, config, &mut findings);
    (def, findings, converters.iter().map(|infos| infos.error_count).sum())
}

/// The errors of each key.
fn errors(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let (_, findings, _) = validated(&props(pairs));
    let of = |finding: ConfigValue| {
        let errors = finding.errors.into_iter();
        errors.map(|error| (finding.name.clone(), error)).collect::<Vec<_>>()
    };
    findings.into_values().flat_map(of).collect()
}

/// The one error there is.
fn error(pairs: &[(&str, &str)]) -> (String, String) {
    let mut errors = errors(pairs);
    assert_eq!(errors.len(), 1, "{pairs:?}: {errors:?}");
    errors.remove(0)
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
    let texts: Vec<String> = errors(&stage).into_iter().map(|(_, text)| text).collect();
    assert_eq!(
        texts,
        [
            "Missing required configuration \"transforms.t.fields\" which has no default value.",
            "Configuration 'fields' values must not be null."
        ]
    );
    let of_type = |class: &str| error(&[("transforms", "t"), ("transforms.t.type", class)]).1;
    assert_eq!(
        of_type("Nope"),
        "Invalid value Nope for configuration transforms.t.type: Class Nope could not be found."
    );
    assert_eq!(
        of_type("StringConverter"),
        "Class class org.apache.kafka.connect.storage.StringConverter does not implement the \
         Transformation interface"
    );
    assert_eq!(
        of_type("org.apache.kafka.connect.transforms.Cast"),
        "This class is abstract and cannot be created. Did you mean \
         org.apache.kafka.connect.transforms.Cast$Key, \
         org.apache.kafka.connect.transforms.Cast$Value?"
    );
    let negated = [("transforms.t.fields", "a"), ("transforms.t.negate", "true")];
    let (key, text) = error(&[stage, negated].concat());
    assert_eq!(key, "transforms.t.type");
    assert!(text.contains("no config 'transforms.t.predicate'"), "{text}");
}

#[test]
fn a_version_that_is_not_there_is_said_at_class_and_version() {
    let stage = [("transforms", "t"), ("transforms.t.type", VALUE_TO_KEY)];
    let version = [("transforms.t.fields", "a"), ("transforms.t.plugin.version", "0.0.1")];
    let found = errors(&[stage, version].concat());
    let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["transforms.t.plugin.version", "transforms.t.type"]);
    assert!(found[0].1.contains("not found that matches the version range [0.0.1,0.0.1]"));
    let converter = [("key.converter", "JsonConverter"), ("key.converter.plugin.version", "9")];
    let found = errors(&converter);
    assert_eq!(found.len(), 2);
    // It converts headers, too.
    let twice = format!("available versions: [{KAFKA_VERSION}, {KAFKA_VERSION}]");
    assert!(found[0].1.ends_with(&twice), "{found:?}");
    let unclear = [("key.converter.plugin.version", "(,")];
    assert_eq!(error(&unclear).1, "Unbounded range: (,");
}

#[test]
fn an_empty_name_is_a_name() {
    let (key, _) = error(&[("transforms", "t,"), ("transforms.t.type", "Filter")]);
    assert_eq!(key, "transforms..type");
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
    assert!(
        error(&[("header.converter", VALUE_TO_KEY)])
            .1
            .ends_with("does not implement the HeaderConverter interface")
    );
    assert_eq!(
        error(&[("key.converter", " JsonConverter ")]).1,
        "Failed to load class  JsonConverter :  JsonConverter "
    );
}

#[test]
fn a_null_is_no_pattern() {
    let mut config = props(&[]);
    config.insert("topics.regex".to_owned(), None);
    let values = sink_definition(&Props::new()).validate_nullable(&config);
    let regex =
        values.into_iter().find(|value| value.name == "topics.regex").expect("topics.regex");
    assert_eq!(
        regex.errors,
        ["Invalid value null for configuration topics.regex: Invalid regex: null"]
    );
}

#[test]
fn plugins_without_keys_are_known() {
    for name in [
        "File",
        "EnvVarConfigProvider",
        "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
        "None",
        "BasicAuthSecurityRestExtension",
    ] {
        assert!(kinds::is_without_keys(name), "{name}");
    }
    for name in ["Env", "org.apache.kafka.common.config.provider.File", "BasicAuthSecurity", ""] {
        assert!(!kinds::is_without_keys(name), "{name}");
    }
}

#[test]
fn a_class_on_kafkas_class_path_has_one_version() {
    let class = "org.apache.kafka.connect.tools.MockSinkConnector";
    let info = PluginInfo::new(class, "Connector", ConfigDef::new);
    let wanted = VersionRanges::requirement(Some("[5,6)")).expect("a range").expect("a range");
    assert_eq!(
        not_that_version(&registry(), &info, &wanted),
        format!(
            "Plugin {class} has version {KAFKA_VERSION} which does not match the required version \
             range [5,6)"
        )
    );
}

#[tokio::test]
async fn a_plugin_that_never_answers_holds_up_nobody() {
    let (open, gate) = std::sync::mpsc::sync_channel::<()>(0);
    let hangs = move || {
        let _ = gate.recv();
        Ok(())
    };
    let refused = super::may_block_for(std::time::Duration::ZERO, hangs).await.unwrap_err();
    assert!(refused.message.starts_with("Request timed out."), "{}", refused.message);
    assert_eq!(super::may_block(|| Ok(1)).await.unwrap(), 1);
    drop(open);
}
