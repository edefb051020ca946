//! Replays what Confluent's converters did, without a registry: the recorded text stands for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use gantry_converters::JsonConverter;
use gantry_model::config::ConfigDef;
use gantry_model::plugin::{Converter, Props};
use gantry_model::{Datum, MapValue};
use gantry_schema_model::{Format, Node};
use serde_json::{Value, json};

use crate::format::DataFormat;

const CASES: &str = include_str!("../tests/data/connect.json");

/// Runs all cases of a format; panics with those that differ, but for `known`.
pub(crate) fn run<F: DataFormat>(known: &[&str]) {
    let document: Value = serde_json::from_str(CASES).unwrap();
    // The order of parameters counts.
    let Some(Node::List(in_order)) = Node::parse(CASES).unwrap().get("fixtures").cloned() else {
        panic!("no cases");
    };
    let mut failures = BTreeMap::new();
    let mut count = 0;
    for (case, in_order) in document["fixtures"].as_array().unwrap().iter().zip(&in_order) {
        if case["converter"] != F::NAMES.schema_type {
            continue;
        }
        count += 1;
        if let Err(reason) = check::<F>(case, in_order.get("connect")) {
            failures.insert(case["id"].as_str().unwrap().to_owned(), reason);
        }
    }
    assert!(count > 90);
    let stale: Vec<_> = known.iter().filter(|id| !failures.contains_key(**id)).collect();
    assert!(stale.is_empty(), "these agree by now: {stale:?}");
    failures.retain(|id, _| !known.contains(&id.as_str()));
    let list: Vec<_> = failures.iter().map(|(id, reason)| format!("{id}: {reason}")).collect();
    assert!(list.is_empty(), "{} of {count} differ:\n{}", list.len(), list.join("\n"));
}

