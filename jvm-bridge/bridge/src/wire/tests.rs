//! What one side writes the other reads: here both are Rust's, over all values that there are.
//! That Java reads and writes the same is shown by the tests with real plugins.

use std::sync::Arc;

use bytes::Bytes;
use gantry_api::model::Decimal;
use gantry_api::model::logical::decimal;
use gantry_api::model::value::MapValue;
use gantry_api::{ConnectRecord, Datum, Header, Kind, Schema, SchemaBuilder, Struct, Text, Value};
use proptest::prelude::*;

use super::record::CONNECT_RECORD;
use super::{Decoder, END, Encoder, Failure, Reader, Writer};

fn round_trip(
    encoder: &mut Encoder,
    decoder: &mut Decoder,
    record: &ConnectRecord,
) -> ConnectRecord {
    let mut out = Writer::new();
    encoder.begin(&mut out);
    encoder.record(record, &mut out);
    out.u8(END);
    decoder.record(out.into_bytes().into()).expect("well-formed").expect("a record")
}

fn row() -> Schema {
    let inner = SchemaBuilder::structure(vec![("x".into(), Schema::int32())]).expect("fields");
    let parts = vec![
        ("id".into(), Schema::int64()),
        ("name".into(), Schema::optional_string()),
        ("price".into(), decimal(2).build_plain()),
        ("tags".into(), SchemaBuilder::new(Kind::Array(Schema::string())).build_plain()),
        ("inner".into(), inner.optional().build_plain()),
        (
            "with_default".into(),
            SchemaBuilder::new(Kind::Int32)
                .default_value(Some(Value::Int32(7)))
                .version(Some(3))
                .doc(Some("what it is".into()))
                .parameter("key", "value")
                .build_plain(),
        ),
    ];
    SchemaBuilder::structure(parts).expect("fields").name(Some("row".into())).build_plain()
}

fn value_of(schema: &Schema, id: i64) -> Value {
    let inner = schema.field("inner").expect("a field").schema.clone();
    Value::Struct(Arc::new(Struct::from_values(
        schema.clone(),
        vec![
            Value::Int64(id),
            if id % 2 == 0 {
                Value::Null
            } else {
                Value::str("a name of more than thirty-two bytes, shared")
            },
            Value::Decimal(Arc::new(Decimal { unscaled: (id * 100).into(), scale: 2 })),
            Value::array(vec![Value::str("a"), Value::str("b")]),
            Value::Struct(Arc::new(Struct::from_values(inner, vec![Value::Int32(1)]))),
            Value::Null,
        ],
    )))
}

#[test]
fn schemas_cross_once_and_are_the_same_object_then() {
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
    let schema = row();
    let record = |id| ConnectRecord {
        key: Datum::new(Schema::int64(), Value::Int64(id)),
        headers: vec![Header { key: "h".into(), datum: Datum::schemaless(Value::Boolean(true)) }],
        timestamp_ms: Some(5),
        partition: Some(1),
        sink_offset: Some(9),
        ..ConnectRecord::new("topic".into(), Datum::new(schema.clone(), value_of(&schema, id)))
    };
    let first = round_trip(&mut encoder, &mut decoder, &record(1));
    let second = round_trip(&mut encoder, &mut decoder, &record(2));
    assert_eq!((&first, &second), (&record(1), &record(2)));
    let (one, other) = (first.value.schema.expect("one"), second.value.schema.expect("one"));
    assert!(one.same(&other), "told once");
    let mut out = Writer::new();
    encoder.record(&record(3), &mut out);
    assert_eq!(out.as_bytes().first(), Some(&CONNECT_RECORD), "nothing is told again");
}

#[test]
fn dictionaries_begin_anew_when_they_are_full() {
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
    for n in 0..2_500 {
        let schema = SchemaBuilder::new(Kind::String).version(Some(n)).build_plain();
        let topic = format!("topic-{n}");
        let record =
            ConnectRecord::new(topic.into(), Datum::new(schema, Value::str(&n.to_string())));
        assert_eq!(round_trip(&mut encoder, &mut decoder, &record), record);
    }
}

#[test]
fn a_failure_has_its_causes_and_its_trace() {
    let mut out = Writer::new();
    out.u8(1).varint(2);
    out.str("org.apache.kafka.connect.errors.RetriableException").optional_str(Some("later"));
    out.str("com.example.Odd").optional_str(None).str("the trace\n");
    let failure = Failure::read(out.into_bytes().into()).expect("well-formed");
    assert!(!failure.is_out_of_memory());
    let error = failure.into_error();
    assert!(error.is_retriable());
    assert_eq!(error.message(), "later");
    assert_eq!(error.cause().expect("a cause").to_string(), "com.example.Odd");
    assert_eq!(error.trace(), "the trace\n");
}

#[test]
fn nesting_without_end_is_refused() {
    let mut out = Writer::new();
    out.u8(CONNECT_RECORD).varint(0).i32(-1).i64(0).varint(0);
    for _ in 0..100_000 {
        out.u8(9).varint(1);
    }
    out.u8(255);
    let error = Decoder::default().record(out.into_bytes().into()).expect_err("too deep");
    assert!(error.message().contains("too deep"), "{error}");
}

fn plain() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i8>().prop_map(Value::Int8),
        any::<i16>().prop_map(Value::Int16),
        any::<i32>().prop_map(Value::Int32),
        any::<i64>().prop_map(Value::Int64),
        any::<f32>().prop_map(Value::Float32),
        any::<f64>().prop_map(Value::Float64),
        ".{0,40}".prop_map(|text| Value::String(Text::from(text))),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|b| Value::Bytes(Bytes::from(b))),
        (any::<i128>(), any::<i32>()).prop_map(|(unscaled, scale)| {
            Value::Decimal(Arc::new(Decimal { unscaled: unscaled.into(), scale }))
        }),
        any::<i128>().prop_map(|n| Value::BigInteger(Arc::new(n.into()))),
        any::<i64>().prop_map(Value::Date),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    plain().prop_recursive(3, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::array),
            proptest::collection::vec((".{0,8}", inner), 0..6).prop_map(|entries| {
                let entries = entries.into_iter().map(|(k, v)| (Value::str(&k), v)).collect();
                Value::map(MapValue::from_entries(entries))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn values_come_back(key in any_value(), value in any_value(), header in any_value()) {
        let record = ConnectRecord {
            key: Datum::schemaless(key),
            headers: vec![Header { key: "h".into(), datum: Datum::schemaless(header) }],
            ..ConnectRecord::new("t".into(), Datum::schemaless(value))
        };
        let back = round_trip(&mut Encoder::default(), &mut Decoder::default(), &record);
        prop_assert_eq!(back, record);
    }

    #[test]
    fn whatever_comes_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let frame = Bytes::from(bytes);
        let _ = Decoder::default().record(frame.clone());
        let _ = Decoder::default().polled(frame.clone());
        let _ = Failure::read(frame.clone());
        let _ = super::definition(&mut Reader::new(frame.clone()));
        let _ = super::config_values(&mut Reader::new(frame));
    }
}
