//! What a registry asks of a schema.

use super::*;

fn schema(text: &str) -> JsonSchema {
    JsonSchema::load(text, &[], true).unwrap()
}

#[test]
fn texts_are_given_back_without_white_space() {
    let text = "{ \"type\" : \"object\",\n \"b\": 1.0, \"a\": [1e3, \"\\u00e9\\/\"], \"b\": 2 }";
    let read = schema(text);
    assert_eq!(read.canonical(), r#"{"type":"object","b":2,"a":[1E+3,"é/"]}"#);
    assert_eq!(read.normalized(), r#"{"a":[1E+3,"é/"],"b":2,"type":"object"}"#);
    for form in ["", "resolved", "serialized"] {
        assert_eq!(read.formatted(form).unwrap(), read.canonical());
    }
    assert_eq!(schema("true").canonical(), "true");
}

#[test]
fn a_later_draft_can_be_read_as_draft_7() {
    let text = r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"integer",
        "minimum":1,"$defs":{"a":{}}}"##;
    let read = schema(text);
    assert_eq!(read.document().unwrap().draft(), Draft::Draft202012);
    assert_eq!(read.classic_document().unwrap().draft(), Draft::Draft7);
    let older = schema(r#"{"$schema":"http://json-schema.org/draft-04/schema#"}"#);
    assert_eq!(older.classic_document().unwrap().draft(), Draft::Draft4);
}

#[test]
fn the_name_is_the_title() {
    assert_eq!(schema(r#"{"title":"T","$id":"x"}"#).name().as_deref(), Some("T"));
    assert_eq!(schema(r#"{"$id":"x"}"#).name(), None);
    assert_eq!(schema("true").name(), None);
}

#[test]
fn errors_are_the_registrys_and_have_a_reason() {
    let error = |text: &str| JsonSchema::load(text, &[], true).unwrap_err();
    assert_eq!(Json::parse("{", &[], true).unwrap_err().to_string(), "Invalid JSON schema");
    assert_eq!(Json::parse("{", &[], false).unwrap_err().to_string(), "Invalid JSON schema");
    let wrong = r#"{"type":"strin"}"#;
    assert_eq!(Json::parse(wrong, &[], true).unwrap_err().to_string(), "Invalid JSON");
    assert_eq!(error(wrong).to_string(), "Invalid JSON: unknown type: [strin]");
    assert!(error("{").to_string().starts_with("Invalid JSON schema: EOF"));
}

#[test]
fn what_was_imported_can_be_read_but_not_compared() {
    let wrong = Json::parse(r#"{"type":"strin"}"#, &[], false).unwrap();
    assert_eq!(wrong.canonical(), r#"{"type":"strin"}"#);
    assert_eq!(wrong.document().unwrap_err(), "unknown type: [strin]");
    assert_eq!(
        Json::incompatibilities(&schema("true"), &wrong),
        ["Invalid JSON: unknown type: [strin]"]
    );
    assert!(wrong.validate(&serde_json::Value::Null).is_err());
}

#[test]
fn sentences_leave_the_names_open() {
    let (old, new) = (schema(r#"{"type":"null"}"#), schema(r#"{"type":"boolean"}"#));
    assert_eq!(
        Json::incompatibilities(&new, &old),
        [
            "{errorType:\"TYPE_CHANGED\", description:\"A type at path '#/' is different between the \
          %s schema and the %s schema'}"
        ]
    );
    let sentences = new.sentences(&old, Policy::Strict, ("new", "old"));
    assert!(sentences.iter().all(|sentence| sentence.contains("the new schema and the old")));
}

#[test]
fn fields_at_the_top() {
    let fields = schema(r#"{"type":"object","properties":{"a":{},"$b":{}}}"#);
    assert!(fields.has_top_level_field("a") && !fields.has_top_level_field("c"));
    assert!(fields.validate_fields().is_ok());
    let reserved = schema(r#"{"type":"object","properties":{"$$a":{}}}"#);
    assert_eq!(
        reserved.validate_fields().unwrap_err().to_string(),
        "#: Field names cannot start with $$ prefix"
    );
}
