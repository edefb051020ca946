//! Whatever the schema and the value: what was written is read again, and nothing panics.

use gantry_model::{Decimal, MapValue, SchemaBuilder, Struct, logical};
use num_bigint::BigInt;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;

/// A schema and values of it.
fn single() -> BoxedStrategy<(Schema, BoxedStrategy<Value>)> {
    let of = |kind: Kind, values: BoxedStrategy<Value>| {
        Just((SchemaBuilder::new(kind).build_plain(), values)).boxed()
    };
    let named = |schema: SchemaBuilder, values: BoxedStrategy<Value>| {
        Just((schema.build_plain(), values)).boxed()
    };
    let typed = |name: &str, kind: Kind| SchemaBuilder::new(kind).parameter(names::TYPE, name);
    prop_oneof![
        of(Kind::Int8, any::<i8>().prop_map(Value::Int8).boxed()),
        of(Kind::Int16, any::<i16>().prop_map(Value::Int16).boxed()),
        of(Kind::Int32, any::<i32>().prop_map(Value::Int32).boxed()),
        of(Kind::Int64, any::<i64>().prop_map(Value::Int64).boxed()),
        of(Kind::Float32, any::<f32>().prop_map(Value::Float32).boxed()),
        of(Kind::Float64, any::<f64>().prop_map(Value::Float64).boxed()),
        of(Kind::Boolean, any::<bool>().prop_map(Value::Boolean).boxed()),
        of(Kind::String, ".{0,50}".prop_map(|text| Value::String(text.into())).boxed()),
        of(Kind::Bytes, vec(any::<u8>(), 0..50).prop_map(|b| Value::Bytes(b.into())).boxed()),
        named(typed("sint32", Kind::Int32), any::<i32>().prop_map(Value::Int32).boxed()),
        named(typed("sfixed32", Kind::Int32), any::<i32>().prop_map(Value::Int32).boxed()),
        named(
            typed("uint32", Kind::Int64),
            any::<u32>().prop_map(|n| Value::Int64(n.into())).boxed()
        ),
        named(typed("fixed64", Kind::Int64), any::<i64>().prop_map(Value::Int64).boxed()),
        named(typed("sint64", Kind::Int64), any::<i64>().prop_map(Value::Int64).boxed()),
        named(
            logical::timestamp(),
            (-62_135_596_800_000..253_402_300_800_000_i64).prop_map(Value::Date).boxed()
        ),
        named(logical::time(), (0..logical::DAY_MS).prop_map(Value::Date).boxed()),
        named(
            logical::date(),
            (-700_000..2_000_000_i64).prop_map(|day| Value::Date(day * logical::DAY_MS)).boxed()
        ),
        named(
            logical::decimal(3),
            any::<i128>()
                .prop_map(|digits| {
                    let decimal = Decimal { unscaled: BigInt::from(digits), scale: 3 };
                    Value::Decimal(decimal.into())
                })
                .boxed()
        ),
    ]
    .boxed()
}

use gantry_model::Kind;

fn element() -> BoxedStrategy<(Schema, BoxedStrategy<Value>)> {
    single()
        .prop_recursive(3, 24, 5, |inner| {
            vec((field(inner), any::<bool>()), 0..5).prop_map(structure).boxed()
        })
        .boxed()
}

/// A list, a map or a value alone.
fn field(
    single: BoxedStrategy<(Schema, BoxedStrategy<Value>)>,
) -> BoxedStrategy<(Schema, BoxedStrategy<Value>)> {
    prop_oneof![
        4 => single.clone(),
        1 => single.clone().prop_map(|(schema, values)| {
            let list = SchemaBuilder::new(Kind::Array(schema)).build_plain();
            (list, vec(values, 0..4).prop_map(Value::array).boxed())
        }),
        1 => single.prop_map(|(schema, values)| {
            let map = Kind::Map { key: Schema::string(), value: schema };
            let entry = ("[a-c]{0,2}".prop_map(|key| Value::String(key.into())), values);
            let maps = vec(entry, 0..4).prop_map(|entries| {
                Value::map(MapValue::from_entries(entries).into_hash_map())
            });
            (SchemaBuilder::new(map).build_plain(), maps.boxed())
        }),
    ]
    .boxed()
}

fn structure(
    fields: Vec<((Schema, BoxedStrategy<Value>), bool)>,
) -> (Schema, BoxedStrategy<Value>) {
    let mut schemas = Vec::new();
    let mut values: Vec<BoxedStrategy<Value>> = Vec::new();
    for (at, ((schema, of), is_optional)) in fields.into_iter().enumerate() {
        let is_optional = is_optional && schema.kind().is_primitive();
        let schema = schema.to_builder().set_optional(is_optional).build_plain();
        schemas.push((format!("f{at}").as_str().into(), schema));
        values.push(match is_optional {
            true => prop_oneof![1 => Just(Value::Null), 3 => of].boxed(),
            false => of,
        });
    }
    let schema = SchemaBuilder::structure(schemas).unwrap().build_plain();
    let inner = schema.clone();
    let values = values
        .prop_map(move |values| Value::Struct(Struct::from_values(inner.clone(), values).into()));
    (schema, values.boxed())
}

