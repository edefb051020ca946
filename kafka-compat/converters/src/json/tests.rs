//! Tests of the whole converter.

use std::sync::Arc;

use bytes::Bytes;
use gantry_model::plugin::{Converter, Props};
use gantry_model::{Datum, Kind, MapValue, Result, Schema, SchemaBuilder, Struct, Value, logical};

use super::JsonConverter;

mod properties;

pub(super) fn converter(props: &[(&str, &str)]) -> JsonConverter {
    let props: Props = props.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    JsonConverter::new(&props).unwrap()
}
fn plain() -> JsonConverter {
    converter(&[("schemas.enable", "false")])
}

pub(super) fn write(converter: &mut JsonConverter, datum: &Datum) -> Result<Bytes> {
    let bytes = converter.from_connect("t", &mut Vec::new(), datum)?;
    Ok(bytes.expect("a record"))
}
fn written(converter: &mut JsonConverter, datum: &Datum) -> String {
    String::from_utf8(write(converter, datum).unwrap().to_vec()).unwrap()
}
pub(super) fn read(converter: &mut JsonConverter, json: impl Into<Bytes>) -> Result<Datum> {
    converter.to_connect("t", &[], Some(json.into()))
}

fn person() -> (Schema, Value) {
    let schema = SchemaBuilder::structure(vec![
        ("id".into(), Schema::int32()),
        ("name".into(), Schema::optional_string()),
        ("born".into(), logical::date().build().unwrap()),
    ])
    .unwrap()
    .name(Some("Person".into()))
    .build()
    .unwrap();
    let values = vec![Value::Int32(7), Value::str("Bo"), Value::Date(logical::DAY_MS)];
    (schema.clone(), Value::Struct(Arc::new(Struct::from_values(schema, values))))
}
const PERSON: &str = r#"{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"},{"type":"string","optional":true,"field":"name"},{"type":"int32","optional":false,"name":"org.apache.kafka.connect.data.Date","version":1,"field":"born"}],"optional":false,"name":"Person"},"payload":{"id":7,"name":"Bo","born":1}}"#;

#[test]
fn a_struct_makes_the_round_trip() {
    let (schema, value) = person();
    let datum = Datum::new(schema, value);
    let mut converter = converter(&[]);
    assert_eq!(written(&mut converter, &datum), PERSON);
    for _ in 0..2 {
        assert_eq!(read(&mut converter, PERSON).unwrap(), datum);
    }
}

