use gantry_converters::JsonConverter;
use gantry_model::plugin::{Converter, Props};
use gantry_model::{Kind, MapValue, SchemaBuilder, Struct, logical};
use serde_json::json;

use super::*;
use crate::fuzzing::there_and_back;

#[test]
fn recorded_facts_of_confluents_converter() {
    crate::golden::run::<JsonSchemaFormat>(&[]);
}

fn format(pairs: &[(&str, &str)]) -> JsonSchemaFormat {
    let props: Props =
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let config = JsonSchemaFormat::define(ConfigDef::new()).parse(&props).unwrap();
    JsonSchemaFormat::new(&config).unwrap()
}

fn schema(text: &str) -> Arc<JsonSchema> {
    Arc::new(JsonSchema::load(text, &[], true).unwrap())
}

fn read_by(format: &JsonSchemaFormat, text: &str, payload: &str) -> Result<Datum> {
    let mut reader = format.reader(&schema(text), Some(1), &[])?;
    format.read(&mut reader, &Bytes::copy_from_slice(payload.as_bytes()))
}

fn read(text: &str, payload: &str) -> Result<Datum> {
    read_by(&format(&[]), text, payload)
}

fn write_by(
    format: &JsonSchemaFormat,
    registered: Option<&str>,
    datum: &Datum,
) -> Result<Option<String>> {
    let connect = datum.schema.as_ref();
    let own = format.translate(connect)?;
    let mut writer = format.writer(connect, &schema(registered.unwrap_or(&own)))?;
    let mut out = b"before".to_vec();
    let written = format.write(&mut writer, &datum.value, &mut out)?;
    let out = String::from_utf8(out).unwrap();
    let json = out.strip_prefix("before").unwrap();
    assert!(written || json.is_empty());
    Ok(written.then(|| json.to_owned()))
}

/// As `JsonConverter` writes it, with its schema.
fn envelope(datum: &Datum) -> serde_json::Value {
    let mut converter = JsonConverter::new(&Props::new()).unwrap();
    let bytes = converter.from_connect("t", &mut Vec::new(), datum).unwrap().unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn payload(datum: &Datum) -> serde_json::Value {
    envelope(datum)["payload"].clone()
}

/// The whole message, with what caused it.
fn message(error: &Error) -> String {
    match error.cause() {
        Some(cause) => format!("{} <- {}", error.message(), message(cause)),
        None => error.message().to_owned(),
    }
}

fn refused(result: Result<impl std::fmt::Debug>, parts: &[&str]) {
    let message = message(&result.unwrap_err());
    for part in parts {
        assert!(message.contains(part), "'{part}' is not in: {message}");
    }
}

fn fields(schema: &Schema) -> Vec<(&str, bool)> {
    let list = schema.fields().unwrap().list();
    list.iter().map(|field| (&*field.name, field.schema.is_optional())).collect()
}

#[test]
fn data_of_the_python_client_are_read_and_written_alike() {
    const WIRE: &str = include_str!("../../tests/data/wire.json");
    let document: serde_json::Value = serde_json::from_str(WIRE).unwrap();
    let mut count = 0;
    for case in document["fixtures"].as_array().unwrap() {
        if case["format"] != "JSON" {
            continue;
        }
        count += 1;
        let text = case["schema"].as_str().unwrap();
        let hex = case["bytes_after_id"].as_str().unwrap();
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let datum = read(text, std::str::from_utf8(&bytes).unwrap()).unwrap();
        assert_eq!(payload(&datum), case["value"]);
        assert_eq!(datum.schema.as_ref().unwrap().version(), Some(1));
        let back = write_by(&format(&[]), Some(text), &datum).unwrap().unwrap();
        let back: serde_json::Value = serde_json::from_str(&back).unwrap();
        assert_eq!(back, case["value"]);
    }
    assert_eq!(count, 2);
}

#[test]
fn properties_come_in_the_order_of_their_places_or_of_javas_map() {
    let hashed = r#"{"type":"object","properties":{
        "a":{"type":"string"},"n":{"type":"number"},"zeta":{"type":"integer"},
        "beta":{"type":"boolean"}}}"#;
    let datum = read(hashed, r#"{"a":"x","n":1.5,"zeta":1,"beta":true}"#).unwrap();
    let names: Vec<&str> =
        fields(datum.schema.as_ref().unwrap()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["zeta", "a", "n", "beta"]);
    // `a` has no place of its own; `c` has taken the one that it would get.
    let placed = r#"{"type":"object","properties":{
        "a":{"type":"string"},"b":{"type":"string","connect.index":1},
        "c":{"type":"string","connect.index":0}}}"#;
    let datum = read(placed, r#"{"a":"1","b":"2","c":"3"}"#).unwrap();
    let names: Vec<&str> =
        fields(datum.schema.as_ref().unwrap()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["c", "a", "b"]);
    assert_eq!(payload(&datum), json!({"a": "1", "b": "2", "c": "3"}));
}

