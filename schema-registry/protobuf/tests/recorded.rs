//! Schemas, good and bad, and what Confluent's registry makes of them.

#![allow(clippy::unwrap_used, reason = "a test")]

use gantry_schema_model::{Dependency, Format as _, InvalidSchema, ParsedSchema as _};
use gantry_schema_protobuf::{Protobuf, ProtobufSchema};
use serde_json::{Map, Value, json};

fn read(case: &Value) -> Result<ProtobufSchema, InvalidSchema> {
    let mut dependencies = Vec::new();
    for pair in case["deps"].as_array().into_iter().flatten() {
        let part = |at: usize| pair[at].as_str().unwrap().to_owned();
        dependencies.push(Dependency { name: part(0), text: part(1) });
    }
    ProtobufSchema::read(case["text"].as_str().unwrap(), &dependencies)
}

fn text(result: Result<String, InvalidSchema>) -> Value {
    json!(result.unwrap_or_else(|error| format!("ERR {}", error.0)))
}

/// What is made of a case, as it was recorded: a text that is the canonical one is left out.
fn outcome(case: &Value) -> Map<String, Value> {
    let mut outcome = Map::new();
    let mut put = |key: &str, value: Value| outcome.insert(key.to_owned(), value);
    let schema = match read(case) {
        Ok(schema) => schema,
        Err(error) => {
            put("error", json!(error.0));
            return outcome;
        }
    };
    let canonical = json!(schema.canonical());
    let normalized = text(schema.try_normalized());
    put("normalized", if normalized == canonical { Value::Null } else { normalized });
    let without_extensions = text(schema.formatted("ignore_extensions"));
    if without_extensions != canonical {
        put("ignore", without_extensions);
    }
    put("canonical", canonical);
    put("serialized", text(schema.formatted("serialized")));
    put("strict", text(schema.validate(true).map(|()| "ok".to_owned())));
    let nameless = "ERR Protobuf schema definition contains no type definitions";
    put("name", json!(schema.name().unwrap_or_else(|| nameless.to_owned())));
    if case.get("old").is_some() {
        match read(&case["old"]) {
            Ok(old) => {
                put("backward", json!(Protobuf::incompatibilities(&schema, &old)));
                put("forward", json!(Protobuf::incompatibilities(&old, &schema)));
            }
            Err(error) => {
                put("error", json!(error.0));
            }
        }
    }
    outcome
}

#[test]
fn every_schema_is_taken_as_in_confluents_registry() {
    let document: Value = serde_json::from_str(include_str!("recorded.json")).unwrap();
    let (mut checks, mut failures) = (0, Vec::new());
    for case in document["cases"].as_array().unwrap() {
        let (found, expected) = (outcome(case), case["expected"].as_object().unwrap());
        for (key, expected) in expected {
            checks += 1;
            if found.get(key) != Some(expected) {
                let found = found.get(key);
                failures.push(format!("{key} of {}:\n{expected}\n{found:?}", case["text"]));
            }
        }
        let unexpected: Vec<&String> =
            found.keys().filter(|key| !expected.contains_key(*key)).collect();
        assert!(unexpected.is_empty(), "{unexpected:?} of {}", case["text"]);
    }
    assert!(failures.is_empty(), "{} of {checks}: {}", failures.len(), failures.join("\n\n"));
}
