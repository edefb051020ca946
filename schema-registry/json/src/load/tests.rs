//! What texts mean, and which are refused.

use super::*;
use crate::JsonSchema;
use crate::model::{Combined, Criterion, NumberRules, ObjectRules};

fn loaded(text: &str) -> Document {
    loaded_with(text, &[])
}

fn loaded_with(text: &str, dependencies: &[(&str, &str)]) -> Document {
    try_load(text, dependencies).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn try_load(text: &str, dependencies: &[(&str, &str)]) -> Result<Document, String> {
    let dependencies: Vec<Dependency> = dependencies
        .iter()
        .map(|(name, text)| Dependency { name: (*name).to_owned(), text: (*text).to_owned() })
        .collect();
    load(&text::read(text).unwrap(), &dependencies)
}

fn object(document: &Document) -> &ObjectRules {
    match &document.root().kind {
        Kind::Object(rules) => rules,
        other => panic!("{other:?}"),
    }
}

fn property<'a>(document: &'a Document, name: &str) -> &'a Schema {
    document.resolved(object(document).property(name).unwrap()).unwrap()
}

/// The kinds of what is combined.
fn combined(document: &Document) -> (Criterion, bool, Vec<&Kind>) {
    match &document.root().kind {
        Kind::Combined(Combined { criterion, schemas, synthetic }) => {
            let kinds = schemas.iter().map(|id| &document.get(*id).kind).collect();
            (*criterion, *synthetic, kinds)
        }
        other => panic!("{other:?}"),
    }
}

const MODERN: &str = r#""$schema":"https://json-schema.org/draft/2020-12/schema","#;

#[test]
fn keywords_are_sorted_into_rules() {
    let document = loaded(
        r#"{"$id":"http://x.org/a","title":"T","description":"D","type":"object","required":["b"],
            "properties":{"b":{"type":"integer","connect.type":"int8","connect.index":0},
            "a":{"type":["string","null"],"default":null,"maxLength":3}},
            "additionalProperties":false,"$comment":"c"}"#,
    );
    let root = document.root();
    assert_eq!((root.id.as_deref(), root.title.as_deref()), (Some("http://x.org/a"), Some("T")));
    assert_eq!(root.extension("$comment").and_then(Node::as_text), Some("c"));
    let rules = object(&document);
    let names: Vec<&str> = rules.properties.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
    assert!(rules.only && !rules.admits_additional && rules.required == ["b"]);
    let number = property(&document, "b");
    assert!(matches!(&number.kind, Kind::Number(rules) if rules.integer));
    assert_eq!(number.extension("connect.type").and_then(Node::as_text), Some("int8"));
    let nullable = property(&document, "a");
    assert_eq!(nullable.default, Some(Node::Null));
    assert!(matches!(&nullable.kind, Kind::Combined(both) if both.criterion == Criterion::Any));
}

