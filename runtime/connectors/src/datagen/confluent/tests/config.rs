//! Keys, and what they may be together.

use gantry_api::{Connector, Props};

use super::super::{DatagenConnector, config_def};
use super::{props, schema};

const ONE: &str = "Must set exactly one of schema.string, schema.filename, quickstart";

/// What is wrong, by key.
fn errors(props: &Props) -> Vec<(String, String)> {
    let mut findings = config_def().validate(props);
    DatagenConnector::default().validate(props, &mut findings).unwrap();
    findings
        .into_iter()
        .flat_map(|finding| finding.errors.into_iter().map(move |e| (finding.name.clone(), e)))
        .collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(key, error)| ((*key).to_owned(), (*error).to_owned())).collect()
}

#[test]
fn types_and_defaults() {
    let def = config_def();
    assert!(def.fault().is_none());
    let shown: Vec<String> = def
        .keys()
        .map(|key| {
            let default = key.default.as_ref().map(|default| default.to_java());
            format!("{} {} {default:?}", key.name, key.type_.as_str())
        })
        .collect();
    assert_eq!(
        shown,
        [
            "kafka.topic STRING None",
            "max.interval LONG Some(\"500\")",
            "iterations INT Some(\"-1\")",
            "schema.string STRING Some(\"\")",
            "schema.filename STRING Some(\"\")",
            "schema.keyfield STRING Some(\"\")",
            "quickstart STRING Some(\"\")",
            "random.seed LONG Some(\"null\")",
        ]
    );
}

#[test]
fn exactly_one_schema() {
    assert_eq!(
        errors(&props(&[])),
        pairs(&[("schema.string", ONE), ("schema.filename", ONE), ("quickstart", ONE)])
    );
    let both = props(&[("quickstart", "users"), ("schema.filename", "x"), ("schema.string", " ")]);
    assert_eq!(errors(&both), pairs(&[("schema.filename", ONE), ("quickstart", ONE)]));
    assert_eq!(errors(&props(&[("quickstart", "PageViews")])), []);
    assert_eq!(errors(&props(&[("schema.string", &schema(r#""int""#))])), []);
}

#[test]
fn wrong_values() {
    let mut without_topic = props(&[("quickstart", "users")]);
    without_topic.remove("kafka.topic");
    let missing = "Missing required configuration \"kafka.topic\" which has no default value.";
    assert_eq!(errors(&without_topic), pairs(&[("kafka.topic", missing)]));
    // A schema is looked at all the same, its key field is not.
    without_topic.extend(props(&[("quickstart", ""), ("schema.string", "{")]));
    without_topic.remove("kafka.topic");
    assert_eq!(errors(&without_topic).len(), 2);
    let mut bad_key = props(&[("quickstart", "users"), ("schema.keyfield", "id")]);
    bad_key.remove("kafka.topic");
    assert_eq!(errors(&bad_key), pairs(&[("kafka.topic", missing)]));
    let found = errors(&props(&[("quickstart", "user")]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "quickstart");
    let start = "quickstart must be one out of clickstream_codes,clickstream,clickstream_users,";
    assert!(found[0].1.starts_with(start) && found[0].1.ends_with("shoe_orders,shoe_clickstream"));
    let found = errors(&props(&[("schema.string", "{")]));
    assert_eq!(found[0].0, "schema.string");
    assert!(found[0].1.starts_with("Unable to parse the provided schema: "), "{found:?}");
    assert_eq!(
        errors(&props(&[("schema.filename", "/no/such.avro")])),
        pairs(&[("schema.filename", "Unable to find the schema file")])
    );
    assert_eq!(
        errors(&props(&[("quickstart", "users"), ("schema.keyfield", "id")])),
        pairs(&[(
            "schema.keyfield",
            "The schema does not contain the field provided in 'schema.keyfield'"
        )])
    );
    let text = r#"{"type":"int"}"#;
    assert_eq!(
        errors(&props(&[("schema.string", text)])),
        pairs(&[(
            "schema.string",
            "Expected Avro Random Generator to return instance of GenericRecord, found \
             java.lang.Integer instead"
        )])
    );
    // What the generator cannot do is found before it runs.
    let wrong = schema(r#"{"type":"int","arg.properties":{"range":{"min":1,"max":0}}}"#);
    let found = errors(&props(&[("schema.string", &wrong)]));
    let text = "Field f: 'min' field must be strictly less than 'max' field in range property";
    assert!(found[0].1.ends_with(text), "{found:?}");
}

#[test]
fn files_are_looked_for_before_those_that_come_along() {
    assert_eq!(errors(&props(&[("schema.filename", "users_schema.avro")])), []);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("users_schema.avro");
    std::fs::write(&file, "// mine\n".to_owned() + &schema(r#""int""#)).unwrap();
    let path = file.display().to_string();
    assert_eq!(errors(&props(&[("schema.filename", &path), ("schema.keyfield", "f")])), []);
}
