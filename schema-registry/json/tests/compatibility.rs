//! Cases that Confluent's registry 8.3.1 decided, replayed.

use std::collections::BTreeSet;

use gantry_schema_json::{Json, JsonSchema};
use gantry_schema_model::Format;
use serde_json::Value;

/// What is incompatible at a level; versions are looked at from the newest to the oldest, up to
/// the first that does not fit.
fn check(level: &str, new: &JsonSchema, olds: &[JsonSchema]) -> Vec<String> {
    let count = if level.ends_with("TRANSITIVE") { olds.len() } else { 1 };
    for old in olds.iter().rev().take(count) {
        let mut found = Vec::new();
        if !level.starts_with("BACKWARD") {
            found.extend(Json::incompatibilities(old, new));
        }
        if !level.starts_with("FORWARD") {
            found.extend(Json::incompatibilities(new, old));
        }
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

fn error_types(sentences: &[String]) -> BTreeSet<String> {
    sentences
        .iter()
        .map(|sentence| {
            let rest = sentence.strip_prefix("{errorType:\"").unwrap_or_default();
            rest.split('"').next().unwrap_or_default().to_owned()
        })
        .collect()
}

#[test]
fn recorded_cases() {
    let recorded: Value = serde_json::from_str(include_str!("compatibility.json")).unwrap();
    let parse = |text: &Value| {
        let text = text.as_str().unwrap();
        Json::parse(text, &[], true).unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    let (mut checks, mut wrong) = (0, Vec::new());
    for case in recorded["cases"].as_array().unwrap() {
        let olds: Vec<JsonSchema> = case["old"].as_array().unwrap().iter().map(parse).collect();
        let new = parse(&case["new"]);
        for (level, expected) in case["expected"].as_object().unwrap() {
            checks += 1;
            let sentences = check(level, &new, &olds);
            let types = error_types(&sentences);
            let known = expected.get("errorTypes").map(|types| {
                let types = types.as_array().unwrap().iter();
                types.map(|name| name.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
            });
            if expected["compatible"] != Value::Bool(sentences.is_empty())
                || known.is_some_and(|known| known != types)
            {
                wrong.push(format!("{} {level}: {expected}, found {types:?}", case["id"]));
            }
        }
    }
    println!("{} of {checks} checks", checks - wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checks > 500, "only {checks} checks");
}
