//! What is written is read again, schema and value.

use bytes::Bytes;
use gantry_model::{Datum, Value};
use gantry_schema_model::{Format as _, ParsedSchema as _};
use proptest::prelude::*;

use super::generate::Generator;
use super::generate_avro;
use super::*;

/// Writes and reads by the translated schema.
fn there_and_back(format: &AvroFormat, datum: &Datum) -> (Option<Datum>, String) {
    let text = format.translate(datum.schema.as_ref()).unwrap();
    let registered = avro(&text);
    assert_eq!(registered.canonical(), text);
    let mut writer = format.writer(datum.schema.as_ref(), &registered).unwrap();
    let mut out = Vec::new();
    if !format.write(&mut writer, &datum.value, &mut out).unwrap() {
        return (None, text);
    }
    let again = Arc::new(Avro::parse(&text, &[], false).unwrap());
    let mut reader = format.reader(&again, None, &[]).unwrap();
    (Some(format.read(&mut reader, &Bytes::from(out)).unwrap()), text)
}

fn check(format: &AvroFormat, generator: &mut Generator) {
    let schema = generator.schema(4);
    let value = generator.value(&schema);
    let datum = Datum::new(schema, value);
    let (back, text) = there_and_back(format, &datum);
    match back {
        None => assert!(datum.value.is_null()),
        Some(back) => {
            assert_eq!(back.value, datum.value, "{text}");
            assert_eq!(back.schema, datum.schema, "{text}");
        }
    }
}

fn schemaless(depth: u32) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i32>().prop_map(Value::Int32),
        any::<i64>().prop_map(Value::Int64),
        any::<f32>().prop_map(Value::Float32),
        any::<f64>().prop_map(Value::Float64),
        ".{0,40}".prop_map(|text| Value::str(&text)),
        any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(depth, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::array),
            proptest::collection::vec((inner.clone(), inner), 0..4)
                .prop_map(|list| Value::map(gantry_model::MapValue::from_entries(list))),
        ]
    })
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_schema_and_value(seed: u64) {
        check(&format(&[]), &mut Generator::new(seed));
    }

    #[test]
    fn any_schema_and_value_with_enums(seed: u64) {
        let mut generator = Generator::new(seed);
        generator.enums = true;
        // Names of branches are full ones here, which those of the generator are not.
        let format = format(&[("enhanced.avro.schema.support", "true")]);
        let schema = generator.schema(0);
        let value = generator.value(&schema);
        let datum = Datum::new(schema, value);
        if let (Some(back), text) = there_and_back(&format, &datum) {
            prop_assert_eq!(back, datum, "{}", text);
        }
    }

    #[test]
    fn any_value_without_a_schema(value in schemaless(4)) {
        let format = format(&[]);
        let (back, _) = there_and_back(&format, &Datum::schemaless(value.clone()));
        match back {
            None => prop_assert!(value.is_null()),
            Some(back) => prop_assert_eq!(back, Datum::schemaless(value)),
        }
    }

    #[test]
    fn a_part_of_the_bytes_is_no_value(seed: u64) {
        let (format, mut generator) = (format(&[]), Generator::new(seed));
        let schema = generator.schema(3);
        let value = generator.value(&schema);
        let registered = avro(&format.translate(Some(&schema)).unwrap());
        let mut writer = format.writer(Some(&schema), &registered).unwrap();
        let mut reader = format.reader(&registered, None, &[]).unwrap();
        let mut out = Vec::new();
        let is_raw = *schema.kind() == gantry_model::Kind::Bytes;
        if !is_raw && format.write(&mut writer, &value, &mut out).unwrap() {
            let all = Bytes::from(out);
            for length in 0..all.len() {
                prop_assert!(format.read(&mut reader, &all.slice(..length)).is_err());
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(seed: u64, bytes: Vec<u8>) {
        let (format, mut generator) = (format(&[]), Generator::new(seed));
        let schema = generator.schema(4);
        let registered = avro(&format.translate(Some(&schema)).unwrap());
        let mut reader = format.reader(&registered, None, &[]).unwrap();
        drop(format.read(&mut reader, &Bytes::from(bytes.clone())));
        let mut reader = format.reader(&avro(&format.translate(None).unwrap()), None, &[]).unwrap();
        drop(format.read(&mut reader, &Bytes::from(bytes)));
    }

    #[test]
    fn any_schema_of_avro_is_read_and_written_again(seed: u64, damage: (usize, u8)) {
        let (text, bytes) = generate_avro::schema_and_bytes(seed);
        let registered = avro(&text);
        // A default would be written in the place of null.
        let format = format(&[("ignore.default.for.nullables", "true")]);
        let Ok(mut reader) = format.reader(&registered, None, &[]) else {
            // It has a union of types of one name, or a null alone.
            return Ok(());
        };
        let datum = format.read(&mut reader, &Bytes::from(bytes.clone())).unwrap();
        let mut writer = format.writer(datum.schema.as_ref(), &registered).unwrap();
        let mut out = Vec::new();
        if format.write(&mut writer, &datum.value, &mut out).unwrap() {
            prop_assert_eq!(&out, &bytes, "{}", text);
        } else {
            prop_assert!(datum.schema.is_some_and(|schema| schema.is_optional()));
        }
        // Whatever becomes of it: no panic.
        if let Some(byte) = out.get_mut(damage.0 % bytes.len().max(1)) {
            *byte = damage.1;
        }
        drop(format.read(&mut reader, &Bytes::from(out)));
    }
}
