//! Which classes are plugins. What is expected here is what Kafka's own scanners found in the same
//! classes, compiled by javac.

use super::build::{ABSTRACT, CONVERTER, Class, INTERFACE, PUBLIC, SERVICE, jar};
use super::{look, names};
use crate::index::isolation::is_isolated;
use crate::index::{DiscoveryMode, Found, PluginKind};

const TRANSFORMATION: &str = "org/apache/kafka/connect/transforms/Transformation";

fn find(classes: &[Class], files: &[(&str, &str)], mode: DiscoveryMode) -> Found {
    let directory = tempfile::tempdir().unwrap();
    jar(&directory.path().join("it.jar"), classes, files);
    let mut found = look(directory.path(), mode);
    let path = format!("{}/it.jar", directory.path().display());
    found.warnings.iter_mut().for_each(|text| *text = text.replace(&path, "it.jar"));
    found
}

fn scanned(classes: &[Class]) -> Vec<String> {
    names(&find(classes, &[], DiscoveryMode::OnlyScan))
}

fn base() -> Class {
    Class::new("p/Base").access(PUBLIC | ABSTRACT).implements(CONVERTER)
}

#[test]
fn plugins_reach_a_base_type_by_any_way() {
    let classes = [
        base(),
        Class::new("p/Direct").implements(CONVERTER),
        Class::new("p/ByClass").extends("p/Base"),
        Class::new("p/Iface").access(PUBLIC | INTERFACE).implements(CONVERTER),
        Class::new("p/ByInterface").implements("p/Iface"),
        Class::new("p/OfKafka").extends("org/apache/kafka/connect/json/JsonConverter"),
        Class::new("p/Transform$Value").extends("org/apache/kafka/connect/transforms/Cast"),
        Class::new("p/Sink").extends("org/apache/kafka/connect/sink/SinkConnector"),
        Class::new("p/Other").implements("java/lang/Runnable"),
        Class::new("Top").extends("p/Base"),
    ];
    let expected = [
        "converter Top",
        "converter p.ByClass",
        "converter p.ByInterface",
        "converter p.Direct",
        "converter p.OfKafka",
        "header_converter p.OfKafka",
        "sink p.Sink",
        "transformation p.Transform$Value",
    ];
    assert_eq!(scanned(&classes), expected);
}

#[test]
fn reflection_does_not_see_past_a_class_that_is_not_public() {
    let hidden = Class::new("p/Hidden").access(ABSTRACT).implements(CONVERTER);
    let classes = [
        base(),
        hidden,
        Class::new("p/Child").extends("p/Hidden"),
        Class::new("p/Both").extends("p/Hidden").implements(CONVERTER),
        Class::new("p/Number").extends("org/apache/kafka/connect/converters/FloatConverter"),
        Class::new("p/NotPublic").access(0).extends("p/Base"),
    ];
    assert_eq!(scanned(&classes), ["converter p.Both"]);
    let files = [(SERVICE, "p.Child\np.Number\np.NotPublic")];
    let found = find(&classes, &files, DiscoveryMode::ServiceLoad);
    assert_eq!(names(&found), ["converter p.Child", "converter p.Number"]);
    let expected = "Failed to discover Converter in it.jar: Plugin class default constructor must \
                    be public: org.apache.kafka.connect.storage.Converter: Provider p.NotPublic \
                    could not be instantiated";
    assert_eq!(found.warnings, [expected]);
    let found = find(&classes, &files, DiscoveryMode::HybridWarn);
    assert_eq!(names(&found), ["converter p.Both", "converter p.Child", "converter p.Number"]);
}

