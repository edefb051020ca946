//! Pairs of schemas and what Confluent's registry says about them.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use gantry_schema_model::Format as _;
use gantry_schema_protobuf::{Protobuf, ProtobufSchema};
use serde_json::Value;

fn parse(text: &Value) -> ProtobufSchema {
    Protobuf::parse(text.as_str().unwrap(), &[], true).unwrap()
}

/// What a level asks for: that the new schema reads the old ones, that these read the new one,
/// and whether that is so for all of them.
fn of_level(level: &str) -> (bool, bool, bool) {
    let base = level.trim_end_matches("_TRANSITIVE");
    (base != "FORWARD", base != "BACKWARD", base != level)
}

fn error_types(sentences: &[String]) -> BTreeSet<String> {
    let of = |sentence: &String| {
        let rest = sentence.strip_prefix("{errorType:\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    sentences.iter().map(of).collect()
}

/// All that is said, or what is said about the newest schema for which something is said.
fn sentences(level: &str, new: &ProtobufSchema, olds: &[ProtobufSchema]) -> Vec<String> {
    let (backward, forward, transitive) = of_level(level);
    let checked = if transitive { olds.len() } else { 1 };
    for old in olds.iter().rev().take(checked) {
        let mut found = Vec::new();
        if forward {
            found.extend(Protobuf::incompatibilities(old, new));
        }
        if backward {
            found.extend(Protobuf::incompatibilities(new, old));
        }
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

#[test]
fn every_case_ends_as_in_confluents_registry() {
    let document: Value = serde_json::from_str(include_str!("compatibility.json")).unwrap();
    let (mut checks, mut failures) = (0, Vec::new());
    for case in document["cases"].as_array().unwrap() {
        let olds: Vec<ProtobufSchema> = case["old"].as_array().unwrap().iter().map(parse).collect();
        let new = parse(&case["new"]);
        for (level, expected) in case["expected"].as_object().unwrap() {
            checks += 1;
            let found = sentences(level, &new, &olds);
            let expected_types = expected["errorTypes"].as_array().map(|types| {
                types.iter().map(|of| of.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
            });
            let agrees = found.is_empty() == expected["compatible"].as_bool().unwrap()
                && expected_types.is_none_or(|types| types == error_types(&found));
            if !agrees {
                failures.push(format!("{} {level}: {expected} {found:?}", case["id"]));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {checks}: {failures:#?}", failures.len());
    assert_eq!(checks, 381);
}