fn check<F: DataFormat>(case: &Value, connect: Option<&Node>) -> Result<(), String> {
    let props: Props = case["config"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| {
            (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
        .collect();
    let config = F::define(ConfigDef::new()).parse(&props).map_err(|e| e.to_string())?;
    let format = F::new(&config).map_err(|e| e.to_string())?;
    let bytes = match case.get("registered") {
        Some(_) if connect.is_none() => None,
        _ => Some(write(&format, case, connect)),
    };
    match (bytes, case.get("error")) {
        (Some(Err(_)), Some(_)) => return Ok(()),
        (Some(Ok(_)), Some(error)) => {
            return Err(format!("wrote what Confluent's refuses: {error}"));
        }
        (Some(Err(reason)), None) => return Err(format!("not written: {reason}")),
        (Some(Ok(None)), None) if case["bytes"].is_null() && case.get("bytes").is_some() => {
            return Ok(());
        }
        (Some(Ok(None)), None) => return Err("written as null".to_owned()),
        (Some(Ok(Some(hex))), None) if Some(hex.as_str()) != case["bytes_after_id"].as_str() => {
            return Err(format!("bytes {hex}, expected {}", case["bytes_after_id"]));
        }
        _ => {}
    }
    match (read(&format, case), case.get("backError")) {
        (Err(_), Some(_)) => Ok(()),
        (Ok(_), Some(error)) => Err(format!("read what Confluent's refuses: {error}")),
        (Err(reason), None) => Err(format!("not read: {reason}")),
        (Ok(back), None) if back == case["back"] => Ok(()),
        (Ok(back), None) => Err(format!("read {back}\n  expected {}", case["back"])),
    }
}

fn write<F: DataFormat>(
    format: &F,
    case: &Value,
    connect: Option<&Node>,
) -> Result<Option<String>, String> {
    let datum = match connect {
        Some(envelope) => from_envelope(envelope)?,
        None => Datum::default(),
    };
    let mut out = Vec::new();
    let text = match format.translate(datum.schema.as_ref()) {
        Ok(text) => text,
        // A null needs no schema.
        Err(_) if datum.value.is_null() && datum.schema.is_none() => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if let Some(expected) = case.get("registered").and_then(Value::as_str) {
        same_schema::<F>(&text, expected)?;
    }
    let schema = F::Format::parse(&text, &[], true).map_err(|e| e.to_string())?;
    let mut writer = format
        .writer(datum.schema.as_ref(), &Arc::new(schema))
        .map_err(|error| error.to_string())?;
    let written =
        format.write(&mut writer, &datum.value, &mut out).map_err(|error| error.to_string())?;
    let all = F::message_indexes(&writer).iter().chain(&out);
    Ok(written.then(|| all.map(|byte| format!("{byte:02x}")).collect()))
}

fn same_schema<F: DataFormat>(text: &str, expected: &str) -> Result<(), String> {
    use gantry_schema_model::ParsedSchema;
    let ours = F::Format::parse(text, &[], true).map_err(|e| format!("{e} in {text}"))?;
    let same = match serde_json::from_str::<Value>(expected) {
        Ok(tree) => serde_json::from_str::<Value>(ours.canonical()).is_ok_and(|ours| ours == tree),
        Err(_) => ours.canonical() == expected,
    };
    match same {
        true => Ok(()),
        false => Err(format!("schema {}\n  expected {expected}", ours.canonical())),
    }
}

fn read<F: DataFormat>(format: &F, case: &Value) -> Result<Value, String> {
    let text = case["registered"].as_str().unwrap();
    let schema = F::Format::parse(text, &[], false).map_err(|error| error.to_string())?;
    let mut bytes = from_hex(case["bytes_after_id"].as_str().unwrap());
    let indexes = match F::NAMES.has_message_indexes {
        true => take_indexes(&mut bytes)?,
        false => Vec::new(),
    };
    let mut reader =
        format.reader(&Arc::new(schema), Some(1), &indexes).map_err(|error| error.to_string())?;
    let datum = format.read(&mut reader, &Bytes::from(bytes)).map_err(|e| e.to_string())?;
    to_envelope(&datum)
}

/// Zigzag numbers: how many, and each; none stands for the first message.
fn take_indexes(bytes: &mut Vec<u8>) -> Result<Vec<i32>, String> {
    let mut at = 0;
    let mut next = || {
        let (mut value, mut shift) = (0_u32, 0);
        loop {
            let byte = *bytes.get(at).ok_or("the indexes have no end")?;
            at += 1;
            value |= u32::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return Ok::<i32, String>((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
    };
    let count = next()?;
    let list = match count {
        0 => vec![0],
        count => (0..count).map(|_| next()).collect::<Result<_, _>>()?,
    };
    bytes.drain(..at);
    Ok(list)
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn json_converter() -> JsonConverter {
    JsonConverter::new(&Props::new()).unwrap()
}

fn from_envelope(envelope: &Node) -> Result<Datum, String> {
    let mut datum = json_converter()
        .to_connect("t", &[], Some(Bytes::from(envelope.to_string())))
        .map_err(|error| error.to_string())?;
    if datum.schema.is_none() {
        datum.value = with_ints(&datum.value);
    }
    Ok(datum)
}

/// What had no schema had Java's `Integer`s, which the envelope does not say.
fn with_ints(value: &gantry_model::Value) -> gantry_model::Value {
    use gantry_model::Value;
    match value {
        Value::Int64(n) => Value::Int32((*n).try_into().unwrap()),
        Value::Array(list) => Value::array(list.iter().map(with_ints).collect()),
        Value::Map(map) => {
            let entries = map.entries().iter().map(|(k, v)| (with_ints(k), with_ints(v)));
            Value::map(MapValue::from_distinct(entries.collect()))
        }
        other => other.clone(),
    }
}

fn to_envelope(datum: &Datum) -> Result<Value, String> {
    let bytes = json_converter()
        .from_connect("t", &mut Vec::new(), datum)
        .map_err(|error| error.to_string())?;
    let envelope = bytes.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
    Ok(match envelope {
        Value::Null => json!({"schema": null, "payload": null}),
        other => other,
    })
}