#[test]
fn plugins_need_a_public_constructor_without_parameters() {
    let of = |name, constructors| Class::new(name).extends("p/Base").constructors(constructors);
    let classes = [
        base(),
        of("p/Arg", &[(PUBLIC, "(I)V")]),
        of("p/Outer$Inner", &[(PUBLIC, "(Lp/Outer;)V")]),
        of("p/Private", &[(2, "()V"), (PUBLIC, "(I)V")]),
        of("p/Missing", &[(PUBLIC, "()V"), (0, "(Lq/Nowhere;)V")]),
        of("p/Good", &[(PUBLIC, "()V"), (0, "(Lp/Base;Lorg/apache/kafka/common/X;)V")]),
        Class::new("p/Outer"),
    ];
    let found = find(&classes, &[], DiscoveryMode::OnlyScan);
    assert_eq!(names(&found), ["converter p.Good"]);
    let no_constructor = "Plugin class must have a no-args constructor, and cannot be a non-static \
                          inner class";
    let start = "Failed to discover Converter in it.jar: Unable to instantiate";
    let expected = [
        format!("{start} Arg: {no_constructor} (p.Arg)"),
        format!("{start} Inner: {no_constructor} (p.Outer$Inner)"),
        format!("{start} Private: Plugin class default constructor must be public (p.Private)"),
        format!(
            "{start} Missing: Plugin class has a dependency which is missing or invalid \
             (p.Missing needs q.Nowhere)"
        ),
    ];
    assert_eq!(found.warnings, expected);
    // For a manifest the public constructors count alone.
    let files = [(SERVICE, "p.Missing")];
    let found = find(&classes, &files, DiscoveryMode::ServiceLoad);
    assert_eq!(names(&found), ["converter p.Missing"]);
}

#[test]
fn a_class_with_a_missing_supertype_is_none() {
    let classes = [
        Class::new("p/Base").implements(CONVERTER).implements("q/Nowhere"),
        Class::new("p/Child").extends("p/Base"),
        Class::new("p/Mirror").implements(CONVERTER).extends("org/apache/kafka/connect/mirror/X"),
        Class::new("p/OfKafka").implements(CONVERTER).extends("org/apache/kafka/common/X"),
    ];
    let found = find(&classes, &[], DiscoveryMode::OnlyScan);
    assert_eq!(names(&found), ["converter p.OfKafka"]);
    assert_eq!(found.warnings.len(), 3, "{:?}", found.warnings);
}

#[test]
fn classes_that_extend_each_other_in_a_circle_do_no_harm() {
    let classes = [
        Class::new("p/A").extends("p/B"),
        Class::new("p/B").extends("p/A").implements(CONVERTER),
        Class::new("p/C").extends("p/C"),
    ];
    assert_eq!(scanned(&classes), ["converter p.A", "converter p.B"]);
}

#[test]
fn kafkas_api_comes_from_the_parent_and_its_plugins_from_the_location() {
    let classes = [
        // An API class in the location is not used.
        Class::new(CONVERTER).access(PUBLIC),
        Class::new("org/apache/kafka/connect/sink/SinkConnector"),
        // A plugin of Kafka's is, and it counts as listed since the parent's manifests are read.
        Class::new("org/apache/kafka/connect/json/JsonConverter").implements(CONVERTER),
        // A class that the parent does not have is the location's.
        Class::new("org/apache/kafka/connect/foo/Foreign").implements(CONVERTER),
    ];
    let found = find(&classes, &[], DiscoveryMode::HybridWarn);
    let told: Vec<_> = found.plugins().map(|(_, it)| (it.class.as_str(), it.in_manifest)).collect();
    let expected = [
        ("org.apache.kafka.connect.foo.Foreign", false),
        ("org.apache.kafka.connect.json.JsonConverter", true),
    ];
    assert_eq!(told, expected);
}

#[test]
fn isolation_is_that_of_kafka() {
    let isolated = [
        "com.acme.Plugin",
        "javafx.Something",
        "javax.money.Amount",
        "org.apache.kafka.connect.json.JsonConverter",
        "org.apache.kafka.connect.transforms.Cast$Value",
        "org.apache.kafka.connect.transforms.predicates.HasHeaderKey",
        "org.apache.kafka.connect.file.FileStreamSourceConnector",
        "org.apache.kafka.connect.storage.StringConverter",
        "org.apache.kafka.common.config.provider.FileConfigProvider",
        "org.apache.kafka.connect.connector.policy.NoneConnectorClientConfigOverridePolicy",
    ];
    let shared = [
        "java.lang.String",
        "javax.sql.DataSource",
        "org.slf4j.Logger",
        "org.apache.kafka.common.config.ConfigDef",
        "org.apache.kafka.connect.transforms.Transformation",
        "org.apache.kafka.connect.transforms.predicates.Predicate",
        "org.apache.kafka.connect.storage.StringConverterConfig",
        "org.apache.kafka.common.config.provider.ConfigProvider",
        "org.apache.kafka.connect.connector.policy.ConnectorClientConfigRequest$ClientType",
    ];
    assert!(isolated.iter().all(|name| is_isolated(name)));
    assert!(!shared.iter().any(|name| is_isolated(name)));
}