fn record() -> impl Strategy<Value = (Schema, Value)> {
    let fields = vec((field(element()), any::<bool>()), 1..6);
    fields.prop_map(structure).prop_flat_map(|(schema, values)| (Just(schema), values))
}

/// Without schemas and what becomes of them: bare values.
fn bare(value: &Value) -> Json {
    match value {
        Value::Struct(inner) => inner.values().iter().map(bare).collect(),
        Value::Array(list) => list.iter().map(bare).collect(),
        Value::Map(map) => {
            let mut entries: Vec<String> =
                map.entries().iter().map(|(k, v)| json!([bare(k), bare(v)]).to_string()).collect();
            entries.sort();
            json!(entries)
        }
        other => json!(format!("{other:?}")),
    }
}

const TEXT: &str = "syntax = \"proto2\"; import \"google/protobuf/struct.proto\";
    import \"google/protobuf/wrappers.proto\"; import \"google/type/date.proto\";
    import \"confluent/type/decimal.proto\"; import \"google/protobuf/timestamp.proto\";
    message M { optional int32 a = 1; optional string s = 2; repeated M m = 3; optional M o = 4;
        oneof u { M x = 5; int64 y = 6; bytes z = 7; google.protobuf.BoolValue w = 8; }
        repeated sint32 p = 9 [packed = true]; map<string, M> q = 10; optional E e = 11;
        optional google.protobuf.Struct free = 12; optional google.type.Date date = 13;
        repeated confluent.type.Decimal decimal = 14; repeated google.protobuf.Timestamp t = 15;
        enum E { A = 0; B = 1; } }";

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_read((schema, value) in record()) {
        // With labels for what may be null, nothing is lost.
        let format = format(&[("optional.for.nullables", "true")]);
        let text = format.translate(Some(&schema)).unwrap();
        let registered = parsed(&text);
        let mut writer = format.writer(Some(&schema), &registered).unwrap();
        let mut out = Vec::new();
        prop_assert!(format.write(&mut writer, &value, &mut out).unwrap());
        let mut reader = format.reader(&registered, None, &[0]).unwrap();
        let back = format.read(&mut reader, &out.clone().into()).unwrap();
        prop_assert_eq!(bare(&back.value), bare(&value));
        back.schema.as_ref().unwrap().validate(&back.value).map_err(|error| {
            TestCaseError::fail(error.to_string())
        })?;
        // And what was read is written again.
        let mut again = Vec::new();
        let mut writer = format.writer(back.schema.as_ref(), &registered).unwrap();
        format.write(&mut writer, &back.value, &mut again).unwrap();
        prop_assert_eq!(again, out);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200), flat in any::<bool>()) {
        let format = format(&[("flatten.unions", if flat { "true" } else { "false" })]);
        let mut reader = format.reader(&parsed(TEXT), None, &[0]).unwrap();
        if let Ok(datum) = format.read(&mut reader, &bytes.into()) {
            datum.schema.unwrap().validate(&datum.value).map_err(|error| {
                TestCaseError::fail(error.to_string())
            })?;
        }
    }

    #[test]
    fn what_the_fuzzer_finds_is_no_panic(bytes in vec(any::<u8>(), 0..100)) {
        crate::fuzzing::data("PROTOBUF", TEXT, &bytes);
        crate::fuzzing::data("PROTOBUF", &String::from_utf8_lossy(&bytes), &bytes);
    }

    #[test]
    fn likely_bytes_are_read_or_refused(tags in vec((1..17_u8, 0..6_u8, vec(any::<u8>(), 0..9)), 0..30)) {
        let mut bytes = Vec::new();
        for (number, wire, content) in tags {
            wire::put_varint(u64::from(number) << 3 | u64::from(wire), &mut bytes);
            if wire == 2 {
                wire::put_varint(content.len() as u64, &mut bytes);
            }
            bytes.extend(content);
        }
        let format = format(&[("generate.struct.for.nulls", "true")]);
        let mut reader = format.reader(&parsed(TEXT), None, &[0]).unwrap();
        if let Ok(datum) = format.read(&mut reader, &bytes.into()) {
            datum.schema.unwrap().validate(&datum.value).map_err(|error| {
                TestCaseError::fail(error.to_string())
            })?;
        }
    }
}