#[test]
fn a_known_schema_is_not_read_again() {
    let mut converter = converter(&[]);
    let schema = |datum: Datum| datum.schema.unwrap();
    let first = schema(read(&mut converter, PERSON).unwrap());
    assert!(first.same(&schema(read(&mut converter, PERSON).unwrap())));
    read(&mut converter, r#"{"schema":{"type":"int8"},"payload":1}"#).unwrap();
    assert!(first.same(&schema(read(&mut converter, PERSON).unwrap())));
    let turned = r#"{"payload":1,"schema":{"type":"int8"}}"#;
    let second = schema(read(&mut converter, turned).unwrap());
    assert!(second.same(&schema(read(&mut converter, turned).unwrap())));
}

#[test]
fn no_schema_is_kept_without_a_cache() {
    let mut converter = converter(&[("schemas.cache.size", "-1")]);
    let datum = read(&mut converter, PERSON).unwrap();
    let again = read(&mut converter, PERSON).unwrap();
    assert_eq!(datum, again);
    assert!(!datum.schema.unwrap().same(&again.schema.unwrap()));
}

#[test]
fn equal_schemas_are_written_alike() {
    let mut converter = converter(&[]);
    for _ in 0..3 {
        let (schema, value) = person();
        assert_eq!(written(&mut converter, &Datum::new(schema, value)), PERSON);
        let other = Datum::new(Schema::int8(), Value::Int8(1));
        assert!(written(&mut converter, &other).starts_with(r#"{"schema":{"type":"int8""#));
    }
}

#[test]
fn a_schema_whose_default_cannot_be_written_fails_each_time() {
    let schema = SchemaBuilder::new(Kind::Int32).default_value(Some(Value::str("x"))).build_plain();
    let datum = Datum::new(schema, Value::Int32(1));
    let mut converter = converter(&[]);
    for _ in 0..2 {
        let error = write(&mut converter, &datum).unwrap_err();
        assert_eq!(error.message(), "Invalid type for INT32: class java.lang.String");
    }
    let fine = Datum::new(Schema::int32(), Value::Int32(1));
    assert!(written(&mut converter, &fine).ends_with("\"payload\":1}"));
}

#[test]
fn long_strings_are_slices_of_the_record() {
    let name = "a name of more than thirty-two bytes";
    let plain_json = Bytes::from(format!(r#"{{"name":"{name}"}}"#));
    let value = read(&mut plain(), plain_json.clone()).unwrap().value;
    let Value::Map(map) = value else { panic!("no map") };
    let Some(Value::String(text)) = map.get("name") else { panic!("no text") };
    assert!(plain_json.as_ptr_range().contains(&text.as_bytes().as_ptr()));
    let envelope = Bytes::from(PERSON.replace("\"Bo\"", &format!("\"{name}\"")));
    let Value::Struct(inner) = read(&mut converter(&[]), envelope.clone()).unwrap().value else {
        panic!("no struct")
    };
    let Value::String(text) = inner.get("name").unwrap() else { panic!("no text") };
    assert_eq!(&**text, name);
    assert!(envelope.as_ptr_range().contains(&text.as_bytes().as_ptr()));
}

#[test]
fn nulls_and_empty_documents() {
    let mut plain = plain();
    let null = Datum::NULL;
    assert_eq!(plain.from_connect("t", &mut Vec::new(), &null).unwrap(), None);
    assert_eq!(plain.to_connect("t", &[], None).unwrap(), null);
    assert_eq!(read(&mut plain, "").unwrap(), null);
    assert_eq!(read(&mut plain, " \n").unwrap(), null);
    let mut envelopes = converter(&[]);
    let error = read(&mut envelopes, "").unwrap_err();
    assert!(error.message().starts_with("JsonConverter with schemas.enable requires"));
    let optional = Datum::new(Schema::optional_string(), Value::Null);
    assert!(written(&mut envelopes, &optional).ends_with("\"payload\":null}"));
}

#[test]
fn syntax_errors_come_before_all_others() {
    let mut converter = converter(&[]);
    for text in [
        r#"{"schema":{"type":"bogus"},"payload":1"#,
        r#"{"schema":{"type":"int8"},"payload":null,}"#,
        r#"{"x":1"#,
    ] {
        let error = read(&mut converter, text).unwrap_err();
        assert!(error.message().contains("due to serialization error"), "{text}");
        assert!(error.cause().unwrap().message().starts_with("not valid JSON at line 1"), "{text}");
    }
}

#[test]
fn errors_come_in_the_order_of_the_schema() {
    let schema = r#"{"type":"struct","fields":[{"type":"int8","field":"a"},{"type":"string","field":"b"},{"type":"array","items":{"type":"int16"},"field":"c"}]}"#;
    let mut converter = converter(&[]);
    let mut error = |payload: &str| {
        let json = format!(r#"{{"schema":{schema},"payload":{payload}}}"#);
        read(&mut converter, json).unwrap_err().message().to_owned()
    };
    assert_eq!(
        error(r#"{"c":[null],"b":null,"a":null}"#),
        "Invalid null value for required INT8 field"
    );
    assert_eq!(
        error(r#"{"c":[null],"a":1,"b":"x"}"#),
        "Invalid null value for required INT16 field"
    );
    assert_eq!(
        error(r#"{"c":[],"a":1,"b":5}"#),
        "Invalid value: null used for required field: \"b\", schema type: STRING"
    );
}

#[test]
fn a_value_that_stands_twice_counts_as_the_last() {
    let schema = r#"{"type":"struct","fields":[{"type":"int8","field":"a"}]}"#;
    let json = format!(r#"{{"schema":{schema},"payload":{{"a":null,"a":2}}}}"#);
    let datum = read(&mut converter(&[]), json).unwrap();
    let Value::Struct(inner) = datum.value else { panic!("no struct") };
    assert_eq!(*inner.get("a").unwrap(), Value::Int8(2));
}

#[test]
fn schema_content_stands_for_all_documents() {
    let mut converter = converter(&[("schema.content", r#"{"type":"int16"}"#)]);
    assert_eq!(read(&mut converter, "5").unwrap(), Datum::new(Schema::int16(), Value::Int16(5)));
    assert_eq!(read(&mut converter, "").unwrap().value, Value::Int16(0));
    assert!(read(&mut converter, "5x").is_err());
    assert!(read(&mut converter, "null").is_err());
    let bad = Props::from([("schema.content".to_owned(), "{".to_owned())]);
    let error = JsonConverter::new(&bad).unwrap_err();
    assert_eq!(
        error.message(),
        "Failed to parse schema in converter config due to serialization error: "
    );
}

#[test]
fn decimals_in_both_formats() {
    let schema = logical::decimal(2).build().unwrap();
    let decimal = gantry_model::Decimal { unscaled: 12345.into(), scale: 2 };
    let datum = Datum::new(schema, Value::Decimal(Arc::new(decimal)));
    for (format, payload) in [("BASE64", "\"MDk=\""), ("numeric", "123.45")] {
        let mut converter = converter(&[("decimal.format", format)]);
        let text = written(&mut converter, &datum);
        assert!(text.ends_with(&format!("\"payload\":{payload}}}")), "{text}");
        assert_eq!(read(&mut converter, text).unwrap(), datum);
    }
}

#[test]
fn bad_settings_are_refused() {
    for (key, value) in
        [("schemas.enable", "maybe"), ("decimal.format", "HEX"), ("schemas.cache.size", "x")]
    {
        let props = Props::from([(key.to_owned(), value.to_owned())]);
        let error = JsonConverter::new(&props).unwrap_err();
        assert!(error.message().contains(key), "{error}");
    }
}

#[test]
fn maps_with_very_many_keys_are_read_in_linear_time() {
    let fields: Vec<String> = (0..200_000).map(|n| format!("\"key{n}\":{n}")).collect();
    let json = format!("{{{}}}", fields.join(","));
    let Value::Map(map) = read(&mut plain(), json.clone()).unwrap().value else { panic!("no map") };
    assert_eq!(map.len(), 200_000);
    let envelope = format!(
        r#"{{"schema":{{"type":"map","keys":{{"type":"string"}},"values":{{"type":"int32"}}}},"payload":{json}}}"#
    );
    let Value::Map(map) = read(&mut converter(&[]), envelope).unwrap().value else {
        panic!("no map")
    };
    assert_eq!(map.len(), 200_000);
}

/// The stack of a worker's thread must do for the deepest document that is accepted.
#[test]
fn the_deepest_documents_fit_the_stack() {
    const WORKER_STACK_BYTES: usize = 2 * 1024 * 1024;
    let deep = || {
        let depth = super::reader::MAX_DEPTH - 1;
        let arrays = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let datum = read(&mut plain(), arrays.clone()).unwrap();
        assert_eq!(written(&mut plain(), &datum), arrays);
        let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        read(&mut plain(), objects).unwrap();

        let depth = depth - 1;
        let schema = format!(
            "{}{{\"type\":\"int8\"}}{}",
            "{\"type\":\"array\",\"items\":".repeat(depth),
            "}".repeat(depth)
        );
        let json = |payload: &str| format!(r#"{{"schema":{schema},"payload":{payload}}}"#);
        let datum = read(&mut converter(&[]), json(&arrays[1..arrays.len() - 1])).unwrap();
        write(&mut converter(&[]), &datum).unwrap();
        assert!(read(&mut converter(&[]), json("[[[null]]]")).is_err());
        let structs = 330;
        let schema = format!(
            "{}{{\"type\":\"int8\",\"field\":\"a\"}}{}",
            "{\"type\":\"struct\",\"field\":\"a\",\"fields\":[".repeat(structs),
            "]}".repeat(structs)
        );
        let payload = format!("{}1{}", "{\"a\":".repeat(structs), "}".repeat(structs));
        let json = format!(r#"{{"payload":{payload},"schema":{schema}}}"#);
        let datum = read(&mut converter(&[]), json).unwrap();
        write(&mut converter(&[]), &datum).unwrap();
        let json = format!(r#"{{"payload":{{}},"schema":{schema}}}"#);
        assert!(read(&mut converter(&[]), json).is_err());
    };
    std::thread::Builder::new().stack_size(WORKER_STACK_BYTES).spawn(deep).unwrap().join().unwrap();
}

#[test]
fn values_that_are_too_deep_are_refused() {
    let mut value = Value::Null;
    for _ in 0..=super::reader::MAX_DEPTH {
        value = Value::array(vec![value]);
    }
    let error = write(&mut plain(), &Datum::schemaless(value)).unwrap_err();
    assert!(error.message().contains("due to serialization error"));
}

#[test]
fn what_a_header_left_without_schema_is_written_as_it_is() {
    let schema = SchemaBuilder::new(Kind::Array(Schema::absent())).build_plain();
    let list = Value::array(vec![Value::Int8(1), Value::Boolean(true)]);
    let mut map = MapValue::default();
    map.insert(Value::str("a"), Value::Null);
    let datum = Datum::new(schema, list);
    assert_eq!(written(&mut plain(), &datum), "[1,true]");
    assert_eq!(
        written(&mut converter(&[]), &datum),
        r#"{"schema":{"type":"array","items":null,"optional":false},"payload":[1,true]}"#
    );
    let kind = Kind::Map { key: Schema::string(), value: Schema::absent() };
    let datum = Datum::new(SchemaBuilder::new(kind).build_plain(), Value::map(map));
    assert_eq!(written(&mut plain(), &datum), r#"{"a":null}"#);
}

#[test]
fn names_that_came_before_are_read_as_new_ones() {
    // By number: names in order, one left out, one twice, one escaped, blanks, another order.
    let documents = [
        r#"{"id":1,"inner":{"id":2,"b":3},"list":[{"id":4},{"b":5}]}"#,
        r#"{"inner":{"b":3},"list":[]}"#,
        r#"{"id":1,"id":2,"inner":{"b":3,"b":4}}"#,
        r#"{"\u0069d":1,"id":2,"i\"d":3}"#,
        r#"{ "id" : 1 , "inner" : { "id" :2} }"#,
        r#"{"list":[1],"id":7,"new":{"id":{"id":{"b":1}}}}"#,
    ];
    let fresh = documents.map(|json| read(&mut plain(), json).unwrap());
    let mut used = plain();
    for round in 0..40 {
        for (json, expected) in documents.iter().zip(&fresh) {
            for _ in 0..=round % 3 {
                assert_eq!(read(&mut used, *json).unwrap(), *expected, "{json}");
            }
        }
    }
    let Value::Map(twice) = &fresh[2].value else { panic!("no map") };
    assert_eq!(twice.entries()[0], (Value::str("id"), Value::Int64(2)));
}

#[test]
fn of_very_many_names_too_the_last_of_two_counts() {
    let field = |n: usize, value: usize| format!("\"n{n}\":{value}");
    // The first 256 names are known, the others are not; one of each comes twice.
    let fields = (0..300).map(|n| field(n, n)).chain([field(0, 1000), field(299, 1001)]);
    let json = format!("{{{}}}", fields.collect::<Vec<_>>().join(","));
    let mut converter = plain();
    for _ in 0..20 {
        let Value::Map(map) = read(&mut converter, json.clone()).unwrap().value else {
            panic!("no map")
        };
        assert_eq!(map.len(), 300);
        assert_eq!(map.entries()[0], (Value::str("n0"), Value::Int64(1000)));
        assert_eq!(map.entries()[299], (Value::str("n299"), Value::Int64(1001)));
    }
}

#[test]
fn an_envelope_is_read_alike_whichever_part_comes_first() {
    let schema = r#""schema":{"type":"struct","fields":[{"type":"int32","field":"n"}]}"#;
    for payload in [r#"{"n":1}"#, r#"{"n":"text"}"#, "{}", "[", "7", "null"] {
        let first = read(&mut converter(&[]), format!(r#"{{{schema},"payload":{payload}}}"#));
        let second = read(&mut converter(&[]), format!(r#"{{"payload":{payload},{schema}}}"#));
        match (first, second) {
            (Ok(first), Ok(second)) => assert_eq!(first, second, "{payload}"),
            // Where it is broken is another place then.
            (Err(first), Err(second)) if payload == "[" => assert_eq!(first.kind(), second.kind()),
            (Err(first), Err(second)) => assert_eq!(first.message(), second.message(), "{payload}"),
            (first, second) => panic!("{payload}: {first:?} and {second:?}"),
        }
    }
    let twice = format!(r#"{{"payload":{{"n":1}},{schema},"payload":{{"n":2}}}}"#);
    let Value::Struct(last) = read(&mut converter(&[]), twice).unwrap().value else {
        panic!("no struct")
    };
    assert_eq!(last.get("n").unwrap(), &Value::Int32(2));
    let without = read(&mut converter(&[]), r#"{"payload":{"n":1.5},"schema":null}"#).unwrap();
    let Value::Map(map) = without.value else { panic!("no map") };
    assert_eq!(map.get("n"), Some(&Value::Float64(1.5)));
}
