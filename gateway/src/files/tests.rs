use std::fs;

use gantry_engine::TargetState;

use super::*;

fn connector(name: &str, text: &str) -> Result<ConnectorFile, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(name);
    fs::write(&file, text).unwrap();
    read_connector(&file)
}

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn properties_are_those_of_java() {
    let text = b"# comment\n! comment\na=1\nb : 2\nc 3\n d = x\\\n   y\nempty\n\
                 esc\\=aped=\\u00e9\\tt\nf=caf\xc3\xa9\nlast=1\nlast=2\n";
    let expected = props(&[
        ("a", "1"),
        ("b", "2"),
        ("c", "3"),
        ("d", "xy"),
        ("empty", ""),
        ("esc=aped", "é\tt"),
        ("f", "café"),
        ("last", "2"),
    ]);
    assert_eq!(parse_properties(text).unwrap(), expected);
}

#[test]
fn what_is_not_utf8_is_latin_1() {
    assert_eq!(parse_properties(b"a=caf\xe9").unwrap(), props(&[("a", "café")]));
    let error = parse_properties(b"a=1\n# \\uz\nb=\\\\u\\uzzzz").unwrap_err();
    assert!(error.contains("properties syntax") && error.contains("line 3 column 6:"), "{error}");
}

#[test]
fn the_three_forms_of_a_connector_file() {
    let config = props(&[("name", "c"), ("connector.class", "X"), ("tasks.max", "1")]);
    let plain = ConnectorFile { name: "c".to_owned(), config, initial_state: None };
    let text = "name=c\nconnector.class=X\ntasks.max=1\n";
    assert_eq!(connector("c.properties", text).unwrap(), plain);
    let flat = r#"{"name":"c","connector.class":"X","tasks.max":1}"#;
    assert_eq!(connector("c.json", flat).unwrap(), plain);
    let nested = r#" {"name":"c","config":{"connector.class":"X","tasks.max":"1"}}"#;
    assert_eq!(connector("c.json", nested).unwrap(), plain);
    let stopped =
        r#"{"name":"c","initial_state":"stopped","config":{"name":"c","connector.class":"X"}}"#;
    let stopped = connector("any.txt", stopped).unwrap();
    assert_eq!(stopped.initial_state, Some(TargetState::Stopped));
}

#[test]
fn an_endless_file_is_refused() {
    let error = read_properties(Path::new("/dev/zero")).unwrap_err();
    assert!(
        error.starts_with("cannot read /dev/zero: it is larger than 16777216 bytes"),
        "{error}"
    );
}

#[test]
fn files_as_people_have_them() {
    let text = "name : c\nconnector.class: X\ntransforms = a.b , c\ntransforms.a.b.type : T\n";
    let read = connector("c.properties", text).unwrap();
    assert_eq!(read.config["transforms"], "a.b , c");
    assert_eq!(read.config["transforms.a.b.type"], "T");
    let twice = r#"{"name":"c","connector.class":"X","k":"1","k":2}"#;
    assert_eq!(
        connector("c.json", twice).unwrap().config["k"],
        "2",
        "the last counts, as in Kafka"
    );
    let comment = "{\n  \"name\": \"c\", // a comment\n  \"connector.class\": \"X\"\n}";
    let error = connector("c.json", comment).unwrap_err();
    assert!(error.contains("c.json: not JSON") && error.contains("line 2 column"), "{error}");
}

#[test]
fn the_configuration_inside_an_adapter_may_be_an_object() {
    let text = r#"{"name":"c","kafka.connector.configs":{"topic":"t","batch.size":5}}"#;
    let config = connector("c.json", text).unwrap().config;
    assert_eq!(config["kafka.connector.configs"], r#"{"topic":"t","batch.size":5}"#);
}

#[test]
fn a_bad_connector_file_is_named_with_what_is_wrong() {
    for (text, wrong) in [
        ("connector.class=X\n", "has no `name`"),
        (r#"{"connector.class":"X"}"#, "has no `name`"),
        (r#"{"config":{"connector.class":"X"}}"#, "no `name` beside `config`"),
        (r#"{"name":"a","config":{"name":"b"}}"#, "a outside `config` and b inside"),
        (r#"{"name":"a","config":{"x":null}}"#, "`x` is null"),
        (r#"{"name":"a","config":{"x":[1]}}"#, "`x` is an array"),
        (r#"{"name":"a","config":{},"initial_state":"GONE"}"#, "RUNNING, PAUSED or STOPPED"),
        (r#"{"name":"a","#, "not JSON"),
    ] {
        let error = connector("bad.json", text).unwrap_err();
        assert!(error.contains("bad.json: ") && error.contains(wrong), "{text}: {error}");
    }
    let missing = read_connector(Path::new("/nonexistent.json")).unwrap_err();
    assert!(missing.starts_with("cannot read /nonexistent.json: "), "{missing}");
}

#[test]
fn a_worker_file_is_told_from_a_connector_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f");
    for (text, expected) in
        [("key.converter=X", false), ("name=c\nconnector.class=X", true), ("{\"a\":1}", true)]
    {
        fs::write(&file, text).unwrap();
        assert_eq!(is_connector(&file), Ok(expected), "{text}");
    }
}
