//! What Confluent's converters and clients did, against ours with a registry of our own.

#![allow(clippy::unwrap_used, reason = "a test")]

use gantry_tests::registry::Adapter;
use serde_json::Value as Json;

const CONNECT: &str = include_str!("../../schema-registry/converters/tests/data/connect.json");
const WIRE: &str = include_str!("../../schema-registry/converters/tests/data/wire.json");

fn cases(document: &str) -> Vec<Json> {
    let document: Json = serde_json::from_str(document).unwrap();
    document["fixtures"].as_array().unwrap().clone()
}

/// The same schema: as a tree where it is JSON.
fn same_schema(a: &Json, b: &Json) -> bool {
    let tree = |text: &Json| serde_json::from_str::<Json>(text.as_str()?).ok();
    a == b || tree(a).is_some_and(|a| tree(b) == Some(a))
}

fn difference(case: &Json, result: &Json) -> Option<String> {
    if case.get("error").is_some() {
        return result.get("error").is_none().then(|| "it is written".to_owned());
    }
    if case.get("bytes").is_some_and(Json::is_null) {
        return (!result["bytes"].is_null() || result.get("bytes").is_none())
            .then(|| format!("it is not null: {result}"));
    }
    if !same_schema(&case["registered"], &result["registered"]) {
        return Some(format!("registered {}", result));
    }
    if case["bytes_after_id"] != result["bytes_after_id"] {
        return Some(format!("bytes {}", result["bytes_after_id"]));
    }
    match case.get("backError") {
        Some(_) => result.get("backError").is_none().then(|| "it is read".to_owned()),
        None => (case["back"] != result["back"]).then(|| format!("back {result}")),
    }
}

#[test]
fn converters_do_what_confluents_do() {
    let mut adapter = Adapter::start().unwrap();
    let cases = cases(CONNECT);
    let mut differ = Vec::new();
    for case in &cases {
        let result = adapter.run(case).unwrap();
        if let Some(what) = difference(case, &result) {
            differ.push(format!("{}: {what}", case["id"]));
        }
    }
    // Which ones, and why, stands beside the format's own test.
    assert!(differ.len() * 50 <= cases.len(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

#[test]
fn bytes_are_those_of_other_clients() {
    let mut adapter = Adapter::start().unwrap();
    for case in cases(WIRE) {
        let result = adapter.run(&case).unwrap();
        assert_eq!(result["bytes_after_id"], case["bytes_after_id"], "{}: {result}", case["id"]);
    }
}
