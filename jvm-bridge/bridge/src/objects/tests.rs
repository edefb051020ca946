//! Against a real JVM, with the plugins that are on the class path of the Java side itself.

use std::sync::{Arc, LazyLock, Weak};

use gantry_api::model::Decimal;
use gantry_api::model::logical::{decimal, timestamp};
use gantry_api::model::value::MapValue;
use gantry_api::{ErrorKind, Header, Kind, Schema, SchemaBuilder, Struct, Value};

use super::*;
use crate::home::{Homes, JavaSettings};
use crate::plugins::Location;

/// One for all tests, as a process has one JVM.
static HOMES: LazyLock<Arc<Homes>> = LazyLock::new(|| {
    let dir = std::env::temp_dir().join("gantry-bridge-tests");
    Arc::new(Homes::new(JavaSettings { dir, ..JavaSettings::default() }))
});

fn class(name: &str) -> PluginClass {
    let location = Location::of_ours(Weak::new());
    PluginClass { homes: Arc::clone(&HOMES), location: Arc::new(location), class: name.into() }
}

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn json_converter(schemas: bool) -> JavaConverter {
    let schemas = schemas.to_string();
    let props = props(&[("schemas.enable", &schemas), ("converter.type", "value")]);
    JavaConverter::new(&class("org.apache.kafka.connect.json.JsonConverter"), &props)
        .expect("a converter")
}

/// One field of each kind.
fn row() -> Datum {
    let list = SchemaBuilder::new(Kind::Array(Schema::int16())).build_plain();
    let map = Kind::Map { key: Schema::string(), value: Schema::optional_int64() };
    let map = SchemaBuilder::new(map).build_plain();
    let with_default =
        SchemaBuilder::new(Kind::Int32).default_value(Some(Value::Int32(7))).optional();
    let fields: Vec<(&str, Schema, Value)> = vec![
        ("int8", Schema::int8(), Value::Int8(-8)),
        ("int32", Schema::int32(), Value::Int32(i32::MIN)),
        ("int64", Schema::int64(), Value::Int64(i64::MAX)),
        ("float32", Schema::float32(), Value::Float32(1.5)),
        ("float64", Schema::float64(), Value::Float64(-2.25)),
        ("flag", Schema::boolean(), Value::Boolean(true)),
        ("text", Schema::string(), Value::str("ä €, and more than thirty-two bytes of it")),
        ("none", Schema::optional_string(), Value::Null),
        ("bytes", Schema::bytes(), Value::Bytes(Bytes::from_static(&[0, 255, 7]))),
        ("list", list, Value::array(vec![Value::Int16(1), Value::Int16(-1)])),
        ("map", map, Value::map(MapValue::from_distinct(vec![(Value::str("k"), Value::Int64(1))]))),
        ("price", decimal(2).build_plain(), {
            Value::Decimal(Arc::new(Decimal { unscaled: (-12_345).into(), scale: 2 }))
        }),
        ("at", timestamp().build_plain(), Value::Date(1_700_000_000_123)),
        ("given", with_default.build_plain(), Value::Int32(8)),
    ];
    let names = fields.iter().map(|(name, schema, _)| ((*name).into(), schema.clone()));
    let schema = SchemaBuilder::structure(names.collect()).expect("fields");
    let schema = schema.name(Some("row".into())).version(Some(2)).build_plain();
    let values = fields.into_iter().map(|(_, _, value)| value).collect();
    let row = Struct::from_values(schema.clone(), values);
    Datum::new(schema, Value::Struct(Arc::new(row)))
}

#[test]
fn values_of_every_kind_go_through_java_and_come_back() {
    let mut converter = json_converter(true);
    for _ in 0..2 {
        // The second time all schemas are known.
        let json = converter.from_connect("t", &mut Vec::new(), &row()).expect("converted");
        let back = converter.to_connect("t", &Vec::new(), json).expect("converted back");
        // JSON keeps a map's entries, and nobody tells the order of parameters.
        assert_eq!(back, row());
    }
}

#[test]
fn headers_of_any_kind_go_past_a_converter() {
    let header = |key: &str, value| RecordHeader { key: key.into(), value };
    let mut headers =
        vec![header("bytes", Some(Bytes::from_static(b"\xff\0"))), header("null", None)];
    let before = headers.clone();
    let mut converter = json_converter(true);
    let json = converter.from_connect("t", &mut headers, &row()).expect("converted");
    assert_eq!(headers, before);
    assert_eq!(converter.to_connect("t", &headers, json).expect("converted back"), row());
}

#[test]
fn what_java_throws_is_told_and_the_next_call_works() {
    let mut converter = json_converter(false);
    let good = Some(Bytes::from_static(b"{\"a\":1}"));
    let first = converter.to_connect("t", &Vec::new(), good.clone()).expect("JSON");
    let bad = converter.to_connect("t", &Vec::new(), Some(Bytes::from_static(b"{")));
    let error = bad.expect_err("no JSON");
    assert_eq!(error.kind(), &ErrorKind::Data);
    assert!(error.trace().contains("at org.apache.kafka.connect.json.JsonConverter"), "{error:?}");
    assert_eq!(converter.to_connect("t", &Vec::new(), good).expect("JSON"), first);
}

#[test]
fn transformations_and_predicates_run() {
    let own = props(&[("static.field", "from"), ("static.value", "java")]);
    let insert = class("org.apache.kafka.connect.transforms.InsertField$Value");
    let mut insert = JavaTransformation::new(&insert, &own).expect("a transformation");
    let mut record = ConnectRecord::new("topic".into(), row());
    record.headers = vec![Header { key: "h".into(), datum: Datum::schemaless(Value::Int8(1)) }];
    let before = record.clone();
    assert_eq!(insert.apply(&mut record).expect("applied"), Fate::Keep);
    let Value::Struct(changed) = &record.value.value else { panic!("{record:?}") };
    assert_eq!(changed.get("from").expect("a field"), &Value::str("java"));
    assert_eq!((&record.headers, &record.topic), (&before.headers, &before.topic));

    let filter = class("org.apache.kafka.connect.transforms.Filter");
    let mut filter = JavaTransformation::new(&filter, &Props::new()).expect("a filter");
    assert_eq!(filter.apply(&mut record).expect("applied"), Fate::Drop);

    let predicate = class("org.apache.kafka.connect.transforms.predicates.TopicNameMatches");
    let mut predicate =
        JavaPredicate::new(&predicate, &props(&[("pattern", "to.*")])).expect("one");
    assert!(predicate.test(&before).expect("tested"));
}

#[test]
fn a_class_that_is_not_there_is_named() {
    let error = JavaPredicate::new(&class("com.example.Missing"), &Props::new());
    let text = error.expect_err("missing").trace();
    assert!(text.contains("com.example.Missing"), "{text}");
}