#[test]
fn keywords_side_by_side_are_combined() {
    let document = loaded(r#"{"type":"string","enum":["a"],"minimum":5}"#);
    let (criterion, synthetic, kinds) = combined(&document);
    assert!(criterion == Criterion::All && synthetic);
    assert!(matches!(kinds.as_slice(), [Kind::Enum(_), Kind::String(_), Kind::Number(_)]));
    let modern = loaded(&format!(r#"{{{MODERN}"type":"string","maxLength":5,"minimum":5}}"#));
    let (criterion, synthetic, kinds) = combined(&modern);
    assert!(criterion == Criterion::All && synthetic && kinds.len() == 2);
    assert!(kinds.iter().any(|kind| {
        matches!(kind, Kind::String(rules) if rules.only && rules.max_length == Some(5))
    }));
    // A format makes a rule for texts up to draft 7, and none later.
    let formatted = r#""type":"integer","format":"int32"}"#;
    assert_eq!(combined(&loaded(&format!("{{{formatted}"))).2.len(), 2);
    let modern = loaded(&format!("{{{MODERN}{formatted}"));
    assert!(matches!(&modern.root().kind, Kind::Number(rules) if rules.integer));
}

#[test]
fn a_list_of_types_takes_its_rules() {
    let document = loaded(&format!(r#"{{{MODERN}"type":["string","null"],"minLength":2}}"#));
    let (criterion, synthetic, kinds) = combined(&document);
    assert!(criterion == Criterion::Any && synthetic && kinds.len() == 2);
    assert!(kinds.iter().any(|kind| {
        matches!(kind, Kind::String(rules) if rules.only && rules.min_length == Some(2))
    }));
}

#[test]
fn drafts_differ() {
    let four = r#""$schema":"http://json-schema.org/draft-04/schema#","#;
    let document =
        loaded(&format!(r#"{{{four}"id":"x","maximum":5,"exclusiveMaximum":true,"const":1}}"#));
    assert_eq!((document.draft(), document.root().id.as_deref()), (Draft::Draft4, Some("x")));
    let expected = NumberRules {
        maximum: Some("5".to_owned()),
        maximum_is_exclusive: true,
        ..NumberRules::default()
    };
    assert_eq!(document.root().kind, Kind::Number(Box::new(expected)));
    assert!(document.root().extension("const").is_some());
    assert!(try_load(&format!(r#"{{{four}"items":true}}"#), &[]).is_err());
    assert!(try_load(&format!(r#"{{{four}"exclusiveMaximum":5}}"#), &[]).is_err());
    assert!(try_load(r#"{"exclusiveMaximum":true}"#, &[]).is_err());
    let unknown = loaded(r#"{"$schema":"http://example.com/schema","if":{}}"#);
    assert_eq!(unknown.draft(), Draft::Draft7);
    assert!(matches!(unknown.root().kind, Kind::Conditional(_)));
}

#[test]
fn what_is_no_schema_is_refused() {
    for text in [
        "[]",
        "1",
        r#""string""#,
        r#"{"type":"strin"}"#,
        r#"{"type":7}"#,
        r#"{"type":["string",7]}"#,
        r#"{"title":7}"#,
        r#"{"$schema":7}"#,
        r#"{"properties":[]}"#,
        r#"{"properties":{"a":7}}"#,
        r#"{"required":true}"#,
        r#"{"minLength":1.0}"#,
        r#"{"minLength":"1"}"#,
        r#"{"pattern":"a["}"#,
        r#"{"patternProperties":{"a[":{}}}"#,
        r#"{"multipleOf":0}"#,
        r#"{"enum":"a"}"#,
        r#"{"anyOf":{}}"#,
        r#"{"$ref":"other.json"}"#,
        r#"{"$id":"My Schema"}"#,
        r##"{"$ref":"#/definitions/My Type","definitions":{"My Type":{}}}"##,
        r##"{"$ref":"#/definitions/none"}"##,
        r##"{"properties":{"a":{"$ref":"#/none"}}}"##,
    ] {
        assert!(try_load(text, &[]).is_err(), "{text}");
        if let Some(rest) = text.strip_prefix('{') {
            let modern = format!("{{{MODERN}{rest}");
            let lenient = ["1.0", "$schema", "multipleOf"];
            assert!(
                try_load(&modern, &[]).is_err() || lenient.iter().any(|part| text.contains(part)),
                "{modern}"
            );
        }
    }
    assert!(try_load(&format!(r#"{{{MODERN}"items":[{{}}]}}"#), &[]).is_err());
    assert!(try_load(&format!(r#"{{{MODERN}"$defs":{{"a":{{"type":"x"}}}}}}"#), &[]).is_err());
    // Up to draft 7, what nothing refers to is not looked at.
    assert!(try_load(r#"{"definitions":{"a":{"type":"x"}}}"#, &[]).is_ok());
}

#[test]
fn references_lead_into_other_documents() {
    let dependency = r##"{"definitions":{"n":{"type":"integer"},"m":{"$ref":"#/definitions/n"}},
        "type":"object","properties":{"o":{"$ref":"other.json"}}}"##;
    let dependencies = [("other.json", r#"{"type":"null"}"#), ("dep.json", dependency)];
    for schema in ["", MODERN] {
        let text = format!(
            r#"{{{schema}"type":"object","properties":{{"a":{{"$ref":"dep.json"}},
                "b":{{"$ref":"dep.json#/definitions/m"}},"c":{{"$ref":"dep.json#/$defs/n"}}}}}}"#
        );
        let document = loaded_with(&text, &dependencies);
        assert!(matches!(property(&document, "a").kind, Kind::Object(_)), "{schema}");
        for name in ["b", "c"] {
            let kind = &property(&document, name).kind;
            assert!(matches!(kind, Kind::Number(rules) if rules.integer), "{name} {kind:?}");
        }
        assert!(try_load(&text, &dependencies[..1]).is_err());
        assert!(try_load(&text, &[("dep.json", dependency)]).is_err());
    }
    let with_id = r#"{"$id":"http://x.org/root.json","properties":{"a":{"$ref":"dep.json"}}}"#;
    assert!(try_load(with_id, &[("dep.json", "{}")]).is_ok());
    assert!(try_load(with_id, &[("http://x.org/dep.json", "{}")]).is_ok());
}

#[test]
fn references_keep_what_stands_beside_them_in_part() {
    let text = r##"{"properties":{"a":{"$ref":"#/definitions/s","title":"T","default":"x",
        "connect.index":3}},"definitions":{"s":{"type":"string"}}}"##;
    let document = loaded(text);
    let reference = document.get(object(&document).property("a").unwrap());
    assert!(matches!(&reference.kind, Kind::Reference(to) if to.target == "#/definitions/s"));
    assert_eq!((reference.title.as_deref(), &reference.default), (Some("T"), &None));
    assert!(reference.extension("connect.index").is_some());
}

#[test]
fn anchors_and_ids_are_found() {
    let text = format!(
        r##"{{{MODERN}"$id":"http://x.org/r","properties":{{"a":{{"$ref":"#n"}},
            "b":{{"$ref":"sub"}},"c":{{"$dynamicRef":"#n"}}}},
            "$defs":{{"n":{{"$anchor":"n","type":"null"}},
            "s":{{"$id":"sub","type":"boolean"}}}}}}"##
    );
    let document = loaded(&text);
    assert_eq!(property(&document, "a").kind, Kind::Null);
    assert_eq!(property(&document, "b").kind, Kind::Boolean);
    assert_eq!(property(&document, "c").kind, Kind::Null);
}

#[test]
fn unknown_keywords_take_the_place_of_unevaluated() {
    let text =
        |more: &str| format!(r#"{{{MODERN}"type":"object","unevaluatedProperties":false{more}}}"#);
    assert!(object(&loaded(&text(""))).unevaluated.is_some());
    assert!(object(&loaded(&text(r#","connect.name":"n""#))).unevaluated.is_none());
}

#[test]
fn documents_stay_within_limits() {
    // Each definition refers to the next larger part: what is referred to is loaded again.
    let deep = format!("{}{}", r#"{"not":"#.repeat(190), "}".repeat(190).replacen('}', "{}}", 1));
    assert!(JsonSchema::load(&deep, &[], true).is_ok());
    let modern = deep.replacen('{', &format!("{{{MODERN}"), 1);
    assert!(JsonSchema::load(&modern, &[], true).is_ok());
    let levels = 170;
    let nested = (0..levels)
        .fold(r#"{"type":"null"}"#.to_owned(), |inner, _| format!(r#"{{"not":{inner}}}"#));
    let pointer = |level: usize| format!("#/definitions/d{}", "/not".repeat(level));
    let properties: Vec<String> =
        (0..levels).map(|level| format!(r#""p{level}":{{"$ref":"{}"}}"#, pointer(level))).collect();
    let text =
        format!(r#"{{"properties":{{{}}},"definitions":{{"d":{nested}}}}}"#, properties.join(","));
    assert!(loaded(&text).schemas.len() > levels * levels / 2);
}