#[test]
fn optional_by_null_or_by_not_being_required() {
    let text = r#"{"type":"object","required":["a"],"properties":{
        "a":{"type":["null","string"],"connect.index":0},"b":{"type":"string","connect.index":1}}}"#;
    let optional = |pairs: &[(&str, &str)]| {
        let datum = read_by(&format(pairs), text, r#"{"a":null}"#).unwrap();
        let schema = datum.schema.unwrap();
        fields(&schema).into_iter().map(|(_, optional)| optional).collect::<Vec<_>>()
    };
    assert_eq!(optional(&[]), [true, false]);
    assert_eq!(optional(&[("use.optional.for.nonrequired", "true")]), [true, true]);
    refused(
        read(text, r#"{"a":"x","b":null}"#),
        &["$.b", "Invalid null value for required STRING field"],
    );
}

#[test]
fn unions_take_the_branch_that_fits() {
    let text = r#"{"oneOf":[{"type":"null"},{"type":"string"},
        {"type":"integer","connect.type":"int8"},{"type":"integer"},{"type":"number"},
        {"type":"boolean"},{"type":"array","items":{"type":"string"}},
        {"type":"object","properties":{"x":{"type":"integer"},"y":{"type":"integer"}}},
        {"type":"object","properties":{"x":{"type":"integer"},
            "in":{"type":"object","properties":{"q":{"type":"boolean"}}}}}]}"#;
    let branch = |json: &str| {
        let datum = read(text, json).unwrap();
        match &datum.value {
            Value::Null => None,
            Value::Struct(inner) => {
                assert_eq!(write_by(&format(&[]), None, &datum).unwrap().unwrap(), json);
                inner.values().iter().position(|value| !value.is_null())
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(branch("null"), None);
    assert_eq!(branch("\"a\""), Some(0));
    assert_eq!(branch("100"), Some(1));
    assert_eq!(branch("1000"), Some(2));
    assert_eq!(branch("1.5"), Some(3));
    assert_eq!(branch("true"), Some(4));
    assert_eq!(branch("[\"a\"]"), Some(5));
    assert_eq!(branch(r#"{"x":2,"y":1}"#), Some(6));
    assert_eq!(branch(r#"{"in":{"q":true},"x":2}"#), Some(7));
    refused(read(text, r#"{"z":1}"#), &["Did not find matching oneof field", "an object"]);
}

#[test]
fn unions_and_enums_that_all_formats_share() {
    let general = format(&[("generalized.sum.type.support", "true")]);
    let text = r#"{"type":"object","properties":{
        "e":{"enum":["A","B"],"connect.index":0},
        "u":{"oneOf":[{"type":"string"},{"type":"integer"}],"connect.index":1}}}"#;
    let datum = read_by(&general, text, r#"{"e":"B","u":7}"#).unwrap();
    let schema = datum.schema.as_ref().unwrap();
    let list = schema.fields().unwrap().list();
    let parameters = list[0].schema.parameters().unwrap();
    assert_eq!(&*parameters["org.apache.kafka.connect.data.Enum.B"], "1");
    assert_eq!(&**list[1].schema.name().unwrap(), "connect_union_0");
    assert_eq!(write_by(&general, None, &datum).unwrap().unwrap(), r#"{"e":"B","u":7}"#);
    let translated = general.translate(Some(schema)).unwrap();
    assert!(translated.contains(r#""enum":["A","B"]"#), "{translated}");
}

#[test]
fn enums_of_numbers_are_texts() {
    let datum = read(r#"{"enum":[1,2.5,true,"x"]}"#, "2.5").unwrap();
    assert_eq!(datum.value.as_str(), Some("2.5"));
    assert!(
        datum
            .schema
            .unwrap()
            .parameters()
            .unwrap()
            .contains_key("io.confluent.connect.json.Enum.2.5")
    );
    assert_eq!(read(r#"{"const":true}"#, "true").unwrap().value.as_str(), Some("true"));
}

#[test]
fn references_and_definitions() {
    let text = r##"{"definitions":{"n":{"type":"object","title":"N","properties":{
            "v":{"type":"integer"}}}},
        "type":"object","properties":{
            "a":{"$ref":"#/definitions/n"},
            "b":{"type":"array","items":{"$ref":"#/definitions/n"}},
            "c":{"oneOf":[{"type":"null"},{"$ref":"#/definitions/n"}]}}}"##;
    let datum = read(text, r#"{"a":{"v":1},"b":[{"v":2}],"c":{"v":3}}"#).unwrap();
    assert_eq!(payload(&datum), json!({"a": {"v": 1}, "b": [{"v": 2}], "c": {"v": 3}}));
    let schema = datum.schema.as_ref().unwrap();
    let id = |schema: &Schema| {
        schema.parameters().map(|all| all["io.confluent.connect.json.Id"].to_string())
    };
    let list = schema.fields().unwrap().list();
    // All but the first use have the number of the last one.
    assert_eq!(id(&list[0].schema), None);
    let Kind::Array(element) = list[1].schema.kind() else { panic!("no array") };
    assert_eq!(id(element).as_deref(), Some("#id2"));
    assert_eq!(id(&list[2].schema).as_deref(), Some("#id2"));
    assert!(list[2].schema.is_optional());
    // What is written from it stands for itself.
    let written = write_by(&format(&[]), None, &datum).unwrap().unwrap();
    let own = format(&[]).translate(datum.schema.as_ref()).unwrap();
    assert!(!own.contains("$ref"));
    assert_eq!(payload(&read(&own, &written).unwrap()), payload(&datum));
}

#[test]
fn schemas_within_themselves_are_refused() {
    for text in [
        r##"{"type":"object","properties":{"v":{"type":"integer"},"next":{"$ref":"#"}}}"##,
        r##"{"type":"object","properties":{"next":{"oneOf":[{"type":"null"},{"$ref":"#"}]}}}"##,
        r##"{"$ref":"#/definitions/a","definitions":{
            "a":{"type":"array","items":{"$ref":"#/definitions/a"}}}}"##,
        r##"{"allOf":[{"$ref":"#/definitions/a"}],"definitions":{
            "a":{"properties":{"x":{"$ref":"#/definitions/a"}}}}}"##,
    ] {
        refused(read(text, "{}"), &["contains itself", "$ref"]);
    }
    // Not a circle, but more than anybody can use.
    let mut definitions = vec![r#""d0":{"type":"string"}"#.to_owned()];
    for n in 1..30 {
        let m = n - 1;
        definitions.push(format!(
            r##""d{n}":{{"oneOf":[{{"$ref":"#/definitions/d{m}"}},{{"type":"array","items":{{"$ref":"#/definitions/d{m}"}}}}]}}"##
        ));
    }
    let text =
        format!(r##"{{"$ref":"#/definitions/d29","definitions":{{{}}}}}"##, definitions.join(","));
    refused(read(&text, "1"), &["too large"]);
}

#[test]
fn parts_of_an_all_of_are_joined() {
    let text = r##"{"allOf":[{"$ref":"#/definitions/b"},
            {"properties":{"y":{"type":"string"}},"required":["y"]}],
        "definitions":{"b":{"type":"object","properties":{"x":{"type":"string"}}}}}"##;
    let format = format(&[("use.optional.for.nonrequired", "true")]);
    let datum = read_by(&format, text, r#"{"y":"2","x":"1"}"#).unwrap();
    assert_eq!(fields(datum.schema.as_ref().unwrap()), [("x", true), ("y", false)]);
    for (text, kind) in [
        (r#"{"type":"string","enum":["a","b"]}"#, Kind::String),
        (r#"{"type":"integer","enum":[1,2]}"#, Kind::Int64),
        (r#"{"type":"number","const":1}"#, Kind::Float64),
        (r#"{"type":"integer","format":"int32"}"#, Kind::Int64),
        (r#"{"type":"string","minLength":1,"format":"date"}"#, Kind::String),
    ] {
        let reader = format.reader(&schema(text), None, &[]).unwrap();
        assert_eq!(*reader.plan.schema.kind(), kind, "{text}");
    }
    refused(read(r#"{"allOf":[{"type":"boolean"},{"not":{}}]}"#, "true"), &["allOf"]);
}

#[test]
fn what_has_no_connect_schema_is_named() {
    for (text, parts) in [
        (r#"{"type":"array"}"#, ["$", "items"]),
        (r#"{"type":"null"}"#, ["$", "null"]),
        (r#"{"type":"object","properties":{"a":{"not":{}}}}"#, ["$.a", "'not'"]),
        (r#"{"type":"object","properties":{"a":false}}"#, ["$.a", "false"]),
        (r#"{"type":"integer","connect.type":"int128"}"#, ["int128", "float64"]),
        (r#"{"type":"object","connect.type":"map"}"#, ["additionalProperties", "map"]),
        (r#"{"type":"integer","default":"x"}"#, ["default value", "a text"]),
        (r#"{"type":"string","connect.version":"1"}"#, ["connect.version", "whole number"]),
        (r#"{"oneOf":[{"type":"null"},{"type":"null"}]}"#, ["nulls", "$"]),
    ] {
        refused(read(text, "null"), &parts);
    }
}

#[test]
fn later_drafts_and_how_to_ignore_them() {
    let text = r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
        "properties":{"p":{"type":"array","prefixItems":[{"type":"string"}],"items":{"type":"integer"}}}}"##;
    refused(read(text, "{}"), &["$.p", "items"]);
    let classic = format(&[("ignore.modern.dialects", "true")]);
    let datum = read_by(&classic, text, r#"{"p":[1]}"#).unwrap();
    assert_eq!(payload(&datum), json!({"p": [1]}));
}

#[test]
fn any_json_is_a_variant() {
    let text = r#"{"type":"object","properties":{"a":{},"b":true}}"#;
    let json = r#"{"a":{"k":[1,2.5,"x",null,true]},"b":"text"}"#;
    let datum = read(text, json).unwrap();
    assert_eq!(write_by(&format(&[]), None, &datum).unwrap().unwrap(), json);
}

#[test]
fn additional_properties_are_kept_where_asked() {
    let keeps = format(&[("preserve.additional.properties", "true")]);
    let text = r#"{"type":"object","properties":{"a":{"type":"string"}}}"#;
    let json = r#"{"a":"x","other":{"d":[]},"more":1}"#;
    let datum = read_by(&keeps, text, json).unwrap();
    assert_eq!(write_by(&keeps, None, &datum).unwrap().unwrap(), json);
    assert_eq!(keeps.translate(datum.schema.as_ref()).unwrap().matches("connect.index").count(), 1);
    let without = read(text, json).unwrap();
    assert_eq!(write_by(&format(&[]), None, &without).unwrap().unwrap(), r#"{"a":"x"}"#);
    refused(
        read_by(&keeps, text, r#"{"__connect_additional_properties__":1}"#),
        &["__connect_additional_properties__", "preserve.additional.properties"],
    );
}

#[test]
fn wrong_types_say_where_what_and_what_was_expected() {
    let text = r#"{"type":"object","properties":{
        "s":{"type":"string"},"n":{"type":"integer","connect.type":"int8"},"f":{"type":"number"},
        "b":{"type":"boolean"},"y":{"type":"string","connect.type":"bytes"},
        "l":{"type":"array","items":{"type":"integer"}},
        "m":{"type":"object","connect.type":"map","additionalProperties":{"type":"boolean"}},
        "e":{"type":"array","connect.type":"map","items":{"type":"object","properties":{
            "key":{"type":"integer"},"value":{"type":"string"}}}},
        "t":{"type":"integer","title":"org.apache.kafka.connect.data.Time","connect.type":"int32"},
        "d":{"type":"string","title":"org.apache.kafka.connect.data.Decimal",
            "connect.type":"bytes","connect.parameters":{"scale":"2"}}}}"#;
    for (json, parts) in [
        (r#"{"s":1}"#, ["$.s", "a text was expected", "a number"]),
        (r#"{"n":"1"}"#, ["$.n", "a whole number was expected (INT8)", "a text"]),
        (r#"{"n":128}"#, ["$.n", "128", "from -128 to 127"]),
        (r#"{"n":1.5}"#, ["$.n", "1.5", "INT8"]),
        (r#"{"n":1e400}"#, ["$.n", "1e400", "no whole number"]),
        (r#"{"n":1e2000000000}"#, ["$.n", "1e2000000000", "no whole number"]),
        (r#"{"f":1e400}"#, ["$.f", "1e400", "FLOAT64"]),
        (r#"{"f":"1"}"#, ["$.f", "a number was expected", "\"1\""]),
        (r#"{"b":0}"#, ["$.b", "true or false", "a number"]),
        (r#"{"y":"?"}"#, ["$.y", "no base64", "padding"]),
        (r#"{"l":{}}"#, ["$.l", "an array was expected", "an object"]),
        (r#"{"l":[1,2,"x"]}"#, ["$.l[2]", "a whole number", "a text"]),
        (r#"{"m":{"a b":1}}"#, ["$.m[\"a b\"]", "true or false", "a number"]),
        (r#"{"e":[1]}"#, ["$.e[0]", "'key' and 'value'", "a number"]),
        (r#"{"e":[{"key":1}]}"#, ["$.e[0]", "no 'value'", "entry"]),
        (r#"{"e":[{"key":1,"value":"","x":1}]}"#, ["$.e[0]", "'x'", "entry"]),
        (r#"{"t":-1}"#, ["$.t", "Time values", "milliseconds"]),
        (r#"{"d":true}"#, ["$.d", "a number, or a text of base64", "a boolean"]),
        (r#"{"s":"x""#, ["line 1, column 9", "not valid JSON", "ends here"]),
        (r#"{"s":nope}"#, ["line 1, column 6", "not valid JSON", "null"]),
        ("", ["no JSON value", "record", "id"]),
        ("[]", ["$", "an object was expected", "an array"]),
    ] {
        refused(read(text, json), &parts);
    }
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(1000), "]".repeat(1000));
    refused(read(text, &deep), &["within each other"]);
}

#[test]
fn what_is_unusual_but_right_is_read() {
    let text = r#"{"type":"object","properties":{
        "n":{"type":"integer","connect.type":"int32"},"f":{"type":"number"},
        "g":{"type":"number","connect.type":"float32"}}}"#;
    let of = |json: &str| payload(&read(text, json).unwrap());
    assert_eq!(of(r#"{"n":1.0,"f":2,"g":0.1}"#), json!({"n": 1, "f": 2.0, "g": 0.1}));
    assert_eq!(of(r#"{"n":12e2,"f":1e2,"g":1e2}"#), json!({"n": 1200, "f": 100.0, "g": 100.0}));
    assert_eq!(of(r#"{"n":1,"n":2,"g":1,"f":-0.0}"#), json!({"n": 2, "f": 0.0, "g": 1.0}));
    let special = read(text, r#"{"g":-Infinity,"f":"NaN","n":0}"#).unwrap();
    let Value::Struct(inner) = &special.value else { panic!("no struct") };
    assert_eq!(*inner.raw("g").unwrap(), Value::Float32(f32::NEG_INFINITY));
    assert_eq!(*inner.raw("f").unwrap(), Value::Float64(f64::NAN));
    // A property that is not there is null, whether the schema requires it or not.
    let Value::Struct(inner) = read(text, "{}").unwrap().value else { panic!("no struct") };
    assert!(inner.values().iter().all(Value::is_null));
}

#[test]
fn depth_has_an_end() {
    let nested = |levels: usize| {
        (0..levels).fold(Schema::string(), |schema, _| {
            SchemaBuilder::new(Kind::Array(schema)).build_plain()
        })
    };
    let format = format(&[]);
    let text = format.translate(Some(&nested(190))).unwrap();
    let json = format!("{}\"x\"{}", "[".repeat(190), "]".repeat(190));
    let datum = read(&text, &json).unwrap();
    assert_eq!(write_by(&format, None, &datum).unwrap().unwrap(), json);
    for levels in [201, 5000] {
        refused(format.translate(Some(&nested(levels))), &["200"]);
        refused(format.writer(Some(&nested(levels)), &schema("true")), &["200"]);
    }
    // References do not nest in the text, but what they lead to does.
    let chain = |length: usize| {
        let definitions: Vec<String> = (0..length)
            .map(|n| {
                let m = n + 1;
                format!(r##""d{n}":{{"type":"array","items":{{"$ref":"#/definitions/d{m}"}}}}"##)
            })
            .collect();
        format!(
            r##"{{"$ref":"#/definitions/d0","definitions":{{{},"d{length}":{{"type":"string"}}}}}}"##,
            definitions.join(",")
        )
    };
    assert!(read(&chain(90), &format!("{}{}", "[".repeat(90), "]".repeat(90))).is_ok());
    refused(read(&chain(500), "[]"), &["too large"]);
    // Any JSON may be deeper.
    let json = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let datum = read("{}", &json).unwrap();
    assert_eq!(write_by(&format, None, &datum).unwrap().unwrap(), json);
    refused(read("{}", &format!("[{json}]")), &["within each other"]);
}

fn person() -> Schema {
    SchemaBuilder::structure(vec![
        ("id".into(), Schema::int64()),
        ("name".into(), Schema::optional_string()),
        ("amount".into(), logical::decimal(2).build().unwrap()),
    ])
    .unwrap()
    .build()
    .unwrap()
}

fn ann() -> Datum {
    let amount = gantry_model::Decimal { unscaled: 150.into(), scale: 2 };
    let values = vec![Value::Int64(1), Value::str("Ann"), Value::Decimal(amount.into())];
    Datum::new(person(), Value::Struct(Struct::from_values(person(), values).into()))
}

#[test]
fn a_registered_schema_that_cannot_hold_the_data_is_refused() {
    let write = |registered: &str| write_by(&format(&[]), Some(registered), &ann());
    for registered in [
        "true",
        r#"{"type":"object"}"#,
        r#"{"type":"object","properties":{"id":{"type":"number"},"name":{"type":"string"}}}"#,
        r#"{"properties":{"id":{"oneOf":[{"type":"string"},{"type":"integer"}]}}}"#,
        r##"{"$ref":"#/definitions/p","definitions":{"p":{"properties":{"id":{"minimum":0}}}}}"##,
        r#"{"type":"object","additionalProperties":false,"patternProperties":{"^.":{}}}"#,
    ] {
        assert_eq!(
            write(registered).unwrap().unwrap(),
            r#"{"id":1,"name":"Ann","amount":"AJY="}"#,
            "{registered}"
        );
    }
    for (registered, parts) in [
        (r#"{"type":"string"}"#, ["$: STRUCT is written as an object", "a text here"]),
        (
            r#"{"type":"object","properties":{"id":{"type":["null","string"]}}}"#,
            ["$.id: INT64 is written as a whole number", "a text here"],
        ),
        (
            r#"{"type":"object","properties":{"amount":{"type":"number"}}}"#,
            ["$.amount", "decimal.format"],
        ),
        (
            r#"{"type":"object","properties":{"id":{}},"additionalProperties":false}"#,
            ["$.name", "no such property"],
        ),
        (r#"{"type":"object","required":["more"]}"#, ["'more'", "requires"]),
        (r#"{"oneOf":[{"type":"null"},{"type":"array","items":{}}]}"#, ["$: STRUCT", "an array"]),
        ("false", ["$", "admits nothing"]),
    ] {
        refused(write(registered), &parts);
    }
}

#[test]
fn data_are_checked_where_asked() {
    let checks = format(&[("json.fail.invalid.schema", "true")]);
    let registered = r#"{"type":"object","properties":{"id":{"minimum":5}}}"#;
    refused(
        write_by(&checks, Some(registered), &ann()),
        &["does not match schema", "id", "json.fail.invalid.schema"],
    );
    assert!(write_by(&checks, None, &ann()).unwrap().is_some());
    let text = r#"{"type":"object","properties":{"id":{"type":"integer","minimum":5}}}"#;
    refused(read_by(&checks, text, r#"{"id":1}"#), &["does not match schema", "id"]);
    assert!(read_by(&checks, text, r#"{"id":7}"#).is_ok());
    assert!(read(text, r#"{"id":1}"#).is_ok());
}

#[test]
fn nulls_become_defaults_or_are_left_out() {
    let defaulted = SchemaBuilder::new(Kind::Int32)
        .optional()
        .default_value(Some(Value::Int32(7)))
        .build()
        .unwrap();
    let schema = SchemaBuilder::structure(vec![
        ("d".into(), defaulted),
        ("o".into(), Schema::optional_string()),
        ("r".into(), Schema::string()),
        ("l".into(), SchemaBuilder::new(Kind::Array(Schema::string())).build().unwrap()),
    ])
    .unwrap()
    .build()
    .unwrap();
    let values = vec![Value::Null, Value::Null, Value::Null, Value::array(vec![Value::Null])];
    let value = Value::Struct(Struct::from_values(schema.clone(), values).into());
    let datum = Datum::new(schema, value);
    let written = |pairs: &[(&str, &str)]| write_by(&format(pairs), None, &datum).unwrap().unwrap();
    assert_eq!(written(&[]), r#"{"d":7,"o":null,"l":[null]}"#);
    let ignoring = [("ignore.default.for.nullables", "true")];
    assert_eq!(written(&ignoring), r#"{"d":null,"o":null,"l":[null]}"#);
    // A null that the schema does not admit is no record at all.
    let null = Datum::new(Schema::string(), Value::Null);
    assert_eq!(write_by(&format(&[]), None, &null).unwrap(), None);
    let null = Datum::new(Schema::optional_string(), Value::Null);
    assert_eq!(write_by(&format(&[]), None, &null).unwrap().unwrap(), "null");
}

#[test]
fn values_of_another_type_are_refused_with_their_place() {
    let list = SchemaBuilder::new(Kind::Array(person())).build().unwrap();
    let mut values = vec![Value::Int64(1), Value::Int32(5), Value::Null];
    let wrong = |values: &[Value]| {
        let value = Value::Struct(Struct::from_values(person(), values.to_vec()).into());
        Datum::new(list.clone(), Value::array(vec![ann().value, value]))
    };
    refused(
        write_by(&format(&[]), None, &wrong(&values)),
        &["$[1].name", "Invalid type for STRING: class java.lang.Integer"],
    );
    let amount = gantry_model::Decimal { unscaled: 1.into(), scale: 5 };
    values[1] = Value::Null;
    values[2] = Value::Decimal(amount.into());
    refused(write_by(&format(&[]), None, &wrong(&values)), &["$[1].amount", "scale"]);
    let numeric = format(&[("decimal.format", "numeric")]);
    let written = write_by(&numeric, None, &wrong(&values)).unwrap().unwrap();
    assert!(written.ends_with(r#"{"id":1,"name":null,"amount":0.00001}]"#), "{written}");
    refused(
        write_by(&format(&[]), None, &Datum::new(Schema::string(), ann().value)),
        &["Invalid type for STRING"],
    );
    refused(format(&[]).translate(None), &["no schema"]);
}

#[test]
fn json_is_laid_out_where_asked() {
    let map = MapValue::from_distinct(vec![(Value::str("a \"b\\"), Value::array(vec![]))]);
    let lists = SchemaBuilder::new(Kind::Array(Schema::int32())).build().unwrap();
    let schema = SchemaBuilder::structure(vec![
        ("l".into(), lists.clone()),
        (
            "m".into(),
            SchemaBuilder::new(Kind::Map { key: Schema::string(), value: lists }).build().unwrap(),
        ),
        ("e".into(), SchemaBuilder::structure(vec![]).unwrap().build().unwrap()),
    ])
    .unwrap()
    .build()
    .unwrap();
    let empty = Struct::new(schema.field("e").unwrap().schema.clone()).unwrap();
    let values = vec![
        Value::array(vec![Value::Int32(1), Value::Int32(2)]),
        Value::map(map),
        Value::Struct(empty.into()),
    ];
    let value = Value::Struct(Struct::from_values(schema.clone(), values).into());
    let indented = format(&[("json.indent.output", "true")]);
    let written = write_by(&indented, None, &Datum::new(schema, value)).unwrap().unwrap();
    assert_eq!(
        written,
        "{\n  \"l\" : [ 1, 2 ],\n  \"m\" : {\n    \"a \\\"b\\\\\" : [ ]\n  },\n  \"e\" : { }\n}"
    );
}

#[test]
fn what_fuzz_targets_call_reads() {
    let props = Props::new();
    assert!(there_and_back::<JsonSchemaFormat>(&props, r#"{"type":"integer"}"#, b"12").is_ok());
    assert!(there_and_back::<JsonSchemaFormat>(&props, r#"{"type":"integer"}"#, b"\"x\"").is_err());
    assert!(there_and_back::<JsonSchemaFormat>(&props, "{", b"1").is_err());
}
