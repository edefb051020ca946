//! What keys are refused, and why.

use std::fs;

use gantry_api::model::config::ConfigValue;
use gantry_api::{Connector, OffsetMap, Props};
use serde_json::json;
use tempfile::TempDir;

use crate::spooldir::config::Kind;
use crate::spooldir::connector::SpoolDirSource;

fn findings(kind: Kind, offline: bool, more: &[(&str, &str)]) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let mut props = Props::new();
    for name in ["input", "finished", "error"] {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        props.insert(format!("{name}.path"), path.to_str().unwrap().to_owned());
    }
    props.insert("topic".to_owned(), "t".to_owned());
    props.insert("input.file.pattern".to_owned(), ".*".to_owned());
    props.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    let mut values: Vec<ConfigValue> = kind.definition().validate(&props);
    let connector = SpoolDirSource::new(kind);
    match offline {
        true => connector.validate_offline(&props, &mut values).unwrap(),
        false => connector.validate(&props, &mut values).unwrap(),
    }
    let errors =
        values.iter().flat_map(|value| value.errors.iter().map(|e| format!("{}: {e}", value.name)));
    errors.collect()
}

const SCHEMA: (&str, &str) =
    ("key.schema", r#"{"type":"STRUCT","fieldSchemas":{"a":{"type":"STRING"}}}"#);
const VALUE: (&str, &str) = ("value.schema", SCHEMA.1);

#[test]
fn what_is_right_passes() {
    for kind in [Kind::Line, Kind::SchemalessJson, Kind::Binary] {
        assert_eq!(findings(kind, false, &[]), [""; 0], "{kind:?}");
    }
    for kind in [Kind::Csv, Kind::Json] {
        assert_eq!(findings(kind, false, &[SCHEMA, VALUE]), [""; 0], "{kind:?}");
        assert_eq!(findings(kind, false, &[("schema.generation.enabled", "true")]), [""; 0]);
    }
}

/// Keys beside those that are needed, and what is said of them.
type Case = (Kind, &'static [(&'static str, &'static str)], &'static str);

const WRONG: &[Case] = &[
    (
        Kind::Csv,
        &[],
        "key.schema: 'key.schema' must be set if 'schema.generation.enabled' = false.",
    ),
    (Kind::Csv, &[SCHEMA], "value.schema: 'value.schema' must be set"),
    (
        Kind::Csv,
        &[SCHEMA, ("value.schema", "{}")],
        "value.schema: Could not read schema from 'value.schema': 'type' of the schema is not set",
    ),
    (
        Kind::Json,
        &[SCHEMA, ("value.schema", r#"{"type":"STRING"}"#)],
        "value.schema: 'value.schema' has to be the schema of a STRUCT",
    ),
    (
        Kind::Csv,
        &[SCHEMA, VALUE, ("csv.quote.char", "44")],
        "csv.separator.char: The separator, quote, and escape characters must be different!",
    ),
    (
        Kind::Csv,
        &[SCHEMA, VALUE, ("csv.file.charset", "nope")],
        "csv.file.charset: Invalid value nope for configuration csv.file.charset: no character set",
    ),
    (
        Kind::Csv,
        &[SCHEMA, VALUE, ("csv.null.field.indicator", "no")],
        "csv.null.field.indicator: Invalid value 'no' is not a valid value for CSVReaderNullFieldIndicator.",
    ),
    (
        Kind::Csv,
        &[SCHEMA, VALUE, ("timestamp.mode", "FIELD")],
        "timestamp.field: When `timestamp.mode` is set to `FIELD`",
    ),
    (
        Kind::Csv,
        &[SCHEMA, VALUE, ("timestamp.mode", "FIELD"), ("timestamp.field", "a")],
        "timestamp.field: Field 'a' must be present and set to a timestamp",
    ),
    (
        Kind::Csv,
        &[SCHEMA, VALUE, ("parser.timestamp.date.formats", "bogus!")],
        "parser.timestamp.date.formats: Invalid value bogus!",
    ),
    (
        Kind::Csv,
        &[SCHEMA, VALUE, ("parser.timestamp.timezone", "Mars")],
        "parser.timestamp.timezone: Invalid value Mars",
    ),
    (
        Kind::Line,
        &[("cleanup.policy", "MOVEIT")],
        "cleanup.policy: Invalid value 'MOVEIT' is not a valid value for CleanupPolicy. Valid values are NONE, DELETE, MOVE, MOVEBYDATE.",
    ),
    (
        Kind::Line,
        &[("input.file.pattern", "(")],
        "input.file.pattern: Invalid value ( for configuration input.file.pattern: not a regular expression",
    ),
    (
        Kind::Line,
        &[("input.path", "relative")],
        "input.path: Invalid value relative for configuration input.path: File 'relative' is not an absolute path.",
    ),
    (
        Kind::Line,
        &[("input.path", "/nowhere/at/all")],
        "input.path: '/nowhere/at/all' must be a directory",
    ),
    (
        Kind::Line,
        &[("finished.path", "/nowhere/at/all")],
        "finished.path: '/nowhere/at/all' must be a directory",
    ),
    (
        Kind::Line,
        &[("processing.file.extension", "none")],
        "processing.file.extension: Invalid value none",
    ),
    (Kind::Line, &[("file.charset", "")], "file.charset: Invalid value"),
    (Kind::Line, &[("empty.poll.wait.ms", "0")], "empty.poll.wait.ms: "),
];

#[test]
fn what_is_wrong_is_named() {
    for (kind, more, expected) in WRONG {
        let found = findings(*kind, false, more);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{more:?}: {found:?}");
    }
    let none = [("cleanup.policy", "DELETE"), ("finished.path", "")];
    assert_eq!(findings(Kind::Line, false, &none), [""; 0]);
    assert_eq!(findings(Kind::Line, true, &[("input.path", "/nowhere/at/all")]), [""; 0]);
}

#[tokio::test]
async fn offsets_of_users_are_checked() {
    let mut connector = SpoolDirSource::new(Kind::Csv);
    let map = |json: serde_json::Value| -> OffsetMap { json.as_object().unwrap().clone() };
    let file = map(json!({"fileName": "a.csv"}));
    let ok = [(file.clone(), Some(map(json!({"offset": 3})))), (file.clone(), None)];
    assert!(connector.alter_offsets(&Props::new(), &ok).await.unwrap());
    for (partition, offset, text) in [
        (json!({"filename": "a"}), json!({"offset": 3}), "the key 'fileName' alone"),
        (json!({"fileName": "a"}), json!({"offset": "3"}), "has the key 'offset'"),
        (json!({"fileName": "a"}), json!({"offset": 3, "x": 1}), "'x' is no part of an offset"),
    ] {
        let change = [(map(partition), Some(map(offset)))];
        let error = connector.alter_offsets(&Props::new(), &change).await.unwrap_err();
        assert!(error.message().contains(text), "{error}");
    }
}
