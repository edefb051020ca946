//! Helpers of the tests, and what was recorded.

mod properties;
mod reading;
mod translating;
mod writing;

use gantry_converters::JsonConverter;
use gantry_model::plugin::{Converter, Props};
use gantry_schema_model::{Dependency, Format};
use serde_json::{Value as Json, json};

use super::*;

fn format(settings: &[(&str, &str)]) -> ProtobufFormat {
    let props: Props =
        settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let config = ProtobufFormat::define(ConfigDef::new()).parse(&props).unwrap();
    ProtobufFormat::new(&config).unwrap()
}

fn json_converter() -> JsonConverter {
    JsonConverter::new(&Props::new()).unwrap()
}

/// A value of a schema, both as JSON.
fn datum(schema: &Json, payload: &Json) -> Datum {
    let envelope = json!({"schema": schema, "payload": payload}).to_string();
    json_converter().to_connect("t", &[], Some(envelope.into())).unwrap()
}

/// Schema and value as JSON.
fn shown(datum: &Datum) -> (Json, Json) {
    let bytes = json_converter().from_connect("t", &mut Vec::new(), datum).unwrap();
    let mut envelope: Json = serde_json::from_slice(&bytes.unwrap()).unwrap();
    (envelope["schema"].take(), envelope["payload"].take())
}

fn parsed(text: &str) -> Arc<ProtobufSchema> {
    Arc::new(Protobuf::parse(text, &[], false).unwrap())
}

/// Reads bytes that are written in hexadecimal, as the first message of a schema.
fn read(format: &ProtobufFormat, text: &str, hex: &str) -> Result<Datum> {
    let mut reader = format.reader(&parsed(text), None, &[0])?;
    format.read(&mut reader, &from_hex(hex))
}

/// The same, as JSON.
fn payload(settings: &[(&str, &str)], text: &str, hex: &str) -> Json {
    shown(&read(&format(settings), text, hex).unwrap()).1
}

/// What is wrong with such bytes.
fn fault(settings: &[(&str, &str)], text: &str, hex: &str) -> String {
    read(&format(settings), text, hex).unwrap_err().message().to_owned()
}

/// Writes a value by a schema of the registry, or by its own.
fn write(format: &ProtobufFormat, datum: &Datum, registered: Option<&str>) -> Result<String> {
    let text = match registered {
        Some(text) => text.to_owned(),
        None => format.translate(datum.schema.as_ref())?,
    };
    let mut writer = format.writer(datum.schema.as_ref(), &parsed(&text))?;
    let mut out = b"x".to_vec();
    let written = format.write(&mut writer, &datum.value, &mut out);
    if written.is_err() {
        assert_eq!(out, b"x");
    }
    assert!(written?);
    let indexes: &[u8] = match writer.message_indexes.as_slice() {
        [0] => &[],
        more => more,
    };
    Ok(indexes.iter().chain(&out[1..]).map(|byte| format!("{byte:02x}")).collect())
}

fn from_hex(hex: &str) -> Bytes {
    let digits: String = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// A schema with a single message `M`.
fn proto3(fields: &str) -> String {
    format!("syntax = \"proto3\"; message M {{ {fields} }}")
}

fn proto2(fields: &str) -> String {
    format!("syntax = \"proto2\"; message M {{ {fields} }}")
}

#[test]
fn recorded_data() {
    crate::golden::run::<ProtobufFormat>(&[]);
}

#[test]
fn logical_types_that_are_no_fields_can_be_read_by_a_schema_of_their_own() {
    let format = format(&[]);
    let schema =
        json!({"type": "int64", "name": "org.apache.kafka.connect.data.Timestamp", "version": 1});
    let datum = datum(&schema, &json!(1_709_208_000_123_i64));
    let text = roots::logical_root(Logical::Timestamp);
    let written = write(&format, &datum, Some(text)).unwrap();
    assert_eq!(written, "08c0e381af0610c0a9d33a");
    let (_, payload) = shown(&read(&format, text, &written).unwrap());
    assert_eq!(payload, json!({"seconds": 1_709_208_000, "nanos": 123_000_000}));
}

#[test]
fn bytes_of_another_client() {
    let document: Json = serde_json::from_str(include_str!("../../tests/data/wire.json")).unwrap();
    let text = document["wire.proto"].as_str().unwrap();
    let schema = parsed(text);
    let format = format(&[("enhanced.protobuf.schema.support", "true")]);
    let mut count = 0;
    for case in document["fixtures"].as_array().unwrap() {
        if case["format"] != "PROTOBUF" {
            continue;
        }
        count += 1;
        let hex = case["bytes_after_id"].as_str().unwrap();
        let bytes = from_hex(hex);
        let (indexes, rest) = MessageIndexes::read(&bytes).unwrap();
        let indexes: Vec<i32> =
            indexes.path().iter().map(|at| i32::try_from(*at).unwrap()).collect();
        let mut reader = format.reader(&schema, Some(1), &indexes).unwrap();
        let datum = format.read(&mut reader, &bytes.slice_ref(rest)).unwrap();
        assert_eq!(datum.schema.as_ref().unwrap().name().unwrap().to_string(), case["message"]);
        let (_, payload) = shown(&datum);
        for (name, value) in case["value"].as_object().unwrap() {
            let read = if name == "b" { &payload["o_0"]["b"] } else { &payload[name] };
            assert_eq!(read, value, "{}", case["id"]);
        }
        assert_eq!(write(&format, &datum, Some(text)).unwrap(), hex, "{}", case["id"]);
    }
    assert_eq!(count, 5);
}

#[test]
fn keys_have_confluents_defaults() {
    let def = ProtobufFormat::define(ConfigDef::new());
    assert!(def.fault().is_none());
    assert_eq!(def.keys().count(), 13);
    let config = def.parse(&Props::new()).unwrap();
    let on: Vec<&str> =
        def.keys().map(|key| key.name.as_str()).filter(|key| config.boolean(key)).collect();
    assert_eq!(
        on,
        ["optional.for.proto2", "wrapper.for.raw.primitives", "generate.index.for.unions"]
    );
    assert_eq!(config.long("schemas.cache.config"), Some(1000));
}

#[test]
fn without_a_schema_there_is_no_data() {
    let format = format(&[]);
    assert!(format.translate(None).unwrap_err().message().contains("needs a schema"));
    let error = format.reader(&parsed(&proto3("")), None, &[3]).unwrap_err();
    assert_eq!(error.message(), "Invalid message indexes: [3]");
    assert!(format.reader(&parsed(&proto3("")), None, &[-1]).is_err());
}
