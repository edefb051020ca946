use gantry_schema_model::Format;

use crate::Avro;

fn differences(reader: &str, writer: &str) -> Vec<String> {
    let read = |text: &str| Avro::parse(text, &[], true).unwrap();
    Avro::incompatibilities(&read(reader), &read(writer))
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","namespace":"n","fields":[{fields}]}}"#)
}

#[test]
fn sentences_as_the_registry_says_them() {
    let a = r#"{"name":"a","type":"string"}"#;
    for (reader, writer, sentence) in [
        (
            record(&format!(r#"{a},{{"name":"b","type":"int"}}"#)),
            record(a),
            "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'b' at path \
             '/fields/1' in the %s schema has no default value and is missing in the %s schema', \
             additionalInfo:'b'}",
        ),
        (
            "\"string\"".to_owned(),
            record(a),
            "{errorType:'TYPE_MISMATCH', description:'The type (path '/') of a field in the %s \
             schema does not match with the %s schema', additionalInfo:'reader type: STRING not \
             compatible with writer type: RECORD'}",
        ),
        (
            record(a).replace("\"R\"", "\"S\""),
            record(a),
            "{errorType:'NAME_MISMATCH', description:'The name of the schema has changed (path \
             '/name')', additionalInfo:'expected: n.R'}",
        ),
        (
            record(r#"{"name":"a","type":["null","int"]}"#),
            record(r#"{"name":"a","type":["null","string"]}"#),
            "{errorType:'MISSING_UNION_BRANCH', description:'The %s schema is missing a type \
             inside a union field at path '/fields/0/type/1' in the %s schema', \
             additionalInfo:'reader union lacking writer type: STRING'}",
        ),
        (
            r#"{"type":"enum","name":"E","symbols":["B"]}"#.to_owned(),
            r#"{"type":"enum","name":"E","symbols":["C","B","A"]}"#.to_owned(),
            "{errorType:'MISSING_ENUM_SYMBOLS', description:'The %s schema is missing enum \
             symbols '[A, C]' at path '/symbols' in the %s schema', additionalInfo:'[A, C]'}",
        ),
        (
            r#"{"type":"fixed","name":"F","size":1}"#.to_owned(),
            r#"{"type":"fixed","name":"F","size":2}"#.to_owned(),
            "{errorType:'FIXED_SIZE_MISMATCH', description:'The size of FIXED type field at path \
             '/size' in the %s schema does not match with the %s schema', \
             additionalInfo:'expected: 2, found: 1'}",
        ),
    ] {
        assert_eq!(differences(&reader, &writer), [sentence]);
    }
}

#[test]
fn a_type_that_is_used_again_is_not_compared_again() {
    let inner = |kind| {
        let fields = format!(r#"[{{"name":"x","type":"{kind}"}}]"#);
        format!(r#"{{"type":"record","name":"I","fields":{fields}}}"#)
    };
    let outer = |kind| {
        record(&format!(r#"{{"name":"a","type":{}}},{{"name":"b","type":"I"}}"#, inner(kind)))
    };
    let found = differences(&outer("int"), &outer("string"));
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|sentence| sentence.contains("'/fields/0/type/fields/0/type'")));
}

#[test]
fn two_fields_for_one() {
    let reader = record(r#"{"name":"a","type":"int","aliases":["b"]}"#);
    let writer = record(r#"{"name":"a","type":"int"},{"name":"b","type":"int"}"#);
    assert_eq!(
        differences(&reader, &writer),
        [format!(
            "Unexpected exception during compatibility check: Reader record field a type:INT pos:0 \
             matches multiple fields in writer record schema {writer}"
        )]
    );
}

#[test]
fn differences_that_multiply_are_cut() {
    let schema = |kind: &str| {
        let mut inner = format!(r#""{kind}""#);
        for at in 0..30 {
            inner = format!(
                concat!(
                    r#"{{"type":"record","name":"R{}","fields":[{{"name":"a","type":{}}},"#,
                    r#"{{"name":"b","type":{}}}]}}"#
                ),
                at,
                inner,
                if at == 0 { inner.clone() } else { format!(r#""R{}""#, at - 1) }
            );
        }
        inner
    };
    assert_eq!(differences(&schema("int"), &schema("string")).len(), super::MAX_DIFFERENCES);
}