#[test]
fn manifests_count_for_the_kinds_that_are_not_scanned_in_all_modes() {
    let provider = "org/apache/kafka/common/config/provider/ConfigProvider";
    let classes = [
        Class::new("p/Listed").implements(provider),
        Class::new("p/Not").implements(provider),
        Class::new("p/T").implements(TRANSFORMATION),
    ];
    let service = format!("META-INF/services/{}", provider.replace('/', "."));
    let files = [(service.as_str(), "p.Listed")];
    let found = |mode| names(&find(&classes, &files, mode));
    let both = ["configprovider p.Listed", "transformation p.T"];
    assert_eq!(found(DiscoveryMode::OnlyScan), both);
    assert_eq!(found(DiscoveryMode::HybridWarn), both);
    assert_eq!(found(DiscoveryMode::HybridFail), both);
    assert_eq!(found(DiscoveryMode::ServiceLoad), ["configprovider p.Listed"]);
}

#[test]
fn wrong_lines_of_manifests_are_told_as_kafka_does() {
    let classes = [base(), Class::new("p/Good").extends("p/Base"), Class::new("p/Other")];
    let listed = "p.Good\np.Good\np.Nowhere\np.Other\np.Base\n\
                  org.apache.kafka.connect.json.JsonConverter";
    let header = "META-INF/services/org.apache.kafka.connect.storage.HeaderConverter";
    let files = [(SERVICE, listed), (header, "p.Good\nno class")];
    let found = find(&classes, &files, DiscoveryMode::ServiceLoad);
    assert_eq!(names(&found), ["converter p.Good"]);
    let start =
        "Failed to discover Converter in it.jar: org.apache.kafka.connect.storage.Converter";
    let expected = [
        "Failed to discover HeaderConverter in it.jar: \
         org.apache.kafka.connect.storage.HeaderConverter: \
         META-INF/services/org.apache.kafka.connect.storage.HeaderConverter:2: \
         Illegal configuration-file syntax"
            .to_owned(),
        format!("{start}: Provider p.Nowhere not found"),
        format!("{start}: p.Other not a subtype"),
        format!("{start}: Provider p.Base could not be instantiated"),
    ];
    assert_eq!(found.warnings, expected);
    // Mode only_scan reads no manifest of converters.
    let found = find(&classes, &files, DiscoveryMode::OnlyScan);
    assert_eq!(found.warnings, [""; 0]);
}

#[test]
fn plugins_without_manifest_are_told_as_kafka_does() {
    let classes =
        [base(), Class::new("p/A").extends("p/Base"), Class::new("p/B").extends("p/Base")];
    let mut found = find(&classes, &[(SERVICE, "p.B")], DiscoveryMode::HybridWarn);
    let location = found.locations.first_mut().unwrap();
    location.url = "file:/it.jar".to_owned();
    location.plugins.first_mut().unwrap().version = Some("1.2".to_owned());
    let message = "One or more plugins are missing ServiceLoader manifests may not be usable with \
                   plugin.discovery=service_load: [\nfile:/it.jar\tp.A\tconverter\t1.2\n]\nRead \
                   the documentation at \
                   https://kafka.apache.org/documentation.html#connect_plugindiscovery for \
                   instructions on migrating your plugins to take advantage of the performance \
                   improvements of service_load mode.";
    let hint = "To silence this warning, set plugin.discovery=only_scan in the worker config.";
    let told = found.manifests(DiscoveryMode::HybridWarn).unwrap();
    assert_eq!(told, Some(format!("{message} {hint}")));
    let error = found.manifests(DiscoveryMode::HybridFail).unwrap_err();
    let hint = "To silence this error, set plugin.discovery=hybrid_warn in the worker config.";
    assert_eq!(error.to_string(), format!("{message} {hint}"));
    assert_eq!(found.manifests(DiscoveryMode::OnlyScan), Ok(None));
    assert_eq!(found.manifests(DiscoveryMode::ServiceLoad), Ok(None));
    found.locations.clear();
    let told = found.manifests(DiscoveryMode::HybridFail).unwrap();
    assert!(told.unwrap().starts_with("All plugins have ServiceLoader manifests"));
}

#[test]
fn names_are_those_of_kafka() {
    for mode in ["only_scan", "hybrid_warn", "hybrid_fail", "service_load"] {
        assert_eq!(mode.to_uppercase().parse::<DiscoveryMode>().unwrap().name(), mode);
    }
    assert!("scan".parse::<DiscoveryMode>().is_err());
    for kind in PluginKind::ALL {
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
    }
}
